"""A diffusion transformer: a model of the noise made of attention blocks on the patches of an image.

The image is cut into patches, each becomes a token, and the blocks are those of a vision transformer. What is new is
how the condition c (the time step and the label) enters. With "adaln-zero" it sets the scale and shift behind each
layer norm, and a gate on each sublayer that starts at zero, so that every block starts as the identity; with
"in-context" it is two more tokens; with "cross-attention" each block attends to it. Peebles and Xie, "Scalable
Diffusion Models with Transformers", 2023.
"""

from typing import Any

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import checked, floats
from minigen.nn import MLP, Embedding, LayerNorm, Linear, Module, MultiHeadAttention, TimeEmbedding, sinusoidal
from minigen.tensor import layer_norm, like, silu
from minigen.types import Array, Rng

EPS = 1e-6  # of the layer norms
CONDITIONINGS = ("in-context", "cross-attention", "adaln-zero")

# ------------------------------------------------------------------------------------------- patches and positions


@checked(x="N, H, W, C")
def patchify(x: Array, size: int) -> Array:
    """Images (N, H, W, C) -> tokens (N, H/size · W/size, size² C), row by row; in a token (row, column, channel).

    ValueError: size that does not divide H and W.
    """
    n, height, width, c = np.shape(x)
    _check_size(size, height, width)
    x = np.reshape(x, (n, height // size, size, width // size, size, c))
    x = np.transpose(x, (0, 1, 3, 2, 4, 5))  # (N, H/size, W/size, size, size, C)
    return np.reshape(x, (n, (height // size) * (width // size), size * size * c))


def unpatchify(tokens: Array, size: int, height: int, width: int) -> Array:
    """Tokens (N, H/size · W/size, size² C) -> images (N, H, W, C) of `height` × `width` pixels: undoes `patchify`.

    ValueError: size that does not divide height and width, tokens of another shape.
    """
    _check_size(size, height, width)
    rows, columns = height // size, width // size
    tokens = checks.array("tokens", tokens, "N", rows * columns, "size² C")
    n, _, dim = np.shape(tokens)
    if dim % (size * size):
        raise ValueError(f"tokens must have a multiple of size² = {size * size} features, got {dim}")
    x = np.reshape(tokens, (n, rows, columns, size, size, dim // size**2))
    x = np.transpose(x, (0, 1, 3, 2, 4, 5))  # (N, H/size, size, W/size, size, C)
    return np.reshape(x, (n, height, width, dim // size**2))


def sincos_2d(height: int, width: int, dim: int) -> numpy.ndarray:
    """Sines and cosines of the positions of a grid, (height · width, dim) float32, row by row.

    The first half of the features is for the column, the second for the row; each is [sin, cos] of the position times
    10000^(−k/(dim/4)), k = 0 ... dim/4 − 1. ValueError: dim not a multiple of 4.
    """
    if checks.whole("dim", dim) % 4:
        raise ValueError(f"dim must be a multiple of 4, got {dim}")
    row, column = numpy.indices((checks.whole("height", height), checks.whole("width", width)))
    halves = [sinusoidal(place.ravel(), dim // 2) for place in (column, row)]  # (height · width, dim/2) each
    return numpy.concatenate(halves, axis=1)


# ------------------------------------------------------------------------------------------- blocks


@checked(x=floats)
def modulate(x: Array, shift: Array, scale: Array) -> Array:
    """x (1 + scale) + shift, the same for all tokens of an example: x (N, L, D), shift and scale (N, D)."""
    if len(np.shape(x)) != 3:
        raise ValueError(f"x must have shape (N, L, D), got {np.shape(x)}")
    n, _, dim = np.shape(x)
    shift, scale = checks.array("shift", shift, n, dim), checks.array("scale", scale, n, dim)
    return like(x * (1 + scale[:, None]) + shift[:, None], x)  # (N, L, D)


class DiTBlock(Module):
    """An attention block with adaptive layer norms and gates: x (N, L, dim), c (N, dim) -> (N, L, dim).

    A linear map of silu(c) gives shift, scale and gate of the attention, then those of the MLP. It starts at zero, so
    that the block starts as the identity. ratio: hidden width of the MLP over dim. ValueError: heads not dividing dim.
    """

    def __init__(self, rng: Rng, dim: int, heads: int, ratio: int = 4):
        self.attention = MultiHeadAttention(rng, dim, heads)
        self.mlp = MLP(rng, [dim, ratio * dim, dim], "gelu")
        self.modulation = Linear(rng, dim, 6 * dim, scale=0.0)

    def __call__(self, x: Array, c: Array) -> Array:
        shift1, scale1, gate1, shift2, scale2, gate2 = _parts(self.modulation(silu(c)), 6)
        h = x + gate1[:, None] * self.attention(modulate(norm(x), shift1, scale1))
        return like(h + gate2[:, None] * self.mlp(modulate(norm(h), shift2, scale2)), x)


class FinalLayer(Module):
    """The adaptive layer norm and linear map behind the blocks: x (N, L, dim), c (N, dim) -> (N, L, outputs), zero at
    the start."""

    def __init__(self, rng: Rng, dim: int, outputs: int):
        self.modulation = Linear(rng, dim, 2 * dim, scale=0.0)
        self.out = Linear(rng, dim, outputs, scale=0.0)

    def __call__(self, x: Array, c: Array) -> Array:
        shift, scale = _parts(self.modulation(silu(c)), 2)
        return like(self.out(modulate(norm(x), shift, scale)), x)


class TransformerBlock(Module):
    """x + attention, [x + cross-attention to a context], x + MLP, each behind a layer norm: x (N, L, dim) -> the same.

    With `cross` it is called with a context (N, M, dim), to which the tokens attend.
    """

    def __init__(self, rng: Rng, dim: int, heads: int, ratio: int = 4, cross: bool = False):
        self.norm1 = LayerNorm(dim, EPS)
        self.attention = MultiHeadAttention(rng, dim, heads)
        self.norm_cross = LayerNorm(dim, EPS) if cross else None
        self.cross = MultiHeadAttention(rng, dim, heads) if cross else None
        self.norm2 = LayerNorm(dim, EPS)
        self.mlp = MLP(rng, [dim, ratio * dim, dim], "gelu")

    def __call__(self, x: Array, context: Array | None = None) -> Array:
        x = x + self.attention(self.norm1(x))
        if self.cross is not None and self.norm_cross is not None:
            x = x + self.cross(self.norm_cross(x), context)
        return x + self.mlp(self.norm2(x))


def norm(x: Array) -> Array:
    """Layer norm over the last axis without weights of its own."""
    dim = np.shape(x)[-1]
    return layer_norm(x, numpy.ones(dim, x.dtype), numpy.zeros(dim, x.dtype), EPS)


# ------------------------------------------------------------------------------------------- the network


class DiT(Module):
    """eps_model(x, t, y=None): images (N, H, W, channels), time steps (N,), labels (N,) -> the noise in them, zero at
    the start.

    size: (H, W), of which `patch` is a divisor. dim: width of the tokens, a multiple of 4 and of `heads`.
    classes: labels are integers in 0 ... classes − 1; −1, or None for all, is no condition.
    conditioning: "adaln-zero", "in-context" or "cross-attention".
    ValueError: sizes that do not fit, x, t or y of another shape, labels out of range.
    """

    buffers = ("positions",)
    norm: Any  # LayerNorm; None with "adaln-zero", where it is in the last layer
    final: Any  # FinalLayer with "adaln-zero", else Linear

    def __init__(
        self,
        rng: Rng,
        size: tuple[int, int] = (28, 28),
        channels: int = 1,
        patch: int = 4,
        dim: int = 128,
        depth: int = 4,
        heads: int = 4,
        classes: int | None = None,
        conditioning: str = "adaln-zero",
    ):
        if len(checks.wholes("size", size)) != 2:
            raise ValueError(f"size must be (H, W), got {size}")
        checks.whole("depth", depth)
        if checks.whole("dim", dim) % 4:
            raise ValueError(f"dim must be a multiple of 4, got {dim}")
        if dim % checks.whole("heads", heads):
            raise ValueError(f"heads must divide dim, got heads={heads} and dim={dim}")
        self.height, self.width = size
        self.channels, self.patch = checks.whole("channels", channels), patch
        self.classes = None if classes is None else checks.whole("classes", classes)
        self.conditioning = checks.choice("conditioning", conditioning, CONDITIONINGS)
        _check_size(patch, self.height, self.width, "patch")
        features = patch * patch * channels
        self.positions = sincos_2d(self.height // patch, self.width // patch, dim)  # (L, dim)
        self.proj_in = Linear(rng, features, dim)
        self.time = TimeEmbedding(rng, dim, dim)
        self.label = None if classes is None else Embedding(rng, classes + 1, dim, scale=0.02)  # the last: no label
        self.blocks = [self._block(rng, dim, heads) for _ in range(checks.whole("depth", depth))]
        adaptive = conditioning == "adaln-zero"
        self.norm = None if adaptive else LayerNorm(dim, EPS)
        self.final = FinalLayer(rng, dim, features) if adaptive else Linear(rng, dim, features, scale=0.0)

    def __call__(self, x: Array, t: numpy.ndarray, y: numpy.ndarray | None = None) -> Array:
        x = checks.array("x", x, "N", self.height, self.width, self.channels)
        tokens = self.proj_in(patchify(x, self.patch)) + self.positions  # (N, L, dim)
        tokens = self._run(tokens, self._conditions(t, y, len(x)))  # (N, L, patch² channels)
        out = unpatchify(tokens, self.patch, self.height, self.width)  # (N, H, W, channels)
        return like(out, x)

    def _block(self, rng: Rng, dim: int, heads: int) -> Module:
        if self.conditioning == "adaln-zero":
            return DiTBlock(rng, dim, heads)
        return TransformerBlock(rng, dim, heads, cross=self.conditioning == "cross-attention")

    def _conditions(self, t: numpy.ndarray, y: numpy.ndarray | None, n: int) -> list[Array]:
        """The embeddings (N, dim) of the time steps and, with classes, of the labels."""
        t = numpy.asarray(t)
        if t.dtype.kind not in "iuf" or t.shape not in ((), (n,)):
            raise ValueError(f"t must be one time step or have shape ({n},), got {t.dtype} of shape {t.shape}")
        conditions = [self.time(numpy.broadcast_to(t, (n,)))]
        if self.label is None or self.classes is None:
            if y is not None:
                raise ValueError("y must be None for a model without classes")
            return conditions
        labels = numpy.full(n, -1) if y is None else checks.integers("y", y, n, least=-1, most=self.classes - 1)
        return [*conditions, self.label(numpy.where(labels < 0, self.classes, labels))]

    def _run(self, tokens: Array, conditions: list[Array]) -> Array:
        """All blocks and the last layer: (N, L, dim) -> (N, L, patch² channels)."""
        if self.conditioning == "adaln-zero":
            c = sum(conditions)  # (N, dim)
            for block in self.blocks:
                tokens = block(tokens, c)
            return self.final(tokens, c)
        context = np.stack(conditions, axis=1)  # (N, 1 or 2, dim)
        length = np.shape(tokens)[1]
        if self.conditioning == "in-context":
            tokens, context = np.concatenate([tokens, context], axis=1), None
        for block in self.blocks:
            tokens = block(tokens, context)
        return self.final(self.norm(tokens[:, :length]))


# ------------------------------------------------------------------------------------------- what they share


def _parts(a: Array, count: int) -> list[Array]:
    """(N, count · dim) cut into `count` arrays (N, dim)."""
    dim = np.shape(a)[1] // count
    return [a[:, k * dim : (k + 1) * dim] for k in range(count)]


def _check_size(size: int, height: int, width: int, name: str = "size") -> None:
    checks.whole(name, size)
    if height % size or width % size:
        raise ValueError(f"{name} must divide the height and width, {height} x {width}, got {size}")
