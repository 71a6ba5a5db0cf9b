"""Grade one exercise: observe the reference here and the student's function in a worker, then compare."""

from __future__ import annotations

import ast
import contextlib
import difflib
import importlib.util
import os
import stat
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from minigen.course.exercise.format import Exercise, Mistake
from minigen.course.exercise.grading import runner, status
from minigen.course.exercise.grading.compare import Verdict, compare, same_answer
from minigen.course.exercise.grading.drivers import driver_source
from minigen.course.exercise.grading.observe import Impl, Outcome, observe
from minigen.course.exercise.grading.runner import Limits, Task
from minigen.course.exercise.grading.sandbox import stand_in

__all__ = [
    "Report",
    "Submission",
    "grade_file",
    "grade_function",
    "judge",
    "observe_here",
    "read_submission",
    "references",
]

MAX_SOURCE = 2**20  # bytes of a student's file


@dataclass
class Report:
    """How an answer to one exercise did. `mistake` and `hint` are set if it is one of the author's listed mistakes."""

    exercise: Exercise
    verdicts: list[Verdict]
    file: str = ""
    status: str = status.PASS
    message: str = ""
    mistake: str = ""
    hint: str = ""
    output: str = ""
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        return self.status == status.PASS

    @property
    def points(self) -> int:
        return sum(verdict.points for verdict in self.verdicts)

    @property
    def first_failure(self) -> Verdict | None:
        """The simplest case that fails: cases are written from simple to hard."""
        return next((verdict for verdict in self.verdicts if not verdict.passed), None)

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.exercise.id,
            "file": self.file,
            "status": self.status,
            "passed": self.passed,
            "points": self.points,
            "possible": self.exercise.points,
            "message": self.message,
            "mistake": self.mistake,
            "hint": self.hint,
            "cases": [verdict.to_json() for verdict in self.verdicts],
            "output": self.output,
            "notes": self.notes,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True)
class Submission:
    """A student's file, read once; `status` says if it cannot be run."""

    file: str
    source: str = ""
    status: str = status.PASS
    message: str = ""
    line: int | None = None
    text: str = ""


# ------------------------------------------------------------------------------------------- observing here


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No warnings about overflow and the like from the reference, mistakes and mutants."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@dataclass(frozen=True)
class Reference:
    """What the reference gave for one case: its outcome, the form of each returned value, sizes of the inputs."""

    outcome: Outcome
    forms: list
    sizes: frozenset[int]


def references(exercise: Exercise, seed: int) -> list[Reference]:
    """Run the package's own function on every case."""
    function, rows = exercise.reference, []
    with quiet():
        for number, case in enumerate(exercise.cases):
            impl = Impl(function, mutates=exercise.mutates)
            outcome = observe(case.driver, impl, seed, number)
            rows.append(Reference(outcome, impl.seen, frozenset(impl.sizes)))
    return rows


def observe_here(exercise: Exercise, function: Callable, seed: int, wanted: Sequence[Reference]) -> list[Outcome]:
    """Run any function on every case in this process: a mistake, a variant, a mutant, a function from a notebook."""
    code = getattr(function, "__code__", None)
    files = [code.co_filename] if code is not None else []
    outcomes = []
    for number, (case, reference) in enumerate(zip(exercise.cases, wanted, strict=True)):
        impl = Impl(function, reference.forms, files, mutates=exercise.mutates)
        outcomes.append(observe(case.driver, impl, seed, number))
    return outcomes


# ------------------------------------------------------------------------------------------- judging


def judge(exercise: Exercise, outcomes: Sequence[Outcome], wanted: Sequence[Reference], seed: int = 0) -> Report:
    """Compare outcomes with the reference's, and look for a listed mistake that explains a failure."""
    verdicts = compare_all(exercise, outcomes, wanted)
    report = Report(exercise, verdicts)
    states = [verdict.status for verdict in verdicts]
    failed = [state for state in states if state != status.PASS]
    if failed:
        report.status = status.GRADER_ERROR if status.GRADER_ERROR in failed else failed[0]
        found = matching_mistakes(exercise, outcomes, verdicts, answers_of_mistakes(exercise, wanted, seed))
        if found:
            report.mistake, report.hint = found[0].name, found[0].hint
    return report


