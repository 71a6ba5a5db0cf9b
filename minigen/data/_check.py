"""Argument checks shared by the data modules: each says which argument, what was expected and what came."""

from __future__ import annotations

import numbers

import numpy as np


def integer(name: str, value, at_least: int) -> int:
    """`value` as an int, or a ValueError when it is no integer or below `at_least`."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral) or value < at_least:
        raise ValueError(f"{name} must be an integer of at least {at_least}, got {value!r}")
    return int(value)


def positive(name: str, value) -> float:
    """`value` as a float, or a ValueError when it is not a positive finite number."""
    is_number = isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_))
    if not is_number or not np.isfinite(value) or value <= 0:
        raise ValueError(f"{name} must be a positive finite number, got {value!r}")
    return float(value)


def finite(name: str, value) -> np.ndarray:
    """`value` as a float64 array, or a ValueError when it is not numeric or not finite."""
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be an array of numbers, got {value!r}") from None
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{name} must be finite, got {np.count_nonzero(~np.isfinite(array))} non-finite values")
    return array


def generator(rng) -> np.random.Generator:
    """`rng` itself, or a ValueError when it is not a NumPy random generator."""
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"rng must be a numpy.random.Generator, such as np.random.default_rng(0), got {rng!r}")
    return rng


def points(x, dim: int) -> tuple[np.ndarray, np.dtype]:
    """Points of shape (N, dim) in float64, and the dtype in which the answer is due.

    float32 comes back as float32; anything else (float64, integers, lists) as float64.
    """
    given = np.asarray(x)
    dtype = np.dtype(np.float32) if given.dtype == np.float32 else np.dtype(np.float64)
    array = finite("x", given)
    if array.ndim != 2 or array.shape[1] != dim:
        raise ValueError(f"x must have shape (N, {dim}), got {array.shape}")
    return array, dtype
