"""Lessons, claims and exercises.

`from minigen.course import Lesson` is the first line of every lesson; `check` tries an exercise from a notebook, and
`use` trains a lesson there with the student's own function. `load_trained` is a lesson's trained model. What a lesson
does not need is loaded when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from minigen.course.console import UsageError
from minigen.course.lesson.claims import CheckFailed
from minigen.course.lesson.lesson import Lesson

if TYPE_CHECKING:
    from minigen.course.exercise.format import Exercise
    from minigen.course.exercise.notebook import check, inputs, use
    from minigen.course.lesson.trained import load_trained

__all__ = ["CheckFailed", "Exercise", "Lesson", "UsageError", "check", "inputs", "load_trained", "use"]

_HOMES = dict.fromkeys(["check", "inputs", "use"], "minigen.course.exercise.notebook")
_HOMES |= {"Exercise": "minigen.course.exercise.format", "load_trained": "minigen.course.lesson.trained"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
