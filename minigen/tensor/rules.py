"""Derivative rules that replace autograd's: faster ones, right ones where autograd's are wrong, and clear refusals.

`runtime.py` puts them in force, and takes them back. A rule `(argnums, value, args, kwargs) -> vjp` belongs to one
function of autograd.numpy: `vjp(g)` returns the gradients of the arguments `argnums`, given the gradient `g` of the
value. Each rule uses differentiable operations only, so that second derivatives are right too.
"""

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import autograd.core as autograd_core
import autograd.numpy as anp
import numpy as np
from autograd.core import VJPNode
from autograd.numpy import linalg, numpy_vjps, numpy_wrapper
from autograd.numpy.numpy_boxes import ArrayBox
from autograd.tracer import getval, isbox, notrace_primitives
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from minigen.tensor.core import primitive
from minigen.types import Array

Vjp = Callable[[Array], Any]
Rule = Callable[..., Vjp]
Shape = tuple[int, ...]

_AUTOGRADS = dict(autograd_core.primitive_vjps)  # autograd's own rules, before any is replaced
_mean, _std, _var = numpy_wrapper._primitive_mean, numpy_wrapper._primitive_std, numpy_wrapper._primitive_var
_norm, _where = linalg._primitive_norm, anp._original_where  # the primitives inside of wrappers
_power = anp.power  # before it is replaced

# ------------------------------------------------------------------------------------------- faster


def _getitem_vjp(argnums: tuple, value: Array, args: tuple, kwargs: dict) -> Vjp:
    """The gradient of x[index]: g where x was read, zeros elsewhere."""
    x, index = args
    return lambda g: (_scatter(g, index, np.shape(x), x.dtype),)


def _scatter_forward(g: Array, index: Any, shape: Shape, dtype: Any) -> tuple[Array, None]:
    out = np.zeros(shape, dtype)
    if _is_basic(index):
        out[index] = g
    else:
        np.add.at(out, index, g)
    return out, None


_scatter = primitive(_scatter_forward, lambda needed, g, value, saved, x, index, shape, dtype: {0: g[index]})


def _is_basic(index: Any) -> bool:
    """Whether an index picks every element at most once (ints, slices, None, ...), so that no sum is needed."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(p is None or p is Ellipsis or isinstance(p, (int, np.integer, slice)) for p in parts)


def _reduction_vjp(name: str, mean: bool) -> Rule:
    """The gradient of `np.sum`, or of `np.mean`: g is spread over the axes that were reduced, as a view."""

    def vjp_of(argnums: tuple, value: Array, args: tuple, kwargs: dict) -> Vjp:
        if "where" in kwargs:
            raise NotImplementedError(_NO_WHERE.format(name))
        x = args[0]
        axis = kwargs.get("axis", args[1] if len(args) > 1 else None)
        keepdims = kwargs.get("keepdims", False)
        shape = np.shape(x)
        if axis is None:
            axes = tuple(range(len(shape)))
        else:
            axes = tuple([a % max(len(shape), 1) for a in (axis if isinstance(axis, tuple) else (axis,))])
        reduced = tuple([1 if i in axes else n for i, n in enumerate(shape)])
        count = math.prod([shape[a] for a in axes]) if mean else 1

        def vjp(g: Array) -> tuple[Array]:
            g = g if keepdims else anp.reshape(g, reduced)
            g = g / count if mean else g  # `count` is a Python int: float32 stays float32
            return (anp.broadcast_to(g, shape),)

        return vjp

    return vjp_of


def _arithmetic_rule(function: Callable, first: Callable, second: Callable) -> Rule:
    """The rule of an operation of two operands, without autograd's search for broadcast axes where there are none.

    first(x, y) and second(x, y) give the gradients of x and of y as functions of g.
    """

    def vjp_of(argnums: tuple, value: Array, args: tuple, kwargs: dict) -> Vjp:
        for i in argnums:
            operand = args[i]
            if type(operand) is not np.ndarray or operand.shape != value.shape or operand.dtype != value.dtype:
                return _AUTOGRADS[function](argnums, value, args, kwargs)
        if len(argnums) == 2:
            vjp_x, vjp_y = first(*args), second(*args)
            return lambda g: (vjp_x(g), vjp_y(g))
        vjp = (second if argnums[0] else first)(*args)
        return lambda g: (vjp(g),)

    return vjp_of


def _power_vjp(argnums: tuple, value: Array, args: tuple, kwargs: dict) -> Vjp:
    """The gradient of x ** n for a plain number n, n x ** (n − 1): with Python's numbers, which NumPy has shortcuts
    for."""
    x, n = args
    if argnums != (0,) or type(n) not in (int, float) or np.shape(x) == ():
        return _AUTOGRADS[_power](argnums, value, args, kwargs)
    if n == 2:
        return lambda g: (g * (2 * x),)
    return lambda g: (g * (n * x ** (n - 1)) if n else anp.zeros_like(x),)


def _tanh_vjp(value: Array, x: Array) -> Vjp:
    """1 − tanh², from the value: autograd's 1 / cosh² overflows"""
    return lambda g: g * (1 - value * value)


