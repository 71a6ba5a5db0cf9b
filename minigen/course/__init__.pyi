"""The public names of the package, each loaded from its home when it is first used: see `minigen/lazy.py`."""

from minigen.course.console import UsageError as UsageError
from minigen.course.exercise.format import Exercise as Exercise
from minigen.course.exercise.in_notebook import check as check
from minigen.course.exercise.in_notebook import inputs as inputs
from minigen.course.exercise.in_notebook import use as use
from minigen.course.lesson.claims import CheckFailed as CheckFailed
from minigen.course.lesson.lesson import Lesson as Lesson
from minigen.course.lesson.trained import load_trained as load_trained
