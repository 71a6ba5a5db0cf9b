"""A plan of the weeks of a class: which lessons are read and which exercises are written when, in the hours there are.

The lessons keep their order. A week takes what follows in it, first the reading of a lesson, then its exercises, and
has at most its hours; of all such plans the one is taken whose fullest week is least full. If not everything fits, the
lessons lose exercises, each its last one first and none its only one, then the last lessons are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from minigen.course.book.contents import Chapter
from minigen.course.exercise import catalog
from minigen.course.exercise.format import Exercise
from minigen.course.index.lessons import LessonInfo
from minigen.course.lesson import recorded
from minigen.course.reading.composition import compose

__all__ = ["Plan", "Unit", "Week", "as_csv", "as_markdown", "plan", "units_of"]


@dataclass(frozen=True)
class Unit:
    """A lesson of the plan. minutes: of reading it, not of its run; needs: the lessons that it builds on."""

    id: str
    title: str
    minutes: float
    exercises: tuple[Exercise, ...]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Week:
    """What is read and written in a week, each in order. A lesson's exercises may follow a week after its reading."""

    reading: tuple[Unit, ...] = ()
    exercises: tuple[Exercise, ...] = ()

    @property
    def minutes(self) -> float:
        return sum(unit.minutes for unit in self.reading) + sum(exercise.minutes for exercise in self.exercises)


@dataclass(frozen=True)
class Plan:
    """left_out: ids of the lessons and exercises for which the hours do not suffice."""

    weeks: tuple[Week, ...]
    left_out: tuple[str, ...]

    @property
    def missing(self) -> list[str]:
        """Lessons that are not in the plan, and that its lessons name as read before."""
        planned = {unit.id: unit for week in self.weeks for unit in week.reading}
        return sorted({need for unit in planned.values() for need in unit.needs} - planned.keys())


def units_of(lessons: Sequence[LessonInfo]) -> list[Unit]:
    """The lessons with their minutes of reading, as their pages state them, and their exercises."""
    units = []
    for lesson in lessons:
        chapter = Chapter(compose(lesson, recorded.read(lesson).result), tuple(catalog.exercises_of(lesson.id)))
        needs = tuple(chapter.needs)
        units.append(Unit(chapter.short, lesson.title, chapter.reading_minutes, chapter.exercises, needs))
    return units


def plan(units: Sequence[Unit], weeks: int, hours: float) -> Plan:
    """A plan of these lessons in so many weeks of so many hours. It may have fewer weeks than asked for lessons enough.

    Raises ValueError if not even the first lesson can be read in a week's hours.
    """
    most = 60 * hours
    if units and units[0].minutes > most:
        raise ValueError(
            f"{units[0].id} alone takes {units[0].minutes:g} minutes to read, more than the hours of a week"
        )
    kept, left_out = list(units), []
    while not _fits(kept, weeks, most):
        i = _to_shorten(kept)
        if i is None:
            left_out.append(kept[-1].id)
            left_out += [exercise.id for exercise in kept.pop().exercises]
        else:
            left_out.append(kept[i].exercises[-1].id)
            kept[i] = replace(kept[i], exercises=kept[i].exercises[:-1])
    order = [id for unit in units for id in (unit.id, *(exercise.id for exercise in unit.exercises))]
    return Plan(tuple(_packed(kept, _least(kept, weeks, most))), tuple(sorted(left_out, key=order.index)))


def _fits(units: Sequence[Unit], weeks: int, most: float) -> bool:
    longest = max((minutes for unit in units for minutes in _items(unit)), default=0)
    return longest <= most and len(list(_packed(units, most))) <= weeks


def _items(unit: Unit) -> Iterator[float]:
    yield unit.minutes
    yield from (exercise.minutes for exercise in unit.exercises)


def _to_shorten(units: Sequence[Unit]) -> int | None:
    """The lesson that loses its last exercise: the last of those with the most; None if all have one or none."""
    most = max((len(unit.exercises) for unit in units), default=0)
    return None if most < 2 else max(i for i, unit in enumerate(units) if len(unit.exercises) == most)


def _packed(units: Sequence[Unit], most: float) -> Iterator[Week]:
    """The weeks, each filled with what comes next up to `most` minutes."""
    week = Week()
    for unit in units:
        if _is_full(week, unit.minutes, most):
            yield week
            week = Week()
        week = replace(week, reading=(*week.reading, unit))
        for exercise in unit.exercises:
            if _is_full(week, exercise.minutes, most):
                yield week
                week = Week()
            week = replace(week, exercises=(*week.exercises, exercise))
    if week.minutes > 0:
        yield week


def _is_full(week: Week, minutes: float, most: float) -> bool:
    return week.minutes > 0 and week.minutes + minutes > most


def _least(units: Sequence[Unit], weeks: int, most: float) -> float:
    """The fewest whole minutes a week with which the lessons fit; `most` if they fit with no fewer."""
    low, high = 0, int(most)
    while low < high:
        middle = (low + high) // 2
        if _fits(units, weeks, middle):
            high = middle
        else:
            low = middle + 1
    return low if _fits(units, weeks, low) else most


# -- how it is shown ---------------------------------------------------------------------------------------------------


def as_markdown(plan: Plan, start: date | None = None) -> str:
    """A table of the weeks, what is left out, and the commands that make an assignment of each week.

    start: the first day of the first week. Exercises are due on the last day of their week.
    """
    lines = ["| week | read | exercises | hours |", "| --- | --- | --- | ---: |"]
    for i, week in enumerate(plan.weeks):
        read = "<br>".join(f"{unit.id} {unit.title}" for unit in week.reading)
        write = "<br>".join(f"`{exercise.id}`" for exercise in week.exercises)
        lines.append(f"| {_name(i, start)} | {read} | {write} | {week.minutes / 60:.1f} |")
    if plan.left_out:
        lines += ["", "The hours do not suffice for: " + ", ".join(plan.left_out) + "."]
    if plan.missing:
        lines += ["", "Its lessons build on lessons that are not in the plan: " + ", ".join(plan.missing) + "."]
    commands = [_command(i, week, start) for i, week in enumerate(plan.weeks) if week.exercises]
    if commands:
        lines += ["", "An assignment of each week's exercises:", "", "```bash", *commands, "```"]
    return "\n".join(lines) + "\n"


def _name(i: int, start: date | None) -> str:
    return str(i + 1) if start is None else f"{i + 1}: {start + timedelta(7 * i)} to {_end(i, start)}"


def _end(i: int, start: date) -> date:
    return start + timedelta(7 * i + 6)


def _command(i: int, week: Week, start: date | None) -> str:
    due = f" --due {_end(i, start)}T23:59" if start else ""
    return f"minigen assignment new week{i + 1:02}.toml --exercises {' '.join(e.id for e in week.exercises)}{due}"


def as_csv(plan: Plan, start: date | None = None) -> list[list[str]]:
    """A row for each lesson and exercise: week, first and last day, kind, id, title, minutes. The first is a header."""
    rows = [["week", "from", "to", "kind", "id", "title", "minutes"]]
    for i, week in enumerate(plan.weeks):
        days = [str(start + timedelta(7 * i)), str(_end(i, start))] if start else ["", ""]
        rows += [[str(i + 1), *days, "read", unit.id, unit.title, f"{unit.minutes:g}"] for unit in week.reading]
        rows += [[str(i + 1), *days, "write", e.id, "", f"{e.minutes:g}"] for e in week.exercises]
    return rows
