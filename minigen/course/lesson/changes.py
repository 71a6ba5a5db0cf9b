"""Invitations to change a lesson and run it again: the edit that each one means, made and run.

How an author writes one. In `lesson.py`, in a cell of its own where the reader has seen the result to be changed:

    lesson.change(
        "a rare head",
        "Change `q` to `np.array([1 / 1000, 999 / 1000])` and run again. Which direction is larger now?",
        answer="KL(p || q): it is 2.761 nats, and KL(q || p) is 0.6852.",
    )

The three arguments are plain texts, Markdown with mathematics. In `changes.py`, beside the lesson, by the same name:

    from minigen.course.lesson.changes import Change

    CHANGES = {
        "a rare head": Change(
            old="q = np.array([1 / 4, 3 / 4])",
            new="q = np.array([1 / 1000, 999 / 1000])",
            shows={"KL(p || q), nats": 2.761, "KL(q || p), nats": 0.6852},
        ),
    }

An invitation is one edit in one place, which a beginner can make: `old` is once in the code of the lesson. `Change`
says what the edited lesson shows, and each number that it names must be in the answer. A quick run must show it:
what only a full training shows is asked for by a condition that holds in both, or by None. `minigen change gan/01`
makes each edit, runs the lesson until it has shown all of that, and compares; so do the tests. An invitation counts as
text: `minigen record --text gan/01` puts what is recorded of the lesson in its places beside it.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import runpy
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from minigen.course.console import format_number
from minigen.course.index.lesson_source import COMPUTED, Call, LessonSource
from minigen.course.index.lessons import LessonInfo
from minigen.course.lesson import blocks, events
from minigen.course.lesson.claims import Bar, difference
from minigen.course.lesson.folder import RunFolder
from minigen.course.lesson.options import RunOptions
from minigen.course.lesson.run import Finished, run_file
from minigen.course.lesson.sinks.text import text_of

__all__ = ["Change", "Tried", "changes_of", "edited", "invitation_calls", "invitations", "try_change"]

FILE_NAME = "changes.py"
NUMBER = re.compile(r"(?<![\w.])[-\N{MINUS SIGN}]?(?:\d[\d,]*\.?\d*|\.\d+)(?:e[-+]?\d+)?")


@dataclass(frozen=True)
class Change:
    """The edit that an invitation means, and what the edited lesson then shows. At least one of these is asked about:

    shows:   what is measured -> what it then is. On the left the name of a check or a claim, or a cell of a table,
             (row, column) or (title of the table, row, column): a row is named by its first cell, or by a tuple of its
             first cells. On the right a number, which holds to the digits that are written; a text; a list of numbers;
             a condition, by the names of `lesson.claim`, {"at_least": 2}; or None, where it is enough that it is shown.
    prints:  regular expressions, each found in what the run prints (`re.search`, several lines).
    figures: names of figures that are drawn.
    fails:   the names of the checks that no longer hold, in order, as far as the answer goes.
    raises:  a regular expression for the message of the error that stops the edited lesson.

    count: how often `old` is in the code, where the edit is "in all places". quick: whether a quick run shows it.
    """

    old: str
    new: str
    shows: Mapping[Any, Any] = field(default_factory=dict)
    prints: Sequence[str] = ()
    figures: Sequence[str] = ()
    fails: Sequence[str] = ()
    raises: str = ""
    count: int = 1
    quick: bool = True

    def __post_init__(self) -> None:
        if not (self.shows or self.prints or self.figures or self.fails or self.raises):
            raise ValueError(f"a change must say what it shows: {self.old!r} -> {self.new!r}")
        for name in ("prints", "figures", "fails"):
            if isinstance(getattr(self, name), str):
                raise ValueError(f"{name} must be a list of texts, got {getattr(self, name)!r}")


@dataclass(frozen=True)
class Tried:
    """An edited lesson that was run. shown: what was asked about, as it came out; problems: in sentences."""

    shown: Mapping[str, Any]
    problems: Sequence[str]


def changes_of(lesson: LessonInfo) -> dict[str, Change]:
    """The edits of a lesson's invitations by their names; an empty dictionary if it has none."""
    path = lesson.path.with_name(FILE_NAME)
    return dict(runpy.run_path(str(path))["CHANGES"]) if path.exists() else {}


