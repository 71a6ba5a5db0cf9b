"""Scaled dot-product attention, fused: the weights are computed once and kept for the gradient."""

from typing import Any

import autograd.numpy as anp
import numpy as np

from minigen.tensor.core import primitive
from minigen.tensor.linear import _matmul, _swap
from minigen.types import Array


def _weights(q: Array, k: Array, bias: Array | None, scale: float) -> Array:
    scores = np.matmul(q, k.swapaxes(-1, -2))  # (N, heads, Lq, Lk)
    scores *= scale
    if bias is not None:
        scores = scores + bias
    top = scores.max(axis=-1, keepdims=True)
    scores -= np.where(np.isfinite(top), top, 0)
    np.exp(scores, out=scores)
    total = (scores @ np.ones(scores.shape[-1], scores.dtype))[..., None]  # as a product: six times as fast
    scores /= np.where(total > 0, total, 1)  # a query that may attend to nothing gets zeros, not NaN
    return scores


def _attention_forward(q: Array, k: Array, v: Array, bias: Array | None) -> tuple[Array, Any]:
    p = _weights(q, k, bias, q.dtype.type(q.shape[-1] ** -0.5))
    return np.matmul(p, v), p


def _attention_backward(
    needed: list[int], g: Array, value: Array, saved: Any, q: Array, k: Any, v: Array, bias: Array
) -> dict[int, Array]:
    """O = P V and P = softmax(S), S = Q Kᵀ/√d: dV = Pᵀ dO, dP = dO Vᵀ, dS = P·(dP − rowsum(P·dP)), dQ = dS K/√d, dK =
    dSᵀ Q/√d."""
    scale = np.shape(q)[-1] ** -0.5
    if saved is None:  # being differentiated again: recompute P, traced
        scores = _matmul(q, _swap(k)) * scale
        if bias is not None:
            scores = scores + np.maximum(bias, scores.dtype.type(-1e30))
        p = anp.exp(scores - anp.max(scores, axis=-1, keepdims=True))
        p = p / anp.sum(p, axis=-1, keepdims=True)
        if bias is not None:
            p = p * np.isfinite(bias)
    else:
        p = saved
    grads = {2: _matmul(_swap(p), g)} if 2 in needed else {}
    if 0 in needed or 1 in needed:
        dp = _matmul(g, _swap(v))
        if saved is None:
            ds = p * (dp - anp.sum(p * dp, axis=-1, keepdims=True)) * scale
        else:
            ds = dp
            ds -= np.einsum("...qk,...qk->...q", p, dp)[..., None]
            ds *= p
            ds *= scale
        grads[0], grads[1] = _matmul(ds, k), _matmul(_swap(ds), q)
    return grads


_attention = primitive(_attention_forward, _attention_backward)


def attention(q: Array, k: Array, v: Array, mask: np.ndarray | None = None, causal: bool = False) -> Array:
    """softmax(q kᵀ/√d) v, for each example and head: q (N, heads, Lq, d), k and v (N, heads, Lk, d) -> (N, heads, Lq,
    d).

    `mask`, broadcastable to (N, heads, Lq, Lk), is True where a query may attend to a key. `causal` lets query i
    attend to keys 0..i only (Lq = Lk). A query that may attend to nothing gets zeros. Eq. diffusion.30; Vaswani et al.
    2017. Raises ValueError when shapes do not fit.
    """
    sq, sk, sv = np.shape(q), np.shape(k), np.shape(v)
    if len(sq) != 4 or len(sk) != 4 or sk[:3] != sv[:3] or sq[:2] != sk[:2] or sq[3] != sk[3]:
        raise ValueError(f"q must be (N, heads, Lq, d), k and v (N, heads, Lk, d), got {sq}, {sk} and {sv}")
    allowed = None
    if mask is not None:
        allowed = np.asarray(mask)
        if allowed.dtype != bool:
            raise ValueError(f"mask must be boolean (True where a query may attend), got dtype {allowed.dtype}")
        try:
            np.broadcast_to(allowed, sq[:3] + sk[2:3])
        except ValueError:
            raise ValueError(f"mask must broadcast to {sq[:3] + sk[2:3]}, got {allowed.shape}") from None
    if causal:
        if sq[2] != sk[2]:
            raise ValueError(f"causal attention needs as many queries as keys, got {sq[2]} and {sk[2]}")
        lower = np.tril(np.ones((sq[2], sk[2]), dtype=bool))
        allowed = lower if allowed is None else allowed & lower
    bias = None if allowed is None else np.where(allowed, 0, -np.inf).astype(np.float32)
    return _attention(q, k, v, bias)
