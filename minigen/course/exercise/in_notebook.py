"""What a notebook offers to a student: `check` her function, see its `inputs`, `use` it to train the lesson.

What grades is imported by the functions that need it: every lesson imports this module.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import sys
import textwrap
import types
from collections.abc import Callable, Sequence
from typing import Any

from minigen.course.console import UsageError, plural
from minigen.course.exercise import catalog, substitute
from minigen.course.exercise.format import Exercise, resolve_target
from minigen.course.exercise.names import global_names
from minigen.course.exercise.progress import Progress, answer_file, home, next_exercise, next_step, note

__all__ = ["check", "inputs", "use"]

PLAIN = (bool, int, float, complex, str, bytes, tuple, list, dict, set, type(None))  # a cell may state such a value
NOT_TAKEN = (
    "whose cell has to be run: minigen grade takes imports, functions, classes and simple values out of a notebook"
)


def check(
    exercise_id: str | Callable, function: Callable | None = None, allowed_modules: Sequence[str] | None = None
) -> None:
    """Check an answer and print the report: `check("gan/02/discriminator_loss", my_function)`, in a notebook.

    `check(discriminator_loss)` will do for a function that has the exercise's name. The result is noted in the
    student's folder, as that of `minigen exercise check` is. `check("gan/02")` checks the student's file.
    allowed_modules: in the notebook of an assignment, what an answer may import, [] for all; then the report also warns
    of what `minigen grade`, which takes the function out of the notebook, will refuse.
    Raises UsageError for an unknown exercise.
    """
    from minigen.course.exercise.checking import check_file
    from minigen.course.exercise.grading.report import render_all
    from minigen.course.exercise.grading.runner import MARK

    if MARK in os.environ:  # a call that was left in a student's file
        print("(a file that is being checked does not check itself)")
        return
    if function is None and callable(exercise_id):
        function, exercise_id = exercise_id, _name(exercise_id)
    if not isinstance(exercise_id, str):
        kind = type(exercise_id).__name__
        raise UsageError(f'say what to check: check("gan/02/discriminator_loss", my_function), got {kind}')
    exercises = _found(exercise_id)
    with substitute.suspended():
        if function is None:
            path = answer_file(exercises[0].lesson)
            reports = check_file(exercises, path)
            note(reports, path)
            print(render_all(reports, sys.stdout), next_step(reports), sep="\n\n")
            return
        function = substitute.own(function)
        _check_here(_one(exercise_id, exercises), function)
        for warning in _refused(function, allowed_modules) if allowed_modules is not None else ():
            print(f"warning: {warning}")


def _refused(function: Any, allowed_modules: Sequence[str]) -> list[str]:
    """Return what a function uses of its notebook that `minigen grade` does not allow or cannot take, in words."""
    namespace = getattr(function, "__globals__", {})
    roots = {name.partition(".")[0] for name in allowed_modules} | {"builtins", "__future__"}
    waiting, seen, found = [function], [function], []
    while waiting:
        owner = waiting.pop()
        try:
            names = global_names(textwrap.dedent(inspect.getsource(owner)))
        except (OSError, TypeError, SyntaxError, ValueError):  # without its source nothing is known of it
            continue
        for name in sorted(names & namespace.keys()):
            value = namespace[name]
            if type(value) in PLAIN or any(value is other for other in seen):
                continue
            seen.append(value)
            if isinstance(value, types.ModuleType):
                module = value.__name__
            elif callable(value) and hasattr(value, "__name__"):
                module = getattr(value, "__module__", None) or type(value).__module__
            else:
                found.append(f"{_name(owner)} uses {name}, {NOT_TAKEN}")
                continue
            if module == namespace.get("__name__"):
                waiting.append(value)
            elif allowed_modules and module.partition(".")[0] not in roots:
                found.append(f"{_name(owner)} uses {name}, of the module {module}: minigen grade does not allow it")
    return found


def _check_here(exercise: Exercise, function: Any) -> None:
    from minigen.course.exercise.grading.calls import called_exercises, words
    from minigen.course.exercise.grading.in_process import grade_function
    from minigen.course.exercise.grading.report import render

    report = grade_function(exercise, function)
    if not report.passed and isinstance(function, types.FunctionType):
        for other in called_exercises(exercise, function.__code__.co_names):
            its = function.__globals__.get(other.name)
            if isinstance(its, types.FunctionType) and not grade_function(other, its).passed:
                report.notes.append(words(other))
    print(render(report, sys.stdout))
    folder = home()
    with contextlib.suppress(OSError):
        folder.mkdir(exist_ok=True)
    note([report], answer_file(exercise.lesson, folder))
    if not report.passed:
        print(f"\nstuck? run  !minigen exercise hint {exercise.id}  in a cell")
        return
    if exercise.changed:  # the lesson is about another equation
        print(next_exercise(folder, after=exercise.id))
        return
    print(f"\nnow train with it: from minigen.course import use; use({_name(function)}); run the lesson's cells again")
    print(f"the package's version: run  !minigen exercise diff {exercise.id}  in a cell")
    print(next_exercise(folder, after=exercise.id))


def inputs(exercise_id: str, case: str, seed: int = 0, call: int = 1) -> tuple:
    """Return the arguments of a call that a case makes: `my_loss(*inputs("gan/12/critic_loss", "by_hand"))`.

    call: which of its calls, from 1. Raises UsageError for an unknown exercise, case or call, and in a file that is
    being checked.
    """
    from minigen.course.exercise.grading.inputs import arguments
    from minigen.course.exercise.grading.reference import references
    from minigen.course.exercise.grading.runner import MARK

    if MARK in os.environ:
        raise UsageError("inputs(...) is for your own Python session and not available in a check; remove the call")
    exercises = _found(exercise_id)
    if len(exercises) != 1:
        raise UsageError(f"{exercise_id!r} has several exercises: say which")
    for wanted, row in zip(exercises[0].cases, references(exercises[0], seed), strict=True):
        if wanted.name == case and row.calls:
            if not 1 <= call <= len(row.calls):
                raise UsageError(
                    f"case {case!r} of {exercises[0].id} makes {plural(len(row.calls), 'call')}, not {call}"
                )
            return tuple(arguments(exercises[0].reference, row.calls[call - 1]).values())
    names = ", ".join(wanted.name for wanted in exercises[0].cases)
    raise UsageError(f"{exercises[0].id} has no case {case!r}; it has {names}")


def use(*functions: Callable, exercise: str | None = None) -> None:
    """Train with your own functions in this notebook: `use(discriminator_loss)`, then run the lesson's cells.

    A function answers the exercise of its name, or `exercise`, for one function of another name. After a change to a
    function, `use` it again. `use()` says how often they were called, and puts the package's own back.
    Raises UsageError for what is no function, and for an unknown exercise; nothing is changed then.
    """
    from minigen.course.exercise.grading.runner import MARK

    if MARK in os.environ:  # a call that was left in a student's file
        print("(a file that is being checked trains nothing)")
        return
    if not functions:
        print(substitute.report() or "no function of yours is in use")
        substitute.restore()
        return
    if exercise is not None and len(functions) > 1:
        raise UsageError(f"exercise={exercise!r} goes with one function, got {len(functions)}")
    wanted = []
    with substitute.suspended():
        for function in map(substitute.own, functions):
            if not callable(function):
                raise UsageError(f"use takes functions, use(my_function), got {type(function).__name__}")
            name = _name(function) if exercise is None else exercise
            found = _one(name, catalog.find(name))
            if _found(found.id)[0].changed:
                raise UsageError(f"{found.name} is changed for your assignment: the lesson cannot train with it")
            if function is resolve_target(found.target)[2]:
                raise UsageError(f"{found.name} is the package's own function: write yours, then use it")
            wanted.append((found, function))
    record = Progress(home())
    for found, function in wanted:
        substitute.put(found, function)
        known = "" if record.of(found)["passed"] else f"; it has not passed yet: check({found.id!r}, {_name(function)})"
        print(f"your {_name(function)} is now used in the place of the package's ({found.id}){known}")


def _found(address: str) -> list[Exercise]:
    """Return the exercises of a name, as the student's folder has them, or the one changed exercise of an address."""
    from minigen.course.exercise.given import MARK
    from minigen.course.exercise.limits import as_given, handed_out

    if MARK in address:
        return [handed_out(address)]
    return [as_given(exercise, home()) for exercise in catalog.find(address)]


def _name(function: Any) -> str:
    return getattr(function, "__name__", type(function).__name__)


def _one(text: str, exercises: list[Exercise]) -> Exercise:
    if len(exercises) != 1:
        raise UsageError(f"{text!r} has several exercises: say which ({', '.join(found.id for found in exercises)})")
    return exercises[0]
