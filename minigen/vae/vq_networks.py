"""The convolutional encoder and decoder of a VQ-VAE: images to a grid of vectors, a quarter as wide and high, and
back."""

from typing import Any

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.nn import Conv2d, ConvTranspose2d, Module, ResidualBlock
from minigen.tensor import relu
from minigen.types import Array, Rng

STRIDE = 4  # pixels from one position of the grid to the next


def residual_block(rng: Rng, width: int) -> ResidualBlock:
    """x + 1×1 convolution of relu of 3×3 convolution of relu(x): shape (N, H, W, width). The identity at first."""
    return ResidualBlock(rng, width, width, kernels=(3, 1), activation="relu")


class Encoder(Module):
    """Images (N, H, W, channels) -> features (N, H/4, W/4, width), each made of 8 x 8 pixels and of
    its neighbors."""

    def __init__(self, rng: Rng, channels: int, width: int, blocks: int = 1):
        self.conv_in = Conv2d(rng, channels, width, 2 * STRIDE, STRIDE, STRIDE // 2)
        self.blocks = [residual_block(rng, width) for _ in range(blocks)]

    def __call__(self, x: Array) -> Array:
        h = self.conv_in(x)  # (N, H/4, W/4, width)
        for block in self.blocks:
            h = block(h)
        return relu(h)


class Decoder(Module):
    """Code vectors (N, H/4, W/4, dim) -> images (N, H, W, channels): not bounded.

    start: the initial bias of the output.
    """

    def __init__(self, rng: Rng, dim: int, width: int, channels: int, blocks: int = 2, start: float = 0.0):
        self.conv_in = Conv2d(rng, dim, width, 3, padding=1)
        self.blocks = [residual_block(rng, width) for _ in range(blocks)]
        self.conv_out = ConvTranspose2d(rng, width, channels, 2 * STRIDE, STRIDE, STRIDE // 2)
        self.conv_out.b = numpy.full(channels, start, numpy.float32)

    def __call__(self, e: Array) -> Array:
        h = self.conv_in(e)  # (N, H/4, W/4, width)
        for block in self.blocks:
            h = block(h)
        return self.conv_out(relu(h))  # (N, H, W, channels)


def check_sizes(**sizes: Any) -> None:
    """ValueError unless the sizes of a network are whole numbers of at least 1."""
    for name, size in sizes.items():
        checks.whole(name, size)


def check_images(x: Array, channels: int, odd: bool = False) -> Array:
    """`x` as an array of floats. ValueError unless it is (N, H, W, channels) in [0, 1], H and W multiples of 4.

    With `odd` they must be odd multiples.
    """
    x = checks.floats("x", x)
    shape = np.shape(x)
    if len(shape) != 4 or shape[3] != channels or shape[1] % STRIDE or shape[2] % STRIDE or 0 in shape:
        raise ValueError(f"x must have shape (N, H, W, {channels}), H and W multiples of {STRIDE}, got {shape}")
    if odd and not (shape[1] // STRIDE % 2 and shape[2] // STRIDE % 2):
        raise ValueError(f"two levels need H/{STRIDE} and W/{STRIDE} odd (28 x 28, say), got x {shape}")
    return checks.between("x", x, 0, 1)
