"""RealNVP: a deep stack of affine couplings, whose density is exact and whose samples take one pass.

`RealNVP` is for vectors: couplings that keep the two halves in turn. `ImageRealNVP` is the multi-scale one. Inferring,
a picture goes through

    couplings that keep every other pixel, like the white squares of a chessboard
    squeeze: each 2×2 block of pixels becomes 4 channels of one
    couplings that keep every other half of the channels
    split: half of the channels are finished, the other half goes through all of this again at the smaller size

and generating, through the same backward. Dinh, Sohl-Dickstein and Bengio, "Density estimation using Real NVP", 2017.
"""

import numpy

from minigen.flow import _check
from minigen.flow.bijection import Affine, Bijection, Chain, Flow, Split, Squeeze, StandardNormal, Unsqueeze
from minigen.flow.coupling import AffineCoupling, channel_mask, checkerboard_mask, coupling_net, half_mask
from minigen.nn import Conv2d, GroupNorm, Module
from minigen.tensor import relu

Rng = numpy.random.Generator


class RealNVP(Flow):
    """A flow on vectors: log_prob(x (N, dim)) -> (N,), sample(rng, n) -> (n, dim).

    `couplings` layers keep the first and the second half of the coordinates in turn; each has a network of `depth`
    hidden layers of `width` units. After the last comes one scale and shift for each coordinate, which `standardize`
    sets from data. At the start every coupling is the identity. Raises ValueError if dim < 2. Eq. flow.08, Eq. flow.10
    """

    def __init__(
        self,
        rng: Rng,
        dim: int = 2,
        couplings: int = 8,
        width: int = 64,
        depth: int = 2,
        activation="tanh",
        limit: float = 2.0,
    ):
        masks = [half_mask(dim, first=k % 2 == 0) for k in range(_check.count("couplings", couplings))]
        layers = [AffineCoupling(coupling_net(rng, dim, width, depth, 2, activation), mask, limit) for mask in masks]
        super().__init__(StandardNormal(dim), Chain([*layers, Affine(numpy.zeros(dim), numpy.zeros(dim))]))

    def standardize(self, x: numpy.ndarray) -> "RealNVP":
        """Set the outermost scale and shift so that the couplings see the data x (N, dim) standardized; returns
        self."""
        self.bijection.bijections[-1].standardize(_check.batch("x", x, self.base.shape))
        return self

    def steps(self, z: numpy.ndarray) -> list[numpy.ndarray]:
        """z (N, dim) and what each layer makes of it, generating: the z_0, z_1, ..., z_K = x of Eq. flow.08."""
        found = [_check.batch("z", z, self.base.shape)]
        for f in self.bijection.bijections:
            found.append(f.forward(found[-1])[0])
        return found


class ConvNet(Module):
    """The network of a coupling on images: (N, H, W, channels) -> (N, H, W, 2·channels), zero at the start.

    A 3×3 convolution, `blocks` residual blocks, a 3×3 convolution. Group norm comes before each activation: it treats
    each image by itself, where batch norm would make the density of one depend on the others. With `fold` the network
    works on 2×2 blocks of pixels as channels of one: a quarter of the places, so a quarter of the time, and it sees
    twice as far. Raises ValueError if 4 does not divide `width`.
    """

    def __init__(self, rng: Rng, channels: int, width: int = 32, blocks: int = 1, fold: bool = False):
        if width % 4:
            raise ValueError(f"width must be divisible by 4, the number of groups of the norm, got {width}")
        many = 4 * channels if fold else channels
        wide = 6**0.5  # for ReLU: weights of variance 2/n_in (He et al. 2015)
        self.enter = Conv2d(rng, many, width, 3, padding=1, scale=wide)
        self.blocks = [ResidualBlock(rng, width) for _ in range(blocks)]
        self.norm = GroupNorm(4, width, activation="relu")
        self.leave = Conv2d(rng, width, 2 * many, 3, padding=1, scale=0.0)
        self.fold = Squeeze() if fold else None

    def __call__(self, x):
        x = x if self.fold is None else self.fold.inverse(x)[0]  # (N, H/2, W/2, 4C)
        h = self.enter(x)  # (N, ·, ·, width)
        for block in self.blocks:
            h = block(h)
        out = self.leave(self.norm(h))  # (N, ·, ·, 2C), or 8C if folded
        return out if self.fold is None else self.fold.forward(out)[0]  # (N, H, W, 2C)