def unbroadcast_f(target: Array, f: Callable, slow: Callable = numpy_vjps.unbroadcast_f) -> Vjp:
    """The gradient `f(g)` of an operand `target`, summed over the axes along which the operand was broadcast."""
    if type(target) is not np.ndarray or target.dtype.kind != "f":
        return slow(target, f)
    shape = target.shape

    def vjp(g: Array) -> Array:
        g = f(g)
        if type(g) is np.ndarray and g.shape == shape and g.dtype.kind == "f":
            return g
        return numpy_vjps.unbroadcast(g, anp.metadata(target))

    return vjp


# ------------------------------------------------------------------------------------------- what the right ones share

_NO_WHERE = "np.{0} has no derivative with where=: choose by np.where first, as in np.sum(np.where(mask, x, 0))"


def _rule(*vjp_of: Callable) -> Rule:
    """The rule of a function from what gives the gradient of each argument, called with NumPy's own arguments."""

    def rule(argnums: tuple, value: Array, args: tuple, kwargs: dict) -> Vjp:
        vjps = [vjp_of[i](value, *args, **kwargs) for i in argnums]
        return lambda g: [vjp(g) for vjp in vjps]

    return rule


def _autograds(function: Callable, value: Array, *args: Any, **kwargs: Any) -> Vjp:
    """The gradient of the first argument by autograd's own rule."""
    vjp = _AUTOGRADS[function]((0,), value, args, kwargs)
    return lambda g: next(iter(vjp(g)))


def _reduced_shape(x: Array, axis: Any) -> Shape:
    """The shape of a reduction of x over `axis` that keeps its dimensions."""
    axes = range(np.ndim(x)) if axis is None else normalize_axis_tuple(axis, np.ndim(x))
    return tuple([1 if i in axes else n for i, n in enumerate(np.shape(x))])


def _count(x: Array, axis: Any) -> int:
    """The number of elements that a reduction of x over `axis` takes together."""
    return math.prod(np.shape(x)) // max(math.prod(_reduced_shape(x, axis)), 1)


def _sum_to(g: Array, shape: Shape) -> Array:
    """`g` summed over the axes along which an array of this shape was broadcast to its shape."""
    if np.shape(g) == shape:
        return g
    leading = np.ndim(g) - len(shape)
    wide = [leading + i for i, n in enumerate(shape) if n == 1 and np.shape(g)[leading + i] != 1]
    return anp.reshape(anp.sum(g, axis=(*range(leading), *wide), keepdims=True), shape)


def _nonzero(x: Array) -> Array:
    """`x` with 1 for each 0, so that a quotient with a numerator 0 there is 0."""
    return anp.where(x == 0, 1, x)


def _put_back(x: Array, index: np.ndarray) -> Vjp:
    """The gradient of a function whose output holds the element `index` of the flattened x, at each place."""
    return lambda g: anp.reshape(_scatter(g, index, (np.size(x),), x.dtype), np.shape(x))


def _indices(x: Array) -> np.ndarray:
    """Each element's place in the flattened x."""
    return np.arange(np.size(x)).reshape(np.shape(x))


def _rearrangement(function: Callable, value: Array, x: Array, *args: Any, **kwargs: Any) -> Vjp:
    """The gradient of a function that only moves, repeats or drops elements: it shows where each one went when it
    is given their places."""
    return _put_back(x, function.fun(_indices(x), *args, **kwargs))  # type: ignore[attr-defined]


