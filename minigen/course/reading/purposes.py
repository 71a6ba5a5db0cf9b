"""What each cell of a lesson is for: it decides whether the page shows its code, folds it, or leaves it out."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from minigen.course.console import plural
from minigen.course.index.lesson_source import Cell, LessonSource, Statement, is_declaration
from minigen.course.lesson.blocks import OUTPUTS

__all__ = ["BOXES", "PageCell", "TELLING", "page_cells", "reading_minutes"]

OPEN_LINES = 12  # code of more lines than this is folded
# Methods of a lesson.
METHODS = {one.method for one in OUTPUTS.values() if one.method}
BOXES = {one.method for one in OUTPUTS.values() if not one.is_result} | {"finish", "sampler"}  # the page shows a box
TELLING = {one.method for one in OUTPUTS.values() if one.tells} | {"claim"}  # the code says what must come out
WIDGETS = BOXES | {"outcome", "claim"}
SHOWN = METHODS - TELLING - BOXES  # they show what is there already
DRAWING = {"plot", "fig", "figure", "ax", "axes", "plt"}
WORDS_A_MINUTE = 160  # of a text with mathematics
SECONDS_A_LINE = 4.0  # of code that is open
SECONDS_A_FIGURE = 20.0


@dataclass(frozen=True)
class PageCell:
    """One cell of a lesson's file.

    purpose: "text" of a cell of text; of code "imports", "lesson" (the declaration), "questions" (what the page shows
             as a box: predictions, exercises, invitations, sources, claims), "plot" or "code".
    methods: the methods of `lesson` that its code calls, also inside of functions and loops.
    """

    index: int
    purpose: str
    cell: Cell
    methods: frozenset[str]

    @property
    def text(self) -> str:
        """Markdown without its comment signs, or code as it stands."""
        return self.cell.text

    @property
    def is_text(self) -> bool:
        return self.purpose == "text"

    @property
    def lines(self) -> int:
        """Lines that are neither empty nor a comment."""
        lines = [line.strip() for line in self.text.splitlines()]
        return sum(bool(line) and not line.startswith("#") for line in lines)

    @property
    def is_open(self) -> bool:
        """Whether the page shows the code unfolded: it is what the lesson is about, and short."""
        return self.purpose == "code" and self.lines <= OPEN_LINES

    @property
    def summary(self) -> str:
        """The line that stands for folded code, in Markdown."""
        names = {"imports": "imports", "lesson": "what this lesson covers", "plot": "code of the figure"}
        what = names.get(self.purpose) or self._defined()
        return f"{what}, {plural(self.lines, 'line')}"

    def _defined(self) -> str:
        """The functions and classes that the cell defines, or just "code"."""
        kinds = (ast.FunctionDef, ast.ClassDef)
        names = [f"`{node.name}`" for node in ast.parse(self.text).body if isinstance(node, kinds)]
        return "code of " + ", ".join(names) if names else "code"


def page_cells(source: LessonSource) -> list[PageCell]:
    """The cells of a lesson's file, each with its purpose."""
    found = []
    for index, cell in enumerate(source.cells):
        statements = [statement for statement in source.statements if statement.cell == index]
        methods = frozenset(call.method for call in source.calls if call.cell == index)
        found.append(PageCell(index, "text" if cell.is_text else _purpose(statements), cell, methods))
    return found


def reading_minutes(cells: Sequence[PageCell], figures: int) -> int:
    """How long a page takes to read, without its exercises: its words, the code that is open, its figures."""
    words = sum(len(re.sub(r"\$\$.*?\$\$|`[^`]*`", " equation ", cell.text).split()) for cell in cells if cell.is_text)
    lines = sum(cell.lines for cell in cells if cell.is_open)
    seconds = 60 * words / WORDS_A_MINUTE + SECONDS_A_LINE * lines + SECONDS_A_FIGURE * figures
    return max(1, round(seconds / 60))


def _purpose(statements: Sequence[Statement]) -> str:
    body = [statement.node for statement in statements]
    if body and all(isinstance(node, (ast.Import, ast.ImportFrom)) for node in body):
        return "imports"
    if any(isinstance(node, ast.Assign) and is_declaration(node.value) for node in body):
        return "lesson"
    if body and all(statement.method in WIDGETS for statement in statements):
        return "questions"
    shown = [statement.node for statement in statements if statement.method in SHOWN or _draws(statement.node)]
    return "plot" if sum(map(_length, shown)) > sum(map(_length, body)) / 2 else "code"


def _length(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _draws(node: ast.stmt) -> bool:
    """Whether a statement only draws: it calls `plot`, or methods of a figure or its axes."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute):
            owner: ast.expr = inner.func.value
            while isinstance(owner, (ast.Attribute, ast.Subscript, ast.Call)):
                owner = owner.func if isinstance(owner, ast.Call) else owner.value
            if isinstance(owner, ast.Name) and (owner.id in DRAWING or owner.id.startswith("ax")):
                return True
    return False
