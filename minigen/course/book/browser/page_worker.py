"""What the worker of a page calls: check an answer, train with it, or run a cell. Requests and replies are JSON.

    reply = check('{"exercise": "gan/12/critic_loss", "text": "def critic_loss(...): ...", "others": {}}')
    reply = train(the same and "settings", show)             # show(frame) is called as it goes on
    reply = train(the same and "settings", show, 1)          # makes one frame; the reply says that there is more
    reply = train('{"resume": true}', show, 1)               # goes on with it
    reply = run('{"lesson": "gan/01", "cells": [...]}', show)  # described in page_cells

Nothing here needs a browser: the tests call the same functions in Node and in this process.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from minigen.course.book.browser import page_cells
from minigen.course.exercise import catalog, substitute
from minigen.course.exercise.format import Exercise
from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.compare import Verdict
from minigen.course.exercise.grading.in_process import grade_source, load_source
from minigen.course.exercise.grading.observe import failure_of
from minigen.course.exercise.grading.report import ABOUT_VALUES, Report, failure_lines, printed, same_failure
from minigen.zoo.demonstrations.frames import Frame
from minigen.zoo.demonstrations.table import DEMONSTRATIONS

__all__ = ["check", "run", "scipy_arrived", "train"]


class _ScipyWanted(importlib.abc.MetaPathFinder):
    """Notes an import of SciPy where it is not loaded yet: the page then loads it, and repeats the request."""

    def __init__(self) -> None:
        self.imported = False

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        if fullname == "scipy" and importlib.machinery.PathFinder.find_spec("scipy") is None:
            self.imported = True


_scipy = _ScipyWanted()
sys.meta_path.insert(0, _scipy)


def scipy_arrived() -> None:
    """Clear the import caches and the note, once SciPy is there."""
    importlib.invalidate_caches()
    _scipy.imported = False


def check(request: str) -> str:
    """Check an answer: `{"report": ...}`, or `{"needs": "scipy"}` if the check needs that."""
    wanted = json.loads(request)
    _scipy.imported = False
    try:
        report = grade_source(_exercise(wanted["exercise"]), wanted["text"], others=wanted.get("others"))
        reply = {"report": described(report)}
    except Exception:
        if not _scipy.imported:
            raise
        reply = {}
    if _scipy.imported and not (reply and report.passed):
        return json.dumps({"needs": "scipy"})
    return json.dumps(reply)


def run(request: str, show: Callable[[str], Any]) -> str:
    """Run a cell of a lesson (`page_cells.run`); the reply is `{"needs": "scipy"}` if it needs that."""
    _scipy.imported = False
    reply = page_cells.run(request, show)
    return json.dumps({"needs": "scipy"}) if _scipy.imported else reply


def _exercise(identity: str) -> Exercise:
    return next(found for found in catalog.find(identity) if found.id == identity)


def described(report: Report) -> dict[str, Any]:
    """Return a report as JSON, with the lines that a page shows: about the whole, about each case, and what was
    printed.
    """
    said_once = not report.passed and all(same_failure(verdict, report.verdicts[0]) for verdict in report.verdicts)
    document = report.to_json()
    cases = [{**row, **_words(report, n)} for n, row in enumerate(document["cases"])]
    about = _lines(report, report.verdicts[0]) if said_once else [report.message] if report.message else []
    return {
        **document,
        "words": status.WORDS[report.status],
        "about": about,
        "cases": [] if said_once else cases,
        "notes": [] if report.passed else report.notes,
        "printed": [line.removeprefix("    ") for line in printed(report.output)[1:]],
    }


def _words(report: Report, number: int) -> dict[str, Any]:
    """Return what a page shows of a case; of the first that fails what must hold, yours and expected, the inputs, the
    line.
    """
    case, verdict = report.exercise.cases[number], report.verdicts[number]
    lines = []
    if verdict is report.first_failure:
        if case.about and verdict.status in ABOUT_VALUES:
            lines.append(f"{'what must hold' if case.is_property else 'this case'}: {case.about}")
        lines += _lines(report, verdict)
    return {
        "name": verdict.case.replace("_", " "),
        "words": status.WORDS[verdict.status],
        "about": case.about if case.is_property and verdict.passed else "",
        "lines": lines,
    }


def _lines(report: Report, verdict: Verdict) -> list[str]:
    """Return the details of a verdict, without the line of Python that looks inputs up, which a page does not need."""
    return [line.strip() for line in failure_lines(verdict, report.file) if "inputs(" not in line]


@dataclass
class _Training:
    """A training with an answer: what is left of it, and what it has shown and taken so far."""

    exercise: Exercise
    function: Callable
    about: dict[str, Any]
    frames: Iterator[Frame]
    distances: list[float] = field(default_factory=list)
    calls: int = 0
    seconds: float = 0.0
    last: Frame | None = None

    def go_on(self, show: Callable[[str], Any], most: float) -> bool:
        """Show at most so many frames: whether the training has ended.

        Raises FloatingPointError for a distance that is not finite, and what the answer raises.
        """
        started = time.monotonic()
        substitute.put(self.exercise, self.function)
        try:
            for shown, frame in enumerate(self.frames, 1):
                if not math.isfinite(frame.distance):
                    raise FloatingPointError
                self.distances.append(frame.distance)
                self.last = frame
                show(json.dumps({**frame.to_json(), **self.about}))
                if shown >= most and frame.step < frame.steps:
                    return False
            return True
        finally:
            self.calls += substitute.calls()[self.exercise.id]
            self.seconds += time.monotonic() - started
            substitute.restore()

    def summary(self) -> dict[str, Any]:
        """Return what a page is told of the training so far."""
        ends = {"first": self.distances[0], "last": self.distances[-1]} if self.distances else {}
        place = {"step": self.last.step, "steps": self.last.steps} if self.last else {}
        return {**self.about, **ends, **place, "calls": self.calls, "seconds": self.seconds}


_paused: _Training | None = None  # the training that has not ended


def train(request: str, show: Callable[[str], Any], frames: float = math.inf) -> str:
    """Train with an answer in the place of the package's function; each frame is shown as JSON while it goes on.

    After so many frames the training waits for a request to resume it. A page asks for one frame at a time, and can so
    pause between them, whatever the speed of the device. The reply holds how often the function was called, how long it
    took, the step that was reached, whether there is more, and the error, if there was one.
    """
    global _paused
    wanted = json.loads(request)
    training, _paused = _paused, None
    if not wanted.get("resume"):
        _scipy.imported = False
        training, failure = _begun(wanted)
        if training is None:
            return json.dumps(failure)
    elif training is None:
        return json.dumps({"error": "no training is paused"})
    assert training is not None
    reply: dict[str, Any] = {}
    try:
        if not training.go_on(show, frames):
            _paused, reply["more"] = training, True
    except FloatingPointError:
        reply["error"] = "the numbers of the model are not finite any more"
    except (Exception, SystemExit) as error:
        if _scipy.imported:
            return json.dumps({"needs": "scipy"})
        failed = failure_of(error, ["your answer"])
        reply |= {"error": failed.message, "line": failed.line}
    return json.dumps({**training.summary(), **reply})


def _begun(wanted: Mapping[str, Any]) -> tuple[_Training | None, dict[str, Any]]:
    """Return a training with the answer of a request; None, and the reply, if it cannot begin."""
    exercise = _exercise(wanted["exercise"])
    demonstration = DEMONSTRATIONS.get(exercise.id)
    if demonstration is None:
        return None, {"error": f"no training in a page calls {exercise.name}"}
    answer = load_source(exercise, wanted["text"], others=wanted.get("others"))
    if answer.function is None:
        if _scipy.imported:
            return None, {"needs": "scipy"}
        return None, {"error": answer.outcome.message, "line": answer.outcome.line}
    settings = wanted.get("settings") or {}
    about = {name: getattr(demonstration, name) for name in ("measure", "note", "box")}
    about["title"] = demonstration.title(settings.get("data"))
    return _Training(exercise, answer.function, about, demonstration.frames(**settings)), {}
