"""WaveNet: an autoregressive model of sequences by causal, dilated convolutions.

    p(codes) = p(c_1) p(c_2 | c_1) p(c_3 | c_1, c_2) ...

Each layer sees the present and the past at distances that double from layer to layer, so that few layers see far back.
The input is shifted by one once, at the first layer; after that the present is known. Van den Oord et al., "WaveNet: A
Generative Model for Raw Audio", 2016.
"""

from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Any

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import checked, choice, floats, positive, whole
from minigen.nn import CausalConv1d, Embedding, Linear, Module
from minigen.tensor import cross_entropy, like, relu, sigmoid
from minigen.types import Array, Float32, Int64, Rng

# ------------------------------------------------------------------------------------------- formulas


@checked(filter=floats, gate=floats)
def gated_unit(filter: Array, gate: Array) -> Array:
    """tanh(filter) · σ(gate), for arrays of one shape. Eq. flow.20. ValueError: shapes that differ."""
    checks.same_shape(0, filter=filter, gate=gate)
    return np.tanh(filter) * sigmoid(like(gate, filter))


@checked(x=floats, mu=positive)
def mu_law(x: Array, mu: float = 255) -> Array:
    """sign(x) log(1 + mu |x|)/log(1 + mu), waves x in [−1, 1] of any shape: quiet values get more of the levels.

    ValueError: x outside [−1, 1]. ITU-T G.711
    """
    x = checks.between("x", x, -1, 1)
    positive = np.where(x >= 0, x, 0)  # two branches, so that the derivative is right at 0 too
    negative = np.where(x >= 0, 0, -x)
    return (np.log1p(mu * positive) - np.log1p(mu * negative)) / float(numpy.log1p(mu))


@checked(levels=partial(whole, least=2), x=floats)
def mu_law_encode(x: Array, levels: int = 256) -> numpy.ndarray:
    """Waves x in [−1, 1] -> codes 0 ... levels − 1, integers of the same shape: ⌊(y + 1)/2 · (levels − 1) + ½⌋.

    y is `mu_law(x, levels − 1)`. ValueError: x outside [−1, 1].
    """
    y = mu_law(numpy.asarray(x, numpy.float64), levels - 1)
    return numpy.floor((y + 1) / 2 * (levels - 1) + 0.5).astype(numpy.int64)


@checked(levels=partial(whole, least=2))
def mu_law_decode(codes: Any, levels: int = 256) -> numpy.ndarray:
    """The x, float64, whose companded y is 2 · code/(levels − 1) − 1: undoes `mu_law_encode` up to its rounding.

    ValueError: codes that are not integers in 0 ... levels − 1.
    """
    codes = checks.integers("codes", codes, most=levels - 1)
    y = 2 * codes / (levels - 1) - 1
    mu = levels - 1
    x = numpy.sign(y) * numpy.expm1(numpy.abs(y) * numpy.log1p(mu)) / mu
    return numpy.clip(x, -1, 1)  # rounding may pass the ends by a last digit


@checked(kernel=whole)
def receptive_field(kernel: int, dilations: Sequence[int]) -> int:
    """1 + (kernel − 1) Σ dilations: how many steps a stack of causal convolutions sees, the present included."""
    return 1 + (kernel - 1) * sum(_checked_dilations(dilations))


def causal_step(past: Sequence[Array], w: Array, b: Array, dilation: int = 1) -> Array:
    """The output (N, c_out) of a causal convolution at the present step, from the stored inputs: one step of `conv1d`.

    past: (k − 1)·dilation + 1 inputs (N, c_in), a list or a deque, the oldest first and the present one last; w
    (k, c_in, c_out), of which w[k − 1] multiplies the present; b (c_out,). k products, whatever the dilation.
    ValueError: another number of inputs.
    """
    length = (len(w) - 1) * dilation + 1
    if len(past) != length:
        raise ValueError(f"past must have {length} inputs, (k - 1) * dilation + 1, got {len(past)}")
    y = b
    for k in range(len(w)):
        y = y + past[k * dilation] @ w[k]  # (N, c_out)
    return y


def _checked_dilations(dilations: Any) -> list[int]:
    if isinstance(dilations, (str, bytes)) or not isinstance(dilations, (Sequence, numpy.ndarray)):
        raise ValueError(f"dilations must be a list of whole numbers, got {dilations!r}")
    return [checks.whole("dilations", d) for d in dilations]


# ------------------------------------------------------------------------------------------- the network


class ResidualLayer(Module):
    """A dilated causal convolution, activated: x (N, T, width) -> (x + residual, skip), both (N, T, width).

    gated: the activation is a `gated_unit` of the convolution's two halves; else a ReLU of all its 2·width channels.
    """

    @checked(gated=partial(choice, options=(False, True)))
    def __init__(self, rng: Rng, width: int, kernel: int, dilation: int, gated: bool = True):
        self.gated = gated
        units = width if gated else 2 * width
        self.conv = CausalConv1d(rng, width, 2 * width, kernel, dilation)
        self.residual = Linear(rng, units, width)
        self.skip = Linear(rng, units, width)

    def __call__(self, x: Array) -> tuple[Array, Array]:
        return self._outputs(x, self.conv(x))

    def step(self, x: numpy.ndarray, past: deque) -> tuple[numpy.ndarray, numpy.ndarray]:
        """One time step x (N, width), with the inputs of the steps before it in `past`, to which x is added."""
        past.append(x)  # the oldest, which no step needs any more, is dropped
        return self._outputs(x, causal_step(past, self.conv.w, self.conv.b, self.conv.dilation))

    def start(self, n: int) -> deque:
        """The inputs before the first step, zeros, for `step`."""
        kernel, width = np.shape(self.conv.w)[:2]
        length = (kernel - 1) * self.conv.dilation + 1
        return deque([numpy.zeros((n, width), self.conv.w.dtype)] * length, maxlen=length)

    def _outputs(self, x: Array, h: Array) -> tuple[Array, Array]:
        width = np.shape(x)[-1]
        h = gated_unit(h[..., :width], h[..., width:]) if self.gated else relu(h)
        return x + self.residual(h), self.skip(h)


