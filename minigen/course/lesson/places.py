"""Where the cells of a notebook stand in the lesson's file: its cells are run in any order, changed, and run again."""

from __future__ import annotations

import ast
import difflib
import linecache
import sys
from collections.abc import Sequence
from types import FrameType

from minigen.course.cells import cells_of
from minigen.course.lesson.predict import Prediction

__all__ = ["Places", "cells_run", "running_cell"]

ALIKE = 0.6  # a changed cell is taken for the one of the file that it resembles most, from this ratio of difflib on


class Places:
    """The code cells of a lesson's file, and for each one the last prediction that stands above it, or in it."""

    def __init__(self, source: str):
        self.cells = [cell.text.strip() for cell in cells_of(source) if not cell.is_text]
        self._answered: list[Prediction | None] = []
        last = None
        for cell in self.cells:
            last = _prediction_in(cell) or last
            self._answered.append(last)

    def prediction(self, cell: str) -> Prediction | None:
        """The prediction that an outcome in this cell belongs to; None if the cell is not one of the lesson's."""
        place = self._place(cell, having="lesson.outcome(")
        return None if place is None else self._answered[place]

    def is_edited(self, cells: Sequence[str]) -> bool:
        """Whether a cell of the lesson, as it was run last, is not that of the file.

        cells: all that have been run, in that order. One that resembles none of the lesson's is the reader's own, and
        changes nothing.
        """
        last: dict[int, str] = {}
        for cell in cells:
            place = self._place(cell)
            if place is not None:
                last[place] = cell.strip()
        return any(self.cells[place] != cell for place, cell in last.items())

    def _place(self, cell: str, having: str = "") -> int | None:
        """The index of the cell of the file that this one is, or that it resembles most."""
        cell = cell.strip()
        if cell in self.cells:
            return self.cells.index(cell)
        known = [one for one in self.cells if having in one]
        return next((self.cells.index(one) for one in difflib.get_close_matches(cell, known, 1, ALIKE)), None)


def _prediction_in(cell: str) -> Prediction | None:
    """The prediction of a cell that is `lesson.predict(question, choices)`, if both are written out."""
    try:
        (statement,) = ast.parse(cell).body
        call = getattr(statement, "value", None)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "lesson.predict":
            return Prediction(*map(ast.literal_eval, call.args))
    except (SyntaxError, ValueError, TypeError):
        pass
    return None


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
