"""Wrong versions of a function, made mechanically: every exercise must catch them.

Each mutant changes one thing in the syntax tree: + for -, * for /, a term or a factor dropped, a constant, an axis,
mean for sum, two arguments swapped, a square root, logarithm or exponential dropped, a condition. Checks of the
arguments (an `if` that only raises, an `assert`, a call whose result is not used, a call of `checks...`, a choice of
such a call) are left alone: they are not part of the equation.

A mutant is named by what it changes, `a + b → a - b`, so that an exercise can list the few that compute the same.
"""

from __future__ import annotations

import ast
import functools
import inspect
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from minigen.course.exercise import functions

__all__ = ["Mutant", "mutants", "mutants_of", "padded", "padded_of", "substituted", "wrapped"]

DROPPED = {
    "sqrt",
    "log",
    "exp",
    "log1p",
    "expm1",
    "abs",
    "absolute",
    "square",
    "softplus",
    "sigmoid",
    "tanh",
    "clip",
    "maximum",
    "minimum",
    "log_softmax",
    "softmax",
    "logsumexp",
    "stop_gradient",
    "relu",
}
SWAPPED_NAMES = {
    "mean": "sum",
    "sum": "mean",
    "max": "min",
    "min": "max",
    "argmax": "argmin",
    "argmin": "argmax",
    "cumsum": "cumprod",
    "cumprod": "cumsum",
    "ones_like": "zeros_like",
    "zeros_like": "ones_like",
    "ones": "zeros",
    "zeros": "ones",
}
CHECKS = ("_check", "checks.")  # how calls that check arguments begin
SYMMETRIC = {"maximum", "minimum", "logaddexp", "add", "multiply"}  # swapping their arguments changes nothing
BINARY = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
Change = tuple[int, str, Callable[[ast.AST], ast.AST]]  # position in ast.walk, kind, how to change the node there
COMPARED = {ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}


@dataclass(frozen=True)
class Mutant:
    """A changed function: its name (`before → after`), the kind of change, the same in words, and the function.

    words: how the change differs from the equation, to be read after "with": "a sum in the place of a mean".
    """

    name: str
    kind: str
    words: str
    function: Callable


def mutants(function: Callable) -> list[Mutant]:
    """All mutants of a function or method, from its source. Raises ValueError if it cannot be compiled on its own."""
    if getattr(function, "__closure__", None):
        raise ValueError(f"{function.__qualname__} must be a plain function, without a closure, to be mutated")
    return mutants_of(functions.definition(functions.source(function)), function.__globals__)


def mutants_of(node: ast.FunctionDef, namespace: Mapping[str, Any]) -> list[Mutant]:
    """All mutants of the function that a tree defines, with `namespace` as their globals."""
    return _changed(node, namespace, _changes(node))


def padded(function: Callable) -> list[Mutant]:
    """Versions of a function with a small number in a logarithm, a root or a division: right but at extremes.

    They explain answers and prove nothing: whether such a number matters depends on the exercise.
    """
    return padded_of(functions.definition(functions.source(function)), function.__globals__)


def padded_of(node: ast.FunctionDef, namespace: Mapping[str, Any]) -> list[Mutant]:
    """`padded` of the function that a tree defines, with `namespace` as their globals."""
    return _changed(node, namespace, _paddings(node))


