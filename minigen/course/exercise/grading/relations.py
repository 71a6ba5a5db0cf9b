"""How wrong values are related to the expected ones: the opposite sign, n times as large, in bits, transposed.

A relation is named only where it cannot be a coincidence, for some simple rule turns any number into any other: it must
hold for two elements of different magnitude, or in two cases.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from minigen.course.exercise.grading.compare import distance

__all__ = ["Pair", "relation"]

LN2, LN10 = math.log(2.0), math.log(10.0)
OPPOSITE = "yours is the expected value with the opposite sign (x -1)"
FACTORS = {
    OPPOSITE: -1.0,
    "yours is twice the expected value (x 2)": 2.0,
    "yours is half the expected value (x 1/2)": 0.5,
    "yours is the expected value times 1/ln 2: it is in bits, nats are expected": 1 / LN2,
    "yours is the expected value times ln 2: it is in nats, bits are expected": LN2,
    "yours is the expected value times 1/ln 10: a logarithm to base 10?": 1 / LN10,
}
OFFSETS = {"ln 2": LN2, "2 ln 2": 2 * LN2, "1/2": 0.5, "1": 1.0, "2": 2.0}


@dataclass(frozen=True)
class Pair:
    """Wrong values beside the expected ones, with their tolerance and the lengths of the inputs' axes."""

    got: np.ndarray
    want: np.ndarray
    rtol: float
    atol: float
    sizes: Iterable[int] = ()

    @property
    def comparable(self) -> bool:
        real = self.got.dtype.kind in "fiu" and self.want.dtype.kind in "fiu"
        return real and bool(np.isfinite(self.got).all() and np.isfinite(self.want).all())

    def is_equal(self, other: np.ndarray) -> bool:
        fits = other.shape == self.got.shape and bool(np.isfinite(other).all())
        return fits and not (distance(self.got, other, 10 * self.rtol, 10 * self.atol) > 1).any()


def relation(pair: Pair, others: Sequence[Pair] = ()) -> str:
    """In words, a simple rule that turns every expected value into the student's, or an empty string.

    others: wrong values of other cases; a rule for a single value must hold for one of them as well.
    """
    if not pair.comparable or not np.any(pair.want):
        return ""
    with np.errstate(all="ignore"):
        if pair.is_equal(pair.want):  # a near miss, at which "the opposite sign" holds of what is nearly 0
            return ""
        if not np.any(pair.got):
            return "yours is zero"
        if pair.is_equal(-pair.want):
            return OPPOSITE
        found = dict(_rules(pair))
        if not _varied(pair.want, pair.rtol):
            same = [_rules(other) for other in others if other.comparable and not _alike(pair, other)]
            confirmed = {kind for rules in same for kind, _ in rules}
            found = {kind: words for kind, words in found.items() if kind in confirmed}
    return next(iter(found.values()), "")


def _varied(values: np.ndarray, rtol: float) -> bool:
    """Whether there are two values whose magnitudes differ by more than rounding."""
    magnitudes = np.abs(values.astype(float))
    return bool(magnitudes.size) and float(np.ptp(magnitudes)) > 1e3 * rtol * float(magnitudes.max())


def _alike(a: Pair, b: Pair) -> bool:
    """Whether two cases expect the same, so that the second confirms nothing."""
    return not _varied(np.concatenate([np.ravel(a.want), np.ravel(b.want)]), a.rtol)


def _rules(pair: Pair) -> Iterator[tuple[str, str]]:
    """(kind, words) of the rules that hold, the likelier first."""
    got, want = pair.got.astype(float), pair.want.astype(float)
    for words, factor in FACTORS.items():
        for sign, more in ((1, ""), (-1, ", and with the opposite sign")):
            if pair.is_equal(sign * factor * want):
                yield words + more, words + more
    for n in sorted(set(pair.sizes)):
        for kind, factor, words in (
            ("n", n, f"yours is {n} times the expected value: a sum where a mean is expected?"),
            ("1/n", 1 / n if n else 0, f"yours is 1/{n} of the expected value: a mean where a sum is expected?"),
        ):
            if n > 2 and pair.is_equal(factor * want):
                yield kind, f"{words} ({n} is a size of the input)"
    if want.ndim >= 2 and pair.is_equal(np.swapaxes(want, -1, -2)):
        yield "transposed", "yours is the expected array transposed"
    if want.ndim >= 1 and pair.is_equal(want[::-1]):
        yield "reversed", "yours is the expected array in reverse order"
    for words, other in _functions(want).items():
        if pair.is_equal(other):
            yield words, f"yours is {words} the expected value"
    yield from _constants(pair, got, want)


def _functions(want: np.ndarray) -> dict[str, np.ndarray]:
    return {
        "the square of": want**2,
        "the square root of": np.sqrt(np.abs(want)),
        "the exponential of": np.exp(want),
        "the logarithm of": np.log(np.abs(want)),
        "1 divided by": 1 / want,
    }


def _constants(pair: Pair, got: np.ndarray, want: np.ndarray) -> Iterator[tuple[str, str]]:
    """A constant added to, or multiplied into, every element."""
    offset = float(np.median(got - want))
    word = "plus" if offset > 0 else "minus"
    for name, constant in OFFSETS.items():
        if pair.is_equal(want + math.copysign(constant, offset)):
            yield f"{word} {name}", f"yours is the expected value {word} {name}"
    if want.size > 1 and pair.is_equal(want + offset):
        yield "offset", f"yours is off by the same constant everywhere ({offset:+.6g})"
    nonzero = want != 0
    if not np.any(nonzero):
        return
    factor = float(np.median(got[nonzero] / want[nonzero]))
    if np.count_nonzero(nonzero) > 1 and _varied(want[nonzero], 1e-6) and pair.is_equal(want * factor):
        yield "factor", f"yours is {factor:.6g} times the expected value everywhere"
