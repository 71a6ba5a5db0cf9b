"""Where the cells of a notebook are in the lesson's file: its cells are run in any order, changed, and run again."""

from __future__ import annotations

import difflib
import linecache
import sys
from collections.abc import Sequence
from types import FrameType

from minigen.course.index.lesson_source import COMPUTED, LessonSource
from minigen.course.lesson.predict import Prediction

__all__ = ["Places", "cells_run", "running_cell"]

ALIKE = 0.6  # a changed cell is taken for the one of the file that it resembles most, from this ratio of difflib on


class Places:
    """The code cells of a lesson's file, and for each one the last prediction that is above it, or in it."""

    def __init__(self, source: LessonSource):
        numbers = [number for number, cell in enumerate(source.cells) if not cell.is_text]
        made = _predictions(source)
        telling = {call.cell for call in source.calls_of("outcome")}
        self.cells = [source.cells[number].text.strip() for number in numbers]
        self._telling = [text for number, text in zip(numbers, self.cells) if number in telling]
        self._answered: list[Prediction | None] = []
        last = None
        for number in numbers:
            last = made.get(number, last)
            self._answered.append(last)

    def prediction(self, cell: str) -> Prediction | None:
        """The prediction that an outcome in this cell belongs to; None if the cell is not one of the lesson's."""
        place = self._place(cell, self._telling)
        return None if place is None else self._answered[place]

    def is_edited(self, cells: Sequence[str]) -> bool:
        """Whether a cell of the lesson, as it was run last, is not that of the file.

        cells: all that have been run, in that order. One that resembles none of the lesson's is the reader's own, and
        changes nothing.
        """
        last: dict[int, str] = {}
        for cell in cells:
            place = self._place(cell, self.cells)
            if place is not None:
                last[place] = cell.strip()
        return any(self.cells[place] != cell for place, cell in last.items())

    def _place(self, cell: str, known: Sequence[str]) -> int | None:
        """The index of the cell of the file that this one is, or of the known one that it resembles most."""
        cell = cell.strip()
        if cell in self.cells:
            return self.cells.index(cell)
        return next((self.cells.index(one) for one in difflib.get_close_matches(cell, known, 1, ALIKE)), None)


def _predictions(source: LessonSource) -> dict[int, Prediction]:
    """Cell -> its prediction, where the cell is `lesson.predict(question, choices)` and both are written out."""
    found = {}
    for call in source.calls_of("predict"):
        question, choices = call.literal("question", 0), call.literal("choices", 1)
        only = [statement.cell for statement in source.statements].count(call.cell) == 1
        if call.alone and only and COMPUTED not in (question, choices):
            found[call.cell] = Prediction(question, choices)
    return found


def running_cell() -> str:
    """The text of the notebook's cell that runs."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    return "" if frame is None else "".join(linecache.getlines(frame.f_code.co_filename))


def cells_run() -> list[str]:
    """The cells of the notebook that have been run so far, in that order."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return list(getattr(shell, "user_ns", {}).get("In", []))