def invitations(source: LessonSource) -> list[blocks.Invitation]:
    """The invitations of a lesson's file, in order. Raises ValueError for one that is not three literal texts."""
    found = []
    for call in invitation_calls(source):
        texts = [call.literal("name", 0), call.literal("sentence", 1), call.literal("answer")]
        if COMPUTED in texts:
            raise ValueError(f"line {call.node.lineno}: a name, a sentence and an answer must be texts")
        found.append(blocks.Invitation(*texts))
    return found


def invitation_calls(source: LessonSource) -> list[Call]:
    """The statements `lesson.change(...)`."""
    return [call for call in source.calls_of("change") if call.alone]


def edited(source: LessonSource, change: Change) -> str:
    """The lesson's file after the edit. Raises ValueError if `old` is not in its code as often as it should.

    The text between the cells and the invitations themselves are not searched.
    """
    pieces = list(_pieces(source))
    found = sum(text.count(change.old) for text, is_code in pieces if is_code)
    if found != change.count:
        raise ValueError(f"{change.old!r} is {found} times in the code of the lesson, not {change.count}")
    return "".join(text.replace(change.old, change.new) if is_code else text for text, is_code in pieces)


def _pieces(source: LessonSource) -> Iterator[tuple[str, bool]]:
    """The file in pieces: code that may be edited, and comments and invitations between it."""
    lines = source.text.splitlines(keepends=True)
    fixed = {number for number, line in enumerate(lines, 1) if line.startswith("#")}
    for call in invitation_calls(source):
        fixed |= set(range(call.node.lineno, (call.node.end_lineno or call.node.lineno) + 1))
    piece, is_code = "", True
    for number, line in enumerate(lines, 1):
        if (number not in fixed) != is_code:
            yield piece, is_code
            piece, is_code = "", not is_code
        piece += line
    yield piece, is_code


def try_change(lesson: LessonInfo, change: Change, answer: str, folder: Path | None = None) -> Tried:
    """Make the edit in a copy of the lesson, run it until it has shown all that is asked about, and compare.

    folder: where the copy and its results go; by default a temporary folder.
    """
    if folder is None:
        with tempfile.TemporaryDirectory() as temporary:
            return try_change(lesson, change, answer, Path(temporary))
    try:
        source = edited(lesson.source, change)
    except ValueError as error:
        return Tried({}, [str(error)])
    copy = folder / lesson.path.name
    copy.write_text(source, encoding="utf-8")
    watcher = _Watcher(change)
    options = RunOptions(quick=change.quick, out=folder / "out", strict=False)
    with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stderr(nowhere):
        run_file(copy, options, [watcher], folder_sinks=_no_sinks)
    return Tried(watcher.shown, [*watcher.problems(), *_not_stated(change, answer)])


def _no_sinks(folder: RunFolder, lesson_file: Path | None) -> list[events.Sink]:
    """Nothing is drawn or written."""
    return []


