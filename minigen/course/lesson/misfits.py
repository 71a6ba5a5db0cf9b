"""Whether a lesson's recorded outputs still fit its file: statement by statement, without running it.

A statement can make the outputs of the methods of `lesson` that it calls, itself or by a function of the file. An
output fits if the statement that made it still calls its method, for the same question, figure, table, exercise or
check, as far as the file says which. A call that stands alone, outside of loops and conditions, must have its output.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minigen.course.index.lesson_source import COMPUTED, Call, LessonSource

__all__ = ["misfits"]

# method -> (kind of output, the argument that says which one: its name and its place)
METHODS = {
    "predict": ("predict", "question", 0),
    "outcome": ("outcome", "answer", 1),
    "figure": ("figure", "name", 1),
    "animation": ("animation", "name", 1),
    "play": ("play", "name", 0),
    "table": ("table", "title", 2),
    "check": ("check", "name", 0),
    "exercise": ("exercise", "id", 0),
    "change": ("change", "name", 0),
    "show_source": ("source", "", 0),
    "finish": ("claims", "", 0),
}
OPTIONAL = {"claims"}  # `finish` shows a table only where there are claims


@dataclass(frozen=True)
class Output:
    """The output that a call makes.

    which: what it is about, as far as that is written out: {"question": ..., "choices": [...]}.
    """

    call: Call
    kind: str
    which: Mapping[str, Any]

    def is_recorded_as(self, entry: Mapping[str, Any]) -> bool:
        """Whether a recorded output can be this one."""
        shown = entry["payload"]
        if "file" in shown:
            shown = {"name": Path(shown["file"]).stem}
        return entry["kind"] == self.kind and all(shown.get(name) == value for name, value in self.which.items())

    def __str__(self) -> str:
        return f"{self.kind}{_quoted(self.which)}"


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
        for output in outputs:
            needed = output.call.alone and output.kind not in OPTIONAL
            if needed and not any(output.is_recorded_as(entry) for entry in kept):
                found.append(f"line {output.call.node.lineno}: {output} has no recorded output")
    return found


def _outputs_by_statement(source: LessonSource) -> list[list[Output]]:
    """The outputs that each top-level statement makes, also by functions of the file that it names."""
    functions: dict[str, list[ast.AST]] = {}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            functions.setdefault(node.name, []).append(node)
    outputs = {call.node: _output(call) for call in source.calls_of(*METHODS)}
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


def _output(call: Call) -> Output:
    kind, name, place = METHODS[call.method]
    arguments = [(name, place)] * bool(name) + [("choices", 1)] * (kind == "predict")
    values = {argument: call.literal(argument, at) for argument, at in arguments}
    return Output(call, kind, {argument: value for argument, value in values.items() if value is not COMPUTED})


def _named(entry: Mapping[str, Any]) -> str:
    """An output as a message names it."""
    payload = entry["payload"]
    names = ("question", "text", "file", "title", "name", "id")
    return f"{entry['kind']}{_quoted({name: payload[name] for name in names if payload.get(name)})}"


def _quoted(names: Mapping[str, Any]) -> str:
    """The first of several names in quotation marks, shortened."""
    first = next(iter(names.values()), "")
    return f" {str(first)[:60]!r}" if first else ""
