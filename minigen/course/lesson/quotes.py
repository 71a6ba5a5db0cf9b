"""What a short run says about a full one: the recorded answers, captions and tables, marked as such.

A run is short under --quick, with a --scale below 1 and in a notebook with MINIGEN_QUICK. Its own numbers say little,
and would give wrong answers to the predictions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from minigen.course.console import format_number, plural
from minigen.course.index.lessons import lesson_file
from minigen.course.lesson.predict import Prediction

__all__ = ["FULL_RUN", "THIS_RUN", "Quotes", "recorded_metrics", "without_numbers"]

FULL_RUN, THIS_RUN = "in a full run", "in this short run"


class Quotes:
    """The recorded full run of a lesson, by its id; where there is no record, nothing is quoted."""

    def __init__(self, lesson_id: str):
        self.metrics = recorded_metrics(lesson_id)
        self._predictions = {without_numbers(one["question"]): one for one in self.metrics.get("predictions", [])}
        self._captions = {Path(one["file"]).stem: one["caption"] for one in self.metrics.get("figures", [])}

    def note(self, recipe: str | None) -> str:
        """Return what a short run says at its beginning; recipe: a hash of its code,
        or None where that is not known.
        """
        if not self.metrics:
            return "  short run  no full run of this lesson is recorded: its predictions are not judged"
        changed = ", made before the code changed" if recipe not in (None, self.metrics["recipe"]) else ""
        seed, minutes = self.metrics["seed"], plural(self.metrics["minutes"], "minute")
        return f"  short run  what is marked {FULL_RUN!r} is recorded (seed {seed}, {minutes}{changed})"

    def outcome(self, prediction: Prediction, text: str) -> tuple[str, str | None]:
        """Text and answer of an outcome in a short run, which itself gave `text`."""
        full = self._predictions.get(without_numbers(prediction.question))
        if full is None or full["choices"] != list(prediction.choices):
            return f"Not judged: this run is short. It gave: {text}", None
        if full["outcome"] == text:
            return f"{text} (A full run agrees.)", full["answer"]
        return _beside(full["outcome"], text), full["answer"]

    def is_as_recorded(self, prediction: Prediction, text: str) -> bool:
        """Whether the outcome of a prediction is the recorded one."""
        full = self._predictions.get(without_numbers(prediction.question))
        return full is not None and (full["choices"], full["outcome"]) == (list(prediction.choices), text)

    def check(self, name: str) -> str:
        """Return the recorded value of a check; "" unless there is one of this name and no other."""
        found = [one["value"] for one in self.metrics.get("checks", []) if one["name"] == name]
        return format_number(found[0]) if len(found) == 1 else ""

    def caption(self, name: str, caption: str) -> str:
        """Return the caption of a picture in a short run, which itself gave `caption`."""
        full = self._captions.get(name, caption)
        return caption if full == caption else _beside(full, caption)

    def table(self, title: str, header: Sequence[str]) -> list[list[Any]] | None:
        """Return the rows of the recorded table with this title and header; None unless there is one and no other."""
        found = [one for one in self.metrics.get("tables", []) if (one["title"], one["header"]) == (title, [*header])]
        return found[0]["rows"] if len(found) == 1 else None


def without_numbers(question: str) -> str:
    """Return a question by which its record is found: a number of the run in it may be another one in a short run."""
    return re.sub(r"\d[\d.,]*", "#", question)


def recorded_metrics(lesson_id: str) -> Mapping[str, Any]:
    """Return what metrics.json of the recorded run of a lesson holds; nothing if none is recorded."""
    try:
        file = lesson_file(lesson_id).with_name("recorded") / "metrics.json"
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _beside(full: str, short: str) -> str:
    return f"In a full run: {full} (In this short run: {short})"
