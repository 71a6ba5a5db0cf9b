"""What the worker of a page calls: check an answer, or train with it. Requests and replies are JSON.

    reply = check('{"exercise": "gan/12/critic_loss", "text": "def critic_loss(...): ...", "others": {}}')
    reply = train(the same, show)                            # show(frame) is called as it goes on

Nothing here needs a browser: the tests call the same functions in Node and in this process.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import json
import math
import sys
import time
from collections.abc import Callable
from typing import Any

from minigen.course.exercise import catalog, substitute
from minigen.course.exercise.format import Exercise
from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.compare import Verdict
from minigen.course.exercise.grading.in_process import grade_source, load_source
from minigen.course.exercise.grading.observe import failure_of
from minigen.course.exercise.grading.report import ABOUT_VALUES, Report, failure_lines, printed, same_failure
from minigen.zoo.demonstrations.table import DEMONSTRATIONS

__all__ = ["LONGEST", "check", "scipy_arrived", "train"]

LONGEST = 10.0  # seconds after which a training is stopped


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


def _exercise(identity: str) -> Exercise:
    return next(found for found in catalog.find(identity) if found.id == identity)


def described(report: Report) -> dict[str, Any]:
    """A report as JSON, with the lines that a page shows: about the whole, about each case, and what was printed."""
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
    """What a page shows of a case; of the first that fails what must hold, yours and expected, the inputs, the line."""
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
    """The details of a verdict, without the line of Python that looks inputs up, which a page does not need."""
    return [line.strip() for line in failure_lines(verdict, report.file) if "inputs(" not in line]


def train(request: str, show: Callable[[str], Any], seconds: float = LONGEST) -> str:
    """Train with an answer in the place of the package's function; each frame is shown as JSON while it goes on.

    The reply holds how often the function was called, how long it took, and the error, if there was one.
    """
    wanted = json.loads(request)
    exercise = _exercise(wanted["exercise"])
    training = DEMONSTRATIONS.get(exercise.id)
    if training is None:
        return json.dumps({"error": f"no training in a page calls {exercise.name}"})
    _scipy.imported = False
    answer = load_source(exercise, wanted["text"], others=wanted.get("others"))
    if answer.function is None:
        if _scipy.imported:
            return json.dumps({"needs": "scipy"})
        return json.dumps({"error": answer.outcome.message, "line": answer.outcome.line})
    about = {"title": training.title, "measure": training.measure, "note": training.note, "box": training.box}
    reply: dict[str, Any] = dict(about)
    started, distances = time.monotonic(), []
    substitute.put(exercise, answer.function)
    try:
        for frame in training.frames():
            if not math.isfinite(frame.distance):
                reply["error"] = "the numbers of the model are not finite any more"
                break
            distances.append(frame.distance)
            show(json.dumps({**frame.to_json(), **about}))
            if time.monotonic() - started > seconds:
                break
    except (Exception, SystemExit) as error:
        if _scipy.imported:
            return json.dumps({"needs": "scipy"})
        failure = failure_of(error, ["your answer"])
        reply |= {"error": failure.message, "line": failure.line}
    finally:
        reply["calls"] = substitute.calls()[exercise.id]
        substitute.restore()
    ends = {"first": distances[0], "last": distances[-1]} if distances else {}
    return json.dumps({**reply, **ends, "seconds": time.monotonic() - started})
