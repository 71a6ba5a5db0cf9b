"""What a training step warns of: data and parameters with which it runs, but does not do what was meant."""

import sys
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigen.nn import Module
from minigen.tensor import named_leaves

LARGE = 100.0  # the root of the mean square of a column; standardized data have 1
HIGH = 1e4  # a first loss that a model which may standardize the data itself has only where it does not
ROWS = 10_000  # of large data, that are looked at
LARGEST_WHOLE = 2**23  # from here on float32 has whole numbers only
LEAST_ROWS = 10  # of data of which anything is said


class TrainingWarning(UserWarning):
    """A training that runs, but with data or parameters that it should not have."""


def warn_of_float64(model: Any) -> None:
    """Warn where a Module has parameters in float64: all that follows is then computed in float64."""
    if not isinstance(model, Module):
        return
    names = [name for name, a in named_leaves(model) if a.dtype == np.float64]
    if names:
        _warn(
            f"{_listed('parameter', names)} of this {type(model).__name__} {'is' if len(names) == 1 else 'are'} in "
            "float64, and so is all that is computed from them, at twice the time and memory: make them with "
            "dtype=numpy.float32"
        )


def warn_of_data(model: Any, x: Any, loss: float) -> None:
    """Warn of data x, the first array of a batch or of all batches, that are given as floats, (N, ...).

    Whole numbers as integers (codes, labels, pixels) and arrays of zeros and ones are taken for what they are. What
    makes a likelihood unbounded, constant columns and whole numbers, matters for a model with a `log_prob` only. Such a
    model, or one with a method `standardize`, may standardize the data itself: its first loss is high if it does not.
    """
    if not isinstance(x, np.ndarray) or x.dtype.kind != "f" or x.ndim < 2 or len(x) < LEAST_ROWS:
        return
    x = x[:: -(-len(x) // ROWS)]
    if not np.isfinite(x).all() or np.isin(x, (0, 1)).all():
        return
    x = x.astype(np.float64)
    is_density = hasattr(model, "log_prob")
    may_standardize = is_density or hasattr(model, "standardize")
    size = np.sqrt(np.mean(x**2, axis=0))
    if size.max() > LARGE and (loss > HIGH or not may_standardize):
        _warn(
            f"the data are not standardized: {_columns_where(size > LARGE, 'is', 'are')} about {size.max():.3g} in "
            "size, and a network works best on numbers of about 1. Subtract the mean and divide by the standard "
            "deviation (minigen.data.standardize; a RealNVP does so itself after flow.standardize(x))"
        )
    if is_density:
        _warn_of_unbounded_likelihood(x)


def _warn_of_unbounded_likelihood(x: np.ndarray) -> None:
    """Warn of the columns of a table x (N, D) where a density grows without bound; of images of whole numbers."""
    constant = np.ptp(x, axis=0) == 0
    whole = (x == np.rint(x)).all(axis=0) & ~constant & (np.abs(x).max(axis=0) < LARGEST_WHOLE)
    if x.ndim > 2 and not (whole | constant).all():
        return
    if constant.any() and x.ndim == 2:
        _warn(
            f"{_columns_where(constant, 'is', 'are')} the same in every row: a density there grows without bound, and "
            "the loss falls without end. Leave such columns out"
        )
    if whole.any():
        _warn(
            f"{_columns_where(whole, 'holds', 'hold')} whole numbers only: a density on them grows without bound, and "
            "the loss falls without end. Add uniform noise first: x = minigen.data.dequantize(x, rng)"
        )


def _columns_where(chosen: np.ndarray, verb: str, verb_of_many: str) -> str:
    """Subject and verb: "column 3 is", "columns 1 and 3 are", or "the values are"."""
    if chosen.ndim != 1:
        return f"the values {verb_of_many}"
    columns = [str(column) for column in np.flatnonzero(chosen)]
    return f"{_listed('column', columns)} {verb if len(columns) == 1 else verb_of_many}"


def _listed(noun: str, names: Sequence[str]) -> str:
    shown = list(names[:5]) + ([f"{len(names) - 5} more"] if len(names) > 5 else [])
    text = " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
    return f"{noun}{'' if len(names) == 1 else 's'} {text}"


def _warn(message: str) -> None:
    """Warn at the line outside of the package that called it."""
    frame, level = sys._getframe(), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("minigen."):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, TrainingWarning, stacklevel=level)