class ResidualBlock(Module):
    """x + f(x) with f two convolutions, 3×3 and 1×1; starts as the identity. x (N, H, W, width), and so is the
    result."""

    def __init__(self, rng: Rng, width: int):
        self.norm = GroupNorm(4, width, activation="relu")
        self.wide, self.narrow = (
            Conv2d(rng, width, width, 3, padding=1, scale=6**0.5),
            Conv2d(rng, width, width, 1, scale=0.0),
        )

    def __call__(self, x):
        return x + self.narrow(relu(self.wide(self.norm(x))))


class ImageRealNVP(Flow):
    """The multi-scale flow on images: log_prob(x (N, H, W, C)) -> (N,), sample(rng, n) -> (n, H, W, C).

    `scales` sizes, each half of the one before; `checkerboards` and `channelwise` couplings at each (the coarsest has
    checkerboards only), with networks of `width` channels, a multiple of 4. Height and width of the images must be
    divisible by 2^(scales − 1). Pixels should be unbounded numbers: give it logits
    (`minigen.data.mnist.dequantize_logit`). Raises ValueError if the shape does not fit. Eq. flow.08, Eq. flow.10
    """

    def __init__(
        self,
        rng: Rng,
        shape: tuple[int, int, int] = (28, 28, 1),
        width: int = 32,
        scales: int = 3,
        blocks: int = 1,
        checkerboards: int = 4,
        channelwise: int = 4,
        limit: float = 2.0,
    ):
        if len(shape) != 3:
            raise ValueError(f"shape must be (H, W, C), got {tuple(shape)}")
        height, across, channels = (_check.count("shape", n) for n in shape)
        least = 2 ** (_check.count("scales", scales) - 1)
        if height % least or across % least:
            raise ValueError(f"shape must be divisible by 2^(scales - 1) = {least}, got {tuple(shape)}")
        if height * across == least**2:
            raise ValueError(
                f"shape must leave more than one pixel at the coarsest of {scales} scales, got {tuple(shape)}"
            )

        def net(c, fold):
            return ConvNet(rng, c, width, blocks, fold)

        def scale(h: int, w: int, c: int, left: int) -> Bijection:
            """All couplings at one size and, inside the split, those at the smaller ones."""
            fold = h % 2 == 0 and w % 2 == 0
            layers = [
                AffineCoupling(net(c, fold), checkerboard_mask(h, w, even=k % 2 == 0), limit)
                for k in range(checkerboards)
            ]  # (N, h, w, c)
            if left > 1:
                masks = [channel_mask(4 * c, first=k % 2 == 0) for k in range(channelwise)]
                deeper = Split(scale(h // 2, w // 2, 2 * c, left - 1))  # half of the 4c channels goes on
                layers += [
                    Squeeze(),
                    *[AffineCoupling(net(4 * c, False), mask, limit) for mask in masks],
                    deeper,
                    Unsqueeze(),
                ]
            return Chain(layers[::-1])  # written in the order of inferring; a chain lists the order of generating

        outside = Affine(numpy.zeros(channels), numpy.zeros(channels))
        super().__init__(StandardNormal(shape), Chain([scale(height, across, channels, scales), outside]))

    def standardize(self, x: numpy.ndarray) -> "ImageRealNVP":
        """Set the outermost scale and shift so that the couplings see the data x standardized by channel; returns
        self."""
        self.bijection.bijections[-1].standardize(_check.batch("x", x, self.base.shape), axis=(0, 1, 2))
        return self
