"""The package's own function on the cases of an exercise, other functions beside it, and how it is hidden from them."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import importlib
import importlib.util
import types
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minigen.course.exercise.format import Case, Exercise
from minigen.course.exercise.functions import formula
from minigen.course.exercise.given import GivenExercise, unpacked
from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.observe import Impl, generator_restored, observe, start_of
from minigen.course.exercise.grading.outcome import CaseOutcome, Incident
from minigen.course.exercise.grading.sandbox import stand_in
from minigen.course.exercise.patching import replaced

__all__ = [
    "Reference",
    "broken_reference",
    "drawing_nothing",
    "hidden_files",
    "hidden_targets",
    "hidden_texts",
    "judged_cases",
    "observe_case",
    "parts_of",
    "quiet",
    "reference_hidden",
    "reference_of",
    "references",
    "without_bodies",
]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No warnings about overflow and the like from the reference, mistakes and mutants, and no trace in np.random."""
    with np.errstate(all="ignore"), warnings.catch_warnings(), generator_restored():
        warnings.simplefilter("ignore")
        yield


@dataclass(frozen=True)
class Reference:
    """What the reference gave for one case: its outcome, the form of each returned value, and what it was called on.

    shift: of the arguments, see `shift`; None where they are the driver's own.
    """

    outcome: CaseOutcome
    forms: list
    sizes: frozenset[int]
    calls: list[tuple[tuple, dict]]
    shift: int | None = None


def references(exercise: Exercise, seed: int) -> list[Reference]:
    """Run the package's own function on every case; of a variant that was handed out, what came with it."""
    if isinstance(exercise, GivenExercise):
        return [_row(row) for row in exercise.rows_of(seed)]
    return [reference_of(exercise, seed, number) for number in range(len(exercise.cases))]


def _row(row: Mapping[str, Any]) -> Reference:
    """What the reference gave for one case, from a variant that was handed out."""
    fields = unpacked(row)
    return Reference(**{**fields, "outcome": CaseOutcome(status.PASS, **fields["outcome"])})


def reference_of(exercise: Exercise, seed: int, number: int, shift: int | None = None) -> Reference:
    """Run the package's own function on one case."""
    impl = Impl(exercise.reference, mutates=exercise.mutates, shift=shift, renamed=exercise.renamed)
    with quiet():
        outcome = observe(exercise.cases[number].driver, impl, start_of(seed, number))
    return Reference(outcome, impl.seen, frozenset(impl.sizes), impl.calls, shift)


def drawing_nothing(exercise: Exercise) -> frozenset[int]:
    """The numbers of the cases whose driver draws nothing: their inputs are the same on every seed."""
    found = set()
    for number, case in enumerate(exercise.cases):
        rng = np.random.default_rng([0, number])
        before = rng.bit_generator.state
        with quiet(), contextlib.suppress(Exception):  # `prove` reports what is wrong with a driver
            case.driver(Impl(exercise.reference, mutates=exercise.mutates, renamed=exercise.renamed), rng)
            if rng.bit_generator.state == before:
                found.add(number)
    return frozenset(found)


def judged_cases(exercise: Exercise, wanted: Sequence[Reference]) -> list[Case]:
    """The cases as answers are compared by them: a literal holds of the driver's own inputs, not of shifted ones."""
    rows = zip(exercise.cases, wanted, strict=True)
    return [case if row.shift is None else dataclasses.replace(case, expect={}) for case, row in rows]


def observe_case(
    exercise: Exercise,
    function: Callable,
    seed: int,
    number: int,
    reference: Reference,
    file: str | None = None,
    after: Callable[[], None] | None = None,
) -> CaseOutcome:
    """Run any function on one case in this process: in `quiet` or `generator_restored`.

    file: of its source, if that is not the file of the function's code object. after: called after each call of it.
    """
    own = [formula(function).__code__.co_filename] if isinstance(function, types.FunctionType) else []
    files = [file] if file is not None else own
    impl = Impl(function, reference.forms, files, after, exercise.mutates, reference.shift, exercise.renamed)
    return observe(exercise.cases[number].driver, impl, start_of(seed, number))


@contextlib.contextmanager
def reference_hidden(exercise: Exercise, also: Sequence[dict] = ()) -> Iterator[list[Incident]]:
    """The function of an exercise is not available in this process for a while, nor are those that are blocked.

    Yields the list of what was called nonetheless, as (status, message), which a swallowed exception cannot hide.
    also: further namespaces to hide it in.
    """
    incidents: list[Incident] = []
    with contextlib.ExitStack() as stack:
        for target in hidden_targets(exercise):
            hidden = stand_in(target, lambda state, message: incidents.append((state, message)))
            stack.enter_context(replaced(target, hidden, also))
        yield incidents


def hidden_targets(exercise: Exercise) -> list[str]:
    """What an answer must not reach, written like a target: the reference, its parts, and what is blocked."""
    return list(dict.fromkeys([exercise.target, *parts_of(exercise.target), *exercise.blocked]))


