"""Softmax and the losses built on it, fused so that nothing overflows and each costs one or two passes. All in nats."""

from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.tracer import isbox

from minigen.tensor.activations import _sigmoid, _smooth_sigmoid, _softplus, as_floats, softplus
from minigen.tensor.core import primitive
from minigen.types import Array

# --------------------------------------------------------------------- softmax family


def _softmax_forward(x: Array, axis: int) -> tuple[Array, Any]:
    y = x - x.max(axis=axis, keepdims=True)
    np.exp(y, out=y)
    y /= y.sum(axis=axis, keepdims=True)
    return y, None


def _softmax_backward(needed: list[int], g: Array, y: Array, saved: Any, x: Array, axis: int) -> dict[int, Array]:
    """∂y_i/∂x_j = y_i (δ_ij − y_j), so dx = y·(dy − Σ_j dy_j y_j)."""
    return {0: y * (g - anp.sum(g * y, axis=axis, keepdims=True))}


_softmax = primitive(_softmax_forward, _softmax_backward)


def softmax(x: Array, axis: int = -1) -> Array:
    """exp(x) normalized to sum to one along `axis`; the shape of x."""
    return _softmax(as_floats(x), axis)


def _log_softmax_forward(x: Array, axis: int) -> tuple[Array, Any]:
    y = x - x.max(axis=axis, keepdims=True)
    y -= np.log(np.exp(y).sum(axis=axis, keepdims=True))
    return y, None


def _log_softmax_backward(needed: list[int], g: Array, y: Array, saved: Any, x: Array, axis: int) -> dict[int, Array]:
    """y = x − logsumexp(x), so dx = dy − softmax(x)·Σ_j dy_j."""
    return {0: g - anp.exp(y) * anp.sum(g, axis=axis, keepdims=True)}


_log_softmax = primitive(_log_softmax_forward, _log_softmax_backward)


def log_softmax(x: Array, axis: int = -1) -> Array:
    """log of `softmax(x)`, computed without underflow; the shape of x."""
    return _log_softmax(as_floats(x), axis)


def _logsumexp_forward(x: Array, axis: int) -> tuple[Array, Any]:
    top = x.max(axis=axis, keepdims=True)
    relative = x - np.where(np.isfinite(top), top, 0)  # all −∞ is a sum of zero
    # Below this exp is nothing next to 1, and up to 50 times slower.
    np.maximum(relative, -87 if x.dtype == np.float32 else -700, out=relative)
    np.exp(relative, out=relative)
    return np.squeeze(np.log(relative.sum(axis=axis, keepdims=True)) + top, axis=axis), None


def _logsumexp_backward(needed: list[int], g: Array, value: Array, saved: Any, x: Array, axis: int) -> dict[int, Array]:
    """Return the gradient of log Σ exp x_j is softmax(x) = exp(x − logsumexp(x))."""
    safe = anp.where(anp.isfinite(value), value, 0)
    return {0: anp.expand_dims(g, axis) * anp.exp(x - anp.expand_dims(safe, axis))}


_logsumexp = primitive(_logsumexp_forward, _logsumexp_backward)


def logsumexp(x: Array, axis: int | tuple[int, ...] = -1) -> Array:
    """log Σ exp(x) along `axis` (one or several), which is dropped, without overflow; −inf entries count as zero."""
    return _logsumexp(as_floats(x), axis)


def _cross_entropy_forward(logits: Array, labels: Array) -> tuple[Array, Any]:
    log_p = _log_softmax_forward(logits, -1)[0]
    return -np.take_along_axis(log_p, labels[..., None], -1)[..., 0], log_p


def _cross_entropy_backward(
    needed: list[int], g: Array, value: Array, saved: Any, logits: Array, labels: Array
) -> dict[int, Array]:
    """−log softmax(x)_y has gradient softmax(x) − onehot(y)."""
    one_hot = np.zeros(np.shape(logits), dtype=logits.dtype)
    np.put_along_axis(one_hot, labels[..., None], 1, -1)
    if saved is not None:
        d = np.exp(saved)
        d -= one_hot
        d *= g[..., None]
        return {0: d}
    return {0: anp.expand_dims(g, -1) * (_softmax(logits, -1) - one_hot)}


_cross_entropy = primitive(_cross_entropy_forward, _cross_entropy_backward)


def cross_entropy(logits: Array, labels: np.ndarray) -> Array:
    """−log softmax(logits)[label] for each example, in nats: logits (..., C), integer labels (...) in [0, C) ->
    (...)."""
    labels, shape = np.asarray(labels), np.shape(logits)
    if labels.dtype.kind not in "iu":
        raise ValueError(f"labels must be integers, got dtype {labels.dtype}")
    if labels.shape != shape[:-1]:
        raise ValueError(f"labels must have shape {shape[:-1]} for logits {shape}, got {labels.shape}")
    if labels.size and (labels.min() < 0 or labels.max() >= shape[-1]):
        raise ValueError(f"labels must be in [0, {shape[-1]}), got values from {labels.min()} to {labels.max()}")
    return _cross_entropy(logits, labels)


# --------------------------------------------------------------------- binary cross entropy


def _bce_forward(logits: Array, targets: Array) -> tuple[Array, Any]:
    loss = _softplus(logits)
    loss -= logits * targets
    return loss, ()


def _bce_backward(
    needed: list[int], g: Array, value: Array, saved: Any, logits: Array, targets: Array
) -> dict[int, Array]:
    """softplus(l) − t·l has the gradients σ(l) − t and −l."""
    grads = {}
    if 0 in needed:
        if saved is not None:
            d = _sigmoid(logits)
            d -= targets
            d *= g
            grads[0] = d
        else:
            grads[0] = g * (_smooth_sigmoid(logits) - targets)
    if 1 in needed:
        grads[1] = -g * logits
    return grads


_bce = primitive(_bce_forward, _bce_backward)


def bce_with_logits(logits: Array, targets: Array) -> Array:
    """−t log σ(l) − (1 − t) log(1 − σ(l)) for each element, in nats, stable for any logit; both of the same shape.

    `targets` may also be a number, the same for all.
    """
    if np.ndim(targets) == 0 and not isbox(targets):
        t = float(targets)
        return softplus(logits) if t == 0 else softplus(logits) - t * logits
    if np.shape(logits) != np.shape(targets):
        raise ValueError(f"logits and targets must have the same shape, got {np.shape(logits)} and {np.shape(targets)}")
    return _bce(logits, targets)


# --------------------------------------------------------------------- squared error


def _mse_forward(a: Array, b: Array) -> tuple[Array, Any]:
    d = a - b
    flat = d.reshape(-1)
    return np.dot(flat, flat) / flat.dtype.type(max(flat.size, 1)), d


def _mse_backward(needed: list[int], g: Array, value: Array, saved: Any, a: Array, b: Array) -> dict[int, Array]:
    """mean (a − b)² has the gradient 2 (a − b)/n with respect to a, and its negative for b."""
    d = a - b if saved is None else saved
    da = d * (g * (2 / max(np.size(d), 1)))
    return {0: da, 1: -da} if 1 in needed else {0: da}


_mse = primitive(_mse_forward, _mse_backward)


def mse(a: Array, b: Array) -> Array:
    """Mean over all elements of (a − b)², a scalar; a and b have the same shape."""
    if np.shape(a) != np.shape(b):
        raise ValueError(f"a and b must have the same shape, got {np.shape(a)} and {np.shape(b)}")
    return _mse(a, b)
