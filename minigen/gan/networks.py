"""Generators and discriminators: multilayer perceptrons for 2-D data, and a DCGAN for small images.

A discriminator returns a number without a sigmoid: a logit for a GAN, a score for a WGAN. `features(x)` returns its
last hidden layer, for feature matching and minibatch discrimination.
"""

from collections.abc import Callable
from functools import partial

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import Sized, checked, whole
from minigen.nn import MLP, BatchNorm, Conv2d, ConvTranspose2d, Linear, Module, he_gain, initial_gain
from minigen.tensor import leaky_relu, relu, sigmoid
from minigen.types import Array, Float32, Rng


class Generator(Module):
    """z (N, dim_z) -> x (N, dim_x), through `depth` hidden layers of `width` units.

    Weights start with a variance that keeps that of z from layer to layer (`minigen.nn.he_gain`). `gain` sets the
    initial scale of all layers instead, the last one included, as in `MLP`.
    """

    @checked(width=whole, dim_z=whole, dim_x=whole, depth=partial(whole, least=0))
    def __init__(
        self,
        rng: Rng,
        dim_z: int = 2,
        dim_x: int = 2,
        width: int = 128,
        depth: int = 3,
        activation: str | Callable = "tanh",
        *,
        gain: float | str | None = None,
    ):
        self.dim_z = dim_z
        self.body = MLP(rng, [dim_z] + [width] * depth + [dim_x], activation)
        for layer in self.body.layers:
            layer.w *= he_gain(activation) if gain is None else initial_gain("gain", gain)

    def __call__(self, z: Array) -> Array:
        return self.body(checks.array("z", z, "N", self.dim_z, finite=False))

    @checked(n=whole, rng=Rng)
    def latent(self, rng: Rng, n: int) -> Float32:
        """n draws of z ~ N(0, I), (n, dim_z) float32."""
        return rng.standard_normal((n, self.dim_z), dtype=numpy.float32)

    def sample(self, rng: Rng, n: int) -> Float32:
        """n generated examples, G(z) of n fresh latents."""
        return self(self.latent(rng, n))


class Discriminator(Module):
    """x (N, dim_x) -> logits or scores (N,), through `depth` hidden layers of `width` units.

    The hidden layers start with the `gain` of `MLP`.
    """

    @checked(dim_x=whole, width=whole, depth=whole)
    def __init__(
        self,
        rng: Rng,
        dim_x: int = 2,
        width: int = 128,
        depth: int = 3,
        activation: str | Callable = "leaky_relu",
        *,
        gain: float | str = 1.0,
    ):
        self.body = [Linear(rng, a, width, activation) for a in [dim_x] + [width] * (depth - 1)]
        for layer in self.body:
            layer.w *= initial_gain("gain", gain)
        self.out = Linear(rng, width, 1)

    def features(self, x: Array) -> Array:
        """Return the last hidden layer, (N, width)."""
        for layer in self.body:
            x = layer(x)
        return x

    def __call__(self, x: Array) -> Array:
        return self.out(self.features(x))[:, 0]  # (N,)


def block_shape(
    shape: tuple[int, int, int, int], channels: int, kernel: int, stride: int, padding: int, transposed: bool = False
) -> tuple[int, int, int, int]:
    """Return the output shape of a block of a DCGAN: shape (N, H, W, C) in, (N, H', W', channels) out.

    A convolution moves its kernel over the padded side in steps of `stride`: H' = (H + 2·padding − kernel) // stride
    + 1.
    A transposed convolution adds a copy of the kernel for each pixel, `stride` apart, and removes the padding:
    H' = (H − 1)·stride − 2·padding + kernel. With kernel 4, stride 2, padding 1 they halve and double.
    Raises ValueError for sizes that are not positive whole numbers (padding may be 0), or if nothing is left.
    """
    _check_block(shape, channels, kernel, stride, padding)
    height, width = (
        (side - 1) * stride - 2 * padding + kernel if transposed else (side + 2 * padding - kernel) // stride + 1
        for side in shape[1:3]
    )
    if min(height, width) < 1:
        raise ValueError(f"nothing is left of {shape} with kernel {kernel}, stride {stride}, padding {padding}")
    return shape[0], height, width, channels


def _check_block(shape: tuple[int, ...], channels: int, kernel: int, stride: int, padding: int) -> None:
    if len(checks.wholes("shape", shape)) != 4:
        raise ValueError(f"shape must be (N, H, W, C), got {shape}")
    for name, size in zip(["channels", "kernel", "stride"], [channels, kernel, stride]):
        checks.whole(name, size)
    checks.whole("padding", padding, least=0)


