"""PixelCNN and PixelRNN: images as sequences of pixels, row by row, each given all the pixels before it.

    p(x) = p(x_1) p(x_2 | x_1) p(x_3 | x_1, x_2) ...

Earlier pixels are those in the rows above and those to the left in the same row. PixelCNN looks at them by masked
convolutions, all pixels at once; a plain one has a blind spot to the upper right, which the gated one closes with a
stack of its own for the rows above. PixelRNN summarizes them in the states of an LSTM. Van den Oord, Kalchbrenner
and Kavukcuoglu, "Pixel Recurrent Neural Networks", 2016; van den Oord et al., "Conditional Image Generation with
PixelCNN Decoders", 2016. CodePixelCNN is the gated one for images of integers, such as the codes of a VQ-VAE.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.flow.made import zeros_and_ones
from minigen.flow.wavenet import draw_codes
from minigen.nn import Linear, LSTMCell, MaskedConv2d, Module
from minigen.nn.layers import uniform
from minigen.nn.recurrent import lstm_step
from minigen.tensor import bce_with_logits, conv2d, cross_entropy, like, primitive, relu, sigmoid
from minigen.types import Array, Rng

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

    channels = 1  # of the image that the network sees; there are as many logits at each place

    def __init__(self, rng: Rng, width: int, places: Sequence[int] | None):
        self.places = None if places is None else _checked_size("places", places)
        self.hidden = Linear(rng, width, width, "relu")
        self.out = Linear(rng, width, self.channels)

    def _start_of_bias(self, channels: int) -> numpy.ndarray | None:
        """The bias of each place, zeros, (H, W, channels)."""
        return None if self.places is None else numpy.zeros((*self.places, channels), numpy.float32)

    def _features(self, x: Array) -> Array:
        raise NotImplementedError

    def __call__(self, x: Array) -> Array:
        """Logits, shaped as x (N, H, W, 1). ValueError: x of another shape, or not finite."""
        x = checks.array("x", x, "N", *(self.places or ("H", "W")), 1)
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
        is True. ValueError: only one of the two, other shapes and kinds, a size that is not `places`.
        """
        shape = (*self._sample_shape(rng, n, size), 1)
        given = None if given is None else checks.array("given", given, *shape)
        x, known = _known_pixels(shape, given, known)
        x = zeros_and_ones("given", x).astype(numpy.float32)
        self._draw_unknown(rng, x, known)
        return x

    def _sample_shape(self, rng, n, size):
        """(n, H, W), if the arguments of `sample` are good."""
        checks.rng(rng)
        size = _checked_size("size", size)
        if self.places not in (None, size):
            raise ValueError(f"size must be {self.places}, where each place has a bias, got {size}")
        return checks.whole("n", n), *size

    def _draw_unknown(self, rng, x, known):
        """Draws, in place, the pixels of x (n, H, W, channels) that are not known, bool (n, H, W, 1)."""
        for i, logits_of in enumerate(self._rows(x)):
            if known[:, i].all():
                continue
            for j in range(x.shape[2]):
                x[:, i, j] = numpy.where(known[:, i, j], x[:, i, j], self._draw(rng, logits_of(j)))

    def _draw(self, rng, logits):
        """One pixel for each row of logits (n, channels): (n, channels)."""
        return rng.random(logits.shape, dtype=numpy.float32) < sigmoid(logits)

    def _rows(self, x: numpy.ndarray) -> Iterator[Callable[[int], numpy.ndarray]]:
        """For each row i of x in turn a function j -> logits (n, channels) of pixel (i, j), called for j = 0, 1, ...

        It reads x at each call; all pixels before (i, j) must be set by then.
        """
        for i in range(x.shape[1]):
            yield partial(self._logits_at, x, i)

    def _logits_at(self, x, i, j):
        """The logits of pixel (i, j), by a pass over the whole image, or over its rows as far as this one."""
        return self(x if self.places else x[:, : i + 1])[:, i, j]

    def _logits(self, features):
        return self.out(self.hidden(relu(features)))


def _known_pixels(shape, given, known):
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


