"""Checks of arguments, for the whole package: each error names the argument, what was expected and what was given.

    n = checks.whole("n", n)                                 # a whole number, at least 1
    x = checks.array("x", x, "N", 2)                         # finite floats of shape (N, 2), N at least 1
    checks.same_shape(mu=mu, logvar=logvar)

All raise ValueError, before any work is done. A check returns the value in the form in which it is used. Shapes are
always checked. Values are checked on plain arrays only: while a derivative is being taken they pass, so that a training
that diverges is stopped by `minigen.train.fit`, which can name the step.
"""

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np
from autograd.tracer import isbox

from minigen.types import Array

Size = int | str | None  # of one axis: a number, or a free size by its name


# ------------------------------------------------------------------------------------------------ numbers and settings


def whole(name: str, value: Any, least: int = 1, most: int | None = None) -> int:
    """`value` as an int in least..most; True and 2.0 are not whole numbers."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Integral) or value < least or _above(value, most):
        bounds = f"of at least {least}" if most is None else f"in {least}..{most}"
        raise ValueError(f"{name} must be a whole number {bounds}, got {_shown(value)}")
    return int(value)


def wholes(name: str, values: Any, least: int = 1) -> list[int]:
    """A sequence of whole numbers, as a list of ints of at least `least`; it may be empty."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ValueError(f"{name} must be a sequence of whole numbers, got {_shown(values)}")
    return [whole(name, value, least) for value in values]


def number(name: str, value: Any, low: float = -np.inf, high: float = np.inf, *, without: float | None = None) -> float:
    """`value` as a finite float with low ≤ value ≤ high, but not `without` (an end of the interval)."""
    if not _is_number(value) or not low <= value <= high or value == without:
        left, right = "(" if low in (without, -np.inf) else "[", ")" if high in (without, np.inf) else "]"
        raise ValueError(f"{name} must be a number in {left}{low:g}, {high:g}{right}, got {_shown(value)}")
    return float(value)


def positive(name: str, value: Any) -> float:
    """`value` as a positive, finite float."""
    if not _is_number(value) or value <= 0:
        raise ValueError(f"{name} must be a positive number, got {_shown(value)}")
    return float(value)


def probability(name: str, value: Any) -> float:
    """`value` as a float in [0, 1]."""
    return number(name, value, 0, 1)


def choice(name: str, value: Any, options: tuple) -> Any:
    """`value`, if it is one of the options; True is not 1."""
    simple = isinstance(value, (str, int, float, tuple, type(None)))
    if not simple or not any(value == each and isinstance(value, bool) == isinstance(each, bool) for each in options):
        raise ValueError(f"{name} must be one of {', '.join(map(repr, options))}, got {_shown(value)}")
    return value


def rng(value: Any, name: str = "rng") -> np.random.Generator:
    """`value`, if it is a random generator of NumPy; a seed is not one."""
    if not isinstance(value, np.random.Generator):
        hint = ", such as numpy.random.default_rng(0)"
        raise ValueError(f"{name} must be a numpy.random.Generator{hint}, got {_shown(value)}")
    return value


def instance(name: str, value: Any, kind: type) -> Any:
    """`value`, if it is an instance of `kind`; the class itself is not."""
    if not isinstance(value, kind):
        hint = f": call it first, {value.__name__}(...)" if isinstance(value, type) else ""
        raise ValueError(f"{name} must be an instance of {kind.__name__}, got {_shown(value)}{hint}")
    return value


def instance_with(name: str, value: Any, *attributes: str) -> Any:
    """`value`, if it is not a class and has these attributes: an object that is used as a model is one."""
    missing = [attribute for attribute in attributes if not hasattr(value, attribute)]
    if isinstance(value, type) or missing:
        hint = f": call it first, {value.__name__}(...)" if isinstance(value, type) else ""
        raise ValueError(f"{name} must be an instance with {' and '.join(attributes)}, got {_shown(value)}{hint}")
    return value


def function(name: str, value: Any) -> Any:
    """`value`, if it is a function, or a model, which is called as one; a class of models is not."""
    if isinstance(value, type) or not callable(value):
        hint = f": call it first, {value.__name__}(...)" if isinstance(value, type) else ""
        raise ValueError(f"{name} must be a function or a model, got {_shown(value)}{hint}")
    return value


# ------------------------------------------------------------------------------------------------ arrays


def floats(name: str, x: Any, *, dtype: Any = None) -> Array:
    """`x` as an array of finite floats, of `dtype` if given; else floats keep theirs, and integers become float64."""
    return finite(name, _real(name, x, dtype))


def array(name: str, x: Any, *shape: Any, empty: bool = False, finite: bool = True, dtype: Any = None) -> Array:
    """`floats` of a shape: `array("x", x, "N", 2)` is (N, 2), `array("x", x, "N", ..., "C")` has any axes between.

    A size is a number, or the name of a size that is free. No size may be 0, unless `empty` allows it. finite=False
    restricts neither values nor free sizes: for what passes through a network.
    """
    if not finite:
        return _sized(name, _real(name, x, dtype), shape, empty=True)
    return _sized(name, floats(name, x, dtype=dtype), shape, empty)


def finite(name: str, x: Array) -> Array:
    """`x`, if it holds no NaN and no infinity."""
    values = _real(name, x, None)
    if not isbox(values) and not np.isfinite(values).all():
        raise ValueError(f"{name} must be finite, got {np.count_nonzero(~np.isfinite(values))} non-finite values")
    return x


