"""What the worker of a page calls to run a cell of a lesson: first the cells that it depends on, then itself.

    reply = run('{"lesson": "gan/01", "edited": false, "cells": [{"number": 1, "text": "..."}, ...]}', show)

The last cell is the one whose outputs are wanted; `show(frame)` is called before each cell with its place as JSON. The
reply holds the outputs, each with its kind and payload as in a recorded run, the seconds, and the error, if there was
one. What a cell shows has limits (`MOST_LINES`, `MOST_LETTERS`): beyond these it is counted, and the last output says
how much there was. A lesson works as in a notebook: a check that fails is reported, and what asks the reader does
nothing. Where the reader has changed a cell (`edited`), claims are not judged, and outcomes quote what came out.

Nothing here needs a browser: the tests call the same function in Node and in this process.
"""

from __future__ import annotations

import ast
import contextlib
import json
import linecache
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TextIO, cast

from minigen.course.book.browser import drawing
from minigen.course.console import format_number
from minigen.course.lesson import blocks, events
from minigen.course.lesson.claims import jsonable
from minigen.course.lesson.options import RunOptions
from minigen.course.lesson.run import Run, StandardOutput
from minigen.course.lesson.shipped import Origin
from minigen.course.lesson.sinks.record import output

__all__ = ["run"]

MOST_LINES = 2_000  # of text, rows of a table, outputs of a cell
MOST_LETTERS = 100_000  # of what a cell prints
LONGEST_ERROR = 2_000  # letters
drawing.install()


class PageRun(Run):
    """A run without a folder. Nothing is written, and a check that fails does not stop it."""

    goes_on = True

    def __init__(self, sink: events.Sink, edited: bool):
        super().__init__(None, RunOptions(), [sink])
        if edited:
            self.origin = Origin(True, ("+ in the page",))

    def open(self, lesson: events.Declaration) -> None:
        self._folder = cast(Any, SimpleNamespace(path=Path("out"), recipe=None, resumed=False))
        self.events.sinks = [self.summary, *self._screen]
        self.events.emit(events.Start(lesson, self.options, self.folder.path, None))


class Outputs:
    """The sink that keeps what the cell under way has shown, up to the limits."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.shown: list[dict[str, Any]] = []
        self._room = {"lines": MOST_LINES, "letters": MOST_LETTERS}
        self._left = {"lines": 0, "letters": 0, "outputs": 0}  # what there was no room for

    def __call__(self, event: events.Event) -> None:
        match event:
            case blocks.Printed(text):
                self._print(text)
            case events.Claim(claim):
                name, value, bar, status, _ = claim.row()
                self._add("claim", {"name": name, "value": value, "bar": bar, "status": status})
            case blocks.Check(before=before):
                self._add(event.kind, {**event.payload, **({"before": before} if before else {})})
            case blocks.Figure(drawing=drawing):
                figure: Any = getattr(drawing, "figure", drawing)  # of axes
                self._add(event.kind, {**event.payload, "svg": figure.svg() if hasattr(figure, "svg") else ""})
            case blocks.Table(rows=rows):
                shown = [[format_number(value) for value in row] for row in rows[:MOST_LINES]]
                more = [[_more(len(rows) - MOST_LINES, "row")]] if len(rows) > MOST_LINES else []
                self._add(event.kind, {**event.payload, "rows": rows[:MOST_LINES], "shown": shown + more})
            case _:
                shown = output(event)
                if shown:
                    self._add(shown.kind, shown.payload)

    def finished(self) -> list[dict[str, Any]]:
        """Return what was shown and, as its last text, how much was not."""
        counted = self._left["lines"], "line"
        if not counted[0]:
            counted = self._left["letters"], "character"
        notes = [_more(*each) for each in (counted, (self._left["outputs"], "output")) if each[0]]
        return self.shown + [{"kind": "more", "payload": {"text": note}} for note in notes]

    def _add(self, kind: str, payload: Mapping[str, Any]) -> None:
        if len(self.shown) < MOST_LINES:
            self.shown.append({"kind": kind, "payload": jsonable(dict(payload))})
        else:
            self._left["outputs"] += 1

    def _print(self, text: str) -> None:
        """Join what is printed without another output between: print() writes in pieces."""
        fits = "".join(text[: self._room["letters"]].splitlines(keepends=True)[: self._room["lines"]])
        rest = text[len(fits) :]
        self._room["lines"] -= fits.count("\n")
        self._room["letters"] -= len(fits)
        if rest:
            self._left["lines"] += rest.count("\n")
            self._left["letters"] += len(rest)
        if not fits:
            return
        if not (self.shown and self.shown[-1]["kind"] == "text"):
            self._add("text", {"text": ""})
        if self.shown[-1]["kind"] == "text":
            self.shown[-1]["payload"]["text"] += fits


def _more(count: int, what: str) -> str:
    return f"... {count:,} more {what}{'s' if count > 1 else ''}"


def run(request: str, show: Callable[[str], Any] = lambda frame: None) -> str:
    """Run the last of some cells after the others; request and reply are described above."""
    wanted = json.loads(request)
    cells, outputs = wanted["cells"], Outputs()
    page_run = PageRun(outputs, wanted.get("edited", False))
    names: dict[str, Any] = {"__name__": "__main__"}
    reply: dict[str, Any] = {}
    started = time.monotonic()
    Run.current = page_run
    try:
        with contextlib.redirect_stdout(cast(TextIO, StandardOutput(sys.stdout, page_run.events))):
            for place, cell in enumerate(cells, 1):
                show(json.dumps({"cell": place, "of": len(cells)}))
                outputs.clear()
                _execute(cell["text"], _file(cell), names, is_last=place == len(cells))
    except (Exception, SystemExit) as error:
        reply = _described(error, cell["number"], {_file(each): each["number"] for each in cells})
    finally:
        Run.current = None
    return json.dumps({"outputs": outputs.finished(), "seconds": time.monotonic() - started, **reply})


def _file(cell: Mapping[str, Any]) -> str:
    return f"<cell {cell['number']}>"


def _described(error: BaseException, running: int, numbers: Mapping[str, int]) -> dict[str, Any]:
    """Return what an exception says, and the last line of a cell that it passed. numbers: of the cells,
    by their files.
    """
    message = f"{type(error).__name__}: {error}"[:LONGEST_ERROR]
    if isinstance(error, SystemExit):
        message = "the cell ended the program (sys.exit)"
    if isinstance(error, SyntaxError) and error.filename in numbers:
        return {"error": f"{type(error).__name__}: {error.msg}", "line": error.lineno, "cell": running}
    frames = traceback.extract_tb(error.__traceback__)
    places = [(numbers[frame.filename], frame.lineno) for frame in frames if frame.filename in numbers]
    cell, line = places[-1] if places else (running, None)
    return {"error": message, "line": line, "cell": cell}


def _execute(text: str, file: str, names: dict[str, Any], is_last: bool) -> None:
    """Run the code of a cell; the value of a last line that is an expression is printed, as in a notebook."""
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    body = ast.parse(text, file).body
    value = body.pop() if is_last and body and isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), file, "exec"), names)
    if value is not None:
        exec(compile(ast.Interactive([value]), file, "single"), names)
