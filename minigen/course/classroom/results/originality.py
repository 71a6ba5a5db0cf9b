"""Answers that are alike: equal syntax trees after renaming, and pairs that share more code than chance explains.

The second is winnowing (Schleimer, Wilkerson and Aiken 2003, Winnowing: local algorithms for document fingerprinting):
the tokens of each statement, without names and with one form for what can be written in several, make overlapping
n-grams, and of the hashes of neighbouring n-grams the least is kept. The score of a pair is the share of the smaller
answer's hashes that the larger one has. The hashes of the last hint and of the package's own function do not count,
nor those that much of the class has.

Both are a reason to look, never a verdict: a short function can be written in few ways.
"""

from __future__ import annotations

import ast
import builtins
import copy
import hashlib
import io
import itertools
import operator
import textwrap
import tokenize
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from minigen.course.exercise import functions, stubs
from minigen.course.exercise.answers import answers_of
from minigen.course.exercise.format import Exercise
from minigen.course.index.package import dumped

__all__ = ["SHORT", "Alike", "fingerprint", "known", "pairs", "winnowed"]

SHORT = 60  # nodes of a tree, below which many students write the same
GRAM = 5  # tokens of an n-gram
WINDOW = 3  # neighbouring n-grams, of whose hashes the least is kept
FEWEST = 10  # hashes of an answer, below which nothing is said of it
SCORE = 0.7  # of a pair that is shown
COMMON_SHARE, COMMON_COUNT = 0.25, 4  # a hash that more of the class has says nothing
OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
NUMPY = ("numpy", "autograd.numpy")
LITERALS = {"list": "[]", "dict": "{}", "tuple": "()"}


class _Renamed(ast.NodeTransformer):
    """Calls the function and its arguments and variables v0, v1, ... in the order in which they occur, and NumPy np."""

    def __init__(self, local: Iterable[str], numpy: Iterable[str] = ()):
        self.local, self.numpy = set(local), set(numpy)
        self.names: dict[str, str] = {}

    def _name(self, name: str) -> str:
        if name in self.local:
            return self.names.setdefault(name, f"v{len(self.names)}")
        return "np" if name in self.numpy else name

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name = self._name(node.name)
        node.decorator_list, node.returns, node.type_comment = [], None, None
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.arg(self._name(node.arg), None, None)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(self._name(node.id), node.ctx)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if node.value is None:
            return None
        return self.generic_visit(ast.Assign([node.target], node.value))


def fingerprint(source: str, name: str) -> tuple[str, int]:
    """(hash, number of nodes) of a function's tree after renaming; ("", 0) if the source has no such function."""
    try:
        file = ast.parse(source)
        found = [node for node in file.body if isinstance(node, ast.FunctionDef) and node.name == name]
        return of_tree(found[-1], _numpy_names(file)) if found else ("", 0)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "", 0


def of_tree(tree: ast.FunctionDef, numpy: Iterable[str] = ()) -> tuple[str, int]:
    """(hash, number of nodes) of a tree, numpy: the names of NumPy in its file; the tree is not used afterwards."""
    renamed = _Renamed(_local_names(tree), numpy).visit(tree)
    text = dumped(renamed)
    return hashlib.sha256(text.encode()).hexdigest()[:16], sum(1 for _ in ast.walk(renamed))


def _numpy_names(file: ast.Module) -> set[str]:
    """The names by which a file imports NumPy, its own or autograd's: `import autograd.numpy as anp`."""
    names = set()
    for node in file.body:
        if isinstance(node, ast.Import):
            names |= {alias.asname or alias.name for alias in node.names if alias.name in NUMPY}
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names if f"{node.module}.{alias.name}" in NUMPY}
    return names


def _local_names(tree: ast.FunctionDef) -> set[str]:
    local = {tree.name}
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            local.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            local.add(node.id)
        elif isinstance(node, ast.FunctionDef):
            local.add(node.name)
    return local


def known(exercise: Exercise) -> dict[str, str]:
    """The fingerprints of the package's own function, of the last hint and of other right answers: what each is."""
    reference, hint = _reference(exercise), _last_hint(exercise)
    variants = [copy.deepcopy(answer.tree) for answer in answers_of(exercise).variants]
    found = {of_tree(tree)[0]: f"variant {number}" for number, tree in enumerate(variants, start=1)}
    found[fingerprint(hint, exercise.name)[0]] = "the last hint"
    found[of_tree(reference)[0]] = "the package's own function"
    return found


def _reference(exercise: Exercise) -> ast.FunctionDef:
    """The tree of the package's own function, without its checks of arguments."""
    reference = functions.definition(functions.source(exercise.reference))
    reference.body = [step for step in reference.body if not _is_check(step)] or [ast.Pass()]
    return reference


