"""`minigen exercise diff`: the student's function beside the package's."""

from __future__ import annotations

import argparse
import difflib
import os

from minigen.course.console import UsageError, color
from minigen.course.exercise import catalog, functions, stubs
from minigen.course.exercise.given import GivenExercise
from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.submission import read_submission
from minigen.course.exercise.limits import allowed_hints, as_given
from minigen.course.exercise.progress import Progress, add_folder, answer_file
from minigen.course.lesson.options import Parser

__all__ = ["arguments", "run"]


def arguments(parser: Parser) -> None:
    """Add the arguments of the command."""
    add_folder(parser)
    parser.add_argument("id", metavar="ID", help="a lesson or an exercise")
    parser.add_argument("--reveal", action="store_true", help="show the package's answer before yours passes")


def run(args: argparse.Namespace) -> int:
    """Print the differences of the exercises that have passed. Raises UsageError if none has."""
    exercises = [as_given(exercise, args.dir) for exercise in catalog.find(args.id)]
    path = answer_file(exercises[0].lesson, args.dir)
    submission = read_submission(path) if os.path.lexists(path) else None  # what was passed in a notebook has no file
    if submission is not None and submission.status != status.PASS:
        raise UsageError(f"{path}: {submission.message}")
    record = Progress(args.dir)
    closed = {exercise.id for exercise in exercises if allowed_hints(exercise, args.dir) < len(exercise.hints)}
    private = {exercise.id for exercise in exercises if isinstance(exercise, GivenExercise)}
    if private or args.reveal and closed:
        raise UsageError(f"this assignment does not show the answers to {', '.join(sorted(private or closed))}")
    shown = [exercise for exercise in exercises if args.reveal or record.of(exercise)["passed"]]
    hidden = [exercise.id for exercise in exercises if exercise not in shown]
    if not shown:
        raise UsageError(f"{', '.join(hidden)}: not passed yet; check it first (or show it with --reveal)")
    for exercise in shown:
        written = stubs.function_source(submission.source, exercise.name) if submission is not None else None
        theirs = functions.bare(stubs.solution(exercise))
        print(color(exercise.id, "bold"))
        if written is not None:
            mine = functions.bare(written)
            print(_difference(mine, theirs, f"yours, {path}", f"the package's, {exercise.target}"))
        else:
            print(f"the package's, {exercise.target} (yours is not in {path})\n\n{theirs}")
        print()
    if hidden:
        print(f"not passed yet: {', '.join(hidden)}")
    return 0


def _difference(mine: str, theirs: str, mine_title: str, theirs_title: str) -> str:
    """Return what to change in one text to have the other, as a unified diff of all lines."""
    lines = difflib.unified_diff(
        mine.split("\n"), theirs.split("\n"), mine_title, theirs_title, n=mine.count("\n") + 1, lineterm=""
    )
    tones = {"-": "red", "+": "green"}
    shown = [line for line in lines if not line.startswith("@@")]
    if not shown:
        return "the same, line by line"
    return "\n".join(color(line.rstrip(), tones[line[0]]) if line[:1] in tones else line.rstrip() for line in shown)
