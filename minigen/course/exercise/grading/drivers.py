"""The drivers of an exercise, as a worker gets them: from its file, without what that holds of the answer."""

from __future__ import annotations

import types
from collections.abc import Callable

from minigen.course.exercise.format import Exercise

__all__ = ["load_drivers"]


def load_drivers(source: str, file: str, name: str) -> list[Callable]:
    """The drivers of the exercise whose function is `name`, in order, from the text of `exercise.py`.

    The exercises themselves, with their hints and the values that cases expect, are emptied: a driver cannot use them.
    Raises whatever the file raises, and LookupError if it has no such exercise.
    """
    module = types.ModuleType("exercise")
    exec(compile(source, file, "exec"), module.__dict__)
    exercises = [value for value in vars(module).values() if isinstance(value, Exercise)]
    found = [[case.driver for case in exercise.cases] for exercise in exercises if exercise.name == name]
    for exercise in exercises:
        vars(exercise).clear()
    if not found:
        raise LookupError(f"{file} has no exercise {name}")
    return found[0]
