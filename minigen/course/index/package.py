"""The package's own files: where they are, and what a parser finds in them."""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["PACKAGE", "definitions_of", "dumped", "parse", "without_text"]

PACKAGE = Path(__file__).resolve().parents[2]


def parse(path: Path) -> ast.Module:
    """Return the syntax tree of a file; an empty one if it is not valid Python."""
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


def without_text(source: str) -> str:
    """Code without its comments and with empty docstrings, in which each statement is in its own line as before."""
    lines = source.split("\n")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip()
    for docstring in _docstrings(ast.parse(source)):
        rest = [""] * ((docstring.end_lineno or docstring.lineno) - docstring.lineno)
        lines[docstring.lineno - 1 : docstring.end_lineno] = [f'{" " * docstring.col_offset}""', *rest]
    return "\n".join(lines)


def _docstrings(tree: ast.Module) -> Iterator[ast.stmt]:
    """Yield the docstrings of a file, its functions and classes that have their lines to themselves."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            if ast.get_docstring(node) is not None and node.body[0].lineno > getattr(node, "lineno", 0):
                yield node.body[0]


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
