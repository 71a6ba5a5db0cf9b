"""Values against values: are they equal to tolerance, where are they farthest apart, and how are they related?

A relation (the opposite sign, n times as large, in bits, transposed) is named only where it cannot be a coincidence,
for some simple rule turns any number into any other: it must hold for two elements of different magnitude, or in two
cases.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from minigen.course.exercise.format import Case
from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.forms import KINDS, magnitude, not_finite, shape_message
from minigen.course.exercise.grading.outcome import CaseOutcome, Failure

__all__ = [
    "COARSEST",
    "Pair",
    "Verdict",
    "compare",
    "compare_all",
    "distance",
    "earned",
    "precision_of",
    "relation",
    "rounding",
    "same_values",
]

ROUNDINGS = 16.0  # units in the last place that a right answer may be off by
COARSEST = float(np.finfo(np.float32).eps)  # no answer is judged as if its floats were coarser than float32
LN2, LN10 = math.log(2.0), math.log(10.0)
OPPOSITE = "your value has the opposite sign of the expected one (x -1)"
FACTORS = {
    OPPOSITE: -1.0,
    "yours is twice the expected value (x 2)": 2.0,
    "yours is half the expected value (x 1/2)": 0.5,
    "your value is 1/ln 2 times the expected one: you returned bits, not nats": 1 / LN2,
    "your value is ln 2 times the expected one: you returned nats, not bits": LN2,
    "your value is 1/ln 10 times the expected one: did you use a logarithm to base 10?": 1 / LN10,
}
OFFSETS = {"ln 2": LN2, "2 ln 2": 2 * LN2, "1/2": 0.5, "1": 1.0, "2": 2.0}


@dataclass
class Verdict:
    """How one case of an exercise ended. `ratio` is the worst error in units of the tolerance: 1 is the limit.

    inputs, repeat: of the simplest case that fails, what the function was called on, and Python that repeats the call.
    form: the values are right, and only axes of length 1 are too many or missing.
    """

    case: str
    status: str
    points: int
    possible: int
    message: str = ""
    line: int | None = None
    text: str = ""
    key: str = ""
    index: list[int] | None = None
    yours: complex | None = None
    expected: complex | None = None
    relation: str = ""
    inputs: list[str] = field(default_factory=list)
    repeat: str = ""
    ratio: float = 0.0
    form: bool = False
    kind: str = field(kw_only=True)  # of the case

    @property
    def passed(self) -> bool:
        return self.status == status.PASS

    def to_json(self) -> dict[str, Any]:
        """Plain data. Numbers are numbers: those that JSON does not know are null, as `message` says what they are."""
        return {key: _jsonable(value) for key, value in {**asdict(self), "passed": self.passed}.items()}


def _jsonable(value: Any) -> Any:
    if isinstance(value, complex):
        return {"real": _jsonable(value.real), "imag": _jsonable(value.imag)}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def distance(got: np.ndarray, want: np.ndarray, rtol: float, atol: float) -> np.ndarray:
    """|got - want| in units of the tolerance atol + rtol * |want|, elementwise; equal infinities and NaNs agree."""
    with np.errstate(all="ignore"):
        got, want = got.astype(_wide(got), copy=False), want.astype(_wide(want), copy=False)
        error = np.abs(got - want)
        ratio = error / (atol + rtol * np.abs(want))
        if np.isfinite(ratio).all():
            return ratio
        ratio = np.where(error == 0, 0.0, ratio)
        agree = (got == want) | (np.isnan(got) & np.isnan(want))
        return np.where(agree, 0.0, np.where(np.isfinite(ratio), ratio, np.inf))


def _spacing(array: np.ndarray) -> float:
    """Return the distance between 1 and the next number of an array's type; 0 for integers."""
    return float(np.finfo(array.dtype).eps) if array.dtype.kind in "fc" else 0.0


def precision_of(got: CaseOutcome, want: CaseOutcome) -> float:
    """Return the spacing at 1 of the coarsest floats of an answer, or of the reference if those are coarser.

    Only what an answer holds in a coarser type than the reference counts, and nothing is coarser than float32.
    """
    pairs = [(value, want.values[key]) for key, value in got.values.items() if key in want.values]
    own = [_spacing(value) for value, reference in pairs if _spacing(value) > _spacing(reference)]
    return min(COARSEST, max([want.precision, *own]))