def wrapped(function: Callable) -> list[Mutant]:
    """Versions of a function with one argument changed before it, or its result after it; like `padded`, to explain."""
    import autograd.numpy as anp  # here, since `minigen list` imports this module and does not need it
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
    """Versions of a function with something simple in the place of one argument, such as its square; to explain too."""
    import autograd.numpy as anp

    changes: dict[str, Callable] = {
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
        for words, change in changes.items()
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


def _changed(node: ast.FunctionDef, namespace: Mapping[str, Any], changes: Iterable[Change]) -> list[Mutant]:
    """The functions that a tree defines after each of the changes, but for those that change nothing."""
    seen, found = {ast.unparse(node)}, []
    names: dict[str, int] = {}
    nodes, expressions = list(ast.walk(node)), _expressions(node)
    packed = pickle.dumps(node)  # a copy by pickle takes a fifth of the time of deepcopy
    for index, kind, replacement in changes:
        changed = pickle.loads(packed)
        copies, around = list(ast.walk(changed)), expressions[index]
        _put(changed, copies[index], replacement)
        text = ast.unparse(changed)
        if text in seen:
            continue
        seen.add(text)
        after = list(ast.walk(changed))[index] if around == index else copies[around]
        name = f"{_text(nodes[around])} → {_text(after)}"
        names[name] = names.get(name, 0) + 1
        if names[name] > 1:
            name = f"{name} ({names[name]})"
        words = _words(kind, nodes[index])
        found.append(Mutant(name, kind, words, functions.compiled(changed, namespace, f"<mutant of {node.name}>")))
    return found


def _expressions(tree: ast.FunctionDef) -> list[int]:
    """What names the change of each node, all by their positions in `ast.walk`.

    It is the node itself, or for a constant or an axis the expression that it stands in.
    """
    nodes = list(ast.walk(tree))
    positions = {id(node): i for i, node in reversed(list(enumerate(nodes)))}
    parents = {id(child): node for node in reversed(nodes) for child in ast.iter_child_nodes(node)}
    axes = {id(node) for inner in nodes for node in _axis_nodes(inner)}
    found = []
    for node in nodes:
        small = isinstance(node, ast.Constant) or id(node) in axes
        while small and node is not tree:
            node = parents[id(node)]
            small = not isinstance(node, (ast.BinOp, ast.Call, ast.Compare, ast.stmt, ast.arguments))
        found.append(positions[id(node)])
    return found


def _put(tree: ast.FunctionDef, site: ast.AST, replacement: Callable[[ast.AST], ast.AST]) -> None:
    """Change or replace `site` in the tree."""
    new = replacement(site)
    for parent in ast.walk(tree) if new is not site else ():
        for name, value in ast.iter_fields(parent):
            if value is site:
                setattr(parent, name, new)
            elif isinstance(value, list):
                value[:] = [new if item is site else item for item in value]


def _text(node: ast.AST) -> str:
    if isinstance(node, (ast.If, ast.For, ast.While, ast.FunctionDef)):
        return ast.unparse(node).partition(":\n")[0]
    text = f"({ast.unparse(node)})" if isinstance(node, ast.arguments) else ast.unparse(node)
    return " ".join(text.split())


# ------------------------------------------------------------------------------------------- in words

REDUCTIONS = {
    "mean": "a sum in the place of a mean",
    "sum": "a mean in the place of a sum",
    "max": "the smallest in the place of the largest",
    "min": "the largest in the place of the smallest",
    "argmax": "the place of the smallest in the place of the largest's",
    "argmin": "the place of the largest in the place of the smallest's",
    "cumsum": "running products in the place of running sums",
    "cumprod": "running sums in the place of running products",
}
FUNCTIONS = {
    "sqrt": "a square root left out",
    "log": "a logarithm left out",
    "exp": "an exponential left out",
    "abs": "an absolute value left out",
    "absolute": "an absolute value left out",
    "square": "a square left out",
    "clip": "a bound (clip) left out",
    "maximum": "a bound (maximum) left out",
    "minimum": "a bound (minimum) left out",
    "stop_gradient": "a gradient that flows where none is to flow",
}
OPERATORS: dict[Any, str] = {
    ast.Add: "the sign of a term turned round",
    ast.Sub: "the sign of a term turned round",
    ast.Mult: "a division where it multiplies",
    ast.Div: "a multiplication where it divides",
}
LEFT_OUT: dict[Any, str] = {
    ast.Add: "a term left out",
    ast.Sub: "a term left out",
    ast.Mult: "a factor left out",
    ast.Div: "a division left out",
    ast.Pow: "a power left out",
}
KINDS = {
    "sign": "a minus sign left out",
    "constant": "another number in the place of one of its constants",
    "zero": "",  # much else gives zeros
    "axis": "a sum, mean or the like over other axes than required",
    "comparison": "a limit taken in or left out (> and >=) or a condition turned round",
    "condition": "a condition left out, one of the two cases being used for all",
    "order of results": "the results in another order",
    "order of arguments": "two arguments, or two factors of a matrix product, exchanged",
    "slice": "the other part of an array",
    "padding": "a small number added in a logarithm, a root or a division",
}


def _words(kind: str, node: ast.AST) -> str:
    """A change in words, from its kind and the node of the equation that it changes."""
    operator = type(getattr(node, "op", None))
    function = getattr(node, "func", None)
    name = getattr(function, "attr", getattr(function, "id", ""))
    if kind == "operator":
        return OPERATORS[operator]
    if kind == "dropped":
        return LEFT_OUT.get(operator, "a term or factor left out")
    if kind == "reduction":
        return REDUCTIONS.get(name, "")
    if kind == "function dropped":
        return FUNCTIONS.get(name, f"{name} left out")
    return KINDS[kind]


# ------------------------------------------------------------------------------------------- what is changed


def _changes(tree: ast.FunctionDef) -> Iterator[Change]:
    """(position in ast.walk, kind, how to change the node there) for each mutant."""
    skipped = _skipped(tree)
    axes = {id(n) for node in ast.walk(tree) for n in _axis_nodes(node)}
    for index, node in enumerate(ast.walk(tree)):
        if id(node) in skipped:
            continue
        makers = _axis_changes(node) if id(node) in axes else _node_changes(node)
        for kind, maker in makers:
            yield index, kind, maker


EPSILONS = (1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5)


def _paddings(tree: ast.FunctionDef) -> Iterator[Change]:
    """An epsilon added to what a logarithm or root is taken of, or to what is divided by."""
    skipped = _skipped(tree)
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
    return _set(node, args=[ast.BinOp(node.args[0], ast.Add(), ast.Constant(epsilon)), *node.args[1:]])


def _pad_divisor(node: ast.BinOp, epsilon: float) -> ast.AST:
    return _set(node, right=ast.BinOp(node.right, ast.Add(), ast.Constant(epsilon)))


def _skipped(tree: ast.FunctionDef) -> set[int]:
    """Nodes that are not part of the equation."""
    roots: list[ast.AST] = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.Assert, ast.Raise, ast.JoinedStr)):
            roots.append(node)
        elif isinstance(node, ast.If) and not node.orelse and all(isinstance(step, ast.Raise) for step in node.body):
            roots.append(node)
        elif isinstance(node, ast.Expr) and isinstance(node.value, (ast.Constant, ast.Call)):
            roots.append(node)
        elif _is_check(node) or isinstance(node, ast.IfExp) and (_is_check(node.body) or _is_check(node.orelse)):
            roots.append(node)
        elif (
            isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "reshape"
        ):  # any negative size is the free one
            roots += [n for n in ast.walk(node) if isinstance(n, ast.UnaryOp) and ast.unparse(n) == "-1"]
        elif isinstance(node, ast.AnnAssign):
            roots.append(node.annotation)
    return {id(inner) for root in roots for inner in ast.walk(root)}


