"""Values against values: are they equal to tolerance, and where are they farthest apart?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from minigen.course.exercise.format import Case
from minigen.course.exercise.grading import status
from minigen.course.exercise.grading.observe import KINDS, Failure, Outcome, magnitude, not_finite, shape_message

__all__ = ["Verdict", "compare", "distance", "rounding", "same_values"]

ROUNDINGS = 16.0  # units in the last place that a right answer may be off by


@dataclass
class Verdict:
    """How one case of an exercise ended. `ratio` is the worst error in units of the tolerance: 1 is the limit.

    inputs, repeat: of the simplest case that fails, what the function was called on, and Python that repeats the call.
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
        got, want = got.astype(_wide(got)), want.astype(_wide(want))
        error = np.abs(got - want)
        tolerance = atol + rtol * np.abs(want)
        ratio = np.where(error == 0, 0.0, error / tolerance)
        agree = (got == want) | (np.isnan(got) & np.isnan(want))
        return np.where(agree, 0.0, np.where(np.isfinite(ratio), ratio, np.inf))


def rounding(outcome: Outcome, want: np.ndarray, key: str = "") -> float:
    """The error that an answer of this precision may have: a function that computes in float32 is not wrong.

    key: the name of the value. One that came back as it is may be off by its own size, or by that of what it was made
    of, the arguments: not by that of another result.
    """
    scale = outcome.scale
    if key in outcome.returned:
        scale = min(scale, max(magnitude(outcome.values[key]), outcome.given))
    return ROUNDINGS * outcome.precision * (scale + magnitude(want))


def _wide(array: np.ndarray) -> type:
    return complex if array.dtype.kind == "c" else float


def compare(case: Case, got: Outcome, want: Outcome) -> Verdict:
    """Judge one case: `got` is the student's outcome, `want` the reference's, `case.expect` has the literals."""
    verdict = Verdict(case.name, got.status, 0, case.points, got.message, got.line, got.text)
    if not want.answered:
        verdict.status, verdict.message = status.GRADER_ERROR, f"the reference fails: {want.message}"
    if verdict.status != status.PASS:
        verdict.ratio = math.inf
        return verdict
    verdicts = [_compare_key(case, key, got, value) for key, value in want.values.items()]
    shown = next((one for one in verdicts if not one.passed), verdicts[0])
    shown.ratio = max(one.ratio for one in verdicts)
    return shown


def _compare_key(case: Case, key: str, outcome: Outcome, reference: np.ndarray) -> Verdict:
    verdict = Verdict(case.name, status.PASS, case.points, case.points, key=key)
    got = outcome.values.get(key)

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
    atol = case.atol + rounding(outcome, want, key)
    ratios = distance(got, want, case.rtol, atol)
    ratio = float(ratios.max(initial=0.0))
    if ratio > 1:
        fail(status.WRONG_VALUE, "")
        _place(verdict, got, want, ratios)
        different = int((ratios > 1).sum())
        if got.size > 1:
            verdict.message = f"{different} of {got.size} values differ"
    verdict.ratio = ratio
    return verdict


def _place(verdict: Verdict, got: np.ndarray, want: np.ndarray, ratios: np.ndarray) -> Verdict:
    """The worst element: where it is, the student's, and the expected one."""
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
