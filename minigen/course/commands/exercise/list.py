"""`minigen exercise list`: the exercises, and how far the student is."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from minigen.course.console import UsageError, text_table
from minigen.course.exercise import catalog
from minigen.course.exercise.format import Exercise
from minigen.course.exercise.progress import Progress, add_folder, next_exercise
from minigen.course.lesson.options import Parser

if TYPE_CHECKING:
    from minigen.course.from_scratch.task import FromScratch

__all__ = ["arguments", "run"]


def arguments(parser: Parser) -> None:
    """Add the arguments of the command."""
    add_folder(parser)
    parser.add_argument("--path", metavar="POST", help="only those of the evening in a post, such as gan")
    parser.add_argument("id", nargs="?", metavar="ID", help="a lesson, such as gan/02")


def run(args: argparse.Namespace) -> int:
    """Print a table of the exercises."""
    exercises = _chosen(args.id, args.path)
    record, rows = Progress(args.dir), []
    for exercise in exercises:
        entry = record.of(exercise)
        state = "passed" if entry["passed"] else f"{entry['tries']} tries" if entry["tries"] else ""
        points = f"{min(entry['points'], exercise.points)}/{exercise.points}"
        rows.append([exercise.id, f"{exercise.minutes:g} min", points, state])
    rows += [_model_row(task, record) for task in _models(exercises, args.id)]
    if not rows:
        print("there are no exercises yet")
        return 0
    print(text_table(rows, ["exercise", "time", "points", "state"]))
    left = [exercise for exercise in exercises if not record.of(exercise)["passed"]]
    done = f"{len(exercises) - len(left)} of {len(exercises)} passed"
    print(f"\n{done}; {_duration(exercises)} in all" + (f", {_duration(left)} left" if left else ""))
    print("In order: a lesson needs what those above it in its post explain; run it first, then write its exercises.")
    following = next_exercise(args.dir, begin=exercises[0].id)
    if following:
        print(following)
    return 0


def _models(exercises: Sequence[Exercise], id: str | None) -> list[FromScratch]:
    """Return the whole models of the lessons of exercises; none where a single exercise was asked for."""
    from minigen.course.from_scratch.task import all_tasks

    lessons = {exercise.lesson for exercise in exercises}
    return [task for task in all_tasks() if task.lesson in lessons and (id is None or id.count("/") < 2)]


def _model_row(task: FromScratch, record: Progress) -> list[str]:
    entry = record.of(task)
    state = "passed" if entry["passed"] else f"{entry['tries']} tries" if entry["tries"] else ""
    return [task.id, f"{task.minutes:g} min", f"{entry['points']}/{task.points}", state or "a whole model"]


def _chosen(id: str | None, path: str | None) -> list[Exercise]:
    """Return the exercises of a lesson, of an evening, or all of them."""
    if path is None:
        return catalog.find(id) if id else catalog.all_exercises()
    if id:
        raise UsageError("give an ID or --path, not both")
    from minigen.course.reading.evening import evening_of  # a check does not need to load how lessons are read

    try:
        return evening_of(path).exercises
    except ValueError as error:
        raise UsageError(f"--path: {error}") from None


def _duration(exercises: Sequence[Exercise]) -> str:
    """How long exercises take together: "45 min", "13 h 10 min"."""
    hours, minutes = divmod(round(sum(exercise.minutes for exercise in exercises)), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
