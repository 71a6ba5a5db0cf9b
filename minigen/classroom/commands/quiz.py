"""`minigen quiz`: the predictions of lessons as questions for Moodle, Canvas and other platforms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from minigen.course.console import UsageError, plural
from minigen.course.index.names import find_lessons
from minigen.course.lesson.options import Parser, add_lessons
from minigen.course.reading.composition import recorded_reading
from minigen.files import write_atomically, write_text

__all__ = ["main", "parser"]

FOLDER = Path("quiz")


def parser() -> Parser:
    """Return the arguments of `minigen quiz`."""
    result = Parser(
        prog="minigen quiz",
        description="Write the predictions of lessons as questions, with their choices, the answer that was measured, "
        "and the reason as feedback: quiz.gift for Moodle, qti.zip (QTI 2.1) for Canvas and others.",
        example="minigen quiz gan/02 gan/03\n  minigen quiz gan --out bank/ --title 'GANs'",
    )
    add_lessons(result)
    result.add_argument("--out", type=Path, default=FOLDER, metavar="DIR", help=f"folder to write (default {FOLDER})")
    result.add_argument("--title", default="Predictions", metavar="TEXT", help="of the quiz in QTI")
    return result


def main(argv: Sequence[str]) -> int:
    """`minigen quiz ...`; returns 0. Raises UsageError if a lesson has no record, or the files cannot be written."""
    args = parser().parse_args(argv)
    lessons = find_lessons(args.lessons)
    from minigen.classroom.teaching import quiz

    questions = [question for lesson in lessons for question in quiz.questions_of(recorded_reading(lesson))]
    if not questions:
        raise UsageError(f"no prediction in {', '.join(lesson.id for lesson in lessons)}")
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        write_text(args.out / "quiz.gift", quiz.as_gift(questions))
        package = quiz.as_qti(questions, args.title)
        write_atomically(args.out / "qti.zip", lambda file: file.write(package))
    except OSError as error:
        raise UsageError(f"cannot write to {args.out}: {error.strerror or error}") from None
    print(f"{args.out / 'quiz.gift'} and {args.out / 'qti.zip'}: {plural(len(questions), 'question')}")
    return 0
