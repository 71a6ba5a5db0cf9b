"""The student's functions in the place of the package's: the one registry behind `minigen run ID --with FILE`.

install("exercises/gan_02.py", "gan/02")      # before the lesson runs
...                                           # the lesson trains, and her functions are called
print(report())                               # how many times
restore()
"""

from __future__ import annotations

import functools
import itertools
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from minigen.course.console import UsageError
from minigen.course.exercise import catalog
from minigen.course.exercise.format import Exercise
from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.submission import read_submission
from minigen.course.exercise.patching import replace
from minigen.course.exercise.stubs import is_stub

__all__ = ["calls", "install", "report", "restore"]


@dataclass
class _Substitute:
    exercise: Exercise
    undo: list[Callable[[], None]]
    count: itertools.count = field(default_factory=itertools.count)  # next() cannot lose a call of another thread
    calls: int = 0


_active: dict[str, _Substitute] = {}


def install(file: str | Path, lesson_id: str) -> list[str]:
    """Put the functions of a student's file in the place of the package's; return their exercises' ids.

    Functions that are still stubs stay the package's. Raises UsageError, with nothing changed, for a file that cannot
    be run, a lesson without exercises, or a file in which none of their functions is written.
    """
    exercises = catalog.exercises_of(lesson_id)
    if not exercises:
        raise UsageError(f"--with: {lesson_id} has no exercises, so there is nothing to put your functions in place of")
    submission = read_submission(Path(file))
    if submission.status != status.PASS:
        where = f", line {submission.line}" if submission.line else ""
        raise UsageError(f"--with {file}{where}: {submission.message}")
    written = [exercise for exercise in exercises if is_stub(submission.source, exercise.name) is False]
    if not written:
        names = ", ".join(exercise.name for exercise in exercises)
        stubs = any(is_stub(submission.source, exercise.name) for exercise in exercises)
        why = "its functions are still the stubs" if stubs else "it defines none of them"
        raise UsageError(f"--with {file}: {lesson_id} can use {names}, but {why}")
    namespace = _load(submission.source, Path(file), exercises)
    restore()
    for exercise in written:
        function = namespace.get(exercise.name)
        if not callable(function):
            restore()
            raise UsageError(f"--with {file}: {exercise.name} is not a function")
        entry = _Substitute(exercise, [])
        _active[exercise.id] = entry
        counted = _counted(function, entry)
        namespace[exercise.name] = counted  # her other functions call it, too
        entry.undo = replace(exercise.target, counted)
    return [exercise.id for exercise in written]


def _load(source: str, file: Path, exercises: Sequence[Exercise]) -> dict:
    """Run a student's file in this process: it is her machine, and her training run."""
    module = types.ModuleType(file.stem)
    module.__file__ = str(file)
    try:
        exec(compile(source, str(file.resolve()), "exec", dont_inherit=True), module.__dict__)
    except (Exception, SystemExit) as error:
        raise UsageError(f"--with {file}: it cannot be loaded: {type(error).__name__}: {error}") from error
    for exercise in exercises:
        if module.__dict__.get(exercise.name) is exercise.reference:
            raise UsageError(f"--with {file}: {exercise.name} is the package's own function")
    return module.__dict__


def _counted(function: Callable, entry: _Substitute) -> Callable:
    @functools.wraps(function)
    def counted(*args, **kwargs):
        entry.calls = next(entry.count) + 1
        return function(*args, **kwargs)

    return counted


def calls() -> dict[str, int]:
    """How many times each installed function has been called."""
    return {identity: entry.calls for identity, entry in _active.items()}


def report() -> str:
    """One line for each installed function: how many times it has been called. Empty if none is installed."""
    lines = []
    for identity, count in calls().items():
        times = "was never called" if not count else f"was called {count:,} time{'s' * (count != 1)}"
        lines.append(f"your {identity.rpartition('/')[2]} {times} ({identity})")
    return "\n".join(lines)


def restore() -> None:
    """Put the package's own functions back."""
    while _active:
        _, entry = _active.popitem()
        for step in reversed(entry.undo):
            step()
