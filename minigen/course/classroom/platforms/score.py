"""What nbgrader and otter-grader call in a student's kernel: a function's points, with nothing on standard error.

    score("gan/02/discriminator_loss", discriminator_loss, points=10, seeds=[7])  # nbgrader: a cell's last expression
    Checked("gan/02/discriminator_loss", seeds=[7]).require("by_hand", discriminator_loss)  # otter-grader: or raises

The function runs in the process that it was defined in, as is usual on these platforms. An error of the grader itself
is raised, never counted as 0.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Sequence

from minigen.course.classroom.assignment import AssignedExercise
from minigen.course.exercise import catalog
from minigen.course.exercise.format import Exercise
from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.in_process import grade_function
from minigen.course.exercise.grading.report import Report

__all__ = ["Checked", "GraderError", "score"]


class GraderError(RuntimeError):
    """The grader itself failed; nothing is known of the answer."""


def _reports(exercise: Exercise, function: Callable, seeds: Sequence[int]) -> list[Report]:
    """A report for each seed; nothing is printed meanwhile."""
    silent = io.StringIO()
    with contextlib.redirect_stdout(silent), contextlib.redirect_stderr(silent), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reports = [grade_function(exercise, function, seed) for seed in seeds]
    for report in reports:
        if report.status == status.GRADER_ERROR:
            first = report.first_failure
            raise GraderError(f"{exercise.id}: the grader failed: {first.message if first else report.message}")
    return reports


def _exercise(exercise_id: str) -> Exercise:
    found = catalog.find(exercise_id)
    if len(found) != 1:
        raise ValueError(f"{exercise_id!r} must be one exercise, such as 'gan/02/discriminator_loss'")
    return found[0]


def score(exercise_id: str, function: Callable, points: float | None = None, seeds: Sequence[int] = (0,)) -> float:
    """The points of a function, between 0 and `points` (default: the exercise's own).

    With several seeds a case counts if it passes with each. Raises GraderError.
    """
    exercise = _exercise(exercise_id)
    assigned = AssignedExercise(exercise, float(exercise.points if points is None else points))
    reports = _reports(exercise, function, seeds)
    rows = zip(*(report.verdicts for report in reports), strict=True)
    return float(assigned.scaled(sum(min(verdict.points for verdict in row) for row in rows)))


class Checked:
    """The cases of one exercise, run once for each function."""

    def __init__(self, exercise_id: str, seeds: Sequence[int] = (0,)):
        self.exercise, self.seeds = _exercise(exercise_id), tuple(seeds)
        self._last: tuple[Callable, list[Report]] | None = None

    def require(self, case: str, function: Callable) -> None:
        """Raise AssertionError, in words without expected values, if a case does not pass with every seed."""
        if function is None:
            raise AssertionError(f"there is no function {self.exercise.name}")
        if self._last is None or self._last[0] is not function:
            self._last = function, _reports(self.exercise, function, self.seeds)
        for report in self._last[1]:
            for verdict in report.verdicts:
                if verdict.case == case and not verdict.passed:
                    words = [status.WORDS[verdict.status], verdict.message, verdict.relation, report.hint]
                    raise AssertionError("; ".join(word for word in words if word))
