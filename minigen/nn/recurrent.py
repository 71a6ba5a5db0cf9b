"""Recurrent cells: one time step each. The gates are computed by one matrix product.

A sequence calls its cell once a step on small matrices, so the bookkeeping of each operation counts: the GRU's gates
are one fused primitive.
"""

from typing import Any

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import checked, whole
from minigen.nn.layers import uniform
from minigen.nn.module import Module
from minigen.tensor import linear, primitive, sigmoid, tanh
from minigen.tensor.activations import as_floats
from minigen.types import Array, Rng


class LSTMCell(Module):
    """Long short-term memory (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000).

    `cell(x, (h, c)) -> (h, c)` with x (N, n_in), h and c (N, width):
    `lstm_step` of the gates [x, h] w + b. Forget biases start at 1.
    """

    @checked(n_in=whole, width=whole)
    def __init__(self, rng: Rng, n_in: int, width: int):
        self.w = uniform(rng, (n_in + width, 4 * width), n_in + width)
        self.b = numpy.zeros(4 * width, numpy.float32)
        self.b[width : 2 * width] = 1
        self.width = width

    @checked(n=whole)
    def start(self, n: int) -> tuple[numpy.ndarray, numpy.ndarray]:
        """Return the zero state for a batch of n."""
        return numpy.zeros((n, self.width), numpy.float32), numpy.zeros((n, self.width), numpy.float32)

    def __call__(self, x: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
        h, c = state
        h = _checked_state("h", h, np.shape(x)[:1], self.width)
        c = _checked_state("c", c, np.shape(x)[:1], self.width)
        gates = linear(np.concatenate([x, h], axis=1), self.w, self.b)  # (N, 4·width)
        return lstm_step(gates, c)


def lstm_step(gates: Array, c: Array) -> tuple[Array, Array]:
    """Return the new state (h, c), (N, width) each, of an LSTM: from its gates (N, 4·width) and the cell state c
    before.

    gates: from the input and the state before, without activation: input, forget, output, content, side by side.
    i, f, o = σ(...), g = tanh(...), c ← f c + i g, h ← o tanh(c): the last two parts of Eq. flow.19.
    ValueError: shapes that do not fit.
    """
    c = as_floats(c, "c")
    n, width = np.shape(checks.array("c", c, "N", "width", finite=False))
    gates = checks.array("gates", gates, n, 4 * width, finite=False)
    i, f, o = (sigmoid(gates[:, k * width : (k + 1) * width]) for k in range(3))
    g = tanh(gates[:, 3 * width :])
    c = f * c + i * g
    return o * tanh(c), c


class GRUCell(Module):
    """Gated recurrent unit (Cho et al. 2014).

    `cell(x, h) -> h` with x (N, n_in), h (N, width): r, u = σ(...), n = tanh(W x + b + r (U h)), h ← (1 − u) n + u h.
    """

    @checked(n_in=whole, width=whole)
    def __init__(self, rng: Rng, n_in: int, width: int):
        self.w = uniform(rng, (n_in, 3 * width), width)
        self.u = uniform(rng, (width, 3 * width), width)
        self.b = numpy.zeros(3 * width, numpy.float32)
        self.width = width

    @checked(n=whole)
    def start(self, n: int) -> numpy.ndarray:
        """Return the zero state for a batch of n."""
        return numpy.zeros((n, self.width), numpy.float32)

    def __call__(self, x: Array, h: Array) -> Array:
        h = _checked_state("h", h, np.shape(x)[:1], self.width)
        return _gru_gates(linear(x, self.w, self.b), linear(h, self.u), h)


def _checked_state(name: str, state: Array, batch: tuple[int, ...], width: int) -> Array:
    state = as_floats(state, name)
    if np.shape(state) != (*batch, width):
        raise ValueError(f"{name} must have shape {(*batch, width)} for x of batch {batch}, got {np.shape(state)}")
    return state


def _gru_parts(from_x: Array, from_h: Array) -> tuple[Array, Array, Array, Array]:
    """r, u, n and U h of the new content, (N, width) each, in differentiable operations."""
    k = from_x.shape[1] // 3
    gates = sigmoid(from_x[:, : 2 * k] + from_h[:, : 2 * k])  # (N, 2·width)
    r, u, inner = gates[:, :k], gates[:, k:], from_h[:, 2 * k :]
    return r, u, tanh(from_x[:, 2 * k :] + r * inner), inner


def _gru_forward(from_x: Array, from_h: Array, h: Array) -> tuple[Array, Any]:
    r, u, n, inner = _gru_parts(from_x, from_h)
    return n + u * (h - n), (r, u, n, inner)


def _gru_backward(
    needed: list[int], g: Array, value: Array, saved: Any, from_x: Array, from_h: Array, h: Array
) -> dict[int, Array]:
    """h ← n + u (h − n): before their activations, n gets g (1 − u)(1 − n²), r that times (U h) r (1 − r), and u gets
    g (h − n) u (1 − u). The inner U h of the new content is multiplied by r on its way."""
    r, u, n, inner = _gru_parts(from_x, from_h) if saved is None else saved
    concatenate = np.concatenate if saved is None else numpy.concatenate
    dn = g * (1 - u) * (1 - n * n)
    du = g * (h - n) * u * (1 - u)
    dr = dn * inner * r * (1 - r)
    return {0: concatenate([dr, du, dn], axis=1), 1: concatenate([dr, du, dn * r], axis=1), 2: g * u}


_gru_gates = primitive(_gru_forward, _gru_backward)
