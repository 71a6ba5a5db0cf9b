"""Notebooks (extra `classroom`): functions taken from a student's by name, and the one that students get."""

from __future__ import annotations

import ast
import builtins
import contextlib
import json
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minigen.classroom.assignment import AssignedExercise, Assignment
from minigen.course.console import INSTALL_CLASSROOM, UsageError
from minigen.course.exercise import prompts, stubs
from minigen.course.exercise.names import global_names

__all__ = ["NotebookError", "check_names", "functions_of", "imports", "module", "names_of", "student_notebook"]

NUMPY = "import autograd.numpy as np"
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
IMPORTS = (ast.Import, ast.ImportFrom)
PYTHON_MAGICS = {"%%time", "%%timeit", "%%capture", "%%prun", "%%memit"}  # what follows in the cell is Python
TIMED = re.compile(r"(\s*)%time +(.*)")  # a line that runs what follows in it
# What only IPython understands: %matplotlib inline, !pip install x, files = !ls, help?
AT_MARGIN = re.compile(r"%[a-z]|[!?]|[\w., ]+=\s*(?:%[a-z]|!)|[\w.]+\?{1,2}\s*$")
ANYWHERE = re.compile(rf"\s*(?:{AT_MARGIN.pattern})")


class NotebookError(ValueError):
    """Bytes that are no notebook."""


def module() -> Any:
    """nbformat. Raises UsageError if it is not installed."""
    try:
        import nbformat
    except ImportError:
        message = f"notebooks need nbformat: {INSTALL_CLASSROOM}"
        raise UsageError(message) from None
    return nbformat


@dataclass(frozen=True)
class _Piece:
    """A statement of a cell that defines names without running anything."""

    cell: int
    node: ast.stmt
    left_out: tuple[str, ...] = ()  # lines of IPython within it

    @property
    def text(self) -> str:
        return ast.unparse(self.node)

    @property
    def is_import(self) -> bool:
        return isinstance(self.node, (*IMPORTS, ast.Try))


def functions_of(data: bytes, names: Iterable[str]) -> tuple[str, list[str]]:
    """Python with the functions of these names, and what they need of the notebook; and notes for the report.

    Taken are those imports, functions, classes and simple values that the named functions use, each as the last cell
    defines it. No cell is run. Raises NotebookError for bytes that are no notebook.
    """
    pieces: dict[str, list[_Piece]] = {}
    computed: dict[str, int] = {}  # the cell of a name whose value needs the cell to be run
    stars: list[_Piece] = []
    future: list[str] = []
    notes: list[str] = []
    for number, source in _code_cells(data):
        try:
            tree, left_out = _parsed(source)
        except ValueError as error:
            notes.append(f"cell {number} of the notebook {error} and was left out")
            continue
        for node in tree.body:
            lines = tuple(text for line, text in left_out if node.lineno <= line <= (node.end_lineno or node.lineno))
            for part in _split(node):
                piece, bound = _Piece(number, part, lines), _bound(part)
                if isinstance(part, ast.ImportFrom) and part.module == "__future__":
                    future.append(piece.text)
                elif "*" in bound:
                    stars.append(piece)
                elif bound:
                    for name in bound:
                        both = pieces.get(name, []) if _imports_submodule(part) else []
                        pieces[name] = [each for each in both if _imports_submodule(each.node)] + [piece]
                else:
                    computed |= dict.fromkeys(_assigned(part), number)
    names = list(names)
    chosen, unknown = _needed(names, pieces, "\n".join(future))
    if unknown - computed.keys() - set(names):  # what the functions use and no cell defines by name
        chosen += stars
    for name in sorted(unknown & computed.keys()):
        notes.append(
            f"{name} was left out, because cell {computed[name]} of the notebook has to be run for its value: "
            "only imports, functions, classes and simple values are taken"
        )
    chosen.sort(key=lambda piece: (not piece.is_import, piece.cell, piece.node.lineno, piece.text))
    for piece in chosen:
        notes += [f"cell {piece.cell} of the notebook: the line {text!r} was left out" for text in piece.left_out]
    parts = [piece.text if piece.is_import else f"# cell {piece.cell}\n{piece.text}" for piece in chosen]
    return "\n".join(["# from a notebook", *dict.fromkeys([*future, *parts]), ""]), notes


