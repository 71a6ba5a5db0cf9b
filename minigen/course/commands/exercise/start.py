"""`minigen exercise start`: the file of stubs that the student fills in."""

from __future__ import annotations

import argparse
import os

from minigen.course.console import UsageError
from minigen.course.exercise import catalog, stubs
from minigen.course.exercise.limits import as_given
from minigen.course.exercise.progress import add_folder, answer_file
from minigen.course.index.names import FROM_SCRATCH
from minigen.course.lesson.options import Parser
from minigen.files import write_new

__all__ = ["arguments", "run"]


def arguments(parser: Parser) -> None:
    """Add the arguments of the command."""
    add_folder(parser)
    parser.add_argument("id", metavar="ID", help="a lesson, such as gan/02, or gan/12/from_scratch")


def run(args: argparse.Namespace) -> int:
    """Write the stubs of a lesson. Raises UsageError if the file is there already."""
    if args.id.endswith(FROM_SCRATCH):
        from minigen.course.commands.exercise import from_scratch

        return from_scratch.start(args.id, args.dir)
    exercises = catalog.exercises_of(args.id) or catalog.find(args.id)
    lesson = exercises[0].lesson
    exercises = [as_given(exercise, args.dir) for exercise in catalog.exercises_of(lesson)]
    path = answer_file(lesson, args.dir)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(path):
            raise UsageError(
                f"{path} already exists; I left it unchanged. To begin again: minigen exercise reset {lesson}"
            )
        write_new(path, stubs.stub_file(exercises).encode("utf-8"))
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None
    names = ", ".join(exercise.name for exercise in exercises)
    print(f"{path}: to write: {names}")
    print(f"edit it, then: minigen exercise check {lesson}")
    return 0
