"""PixelCNN and PixelRNN: images as sequences of pixels, row by row, each given all the pixels before it.

    p(x) = p(x_1) p(x_2 | x_1) p(x_3 | x_1, x_2) ...

Earlier pixels are those in the rows above and those to the left in the same row. PixelCNN looks at them by masked
convolutions, all pixels at once; a plain one has a blind spot to the upper right, which the gated one closes with a
stack of its own for the rows above. PixelRNN carries them along in the states of an LSTM. Van den Oord, Kalchbrenner
and Kavukcuoglu, "Pixel Recurrent Neural Networks", 2016; van den Oord et al., "Conditional Image Generation with
PixelCNN Decoders", 2016.
"""

from collections.abc import Callable
from typing import Any

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.flow.bijection import like
from minigen.flow.made import zeros_and_ones
from minigen.flow.wavenet import gated_unit
from minigen.nn import Linear, LSTMCell, MaskedConv2d, Module
from minigen.nn.layers import uniform
from minigen.tensor import bce_with_logits, conv2d, relu, sigmoid

Array = Any  # an ndarray, or one that autograd traces
Rng = numpy.random.Generator

FIRST = 7  # kernel of the first layer; those of the others are 3

# ------------------------------------------------------------------------------------------- masks and skewing


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


def skew(x: Array) -> Array:
    """Row i moved i places to the right, zeros elsewhere: (N, H, W, C) -> (N, H, W + H − 1, C).

    The pixel above and the pixel to the left of one then both stand in the column before it.
    """
    n, h, w, c = np.shape(checks.array("x", x, "N", "H", "W", "C"))
    padded = np.concatenate([x, np.zeros((n, h, h, c), x.dtype)], axis=2)  # (N, H, W + H, C)
    flat = np.reshape(padded, (n, h * (w + h), c))[:, : h * (w + h - 1)]  # rows one shorter: each starts one later
    return np.reshape(flat, (n, h, w + h - 1, c))


def unskew(y: Array) -> Array:
    """Undoes `skew`: (N, H, W + H − 1, C) -> (N, H, W, C). ValueError: fewer than H columns."""
    n, h, v, c = np.shape(checks.array("y", y, "N", "H", "V", "C"))
    if v < h:
        raise ValueError(f"y must have at least as many columns as rows, got {h} rows and {v} columns")
    flat = np.reshape(y, (n, h * v, c))
    padded = np.concatenate([flat, np.zeros((n, h, c), y.dtype)], axis=1)
    return np.reshape(padded, (n, h, v + 1, c))[:, :, : v + 1 - h]


# ------------------------------------------------------------------------------------------- a model of pixels


class PixelModel(Module):
    """A distribution of images of zeros and ones by the logit of each pixel given the earlier ones.

    A network has a method `_features(x)` (N, H, W, 1) -> (N, H, W, width), of earlier pixels only, for any H and W.
    """

    def __init__(self, rng: Rng, width: int):
        self.hidden = Linear(rng, width, width, "relu")
        self.out = Linear(rng, width, 1)

    def _features(self, x: Array) -> Array:
        raise NotImplementedError

    def __call__(self, x: Array) -> Array:
        """Logits, shaped as x (N, H, W, 1). ValueError: x of another shape, or not finite."""
        x = checks.array("x", x, "N", "H", "W", 1)
        return like(self._logits(self._features(x)), x)

    def log_prob(self, x: Array) -> Array:
        """log p(x) in nats, x (N, H, W, 1) of zeros and ones -> (N,). ValueError: other values."""
        x = zeros_and_ones("x", checks.array("x", x, "N", "H", "W", 1))
        return -np.sum(bce_with_logits(self(x), x), axis=(1, 2, 3))

    def sample(
        self,
        rng: Rng,
        n: int,
        size: tuple[int, int] = (28, 28),
        given: numpy.ndarray | None = None,
        known: numpy.ndarray | None = None,
    ) -> numpy.ndarray:
        """n images (n, H, W, 1), float32, drawn pixel by pixel.

        Pixels of `given` (n, H, W, 1), zeros and ones, are kept where `known`, bool of a shape that broadcasts to it,
        is True. ValueError: only one of the two, other shapes and kinds.
        """
        checks.rng(rng)
        height, width = (checks.whole("size", k) for k in size)
        x, known = _known_pixels(checks.whole("n", n), height, width, given, known)
        for i in range(height):
            if known[:, i].all():
                continue
            logit_of = self._row(x, i)
            for j in range(width):
                drawn = rng.random(n, dtype=numpy.float32) < sigmoid(logit_of(j))
                x[:, i, j, 0] = numpy.where(known[:, i, j, 0], x[:, i, j, 0], drawn)
        return x

    def _row(self, x: numpy.ndarray, i: int) -> Callable[[int], numpy.ndarray]:
        """The function j -> logits (n,) of pixel (i, j), which looks at x anew each time; rows above i are complete."""
        return lambda j: self(x[:, : i + 1])[:, i, j, 0]

    def _logits(self, features):
        return self.out(self.hidden(relu(features)))


