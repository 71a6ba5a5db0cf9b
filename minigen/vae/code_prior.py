"""A prior over the codes of a VQ-VAE: a causal transformer, one token at a time given those before it.

    p(tokens) = p(token 0) p(token 1 | token 0) p(token 2 | tokens 0, 1) ...

The input is the sequence shifted by one, with a start token in front: at position i the network has seen tokens 0..i-1
and outputs logits for token i. Causal attention lets all positions be computed at once in training. Sampling goes
position by position, and keeps the keys and values of those that are done. Vaswani et al. 2017; van den Oord et al.
2017 for a learned prior over codes.
"""

from collections.abc import Sequence
from typing import Any

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import checked, positive, whole, wholes
from minigen.nn import Embedding, LayerNorm, Linear, Module, TransformerBlock
from minigen.tensor import batched, cross_entropy
from minigen.types import Array, Float32, Int64, Rng


class CausalTransformer(Module):
    """Tokens (N, L), integers in [0, tokens) -> logits (N, L, tokens); those at i depend on tokens 0..i-1 only.

    tokens, length: size of the vocabulary, and L. width, heads, layers: of the network; heads divides width.
    classes: with labels (N,), integers in [0, classes), the model is that of the tokens given the label.
    context: with features (N, L, context), it is that of the tokens given these; position i sees those of 0..i.
    back: which tokens are the input at a position, counted back from it: the one before; (1, w - 1, w, w + 1) adds the
    neighbors above in an image with rows of w tokens. Attention reaches all earlier ones in any case.
    """

    @checked(length=whole, tokens=whole, back=wholes)
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
        self.tokens, self.length = tokens, length
        self.back = tuple(back)
        if not self.back:
            raise ValueError("back must name at least one distance, got none")
        if checks.whole("width", width) % checks.whole("heads", heads):
            raise ValueError(f"heads must divide width, got heads={heads} and width={width}")
        checks.whole("layers", layers)
        for name, value in (("classes", classes), ("context", context)):
            if value is not None:
                checks.whole(name, value)
        scale = width**-0.5
        self.token = [Embedding(rng, tokens + 1, width, scale) for _ in back]  # the last row is the start token
        self.position = Embedding(rng, length, width, scale)
        self.label: Any = None if classes is None else Embedding(rng, classes, width, scale)
        self.context: Any = None if context is None else Linear(rng, context, width)
        self.blocks = [TransformerBlock(rng, width, heads) for _ in range(layers)]
        self.norm, self.head = LayerNorm(width), Linear(rng, width, tokens)

    def __call__(
        self, tokens: numpy.ndarray, labels: numpy.ndarray | None = None, context: Array | None = None
    ) -> Array:
        """Logits (N, L, tokens). Raises ValueError for tokens, labels or context that do not fit."""
        tokens = self._check(tokens, labels, context)
        start = numpy.full((len(tokens), max(self.back)), self.tokens)
        padded = numpy.concatenate([start, tokens], axis=1)  # (N, max back + L): token i is at i + max back
        x = self.position(numpy.arange(self.length)) + self._given(labels, context)  # (N or 1, L or 1, width)
        for k, embed in zip(self.back, self.token):
            first = max(self.back) - k
            x = x + embed(padded[:, first : first + self.length])  # (N, L, width)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))

    def log_prob(
        self, tokens: numpy.ndarray, labels: numpy.ndarray | None = None, context: Array | None = None
    ) -> Float32:
        """log p(tokens), or log p(tokens | labels, context): (N, L) -> (N,), nats for each sequence."""
        return -np.sum(cross_entropy(self(tokens, labels, context), tokens), axis=1)

    def loss(self, tokens: numpy.ndarray, labels: numpy.ndarray | None = None, context: Array | None = None) -> Array:
        """Return the mean negative log-likelihood of a batch, a scalar, nats for each sequence."""
        return -np.mean(self.log_prob(tokens, labels, context))

    @checked(rng=Rng, n=whole, temperature=positive, rows=whole)
    def sample(
        self,
        rng: Rng,
        n: int,
        labels: numpy.ndarray | None = None,
        context: numpy.ndarray | None = None,
        *,
        temperature: float = 1.0,
        rows: int = 500,
    ) -> Int64:
        """`n` sequences (n, L), int64, drawn token by token, `rows` of them at a time.

        A temperature below 1 makes likely tokens likelier: logits are divided by it.
        Raises ValueError for labels or context that do not fit.
        """
        self._check(numpy.zeros((n, self.length), int), labels, context)
        labels, context = (a if a is None else numpy.asarray(a) for a in (labels, context))

        def draw(which: Array, labels: Array | None, context: Array | None) -> Array:
            return self._draw(rng, len(which), labels, context, temperature)

        return batched(draw, numpy.arange(n), labels, context, size=rows)

    def _draw(self, rng: Rng, n: int, labels: Array | None, context: Array | None, temperature: float) -> Array:
        width, heads = self.position.table.shape[1], self.blocks[0].attention.heads
        caches = [numpy.empty((2, n, heads, self.length, width // heads), numpy.float32) for _ in self.blocks]
        given = numpy.broadcast_to(self._given(labels, context), (n, self.length, width))
        start = max(self.back)
        padded = numpy.full((n, start + self.length), self.tokens)  # token i is at i + max back
        for i in range(self.length):
            x = self.position.table[i] + given[:, i]  # (n, width)
            for k, embed in zip(self.back, self.token):
                x = x + embed(padded[:, start + i - k])
            for block, cache in zip(self.blocks, caches):
                x = block.step(x, cache, i)
            logits = self.head(self.norm(x)) / numpy.float32(temperature)  # (n, tokens)
            padded[:, start + i] = _choose(logits, rng.random(n, dtype=numpy.float32))
        return padded[:, start:]

    def _given(self, labels: Array | None, context: Array | None) -> Array:
        """What label and context add at all positions: (N, L or 1, width), or a zero."""
        label = 0 if labels is None else self.label(labels)[:, None]  # (N, 1, width)
        return numpy.zeros((1, 1, 1), numpy.float32) + label + (0 if context is None else self.context(context))

    def _check(self, tokens: Array, labels: Array | None, context: Array | None) -> Array:
        tokens = checks.integers("tokens", tokens, "N", self.length, most=self.tokens - 1)
        if (labels is None) != (self.label is None) or (labels is not None and numpy.shape(labels) != (len(tokens),)):
            wanted = "None, as the model has no classes" if self.label is None else f"of shape ({len(tokens)},)"
            raise ValueError(f"labels must be {wanted}, got {None if labels is None else numpy.shape(labels)}")
        if self.label is not None:
            checks.integers("labels", labels, most=len(self.label.table) - 1)
        wanted = None if self.context is None else (*tokens.shape, self.context.w.shape[0])
        if (None if context is None else np.shape(context)) != wanted:
            raise ValueError(f"context must have shape {wanted}, got {None if context is None else np.shape(context)}")
        return tokens


def _choose(logits: numpy.ndarray, u: numpy.ndarray) -> numpy.ndarray:
    """The class at which the running sum of softmax(logits) (N, K) passes u (N,) in [0, 1): (N,)."""
    p = numpy.exp((logits - logits.max(axis=1, keepdims=True)).astype(numpy.float64))
    total = numpy.cumsum(p, axis=1)  # (N, K)
    return numpy.minimum((total <= u[:, None] * total[:, -1:]).sum(axis=1), logits.shape[1] - 1)
