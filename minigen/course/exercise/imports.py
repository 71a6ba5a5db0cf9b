"""Which modules an answer may import: an import that the graded function does without costs nothing.

What a file only needs to draw or to try something is taken out of its source before it is run, line by line, so that
the numbers of the other lines stay as they are.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TypeGuard

from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.submission import Submission
from minigen.course.exercise.names import global_names

__all__ = ["as_allowed"]

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
IMPORTS = (ast.Import, ast.ImportFrom)


def as_allowed(submission: Submission, function: str, modules: Sequence[str]) -> Submission:
    """Return a submission without the imports that are not allowed and that a function does without.

    modules: those that may be imported, none of them if all may. If the function uses another one, the submission that
    is returned says so and cannot be run.
    """
    if not modules or submission.status != status.PASS:
        return submission
    file = _File(submission.source, {*modules, "__future__"})
    module = file.needed_by(function)
    if not module:
        return dataclasses.replace(submission, source=file.without())
    message = f"{function} uses {module}; this assignment allows {', '.join(modules)}"
    return Submission(submission.file, "", status.FORBIDDEN_MODULE, message)


class _File:
    """A file's statements, and which of them need a module that is not allowed.

    left_out: the names that such statements bind, and the module; "*" for those of `from module import *`.
    """

    def __init__(self, source: str, allowed: set[str]):
        self.source, self.allowed = source, allowed
        self.body = ast.parse(source).body
        self.defined: dict[str, list[ast.stmt]] = defaultdict(list)
        for node in self.body:
            for name in _bound(node):
                self.defined[name].append(node)
        self.edits: dict[ast.stmt, list[ast.alias]] = {}  # what is left out, and what is kept of an import
        self.left_out: dict[str, str] = {}
        while any([self._leave_out(node) for node in self.body if node not in self.edits]):
            pass  # a statement may need what another one binds

    def _leave_out(self, node: ast.stmt) -> bool:
        """Leave out a statement if it needs a module that is not allowed; whether it does."""
        module = self._module_of(node)
        if module:
            kept = [alias for alias in node.names if not self._refused(node, alias)] if _is_import(node) else []
            self.edits[node] = kept
            self.left_out |= dict.fromkeys(_bound(node) - _names(kept), module)
        return bool(module)

    def _module_of(self, node: ast.stmt) -> str:
        """Return the module, not allowed, that a statement needs when the file is read; "" if it needs none."""
        if _is_main(node):
            return ""
        parts: list[ast.AST] = [node]
        if isinstance(node, FUNCTIONS):  # its body is not run yet
            parts = [*node.decorator_list, node.args, *([node.returns] if node.returns else [])]
        imported = next((module for part in parts for module in self._imported(part)), "")
        if imported or _is_import(node):
            return imported
        names = sorted({name for part in parts for name in _loaded(part)})
        return next((module for name in names if (module := self._behind(name))), "")

    def _behind(self, name: str) -> str:
        """Return the module, not allowed, that a name needs; "" if it needs none."""
        if name in self.left_out:
            return self.left_out[name]
        known = name in self.defined or hasattr(builtins, name)
        return "" if known else self.left_out.get("*", "")

    def _refused(self, node: ast.AST, alias: ast.alias) -> str:
        """Return the module that a part of an import needs, "" if it is allowed."""
        name = alias.name if isinstance(node, ast.Import) else getattr(node, "module", None) or "."
        steps = name.split(".")
        return "" if any(".".join(steps[:n]) in self.allowed for n in range(1, len(steps) + 1)) else name

    def _imported(self, node: ast.AST) -> Iterator[str]:
        """Yield the modules, not allowed, that are imported within."""
        for inner in ast.walk(node):
            if isinstance(inner, IMPORTS):
                yield from filter(None, (self._refused(inner, alias) for alias in inner.names))

    def needed_by(self, function: str) -> str:
        """Return the module, not allowed, that a function needs when it is called; "" if it needs none."""
        waiting, seen = [function], set()
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            module = "" if name == function and name not in self.left_out else self._behind(name)
            for node in self.defined.get(name, []):
                if not _is_import(node):
                    module = module or next(self._imported(node), "")
                    with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
                        waiting += global_names(ast.unparse(node))
            if module:
                return module
        return ""

    def without(self) -> str:
        """Return the source without what needs a module that is not allowed."""
        lines = [line.encode() for line in self.source.split("\n")]  # the parser counts bytes
        for node in reversed([node for node in self.body if node in self.edits]):
            kept = ast.unparse(ast.Import(self.edits[node])) if self.edits[node] else "pass"
            first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))]) - 1
            last = (node.end_lineno or node.lineno) - 1
            before, after = lines[first][: node.col_offset], lines[last][node.end_col_offset :]
            lines[first : last + 1] = [before + kept.encode() + after, *[b""] * (last - first)]
        return b"\n".join(lines).decode()


def _is_import(node: ast.AST) -> TypeGuard[ast.Import | ast.ImportFrom]:
    return isinstance(node, IMPORTS)


def _names(aliases: Sequence[ast.alias]) -> set[str]:
    return {alias.asname or alias.name.partition(".")[0] for alias in aliases}


def _is_main(node: ast.stmt) -> bool:
    """Whether it is `if __name__ == "__main__":`, which is not run where answers are."""
    return isinstance(node, ast.If) and {"__name__", "'__main__'"} <= set(ast.unparse(node.test).split())


def _loaded(node: ast.AST) -> set[str]:
    names = (inner for inner in ast.walk(node) if isinstance(inner, ast.Name))
    return {inner.id for inner in names if not isinstance(inner.ctx, ast.Store)}


def _bound(node: ast.stmt) -> set[str]:
    """Return the names that a statement of the file binds."""
    if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        return {node.name}
    stored = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)}
    imported = (_names(inner.names) for inner in ast.walk(node) if isinstance(inner, IMPORTS))
    return stored.union(*imported)
