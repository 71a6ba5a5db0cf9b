"""Derivative rules of minigen's own records for what autograd gets wrong without an error: a right one, or a refusal.

`autograd.grad` does not see them, and what has no rule here or in `tracing.py` keeps autograd's, with its errors. Right
are the norm with keepdims (an answer to diffusion/09) and of zeros (gan/09, vae/03, vae/07, vae/08, diffusion/04), the
product with zeros (flow/02), where, clip and a copy. `.github/AUTOGRAD.md` has each wrong gradient, with an example.
"""

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.core import primitive_vjps
from autograd.numpy import linalg, numpy_wrapper
from autograd.tracer import getval
from numpy.lib.array_utils import normalize_axis_tuple

from minigen.tensor.tracing import RULES, Rule, Vjp, elementwise, mean_vjp, of_array, reduced_shape, use_types
from minigen.types import Array


def _norm_vjp(value: Array, x: Array, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Vjp:
    """Of a vector norm, x |x|^(p − 2) / norm^(p − 1), and 0 for a vector of zeros."""
    of_vectors = np.ndim(x) == 1 if axis is None else not isinstance(axis, tuple) or len(axis) == 1
    reduced, divisor = reduced_shape(x, axis), anp.where(value == 0, 1, value)
    if ord in (None, "fro") or (ord == 2 and of_vectors):
        return lambda g: anp.reshape(g / divisor, reduced) * x
    if not of_vectors or not 1 <= ord < np.inf:
        hint = "use np.max(np.abs(x), axis), or the singular values, np.linalg.svd(x, compute_uv=False)"
        raise NotImplementedError(f"np.linalg.norm has no derivative for ord={ord!r} with axis={axis!r}: {hint}")
    return lambda g: anp.reshape(g / divisor ** (ord - 1), reduced) * anp.sign(x) * anp.abs(x) ** (ord - 1)


def _prod_vjp(value: Array, x: Array, axis: Any = None, *, keepdims: Any = False, dtype: Any = None, out: Any = None):
    """Return the product of the other elements: value / x, or, where an x is 0, multiplied out."""
    reduced, axes = reduced_shape(x, axis), range(np.ndim(x))
    if np.all(getval(x)):
        return lambda g: anp.reshape(g * value, reduced) / x
    multiplied = list(axes if axis is None else normalize_axis_tuple(axis, np.ndim(x)))
    order = [i for i in axes if i not in multiplied] + multiplied
    last = anp.transpose(x, order)  # the axes that are multiplied come last
    rows = anp.reshape(last, (*np.shape(last)[: -len(multiplied)], 1, -1))  # (..., 1, n)
    others = anp.prod(anp.where(np.eye(rows.shape[-1], dtype=bool), 1, rows), axis=-1)  # (..., n)
    others = anp.transpose(anp.reshape(others, np.shape(last)), np.argsort(order))
    return lambda g: anp.reshape(g, reduced) * others


def _unless(function: Any, *refused: tuple[Callable[..., Any], str]) -> Rule:
    """autograd's rule of a function, except where wrong(value, *args, **kwargs) for a pair (wrong, sentence)."""

    def rule(argnums: tuple, value: Array, args: tuple, kwargs: dict) -> Vjp:
        for wrong, sentence in refused:
            if wrong(value, *args, **kwargs):
                raise NotImplementedError(f"np.{function.__name__} has no derivative {sentence}")
        return primitive_vjps[function](argnums, value, args, kwargs)

    return rule


def _refusals() -> dict[Callable, Rule]:
    """Return what autograd gets wrong for some arguments: the function, these arguments, and what to do instead."""
    var, std = numpy_wrapper._primitive_var, numpy_wrapper._primitive_std
    words = ("where", "initial", "mean", "correction")
    overlooked = (
        lambda value, *_, **options: any(options.get(word) is not None for word in words),
        f"with any of {', '.join(words)}: change the elements first, as in np.max(np.where(mask, x, other))",
    )
    equal = (lambda value, *_, **__: np.any(value == 0), "where all values are equal: use np.sqrt(np.var(x) + eps)")
    backward = (lambda value, x, repeats, axis=None: (axis or 0) < 0 and x.shape[axis] > 1, "with a negative axis")
    fewer = (lambda value, x, reps: np.size(reps) < np.ndim(x), "with fewer counts than axes: give one for each axis")
    zero = (lambda value, x: np.any(x == 0), "at 0: take other values there, by np.where")
    return {
        **{f: _unless(f, overlooked) for f in (anp.max, anp.min, anp.amax, anp.amin, var)},
        std: _unless(std, overlooked, equal),
        anp.repeat: _unless(anp.repeat, backward),
        anp.tile: _unless(anp.tile, fewer),
        anp.sinc: _unless(anp.sinc, zero),
    }


def prepare() -> None:
    """Fill `RULES`, and let autograd use them. Its private names are read here, and not when this file is imported."""
    mean, norm, where = numpy_wrapper._primitive_mean, linalg._primitive_norm, anp._original_where
    RULES.update(
        {
            mean: of_array(mean, mean_vjp),
            norm: of_array(norm, _norm_vjp),
            anp.prod: of_array(anp.prod, _prod_vjp),
            where: elementwise(
                lambda value, c, x, y: lambda g: np.zeros(np.shape(c)),
                lambda value, c, x, y: lambda g: anp.where(c, g, 0),
                lambda value, c, x, y: lambda g: anp.where(c, 0, g),
            ),
            anp.clip: elementwise(lambda y, x, a_min=None, a_max=None: lambda g: g * ((y != a_min) & (y != a_max))),
            anp.full_like: elementwise(lambda *_, **__: lambda g: np.zeros(g.shape), lambda *_, **__: lambda g: g),
            **{f: elementwise(lambda *_, **__: lambda g: g) for f in (anp.copy, anp.asarray)},
            **_refusals(),
        }
    )
    use_types()
