"""What the file of a lesson says of its outputs, for a lesson that has not been run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

__all__ = ["RESULT", "entries_of_file"]

RESULT = "result"  # the kind of an entry that only says: here the run shows something
SHOWING = {"figure", "animation", "play", "table", "check", "outcome", "fit"}  # methods whose outputs need a run
WRITTEN = {  # methods whose outputs are written out in the file, and the names of their arguments in the record
    "predict": ("question", "choices"),
    "exercise": ("id",),
    "change": ("name", "sentence", "answer"),
}


def entries_of_file(source: str) -> list[dict[str, Any]]:
    """The outputs that a lesson's file writes out (questions, exercises, invitations), and where it shows results.

    They are entries of a record without a `cell`; that of a result has the kind RESULT and no payload. Only statements
    of the file's top level count, with what is inside of their loops and conditions.
    """
    return [
        {"statement": number, "kind": kind, "payload": payload}
        for number, statement in enumerate(ast.parse(source).body)
        for kind, payload in _outputs(statement)
    ]


def _outputs(statement: ast.stmt) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return
    for node in ast.walk(statement):
        if not isinstance(node, ast.Call):
            continue
        method = _method(node)
        if method in WRITTEN:
            yield method, _payload(node, WRITTEN[method])
        elif method in SHOWING or (isinstance(node.func, ast.Name) and node.func.id == "print"):
            yield RESULT, {}


def _method(call: ast.Call) -> str:
    """ "figure" of `lesson.figure(...)`, "" of another call."""
    function = call.func
    ours = isinstance(function, ast.Attribute) and getattr(function.value, "id", "") == "lesson"
    return function.attr if isinstance(function, ast.Attribute) and ours else ""


def _payload(call: ast.Call, names: tuple[str, ...]) -> dict[str, Any]:
    given = dict(zip(names, call.args)) | {str(keyword.arg): keyword.value for keyword in call.keywords}
    payload: dict[str, Any] = {name: _written(given[name]) for name in names if name in given}
    if "choices" in payload and not isinstance(payload["choices"], list):
        payload["choices"] = []  # the run computes them
    return payload


def _written(node: ast.expr) -> Any:
    """A text or a list of texts as the file has it, with "…" where the run computes something."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    if isinstance(node, ast.List):
        return [_written(part) for part in node.elts]
    return node.value if isinstance(node, ast.Constant) else "…"