def _checked_size(name, size):
    sizes = checks.wholes(name, size)
    if len(sizes) != 2:
        raise ValueError(f"{name} must be two numbers, of rows and of columns, got {size!r}")
    return tuple(sizes)


# ------------------------------------------------------------------------------------------- PixelCNN


class PixelCNN(PixelModel):
    """Logits (N, H, W, 1) of images x (N, H, W, 1), each of earlier pixels and of none else.

    gated: `layers` layers of `width` channels, each a vertical and a horizontal stack of gated units, without blind
    spot. The first sees a `window` of rows above the pixel and columns to both sides of it (an odd number), the others
    3×3. Else one stack of masked convolutions with ReLU, the first 7×7, the others 3×3.
    places: (H, W) gives each place of an image a bias of its own, and allows images of this size only; None allows any.
    ValueError: an even number of columns, a window of the stack that is not gated. Van den Oord et al. 2016a, 2016b
    """

    def __init__(
        self,
        rng: Rng,
        width: int = 32,
        layers: int = 7,
        gated: bool = True,
        window: Sequence[int] = (FIRST // 2 + 1, FIRST),
        places: Sequence[int] | None = None,
    ):
        super().__init__(rng, checks.whole("width", width), places)
        self.gated = checks.choice("gated", gated, (False, True))
        self.window = _checked_window(window, gated)
        shapes = [self.window] + [(2, 3)] * (checks.whole("layers", layers) - 1)
        channels = [self.channels] + [width] * (layers - 1)
        self.layers: list[Any] = []
        for c_in, (rows, columns) in zip(channels, shapes):
            layer = GatedLayer(rng, c_in, width, rows, columns) if gated else MaskedLayer(rng, c_in, width, columns)
            self.layers.append(layer)
        self.place_bias = self._start_of_bias(2 * width if gated else width)

    def _features(self, x):
        if self.gated:
            return self._horizontal(x, self._vertical(x))
        h = self.layers[0](x, self.place_bias)
        for layer in self.layers[1:]:
            h = layer(h)
        return h

    def _vertical(self, x):
        """The message of each layer's vertical stack, of the rows above: a list of (N, H, W, 2 width)."""
        v, messages = _shift_down(x), []
        for layer, bias in zip(self.layers, self._biases()):
            v, message = layer.vertical(v, bias)
            messages.append(message)
        return messages

    def _horizontal(self, x, messages):
        """The horizontal stack of all layers: (N, H, W, width)."""
        h = _shift_right(x)
        for layer, message in zip(self.layers, messages):
            h = layer.horizontal(h, message)
        return h

    def _biases(self):
        """The bias of each place in each layer: the first has one, if any."""
        return [self.place_bias] + [None] * (len(self.layers) - 1)

    def rows_above(self) -> int:
        """How many rows above a pixel its logit depends on."""
        return self.window[0] + len(self.layers) - (1 if self.gated else 2)

    # -- sampling: what does not change from pixel to pixel, the last inputs of each layer, is kept ------------------

    def _logits_at(self, x, i, j):
        if self.places is not None:
            return super()._logits_at(x, i, j)
        top = max(0, i - self.rows_above())
        return self(x[:, top : i + 1])[:, -1, j]

    def _rows(self, x):
        if not self.gated:
            yield from super()._rows(x)
            return
        n, height, width, _ = x.shape  # (n, H, W, channels)
        pasts = [layer.past_rows(n, width) for layer in self.layers]
        row = numpy.zeros_like(x[:, :1])  # above the first row
        for i in range(height):
            messages = self._vertical_row(row, pasts, i)
            yield self._pixels(x[:, i : i + 1], messages)
            row = x[:, i : i + 1]

    def _vertical_row(self, row, pasts, i):
        """The messages (n, 1, W, 2 width) to row i, from the row above it; pasts, each layer's last rows, moves on."""
        messages = []
        for layer, past, bias in zip(self.layers, pasts, self._biases()):
            past[:] = numpy.concatenate([past[:, 1:], row], axis=1)
            row, message = layer.vertical(past, None if bias is None else bias[i], layer.down.last_row)
            messages.append(message)
        return messages

    def _pixels(self, row, messages):
        """The function j -> logits (n, channels) of one row of pixels (n, 1, W, channels), called for j = 0, 1, ..."""
        pasts = [layer.past_columns(len(row)) for layer in self.layers]

        def logits_of(j):
            h = row[:, :, j - 1 : j] if j else numpy.zeros_like(row[:, :, :1])  # (n, 1, 1, channels)
            for layer, past, message in zip(self.layers, pasts, messages):
                past[:] = numpy.concatenate([past[:, :, 1:], h], axis=2)
                h = layer.horizontal(h, message[:, :, j : j + 1], layer.across.last_column(past))
            return self._logits(h)[:, 0, 0]

        return logits_of


def _checked_window(window, gated):
    """(rows above, columns) of the first layer."""
    rows, columns = _checked_size("window", window)
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

        bias: of each place, (H, W, 2 width). conv: in the place of `self.down`, for one row.
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
        """The output at the last row only, from the rows that it sees: (N, above + 1, W, c_in) -> (N, 1, W, c_out)."""
        none, _, sides, _ = self.padding
        return conv2d(np.pad(x, (none, none, sides, none), "constant"), self.w, self.b)

    def last_column(self, x: Array) -> Array:
        """The output at the last place only: x (N, above + 1, left + 1, c_in), what it sees, -> (N, 1, 1, c_out)."""
        return conv2d(x, self.w, self.b)


def _gated_forward(a):
    width = a.shape[-1] // 2
    filter = numpy.tanh(a[..., :width])
    gate = sigmoid(a[..., width:])
    return filter * gate, (filter, gate)


def _gated_backward(needed, g, value, saved, a):
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


def _shift_down(x):
    return np.concatenate([np.zeros_like(x[:, :1]), x[:, :-1]], axis=1)


def _shift_right(x):
    return np.concatenate([np.zeros_like(x[:, :, :1]), x[:, :, :-1]], axis=2)


# ------------------------------------------------------------------------------------------- PixelCNN of codes


class CodePixelCNN(PixelCNN):
    """Codes (N, H, W), integers in 0 ... levels − 1 -> logits (N, H, W, levels), each of earlier codes only.

    A gated PixelCNN that sees the codes one-hot: its first layer has a vector for each code at each place of its
    window. width, layers, window and places are those of `PixelCNN`. ValueError: fewer than 2 levels; codes that are
    not integers, out of range or of another shape. Van den Oord et al. 2016b; as a prior of codes, van den Oord,
    Vinyals and Kavukcuoglu, "Neural Discrete Representation Learning", 2017
    """

    def __init__(
        self,
        rng: Rng,
        levels: int,
        width: int = 32,
        layers: int = 7,
        window: Sequence[int] = (FIRST // 2 + 1, FIRST),
        places: Sequence[int] | None = None,
    ):
        self.channels = checks.whole("levels", levels, 2)
        super().__init__(rng, width, layers, True, window, places)

    def __call__(self, codes: numpy.ndarray) -> Array:
        """Logits (N, H, W, levels) of codes (N, H, W)."""
        codes = checks.integers("codes", codes, "N", *(self.places or ("H", "W")), most=self.channels - 1)
        if not codes.size:
            raise ValueError(f"codes must have at least one image and one place, got shape {codes.shape}")
        return self._logits(self._features(self._one_hot(codes)))

    def log_prob(self, codes: numpy.ndarray) -> Array:
        """log p(codes) in nats, (N, H, W) -> (N,)."""
        codes = numpy.asarray(codes)
        return -np.sum(cross_entropy(self(codes), codes), axis=(1, 2))

    def sample(
        self,
        rng: Rng,
        n: int,
        size: tuple[int, int] = (7, 7),
        given: numpy.ndarray | None = None,
        known: numpy.ndarray | None = None,
    ) -> numpy.ndarray:
        """n images of codes (n, H, W), int64, drawn code by code.

        Codes of `given` (n, H, W) are kept where `known`, bool of a shape that broadcasts to it, is True; elsewhere any
        integer may stand. ValueError: only one of the two, other shapes and kinds, a size that is not `places`.
        """
        shape = self._sample_shape(rng, n, size)
        given = None if given is None else checks.integers("given", given, *shape, least=numpy.iinfo(numpy.int64).min)
        codes, known = _known_pixels(shape, given, known)
        x = self._one_hot(checks.integers("given", codes, most=self.channels - 1))
        self._draw_unknown(rng, x, known[..., None])
        return x.argmax(axis=-1)

    def _draw(self, rng, logits):
        return self._one_hot(draw_codes(rng, logits))

    def _one_hot(self, codes):
        return numpy.eye(self.channels, dtype=numpy.float32)[codes]  # (..., levels)


# ------------------------------------------------------------------------------------------- PixelRNN


class PixelRNN(PixelModel):
    """Logits (N, H, W, 1) of images x (N, H, W, 1) by LSTMs that run over the image; the interface of `PixelCNN`.

    kind "diagonal": two LSTMs, from the upper left and from the upper right corner; one layer sees all earlier pixels.
    kind "row": one LSTM from row to row, which sees a triangle above the pixel.
    kernel: of the masked convolution of the pixels with which it begins, an odd number. places: as in `PixelCNN`.
    `sample` runs the whole network once for each pixel; a gated PixelCNN, which keeps what it can, is far faster.
    ValueError: another kind, an even kernel. Van den Oord et al. 2016a
    """

    def __init__(
        self,
        rng: Rng,
        kind: str = "diagonal",
        width: int = 16,
        layers: int = 1,
        kernel: int = FIRST,
        places: Sequence[int] | None = None,
    ):
        super().__init__(rng, checks.whole("width", width), places)
        self.kind = checks.choice("kind", kind, ("diagonal", "row"))
        self.before = MaskedConv2d(rng, pixel_mask(kernel, "A"), 1, width, kernel // 2)
        # the states from the right are moved down by one row, so their own pixel is in the past: no mask hides it
        self.including = None
        if kind == "diagonal":
            self.including = MaskedConv2d(rng, pixel_mask(kernel, "B"), 1, width, kernel // 2)
        layer = DiagonalBiLSTM if kind == "diagonal" else RowLSTM
        self.layers = [layer(rng, width) for _ in range(checks.whole("layers", layers))]
        self.place_bias = self._start_of_bias(width)

    def _features(self, x):
        h = self._at_places(self.before(x))  # (N, H, W, width)
        if self.including is None:
            for layer in self.layers:
                h = h + layer(h)
            return h
        right = self._at_places(self.including(x))
        for layer in self.layers:
            h = h + layer(h, right)
            right = h
        return h

    def _at_places(self, h):
        return h if self.place_bias is None else h + self.place_bias


class DiagonalBiLSTM(Module):
    """Two LSTMs over the diagonals of an image: left (N, H, W, width), right of the same shape -> (N, H, W, width).

    The states from the right are moved down by one row before the two are added, because otherwise they would depend on
    pixels to the right in the same row.
    """

    def __init__(self, rng: Rng, width: int):
        self.from_left = DiagonalLSTM(rng, width)
        self.from_right = DiagonalLSTM(rng, width)
        self.out = Linear(rng, width, width)

    def __call__(self, left: Array, right: Array) -> Array:
        a = self.from_left(left)
        b = self.from_right(right[:, :, ::-1])[:, :, ::-1]
        return self.out(a + _shift_down(b))


class DiagonalLSTM(Module):
    """An LSTM that starts at the upper left corner: x (N, H, W, width) -> its states (N, H, W, width).

    The state at a pixel follows from those to its left and above it, which are zero outside of the image. In the skewed
    image both stand in the column before, so a whole column, a diagonal of the image, is one step. Eq. flow.19
    """

    def __init__(self, rng: Rng, width: int):
        self.input_to_state = Linear(rng, width, 4 * width)
        self.input_to_state.b = _open_forget_gates(width)
        self.state_to_state = uniform(rng, (2 * width, 4 * width), 2 * width)

    def __call__(self, x: Array) -> Array:
        gates = skew(self.input_to_state(x))  # (N, H, W + H − 1, 4 width)
        states = _diagonal_scan(np.transpose(gates, (2, 1, 0, 3)), self.state_to_state)  # (W + H − 1, H, N, width)
        return unskew(np.transpose(states, (2, 1, 0, 3)))


def _open_forget_gates(width):
    """Biases (4 width,) with which an LSTM starts: 1 for the forget gates, 0 for the others."""
    return numpy.repeat(numpy.array([0, 1, 0, 0], numpy.float32), width)


def _scan_forward(inputs, w):
    """Step k computes column k of the skewed image, from the column before.

    inputs (V, H, N, 4 width): the contributions of the pixels to the gates, V = W + H − 1. w (2 width, 4 width): the
    weights of the state to the left and of the one above.
    """
    V, H, N, _ = inputs.shape
    width = w.shape[1] // 4
    gates = numpy.zeros(inputs.shape, inputs.dtype)  # in this order of axes, which that of inputs need not be
    h = numpy.zeros((V + 1, H + 1, N, width), inputs.dtype)  # h[k + 1, i + 1] is the state of column k, row i
    c = numpy.zeros((V + 1, H, N, width), inputs.dtype)  # c[k + 1, i] likewise
    for k in range(V):
        rows, below = _rows_inside(k, V, H)
        left, above = h[k, below], h[k, rows]  # (rows, N, width): the same row and the one above it, in column k − 1
        gates[k, rows] = inputs[k, rows] + numpy.concatenate([left, above], axis=2) @ w
        new = lstm_step(gates[k, rows].reshape(-1, 4 * width), c[k, rows].reshape(-1, width))
        h[k + 1, below], c[k + 1, rows] = (state.reshape(left.shape) for state in new)
    return h[1:, 1:], (gates, h, c)


def _scan_backward(needed, g, value, saved, inputs, w):
    """Backpropagation through time. With c' = f c + i u, u = tanh(...), t = tanh(c') and h' = o t, one step gives
    do = dh' t and dc' += dh' o (1 − t²), then di = dc' u, df = dc' c, du = dc' i and dc = dc' f; before its activation
    a gate gets its gradient times s (1 − s), the content times 1 − u².
    """
    if saved is None:
        raise NotImplementedError("PixelRNN has no second derivatives")
    gates, h, c = saved
    V, H, N, _ = inputs.shape
    width = w.shape[1] // 4
    dgates, dh, dc = numpy.zeros_like(gates), numpy.zeros_like(h), numpy.zeros_like(c)
    dh[1:, 1:] = g
    for k in reversed(range(V)):
        rows, below = _rows_inside(k, V, H)
        s, u = sigmoid(gates[k, rows, :, : 3 * width]), numpy.tanh(gates[k, rows, :, 3 * width :])
        i, f, o = s[..., :width], s[..., width : 2 * width], s[..., 2 * width :]
        t, of_h = numpy.tanh(c[k + 1, rows]), dh[k + 1, below]
        of_c = dc[k + 1, rows] + of_h * o * (1 - t * t)
        of_s = numpy.concatenate([of_c * u, of_c * c[k, rows], of_h * t], axis=2) * (s * (1 - s))
        dgates[k, rows] = numpy.concatenate([of_s, of_c * i * (1 - u * u)], axis=2)
        dc[k, rows] = of_c * f
        before = dgates[k, rows] @ w.T  # (rows, N, 2 width): of the state to the left, and of the one above
        dh[k, below] += before[..., :width]
        dh[k, rows] += before[..., width:]
    gradients = {0: dgates}
    if 1 in needed:
        states = numpy.concatenate([h[:-1, 1:], h[:-1, :-1]], axis=3)  # (V, H, N, 2 width)
        gradients[1] = states.reshape(-1, 2 * width).T @ dgates.reshape(-1, 4 * width)
    return gradients


def _rows_inside(k, V, H):
    """The rows of column k of a skewed image that lie in the image, and the same one further down, as slices."""
    first, last = max(0, k - (V - H)), min(k, H - 1)
    return slice(first, last + 1), slice(first + 1, last + 2)


_diagonal_scan = primitive(_scan_forward, _scan_backward)


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
