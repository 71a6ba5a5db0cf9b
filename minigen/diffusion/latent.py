"""Latent diffusion: the diffusion model works on the codes of an autoencoder instead of on pixels.

    factor = unit_scale(encode(images))                          # once, before training
    model = LatentDiffusion(encode, decode, factor, net, schedule, shape)
    loss = model.loss(images, rng, y)                            # `Diffusion` of factor * encode(images)
    images = model.sample(rng, 100, y, w=1.0)                    # its samples, divided by the factor and decoded

Two trainings, one after the other. An autoencoder maps images to small grids of numbers and back: it removes
invisible details. Its codes are regularized, by a KL term of small weight or by vector quantization, so that their
variance is not arbitrarily high. Then the autoencoder is frozen, and a diffusion model learns the distribution of its
codes, at a fraction of the cost. The autoencoder is not part of this file: any pair of functions, `encode` and
`decode`, will do.

A condition, such as the words of a caption, enters by cross-attention: each position of the grid gives a query, and the
words give keys and values. Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models", 2022.
"""

from collections.abc import Callable
from typing import Any

import autograd.numpy as np
import numpy
from numpy.typing import NDArray

from minigen import checks
from minigen.checks import checked, function, positive, whole
from minigen.diffusion.model import Diffusion
from minigen.diffusion.networks.unet import GROUPS, AdaptiveResidualBlock, AttentionBlock, GlobalMLP
from minigen.diffusion.schedule import Schedule
from minigen.nn import Conv2d, Embedding, GroupNorm, Linear, Module, TimeEmbedding
from minigen.tensor import batched, like, silu, softmax, stop_gradient
from minigen.types import Array, Rng

# ------------------------------------------------------------------------------------------- the equations


def unit_scale(latents: Any) -> float:
    """1/standard deviation of all entries of the latents (N, ...), whatever their axes: the factor that makes it 1.

    A noise schedule is made for data of standard deviation 1. ValueError: latents that are all equal, none at all, or
    not finite. Rombach et al. 2022, appendix G.
    """
    latents = checks.array("latents", stop_gradient(latents), "N", ...)
    deviation = float(numpy.std(latents, dtype=numpy.float64))
    if deviation == 0:
        raise ValueError("latents must not be all equal: their standard deviation is 0")
    return 1 / deviation


@checked(q="..., L, d", k="..., M, d", v="..., M, d_v")
def cross_attention(q: Array, k: Array, v: Array) -> Array:
    """softmax(q kᵀ/√d) v: queries (..., L, d), keys (..., M, d), values (..., M, d_v) -> (..., L, d_v).

    Each of the L queries gets a mean of the M values; the weights are a softmax over its products with the M keys. Axes
    before the last two (examples, heads) are alike. ValueError: shapes that do not fit. Eq. diffusion.30
    """
    scores = np.matmul(q, np.swapaxes(k, -1, -2)) / numpy.sqrt(np.shape(q)[-1]).astype(q.dtype)  # (..., L, M)
    return np.matmul(softmax(scores), v)


# ------------------------------------------------------------------------------------------- the network


