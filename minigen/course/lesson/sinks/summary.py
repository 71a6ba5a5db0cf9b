"""The sink that sums up a run: what metrics.json holds."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from minigen.course.lesson import blocks, events
from minigen.course.lesson.claims import Claim, jsonable
from minigen.course.lesson.machine import machine, peak_memory, versions
from minigen.course.lesson.predict import Prediction
from minigen.course.lesson.quotes import FULL_RUN

__all__ = ["Summary"]


class Summary:
    """What a lesson has shown so far, by name, and its status.

    repeats: the cells of a notebook are run again, so that a second check of a name replaces the first one. Of all else
             that has a name, a second one replaces the first one in any run.
    """

    def __init__(self, repeats: bool = False):
        self.repeats = repeats
        self.status = "running"
        self.start: events.Start | None = None
        self.claims: dict[str, Claim] = {}
        self.checks: dict[Any, Claim] = {}
        self.predictions: dict[str, Prediction] = {}  # by question, as are the outcomes
        self.outcomes: dict[str, blocks.Outcome] = {}
        self.chosen: dict[str, str | None] = {}  # by a reader who was asked
        self.exercises: dict[str, None] = {}
        self.changes: dict[str, blocks.Invitation] = {}
        self.edit: Sequence[str] = ()  # the lines that the reader has changed
        self.tables: list[dict[str, Any]] = []
        self.pictures: dict[str, dict[str, Any]] = {}  # by file
        self.configuration: dict[str, Any] = {}
        self.trainings: dict[str, dict[str, Any]] = {}
        self.samplers: dict[str, events.Sampler] = {}
        self._began = time.perf_counter()
        self._waited = 0.0

    @property
    def seconds(self) -> float:
        """Since the run began, without those in which it waited for an answer."""
        return time.perf_counter() - self._began - self._waited

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.Start():
                self.start = event
            case events.Claim(claim):
                _put(self.claims, claim.name, claim)
            case blocks.Check(name, judged=check):
                _put(self.checks, name if self.repeats else len(self.checks), check)
            case blocks.Question(question, choices):
                _put(self.predictions, question, Prediction(question, choices))
                self.outcomes.pop(question, None)
            case events.Chosen(prediction, choice, seconds):
                self.chosen[prediction.question] = choice
                self._waited += seconds
            case blocks.Outcome(question):
                self.outcomes[question] = event
            case blocks.ExerciseBox(id):
                self.exercises[id] = None
            case events.Edited(lines):
                self.edit = lines
            case blocks.Invitation(name):
                _put(self.changes, name, event)
            case blocks.Table(title, header, rows, run) if run != FULL_RUN:
                self.tables.append({"title": title, "header": list(header), "rows": jsonable(rows)})
            case blocks.Picture():
                _put(self.pictures, event.file, event.payload)
            case events.Configuration(values):
                self.configuration.update(values)
            case events.Training(label, steps, seconds, last):
                entry = {"label": label, "steps": steps, "seconds": round(seconds, 3), "last": last}
                _put(self.trainings, label, entry)
            case events.Sampler(name):
                _put(self.samplers, name, event)
            case events.Finish(status) | events.End(status):
                self.status = status

    def metrics(self, extra: Mapping[str, Any]) -> dict[str, Any]:
        """Return what metrics.json holds of a run that has started, with the `extra` entries."""
        assert self.start is not None, "a run ends after it has started"
        lesson, options = self.start.lesson, self.start.options
        return jsonable(
            {
                "lesson": lesson.id,
                "title": lesson.title,
                "post": lesson.post,
                "sections": lesson.sections,
                "equations": lesson.equations,
                "sources": lesson.sources,
                "status": self.status,
                "recipe": self.start.recipe,
                "seed": options.seed,
                "scale": options.scale,
                "quick": options.quick,
                "with": options.with_file,
                "train_shared": options.train_shared,
                "set": options.settings,
                "changed": self.edit,
                **extra,
                "claims": [claim.as_json() for claim in self.claims.values()],
                "checks": [check.as_json() for check in self.checks.values()],
                "predictions": [self._prediction(prediction) for prediction in self.predictions.values()],
                "exercises": list(self.exercises),
                "tables": self.tables,
                "figures": list(self.pictures.values()),
                "configuration": self.configuration,
                "timings": {"total": round(self.seconds, 3), "trainings": list(self.trainings.values())},
                "versions": versions(),
                "machine": machine(),
                "peak_memory_mb": peak_memory(),
            }
        )

    def _prediction(self, prediction: Prediction) -> dict[str, Any]:
        """Return a prediction with its outcome, empty where there is none yet."""
        outcome = self.outcomes.get(prediction.question)
        text, answer = ("", None) if outcome is None else (outcome.text, outcome.answer)
        entry = {"question": prediction.question, "choices": prediction.choices, "outcome": text, "answer": answer}
        asked = prediction.question in self.chosen
        return {**entry, "chosen": self.chosen[prediction.question]} if asked else entry


def _put(entries: dict[Any, Any], name: Any, entry: Any) -> None:
    """Add an entry at the end, in the place of one of the same name."""
    entries.pop(name, None)
    entries[name] = entry
