"""What a lesson emits while it runs: how it begins and ends, what it trains and claims, and notes on the run.

What it shows is emitted, too: the outputs of `minigen.course.lesson.blocks`. `Lesson` makes the events and knows
nothing of where they go. A `Stream` hands each one, in order, to the sinks of the run (`minigen.course.lesson.sinks`),
which print, log, record, draw and sum up; `minigen.course.lesson.run` chooses them once, when it opens the run. A sink
is called with every event and passes over those that do not concern it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minigen.course.lesson.claims import Claim as Judged  # a value, its bar and the verdict
from minigen.course.lesson.options import RunOptions
from minigen.course.lesson.predict import Prediction

__all__ = [
    "Chosen",
    "Claim",
    "Configuration",
    "Declaration",
    "Edited",
    "End",
    "Event",
    "Finish",
    "ModelNote",
    "Note",
    "Sampler",
    "Sink",
    "Sources",
    "Start",
    "Stream",
    "Training",
]


class Event:
    """Anything that a lesson emits."""


# -- how a run begins and ends -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Declaration:
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

    lesson: Declaration
    options: RunOptions
    folder: Path
    recipe: str | None


@dataclass(frozen=True)
class Sources(Event):
    """The papers and pages that the lesson is made from, a line each, with their addresses."""

    references: Sequence[str]


@dataclass(frozen=True)
class Finish(Event):
    """`lesson.finish()`: the verdict on all claims and checks. unjudged: why claims are not judged, "" if they are.

    answers: of a lesson that the reader has changed, what happens when its invitations are followed, by their
    sentences.
    """

    status: str
    claims: Sequence[Judged]
    checks: Sequence[Judged]
    answers: Mapping[str, str]
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
class Claim(Event):
    """A value with the threshold that it must meet."""

    claim: Judged


@dataclass(frozen=True)
class Chosen(Event):
    """What a reader who was asked has chosen, or None if she skipped the question; seconds: that the run waited."""

    prediction: Prediction
    choice: str | None
    seconds: float


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
