"""An evening in a post: the sections and the exercises that carry its argument. `data/paths.toml` lists them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from minigen.course.console import plural
from minigen.course.exercise import catalog
from minigen.course.exercise.format import Exercise
from minigen.course.from_scratch.task import FromScratch, find_task
from minigen.course.index.evenings import listed
from minigen.course.index.lessons import LessonInfo
from minigen.course.index.names import find_lesson
from minigen.course.lesson import recorded
from minigen.course.lesson.blocks import Question
from minigen.course.reading.composition import compose
from minigen.course.reading.sections import Section

__all__ = ["Evening", "Stop", "evening_of", "evenings", "hours"]


@dataclass(frozen=True)
class Stop:
    """A lesson of an evening: its opening, some of its sections, and some of its exercises."""

    lesson: LessonInfo
    sections: tuple[int, ...]
    exercises: tuple[Exercise, ...]

    @property
    def short(self) -> str:
        """ "gan/02"."""
        return f"{self.lesson.id.split('/')[0]}/{self.lesson.number}"

    @property
    def places(self) -> str:
        """ "sections 1 to 5, 8"."""
        runs: list[list[int]] = []
        for number in self.sections:
            if runs and runs[-1][-1] == number - 1:
                runs[-1].append(number)
            else:
                runs.append([number])
        words = [f"{run[0]} to {run[-1]}" if len(run) > 2 else " and ".join(map(str, run)) for run in runs]
        return f"section{'s' if len(self.sections) > 1 else ''} {', '.join(words)}"

    @cached_property
    def read(self) -> tuple[Section, ...]:
        """The opening and the sections. Raises ValueError if the lesson lacks one of them."""
        opening, *others = compose(self.lesson, recorded.read(self.lesson).result).sections
        by_number = {section.number: section for section in others}
        missing = [number for number in self.sections if number not in by_number]
        if missing:
            raise ValueError(f"{self.short} has no section {missing[0]}")
        return opening, *(by_number[number] for number in self.sections)

    @property
    def reading_minutes(self) -> float:
        """How long the opening and the sections take to read."""
        return sum(section.minutes for section in self.read)

    @property
    def predictions(self) -> int:
        return sum(isinstance(block, Question) for section in self.read for block in section.blocks)

    @property
    def exercise_minutes(self) -> float:
        return sum(exercise.minutes for exercise in self.exercises)


@dataclass(frozen=True)
class Evening:
    """The way through a post that takes an evening.

    model: the task for who has another hour, a whole model from an empty file. before: the evenings that it needs.
    """

    post: str
    title: str
    stops: Sequence[Stop]
    model: FromScratch
    before: Sequence[str] = ()

    @property
    def reading_minutes(self) -> float:
        return sum(stop.reading_minutes for stop in self.stops)

    @property
    def exercises(self) -> list[Exercise]:
        return [exercise for stop in self.stops for exercise in stop.exercises]

    @property
    def predictions(self) -> int:
        return sum(stop.predictions for stop in self.stops)

    @property
    def minutes(self) -> float:
        """All of it, exercises included."""
        return self.reading_minutes + sum(stop.exercise_minutes for stop in self.stops)


def evenings(lessons: Collection[str]) -> dict[str, Evening]:
    """Return the evening of each post whose lessons are all among these, "gan/02"."""
    needed = {post: {stop["lesson"] for stop in one["stops"]} for post, one in listed().items()}
    return {post: evening_of(post) for post, ids in needed.items() if ids <= {*lessons}}


@lru_cache
def evening_of(post: str) -> Evening:
    """Return the evening of a post. Raises ValueError if it has none, UsageError for a lesson that is not there."""
    if post not in listed():
        raise ValueError(f"there is an evening for {', '.join(listed())}, not for {post!r}")
    one = listed()[post]
    stops = [_stop(**stop) for stop in one["stops"]]
    return Evening(post, one["title"], stops, find_task(one["model"]), one.get("before", ()))


def _stop(lesson: str, sections: Sequence[int], exercises: Sequence[str]) -> Stop:
    found = [catalog.find(f"{lesson}/{name}")[0] for name in exercises]
    return Stop(find_lesson(lesson), tuple(sections), tuple(found))


def hours(minutes: float) -> str:
    """ "2 h 25 min", to five minutes."""
    whole, rest = divmod(5 * round(minutes / 5), 60)
    return f"{whole} h {rest:02} min" if whole else plural(rest, "minute")
