"""Changes of the equation that a wrong answer may be: those that proofs use, and others that only explain an answer."""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from minigen.course.exercise import functions
from minigen.course.exercise.answers import answers_of
from minigen.course.exercise.format import Exercise
from minigen.course.exercise.mutants import (
    Change,
    Mutant,
    changed_functions,
    mutants,
    mutants_of,
    outside_the_equation,
    with_fields,
)

__all__ = ["changes", "padded", "substituted", "wrapped"]

EPSILONS = (1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5)


def changes(exercise: Exercise) -> Iterator[Mutant]:
    """The mechanical changes of the reference, of its arguments and result, then those of other right answers."""
    reference, variants = exercise.reference, answers_of(exercise).variants
    yield from mutants(reference)
    yield from wrapped(reference)
    for answer in variants:
        yield from mutants_of(answer.tree, answer.function.__globals__)
    yield from padded(functions.definition(functions.source(reference)), reference.__globals__)
    for answer in variants:
        yield from padded(answer.tree, answer.function.__globals__)


def padded(tree: ast.FunctionDef, names: Mapping[str, Any]) -> list[Mutant]:
    """Versions of the function of a tree with a small number in a logarithm, a root or a division.

    They are right but at extremes, and prove nothing: whether such a number matters depends on the exercise.
    """
    return changed_functions(tree, names, _paddings(tree))


def _paddings(tree: ast.FunctionDef) -> Iterator[Change]:
    """An epsilon added to what a logarithm or root is taken of, or to what is divided by."""
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
        """An array kept away from 0 and 1, as probabilities often are."""
        return anp.clip(value, low, 1 - low)

    found = []
    for name, parameter in inspect.signature(function).parameters.items():
        constant = f"`{name}` taken as a constant, through which no gradient flows"
        found.append(_with_argument(function, name, constant, getval))
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
