"""Claims and checks: a measured value, the bar it must meet, and the verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minigen.course.console import format_number

__all__ = ["Bar", "CheckFailed", "Claim", "jsonable"]


class CheckFailed(AssertionError):
    """A number that must hold exactly does not; the lesson stops here."""


@dataclass(frozen=True)
class Bar:
    """One condition on a value: low <= value <= high, or |value - target| <= atol; a list must meet it everywhere."""

    low: float | None = None
    high: float | None = None
    target: Any = None
    atol: float = 0.0

    @classmethod
    def of(cls, name: str, at_least=None, at_most=None, between=None, equals=None, atol: float | None = None) -> Bar:
        """The bar of a claim or check; exactly one of the four conditions must be given."""
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
        """Whether every entry of `value` meets the bar; NaN never does."""
        value = np.asarray(value)
        if value.dtype.kind not in "biuf" or value.size == 0:
            return self.target is not None and value.size > 0 and bool(np.all(value == np.asarray(self.target)))
        if self.target is not None:
            return bool(np.all(_distance(value, self.target) <= self.atol))
        return bool(
            (self.low is None or np.all(value >= self.low)) and (self.high is None or np.all(value <= self.high))
        )

    def __str__(self) -> str:
        if self.target is not None:
            return f"= {format_number(self.target)}" + (f" ± {self.atol:.3g}" if self.atol else "")
        if self.low is not None and self.high is not None:
            return f"{self.low:g} … {self.high:g}"
        return f"≥ {self.low:g}" if self.low is not None else f"≤ {self.high:g}"

    def as_json(self) -> dict[str, Any]:
        """The bar by the names of `Lesson.claim`."""
        if self.target is not None:
            target = format_number(self.target) if np.size(self.target) > 64 else jsonable(self.target)
            return {"equals": target, "atol": self.atol}
        if self.low is not None and self.high is not None:
            return {"between": [self.low, self.high]}
        return {"at_least": self.low} if self.low is not None else {"at_most": self.high}


@dataclass
class Claim:
    """A value with its bar, where the bar comes from, and the verdict: passed, failed or not judged."""

    name: str
    value: Any
    bar: Bar
    judged: bool = True
    source: str = ""
    unit: str = ""
    status: str = field(init=False)

    def __post_init__(self):
        self.status = "not judged" if not self.judged else "passed" if self.bar.holds(self.value) else "failed"

    def require(self) -> None:
        """Raise CheckFailed, with the value and the worst entry of an array, if the bar is not met."""
        if self.status == "failed":
            got = format_number(self.value)
            raise CheckFailed(f"check failed: {self.name}: got {got}, must be {self.bar}{self._worst()}")

    def _worst(self) -> str:
        """Which entry of an array is furthest from what it should equal."""
        value = np.asarray(self.value)
        if self.bar.target is None or value.ndim == 0 or value.dtype.kind not in "biuf":
            return ""
        target = np.asarray(self.bar.target, dtype=np.float64)
        try:
            gap = np.abs(value - target)
        except ValueError:
            return f" (shape {value.shape}, not {target.shape})"
        if gap.shape != value.shape or gap.size == 0:
            return f" (shape {value.shape})"
        at = np.unravel_index(np.argmax(np.nan_to_num(gap, nan=np.inf)), gap.shape)
        return f" (largest difference {gap[at]:.3g}, at {tuple(int(i) for i in at)})"

    def row(self) -> list[str]:
        """Claim, value, bar, verdict, source: one line of the table."""
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


def _distance(value: np.ndarray, target: Any) -> np.ndarray:
    """|value - target| entry by entry; 0 for equal infinities, inf for shapes that do not match."""
    target = np.asarray(target)
    try:
        value, target = np.broadcast_arrays(value, target)
    except ValueError:
        return np.array(math.inf)
    value, target = value.astype(np.float64), target.astype(np.float64)
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
