"""Derivative rules of minigen's own records: faster than autograd's, right where these are wrong, or a clear refusal.

A rule `(argnums, value, args, kwargs) -> vjp` belongs to one function of autograd.numpy: `vjp(g)` returns the gradients
of the arguments `argnums`, given the gradient `g` of the value. Each uses differentiable operations only, so that the
second derivatives are right too. `autograd.grad` does not see them, and what has no rule here keeps autograd's.

Faster: without these rules a step of RealNVP takes 1.2 times as long, of MAF 1.15, of a DiT 1.1.
Right: `.github/AUTOGRAD.md` has each wrong gradient, with an example. Right answers to exercises have met those of norm
(diffusion/09) and prod (flow/02); the others are of functions that an answer may well use.
"""

import math
from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.core import primitive_vjps
from autograd.extend import defjvp, defvjp, primitive
from autograd.numpy import linalg, numpy_vjps, numpy_wrapper
from autograd.numpy.numpy_boxes import ArrayBox
from autograd.tracer import getval
from numpy.lib.array_utils import normalize_axis_tuple

from minigen.types import Array

Vjp = Callable[[Array], Any]
Rule = Callable[..., Vjp]
Shape = tuple[int, ...]

RULES: dict[Callable, Rule] = {}  # filled by `prepare_rules`

# ------------------------------------------------------------------------------------------- faster


def _getitem_vjp(argnums: tuple, value: Array, args: tuple, kwargs: dict) -> Vjp:
    """The gradient of x[index]: g where x was read, zeros elsewhere; np.add.at only where x may be read twice."""
    x, index = args
    shape, dtype = x.shape, x.dtype
    return lambda g: ((_scatter.fun if type(g) is np.ndarray else _scatter)(g, index, shape, dtype),)


@primitive
def _scatter(g: Array, index: Any, shape: Shape, dtype: Any) -> Array:
    out = np.zeros(shape, dtype)
    if _is_basic(index):
        out[index] = g
    else:
        np.add.at(out, index, g)
    return out


defvjp(_scatter, lambda value, g, index, shape, dtype: lambda h: h[index])
defjvp(_scatter, "same")


def _reshape_vjp(argnums: tuple, value: Array, args: tuple, kwargs: dict) -> Vjp:
    """The gradient of x.reshape(shape): g in the shape of x. Another order of the elements is left to autograd."""
    if kwargs or len(args) > 2:
        return primitive_vjps[anp.reshape](argnums, value, args, kwargs)
    shape = args[0].shape
    return lambda g: (g.reshape(shape),)


