"""The package's own files: where they are, and what a parser finds in them."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["PACKAGE", "definitions_of", "dumped", "parse"]

PACKAGE = Path(__file__).resolve().parents[2]


def parse(path: Path) -> ast.Module:
    """The syntax tree of a file; an empty one if it is not valid Python."""
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


def definitions_of(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(qualified name, node) of every function, class and method."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from definitions_of(node, f"{prefix}{node.name}.")


def dumped(tree: ast.AST) -> str:
    """`ast.dump` as Python 3.11 writes it, so that a hash of code is the same in every version of Python.

    The tree is not used afterwards.
    """
    for node in ast.walk(tree):
        if not getattr(node, "type_params", True):  # a field since 3.12
            delattr(node, "type_params")
    if sys.version_info >= (3, 13):
        return ast.dump(tree, show_empty=True)
    return ast.dump(tree)