def _last_hint(exercise: Exercise) -> str:
    """The text of the function that the last hint gives."""
    return f"def {stubs.signature(exercise)}:\n{textwrap.indent(exercise.hints[2], '    ')}\n"


def _is_check(step: ast.stmt) -> bool:
    """Whether a statement only checks an argument, as the package's functions do and answers need not."""
    value = getattr(step, "value", None)
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        value = value.func.value
    return isinstance(value, ast.Name) and value.id == "checks"


# ------------------------------------------------------------------------------------------- winnowing


class Alike(NamedTuple):
    """Two answers, by the ids of their students; shared: the hashes that both have, of the smaller one's."""

    first: str
    second: str
    shared: int
    score: float


class _Normal(ast.NodeTransformer):
    """One name for all local variables and one for all modules and helpers; one form for constants and assignments."""

    def __init__(self, local: Iterable[str]):
        self.local = set(local)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name, node.decorator_list, node.returns = "v", [], None
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.arg("v", None, None)

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        return ast.keyword(node.arg, self.visit(node.value))

    def visit_Name(self, node: ast.Name) -> ast.AST:
        name = "v" if node.id in self.local else node.id if hasattr(builtins, node.id) else "g"
        return ast.Name(name, node.ctx)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
            return ast.Constant(_as_float(node.value))
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        operand = self.visit(node.operand)
        return operand if isinstance(node.op, ast.UAdd) else ast.UnaryOp(node.op, operand)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        left, right = self.visit(node.left), self.visit(node.right)
        values = [part.value for part in (left, right) if isinstance(part, ast.Constant)]
        if len(values) == 2 and all(isinstance(value, float) for value in values) and type(node.op) in OPERATORS:
            try:
                return ast.Constant(OPERATORS[type(node.op)](*values))
            except ArithmeticError:
                pass
        return ast.BinOp(left, node.op, right)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in LITERALS and not node.args and not node.keywords:
            return ast.parse(LITERALS[name], mode="eval").body
        return self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        target = copy.deepcopy(node.target)
        target.ctx = ast.Load()
        return self.visit(ast.Assign([node.target], ast.BinOp(target, node.op, node.value), lineno=0))

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        return None if node.value is None else self.visit(ast.Assign([node.target], node.value, lineno=0))


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def winnowed(source: str, name: str) -> list[str]:
    """The hashes of a function of a file, sorted; none if the source has no such function."""
    try:
        found = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef) and node.name == name]
        return sorted(_hashes(found[-1])) if found else []
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _hashes(tree: ast.FunctionDef) -> set[str]:
    """The hashes of a tree, statement by statement, so that their order does not matter; the tree is not used again."""
    normal = ast.fix_missing_locations(_Normal(_local_names(tree)).visit(tree))
    found = set()
    for words in _statements(normal):
        grams = [" ".join(words[i : i + GRAM]) for i in range(len(words) - GRAM + 1)]
        hashes = [hashlib.sha256(gram.encode("utf-8", "backslashreplace")).hexdigest()[:12] for gram in grams]
        windows = (hashes[i : i + WINDOW] for i in range(max(1, len(hashes) - WINDOW + 1)))
        found |= {min(window) for window in windows if window}
    return found


def _statements(tree: ast.FunctionDef) -> Iterator[list[str]]:
    """The tokens of each statement of a function; of one that holds others, those of its first line."""
    for node in itertools.islice(ast.walk(tree), 1, None):
        if isinstance(node, ast.stmt):
            text = ast.unparse(node)
            line = text.partition("\n")[0] if hasattr(node, "body") else text
            tokens = tokenize.generate_tokens(io.StringIO(f"({line}\n)").readline)
            yield [token.string for token in tokens if token.string.strip()][1:-1]


def pairs(exercise: Exercise, answers: Mapping[str, Iterable[str]]) -> list[Alike]:
    """The pairs of answers to an exercise that share more than chance explains, the most alike first.

    answers: the hashes of each, by the student's id.
    """
    given = _hashes(_reference(exercise)) | set(winnowed(_last_hint(exercise), exercise.name))
    counts = Counter(hash_ for hashes in answers.values() for hash_ in set(hashes))
    limit = max(COMMON_COUNT, COMMON_SHARE * len(answers))
    own = {id: {hash_ for hash_ in hashes if counts[hash_] <= limit} - given for id, hashes in answers.items()}
    own = {id: hashes for id, hashes in own.items() if len(hashes) >= FEWEST}
    found = []
    for first, second in itertools.combinations(own, 2):
        shared = len(own[first] & own[second])
        score = shared / min(len(own[first]), len(own[second]))
        if score >= SCORE:
            found.append(Alike(first, second, shared, round(score, 2)))
    return sorted(found, key=lambda pair: (-pair.score, -pair.shared, pair.first, pair.second))
