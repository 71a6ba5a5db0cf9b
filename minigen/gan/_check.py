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


def vector(name: str, x: Any) -> Array:
    """One number for each example, (N,) with N ≥ 1."""
    x = floats(name, x)
    shape = np.shape(x)
    if len(shape) != 1 or shape[0] == 0:
        raise ValueError(f"{name} must have shape (N,) with N ≥ 1, got {shape}")
    return x


def matrix(name: str, x: Any, columns: int | None = None) -> Array:
    """A row for each example, (N, D) with N ≥ 1, with `columns` entries if given."""
    x = floats(name, x)
    shape = np.shape(x)
    if len(shape) != 2 or shape[0] == 0 or columns not in (None, shape[1]):
        raise ValueError(f"{name} must have shape (N, {'D' if columns is None else columns}) with N ≥ 1, got {shape}")
    return x


def examples(name: str, x: Any) -> Array:
    """A batch of examples, (N, ...) with N ≥ 1 and at least two axes."""
    x = floats(name, x)
    shape = np.shape(x)
    if len(shape) < 2 or 0 in shape:
        raise ValueError(f"{name} must have shape (N, ...) with N ≥ 1 and at least two axes, got {shape}")
    return x


def densities(name: str, p: Any) -> np.ndarray:
    """Finite densities, none negative."""
    p = floats(name, p)
    if np.any(p < 0):
        raise ValueError(f"{name} must not be negative, got a smallest value of {np.min(p):.4g}")
    return p


def number(name: str, value: Any, low: float = 0.0, high: float = np.inf) -> float:
    """`value` as a float with low ≤ value < high."""
    if isinstance(value, bool) or not isinstance(value, Real) or not low <= value < high:
        raise ValueError(f"{name} must be a number in [{low:g}, {high:g}), got {value!r}")
    return float(value)


def positive(name: str, value: Any) -> float:
    """`value` as a positive, finite float."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < value < np.inf:
        raise ValueError(f"{name} must be a positive number, got {value!r}")
    return float(value)


def count(name: str, value: Any) -> int:
    """`value` as a positive int."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"{name} must be a positive whole number, got {value!r}")
    return int(value)


def generator(rng: Any) -> np.random.Generator:
    """`rng` itself, or ValueError if it is no NumPy Generator."""
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"rng must be a numpy.random.Generator, got {type(rng).__name__}")
    return rng
