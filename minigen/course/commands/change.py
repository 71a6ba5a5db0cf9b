"""`minigen change`: for authors, the invitations of a lesson: each edit is made and run, its answer compared."""

from __future__ import annotations

from collections.abc import Sequence

from minigen.course.console import UsageError, color, format_number, plural
from minigen.course.index.lessons import LessonInfo
from minigen.course.index.names import find_lessons
from minigen.course.lesson.changes import Change, changes_of, invitations, try_change
from minigen.course.lesson.options import Parser, add_lessons
from minigen.course.lesson.quotes import Quotes

__all__ = ["main", "parser"]


def parser() -> Parser:
    """Return the arguments of `minigen change`."""
    result = Parser(
        prog="minigen change",
        description='For authors: run the edits of the boxes "Try it" in lessons, and compare with the answers.',
        example='minigen change gan/01\n  minigen change gan/02 --only "a step of size 8"',
    )
    add_lessons(result)
    result.add_argument("--only", metavar="NAME", help="only the invitation of this name")
    return result


def main(argv: Sequence[str]) -> int:
    """`minigen change ...`; the exit code: 0, 1 (an edited lesson does not show what is said), 2 (usage)."""
    args = parser().parse_args(argv)
    tried = wrong = 0
    for lesson in find_lessons(args.lessons):
        changes = changes_of(lesson)
        for asked in invitations(lesson.source):
            if args.only not in (None, asked.name):
                continue
            if asked.name not in changes:
                raise UsageError(f"{lesson.id}: changes.py has no {asked.name!r}")
            print(f"{color(lesson.id, 'bold')}  {asked.name}: {asked.sentence}")
            problems = _try(lesson, changes[asked.name], asked.answer)
            tried, wrong = tried + 1, wrong + bool(problems)
    if not tried:
        named = "no invitation" if args.only is None else f"no invitation {args.only!r}"
        raise UsageError(f"{named} in {', '.join(args.lessons) or 'any lesson'}")
    print(f"{tried - wrong} of {plural(tried, 'change')} as said")
    return int(wrong > 0)


def _try(lesson: LessonInfo, change: Change, answer: str) -> Sequence[str]:
    """Try one change and print what it shows; returns what is wrong with it."""
    for sign, text in (("-", change.old), ("+", change.new)):
        print("\n".join(f"    {sign} {line}" for line in text.splitlines()))
    result = try_change(lesson, change, answer)
    recorded = Quotes(lesson.id)
    for name, value in result.shown.items():
        before = recorded.check(name)
        print(f"    {name}: {format_number(value)}{before and f', before {before}'}")
    print(f"    answer: {answer}")
    for problem in result.problems:
        print(f"    {color(problem, 'red')}")
    print(flush=True)
    return result.problems
