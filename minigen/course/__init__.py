"""Lessons, claims and exercises.

`from minigen.course import Lesson` is the first line of every lesson; `check` tries an exercise from a notebook.
Names are imported when they are asked for, so that `minigen list` starts at once.
"""

from importlib import import_module

_HOMES = {
    "Lesson": "minigen.course.lesson.declare",
    "CheckFailed": "minigen.course.lesson.claims",
    "UsageError": "minigen.course.console",
    "Exercise": "minigen.course.exercise.format",
    "check": "minigen.course.exercise.checking",
    "inputs": "minigen.course.exercise.checking",
}

__all__ = list(_HOMES)


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