def compare_all(exercise: Exercise, outcomes: Sequence[Outcome], wanted: Sequence[Reference]) -> list[Verdict]:
    """One verdict for each case."""
    rows = zip(exercise.cases, outcomes, wanted, strict=True)
    return [compare(case, outcome, reference.outcome, reference.sizes) for case, outcome, reference in rows]


_TELLING = {status.WRONG_SHAPE, status.WRONG_TYPE, status.WRONG_DTYPE, status.NAN, status.INF, status.CHANGED_INPUTS}


def answers_of_mistakes(exercise: Exercise, wanted: Sequence[Reference], seed: int) -> list[list[Outcome]]:
    """The outcomes of each listed mistake, in order."""
    with quiet():
        return [observe_here(exercise, mistake.function, seed, wanted) for mistake in exercise.mistakes]


def matching_mistakes(
    exercise: Exercise, outcomes: Sequence[Outcome], verdicts: Sequence[Verdict], answers: Sequence[Sequence[Outcome]]
) -> list[Mistake]:
    """The listed mistakes whose `answers` equal these outcomes on every case; none if the outcomes tell nothing."""
    rows = zip(outcomes, verdicts, strict=True)
    if not any(not v.passed and (o.answered or o.status in _TELLING) for o, v in rows):
        return []
    return [
        mistake
        for mistake, theirs in zip(exercise.mistakes, answers, strict=True)
        if all(_same(mine, other, case) for mine, other, case in zip(outcomes, theirs, exercise.cases, strict=True))
    ]


def _same(mine: Outcome, other: Outcome, case) -> bool:
    if mine.answered or other.answered:
        return mine.answered == other.answered and same_answer(mine, other, case.rtol, case.atol)
    return mine.status == other.status and (mine.status not in _TELLING or mine.message == other.message)


# ------------------------------------------------------------------------------------------- a student's file


