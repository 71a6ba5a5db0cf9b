"""`minigen exercise reset`: stubs again, and the student's file kept beside them."""

from __future__ import annotations

import argparse
import contextlib

from minigen.course.console import UsageError
from minigen.course.exercise import catalog, stubs
from minigen.course.exercise.backup import backup
from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.submission import read_submission
from minigen.course.exercise.limits import as_given
from minigen.course.exercise.progress import Progress, add_folder, answer_file, changed
from minigen.course.index.names import FROM_SCRATCH
from minigen.course.lesson.options import Parser
from minigen.files import write_text

__all__ = ["arguments", "run"]


def arguments(parser: Parser) -> None:
    """Add the arguments of the command."""
    add_folder(parser)
    parser.add_argument("id", metavar="ID", help="a lesson or an exercise")


def run(args: argparse.Namespace) -> int:
    """Write the stubs of a lesson, or of one exercise of it, over the student's file, after a copy of that."""
    if args.id.endswith(FROM_SCRATCH):
        from minigen.course.commands.exercise import from_scratch

        return from_scratch.reset(args.id, args.dir)
    exercises = [as_given(exercise, args.dir) for exercise in catalog.find(args.id)]
    lesson = exercises[0].lesson
    path = answer_file(lesson, args.dir)
    if not path.exists():
        raise UsageError(f"there is no file {path}; minigen exercise start {lesson} writes it")
    everything = [as_given(exercise, args.dir) for exercise in catalog.exercises_of(lesson)]
    if len(exercises) < len(everything):
        submission = read_submission(path)
        if submission.status != status.PASS:
            raise UsageError(f"{path} cannot be read as Python ({submission.message}); reset all of it: {lesson}")
        text = submission.source
        for exercise in exercises:
            text = stubs.replace_function(text, exercise.name, stubs.stub(exercise))
    else:
        text = stubs.stub_file(everything)
    kept = backup(path)
    write_text(path, text)
    record = Progress(args.dir)
    passed = [exercise.name for exercise in exercises if record.of(exercise)["passed"]]
    with contextlib.suppress(OSError), changed(args.dir) as record:
        for exercise in exercises:
            record.entries.pop(exercise.id, None)
    print(f"{path} starts again ({', '.join(exercise.name for exercise in exercises)}); yours is kept in {kept}")
    if passed:
        print(f"the recorded pass of {', '.join(passed)} is forgotten; it comes back when {path.name} passes again")
    return 0
