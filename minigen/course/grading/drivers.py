"""The source of an exercise's drivers, as a worker gets it: without the answers.

An exercise's file also holds variants, which are right answers, mistakes, and the values to expect. A worker needs the
drivers and what they use. The rest is blanked out, line by line, so that line numbers stay those of the file.
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

    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and (roles := [_role(d, exercises) for d in node.decorator_list]):
            first = node.decorator_list[0].lineno
            if "case" in roles:
                blank(first, node.lineno - 1)
                lines[first - 1] = f"@_case({first})"
            elif any(roles):
                blank(first, node.end_lineno)
        elif _only_for_the_author(node, exercises):
            blank(node.lineno, node.end_lineno)
    return "\n".join(lines) + "\n"


def driver_source(path: Path) -> str:
    """The file at `path` with every driver under `@_case(<its line>)` and nothing that answers an exercise."""
    info = path.stat()
    return _stripped(path, (info.st_mtime_ns, info.st_size))


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