def names_of(data: bytes) -> list[str]:
    """Return the functions that the cells of a notebook define. Raises NotebookError for bytes that are no notebook."""
    found = []
    for _, source in _code_cells(data):
        with contextlib.suppress(ValueError):
            found += [node.name for node in _parsed(source)[0].body if isinstance(node, DEFINITIONS[:2])]
    return found


def _code_cells(data: bytes) -> list[tuple[int, str]]:
    """Return the number and source of each cell of code. Raises NotebookError."""
    nbformat = module()
    try:
        with warnings.catch_warnings():  # of cells without an id, for example: nothing that a teacher could mend
            warnings.simplefilter("ignore")
            notebook = nbformat.reads(data.decode("utf-8-sig"), as_version=4)
        return [(n, str(cell.source)) for n, cell in enumerate(notebook.cells, start=1) if cell.cell_type == "code"]
    except Exception as error:  # nbformat raises many kinds, for JSON, schema and version
        message = " ".join(str(error).split())[:200]
        raise NotebookError(f"no Jupyter notebook ({type(error).__name__}: {message})") from None


# ------------------------------------------------------------------------------------------- a cell


def _parsed(source: str) -> tuple[ast.Module, list[tuple[int, str]]]:
    """Return a cell's tree without the lines that only IPython understands; and these lines, by number.

    Raises ValueError that says why the cell cannot be read.
    """
    lines = source.split("\n")
    first = next((n for n, line in enumerate(lines) if line.strip()), 0)
    if lines[first].startswith("%%"):
        magic = lines[first].split()[0]
        if magic not in PYTHON_MAGICS:
            raise ValueError(f"begins with {magic}")
        lines[first] = ""
    for magics in (None, AT_MARGIN, ANYWHERE):  # a line within parentheses may begin with % and be Python
        kept = [TIMED.sub(r"\1\2", line) if magics else line for line in lines]
        left_out = [(n, line) for n, line in enumerate(kept, start=1) if magics and magics.match(line)]
        for number, line in left_out:
            kept[number - 1] = f"{line[: len(line) - len(line.lstrip())]}pass"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
                tree = compile("\n".join(kept), "cell", "exec", flags, dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        return tree, [(number, line.strip()) for number, line in left_out]
    raise ValueError("is not Python")


def _split(node: ast.stmt) -> list[ast.stmt]:
    """Return an import of several names as one import for each; any other statement as it is."""
    if isinstance(node, ast.Import):
        return [ast.copy_location(ast.Import([alias]), node) for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [ast.copy_location(ast.ImportFrom(node.module, [alias], node.level), node) for alias in node.names]
    return [node]


def _imports_submodule(node: ast.stmt) -> bool:
    """Whether it is `import a.b`, which binds `a` beside `import a.c`."""
    return isinstance(node, ast.Import) and "." in node.names[0].name and node.names[0].asname is None


def _bound(node: ast.stmt) -> list[str]:
    """Return the names that a statement defines without running anything: an import, a function, a class, a simple
    value.
    """
    if isinstance(node, IMPORTS):
        return [alias.asname or alias.name.partition(".")[0] for alias in node.names]
    if isinstance(node, DEFINITIONS):
        return [node.name]
    if isinstance(node, ast.Assign) and _is_plain(node.value):
        return _targets(node.targets)
    if isinstance(node, ast.AnnAssign) and node.value is not None and _is_plain(node.value):
        return _targets([node.target])
    if isinstance(node, ast.Try):  # an import that falls back on another one
        inner = [*node.body, *(step for handler in node.handlers for step in handler.body), *node.orelse]
        if not node.finalbody and all(isinstance(step, ast.Pass) or _bound(step) for step in inner):
            return [name for step in inner for name in _bound(step)]
    return []


def _targets(targets: Iterable[ast.expr]) -> list[str]:
    """Return the names that are assigned to; none if a target is an element or attribute."""
    nodes = [node for target in targets for node in ast.walk(target)]
    if not all(isinstance(node, (ast.Name, ast.Tuple, ast.List, ast.expr_context)) for node in nodes):
        return []
    return [node.id for node in nodes if isinstance(node, ast.Name)]


def _assigned(node: ast.stmt) -> set[str]:
    """Return the names that a statement assigns when it is run, outside of functions."""
    if isinstance(node, DEFINITIONS):
        return set()
    found = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)}
    imports = (inner for inner in ast.walk(node) if isinstance(inner, (*IMPORTS, *DEFINITIONS)))
    return found.union(*(_bound(inner) for inner in imports)) - {"*"}


