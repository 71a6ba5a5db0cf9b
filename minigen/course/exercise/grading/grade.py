"""Grade one exercise: observe the reference here and the student's function in a worker, then compare."""

from __future__ import annotations

import contextlib
import difflib
import functools
import importlib.util
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from minigen.course.exercise import catalog
from minigen.course.exercise.answers import answers_of
from minigen.course.exercise.format import Exercise, resolve
from minigen.course.exercise.grading import runner, status
from minigen.course.exercise.grading.compare import Verdict, compare
from minigen.course.exercise.grading.inputs import arguments, described, repeat_line
from minigen.course.exercise.grading.observe import Impl, Outcome, observe
from minigen.course.exercise.grading.relations import Pair, relation
from minigen.course.exercise.grading.runner import Limits, Task
from minigen.course.exercise.grading.sandbox import stand_in
from minigen.course.exercise.grading.slips import one_change, recognised
from minigen.course.exercise.grading.submission import Submission, defined_names, read_submission
from minigen.course.exercise.mutate import Mutant, mutants, mutants_of, padded, padded_of, substituted, wrapped
from minigen.course.exercise.patching import replaced

CALLED = {  # where the inputs may explain what went wrong
    *(status.WRONG_VALUE, status.NAN, status.INF, status.WRONG_SHAPE, status.WRONG_DTYPE, status.WRONG_TYPE),
    *(status.RETURNED_NONE, status.NO_GRADIENT, status.CHANGED_INPUTS, status.RAISED, status.RECURSION),
    *(status.TIMEOUT, status.MEMORY, status.CRASHED),
}
OWN_NOISE = (
    "your function draws random numbers of its own, by np.random: the same arguments have to give the same result, "
    "so use none but those that it is given."
)
LONGEST_SEARCH = 0.5  # seconds of computing, for the change of the equation that an answer may be
computing_time = getattr(time, "thread_time", time.perf_counter)  # a browser's Python has no per-thread clock

__all__ = [
    "Reference",
    "Report",
    "broken_reference",
    "compare_all",
    "decided",
    "everywhere",
    "grade_file",
    "grade_function",
    "judge",
    "near",
    "observe_case",
    "observe_here",
    "reference_hidden",
    "references",
]


@dataclass
class Report:
    """How an answer to one exercise did.

    hint, listed: the author's words if it is a listed mistake; else, not listed, what one change of the equation it is.
    """

    exercise: Exercise
    verdicts: list[Verdict]
    file: str = ""
    status: str = status.PASS
    message: str = ""
    hint: str = ""
    listed: bool = False
    output: str = ""
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        return self.status == status.PASS

    @property
    def points(self) -> int:
        """None for a file that leaves a process running, whatever its function computes."""
        return 0 if self.status == status.PROCESS else sum(verdict.points for verdict in self.verdicts)

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
            "hint": self.hint,
            "listed": self.listed,
            "cases": [verdict.to_json() for verdict in self.verdicts],
            "output": self.output,
            "notes": self.notes,
            "seconds": round(self.seconds, 3),
        }


# ------------------------------------------------------------------------------------------- observing here


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No warnings about overflow and the like from the reference, mistakes and mutants."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@dataclass(frozen=True)
class Reference:
    """What the reference gave for one case: its outcome, the form of each returned value, and what it was called on."""

    outcome: Outcome
    forms: list
    sizes: frozenset[int]
    calls: list[tuple[tuple, dict]]


def references(exercise: Exercise, seed: int) -> list[Reference]:
    """Run the package's own function on every case."""
    return [reference_of(exercise, seed, number) for number in range(len(exercise.cases))]


def reference_of(exercise: Exercise, seed: int, number: int) -> Reference:
    """Run the package's own function on one case."""
    impl = Impl(exercise.reference, mutates=exercise.mutates)
    with quiet():
        outcome = observe(exercise.cases[number].driver, impl, seed, number)
    return Reference(outcome, impl.seen, frozenset(impl.sizes), impl.calls)


def observe_here(exercise: Exercise, function: Callable, seed: int, wanted: Sequence[Reference]) -> list[Outcome]:
    """Run any function on every case in this process: a mistake, a variant, a mutant, a function from a notebook."""
    return [observe_case(exercise, function, seed, number, reference) for number, reference in enumerate(wanted)]


def observe_case(
    exercise: Exercise,
    function: Callable,
    seed: int,
    number: int,
    reference: Reference,
    file: str | None = None,
    after: Callable[[], None] | None = None,
) -> Outcome:
    """Run any function on one case in this process.

    file: of its source, if that is not the file of the function's code object. after: called after each call of it.
    """
    code = getattr(function, "__code__", None)
    files = [file] if file is not None else [code.co_filename] if code is not None else []
    impl = Impl(function, reference.forms, files, after, exercise.mutates)
    return observe(exercise.cases[number].driver, impl, seed, number)


