"""Autoencoders on two moons: plain, denoising, variational, and with a codebook."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import autograd.numpy as np
import numpy

from minigen.nn import MLP
from minigen.optim import cosine
from minigen.train import descend
from minigen.types import Array, Rng
from minigen.vae import autoencoder, beta_vae
from minigen.vae.likelihoods import Gaussian
from minigen.vae.quantizer import VectorQuantizer
from minigen.vae.vae import VAE, Elbo
from minigen.zoo.demonstrations.frames import (
    BATCH,
    SHOWN,
    WIDTH,
    Data,
    Frame,
    Layer,
    moons,
    noise,
    points,
    watch,
    watch_samples,
)


def bottleneck(rng: Rng, data: Data = moons, lr: float = 1e-2, steps: int = 900) -> Iterator[Frame]:
    """Train an autoencoder with one number for each point: its output is a curve through the data."""
    density = data()
    model = MLP(rng, [2, 32, 32, 1, 32, 32, 2], "tanh")
    real = density.sample(rng, SHOWN)

    def loss(model: MLP, x: Array) -> Array:
        return autoencoder.reconstruction_loss(x, model(x))

    def look() -> tuple[float, list[Layer]]:
        output = model(real)
        return float(numpy.mean(numpy.sum((output - real) ** 2, axis=1))), [points("model", output)]

    step = descend(loss, model, lambda rng: density.sample(rng, BATCH), rng=rng, lr=cosine(lr, steps))
    return watch(steps, step, look, [points("data", real)], frames=25)


def denoiser(rng: Rng, data: Data = moons, lr: float = 5e-3, steps: int = 600) -> Iterator[Frame]:
    """Train a denoising autoencoder, which moves noisy points of the data back to it."""
    density = data()
    model = MLP(rng, [2, WIDTH, WIDTH, 2], "tanh")
    real = density.sample(rng, SHOWN)
    noisy = real + 0.4 * noise(rng, SHOWN)

    def batch(rng: Rng) -> tuple[Array, Array]:
        x = density.sample(rng, BATCH)
        return x, autoencoder.corrupt(x, rng, "gaussian", 0.4)

    def loss(model: MLP, x: Array, corrupted: Array) -> Array:
        return autoencoder.denoising_loss(model, x, corrupted)

    step = descend(loss, model, batch, rng=rng, lr=cosine(lr, steps))
    return watch_samples(real, steps, step, lambda: model(noisy))


# ------------------------------------------------------------------------------------------- variational


def negative_elbo(bound: Elbo) -> Array:
    """Return the usual loss of a VAE."""
    return -np.mean(bound.value)


def beta_vae_loss(bound: Elbo) -> Array:
    """Return the loss of a β-VAE, with β = 1."""
    return beta_vae.beta_vae_loss(-np.mean(bound.reconstruction), np.mean(bound.kl), 1.0)


def capacity_loss(bound: Elbo) -> Array:
    """Return the loss of a VAE whose KL divergence is drawn to 3 nats."""
    return beta_vae.capacity_loss(-np.mean(bound.reconstruction), np.mean(bound.kl), 1.0, 3.0)


def vae(
    rng: Rng,
    data: Data = moons,
    lr: float = 1e-2,
    steps: int = 1400,
    objective: Callable[[Elbo], Array] = negative_elbo,
) -> Iterator[Frame]:
    """Train a variational autoencoder on the density of the data: its decoder's points."""
    density = data()
    model = VAE(rng, 2, 2, (WIDTH, WIDTH), "tanh", likelihood=Gaussian(std=0.15))

    def batch(rng: Rng) -> tuple[Array, Array]:
        return density.sample(rng, BATCH), noise(rng)

    def loss(model: VAE, x: Array, eps: Array) -> Array:
        return objective(model.elbo(x, eps))

    step = descend(loss, model, batch, rng=rng, lr=cosine(lr, steps))
    real = density.sample(rng, SHOWN)
    return watch_samples(real, steps, step, lambda: model.sample(numpy.random.default_rng(2), SHOWN))


# ------------------------------------------------------------------------------------------- a codebook


def codebook(rng: Rng, data: Data = moons, lr: float = 2e-2, steps: int = 400) -> Iterator[Frame]:
    """Code vectors spread over the data by the gradient; the distance is that of a point to its code, squared."""
    density, quantizer = data(), small_quantizer(rng, learned=True)
    real = density.sample(rng, SHOWN)

    def loss(quantizer: VectorQuantizer, z: Array) -> Array:
        found = quantizer(z)
        return np.mean(found.codebook + found.commitment) + np.mean(np.sum((found.vectors - z) ** 2, axis=1))

    step = descend(loss, quantizer, lambda rng: density.sample(rng, BATCH), rng=rng, lr=lr)
    return watch_codes(quantizer, real, steps, step)


def averaged_codebook(rng: Rng, data: Data = moons, steps: int = 400) -> Iterator[Frame]:
    """Return the same by moving averages of the points that each code is nearest to."""
    density, quantizer = data(), small_quantizer(rng, learned=False)
    real = density.sample(rng, SHOWN)

    def step(i: int) -> None:
        z = density.sample(rng, BATCH)
        quantizer.update(z, quantizer.nearest(z))

    return watch_codes(quantizer, real, steps, step)


def small_quantizer(rng: Rng, learned: bool) -> VectorQuantizer:
    """Return a codebook of 24 vectors near the origin."""
    quantizer = VectorQuantizer(rng, 24, 2, gamma=0.9, learned=learned)
    quantizer.codebook[...] *= 0.2
    return quantizer


def watch_codes(quantizer: VectorQuantizer, real: Array, steps: int, step: Callable[[int], object]) -> Iterator[Frame]:
    """Train a codebook and show its vectors."""

    def look() -> tuple[float, list[Layer]]:
        error = real - quantizer.codebook[quantizer.nearest(real)]
        return float(numpy.mean(numpy.sum(error**2, axis=1))), [points("codes", quantizer.codebook)]

    return watch(steps, step, look, [points("data", real)], frames=25)
