"""A normalizing flow in a VAE: as a part of the posterior, or as the prior.

    q(z | x) = N(z0; mu(x), σ²(x)) pushed through z = f(z0)

A Gaussian with independent coordinates is rarely close to the true posterior, and the bound is lower by their KL
divergence; the flow reduces it. The KL divergence from the prior then has no closed form and is estimated from one
draw. Rezende and Mohamed 2015 (a chain of `Planar`); Kingma et al. 2016 (an `IAF` with the encoder's features as
context). `flow_prior` keeps the Gaussian posterior and replaces the prior with a flow (Su and Wu 2018).
"""

import math

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import checked, whole
from minigen.flow.bijection import Bijection, apply
from minigen.flow.planar import IDENTITY, planar_chains, solve_tanh, u_hat
from minigen.nn import Linear
from minigen.tensor import like
from minigen.types import Array, Rng


@checked(mu="N, D", logvar="N, D", eps="N, D")
def flow_posterior(
    mu: Array, logvar: Array, eps: Array, bijection: Bijection, context: Array | None = None
) -> tuple[Array, Array]:
    """A draw z (N, D) of the posterior, and an estimate (N,) of KL(q(z | x) ‖ N(0, I)) from this one draw, in nats.

    z0 = mu + exp(logvar/2) eps and z = bijection.forward(z0), all (N, D), eps from N(0, I); then

        kl = log N(z0; mu, exp(logvar)) − log |det dz/dz0| − log N(z; 0, I).

    One draw can be negative; its mean over eps is the divergence.
    """
    z0 = mu + np.exp(logvar / 2) * eps
    z, log_det = apply(bijection.forward, z0, context)
    if np.shape(z) != np.shape(mu):
        raise ValueError(f"bijection must keep the shape {np.shape(mu)}, got {np.shape(z)}")
    log_q0 = -0.5 * np.sum(eps**2 + logvar + math.log(2 * math.pi), axis=1)  # (N,)
    log_prior = -0.5 * np.sum(z**2 + math.log(2 * math.pi), axis=1)  # (N,)
    return like(z, mu), like(log_q0 - log_det - log_prior, mu)


@checked(mu="N, D", logvar="N, D", eps="N, D")
def flow_prior(mu: Array, logvar: Array, eps: Array, bijection: Bijection) -> tuple[Array, Array]:
    """A draw z (N, D) of N(mu, exp(logvar)), and an estimate (N,) from it of the KL divergence from a flow, in nats.

    The prior is the density of bijection.forward(u) with u from N(0, I). With z = mu + exp(logvar/2) eps, all (N, D),
    and u = bijection.inverse(z),

        kl = log N(z; mu, exp(logvar)) − log N(u; 0, I) − log |det du/dz|.

    Its mean over eps from N(0, I) is the divergence. Su and Wu 2018, Chen et al. 2017
    """
    z = mu + np.exp(logvar / 2) * eps
    u, log_det = bijection.inverse(z)
    if np.shape(u) != np.shape(mu):
        raise ValueError(f"bijection must keep the shape {np.shape(mu)}, got {np.shape(u)}")
    log_q = -0.5 * np.sum(eps**2 + logvar + math.log(2 * math.pi), axis=1)  # (N,)
    log_prior = -0.5 * np.sum(u**2 + math.log(2 * math.pi), axis=1) + log_det  # (N,)
    return like(z, mu), like(log_q - log_prior, mu)


def independent_gap(precision: Array) -> Array:
    """The KL divergence that the best Gaussian q with independent coordinates leaves, nats: (N, D, D) -> (N,).

    The posterior is a Gaussian with these precision matrices (inverse covariances) P. KL(q ‖ posterior) is smallest
    for the posterior's mean and the variances 1/P_jj, and is then ½ (Σ_j log P_jj − log det P).
    ValueError: another shape, or a matrix whose determinant or diagonal is not positive.
    """
    P = _positive_definite(precision)
    diagonal = np.diagonal(P, axis1=1, axis2=2)  # (N, D)
    log_det = np.linalg.slogdet(P)[1]  # (N,)
    return like(0.5 * (np.sum(np.log(diagonal), axis=1) - log_det), P)


def _positive_definite(precision: Array) -> Array:
    """The matrices (N, D, D), if they are square with positive diagonals and determinants."""
    P = checks.array("precision", precision, "N", "D", "D")
    square = np.shape(P)[1] == np.shape(P)[2]
    diagonals = np.diagonal(P, axis1=1, axis2=2)
    if not (square and numpy.all(diagonals > 0) and numpy.all(np.linalg.slogdet(P)[0] > 0)):
        raise ValueError("precision must be positive definite matrices (N, D, D)")
    return P


class AmortizedPlanar(Bijection):
    """A chain of planar layers for each example, whose u, w and b are affine functions of its context (N, context).

    An inference network outputs the parameters of the whole flow in this way: `forward(z, context)`, z (N, dim). At the
    start every example has the same chain, near the identity. ValueError: other shapes, or no context. Rezende and
    Mohamed 2015
    """

    @checked(layers=whole, dim=whole, context=whole, rng=Rng)
    def __init__(self, rng: Rng, dim: int, layers: int = 8, context: int = 64):
        self.dim, self.layers = dim, layers
        self.net = Linear(rng, context, layers * (2 * dim + 1), scale=0.1)
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