@contextlib.contextmanager
def reference_hidden(exercise: Exercise, also: Sequence[dict] = ()) -> Iterator[list[tuple[str, str]]]:
    """The function of an exercise is not available in this process for a while, nor are those that are blocked.

    Yields the list of what was called nonetheless, as (status, message), which a swallowed exception cannot hide.
    also: further namespaces to hide it in.
    """
    incidents: list[tuple[str, str]] = []
    with contextlib.ExitStack() as stack:
        for target in (exercise.target, *exercise.blocked):
            hidden = stand_in(target, lambda state, message: incidents.append((state, message)))
            stack.enter_context(replaced(target, hidden, also))
        yield incidents


def decided(outcome: Outcome, incidents: Sequence[tuple[str, str]]) -> Outcome:
    """An incident that the answer swallowed still decides; the exception itself has the line."""
    if not incidents or outcome.status == incidents[0][0]:
        return outcome
    return Outcome(*incidents[0], outcome.line, outcome.text)


# ------------------------------------------------------------------------------------------- judging


def judge(exercise: Exercise, outcomes: Sequence[Outcome], wanted: Sequence[Reference], seed: int = 0) -> Report:
    """Compare outcomes with the reference's, and look for a listed mistake that explains a failure."""
    verdicts = compare_all(exercise, outcomes, wanted)
    report = Report(exercise, verdicts)
    failed = [verdict.status for verdict in verdicts if not verdict.passed]
    if failed:
        report.status = status.GRADER_ERROR if status.GRADER_ERROR in failed else failed[0]
        _relate(exercise, verdicts, outcomes, wanted)
        _show_inputs(exercise, report, wanted, seed)
        report.hint, report.listed = _hint(exercise, outcomes, verdicts, wanted, seed)
    return report


def compare_all(exercise: Exercise, outcomes: Sequence[Outcome], wanted: Sequence[Reference]) -> list[Verdict]:
    """One verdict for each case."""
    rows = zip(exercise.cases, outcomes, wanted, strict=True)
    return [compare(case, outcome, reference.outcome) for case, outcome, reference in rows]


def _relate(
    exercise: Exercise, verdicts: Sequence[Verdict], outcomes: Sequence[Outcome], wanted: Sequence[Reference]
) -> None:
    """Describe how each wrong value is related to the expected one."""
    pairs = {
        number: Pair(
            outcomes[number].values[verdict.key],
            wanted[number].outcome.values[verdict.key],
            exercise.cases[number].rtol,
            exercise.cases[number].atol,
            wanted[number].sizes,
        )
        for number, verdict in enumerate(verdicts)
        if verdict.status == status.WRONG_VALUE
    }
    for number, pair in pairs.items():
        verdicts[number].relation = relation(pair, [other for other in pairs.values() if other is not pair])


def _show_inputs(exercise: Exercise, report: Report, wanted: Sequence[Reference], seed: int) -> None:
    """Note what the function is called on in the simplest case that fails."""
    number = next(n for n, verdict in enumerate(report.verdicts) if not verdict.passed)
    verdict, calls = report.verdicts[number], wanted[number].calls
    if not calls or verdict.status not in CALLED:
        return
    given = arguments(exercise.reference, calls[0])
    verdict.inputs = described(given, verdict.index)
    verdict.repeat = repeat_line(exercise.name, exercise.id, verdict.case, given, seed)
    if len(calls) > 1:
        verdict.inputs.append(f"(the first of {len(calls)} calls)")


def _hint(
    exercise: Exercise,
    outcomes: Sequence[Outcome],
    verdicts: Sequence[Verdict],
    wanted: Sequence[Reference],
    seed: int,
) -> tuple[str, bool]:
    """The hint of the listed mistake that an answer makes, if it is one; else what one change of the equation it is."""
    mistakes = answers_of(exercise).mistakes
    stop = computing_time() + LONGEST_SEARCH

    @functools.cache
    def theirs(mistake: int, case: int) -> Outcome:
        return observe_case(exercise, mistakes[mistake].function, seed, case, wanted[case])

    with quiet():
        right = [row.outcome for row in wanted]
        found = recognised(exercise.cases, outcomes, verdicts, mistakes, theirs, right)
        notes = {answer.note for answer in found}
        if len(notes) == 1:
            return notes.pop(), True
        failing = next(number for number, verdict in enumerate(verdicts) if not verdict.passed)
        if outcomes[failing].draws:
            return OWN_NOISE, False
        for changed in (_changed(exercise), substituted(exercise.reference)):
            words = one_change(
                exercise.cases,
                outcomes,
                verdicts,
                (mutant for mutant in changed if computing_time() < stop),
                lambda mutant, case: observe_case(exercise, mutant.function, seed, case, wanted[case]),
                right,
            )
            if words:
                break
    return f"your values are those of the equation with {words}." if words else "", False


