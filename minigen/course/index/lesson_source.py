"""The file of a lesson, read once: its cells, its statements, and what it calls of `lesson`.

It is in jupytext's percent format. A line that begins with `# %%` starts a cell, `# %% [markdown]` a cell of text. Code
above the first such line is a cell of its own; comments there, such as the header that jupytext writes, are not.

`method_of` is the only place that decides what a call of a lesson's method is: `lesson.figure(...)`, by this name.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

__all__ = ["COMPUTED", "Call", "Cell", "LessonSource", "Statement", "is_declaration", "literal", "method_of"]

MARKER = "# %%"
HEADING = re.compile(r"^(#{1,6}) +(.+?)[ #]*$")
COMPUTED = object()  # in the place of a value that the file does not write out


@dataclass(frozen=True)
class Cell:
    """A cell: the line (from 1) on which it begins, and Markdown without its comment signs, or code unchanged."""

    line: int
    is_text: bool
    text: str

    @property
    def parts(self) -> Iterator[tuple[int, str]]:
        """The headings of a cell of text, each with its level, and the text between them, of level 0.

        A line of fenced code that begins with `#` is no heading.
        """
        fenced, between = False, ""
        for line in self.text.split("\n"):
            fenced ^= line.startswith("```")
            heading = None if fenced else HEADING.match(line)
            if heading is None:
                between = f"{between}\n{line}" if between else line.strip() and line
                continue
            if between:
                yield 0, between.rstrip()
            between = ""
            yield len(heading[1]), heading[2]
        if between:
            yield 0, between.rstrip()


@dataclass(frozen=True)
class Statement:
    """A top-level statement: the line (from 1) on which it begins, decorators included, and the index of its cell."""

    node: ast.stmt
    line: int
    cell: int

    @property
    def is_definition(self) -> bool:
        """Whether it defines a function or a class, and by itself does nothing."""
        return isinstance(self.node, ast.FunctionDef | ast.ClassDef)

    @property
    def expression(self) -> ast.expr | None:
        """The expression that is the whole statement; None of any other statement."""
        return self.node.value if isinstance(self.node, ast.Expr) else None

    @property
    def method(self) -> str:
        """ "figure" of the statement `lesson.figure(...)`; "" of any other."""
        return method_of(self.expression) if self.expression else ""


@dataclass(frozen=True)
class Call:
    """A call of a method of `lesson`, such as "figure", anywhere in the file.

    statement, cell: the indices of those in which it is. alone: the call is the whole statement.
    """

    method: str
    node: ast.Call
    statement: int
    cell: int
    alone: bool

    def argument(self, name: str, place: int | None = None) -> ast.expr | None:
        """The argument of this name or, where it can be given without its name, at this place; None if not given."""
        named = next((keyword.value for keyword in self.node.keywords if keyword.arg == name), None)
        if named is None and place is not None and place < len(self.node.args):
            return self.node.args[place]
        return named

    def literal(self, name: str, place: int | None = None) -> Any:
        """The value of an argument that is written out; COMPUTED if it is computed or not given."""
        given = self.argument(name, place)
        return COMPUTED if given is None else literal(given)

    def is_on(self, line: int) -> bool:
        """Whether a line of the file belongs to the call."""
        return self.node.lineno <= line <= (self.node.end_lineno or self.node.lineno)


class LessonSource:
    """The file of a lesson. All but its cells raises SyntaxError if its code is not valid Python."""

    def __init__(self, text: str):
        self.text = text

    @classmethod
    def read(cls, path: Path) -> LessonSource:
        """The source in a file."""
        return cls(path.read_text(encoding="utf-8-sig"))

    @cached_property
    def cells(self) -> list[Cell]:
        """The cells, in order."""
        lines, starts = self.text.split("\n"), self._cell_starts
        ends = [*starts[1:], len(lines) + 1]
        return [_cell(start, lines[start - 1 : end - 1]) for start, end in zip(starts, ends)]

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.text)

    @cached_property
    def statements(self) -> list[Statement]:
        """The top-level statements, in order."""
        lines = [_first_line(node) for node in self.tree.body]
        return [
            Statement(node, line, bisect_right(self._cell_starts, line) - 1)
            for node, line in zip(self.tree.body, lines)
        ]

    @cached_property
    def calls(self) -> list[Call]:
        """All calls of methods of `lesson`, from top to bottom."""
        found = [
            Call(method_of(node), node, number, statement.cell, alone=node is statement.expression)
            for number, statement in enumerate(self.statements)
            for node in ast.walk(statement.node)
            if isinstance(node, ast.Call) and method_of(node)
        ]
        return sorted(found, key=lambda call: (call.node.lineno, call.node.col_offset))

    def calls_of(self, *methods: str) -> list[Call]:
        """The calls of these methods, from top to bottom."""
        return [call for call in self.calls if call.method in methods]

    @cached_property
    def declaration(self) -> ast.Call | None:
        """The call `Lesson(...)`. Only its cell is parsed, since the whole file would take ten times as long."""
        for cell in self.cells:
            if not cell.is_text and "Lesson(" in cell.text:
                for node in ast.walk(ast.parse(cell.text)):
                    if isinstance(node, ast.Call) and is_declaration(node):
                        return node
        return None

    def place(self, line: int) -> tuple[int, int]:
        """The indices of the cell and of the statement that a line (from 1) belongs to."""
        starts = [statement.line for statement in self.statements]
        return max(0, bisect_right(self._cell_starts, line) - 1), max(0, bisect_right(starts, line) - 1)

    @cached_property
    def _cell_starts(self) -> list[int]:
        """The line (from 1) on which each cell begins."""
        lines = self.text.split("\n")
        starts = [number for number, line in enumerate(lines, 1) if line.startswith(MARKER)]
        above = lines[: starts[0] - 1] if starts else lines
        has_code = any(line.strip() and not line.startswith("#") for line in above)
        return [1, *starts] if has_code else starts


def method_of(node: ast.AST) -> str:
    """ "figure" of the expression `lesson.figure(...)`; "" of any other."""
    function = node.func if isinstance(node, ast.Call) else None
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "lesson":
        return function.attr
    return ""


def is_declaration(node: ast.AST) -> bool:
    """Whether an expression is `Lesson(...)`."""
    function = node.func if isinstance(node, ast.Call) else None
    return getattr(function, "id", getattr(function, "attr", "")) == "Lesson"


def literal(node: ast.expr) -> Any:
    """The value of an expression that is written out; COMPUTED of any other."""
    try:
        return ast.literal_eval(node)
    except ValueError:
        return COMPUTED


def _cell(start: int, lines: list[str]) -> Cell:
    marked = lines[0].startswith(MARKER)
    body = "\n".join(lines[1:] if marked else lines).strip("\n")
    if marked and "[markdown]" in lines[0]:
        return Cell(start, True, re.sub(r"^# ?", "", body, flags=re.M))
    return Cell(start, False, body)


def _first_line(node: ast.stmt) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
