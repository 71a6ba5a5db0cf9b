"""`minigen syllabus`: a plan of the weeks of a class."""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from minigen.course.console import UsageError, create
from minigen.course.index.lessons import LessonInfo, all_lessons
from minigen.course.index.names import find_lesson
from minigen.course.lesson.options import Parser, whole_number

__all__ = ["main", "parser"]


def parser() -> Parser:
    """Return the arguments of `minigen syllabus`."""
    result = Parser(
        prog="minigen syllabus",
        description="Plan the weeks of a class: what is read and written in the hours that classes leave.",
        example="minigen syllabus --weeks 14 --hours 8 --start 2027-02-01 --off 2027-03-29 --exam 2027-05-03\n"
        "  minigen syllabus start/01 gan --weeks 4 --hours 5 --out plan.csv",
    )
    result.add_argument("ids", nargs="*", metavar="ID", help="lessons or posts, such as gan/02 or gan (default: all)")
    result.add_argument("--weeks", type=whole_number(1, 60), required=True, metavar="N", help="how many weeks, 1 to 60")
    result.add_argument(
        "--hours", type=_hours, required=True, metavar="H", help="a student's hours in a week, with classes"
    )
    result.add_argument(
        "--class", dest="lectures", type=_hours_or_none, default=2.0, metavar="H", help="of these in class (default 2)"
    )
    result.add_argument("--start", type=_day, metavar="DATE", help="the first day of the first week: 2027-02-01")
    days = "a day such as 2027-03-29, or 2027-03-29..2027-04-09"
    result.add_argument("--off", type=_days, nargs="+", default=[], metavar="DAY", help=f"weeks without class: {days}")
    result.add_argument("--exam", type=_day, metavar="DAY", help="a day of the exam's week, which has nothing to read")
    result.add_argument("--out", type=Path, metavar="FILE", help="write plan.md or plan.csv instead of printing it")
    return result


def main(argv: Sequence[str]) -> int:
    """`minigen syllabus ...`; returns 0. Raises UsageError if an id is unknown or the file cannot be written."""
    args = parser().parse_args(argv)
    if args.out is not None and args.out.suffix not in (".md", ".csv"):
        raise UsageError(f"--out: a plan is a .md or .csv file, got {args.out}")
    from minigen.classroom.teaching import syllabus

    off = _weeks_off(args.start, args.weeks, args.off, args.exam)
    own = args.hours - args.lectures
    if own <= 0:
        raise UsageError(f"--hours {args.hours:g} leaves none to read and write beside --class {args.lectures:g}")
    if len(off) >= args.weeks:
        raise UsageError(f"--off and --exam leave no week of {args.weeks}")
    try:
        plan = syllabus.plan(syllabus.units_of(_lessons(args.ids)), args.weeks - len(off), own)
    except ValueError as error:
        raise UsageError(str(error)) from None
    text = syllabus.as_markdown(plan, args.start, off)
    if args.lectures:
        text = f"Each week has {args.lectures:g} hours in class; the hours of the table come on top of these.\n\n{text}"
    if args.out is None:
        print(text, end="")
        return 0
    if args.out.suffix == ".csv":
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerows(syllabus.as_csv(plan, args.start, off))
        text = buffer.getvalue()
    create(args.out, text)
    print(f"{args.out}: {len(plan.weeks)} weeks, {len(plan.left_out)} lessons and exercises left out")
    return 0


def _lessons(ids: Sequence[str]) -> list[LessonInfo]:
    """Return the lessons of these ids and posts in the order of the course; all of them without an id."""
    lessons = all_lessons()
    families = {lesson.id.split("/")[0] for lesson in lessons}
    chosen = {find_lesson(id).id for id in ids if id not in families}
    return [lesson for lesson in lessons if not ids or lesson.id in chosen or lesson.id.split("/")[0] in ids]


def _weeks_off(start: date | None, weeks: int, off: Sequence[tuple[date, date]], exam: date | None) -> dict[int, str]:
    """Return the weeks of the term, from 0, that have nothing to read, and what they are."""
    if start is None:
        if off or exam is not None:
            raise UsageError("--off and --exam need --start, the first day of the term")
        return {}
    found: dict[int, str] = {}
    spans = [(*span, "no class") for span in off] + ([(exam, exam, "exam")] if exam is not None else [])
    for first, last, what in spans:
        inside = [i for i in range(weeks) if first <= start + timedelta(7 * i + 6) and start + timedelta(7 * i) <= last]
        if not inside:
            raise UsageError(f"{first} is in none of the {weeks} weeks from {start}")
        found |= dict.fromkeys(inside, what)
    return found


def _days(text: str) -> tuple[date, date]:
    first, _, last = text.partition("..")
    days = _day(first), _day(last or first)
    if days[1] < days[0]:
        raise argparse.ArgumentTypeError(f"the last day of {text!r} is before the first")
    return days


def _hours_or_none(text: str) -> float:
    return 0.0 if text.strip() == "0" else _hours(text)


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = 0.0
    if not 0 < hours <= 80:
        raise argparse.ArgumentTypeError(f"a number of hours, above 0 and at most 80, got {text!r}")
    return hours


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a day such as 2027-02-01, got {text!r}") from None
