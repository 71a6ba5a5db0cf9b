"""Other arguments for a case whose driver always builds the same ones: floats become up to a tenth smaller.

One factor for an argument keeps signs, zeros, ties, the order, symmetry and what is infinite. Numbers that are only 0
and 1, and rows that sum to 1, mean something that a factor would destroy, and stay; so do integers and objects.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import Any

import numpy as np

from minigen.course.exercise.grading.forms import is_array, is_number, unbox

__all__ = ["key_of", "shifted"]


def shifted(args: tuple, kwargs: dict, key: int) -> tuple[tuple, dict]:
    """Return the arguments with the shift of a key; an argument has the same factor in every call."""
    positional = tuple(_scaled(value, _factor(key, position)) for position, value in enumerate(args))
    named = {name: _scaled(value, _factor(key, zlib.crc32(name.encode()))) for name, value in kwargs.items()}
    return positional, named


def key_of(seed: int) -> int:
    """Return what the shift of a graded seed is drawn from, which does not tell the seed."""
    return int.from_bytes(hashlib.sha256(f"shift {seed}".encode()).digest()[:8], "big")


def _factor(key: int, argument: int) -> float:
    return float(np.random.default_rng([key, argument]).uniform(0.9, 0.98))


def _scaled(value: Any, factor: float) -> Any:
    if type(value) in (list, tuple):
        return type(value)(_scaled(item, factor) for item in value)
    inner = unbox(value)
    if not (is_array(inner) or is_number(inner)):
        return value
    numbers = np.asarray(inner)
    if numbers.dtype.kind != "f" or np.isin(numbers, (0.0, 1.0)).all():
        return value
    if numbers.ndim and numbers.shape[-1] > 1 and np.allclose(numbers.sum(axis=-1), 1.0):
        return value
    return value * factor
