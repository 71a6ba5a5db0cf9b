"""A prediction: a question that the reader answers before the run, and its choices.

At a terminal a run asks each one, waits for the reader's choice, and says at its end how many were right.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from minigen.course.console import plural

__all__ = ["LETTERS", "Prediction", "ask", "at_terminal", "labelled", "score", "verdict_on"]

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
        return labelled(self.choices, choice)


def labelled(choices: Sequence[str], choice: str) -> str:
    """Return a choice with its letter, "b) six or seven"."""
    return f"{LETTERS[choices.index(choice)]}) {choice}"


def at_terminal() -> bool:
    """Whether a reader can be asked: input and output are a terminal, and not that of a build server."""
    streams = (sys.__stdin__, sys.__stdout__)
    return all(stream is not None and stream.isatty() for stream in streams) and not os.environ.get("CI")


def ask(prediction: Prediction) -> str | None:
    """Ask until the answer is the letter of a choice; None for an empty line, and at the end of the input.

    It writes to the terminal itself, since what is asked is not an output of the lesson.
    """
    assert sys.__stdin__ is not None and sys.__stdout__ is not None, "asked only at a terminal"
    letters = LETTERS[: len(prediction.choices)]
    while True:
        sys.__stdout__.write(f"           your answer ({letters[0]} to {letters[-1]}, Enter to skip): ")
        sys.__stdout__.flush()
        line = sys.__stdin__.readline()
        answer = line.strip().lower().removesuffix(")")
        if not line:
            sys.__stdout__.write("\n")
        if not answer:
            return None
        if len(answer) == 1 and answer in letters:
            return prediction.choices[letters.index(answer)]


def verdict_on(prediction: Prediction, answer: str | None, chosen: str) -> str:
    """Return what a run says below an outcome to a reader who has chosen."""
    label = prediction.labelled(chosen)
    if answer is None:
        return f"           you chose {label}"
    return f"           you chose {label}: {'right' if chosen == answer else 'not so'}"


def score(chosen: Mapping[str, str | None], answers: Mapping[str, str | None]) -> str:
    """How many of the chosen answers were right.

    Both are by question. chosen: None where the reader has skipped it. answers: None where no choice was simply right.
    """
    given = {question: choice for question, choice in chosen.items() if choice is not None}
    judged = {question: answers[question] for question in given if answers.get(question) is not None}
    right = sum(given[question] == answer for question, answer in judged.items())
    parts = [f"{right} of {plural(len(judged), 'answer')} right"]
    parts += [f"{len(given) - len(judged)} not judged"] if len(given) > len(judged) else []
    parts += [f"{len(chosen) - len(given)} skipped"] if len(chosen) > len(given) else []
    return f"\n  your predictions: {', '.join(parts)}"
