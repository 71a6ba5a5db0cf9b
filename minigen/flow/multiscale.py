"""RealNVP on images: couplings at several scales. Inferring, an image goes through

    couplings that keep every other pixel, in the pattern of a checkerboard
    squeeze: each 2×2 block of pixels becomes 4 channels of one
    couplings that keep one half of the channels and the other in turn
    split: half of the channels are finished, the other half goes through all of this again at the smaller size

and generating, through the same in reverse order. Dinh, Sohl-Dickstein and Bengio, "Density estimation using Real NVP",
2017.
"""

from collections.abc import Sequence
from functools import partial

import numpy

from minigen import checks
from minigen.checks import checked, whole
from minigen.flow.bijection import Affine, Bijection, Chain, Flow, Split, Squeeze, StandardNormal, Unsqueeze
from minigen.flow.coupling import AffineCoupling, channel_mask, checkerboard_mask
from minigen.nn import Conv2d, GroupNorm, Module, ResidualBlock, he_gain
from minigen.tensor import relu
from minigen.types import Array, Rng


class ConvNet(Module):
    """The network of a coupling on images: (N, H, W, channels) -> (N, H, W, 2·channels), zero at the start.

    A 3×3 convolution, `blocks` residual blocks, a 3×3 convolution. Group norm comes before each activation: it treats
    each image by itself, where batch norm would make the density of one depend on the others. With `fold` the network
    works on 2×2 blocks of pixels as channels of one: a quarter of the positions, so a quarter of the time, and twice
    the receptive field. Raises ValueError if 4 does not divide `width`.
    """

    @checked(channels=whole, blocks=partial(whole, least=0))
    def __init__(self, rng: Rng, channels: int, width: int = 32, blocks: int = 1, fold: bool = False):
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