def _is_plain(value: ast.expr) -> bool:
    """Whether an expression is made of numbers, texts, names, arithmetic and lambdas: nothing is called."""
    if isinstance(value, ast.Lambda):
        return True
    values = (ast.Constant, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.UnaryOp, ast.BinOp, ast.Name, ast.Attribute)
    kinds = (*values, ast.operator, ast.unaryop, ast.expr_context)
    return all(isinstance(node, kinds) for node in ast.walk(value)) and not any(
        isinstance(node, ast.Pow) for node in ast.walk(value)
    )


def _needed(names: Sequence[str], pieces: dict[str, list[_Piece]], future: str) -> tuple[list[_Piece], set[str]]:
    """Return the pieces that define these names, those that they use, and so on;
    and the names that no piece defines.
    """
    found: dict[int, _Piece] = {}
    known: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in known:
            continue
        known.add(name)
        for piece in pieces.get(name, []):
            found[id(piece)] = piece
            with contextlib.suppress(SyntaxError):  # the text as a whole is read again, with a message
                waiting += global_names(f"{future}\n{piece.text}")
    unknown = {name for name in known if name not in pieces and not hasattr(builtins, name)}
    return list(found.values()), unknown


# ------------------------------------------------------------------------------------------- the notebook to hand out


def student_notebook(assignment: Assignment) -> Any:
    """Return the notebook that students get: one exercise after the other, each with a cell that checks it."""
    nbformat = module()
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.cells = [_cell(kind, id, text) for kind, id, text in _cells(assignment)]
    return notebook


def _cell(kind: str, id: str, text: str) -> Any:
    make = module().v4.new_markdown_cell if kind == "markdown" else module().v4.new_code_cell
    return make(text, id=id)  # a fixed id: the same assignment gives the same notebook


def _cells(assignment: Assignment) -> Iterator[tuple[str, str, str]]:
    yield "markdown", "title", f"# {assignment.title}\n\nReplace each `raise NotImplementedError` with your answer."
    allowed = [*assignment.allowed_modules, *(Path(name).stem for name in assignment.helpers)]
    given = f"\n\nALLOWED = {json.dumps(allowed if assignment.allowed_modules else [])}  # modules; [] for all"
    yield "code", "imports", imports(assignment) + given
    for assigned in assignment.exercises:
        name = assigned.id.replace("/", "-")
        yield "markdown", f"{name}-text", text_of(assigned)
        yield "code", f"{name}-answer", stubs.bare_stub(assigned.exercise)
        call = f'check("{assigned.exercise.address}", {assigned.exercise.name}, allowed_modules=ALLOWED)'
        yield "code", f"{name}-check", call


def text_of(assigned: AssignedExercise) -> str:
    """Return what a notebook says above the cell of an answer: the exercise, its points, its prompt."""
    return "\n\n".join([f"## {assigned.id}", f"{assigned.points:g} points", *prompts.paragraphs(assigned.exercise)])


def imports(assignment: Assignment, check: bool = True) -> str:
    """Return the imports of all exercises, with autograd's np last."""
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