def read_submission(path: Path) -> Submission:
    """Read a student's file, following no link and never waiting (a pipe would)."""
    shown = str(path)

    def bad(state: str, message: str, line: int | None = None, text: str = "") -> Submission:
        return Submission(shown, "", state, message, line, text)

    try:
        info = os.lstat(path)
    except OSError as error:
        return bad(status.MISSING_FILE, f"{shown}: {error.strerror or error}")
    if stat.S_ISLNK(info.st_mode):
        return bad(status.SYMLINK, f"{shown} is a symbolic link; hand in the file itself")
    if not stat.S_ISREG(info.st_mode):
        return bad(status.NOT_A_FILE, f"{shown} is not a regular file")
    if info.st_size > MAX_SOURCE:
        return bad(status.TOO_LARGE, f"{shown} has {info.st_size:,} bytes; an answer has at most {MAX_SOURCE:,}")
    try:
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)), "rb") as file:
            data = file.read(MAX_SOURCE + 1)
    except OSError as error:
        return bad(status.MISSING_FILE, f"{shown} cannot be read: {error.strerror or error}")
    try:
        source = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        return bad(status.NOT_UTF8, f"{shown} is not UTF-8 text; save it as UTF-8", line)
    if not source.strip():
        return bad(status.EMPTY, f"{shown} is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, shown, "exec", dont_inherit=True)
    except SyntaxError as error:
        return bad(status.SYNTAX_ERROR, f"{error.msg}", error.lineno, (error.text or "").strip())
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return bad(status.SYNTAX_ERROR, f"Python cannot read this file: {error}")
    return Submission(shown, source.replace("\r\n", "\n"))


def defined_names(source: str) -> list[str]:
    """Functions and classes that a file defines at its top level."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [node.name for node in ast.parse(source).body if isinstance(node, kinds)]


def grade_file(
    exercise: Exercise, submission: Submission | Path, limits: Limits | None = None, seed: int = 0
) -> Report:
    """Grade a student's file on one exercise, in a process of its own."""
    started = time.monotonic()
    if not isinstance(submission, Submission):
        submission = read_submission(submission)
    if submission.status != status.PASS:
        outcome = Outcome(submission.status, submission.message, submission.line, submission.text)
        report = _everywhere(exercise, outcome)
    else:
        report = _grade_source(exercise, submission, limits or Limits(case=exercise.seconds), seed)
    report.file, report.seconds = submission.file, time.monotonic() - started
    return report


def _everywhere(exercise: Exercise, outcome: Outcome) -> Report:
    """The same outcome for every case."""
    cases = exercise.cases
    verdicts = [
        Verdict(case.name, outcome.status, 0, case.points, outcome.message, outcome.line, outcome.text)
        for case in cases
    ]
    return Report(exercise, verdicts, status=outcome.status, message=outcome.message)


def _grade_source(exercise: Exercise, submission: Submission, limits: Limits, seed: int) -> Report:
    wanted = references(exercise, seed)
    broken = next((row.outcome for row in wanted if not row.outcome.answered), None)
    if broken is not None:
        message = f"the reference fails: {broken.message}"
        return _everywhere(exercise, Outcome(status.GRADER_ERROR, message))
    task = Task(
        source=submission.source,
        file_name=Path(submission.file).name,
        name=exercise.name,
        drivers=driver_source(exercise.path),
        drivers_file=str(exercise.path),
        cases=[(case.line, reference.forms) for case, reference in zip(exercise.cases, wanted, strict=True)],
        hidden=[exercise.target, *exercise.blocked],
        hidden_files=[str(exercise.path), *hidden_files(exercise)],
        mutates=exercise.mutates,
        path=worker_path(exercise.target),
        seed=seed,
    )
    run = runner.run(task, limits)
    for outcome in run.outcomes:
        if outcome.status == status.MISSING_FUNCTION:
            outcome.message += _near(exercise.name, submission.source)
    report = judge(exercise, run.outcomes, wanted, seed)
    report.output = run.output
    if run.missing_limits:
        report.notes.append(f"this system keeps no limit on: {', '.join(sorted(set(run.missing_limits)))}")
    if run.left_process:
        report.status = status.PROCESS
        report.message = "your code left a process running; it was ended"
    return report


def _near(name: str, source: str) -> str:
    """ " (did you mean ...?)", from what the file does define."""
    names = defined_names(source)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if near:
        return f"; it defines {near[0]}: rename it"
    return f"; it defines {', '.join(names[:6])}" if names else ""


def hidden_files(exercise: Exercise) -> list[str]:
    """The files that hold the reference, source and compiled."""
    files = []
    for target in (exercise.target, *exercise.blocked):
        spec = importlib.util.find_spec(target.partition(":")[0])
        files += [file for file in (spec.origin, spec.cached) if file] if spec is not None else []
    return files


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


# ------------------------------------------------------------------------------------------- a function in this process


def grade_function(exercise: Exercise, function: Callable, seed: int = 0) -> Report:
    """Grade a function that lives in this process, such as a notebook's: the same judgment, without the isolation."""
    from minigen.course.exercise.substitute import replaced

    started = time.monotonic()
    reference = exercise.reference
    if not callable(function):
        message = f"an answer is a function, got {type(function).__name__}"
        return _everywhere(exercise, Outcome(status.WRONG_TYPE, message))
    if function is reference:
        return _everywhere(exercise, Outcome(status.PACKAGE_ANSWER, "this is the package's own function"))
    wanted = references(exercise, seed)
    incidents: list[tuple[str, str]] = []
    with contextlib.ExitStack() as stack:
        for target in (exercise.target, *exercise.blocked):
            hidden = stand_in(target, lambda state, message: incidents.append((state, message)))
            stack.enter_context(replaced(target, hidden, also=[getattr(function, "__globals__", {})]))
        outcomes = observe_here(exercise, function, seed, wanted)
    if incidents:
        outcomes = [
            outcome if outcome.status == incidents[0][0] else Outcome(*incidents[0], outcome.line, outcome.text)
            for outcome in outcomes
        ]
    report = judge(exercise, outcomes, wanted, seed)
    report.seconds = time.monotonic() - started
    return report
