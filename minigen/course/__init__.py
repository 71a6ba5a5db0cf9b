"""Lessons, claims and exercises.

`from minigen.course import Lesson` is the first line of every lesson; `check` tries an exercise from a notebook, and
`use` trains a lesson there with the student's own function. `load_trained` is a lesson's trained model.
"""

from minigen.course.console import UsageError
from minigen.course.exercise.format import Exercise
from minigen.course.exercise.notebook import check, inputs, use
from minigen.course.lesson.claims import CheckFailed
from minigen.course.lesson.lesson import Lesson
from minigen.course.lesson.trained import load_trained

__all__ = ["CheckFailed", "Exercise", "Lesson", "UsageError", "check", "inputs", "load_trained", "use"]
