"""Multi-head attention over `minigen.tensor.attention`."""

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.nn.layers import Linear
from minigen.nn.module import Module
from minigen.tensor import attention
from minigen.tensor.activations import as_floats
from minigen.types import Array, Rng


class MultiHeadAttention(Module):
    """Self- or cross-attention with learned projections: x (N, L, dim) [, context (N, M, dim_context)] -> (N, L, dim).

    `mask` (boolean, broadcastable to (N, heads, L, M)) is True where x may attend; `causal` lets position i see 0..i
    only. Raises ValueError if heads does not divide dim. Vaswani et al. 2017. Eq. diffusion.30
    """

    def __init__(self, rng: Rng, dim: int, heads: int, dim_context: int | None = None, *, out_scale: float = 1.0):
        if checks.whole("dim", dim) % checks.whole("heads", heads):
            raise ValueError(f"heads must divide dim, got heads={heads} and dim={dim}")
        if dim_context is not None:
            checks.whole("dim_context", dim_context)
        checks.number("out_scale", out_scale, 0)
        self.heads = heads
        self.query = Linear(rng, dim, dim)
        self.key_value = Linear(rng, dim if dim_context is None else dim_context, 2 * dim)
        self.out = Linear(rng, dim, dim, scale=out_scale)

    def __call__(
        self, x: Array, context: Array | None = None, mask: numpy.ndarray | None = None, causal: bool = False
    ) -> Array:
        x = as_floats(x)
        if np.ndim(x) != 3:
            raise ValueError(f"x must have shape (N, L, dim), got {np.shape(x)}")
        n, length, dim = np.shape(x)
        source = x if context is None else context

        def split(a: Array) -> Array:
            return np.transpose(np.reshape(a, (n, -1, self.heads, dim // self.heads)), (0, 2, 1, 3))

        key_value = self.key_value(source)  # (N, M, 2·dim)
        q, k, v = split(self.query(x)), split(key_value[:, :, :dim]), split(key_value[:, :, dim:])  # (N, heads, ·, d)
        out = attention(q, k, v, mask, causal)  # (N, heads, L, d)
        return self.out(np.reshape(np.transpose(out, (0, 2, 1, 3)), (n, length, dim)))
