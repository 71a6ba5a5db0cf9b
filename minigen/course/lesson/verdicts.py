"""The thresholds of claims as they stand in a lesson's file, and the verdicts on what a run measured by them.

A threshold, its source and a unit change no number. Where they are literals in the call of `lesson.claim`, they are not
hashed with the code (`recipe`); the values of a run are judged by those of the file when it is recorded, and again when
the record gets the file's text.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from minigen.course.console import UsageError
from minigen.course.lesson.claims import Bar, Claim

__all__ = ["is_threshold", "judged"]

BARS = ("at_least", "at_most", "between")
THRESHOLDS = (*BARS, "source", "unit")
ANYTHING = ".*"


@dataclass(frozen=True)
class _Call:
    """A call of `lesson.claim`: a pattern of the names that it gives to claims, and its literal thresholds."""

    pattern: str
    literals: dict[str, Any]

    @property
    def fixed(self) -> int:
        """How much of a name it fixes."""
        return len(self.pattern.replace(ANYTHING, ""))


def is_threshold(call: ast.Call, keyword: ast.keyword) -> bool:
    """Whether a keyword of a call is a literal threshold of a claim, its source or its unit."""
    return _is_claim(call) and keyword.arg in THRESHOLDS and _literal(keyword.value) is not None


def judged(source: str, claims: list[dict[str, Any]]) -> list[Claim]:
    """A run's claims (of its metrics.json), judged by the literal thresholds in the lesson's file `source`.

    Any other threshold is code, and stays as it was in the run. Raises UsageError where the file does not say which
    threshold belongs to a claim.
    """
    calls = list(_calls(source))
    return [_judged(claim, calls) for claim in claims]


def _judged(claim: dict[str, Any], calls: list[_Call]) -> Claim:
    fitting = [call for call in calls if re.fullmatch(call.pattern, claim["name"], re.S)]
    most = max((call.fixed for call in fitting), default=0)
    nearest = [call.literals for call in fitting if call.fixed == most] or [{}]
    if any(literals != nearest[0] for literals in nearest):
        raise UsageError(f"several claims of the file can be called {claim['name']!r}: name it in the call")
    return _by(claim, nearest[0])


def _by(claim: dict[str, Any], literals: dict[str, Any]) -> Claim:
    """A recorded claim, judged by the literal thresholds of a call."""
    kept = {name: claim[name] for name in (*BARS, "equals", "atol") if name in claim}
    given = {name: value for name, value in literals.items() if name in BARS}
    texts = {name: literals.get(name, claim[name]) for name in ("source", "unit")}
    bar = Bar.of(claim["name"], **(given or kept))
    result = Claim(claim["name"], claim["value"], bar, judged=claim["status"] != "not judged", **texts)
    if not given:
        result.status = claim["status"]
    return result


def _calls(source: str) -> Iterator[_Call]:
    """The calls of `lesson.claim` in a lesson's file, from top to bottom."""
    tree = ast.parse(source)
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Assign | ast.For | ast.Call)]
    bound = Counter(_bound(tree))
    known: dict[str, str | float] = {}  # of the variables: a number that never changes, or the pattern of a text
    for node in sorted(nodes, key=lambda node: (node.lineno, node.col_offset)):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                for part, given in _pairs(target, node.value):
                    value = _value(given, known)
                    known |= {n: value if isinstance(value, str) or bound[n] == 1 else ANYTHING for n in _names(part)}
        elif isinstance(node, ast.For):
            known |= dict.fromkeys(_names(node.target), ANYTHING)
        elif _is_claim(node) and node.args:
            literals = {str(word.arg): _literal(word.value) for word in node.keywords if is_threshold(node, word)}
            yield _Call(_pattern(node.args[0], known), literals)


def _bound(tree: ast.AST) -> Iterator[str]:
    """The names that get a value, as often as they do."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg


def _pairs(target: ast.expr, value: ast.expr) -> list[tuple[ast.expr, ast.expr | None]]:
    """What an assignment gives to a name, or to each of several; None for what cannot be seen."""
    if isinstance(target, ast.Name):
        return [(target, value)]
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        return list(zip(target.elts, value.elts))
    return [(target, None)]


def _value(value: ast.expr | None, known: dict[str, str | float]) -> str | float:
    """A number, also that of a full run in `lesson.size(1000, quick=20)`, or the pattern of anything else."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "size":
        value = value.args[0] if value.args else None
    if isinstance(value, ast.Constant) and isinstance(value.value, int | float):
        return value.value
    return _pattern(value, known)


def _pattern(text: ast.expr | None, known: dict[str, str | float]) -> str:
    """A regular expression of what a text can be: `f"{name}: error"` is anything that ends in ": error"."""
    if isinstance(text, ast.Constant):
        return re.escape(str(text.value))
    if isinstance(text, ast.JoinedStr):
        return "".join(_pattern(part, known) for part in text.values)
    if isinstance(text, ast.FormattedValue):
        return _formatted(text, known)
    pattern = known.get(text.id, ANYTHING) if isinstance(text, ast.Name) else ANYTHING
    return pattern if isinstance(pattern, str) else re.escape(str(pattern))


def _formatted(part: ast.FormattedValue, known: dict[str, str | float]) -> str:
    """The pattern of `{count:,}` in a text: a number that is known, as it is written there; else anything."""
    number = known.get(part.value.id) if isinstance(part.value, ast.Name) else None
    spec = _literal_text(part.format_spec)
    if isinstance(number, str | None) or part.conversion != -1 or spec is None:
        return ANYTHING
    return re.escape(format(number, spec))


def _literal_text(spec: ast.expr | None) -> str | None:
    """The text of a format such as `:,`; None for one that is computed."""
    parts = spec.values if isinstance(spec, ast.JoinedStr) else []
    texts = [str(part.value) for part in parts if isinstance(part, ast.Constant)]
    return "".join(texts) if len(texts) == len(parts) else None


def _names(target: ast.expr) -> list[str]:
    return [node.id for node in ast.walk(target) if isinstance(node, ast.Name)]


def _is_claim(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "claim"


def _literal(value: ast.expr) -> Any:
    """The value of a literal; None for anything else."""
    try:
        return ast.literal_eval(value)
    except ValueError:
        return None
