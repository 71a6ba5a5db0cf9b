"""A small U-Net: a model of the noise in an image.

    28 x 28 x 1 -> 14 x 14 x 4 -conv_in-> 14 x 14 x width, blocks -------- skip --------> blocks -conv_out-> 28 x 28 x 1
                                              |                                              ^
                                          downsample                                     upsample
                                              v                                              |
                                          7 x 7 x 2 width: blocks, attention, global MLP, blocks

First each block of 2 x 2 pixels becomes one position with 4 channels: nothing is lost, and every convolution costs a
quarter. On the way down the resolution falls and the channels grow in number, so that the lowest level sees the whole
image; on the way up the skip connection brings back the details. The time step enters every residual block.
Ronneberger et al. 2015 for the shape; Ho et al. 2020 for residual blocks, group norm and attention in it.

With `classes` the network is conditional. The label's embedding is added to that of the time step, and both enter each
residual block by adaptive group normalization (`adagn`), as in Dhariwal and Nichol 2021.

The global MLP (`GlobalMLP`) is an addition to these papers, and optional. A convolution computes the same at every
position, and attention compares contents, not positions; both learn positions only from the borders inwards. For
images in which every position has its own meaning, such as centered digits, a small fully connected network over all
positions of the lowest level has weights for each of them, and costs about as much as one convolution.
"""

from typing import Any

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import Sized, checked, nonnegative, unchecked, whole
from minigen.diffusion.ddpm import join_output, split_output
from minigen.nn import (
    Conv2d,
    Embedding,
    GroupNorm,
    Linear,
    Module,
    MultiHeadAttention,
    ResidualBlock,
    TimeEmbedding,
    depth_to_space,
    space_to_depth,
)
from minigen.tensor import group_norm, like, silu, upsample_nearest
from minigen.types import Array, Rng

GROUPS = 8  # of every group norm


