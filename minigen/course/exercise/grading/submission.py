"""A student's file, read once, without following a link or waiting."""

from __future__ import annotations

import ast
import os
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path

from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.outcome import CaseOutcome

__all__ = [
    "MAX_SOURCE",
    "Submission",
    "Unreadable",
    "defined_names",
    "parse_submission",
    "read_bytes",
    "read_submission",
]

MAX_SOURCE = 2**20  # bytes of a student's file


@dataclass(frozen=True)
class Submission:
    """A student's file, read once; `status` says if it cannot be run."""

    file: str
    source: str = ""
    status: str = status.PASS
    message: str = ""
    line: int | None = None
    text: str = ""

    @property
    def outcome(self) -> CaseOutcome:
        """The outcome of every case, for a file that cannot be run."""
        return CaseOutcome(self.status, self.message, self.line, self.text)


class Unreadable(Exception):
    """A file that cannot be read; its submission holds the reason."""

    def __init__(self, submission: Submission):
        super().__init__(submission.message)
        self.submission = submission


def read_submission(path: Path) -> Submission:
    """Read a student's file, following no link and never waiting (a pipe would)."""
    try:
        data = read_bytes(path)
    except Unreadable as failure:
        return failure.submission
    if path.suffix == ".ipynb":
        message = "is a notebook: put the functions into a .py file, or call check(ID, function) in the notebook"
        return Submission(str(path), "", status.NOT_A_FILE, f"{path} {message}")
    return parse_submission(str(path), data)


def read_bytes(path: Path, limit: int = MAX_SOURCE) -> bytes:
    """Return the bytes of a regular file, following no link and never waiting. Raises Unreadable."""
    shown = str(path)

    def bad(state: str, message: str) -> Unreadable:
        return Unreadable(Submission(shown, "", state, message))

    try:
        info = os.lstat(path)
    except (OSError, ValueError) as error:
        raise bad(status.MISSING_FILE, f"{shown}: {getattr(error, 'strerror', None) or error}") from None
    if stat.S_ISLNK(info.st_mode):
        raise bad(status.SYMLINK, f"{shown} is a symbolic link; hand in the file itself")
    if not stat.S_ISREG(info.st_mode):
        raise bad(status.NOT_A_FILE, f"{shown} is not a regular file")
    if info.st_size > limit:
        raise bad(status.TOO_LARGE, f"{shown} has {info.st_size:,} bytes; an answer has at most {limit:,}")
    try:
        flags = [getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY")]
        with open(os.open(path, os.O_RDONLY | sum(flags)), "rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise bad(status.MISSING_FILE, f"{shown} cannot be read: {error.strerror or error}") from None


def parse_submission(shown: str, data: bytes) -> Submission:
    """Return the submission that the bytes of a file are; `shown` is what reports call the file."""

    def bad(state: str, message: str, line: int | None = None, text: str = "") -> Submission:
        return Submission(shown, "", state, message, line, text)

    try:
        source = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        return bad(status.NOT_UTF8, f"{shown} is not UTF-8 text; save it as UTF-8", line)
    if not source.strip():
        return bad(status.EMPTY, f"{shown} is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, shown, "exec", dont_inherit=True)
    except SyntaxError as error:
        return bad(status.SYNTAX_ERROR, f"{error.msg}", error.lineno, (error.text or "").strip())
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return bad(status.SYNTAX_ERROR, f"Python cannot read this: {error}")
    return Submission(shown, source.replace("\r\n", "\n").replace("\r", "\n"))  # the ends of lines that Python knows


def defined_names(source: str) -> list[str]:
    """Functions and classes that a file defines at its top level."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [node.name for node in ast.parse(source).body if isinstance(node, kinds)]
