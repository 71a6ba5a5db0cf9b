"""A causal transformer: a model of sequences of tokens, one token at a time given those before it.

    p(tokens) = p(token 0) p(token 1 | token 0) p(token 2 | tokens 0, 1) ...

The input is the sequence shifted by one, with a start token in front: at place i the network has seen tokens 0..i-1
and outputs logits for token i. Attention that never looks ahead lets all places be computed at once in training.
Sampling goes place by place, and keeps the keys and values of the places that are done. Vaswani et al. 2017; layer
norms before the sublayers as in Radford et al. 2019.
"""

from collections.abc import Sequence
from typing import Any

import autograd.numpy as np
import numpy

from minigen.nn.attention import MultiHeadAttention
from minigen.nn.layers import MLP, Embedding, LayerNorm, Linear
from minigen.nn.module import Module
from minigen.tensor import attention, cross_entropy

Array = Any
Rng = numpy.random.Generator


class TransformerBlock(Module):
    """x + attention(norm(x)), then x + MLP(norm(x)): (N, L, width) -> (N, L, width). Starts as the identity."""

    def __init__(self, rng: Rng, width: int, heads: int):
        self.norm1, self.attention = LayerNorm(width), MultiHeadAttention(rng, width, heads, out_scale=0.0)
        self.norm2, self.mlp = LayerNorm(width), MLP(rng, [width, 4 * width, width], "relu", last_scale=0.0)

    def __call__(self, x, causal: bool = True):
        x = x + self.attention(self.norm1(x), causal=causal)
        return x + self.mlp(self.norm2(x))

    def step(self, x: numpy.ndarray, cache: numpy.ndarray, i: int) -> numpy.ndarray:
        """Place i alone, (N, width) -> (N, width), with the keys and values of places 0..i in `cache`.

        cache (2, N, heads, L, width/heads); its place i is filled here.
        """
        (n, width), heads = x.shape, self.attention.heads
        h = self.norm1(x)

        def split(a):
            return a.reshape(n, heads, width // heads)

        key_value = self.attention.key_value(h)  # (N, 2·width)
        cache[0, :, :, i], cache[1, :, :, i] = split(key_value[:, :width]), split(key_value[:, width:])
        query = split(self.attention.query(h))[:, :, None]  # (N, heads, 1, d)
        seen = attention(query, cache[0, :, :, : i + 1], cache[1, :, :, : i + 1])  # (N, heads, 1, d)
        x = x + self.attention.out(seen.reshape(n, width))
        return x + self.mlp(self.norm2(x))


class CausalTransformer(Module):
    """Tokens (N, L), integers in [0, tokens) -> logits (N, L, tokens); those at place i depend on tokens 0..i-1 only.

    tokens, length: size of the vocabulary, and L. width, heads, layers: of the network; heads divides width.
    classes: with labels (N,), integers in [0, classes), the model is that of the tokens given the label.
    context: with features (N, L, context), it is that of the tokens given these; place i sees those of 0..i.
    back: which tokens a place is handed as its input, counted back from it: the one before; (1, w - 1, w, w + 1) adds
    the neighbors above in a picture of rows of w. It can attend to all earlier ones in any case.
    """

    def __init__(
        self,
        rng: Rng,
        tokens: int,
        length: int,
        width: int = 96,
        heads: int = 4,
        layers: int = 2,
        *,
        classes: int | None = None,
        context: int | None = None,
        back: Sequence[int] = (1,),
    ):
        for name, value in (("tokens", tokens), ("length", length), ("layers", layers), ("heads", heads)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        if not back or min(back) < 1:
            raise ValueError(f"back must be distances of at least 1, got {tuple(back)}")
        self.tokens, self.length, self.back = tokens, length, tuple(back)
        scale = width**-0.5
        self.token = [Embedding(rng, tokens + 1, width, scale) for _ in back]  # the last row is the start token
        self.place = Embedding(rng, length, width, scale)
        self.label = None if classes is None else Embedding(rng, classes, width, scale)
        self.context = None if context is None else Linear(rng, context, width)
        self.blocks = [TransformerBlock(rng, width, heads) for _ in range(layers)]
        self.norm, self.head = LayerNorm(width), Linear(rng, width, tokens)

    def __call__(
        self, tokens: numpy.ndarray, labels: numpy.ndarray | None = None, context: Array | None = None
    ) -> Array:
        """Logits (N, L, tokens). Raises ValueError for tokens, labels or context that do not fit."""
        tokens = self._check(tokens, labels, context)
        start = numpy.full((len(tokens), max(self.back)), self.tokens)
        padded = numpy.concatenate([start, tokens], axis=1)  # (N, max back + L): token i stands at i + max back
        x = self.place(numpy.arange(self.length)) + self._given(labels, context)  # (N or 1, L or 1, width)
        for k, embed in zip(self.back, self.token):
            first = max(self.back) - k
            x = x + embed(padded[:, first : first + self.length])  # (N, L, width)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))

    def log_prob(
        self, tokens: numpy.ndarray, labels: numpy.ndarray | None = None, context: Array | None = None
    ) -> Array:
        """log p(tokens), or log p(tokens | labels, context): (N, L) -> (N,), nats for each sequence."""
        return -np.sum(cross_entropy(self(tokens, labels, context), tokens), axis=1)

    def sample(
        self,
        rng: Rng,
        n: int,
        labels: numpy.ndarray | None = None,
        context: numpy.ndarray | None = None,
        *,
        temperature: float = 1.0,
        rows: int = 500,
    ) -> numpy.ndarray:
        """`n` sequences (n, L), int64, drawn token by token, `rows` of them at a time.

        A temperature below 1 makes likely tokens likelier: logits are divided by it.
        Raises ValueError for n < 1, a temperature that is not positive, labels or context that do not fit.
        """
        if n < 1:
            raise ValueError(f"n must be at least 1, got {n}")
        if not temperature > 0:
            raise ValueError(f"temperature must be positive, got {temperature}")
        self._check(numpy.zeros((n, self.length), int), labels, context)

        def part(a, k):
            return None if a is None else a[k : k + rows]

        chunks = [
            self._draw(rng, min(rows, n - k), part(labels, k), part(context, k), temperature) for k in range(0, n, rows)
        ]
        return numpy.concatenate(chunks)

    def _draw(self, rng, n, labels, context, temperature):
        width, heads = self.place.table.shape[1], self.blocks[0].attention.heads
        caches = [numpy.empty((2, n, heads, self.length, width // heads), numpy.float32) for _ in self.blocks]
        given = numpy.broadcast_to(self._given(labels, context), (n, self.length, width))
        start = max(self.back)
        padded = numpy.full((n, start + self.length), self.tokens)  # token i stands at i + max back
        for i in range(self.length):
            x = self.place.table[i] + given[:, i]  # (n, width)
            for k, embed in zip(self.back, self.token):
                x = x + embed(padded[:, start + i - k])
            for block, cache in zip(self.blocks, caches):
                x = block.step(x, cache, i)
            logits = self.head(self.norm(x)) / numpy.float32(temperature)  # (n, tokens)
            padded[:, start + i] = _choose(logits, rng.random(n, dtype=numpy.float32))
        return padded[:, start:]

    def _given(self, labels, context):
        """What all places get from label and context: (N, L or 1, width), or a zero."""
        label = 0 if labels is None else self.label(labels)[:, None]  # (N, 1, width)
        return numpy.zeros((1, 1, 1), numpy.float32) + label + (0 if context is None else self.context(context))

    def _check(self, tokens, labels, context):
        tokens = numpy.asarray(tokens)
        if tokens.ndim != 2 or tokens.shape[1] != self.length or not len(tokens) or tokens.dtype.kind not in "iu":
            raise ValueError(f"tokens must be integers (N, {self.length}), got {tokens.dtype} {tokens.shape}")
        if not 0 <= tokens.min() <= tokens.max() < self.tokens:
            raise ValueError(f"tokens must be in [0, {self.tokens}), got {tokens.min()} to {tokens.max()}")
        if (labels is None) != (self.label is None) or (labels is not None and numpy.shape(labels) != (len(tokens),)):
            wanted = "None, as the model has no classes" if self.label is None else f"of shape ({len(tokens)},)"
            raise ValueError(f"labels must be {wanted}, got {None if labels is None else numpy.shape(labels)}")
        wanted = None if self.context is None else (*tokens.shape, self.context.w.shape[0])
        if (None if context is None else np.shape(context)) != wanted:
            raise ValueError(f"context must have shape {wanted}, got {None if context is None else np.shape(context)}")
        return tokens


def _choose(logits: numpy.ndarray, u: numpy.ndarray) -> numpy.ndarray:
    """The class at which the running sum of softmax(logits) (N, K) passes u (N,) in [0, 1): (N,)."""
    p = numpy.exp((logits - logits.max(axis=1, keepdims=True)).astype(numpy.float64))
    total = numpy.cumsum(p, axis=1)  # (N, K)
    return numpy.minimum((total <= u[:, None] * total[:, -1:]).sum(axis=1), logits.shape[1] - 1)