class _Watcher:
    """A sink that finds in a run what a change asks about, and ends the run when all has been shown."""

    def __init__(self, change: Change):
        self.change = change
        self.shown: dict[str, Any] = {}
        self.figures: list[str] = []
        self.failed: list[str] = []
        self.tables: list[str] = []
        self.text = self.error = ""

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.Claim(claim):
                self._keep(claim.name, claim.value)
            case blocks.Check(name, status=status, judged=judged) if judged is not None:
                self._keep(name, judged.value)
                if status == "failed":
                    self.failed.append(name)
            case blocks.Table(title, header, rows):
                self._keep_cells(title, header, rows)
            case blocks.Picture(path):
                self.figures.append(path.stem)
            case events.End(_, error):
                self.error = error
                return
        self.text += event.text if isinstance(event, blocks.Printed) else f"{text_of(event) or ''}\n"
        if not self._missing() and not self.change.raises:
            raise Finished

    def problems(self) -> list[str]:
        """What did not come out as the change says."""
        found = [f"{what} was not shown" for what in self._missing()]
        if found and self.tables:
            found.append(f"the tables have: {'; '.join(self.tables)}")
        for name, expected in self.change.shows.items():
            if _label(name) in self.shown and not _agrees(expected, self.shown[_label(name)]):
                found.append(f"{_label(name)}: {_disagreement(expected, self.shown[_label(name)])}")
        if list(self.change.fails) != self.failed[: len(self.change.fails)]:
            found.append(f"the checks that fail are {self.failed}, not {list(self.change.fails)}")
        if self.error and not (self.change.raises and re.search(self.change.raises, self.error)):
            found.append(f"the edited lesson stopped: {self.error}")
        if self.change.raises and not self.error:
            found.append(f"no error stopped the edited lesson, which must say {self.change.raises!r}")
        return found

    def _keep(self, name: str, value: Any) -> None:
        if name in self.change.shows:
            self.shown.setdefault(_label(name), value)

    def _keep_cells(self, title: str, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Keep the cells of a table that are asked about."""
        self.tables.append(f"{title!r}: rows {[row[0] for row in rows]}, columns {list(header)}")
        for name in self.change.shows:
            if isinstance(name, str):
                continue
            *of, row, column = name
            first = list(row) if isinstance(row, tuple) else [row]
            if (of and of[0] != title) or column not in header:
                continue
            found = [cells for cells in rows if [str(cell) for cell in cells[: len(first)]] == [*map(str, first)]]
            if len(found) == 1:
                self.shown.setdefault(_label(name), found[0][list(header).index(column)])

    def _missing(self) -> list[str]:
        """What is asked about and has not been shown yet."""
        missing = [_label(name) for name in self.change.shows if _label(name) not in self.shown]
        missing += [f"a text like {pattern!r}" for pattern in self.change.prints if not self._prints(pattern)]
        missing += [f"the figure {name!r}" for name in self.change.figures if name not in self.figures]
        return missing + list(self.change.fails[len(self.failed) :])

    def _prints(self, pattern: str) -> bool:
        return re.search(pattern, self.text, re.M) is not None


def _label(name: Any) -> str:
    """What is measured, as a message names it: a check, or "table, row, column"."""
    if isinstance(name, str):
        return name
    return ", ".join(" ".join(map(str, part)) if isinstance(part, tuple) else str(part) for part in name)


def _agrees(expected: Any, value: Any) -> bool:
    """Whether a value came out as a change says it does."""
    if expected is None:
        return True
    if isinstance(expected, Mapping):
        return Bar.of("a change", **expected).holds(value)
    if isinstance(expected, str):
        return str(value) == expected
    numbers, found = np.asarray(expected), np.asarray(value)
    if numbers.shape != found.shape or found.dtype.kind not in "biuf":
        return False
    pairs = zip(numbers.ravel().tolist(), found.ravel().tolist())
    return all(a == b or abs(a - b) <= _half_a_digit(a) for a, b in pairs)


def _disagreement(expected: Any, value: Any) -> str:
    """What came out and what should have, with what tells them apart if that is not seen."""
    is_condition = isinstance(expected, Mapping)
    more = Bar.of("a change", **expected).missed_by(value) if is_condition else difference(value, expected)
    return f"got {format_number(value)}, not {expected}{more}"


def _half_a_digit(number: float) -> float:
    """Half of the last digit of a number as it is written; for a whole number, what rounding leaves."""
    if isinstance(number, int) or not math.isfinite(number):
        return 1e-6
    return 0.5000001 * 10.0 ** int(Decimal(repr(number)).as_tuple().exponent)


def _not_stated(change: Change, answer: str) -> list[str]:
    """The numbers and texts of a change that its answer does not state, in sentences."""
    written = {float(text.replace(",", "").replace("\N{MINUS SIGN}", "-")) for text in NUMBER.findall(answer)}
    missing = []
    for name, expected in change.shows.items():
        if expected is None or isinstance(expected, Mapping):
            continue
        if isinstance(expected, str):
            stated = expected in answer
        else:
            finite = [number for number in np.ravel(expected).tolist() if math.isfinite(number)]
            stated = all(float(number) in written for number in finite)
        if not stated:
            missing.append(f"the answer does not state {expected}, which {_label(name)} shows")
    return missing
