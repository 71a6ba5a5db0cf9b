"""The blocks of a lesson as it is read: text, code, what a run showed, questions, exercises.

`cell` is the index of the block's cell in the lesson's file. `closed_by` is the number of the prediction that keeps the
block closed until the reader has chosen, or None: a page shows such a block only on demand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minigen.course.lesson.predict import LETTERS

__all__ = [
    "Animation",
    "Block",
    "Checks",
    "Claims",
    "Code",
    "Exercise",
    "Figure",
    "Heading",
    "Invitation",
    "Outcome",
    "Picture",
    "Play",
    "Printed",
    "Question",
    "Source",
    "Table",
    "Text",
]


@dataclass(frozen=True, kw_only=True)
class Block:
    """A piece of a page. cell: its cell in the lesson's file; closed_by: the prediction that keeps it closed."""

    cell: int
    closed_by: int | None = None


# -- what the lesson's file says ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Heading(Block):
    """A heading of the text; level: 1 of the title."""

    level: int
    text: str


@dataclass(frozen=True)
class Text(Block):
    """Markdown without headings."""

    text: str


@dataclass(frozen=True)
class Code(Block):
    """Code of a cell. summary: the line, in Markdown, that stands for folded code; "" if the code is open.

    purpose, methods: those of `purposes.PageCell`.
    """

    code: str
    purpose: str
    summary: str = ""
    methods: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Exercise(Block):
    """An exercise, "gan/02/discriminator_loss", where its function is first needed."""

    id: str


@dataclass(frozen=True)
class Invitation(Block):
    """An invitation to change something and run again; answer: what comes out then, to be folded."""

    name: str
    sentence: str
    answer: str


# -- what a run showed -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome(Block):
    """What the run showed about a question. answer: one of the choices, or "" where none is simply right."""

    question: str
    choices: Sequence[str]
    answer: str
    text: str

    @property
    def label(self) -> str:
        """The right choice with its letter, "b) six or seven"; "" if none is."""
        return f"{LETTERS[self.choices.index(self.answer)]}) {self.answer}" if self.answer else ""


@dataclass(frozen=True)
class Question(Block):
    """A prediction. number: its place among those of the lesson, from 0; outcome: None if nothing is recorded.

    choices: none if the lesson computes them and has no record.
    """

    number: int
    question: str
    choices: Sequence[str]
    outcome: Outcome | None = None


@dataclass(frozen=True)
class Printed(Block):
    """Printed output."""

    text: str


@dataclass(frozen=True)
class Checks(Block):
    """Checks that follow each other, each with name, value, bar and status."""

    checks: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Table(Block):
    """A table; title may be empty."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Picture(Block):
    """A picture in the folder of the result; caption: Markdown, may be empty."""

    file: str
    caption: str


@dataclass(frozen=True)
class Figure(Picture):
    """A figure."""


@dataclass(frozen=True)
class Animation(Picture):
    """A moving picture."""


@dataclass(frozen=True)
class Play(Picture):
    """The still picture of a figure with sliders, whose data is in the file `data`."""

    name: str
    data: str


@dataclass(frozen=True)
class Claims(Block):
    """The claims of the run; a row has the columns of `claims.HEADER`."""

    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Source(Block):
    """Code of the package. where: file and line; exercises: the ids of those that it answers."""

    where: str
    name: str
    code: str
    exercises: Sequence[str]
