"""Argument checks of the family. Each names the argument, what was expected and what came.

Shapes are always checked. Values are checked on plain arrays only: while a derivative is being taken they pass, so
that a training that diverges is stopped by `minigen.train.fit`, which can name the step.
"""

from typing import Any

import numpy as np
from autograd.tracer import isbox


def same_shape(rank_at_least: int = 2, **arrays: Any) -> tuple[int, ...]:
    """The common shape of the arrays; ValueError if they differ or have too few axes."""
    (first, a), *rest = arrays.items()
    shape = np.shape(a)
    if len(shape) < rank_at_least:
        axes = "(N, D)" if rank_at_least == 2 else f"at least {rank_at_least} axes"
        raise ValueError(f"{first} must have shape {axes}, got {shape}")
    for name, b in rest:
        if np.shape(b) != shape:
            raise ValueError(f"{name} must have the shape of {first}, {shape}, got {np.shape(b)}")
    return shape


def finite(**arrays: Any) -> None:
    """ValueError if a plain array holds a NaN or an infinity."""
    for name, a in arrays.items():
        if not isbox(a) and not np.all(np.isfinite(a)):
            raise ValueError(f"{name} must be finite, got {np.count_nonzero(~np.isfinite(a))} non-finite values")


def unit_interval(name: str, x: Any) -> None:
    """ValueError unless every value lies in [0, 1]."""
    if not isbox(x) and np.size(x) and not (np.min(x) >= 0 and np.max(x) <= 1):
        raise ValueError(f"{name} must be in [0, 1], got values from {np.min(x):.4g} to {np.max(x):.4g}")


def count(name: str, value: Any) -> int:
    """`value` as a positive int, or ValueError."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"{name} must be a positive whole number, got {value!r}")
    return int(value)
