"""Argument checks of the family. Each names the argument, what was expected and what came.

Shapes are always checked. Values are checked on plain arrays only: while a derivative is being taken they pass, so
that a training that diverges is stopped by `minigen.train.fit`, which can name the step.
"""

from numbers import Real
from typing import Any

import numpy as np
from autograd.tracer import isbox

Array = Any  # an ndarray, or a traced one


def floats(name: str, x: Any) -> Array:
    """`x` as a float array (float32 and float64 stay as they are), or ValueError if it is not finite real numbers."""
    if isbox(x):
        return x
    x = np.asarray(x)
    if x.dtype.kind not in "fiub":
        raise ValueError(f"{name} must be an array of real numbers, got dtype {x.dtype}")
    x = x if x.dtype.kind == "f" else x.astype(float)
    if not np.all(np.isfinite(x)):
        raise ValueError(f"{name} must be finite, got {np.count_nonzero(~np.isfinite(x))} non-finite values")
    return x


def batch(name: str, x: Any, shape: tuple[int, ...]) -> Array:
    """Finite floats of shape (N, *shape)."""
    x = floats(name, x)
    if len(np.shape(x)) != 1 + len(shape) or np.shape(x)[1:] != shape:
        raise ValueError(f"{name} must have shape ({', '.join(['N', *map(str, shape)])}), got {np.shape(x)}")
    return x


def images(name: str, x: Any) -> tuple[int, int, int, int]:
    """The shape (N, H, W, C) of a batch of images."""
    if len(np.shape(x)) != 4:
        raise ValueError(f"{name} must have shape (N, H, W, C), got {np.shape(x)}")
    return np.shape(x)


def coupling(mask: Any, **arrays: Any) -> None:
    """Arrays of one shape (N, ...), against one example of which `mask` broadcasts."""
    (first, shape), *rest = [(name, np.shape(a)) for name, a in arrays.items()]
    for name, other in rest:
        if other != shape:
            raise ValueError(f"{name} must have the shape of {first}, {shape}, got {other}")
    if len(shape) < 2:
        raise ValueError(f"{first} must have shape (N, ...) with at least two axes, got {shape}")
    small, one = np.shape(mask), shape[1:]
    if len(small) > len(one) or any(m not in (1, n) for m, n in zip(small[::-1], one[::-1])):
        raise ValueError(f"mask must broadcast against one example of {first}, {one}, got {small}")


def mask(mask: Any) -> np.ndarray:
    """A 0/1 array with some of each, as float32."""
    mask = np.asarray(mask, np.float32)
    if mask.size == 0 or not np.all((mask == 0) | (mask == 1)) or np.all(mask == 1) or not np.any(mask):
        raise ValueError("mask must hold zeros (changed) and ones (kept), some of each")
    return mask


def count(name: str, value: Any, at_least: int = 1) -> int:
    """`value` as an int that is not too small."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < at_least:
        raise ValueError(f"{name} must be a whole number, at least {at_least}, got {value!r}")
    return int(value)


def positive(name: str, value: Any) -> float:
    """`value` as a positive, finite float."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < value < np.inf:
        raise ValueError(f"{name} must be a positive number, got {value!r}")
    return float(value)
