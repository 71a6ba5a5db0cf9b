"""PixelRNN: the logit of each pixel from the states of LSTMs that run over the image.

Van den Oord, Kalchbrenner and Kavukcuoglu, "Pixel Recurrent Neural Networks", 2016.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import checked, choice, whole
from minigen.flow.pixel.model import FIRST, PixelModel, pixel_mask, shift_down
from minigen.nn import Linear, LSTMCell, MaskedConv2d, Module
from minigen.nn.layers import uniform
from minigen.nn.recurrent import lstm_step
from minigen.tensor import primitive, sigmoid
from minigen.types import Array, Rng

# ------------------------------------------------------------------------------------------- skewing


@checked(x="N, H, W, C")
def skew(x: Array) -> Array:
    """Row i moved i places to the right, zeros elsewhere: (N, H, W, C) -> (N, H, W + H − 1, C).

    The pixel above and the pixel to the left of one then both are in the column before it.
    """
    n, h, w, c = np.shape(x)
    padded = np.concatenate([x, np.zeros((n, h, h, c), x.dtype)], axis=2)  # (N, H, W + H, C)
    flat = np.reshape(padded, (n, h * (w + h), c))[:, : h * (w + h - 1)]  # rows one shorter: each starts one later
    return np.reshape(flat, (n, h, w + h - 1, c))


@checked(y="N, H, V, C")
def unskew(y: Array) -> Array:
    """Undoes `skew`: (N, H, W + H − 1, C) -> (N, H, W, C). ValueError: fewer than H columns."""
    n, h, v, c = np.shape(y)
    if v < h:
        raise ValueError(f"y must have at least as many columns as rows, got {h} rows and {v} columns")
    flat = np.reshape(y, (n, h * v, c))
    padded = np.concatenate([flat, np.zeros((n, h, c), y.dtype)], axis=1)
    return np.reshape(padded, (n, h, v + 1, c))[:, :, : v + 1 - h]


# ------------------------------------------------------------------------------------------- the model


class PixelRNN(PixelModel):
    """Logits (N, H, W, 1) of images x (N, H, W, 1) by LSTMs that run over the image; the interface of `PixelCNN`.

    kind "diagonal": two LSTMs, from the upper left and from the upper right corner; one layer sees all earlier pixels.
    kind "row": one LSTM from row to row, which sees a triangle above the pixel.
    kernel: of the masked convolution of the pixels with which it begins, an odd number.
    position_bias: as in `PixelCNN`.
    `sample` runs the whole network once for each pixel; a gated PixelCNN, which keeps what it can, is far faster.
    ValueError: an even kernel. Van den Oord et al. 2016a
    """

    @checked(width=whole, kind=partial(choice, options=("diagonal", "row")))
    def __init__(
        self,
        rng: Rng,
        kind: str = "diagonal",
        width: int = 16,
        layers: int = 1,
        kernel: int = FIRST,
        position_bias: Sequence[int] | None = None,
    ):
        super().__init__(rng, width, position_bias)
        self.kind = kind
        self.before = MaskedConv2d(rng, pixel_mask(kernel, "A"), 1, width, kernel // 2)
        # the states from the right are moved down by one row, so their own pixel is in the past: no mask hides it
        self.including = None
        if kind == "diagonal":
            self.including = MaskedConv2d(rng, pixel_mask(kernel, "B"), 1, width, kernel // 2)
        layer = DiagonalBiLSTM if kind == "diagonal" else RowLSTM
        self.layers: list[Any] = [layer(rng, width) for _ in range(checks.whole("layers", layers))]
        self.position_bias = self._start_of_bias(width)

    def _features(self, x: Array) -> Array:
        h = self._at_positions(self.before(x))  # (N, H, W, width)
        if self.including is None:
            for layer in self.layers:
                h = h + layer(h)
            return h
        right = self._at_positions(self.including(x))
        for layer in self.layers:
            h = h + layer(h, right)
            right = h
        return h

    def _at_positions(self, h: Array) -> Array:
        return h if self.position_bias is None else h + self.position_bias


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
        return self.out(a + shift_down(b))


class DiagonalLSTM(Module):
    """An LSTM that starts at the upper left corner: x (N, H, W, width) -> its states (N, H, W, width).

    The state at a pixel follows from those to its left and above it, which are zero outside of the image. In the skewed
    image both are in the column before, so a whole column, a diagonal of the image, is one step. Eq. flow.19
    """

    def __init__(self, rng: Rng, width: int):
        self.input_to_state = Linear(rng, width, 4 * width)
        self.input_to_state.b = _open_forget_gates(width)
        self.state_to_state = uniform(rng, (2 * width, 4 * width), 2 * width)

    def __call__(self, x: Array) -> Array:
        gates = skew(self.input_to_state(x))  # (N, H, W + H − 1, 4 width)
        states = _diagonal_scan(np.transpose(gates, (2, 1, 0, 3)), self.state_to_state)  # (W + H − 1, H, N, width)
        return unskew(np.transpose(states, (2, 1, 0, 3)))


def _open_forget_gates(width: int) -> numpy.ndarray:
    """Biases (4 width,) with which an LSTM starts: 1 for the forget gates, 0 for the others."""
    return numpy.repeat(numpy.array([0, 1, 0, 0], numpy.float32), width)


def _scan_forward(inputs: Array, w: Array) -> tuple[Array, Any]:
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


def _scan_backward(needed: list[int], g: Array, value: Array, saved: Any, inputs: Array, w: Array) -> dict[int, Array]:
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


def _rows_inside(k: int, V: int, H: int) -> tuple[slice, slice]:
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


def _start(cell: LSTMCell, n: int, dtype: Any) -> tuple[Array, Array]:
    h, c = cell.start(n)
    return h.astype(dtype), c.astype(dtype)
