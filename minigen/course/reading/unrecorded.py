"""What the file of a lesson says of its outputs, for a lesson that has not been run."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any

from minigen.course.index.lesson_source import Call, LessonSource
from minigen.course.lesson.blocks import OUTPUTS, ExerciseBox, Invitation, Question

__all__ = ["RESULT", "entries_of_file"]

RESULT = "result"  # the kind of an entry that only says: here the run shows something
# Methods whose outputs are written out in the file, and the names of their arguments in the record.
WRITTEN = {one.method: one.recorded for one in (Question, ExerciseBox, Invitation)}
# Those whose outputs need a run.
SHOWING = {one.method for one in OUTPUTS.values() if one.method and one.is_result} - {"finish"} | {"fit"}


def entries_of_file(source: LessonSource) -> list[dict[str, Any]]:
    """Return the outputs that a lesson's file writes out (questions, exercises, invitations), and where it shows
    results.

    They are entries of a record without a `cell`; that of a result has the kind RESULT and no payload. Only statements
    of the file's top level count, with what is inside of their loops and conditions.
    """
    return [
        {"statement": number, "kind": kind, "payload": payload}
        for number, statement in enumerate(source.statements)
        if not statement.is_definition
        for kind, payload in _outputs(statement.node, [call for call in source.calls if call.statement == number])
    ]


def _outputs(statement: ast.stmt, calls: Sequence[Call]) -> Iterator[tuple[str, dict[str, Any]]]:
    for call in calls:
        if call.method in WRITTEN:
            yield call.method, _payload(call)
    if any(call.method in SHOWING for call in calls) or _prints(statement):
        yield RESULT, {}


def _prints(statement: ast.stmt) -> bool:
    """Whether a statement calls `print`."""
    calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call)]
    return any(isinstance(call.func, ast.Name) and call.func.id == "print" for call in calls)


def _payload(call: Call) -> dict[str, Any]:
    given = [(name, call.argument(name, place)) for place, name in enumerate(WRITTEN[call.method])]
    payload: dict[str, Any] = {name: _written(argument) for name, argument in given if argument is not None}
    if "choices" in payload and not isinstance(payload["choices"], list):
        payload["choices"] = []  # the run computes them
    return payload


def _written(node: ast.expr) -> Any:
    """Return a text or a list of texts as the file has it, with "…" where the run computes something."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    if isinstance(node, ast.List):
        return [_written(part) for part in node.elts]
    return node.value if isinstance(node, ast.Constant) else "…"
