"""What nbgrader and otter-grader call in a student's kernel: a function's points, with nothing on standard error.

    score("gan/02/discriminator_loss", globals(), points=10)  # nbgrader: a cell's last expression
    Checked("gan/02/discriminator_loss", seeds=[7]).require("by_hand", globals())  # otter-grader: or raises

The function runs in the process that it was defined in, as is usual on these platforms. An error of the grader itself
is raised, never counted as 0.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from minigen.classroom import near
from minigen.classroom.assignment import NAME_COSTS, AssignedExercise
from minigen.classroom.grade.grader import row_of, writable
from minigen.classroom.private.variants import found
from minigen.classroom.results.documents import sentences
from minigen.classroom.results.feedback import as_text
from minigen.course.exercise.format import Exercise
from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.in_process import grade_function
from minigen.course.exercise.grading.public import public_message
from minigen.course.exercise.grading.report import Report, render
from minigen.course.exercise.grading.secret import Grading, grading_of
from minigen.course.exercise.grading.submission import Submission

__all__ = ["Checked", "GraderError", "hidden_seeds", "score", "seeds_file"]


class GraderError(RuntimeError):
    """The grader itself failed; nothing is known of the answer."""


def _reports(exercise: Exercise, function: Callable, grading: Grading) -> list[Report]:
    """Return a report for each seed; no warning is shown meanwhile."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reports = [grade_function(exercise, function, seed, wanted) for seed, wanted in grading.wanted.items()]
    for report in reports:
        if report.status == status.GRADER_ERROR:
            first = report.first_failure
            raise GraderError(f"{exercise.id}: the grader failed: {first.message if first else report.message}")
    return reports


def score(
    exercise_id: str,
    names: Mapping[str, Any],
    points: float | None = None,
    seeds: Sequence[int] | None = None,
    practice: int = 0,
    name_costs: float = NAME_COSTS,
) -> float:
    """Print how a function did; return its points, between 0 and `points` (default: the exercise's own).

    names: the notebook's, among them the function, whose misspelled name loses the fraction `name_costs` of the points.
    seeds: of the inputs; None for those that students practise with, from the seed `practice`, whose values are printed
    as `check` does. For other seeds the feedback of `minigen grade` is printed, without values. With several seeds a
    case counts if it passes with each. Raises GraderError.
    """
    exercise = found(exercise_id)
    assigned = AssignedExercise(exercise, float(exercise.points if points is None else points), name_costs)
    renamed = _misspelled(exercise, names)
    if exercise.name not in names and not renamed:
        print(f"there is no function {exercise.name}")
        return 0.0
    function, notes = names[renamed or exercise.name], [near.note(exercise, renamed)] if renamed else []
    drawn = (practice,) if seeds is None else seeds
    grading = grading_of(exercise, drawn, practice)
    reports = _reports(exercise, function, grading)
    row = row_of(assigned, Submission(""), "", notes, reports, drawn, grading.weights, renamed)
    if seeds is None:
        print(writable("\n".join([render(reports[0]), *notes])))
    else:
        print(as_text({**row, "about": sentences(exercise)}))
    return float(row["points"])


def _misspelled(exercise: Exercise, names: Mapping[str, Any]) -> str:
    """Return the misspelled name of an exercise's function among those of a notebook, "" if there is none."""
    written = [name for name, value in names.items() if getattr(value, "__module__", "") == "__main__"]
    return "" if exercise.name in names else near.misspelled(exercise, written)


def seeds_file(slug: str) -> str:
    """Return the name of the file in the course's folder that holds the seeds of an assignment, a list in JSON."""
    return f"{slug}-seeds.json"


def hidden_seeds(slug: str) -> list[int]:
    """Return the seeds of an assignment: students get the notebook's cells back with their grades, so the seeds are not
    there.

    They are in the outermost of the folders around the notebook that has the file, because a student can hand in a file
    of that name, which is put beside the notebook. Raises GraderError without the file.
    """
    name = seeds_file(slug)
    for folder in reversed([Path.cwd(), *Path.cwd().parents]):
        if (folder / name).is_file():
            return [int(seed) for seed in json.loads((folder / name).read_text(encoding="utf-8"))]
    raise GraderError(f"there is no file {name} in the course's folder; minigen assignment build makes it")


class Checked:
    """The cases of one exercise, run once for each function."""

    def __init__(self, exercise_id: str, seeds: Sequence[int] = (0,)):
        self.exercise = found(exercise_id)
        self.grading = grading_of(self.exercise, seeds)
        self._last: tuple[Callable, list[Report]] | None = None

    def require(self, case: str, names: Mapping[str, Any], spelled: bool = False) -> None:
        """Raise AssertionError, in words without expected values, if a case does not pass with every seed.

        names: the notebook's, see `score`. spelled: whether the function must have the right name, too.
        """
        renamed = _misspelled(self.exercise, names)
        function = names.get(renamed or self.exercise.name)
        if function is None:
            raise AssertionError(f"there is no function {self.exercise.name}")
        if renamed and spelled:
            raise AssertionError(near.note(self.exercise, renamed))
        if self._last is None or self._last[0] is not function:
            self._last = function, _reports(self.exercise, function, self.grading)
        for report in self._last[1]:
            for verdict in report.verdicts:
                if verdict.case == case and not verdict.points:
                    told = public_message(verdict.status, verdict.message)
                    words = [status.WORDS[verdict.status], told, verdict.relation, report.hint]
                    raise AssertionError(writable("; ".join(word for word in words if word)))
