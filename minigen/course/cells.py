"""The cells and statements of a lesson's file, in jupytext's percent format.

A line that begins with `# %%` starts a cell, `# %% [markdown]` a cell of text. Code above the first such line is a cell
of its own; comments there, such as the header that jupytext writes, are not.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from dataclasses import dataclass

__all__ = ["Cell", "cell_of_statement", "cell_starts", "cells_of", "is_change", "statement_starts"]

MARKER = "# %%"


@dataclass(frozen=True)
class Cell:
    """A cell: the line (from 1) on which it begins, and Markdown without its comment signs, or code as it stands."""

    line: int
    is_text: bool
    text: str


def cells_of(source: str) -> list[Cell]:
    """The cells of a lesson's file, in order."""
    lines, starts = source.split("\n"), cell_starts(source)
    ends = [*starts[1:], len(lines) + 1]
    return [_cell(start, lines[start - 1 : end - 1]) for start, end in zip(starts, ends)]


def _cell(start: int, lines: list[str]) -> Cell:
    marked = lines[0].startswith(MARKER)
    body = "\n".join(lines[1:] if marked else lines).strip("\n")
    if marked and "[markdown]" in lines[0]:
        return Cell(start, True, re.sub(r"^# ?", "", body, flags=re.M))
    return Cell(start, False, body)


def cell_starts(source: str) -> list[int]:
    """The line (from 1) on which each cell begins."""
    lines = source.split("\n")
    starts = [number for number, line in enumerate(lines, 1) if line.startswith(MARKER)]
    above = lines[: starts[0] - 1] if starts else lines
    has_code = any(line.strip() and not line.startswith("#") for line in above)
    return [1, *starts] if has_code else starts


def is_change(statement: ast.stmt) -> bool:
    """Whether a statement is `lesson.change(...)`, an invitation to change the lesson."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    return (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and (call.func.value.id, call.func.attr) == ("lesson", "change")
    )


def statement_starts(source: str) -> list[int]:
    """The line (from 1) of each top-level statement, decorators included."""
    starts = []
    for node in ast.parse(source).body:
        decorators = getattr(node, "decorator_list", [])
        starts.append(min([node.lineno, *(decorator.lineno for decorator in decorators)]))
    return starts


def cell_of_statement(source: str) -> list[int]:
    """The index of the cell that holds each top-level statement."""
    starts = cell_starts(source)
    return [bisect_right(starts, line) - 1 for line in statement_starts(source)]
