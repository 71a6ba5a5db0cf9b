"""`minigen list`: the lessons by post and section, or the equations with what computes them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from minigen.course.console import UsageError, color, plural, print_json, text_table
from minigen.course.exercise.progress import Progress, home
from minigen.course.index import posts
from minigen.course.index.equations import EquationUse, equation_index
from minigen.course.index.lessons import LessonInfo, all_lessons, unreadable_lessons
from minigen.course.index.outline import Group, afterwards, outline, preparation
from minigen.course.lesson.options import Parser, add_json
from minigen.course.lesson.pretrained import model_name, to_train
from minigen.course.lesson.quotes import recorded_metrics
from minigen.zoo import PRETRAINED

__all__ = ["main", "parser"]

COLUMNS = ["lesson", "--quick", "--scale 0.2", "in full", "exercises"]
USUAL_SHARE = 0.9  # of a lesson's time, in trainings


def parser() -> Parser:
    """Return the arguments of `minigen list`."""
    result = Parser(
        prog="minigen list",
        description="Show the lessons by post and section.",
        example="minigen list --equations",
    )
    result.add_argument("--equations", action="store_true", help="equation → function → test → lesson")
    result.add_argument("--path", metavar="POST", help="the way through a post that takes an evening, such as gan")
    add_json(result)
    return result


def main(argv: Sequence[str]) -> int:
    """`minigen list ...`; returns 0."""
    args = parser().parse_args(argv)
    for problem in unreadable_lessons():
        print(color(f"minigen: {problem}", "yellow", sys.stderr), file=sys.stderr)
    if args.equations:
        _list_equations(equation_index(), args.json)
    elif args.path:
        _list_evening(args.path)
    elif args.json:
        rows = [{**vars(lesson), "path": str(lesson.path)} for lesson in all_lessons()]
        print_json(rows)
    else:
        _list_lessons()
    return 0


def _list_lessons() -> None:
    exercises, waiting = _exercises_column(), to_train(PRETRAINED)

    def show(groups: Sequence[Group]) -> None:
        for heading, group in groups:
            print(color(heading, "bold"))
            rows = [[lesson.title, lesson.id, *_times(lesson, waiting), exercises(lesson)] for lesson in group]
            print(text_table(rows, ["", *COLUMNS], indent="  "))
            print()

    show(preparation())
    total = covered = 0
    for post, rows in outline():
        if not any(lessons for _, lessons, _ in rows):  # where MINIGEN_LESSONS names other folders
            continue
        print(color(posts.POSTS[post], "bold"))
        table = []
        for section, lessons, parts in rows:
            total += 1
            covered += bool(lessons)
            label = f"{section['id']}  {section['title']}"
            if parts or not lessons:
                table.append([label, "(its parts)" if parts else "planned", "", "", "", ""])
                continue
            for lesson in lessons:
                table.append([label, lesson.id, *_times(lesson, waiting), exercises(lesson)])
                label = ""
        print(text_table(table, ["section", *COLUMNS], indent="  "))
        print()
    show(afterwards())
    print("--quick only shows that a lesson runs; --scale 0.2 makes a fifth of the training steps")
    if waiting:
        names = ", ".join(f"the {model_name(name)}, {PRETRAINED[name]:g} min" for name in waiting)
        print(f"(+ once): a model that several lessons share is trained first, and kept: {names}")
    shown = f"{covered} of {total} sections have a lesson. " if total else ""
    print(f"{shown}Run one: minigen run ID")


def _list_evening(post: str) -> None:
    """Print the sections and exercises of an evening, with the student's progress."""
    from minigen.course.reading.evening import evening_of, hours  # which composes lessons

    try:
        evening = evening_of(post)
    except ValueError as error:
        raise UsageError(f"--path: {error}") from None
    progress = Progress(home())
    print(color(f"{posts.heading(post)} in an evening: {evening.title}", "bold"))
    if evening.before:
        print(f"  It needs the evenings {' and '.join(evening.before)}: minigen list --path {evening.before[0]}")
    rows: list[list[str]] = []
    for stop in evening.stops:
        rows.append([stop.short, f"the opening, {stop.places}", f"{stop.reading_minutes:.0f} min", ""])
        for exercise in stop.exercises:
            state = "passed" if progress.of(exercise)["passed"] else ""
            rows.append(["", f"exercise {exercise.id}", f"{exercise.minutes:g} min", state])
    print(text_table(rows, ["lesson", "what to read and to write", "time", "state"], indent="  "))
    passed = sum(bool(progress.of(exercise)["passed"]) for exercise in evening.exercises)
    print(f"\n{hours(evening.minutes)} in all; {passed} of {plural(len(evening.exercises), 'exercise')} passed")
    print(f"Add a minute for each of {evening.predictions} predictions. Other exercises in these sections may wait.")
    print(
        f"With another hour: exercise {evening.model.id}, the whole model from an empty file"
        f" ({evening.model.minutes:g} min; start/01 has the training loop)"
    )


def _times(lesson: LessonInfo, waiting: Sequence[str]) -> list[str]:
    """How long a lesson takes quick, with a fifth of its training steps, and in full.

    In full with the minutes of the pretrained models that it would train first, those in `waiting`.
    """
    first = sum(PRETRAINED[name] for name in lesson.pretrained if name in waiting)
    full = f"{lesson.minutes:g} min (+ {first:g} once)" if first else f"{lesson.minutes:g} min"
    fifth = lesson.minutes * (1 - 0.8 * _training_share(lesson))
    return ["< 10 s", f"{max(fifth, 0.1):.1f} min", full]


def _training_share(lesson: LessonInfo) -> float:
    """Return the fraction of a full run that is spent in trainings, in the recorded run,
    or a usual one if there is none.
    """
    timings = recorded_metrics(lesson.id).get("timings")
    if timings is None:
        return USUAL_SHARE
    return sum(training["seconds"] for training in timings["trainings"]) / timings["total"]


def _exercises_column() -> Callable[[LessonInfo], str]:
    """Lesson -> its exercises in a few words, with the student's progress if she has begun any."""
    if Path("exercises").is_dir():
        from minigen.course.exercise.progress import lesson_in_words  # it loads every exercise: about a second

        return lambda lesson: lesson_in_words(lesson.id)
    return lambda lesson: plural(len(lesson.exercises), "exercise") if lesson.exercises else ""


def _list_equations(uses: Sequence[EquationUse], as_json: bool) -> None:
    if as_json:
        print_json([vars(use) for use in uses])
        return
    for use in uses:
        functions = ", ".join(name.removeprefix("minigen.") for name in use.functions)
        first, *others = use.tests or [""]
        tests = f"{first} (+{len(others)})" if others else first
        print(f"{use.id}  {functions or '—'} → {tests or '—'} → {', '.join(use.lessons) or '—'}")
    of_posts = [use for use in uses if use.id.split(".")[0] in posts.POSTS]
    done = [sum(bool(getattr(use, what)) for use in of_posts) for what in ("functions", "tests", "lessons")]
    print(
        f"\n{len(of_posts)} equations of the posts: {done[0]} computed by a function, {done[1]} named in a test, "
        f"{done[2]} in a lesson"
    )
