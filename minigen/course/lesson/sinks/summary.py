"""The sink that sums up a run: what metrics.json holds."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from minigen.course.lesson import events
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
        self.outcomes: dict[str, events.Outcome] = {}
        self.exercises: dict[str, None] = {}
        self.tables: list[dict[str, Any]] = []
        self.pictures: dict[str, dict[str, Any]] = {}  # by file
        self.configuration: dict[str, Any] = {}
        self.trainings: dict[str, dict[str, Any]] = {}
        self.samplers: dict[str, events.Sampler] = {}
        self._began = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return time.perf_counter() - self._began

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.Start():
                self.start = event
            case events.Claim(claim):
                _put(self.claims, claim.name, claim)
            case events.Check(check):
                _put(self.checks, check.name if self.repeats else len(self.checks), check)
            case events.Predict(prediction):
                _put(self.predictions, prediction.question, prediction)
                self.outcomes.pop(prediction.question, None)
            case events.Outcome(prediction):
                self.outcomes[prediction.question] = event
            case events.Exercise(id):
                self.exercises[id] = None
            case events.Table(title, header, rows, run) if run != FULL_RUN:
                self.tables.append({"title": title, "header": list(header), "rows": jsonable(rows)})
            case events.Play(path, caption, name, data):
                entry = {"name": name, "file": path.name, "data": data, "caption": caption}
                _put(self.pictures, path.name, entry)
            case events.Picture(path, caption):
                _put(self.pictures, path.name, {"file": path.name, "caption": caption})
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
        """What metrics.json holds of a run that has started, with the `extra` entries."""
        assert self.start is not None, "a run ends after it has started"
        lesson, options = self.start.lesson, self.start.options
        return jsonable(
            {
                "lesson": lesson.id,
                "title": lesson.title,
                "post": lesson.post,
                "sections": lesson.sections,
                "equations": lesson.equations,
                "status": self.status,
                "recipe": self.start.recipe,
                "seed": options.seed,
                "scale": options.scale,
                "quick": options.quick,
                "with": options.with_file,
                "train_shared": options.train_shared,
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
        """A prediction with its outcome, empty where there is none yet."""
        outcome = self.outcomes.get(prediction.question)
        text, answer = ("", None) if outcome is None else (outcome.text, outcome.answer)
        return {"question": prediction.question, "choices": prediction.choices, "outcome": text, "answer": answer}


def _put(entries: dict[Any, Any], name: Any, entry: Any) -> None:
    """Add an entry at the end, in the place of one of the same name."""
    entries.pop(name, None)
    entries[name] = entry
