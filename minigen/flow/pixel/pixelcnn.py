"""PixelCNN: the logit of each pixel by masked convolutions of the earlier ones, all pixels at once.

A plain stack has a blind spot to the upper right, which the gated one closes with a stack of its own for the rows
above. Van den Oord, Kalchbrenner and Kavukcuoglu, "Pixel Recurrent Neural Networks", 2016; van den Oord et al.,
"Conditional Image Generation with PixelCNN Decoders", 2016.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import autograd.numpy as np
import numpy

from minigen.checks import checked, choice, whole
from minigen.flow.pixel.model import FIRST, PixelModel, checked_size, pixel_mask, shift_down, shift_right
from minigen.nn import LayerNorm, Linear, MaskedConv2d, Module
from minigen.nn.layers import uniform
from minigen.tensor import conv2d, primitive, relu, sigmoid
from minigen.types import Array, Rng

BLOCKS = 2  # residual blocks of a summary


class PixelCNN(PixelModel):
    """Logits (N, H, W, 1) of images x (N, H, W, 1), each of earlier pixels and of none else.

    gated: `layers` layers of `width` channels, each a vertical and a horizontal stack of gated units, without blind
    spot. The first sees a `window` of rows above the pixel and columns to both sides of it (an odd number), the others
    3×3. Else one stack of masked convolutions with ReLU, the first 7×7, the others 3×3.
    position_bias: (H, W) gives each position of an image a bias of its own, and allows images of this size only; None
    allows any.
    summary: hidden units of a dense network that reads all rows above the pixel (`RowSummary`), for images of the size
    `position_bias` of the gated stack; None leaves it out.
    ValueError: an even number of columns; a window or a summary of the stack that is not gated; a summary without
    `position_bias`. Van den Oord et al. 2016a, 2016b; the summary is an addition to them
    """

    @checked(width=whole, gated=partial(choice, options=(False, True)), layers=whole)
    def __init__(
        self,
        rng: Rng,
        width: int = 32,
        layers: int = 7,
        gated: bool = True,
        window: Sequence[int] = (FIRST // 2 + 1, FIRST),
        position_bias: Sequence[int] | None = None,
        summary: int | None = None,
    ):
        super().__init__(rng, width, position_bias)
        self.gated = gated
        self.window = _checked_window(window, gated)
        shapes = [self.window] + [(2, 3)] * (layers - 1)
        channels = [self.channels] + [width] * (layers - 1)
        self.layers: list[Any] = []
        for c_in, (rows, columns) in zip(channels, shapes):
            layer = GatedLayer(rng, c_in, width, rows, columns) if gated else MaskedLayer(rng, c_in, width, columns)
            self.layers.append(layer)
        self.position_bias = self._start_of_bias(2 * width if gated else width)
        self.summary = None if summary is None else self._new_summary(rng, width, summary)

    def _new_summary(self, rng: Rng, width: int, hidden: int) -> "RowSummary":
        whole("summary", hidden)
        if not self.gated:
            raise ValueError("summary belongs to a gated PixelCNN, got gated=False")
        if self.image_size is None:
            raise ValueError("summary needs the size of the images: give position_bias=(H, W), too")
        return RowSummary(rng, self.image_size, self.channels, hidden, 2 * width)

    def _features(self, x: Array) -> Array:
        if self.gated:
            return self._horizontal(x, self._vertical(x))
        h = self.layers[0](x, self.position_bias)
        for layer in self.layers[1:]:
            h = layer(h)
        return h

    def _vertical(self, x: Array) -> list[Array]:
        """Return the message of each layer's vertical stack, of the rows above: a list of (N, H, W, 2 width)."""
        v, messages = shift_down(x), []
        first = self.position_bias if self.summary is None else self.position_bias + self.summary(x)
        for layer, bias in zip(self.layers, self._first_only(first)):
            v, message = layer.vertical(v, bias)
            messages.append(message)
        return messages

    def _horizontal(self, x: Array, messages: list[Array]) -> Array:
        """Return the horizontal stack of all layers: (N, H, W, width)."""
        h = shift_right(x)
        for layer, message in zip(self.layers, messages):
            h = layer.horizontal(h, message)
        return h

    def _first_only(self, bias: Array | None) -> list[Array | None]:
        """Return the bias of each layer's vertical stack: the first has one, if any."""
        return [bias] + [None] * (len(self.layers) - 1)

    def rows_above(self) -> int:
        """How many rows above a pixel its logit depends on."""
        if self.summary is not None:
            return len(self.summary.rows) - 1
        return self.window[0] + len(self.layers) - (1 if self.gated else 2)

    # -- sampling: what does not change from pixel to pixel, the last inputs of each layer, is kept ------------------

    def _logits_at(self, x: Array, i: int, j: int) -> Array:
        if self.image_size is not None:
            return super()._logits_at(x, i, j)
        top = max(0, i - self.rows_above())
        return self(x[:, top : i + 1])[:, -1, j]

    def _rows(self, x: numpy.ndarray) -> Iterator[Callable[[int], numpy.ndarray]]:
        if not self.gated:
            yield from super()._rows(x)
            return
        n, height, width, _ = x.shape  # (n, H, W, channels)
        pasts = [layer.past_rows(n, width) for layer in self.layers]
        row = numpy.zeros_like(x[:, :1])  # above the first row
        biases = self._biases_of_rows(x)
        for i in range(height):
            messages = self._vertical_row(row, pasts, next(biases))
            yield self._pixels(x[:, i : i + 1], messages)
            row = x[:, i : i + 1]

    def _biases_of_rows(self, x: numpy.ndarray) -> Iterator[Array | None]:
        """For each row in turn the bias of the first layer, (W, 2 width) or (n, 1, W, 2 width), of the rows above."""
        summaries = None if self.summary is None else self.summary.of_rows(x)
        for i in range(x.shape[1]):
            bias = None if self.position_bias is None else self.position_bias[i]
            yield bias if summaries is None else bias + next(summaries)

    def _vertical_row(self, row: numpy.ndarray, pasts: list[numpy.ndarray], bias: Array | None) -> list[Array]:
        """Return the messages (n, 1, W, 2 width) to a row, from the row above it and the bias of the first layer;
        pasts, each layer's last rows, moves on.
        """
        messages = []
        for layer, past, each in zip(self.layers, pasts, self._first_only(bias)):
            past[:] = numpy.concatenate([past[:, 1:], row], axis=1)
            row, message = layer.vertical(past, each, layer.down.last_row)
            messages.append(message)
        return messages

    def _pixels(self, row: numpy.ndarray, messages: list[Array]) -> Callable[[int], numpy.ndarray]:
        """Return the function j -> logits (n, channels) of one row of pixels (n, 1, W, channels), called for j = 0, 1,
        ...
        """
        pasts = [layer.past_columns(len(row)) for layer in self.layers]

        def logits_of(j: int) -> numpy.ndarray:
            h = row[:, :, j - 1 : j] if j else numpy.zeros_like(row[:, :, :1])  # (n, 1, 1, channels)
            for layer, past, message in zip(self.layers, pasts, messages):
                past[:] = numpy.concatenate([past[:, :, 1:], h], axis=2)
                h = layer.horizontal(h, message[:, :, j : j + 1], layer.across.last_column(past))
            return self._logits(h)[:, 0, 0]

        return logits_of


