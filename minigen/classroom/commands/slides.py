"""`minigen slides`: a lesson as slides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from minigen.course.console import plural
from minigen.course.index.names import find_lesson
from minigen.course.lesson.options import Parser, add_lesson
from minigen.course.reading.composition import recorded_reading

__all__ = ["main", "parser"]

FOLDER = Path("slides")


def parser() -> Parser:
    """Return the arguments of `minigen slides`."""
    result = Parser(
        prog="minigen slides",
        description="Make slides of a lesson from its recorded run: headings, equations, figures, and each prediction "
        "as a question with its answer on the next slide. The text is in the notes of the speaker (press S).",
        example="minigen slides gan/02\n  minigen slides gan/02 --out monday/",
    )
    add_lesson(result)
    result.add_argument("--out", type=Path, metavar="DIR", help="the folder to write (default: slides/gan-02-gan)")
    return result


def main(argv: Sequence[str]) -> int:
    """`minigen slides ...`; returns 0. Raises UsageError if the slides cannot be made."""
    args = parser().parse_args(argv)
    lesson = find_lesson(args.id)
    reading = recorded_reading(lesson)
    from minigen.classroom.teaching.deck import build

    out = args.out or FOLDER / lesson.id.replace("/", "-").replace("_", "-")
    count = build(reading, out)
    print(f"{plural(count, 'slide')}: open {out / 'index.html'} in a browser; to print, add ?print-pdf to its address")
    return 0