def _is_basic(index: Any) -> bool:
    """Whether an index picks every element at most once (ints, slices, None, ...), so that no sum is needed."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(p is None or p is Ellipsis or isinstance(p, (int, np.integer, slice)) for p in parts)


def _elementwise(*gradient_of: Callable) -> Rule:
    """The rule of an operation from gradient_of[i](value, *args), the gradient of argument i before it is summed.

    It is summed over the axes along which the argument was broadcast, for which autograd searches even where the
    argument has the shape of the result.
    """

    def rule(argnums: tuple, value: Array, args: tuple, kwargs: dict) -> Vjp:
        vjps = []
        for i in argnums:
            argument, vjp = args[i], gradient_of[i](value, *args, **kwargs)
            if type(argument) is not np.ndarray or argument.shape != value.shape or argument.dtype != value.dtype:
                vjp = _summed(argument, vjp)
            vjps.append(vjp)
        if len(vjps) == 1:
            (only,) = vjps
            return lambda g: (only(g),)
        return lambda g: [vjp(g) for vjp in vjps]

    return rule


def _summed(argument: Array, gradient: Vjp) -> Vjp:
    if type(argument) is not np.ndarray or argument.dtype.kind != "f":
        return numpy_vjps.unbroadcast_f(argument, gradient)
    shape = argument.shape

    def vjp(g: Array) -> Array:
        g = gradient(g)
        if type(g) is np.ndarray and g.shape == shape and g.dtype.kind == "f":
            return g
        return numpy_vjps.unbroadcast(g, anp.metadata(argument))

    return vjp


# ------------------------------------------------------------------------------------------- reductions

_NO_KEYWORD = (
    "np.{0} has no derivative with {1}=: choose or change the elements first, as in np.{0}(np.where(mask, x, other))"
)


def _rule(function: Callable, *vjp_of: Callable) -> Rule:
    """The rule of a function from what gives the gradient of each argument, called with NumPy's own arguments.

    Complex numbers are left to autograd's rule.
    """

    def rule(argnums: tuple, value: Array, args: tuple, kwargs: dict) -> Vjp:
        if kwargs:
            for word in ("where", "initial", "mean"):
                if word in kwargs:
                    raise NotImplementedError(_NO_KEYWORD.format(function.__name__, word))
            kwargs = {word: given for word, given in kwargs.items() if given is not None}  # NumPy passes out=None
        x = args[0]
        if not vjp_of or (x.dtype.kind == "c" if type(x) is np.ndarray else np.iscomplexobj(getval(x))):
            return primitive_vjps[function](argnums, value, args, kwargs)
        if len(argnums) == 1:
            only = vjp_of[argnums[0]](value, *args, **kwargs)
            return lambda g: (only(g),)
        vjps = [vjp_of[i](value, *args, **kwargs) for i in argnums]
        return lambda g: [vjp(g) for vjp in vjps]

    return rule


def _autograds(function: Callable, value: Array, *args: Any) -> Vjp:
    """The gradient of the first argument by autograd's own rule."""
    vjp = primitive_vjps[function]((0,), value, args, {})
    return lambda g: next(iter(vjp(g)))


def _reduced_shape(x: Array, axis: Any) -> Shape:
    """The shape of a reduction of x over `axis` that keeps its dimensions."""
    shape = x.shape
    if axis is None:
        return (1,) * len(shape)
    axes = [a % len(shape) for a in (axis if isinstance(axis, tuple) else (axis,))]
    return tuple([1 if i in axes else n for i, n in enumerate(shape)])


def _count(x: Array, reduced: Shape) -> int:
    """The number of elements that a reduction of x to this shape takes together."""
    return math.prod(x.shape) // max(math.prod(reduced), 1)


def _nonzero(x: Array) -> Array:
    """`x` with 1 for each 0, so that a quotient with a numerator 0 there is 0."""
    return anp.where(x == 0, 1, x)


def _spread_vjp(mean: bool) -> Callable:
    """Of the sum and the mean: g is spread over the axes that were reduced, as a view."""

    def vjp_of(value: Array, x: Array, axis: Any = None, *, keepdims: bool = False, dtype: Any = None) -> Vjp:
        shape, reduced = x.shape, _reduced_shape(x, axis)
        count = _count(x, reduced) if mean else 1  # a Python int: float32 stays float32

        def vjp(g: Array) -> Array:
            g = g.reshape(reduced)
            spread = np.broadcast_to if type(g) is np.ndarray else anp.broadcast_to
            return spread(g / count if mean else g, shape)

        return vjp

    return vjp_of


