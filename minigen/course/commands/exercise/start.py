"""`minigen exercise start`: the file of stubs that the student fills in."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path

from minigen.course.console import UsageError
from minigen.course.exercise import catalog, stubs
from minigen.course.exercise.limits import as_given, assigned
from minigen.course.exercise.progress import add_folder, answer_file
from minigen.course.index.evenings import chosen_of
from minigen.course.index.names import FROM_SCRATCH
from minigen.course.lesson.options import Parser
from minigen.files import write_new

__all__ = ["arguments", "run"]


def arguments(parser: Parser) -> None:
    """Add the arguments of the command."""
    add_folder(parser)
    parser.add_argument("id", metavar="ID", help="a lesson, such as gan/02, or gan/12/from_scratch")


def run(args: argparse.Namespace) -> int:
    """Write the stubs of a lesson. If the file is there already, say in which line an exercise begins.

    Raises UsageError for a lesson whose file is there, and for an exercise that the file does not have.
    """
    if args.id.endswith(FROM_SCRATCH):
        from minigen.course.commands.exercise import from_scratch

        return from_scratch.start(args.id, args.dir)
    asked = catalog.exercises_of(args.id) or catalog.find(args.id)
    lesson = asked[0].lesson
    check = f"minigen exercise check {args.id}"
    exercises = [as_given(exercise, args.dir) for exercise in catalog.exercises_of(lesson)]
    path = answer_file(lesson, args.dir)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(path):
            if len(asked) == 1 and (line := _line_of(path, asked[0].name)):
                print(f"{asked[0].name} is in {path} already, in line {line}. Write it there, then: {check}")
                return 0
            raise UsageError(
                f"{path} already exists; I left it unchanged. To begin again: minigen exercise reset {lesson}"
            )
        write_new(path, stubs.stub_file(exercises).encode("utf-8"))
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None
    names = ", ".join(exercise.name for exercise in exercises)
    print(f"{path}: to write: {names}")
    chosen = [] if assigned(args.dir) else chosen_of(exercise.id for exercise in exercises)
    if chosen:
        print(f"the post's evening needs only {', '.join(id.rpartition('/')[2] for id in chosen)}")
    print(f"edit it, then: {check}")
    return 0


def _line_of(path: Path, name: str) -> int | None:
    """Return the line of a file of answers that defines the function or class `name`, or None."""
    if not path.is_file():
        return None
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    definition = re.compile(rf"(?:def|class) {re.escape(name)}\b")
    return next((number for number, line in enumerate(lines, 1) if definition.match(line)), None)
