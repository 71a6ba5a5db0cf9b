"""Notebooks (extra `classroom`): functions taken from a student's by name, and the one that students get."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator
from typing import Any

from minigen.course.classroom.assignment import Assignment
from minigen.course.console import UsageError
from minigen.course.exercise import stubs

__all__ = ["NotebookError", "check_names", "functions_of", "imports", "module", "student_notebook"]

NUMPY = "import autograd.numpy as np"
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class NotebookError(ValueError):
    """Bytes that are no notebook."""


def module() -> Any:
    """nbformat. Raises UsageError if it is not installed."""
    try:
        import nbformat
    except ImportError:
        message = 'notebooks need nbformat: python -m pip install "minigen[classroom]"'
        raise UsageError(message) from None
    return nbformat


def functions_of(data: bytes, names: Iterable[str]) -> tuple[str, list[str]]:
    """Python with the functions of these names, and what they need of the notebook; and notes for the report.

    Taken are all imports, and of functions, classes and simple values those that the named functions use. No cell is
    run. Raises NotebookError for bytes that are no notebook.
    """
    nbformat = module()
    try:
        notebook = nbformat.reads(data.decode("utf-8-sig"), as_version=4)
        cells = [(n, str(cell.source)) for n, cell in enumerate(notebook.cells, start=1) if cell.cell_type == "code"]
    except Exception as error:  # nbformat raises many kinds, for JSON, schema and version
        message = " ".join(str(error).split())[:200]
        raise NotebookError(f"no Jupyter notebook ({type(error).__name__}: {message})") from None
    pieces: dict[str, tuple[int, ast.stmt]] = {}
    imports: list[str] = []
    notes: list[str] = []
    for number, source in cells:
        try:
            tree = ast.parse(_python(source))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            notes.append(f"cell {number} of the notebook is not Python and was left out")
            continue
        for node in tree.body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                imports.append(ast.unparse(node))
            else:
                pieces |= {name: (number, node) for name in _bound(node)}
    wanted = _needed(names, {name: node for name, (_, node) in pieces.items()})
    chosen = {id(pieces[name][1]): pieces[name] for name in wanted}
    parts = [f"# cell {number}\n{ast.unparse(node)}" for number, node in sorted(chosen.values(), key=lambda p: p[0])]
    future = [line for line in dict.fromkeys(imports) if line.startswith("from __future__")]
    others = [line for line in dict.fromkeys(imports) if line not in future]
    return "\n".join([*future, *others, "", *parts, ""]), notes


def _python(source: str) -> str:
    """A cell without the lines that only IPython understands."""
    if source.lstrip().startswith("%%"):
        return ""
    lines = source.splitlines()
    return "\n".join("pass" if line.startswith(("%", "!")) else line for line in lines)


def _bound(node: ast.stmt) -> list[str]:
    """The names that a statement defines without running anything: a function, a class, a literal value."""
    if isinstance(node, DEFINITIONS):
        return [node.name]
    if isinstance(node, ast.Assign) and _is_plain(node.value):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign) and node.value is not None and _is_plain(node.value):
        return [node.target.id] if isinstance(node.target, ast.Name) else []
    return []


def _is_plain(value: ast.expr) -> bool:
    """Whether an expression is made of numbers, texts, arithmetic and lambdas: nothing is called or looked up."""
    if isinstance(value, ast.Lambda):
        return True
    kinds = (ast.Constant, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.UnaryOp, ast.BinOp, ast.operator, ast.unaryop)
    return all(isinstance(node, (*kinds, ast.expr_context)) for node in ast.walk(value)) and not any(
        isinstance(node, ast.Pow) for node in ast.walk(value)
    )


def _needed(names: Iterable[str], pieces: dict[str, ast.stmt]) -> set[str]:
    """The named pieces, and those that they use, and so on."""
    found: set[str] = set()
    waiting = [name for name in names if name in pieces]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        used = {node.id for node in ast.walk(pieces[name]) if isinstance(node, ast.Name)}
        waiting += [other for other in used if other in pieces and not hasattr(builtins, other)]
    return found


# ------------------------------------------------------------------------------------------- the notebook to hand out


def student_notebook(assignment: Assignment) -> Any:
    """The notebook that students get: one exercise after the other, each with a cell that checks it."""
    nbformat = module()
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.cells = [_cell(kind, id, text) for kind, id, text in _cells(assignment)]
    return notebook


def _cell(kind: str, id: str, text: str) -> Any:
    make = module().v4.new_markdown_cell if kind == "markdown" else module().v4.new_code_cell
    return make(text, id=id)  # a fixed id: the same assignment gives the same notebook


def _cells(assignment: Assignment) -> Iterator[tuple[str, str, str]]:
    yield "markdown", "title", f"# {assignment.title}\n\nReplace each `raise NotImplementedError` by your answer."
    yield "code", "imports", imports(assignment)
    for assigned in assignment.exercises:
        name = assigned.id.replace("/", "-")
        yield "markdown", f"{name}-text", f"## {assigned.id}\n\n{assigned.points:g} points"
        yield "code", f"{name}-answer", stubs.stub(assigned.exercise)
        yield "code", f"{name}-check", f'check("{assigned.id}", {assigned.exercise.name})'


def imports(assignment: Assignment, check: bool = True) -> str:
    """The imports of all exercises, with autograd's np last."""
    lines = {line for assigned in assignment.exercises for line in assigned.exercise.imports if line != NUMPY}
    if check:
        lines.add("from minigen.course import check")
    return "\n".join([*sorted(lines), NUMPY])


def check_names(assignment: Assignment) -> None:
    """Raise UsageError if two exercises have functions of one name, which one notebook cannot hold."""
    names = [assigned.exercise.name for assigned in assignment.exercises]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise UsageError(f"two exercises are called {', '.join(repeated)}, which one notebook cannot hold")