class ConvGenerator(Module):
    """DCGAN's generator: z (N, dim_z) -> images in [0, 1] (N, side, side, channels).

    A linear layer to a quarter of the side, then two transposed convolutions that double it, with batch norm and ReLU
    between. Radford et al. 2015. `hidden` adds a layer of that many units before, as in Chen et al. 2016 (InfoGAN).
    Raises ValueError if `hidden` is not positive or `side` is not a multiple of 4.
    """

    @checked(dim_z=whole, width=whole, channels=whole)
    def __init__(
        self,
        rng: Rng,
        dim_z: int = 64,
        width: int = 64,
        channels: int = 1,
        side: int = 28,
        hidden: int | None = None,
    ):
        self.dim_z = dim_z
        self.width = width
        self.quarter = _quarter(side)
        self.plan = None if hidden is None else Linear(rng, dim_z, checks.whole("hidden", hidden))
        self.norm0 = None if hidden is None else BatchNorm(hidden)
        self.start = Linear(rng, dim_z if hidden is None else hidden, self.quarter**2 * 2 * width)
        self.norm1 = BatchNorm(2 * width)
        self.up1 = ConvTranspose2d(rng, 2 * width, width, kernel=4, stride=2, padding=1)
        self.norm2 = BatchNorm(width)
        self.up2 = ConvTranspose2d(rng, width, channels, kernel=4, stride=2, padding=1)

    def __call__(self, z: Array) -> Array:  # the shapes at side 28
        z = checks.array("z", z, "N", self.dim_z, finite=False)
        if self.plan is not None and self.norm0 is not None:
            z = relu(self.norm0(self.plan(z)))  # (N, hidden)
        h = self.start(z)
        h = np.reshape(h, (len(z), self.quarter, self.quarter, 2 * self.width))  # (N, 7, 7, 2·width)
        h = relu(self.norm1(h))
        h = relu(self.norm2(self.up1(h)))  # (N, 14, 14, width)
        return sigmoid(self.up2(h))  # (N, 28, 28, channels)

    latent, sample = Generator.latent, Generator.sample


class ConvDiscriminator(Module):
    """DCGAN's discriminator: images in [0, 1] (N, side, side, channels) -> logits or scores (N,).

    Two convolutions that halve the side, with leaky ReLU. `batch_norm` adds batch norm after the second one, as in the
    paper; a critic with a gradient penalty has no batch norm, which would make the score of one example depend
    on the others. A unit of the last convolution receives 10×10 pixels; the output is a weighted sum of the units.
    `hidden` adds a fully connected layer of that many units, which receives the whole image (Chen et al. 2016).
    Raises ValueError if `hidden` is not positive or `side` is not a multiple of 4.
    """

    @checked(width=whole, channels=whole)
    def __init__(
        self,
        rng: Rng,
        width: int = 64,
        channels: int = 1,
        batch_norm: bool = True,
        side: int = 28,
        hidden: int | None = None,
    ):
        flat = _quarter(side) ** 2 * 2 * width
        if hidden is not None:
            checks.whole("hidden", hidden)
        self.down1 = Conv2d(rng, channels, width, kernel=4, stride=2, padding=1)
        self.down2 = Conv2d(rng, width, 2 * width, kernel=4, stride=2, padding=1)
        self.norm2 = BatchNorm(2 * width) if batch_norm else None
        self.whole = None if hidden is None else Linear(rng, flat, hidden, "leaky_relu")
        self.out = Linear(rng, flat if hidden is None else hidden, 1)

    @checked(x=Sized("N, H, W, C", finite=False))
    def features(self, x: Array) -> Array:
        """Return the last hidden layer: (N, hidden), or (N, (side/4)²·2·width) without one."""
        h = leaky_relu(self.down1(2 * x - 1))  # at side 28: (N, 14, 14, width)
        h = self.down2(h)  # (N, 7, 7, 2·width)
        if self.norm2 is not None:
            h = self.norm2(h)
        h = np.reshape(leaky_relu(h), (np.shape(x)[0], -1))
        return h if self.whole is None else self.whole(h)

    def __call__(self, x: Array) -> Array:
        return self.out(self.features(x))[:, 0]  # (N,)


def _quarter(side: int) -> int:
    if checks.whole("side", side) % 4:
        raise ValueError(f"side must be a multiple of 4, got {side}")
    return side // 4
