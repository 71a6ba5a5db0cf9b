"""Check a student's file as an assignment is graded: with its imports, its files and its memory, if there is one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from minigen.course.exercise.format import Exercise
from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.grade import grade_file
from minigen.course.exercise.grading.report import Report
from minigen.course.exercise.grading.runner import Limits
from minigen.course.exercise.grading.submission import Submission, read_submission
from minigen.course.exercise.limits import Rules, rules

__all__ = ["check_file", "check_here"]


def check_file(exercises: Sequence[Exercise], path: Path, seed: int | None = None) -> list[Report]:
    """Return a report of each exercise on a file, in processes of their own; seed: in place of the assignment's."""

    def grade(exercise: Exercise, submission: Submission) -> Report:
        given = rules(exercise, path.parent)
        files, limits = given.contents, Limits(case=exercise.seconds)
        if given.memory_mb is not None:
            limits = dataclasses.replace(limits, memory=given.memory_mb * 2**20)
        used = given.seed if seed is None else seed
        report = grade_file(exercise, _allowed(submission, exercise, given), limits, used, files=files)
        missing = [name for name in given.files if name not in files]
        report.notes += [f"{name}, which the assignment gives, is not beside {path.name}" for name in missing]
        return report

    return _reports(exercises, read_submission(path), grade)


def check_here(exercises: Sequence[Exercise], path: Path, seed: int | None = None) -> list[Report]:
    """Return the same reports from this process, without limits; the files of an assignment are left out."""
    from minigen.course.exercise.grading.in_process import grade_source

    def grade(exercise: Exercise, submission: Submission) -> Report:
        given = rules(exercise, path.parent)
        return grade_source(exercise, _allowed(submission, exercise, given), given.seed if seed is None else seed)

    return _reports(exercises, read_submission(path), grade)


def _allowed(submission: Submission, exercise: Exercise, given: Rules) -> Submission:
    if not given.imports:
        return submission
    from minigen.course.exercise.imports import as_allowed

    return as_allowed(submission, exercise.name, given.imports)


def _reports(
    exercises: Sequence[Exercise], submission: Submission, grade: Callable[[Exercise, Submission], Report]
) -> list[Report]:
    reports = [grade(exercise, submission) for exercise in exercises]
    if any(report.status not in (status.PASS, status.STUB) for report in reports):
        from minigen.course.exercise.grading.calls import note_calls  # a stub, the most frequent failure, calls nothing

        note_calls(reports, submission, grade)
    return reports
