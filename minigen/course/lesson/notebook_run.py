"""The run of a notebook: its cells are run in any order, changed, and run again; it shows them below each cell."""

from __future__ import annotations

import os

from minigen.course.index.lesson_source import LessonSource
from minigen.course.index.lessons import lesson_file
from minigen.course.lesson import events
from minigen.course.lesson.options import RunOptions
from minigen.course.lesson.places import Places, cells_run, running_cell
from minigen.course.lesson.predict import Prediction
from minigen.course.lesson.run import Run
from minigen.course.lesson.sinks.jupyter import display_event

__all__ = ["NotebookRun"]


class NotebookRun(Run):
    """A run in a notebook, of a lesson of minigen or of the reader's own.

    It is quick if the environment variable MINIGEN_QUICK is set, as by `%env MINIGEN_QUICK=1`.
    """

    def __init__(self, options: RunOptions | None = None):
        options = options or RunOptions(quick=bool(os.environ.get("MINIGEN_QUICK")))
        super().__init__(None, options, [display_event], repeats=True)
        self._places: Places | None = None  # of the cells in the lesson's file

    def open(self, lesson: events.Declaration) -> None:
        super().open(lesson)
        file = lesson_file(lesson.id)
        self._places = Places(LessonSource.read(file)) if file.exists() else None

    @property
    def is_edited(self) -> bool:
        return self._places is not None and self._places.is_edited(cells_run())

    def prediction_above(self) -> Prediction | None:
        return None if self._places is None else self._places.prediction(running_cell())
