"""What each cell of a lesson is for: it decides whether the page shows its code, folds it, or leaves it out."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from minigen.course.index.lesson_source import MARKER, Cell, LessonSource, Statement, is_declaration
from minigen.course.lesson.blocks import OUTPUTS

__all__ = ["BOXES", "PageCell", "TELLING", "page_cells"]

OPEN_LINES = 12  # code of more lines than this is folded
# Methods of a lesson.
METHODS = {one.method for one in OUTPUTS.values() if one.method}
BOXES = {one.method for one in OUTPUTS.values() if not one.is_result} | {"finish", "sampler"}  # the page shows a box
TELLING = {one.method for one in OUTPUTS.values() if one.tells} | {"claim"}  # the code says what must come out
WIDGETS = BOXES | {"outcome", "claim"}
DRAWING = {"plot", "fig", "figure", "ax", "axes", "plt"}


@dataclass(frozen=True)
class Part:
    """Some of the statements of a cell of code, and the methods of `lesson` that they call."""

    text: str
    methods: frozenset[str]

    @property
    def defined(self) -> list[str]:
        """The names of the functions and classes that it defines."""
        kinds = (ast.FunctionDef, ast.ClassDef)
        return [node.name for node in ast.parse(self.text).body if isinstance(node, kinds)]

    @property
    def lines(self) -> int:
        """Lines that are neither empty nor a comment."""
        lines = [line.strip() for line in self.text.splitlines()]
        return sum(bool(line) and not line.startswith("#") for line in lines)


@dataclass(frozen=True)
class PageCell:
    """One cell of a lesson's file.

    purpose: "text" of a cell of text; of code "imports", "lesson" (the declaration), "questions" (what the page shows
             as a box: predictions, exercises, invitations, sources, claims), "plumbing" (it only shows or checks
             something: figures, tables, checks, outcomes) or "code".
    teaching, plumbing: of a cell of code, the statements that the page is about, and those that only show or check
             something. One of them may be empty.
    """

    index: int
    purpose: str
    cell: Cell
    teaching: Part = Part("", frozenset())
    plumbing: Part = Part("", frozenset())

    @property
    def methods(self) -> frozenset[str]:
        """The methods of `lesson` that its code calls, also inside of functions and loops."""
        return self.teaching.methods | self.plumbing.methods

    @property
    def text(self) -> str:
        """Markdown without its comment signs, or code unchanged."""
        return self.cell.text

    @property
    def is_text(self) -> bool:
        return self.purpose == "text"

    @property
    def open_lines(self) -> int:
        """How many lines of its code the page shows unfolded: what the lesson is about, if that is short."""
        is_shown = self.purpose == "code" and self.teaching.lines <= OPEN_LINES
        return self.teaching.lines if is_shown else 0

    @property
    def label(self) -> str:
        """What folded code is, in Markdown: "imports", "`helper`", or "" where there is no more to say."""
        names = {"imports": "imports", "lesson": "what this lesson covers"}
        return names.get(self.purpose) or ", ".join(f"`{name}`" for name in self.teaching.defined)


def page_cells(source: LessonSource) -> list[PageCell]:
    """The cells of a lesson's file, each with its purpose."""
    found = []
    for index, cell in enumerate(source.cells):
        if cell.is_text:
            found.append(PageCell(index, "text", cell))
            continue
        numbers = [number for number, statement in enumerate(source.statements) if statement.cell == index]
        teaching, plumbing = _parts(source, index, numbers)
        found.append(PageCell(index, _purpose([source.statements[i] for i in numbers]), cell, teaching, plumbing))
    return found


def _purpose(statements: Sequence[Statement]) -> str:
    body = [statement.node for statement in statements]
    if body and all(isinstance(node, (ast.Import, ast.ImportFrom)) for node in body):
        return "imports"
    if any(isinstance(node, ast.Assign) and is_declaration(node.value) for node in body):
        return "lesson"
    if body and all(statement.method in WIDGETS for statement in statements):
        return "questions"
    return "plumbing" if body and all(map(_is_plumbing, statements)) else "code"


def _parts(source: LessonSource, cell: int, numbers: Sequence[int]) -> tuple[Part, Part]:
    """The statements of a cell that the page is about, and its plumbing. A comment belongs to what is below it."""
    lines = source.text.split("\n")
    begin = source.cells[cell].line
    begin -= not lines[begin - 1].startswith(MARKER)  # the first line is code, not a marker
    texts: dict[bool, list[str]] = {False: [], True: []}
    methods: dict[bool, set[str]] = {False: set(), True: set()}
    for number in numbers:
        statement = source.statements[number]
        end, is_plumbing = statement.node.end_lineno or statement.line, _is_plumbing(statement)
        texts[is_plumbing].append("\n".join(lines[begin:end]))
        methods[is_plumbing] |= {call.method for call in source.calls if call.statement == number}
        begin = end
    teaching, plumbing = (Part("\n".join(texts[i]).strip("\n"), frozenset(methods[i])) for i in (False, True))
    return teaching, plumbing


def _is_plumbing(statement: Statement) -> bool:
    """Whether a statement only shows, checks or draws something."""
    return statement.method in METHODS | WIDGETS or _draws(statement.node)


def _draws(node: ast.stmt) -> bool:
    """Whether a statement draws or, of a loop, a function and the like, more than half of its lines do."""
    inside = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]
    if inside:
        return sum(_lines(child) for child in inside if _draws(child)) > sum(map(_lines, inside)) / 2
    return any(_owner(call) in DRAWING or _owner(call).startswith("ax") for call in ast.walk(node))


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _owner(node: ast.AST) -> str:
    """ "plot" of the call `plot.line(...)`, "ax" of `ax.spines["top"].set(...)`; "" of anything else."""
    owner = node.func if isinstance(node, ast.Call) else None
    if not isinstance(owner, ast.Attribute):
        return ""
    while isinstance(owner, ast.Attribute | ast.Subscript | ast.Call):
        owner = owner.func if isinstance(owner, ast.Call) else owner.value
    return owner.id if isinstance(owner, ast.Name) else ""