def rounding(precision: float, want: CaseOutcome, value: np.ndarray, key: str = "") -> float:
    """Return the error that an answer of this precision may have: a function that computes in float32 is not wrong.

    want: the reference's outcome. Magnitudes are those of the reference's run, never those of the answer.
    value: the expected value, called `key`. One that came back from the reference as it is may be off by its own size,
    or by that of what it was made of, the arguments: not by that of another result.
    """
    scale = want.scale
    if key in want.returned:
        scale = min(scale, max(magnitude(value), want.given))
    return ROUNDINGS * precision * (scale + magnitude(value))


def _wide(array: np.ndarray) -> type:
    return complex if array.dtype.kind == "c" else float


def compare(case: Case, got: CaseOutcome, want: CaseOutcome, precision: float = 0.0) -> Verdict:
    """Judge one case: `got` is the student's outcome, `want` the reference's, `case.expect` has the literals.

    precision: of the answer in its other cases, where this one shows a finer one; see `precision_of`.
    """
    verdict = Verdict(case.name, got.status, 0, case.points, got.message, got.line, got.text, kind=case.kind)
    if not want.answered:
        verdict.status, verdict.message = status.GRADER_ERROR, f"the reference fails: {want.message}"
    if verdict.status != status.PASS:
        verdict.ratio = math.inf
        if verdict.status == status.WRONG_SHAPE and got.reshaped:
            values = dataclasses.replace(got, status=status.PASS, values=got.reshaped, reshaped={})
            verdict.form = compare(case, values, want, precision).passed
        return verdict
    precision = max(precision, precision_of(got, want))
    verdicts = [_compare_key(case, key, got, want, precision) for key in want.values]
    shown = next((one for one in verdicts if not one.passed), verdicts[0])
    shown.ratio = max(one.ratio for one in verdicts)
    return shown


def earned(verdicts: Sequence[tuple[bool, bool, str]]) -> list[bool]:
    """Return which cases of an exercise earn their points, from whether each passes, its form, and its kind.

    Right values in a wrong form earn theirs. What is lost are the cases of the kind "shapes" that fail by their form,
    or the first that does if none of them is of that kind.
    """
    found = [passed or form for passed, form, _ in verdicts]
    wrong = [place for place, (_, form, _) in enumerate(verdicts) if form]
    for place in [place for place in wrong if verdicts[place][2] == "shapes"] or wrong[:1]:
        found[place] = False
    return found


def compare_all(cases: Sequence[Case], outcomes: Sequence[CaseOutcome], wanted: Sequence[CaseOutcome]) -> list[Verdict]:
    """One verdict for each case; wanted: the reference's outcomes.

    An answer that computes in float32 is seen as such in some cases only: a driver's own float64 hides it in others.
    """
    own = [precision_of(got, want) for got, want in zip(outcomes, wanted) if precision_of(got, want) > want.precision]
    precision = max(own, default=0.0)
    return [compare(*row, precision) for row in zip(cases, outcomes, wanted, strict=True)]


