"""Flows: trained on two moons by their likelihood, or towards a density that is known by the reverse KL divergence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import autograd.numpy as np
import numpy

from minigen.data.density import Density
from minigen.flow import autoregressive
from minigen.flow.autoregressive import MAF
from minigen.flow.bijection import Bijection, Chain, Flow, StandardNormal
from minigen.flow.made import MADE
from minigen.flow.nice import NICE
from minigen.flow.planar import Planar, Radial
from minigen.flow.realnvp import RealNVP
from minigen.optim import cosine
from minigen.train import descend
from minigen.types import Array, Rng
from minigen.zoo.demonstrations.frames import BATCH, SHOWN, Data, Frame, moons, noise, watch_samples

# ------------------------------------------------------------------------------------------- maximum likelihood


def realnvp(rng: Rng, data: Data = moons, lr: float = 5e-3, steps: int = 300) -> Iterator[Frame]:
    """RealNVP, six affine couplings."""
    return maximum_likelihood(RealNVP(rng, couplings=6, width=32), rng, data(), lr, steps)


def nice(rng: Rng, data: Data = moons, lr: float = 5e-3, steps: int = 450) -> Iterator[Frame]:
    """NICE, six additive couplings and a scale."""
    return maximum_likelihood(NICE(rng, couplings=6, width=32), rng, data(), lr, steps)


def maf(rng: Rng, data: Data = moons, lr: float = 5e-3, steps: int = 350) -> Iterator[Frame]:
    """Return a masked autoregressive flow of five layers."""
    return maximum_likelihood(MAF(rng, 2, layers=5, hidden=(32, 32)), rng, data(), lr, steps)


def maximum_likelihood(model: Flow, rng: Rng, density: Density, lr: float, steps: int) -> Iterator[Frame]:
    """Train a flow on samples of a density by its exact likelihood; its points."""
    real = density.sample(rng, SHOWN)
    step = descend(Flow.loss, model, lambda rng: density.sample(rng, BATCH), rng=rng, lr=cosine(lr, steps))
    return watch_samples(real, steps, step, lambda: model.sample(numpy.random.default_rng(2), SHOWN))


# ------------------------------------------------------------------------------------------- reverse KL divergence


def planar(rng: Rng, lr: float = 1e-2, steps: int = 350) -> Iterator[Frame]:
    """Six planar layers bend a Gaussian towards a density that is known."""
    return reverse_kl(Chain([Planar(rng, 2) for _ in range(6)]), rng, lr, steps)


def radial(rng: Rng, lr: float = 1e-2, steps: int = 350) -> Iterator[Frame]:
    """Six radial layers do the same."""
    return reverse_kl(Chain([Radial(rng, 2) for _ in range(6)]), rng, lr, steps)


Transform = Callable[[Array, Array, Array], tuple[Array, Array]]


class InverseAutoregressive(Bijection):
    """One layer, z -> x: `transform(z, a, b)` with a and b, of every coordinate, functions of the earlier ones of z."""

    def __init__(self, rng: Rng, transform: Transform, order: Sequence[int]):
        self.net, self.transform = MADE(rng, 2, (32, 32), outputs=2, order=order), transform

    def forward(self, z: Array, context: Array = None) -> tuple[Array, Array]:
        out = self.net(z)  # (N, 2, D)
        return self.transform(z, out[:, 0], out[:, 1])


def affine(z: Array, a: Array, b: Array) -> tuple[Array, Array]:
    """Scale and shift z."""
    return autoregressive.iaf_forward(z, a, np.tanh(b))


def gated(z: Array, a: Array, b: Array) -> tuple[Array, Array]:
    """Mix z and a by a gate."""
    return autoregressive.iaf_gated(z, a, b + 2)


def inverse_of_maf(z: Array, a: Array, b: Array) -> tuple[Array, Array]:
    """Scale and shift z by the parameters of a masked autoregressive flow."""
    return autoregressive.iaf_forward(z, *autoregressive.iaf_from_maf(a, np.tanh(b)))


def iaf(rng: Rng, lr: float = 1e-2, steps: int = 350, transform: Transform = affine) -> Iterator[Frame]:
    """Train an inverse autoregressive flow of four layers towards a density that is known."""
    orders = [(0, 1), (1, 0), (0, 1), (1, 0)]
    return reverse_kl(Chain([InverseAutoregressive(rng, transform, order) for order in orders]), rng, lr, steps)


def reverse_kl(bijection: Bijection, rng: Rng, lr: float, steps: int) -> Iterator[Frame]:
    """Push noise through a flow so that its points follow a known density: the mean of log q − log p falls."""
    center, std = numpy.array([0.6, -0.4]), numpy.array([1.4, 0.5])  # std: along the axes of the rotated Gaussian
    base = StandardNormal(2)
    rotation = numpy.array([[numpy.cos(0.6), numpy.sin(0.6)], [-numpy.sin(0.6), numpy.cos(0.6)]])

    def log_p(x: Array) -> Array:
        return -0.5 * np.sum((np.dot(x - center, rotation.T) / std) ** 2, axis=1)

    def loss(bijection: Bijection, z: Array) -> Array:
        x, log_det = bijection.forward(z)
        return np.mean(base.log_prob(z) - log_det - log_p(x))

    step = descend(loss, bijection, noise, rng=rng, lr=cosine(lr, steps))
    real = (noise(rng, SHOWN) * std) @ rotation + center
    z = noise(rng, SHOWN)
    return watch_samples(real.astype(numpy.float32), steps, step, lambda: bijection.forward(z)[0])
