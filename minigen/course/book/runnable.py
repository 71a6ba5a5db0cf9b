"""Which cells of a lesson can be run in its page of the book, with the cells that they depend on.

A cell can be run in the page if no cell of its chain (`minigen.course.book.chains`) trains, if the chain takes less
than LONGEST seconds in the browser's Python, and if it gives there what the recorded run gives, or this machine's
Python where nothing is recorded. All of that is measured by `tests/book/measure_cells.py`, which writes runnable.json:
for each lesson the digests of the chains that were found fit, with their seconds. A chain whose code has changed since
has another digest: its cell is not offered until it is measured again. Text does not count: comments, sources, minutes,
thresholds. What such a cell depends on can be run, too, but for imports and the declaration of the lesson.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from minigen.course.book.chains import Chains
from minigen.course.index.lesson_source import LessonSource
from minigen.course.index.lessons import LessonInfo, short_id
from minigen.course.lesson.changes import changes_of
from minigen.course.lesson.recipe import code_without_text
from minigen.course.lesson.result import Result
from minigen.course.reading.purposes import page_cells

__all__ = ["LONGEST", "MEASURED", "Cells", "cells_of_lesson", "digest", "shows"]

LONGEST = 2.0  # seconds
MEASURED = Path(__file__).with_name("runnable.json")
SHOWING = ("check", "claim", "table", "figure", "outcome")  # methods of a lesson
PRINTING = re.compile(r"^ *print\(", re.M)
SECONDS = re.compile(r"^training .* in ([\d.]+) s", re.M)  # as a recorded run prints a training


@dataclass(frozen=True)
class Cells:
    """The cells of a lesson.

    code:   of every cell that is not text. chains: of those that can be run in the page, the cells to run, in order.
    """

    lesson: LessonInfo
    code: Mapping[int, str]
    chains: Mapping[int, Sequence[int]]
    training: frozenset[int]

    def trains(self, cell: int) -> bool:
        """Whether a cell trains a model."""
        return cell in self.training

    def seconds(self, cell: int, result: Result | None) -> float:
        """Return the seconds that the trainings of a cell took in a run; 0 if that is not known."""
        if result is None:
            return 0.0
        cells = [statement.cell for statement in self.lesson.source.statements]
        texts = [
            entry["payload"]["text"]
            for entry in result.entries
            if entry["kind"] == "text" and cells[entry["statement"]] == cell
        ]
        return sum(float(found) for text in texts for found in SECONDS.findall(text))

    def carries_out(self, invitation: str) -> bool:
        """Whether an invitation of the lesson edits a cell that can be run in the page."""
        change = changes_of(self.lesson).get(invitation)
        return change is not None and any(change.old in self.code[cell] for cell in self.chains)

    def as_data(self, short: str) -> dict[str, Any]:
        """Return what the script of a page needs: the code of the cells of all chains, and the chains."""
        needed = {cell for chain in self.chains.values() for cell in chain}
        return {
            "lesson": short,
            "code": {str(cell): self.code[cell] for cell in sorted(needed)},
            "chains": {str(cell): list(chain) for cell, chain in self.chains.items()},
        }


@cache
def measured() -> dict[str, dict[str, float]]:
    """Lesson -> digest of a chain that can be run in the page -> its seconds in the browser's Python."""
    return json.loads(MEASURED.read_text(encoding="utf-8"))


def cells_of_lesson(lesson: LessonInfo) -> Cells:
    """Which cells of a lesson can be run in its page, and with which others."""
    source = lesson.source
    chains = Chains(source)
    fit = measured().get(short_id(lesson.path.parent), {})
    found = {cell: chains.of(cell) for cell in chains.code}
    can_run = {cell: chain for cell, chain in found.items() if digest([chains.code[each] for each in chain]) in fit}
    for chain in list(can_run.values()):  # what these cells need can be run and changed, too
        can_run |= {cell: found[cell] for cell in chain if set(found[cell]) <= set(chain)}
    declared = {cell.index for cell in page_cells(source) if cell.purpose in ("imports", "lesson")}
    can_run = {cell: can_run[cell] for cell in sorted(set(can_run) - declared)}
    training = frozenset(cell for cell in chains.code if chains.trains(cell))
    return Cells(lesson, chains.code, can_run, training)


def digest(code: Sequence[str]) -> str:
    """Eight letters that stand for the code of a chain, without its text."""
    return hashlib.sha256("\0".join(map(code_without_text, code)).encode()).hexdigest()[:8]


def shows(code: str) -> bool:
    """Whether a cell shows something that can be compared: a check, a claim, a table, a figure, an outcome, a text."""
    return bool(LessonSource(code).calls_of(*SHOWING)) or PRINTING.search(code) is not None