def same_shape(least_axes: int = 1, **arrays: Any) -> tuple[int, ...]:
    """The common shape of arrays that have one, and at least so many axes."""
    (first, a), *rest = arrays.items()
    shape = np.shape(a)
    if len(shape) < least_axes:
        wanted = {1: "shape (N, ...)", 2: "shape (N, D)"}.get(least_axes, f"at least {least_axes} axes")
        raise ValueError(f"{first} must have {wanted}, got {shape}")
    for name, b in rest:
        if np.shape(b) != shape:
            raise ValueError(f"{name} must have the shape of {first}, {shape}, got {np.shape(b)}")
    return shape


def floats_of_one_shape(least_axes: int = 1, **arrays: Any) -> list[Array]:
    """Several arrays, each as `floats`, if they have one shape, at least so many axes, and no size of 0."""
    found = {name: floats(name, x) for name, x in arrays.items()}
    shape = same_shape(least_axes, **found)
    if 0 in shape:
        raise ValueError(f"{next(iter(found))} must not be empty, got shape {shape}")
    return list(found.values())


def between(name: str, x: Array, low: float, high: float = np.inf) -> Array:
    """`x`, if every value lies in [low, high]."""
    values = _real(name, x, None)
    if not isbox(x) and np.size(x) and not (np.min(values) >= low and np.max(values) <= high):
        wanted = f"in [{low:g}, {high:g}]" if high < np.inf else "nonnegative" if low == 0 else f"at least {low:g}"
        raise ValueError(f"{name} must be {wanted}, got values from {np.min(values):.6g} to {np.max(values):.6g}")
    return x


def probabilities(name: str, p: Any, *shape: Any, tolerance: float = 1e-5, dtype: Any = None) -> Array:
    """`array` of nonnegative numbers that sum to one over the last axis (up to rounding of a float32 softmax)."""
    p = between(name, array(name, p, *(shape or (..., "K")), dtype=dtype), 0)
    if not isbox(p):
        total = np.ravel(p.sum(axis=-1))
        worst = total[np.argmax(np.abs(total - 1))]
        if abs(worst - 1) > tolerance:
            raise ValueError(f"{name} must sum to one over its last axis, got a sum of {worst:.6g}")
    return p


def integers(name: str, x: Any, *shape: Any, least: int = 0, most: int | None = None) -> np.ndarray:
    """An array of whole numbers in least..most, of a shape written as for `array`: labels, codes, indices.

    A size may be 0. Arrays that autograd traces are refused: whole numbers have no derivative.
    """
    x = _whole_numbers(name, x, "whole numbers")
    if shape and not _fits(x.shape, shape):
        raise ValueError(f"{name} must have shape {_pictured(shape)}, got {x.shape}")
    if x.size and (x.min() < least or _above(x.max(), most)):
        bounds = f"at least {least}" if most is None else f"in {least}..{most}"
        raise ValueError(f"{name} must be {bounds}, got values from {x.min()} to {x.max()}")
    return x


def times(t: Any, T: int, n: int, least: int = 1) -> np.ndarray:
    """Time steps of a diffusion, one () or one for each of n examples (n,), each in least..T."""
    t = _whole_numbers("t", t, "a whole number or an array of them")
    if t.shape not in ((), (n,)):
        raise ValueError(f"t must be one time step or have shape ({n},), one for each example, got {t.shape}")
    return integers("t", t, least=least, most=T)


# ------------------------------------------------------------------------------------------------ what they share


def _real(name: str, x: Any, dtype: Any) -> Array:
    """`x` as an array of floats: traced arrays and float arrays as they are, whole numbers as float64."""
    if isbox(x):
        return x
    try:
        x = np.asarray(x)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} must be an array of real numbers, got {type(x).__name__} ({error})") from None
    if x.dtype.kind not in "fiub":
        raise ValueError(f"{name} must be an array of real numbers, got dtype {x.dtype}")
    return x.astype(dtype or (x.dtype if x.dtype.kind == "f" else np.float64), copy=False)


def _sized(name: str, x: Array, shape: tuple, empty: bool) -> Array:
    got = np.shape(x)
    if not _fits(got, shape) or (0 in got and not empty):
        sized = "" if empty or 0 not in got else ", none of them 0"
        raise ValueError(f"{name} must have shape {_pictured(shape)}{sized}, got {got}")
    return x


def _whole_numbers(name: str, x: Any, wanted: str) -> np.ndarray:
    if isbox(x):
        raise ValueError(f"{name} must be {wanted}, got an array that is being differentiated")
    try:
        x = np.asarray(x)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} must be {wanted}, got {type(x).__name__} ({error})") from None
    if x.dtype.kind not in "iu":
        raise ValueError(f"{name} must be {wanted}, got dtype {x.dtype}")
    return x


def _is_number(value) -> bool:
    return isinstance(value, Real) and not isinstance(value, (bool, np.bool_)) and math.isfinite(value)


def _above(value, most) -> bool:
    return most is not None and value > most


def _fits(shape: tuple[int, ...], wanted: tuple) -> bool:
    if ... in wanted:
        cut = wanted.index(...)
        before, after = wanted[:cut], wanted[cut + 1 :]
        if len(shape) < len(before) + len(after):
            return False
        shape, wanted = (*shape[: len(before)], *shape[len(shape) - len(after) :]), (*before, *after)
    return len(shape) == len(wanted) and all(not isinstance(w, int) or n == w for n, w in zip(shape, wanted))


def _pictured(shape: tuple) -> str:
    sizes = ["..." if size is ... else str(size) for size in shape]
    return f"({sizes[0]},)" if len(sizes) == 1 and sizes != ["..."] else f"({', '.join(sizes)})"


def _shown(value) -> str:
    text = repr(value)
    return text if len(text) <= 60 and "\n" not in text else type(value).__name__
