"""Lessons, claims and exercises.

`from minigen.course import Lesson` is the first line of every lesson; `check` tries an exercise from a notebook.
"""

from collections.abc import Callable

from minigen.course.console import UsageError
from minigen.course.exercise.format import Exercise
from minigen.course.lesson.claims import CheckFailed
from minigen.course.lesson.declare import Lesson

__all__ = ["CheckFailed", "Exercise", "Lesson", "UsageError", "check"]


def check(exercise_id: str, function: Callable | None = None) -> None:
    """Check an answer and print the report: `check("gan/02/discriminator_loss", my_function)`, in a notebook.

    Without a function, the student's file is checked, as `minigen exercise check ID` does.
    Raises UsageError for an unknown exercise.
    """
    from minigen.course.exercise import checking  # the grader, which no lesson needs and no worker should load

    checking.check(exercise_id, function)
