"""A normalizing flow as the posterior of a VAE: the encoder's Gaussian is the base density, the flow bends it.

    q(z | x) = N(z0; mu(x), σ²(x)) pushed through z = f(z0)

A Gaussian with independent coordinates is rarely close to the true posterior, and the gap is lost from the bound; the
flow narrows it. There is no closed form of the KL divergence any more: it is estimated by one draw. Rezende and
Mohamed 2015 (a chain of `Planar`); Kingma et al. 2016 (an `IAF` with the encoder's features as context).
"""

import math

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.flow.bijection import Bijection, apply
from minigen.flow.planar import IDENTITY, planar_chains, solve_tanh, u_hat
from minigen.nn import Linear
from minigen.tensor import like
from minigen.types import Array, Rng


def flow_posterior(
    mu: Array, logvar: Array, eps: Array, bijection: Bijection, context: Array | None = None
) -> tuple[Array, Array]:
    """A draw z (N, D) of the posterior, and an estimate (N,) of KL(q(z | x) ‖ N(0, I)) from this one draw, in nats.

    z0 = mu + exp(logvar/2) eps and z = bijection.forward(z0), all (N, D), eps from N(0, I); then

        kl = log N(z0; mu, exp(logvar)) − log |det dz/dz0| − log N(z; 0, I).

    One draw can be negative; its mean over eps is the divergence. ValueError: shapes that differ.
    """
    mu = checks.array("mu", mu, "N", "D")
    logvar, eps = checks.array("logvar", logvar, "N", "D"), checks.array("eps", eps, "N", "D")
    checks.same_shape(2, mu=mu, logvar=logvar, eps=eps)
    z0 = mu + np.exp(logvar / 2) * eps
    z, log_det = apply(bijection.forward, z0, context)
    if np.shape(z) != np.shape(mu):
        raise ValueError(f"bijection must keep the shape {np.shape(mu)}, got {np.shape(z)}")
    log_q0 = -0.5 * np.sum(eps**2 + logvar + math.log(2 * math.pi), axis=1)  # (N,)
    log_prior = -0.5 * np.sum(z**2 + math.log(2 * math.pi), axis=1)  # (N,)
    return like(z, mu), like(log_q0 - log_det - log_prior, mu)


class AmortizedPlanar(Bijection):
    """A chain of planar layers for each example, whose u, w and b are affine functions of its context (N, context).

    An inference network outputs the parameters of the whole flow in this way: `forward(z, context)`, z (N, dim). At the
    start every example has the same chain, near the identity. ValueError: other shapes, or no context. Rezende and
    Mohamed 2015
    """

    def __init__(self, rng: Rng, dim: int, layers: int = 8, context: int = 64):
        self.dim, self.layers = checks.whole("dim", dim), checks.whole("layers", layers)
        self.net = Linear(checks.rng(rng), checks.whole("context", context), layers * (2 * dim + 1), scale=0.1)
        w = rng.standard_normal((layers, dim), dtype=numpy.float32) / numpy.float32(math.sqrt(dim))
        u = IDENTITY * w / numpy.sum(w**2, axis=1, keepdims=True)  # then û = 0
        start = numpy.concatenate([u, w, numpy.zeros((layers, 1), numpy.float32)], axis=1)
        assert self.net.b is not None
        self.net.b[...] = numpy.reshape(start, -1)

    def parameters_of(self, context: Array) -> tuple[Array, Array, Array]:
        """û and w (layers, N, dim) and b (layers, N) of the chain of each example."""
        context = checks.array("context", context, "N", len(self.net.w))
        out = np.reshape(self.net(context), (len(context), self.layers, 2 * self.dim + 1))
        out = np.transpose(out, (1, 0, 2))  # (layers, N, 2·dim + 1)
        u, w, b = out[:, :, : self.dim], out[:, :, self.dim : -1], out[:, :, -1]
        return u_hat(u, w), w, b

    def forward(self, z: Array, context: Array | None = None) -> tuple[Array, Array]:
        z = checks.array("z", z, "N", self.dim)
        u, w, b = self._parameters("z", z, context)
        x, log_det = planar_chains(z[:, None, :], u, w, b)  # (N, 1, dim), (N, 1): N chains of one point each
        return x[:, 0], log_det[:, 0]

    def inverse(self, x: Array, context: Array | None = None) -> tuple[Array, Array]:
        x = checks.array("x", x, "N", self.dim)
        u, w, b = self._parameters("x", x, context)
        z = x
        for layer in reversed(range(self.layers)):
            c = np.sum(z * w[layer], axis=1) + b[layer]  # (N,)
            a = solve_tanh(c, np.sum(u[layer] * w[layer], axis=1))
            z = z - np.tanh(a)[:, None] * u[layer]
        return z, -planar_chains(z[:, None, :], u, w, b)[1][:, 0]

    def _parameters(self, name: str, a: Array, context: Array | None) -> Array:
        """û, w and b in the dtype of the input `a`, one chain for each example."""
        if context is None:
            raise ValueError("context must be given: u, w and b are functions of it")
        checks.same_shape(**{name: a[:, 0], "context": context[:, 0]})
        return tuple(like(part, a) for part in self.parameters_of(context))
