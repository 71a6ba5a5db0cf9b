"""Lessons, claims and exercises.

`from minigen.course import Lesson` is the first line of every lesson; `check` tries an exercise from a notebook, and
`use` trains a lesson there with the student's own function. `load_trained` is a lesson's trained model. Each name is
loaded when it is first used: a command that checks an answer needs no lesson.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minigen.course.console import UsageError
    from minigen.course.exercise.format import Exercise
    from minigen.course.exercise.in_notebook import check, inputs, use
    from minigen.course.lesson.claims import CheckFailed
    from minigen.course.lesson.lesson import Lesson
    from minigen.course.lesson.trained import load_trained

__all__ = ["CheckFailed", "Exercise", "Lesson", "UsageError", "check", "inputs", "load_trained", "use"]

_HOMES = {
    "CheckFailed": "lesson.claims",
    "Exercise": "exercise.format",
    "Lesson": "lesson.lesson",
    "UsageError": "console",
    "check": "exercise.in_notebook",
    "inputs": "exercise.in_notebook",
    "load_trained": "lesson.trained",
    "use": "exercise.in_notebook",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
