"""`minigen exercise hint`: the next of an exercise's three hints."""

from __future__ import annotations

import argparse
import contextlib
import sys
import textwrap

from minigen.course.console import UsageError, plural
from minigen.course.exercise import catalog
from minigen.course.exercise.format import Exercise
from minigen.course.exercise.limits import allowed_hints, as_given
from minigen.course.exercise.progress import Progress, add_folder, changed
from minigen.course.lesson.options import Parser

__all__ = ["arguments", "run"]


def arguments(parser: Parser) -> None:
    """Add the arguments of the command."""
    add_folder(parser)
    parser.add_argument("id", metavar="ID", help="an exercise")


def run(args: argparse.Namespace) -> int:
    """Print the hints that were shown before, and the next one, which is noted."""
    exercise = as_given(_one(args.id), args.dir)
    entry = Progress(args.dir).of(exercise)
    allowed = allowed_hints(exercise, args.dir)
    level = min(entry["hints"] + 1, allowed)
    if entry["cure"]:
        said = f"the mistake of your last check: {entry['cure']}"
        print(textwrap.fill(said, 100, subsequent_indent="   "), end="\n\n")
    for number, hint in enumerate(exercise.hints[:level], start=1):
        print(_hint_text(number, hint))
    if args.dir.is_dir():
        with contextlib.suppress(OSError), changed(args.dir) as record:
            record.update(exercise, hints=level)
    else:
        print(f"(to have the next one, begin: minigen exercise start {exercise.lesson})", file=sys.stderr)
    left = allowed - level
    if left:
        print(f"\n{left} more: minigen exercise hint {exercise.id}")
    elif allowed < len(exercise.hints):
        print(f"\nthis assignment allows {plural(allowed, 'hint')} for this exercise")
    else:
        print("\nthat was the last hint")
    return 0


def _one(text: str) -> Exercise:
    found = catalog.find(text)
    if len(found) > 1:
        raise UsageError(f"{text!r} has several exercises: say which ({', '.join(e.id for e in found)})")
    return found[0]


def _hint_text(number: int, hint: str) -> str:
    """Return a hint in words, wrapped, or the last one, which is code, as it is to be typed in."""
    if number < 3:
        return textwrap.fill(f"{number}. {hint}", 100, subsequent_indent="   ")
    return f"{number}. In place of the line that raises:\n\n{textwrap.indent(hint, '    ')}"
