"""Small trainings in the page: the reader's function in the place of the package's, drawn live."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from minigen.course.exercise.format import Exercise

__all__ = ["Frame", "Training", "can_train", "training_of"]


@dataclass(frozen=True)
class Frame:
    """One picture of a training."""

    step: int
    distance: float

    def to_json(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True)
class Training:
    """A training."""

    title: str
    frames: Callable[[Exercise], Iterator[Frame]]


def training_of(exercise: Exercise) -> Training | None:
    """The training in which the answer to an exercise takes the place of the package's function, or None."""
    return None


def can_train(exercise: Exercise) -> bool:
    """Whether there is a training in which the answer to an exercise can take the place of the package's function."""
    return training_of(exercise) is not None
