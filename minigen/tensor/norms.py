"""Normalization layers, fused with scale, shift and (for group norm) SiLU.

All three subtract a mean and divide by a standard deviation taken over some of the axes; with x̂ = (x − m)/s,
y = w x̂ + b and dh = w·dy, the gradient is

    dx = ( dh − mean(dh) − x̂ · mean(dh·x̂) ) / s,

where the means run over the same axes: the part of `dh` that would have moved the mean or the scale is taken out.
"""

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.tracer import isbox

from minigen import checks
from minigen.tensor.activations import ACTIVATIONS, activated, activation_name, apply_activation, as_floats
from minigen.tensor.core import primitive
from minigen.types import Array

# --------------------------------------------------------------------- group norm


def _wide(x: Array) -> tuple[Array, int]:
    """x (N, s, C) with up to 32 positions in one row, (N, s/side, side C), and side: NumPy is fast along long rows."""
    n, s, c = x.shape
    side = max(d for d in range(1, 33) if s % d == 0)
    return x.reshape(n, s // side, side * c), side


def _sums(a: Array, b: Array | None, side: int) -> Array:
    """Return the sums over the positions of wide arrays, of a or of a·b: (N, s/side, side C) -> (N, C)."""
    a = a if b is None else a * b
    a = a.reshape(len(a), a.shape[1] * side, -1)  # (N, s, C)
    return np.ones(a.shape[1], a.dtype) @ a  # as a product: three times as fast as NumPy's sum


def _rows(v: Array, side: int) -> Array:
    """Return a value for each channel, (N, C), as a row to be broadcast over a wide array, (N, 1, side C)."""
    return v[:, None].repeat(side, axis=1).reshape(len(v), 1, -1)


def _group_forward(
    x: Array, w: Array, b: Array, groups: int, eps: float, activation: Any, statistics: Any = None
) -> tuple[Array, Any]:
    shape = x.shape
    x, side = _wide(x)
    centered, inverse = _group_centered(x, side, groups, eps, statistics)
    y = centered * _rows(inverse * w, side)
    y += _rows(np.atleast_2d(b), side)
    y, kept = (y, None) if activation is None else ACTIVATIONS[activation].forward(y)
    return y.reshape(shape), (centered, inverse, kept)


def _group_evaluate(
    x: Array, w: Array, b: Array, groups: int, eps: float, activation: Any, statistics: Any = None
) -> Array:
    shape = x.shape
    x, side = _wide(x)
    y, inverse = _group_centered(x, side, groups, eps, statistics)
    y *= _rows(inverse * w, side)
    y += _rows(np.atleast_2d(b), side)
    return activated(activation, y).reshape(shape)


def _group_centered(x: Array, side: int, groups: int, eps: float, statistics: Any) -> tuple[Array, Array]:
    """x − m for a wide x, and 1/s (N, C): each channel gets that of its group."""
    channels = x.shape[2] // side
    per_group = x.dtype.type(x.shape[1] * side * (channels // groups))
    if statistics is None:
        mean = _per_group(_sums(x, None, side), groups) / per_group  # (N, C)
        centered = x - _rows(mean, side)
        var = _per_group(_sums(centered, centered, side), groups) / per_group
    else:
        mean, var = (v[None] for v in statistics)  # (1, C)
        centered = x - _rows(mean, side)
    return centered, 1 / np.sqrt(var + x.dtype.type(eps))


def _group_backward(
    needed: list[int],
    g: Array,
    value: Array,
    saved: Any,
    x: Array,
    w: Array,
    b: Array,
    groups: int,
    eps: float,
    activation: Any,
    statistics: Any = None,
) -> dict[int, Array]:
    """Return the formula at the top of the file, with means over the pixels and channels of a group."""
    if saved is None:
        return _group_backward_traced(needed, g, x, w, b, groups, eps, activation)
    (centered, inverse, kept), (_, s, c) = saved, x.shape
    g, side = _wide(g)
    if activation is not None:
        g = ACTIVATIONS[activation].slope(g, value.reshape(g.shape), kept)
    sum_g, sum_gx = _sums(g, None, side), _sums(g, centered, side)  # (N, C)
    grads = (
        {1: sum_gx * inverse, 2: sum_g} if w.ndim == 2 else {1: (sum_gx * inverse).sum(axis=0), 2: sum_g.sum(axis=0)}
    )
    if 0 in needed:
        per_group = x.dtype.type(s * (c // groups))
        mean_h = _per_group(sum_g * w, groups) / per_group
        mean_hx = _per_group(sum_gx * w, groups) / per_group  # of dh·(x − m)
        dx = g * _rows(w * inverse, side)
        dx -= centered * _rows(inverse**3 * mean_hx, side)
        dx -= _rows(inverse * mean_h, side)
        grads[0] = dx.reshape(x.shape)
    return grads


def _per_group(x: Array, groups: int) -> Array:
    """Sum over the channels of each group, repeated for each channel: (N, C) -> (N, C)."""
    n, c = x.shape
    if groups == c:
        return x
    return np.repeat(x.reshape(n, groups, c // groups).sum(axis=2), c // groups, axis=1)


def _group_backward_traced(
    needed: list[int], g: Array, x: Array, w: Array, b: Array, groups: int, eps: float, activation: Any
) -> dict[int, Array]:
    """Return the same gradient in operations that can be differentiated again."""
    n, s, c = np.shape(x)

    def grouped(a: Array) -> Array:
        return anp.reshape(a, (n, s, groups, c // groups))

    x4 = grouped(x)
    centered = x4 - anp.mean(x4, axis=(1, 3), keepdims=True)
    inverse = 1 / anp.sqrt(anp.mean(centered**2, axis=(1, 3), keepdims=True) + eps)
    x_hat = centered * inverse
    flat = anp.reshape(x_hat, (n, s, c))
    each = anp.ndim(w) == 2  # w and b (N, C)
    w, b = (w[:, None], b[:, None]) if each else (w, b)
    if activation is not None:
        z = flat * w + b
        g = ACTIVATIONS[activation].traced_slope(g, z, apply_activation(activation, z))
    h = grouped(g * w)
    dx = inverse * (
        h - anp.mean(h, axis=(1, 3), keepdims=True) - x_hat * anp.mean(h * x_hat, axis=(1, 3), keepdims=True)
    )
    lead = 1 if each else (0, 1)
    return {0: anp.reshape(dx, (n, s, c)), 1: anp.sum(g * flat, axis=lead), 2: anp.sum(g, axis=lead)}


_group = primitive(_group_forward, _group_backward, _group_evaluate)


def group_norm(
    x: Array, w: Array, b: Array, groups: int, eps: float = 1e-5, activation: str | Callable | None = None
) -> Array:
    """Normalize each example over all positions and the channels of a group; x (N, ..., C), w and b (C,).

    The variance is the biased one. `activation` (for example "silu") is applied to the result, in the same operation.
    w and b may also be given one for each example, (N, C): adaptive group norm. Wu and He 2018. Raises ValueError if
    `groups` is not a whole number or does not divide C.
    """
    x = as_floats(x)
    shape = np.shape(x)
    c = _check_affine(shape, w, b, each=True)
    if type(groups) is not int or groups < 1:  # a layer has checked it
        groups = checks.whole("groups", groups)
    if c % groups:
        raise ValueError(f"groups must divide the number of channels {c}, got {groups}")
    y = _group(anp.reshape(x, (shape[0], -1, c)), w, b, groups, eps, activation_name(activation))
    return anp.reshape(y, shape)


def batch_statistics(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and biased variance of each channel over the batch and all positions: x (N, ..., C) -> (C,) and (C,)."""
    x, side = _wide(x.reshape(1, -1, x.shape[-1]))
    n = x.dtype.type(x.shape[1] * side)
    mean = _sums(x, None, side) / n  # (1, C)
    centered = x - _rows(mean, side)
    return mean[0], _sums(centered, centered, side)[0] / n


def batch_norm(
    x: Array,
    w: Array,
    b: Array,
    eps: float = 1e-5,
    mean: np.ndarray | None = None,
    var: np.ndarray | None = None,
    statistics: tuple[np.ndarray, np.ndarray] | None = None,
) -> Array:
    """Normalize each channel over the batch and all positions; x (N, ..., C), w and b (C,).

    With `mean` and `var` (C,) given (running statistics) these are used instead of the batch's own. The batch variance
    is the biased one. `statistics` are those of this very batch, if `batch_statistics(x)` has found them already: the
    result and its gradient are the same. It is group norm with one channel a group and the whole batch as one example.
    Ioffe and Szegedy 2015.
    """
    x = as_floats(x)
    shape = np.shape(x)
    c = _check_affine(shape, w, b)
    if (mean is None) != (var is None):
        raise ValueError(f"mean and var must be given together, got {'mean' if var is None else 'var'} alone")
    if mean is not None and var is not None:
        scale = w / np.sqrt(var + eps)
        return x * scale + (b - mean * scale)
    y = _group(anp.reshape(x, (1, -1, c)), w, b, c, eps, None, statistics)
    return anp.reshape(y, shape)


# --------------------------------------------------------------------- layer norm


def _layer_forward(x: Array, w: Array, b: Array, eps: float) -> tuple[Array, Any]:
    c = x.dtype.type(x.shape[-1])
    x_hat = x - x.sum(axis=-1, keepdims=True) / c
    inverse = 1 / np.sqrt(np.einsum("...c,...c->...", x_hat, x_hat)[..., None] / c + x.dtype.type(eps))
    x_hat *= inverse
    y = x_hat * w
    y += b
    return y, (x_hat, inverse)


def _layer_backward(
    needed: list[int], g: Array, value: Array, saved: Any, x: Array, w: Array, b: Array, eps: float
) -> dict[int, Array]:
    """Return the formula at the top of the file, with means over the last axis."""
    if saved is None:
        centered = x - anp.mean(x, axis=-1, keepdims=True)
        inverse = 1 / anp.sqrt(anp.mean(centered**2, axis=-1, keepdims=True) + eps)
        x_hat = centered * inverse
    else:
        x_hat, inverse = saved
    lead = tuple(range(len(np.shape(x)) - 1))
    grads = {}
    if 0 in needed:
        h = g * w
        if isbox(h) or isbox(x_hat):
            mean_h, mean_hx = anp.mean(h, axis=-1, keepdims=True), anp.mean(h * x_hat, axis=-1, keepdims=True)
            grads[0] = inverse * (h - mean_h - x_hat * mean_hx)
        else:
            c = h.dtype.type(h.shape[-1])
            mean_hx = np.einsum("...c,...c->...", h, x_hat)[..., None] / c
            h -= h.sum(axis=-1, keepdims=True) / c
            h -= x_hat * mean_hx
            h *= inverse
            grads[0] = h
    if 1 in needed:
        grads[1] = _sum_to_shape(g * x_hat, np.shape(w), lead)
    if 2 in needed:
        grads[2] = _sum_to_shape(g, np.shape(b), lead)
    return grads


def _sum_to_shape(g: Array, shape: tuple[int, ...], lead: tuple[int, ...]) -> Array:
    if len(shape) == 1:
        return anp.sum(g, axis=lead)
    return anp.reshape(anp.sum(g, axis=tuple(i for i in lead if shape[i] == 1), keepdims=True), shape)


_layer = primitive(_layer_forward, _layer_backward)


def layer_norm(x: Array, w: Array, b: Array, eps: float = 1e-5) -> Array:
    """Normalize over the last axis; x (..., C), w and b (C,). The variance is the biased one. Ba et al. 2016.

    w and b may also be given one for each example, shaped (N, 1, C) for x (N, L, C): the modulation of adaptive
    layer norm (Peebles and Xie 2023).
    """
    x = as_floats(x)
    shape, w_shape = np.shape(x), np.shape(w)
    if not shape:
        raise ValueError("x must have shape (..., C), got ()")
    if w_shape != np.shape(b):
        raise ValueError(f"w and b must have the same shape, got {w_shape} and {np.shape(b)}")
    fits = w_shape == shape[-1:] or (
        len(w_shape) == len(shape)
        and w_shape[-1] == shape[-1]
        and all(m in (1, n) for m, n in zip(w_shape, shape, strict=True))
    )
    if not fits:
        raise ValueError(f"w and b must have shape ({shape[-1]},) for x {shape}, got {w_shape}")
    return _layer(x, w, b, eps)


def _check_affine(shape: tuple[int, ...], w: Array, b: Array, each: bool = False) -> int:
    """Return the channels of x; ValueError unless w and b are (C,), or both (N, C) where they may be for `each`
    example.
    """
    if len(shape) < 2:
        raise ValueError(f"x must have shape (N, ..., C), got {shape}")
    wanted = (shape[0], shape[-1]) if each and np.ndim(w) == 2 else shape[-1:]
    for name, value in (("w", w), ("b", b)):
        if np.shape(value) != wanted:
            raise ValueError(f"{name} must have shape {wanted} for x {shape}, got {np.shape(value)}")
    return shape[-1]