def parts_of(target: str) -> list[str]:
    """The private functions of a target's module that nothing but the target uses, written like targets.

    They are its implementation under other names. The code of the module decides which these are, closures included: a
    function that other code mentions as well is a tool, and stays.
    """
    module, _, path = target.partition(":")
    space = vars(importlib.import_module(module))
    functions = dict(_functions(space))
    private = [name for name in functions if name.startswith("_") and _home(functions[name]) is space]
    users: dict[str, set[str]] = {name: set() for name in private}
    for name, function in functions.items():
        inner = _closed_over(function)
        mentioned = _mentioned(function.__code__) if function.__globals__ is space else set()
        for part in private:
            if part != name and (part in mentioned or any(each is functions[part] for each in inner)):
                users[part].add(name)
    parts: set[str] = set()
    while more := {part for part in private if users[part] and users[part] <= {path, *parts}} - parts:
        parts |= more
    return [f"{module}:{part}" for part in sorted(parts)]


def _functions(space: dict) -> Iterator[tuple[str, types.FunctionType]]:
    """The functions and methods of a module by their names: `critic_loss`, `Critic.__call__`."""
    for name, value in space.items():
        if isinstance(value, types.FunctionType):
            yield name, formula(value)
        elif isinstance(value, type) and value.__module__ == space["__name__"]:
            for inner, method in vars(value).items():
                method = getattr(method, "__func__", method)
                if isinstance(method, types.FunctionType):
                    yield f"{name}.{inner}", method


def _closed_over(function: types.FunctionType) -> list[types.FunctionType]:
    """The functions in the closure of a function, such as the two that a primitive is made of."""
    return [cell.cell_contents for cell in function.__closure__ or () if _is_function(cell)]


def _is_function(cell: types.CellType) -> bool:
    try:
        return isinstance(cell.cell_contents, types.FunctionType)
    except ValueError:  # it is empty
        return False


def _home(function: types.FunctionType) -> dict:
    """The module that a function belongs to: that of what it is made of, if it is a closure over functions."""
    inner = _closed_over(function)
    return inner[0].__globals__ if inner else function.__globals__


def _mentioned(code: types.CodeType) -> set[str]:
    """The names that are in a function and in those within it."""
    inner = [value for value in code.co_consts if isinstance(value, types.CodeType)]
    return set(code.co_names).union(*map(_mentioned, inner))


def hidden_files(exercise: Exercise) -> list[str]:
    """The files that hold the reference and the blocked functions: source, and compiled by any Python."""
    files: dict[str, None] = {}
    for target in hidden_targets(exercise):
        spec = importlib.util.find_spec(target.partition(":")[0])
        if spec is not None and spec.origin:
            source = Path(spec.origin)
            compiled = source.parent.glob(f"__pycache__/{source.stem}.*.pyc")
            files |= dict.fromkeys([str(source), *map(str, sorted(compiled))])
    return list(files)


def hidden_texts(exercise: Exercise) -> dict[str, str]:
    """The source of the modules that hold the reference and the blocked functions, without the bodies of these."""
    paths: dict[str, list[str]] = {}
    for target in hidden_targets(exercise):
        module, _, path = target.partition(":")
        paths.setdefault(module, []).append(path)
    texts = {}
    for module, inside in paths.items():
        spec = importlib.util.find_spec(module)
        if spec is not None and spec.origin and spec.origin.endswith(".py"):
            texts[module] = without_bodies(Path(spec.origin).read_text(encoding="utf-8"), inside)
    return texts


def without_bodies(source: str, paths: Sequence[str]) -> str:
    """The text of a module, line by line, in which functions, by their paths, only raise NotImplementedError."""
    lines = source.split("\n")
    for path, node in _definitions(ast.parse(source), ""):
        if path in paths:
            body = node.body[0]
            assert node.end_lineno is not None, "a parsed node has an end"
            before = lines[body.lineno - 1].encode()[: body.col_offset].decode()
            rest = [""] * (node.end_lineno - body.lineno)
            lines[body.lineno - 1 : node.end_lineno] = [f"{before}raise NotImplementedError", *rest]
    return "\n".join(lines)


def _definitions(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    """The functions of a module and the methods of its classes by their paths, the last ones first."""
    for inner in reversed(list(ast.iter_child_nodes(node))):
        if isinstance(inner, ast.FunctionDef):
            yield f"{prefix}{inner.name}", inner
        elif isinstance(inner, ast.ClassDef):
            yield from _definitions(inner, f"{prefix}{inner.name}.")
        elif isinstance(inner, (ast.If, ast.Try, ast.With)):
            yield from _definitions(inner, prefix)


def broken_reference(wanted: Sequence[Reference]) -> CaseOutcome | None:
    """The outcome of every case if the reference itself fails one, which is the grader's error; None if it does not."""
    broken = next((row.outcome for row in wanted if not row.outcome.answered), None)
    return None if broken is None else CaseOutcome(status.GRADER_ERROR, f"the reference fails: {broken.message}")
