"""What the commands share when they speak: tables, numbers, colors, and streams that never crash on a symbol."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

__all__ = ["UsageError", "Tee", "color", "format_number", "markdown_table", "safe_streams", "text_table"]

_CODES = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "bold": "1", "dim": "2"}
_ASCII = {
    "≥": ">=",
    "≤": "<=",
    "±": "+-",
    "→": "->",
    "—": "-",
    "–": "-",
    "…": "...",
    "›": ">",
    "·": ".",
    "×": "x",
    "✓": "ok",
    "✗": "x",
    "‖": "||",
    "’": "'",
    "−": "-",
    "∞": "inf",
}


class UsageError(ValueError):
    """Something the reader can put right (a wrong name, an unwritable folder); said in one line, exit code 2."""


def _plain(error: UnicodeError) -> tuple[str, int]:
    """Codec error handler: an ASCII spelling of the symbols that we print, `?` for the others."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_ASCII.get(c, "?") for c in error.object[error.start : error.end]), error.end


codecs.register_error("minigen", _plain)


def safe_streams() -> None:
    """Let standard output and error print any text, also on a terminal that knows only ASCII."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="minigen")


def color(text: str, name: str, stream: TextIO | None = None) -> str:
    """`text` in a color (or "bold", "dim"), only when the stream is a terminal and NO_COLOR is not set."""
    stream = sys.stdout if stream is None else stream
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty():
        return text
    return f"\x1b[{_CODES[name]}m{text}\x1b[0m"


def format_number(value: Any) -> str:
    """A number, a few of them or anything else, as short text: four significant digits, `…` after six entries."""
    if isinstance(value, str) or value is None:
        return "" if value is None else value
    if hasattr(value, "tolist"):  # NumPy arrays and scalars
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return ", ".join([format_number(v) for v in value[:6]] + ["…"] * (len(value) > 6))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _cells(rows: Iterable[Sequence[Any]], header: Sequence[str] | None) -> list[list[str]]:
    grid = [[format_number(cell) for cell in row] for row in rows]
    if header is not None:
        grid.insert(0, [str(cell) for cell in header])
    width = max((len(row) for row in grid), default=0)
    for row in grid:
        if len(row) != width:
            raise ValueError(f"every row of a table must have {width} cells, got {len(row)}: {row}")
    return grid


def text_table(rows: Iterable[Sequence[Any]], header: Sequence[str] | None = None, indent: str = "") -> str:
    """An aligned table as text; columns that hold only numbers are set to the right."""
    rows = [list(row) for row in rows]
    grid = _cells(rows, header)
    if not grid:
        return ""
    columns = range(len(grid[0]))
    widths = [max(len(row[j]) for row in grid) for j in columns]
    numeric = [bool(rows) and all(not isinstance(row[j], (str, type(None))) for row in rows) for j in columns]
    lines = [
        "  ".join(row[j].rjust(widths[j]) if numeric[j] else row[j].ljust(widths[j]) for j in columns).rstrip()
        for row in grid
    ]
    if header is not None:
        lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(indent + line for line in lines)


def markdown_table(rows: Iterable[Sequence[Any]], header: Sequence[str]) -> str:
    """The same table in Markdown, for a notebook or the README."""
    grid = [[cell.replace("|", "\\|") for cell in row] for row in _cells(rows, header)]
    lines = ["| " + " | ".join(row) + " |" for row in grid]
    lines.insert(1, "|" + " --- |" * len(grid[0]))
    return "\n".join(lines)


class Tee:
    """Standard output that also writes to a log file."""

    def __init__(self, stream: TextIO, log: TextIO):
        self.stream, self.log = stream, log

    def write(self, text: str) -> int:
        if not self.log.closed:
            self.log.write(text)
        return self.stream.write(text)

    def flush(self) -> None:
        if not self.log.closed:
            self.log.flush()
        self.stream.flush()

    def __getattr__(self, name: str) -> Any:  # isatty, encoding, fileno, ...
        return getattr(self.stream, name)
