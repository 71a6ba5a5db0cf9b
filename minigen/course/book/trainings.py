"""Small trainings in the page: the reader's function in the place of the package's, drawn live."""

from __future__ import annotations

from minigen.course.exercise.format import Exercise

__all__ = ["can_train"]


def can_train(exercise: Exercise) -> bool:
    """Whether there is a training in which the answer to an exercise can take the place of the package's function."""
    return False
