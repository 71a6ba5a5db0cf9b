"""Changes of the equation that a wrong answer may be: those that proofs use, and others that only explain an answer."""

from __future__ import annotations

import ast
import copy
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from minigen.course.exercise import functions
from minigen.course.exercise.answers import answers_of
from minigen.course.exercise.format import Exercise
from minigen.course.exercise.given import GivenExercise
from minigen.course.exercise.mutants import (
    Change,
    Mutant,
    changed_functions,
    mutants,
    mutants_of,
    outside_the_equation,
    with_fields,
)

__all__ = ["changes", "padded", "substituted", "without_roots", "wrapped"]

EPSILONS = (1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5)


@functools.singledispatch
def changes(exercise: Exercise) -> Iterator[Mutant]:
    """Yield the mechanical changes of the reference, of its arguments and result, then those of other right answers.

    Another kind of exercise registers its own.
    """
    reference, variants = exercise.reference, answers_of(exercise).variants
    yield from without_roots(
        functions.definition(functions.source(reference)), functions.formula(reference).__globals__
    )
    for answer in variants:
        yield from without_roots(answer.tree, answer.function.__globals__)
    yield from mutants(reference)
    yield from wrapped(reference)
    for answer in variants:
        yield from mutants_of(answer.tree, answer.function.__globals__)
    yield from padded(functions.definition(functions.source(reference)), functions.formula(reference).__globals__)
    for answer in variants:
        yield from padded(answer.tree, answer.function.__globals__)


@changes.register
def _(exercise: GivenExercise) -> Iterator[Mutant]:
    return iter(())  # its equation is not here


class _NoRoots(ast.NodeTransformer):
    """Takes every square root out: `np.sqrt(a)` and `a**0.5` become `a`."""

    def __init__(self) -> None:
        self.roots = 0

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if getattr(node.func, "attr", "") != "sqrt" or len(node.args) != 1:
            return node
        self.roots += 1
        return node.args[0]

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if not (isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant) and node.right.value == 0.5):
            return node
        self.roots += 1
        return node.left


def without_roots(tree: ast.FunctionDef, names: Mapping[str, Any]) -> list[Mutant]:
    """Return the function of a tree without any of its square roots, if it has several; like `padded`."""
    roots = _NoRoots()
    changed = ast.fix_missing_locations(roots.visit(copy.deepcopy(tree)))
    if roots.roots < 2:
        return []
    function = functions.compiled(changed, names, f"<{tree.name} without roots>")
    return [Mutant("no roots", "roots", "every square root left out", function)]


def padded(tree: ast.FunctionDef, names: Mapping[str, Any]) -> list[Mutant]:
    """Versions of the function of a tree with a small number in a logarithm, a root or a division.

    They are right but at extremes, and prove nothing: whether such a number matters depends on the exercise.
    """
    return changed_functions(tree, names, _paddings(tree))


def _paddings(tree: ast.FunctionDef) -> Iterator[Change]:
    """Yield an epsilon added to what a logarithm or root is taken of, or to what is divided by."""
    skipped = outside_the_equation(tree)
    for index, node in enumerate(ast.walk(tree)):
        if id(node) in skipped:
            continue
        name = getattr(getattr(node, "func", None), "attr", "")
        if isinstance(node, ast.Call) and name in ("log", "sqrt") and node.args:
            change: Callable = _pad_argument
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            change = _pad_divisor
        else:
            continue
        for epsilon in EPSILONS:
            yield index, "padding", functools.partial(change, epsilon=epsilon)


def _pad_argument(node: ast.Call, epsilon: float) -> ast.AST:
    return with_fields(node, args=[ast.BinOp(node.args[0], ast.Add(), ast.Constant(epsilon)), *node.args[1:]])


def _pad_divisor(node: ast.BinOp, epsilon: float) -> ast.AST:
    return with_fields(node, right=ast.BinOp(node.right, ast.Add(), ast.Constant(epsilon)))


def wrapped(function: Callable) -> list[Mutant]:
    """Versions of a function with one argument changed before it, or its result after it; like `padded`."""

    import autograd.numpy as anp  # here, since every command imports this module and few need it
    from autograd.tracer import getval

    def clipped(value: Any, low: float) -> Any:
        """Return an array kept away from 0 and 1, as probabilities often are."""
        return anp.clip(value, low, 1 - low)

    def in_single(value: Any) -> Any:
        """Return a float64 array, or an object that holds some, rounded to float32."""
        if isinstance(value, np.ndarray):
            return value.astype(np.float32) if value.dtype == float else value
        held = getattr(value, "__dict__", None)
        if not held or not any(isinstance(array, np.ndarray) for array in held.values()):
            return value
        rounded = copy.copy(value)
        vars(rounded).update({key: in_single(array) for key, array in held.items() if isinstance(array, np.ndarray)})
        return rounded

    found = []
    for name, parameter in inspect.signature(function).parameters.items():
        constant = f"`{name}` taken as a constant, through which no gradient flows"
        found.append(_with_argument(function, name, constant, getval))
        rounded = f"`{name}` rounded to float32 before anything is computed from it"
        found.append(_with_argument(function, name, rounded, in_single))
        for low in (*EPSILONS, 1e-3, 0.01):
            found.append(_with_argument(function, name, f"`{name}` clipped", functools.partial(clipped, low=low)))
        if parameter.default is not inspect.Parameter.empty:
            default = functools.partial(_replaced, by=parameter.default)
            found.append(_with_argument(function, name, f"`{name}` ignored, its default in its place", default))
    found.append(_with_result(function, "its result bounded below by 0", lambda value: anp.maximum(value, 0)))
    return found


def substituted(function: Callable) -> list[Mutant]:
    """Versions of a function with something simple in the place of one argument, such as its square."""
    import autograd.numpy as anp

    simple: dict[str, Callable] = {
        "the absolute value of": anp.abs,
        "minus": anp.negative,
        "half of": lambda value: value / 2,
        "twice": lambda value: value * 2,
        "the square of": anp.square,
        "the square root of": anp.sqrt,
        "the exponential of": anp.exp,
        "the logarithm of": anp.log,
        "one less than": lambda value: value - 1,
        "one more than": lambda value: value + 1,
    }
    return [
        _with_argument(function, name, f"{words} `{name}` in the place of `{name}`", change)
        for name in inspect.signature(function).parameters
        for words, change in simple.items()
    ]


def _with_argument(function: Callable, name: str, words: str, change: Callable) -> Mutant:
    signature = inspect.signature(function)

    @functools.wraps(function)
    def changed(*args: Any, **options: Any) -> Any:
        bound = signature.bind(*args, **options)
        if name in bound.arguments:
            bound.arguments[name] = change(bound.arguments[name])
        return function(*bound.args, **bound.kwargs)

    return Mutant(words, "argument", words, changed)


def _with_result(function: Callable, words: str, change: Callable) -> Mutant:
    @functools.wraps(function)
    def changed(*args: Any, **options: Any) -> Any:
        return change(function(*args, **options))

    return Mutant(words, "result", words, changed)


def _replaced(_: Any, by: Any) -> Any:
    return by