class SmallConvNet(Module):
    """A cheaper network of a coupling: convolutions 3×3, 1×1 and 3×3 with ReLU, zero at the start.

    (N, H, W, channels) -> (N, H, W, 2·channels), for one height and width: each position has a bias of its own behind
    the first convolution, because a digit's border and its middle have little in common. `fold` as in `ConvNet`.
    """

    @checked(channels=whole)
    def __init__(self, rng: Rng, channels: int, width: int, size: tuple[int, int], fold: bool = False):
        if len(checks.wholes("size", size)) != 2 or fold and any(n % 2 for n in size):
            raise ValueError(f"size must be a height and a width{', both even to fold' if fold else ''}, got {size}")
        H, W = (n // 2 for n in size) if fold else size
        c = 4 * channels if fold else channels
        self.conv_in = Conv2d(rng, c, checks.whole("width", width), 3, padding=1, scale=he_gain("relu"))
        self.position_bias = numpy.zeros((H, W, width), numpy.float32)
        self.conv_mid = Conv2d(rng, width, width, 1, scale=he_gain("relu"))
        self.conv_out = Conv2d(rng, width, 2 * c, 3, padding=1, scale=0.0)
        self.fold = Squeeze() if fold else None

    def __call__(self, x: Array) -> Array:
        if self.fold is not None:
            x, _ = self.fold.inverse(x)  # (N, H/2, W/2, 4C)
        h = relu(self.conv_in(x) + self.position_bias)  # (N, ·, ·, width)
        out = self.conv_out(relu(self.conv_mid(h)))  # (N, ·, ·, 2C), or 8C if folded
        if self.fold is not None:
            out, _ = self.fold.forward(out)  # (N, H, W, 2C)
        return out


class ImageRealNVP(Flow):
    """The multi-scale flow on images: log_prob(x (N, H, W, C)) -> (N,), sample(rng, n) -> (n, H, W, C).

    `scales` sizes, each half of the one before; `checkerboards` and `channelwise` couplings at each, or so many at each
    if they are sequences (with a single number the coarsest has checkerboards only, as in the paper), with networks of
    `width` channels: `ConvNet`, for which 4 must divide it, or with `small` `SmallConvNet`. With `affine` a learned
    scale and shift for each channel comes before every coupling, and one for each number of the noise; the paper has
    batch norm there. Height and width of the images must be divisible by 2^(scales − 1), and once more if the coarsest
    has channelwise couplings. Pixels should be unbounded numbers: give it logits
    (`minigen.data.mnist.dequantize_logit`). Raises ValueError if the shape does not fit. Eq. flow.08, Eq. flow.10
    """

    bijection: Chain

    @checked(scales=whole)
    def __init__(
        self,
        rng: Rng,
        shape: tuple[int, int, int] = (28, 28, 1),
        width: int = 32,
        scales: int = 3,
        blocks: int = 1,
        checkerboards: int | Sequence[int] = 4,
        channelwise: int | Sequence[int] = 4,
        limit: float = 2.0,
        *,
        small: bool = False,
        affine: bool = False,
    ):
        boards_at = _at_each("checkerboards", checkerboards, scales, scales)
        channels_at = _at_each("channelwise", channelwise, scales, scales - 1)
        H, W, C = checked_image_shape(shape, scales)
        if channels_at[-1] and (H % 2**scales or W % 2**scales):
            raise ValueError(
                f"shape must be divisible by 2^scales = {2**scales} for channelwise[-1], got {tuple(shape)}"
            )
        checks.whole("width", width)
        checks.whole("blocks", blocks, least=0)
        checks.positive("limit", limit)

        def coupling(mask: numpy.ndarray, size: tuple[int, int], c: int, fold: bool) -> list[Bijection]:
            """Return a coupling on images of this size and so many channels, with what comes before it, inferring."""
            net = SmallConvNet(rng, c, width, size, fold) if small else ConvNet(rng, c, width, blocks, fold)
            return [*_affine(affine, c), AffineCoupling(net, mask, limit)]

        def at_scale(h: int, w: int, c: int, k: int) -> Bijection:
            """All couplings at the scale k, images (N, h, w, c), and inside the split those at the smaller ones."""
            fold = h % 2 == 0 and w % 2 == 0
            boards = [checkerboard_mask(h, w, even=i % 2 == 0) for i in range(boards_at[k])]
            layers: list[Bijection] = [f for mask in boards for f in coupling(mask, (h, w), c, fold)]
            last = k == scales - 1
            if not last or channels_at[k]:
                masks = [channel_mask(4 * c, first=i % 2 == 0) for i in range(channels_at[k])]
                deeper = [] if last else [Split(at_scale(h // 2, w // 2, 2 * c, k + 1))]  # half of 4c channels goes on
                by_channel = [f for mask in masks for f in coupling(mask, (h // 2, w // 2), 4 * c, False)]
                layers += [Squeeze(), *by_channel, *deeper, Unsqueeze()]
            return Chain(layers[::-1])  # written in the order of inferring; a chain lists the order of generating

        outside = Affine(numpy.zeros(C), numpy.zeros(C))
        inside = at_scale(H, W, C, 0)
        super().__init__(StandardNormal(shape), Chain([*_affine(affine, shape), inside, outside]))

    def standardize(self, x: numpy.ndarray) -> "ImageRealNVP":
        """Set the outermost scale and shift so that the couplings get x (N, H, W, C) standardized by channel; returns
        self."""
        x = checks.array("x", x, "N", *self.base.shape)
        self.bijection.bijections[-1].standardize(x, axis=(0, 1, 2))
        return self


def _affine(wanted: bool, shape: int | tuple[int, ...]) -> list[Bijection]:
    """Return a scale and shift, at first 1 and 0, for each number of the shape, if wanted."""
    return [Affine(numpy.zeros(shape), numpy.zeros(shape))] if wanted else []


def _at_each(name: str, counts: int | Sequence[int], scales: int, first: int) -> list[int]:
    """How many couplings at each scale: the numbers given, or one number for the `first` scales and then 0."""
    if isinstance(counts, Sequence) and not isinstance(counts, str):
        found = checks.wholes(name, counts, least=0)
        if len(found) != scales:
            raise ValueError(f"{name} must be one number, or one for each of {scales} scales, got {list(counts)}")
        return found
    return [checks.whole(name, counts, least=0)] * first + [0] * (scales - first)


def checked_image_shape(shape: tuple[int, int, int], scales: int) -> tuple[int, int, int]:
    """`shape` (H, W, C), if H and W can be halved scales − 1 times and leave more than one pixel."""
    sides = checks.wholes("shape", shape)
    if len(sides) != 3:
        raise ValueError(f"shape must be (H, W, C), got {tuple(shape)}")
    H, W, C = sides
    least = 2 ** (checks.whole("scales", scales) - 1)
    if H % least or W % least:
        raise ValueError(f"shape must be divisible by 2^(scales - 1) = {least}, got {tuple(shape)}")
    if H * W == least**2:
        raise ValueError(f"shape must leave more than one pixel at the coarsest of {scales} scales, got {tuple(shape)}")
    return H, W, C
