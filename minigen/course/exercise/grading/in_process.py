"""Answers graded in this process: the text of one where no other process can be started, or a notebook's function.

    report = grade_source(exercise, "def critic_loss(real_scores, fake_scores): ...")
    report = grade_function(exercise, critic_loss)

The same observation and comparison as for a file in a worker, with the same verdicts, hints and points. What a worker
adds is missing here: a limit on memory, on the time of a text (a page ends an endless loop by ending its Python), a
folder of its own, and a reference that cannot be reached by reading files.
"""

from __future__ import annotations

import builtins
import contextlib
import io
import os
import signal
import sys
import threading
import time
import types
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

import numpy as np

from minigen.course.exercise import catalog, stubs, substitute
from minigen.course.exercise.format import Exercise, resolve_target
from minigen.course.exercise.functions import formula
from minigen.course.exercise.grading import runner, sandbox, status
from minigen.course.exercise.grading.grade import did_you_mean, judge
from minigen.course.exercise.grading.observe import answer_module, failure_of, generator_restored, load, run_text
from minigen.course.exercise.grading.outcome import CaseOutcome, Incident, Stopped, with_incident
from minigen.course.exercise.grading.reference import (
    Reference,
    broken_reference,
    hidden_targets,
    observe_case,
    reference_hidden,
    references,
)
from minigen.course.exercise.grading.report import Report, same_for_every_case
from minigen.course.exercise.grading.submission import MAX_SOURCE, Submission, parse_submission

__all__ = ["LoadedAnswer", "TooLong", "grade_function", "grade_source", "load_source", "time_limit"]

NAME = "your answer"  # what reports call a text
MOST_OUTPUT = runner.Limits.output  # characters that an answer may print, as in a worker


class TooLong(KeyboardInterrupt):
    """The timer of `time_limit` went off. Like Ctrl-C, it passes through what catches other exceptions."""


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TooLong after seconds of processor time; nothing outside the main thread or without a timer (Windows)."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(number: int, frame: types.FrameType | None) -> NoReturn:
        raise TooLong

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def grade_function(
    exercise: Exercise, function: Callable, seed: int = 0, wanted: Sequence[Reference] | None = None
) -> Report:
    """Grade a function that lives in this process, such as a notebook's: the same judgment, without the isolation.

    Its time and what it prints are limited as in a worker. wanted: what the reference gives, where the inputs are not
    those of `references(exercise, seed)`.
    """
    started = time.monotonic()
    if not callable(function):
        message = f"an answer is a function, given without calling it: f, not f(x); got {type(function).__name__}"
        return same_for_every_case(exercise, CaseOutcome(status.WRONG_TYPE, message))
    if any(formula(function) is formula(resolve_target(target)[2]) for target in hidden_targets(exercise)):
        message = "this is the package's own function"
        return same_for_every_case(exercise, CaseOutcome(status.PACKAGE_ANSWER, message))
    wanted = references(exercise, seed) if wanted is None else wanted
    namespaces = [function.__globals__] if isinstance(function, types.FunctionType) else []
    with reference_hidden(exercise, namespaces) as incidents, generator_restored():
        printed = _Printed(incidents)
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            outcomes = [
                with_incident(_observed(exercise, function, seed, number, row), incidents)
                for number, row in enumerate(wanted)
            ]
    report = judge(exercise, outcomes, wanted, seed)
    report.output = printed.text
    report.seconds = time.monotonic() - started
    return report


def _observed(exercise: Exercise, function: Callable, seed: int, number: int, reference: Reference) -> CaseOutcome:
    """Run a function on one case, within its limit of processor time."""
    try:
        with time_limit(exercise.seconds):
            return observe_case(exercise, function, seed, number, reference)
    except TooLong as error:
        own = [formula(function).__code__.co_filename] if isinstance(function, types.FunctionType) else []
        where = failure_of(error, own)
        words = f"your function had not returned after {exercise.seconds:.3g} s of processor time: an endless loop?"
        return CaseOutcome(status.TIMEOUT, words, where.line, where.text)


# ------------------------------------------------------------------------------------------- a text


@dataclass
class LoadedAnswer:
    """A text that has been run: the function that it defines, or the outcome that every case of it has.

    notes: remarks on the other answers that it may call.
    """

    function: Callable | None
    outcome: CaseOutcome
    notes: list[str] = field(default_factory=list)


def grade_source(
    exercise: Exercise,
    text: str | Submission,
    seed: int = 0,
    others: Mapping[str, str] | None = None,
) -> Report:
    """Grade the text of an answer, or a file that was read, in this process.

    A text is graded as if it stood in the lesson's file of stubs: it has the imports of that, and may call the answers
    to its other exercises. others: these answers, by the ids of their exercises. A file has to hold all that it needs.
    Whatever the answer does (a syntax error, an exception, sys.exit, printing), the report describes it.
    """
    started = time.monotonic()
    submission = text if isinstance(text, Submission) else _submission(text, NAME)
    if submission.status != status.PASS:
        report = same_for_every_case(exercise, submission.outcome)
    else:
        with substitute.suspended():
            report = _graded(exercise, submission, seed, None if isinstance(text, Submission) else others or {})
    report.file, report.seconds = submission.file, time.monotonic() - started
    return report


def load_source(exercise: Exercise, text: str, others: Mapping[str, str] | None = None) -> LoadedAnswer:
    """Run the text of an answer for its function, to train with it; without one the outcome says why."""
    submission = _submission(text, NAME)
    if submission.status != status.PASS:
        return LoadedAnswer(None, submission.outcome)
    return _loaded(exercise, submission, others or {})


