"""A prediction: a question that the reader answers before the run, its choices, and what came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from minigen.course.lesson.display import folded

__all__ = ["Prediction"]

LETTERS = "abcdef"


@dataclass
class Prediction:
    """A question with two to six choices; `outcome` and `answer` (one of the choices, or None) follow the run."""

    question: str
    choices: Sequence[str]
    outcome: str = ""
    answer: str | None = None

    def __post_init__(self):
        self.choices = list(self.choices)
        if not isinstance(self.question, str) or not self.question.strip():
            raise ValueError(f"a prediction needs a question, got {self.question!r}")
        if not 2 <= len(self.choices) <= len(LETTERS) or len(set(self.choices)) != len(self.choices):
            raise ValueError(f"a prediction needs 2 to {len(LETTERS)} different choices, got {self.choices}")

    def came_out(self, outcome: str, answer: str | None) -> None:
        """Record what the run showed. Raises ValueError for an answer that is not one of the choices."""
        if answer is not None and answer not in self.choices:
            raise ValueError(f"answer must be one of the choices {self.choices}, got {answer!r}")
        self.outcome, self.answer = outcome, answer

    def labelled(self, choice: str) -> str:
        """ "b) six or seven"."""
        return f"{LETTERS[self.choices.index(choice)]}) {choice}"

    def question_text(self) -> str:
        """The question and its choices, as a script prints them."""
        return "\n".join(
            [f"  predict  {self.question}", *(f"           {self.labelled(choice)}" for choice in self.choices)]
        )

    def question_markdown(self) -> str:
        choices = "\n".join(f"- {self.labelled(choice)}" for choice in self.choices)
        return f"**Before you run on: {self.question}**\n\n{choices}"

    def outcome_text(self) -> str:
        """What came out, as a script prints it."""
        answer = f"{self.labelled(self.answer)}: " if self.answer is not None else ""
        return f"  outcome  {answer}{self.outcome}"

    def outcome_markdown(self) -> str:
        """The choices, each of which must be opened to read what came out."""
        parts = [f"**{self.question}** Open what you chose:"]
        for choice in self.choices:
            if self.answer is None:
                verdict = ""
            elif choice == self.answer:
                verdict = "So it came out. "
            else:
                verdict = f"It came out as {self.labelled(self.answer)}. "
            parts.append(folded(self.labelled(choice), verdict + self.outcome))
        return "\n\n".join(parts)

    def as_json(self) -> dict[str, Any]:
        return vars(self)
