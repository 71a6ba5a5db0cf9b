"""What a lesson shows: one class for each kind of block, from the run that makes it to the page that shows it.

A lesson emits outputs (`minigen.course.lesson.events` has what it emits besides); the sinks print and draw them, and
the record keeps the payload of each; `minigen.course.reading` reads them from there and puts the text and the code of
the lesson's file between them. A renderer is a table {class: function}, in which `of_kind` finds the function.

A new kind of output is a class here, in OUTPUTS, a method of `Lesson`, and an entry in the tables of the renderers:
`sinks.text` (terminal and log), `sinks.jupyter` (notebooks), `reading.markdown` and `book.pages.lesson`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from minigen.course.lesson.claims import HEADER
from minigen.course.lesson.claims import Claim as Judged  # a value, its bar and the verdict
from minigen.course.lesson.events import Event
from minigen.course.lesson.folder import RunFolder
from minigen.course.lesson.predict import labelled

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from minigen.course.lesson.play import Film

__all__ = [
    "Animation",
    "Block",
    "Check",
    "Checks",
    "Claims",
    "Code",
    "ExerciseBox",
    "Figure",
    "Heading",
    "Invitation",
    "OUTPUTS",
    "Outcome",
    "Output",
    "Picture",
    "Play",
    "Printed",
    "Question",
    "Source",
    "Table",
    "Text",
    "of_kind",
]

Renderer = TypeVar("Renderer")


@dataclass(frozen=True, kw_only=True)
class Block(Event):
    """A piece of a page. While the lesson runs it has no place yet.

    cell: its cell in the lesson's file. closed_by: the number of the prediction that keeps it closed until the reader
    has chosen, or None: a page shows such a block only on demand.
    """

    is_result: ClassVar[bool] = False  # it shows what only a run can tell

    cell: int = 0
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
    """Code of a cell, or a part of it.

    purpose, methods: those of `minigen.course.reading.purposes.PageCell`. folded: a page shows only the line "code".
    label: what that line says besides, in Markdown. is_rest: the other lines of the cell are above, unfolded.
    """

    code: str
    purpose: str
    methods: frozenset[str] = frozenset()
    folded: bool = False
    label: str = ""
    is_rest: bool = False

    @property
    def is_plumbing(self) -> bool:
        """Whether it only shows or checks something."""
        return self.is_rest or self.purpose in ("plumbing", "questions")


# -- what a run shows --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Output(Block):
    """What a method of a lesson shows."""

    is_result: ClassVar[bool] = True

    kind: ClassVar[str]  # in the record
    method: ClassVar[str] = ""  # of `lesson`, whose call makes it
    recorded: ClassVar[tuple[str, ...]]  # the names of the payload
    named_by: ClassVar[
        tuple[tuple[str, int], ...]
    ] = ()  # arguments of the method that say which one it is; their places
    tells: ClassVar[bool] = False  # the code of the call says what comes out

    @property
    def payload(self) -> dict[str, Any]:
        """What the record keeps of it."""
        return {name: getattr(self, name) for name in self.recorded}

    @classmethod
    def of_record(cls, payload: Mapping[str, Any], folder: Path, cell: int = 0) -> Self:
        """Return the output with this payload, whose files are in a folder.

        Raises KeyError or TypeError if that is none.
        """
        return cls(**payload, cell=cell)

    def write(self, folder: RunFolder) -> None:
        """Write its files. Raises UsageError where one of its name is there that minigen did not write."""


@dataclass(frozen=True)
class Printed(Output):
    """Printed text. A lesson that runs emits it in the pieces in which it is written: `print` makes two of a line."""

    kind, recorded = "text", ("text",)

    text: str


@dataclass(frozen=True)
class Outcome(Output):
    """What the run showed about a question. answer: one of the choices, or None where none is simply right.

    question, choices: not recorded, but those of the question above it.
    """

    kind, method, recorded, named_by, tells = "outcome", "outcome", ("text", "answer"), (("answer", 1),), True

    question: str
    choices: Sequence[str]
    answer: str | None
    text: str

    @classmethod
    def of_record(cls, payload: Mapping[str, Any], folder: Path, cell: int = 0) -> Self:
        return cls("", (), **payload, cell=cell)

    @property
    def label(self) -> str:
        """The right choice with its letter, "b) six or seven"; "" if none is."""
        return "" if self.answer is None else labelled(self.choices, self.answer)


@dataclass(frozen=True)
class Question(Output):
    """A prediction. number: its place among those of the lesson, from 0; outcome: None if nothing is recorded.

    choices: none if the lesson computes them and has no record.
    """

    is_result = False
    kind, method, recorded = "predict", "predict", ("question", "choices")
    named_by = (("question", 0), ("choices", 1))

    question: str
    choices: Sequence[str]
    number: int = 0
    outcome: Outcome | None = None


@dataclass(frozen=True)
class ExerciseBox(Output):
    """An exercise, "gan/02/discriminator_loss", where its function is first needed."""

    is_result = False
    kind, method, recorded, named_by = "exercise", "exercise", ("id",), (("id", 0),)

    id: str


@dataclass(frozen=True)
class Invitation(Output):
    """An invitation to change something and run again; answer: what comes out then, to be folded."""

    is_result = False
    kind, method, recorded, named_by = "change", "change", ("name", "sentence", "answer"), (("name", 0),)

    name: str
    sentence: str
    answer: str


@dataclass(frozen=True)
class Source(Output):
    """Code of the package. where: file and line; exercises: the ids of those that it answers."""

    is_result = False
    kind, method, recorded = "source", "show_source", ("where", "name", "code", "exercises")

    where: str
    name: str
    code: str
    exercises: Sequence[str]


@dataclass(frozen=True)
class Table(Output):
    """Rows of cells; title may be empty. run: in a short run, which one the rows are of, this one or a full one."""

    kind, method, recorded, named_by = "table", "table", ("title", "header", "rows"), (("title", 2),)

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Any]]
    run: str = ""

    @property
    def heading(self) -> str:
        """The title, and the run where it must be said."""
        return " ".join(filter(None, [self.title, self.run and f"({self.run})"]))

    @property
    def payload(self) -> dict[str, Any]:
        return {**super().payload, "title": self.heading}


@dataclass(frozen=True)
class Picture(Output):
    """Something drawn, in a file of the folder of the run; caption: Markdown, may be empty."""

    recorded: ClassVar[tuple[str, ...]] = ("file", "caption")

    path: Path
    caption: str

    @classmethod
    def of_record(cls, payload: Mapping[str, Any], folder: Path, cell: int = 0) -> Self:
        others = {name: value for name, value in payload.items() if name != "file"}
        return cls(folder / payload["file"], **others, cell=cell)

    @property
    def file(self) -> str:
        """The name of the file."""
        return self.path.name


@dataclass(frozen=True)
class Figure(Picture):
    """A figure, a PNG; where it is a chart of lines, the same as SVG beside it. drawing: only while the lesson runs."""

    kind, method, named_by = "figure", "figure", (("name", 1),)

    drawing: Drawing | None = field(default=None, compare=False)

    def write(self, folder: RunFolder) -> None:
        from minigen import plot

        plot.save(self.drawing, folder.file(self.file))
        vector = plot.as_svg(self.drawing)
        if vector is not None:
            folder.write_text(vector_name(self.file), vector)


def vector_name(file: str) -> str:
    """Return the name of the SVG that may be beside a figure."""
    return f"{file.rpartition('.')[0]}.svg"


@dataclass(frozen=True)
class Animation(Picture):
    """A moving picture, a GIF. frames, and the options of `minigen.plot.animate`: only while the lesson runs."""

    kind, method, named_by = "animation", "animation", (("name", 1),)

    frames: Iterable[Any] = field(default=(), compare=False)
    options: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def write(self, folder: RunFolder) -> None:
        from minigen import plot

        plot.animate(self.frames, folder.file(self.file), **self.options)


@dataclass(frozen=True)
class Play(Picture):
    """A picture with sliders: a still as PNG, and the data file that `data` names.

    key, film: the film's name in the book, and the film; only while the lesson runs.
    """

    kind, method, recorded, named_by = "play", "play", ("name", "file", "data", "caption"), (("name", 0),)

    name: str
    data: str
    key: str = field(default="", compare=False)
    film: Film | None = field(default=None, compare=False)

    @property
    def drawing(self) -> Drawing:
        """The still."""
        assert self.film is not None, "only while the lesson runs"
        return self.film.still

    def write(self, folder: RunFolder) -> None:
        from minigen import plot

        assert self.film is not None, "only while the lesson runs"
        script = self.film.script(self.key)  # raises ValueError before a file is written
        plot.save(self.drawing, folder.file(self.file))
        folder.write_text(self.data, script)


@dataclass(frozen=True)
class Check(Output):
    """A value that must hold in every run, as texts.

    While the lesson runs: judged, the value itself; stops, whether the lesson ends here, because it does not hold;
    before, where the run goes on, as in a lesson that the reader has changed, the value that the shipped lesson has, or
    what it must be.
    """

    kind, method, recorded = "check", "check", ("name", "value", "bar", "status")
    named_by, tells = (("name", 0),), True

    name: str
    value: str
    bar: str
    status: str
    judged: Judged | None = field(default=None, compare=False)
    stops: bool = False
    before: str = ""

    @classmethod
    def of(cls, judged: Judged, stops: bool = False, before: str = "") -> Self:
        """Return the check of a value."""
        name, value, bar, status, _ = judged.row()
        return cls(name, value, bar, status, judged, stops, before)


@dataclass(frozen=True)
class Checks(Block):
    """Checks that follow each other."""

    is_result = True

    checks: Sequence[Check]


@dataclass(frozen=True)
class Claims(Output):
    """The claims of the run; a row has the columns of `claims.HEADER`.

    calls: which `lesson.claim` of the file made each of them, from 0; None for one that the file does not make itself.
    """

    kind, method, recorded = "claims", "finish", ("header", "rows", "calls")

    rows: Sequence[Sequence[str]]
    calls: Sequence[int | None]
    header: Sequence[str] = tuple(HEADER)


OUTPUTS: dict[str, type[Output]] = {
    one.kind: one
    for one in (
        *(Printed, Figure, Animation, Table, Question, Outcome),
        *(ExerciseBox, Invitation, Source, Check, Claims, Play),
    )
}


def of_kind(table: Mapping[type, Renderer], block: Event) -> Renderer | None:
    """Return the entry of a table for the class of a block, or for the nearest class above it;
    None if there is none.
    """
    return next((table[kind] for kind in type(block).__mro__ if kind in table), None)
