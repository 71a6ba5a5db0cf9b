"""The sink `record.jsonl`: every output of a lesson, in order, with the cell that made it.

One line is one output: `{"cell": 3, "statement": 7, "kind": "table", "payload": {...}}`. The book is made from it, so
no lesson has to run a second time. `cell` counts the cells of the lesson's file from 0. `statement` counts its
top-level statements: text between the cells may change after the run, and it still shows where the output belongs.

The kinds are those of `minigen.course.lesson.blocks`, and a payload has what the class of a kind calls `recorded`. A
text is what the lesson printed; of a picture the payload names the file in the run's folder.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from minigen.course.index.lesson_source import LessonSource
from minigen.course.lesson import blocks, events
from minigen.course.lesson.claims import jsonable

__all__ = ["FILE_NAME", "Recorder", "output", "read_record"]

FILE_NAME = "record.jsonl"


class Recorder:
    """What a running lesson has shown, written line by line to `path`, which is emptied first.

    lesson_file: the file that runs; an output belongs to the cell in which its module is at that moment.
    """

    def __init__(self, lesson_file: Path, path: Path):
        self.lesson_file, self.path = str(lesson_file), path
        self._source = LessonSource(Path(lesson_file).read_text(encoding="utf-8-sig", errors="replace"))
        self._calls: dict[str, int | None] = {}  # by the name of a claim: which of the file's calls made it
        self._line = 1
        self._printed = ""  # by one statement, not written yet: print() writes in pieces
        self.path.write_text("", encoding="utf-8")

    def __call__(self, event: events.Event) -> None:
        match event:
            case blocks.Printed(text):
                self._hold_back(text)
            case events.End():
                self._flush()
            case events.Claim(claim):
                self._calls[claim.name] = self._claiming_call()
            case _:
                shown = output(event)
                if isinstance(shown, blocks.Claims):
                    shown = replace(shown, calls=[self._calls[name] for name, *_ in shown.rows])
                if shown:
                    self._flush()
                    self._line = self._current_line()
                    self._write(shown)

    def _hold_back(self, text: str) -> None:
        """Keep printed text; what one statement prints without another output between is one text."""
        line = self._current_line()
        if self._source.place(line) != self._source.place(self._line):
            self._flush()
        self._line = line
        self._printed += text

    def _flush(self) -> None:
        """Write the printed text that is still held back."""
        text, self._printed = self._printed.strip("\n"), ""
        if text.strip():
            self._write(blocks.Printed(text))

    def _write(self, shown: blocks.Output) -> None:
        cell, statement = self._source.place(self._line)
        entry = {"cell": cell, "statement": statement, "kind": shown.kind, "payload": jsonable(shown.payload)}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")

    def _current_line(self) -> int:
        """Return the line of the lesson that runs now, or the last one known where a thread of its own shows
        something.
        """
        lines = [line for line, is_top_level in self._running() if is_top_level]
        return lines[0] if lines else self._line

    def _claiming_call(self) -> int | None:
        """Which of the calls of `lesson.claim` runs now, from the top of the file; None if none does."""
        calls = self._source.calls_of("claim")
        return next((calls.index(call) for line, _ in self._running() for call in calls if call.is_on(line)), None)

    def _running(self) -> Iterator[tuple[int, bool]]:
        """Yield the lines of the lesson's file that run now, from the innermost function outwards,
        the top level last.
        """
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if frame.f_code.co_filename == self.lesson_file:
                yield frame.f_lineno, frame.f_code.co_name == "<module>"
            frame = frame.f_back


def output(event: events.Event) -> blocks.Output | None:
    """Return the output that an event is, or that the record keeps of it; None where that is none.

    A piece of what is printed is none by itself.
    """
    match event:
        case events.Training():
            return blocks.Printed(f"training {event}")
        case events.Finish(claims=claims) if claims:
            return blocks.Claims([claim.row() for claim in claims], [None] * len(claims))
        case blocks.Output() if not isinstance(event, blocks.Printed):
            return event
    return None


def read_record(path: Path) -> list[dict[str, Any]]:
    """Return the outputs of a run in their order. Raises ValueError for a file that is no record."""
    entries = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            entry = json.loads(line)
            blocks.OUTPUTS[entry["kind"]].of_record(entry["payload"], path.parent)
            known = entry["statement"] >= 0
        except (ValueError, KeyError, TypeError, AttributeError):
            known = False
        if not known:
            raise ValueError(f"{path}, line {number}: not an output of a lesson")
        entries.append(entry)
    return entries
