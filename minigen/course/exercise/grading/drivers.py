"""The drivers of an exercise as a worker gets them: without prompts, hints, expected values and other exercises."""

from __future__ import annotations

import ast
import types
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from minigen.course.index.package import without_text

if TYPE_CHECKING:
    from minigen.course.exercise.format import Exercise

__all__ = ["drivers_of", "load_drivers"]


def drivers_of(exercise: Exercise) -> str:
    """What the drivers of an exercise need of its file, line by line where it is there; other lines are empty.

    That is the drivers themselves without decorators, the statements at the top level that bind a name which they use,
    and what those use in turn. Docstrings are empty, comments left out. Raises LookupError if the file has changed.
    """
    assert exercise.path is not None, "the catalog sets the path of every exercise"
    source = exercise.path.read_text(encoding="utf-8-sig")
    lines, tree = without_text(source).split("\n"), ast.parse(source)
    wanted = {case.driver.__code__.co_firstlineno for case in exercise.cases}
    needed: list[ast.stmt] = [
        node for node in tree.body if isinstance(node, ast.FunctionDef) and _first_line(node) in wanted
    ]
    if len(needed) != len(wanted):
        raise LookupError(f"{exercise.path} has changed since it was loaded")
    others = [node for node in tree.body if node not in needed and not _makes_exercise(node)]
    needed += [node for node in others if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    for node in needed:  # which grows meanwhile
        used = {inner.id for part in _parts(node) for inner in ast.walk(part) if isinstance(inner, ast.Name)}
        needed += [other for other in others if other not in needed and _bound(other) & used]
    kept = [""] * len(lines)
    for node in needed:
        kept[node.lineno - 1 : node.end_lineno] = lines[node.lineno - 1 : node.end_lineno]
    return "\n".join(kept)


def _first_line(node: ast.FunctionDef) -> int:
    """Where Python says that a function begins: at its first decorator."""
    return node.decorator_list[0].lineno if node.decorator_list else node.lineno


def _makes_exercise(node: ast.stmt) -> bool:
    return any(isinstance(inner, ast.Name) and inner.id == "Exercise" for inner in ast.walk(node))


def _parts(node: ast.stmt) -> list[ast.AST]:
    """A statement without its decorators."""
    decorators = node.decorator_list if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else []
    return [part for part in ast.iter_child_nodes(node) if part not in decorators]


def _bound(node: ast.stmt) -> set[str]:
    """The names that a statement at the top level binds."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)}


def load_drivers(text: str, file: str, names: Sequence[str]) -> list[Callable]:
    """The drivers by their names, from what `drivers_of` gave. Raises whatever the text raises."""
    module = types.ModuleType("exercise")
    exec(compile(text, file, "exec"), module.__dict__)
    return [module.__dict__[name] for name in names]
