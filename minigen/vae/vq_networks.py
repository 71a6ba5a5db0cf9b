"""The convolutional encoder and decoder of a VQ-VAE: images to a grid of vectors, a quarter as wide and high, and
back."""

from typing import Any

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.nn import Conv2d, ConvTranspose2d, Module
from minigen.tensor import relu

Array = Any
Rng = numpy.random.Generator
STRIDE = 4  # pixels from one place of the grid to the next


class Residual(Module):
    """x + 1x1 convolution of relu of 3x3 convolution of relu(x): (N, H, W, C) -> (N, H, W, C). Starts as the
    identity."""

    def __init__(self, rng: Rng, width: int):
        self.look, self.mix = Conv2d(rng, width, width, 3, padding=1), Conv2d(rng, width, width, 1, scale=0.0)

    def __call__(self, x):
        return x + self.mix(relu(self.look(relu(x))))


class Encoder(Module):
    """Images (N, H, W, channels) -> features (N, H/4, W/4, width). A place sees 8 x 8 pixels, and its neighbors."""

    def __init__(self, rng: Rng, channels: int, width: int, blocks: int = 1):
        self.enter = Conv2d(rng, channels, width, 2 * STRIDE, STRIDE, STRIDE // 2)
        self.blocks = [Residual(rng, width) for _ in range(blocks)]

    def __call__(self, x):
        h = self.enter(x)  # (N, H/4, W/4, width)
        for block in self.blocks:
            h = block(h)
        return relu(h)


class Decoder(Module):
    """Code vectors (N, H/4, W/4, dim) -> images (N, H, W, channels): the mean of x, not bounded."""

    def __init__(self, rng: Rng, dim: int, width: int, channels: int, blocks: int = 2):
        self.enter = Conv2d(rng, dim, width, 3, padding=1)
        self.blocks = [Residual(rng, width) for _ in range(blocks)]
        self.leave = ConvTranspose2d(rng, width, channels, 2 * STRIDE, STRIDE, STRIDE // 2)

    def __call__(self, e):
        h = self.enter(e)  # (N, H/4, W/4, width)
        for block in self.blocks:
            h = block(h)
        return self.leave(relu(h))  # (N, H, W, channels)


def in_parts(function, *arrays, rows=500):
    """A function of arrays, or a tuple of such, some rows at a time."""
    parts = [function(*(a[k : k + rows] for a in arrays)) for k in range(0, len(arrays[0]), rows)]
    if isinstance(parts[0], tuple):
        return tuple(numpy.concatenate(each) for each in zip(*parts))
    return numpy.concatenate(parts)


def check_images(x, channels, odd=False):
    """ValueError unless x is (N, H, W, channels) in [0, 1], H and W multiples of 4; with `odd`, odd multiples."""
    shape = np.shape(x)
    if len(shape) != 4 or shape[3] != channels or shape[1] % STRIDE or shape[2] % STRIDE or 0 in shape:
        raise ValueError(f"x must have shape (N, H, W, {channels}), H and W multiples of {STRIDE}, got {shape}")
    if odd and not (shape[1] // STRIDE % 2 and shape[2] // STRIDE % 2):
        raise ValueError(f"two levels need H/{STRIDE} and W/{STRIDE} odd (28 x 28, say), got x {shape}")
    checks.between("x", x, 0, 1)
