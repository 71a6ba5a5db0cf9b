"""Argument checks of the family. Each names the argument, what was expected and what came.

Shapes are always checked. Values are checked on plain arrays only: while a derivative is being taken they pass, so
that a training that diverges is stopped by `minigen.train.fit`, which can name the step.
"""

from typing import Any

import numpy as np
from autograd.tracer import isbox


def arrays(**named: Any) -> tuple[int, ...]:
    """The common shape (N, ...) of finite float arrays; ValueError if they differ, have no axis, or hold a NaN."""
    (first, a), *rest = named.items()
    shape = np.shape(a)
    if len(shape) < 1:
        raise ValueError(f"{first} must have shape (N, ...), got {shape}")
    for name, b in rest:
        if np.shape(b) != shape:
            raise ValueError(f"{name} must have the shape of {first}, {shape}, got {np.shape(b)}")
    for name, b in named.items():
        if isbox(b):
            continue
        kind = getattr(b, "dtype", np.asarray(b).dtype).kind
        if kind != "f":
            raise ValueError(f"{name} must be an array of floats, got dtype {np.asarray(b).dtype}")
        if not np.all(np.isfinite(b)):
            raise ValueError(f"{name} must be finite, got {np.count_nonzero(~np.isfinite(b))} non-finite values")
    return shape


def times(t: Any, T: int, n: int, least: int = 1) -> np.ndarray:
    """`t` as integers () or (n,), each in least..T, or ValueError."""
    t = np.asarray(t)
    if t.dtype.kind not in "iu":
        raise ValueError(f"t must be a whole number or an array of them, got dtype {t.dtype}")
    if t.shape not in ((), (n,)):
        raise ValueError(f"t must be one time step or have shape ({n},), one for each example, got {t.shape}")
    if t.size and not (t.min() >= least and t.max() <= T):
        raise ValueError(f"t must be in {least}..{T}, got values from {t.min()} to {t.max()}")
    return t


def whole(name: str, value: Any, least: int = 1, most: int | None = None) -> int:
    """`value` as an int in least..most, or ValueError."""
    wrong_type = isinstance(value, bool) or not isinstance(value, (int, np.integer))
    if wrong_type or value < least or (most is not None and value > most):
        bounds = f"of at least {least}" if most is None else f"in {least}..{most}"
        raise ValueError(f"{name} must be a whole number {bounds}, got {value!r}")
    return int(value)


def number(name: str, value: Any, low: float, high: float = np.inf, open_low: bool = False) -> float:
    """`value` as a finite float in [low, high] (low itself excluded on request), or ValueError."""
    inside = np.ndim(value) == 0 and np.isfinite(value) and low <= value <= high and not (open_low and value == low)
    if not inside:
        raise ValueError(f"{name} must be in {'(' if open_low else '['}{low:g}, {high:g}], got {value!r}")
    return float(value)


def choice(name: str, value: Any, options: tuple[str, ...]) -> str:
    """`value` if it is one of the options, or ValueError."""
    if value not in options:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, options))}, got {value!r}")
    return value


def rng(value: Any) -> np.random.Generator:
    """`value` if it is a random generator, or ValueError."""
    if not isinstance(value, np.random.Generator):
        raise ValueError(f"rng must be a np.random.Generator, got {type(value).__name__}")
    return value
