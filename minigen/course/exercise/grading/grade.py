"""Grade a student's file on one exercise: the reference is observed here, her function in a worker; then compare."""

from __future__ import annotations

import difflib
import importlib.util
import sys
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from minigen.course.exercise import catalog
from minigen.course.exercise.format import Exercise
from minigen.course.exercise.grading import runner, status
from minigen.course.exercise.grading.compare import compare_all, earned
from minigen.course.exercise.grading.drivers import drivers_of
from minigen.course.exercise.grading.outcome import CaseOutcome
from minigen.course.exercise.grading.reference import (
    Reference,
    broken_reference,
    hidden_files,
    hidden_targets,
    hidden_texts,
    judged_cases,
    references,
)
from minigen.course.exercise.grading.report import Report, same_for_every_case
from minigen.course.exercise.grading.runner import Limits, Task
from minigen.course.exercise.grading.submission import Submission, defined_names, read_submission

__all__ = ["did_you_mean", "grade_file", "judge", "worker_path"]

FILES = ("exercise.py", "answers.py", "private.py")  # of a lesson, that an answer must not read
MOST_NAMES = 500  # of functions in a file that are compared with the name of the exercise


def grade_file(
    exercise: Exercise,
    submission: Submission | Path,
    limits: Limits | None = None,
    seed: int = 0,
    wanted: Sequence[Reference] | None = None,
    files: Mapping[str, bytes] | None = None,
) -> Report:
    """Grade a student's file on one exercise, in a process of its own.

    wanted: `references(exercise, seed)`, where many files are graded. files: what is beside the student's file, by
    name: modules that it may import, data that it may read.
    """
    started = time.monotonic()
    if not isinstance(submission, Submission):
        submission = read_submission(submission)
    if submission.status != status.PASS:
        report = same_for_every_case(exercise, submission.outcome)
    else:
        limits = limits or Limits(case=exercise.seconds)
        report = _grade_in_worker(exercise, submission, limits, seed, wanted, files or {})
    report.file, report.seconds = submission.file, time.monotonic() - started
    return report


def judge(exercise: Exercise, outcomes: Sequence[CaseOutcome], wanted: Sequence[Reference], seed: int = 0) -> Report:
    """Compare outcomes with the reference's, and add to the report of a failure what may help."""
    verdicts = compare_all(judged_cases(exercise, wanted), outcomes, [row.outcome for row in wanted])
    for verdict, earns in zip(verdicts, earned([(each.passed, each.form, each.kind) for each in verdicts])):
        verdict.points = verdict.possible if earns else 0
    report = Report(exercise, verdicts)
    failed = [verdict.status for verdict in verdicts if not verdict.passed]
    if failed:
        report.status = status.GRADER_ERROR if status.GRADER_ERROR in failed else failed[0]
    if set(failed) - {status.STUB}:
        from minigen.course.exercise.grading.explain import explain  # loads the listed mistakes and mutants

        explain(report, outcomes, wanted, seed)
    return report


def _grade_in_worker(
    exercise: Exercise,
    submission: Submission,
    limits: Limits,
    seed: int,
    wanted: Sequence[Reference] | None,
    files: Mapping[str, bytes],
) -> Report:
    assert exercise.path is not None, "the catalog sets the path of every exercise"
    wanted = references(exercise, seed) if wanted is None else wanted
    broken = broken_reference(wanted)
    if broken is not None:
        return same_for_every_case(exercise, broken)
    try:
        drivers = drivers_of(exercise)
    except (LookupError, OSError, SyntaxError) as error:
        return same_for_every_case(exercise, CaseOutcome(status.GRADER_ERROR, f"the exercise cannot be read: {error}"))
    task = Task(
        source=submission.source,
        file_name=Path(submission.file).name,
        name=exercise.name,
        drivers=drivers,
        drivers_file=str(exercise.path),
        driver_names=[case.name for case in exercise.cases],
        forms=[reference.forms for reference in wanted],
        shifts=[reference.shift for reference in wanted],
        hidden=hidden_targets(exercise),
        hidden_texts=hidden_texts(exercise),
        hidden_files=[*(str(exercise.path.with_name(name)) for name in FILES), *hidden_files(exercise)],
        mutates=exercise.mutates,
        renamed=exercise.renamed,
        path=worker_path(exercise.target),
        seed=seed,
        files=files,
    )
    run = runner.run(task, limits)
    missing = [outcome for outcome in run.outcomes if outcome.status == status.MISSING_FUNCTION]
    near = did_you_mean(exercise, submission.source) if missing else ""
    for outcome in missing:
        outcome.message += near
    report = judge(exercise, run.outcomes, wanted, seed)
    report.output, report.starved = run.output, run.starved
    if run.missing_limits:
        report.notes.append(f"this system enforces no limit on: {', '.join(sorted(set(run.missing_limits)))}")
    if run.left_process:
        report.status = status.PROCESS
        report.message = "your code left a process running; it was ended"
    return report


def did_you_mean(exercise: Exercise, source: str) -> str:
    """Return what the file does define, and which name may be meant: not those of other exercises."""
    others = {other.name for other in catalog.exercises_of(exercise.lesson)}
    names = [name for name in defined_names(source) if name not in others][:MOST_NAMES]
    near = difflib.get_close_matches(exercise.name, names, n=1, cutoff=0.5)
    if near:
        return f"; it defines {near[0]}: rename it"
    return f"; it defines {', '.join(names[:6])}" if names else ""


@lru_cache(maxsize=16)
def _root(package: str) -> str | None:
    spec = importlib.util.find_spec(package)
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return str(Path(next(iter(spec.submodule_search_locations))).resolve().parent)
    return str(Path(spec.origin).resolve().parent) if spec.origin else None


def worker_path(target: str) -> list[str]:
    """Where a worker may import from: the homes of minigen, of the target, of NumPy and what is installed with it."""
    roots = [_root(name) for name in ("minigen", target.partition(":")[0].partition(".")[0], "numpy", "autograd")]
    installed = [entry for entry in sys.path if entry.rstrip("/\\").endswith(("site-packages", "dist-packages"))]
    return list(dict.fromkeys([root for root in roots if root] + installed))
