"""The student's functions in the place of the package's: the one registry behind `minigen run ID --with FILE`.

    with substituted("exercises/gan_02.py", "gan/02"):
        ...                                   # the lesson trains, her functions are called, and it is said how often

`use(my_function)` in a notebook is built on `put`, which does it for one function.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import types
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minigen.course.console import UsageError
from minigen.course.exercise import catalog
from minigen.course.exercise.format import Exercise
from minigen.course.exercise.functions import formula
from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.submission import read_submission
from minigen.course.exercise.patching import put_back, replace
from minigen.course.exercise.progress import Progress, answer_file
from minigen.course.exercise.stubs import is_stub

__all__ = ["calls", "fingerprint", "install", "own", "put", "report", "restore", "substituted", "suspended"]


@dataclass
class _Substitute:
    exercise: Exercise
    student: Callable
    undo: list[Callable[[], None]] = field(default_factory=list)
    count: itertools.count = field(default_factory=itertools.count)  # next() cannot lose a call of another thread
    calls: int = 0

    def __post_init__(self) -> None:
        @functools.wraps(self.student)
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.calls = next(self.count) + 1
            return self.student(*args, **kwargs)

        vars(counted).update(student=self.student, replaces=self.exercise.reference)
        counted.formula = counted  # type: ignore[attr-defined]  # a loop that has checked calls hers, and it counts
        self.counted: Callable = counted

    def enter(self, space: MutableMapping[str, Any]) -> None:
        """Put the function in the package's place, and into the namespace from which her other functions call it."""
        self.undo = replace(self.exercise.target, self.counted)
        name = self.exercise.name
        if space.get(name) is self.student:
            space[name] = self.counted
            self.undo.append(functools.partial(put_back, space, name, self.counted, self.student))

    def leave(self) -> None:
        for step in reversed(self.undo):
            step()
        self.undo = []


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
    from minigen.course.exercise.limits import as_given  # here, since every lesson imports this module

    changed = [exercise.name for exercise in written if as_given(exercise, Path(file).parent).changed]
    if changed:
        names = ", ".join(changed)
        raise UsageError(f"--with {file}: {names} is changed for an assignment; the lesson has another equation")
    namespace = _load(submission.source, Path(file), exercises)
    for exercise in written:
        if not callable(namespace.get(exercise.name)):
            raise UsageError(f"--with {file}: {exercise.name} is not a function")
    restore()
    for exercise in written:
        put(exercise, namespace[exercise.name], namespace)
    return [exercise.id for exercise in written]


@contextlib.contextmanager
def substituted(file: str | Path, lesson_id: str, even_if_wrong: bool = False) -> Iterator[None]:
    """The student's functions in the place of the package's while a lesson runs; prints how often they were called.

    It prints, too, which of them have not passed, as far as it is recorded; `even_if_wrong`: the lesson's checks go on.
    """
    names = install(file, lesson_id)
    exercises = catalog.exercises_of(lesson_id)
    others = [exercise.id for exercise in exercises if exercise.id not in names]
    print(f"with your {', '.join(name.rpartition('/')[2] for name in names)} from {file}")
    if others:
        print(f"not written yet, so the package's: {', '.join(name.rpartition('/')[2] for name in others)}")
    open_ = _not_passed(Path(file), [exercise for exercise in exercises if exercise.id in names])
    if open_ and even_if_wrong:
        print(f"not passed yet: {', '.join(open_)}: checks of the lesson that fail are reported, and it goes on")
    elif open_:
        print(f"not passed yet: {', '.join(open_)}: a check of the lesson that fails stops it, unless --even-if-wrong")
    try:
        yield
    finally:
        print(report())
        restore()


def _not_passed(file: Path, exercises: Sequence[Exercise]) -> list[str]:
    """The functions of a file that have never passed, by the record beside it; none if it is not that of the file."""
    if not exercises or file.name != answer_file(exercises[0].lesson).name:
        return []
    record = Progress(file.parent)
    return [exercise.name for exercise in exercises if not record.of(exercise)["passed"]]


def put(exercise: Exercise, function: Callable, space: MutableMapping[str, Any] | None = None) -> None:
    """Put one function in the place of its exercise's target; what stood there before is removed.

    space: the namespace of her other functions, which then call the counted one; that of the function unless given.
    """
    before = _active.pop(exercise.id, None)
    if before is not None:
        before.leave()
    function = own(function)
    entry = _active[exercise.id] = _Substitute(exercise, function)
    entry.enter(getattr(function, "__globals__", {}) if space is None else space)


def own(function: Any) -> Any:
    """The student's function itself, where the argument is a wrapper that counts its calls."""
    return getattr(function, "student", function)


@contextlib.contextmanager
def suspended() -> Iterator[None]:
    """The package's own functions for a while: an answer is compared with them."""
    entries = list(_active.values())
    for entry in reversed(entries):
        entry.leave()
    try:
        yield
    finally:
        for entry in entries:
            entry.enter(getattr(entry.student, "__globals__", {}))


def fingerprint() -> str:
    """A hash of the functions that are in the package's place, for what is kept of a training; "" if there are none."""
    text = ""
    for identity, entry in sorted(_active.items()):
        code = getattr(entry.student, "__code__", None)
        text += f"{identity} {code.co_code.hex()} {code.co_consts} {code.co_names}" if code else repr(entry.student)
    return hashlib.sha256(text.encode()).hexdigest()[:16] if text else ""


def _load(source: str, file: Path, exercises: Sequence[Exercise]) -> dict:
    """Run a student's file in this process: it is her machine, and her training run."""
    module = types.ModuleType(file.stem)
    module.__file__ = str(file)
    try:
        exec(compile(source, str(file.resolve()), "exec", dont_inherit=True), module.__dict__)
    except (Exception, SystemExit) as error:
        raise UsageError(f"--with {file}: it cannot be loaded: {type(error).__name__}: {error}") from error
    for exercise in exercises:
        given: Any = module.__dict__.get(exercise.name)
        if formula(given) is formula(exercise.reference):
            raise UsageError(f"--with {file}: {exercise.name} is the package's own function")
    return module.__dict__


def calls() -> dict[str, int]:
    """How many times each installed function has been called."""
    return {identity: entry.calls for identity, entry in _active.items()}


def report() -> str:
    """One line for each installed function: how many times it has been called. Empty if none is installed."""
    lines = []
    for identity, count in calls().items():
        times = f"was called {count:,} {'time' if count == 1 else 'times'}" if count else _why_not_called(identity)
        lines.append(f"your {identity.rpartition('/')[2]} {times} ({identity})")
    return "\n".join(lines)


def _why_not_called(identity: str) -> str:
    """Another function of hers may be where the package's calls this one."""
    name = _active[identity].exercise.target.rpartition(":")[2].rpartition(".")[2]
    callers = [
        entry.exercise.name
        for entry in _active.values()
        if entry.calls and name in formula(vars(entry.counted)["replaces"]).__code__.co_names
    ]
    if not callers:
        return "was not called in this run"
    return f"was not called: the package's {callers[0]} calls it, and yours does not"


def restore() -> None:
    """Put the package's own functions back."""
    while _active:
        _active.popitem()[1].leave()