def _is_check(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).startswith(CHECKS)


def _axis_nodes(node: ast.AST) -> list[ast.AST]:
    """The value of `axis=...`, with what is in it."""
    if isinstance(node, ast.keyword) and node.arg == "axis":
        return [node.value]
    return []


def _axis_changes(node: ast.AST) -> Iterator[tuple[str, Callable]]:
    if isinstance(node, (ast.Tuple, ast.List)):
        values = [None, 0, -1]
    elif isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant):
        values = [None, 0]
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        values = [None, -1 if node.value == 0 else 0]
    elif isinstance(node, (ast.Call, ast.Name)):
        values = [None, 0]
    else:
        return
    for value in values:
        yield "axis", lambda _, value=value: ast.Constant(value)


def _node_changes(node: ast.AST) -> Iterator[tuple[str, Callable]]:
    if isinstance(node, ast.BinOp):
        yield from _binary(node)
    elif isinstance(node, ast.AugAssign) and type(node.op) in BINARY:
        yield "operator", lambda n: _set(n, op=BINARY[type(n.op)]())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "sign", lambda n: n.operand
    elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
        for value in dict.fromkeys([node.value + 1, 2 * node.value, 0]):
            if value != node.value:
                yield "constant" if value else "zero", lambda _, value=value: ast.Constant(value)
    elif isinstance(node, ast.Call):
        yield from _call(node)
    elif isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARED:
        yield "comparison", lambda n: _set(n, ops=[COMPARED[type(n.ops[0])]()])
    elif isinstance(node, ast.IfExp):
        yield "condition", lambda n: n.body
        yield "condition", lambda n: n.orelse
    elif isinstance(node, ast.If):
        for value in (True, False):
            yield "condition", lambda n, value=value: _set(n, test=ast.Constant(value))
    elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
        yield "order of results", lambda n: _set(n, value=_set(n.value, elts=n.value.elts[::-1]))
    elif isinstance(node, ast.arguments):
        free = len(node.args) - len(node.defaults)
        start = 1 if node.args and node.args[0].arg == "self" else 0
        for i in range(start, free - 1):
            yield "order of arguments", lambda n, i=i: _set(n, args=_swap(n.args, i))
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        yield from _slice(node.slice)


def _binary(node: ast.BinOp) -> Iterator[tuple[str, Callable]]:
    kind = type(node.op)
    if kind in BINARY:
        yield "operator", lambda n: _set(n, op=BINARY[type(n.op)]())
    if kind in (ast.Add, ast.Mult):
        yield "dropped", lambda n: n.left
        yield "dropped", lambda n: n.right
    elif kind is ast.Sub:
        yield "dropped", lambda n: n.left
        yield "dropped", lambda n: ast.UnaryOp(ast.USub(), n.right)
    elif kind in (ast.Div, ast.Pow):
        yield "dropped", lambda n: n.left
    elif kind is ast.MatMult:
        yield "order of arguments", lambda n: _set(n, left=n.right, right=n.left)


def _call(node: ast.Call) -> Iterator[tuple[str, Callable]]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name in SWAPPED_NAMES and isinstance(node.func, ast.Attribute):
        yield "reduction", lambda n: _set(n, func=_set(n.func, attr=SWAPPED_NAMES[name]))
    if name in DROPPED and node.args:
        yield "function dropped", lambda n: n.args[0]
    for i in range(len(node.args) - 1 if name not in SYMMETRIC else 0):
        if not isinstance(node.args[i], ast.Starred) and not isinstance(node.args[i + 1], ast.Starred):
            yield "order of arguments", lambda n, i=i: _set(n, args=_swap(n.args, i))


def _slice(node: ast.Slice) -> Iterator[tuple[str, Callable]]:
    """`x[a:]` for `x[:a]` and the other way round."""
    if (node.lower is None) != (node.upper is None) and node.step is None:
        yield "slice", lambda n: _set(n, slice=_set(n.slice, lower=n.slice.upper, upper=n.slice.lower))


def _set(node: ast.AST, **fields) -> ast.AST:
    for name, value in fields.items():
        setattr(node, name, value)
    return node


def _swap(items: list, i: int) -> list:
    return [*items[:i], items[i + 1], items[i], *items[i + 2 :]]
