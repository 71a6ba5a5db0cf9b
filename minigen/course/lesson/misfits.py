"""Whether a lesson's recorded outputs still fit its file: statement by statement, without running it.

A statement can make the outputs of the methods of `lesson` that it calls, itself or by a function of the file. An
output fits if the statement that made it still calls its method, for the same question, figure, table, exercise or
check, as far as the file says which. A call that is alone, outside of loops and conditions, must have its output.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minigen.course.index.lesson_source import COMPUTED, Call, LessonSource
from minigen.course.lesson.blocks import OUTPUTS, Claims, Output

__all__ = ["misfits"]

METHODS = {one.method: one for one in OUTPUTS.values() if one.method}
OPTIONAL = (Claims,)  # `finish` shows a table only where there are claims


@dataclass(frozen=True)
class Expected:
    """The output that a call makes.

    which: what it is about, as far as that is written out: {"question": ..., "choices": [...]}.
    """

    call: Call
    which: Mapping[str, Any]

    @property
    def output(self) -> type[Output]:
        return METHODS[self.call.method]

    def is_recorded_as(self, entry: Mapping[str, Any]) -> bool:
        """Whether a recorded output can be this one."""
        shown = entry["payload"]
        if "file" in shown:
            shown = {"name": Path(shown["file"]).stem}
        return entry["kind"] == self.output.kind and all(shown.get(name) == value for name, value in self.which.items())

    def __str__(self) -> str:
        return f"{self.output.kind}{_quoted(self.which)}"


def misfits(source: LessonSource, entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """What does not fit between a lesson's file and its recorded outputs, in sentences; an empty list if all does."""
    statements = _outputs_by_statement(source)
    recorded: list[list[Mapping[str, Any]]] = [[] for _ in statements]
    found = []
    for entry in entries:
        if entry["statement"] >= len(statements):
            found.append(f"the lesson has no statement {entry['statement']}, which made {_named(entry)}")
            continue
        recorded[entry["statement"]].append(entry)
        outputs = statements[entry["statement"]]
        if entry["kind"] != "text" and not any(output.is_recorded_as(entry) for output in outputs):
            found.append(f"the lesson no longer makes {_named(entry)} in the statement that made it")
    for outputs, kept in zip(statements, recorded):
        for expected in outputs:
            needed = expected.call.alone and expected.output not in OPTIONAL
            if needed and not any(expected.is_recorded_as(entry) for entry in kept):
                found.append(f"line {expected.call.node.lineno}: {expected} has no recorded output")
    return found


def _outputs_by_statement(source: LessonSource) -> list[list[Expected]]:
    """The outputs that each top-level statement makes, also by functions of the file that it names."""
    functions: dict[str, list[ast.AST]] = {}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            functions.setdefault(node.name, []).append(node)
    outputs = {call.node: _expected(call) for call in source.calls_of(*METHODS)}
    return [
        [outputs[node] for node in _reached(statement.node, functions) if node in outputs]
        for statement in source.statements
    ]


def _reached(start: ast.AST, functions: Mapping[str, Sequence[ast.AST]]) -> Iterator[ast.AST]:
    """All nodes of a statement, and those of the functions and classes that are named there, and so on.

    A definition itself makes nothing.
    """
    if isinstance(start, ast.FunctionDef | ast.ClassDef):
        return
    waiting, seen = [start], set()
    while waiting:
        for node in ast.walk(waiting.pop()):
            yield node
            name = getattr(node, "id", getattr(node, "attr", ""))
            if name in functions and name not in seen:
                seen.add(name)
                waiting += functions[name]


def _expected(call: Call) -> Expected:
    values = {name: call.literal(name, place) for name, place in METHODS[call.method].named_by}
    return Expected(call, {name: value for name, value in values.items() if value is not COMPUTED})


def _named(entry: Mapping[str, Any]) -> str:
    """An output as a message names it."""
    payload = entry["payload"]
    names = ("question", "text", "file", "title", "name", "id")
    return f"{entry['kind']}{_quoted({name: payload[name] for name in names if payload.get(name)})}"


def _quoted(names: Mapping[str, Any]) -> str:
    """The first of several names in quotation marks, shortened."""
    first = next(iter(names.values()), "")
    return f" {str(first)[:60]!r}" if first else ""
