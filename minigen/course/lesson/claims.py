"""Claims and checks: a measured value, the threshold it must meet, and the verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minigen.course.console import format_number
from minigen.types import Array

__all__ = ["HEADER", "Bar", "CheckFailed", "Claim", "difference", "jsonable"]

HEADER = ["claim", "value", "threshold", "verdict", "source"]  # of a table of claims


class CheckFailed(AssertionError):
    """A number that must hold exactly does not; the lesson stops here."""


@dataclass(frozen=True)
class Bar:
    """One condition on a value: low <= value <= high, or |value - target| <= atol.

    An array must meet it in every entry. Its shape must be that of the target, unless the target is a single number,
    to which every entry is compared: nothing is broadcast.
    """

    low: float | None = None
    high: float | None = None
    target: Any = None
    atol: float = 0.0

    @classmethod
    def of(cls, name: str, at_least=None, at_most=None, between=None, equals=None, atol: float | None = None) -> Bar:
        """Return the bar of a claim or check; exactly one of the four conditions must be given."""
        conditions = {"at_least": at_least, "at_most": at_most, "between": between, "equals": equals}
        given = [condition for condition, bound in conditions.items() if bound is not None]
        if len(given) != 1:
            raise ValueError(f"{name!r} needs exactly one of at_least, at_most, between, equals, got {given or 'none'}")
        if atol is not None and equals is None:
            raise ValueError(f"{name!r}: atol goes with equals")
        if between is not None and not (len(between) == 2 and between[0] <= between[1]):
            raise ValueError(f"{name!r}: between must be a pair (low, high), got {between!r}")
        if equals is not None:
            whole = np.asarray(equals).dtype.kind in "biuUS"  # whole numbers, truth values, text: exactly
            return cls(target=equals, atol=float(atol) if atol is not None else 0.0 if whole else 1e-6)
        low, high = (at_least, at_most) if between is None else between
        return cls(low=None if low is None else float(low), high=None if high is None else float(high))

    def holds(self, value: Any) -> bool:
        """Whether every entry of `value` meets the bar; NaN never does, and neither does an array of another shape."""
        value = np.asarray(value)
        if value.size == 0:
            return False
        if self.target is not None:
            if not self.fits(value):
                return False
            close = _distance(value, self.target) <= self.atol if _numeric(value, self.target) else value == self.target
            return bool(np.all(close))
        return _numeric(value) and bool(
            (self.low is None or np.all(value >= self.low)) and (self.high is None or np.all(value <= self.high))
        )

    def fits(self, value: Any) -> bool:
        """Whether `value` has the shape of what it must equal, or is compared with a single number."""
        return np.shape(self.target) in ((), np.shape(value))

    def missed_by(self, value: Any) -> str:
        """Where an array is furthest from the target, or what else differs from it, in brackets; "" for a range."""
        if self.target is None:
            return ""
        value, target = np.asarray(value), np.asarray(self.target)
        if value.ndim == 0 or value.size == 0 or not _numeric(value, target) or not self.fits(value):
            return difference(value, target)
        gap = _distance(value, target)
        at = np.unravel_index(np.argmax(gap), gap.shape)
        return f" (largest difference {gap[at]:.3g}, at {tuple(int(i) for i in at)})"

    def __str__(self) -> str:
        if self.target is not None:
            return f"= {format_number(self.target)}" + (f" ± {self.atol:.3g}" if self.atol else "")
        if self.low is not None and self.high is not None:
            return f"{self.low:g} … {self.high:g}"
        return f"≥ {self.low:g}" if self.low is not None else f"≤ {self.high:g}"

    def as_json(self) -> dict[str, Any]:
        """Return the bar by the names of `Lesson.claim`."""
        if self.target is not None:
            target = format_number(self.target) if np.size(self.target) > 64 else jsonable(self.target)
            return {"equals": target, "atol": self.atol}
        if self.low is not None and self.high is not None:
            return {"between": [self.low, self.high]}
        return {"at_least": self.low} if self.low is not None else {"at_most": self.high}


@dataclass
class Claim:
    """A value with its threshold, where the threshold comes from, and the verdict: passed, failed or not judged."""

    name: str
    value: Any
    bar: Bar
    judged: bool = True
    source: str = ""
    unit: str = ""
    status: str = field(init=False)

    def __post_init__(self):
        self.status = "not judged" if not self.judged else "passed" if self.bar.holds(self.value) else "failed"

    def failure(self) -> str:
        """Return the message of a check that is not met, with the worst entry of an array."""
        got = format_number(self.value)
        return f"check failed: {self.name}: got {got}, must be {self.bar}{self.bar.missed_by(self.value)}"

    def row(self) -> list[str]:
        """One line of the table, whose columns HEADER names."""
        unit = f" {self.unit}" if self.unit else ""
        return [self.name, format_number(self.value) + unit, str(self.bar), self.status, self.source]

    def as_json(self) -> dict[str, Any]:
        value = format_number(self.value) if np.size(self.value) > 64 else jsonable(self.value)
        return {
            "name": self.name,
            "value": value,
            **self.bar.as_json(),
            "bar": str(self.bar),
            "status": self.status,
            "source": self.source,
            "unit": self.unit,
        }


def difference(value: Any, target: Any) -> str:
    """Return how a value differs from what it must equal where the numbers that are shown do not say it: in brackets.

    That is the shape, whether it is a text, or a small difference of two numbers.
    """
    value, target = np.asarray(value), np.asarray(target)
    if value.shape != target.shape:
        return f" (shape {value.shape}, not {target.shape})"
    is_text, must_be_text = value.dtype.kind == "U", target.dtype.kind == "U"
    if is_text != must_be_text:
        return " (a text, not a number)" if is_text else " (a number, not a text)"
    if value.size and _numeric(value, target) and format_number(value) == format_number(target):
        return f" (difference {_distance(value, target).max():.3g})"
    return ""


def _numeric(*values: Any) -> bool:
    """Whether all are real numbers or truth values, or arrays of them."""
    return all(np.asarray(value).dtype.kind in "biuf" for value in values)


def _distance(value: Array, target: Any) -> Array:
    """|value - target| entry by entry, float64; 0 for equal infinities, inf for NaN."""
    value, target = value.astype(np.float64), np.asarray(target, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return np.where(value == target, 0.0, np.nan_to_num(np.abs(value - target), nan=math.inf, posinf=math.inf))


def jsonable(value: Any) -> Any:
    """`value` in plain JSON types; a number that JSON does not have (nan, inf) becomes its name as text."""
    if hasattr(value, "tolist"):  # NumPy arrays and scalars
        value = value.tolist()
    if isinstance(value, dict):
        return {str(k): jsonable(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [jsonable(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