def _submission(text: str, file: str) -> Submission:
    """Return the text as a file that was read: what cannot be run is known by its status."""
    data = text.encode("utf-8", "surrogatepass")
    if len(data) > MAX_SOURCE:
        message = f"{file} has {len(data):,} bytes; an answer has at most {MAX_SOURCE:,}"
        return Submission(file, "", status.TOO_LARGE, message)
    return parse_submission(file, data)


def _graded(exercise: Exercise, submission: Submission, seed: int, others: Mapping[str, str] | None) -> Report:
    wanted = references(exercise, seed)
    broken = broken_reference(wanted)
    if broken is not None:
        return same_for_every_case(exercise, broken)
    with reference_hidden(exercise) as incidents, _surrounded(incidents) as (keeper, printed):
        answer = _loaded(exercise, submission, others)
        keeper.restore()
        loaded, function = with_incident(answer.outcome, incidents), answer.function
        outcomes = []
        if loaded.answered and function is not None:
            outcomes = [
                with_incident(
                    observe_case(exercise, function, seed, number, row, submission.file, keeper.restore), incidents
                )
                for number, row in enumerate(wanted)
            ]
    report = judge(exercise, outcomes, wanted, seed) if outcomes else same_for_every_case(exercise, loaded)
    report.output, report.notes = printed.text, answer.notes
    return report


# ------------------------------------------------------------------------------------------- running the text


def _loaded(exercise: Exercise, submission: Submission, others: Mapping[str, str] | None) -> LoadedAnswer:
    """Run an answer for its function, below what the lesson's file of stubs has above it unless `others` is None."""
    module = answer_module(submission.file)
    with _importable(module):
        notes = _run_lesson(exercise, others, module) if others is not None else []
        function, outcome = load(submission.source, submission.file, exercise.name, module)
    if outcome.status == status.MISSING_FUNCTION:
        outcome.message += did_you_mean(exercise, submission.source)
    return LoadedAnswer(function, outcome, notes)


def _run_lesson(exercise: Exercise, others: Mapping[str, str], module: types.ModuleType) -> list[str]:
    """Run the lesson's imports and the answers to its other exercises: a stub where there is none that can be run.

    Returns remarks on those that cannot.
    """
    lesson, notes = catalog.exercises_of(exercise.lesson), []
    exec("\n".join(stubs.imports([*lesson, exercise])), module.__dict__)
    for other in lesson:
        outcome = None
        if other.id in others and other.id != exercise.id:
            outcome = _run_other(other, others[other.id], module)
            if not outcome.answered:
                notes.append(f"your answer to {other.id} cannot be run, so it is not available here: {outcome.message}")
        if outcome is None or not outcome.answered:
            exec(_stub_of_other(other), module.__dict__)
    module.__dict__.pop(exercise.name, None)  # it stood there for the defaults of those below it
    return notes


def _stub_of_other(exercise: Exercise) -> str:
    """Return a function that says, when it is called, which exercise it is."""
    words = f"your answer calls {exercise.name}, which is another exercise ({exercise.id}): write that one first"
    return stubs.completed(stubs.stub(exercise), {exercise.name: f"raise NotImplementedError({words!r})"})


def _run_other(exercise: Exercise, text: str, module: types.ModuleType) -> CaseOutcome:
    submission = _submission(text, f"your {exercise.name}")
    if submission.status != status.PASS:
        return submission.outcome
    return run_text(submission.source, submission.file, module)


@contextlib.contextmanager
def _importable(module: types.ModuleType) -> Iterator[None]:
    """Make the module importable under its name, as dataclasses and the like require while they are made."""
    before = sys.modules.get(module.__name__)
    sys.modules[module.__name__] = module
    try:
        yield
    finally:
        if before is None:
            del sys.modules[module.__name__]
        else:
            sys.modules[module.__name__] = before


# ------------------------------------------------------------------------------------------- what surrounds it


class _Printed(io.StringIO):
    """Standard output and error of an answer: the beginning is kept, and too much of it stops the answer."""

    def __init__(self, incidents: list[Incident]):
        super().__init__()
        self.incidents, self.text, self.length = incidents, "", 0

    def write(self, text: str) -> int:
        self.length += len(text)
        self.text += text[: max(0, runner.SHOWN_OUTPUT - len(self.text))]
        if self.length > MOST_OUTPUT:
            self.length = 0  # the next case starts afresh, as in a worker
            message = f"your code printed more than {MOST_OUTPUT:,} characters"
            self.incidents.append((status.OUTPUT, message))
            raise Stopped(status.OUTPUT, message)
        return len(text)


@contextlib.contextmanager
def _surrounded(incidents: list[Incident]) -> Iterator[tuple[sandbox.NumpyKeeper, _Printed]]:
    """Keep what an answer must not change for others, and what it prints; restore it afterwards."""
    printed = _Printed(incidents)
    keyboard, given = sys.stdin, builtins.input
    mark = os.environ.get(runner.MARK)
    builtins.input = sandbox.no_input
    sys.stdin = io.StringIO("")
    os.environ[runner.MARK] = "here"  # `check` and `use` do nothing within an answer
    keeper = sandbox.NumpyKeeper(lambda state, message: incidents.append((state, message)))
    try:
        with (
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
            warnings.catch_warnings(),
            generator_restored(),
            np.errstate(),
            np.printoptions(),
        ):
            yield keeper, printed
    finally:
        keeper.restore()
        sys.stdin, builtins.input = keyboard, given
        if mark is None:
            os.environ.pop(runner.MARK, None)
        else:
            os.environ[runner.MARK] = mark