def _norm_vjp(value: Array, x: Array, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Vjp:
    """Of a vector norm, x |x|^(p − 2) / norm^(p − 1), and 0 for a vector of zeros."""
    of_vectors = np.ndim(x) == 1 if axis is None else not isinstance(axis, tuple) or len(axis) == 1
    reduced = _reduced_shape(x, axis)
    if ord in (None, "fro") or (ord == 2 and of_vectors):
        return lambda g: anp.reshape(g / _nonzero(value), reduced) * x
    if not of_vectors or not 1 <= ord < np.inf:
        raise NotImplementedError(
            f"np.linalg.norm has no derivative for ord={ord!r} with axis={axis!r}: it has one for vectors (ord of at "
            "least 1) and for the Frobenius norm; others follow from np.max(np.abs(x), axis) or from the singular "
            "values, np.linalg.svd(x, compute_uv=False)"
        )
    return lambda g: anp.reshape(g / _nonzero(value) ** (ord - 1), reduced) * anp.sign(x) * anp.abs(x) ** (ord - 1)


def _variance_vjp(root: bool) -> Callable:
    """Of the variance, 2 (x − mean) / (n − ddof); of its root, (x − mean) / ((n − ddof) std), 0 for equal values."""

    def vjp_of(
        value: Array, x: Array, axis: Any = None, *, ddof: float = 0, keepdims: bool = False, correction: float = 0
    ) -> Vjp:
        reduced = _reduced_shape(x, axis)
        count = _count(x, reduced) - (ddof or correction)

        def vjp(g: Array) -> Array:
            centered = x - anp.mean(x, axis=axis, keepdims=True)
            scale = anp.reshape(g / _nonzero(value), reduced) if root else 2.0 * anp.reshape(g, reduced)
            return scale * centered / count

        return vjp

    return vjp_of


def _prod_vjp(value: Array, x: Array, axis: Any = None, *, keepdims: bool = False) -> Vjp:
    """The product of the other elements: value / x, or, where an x is 0, multiplied out."""
    reduced = _reduced_shape(x, axis)
    if np.all(getval(x)):
        return lambda g: anp.reshape(g * value, reduced) / x

    axes = list(range(np.ndim(x)) if axis is None else normalize_axis_tuple(axis, np.ndim(x)))
    order = [i for i in range(np.ndim(x)) if i not in axes] + axes
    last = anp.transpose(x, order)  # the axes that are multiplied come last
    moved = np.shape(last)
    flat = anp.reshape(last, (*moved[: len(moved) - len(axes)], 1, _count(x, reduced)))  # (..., 1, n)
    others = anp.prod(anp.where(np.eye(flat.shape[-1], dtype=bool), 1, flat), axis=-1)  # (..., n)
    others = anp.transpose(anp.reshape(others, moved), np.argsort(order))
    return lambda g: anp.reshape(g, reduced) * others


# ------------------------------------------------------------------------------------------- others


def _clip(argument: int) -> Callable:
    """Of x, g strictly between the bounds; of a bound, g where it is the value."""

    def gradient_of(
        value: Array, x: Array, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None
    ) -> Vjp:
        low, high = (a_min if min is None else min), (a_max if max is None else max)
        above = True if low is None else value != low
        below = True if high is None else value != high
        passes = [anp.logical_and(above, below), anp.logical_not(above), anp.logical_not(below)][argument]
        return lambda g: g * passes

    return gradient_of


def _broadcast_vjp(value: Array, x: Array, shape: Any) -> Vjp:
    def vjp(g: Array) -> Array:
        leading = np.ndim(g) - np.ndim(x)
        wide = [leading + i for i, n in enumerate(np.shape(x)) if n == 1 and np.shape(g)[leading + i] != 1]
        return anp.reshape(anp.sum(g, axis=(*range(leading), *wide), keepdims=True), np.shape(x))

    return vjp


def _transpose_vjp(value: Array, x: Array, axes: Any = None) -> Vjp:
    back = None if axes is None else np.argsort(normalize_axis_tuple(axes, np.ndim(x)))
    return lambda g: anp.transpose(g, back)


def _repeat_vjp(value: Array, x: Array, repeats: int, axis: int | None = None) -> Vjp:
    return _autograds(anp.repeat, value, x, repeats, axis if axis is None else axis % np.ndim(x))


def _tile_vjp(value: Array, x: Array, reps: Any) -> Vjp:
    reps = tuple(np.atleast_1d(reps).tolist())
    return _autograds(anp.tile, value, x, (1,) * (np.ndim(x) - len(reps)) + reps)


def _moving(function: Any) -> Callable:
    """The gradient of a function that only moves, repeats or drops elements: it shows where each one went when it is
    given their numbers."""

    def vjp_of(value: Array, x: Array, *args: Any, **kwargs: Any) -> Vjp:
        size, shape = np.size(x), np.shape(x)
        index = function.fun(np.arange(size).reshape(shape), *args, **kwargs)
        flat = _getitem_vjp((0,), value, (getval(x).ravel(), index), {})
        return lambda g: anp.reshape(flat(g)[0], shape)

    return vjp_of


# ------------------------------------------------------------------------------------------- all of them


def prepare_rules() -> None:
    """Fill `RULES`. autograd's private names are read here, and not when this file is imported."""
    mean, var, std = numpy_wrapper._primitive_mean, numpy_wrapper._primitive_var, numpy_wrapper._primitive_std
    norm, where = linalg._primitive_norm, anp._original_where
    by = _elementwise
    RULES.update(
        {
            # faster
            ArrayBox.__getitem__: _getitem_vjp,
            anp.reshape: _reshape_vjp,
            mean: _rule(mean, _spread_vjp(mean=True)),
            anp.sum: _rule(anp.sum, _spread_vjp(mean=False)),
            anp.add: by(lambda value, x, y: lambda g: g, lambda value, x, y: lambda g: g),
            anp.subtract: by(lambda value, x, y: lambda g: g, lambda value, x, y: lambda g: -g),
            anp.multiply: by(lambda value, x, y: lambda g: g * y, lambda value, x, y: lambda g: g * x),
            anp.true_divide: by(lambda value, x, y: lambda g: g / y, lambda value, x, y: lambda g: -g * x / y**2),
            anp.tanh: by(lambda value, x: lambda g: g * (1 - value * value)),  # autograd's 1 / cosh² overflows
            # right
            norm: _rule(norm, _norm_vjp),
            var: _rule(var, _variance_vjp(root=False)),
            std: _rule(std, _variance_vjp(root=True)),
            anp.prod: _rule(anp.prod, _prod_vjp),
            **{
                f: _rule(f) for f in (anp.max, anp.min, anp.amax, anp.amin)
            },  # autograd's, without the arguments that it overlooks
            where: by(
                lambda value, c, x, y: lambda g: np.zeros(np.shape(c)),
                lambda value, c, x, y: lambda g: anp.where(c, g, 0),
                lambda value, c, x, y: lambda g: anp.where(c, 0, g),
            ),
            anp.clip: by(_clip(0), _clip(1), _clip(2)),
            anp.sinc: by(lambda value, x: lambda g: g * (anp.cos(np.pi * x) - value) / _nonzero(x)),
            anp.full_like: by(  # a constant for autograd, whatever it is filled with
                lambda value, a, *_, **__: lambda g: np.zeros(np.shape(a)), lambda *_, **__: lambda g: g
            ),
            anp.broadcast_to: _rule(anp.broadcast_to, _broadcast_vjp),
            anp.transpose: _rule(anp.transpose, _transpose_vjp),
            anp.repeat: _rule(anp.repeat, _repeat_vjp),
            anp.tile: _rule(anp.tile, _tile_vjp),
            **{f: _rule(f, _moving(f)) for f in (anp.flip, anp.take, anp.take_along_axis, anp.diagonal)},
            **{f: _rule(f, lambda value, x, *_, **__: lambda g: g) for f in (anp.copy, anp.asarray)},
        }
    )


_INSTEAD = {
    "cov": "centered.T @ centered / (n - 1)",
    "cumprod": "np.prod of each beginning, x[:i]",
    "median": "the middle elements of np.sort(x, axis)",
    "nansum": "np.sum(np.where(np.isnan(x), 0, x))",
    "ptp": "np.max(x) - np.min(x)",
    "quantile": "an element of np.sort(x, axis)",
    "vdot": "np.sum(a * b)",
}


def without_rule(function: Any) -> str:
    """Say that autograd has no derivative of a function, and what to use instead."""
    name = function.__name__
    module = getattr(getattr(function, "fun", function), "__module__", None) or "numpy"
    advice = f"use {_INSTEAD[name]}" if name in _INSTEAD else "compose it of functions that have one"
    return f"{module.replace('numpy', 'np', 1)}.{name} has no derivative in autograd: {advice}"
