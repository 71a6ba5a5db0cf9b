"""The source of an exercise's drivers, as a worker gets it: without the answers.

An exercise's file also holds variants, which are right answers, mistakes, what these use, and the values to expect. A
worker needs the drivers and what they use. The rest is blanked out, so that line numbers stay those of the file.
"""

from __future__ import annotations

import ast
from functools import lru_cache
from pathlib import Path

__all__ = ["driver_source"]


@lru_cache(maxsize=64)
def _stripped(path: Path, stamp: tuple[int, int]) -> str:
    source = path.read_text(encoding="utf-8")
    lines, tree = source.splitlines(), ast.parse(source)
    exercises = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and _is_exercise(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }

    def blank(first: int, last: int) -> None:
        lines[first - 1 : last] = [""] * (last - first + 1)

    used = _used_by_drivers(tree, exercises)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and (roles := [_role(d, exercises) for d in node.decorator_list]):
            first = node.decorator_list[0].lineno
            if "case" in roles:
                blank(first, node.lineno - 1)
                lines[first - 1] = f"@_case({first})"
            elif any(roles):
                blank(first, node.end_lineno)
        elif _only_for_the_author(node, exercises) or (names := _bound(node)) and not names & used:
            blank(node.lineno, node.end_lineno)
    return "\n".join(lines) + "\n"


def driver_source(path: Path) -> str:
    """The file at `path` with every driver under `@_case(<its line>)` and nothing that answers an exercise."""
    info = path.stat()
    return _stripped(path, (info.st_mtime_ns, info.st_size))


def _bound(node: ast.stmt) -> set[str]:
    """The names that a definition or an assignment at the top level binds; none for another statement."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return set()


def _used_by_drivers(tree: ast.Module, exercises: set[str]) -> set[str]:
    """The names that the drivers use, directly or through what they use."""
    nodes = [n for n in tree.body if isinstance(n, ast.FunctionDef)]
    waiting: list[ast.stmt] = [n for n in nodes if any(_role(d, exercises) == "case" for d in n.decorator_list)]
    used: set[str] = set()
    while waiting:
        node = waiting.pop()
        parts = [*node.body, node.args] if isinstance(node, ast.FunctionDef) else [node]
        names = {n.id for part in parts for n in ast.walk(part) if isinstance(n, ast.Name)} - used
        used |= names
        waiting += [other for other in tree.body if _bound(other) & names]
    return used


def _is_exercise(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "Exercise"


def _role(decorator: ast.expr, exercises: set[str]) -> str | None:
    """ "case", "mistake" or "variant" for `@EX.case(...)` and the like, None for another decorator."""
    node = decorator.func if isinstance(decorator, ast.Call) else decorator
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in exercises:
        return node.attr
    return None


def _only_for_the_author(node: ast.stmt, exercises: set[str]) -> bool:
    if isinstance(node, ast.Assign):
        return _is_exercise(node.value)
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").startswith("minigen.course")
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and bool(_role(node.value, exercises))
