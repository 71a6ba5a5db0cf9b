"""What the commands share when they print or write: tables, numbers, colors, streams for any symbol, new files."""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import re
import signal
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from minigen.files import write_new

__all__ = [
    "INSTALL_CLASSROOM",
    "UsageError",
    "cleaning_up",
    "color",
    "create",
    "format_number",
    "markdown_table",
    "numeric_columns",
    "plural",
    "print_json",
    "safe_streams",
    "silence_stdout",
    "text_table",
]

INSTALL_CLASSROOM = "python -m pip install nbformat jinja2 jsonschema"  # the packages of the extra `classroom`

_CODES = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "bold": "1", "dim": "2"}
_SPELLINGS = dict(
    zip(
        "≥ ≤ ≈ ≠ ± → ← — – › · × ✓ ✗ ‖ ‘ ’ “ ” − ⁄ ∞ √ ∇ ∂ ∑ ∈".split(),
        ">= <= ~ != +- -> <- - - > . x ok x || ' ' \" \" - / inf sqrt grad d sum in".split(),
        strict=True,
    )
)


class UsageError(ValueError):
    """An error that the user can correct (a wrong name, an unwritable folder); printed as one line, exit code 2."""


def ascii_text(text: str) -> str:
    """`text` with ASCII characters only: `>=` for ≥, `sigma` for σ, letters without accents, else escapes as \\u2603.

    Every claim and check prints its bar with ≥, ≤ or ±, and escapes in their place would hide which way a bar goes.
    """
    return "".join(character if character.isascii() else _spelling(character) for character in text)


def _spelling(character: str) -> str:
    if character in _SPELLINGS:
        return _SPELLINGS[character]
    plain = unicodedata.normalize("NFKD", character)  # "é" -> "e" and an accent, "²" -> "2", "½" -> "1⁄2"
    kept = "".join(part if part.isascii() else _SPELLINGS.get(part, "") for part in plain)
    if kept or unicodedata.combining(character):
        return f"({kept})" if "/" in kept else kept
    greek = re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER (\w+)", unicodedata.name(plain[0], ""))
    if greek:
        return greek[2].lower() if greek[1] == "SMALL" else greek[2].capitalize()
    return character.encode("ascii", "backslashreplace").decode()


def _spell(error: UnicodeError) -> tuple[str, int]:
    """The codec error handler "minigen": an ASCII spelling of what a stream cannot encode."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return ascii_text(error.object[error.start : error.end]), error.end


codecs.register_error("minigen", _spell)


def safe_streams() -> None:
    """Let standard output and error print any text, even where they support only ASCII or have been closed."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # `minigen list >&-`
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="minigen")


def print_json(content: Any, indent: int | None = 2) -> None:
    """Print JSON for a program, in ASCII where standard output is not UTF-8: a spelling such as `>=` would be lost."""
    utf8 = codecs.lookup(sys.stdout.encoding or "utf-8").name == "utf-8"
    print(json.dumps(content, indent=indent, ensure_ascii=not utf8), flush=True)


def silence_stdout() -> None:
    """Discard all further output to a standard output whose pipe is closed, even when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno() if sys.__stdout__ else 1)


def color(text: str, name: str, stream: TextIO | None = None) -> str:
    """`text` in a color (or "bold", "dim"), only when the stream is a terminal and NO_COLOR is not set."""
    stream = sys.stdout if stream is None else stream
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty():
        return text
    return f"\x1b[{_CODES[name]}m{text}\x1b[0m"


def create(path: Path, text: str) -> None:
    """Write a file that a command was asked for. Raises UsageError if there is one already, which stays as it is."""
    try:
        write_new(path, text.encode("utf-8"))
    except FileExistsError:
        raise UsageError(f"{path} already exists; I left it unchanged") from None
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None


def plural(count: float, noun: str) -> str:
    """ "1 claim", "2 claims"."""
    return f"{count:g} {noun}{'' if count == 1 else 's'}"


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
    numeric = numeric_columns(rows, len(grid[0]))
    lines = [
        "  ".join(row[j].rjust(widths[j]) if numeric[j] else row[j].ljust(widths[j]) for j in columns).rstrip()
        for row in grid
    ]
    if header is not None:
        lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(indent + line for line in lines)


def numeric_columns(rows: Sequence[Sequence[Any]], count: int) -> list[bool]:
    """Which of the columns of a table hold only numbers; none if there are no rows."""
    return [bool(rows) and all(not isinstance(row[j], (str, type(None))) for row in rows) for j in range(count)]


def markdown_table(
    rows: Iterable[Sequence[Any]],
    header: Sequence[str],
    cell: Callable[[str], str] = lambda text: text.replace("|", "\\|"),
    align_numbers: bool = False,
) -> str:
    """The same table in Markdown.

    cell: makes Markdown of the text of a cell. align_numbers: columns that hold only numbers are set to the right.
    """
    rows = [list(row) for row in rows]
    lines = ["| " + " | ".join(map(cell, row)) + " |" for row in _cells(rows, header)]
    right = numeric_columns(rows, len(header)) if align_numbers else [False] * len(header)
    lines.insert(1, "|" + "".join(" ---: |" if one else " --- |" for one in right))
    return "\n".join(lines)


@contextlib.contextmanager
def cleaning_up() -> Iterator[None]:
    """Turn SIGTERM into an exception, so that processes are ended and temporary folders removed."""

    def stop(number, frame):
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
