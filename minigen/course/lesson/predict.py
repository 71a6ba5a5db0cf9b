"""A prediction: a question that the reader answers before the run, and its choices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["LETTERS", "Prediction"]

LETTERS = "abcdef"


@dataclass(frozen=True)
class Prediction:
    """A question with two to six different choices. Raises ValueError for anything else."""

    question: str
    choices: Sequence[str]

    def __post_init__(self) -> None:
        if not isinstance(self.question, str) or not self.question.strip():
            raise ValueError(f"a prediction needs a question, got {self.question!r}")
        if not 2 <= len(self.choices) <= len(LETTERS) or len(set(self.choices)) != len(self.choices):
            raise ValueError(f"a prediction needs 2 to {len(LETTERS)} different choices, got {self.choices}")

    def labelled(self, choice: str) -> str:
        """ "b) six or seven"."""
        return f"{LETTERS[self.choices.index(choice)]}) {choice}"