def _changed(exercise: Exercise) -> Iterator[Mutant]:
    """The mechanical changes of the reference, of its arguments and result, then those of other right answers."""
    yield from mutants(exercise.reference)
    yield from wrapped(exercise.reference)
    for answer in answers_of(exercise).variants:
        yield from mutants_of(answer.tree, answer.function.__globals__)
    yield from padded(exercise.reference)
    for answer in answers_of(exercise).variants:
        yield from padded_of(answer.tree, answer.function.__globals__)


# ------------------------------------------------------------------------------------------- a student's file


def grade_file(
    exercise: Exercise,
    submission: Submission | Path,
    limits: Limits | None = None,
    seed: int = 0,
    wanted: Sequence[Reference] | None = None,
    files: Mapping[str, bytes] | None = None,
) -> Report:
    """Grade a student's file on one exercise, in a process of its own.

    wanted: `references(exercise, seed)`, where many files are graded. files: what stands beside the student's file, by
    name: modules that it may import, data that it may read.
    """
    started = time.monotonic()
    if not isinstance(submission, Submission):
        submission = read_submission(submission)
    if submission.status != status.PASS:
        outcome = Outcome(submission.status, submission.message, submission.line, submission.text)
        report = everywhere(exercise, outcome)
    else:
        limits = limits or Limits(case=exercise.seconds)
        report = _grade_in_worker(exercise, submission, limits, seed, wanted, files or {})
    report.file, report.seconds = submission.file, time.monotonic() - started
    return report


def everywhere(exercise: Exercise, outcome: Outcome) -> Report:
    """The same outcome for every case."""
    cases = exercise.cases
    verdicts = [
        Verdict(case.name, outcome.status, 0, case.points, outcome.message, outcome.line, outcome.text)
        for case in cases
    ]
    return Report(exercise, verdicts, status=outcome.status, message=outcome.message)


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
    broken = broken_reference(exercise, wanted)
    if broken is not None:
        return broken
    task = Task(
        source=submission.source,
        file_name=Path(submission.file).name,
        name=exercise.name,
        drivers=exercise.path.read_text(encoding="utf-8"),
        drivers_file=str(exercise.path),
        forms=[reference.forms for reference in wanted],
        hidden=[exercise.target, *exercise.blocked],
        hidden_files=[str(exercise.path), str(exercise.path.with_name("answers.py")), *hidden_files(exercise)],
        mutates=exercise.mutates,
        path=worker_path(exercise.target),
        seed=seed,
        files=files,
    )
    run = runner.run(task, limits)
    for outcome in run.outcomes:
        if outcome.status == status.MISSING_FUNCTION:
            outcome.message += near(exercise, submission.source)
    report = judge(exercise, run.outcomes, wanted, seed)
    report.output = run.output
    if run.missing_limits:
        report.notes.append(f"this system enforces no limit on: {', '.join(sorted(set(run.missing_limits)))}")
    if run.left_process:
        report.status = status.PROCESS
        report.message = "your code left a process running; it was ended"
    return report


def broken_reference(exercise: Exercise, wanted: Sequence[Reference]) -> Report | None:
    """The report for a reference that fails itself, which is the grader's error; None if it does not."""
    broken = next((row.outcome for row in wanted if not row.outcome.answered), None)
    if broken is None:
        return None
    return everywhere(exercise, Outcome(status.GRADER_ERROR, f"the reference fails: {broken.message}"))


def near(exercise: Exercise, source: str) -> str:
    """What the file does define, and which name may be meant: not those of other exercises."""
    others = {other.name for other in catalog.exercises_of(exercise.lesson)}
    names = [name for name in defined_names(source) if name not in others]
    near = difflib.get_close_matches(exercise.name, names, n=1, cutoff=0.5)
    if near:
        return f"; it defines {near[0]}: rename it"
    return f"; it defines {', '.join(names[:6])}" if names else ""


def hidden_files(exercise: Exercise) -> list[str]:
    """The files that hold the reference, source and compiled, and the lesson's answers."""
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
    started = time.monotonic()
    if not callable(function):
        message = f"an answer is a function, given without calling it: f, not f(x); got {type(function).__name__}"
        return everywhere(exercise, Outcome(status.WRONG_TYPE, message))
    if any(function is resolve(target)[2] for target in (exercise.target, *exercise.blocked)):
        return everywhere(exercise, Outcome(status.PACKAGE_ANSWER, "this is the package's own function"))
    wanted = references(exercise, seed)
    with reference_hidden(exercise, [getattr(function, "__globals__", {})]) as incidents:
        outcomes = observe_here(exercise, function, seed, wanted)
    report = judge(exercise, [decided(outcome, incidents) for outcome in outcomes], wanted, seed)
    report.seconds = time.monotonic() - started
    return report
