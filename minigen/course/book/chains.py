"""Which earlier cells of a lesson a cell depends on: those that make the names that it uses, or change what they name.

    Chains(lesson.source).of(12)      # [1, 2, 9, 12]: the cells, in order, that give cell 12 what it needs, and itself

It is read from the code alone (`ast`). A cell depends on the last cell above it that binds a name that it uses, and on
each cell in between that changes the object: assigns to a part of it, calls a method of it as a statement, or draws
from it where it is a random generator. What a function's body uses is looked up where the function is called, so that
these names may be bound later than the function. An outcome depends on the last prediction above it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field

from minigen.course.index.lesson_source import LessonSource, method_of

__all__ = ["Chains", "Uses", "uses_of"]

PREDICTION = "<prediction>"  # a prediction is used as a variable of this name
TRAINING = ("fit", "train_once", "pretrained")  # methods of a lesson


@dataclass
class Uses:
    """The names of a cell: bound at its top level, used there, used in bodies of functions, and changed."""

    bound: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    later: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)


class Chains:
    """The chains of a lesson's cells; text cells have none."""

    def __init__(self, source: LessonSource):
        cells = enumerate(source.cells)
        self.code = {number: cell.text for number, cell in cells if not cell.is_text and cell.text.strip()}
        self._training = {call.cell for call in source.calls_of(*TRAINING)}
        self._training |= {statement.cell for statement in source.statements if _trains(statement.node)}
        generators = {name for statement in source.statements for name in _generators(statement.node)}
        self._uses = {number: uses_of(text, generators) for number, text in self.code.items()}

    def of(self, cell: int) -> list[int]:
        """Return the cells that a cell depends on, in the order of the file, and itself."""
        chain, open_cells = {cell}, [cell]
        while open_cells:
            for found in self._needed(open_cells.pop(), cell):
                if found not in chain:
                    chain.add(found)
                    open_cells.append(found)
        return sorted(chain)

    def trains(self, cell: int) -> bool:
        """Whether a cell itself trains a model, or loads one that has been trained."""
        return cell in self._training

    def _needed(self, cell: int, end: int) -> Iterator[int]:
        """Yield the cells that make what one cell uses when the cell `end` is run."""
        uses = self._uses[cell]
        for names, before in ((uses.used | uses.changed, cell), (uses.later, end)):
            for name in names:
                yield from self._makers(name, before)

    def _makers(self, name: str, before: int) -> Iterator[int]:
        """Yield the last cell before another that binds a name, and those after it that change what it names."""
        above = [number for number in reversed(self.code) if number < before]
        for number in above:
            uses = self._uses[number]
            if name in uses.bound or name in uses.changed:
                yield number
            if name in uses.bound and name not in uses.changed:
                return


def _generators(statement: ast.stmt) -> list[str]:
    """Return the names that a statement gives to a random generator, or to what is made with one."""
    if not isinstance(statement, ast.Assign):
        return []
    calls = [node for node in ast.walk(statement.value) if isinstance(node, ast.Call)]
    made = [call for call in calls if method_of(call) == "rng" or _function(call) == "default_rng"]
    on_first_line = any(
        call.lineno == statement.lineno for call in made
    )  # so the chains of runnable.json were measured
    return [target.id for target in statement.targets if isinstance(target, ast.Name) and on_first_line]


def _trains(statement: ast.stmt) -> bool:
    """Whether a function called `fit` is called, or defined: a training that the lesson writes out."""
    nodes = list(ast.walk(statement))
    calls = any(isinstance(node, ast.Call) and _function(node) == "fit" for node in nodes)
    return calls or any(isinstance(node, ast.FunctionDef) and node.name == "fit" for node in nodes)


def _function(call: ast.Call) -> str:
    """Return the name of the function, or of the method, that is called."""
    return getattr(call.func, "id", getattr(call.func, "attr", ""))


def uses_of(code: str, generators: Set[str] = frozenset()) -> Uses:
    """Return the names of a cell. generators: names of random generators, which every use changes."""
    visitor = _Visitor()
    visitor.visit(ast.parse(code))
    uses = visitor.uses
    uses.changed |= (uses.used | uses.later) & generators - uses.bound
    uses.changed -= {"lesson"}
    return uses


class _Visitor(ast.NodeVisitor):
    def __init__(self) -> None:
        self.uses = Uses()
        self._local: list[set[str]] = []  # names of the functions around a node

    # -- names ---------------------------------------------------------------------------------------------------------

    def visit_Name(self, node: ast.Name) -> None:
        if any(node.id in names for names in self._local):
            return
        if isinstance(node.ctx, ast.Load):
            (self.uses.later if self._local else self.uses.used).add(node.id)
        elif not self._local:
            self.uses.bound.add(node.id)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._note_change(node.target)
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            for part in ast.walk(target):
                if isinstance(part, ast.Subscript | ast.Attribute):
                    self._note_change(part)
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        call = node.value
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            self._note_change(call.func)
            if method_of(call) == "predict":
                self.uses.bound.add(PREDICTION)
            if method_of(call) == "outcome":
                self.uses.used.add(PREDICTION)
        self.generic_visit(node)

    def _note_change(self, node: ast.expr) -> None:
        """Note the name that `name`, `name.part` or `name[0].part` begins with as changed."""
        while isinstance(node, ast.Attribute | ast.Subscript):
            node = node.value
        if isinstance(node, ast.Name) and not any(node.id in names for names in self._local):
            self.uses.changed.add(node.id)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        names = {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        if not self._local:
            self.uses.bound |= names

    visit_ImportFrom = visit_Import

    # -- functions and classes -----------------------------------------------------------------------------------------

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if not self._local:
            self.uses.bound.add(node.name)
        for outside in [*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)]:
            self.visit(outside)
        self._visit_body(node, node.body)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for outside in [*node.args.defaults, *filter(None, node.args.kw_defaults)]:
            self.visit(outside)
        self._visit_body(node, [node.body])

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        if not self._local:
            self.uses.bound.add(node.name)
        for outside in [*node.bases, *node.decorator_list]:
            self.visit(outside)
        self._local.append(_stored(ast.walk(node)))
        for part in node.body:
            self.visit(part)
        self._local.pop()

    def _visit_body(self, node: ast.FunctionDef | ast.Lambda, body: list) -> None:
        inside = {part.arg for part in ast.walk(node.args) if isinstance(part, ast.arg)}
        parts = [part for statement in body for part in ast.walk(statement)]
        inside |= _stored(parts)
        inside |= {part.name for part in parts if isinstance(part, ast.FunctionDef)}
        inside -= {name for part in parts if isinstance(part, ast.Global) for name in part.names}
        self._local.append(inside)
        for statement in body:
            self.visit(statement)
        self._local.pop()

    def _visit_comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        own = {part.id for each in node.generators for part in ast.walk(each.target) if isinstance(part, ast.Name)}
        bound, used = set(self.uses.bound), set(self.uses.used)
        self.generic_visit(node)
        if not self._local:
            self.uses.bound = bound
            self.uses.used -= own - used

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _visit_comprehension


def _stored(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the names that some nodes bind."""
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
