"""Wrong versions of a function, made mechanically: every exercise must catch them.

Each mutant changes one thing in the syntax tree: + for -, * for /, a term or a factor dropped, a constant, an axis,
mean for sum, two arguments swapped, a square root, logarithm or exponential dropped, a condition. Checks of the
arguments (an `if` that only raises, an `assert`, a call whose result is not used, a call of `checks...`, a choice of
such a call) are left alone: they are not part of the equation.

A mutant is named by what it changes, `a + b → a - b`, so that an exercise can list the few that compute the same.
"""

from __future__ import annotations

import ast
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minigen.course.exercise import functions

__all__ = ["Change", "Mutant", "changed_functions", "mutants", "mutants_of", "outside_the_equation", "with_fields"]

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
    function = functions.formula(function)
    if getattr(function, "__closure__", None):
        raise ValueError(f"{function.__qualname__} must be a plain function, without a closure, to be mutated")
    return mutants_of(functions.definition(functions.source(function)), function.__globals__)


def mutants_of(node: ast.FunctionDef, namespace: Mapping[str, Any]) -> list[Mutant]:
    """All mutants of the function that a tree defines, with `namespace` as their globals."""
    return changed_functions(node, namespace, _changes(node))


def changed_functions(node: ast.FunctionDef, namespace: Mapping[str, Any], changes: Iterable[Change]) -> list[Mutant]:
    """The functions that a tree defines after each of the changes, but for those that change nothing."""
    seen, found = {ast.unparse(node)}, []
    names: dict[str, int] = {}
    nodes = list(ast.walk(node))
    parents, expressions = _parents(nodes), _expressions(node)
    packed = pickle.dumps(nodes)  # a copy by pickle takes a fifth of the time of deepcopy
    for index, kind, replacement in changes:
        copies, around = pickle.loads(packed), expressions[index]
        changed = copies[0]
        new = _put(copies[parents[index]], copies[index], replacement)
        text = ast.unparse(changed)
        if text in seen:
            continue
        seen.add(text)
        name = f"{_text(nodes[around])} → {_text(new if around == index else copies[around])}"
        names[name] = names.get(name, 0) + 1
        if names[name] > 1:
            name = f"{name} ({names[name]})"
        words = _words(kind, nodes[index])
        found.append(Mutant(name, kind, words, functions.compiled(changed, namespace, f"<mutant of {node.name}>")))
    return found


def _parents(nodes: Sequence[ast.AST]) -> dict[int, int]:
    """The position of each node's parent among the nodes of a tree, by that of the node."""
    positions = {id(node): i for i, node in enumerate(nodes)}
    return {positions[id(child)]: i for i, node in enumerate(nodes) for child in ast.iter_child_nodes(node)}


def _expressions(tree: ast.FunctionDef) -> list[int]:
    """What names the change of each node, all by their positions in `ast.walk`.

    It is the node itself, or for a constant or an axis the expression that it is in.
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


def _put(parent: ast.AST, site: ast.AST, replacement: Callable[[ast.AST], ast.AST]) -> ast.AST:
    """Change or replace `site`, a child of `parent`; return what then is there."""
    new = replacement(site)
    for name, value in ast.iter_fields(parent):
        if value is site:
            setattr(parent, name, new)
        elif isinstance(value, list):
            value[:] = [new if item is site else item for item in value]
    if not hasattr(new, "lineno"):
        ast.copy_location(new, site)
    return ast.fix_missing_locations(new)


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
    skipped = outside_the_equation(tree)
    axes = {id(n) for node in ast.walk(tree) for n in _axis_nodes(node)}
    for index, node in enumerate(ast.walk(tree)):
        if id(node) in skipped:
            continue
        makers = _axis_changes(node) if id(node) in axes else _node_changes(node)
        for kind, maker in makers:
            yield index, kind, maker


def outside_the_equation(tree: ast.FunctionDef) -> set[int]:
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
        yield "operator", lambda n: with_fields(n, op=BINARY[type(n.op)]())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "sign", lambda n: n.operand
    elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
        for value in dict.fromkeys([node.value + 1, 2 * node.value, 0]):
            if value != node.value:
                yield "constant" if value else "zero", lambda _, value=value: ast.Constant(value)
    elif isinstance(node, ast.Call):
        yield from _call(node)
    elif isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARED:
        yield "comparison", lambda n: with_fields(n, ops=[COMPARED[type(n.ops[0])]()])
    elif isinstance(node, ast.IfExp):
        yield "condition", lambda n: n.body
        yield "condition", lambda n: n.orelse
    elif isinstance(node, ast.If):
        for value in (True, False):
            yield "condition", lambda n, value=value: with_fields(n, test=ast.Constant(value))
    elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
        yield "order of results", lambda n: with_fields(n, value=with_fields(n.value, elts=n.value.elts[::-1]))
    elif isinstance(node, ast.arguments):
        free = len(node.args) - len(node.defaults)
        start = 1 if node.args and node.args[0].arg == "self" else 0
        for i in range(start, free - 1):
            yield "order of arguments", lambda n, i=i: with_fields(n, args=_swap(n.args, i))
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        yield from _slice(node.slice)


def _binary(node: ast.BinOp) -> Iterator[tuple[str, Callable]]:
    kind = type(node.op)
    if kind in BINARY:
        yield "operator", lambda n: with_fields(n, op=BINARY[type(n.op)]())
    if kind in (ast.Add, ast.Mult):
        yield "dropped", lambda n: n.left
        yield "dropped", lambda n: n.right
    elif kind is ast.Sub:
        yield "dropped", lambda n: n.left
        yield "dropped", lambda n: ast.UnaryOp(ast.USub(), n.right)
    elif kind in (ast.Div, ast.Pow):
        yield "dropped", lambda n: n.left
    elif kind is ast.MatMult:
        yield "order of arguments", lambda n: with_fields(n, left=n.right, right=n.left)


def _call(node: ast.Call) -> Iterator[tuple[str, Callable]]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name in SWAPPED_NAMES and isinstance(node.func, ast.Attribute):
        yield "reduction", lambda n: with_fields(n, func=with_fields(n.func, attr=SWAPPED_NAMES[name]))
    if name in DROPPED and node.args:
        yield "function dropped", lambda n: n.args[0]
    for i in range(len(node.args) - 1 if name not in SYMMETRIC else 0):
        if not isinstance(node.args[i], ast.Starred) and not isinstance(node.args[i + 1], ast.Starred):
            yield "order of arguments", lambda n, i=i: with_fields(n, args=_swap(n.args, i))


def _slice(node: ast.Slice) -> Iterator[tuple[str, Callable]]:
    """`x[a:]` for `x[:a]` and the other way round."""
    if (node.lower is None) != (node.upper is None) and node.step is None:
        yield "slice", lambda n: with_fields(n, slice=with_fields(n.slice, lower=n.slice.upper, upper=n.slice.lower))


def with_fields(node: ast.AST, **fields: Any) -> ast.AST:
    """The node, after a change of some of its fields."""
    for name, value in fields.items():
        setattr(node, name, value)
    return node


def _swap(items: list, i: int) -> list:
    return [*items[:i], items[i + 1], items[i], *items[i + 2 :]]
