"""A small U-Net: a model of the noise in an image.

    28 x 28 x 1  --fold-->  14 x 14 x 4  --enter-->  14 x 14 x width, blocks  ---- skip ---->  blocks  --leave-->
                                                         |                                     |
                                                         +--halve-->  7 x 7 x 2 width  --double+
                                                                      blocks, attention, overview

The image is first folded, each block of 2 x 2 pixels into one place with 4 channels: nothing is lost, and every
convolution costs a quarter. On the way down the picture gets smaller and the channels more, so that the lowest level
sees the whole digit; on the way up the skip brings back where exactly things were. The time step is told to every
block. Ronneberger et al. 2015 for the shape; Ho et al. 2020 for residual blocks, group norm and attention in it.

The overview is ours, and optional. A convolution does the same at every place, and attention compares what is there,
not where; a network that shall say "a stroke here, so none there" has to learn the places from the borders inwards. For
pictures in which every place has its own meaning, as for digits, which all stand upright in the middle, a small fully
connected network at the lowest level knows them from the start, and costs about as much as one convolution.
"""

import autograd.numpy as np

from minigen.nn import Conv2d, GroupNorm, Linear, Module, MultiHeadAttention, TimeEmbedding
from minigen.tensor import silu, upsample_nearest


def fold(x, size: int = 2):
    """Blocks of size x size pixels to channels: (N, H, W, C) -> (N, H/size, W/size, size² C). Undone by `unfold`."""
    n, height, width, c = np.shape(x)
    if height % size or width % size:
        raise ValueError(f"size must divide the height and width of x, {height} x {width}, got {size}")
    x = np.reshape(x, (n, height // size, size, width // size, size, c))
    x = np.transpose(x, (0, 1, 3, 2, 4, 5))  # (N, H/size, W/size, size, size, C)
    return np.reshape(x, (n, height // size, width // size, size * size * c))


def unfold(x, size: int = 2):
    """Channels back to blocks of size x size pixels: (N, H, W, size² C) -> (N, size H, size W, C)."""
    n, height, width, c = np.shape(x)
    if c % (size * size):
        raise ValueError(f"size² must divide the channels of x, {c}, got size {size}")
    x = np.reshape(x, (n, height, width, size, size, c // size**2))
    x = np.transpose(x, (0, 1, 3, 2, 4, 5))  # (N, H, size, W, size, C)
    return np.reshape(x, (n, height * size, width * size, c // size**2))


class ResidualBlock(Module):
    """x + f(x, time): norm, SiLU, convolution, twice; between them the time is added to every place.

    x (N, H, W, c_in), time (N, dim_time) -> (N, H, W, c_out). The last convolution starts at zero, so the block
    starts as the identity (or, when the channels change, as a linear map).
    """

    def __init__(self, rng, c_in: int, c_out: int, dim_time: int, groups: int = 8):
        self.norm1, self.conv1 = GroupNorm(groups, c_in, activation="silu"), Conv2d(rng, c_in, c_out, 3, padding=1)
        self.time = Linear(rng, dim_time, c_out)
        self.norm2 = GroupNorm(groups, c_out, activation="silu")
        self.conv2 = Conv2d(rng, c_out, c_out, 3, padding=1, scale=0.0)
        self.skip = Conv2d(rng, c_in, c_out, 1) if c_in != c_out else None

    def __call__(self, x, time):
        h = self.conv1(self.norm1(x))  # (N, H, W, c_out)
        h = h + self.time(time)[:, None, None, :]
        h = self.conv2(self.norm2(h))
        return h + (x if self.skip is None else self.skip(x))


class AttentionBlock(Module):
    """x + attention among all places of x (N, H, W, C); starts as the identity."""

    def __init__(self, rng, channels: int, heads: int = 4, groups: int = 8):
        self.norm = GroupNorm(groups, channels)
        self.attention = MultiHeadAttention(rng, channels, heads, out_scale=0.0)

    def __call__(self, x):
        n, height, width, c = np.shape(x)
        tokens = np.reshape(self.norm(x), (n, height * width, c))  # (N, H W, C)
        return x + np.reshape(self.attention(tokens), (n, height, width, c))


class OverviewBlock(Module):
    """x + a fully connected network's view of all places together; x (N, H, W, C) of one size; starts as the identity.

    Each place tells `few` numbers, the network thinks about all of them in four layers of `hidden` units (residual but
    for the first), and answers each place with `few` numbers of its own. Raises ValueError for another size.
    """

    def __init__(self, rng, places: tuple[int, int], channels: int, dim_time: int, hidden: int, few: int = 16):
        self.places, numbers = places, places[0] * places[1] * few
        self.norm, self.tell = GroupNorm(8, channels), Linear(rng, channels, few)
        self.first, self.time = Linear(rng, numbers, hidden), Linear(rng, dim_time, hidden)
        self.layers = [Linear(rng, hidden, hidden, "silu") for _ in range(3)]
        self.last, self.answer = Linear(rng, hidden, numbers, "silu"), Linear(rng, few, channels, scale=0.0)

    def __call__(self, x, time):
        n, height, width, _ = np.shape(x)
        if (height, width) != self.places:
            raise ValueError(f"this network was made for {self.places} places at its lowest level, got {height, width}")
        told = np.reshape(self.tell(self.norm(x)), (n, -1))  # (N, H W few)
        h = silu(self.first(told) + self.time(time))  # (N, hidden)
        for layer in self.layers:
            h = h + layer(h)
        return x + self.answer(np.reshape(self.last(h), (n, height, width, -1)))  # (N, H, W, C)


class UNet(Module):
    """eps_model(x, t): images (N, H, W, channels), H and W multiples of 4, time steps (N,) -> the noise (N, H, W,
    channels).

    width:  channels of the upper level (a multiple of 8); the lower one has twice as many.
    blocks: residual blocks of each level on the way down, as many on the way up.
    learned_variance: return (eps, v), v being in the same shape, for the hybrid loss. Starts as eps = 0 (and v = 0).
    overview: hidden units of an `OverviewBlock`, for images of size `size` only; without one, of any size.
    """

    def __init__(
        self,
        rng,
        channels: int = 1,
        width: int = 32,
        blocks: int = 1,
        learned_variance: bool = False,
        overview: int | None = None,
        size: tuple[int, int] = (28, 28),
    ):
        if width % 8:
            raise ValueError(f"width must be a multiple of 8, got {width}")
        if overview is not None and (size[0] % 4 or size[1] % 4):
            raise ValueError(f"size must be two multiples of 4, got {size}")
        dim_time, low = 4 * width, 2 * width

        def block(c_in, c_out):
            return ResidualBlock(rng, c_in, c_out, dim_time)

        self.channels, self.learned_variance = channels, learned_variance
        self.time = TimeEmbedding(rng, width, dim_time)
        self.enter = Conv2d(rng, 4 * channels, width, 3, padding=1)
        self.down = [block(width, width) for _ in range(blocks)]
        self.halve = Conv2d(rng, width, low, 3, stride=2, padding=1)
        self.low = [block(low, low) for _ in range(blocks)]
        self.attention = AttentionBlock(rng, low)
        places = (size[0] // 4, size[1] // 4)
        self.overview = None if overview is None else OverviewBlock(rng, places, low, dim_time, overview)
        self.low_again = [block(low, low) for _ in range(blocks)]
        self.double = Conv2d(rng, low, width, 1)
        self.up = [block(2 * width, width), *[block(width, width) for _ in range(blocks - 1)]]
        self.norm = GroupNorm(8, width, activation="silu")
        self.leave = Conv2d(rng, width, 4 * channels * (2 if learned_variance else 1), 3, padding=1, scale=0.0)

    def __call__(self, x, t):
        _check_images(x, self.channels)
        time = silu(self.time(t))  # (N, dim_time)
        h = self.enter(fold(x))  # (N, H/2, W/2, width)
        for block in self.down:
            h = block(h, time)
        skip = h
        h = self.halve(h)  # (N, H/4, W/4, 2 width)
        for block in self.low:
            h = block(h, time)
        h = self.attention(h)
        h = h if self.overview is None else self.overview(h, time)
        for block in self.low_again:
            h = block(h, time)
        h = upsample_nearest(self.double(h), 2)  # (N, H/2, W/2, width)
        h = np.concatenate([h, skip], axis=3)  # (N, H/2, W/2, 2 width)
        for block in self.up:
            h = block(h, time)
        out = unfold(self.leave(self.norm(h)))  # (N, H, W, channels, or twice as many)
        return (out[..., : self.channels], out[..., self.channels :]) if self.learned_variance else out


def _check_images(x, channels):
    shape = np.shape(x)
    if len(shape) != 4 or shape[3] != channels or shape[1] % 4 or shape[2] % 4:
        raise ValueError(f"x must have shape (N, H, W, {channels}), H and W multiples of 4, got {shape}")