def _known_pixels(n, height, width, given, known):
    """The images to begin with, and where they stay as they are, (n, H, W, 1) both."""
    shape = (n, height, width, 1)
    if given is None and known is None:
        return numpy.zeros(shape, numpy.float32), numpy.zeros(shape, bool)
    if given is None or known is None:
        raise ValueError("given and known must be given together")
    known = numpy.asarray(known)
    if known.dtype != bool:
        raise ValueError(f"known must be boolean, got dtype {known.dtype}")
    try:
        known = numpy.broadcast_to(known, shape)
    except ValueError:
        raise ValueError(f"known must broadcast to {shape}, got {known.shape}") from None
    x = numpy.where(known, checks.array("given", given, *shape), 0)
    return zeros_and_ones("given", x).astype(numpy.float32), known


# ------------------------------------------------------------------------------------------- PixelCNN


class PixelCNN(PixelModel):
    """Logits (N, H, W, 1) of images x (N, H, W, 1), for any H and W, each of earlier pixels and of none else.

    `layers` convolutions of `width` channels, the first with a 7×7 kernel, the others with 3×3. gated: a vertical and a
    horizontal stack of gated units, without blind spot; else one stack of masked convolutions with ReLU.
    """

    def __init__(self, rng: Rng, width: int = 32, layers: int = 7, gated: bool = True):
        super().__init__(rng, checks.whole("width", width))
        self.gated = gated
        layer = GatedLayer if gated else MaskedLayer
        first = layer(rng, 1, width, FIRST)
        deeper = [layer(rng, width, width, 3) for _ in range(checks.whole("layers", layers) - 1)]
        self.layers: list[Any] = [first, *deeper]

    def _features(self, x):
        if self.gated:
            return self._horizontal(x, self._vertical(x))
        h = x
        for layer in self.layers:
            h = layer(h)
        return h

    def _vertical(self, x):
        """What each layer's vertical stack says about the rows above: a list of (N, H, W, 2 width)."""
        v, found = _shift_down(x), []
        for layer in self.layers:
            v, message = layer.vertical(v)
            found.append(message)
        return found

    def _horizontal(self, x, messages):
        """The horizontal stack of all layers: (N, H, W, width)."""
        h = _shift_right(x)
        for layer, message in zip(self.layers, messages):
            h = layer.horizontal(h, message)
        return h

    def _row(self, x, i):
        top = max(0, i - self.rows_above())
        if not self.gated:
            return lambda j: self(x[:, top : i + 1])[:, -1, j, 0]
        messages = [message[:, -1:] for message in self._vertical(x[:, top : i + 1])]  # of the rows above, complete

        def logit_of(j):
            return self._logits(self._horizontal(x[:, i : i + 1], messages))[:, 0, j, 0]

        return logit_of

    def rows_above(self) -> int:
        """How many rows above a pixel its logit depends on."""
        return FIRST // 2 + len(self.layers) - (0 if self.gated else 1)


