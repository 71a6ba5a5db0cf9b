"""What PixelCNN and PixelRNN share: the mask of earlier pixels, the likelihood, and sampling pixel by pixel."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import checked
from minigen.flow.made import zeros_and_ones
from minigen.nn import Linear, Module
from minigen.tensor import bce_with_logits, like, relu, sigmoid
from minigen.types import Array, Float32, Rng

FIRST = 7  # kernel of the first layer; those of the others are 3


def pixel_mask(kernel: int, kind: str) -> numpy.ndarray:
    """(kernel, kernel) float32: 1 above the middle row and left of the middle in it; the middle 0 for "A", 1 for "B".

    "A" is for the first layer, which must not see the pixel that it predicts; behind it, "B". ValueError: even kernel.
    """
    if checks.whole("kernel", kernel) % 2 == 0:
        raise ValueError(f"kernel must be odd, got {kernel}")
    checks.choice("kind", kind, ("A", "B"))
    flat = numpy.zeros(kernel * kernel, numpy.float32)
    flat[: kernel * kernel // 2 + (kind == "B")] = 1  # row by row, the middle is the last
    return flat.reshape(kernel, kernel)


def shift_down(x: Array) -> Array:
    """Images (N, H, W, C) one row lower, with zeros in the first row."""
    return np.concatenate([np.zeros_like(x[:, :1]), x[:, :-1]], axis=1)


def shift_right(x: Array) -> Array:
    """Images (N, H, W, C) one column to the right, with zeros in the first column."""
    return np.concatenate([np.zeros_like(x[:, :, :1]), x[:, :, :-1]], axis=2)


class PixelModel(Module):
    """A distribution of images of zeros and ones by the logit of each pixel given the earlier ones.

    A network has a method `_features(x)` (N, H, W, 1) -> (N, H, W, width), of earlier pixels only, for any H and W.
    """

    channels = 1  # of the image that the network sees; there are as many logits at each position

    def __init__(self, rng: Rng, width: int, position_bias: Sequence[int] | None):
        self.image_size = None if position_bias is None else checked_size("position_bias", position_bias)
        self.hidden = Linear(rng, width, width, "relu")
        self.out = Linear(rng, width, self.channels)

    def _start_of_bias(self, channels: int) -> numpy.ndarray | None:
        """Return the bias of each position, zeros, (H, W, channels)."""
        return None if self.image_size is None else numpy.zeros((*self.image_size, channels), numpy.float32)

    def _features(self, x: Array) -> Array:
        raise NotImplementedError

    def __call__(self, x: Array) -> Array:
        """Logits, shaped as x (N, H, W, 1). ValueError: x of another shape, or not finite."""
        x = checks.array("x", x, "N", *(self.image_size or ("H", "W")), 1)
        return like(self._logits(self._features(x)), x)

    @checked(x="N, H, W, 1")
    def log_prob(self, x: Array) -> Float32:
        """log p(x) in nats, x (N, H, W, 1) of zeros and ones -> (N,). ValueError: other values."""
        x = zeros_and_ones("x", x)
        return -np.sum(bce_with_logits(self(x), x), axis=(1, 2, 3))

    def loss(self, x: Array) -> Array:
        """Mean negative log-likelihood of a batch, a scalar in nats for each image."""
        return -np.mean(self.log_prob(x))

    def sample(
        self,
        rng: Rng,
        n: int,
        size: tuple[int, int] = (28, 28),
        given: numpy.ndarray | None = None,
        known: numpy.ndarray | None = None,
    ) -> Float32:
        """n images (n, H, W, 1), float32, drawn pixel by pixel.

        Pixels of `given` (n, H, W, 1), zeros and ones, are kept where `known`, bool of a shape that broadcasts to it,
        is True. ValueError: only one of the two, other shapes and kinds, a size that is not `position_bias`.
        """
        shape = (*self._sample_shape(rng, n, size), 1)
        given = None if given is None else checks.array("given", given, *shape)
        x, known = known_pixels(shape, given, known)
        x = zeros_and_ones("given", x).astype(numpy.float32)
        self._draw_unknown(rng, x, known)
        return x

    @checked(rng=Rng)
    def _sample_shape(self, rng: Rng, n: int, size: Sequence[int]) -> tuple[int, int, int]:
        """(n, H, W), if the arguments of `sample` are good."""
        size = checked_size("size", size)
        if self.image_size not in (None, size):
            raise ValueError(f"size must be {self.image_size}, where each position has a bias, got {size}")
        return checks.whole("n", n), *size

    def _draw_unknown(self, rng: Rng, x: numpy.ndarray, known: numpy.ndarray) -> None:
        """Draws, in place, the pixels of x (n, H, W, channels) that are not known, bool (n, H, W, 1)."""
        for i, logits_of in enumerate(self._rows(x)):
            if known[:, i].all():
                continue
            for j in range(x.shape[2]):
                x[:, i, j] = numpy.where(known[:, i, j], x[:, i, j], self._draw(rng, logits_of(j)))

    def _draw(self, rng: Rng, logits: numpy.ndarray) -> numpy.ndarray:
        """One pixel for each row of logits (n, channels): (n, channels)."""
        return rng.random(logits.shape, dtype=numpy.float32) < sigmoid(logits)

    def _rows(self, x: numpy.ndarray) -> Iterator[Callable[[int], numpy.ndarray]]:
        """For each row i of x in turn a function j -> logits (n, channels) of pixel (i, j), called for j = 0, 1, ...

        It reads x at each call; all pixels before (i, j) must be set by then.
        """
        for i in range(x.shape[1]):
            yield partial(self._logits_at, x, i)

    def _logits_at(self, x: Array, i: int, j: int) -> Array:
        """Return the logits of pixel (i, j), by a pass over the whole image, or over its rows as far as this one."""
        return self(x if self.image_size else x[:, : i + 1])[:, i, j]

    def _logits(self, features: Array) -> Array:
        return self.out(self.hidden(relu(features)))


def known_pixels(shape: tuple[int, ...], given: Any, known: Any) -> tuple[Array, Array]:
    """`given` where it is known and zeros elsewhere, and `known`: both of this shape."""
    if given is None and known is None:
        return numpy.zeros(shape, int), numpy.zeros(shape, bool)
    if given is None or known is None:
        raise ValueError("given and known must be given together")
    known = numpy.asarray(known)
    if known.dtype != bool:
        raise ValueError(f"known must be boolean, got dtype {known.dtype}")
    try:
        known = numpy.broadcast_to(known, shape)
    except ValueError:
        raise ValueError(f"known must broadcast to {shape}, got {known.shape}") from None
    return numpy.where(known, given, 0), known


def checked_size(name: str, size: Any) -> tuple[int, int]:
    """Rows and columns of an image as ints of at least 1. Raises ValueError, with `name`, for anything else."""
    sizes = checks.wholes(name, size)
    if len(sizes) != 2:
        raise ValueError(f"{name} must be two numbers, of rows and of columns, got {size!r}")
    return sizes[0], sizes[1]
