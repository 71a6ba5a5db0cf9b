"""Masked and inverse autoregressive flows: one affine transform by a MADE, read in two directions.

    MAF:  x_i = z_i exp(log_scale_i(x_1 ... x_{i−1})) + mu_i(x_1 ... x_{i−1})
    IAF:  x_i = z_i exp(log_scale_i(z_1 ... z_{i−1})) + mu_i(z_1 ... z_{i−1})

Both have a triangular Jacobian. Where the network's input is known the whole vector takes one pass: MAF gives a density
in one pass and samples in D, IAF samples in one and the density of a given x in D. Papamakarios, Pavlakou and Murray,
"Masked Autoregressive Flow for Density Estimation", 2017; Kingma et al., "Improving Variational Inference with Inverse
Autoregressive Flow", 2016.
"""

from collections.abc import Callable, Sequence
from typing import Any

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.flow.bijection import Bijection, Chain, Flow, Inverse, StandardNormal, apply, like
from minigen.flow.made import MADE
from minigen.tensor import sigmoid, softplus

Array = Any  # an ndarray, or one that autograd traces
Rng = numpy.random.Generator

# ------------------------------------------------------------------------------------------- the transforms


def maf_inverse(x: Array, mu: Array, log_scale: Array) -> tuple[Array, Array]:
    """z = (x − mu) exp(−log_scale) and log |det dz/dx| = −Σ log_scale: all (N, D) -> (N, D), (N,). Eq. flow.21"""
    x, mu, log_scale = _checked(x=x, mu=mu, log_scale=log_scale)
    return like((x - mu) * np.exp(-log_scale), x), like(-np.sum(log_scale, axis=1), x)


def iaf_forward(z: Array, mu: Array, log_scale: Array) -> tuple[Array, Array]:
    """x = z exp(log_scale) + mu and log |det dx/dz| = Σ log_scale: all (N, D) -> (N, D), (N,). Eq. flow.23"""
    z, mu, log_scale = _checked(z=z, mu=mu, log_scale=log_scale)
    return like(z * np.exp(log_scale) + mu, z), like(np.sum(log_scale, axis=1), z)


def iaf_from_maf(mu: Array, log_scale: Array) -> tuple[Array, Array]:
    """(mu~, log_scale~) of the IAF that is the inverse of a MAF: −mu exp(−log_scale) and −log_scale. Eq. flow.22"""
    mu, log_scale = _checked(mu=mu, log_scale=log_scale)
    return like(-mu * np.exp(-log_scale), mu), like(-log_scale, mu)


def iaf_gated(z: Array, m: Array, s: Array) -> tuple[Array, Array]:
    """x = σ(s) z + (1 − σ(s)) m, a gate between z and m, and log |det dx/dz| = Σ log σ(s): all (N, D) -> (N, D), (N,).

    The numerically stable form of Kingma et al. 2016, eq. 14: the scale is at most 1.
    """
    z, m, s = _checked(z=z, m=m, s=s)
    gate = sigmoid(s)
    return like(gate * z + (1 - gate) * m, z), like(-np.sum(softplus(-s), axis=1), z)


def _checked(**arrays):
    """The arrays, if they have one shape (N, D)."""
    arrays = {name: checks.array(name, a, "N", "D") for name, a in arrays.items()}
    checks.same_shape(2, **arrays)
    return arrays.values()


# ------------------------------------------------------------------------------------------- bijections


class AffineAutoregressive(Bijection):
    """The affine transform whose mu and log_scale of coordinate i are functions of the earlier coordinates of x.

    net(x (N, D)) -> (N, 2, D), mu then log_scale, such as `MADE(..., outputs=2)`, in any order of the coordinates; a
    context is handed on to it. `inverse` (x to z) calls net once, `forward` (z to x) D times: this is MAF, and
    `Inverse(AffineAutoregressive(net, dim))` is the IAF of the same network. Eq. flow.21
    """

    def __init__(self, net: Callable, dim: int):
        self.net, self.dim = net, checks.whole("dim", dim)

    def inverse(self, x, context=None):
        x = checks.array("x", x, "N", self.dim)
        mu, log_scale = self._parameters(x, context)
        return maf_inverse(x, mu, log_scale)

    def forward(self, z, context=None):
        z = checks.array("z", z, "N", self.dim)
        x, log_det = np.zeros_like(z), np.zeros(len(z), z.dtype)
        for _ in range(self.dim):  # each pass makes the next coordinate right, whichever it is
            x = np.where(np.isfinite(x), x, 0)  # those that are not right yet may have overflowed
            mu, log_scale = self._parameters(x, context)
            x, log_det = like(z * np.exp(log_scale) + mu, z), like(np.sum(log_scale, axis=1), z)
        return x, log_det

    def _parameters(self, x, context):
        out = apply(self.net, x, context)
        if np.shape(out) != (len(x), 2, self.dim):
            raise ValueError(f"net must return shape {(len(x), 2, self.dim)}, got {np.shape(out)}")
        return out[:, 0], out[:, 1]


class MAF(Flow):
    """A stack of masked autoregressive transforms: log_prob(x (N, dim)) in one pass of each, sample in dim passes.

    `layers` MADEs with hidden layers of the widths `hidden`; the order of the coordinates is reversed from each to the
    next. The identity at the start. With `context` features, everything may depend on those. Papamakarios et al. 2017
    """

    def __init__(
        self, rng: Rng, dim: int, layers: int = 5, hidden: Sequence[int] = (64, 64), context: int | None = None
    ):
        super().__init__(StandardNormal(dim), Chain(_layers(rng, dim, layers, hidden, context)))


class IAF(Flow):
    """A stack of inverse autoregressive transforms: sample in one pass of each, log_prob(x (N, dim)) in dim passes.

    Arguments as for `MAF`; the log-density of its own samples costs no more than the samples, by `bijection.forward`.
    Kingma et al. 2016
    """

    def __init__(
        self, rng: Rng, dim: int, layers: int = 5, hidden: Sequence[int] = (64, 64), context: int | None = None
    ):
        inverses = [Inverse(layer) for layer in _layers(rng, dim, layers, hidden, context)]
        super().__init__(StandardNormal(dim), Chain(inverses))


def _layers(rng, dim, layers, hidden, context):
    """Transforms whose orders are reversed in turn, and which start as the identity."""
    orders = [numpy.arange(dim), numpy.arange(dim)[::-1]]
    nets = [MADE(rng, dim, hidden, 2, orders[k % 2], "tanh", context) for k in range(checks.whole("layers", layers))]
    for net in nets:
        for last in [net.layers[-1], *([] if net.direct is None else [net.direct])]:
            last.w *= 0
    return [AffineAutoregressive(net, dim) for net in nets]
