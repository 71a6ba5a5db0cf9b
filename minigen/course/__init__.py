"""Lessons, claims and exercises.

`from minigen.course import Lesson` is the first line of every lesson; `check` tries an exercise from a notebook.
"""

from minigen.course.console import UsageError
from minigen.course.exercise.checking import check, inputs
from minigen.course.exercise.format import Exercise
from minigen.course.lesson.claims import CheckFailed
from minigen.course.lesson.declare import Lesson

__all__ = ["CheckFailed", "Exercise", "Lesson", "UsageError", "check", "inputs"]