class MaskedLayer(Module):
    """A masked convolution with ReLU, (N, H, W, c_in) -> (N, H, W, width).

    The first, from pixels, is of kind "A" with a 7×7 kernel; the others are of kind "B", added to their input.
    """

    def __init__(self, rng: Rng, c_in: int, width: int, kernel: int):
        self.first = kernel == FIRST
        self.conv = MaskedConv2d(rng, pixel_mask(kernel, "A" if self.first else "B"), c_in, width, kernel // 2)

    def __call__(self, x: Array) -> Array:
        h = relu(self.conv(x))
        return h if self.first else x + h


class GatedLayer(Module):
    """One layer of both stacks of a gated PixelCNN.

    The vertical stack sees a rectangle, the present row and rows above it; its input was shifted down by one row before
    the first layer, so that the present row is the one above the pixel. The horizontal stack sees the present pixel and
    those to its left, its input having been shifted right by one, and gets a message from the vertical stack.
    """

    def __init__(self, rng: Rng, c_in: int, width: int, kernel: int):
        reach = kernel // 2
        self.down = CausalConv2d(rng, c_in, 2 * width, above=reach, left=reach, right=reach)
        self.message = Linear(rng, 2 * width, 2 * width)
        self.across = CausalConv2d(rng, c_in, 2 * width, above=0, left=reach, right=0)
        self.residual = Linear(rng, width, width)

    def vertical(self, v: Array) -> tuple[Array, Array]:
        """v (N, H, W, c_in) -> the next v (N, H, W, width), and the message to the horizontal stack, twice as wide."""
        v = self.down(v)
        return _gated(v), self.message(v)

    def horizontal(self, h: Array, message: Array) -> Array:
        """h (N, H, W, c_in) -> (N, H, W, width); a residual, but from the pixels themselves."""
        out = self.residual(_gated(self.across(h) + message))
        return h + out if np.shape(h) == np.shape(out) else out


class CausalConv2d(Module):
    """A convolution whose output at (i, j) sees rows i − above ... i and columns j − left ... j + right: same size."""

    def __init__(self, rng: Rng, c_in: int, c_out: int, above: int, left: int, right: int):
        rows, columns = above + 1, left + 1 + right
        self.w = uniform(rng, (rows, columns, c_in, c_out), rows * columns * c_in)
        self.b = numpy.zeros(c_out, numpy.float32)
        self.padding = ((0, 0), (above, 0), (left, right), (0, 0))

    def __call__(self, x: Array) -> Array:
        return conv2d(np.pad(x, self.padding, "constant"), self.w, self.b)


def _gated(a):
    """(..., 2 width) -> (..., width), the first half being the filter and the second the gate."""
    width = np.shape(a)[-1] // 2
    return gated_unit(a[..., :width], a[..., width:])


def _shift_down(x):
    return np.concatenate([np.zeros_like(x[:, :1]), x[:, :-1]], axis=1)


def _shift_right(x):
    return np.concatenate([np.zeros_like(x[:, :, :1]), x[:, :, :-1]], axis=2)


# ------------------------------------------------------------------------------------------- PixelRNN


class PixelRNN(PixelModel):
    """Logits (N, H, W, 1) of images x (N, H, W, 1) by LSTMs that run over the image; the interface of `PixelCNN`.

    kind "diagonal": two LSTMs, from the upper left and from the upper right corner; one layer sees all earlier pixels.
    kind "row": one LSTM from row to row, which sees a triangle above the pixel. ValueError: another kind.
    """

    def __init__(self, rng: Rng, kind: str = "diagonal", width: int = 16, layers: int = 1):
        super().__init__(rng, checks.whole("width", width))
        self.kind = checks.choice("kind", kind, ("diagonal", "row"))
        self.before = MaskedConv2d(rng, pixel_mask(FIRST, "A"), 1, width, FIRST // 2)
        # the states from the right are moved down by one row, so their own pixel is in the past: no mask hides it
        self.including = MaskedConv2d(rng, pixel_mask(FIRST, "B"), 1, width, FIRST // 2) if kind == "diagonal" else None
        layer = DiagonalBiLSTM if kind == "diagonal" else RowLSTM
        self.layers = [layer(rng, width) for _ in range(checks.whole("layers", layers))]

    def _features(self, x):
        h = self.before(x)  # (N, H, W, width)
        if self.including is None:
            for layer in self.layers:
                h = h + layer(h)
            return h
        right = self.including(x)
        for layer in self.layers:
            h = h + layer(h, right)
            right = h
        return h


class DiagonalBiLSTM(Module):
    """Two LSTMs over the diagonals of an image: left (N, H, W, width), right of the same shape -> (N, H, W, width).

    The state at a pixel follows from those of its neighbor to the left (in the other direction, to the right) and of
    the one above. The states from the right are moved down by one row before the two are added, because otherwise they
    would depend on pixels to the right in the same row.
    """

    def __init__(self, rng: Rng, width: int):
        self.from_left = LSTMCell(rng, 2 * width, width)
        self.from_right = LSTMCell(rng, 2 * width, width)
        self.out = Linear(rng, width, width)

    def __call__(self, left: Array, right: Array) -> Array:
        a = _diagonal_states(self.from_left, left)
        b = _diagonal_states(self.from_right, right[:, :, ::-1])[:, :, ::-1]
        return self.out(a + _shift_down(b))


def _diagonal_states(cell, x):
    """The states (N, H, W, width) of an LSTM that starts at the upper left corner of x (N, H, W, width)."""
    skewed = skew(x)  # (N, H, W + H − 1, width)
    n, height, columns, width = np.shape(skewed)
    h, c = _start(cell, n * height, x.dtype)
    states = []
    for k in range(columns):
        above = _shift_down(np.reshape(h, (n, height, width)))  # states of the column before, one row up
        inputs = np.concatenate([skewed[:, :, k], above], axis=2)  # (N, H, 2 width)
        h, c = cell(np.reshape(inputs, (n * height, -1)), (h, c))
        states.append(np.reshape(h, (n, height, width)))
    return unskew(np.stack(states, axis=2))


class RowLSTM(Module):
    """An LSTM from row to row, (N, H, W, width) -> (N, H, W, width); it sees three states of the row above."""

    def __init__(self, rng: Rng, width: int):
        self.cell = LSTMCell(rng, 3 * width, width)
        self.out = Linear(rng, width, width)

    def __call__(self, x: Array) -> Array:
        n, height, columns, width = np.shape(x)
        h, c = _start(self.cell, n * columns, x.dtype)
        states = []
        for i in range(height):
            row = np.reshape(h, (n, columns, width))  # of the row above
            zero = np.zeros_like(row[:, :1])
            left = np.concatenate([zero, row[:, :-1]], axis=1)
            right = np.concatenate([row[:, 1:], zero], axis=1)
            inputs = np.concatenate([x[:, i], left, right], axis=2)  # (N, W, 3 width)
            h, c = self.cell(np.reshape(inputs, (n * columns, -1)), (h, c))
            states.append(np.reshape(h, (n, columns, width)))
        return self.out(np.stack(states, axis=1))


def _start(cell, n, dtype):
    h, c = cell.start(n)
    return h.astype(dtype), c.astype(dtype)
