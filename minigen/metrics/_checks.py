"""Checks shared by the metrics: each turns an argument into float64 or raises an error that names it."""

import numpy as np

SUM_TOLERANCE = 1e-5  # probabilities may come from a float32 softmax


def array(name, value, ndim=None, shape="", finite=True):
    """`value` as a float64 array; `ndim` and its picture `shape` (as "(N, D)") say what is expected."""
    value = np.asarray(value)
    if value.dtype.kind not in "biuf":
        raise ValueError(f"{name} must be an array of real numbers, got dtype {value.dtype}")
    if ndim is not None and value.ndim != ndim:
        raise ValueError(f"{name} must have shape {shape}, got {value.shape}")
    if value.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {value.shape}")
    value = value.astype(np.float64)
    if finite and not np.all(np.isfinite(value)):
        raise ValueError(f"{name} must be finite, got {np.sum(~np.isfinite(value))} values that are not")
    return value


def nonnegative(name, value, ndim=None, shape=""):
    """`array` without negative numbers."""
    value = array(name, value, ndim, shape)
    if value.min() < 0:
        raise ValueError(f"{name} must not be negative, got {value.min():.6g}")
    return value


def probabilities(name, value, ndim=None, shape=""):
    """Nonnegative, and summing to one over the last axis."""
    value = nonnegative(name, value, ndim, shape)
    if value.ndim == 0:
        raise ValueError(f"{name} must have shape (..., K), got ()")
    total = value.sum(axis=-1)
    worst = np.ravel(total)[np.argmax(np.abs(np.ravel(total) - 1))]
    if abs(worst - 1) > SUM_TOLERANCE:
        raise ValueError(f"{name} must sum to one over its last axis, got a sum of {worst:.6g}")
    return value


def points(name, value):
    """A cloud of N points in D dimensions, one a row."""
    return array(name, value, 2, "(N, D)")


def same_dimension(name_x, x, name_y, y):
    """ValueError unless two clouds have the same number of columns."""
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"{name_x} and {name_y} must have the same number of columns, got {x.shape} and {y.shape}")


def positive(name, value):
    """A positive, finite number."""
    value = array(name, value, 0, "()")
    if value <= 0:
        raise ValueError(f"{name} must be positive, got {value:.6g}")
    return float(value)


def count(name, value, least=1):
    """A whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return int(value)


def generator(rng):
    """`rng`, or ValueError if it is not a generator of random numbers."""
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"rng must be a numpy.random.Generator, got {type(rng).__name__}")
    return rng


def scalar(value):
    """A Python float in place of an array with no axes; other arrays as they are."""
    return float(value) if np.ndim(value) == 0 else value
