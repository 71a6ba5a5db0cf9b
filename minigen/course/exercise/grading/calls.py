"""Answers that call other answers: which exercises a function calls, and which of these do not pass yet."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from minigen.course.exercise import catalog, stubs
from minigen.course.exercise.format import Exercise
from minigen.course.exercise.grading.report import Report
from minigen.course.exercise.grading.submission import Submission, defined_names
from minigen.course.exercise.names import global_names

__all__ = ["called_exercises", "note_calls", "words"]


def called_exercises(exercise: Exercise, names: Collection[str]) -> list[Exercise]:
    """Return the other exercises of the same lesson among these names."""
    return [other for other in catalog.exercises_of(exercise.lesson) if other.name in names and other.id != exercise.id]


def words(other: Exercise) -> str:
    """Return the remark on a call of an answer that fails."""
    return f"this calls your {other.name}, which does not pass yet: mend {other.id} first"


def note_calls(
    reports: Sequence[Report], submission: Submission, grade: Callable[[Exercise, Submission], Report]
) -> None:
    """Note in each report of a failure which answers of the same file it calls that do not pass.

    reports: of exercises that the file was graded on; the others are graded where they are called.
    """
    passed = {report.exercise.id: report.passed for report in reports}
    for report in reports:
        source = stubs.function_source(submission.source, report.exercise.name) if not report.passed else None
        if source is None:
            continue
        names = global_names(source) & set(defined_names(submission.source))
        for other in called_exercises(report.exercise, names):
            if other.id not in passed:
                passed[other.id] = grade(other, submission).passed
            if not passed[other.id]:
                report.notes.append(words(other))
