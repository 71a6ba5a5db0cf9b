"""Generators and discriminators: multilayer perceptrons for 2-D data, and a DCGAN for small images.

A discriminator ends in a plain number, not in a sigmoid: a logit for a GAN, a score for a WGAN. `features(x)` gives its
last hidden layer, which feature matching and minibatch discrimination look at.
"""

import autograd.numpy as np
import numpy

from minigen.gan import _check
from minigen.nn import MLP, BatchNorm, Conv2d, ConvTranspose2d, Linear, Module
from minigen.tensor import leaky_relu, relu, sigmoid
from minigen.tensor.activations import activation_name


class Generator(Module):
    """z (N, dim_z) -> x (N, dim_x), through `depth` hidden layers of `width` units.

    Weights start with a variance that keeps z's spread from layer to layer: 1/n_in, or 2/n_in for units that cut half
    of it off (Glorot and Bengio 2010; He et al. 2015). On rings of narrow modes this gave sharper samples than a small
    start. Raises ValueError for sizes that are not positive.
    """

    def __init__(
        self,
        rng: numpy.random.Generator,
        dim_z: int = 2,
        dim_x: int = 2,
        width: int = 128,
        depth: int = 3,
        activation="tanh",
    ):
        self.dim_z, width = _check.count("dim_z", dim_z), _check.count("width", width)
        self.body = MLP(rng, [dim_z] + [width] * depth + [dim_x], activation)
        for layer in self.body.layers:  # they come uniform in ±1/√n_in, of variance 1/(3 n_in)
            layer.w *= (6 if activation_name(activation) in ("relu", "leaky_relu") else 3) ** 0.5

    def __call__(self, z):
        return self.body(z)

    def latent(self, rng: numpy.random.Generator, n: int) -> numpy.ndarray:
        """n draws of z ~ N(0, I), (n, dim_z) float32."""
        return rng.standard_normal((_check.count("n", n), self.dim_z), dtype=numpy.float32)

    def sample(self, rng: numpy.random.Generator, n: int) -> numpy.ndarray:
        """n generated examples, G(z) of n fresh latents."""
        return self(self.latent(rng, n))


class Discriminator(Module):
    """x (N, dim_x) -> logits or scores (N,), through `depth` hidden layers of `width` units."""

    def __init__(
        self, rng: numpy.random.Generator, dim_x: int = 2, width: int = 128, depth: int = 3, activation="leaky_relu"
    ):
        width = _check.count("width", width)
        self.body = [Linear(rng, a, width, activation) for a in [dim_x] + [width] * (depth - 1)]
        self.out = Linear(rng, width, 1)

    def features(self, x):
        """The last hidden layer, (N, width)."""
        for layer in self.body:
            x = layer(x)
        return x

    def __call__(self, x):
        return self.out(self.features(x))[:, 0]  # (N,)


