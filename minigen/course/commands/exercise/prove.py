"""`minigen exercise prove`: the author's proofs; see `minigen.course.exercise.prove`."""

from __future__ import annotations

import argparse

from minigen.course.exercise import catalog, prove
from minigen.course.lesson.options import Parser, add_json, whole_number

__all__ = ["arguments", "run"]


def arguments(parser: Parser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("id", nargs="?", metavar="ID", help="a lesson or an exercise (default: all)")
    parser.add_argument("--seeds", type=whole_number(1), default=20, metavar="N", help="seeds to prove on (default 20)")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Prove exercises; 0 if all are sound, 1 if some do not."""
    exercises = catalog.find(args.id) if args.id else catalog.all_exercises()
    return prove.run(exercises, args.seeds, args.json)
