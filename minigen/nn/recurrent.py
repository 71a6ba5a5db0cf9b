"""Recurrent cells: one time step each. The gates are computed by one matrix product."""

import autograd.numpy as np
import numpy

from minigen.nn.layers import uniform
from minigen.nn.module import Module
from minigen.tensor import linear, sigmoid, tanh


class LSTMCell(Module):
    """Long short-term memory (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000).

    `cell(x, (h, c)) -> (h, c)` with x (N, n_in), h and c (N, width):
    i, f, o = σ(...), g = tanh(...), c ← f c + i g, h ← o tanh(c). Forget biases start at 1. Eq. flow.19
    """

    def __init__(self, rng, n_in: int, width: int):
        self.w = uniform(rng, (n_in + width, 4 * width), n_in + width)
        self.b = numpy.zeros(4 * width, numpy.float32)
        self.b[width : 2 * width] = 1
        self.width = width

    def start(self, n: int):
        """The zero state for a batch of n."""
        return numpy.zeros((n, self.width), numpy.float32), numpy.zeros((n, self.width), numpy.float32)

    def __call__(self, x, state):
        h, c = state
        gates = linear(np.concatenate([x, h], axis=1), self.w, self.b)  # (N, 4·width)
        k = self.width
        i, f, o = sigmoid(gates[:, :k]), sigmoid(gates[:, k : 2 * k]), sigmoid(gates[:, 2 * k : 3 * k])
        c = f * c + i * tanh(gates[:, 3 * k :])
        return o * tanh(c), c


class GRUCell(Module):
    """Gated recurrent unit (Cho et al. 2014).

    `cell(x, h) -> h` with x (N, n_in), h (N, width): r, u = σ(...), n = tanh(W x + b + r (U h)), h ← (1 − u) n + u h.
    """

    def __init__(self, rng, n_in: int, width: int):
        self.w = uniform(rng, (n_in, 3 * width), width)
        self.u = uniform(rng, (width, 3 * width), width)
        self.b = numpy.zeros(3 * width, numpy.float32)
        self.width = width

    def start(self, n: int):
        """The zero state for a batch of n."""
        return numpy.zeros((n, self.width), numpy.float32)

    def __call__(self, x, h):
        k = self.width
        from_x, from_h = linear(x, self.w, self.b), linear(h, self.u)  # (N, 3·width) each
        r = sigmoid(from_x[:, :k] + from_h[:, :k])
        u = sigmoid(from_x[:, k : 2 * k] + from_h[:, k : 2 * k])
        n = tanh(from_x[:, 2 * k :] + r * from_h[:, 2 * k :])
        return (1 - u) * n + u * h
