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


def warn_of_float64_loss(model: Any, batch: Sequence[Any], loss: Any) -> None:
    """Warn where the traced loss of a Module in float32 is computed from arrays in float64 with two axes or more.

    The batch may be in float64, or a number that met the arrays. An array (N,) of float64 costs next to nothing.
    """
    if not isinstance(model, Module) or any(a.dtype == np.float64 for _, a in named_leaves(model)):
        return  # of parameters in float64 is warned when the step is made
    node = _first_wide(getattr(loss, "_node", None))
    if node is None:
        return
    wide = [str(i) for i, a in enumerate(batch) if getattr(a, "dtype", None) == np.float64]
    if wide:
        cause = (
            f"{_listed('array', wide)} of the batch {'is' if len(wide) == 1 else 'are'}: use x.astype(numpy.float32)"
        )
    else:
        cause = (
            f"a number or an array in the loss or in a layer is; see {node.function.__name__}, which gives the shape "
            f"{node.shape}. numpy.log(2.0) is such a number, and float() makes it one that leaves float32 unchanged; a "
            "new array needs dtype=numpy.float32"
        )
    _warn(
        f"the loss of this {type(model).__name__} is computed in float64, at twice the time and memory, because {cause}"
    )


def _first_wide(end: Any) -> Any:
    """Of the record that leads to a node, one in float64 with two axes or more, and none such before it; or None."""
    found, seen, ahead = None, set(), [end]
    while ahead:
        node = ahead.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        parents = list(getattr(node, "parents", ()))
        if _is_wide(node) and not any(map(_is_wide, parents)):
            found = node
        ahead += parents
    return found


def _is_wide(node: Any) -> bool:
    return getattr(node, "dtype", None) == np.float64 and len(node.shape) > 1


def warn_of_data(model: Any, arrays: Sequence[Any], loss: float) -> None:
    """Warn of the arrays of a batch, or of all data: of the data x (N, ...) in the first, and of a condition.

    Whole numbers as integers (codes, labels, pixels) and arrays of zeros and ones are taken for what they are, but not
    by a `continuous` model, a density of real numbers. What makes a likelihood unbounded, constant columns and whole
    numbers, matters for a model with a `log_prob` only. Such a model, or one with a method `standardize`, may
    standardize the data itself: its first loss is high if it does not.
    """
    if len(arrays) > 1 and hasattr(model, "log_prob"):
        _warn_of_condition(model, arrays[1])
    x = arrays[0] if arrays else None
    kinds = "fiu" if getattr(model, "continuous", False) else "f"
    if not isinstance(x, np.ndarray) or x.dtype.kind not in kinds or x.ndim < 2 or len(x) < LEAST_ROWS:
        return
    x = x[:: -(-len(x) // ROWS)]
    if not np.isfinite(x).all() or np.isin(x, (0, 1)).all():
        return
    x = x.astype(np.float64)
    is_density = hasattr(model, "log_prob")
    may_standardize = is_density or hasattr(model, "standardize")
    size = np.sqrt(np.mean(x**2, axis=0))
    if size.max() > LARGE and (not loss <= HIGH or not may_standardize):
        _warn(
            f"the data are not standardized: {_columns_where(size > LARGE, 'is', 'are')} about {size.max():.3g} in "
            "size, and a network works best on numbers of about 1. Use x = (x - x.mean(axis=0)) / x.std(axis=0); a "
            "RealNVP does so itself, and gives samples in the old units, after flow.standardize(x)"
        )
    if is_density:
        _warn_of_unbounded_likelihood(x)


def _warn_of_condition(model: Any, context: Any) -> None:
    """Warn of the condition (N, K) of a density that is far from standardized, unless the model standardizes it."""
    if not isinstance(context, np.ndarray) or context.dtype.kind not in "fiu" or context.ndim != 2:
        return
    if np.any(getattr(model, "context_scale", 1) != 1) or len(context) < LEAST_ROWS:
        return
    size = np.sqrt(np.mean(context[:: -(-len(context) // ROWS)].astype(np.float64) ** 2, axis=0))
    if size.max() > LARGE:
        _warn(
            f"the condition, array 1 of the batch, is not standardized: {_columns_where(size > LARGE, 'is', 'are')} "
            f"about {size.max():.3g} in size, and a network works best on numbers of about 1. A RealNVP does so itself "
            "after flow.standardize(x, context); else use context = (context - context.mean(axis=0)) / "
            "context.std(axis=0)"
        )


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
