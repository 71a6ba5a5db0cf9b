"""The tour's four models of a 2-D density: a GAN, a VAE, a RealNVP and a DDPM; and a fifth, by flow matching.

Each function below is one family in a dozen lines: build the model, train it, and return how to sample from it and,
where there is one, its log-likelihood. What they leave out (why each loss is what it is, what goes wrong without it) is
in the lessons.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy

from minigen.data.density import Density
from minigen.diffusion.ddpm import ancestral, simple_loss
from minigen.diffusion.flow_matching import TimeScaled, flow_matching_loss, integrate
from minigen.diffusion.networks.mlp import EpsMLP
from minigen.diffusion.schedule import Schedule
from minigen.flow.realnvp import RealNVP
from minigen.gan.networks import Discriminator, Generator
from minigen.gan.train import goodfellow_step
from minigen.optim import EMA, Adam, cosine
from minigen.train import History, descend, fit
from minigen.types import Array, Rng
from minigen.vae.likelihoods import Gaussian
from minigen.vae.vae import VAE, importance_log_likelihood, vae_loss

__all__ = [
    "AFTER",
    "FAMILIES",
    "STEPS",
    "Trained",
    "train_diffusion",
    "train_flow",
    "train_flow_matching",
    "train_gan",
    "train_vae",
]

STEPS = {"GAN": 4000, "VAE": 4000, "RealNVP": 2500, "DDPM": 4000, "flow matching": 4000}
BATCH = 256


@dataclass
class Trained:
    """What a family returns: `sample(rng, n)` -> (n, 2), `log_prob(x, rng)` -> (N,) or None, and its training."""

    sample: Callable
    history: History
    loss: str
    log_prob: Callable | None = None
    likelihood: str = ""  # how the log-likelihood is known


def train_gan(density: Density, steps: int, rng: Rng) -> Trained:
    """Train a generator to fool a discriminator that learns to separate its points from real ones. Eq. gan.03"""
    generator = Generator(rng, dim_z=2, width=128, activation="tanh")
    discriminator = Discriminator(rng, width=128)
    g_optimizer, d_optimizer = (Adam(net, 1e-3, betas=(0.0, 0.999)) for net in (generator, discriminator))
    average, lr = EMA(generator), cosine(1e-3, steps)

    def draw(n: int) -> Array:
        return density.sample(rng, n)

    def step(i: int) -> dict[str, float]:
        g_optimizer.lr = d_optimizer.lr = lr(i)
        losses = goodfellow_step(generator, discriminator, g_optimizer, d_optimizer, draw, BATCH, rng)
        average.update(generator)
        return {"discriminator": losses["discriminator"], "generator": losses["generator"]}

    history = fit(step, steps, label="GAN")
    averaged: Any = average.model
    return Trained(averaged.sample, history, "the two losses")


def train_vae(density: Density, steps: int, rng: Rng) -> Trained:
    """Return an encoder infers the code of each point, a decoder turns codes into points. Eq. vae.12"""
    vae = VAE(rng, dim_x=2, dim_z=2, widths=(128, 128), likelihood=Gaussian(std=0.5))

    def batch(rng: Rng) -> tuple[Array, Array]:
        eps = rng.standard_normal((BATCH, 2), dtype=numpy.float32)
        return density.sample(rng, BATCH), eps

    def loss(vae: VAE, x: Array, eps: Array) -> Array:
        return vae_loss(vae, x, eps)[0]

    step = descend(loss, vae, batch, rng=rng, lr=cosine(2e-3, steps), ema=0.999)
    history = fit(step, steps, label="VAE")
    averaged: Any = step.averaged

    def log_prob(x: Array, rng: Rng) -> Array:
        return importance_log_likelihood(averaged, x, 200, rng)

    return Trained(averaged.sample, history, "-ELBO", log_prob, "bound")


def train_flow(density: Density, steps: int, rng: Rng) -> Trained:
    """Return an invertible map turns points into Gaussian noise; its Jacobian gives their exact density. Eq. flow.08"""
    flow = RealNVP(rng, dim=2).standardize(density.sample(rng, 5000))

    def batch(rng: Rng) -> Array:
        return density.sample(rng, BATCH)

    step = descend(RealNVP.loss, flow, batch, rng=rng, lr=cosine(2e-3, steps), ema=0.999)
    history = fit(step, steps, label="RealNVP")
    averaged: Any = step.averaged

    def log_prob(x: Array, rng: Rng) -> Array:
        return averaged.log_prob(x)

    return Trained(averaged.sample, history, "-log p", log_prob, "exact")


def train_diffusion(density: Density, steps: int, rng: Rng) -> Trained:
    """Train a network to predict the noise in a noisy point; sampling removes it in many steps. Eq. diffusion.15"""
    schedule, model = Schedule.cosine(100), EpsMLP(rng, width=128)

    def batch(rng: Rng) -> tuple[Array, Array, Array]:
        x, t = density.sample(rng, BATCH), rng.integers(1, schedule.T + 1, BATCH)
        return x, t, rng.standard_normal((BATCH, 2), dtype=numpy.float32)

    def loss(model: EpsMLP, x: Array, t: Array, eps: Array) -> Array:
        return simple_loss(model, x, t, eps, schedule)

    step = descend(loss, model, batch, rng=rng, lr=cosine(2e-3, steps), ema=0.999)
    history = fit(step, steps, label="DDPM")

    def sample(rng: Rng, n: int) -> Array:
        return ancestral(step.averaged, rng.standard_normal((n, 2), dtype=numpy.float32), schedule, rng)

    return Trained(sample, history, "error of the noise")


def train_flow_matching(density: Density, steps: int, rng: Rng) -> Trained:
    """Train a network on the velocity of straight lines from data to noise; sampling goes against it. Eq. after.10"""
    model = TimeScaled(EpsMLP(rng, width=128))

    def batch(rng: Rng) -> tuple[Array, Array, Array]:
        x = density.sample(rng, BATCH)
        return x, rng.standard_normal(x.shape, dtype=numpy.float32), rng.random(BATCH, dtype=numpy.float32)

    step = descend(flow_matching_loss, model, batch, rng=rng, lr=cosine(2e-3, steps), ema=0.999)
    history = fit(step, steps, label="flow matching")
    averaged: Any = step.averaged

    def sample(rng: Rng, n: int) -> Array:
        noise = rng.standard_normal((n, 2), dtype=numpy.float32)
        return integrate(averaged, noise, numpy.linspace(1, 0, 17))

    return Trained(sample, history, "error of the velocity")


FAMILIES = {"GAN": train_gan, "VAE": train_vae, "RealNVP": train_flow, "DDPM": train_diffusion}
AFTER = {"flow matching": train_flow_matching}  # of the lessons after the posts
