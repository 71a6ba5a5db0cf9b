"""What a lesson emits while it runs: one event for each thing that it shows, asks, trains, measures or checks.

`Lesson` makes the events and knows nothing of where they go. A `Stream` hands each one, in order, to the sinks of the
run (`minigen.course.lesson.sinks`), which print, log, record, draw and sum up; `minigen.course.lesson.run` chooses them
once, when it opens the run. A sink is called with every event and passes over those that do not concern it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minigen.course.lesson.claims import Claim as Judged  # a value, its bar and the verdict
from minigen.course.lesson.options import RunOptions
from minigen.course.lesson.predict import Prediction

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from minigen.course.lesson.play import Film

__all__ = [
    "Animation",
    "Change",
    "Check",
    "Chosen",
    "Claim",
    "Configuration",
    "Edited",
    "End",
    "Event",
    "Exercise",
    "Figure",
    "Finish",
    "Heading",
    "ModelNote",
    "Note",
    "Outcome",
    "Picture",
    "Play",
    "Predict",
    "Printed",
    "Sampler",
    "Shown",
    "Sink",
    "Source",
    "Sources",
    "Start",
    "Stream",
    "Table",
    "Training",
]


class Event:
    """Anything that a lesson emits."""


class Shown(Event):
    """What a lesson shows to its reader."""


# -- how a run begins and ends -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Heading:
    """What a lesson is and what it covers, by the ids of the index; minutes: of a run on two cores.

    sources: by the keys of the bibliography.
    """

    id: str
    title: str
    post: str
    sections: Sequence[str]
    equations: Sequence[str]
    minutes: float
    sources: Sequence[str] = ()


@dataclass(frozen=True)
class Start(Event):
    """The run is open. recipe: the hash of its code, or None where the results have no single one."""

    lesson: Heading
    options: RunOptions
    folder: Path
    recipe: str | None


@dataclass(frozen=True)
class Sources(Event):
    """The papers and pages that the lesson is made from, a line each, with their addresses."""

    references: Sequence[str]


@dataclass(frozen=True)
class Finish(Event):
    """`lesson.finish()`: the verdict on all claims and checks. unjudged: why claims are not judged, "" if they are."""

    status: str
    claims: Sequence[Judged]
    checks: Sequence[Judged]
    changes: Sequence[Change]
    unjudged: str
    seconds: float
    folder: Path


@dataclass(frozen=True)
class End(Event):
    """The last event of a run, however it ends. error: the message of what stopped it."""

    status: str
    error: str = ""


# -- what is said of the run itself ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Printed(Event):
    """A piece of what the lesson's own code has printed, as it was written: `print` writes its line in two pieces."""

    text: str


@dataclass(frozen=True)
class Edited(Event):
    """The reader has changed the lesson. lines: those that differ, "- old" and "+ new"; note: what the run says."""

    lines: Sequence[str]
    note: str


@dataclass(frozen=True)
class Note(Event):
    """A line about the run: where the run before is kept, from which checkpoint a training continues."""

    text: str


@dataclass(frozen=True)
class ModelNote(Event):
    """A line about a model that takes time: loaded, trained once, waited for."""

    text: str


# -- what a lesson does ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Configuration(Event):
    """Settings for metrics.json."""

    values: Mapping[str, Any]


@dataclass(frozen=True)
class Training(Event):
    """A training that has come to its end; last: the final value of each loss."""

    label: str
    steps: int
    seconds: float
    last: Mapping[str, float]

    def __str__(self) -> str:
        last = "".join(f", {name} {value:.4g}" for name, value in self.last.items())
        return f"{self.label}: {self.steps} steps in {self.seconds:.1f} s{last}"


@dataclass(frozen=True)
class Sampler(Event):
    """A trained model to sample from: `draw(rng, n)`."""

    name: str
    draw: Callable[..., Any]
    default: bool


@dataclass(frozen=True)
class Check(Event):
    """A value that must hold in every run.

    stops: the lesson ends here, because it does not hold. before: where the run goes on, as in a lesson that the
    reader has changed, the value that the shipped lesson has, or what it must be.
    """

    check: Judged
    stops: bool
    before: str = ""


@dataclass(frozen=True)
class Claim(Event):
    """A value with the threshold that it must meet."""

    claim: Judged


# -- what a lesson shows -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Predict(Shown):
    """A question to answer before the run."""

    prediction: Prediction


@dataclass(frozen=True)
class Chosen(Event):
    """What a reader who was asked has chosen, or None if she skipped the question; seconds: that the run waited."""

    prediction: Prediction
    choice: str | None
    seconds: float


@dataclass(frozen=True)
class Outcome(Shown):
    """What the run showed; answer: one of the choices, or None."""

    prediction: Prediction
    text: str
    answer: str | None


@dataclass(frozen=True)
class Exercise(Shown):
    """An exercise, "gan/02/discriminator_loss", where its function is first needed."""

    id: str


@dataclass(frozen=True)
class Change(Shown):
    """An invitation to change the lesson and run it again; answer: what the edited lesson shows."""

    name: str
    sentence: str
    answer: str


@dataclass(frozen=True)
class Source(Shown):
    """Code of the package. where: file and line; exercises: the ids of those that it answers."""

    where: str
    name: str
    code: str
    exercises: Sequence[str]


@dataclass(frozen=True)
class Table(Shown):
    """Rows of cells; title may be empty. run: in a short run, which one the rows are of, this one or a full one."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Any]]
    run: str = ""

    @property
    def heading(self) -> str:
        """The title, and the run where it must be said."""
        return " ".join(filter(None, [self.title, self.run and f"({self.run})"]))


@dataclass(frozen=True, eq=False)
class Picture(Shown):
    """Something drawn, in a file of the run's folder."""

    path: Path
    caption: str


@dataclass(frozen=True, eq=False)
class Figure(Picture):
    """A figure, a PNG."""

    drawing: Drawing


@dataclass(frozen=True, eq=False)
class Animation(Picture):
    """Frames, a GIF; options: of `minigen.plot.animate`."""

    frames: Iterable[Any]
    options: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Play(Picture):
    """A picture with sliders: a still as PNG, and the data file that `data` names. key: the film's in the book."""

    name: str
    data: str
    key: str
    film: Film

    @property
    def drawing(self) -> Drawing:
        """The still."""
        return self.film.still


# -- the stream --------------------------------------------------------------------------------------------------------

Sink = Callable[[Event], None]


class Stream:
    """Hands every event to each of its sinks, in their order. What a sink raises, the lesson raises."""

    def __init__(self, sinks: Iterable[Sink]):
        self.sinks = list(sinks)

    def emit(self, event: Event) -> None:
        """Hand an event to the sinks."""
        for sink in self.sinks:
            sink(event)
