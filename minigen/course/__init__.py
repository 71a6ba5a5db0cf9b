"""Lessons, claims and exercises.

`from minigen.course import Lesson` is the first line of every lesson; `check` tries an exercise from a notebook, and
`use` trains a lesson there with the student's own function. `load_trained` is a lesson's trained model. Each name is
loaded when it is first used: a command that checks an answer needs no lesson.
"""

from minigen import lazy

__getattr__, __dir__, __all__ = lazy.names(__name__)
