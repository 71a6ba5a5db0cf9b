"""`minigen list`: the lessons by post and section, or the equations with what computes them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from minigen.course.console import color, plural, text_table
from minigen.course.index import posts
from minigen.course.index.equations import EquationUse, equation_index
from minigen.course.index.lessons import LessonInfo, all_lessons, unreadable_lessons
from minigen.course.index.outline import outline, preparation, readme_table
from minigen.course.lesson.options import Parser
from minigen.course.lesson.pretrained import model_name, to_train
from minigen.zoo import PRETRAINED

__all__ = ["main", "parser"]


def parser() -> Parser:
    """The arguments of `minigen list`."""
    result = Parser(
        prog="minigen list",
        description="Show the lessons by post and section.",
        example="minigen list --equations",
    )
    result.add_argument("--equations", action="store_true", help="equation → function → test → lesson")
    result.add_argument("--json", action="store_true", help="the same for a program")
    result.add_argument("--markdown", action="store_true", help="the table of the README")
    return result


def main(argv: Sequence[str]) -> int:
    """`minigen list ...`; returns 0."""
    args = parser().parse_args(argv)
    for problem in unreadable_lessons():
        print(color(f"minigen: {problem}", "yellow", sys.stderr), file=sys.stderr)
    if args.equations:
        _list_equations(equation_index(), args.json)
    elif args.markdown:
        print(readme_table())
    elif args.json:
        rows = [{**vars(lesson), "path": str(lesson.path)} for lesson in all_lessons()]
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        _list_lessons()
    return 0


def _list_lessons() -> None:
    exercises, waiting = _exercises_column(), to_train(PRETRAINED)
    for heading, group in preparation():
        print(color(heading, "bold"))
        rows = [[lesson.title, lesson.id, f"{lesson.minutes:g} min", exercises(lesson)] for lesson in group]
        print(text_table(rows, indent="  "))
        print()
    total = covered = 0
    for post, rows in outline():
        print(color(posts.POSTS[post], "bold"))
        table = []
        for section, lessons, parts in rows:
            total += 1
            covered += bool(lessons)
            label = f"{section['id']}  {section['title']}"
            if parts or not lessons:
                table.append([label, "(its parts)" if parts else "planned", "", ""])
                continue
            for lesson in lessons:
                table.append([label, lesson.id, _time(lesson, waiting), exercises(lesson)])
                label = ""
        print(text_table(table, indent="  "))
        print()
    if waiting:
        names = ", ".join(f"the {model_name(name)}, {PRETRAINED[name]:g} min" for name in waiting)
        print(f"(+ once): a model that several lessons share is trained first, and kept: {names}")
    print(f"{covered} of {total} sections have a lesson. Run one: minigen run ID")


def _time(lesson: LessonInfo, waiting: Sequence[str]) -> str:
    """The minutes of a lesson, and of the pretrained models that it would train first, those in `waiting`."""
    first = sum(PRETRAINED[name] for name in lesson.pretrained if name in waiting)
    return f"{lesson.minutes:g} min (+ {first:g} once)" if first else f"{lesson.minutes:g} min"


def _exercises_column() -> Callable[[LessonInfo], str]:
    """Lesson -> its exercises in a few words, with the student's progress if she has begun any."""
    if Path("exercises").is_dir():
        from minigen.course.exercise.progress import lesson_in_words  # it loads every exercise: about a second

        return lambda lesson: lesson_in_words(lesson.id)
    return lambda lesson: plural(len(lesson.exercises), "exercise") if lesson.exercises else ""


def _list_equations(uses: Sequence[EquationUse], as_json: bool) -> None:
    if as_json:
        print(json.dumps([vars(use) for use in uses], indent=2, ensure_ascii=False))
        return
    for use in uses:
        functions = ", ".join(name.removeprefix("minigen.") for name in use.functions)
        first, *others = use.tests or [""]
        tests = f"{first} (+{len(others)})" if others else first
        print(f"{use.id}  {functions or '—'} → {tests or '—'} → {', '.join(use.lessons) or '—'}")
    done = [sum(bool(getattr(use, what)) for use in uses) for what in ("functions", "tests", "lessons")]
    print(
        f"\n{len(uses)} equations: {done[0]} computed by a function, {done[1]} named in a test, {done[2]} in a lesson"
    )
