"""A plan of the weeks of a class: which lessons are read and which exercises are written when, in the hours there are.

The lessons keep their order. A week takes what follows in it, first the reading of a lesson, then its exercises, and
has at most its hours; of all such plans the one is taken whose fullest week is least full. The core of the lessons
comes before their asides: if not everything fits, the plan goes without asides. Then the lessons lose exercises, each
its last one first and none its only one. If this does not suffice, it goes without the lessons that no evening needs
(`minigen.course.reading.evening`), the last one first, then has of each lesson only what the evenings have of it. The
last lessons are left out only after that.

A lesson takes the minutes of its reading, of its run, and one for each prediction. Weeks of a holiday or an exam have
nothing to read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from types import MappingProxyType

from minigen.course.book.contents import Chapter
from minigen.course.console import plural
from minigen.course.exercise import catalog
from minigen.course.exercise.format import Exercise
from minigen.course.index.lessons import LessonInfo
from minigen.course.lesson import blocks, recorded
from minigen.course.reading.composition import Reading, compose
from minigen.course.reading.evening import evenings

__all__ = ["Plan", "Unit", "Week", "as_csv", "as_markdown", "objectives_of", "places", "plan", "units_of"]

QUESTION = 1.0  # minutes of a prediction
MOST_OBJECTIVES = 4  # of a lesson
TO_REMEMBER = "To remember"


@dataclass(frozen=True)
class Unit:
    """A lesson of the plan, or a part of it.

    minutes: of reading and running it, and of its predictions; needs: the lessons that it builds on; part: which part
    of it is read, if not all; asides: the minutes of its sections that may be skipped; evening: the part that an
    evening has of it, if any; objectives: what is learned, in its own words.
    """

    id: str
    title: str
    minutes: float
    exercises: tuple[Exercise, ...]
    needs: tuple[str, ...] = ()
    part: str = ""
    asides: float = 0.0
    evening: Unit | None = None
    objectives: tuple[str, ...] = ()

    @property
    def core(self) -> Unit:
        """The lesson without its asides."""
        if not self.asides:
            return self
        return replace(self, minutes=self.minutes - self.asides, part="without asides", asides=0.0)


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
    """Return the lessons with their minutes of reading, as their pages state them, and their exercises."""
    ids = [f"{lesson.id.split('/')[0]}/{lesson.number}" for lesson in lessons]
    stops = {stop.short: stop for evening in evenings(ids).values() for stop in evening.stops}
    units = []
    for lesson in lessons:
        reading = compose(lesson, recorded.read(lesson).result)
        chapter = Chapter(reading, tuple(catalog.exercises_of(lesson.id)))
        objectives = tuple(objectives_of(reading))
        make = partial(Unit, chapter.short, lesson.title, needs=tuple(chapter.needs), objectives=objectives)
        stop = stops.get(chapter.short)
        more = round(lesson.minutes + len(reading.questions) * QUESTION)
        short = None if stop is None else make(round(stop.reading_minutes) + more, stop.exercises, part=stop.places)
        units.append(make(reading.minutes + more, chapter.exercises, asides=reading.aside_minutes, evening=short))
    return units


def objectives_of(reading: Reading) -> list[str]:
    """Return what a lesson wants to be remembered, or what its opening says that it is about: a sentence each."""
    opening, *sections = reading.sections
    chosen = next((section for section in sections if section.heading == TO_REMEMBER), opening)
    texts = "\n".join(block.text for block in chosen.blocks if isinstance(block, blocks.Text))
    items = re.findall(r"(?m)^(?:\d+\.|-) (.+(?:\n {2,}.+)*)", texts)
    return [re.split(r"(?<=[.?!])\s", " ".join(item.split()))[0] for item in items[:MOST_OBJECTIVES]]


def plan(units: Sequence[Unit], weeks: int, hours: float) -> Plan:
    """Return a plan of these lessons in so many weeks of so many hours.

    It may have fewer weeks than asked for lessons enough.

    Raises ValueError if not even the first lesson can be read in a week's hours.
    """
    most = 60 * hours
    if units and units[0].minutes > most:
        raise ValueError(
            f"{units[0].id} alone takes {units[0].minutes:g} minutes to read, more than the hours of a week"
        )
    for i, kept in enumerate(_shorter(units)):  # the first one has the asides, which go before any exercise
        if _fits([replace(unit, exercises=unit.exercises[:1]) for unit in kept] if i else kept, weeks, most):
            break
    else:
        while not _fits([replace(unit, exercises=unit.exercises[:1]) for unit in kept], weeks, most):
            kept = kept[:-1]
    while not _fits(kept, weeks, most):
        i = _to_shorten(kept)
        kept[i] = replace(kept[i], exercises=kept[i].exercises[:-1])
    order = [id for unit in units for id in _ids(unit)]
    left_out = {*order} - {id for unit in kept for id in _ids(unit)}
    return Plan(tuple(_packed(kept, _least(kept, weeks, most))), tuple(sorted(left_out, key=order.index)))


def _post(unit: Unit) -> str:
    return unit.id.split("/")[0]


def _ids(unit: Unit) -> list[str]:
    return [unit.id, *(exercise.id for exercise in unit.exercises)]


def _shorter(units: Sequence[Unit]) -> Iterator[list[Unit]]:
    """Yield the lessons, then less and less of them, as far as no lesson of an evening is left out."""
    yield list(units)
    kept = [unit.core for unit in units]
    yield list(kept)
    short = [unit for unit in units if unit.evening is not None]
    if not short:
        return
    on_the_way = {unit.id for unit in short} | {need for unit in short for need in unit.needs}
    for i in reversed([i for i, unit in enumerate(units) if unit.id not in on_the_way]):
        del kept[i]
        yield list(kept)
    posts = {_post(unit) for unit in short}
    yield [unit.evening or unit for unit in kept if unit.evening or _post(unit) not in posts]


def _fits(units: Sequence[Unit], weeks: int, most: float) -> bool:
    longest = max((minutes for unit in units for minutes in _items(unit)), default=0)
    return longest <= most and len(list(_packed(units, most))) <= weeks


def _items(unit: Unit) -> Iterator[float]:
    yield unit.minutes
    yield from (exercise.minutes for exercise in unit.exercises)


def _to_shorten(units: Sequence[Unit]) -> int:
    """Return the lesson that loses its last exercise: the last of those with the most."""
    most = max(len(unit.exercises) for unit in units)
    return max(i for i, unit in enumerate(units) if len(unit.exercises) == most)


def _packed(units: Sequence[Unit], most: float) -> Iterator[Week]:
    """Yield the weeks, each filled with what comes next up to `most` minutes."""
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
    """Return the fewest whole minutes a week with which the lessons fit; `most` if they fit with no fewer."""
    low, high = 0, int(most)
    while low < high:
        middle = (low + high) // 2
        if _fits(units, weeks, middle):
            high = middle
        else:
            low = middle + 1
    return low if _fits(units, weeks, low) else most


# -- how it is shown ---------------------------------------------------------------------------------------------------


def as_markdown(plan: Plan, start: date | None = None, off: Mapping[int, str] = MappingProxyType({})) -> str:
    """Return a table of the weeks, what each is about, what is left out, and the commands that make its assignments.

    start: the first day of the first week. off: the weeks without reading, from 0, and what they are. Exercises are due
    on the last day of their week.
    """
    lines = ["| week | read | exercises | hours |", "| --- | --- | --- | ---: |"]
    at = places(len(plan.weeks), off)
    for i in range(max([*at, *off], default=-1) + 1):
        if i in off:
            lines.append(f"| {_name(i, start)} | {off[i]} | | |")
        elif i in at:
            week = plan.weeks[at.index(i)]
            read = "<br>".join(f"{unit.id} {_title(unit)}" for unit in week.reading)
            write = "<br>".join(f"`{exercise.id}`" for exercise in week.exercises)
            lines.append(f"| {_name(i, start)} | {read} | {write} | {week.minutes / 60:.1f} |")
    if plan.left_out:
        lines += ["", _left_out(plan)]
    if plan.missing:
        lines += ["", "Its lessons build on lessons that are not in the plan: " + ", ".join(plan.missing) + "."]
    for i, week in zip(at, plan.weeks):
        lines += _about(i, week)
    commands = [_command(i, week, start) for i, week in zip(at, plan.weeks) if week.exercises]
    if commands:
        lines += ["", "An assignment of each week's exercises:", "", "```bash", *commands, "```"]
    return "\n".join(lines) + "\n"


def places(count: int, off: Mapping[int, str] = MappingProxyType({})) -> list[int]:
    """Return the weeks of the term, from 0, in which the weeks of a plan are."""
    return [i for i in range(count + len(off)) if i not in off][:count]


def _about(i: int, week: Week) -> Iterator[str]:
    """Yield what the lessons of a week want to teach, and what has to be read before."""
    if week.reading:
        yield from ("", f"**Week {i + 1}**", "")
    for unit in week.reading:
        before = f" (after {', '.join(unit.needs)})" if unit.needs else ""
        yield f"- {unit.id} {_title(unit)}{before}"
        yield from (f"  - {objective}" for objective in unit.objectives)


def _left_out(plan: Plan) -> str:
    """Return the lessons that are left out, and the exercises of the other ones."""
    lessons = [id for id in plan.left_out if id.count("/") == 1]
    exercises = [id for id in plan.left_out if id.count("/") == 2 and id.rpartition("/")[0] not in lessons]
    parts = []
    if lessons:
        parts.append(f"{plural(len(lessons), 'lesson')} ({', '.join(lessons)})")
    if exercises:
        parts.append(f"{plural(len(exercises), 'exercise')} of the lessons in the plan ({', '.join(exercises)})")
    return f"The hours do not suffice for {' and for '.join(parts)}."


def _title(unit: Unit) -> str:
    return f"{unit.title}, {unit.part}" if unit.part else unit.title


def _name(i: int, start: date | None) -> str:
    return str(i + 1) if start is None else f"{i + 1}: {start + timedelta(7 * i)} to {_end(i, start)}"


def _end(i: int, start: date) -> date:
    return start + timedelta(7 * i + 6)


def _command(i: int, week: Week, start: date | None) -> str:
    due = f" --due {_end(i, start)}T23:59" if start else ""
    return f"minigen assignment new week{i + 1:02}.toml --exercises {' '.join(e.id for e in week.exercises)}{due}"


def as_csv(plan: Plan, start: date | None = None, off: Mapping[int, str] = MappingProxyType({})) -> list[list[str]]:
    """Return a row for each lesson and exercise: week, first and last day, kind, id, title, minutes.

    The first is a header.
    """
    rows = [["week", "from", "to", "kind", "id", "title", "minutes"]]
    for i, week in zip(places(len(plan.weeks), off), plan.weeks):
        days = [str(start + timedelta(7 * i)), str(_end(i, start))] if start else ["", ""]
        rows += [[str(i + 1), *days, "read", unit.id, _title(unit), f"{unit.minutes:g}"] for unit in week.reading]
        rows += [[str(i + 1), *days, "write", e.id, "", f"{e.minutes:g}"] for e in week.exercises]
    return rows
