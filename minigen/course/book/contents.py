"""What the book contains: a chapter for each lesson, and the paths from one page to another."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from minigen.course.book import markup
from minigen.course.console import plural
from minigen.course.exercise import catalog
from minigen.course.exercise.format import Exercise
from minigen.course.index import posts
from minigen.course.index.equations import EquationUse, equation_index
from minigen.course.index.lessons import LessonInfo
from minigen.course.lesson import blocks
from minigen.course.lesson.folder import slug
from minigen.course.lesson.result import Result
from minigen.course.reading.composition import Reading, compose

__all__ = ["Chapter", "Contents", "PREPARATION", "post_title"]

PREPARATION = "start"
FAMILIES = [*posts.FAMILIES]


def post_title(post: str) -> str:
    """ "From GAN to WGAN" of "gan"."""
    return posts.heading(post)


@dataclass(frozen=True)
class Chapter:
    """A lesson as it is read, with its exercises."""

    reading: Reading = field(repr=False)
    exercises: tuple[Exercise, ...]

    @property
    def lesson(self) -> LessonInfo:
        return self.reading.lesson

    @property
    def result(self) -> Result | None:
        return self.reading.result

    @property
    def is_quick(self) -> bool:
        """Whether its results are those of a quick run."""
        return self.result is not None and self.result.quick

    @property
    def folder(self) -> Path:
        """The folder of its pictures."""
        assert self.result is not None, "only a result has pictures"
        return self.result.folder

    @property
    def short(self) -> str:
        """ "gan/02"."""
        return f"{self.lesson.id.split('/')[0]}/{self.lesson.number}"

    @property
    def slug(self) -> str:
        """ "gan-02-gan", the folder of its figures."""
        return slug(self.lesson.id)

    @property
    def document(self) -> str:
        """The page without its ending, "lessons/gan/02_gan"."""
        return f"lessons/{self.lesson.id}"

    @property
    def figures(self) -> list[blocks.Picture]:
        """Figures, animations and the stills of figures with sliders."""
        return [block for block in self.reading.blocks if isinstance(block, blocks.Picture)]

    @property
    def lead(self) -> blocks.Picture | None:
        """The picture at the top of the page; None if there is none."""
        return self.reading.lead

    @property
    def reading_minutes(self) -> int:
        return self.reading.minutes

    @property
    def facts(self) -> list[str]:
        """How long it takes to read the chapter, to write its exercises, to run it."""
        facts = [self.reading.time_to_read]
        if self.exercises:
            minutes = round(sum(exercise.minutes for exercise in self.exercises))
            facts.append(f"{plural(len(self.exercises), 'exercise')}, about {plural(minutes, 'minute')}")
        return [*facts, f"runs in {plural(self.lesson.minutes, 'minute')}"]

    @cached_property
    def needs(self) -> list[str]:
        """The lessons that its introduction names as read before, by their short ids."""
        texts = [block for block in self.reading.blocks if isinstance(block, blocks.Text) and block.cell == 0]
        intro = "\n".join(block.text for block in texts)
        named = dict.fromkeys(markup.LESSON.findall(intro))
        return [short for short in named if _order(short) < _order(self.short)]


def _order(short: str) -> tuple[int, str]:
    family = short.split("/")[0]
    return FAMILIES.index(family) if family in FAMILIES else len(FAMILIES), short


class Contents:
    """The chapters of a book in order, and the catalogues that its pages refer to."""

    def __init__(self, lessons: Sequence[LessonInfo], results: Sequence[Result | None]):
        self.chapters = [
            Chapter(compose(lesson, result), tuple(catalog.exercises_of(lesson.id)))
            for lesson, result in zip(lessons, results, strict=True)
        ]
        self.equations = {row["id"]: row for row in (*posts.equations(), *posts.further_equations())}
        self.figures = {row["id"]: row for row in posts.figures()}
        self._by_short = {chapter.short: chapter for chapter in self.chapters}

    @property
    def exercises(self) -> list[Exercise]:
        return [exercise for chapter in self.chapters for exercise in chapter.exercises]

    @cached_property
    def uses(self) -> dict[str, EquationUse]:
        """Equation -> functions, tests and lessons."""
        return {use.id: use for use in equation_index()}

    @cached_property
    def drawn(self) -> dict[str, list[tuple[Chapter, str]]]:
        """Figure of a post -> the chapters that draw it, each with its file ("f02_data_flow.png")."""
        found: dict[str, list[tuple[Chapter, str]]] = {id: [] for id in self.figures}
        for chapter in self.chapters:
            for id in chapter.lesson.figures:
                number = id.split(".")[1]
                for figure in chapter.figures:
                    if re.match(rf"{number}(?!\d)", figure.file) and id in found:
                        found[id].append((chapter, figure.file))
        return found

    def chapter(self, lesson: str) -> Chapter | None:
        """Return the chapter of a lesson, "gan/02" or "gan/02_gan"; None if the book leaves it out."""
        family, _, folder = lesson.partition("/")
        return self._by_short.get(f"{family}/{folder[:2]}")

    def of_post(self, post: str) -> list[Chapter]:
        return [chapter for chapter in self.chapters if chapter.lesson.post == post]

    @property
    def posts(self) -> list[str]:
        """The families that have a lesson in the book, in order."""
        further = [chapter.lesson.post for chapter in self.chapters]
        return [post for post in dict.fromkeys([*FAMILIES, *further]) if self.of_post(post)]

    def page_of(self, short: str) -> str | None:
        """Return the page of a lesson as Markdown links to it, None if the book leaves the lesson out."""
        chapter = self.chapter(short)
        return f"/{chapter.document}.md" if chapter else None

    def linked(self, markdown: str, here: Chapter | None = None) -> str:
        """Markdown with its references as links (no lesson links to itself)."""

        def page(short: str) -> str | None:
            return None if here is not None and short == here.short else self.page_of(short)

        return markup.with_links(markdown, self.equations, self.figures, page)


def root_of(document: str) -> str:
    """Return the path from a page to the book's first folder: "../../" for "lessons/gan/02_gan"."""
    return "../" * document.count("/")
