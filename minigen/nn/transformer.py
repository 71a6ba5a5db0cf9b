"""The block of a transformer: attention and a multilayer perceptron, both residual.

Layer norms come before the sublayers, as in Radford et al. 2019. Vaswani et al. 2017.
"""

import numpy

from minigen import checks
from minigen.nn.attention import MultiHeadAttention
from minigen.nn.layers import MLP, LayerNorm
from minigen.nn.module import Module
from minigen.tensor import attention
from minigen.types import Array, Rng


class TransformerBlock(Module):
    """x + attention(norm(x)), then x + MLP(norm(x)): (N, L, width) -> (N, L, width). Starts as the identity."""

    def __init__(self, rng: Rng, width: int, heads: int):
        if checks.whole("width", width) % checks.whole("heads", heads):
            raise ValueError(f"heads must divide width, got heads={heads} and width={width}")
        self.norm1, self.attention = LayerNorm(width), MultiHeadAttention(rng, width, heads, out_scale=0.0)
        self.norm2, self.mlp = LayerNorm(width), MLP(rng, [width, 4 * width, width], "relu", last_scale=0.0)

    def __call__(self, x: Array, causal: bool = True) -> Array:
        x = x + self.attention(self.norm1(x), causal=causal)
        return x + self.mlp(self.norm2(x))

    def step(self, x: numpy.ndarray, cache: numpy.ndarray, i: int) -> numpy.ndarray:
        """Position i alone, (N, width) -> (N, width), with the keys and values of positions 0..i in `cache`.

        cache (2, N, heads, L, width/heads); its position i is filled here.
        """
        (n, width), heads = x.shape, self.attention.heads
        h = self.norm1(x)

        def split(a: Array) -> Array:
            return a.reshape(n, heads, width // heads)

        key_value = self.attention.key_value(h)  # (N, 2·width)
        cache[0, :, :, i], cache[1, :, :, i] = split(key_value[:, :width]), split(key_value[:, width:])
        query = split(self.attention.query(h))[:, :, None]  # (N, heads, 1, d)
        seen = attention(query, cache[0, :, :, : i + 1], cache[1, :, :, : i + 1])  # (N, heads, 1, d)
        x = x + self.attention.out(seen.reshape(n, width))
        return x + self.mlp(self.norm2(x))