@checked(depth=whole, size=whole)
def unet_sizes(size: int, depth: int = 4) -> tuple[list[int], list[int]]:
    """Side lengths in the original U-Net: after the two convolutions of each level, down (depth + 1) and up (depth).

    A 3 x 3 convolution without padding takes 2 off a side. Down: two convolutions, then pooling halves; `depth` times,
    and two more convolutions at the bottom. Up: doubling, then two convolutions. Of 572 pixels 388 come out.
    ValueError: a side that is odd where it is to be halved, or that is used up. Ronneberger et al. 2015, figure 1.
    """
    side = size
    down, up = [], []
    for level in range(depth + 1):
        side = (side if level == 0 else side // 2) - 4
        if side < 1 or (side % 2 and level < depth):
            raise ValueError(f"size must leave an even side at each of {depth} levels, got {size}: {side} at {level}")
        down.append(side)
    for _ in range(depth):
        side = 2 * side - 4
        if side < 1:
            raise ValueError(f"size must leave an image at the end, got {size}")
        up.append(side)
    return down, up


@checked(
    h=Sized("N, ..., C", finite=False),
    scale=Sized("N, C", finite=False),
    shift=Sized("N, C", finite=False),
    groups=whole,
    eps=nonnegative,
)
def adagn(h: Array, scale: Array, shift: Array, groups: int, eps: float = 1e-5, activation: str | None = None) -> Array:
    """Adaptive group normalization, group_norm(h) (1 + scale) + shift: h (N, ..., C), scale and shift (N, C).

    The norm has no weights of its own. `activation` is applied to the result, in the same operation. The result has the
    dtype of h. Dhariwal and Nichol 2021. Raises ValueError if `groups` does not divide C.
    """
    return group_norm(h, 1 + like(scale, h), like(shift, h), groups, eps, activation)


class AdaptiveResidualBlock(Module):
    """A residual block whose second norm is `adagn`, scale and shift linear in the condition (N, dim_condition).

    x (N, H, W, c_in) -> (N, H, W, c_out). The last convolution starts at zero, so the block starts as the identity, or
    as a 1×1 convolution where c_in and c_out differ.
    """

    def __init__(self, rng: Rng, c_in: int, c_out: int, dim_condition: int, groups: int = GROUPS):
        self.groups = groups
        self.norm1 = GroupNorm(groups, c_in, activation="silu")
        self.conv1 = Conv2d(rng, c_in, c_out, 3, padding=1)
        self.modulation = Linear(rng, dim_condition, 2 * c_out)
        self.conv2 = Conv2d(rng, c_out, c_out, 3, padding=1, scale=0.0)
        self.skip = None if c_in == c_out else Conv2d(rng, c_in, c_out, 1)

    def __call__(self, x: Array, condition: Array) -> Array:
        h = self.conv1(self.norm1(x))  # (N, H, W, c_out)
        modulation = self.modulation(condition)  # (N, 2 c_out)
        scale, shift = modulation[:, : h.shape[3]], modulation[:, h.shape[3] :]
        h = self.conv2(unchecked(adagn)(h, scale, shift, self.groups, activation="silu"))
        return h + (x if self.skip is None else self.skip(x))


class AttentionBlock(Module):
    """x + attention among all positions of x (N, H, W, C); starts as the identity."""

    def __init__(self, rng: Rng, channels: int, heads: int = 4, groups: int = GROUPS):
        self.norm = GroupNorm(groups, channels)
        self.attention = MultiHeadAttention(rng, channels, heads, out_scale=0.0)

    def __call__(self, x: Array) -> Array:
        n, height, width, c = np.shape(x)
        tokens = np.reshape(self.norm(x), (n, height * width, c))  # (N, H W, C)
        return x + np.reshape(self.attention(tokens), (n, height, width, c))


class GlobalMLP(Module):
    """x + a multilayer perceptron of all positions together; x (N, H, W, C) of one size; starts as the identity.

    `proj_in` reduces each position (H, W) = `positions` to a few `features`; all of them, in one vector, go through
    layers of `hidden` units (residual, but for the first and the last) to as many features again; `proj_out` maps
    these back to channels. Raises ValueError for another size.
    """

    def __init__(
        self, rng: Rng, positions: tuple[int, int], channels: int, dim_time: int, hidden: int, features: int = 16
    ):
        self.positions = positions
        flat = positions[0] * positions[1] * features
        self.norm = GroupNorm(GROUPS, channels)
        self.proj_in = Linear(rng, channels, features)
        self.first = Linear(rng, flat, hidden)
        self.time = Linear(rng, dim_time, hidden)
        self.layers = [Linear(rng, hidden, hidden, "silu") for _ in range(3)]
        self.last = Linear(rng, hidden, flat, "silu")
        self.proj_out = Linear(rng, features, channels, scale=0.0)

    def __call__(self, x: Array, time: Array) -> Array:
        n, height, width, _ = np.shape(x)
        if (height, width) != self.positions:
            raise ValueError(
                f"x must have {self.positions} positions at the lowest level, for which this network was made, "
                f"got {(height, width)}"
            )
        flat = np.reshape(self.proj_in(self.norm(x)), (n, -1))  # (N, H W features)
        h = silu(self.first(flat) + self.time(time))  # (N, hidden)
        for layer in self.layers:
            h = h + layer(h)
        return x + self.proj_out(np.reshape(self.last(h), (n, height, width, -1)))  # (N, H, W, C)


class UNet(Module):
    """eps_model(x, t, y=None): images (N, H, W, channels), time steps (N,), labels (N,) -> the noise, shaped as x.

    H and W must be multiples of 4.

    width:    channels of the upper level (a multiple of 8); the lower one has twice as many.
    blocks:   residual blocks of each level on the way down, as many on the way up.
    learned_variance: return (eps, v), v being in the same shape, for the hybrid loss. Starts as eps = 0 (and v = 0).
    global_mlp: hidden units of a fully connected network (`GlobalMLP`) over all positions of the lowest level, for
              images of size `size` only; None leaves it out, and the network takes images of any size.
    classes:  number of labels y, integers 0 ... classes − 1; −1, or None for all, is no condition. None: no labels.
    vectors:  y may also be vectors (N, vectors), such as embeddings of texts; a row of zeros is no condition. What they
              add starts as zero.

    Raises ValueError for shapes, sizes or labels that do not fit.
    """

    @checked(rng=Rng, channels=whole, blocks=whole)
    def __init__(
        self,
        rng: Rng,
        channels: int = 1,
        width: int = 32,
        blocks: int = 1,
        learned_variance: bool = False,
        global_mlp: int | None = None,
        size: tuple[int, int] = (28, 28),
        classes: int | None = None,
        vectors: int | None = None,
    ):
        if checks.whole("width", width) % GROUPS:
            raise ValueError(f"width must be a multiple of {GROUPS}, got {width}")
        for name, count in (("global_mlp", global_mlp), ("classes", classes), ("vectors", vectors)):
            if count is not None:
                checks.whole(name, count)
        if len(checks.wholes("size", size)) != 2:
            raise ValueError(f"size must be (H, W), got {size}")
        if global_mlp is not None and (size[0] % 4 or size[1] % 4):
            raise ValueError(f"size must be two multiples of 4, got {size}")
        dim_time, low = 4 * width, 2 * width

        def block(c_in: int, c_out: int) -> AdaptiveResidualBlock | ResidualBlock:
            if classes is not None or vectors is not None:
                return AdaptiveResidualBlock(rng, c_in, c_out, dim_time)
            groups = (GROUPS, GROUPS)
            return ResidualBlock(rng, c_in, c_out, groups=groups, activation="silu", dim_condition=dim_time)

        self.channels, self.learned_variance, self.classes = channels, learned_variance, classes
        self.time = TimeEmbedding(rng, width, dim_time)
        self.conv_in = Conv2d(rng, 4 * channels, width, 3, padding=1)
        self.down = [block(width, width) for _ in range(blocks)]
        self.downsample = Conv2d(rng, width, low, 3, stride=2, padding=1)
        self.mid1 = [block(low, low) for _ in range(blocks)]
        self.attention = AttentionBlock(rng, low)
        positions = (size[0] // 4, size[1] // 4)
        self.global_mlp = None if global_mlp is None else GlobalMLP(rng, positions, low, dim_time, global_mlp)
        self.mid2 = [block(low, low) for _ in range(blocks)]
        self.upsample = Conv2d(rng, low, width, 1)
        self.up = [block(2 * width, width), *[block(width, width) for _ in range(blocks - 1)]]
        self.norm = GroupNorm(GROUPS, width, activation="silu")
        self.conv_out = Conv2d(rng, width, 4 * channels * (2 if learned_variance else 1), 3, padding=1, scale=0.0)
        self.label = None if classes is None else Embedding(rng, checks.whole("classes", classes), dim_time)
        self.vector = None if vectors is None else Linear(rng, vectors, dim_time, bias=False, scale=0.0)

    def __call__(self, x: Array, t: numpy.ndarray, y: numpy.ndarray | None = None) -> Any:
        x = self.checked_images(x)
        condition = self.condition(t, y, len(x))  # (N, dim_time)
        h, skip = self.encode(x, condition)
        return output_like(self.decode(h, skip, condition), x)

    def encode(self, x: Array, condition: Array, added: Array | None = None) -> tuple[Array, Array]:
        """The way down: images -> (h (N, H/4, W/4, 2 width), skip (N, H/2, W/2, width)).

        added, shaped as skip, is added to what the first convolution returns.
        """
        h = self.conv_in(space_to_depth(x))  # (N, H/2, W/2, width)
        h = h if added is None else h + added
        for block in self.down:
            h = block(h, condition)
        skip = h
        h = self.downsample(h)  # (N, H/4, W/4, 2 width)
        for block in self.mid1:
            h = block(h, condition)
        h = self.attention(h)
        h = h if self.global_mlp is None else self.global_mlp(h, condition)
        for block in self.mid2:
            h = block(h, condition)
        return h, skip

    def decode(self, h: Array, skip: Array, condition: Array) -> Any:
        """The way up: what `encode` returns -> the output of the network."""
        h = upsample_nearest(self.upsample(h), 2)  # (N, H/2, W/2, width)
        h = np.concatenate([h, skip], axis=3)  # (N, H/2, W/2, 2 width)
        for block in self.up:
            h = block(h, condition)
        out = depth_to_space(self.conv_out(self.norm(h)))  # (N, H, W, channels, or twice as many)
        return (out[..., : self.channels], out[..., self.channels :]) if self.learned_variance else out

    def checked_images(self, x: Array) -> Array:
        """`x`, if it is an array of images for this network: floats (N, H, W, channels), H and W multiples of 4."""
        x = checks.array("x", x, ..., finite=False)
        shape = np.shape(x)
        if len(shape) != 4 or shape[3] != self.channels or shape[1] % 4 or shape[2] % 4:
            raise ValueError(f"x must have shape (N, H, W, {self.channels}), H and W multiples of 4, got {shape}")
        return x

    def condition(self, t: numpy.ndarray, y: numpy.ndarray | None, n: int) -> Array:
        """The embedding of the time step, plus that of the label or vector where there is one: (N, dim_time)."""
        embedding = self.time(t)
        return silu(embedding if y is None else embedding + self._given(y, n))

    def _given(self, y: numpy.ndarray, n: int) -> Array:
        """The embedding of a condition: labels (N,) or vectors (N, vectors)."""
        if self.vector is not None and np.ndim(y) == 2:
            return self.vector(checks.array("y", y, n, np.shape(self.vector.w)[0], finite=False))
        if self.label is None or self.classes is None:
            raise ValueError("y must be None, since the network was made without classes")
        y = checks.integers("y", y, n, least=-1, most=self.classes - 1)
        known = (y >= 0).astype(numpy.float32)[:, None]  # (N, 1)
        return known * self.label(numpy.maximum(y, 0))


def output_like(output: Any, x: Array) -> Any:
    """The output of the network, eps or (eps, v), in the dtype of x."""
    eps, v = split_output(output)
    return join_output(like(eps, x), None if v is None else like(v, x))
