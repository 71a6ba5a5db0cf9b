"""A function's source and syntax tree, and back: what stubs, edits and mutants are made of."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["bare", "body", "compiled", "definition", "formula", "source"]


def formula(function: Any) -> Any:
    """Return the function that `minigen.checks.checked` has put checks before; any other is returned itself."""
    return getattr(function, "formula", function)


def source(function: Callable) -> str:
    """Return the source of a function, not indented, without its decorators."""
    text = textwrap.dedent(inspect.getsource(function))
    node = _first(ast.parse(text))
    return "\n".join(text.splitlines()[node.lineno - 1 : node.end_lineno])


def definition(text: str) -> ast.FunctionDef:
    """Return the tree of the function that a text defines, without decorators and annotations of its arguments."""
    node = _first(ast.parse(text))
    node.decorator_list, node.returns = [], None
    for inner in ast.walk(node):
        if isinstance(inner, ast.arg):
            inner.annotation = None
    return node


def bare(text: str) -> str:
    """Return a function's source as it is compared with another: no docstring, decorators or annotations of its
    arguments.
    """
    node = _first(ast.parse(text))
    stripped = definition(text)
    header = f"def {node.name}({ast.unparse(stripped.args)}):"
    statements = body(node)
    if not statements or statements[0].lineno == node.lineno:
        stripped.body = body(stripped) or [ast.Pass()]
        return ast.unparse(stripped)
    first = node.body[0]
    documented = ast.get_docstring(node) is not None
    start = (first.end_lineno or first.lineno) if documented else first.lineno - 1
    lines = text.splitlines()
    while not documented and lines[start - 1].lstrip().startswith("#"):
        start -= 1
    return "\n".join([header, *lines[start : node.end_lineno]])


def _first(module: ast.Module) -> ast.FunctionDef:
    found = next((node for node in module.body if isinstance(node, ast.FunctionDef)), None)
    if found is None:
        raise ValueError("this is not the definition of a function")
    return found


def body(node: ast.FunctionDef) -> list[ast.stmt]:
    """Return the statements of a function without its docstring."""
    return node.body[1:] if ast.get_docstring(node) is not None else node.body


def compiled(node: ast.FunctionDef, names: Mapping[str, Any], file: str) -> Callable:
    """Return the function that a tree defines, with a copy of `names` as its globals."""
    namespace = dict(names)
    exec(compile(ast.Module([node], type_ignores=[]), file, "exec"), namespace)
    return namespace[node.name]