def _compare_key(case: Case, key: str, outcome: CaseOutcome, wanted: CaseOutcome, precision: float) -> Verdict:
    verdict = Verdict(case.name, status.PASS, case.points, case.points, key=key, kind=case.kind)
    got, reference = outcome.values.get(key), wanted.values[key]

    def fail(state: str, message: str) -> Verdict:
        verdict.status, verdict.message, verdict.points, verdict.ratio = state, message, 0, math.inf
        return verdict

    if got is None:
        return fail(status.WRONG_TYPE, f"with your function this case gives no {key!r}")
    want = reference
    if key in case.expect:
        literal = np.asarray(case.expect[key])
        if literal.shape not in ((), reference.shape):
            return fail(
                status.GRADER_ERROR, f"the literal for {key!r} has shape {literal.shape}, not {reference.shape}"
            )
        want = np.broadcast_to(
            literal.astype(reference.dtype if reference.dtype.kind in "bc" else float), reference.shape
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
    if want.dtype.kind == "b" and want.ndim == 0 and got != want:  # a driver's flag
        return fail(status.WRONG_VALUE, f"{key} is {bool(got)}, {bool(want)} was expected")
    atol = case.atol + rounding(precision, wanted, want, key)
    ratios = distance(got, want, case.rtol, atol)
    ratio = float(ratios.max(initial=0.0))
    if ratio > 1:
        fail(status.WRONG_VALUE, "")
        _place(verdict, got, want, ratios)
        different = int((ratios > 1).sum())
        if got.size > 1:
            verdict.message = f"{different} of {got.size} values differ"
    elif case.exact_dtype and reference.dtype.kind in "fiu" and got.dtype != reference.dtype:
        return fail(status.WRONG_DTYPE, f"{key} is {got.dtype}, {reference.dtype} was expected")
    verdict.ratio = ratio
    return verdict


def _place(verdict: Verdict, got: np.ndarray, want: np.ndarray, ratios: np.ndarray) -> Verdict:
    """Return the worst element: where it is, the student's, and the expected one."""
    index = np.unravel_index(int(np.argmax(ratios)), got.shape) if got.ndim else ()
    verdict.index = [int(i) for i in index]
    verdict.yours, verdict.expected = (_number(array[index]) for array in (got, want))
    return verdict


def _number(value: Any) -> float | complex:
    return complex(value) if np.asarray(value).dtype.kind == "c" else float(value)


def same_values(a: Mapping[str, np.ndarray], b: Mapping[str, np.ndarray], rtol: float, atol: float) -> bool:
    """Whether two sets of named arrays are equal to tolerance."""
    return a.keys() == b.keys() and all(
        x.shape == b[key].shape and not (distance(x, b[key], rtol, atol) > 1).any() for key, x in a.items()
    )


# ------------------------------------------------------------------------------------------- how they are related


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
        if pair.is_equal(-pair.want) and not (pair.want.ndim and pair.is_equal(pair.want[::-1])):
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
        yield "transposed", "your array is the expected one transposed"
    if want.ndim >= 1 and pair.is_equal(want[::-1]):
        yield "reversed", "your array is the expected one in reverse order"
    yield from _rearranged(pair, got, want)
    for words, other in _functions(want).items():
        if pair.is_equal(other):
            yield words, f"yours is {words} the expected value"
    yield from _constants(pair, got, want)


def _rearranged(pair: Pair, got: np.ndarray, want: np.ndarray) -> Iterator[tuple[str, str]]:
    """Yield the expected numbers in other places, or the last row in the place of all."""
    if got.shape != want.shape or want.ndim == 0 or len(want) < 2:
        return
    halves = 2 * want[-1]  # zeros, halves and ones are in many a wrong row
    special = not np.any(np.abs(halves - np.round(halves)) > 1e-6)
    if not special and len(want) + want[-1].size > 3 and pair.is_equal(np.broadcast_to(want[-1], want.shape)):
        yield (
            "last",
            "each row of yours is the last one expected: a function that is made in a loop and called after it sees "
            "the loop's last value",
        )
    if len(np.unique(want)) <= want.size / 2:  # zeros and ones in another order are no surprise
        return
    rows, wanted_rows = (np.sort(array.reshape(len(array), -1), axis=1) for array in (got, want))
    if want.ndim > 1 and _close(pair, rows, wanted_rows):
        yield "order", "each example of yours has the expected numbers in other places"
    elif _close(pair, np.sort(rows, axis=None), np.sort(wanted_rows, axis=None)):
        yield (
            "order",
            "yours has the expected numbers in other places"
            + (": some have moved from one example to another" if want.ndim > 1 else ""),
        )


def _close(pair: Pair, got: np.ndarray, want: np.ndarray) -> bool:
    return not (distance(got, want, 10 * pair.rtol, 10 * pair.atol) > 1).any()


def _functions(want: np.ndarray) -> dict[str, np.ndarray]:
    return {
        "the square of": want**2,
        "the square root of": np.sqrt(np.abs(want)),
        "the exponential of": np.exp(want),
        "the logarithm of": np.log(np.abs(want)),
        "1 divided by": 1 / want,
    }


def _constants(pair: Pair, got: np.ndarray, want: np.ndarray) -> Iterator[tuple[str, str]]:
    """Yield a constant added to, or multiplied into, every element."""
    offset = float(np.median(got - want))
    word = "plus" if offset > 0 else "minus"
    for name, constant in OFFSETS.items():
        if pair.is_equal(want + math.copysign(constant, offset)):
            yield f"{word} {name}", f"your value is the expected one {word} {name}"
    if want.size > 1 and pair.is_equal(want + offset):
        yield "offset", f"yours is off by the same constant everywhere ({offset:+.6g})"
    nonzero = want != 0
    if not np.any(nonzero):
        return
    factor = float(np.median(got[nonzero] / want[nonzero]))
    if np.count_nonzero(nonzero) > 1 and _varied(want[nonzero], 1e-6) and pair.is_equal(want * factor):
        yield "factor", f"yours is {factor:.6g} times the expected value everywhere"
