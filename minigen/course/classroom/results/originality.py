"""Answers that are the same code: equal syntax trees once names, comments and layout are removed.

Equal trees are a reason to look, never a verdict: a short function can be written in few ways.
"""

from __future__ import annotations

import ast
import copy
import hashlib
import textwrap
from collections.abc import Iterable

from minigen.course.exercise import functions, stubs
from minigen.course.exercise.answers import answers_of
from minigen.course.exercise.format import Exercise

__all__ = ["SHORT", "fingerprint", "known"]

SHORT = 60  # nodes of a tree, below which many students write the same


class _Renamed(ast.NodeTransformer):
    """Calls the function and its arguments and variables v0, v1, ... in the order in which they occur."""

    def __init__(self, local: Iterable[str]):
        self.local = set(local)
        self.names: dict[str, str] = {}

    def _name(self, name: str) -> str:
        return self.names.setdefault(name, f"v{len(self.names)}") if name in self.local else name

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name = self._name(node.name)
        node.decorator_list, node.returns, node.type_comment = [], None, None
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.arg(self._name(node.arg), None, None)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(self._name(node.id), node.ctx)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if node.value is None:
            return None
        return self.generic_visit(ast.Assign([node.target], node.value))


def fingerprint(source: str, name: str) -> tuple[str, int]:
    """(hash, number of nodes) of a function's tree after renaming; ("", 0) if the source has no such function."""
    try:
        found = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef) and node.name == name]
        return of_tree(found[-1]) if found else ("", 0)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "", 0


def of_tree(tree: ast.FunctionDef) -> tuple[str, int]:
    """(hash, number of nodes) of a tree; the tree is not used afterwards."""
    local = {tree.name}
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            local.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            local.add(node.id)
        elif isinstance(node, ast.FunctionDef):
            local.add(node.name)
    renamed = _Renamed(local).visit(tree)
    text = ast.dump(renamed)
    return hashlib.sha256(text.encode()).hexdigest()[:16], sum(1 for _ in ast.walk(renamed))


def known(exercise: Exercise) -> dict[str, str]:
    """The fingerprints of the package's own function, of the last hint and of other right answers: what each is."""
    reference = functions.definition(functions.source(exercise.reference))
    reference.body = [step for step in reference.body if not _is_check(step)] or [ast.Pass()]
    hint = f"def {stubs.signature(exercise)}:\n{textwrap.indent(exercise.hints[2], '    ')}\n"
    variants = [copy.deepcopy(answer.tree) for answer in answers_of(exercise).variants]
    found = {of_tree(tree)[0]: f"variant {number}" for number, tree in enumerate(variants, start=1)}
    found[fingerprint(hint, exercise.name)[0]] = "the last hint"
    found[of_tree(reference)[0]] = "the package's own function"
    return found


def _is_check(step: ast.stmt) -> bool:
    """Whether a statement only checks an argument, as the package's functions do and answers need not."""
    value = getattr(step, "value", None)
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        value = value.func.value
    return isinstance(value, ast.Name) and value.id == "checks"
