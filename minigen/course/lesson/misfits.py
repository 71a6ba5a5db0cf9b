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
class Call:
    """A call of a method of `lesson`.

    which: what its output is about, as far as it is written out: {"question": ..., "choices": [...]}.
    alone: the call is the whole statement.
    """

    kind: str
    which: Mapping[str, Any]
    line: int
    alone: bool

    def made(self, entry: Mapping[str, Any]) -> bool:
        """Whether an output can be of this call."""
        shown = entry["payload"]
        if "file" in shown:
            shown = {"name": Path(shown["file"]).stem}
        return entry["kind"] == self.kind and all(shown.get(name) == value for name, value in self.which.items())

    def __str__(self) -> str:
        return f"{self.kind}{_quoted(self.which)}"


def misfits(source: str, entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """What does not fit between a lesson's file and its recorded outputs, in sentences; an empty list if all does."""
    statements = _calls_by_statement(source)
    recorded: list[list[Mapping[str, Any]]] = [[] for _ in statements]
    found = []
    for entry in entries:
        if entry["statement"] >= len(statements):
            found.append(f"the lesson has no statement {entry['statement']}, which made {_named(entry)}")
            continue
        recorded[entry["statement"]].append(entry)
        calls = statements[entry["statement"]]
        if entry["kind"] != "text" and not any(call.made(entry) for call in calls):
            found.append(f"the lesson no longer makes {_named(entry)} in the statement that made it")
    for calls, outputs in zip(statements, recorded):
        for call in calls:
            if call.alone and call.kind not in OPTIONAL and not any(call.made(entry) for entry in outputs):
                found.append(f"line {call.line}: {call} has no recorded output")
    return found


def _calls_by_statement(source: str) -> list[list[Call]]:
    """The calls that each top-level statement makes, also by functions of the file that it names."""
    tree = ast.parse(source)
    functions: dict[str, list[ast.AST]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            functions.setdefault(node.name, []).append(node)
    result: list[list[Call]] = []
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            result.append([])  # a definition shows nothing
            continue
        alone = statement.value if isinstance(statement, ast.Expr) else None
        result.append([_call(node, node is alone) for node in _reached(statement, functions) if _is_ours(node)])
    return result


def _reached(start: ast.AST, functions: Mapping[str, Sequence[ast.AST]]) -> Iterator[Any]:
    """All nodes of a statement, and those of the functions and classes that are named there, and so on."""
    waiting, seen = [start], set()
    while waiting:
        for node in ast.walk(waiting.pop()):
            yield node
            name = getattr(node, "id", getattr(node, "attr", ""))
            if name in functions and name not in seen:
                seen.add(name)
                waiting += functions[name]


def _is_ours(node: ast.AST) -> bool:
    function = getattr(node, "func", None)
    return (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id == "lesson"
        and function.attr in METHODS
    )


def _call(node: ast.Call, alone: bool) -> Call:
    assert isinstance(node.func, ast.Attribute)
    kind, name, place = METHODS[node.func.attr]
    which = {}
    arguments = [(name, place)] + [("choices", 1)] * (kind == "predict")
    for argument, at in arguments:
        given = [keyword.value for keyword in node.keywords if keyword.arg == argument] or node.args[at : at + 1]
        try:
            if argument and given:
                which[argument] = ast.literal_eval(given[0])
        except ValueError:
            pass  # it is computed
    return Call(kind, which, node.lineno, alone)


def _named(entry: Mapping[str, Any]) -> str:
    """An output as a message names it."""
    payload = entry["payload"]
    names = ("question", "text", "file", "title", "name", "id")
    return f"{entry['kind']}{_quoted({name: payload[name] for name in names if payload.get(name)})}"


def _quoted(names: Mapping[str, Any]) -> str:
    """The first of several names in quotation marks, shortened."""
    first = next(iter(names.values()), "")
    return f" {str(first)[:60]!r}" if first else ""