def _identity(value: Array, x: Array, *args: Any, **kwargs: Any) -> Vjp:
    return lambda g: g


# ------------------------------------------------------------------------------------------- reductions


def _norm_vjp(value: Array, x: Array, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Vjp:
    """Of a vector norm, x |x|^(p − 2) / norm^(p − 1); the largest (smallest) |x| for p = ±inf, shared at ties."""
    axes = tuple(range(np.ndim(x))) if axis is None else normalize_axis_tuple(axis, np.ndim(x))
    reduced = _reduced_shape(x, axis)
    if ord in (None, "fro") or (ord == 2 and len(axes) == 1):  # 0 for a vector of zeros
        return lambda g: anp.reshape(g / _nonzero(value), reduced) * x
    if ord == "nuc":  # the sum of the singular values: U Vᵀ
        u, _, vt = linalg.svd(anp.moveaxis(x, axes, (-2, -1)), full_matrices=False)
        return lambda g: anp.reshape(g, reduced) * anp.moveaxis(anp.matmul(u, vt), (-2, -1), axes)
    if len(axes) > 1 or ord == 0 or -np.inf < ord < 1:
        raise NotImplementedError(
            f"np.linalg.norm has no derivative for ord={ord!r} over {len(axes)} axes: it has one for vectors (ord of "
            "at least 1, or -inf) and for the Frobenius and the nuclear norm; other norms of a matrix follow from "
            "its singular values, np.linalg.svd(x, compute_uv=False)"
        )
    if abs(ord) == np.inf:

        def of_one(g: Array) -> Array:
            chosen = abs(x) == anp.reshape(value, reduced)
            return anp.reshape(g, reduced) * anp.sign(x) * chosen / _number_of(chosen, axes)

        return of_one
    return lambda g: anp.reshape(g / _nonzero(value) ** (ord - 1), reduced) * anp.sign(x) * anp.abs(x) ** (ord - 1)


def _number_of(chosen: Any, axes: tuple) -> Any:
    return np.sum(chosen, axis=axes, keepdims=True, dtype=np.float32)  # exact, and float32 stays float32


def _var_vjp(
    value: Array,
    x: Array,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: Any = True,
    mean: Any = None,
    correction: float = 0,
) -> Vjp:
    """2 (x − mean) / (n − ddof)"""
    centered, count = _centered("var", x, axis, ddof, where, mean, correction)
    return lambda g: 2.0 * anp.reshape(g, _reduced_shape(x, axis)) * centered() / count


def _std_vjp(
    value: Array,
    x: Array,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: Any = True,
    mean: Any = None,
    correction: float = 0,
) -> Vjp:
    """(x − mean) / ((n − ddof) std), and 0 where all values are equal"""
    centered, count = _centered("std", x, axis, ddof, where, mean, correction)
    return lambda g: anp.reshape(g / _nonzero(value), _reduced_shape(x, axis)) * centered() / count


def _centered(name: str, x: Array, axis: Any, ddof: float, where: Any, mean: Any, correction: float) -> tuple:
    if where is not True:
        raise NotImplementedError(_NO_WHERE.format(name))
    if mean is not None:
        raise NotImplementedError(f"np.{name} has no derivative with mean=: leave it out")
    return lambda: x - anp.mean(x, axis=axis, keepdims=True), _count(x, axis) - (ddof or correction)


def _prod_vjp(
    value: Array,
    x: Array,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Vjp:
    """The product of the other elements: value / x, or, where an x is 0, multiplied out."""
    if where is not True or initial is not None:
        raise NotImplementedError("np.prod has no derivative with where= or initial=: multiply np.where(mask, x, 1)")
    reduced = _reduced_shape(x, axis)
    if np.all(getval(x)):
        return lambda g: anp.reshape(g * value, reduced) / x

    axes = list(range(np.ndim(x)) if axis is None else normalize_axis_tuple(axis, np.ndim(x)))
    order = [i for i in range(np.ndim(x)) if i not in axes] + axes
    last = anp.transpose(x, order)  # the axes that are multiplied come last
    moved = np.shape(last)
    flat = anp.reshape(last, (*moved[: len(moved) - len(axes)], 1, _count(x, axis)))  # (..., 1, n)
    others = anp.prod(anp.where(np.eye(flat.shape[-1], dtype=bool), 1, flat), axis=-1)  # (..., n)
    others = anp.transpose(anp.reshape(others, moved), np.argsort(order))
    return lambda g: anp.reshape(g, reduced) * others


def _cumprod_vjp(value: Array, x: Array, axis: Any = None, dtype: Any = None, out: Any = None) -> Vjp:
    """Of element j the sum of g_i value_i over i ≥ j, divided by x_j."""
    if not np.all(getval(x)):
        raise NotImplementedError("np.cumprod has no derivative where x is 0: use np.prod of each beginning, x[:i]")
    if axis is None:
        return lambda g: anp.reshape(anp.cumsum((g * value)[::-1])[::-1], np.shape(x)) / x
    return lambda g: anp.flip(anp.cumsum(anp.flip(g * value, axis), axis), axis) / x


def _choice_vjp(function: Callable, value: Array, x: Array, *args: Any, **kwargs: Any) -> Vjp:
    """Of max and min: autograd's rule, which shares g between ties, without the arguments that it overlooks."""
    if "where" in kwargs or "initial" in kwargs:
        raise NotImplementedError(
            f"np.{function.__name__} has no derivative with where= or initial=: choose by np.where or np.maximum first"
        )
    return _autograds(function, value, x, *args, **kwargs)


# ------------------------------------------------------------------------------------------- element by element


def _where_vjp(choose: Callable, operand: int) -> Callable:
    def vjp_of(value: Array, *args: Any) -> Vjp:
        return unbroadcast_f(args[operand], lambda g: choose(args[0], g))

    return vjp_of


def _clip_vjp(argument: int) -> Callable:
    """Of x, g strictly between the bounds; of a bound, g where it is the value."""

    def vjp_of(
        value: Array,
        x: Array,
        a_min: Any = None,
        a_max: Any = None,
        out: Any = None,
        *,
        min: Any = None,
        max: Any = None,
    ) -> Vjp:
        low, high = (a_min if min is None else min), (a_max if max is None else max)
        above = True if low is None else value != low
        below = True if high is None else value != high
        passes = [anp.logical_and(above, below), anp.logical_not(above), anp.logical_not(below)][argument]
        return unbroadcast_f((x, low, high)[argument], lambda g: g * passes)

    return vjp_of


def _sinc_vjp(value: Array, x: Array) -> Vjp:
    """(cos πx − sinc x) / x, and 0 at 0"""
    return lambda g: g * (anp.cos(np.pi * x) - value) / _nonzero(x)


def full_like(a: Any, fill_value: Any, *args: Any, constant: Callable = anp.full_like, **kwargs: Any) -> Array:
    """np.full_like that passes a derivative on to `fill_value`."""
    if not isbox(fill_value):
        return constant(a, fill_value, *args, **kwargs)
    ones = constant(a, 1, *args, **kwargs)
    return (ones * fill_value).astype(ones.dtype)


# ------------------------------------------------------------------------------------------- moving elements


def _broadcast_vjp(value: Array, x: Array, shape: Any, subok: bool = False) -> Vjp:
    return lambda g: _sum_to(g, np.shape(x))


def _repeat_vjp(value: Array, x: Array, repeats: Any, axis: Any = None) -> Vjp:
    if np.ndim(repeats) > 0:
        return _rearrangement(anp.repeat, value, x, repeats, axis)
    return _autograds(anp.repeat, value, x, repeats, axis if axis is None else normalize_axis_index(axis, np.ndim(x)))


def _tile_vjp(value: Array, x: Array, reps: Any) -> Vjp:
    reps = tuple(np.atleast_1d(reps).tolist())
    return _autograds(anp.tile, value, x, (1,) * (np.ndim(x) - len(reps)) + reps)


def _roll_vjp(value: Array, x: Array, shift: Any, axis: Any = None) -> Vjp:
    return lambda g: anp.roll(g, tuple(-s for s in shift) if isinstance(shift, tuple) else -shift, axis=axis)


def _transpose_vjp(value: Array, x: Array, axes: Any = None) -> Vjp:
    back = None if axes is None else np.argsort(normalize_axis_tuple(axes, np.ndim(x)))
    return lambda g: anp.transpose(g, back)


def _pad_vjp(value: Array, x: Array, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Vjp:
    if mode == "constant":
        return _autograds(anp.pad, value, x, pad_width, mode)
    if mode not in ("edge", "reflect", "symmetric", "wrap") or kwargs:
        raise NotImplementedError(
            f"np.pad has no derivative for mode={mode!r} with {kwargs or 'these arguments'}: it has one for constant, "
            "edge, reflect, symmetric and wrap"
        )
    return _rearrangement(anp.pad, value, x, pad_width, mode)


def _diag_vjp(value: Array, x: Array, k: int = 0) -> Vjp:
    return (_autograds if np.ndim(x) == 1 else _rearrangement)(anp.diag, value, x, k)


def _trace_vjp(value: Array, x: Array, offset: int = 0, axis1: int = 0, axis2: int = 1, *unused: Any) -> Vjp:
    index = np.diagonal(_indices(x), offset, axis1, axis2)  # (..., n)
    put_back = _put_back(x, index)
    return lambda g: put_back(anp.broadcast_to(anp.reshape(g, (*np.shape(g), 1)), index.shape))


def _sort_vjp(value: Array, x: Array, axis: Any = -1, kind: Any = None, order: Any = None) -> Vjp:
    places, values = _indices(x), getval(x)
    if axis is None:
        places, values, axis = places.ravel(), np.ravel(values), -1
    return _put_back(x, np.take_along_axis(places, np.argsort(values, axis=axis, kind=kind), axis))


# ------------------------------------------------------------------------------------------- products


def _einsum_vjp(argnums: tuple, value: Array, args: tuple, kwargs: dict) -> Vjp:
    if isinstance(args[0], str):
        for term in args[0].split("->")[0].split(","):
            letters = [letter for letter in term if letter.isalpha()]
            if len(set(letters)) < len(letters):
                raise NotImplementedError(
                    f"np.einsum has no derivative for a repeated index in one operand, {term!r}: take np.diagonal or "
                    "np.trace first"
                )
    return _AUTOGRADS[anp.einsum](argnums, value, args, kwargs)


def _outer_vjp(operand: int) -> Callable:
    def vjp_of(value: Array, a: Array, b: Array) -> Vjp:
        if operand == 0:
            return lambda g: anp.reshape(anp.dot(g, anp.ravel(b)), np.shape(a))
        return lambda g: anp.reshape(anp.dot(anp.ravel(a), g), np.shape(b))

    return vjp_of


def _cross_vjp(operand: int) -> Callable:
    def vjp_of(value: Array, a: Array, b: Array, *args: Any, **kwargs: Any) -> Vjp:
        x = (a, b)[operand]
        vjp = _AUTOGRADS[anp.cross]((operand,), value, (a, b, *args), kwargs)
        return lambda g: _sum_to(next(iter(vjp(g))), np.shape(x))

    return vjp_of


def _solve_vjp(operand: int) -> Callable:
    """Of b, u = a⁻ᵀ g; of a, −u valueᵀ; summed where one of them was broadcast."""

    def vjp_of(value: Array, a: Array, b: Array) -> Vjp:
        is_vector = np.ndim(b) == 1

        def column(v: Array) -> Array:
            return anp.expand_dims(v, -1) if is_vector else v

        def vjp(g: Array) -> Array:
            u = linalg.solve(anp.swapaxes(a, -1, -2), column(g))
            if operand == 1:
                return _sum_to(anp.reshape(u, np.shape(g)), np.shape(b))
            return _sum_to(-anp.matmul(u, anp.swapaxes(column(value), -1, -2)), np.shape(a))

        return vjp

    return vjp_of


# ------------------------------------------------------------------------------------------- refusals

_INSTEAD = {
    "average": "np.sum(weights * x) / np.sum(weights)",
    "block": "np.concatenate",
    "broadcast_arrays": "np.broadcast_to",
    "cbrt": "np.sign(x) * np.abs(x) ** (1 / 3)",
    "convolve": "minigen.tensor.conv1d",
    "corrcoef": "the covariance matrix, divided by np.outer(std, std)",
    "cov": "centered.T @ centered / (n - 1)",
    "eigvalsh": "np.linalg.eigh(x)[0]",
    "float_power": "x ** n",
    "heaviside": "1.0 * (x > 0), a constant",
    "lstsq": "np.linalg.solve of the normal equations, or np.linalg.pinv",
    "matrix_norm": "np.linalg.norm(x, axis=(-2, -1))",
    "matrix_power": "x @ x",
    "median": "the middle elements of np.sort(x, axis)",
    "meshgrid": "np.broadcast_to",
    "nanmean": "np.sum(np.where(np.isnan(x), 0, x)) and the number of the others",
    "nansum": "np.sum(np.where(np.isnan(x), 0, x))",
    "percentile": "an element of np.sort(x, axis)",
    "ptp": "np.max(x) - np.min(x)",
    "quantile": "an element of np.sort(x, axis)",
    "vdot": "np.sum(a * b)",
    "vecdot": "np.sum(a * b, axis=-1)",
    "vector_norm": "np.linalg.norm(x, axis=axis)",
}


def _refusals() -> Iterator[tuple[Callable, Rule]]:
    """A rule for each function of autograd.numpy that has none: an error that says what to use instead."""
    for module, prefix in ((anp, "np"), (linalg, "np.linalg")):
        for name, function in vars(module).items():
            if not getattr(function, "_is_autograd_primitive", False) or function in notrace_primitives[VJPNode]:
                continue
            if function not in _AUTOGRADS and function not in RULES:
                yield function, partial(_refuse, f"{prefix}.{name}", _INSTEAD.get(name))


def _refuse(name: str, instead: str | None, *unused: Any) -> Vjp:
    advice = f"use {instead}" if instead else "compose it of functions that have one"
    raise NotImplementedError(f"{name} has no derivative in autograd: {advice}")


# ------------------------------------------------------------------------------------------- all of them


RULES: dict[Callable, Rule] = {
    ArrayBox.__getitem__: _getitem_vjp,
    _mean: _reduction_vjp("mean", mean=True),
    anp.sum: _reduction_vjp("sum", mean=False),
    anp.add: _arithmetic_rule(anp.add, lambda x, y: lambda g: g, lambda x, y: lambda g: g),
    anp.subtract: _arithmetic_rule(anp.subtract, lambda x, y: lambda g: g, lambda x, y: lambda g: -g),
    anp.multiply: _arithmetic_rule(anp.multiply, lambda x, y: lambda g: g * y, lambda x, y: lambda g: g * x),
    anp.power: _power_vjp,
    anp.tanh: _rule(_tanh_vjp),
    # right where autograd's are wrong, or fail
    _norm: _rule(_norm_vjp),
    _var: _rule(_var_vjp),
    _std: _rule(_std_vjp),
    anp.prod: _rule(_prod_vjp),
    **{f: _rule(partial(_choice_vjp, f)) for f in (anp.max, anp.min, anp.amax, anp.amin)},
    _where: _rule(
        lambda value, condition, *_: lambda g: np.zeros(np.shape(condition)),
        _where_vjp(lambda condition, g: anp.where(condition, g, 0), 1),
        _where_vjp(lambda condition, g: anp.where(condition, 0, g), 2),
    ),
    anp.clip: _rule(_clip_vjp(0), _clip_vjp(1), _clip_vjp(2)),
    anp.sinc: _rule(_sinc_vjp),
    anp.broadcast_to: _rule(_broadcast_vjp),
    anp.repeat: _rule(_repeat_vjp),
    anp.tile: _rule(_tile_vjp),
    anp.roll: _rule(_roll_vjp),
    anp.transpose: _rule(_transpose_vjp),
    anp.pad: _rule(_pad_vjp),
    anp.diag: _rule(_diag_vjp),
    anp.trace: _rule(_trace_vjp),
    anp.sort: _rule(_sort_vjp),
    anp.einsum: _einsum_vjp,
    anp.outer: _rule(_outer_vjp(0), _outer_vjp(1)),
    anp.cross: _rule(_cross_vjp(0), _cross_vjp(1)),
    linalg.solve: _rule(_solve_vjp(0), _solve_vjp(1)),
    # missing in autograd
    anp.cumprod: _rule(_cumprod_vjp),
    **{
        f: _rule(partial(_rearrangement, f))
        for f in (anp.flip, anp.take, anp.take_along_axis, anp.diagonal, anp.matrix_transpose, anp.delete)
    },
    **{f: _rule(_identity) for f in (anp.copy, anp.asarray, anp.asanyarray, anp.ascontiguousarray, anp.positive)},
}
RULES |= dict(_refusals())
