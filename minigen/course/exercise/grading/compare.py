"""Values against values: are they equal to tolerance, where are they farthest apart, and how are they related?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.observe import KINDS, Failure, Outcome, not_finite, shape_message

__all__ = ["Verdict", "compare", "distance", "relation", "same_answer"]


@dataclass
class Verdict:
    """How one case of an exercise ended. `ratio` is the worst error in units of the tolerance: 1 is the limit."""

    case: str
    status: str
    points: int
    possible: int
    message: str = ""
    line: int | None = None
    text: str = ""
    key: str = ""
    index: list[int] | None = None
    yours: float | None = None
    expected: float | None = None
    relation: str = ""
    ratio: float = 0.0

    @property
    def passed(self) -> bool:
        return self.status == status.PASS

    def to_json(self) -> dict[str, Any]:
        """Plain data; numbers that JSON does not know become text."""
        return {key: _jsonable(value) for key, value in {**asdict(self), "passed": self.passed}.items()}


def _jsonable(value: Any) -> Any:
    return str(value) if isinstance(value, (float, complex)) and not np.isfinite(value) else value


def distance(got: np.ndarray, want: np.ndarray, rtol: float, atol: float) -> np.ndarray:
    """|got - want| in units of the tolerance atol + rtol * |want|, elementwise; equal infinities and NaNs agree."""
    with np.errstate(all="ignore"):
        got, want = got.astype(_wide(got)), want.astype(_wide(want))
        error = np.abs(got - want)
        tolerance = atol + rtol * np.abs(want)
        ratio = np.where(error == 0, 0.0, error / tolerance)
        agree = (got == want) | (np.isnan(got) & np.isnan(want))
        return np.where(agree, 0.0, np.where(np.isfinite(ratio), ratio, np.inf))


def _wide(array: np.ndarray) -> type:
    return complex if array.dtype.kind == "c" else float


def compare(case, got: Outcome, want: Outcome, sizes: Iterable[int] = ()) -> Verdict:
    """Judge one case: `got` is the student's outcome, `want` the reference's, `case.expect` has the literals."""
    verdict = Verdict(case.name, got.status, 0, case.points, got.message, got.line, got.text)
    if not want.answered:
        verdict.status, verdict.message = status.GRADER_ERROR, f"the reference fails: {want.message}"
    if verdict.status != status.PASS:
        verdict.ratio = math.inf
        return verdict
    verdicts = [_compare_key(case, key, got.values.get(key), value, sizes) for key, value in want.values.items()]
    shown = next((one for one in verdicts if not one.passed), verdicts[0])
    shown.ratio = max(one.ratio for one in verdicts)
    return shown


def _compare_key(case, key: str, got: np.ndarray | None, reference: np.ndarray, sizes: Iterable[int]) -> Verdict:
    verdict = Verdict(case.name, status.PASS, case.points, case.points, key=key)

    def fail(state: str, message: str) -> Verdict:
        verdict.status, verdict.message, verdict.points, verdict.ratio = state, message, 0, math.inf
        return verdict

    if got is None:
        return fail(status.GRADER_ERROR, f"the driver gave no {key!r} for your function")
    want = reference
    if key in case.expect:
        literal = np.asarray(case.expect[key])
        if literal.shape not in ((), reference.shape):
            return fail(
                status.GRADER_ERROR, f"the literal for {key!r} has shape {literal.shape}, not {reference.shape}"
            )
        want = np.broadcast_to(
            literal.astype(reference.dtype.kind if reference.dtype.kind in "bc" else float), reference.shape
        )
        if (distance(reference, want, case.rtol, case.atol) > 1).any():
            return fail(status.GRADER_ERROR, f"the reference's {key!r} is not the literal that the author expects")
    if got.shape != reference.shape:
        return fail(status.WRONG_SHAPE, shape_message(got.shape, reference.shape, f"{key} has"))
    if KINDS.get(got.dtype.kind) != KINDS[reference.dtype.kind]:
        words = f"{KINDS.get(got.dtype.kind, got.dtype)}, expected {KINDS[reference.dtype.kind]}"
        return fail(status.WRONG_DTYPE, f"{key} holds {words}")
    bad = ~np.isfinite(got) & np.isfinite(want)
    if bad.any():
        failure: Failure = not_finite(np.where(bad, got, 0.0), f"{key} is")
        fail(failure.state, failure.message)
        return _place(verdict, got, want, np.where(bad, np.inf, 0.0))
    ratios = distance(got, want, case.rtol, case.atol)
    ratio = float(ratios.max(initial=0.0))
    if ratio > 1:
        fail(status.WRONG_VALUE, "")
        verdict.relation = relation(got, want, case.rtol, case.atol, sizes)
        _place(verdict, got, want, ratios)
        different = int((ratios > 1).sum())
        if got.size > 1:
            verdict.message = f"{different} of {got.size} values differ"
    verdict.ratio = ratio
    return verdict


def _place(verdict: Verdict, got: np.ndarray, want: np.ndarray, ratios: np.ndarray) -> Verdict:
    """The worst element: where it is, hers, and what was expected."""
    index = np.unravel_index(int(np.argmax(ratios)), got.shape) if got.ndim else ()
    verdict.index = [int(i) for i in index]
    verdict.yours, verdict.expected = (_number(array[index]) for array in (got, want))
    return verdict


def _number(value: Any) -> float | complex:
    return complex(value) if np.asarray(value).dtype.kind == "c" else float(value)


def same_answer(a: Outcome, b: Outcome, rtol: float, atol: float) -> bool:
    """Whether two outcomes are the same answer: the same failure, or equal values."""
    if not (a.answered and b.answered):
        return a.status == b.status
    return a.values.keys() == b.values.keys() and all(
        x.shape == b.values[key].shape and not (distance(x, b.values[key], rtol, atol) > 1).any()
        for key, x in a.values.items()
    )


# ------------------------------------------------------------------------------------------- relations

_LN2 = math.log(2.0)


def _factors(sizes: Iterable[int]) -> Mapping[str, float]:
    """Factors worth naming, with the words for them; the likelier come first."""
    named = {
        "yours is the expected value with the opposite sign (x -1)": -1.0,
        "yours is twice the expected value (x 2)": 2.0,
        "yours is half the expected value (x 1/2)": 0.5,
        "yours is the expected value times 1/ln 2: it is in bits, nats are expected": 1 / _LN2,
        "yours is the expected value times ln 2: it is in nats, bits are expected": _LN2,
        "yours is the expected value times 1/ln 10: a logarithm to base 10?": 1 / math.log(10.0),
    }
    for n in sorted(set(sizes)):
        if n > 2:
            named[
                f"yours is {n} times the expected value: a sum where a mean is expected? ({n} is a size of the input)"
            ] = n
            named[
                f"yours is 1/{n} of the expected value: a mean where a sum is expected? ({n} is a size of the input)"
            ] = 1 / n
    for words, factor in list(named.items()):
        if factor != -1.0:
            named[f"{words}, and with the opposite sign"] = -factor
    return named


def relation(got: np.ndarray, want: np.ndarray, rtol: float, atol: float, sizes: Iterable[int] = ()) -> str:
    """In words, a simple rule that turns every expected value into the student's, or an empty string."""
    if got.dtype.kind not in "fiu" or not (np.isfinite(got).all() and np.isfinite(want).all()) or not got.size:
        return ""
    got, want = got.astype(float), want.astype(float)

    def equal(other: np.ndarray) -> bool:
        return other.shape == got.shape and not (distance(got, other, 10 * rtol, 10 * atol) > 1).any()

    with np.errstate(all="ignore"):
        if not np.any(got):
            return "yours is zero"
        if np.any(want):
            for words, factor in _factors(sizes).items():
                if equal(want * factor):
                    return words
        if got.ndim >= 2 and equal(np.swapaxes(want, -1, -2)):
            return "yours is the expected array transposed"
        if got.ndim >= 1 and got.shape[0] > 1 and equal(want[::-1]):
            return "yours is the expected array in reverse order"
        shapes = {
            "the square of": want**2,
            "the square root of": np.sqrt(np.abs(want)),
            "the exponential of": np.exp(want),
            "the logarithm of": np.log(np.abs(want)),
            "1 divided by": 1 / want,
        }
        for words, other in shapes.items():
            if np.isfinite(other).all() and equal(other):
                return f"yours is {words} the expected value"
        if got.size > 1:
            return _affine(got, want, equal)
        offset = float((got - want).flat[0])
        for words, constant in (("ln 2", _LN2), ("2 ln 2", 2 * _LN2), ("1/2", 0.5), ("1", 1.0), ("2", 2.0)):
            if equal(want + math.copysign(constant, offset)):
                return f"yours is the expected value {'plus' if offset > 0 else 'minus'} {words}"
    return ""


def _affine(got: np.ndarray, want: np.ndarray, equal) -> str:
    """A constant added to, or multiplied into, every element; or one half, one row that is right."""
    offset = float(np.median(got - want))
    if offset and equal(want + offset):
        return f"yours is off by the same constant everywhere ({offset:+.6g})"
    nonzero = want != 0
    if nonzero.sum() > 1:
        factor = float(np.median(got[nonzero] / want[nonzero]))
        if factor and equal(want * factor):
            return f"yours is {factor:.6g} times the expected value everywhere"
    return ""