def _checked_window(window: Any, gated: bool) -> tuple[int, int]:
    """(rows above, columns) of the first layer."""
    rows, columns = checked_size("window", window)
    if columns % 2 == 0:
        raise ValueError(f"window must have an odd number of columns, got {tuple(window)}")
    if not gated and (rows, columns) != (FIRST // 2 + 1, FIRST):
        raise ValueError("window belongs to a gated PixelCNN; a plain one begins with a 7×7 kernel")
    return rows, columns


class MaskedLayer(Module):
    """A masked convolution with ReLU, (N, H, W, c_in) -> (N, H, W, width).

    The first, from pixels, is of kind "A" with a 7×7 kernel; the others are of kind "B", added to their input.
    """

    def __init__(self, rng: Rng, c_in: int, width: int, kernel: int):
        self.first = kernel == FIRST
        self.conv = MaskedConv2d(rng, pixel_mask(kernel, "A" if self.first else "B"), c_in, width, kernel // 2)

    def __call__(self, x: Array, bias: Array | None = None) -> Array:
        h = self.conv(x)
        h = relu(h if bias is None else h + bias)
        return h if self.first else x + h


class GatedLayer(Module):
    """One layer of both stacks of a gated PixelCNN.

    The vertical stack sees a rectangle, the present row and `rows` − 1 above it; its input was shifted down by one row
    before the first layer, so that the present row is the one above the pixel. The horizontal stack sees the present
    pixel and those to its left, its input having been shifted right by one, and gets a message from the vertical stack.
    """

    def __init__(self, rng: Rng, c_in: int, width: int, rows: int, columns: int):
        reach = columns // 2
        self.down = CausalConv2d(rng, c_in, 2 * width, above=rows - 1, left=reach, right=reach)
        self.message = Linear(rng, 2 * width, 2 * width)
        self.across = CausalConv2d(rng, c_in, 2 * width, above=0, left=reach, right=0)
        self.residual = Linear(rng, width, width)

    def vertical(self, v: Array, bias: Array | None = None, conv: Callable | None = None) -> tuple[Array, Array]:
        """v (N, H, W, c_in) -> the next v (N, H, W, width), and the message to the horizontal stack, twice as wide.

        bias: of each position, (H, W, 2 width). conv: in the place of `self.down`, for one row.
        """
        a = (conv or self.down)(v)
        a = a if bias is None else a + bias
        return _gated(a), self.message(a)

    def horizontal(self, h: Array, message: Array, a: Array | None = None) -> Array:
        """h (N, H, W, c_in) -> (N, H, W, width); a residual where c_in is width, as it is behind the first layer.

        a: `self.across(h)`, if it is known already.
        """
        a = self.across(h) if a is None else a
        out = self.residual(_gated(a + message))
        return h + out if np.shape(h) == np.shape(out) else out

    def past_rows(self, n: int, width: int) -> numpy.ndarray:
        """Zeros for the last inputs of the vertical stack, (n, rows, width, c_in)."""
        rows, _, c_in, _ = np.shape(self.down.w)
        return numpy.zeros((n, rows, width, c_in), self.down.w.dtype)

    def past_columns(self, n: int) -> numpy.ndarray:
        """Zeros for the last inputs of the horizontal stack, (n, 1, columns, c_in)."""
        _, columns, c_in, _ = np.shape(self.across.w)
        return numpy.zeros((n, 1, columns, c_in), self.across.w.dtype)


class RowSummary(Module):
    """What all rows above each row contain: images (N, H, W, c_in) of one size -> (N, H, W, c_out).

    A convolution reaches only as far as its kernels. Here each row has a dense layer of its own, whose results are
    added up from row to row, as a mask of blocks would add them in MADE. A residual network maps the sum of the rows
    above a row, (N, hidden), to the positions of this row. Each of its layers normalizes what it reads, since a sum
    over many pixels is large. It starts at zero.
    """

    def __init__(self, rng: Rng, size: tuple[int, int], c_in: int, hidden: int, c_out: int, blocks: int = BLOCKS):
        height, width = size
        self.shape = (width, c_out)
        self.rows = uniform(rng, (height, width * c_in, hidden), height * width * c_in)
        self.b = numpy.zeros((height, hidden), numpy.float32)
        self.norms = [LayerNorm(hidden) for _ in range(blocks + 1)]
        self.first = [Linear(rng, hidden, hidden, "relu") for _ in range(blocks)]
        self.second = [Linear(rng, hidden, hidden) for _ in range(blocks)]
        self.out = Linear(rng, hidden, width * c_out, scale=0.0)

    def __call__(self, x: Array) -> Array:
        flat = np.reshape(x, (*np.shape(x)[:2], -1))  # (N, H, W c_in)
        own = np.swapaxes(np.matmul(np.swapaxes(flat, 0, 1), self.rows), 0, 1)  # what each row adds, (N, H, hidden)
        return self._positions(np.cumsum(own, axis=1) - own + self.b)

    def of_rows(self, x: numpy.ndarray) -> Iterator[numpy.ndarray]:
        """For each row i of x in turn the same (N, 1, W, c_out), from the rows before i, which must be set by then."""
        total = numpy.zeros((len(x), 1, self.b.shape[1]), self.b.dtype)  # (N, 1, hidden)
        for i, weights in enumerate(self.rows):
            yield self._positions(total + self.b[i])
            total = total + (x[:, i].reshape(len(x), -1) @ weights)[:, None]

    def _positions(self, h: Array) -> Array:
        """(N, rows, hidden) -> (N, rows, W, c_out)."""
        *norms, last = self.norms
        for norm, first, second in zip(norms, self.first, self.second):
            h = h + second(first(norm(h)))
        return np.reshape(self.out(relu(last(h))), (*np.shape(h)[:2], *self.shape))


class CausalConv2d(Module):
    """A convolution whose output at (i, j) sees rows i − above ... i and columns j − left ... j + right: same size."""

    def __init__(self, rng: Rng, c_in: int, c_out: int, above: int, left: int, right: int):
        rows, columns = above + 1, left + 1 + right
        self.w = uniform(rng, (rows, columns, c_in, c_out), rows * columns * c_in)
        self.b = numpy.zeros(c_out, numpy.float32)
        self.padding = ((0, 0), (above, 0), (left, right), (0, 0))

    def __call__(self, x: Array) -> Array:
        return conv2d(np.pad(x, self.padding, "constant"), self.w, self.b)

    def last_row(self, x: Array) -> Array:
        """Return the output at the last row only, from the rows that it sees: (N, above + 1, W, c_in) -> (N, 1, W,
        c_out).
        """
        none, _, sides, _ = self.padding
        return conv2d(np.pad(x, (none, none, sides, none), "constant"), self.w, self.b)

    def last_column(self, x: Array) -> Array:
        """Return the output at the last position only: x (N, above + 1, left + 1, c_in), what it sees, -> (N, 1, 1,
        c_out).
        """
        return conv2d(x, self.w, self.b)


def _gated_forward(a: Array) -> tuple[Array, Any]:
    width = a.shape[-1] // 2
    filter = numpy.tanh(a[..., :width])
    gate = sigmoid(a[..., width:])
    return filter * gate, (filter, gate)


def _gated_backward(needed: list[int], g: Array, value: Array, saved: Any, a: Array) -> dict[int, Array]:
    """y = tanh(f) σ(s) gives df = dy σ(s) (1 − tanh²(f)) and ds = dy y (1 − σ(s))."""
    width = np.shape(a)[-1] // 2
    filter, gate = saved or (np.tanh(a[..., :width]), sigmoid(a[..., width:]))
    if not saved:
        return {0: np.concatenate([g * gate * (1 - filter**2), g * value * (1 - gate)], axis=-1)}
    out = numpy.empty_like(a)
    numpy.multiply(g * gate, 1 - filter * filter, out=out[..., :width])
    numpy.multiply(g * value, 1 - gate, out=out[..., width:])
    return {0: out}


# (..., 2 width) -> (..., width): `gated_unit` of the two halves, in one pass and with one gradient for both
_gated = primitive(_gated_forward, _gated_backward)