class CrossAttentionBlock(Module):
    """x + cross-attention from the positions of x (N, H, W, C) to a context (N, M, dim_context).

    Queries are linear in the positions, keys and values in the context, each of `heads` heads. Starts as the identity.
    ValueError: heads that do not divide the channels. Eq. diffusion.30
    """

    def __init__(self, rng: Rng, channels: int, dim_context: int, heads: int = 4):
        if checks.whole("channels", channels) % checks.whole("heads", heads):
            raise ValueError(f"heads must divide channels, got heads={heads} and channels={channels}")
        self.heads = heads
        self.norm = GroupNorm(GROUPS, channels)
        self.query = Linear(rng, channels, channels)
        self.key = Linear(rng, dim_context, channels)
        self.value = Linear(rng, dim_context, channels)
        self.out = Linear(rng, channels, channels, scale=0.0)

    def __call__(self, x: Array, context: Array) -> Array:
        n, height, width, c = np.shape(x)
        tokens = np.reshape(self.norm(x), (n, height * width, c))  # (N, H W, C)
        q, k, v = (self._split(a) for a in (self.query(tokens), self.key(context), self.value(context)))
        seen = np.transpose(cross_attention(q, k, v), (0, 2, 1, 3))  # (N, H W, heads, C/heads)
        return x + np.reshape(self.out(np.reshape(seen, (n, height * width, c))), (n, height, width, c))

    def _split(self, a: Array) -> Array:
        """(N, L, C) -> (N, heads, L, C/heads)."""
        n, length, c = np.shape(a)
        return np.transpose(np.reshape(a, (n, length, self.heads, c // self.heads)), (0, 2, 1, 3))


class LatentNet(Module):
    """net(z, t, y=None): latents (N, H, W, channels), times (N,), words (N, M) -> v or the noise, shaped as z.

    A U-Net whose grid is too small to be made smaller: residual blocks with the time, attention among the positions and
    a fully connected network over all of them, and cross-attention to the words before and behind.

    words:  size of the vocabulary. y holds integers 0 ... words − 1, M of them for each example, in any order; (N,) is
            one word each. −1 is no word, and None no word for all: what an example without a condition gets.
    length: words of the longest caption. Shorter ones are filled up with −1, as if words had been left out of a longer
            one: with fewer positions the same word would have a larger weight in the attention.
    width:  channels of the hidden layers, a multiple of 8. blocks: residual blocks on either side. global_mlp:
            hidden units of the fully connected network. ValueError: shapes, sizes or words that do not fit.
    """

    @checked(rng=Rng, length=whole, words=whole, channels=whole)
    def __init__(
        self,
        rng: Rng,
        words: int,
        length: int = 1,
        channels: int = 4,
        size: tuple[int, int] = (7, 7),
        width: int = 64,
        blocks: int = 1,
        global_mlp: int = 512,
        dim_context: int = 64,
    ):
        self.words, self.length = words, length
        self.channels = channels
        if checks.whole("width", width) % GROUPS:
            raise ValueError(f"width must be a multiple of {GROUPS}, got {width}")
        if len(checks.wholes("size", size)) != 2:
            raise ValueError(f"size must be (H, W), got {size}")
        dim_time = 4 * width
        self.size = (size[0], size[1])
        self.time = TimeEmbedding(rng, width, dim_time)
        self.context = Embedding(rng, words + 1, checks.whole("dim_context", dim_context))
        self.conv_in = Conv2d(rng, channels, width, 3, padding=1)
        self.before = [
            AdaptiveResidualBlock(rng, width, width, dim_time) for _ in range(checks.whole("blocks", blocks))
        ]
        self.ask_before = CrossAttentionBlock(rng, width, dim_context)
        self.attention = AttentionBlock(rng, width)
        self.global_mlp = GlobalMLP(rng, self.size, width, dim_time, checks.whole("global_mlp", global_mlp))
        self.ask_behind = CrossAttentionBlock(rng, width, dim_context)
        self.behind = [AdaptiveResidualBlock(rng, width, width, dim_time) for _ in range(blocks)]
        self.norm = GroupNorm(GROUPS, width, activation="silu")
        self.conv_out = Conv2d(rng, width, channels, 3, padding=1, scale=0.0)

    def __call__(self, z: Array, t: numpy.ndarray, y: numpy.ndarray | None = None) -> Array:
        z = checks.array("z", z, "N", *self.size, self.channels, finite=False)
        time = silu(self.time(t))  # (N, dim_time)
        context = self.context(self._items(y, len(z)))  # (N, length, dim_context)
        h = self.conv_in(z)  # (N, H, W, width)
        for block in self.before:
            h = block(h, time)
        h = self.global_mlp(self.attention(self.ask_before(h, context)), time)
        h = self.ask_behind(h, context)
        for block in self.behind:
            h = block(h, time)
        return like(self.conv_out(self.norm(h)), z)

    def _items(self, y: numpy.ndarray | None, n: int) -> numpy.ndarray:
        """Rows of the embedding, (N, length): 0 for no word, 1 + the word otherwise."""
        items = numpy.zeros((n, self.length), int)
        if y is None:
            return items
        y = checks.integers("y", y, least=-1, most=self.words - 1)
        given = numpy.reshape(y, (n, -1)) if np.ndim(y) in (1, 2) and len(y) == n and np.size(y) else None
        if given is None or given.shape[1] > self.length:
            shapes = " or ".join([f"({n},)", *([f"({n}, 1 ... {self.length})"] if self.length > 1 else [])])
            raise ValueError(f"y must have shape {shapes}, one row for each example, got {np.shape(y)}")
        items[:, : given.shape[1]] = 1 + given
        return items


# ------------------------------------------------------------------------------------------- the whole model


class LatentDiffusion(Module):
    """A diffusion model of scaled latents between an encoder and a decoder: loss(x, rng, y), sample(rng, n, y=None).

    encode:   images (N, ...) -> latents (N, *shape), decode: latents -> images. Two functions, or two models, which are
              frozen here and, other than functions, written to the file of this model.
    factor:   latents times this have standard deviation 1: `unit_scale`.
    net:      called (z, t, y=None) with scaled latents, predicts v in the shape of z.
    schedule, shape, drop: as for `Diffusion`, the part that is trained; `shape` is that of the latents of one image.

    Raises ValueError for arguments that do not fit.
    """

    @checked(encode=function, decode=function, factor=positive)
    def __init__(
        self,
        encode: Callable,
        decode: Callable,
        factor: float,
        net: Callable,
        schedule: Schedule,
        shape: int | tuple[int, ...],
        drop: float = 0.1,
    ):
        self.encode = encode.freeze() if isinstance(encode, Module) else encode
        self.decode = decode.freeze() if isinstance(decode, Module) else decode
        self.factor = factor
        self.diffusion = Diffusion(net, schedule, shape, predicts="v", drop=drop)

    def loss(self, x: Array, rng: Rng, y: Any = None) -> Array:
        """Return `Diffusion.loss` of the scaled latents of images x (N, ...), a scalar."""
        return self.diffusion.loss(numpy.float32(self.factor) * self.encode(x), rng, y)

    def sample(
        self,
        rng: Rng,
        n: int,
        y: Any = None,
        *,
        w: float = 0.0,
        steps: int | None = 25,
        eta: float = 0.0,
        progress: str | None = None,
    ) -> NDArray[numpy.float32]:
        """Return n images (n, ...): what `Diffusion.sample` returns for these arguments, decoded 500 at a time."""
        z = self.diffusion.sample(rng, n, y, w=w, steps=steps, eta=eta, progress=progress)
        return batched(self.decode, z / numpy.float32(self.factor))
