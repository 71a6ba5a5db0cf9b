"""One submission: every exercise of the assignment, one row each, whatever was handed in.

How an exercise is graded, with what its reference returns, is found once in a process, for all submissions.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

from minigen.classroom import near
from minigen.classroom.assignment import AssignedExercise, Assignment
from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.compare import Verdict, earned
from minigen.course.exercise.grading.grade import grade_file
from minigen.course.exercise.grading.outcome import CaseOutcome
from minigen.course.exercise.grading.public import public_message
from minigen.course.exercise.grading.reaches import reaches
from minigen.course.exercise.grading.report import Report, points_by_kind, same_for_every_case
from minigen.course.exercise.grading.runner import running_time
from minigen.course.exercise.grading.secret import Grading, grading_of
from minigen.course.exercise.grading.submission import Submission
from minigen.course.exercise.imports import as_allowed

__all__ = ["Grader", "row_of", "writable"]

SHORTEST = 20.0  # seconds that an exercise has at least, even if the submission has fewer left: a worker has to start


class Grader:
    """Grades submissions to one assignment.

    seeds: of the inputs; an answer must pass with each. What the references return is kept.
    """

    def __init__(self, assignment: Assignment, seeds: Sequence[int], sandbox: str = ""):
        self.assignment, self.seeds, self.sandbox = assignment, tuple(seeds), sandbox
        self._gradings: dict[str, Grading] = {}

    def grading(self, assigned: AssignedExercise) -> Grading:
        """How an exercise is graded on the seeds."""
        if assigned.id not in self._gradings:
            practice = self.assignment.practice_seed
            self._gradings[assigned.id] = grading_of(assigned.exercise, self.seeds, practice)
        return self._gradings[assigned.id]

    def grade(self, answers: Sequence[tuple[Submission, str, Sequence[str]]]) -> list[dict[str, Any]]:
        """Return the rows of one submission, as plain data: (submission, sha256, notes) for each exercise, in order.

        Never raises for what the files do; what fails here is the grader's own error, reported in the row.
        """
        end = running_time() + self.assignment.seconds
        rows = []
        for assigned, (submission, sha256, notes) in zip(self.assignment.exercises, answers, strict=True):
            notes = [*notes, *_of_another_variant(assigned, submission)]
            name = near.renamed(assigned.exercise, submission.source) if submission.status == status.PASS else ""
            if name:  # it is graded under the name that is asked for
                own = assigned.exercise.name
                notes.append(near.note(assigned.exercise, name))
                source = f"{submission.source}\n\n{own} = {name}\n"
                submission = dataclasses.replace(submission, source=source)
            try:
                reports = self._reports(assigned, submission, end)
                end += sum(report.starved for report in reports)
                weights = self.grading(assigned).weights
            except Exception as error:
                reports = [_failed(assigned, f"the grader failed: {type(error).__name__}: {error}")]
                weights = None
            rows.append(row_of(assigned, submission, sha256, notes, reports, self.seeds, weights, name))
        return rows

    def crashed(self, answers: Sequence[tuple[Submission, str, Sequence[str]]], reason: str) -> list[dict[str, Any]]:
        """Return the rows of a submission that ends the process which grades it: no points, and the reason."""
        rows = []
        for assigned, (submission, sha256, notes) in zip(self.assignment.exercises, answers, strict=True):
            outcome = CaseOutcome(status.CRASHED, reason) if submission.status == status.PASS else submission.outcome
            report = same_for_every_case(assigned.exercise, outcome)
            rows.append(row_of(assigned, submission, sha256, notes, [report], self.seeds))
        return rows

    def _reports(self, assigned: AssignedExercise, submission: Submission, end: float) -> list[Report]:
        """One report for each seed; one for all if the file cannot be run."""
        exercise = assigned.exercise
        submission = as_allowed(submission, exercise.name, self.assignment.rules.imports)
        if submission.status != status.PASS:
            return [grade_file(exercise, submission)]
        reports = []
        for seed in self.seeds:
            left = end - running_time()
            if left <= 0:
                message = f"the answers before this one took all of the {self.assignment.seconds:g} s of a submission"
                return [same_for_every_case(exercise, CaseOutcome(status.TIMEOUT, message))]
            limits = self.assignment.limits(exercise, max(left, SHORTEST), self.sandbox)
            wanted = self.grading(assigned).wanted[seed]
            reports.append(grade_file(exercise, submission, limits, seed, wanted, self.assignment.files))
            end += reports[-1].starved
        return reports


def _failed(assigned: AssignedExercise, message: str) -> Report:
    return same_for_every_case(assigned.exercise, CaseOutcome(status.GRADER_ERROR, " ".join(message.split())[:500]))


def _of_another_variant(assigned: AssignedExercise, submission: Submission) -> list[str]:
    """Return a note if the head of a file, as it was handed out, names another private variant than the one graded
    here.
    """
    given = re.search(rf"(?m)^# Changed for an assignment: ({re.escape(assigned.id)}@\d+)$", submission.source)
    if given is None or given[1] == assigned.exercise.address:
        return []
    return [f"the file is for {given[1]}: was the assignment built with another --seed?"]


# ------------------------------------------------------------------------------------------- a row as plain data


def row_of(
    assigned: AssignedExercise,
    submission: Submission,
    sha256: str,
    notes: Sequence[str],
    reports: Sequence[Report],
    seeds: Sequence[int],
    weights: Sequence[float] | None = None,
    renamed: str = "",
) -> dict[str, Any]:
    """One exercise of one submission as JSON has it; see schema/submission.json.

    With several seeds a case counts if it passes with each, and the first report that fails is shown. Texts that come
    from the answer are made writable here, once for all documents. weights: the points of each case, where they are not
    the exercise's own. renamed: the misspelled name of the function, "" if it has the right one.
    """
    shown = next((report for report in reports if report.status == status.GRADER_ERROR), None)
    shown = shown or next((report for report in reports if not report.passed), reports[0])
    failed = shown.status == status.GRADER_ERROR
    number = next(n for n, report in enumerate(reports) if report is shown)
    cases = [_case(verdicts) for verdicts in zip(*(report.verdicts for report in reports), strict=True)]
    left_process = any(report.status == status.PROCESS for report in reports)
    values = [case["possible"] for case in cases] if weights is None else weights
    earns = earned([(case["passed"], case["form"], case["kind"]) for case in cases])
    if left_process or (not shown.passed and all(earns)):
        earns = [False] * len(cases)
    for case, value, earn in zip(cases, values, earns, strict=True):
        case["possible"] = int(value) if value == int(value) else round(value, 2)
        case["points"] = case["possible"] if earn else 0
    raw = float(sum(value for value, earn in zip(values, earns, strict=True) if earn))
    report = shown.to_json()
    if renamed and shown.passed:
        report |= {"status": status.WRONG_NAME, "passed": False}
    row = {
        **report,
        "id": assigned.id,
        **({"private": assigned.exercise.changed} if assigned.exercise.changed else {}),
        "raw": None if failed else raw,
        "renamed": renamed,
        "points": None if failed else assigned.scaled(cases, bool(renamed)),
        "possible": assigned.points,
        "kinds": points_by_kind(cases),
        "seed": seeds[number] if number < len(seeds) else seeds[0],
        "file": submission.file,
        "sha256": sha256,
        "message": _message(shown),
        "public": public_message(shown.status, _message(shown)),
        "cases": cases,
        "notes": [*notes, *shown.notes],
        "reaches": reaches(submission.source),
        "seconds": round(sum(report.seconds for report in reports), 3),
    }
    return {key: writable(value) for key, value in row.items()}


def writable(value: Any) -> Any:
    """Plain data with texts that UTF-8 can hold: a lone surrogate, as in "\\udce9", becomes its escape."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {key: writable(item) for key, item in value.items()}
    return [writable(item) for item in value] if isinstance(value, (list, tuple)) else value


def _message(report: Report) -> str:
    first = report.first_failure
    return report.message or (first.message if first is not None else "")


def _case(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return a case over all seeds: the first verdict that fails, or the first of all.

    public: its message as students read it.
    """
    shown = next((verdict for verdict in verdicts if not verdict.passed), verdicts[0])
    form = not shown.passed and all(verdict.passed or verdict.form for verdict in verdicts)
    return {**shown.to_json(), "form": form, "public": public_message(shown.status, shown.message)}
