"""GANs on a ring of eight Gaussians, Wasserstein GANs on two moons, and the game of two players."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy

from minigen.gan import improved_training, toy_problems
from minigen.gan.losses import discriminator_loss, generator_loss_nonsaturating
from minigen.gan.networks import Discriminator, Generator
from minigen.gan.train import goodfellow_step, wgan_gp_step, wgan_step
from minigen.optim import Adam, RMSProp, cosine
from minigen.tensor import value_and_grad
from minigen.types import Array, Rng
from minigen.zoo.demonstrations.frames import (
    BATCH,
    SHOWN,
    WIDTH,
    Data,
    Frame,
    Layer,
    moons,
    path,
    points,
    ring,
    watch,
    watch_samples,
)


def gan(rng: Rng, data: Data = ring, lr: float = 2e-3, steps: int = 560, saturating: bool = False) -> Iterator[Frame]:
    """Train a generator to fool a discriminator.

    saturating: the generator's loss is that of the minimax game.
    """
    density = data()
    generator, discriminator = Generator(rng, width=WIDTH), Discriminator(rng, width=WIDTH)
    g_optimizer, d_optimizer = (Adam(net, lr, betas=(0.0, 0.99)) for net in (generator, discriminator))
    z = generator.latent(rng, SHOWN)

    def draw(n: int) -> Array:
        return density.sample(rng, n)

    def step(i: int) -> None:
        goodfellow_step(generator, discriminator, g_optimizer, d_optimizer, draw, BATCH, rng, saturating=saturating)

    return watch_samples(density.sample(rng, SHOWN), steps, step, lambda: generator(z))


def wgan(rng: Rng, data: Data = moons, lr: float = 1e-3, steps: int = 260) -> Iterator[Frame]:
    """Train the critic of a Wasserstein GAN with clipped weights, to estimate how far the points are from the data."""
    density = data()
    generator, critic = Generator(rng, width=WIDTH), Discriminator(rng, width=WIDTH)
    g_optimizer, c_optimizer = RMSProp(generator, lr), RMSProp(critic, lr)
    z = generator.latent(rng, SHOWN)

    def draw(n: int) -> Array:
        return density.sample(rng, n)

    def step(i: int) -> None:
        wgan_step(generator, critic, g_optimizer, c_optimizer, draw, BATCH, rng, n_critic=4, c=0.1)

    return watch_samples(density.sample(rng, SHOWN), steps, step, lambda: generator(z))


def wgan_gp(rng: Rng, data: Data = moons, lr: float = 3e-3, steps: int = 250) -> Iterator[Frame]:
    """Train the same with a penalty on the slope of the critic in the place of clipping."""
    density, rate = data(), cosine(lr, steps)
    generator, critic = Generator(rng, width=WIDTH), Discriminator(rng, width=WIDTH)
    g_optimizer, c_optimizer = (Adam(net, lr, betas=(0.0, 0.9)) for net in (generator, critic))
    z = generator.latent(rng, SHOWN)

    def draw(n: int) -> Array:
        return density.sample(rng, n)

    def step(i: int) -> None:
        g_optimizer.lr = c_optimizer.lr = rate(i)
        wgan_gp_step(generator, critic, g_optimizer, c_optimizer, draw, 64, rng, n_critic=4, penalty=1.0)

    return watch_samples(density.sample(rng, SHOWN), steps, step, lambda: generator(z))


# ------------------------------------------------------------------------------------------- improved training


def nonsaturating(discriminator: Discriminator, real: Array, fake: Array) -> Array:
    """Return the usual loss of the generator."""
    return generator_loss_nonsaturating(discriminator(fake))


def feature_matching(discriminator: Discriminator, real: Array, fake: Array) -> Array:
    """Return the loss of a generator that matches the mean features of real points, in place of fooling the critic."""
    return improved_training.feature_matching_loss(discriminator.features(real), discriminator.features(fake))


def improved_gan(
    rng: Rng,
    data: Data = ring,
    lr: float = 2e-3,
    steps: int = 700,
    generator_loss: Callable = nonsaturating,
    history: float = 0.0,
    noise: float = 0.0,
) -> Iterator[Frame]:
    """Train a GAN with one modification of its training.

    generator_loss: of the discriminator, real and generated points. history: the weight of the penalty on weights that
    differ from their average so far. noise: the standard deviation, at first, of noise on the discriminator's input.
    """
    density = data()
    generator, discriminator = Generator(rng, width=WIDTH), Discriminator(rng, width=WIDTH)
    g_optimizer, d_optimizer = (Adam(net, lr, betas=(0.0, 0.99)) for net in (generator, discriminator))
    average = improved_training.HistoricalAverage(generator)
    z_shown = generator.latent(rng, SHOWN)

    def noisy(x: Array, i: int) -> Array:
        return improved_training.instance_noise(x, noise * (1 - i / steps), rng) if noise else x

    def step(i: int) -> None:
        real, fake = noisy(density.sample(rng, BATCH), i), noisy(generator.sample(rng, BATCH), i)
        z = generator.latent(rng, BATCH)

        def d_loss(d: Discriminator) -> Array:
            return discriminator_loss(d(real), d(fake))

        def g_loss(g: Generator) -> Array:
            loss = generator_loss(discriminator, real, noisy(g(z), i))
            return loss + history * average.penalty(g) if history else loss

        d_optimizer.step(value_and_grad(d_loss)(discriminator)[1])
        g_optimizer.step(value_and_grad(g_loss)(generator)[1])
        average.update(generator)

    return watch_samples(density.sample(rng, SHOWN), steps, step, lambda: generator(z_shown))


# ------------------------------------------------------------------------------------------- the game x·y


def game(rng: Rng, move: Callable[..., tuple], lr: float = 0.2, steps: int = 120) -> Iterator[Frame]:
    """Two players of the game x·y, step by step; the distance is that from the equilibrium in the middle.

    move: the next point, of the coordinates of the present one and of the one before it, and of the learning rate.
    """
    trajectory = [numpy.array([1.0, 1.0])]

    def step(i: int) -> None:
        now, before = trajectory[-1], trajectory[max(0, len(trajectory) - 2)]
        trajectory.append(numpy.array(move(*now, *before, lr)))

    def look() -> tuple[float, list[Layer]]:
        now = trajectory[-1]
        return float(numpy.hypot(*now)), [path("model", numpy.array(trajectory)), points("codes", now)]

    return watch(steps, step, look, frames=30)


def simultaneous(x: Any, y: Any, x_before: Any, y_before: Any, lr: float) -> tuple:
    """Both players move at once."""
    return toy_problems.simultaneous_step(x, y, lr)


def alternating(x: Any, y: Any, x_before: Any, y_before: Any, lr: float) -> tuple:
    """Move the second player after the first."""
    return toy_problems.alternating_step(x, y, lr)


def extragradient(x: Any, y: Any, x_before: Any, y_before: Any, lr: float) -> tuple:
    """Both players follow the gradient of a point that lies ahead."""
    return toy_problems.extragradient_step(x, y, lr)


def optimistic(x: Any, y: Any, x_before: Any, y_before: Any, lr: float) -> tuple:
    """Both players correct their move by the one before."""
    return toy_problems.optimistic_step(x, y, x_before, y_before, lr)