def block_shape(
    shape: tuple[int, int, int, int], channels: int, kernel: int, stride: int, padding: int, transposed: bool = False
) -> tuple[int, int, int, int]:
    """What comes out of a block of a DCGAN: shape (N, H, W, C) in, (N, H', W', channels) out.

    A convolution puts its kernel at every `stride`-th place of the padded side: H' = (H + 2·padding − kernel) //
    stride + 1. The transposed one puts a whole kernel for each place, `stride` apart, and cuts the padding off:
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


def _check_block(shape, channels, kernel, stride, padding):
    if len(shape) != 4:
        raise ValueError(f"shape must be (N, H, W, C), got {shape}")
    for name, size in zip(["N", "H", "W", "C", "channels", "kernel", "stride"], [*shape, channels, kernel, stride]):
        _check.count(name, size)
    if padding != 0:
        _check.count("padding", padding)


class ConvGenerator(Module):
    """DCGAN's generator: z (N, dim_z) -> images in [0, 1] (N, side, side, channels).

    A linear layer to a quarter of the side, then two transposed convolutions that double it, with batch norm and ReLU
    between. Radford et al. 2015. `hidden` adds a layer of so many units before, as in Chen et al. 2016 (InfoGAN).
    Raises ValueError for sizes that are not positive, or a side that is no multiple of 4.
    """

    def __init__(
        self,
        rng: numpy.random.Generator,
        dim_z: int = 64,
        width: int = 64,
        channels: int = 1,
        side: int = 28,
        hidden: int | None = None,
    ):
        self.dim_z, self.width, self.quarter = (
            _check.count("dim_z", dim_z),
            _check.count("width", width),
            _quarter(side),
        )
        self.plan = None if hidden is None else Linear(rng, dim_z, _check.count("hidden", hidden))
        self.norm0 = None if hidden is None else BatchNorm(hidden)
        self.start = Linear(rng, dim_z if hidden is None else hidden, self.quarter**2 * 2 * width)
        self.norm1 = BatchNorm(2 * width)
        self.up1 = ConvTranspose2d(rng, 2 * width, width, kernel=4, stride=2, padding=1)
        self.norm2 = BatchNorm(width)
        self.up2 = ConvTranspose2d(rng, width, channels, kernel=4, stride=2, padding=1)

    def __call__(self, z):  # the shapes at side 28
        h = self.start(z if self.plan is None else relu(self.norm0(self.plan(z))))
        h = np.reshape(h, (len(z), self.quarter, self.quarter, 2 * self.width))  # (N, 7, 7, 2·width)
        h = relu(self.norm1(h))
        h = relu(self.norm2(self.up1(h)))  # (N, 14, 14, width)
        return sigmoid(self.up2(h))  # (N, 28, 28, channels)

    latent, sample = Generator.latent, Generator.sample


class ConvDiscriminator(Module):
    """DCGAN's discriminator: images in [0, 1] (N, side, side, channels) -> logits or scores (N,).

    Two convolutions that halve the side, with leaky ReLU. `batch_norm` adds batch norm after the second one, as in the
    paper; a critic with a gradient penalty must do without it, since batch norm ties the examples of a batch together.
    Each of their units sees 10×10 pixels, and what they say is added up. `hidden` puts a layer of so many units
    between, which sees the whole picture and can tell that its parts do not go together (Chen et al. 2016).
    Raises ValueError for sizes that are not positive, or a side that is no multiple of 4.
    """

    def __init__(
        self,
        rng: numpy.random.Generator,
        width: int = 64,
        channels: int = 1,
        batch_norm: bool = True,
        side: int = 28,
        hidden: int | None = None,
    ):
        width = _check.count("width", width)
        self.down1 = Conv2d(rng, channels, width, kernel=4, stride=2, padding=1)
        self.down2 = Conv2d(rng, width, 2 * width, kernel=4, stride=2, padding=1)
        self.norm2 = BatchNorm(2 * width) if batch_norm else None
        flat = _quarter(side) ** 2 * 2 * width
        self.whole = None if hidden is None else Linear(rng, flat, _check.count("hidden", hidden), "leaky_relu")
        self.out = Linear(rng, flat if hidden is None else hidden, 1)

    def features(self, x):
        """The last hidden layer: (N, hidden), or (N, (side/4)²·2·width) without one."""
        h = leaky_relu(self.down1(2 * x - 1))  # at side 28: (N, 14, 14, width)
        h = self.down2(h)  # (N, 7, 7, 2·width)
        if self.norm2 is not None:
            h = self.norm2(h)
        h = np.reshape(leaky_relu(h), (np.shape(x)[0], -1))
        return h if self.whole is None else self.whole(h)

    def __call__(self, x):
        return self.out(self.features(x))[:, 0]  # (N,)


def _quarter(side):
    if _check.count("side", side) % 4:
        raise ValueError(f"side must be a multiple of 4, got {side}")
    return side // 4