class WaveNet(Module):
    """Codes (N, T), integers in 0 ... levels − 1 -> logits (N, T, levels); those at t depend on codes t − R ... t − 1.

    One layer of `width` channels for each of the dilations; R = `receptive_field(kernel, dilations)`, at least 1.
    gated: a gated unit in each layer; else a ReLU, of as many channels as filter and gate have together.
    ValueError: codes of another kind or range, or of no time step.
    """

    @checked(levels=partial(whole, least=2), width=whole, kernel=whole)
    def __init__(
        self,
        rng: Rng,
        levels: int = 256,
        width: int = 32,
        kernel: int = 2,
        dilations: Sequence[int] = (1, 2, 4, 8),
        gated: bool = True,
    ):
        self.levels = levels
        if len(_checked_dilations(dilations)) < 1:
            raise ValueError("dilations must name at least one layer, got none")
        self.embed = Embedding(rng, levels, width)
        self.layers = [ResidualLayer(rng, width, kernel, d, gated) for d in _checked_dilations(dilations)]
        self.hidden = Linear(rng, width, width, "relu")
        self.out = Linear(rng, width, levels)

    def __call__(self, codes: numpy.ndarray) -> Array:
        codes = checks.integers("codes", codes, "N", "T", most=self.levels - 1)
        if codes.shape[1] < 1:
            raise ValueError(f"codes must have at least one time step, got shape {codes.shape}")
        x = self.embed(codes)  # (N, T, width)
        x = np.concatenate([np.zeros_like(x[:, :1]), x[:, :-1]], axis=1)  # shifted: step t has code t − 1
        total = np.zeros_like(x)
        for layer in self.layers:
            x, skip = layer(x)
            total = total + skip
        return self._logits(total)

    def log_prob(self, codes: numpy.ndarray) -> Float32:
        """log p(codes), (N, T) -> (N,), in nats for each sequence."""
        codes = numpy.asarray(codes)
        return -np.sum(cross_entropy(self(codes), codes), axis=1)

    def loss(self, codes: numpy.ndarray) -> Array:
        """Mean negative log-likelihood of a batch, a scalar in nats for each sequence."""
        return -np.mean(self.log_prob(codes))

    def sample(self, rng: Rng, n: int, length: int) -> Int64:
        """`n` sequences (n, length), int64, drawn code by code: `generate` under the name that all models share."""
        return self.generate(rng, n, length)

    @checked(rng=Rng, n=whole, length=whole)
    def generate(self, rng: Rng, n: int, length: int, cached: bool = True) -> Int64:
        """`n` sequences (n, length), int64, drawn code by code.

        cached: keep the inputs of each layer's past, so that a step costs the same however far the network sees;
        without, the network runs on the whole sequence for each code. Both give the same codes for the same rng: they
        are computed in float64, where the two ways of adding the same numbers do not differ enough to matter.
        """
        network = self.map(lambda a: a.astype(numpy.float64))
        draw = network._generate_cached if cached else network._generate_plainly
        return draw(rng, n, length)

    def _generate_plainly(self, rng: Rng, n: int, length: int) -> Array:
        codes = numpy.zeros((n, length), numpy.int64)
        for t in range(length):
            logits = self(codes[:, : t + 1])[:, t]  # (n, levels); code t itself, not drawn yet, has no influence
            codes[:, t] = draw_codes(logits, rng)
        return codes

    def _generate_cached(self, rng: Rng, n: int, length: int) -> Array:
        codes = numpy.zeros((n, length), numpy.int64)
        pasts = [layer.start(n) for layer in self.layers]
        x = numpy.zeros((n, self.embed.table.shape[1]))
        for t in range(length):
            total = numpy.zeros_like(x)
            for layer, past in zip(self.layers, pasts):
                x, skip = layer.step(x, past)
                total = total + skip
            codes[:, t] = draw_codes(self._logits(total), rng)
            x = self.embed.table[codes[:, t]]
        return codes

    def _logits(self, total: Array) -> Array:
        return self.out(self.hidden(relu(total)))


def draw_codes(logits: numpy.ndarray, rng: Rng) -> Int64:
    """One code for each row of logits (N, K), from their softmax: (N,) integers."""
    p = numpy.exp(logits - logits.max(axis=1, keepdims=True))
    total = numpy.cumsum(p, axis=1)  # (N, K)
    passed = total <= rng.random((len(logits), 1)) * total[:, -1:]
    return numpy.minimum(passed.sum(axis=1), logits.shape[1] - 1)
