"""RealNVP on images: couplings at several scales. Inferring, an image goes through

    couplings that keep every other pixel, in the pattern of a checkerboard
    squeeze: each 2×2 block of pixels becomes 4 channels of one
    couplings that keep one half of the channels and the other in turn
    split: half of the channels are finished, the other half goes through all of this again at the smaller size

and generating, through the same in reverse order. Dinh, Sohl-Dickstein and Bengio, "Density estimation using Real NVP",
2017.
"""

from typing import Any

import numpy

from minigen import checks
from minigen.flow.bijection import Affine, Bijection, Chain, Flow, Split, Squeeze, StandardNormal, Unsqueeze
from minigen.flow.coupling import AffineCoupling, channel_mask, checkerboard_mask
from minigen.nn import Conv2d, GroupNorm, Module, ResidualBlock, he_gain

Array = Any  # an ndarray, or one that autograd traces
Rng = numpy.random.Generator


class ConvNet(Module):
    """The network of a coupling on images: (N, H, W, channels) -> (N, H, W, 2·channels), zero at the start.

    A 3×3 convolution, `blocks` residual blocks, a 3×3 convolution. Group norm comes before each activation: it treats
    each image by itself, where batch norm would make the density of one depend on the others. With `fold` the network
    works on 2×2 blocks of pixels as channels of one: a quarter of the positions, so a quarter of the time, and twice
    the receptive field. Raises ValueError if 4 does not divide `width`.
    """

    def __init__(self, rng: Rng, channels: int, width: int = 32, blocks: int = 1, fold: bool = False):
        checks.whole("channels", channels)
        checks.whole("blocks", blocks, least=0)
        if checks.whole("width", width) % 4:
            raise ValueError(f"width must be divisible by 4, the number of groups of the norm, got {width}")
        c = 4 * channels if fold else channels
        self.conv_in = Conv2d(rng, c, width, 3, padding=1, scale=he_gain("relu"))
        self.blocks = [
            ResidualBlock(rng, width, width, kernels=(3, 1), groups=(4, None), scale=he_gain("relu"))
            for _ in range(blocks)
        ]
        self.norm = GroupNorm(4, width, activation="relu")
        self.conv_out = Conv2d(rng, width, 2 * c, 3, padding=1, scale=0.0)
        self.fold = Squeeze() if fold else None

    def __call__(self, x: Array) -> Array:
        if self.fold is not None:
            x, _ = self.fold.inverse(x)  # (N, H/2, W/2, 4C)
        h = self.conv_in(x)  # (N, ·, ·, width)
        for block in self.blocks:
            h = block(h)
        out = self.conv_out(self.norm(h))  # (N, ·, ·, 2C), or 8C if folded
        if self.fold is not None:
            out, _ = self.fold.forward(out)  # (N, H, W, 2C)
        return out


class ImageRealNVP(Flow):
    """The multi-scale flow on images: log_prob(x (N, H, W, C)) -> (N,), sample(rng, n) -> (n, H, W, C).

    `scales` sizes, each half of the one before; `checkerboards` and `channelwise` couplings at each (the coarsest has
    checkerboards only), with networks of `width` channels, a multiple of 4. Height and width of the images must be
    divisible by 2^(scales − 1). Pixels should be unbounded numbers: give it logits
    (`minigen.data.mnist.dequantize_logit`). Raises ValueError if the shape does not fit. Eq. flow.08, Eq. flow.10
    """

    bijection: Chain

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
        height, across, channels = checked_image_shape(shape, scales)
        checks.whole("width", width)
        for name, count in (("blocks", blocks), ("checkerboards", checkerboards), ("channelwise", channelwise)):
            checks.whole(name, count, least=0)
        checks.positive("limit", limit)

        def coupling(mask: numpy.ndarray, c: int, fold: bool) -> AffineCoupling:
            return AffineCoupling(ConvNet(rng, c, width, blocks, fold), mask, limit)

        def scale(h: int, w: int, c: int, left: int) -> Bijection:
            """All couplings at one size (N, h, w, c) and, inside the split, those at the `left − 1` smaller ones."""
            fold = h % 2 == 0 and w % 2 == 0
            boards = [checkerboard_mask(h, w, even=k % 2 == 0) for k in range(checkerboards)]
            layers: list[Bijection] = [coupling(mask, c, fold) for mask in boards]
            if left > 1:
                masks = [channel_mask(4 * c, first=k % 2 == 0) for k in range(channelwise)]
                deeper = Split(scale(h // 2, w // 2, 2 * c, left - 1))  # half of the 4c channels goes on
                by_channel = [coupling(mask, 4 * c, False) for mask in masks]
                layers += [Squeeze(), *by_channel, deeper, Unsqueeze()]
            return Chain(layers[::-1])  # written in the order of inferring; a chain lists the order of generating

        outside = Affine(numpy.zeros(channels), numpy.zeros(channels))
        super().__init__(StandardNormal(shape), Chain([scale(height, across, channels, scales), outside]))

    def standardize(self, x: numpy.ndarray) -> "ImageRealNVP":
        """Set the outermost scale and shift so that the couplings get x (N, H, W, C) standardized by channel; returns
        self."""
        x = checks.array("x", x, "N", *self.base.shape)
        self.bijection.bijections[-1].standardize(x, axis=(0, 1, 2))
        return self


def checked_image_shape(shape: tuple[int, int, int], scales: int) -> tuple[int, int, int]:
    """`shape` (H, W, C), if H and W can be halved scales − 1 times and leave more than one pixel."""
    if len(shape) != 3:
        raise ValueError(f"shape must be (H, W, C), got {tuple(shape)}")
    height, width, channels = (checks.whole("shape", n) for n in shape)
    least = 2 ** (checks.whole("scales", scales) - 1)
    if height % least or width % least:
        raise ValueError(f"shape must be divisible by 2^(scales - 1) = {least}, got {tuple(shape)}")
    if height * width == least**2:
        raise ValueError(f"shape must leave more than one pixel at the coarsest of {scales} scales, got {tuple(shape)}")
    return height, width, channels
