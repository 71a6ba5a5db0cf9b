"""Diffusion models on two moons and on a ring: the noise, the score, guidance, distillation, consistency."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import autograd.numpy as np
import numpy

from minigen.data import toy
from minigen.diffusion import consistency, ddpm, distillation, guidance, langevin, samplers, score
from minigen.diffusion.consistency import ConsistencyModel
from minigen.diffusion.exact import exact_eps_model
from minigen.diffusion.networks.mlp import EpsMLP
from minigen.diffusion.schedule import Schedule
from minigen.nn import MLP
from minigen.optim import cosine
from minigen.tensor import losses
from minigen.train import descend
from minigen.types import Array, Rng
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
    ring,
    watch,
    watch_samples,
)


def linear() -> Schedule:
    """Forty steps, after which hardly anything is left of the data."""
    return Schedule.linear(40, 1e-3, 0.3)


def cosine_schedule() -> Schedule:
    """Forty steps along a cosine."""
    return Schedule.cosine(40, largest=0.6)


# ------------------------------------------------------------------------------------------- samplers


def ancestral(model: EpsMLP, x_T: Array, schedule: Schedule, rng: Rng) -> Array:
    """Return the sampler of DDPM."""
    return ddpm.ancestral(model, x_T, schedule, rng)


def with_posterior_variance(model: EpsMLP, x_T: Array, schedule: Schedule, rng: Rng) -> Array:
    """Return the same with the variance of the posterior."""
    return ddpm.ancestral(model, x_T, schedule, rng, variance="posterior")


def by_posterior(model: EpsMLP, x_T: Array, schedule: Schedule, rng: Rng) -> Array:
    """Return the same by the posterior of the x_0 that the network implies."""
    x = x_T
    for t in range(schedule.T, 0, -1):
        eps, _ = ddpm.predict(model, x, t, schedule)
        mean = ddpm.posterior_mean(ddpm.predict_x0_from_eps(x, t, eps, schedule), x, t, schedule)
        x = mean + numpy.float32(schedule.posterior_variance[t] ** 0.5) * noise(rng, SHOWN)
    return x


def ddim(model: EpsMLP, x_T: Array, schedule: Schedule, rng: Rng) -> Array:
    """DDIM in ten steps, without noise."""
    return samplers.ddim(model, x_T, schedule, steps=10, eta=0.0, rng=rng)


def ddim_with_noise(model: EpsMLP, x_T: Array, schedule: Schedule, rng: Rng) -> Array:
    """DDIM in ten steps, with the noise of DDPM."""
    return samplers.ddim(model, x_T, schedule, steps=10, eta=1.0, rng=rng)


# ------------------------------------------------------------------------------------------- learning the noise


def simple_loss(model: EpsMLP, x: Array, t: Array, eps: Array, schedule: Schedule, rng: Rng) -> Array:
    """Return the loss of DDPM."""
    return ddpm.simple_loss(model, x, t, eps, schedule)


def stepwise_loss(model: EpsMLP, x: Array, t: Array, eps: Array, schedule: Schedule, rng: Rng) -> Array:
    """Return the same with x_t made one small step at a time, all examples up to the same time."""
    x_t, last = x, int(t[0])
    for s in range(1, last + 1):
        x_t = ddpm.q_step(x_t, s, noise(rng), schedule)
    t = numpy.full(len(x), last)
    return np.mean((model(x_t, t) - ddpm.eps_from_x0(x_t, t, x, schedule)) ** 2)


def diffusion(
    rng: Rng,
    data: Data = moons,
    lr: float = 5e-3,
    steps: int = 1000,
    schedule: Callable[[], Schedule] = linear,
    objective: Callable = simple_loss,
    sample: Callable[[EpsMLP, Array, Schedule, Rng], Array] = ancestral,
) -> Iterator[Frame]:
    """Train a network to predict the noise in a noisy point; the points are sampled from pure noise, step by step.

    schedule, objective, sample: what makes the schedule, the loss and the samples.
    """
    density, process = data(), schedule()
    model = EpsMLP(rng, width=WIDTH, layers=3)
    x_T = noise(rng, SHOWN)

    def batch(rng: Rng) -> tuple[Array, Array, Array]:
        return density.sample(rng, BATCH), rng.integers(1, process.T + 1, BATCH), noise(rng)

    def loss(model: EpsMLP, x: Array, t: Array, eps: Array) -> Array:
        return objective(model, x, t, eps, process, rng)

    def look() -> Array:
        return sample(model, x_T, process, numpy.random.default_rng(3))

    step = descend(loss, model, batch, rng=rng, lr=cosine(lr, steps))
    return watch_samples(density.sample(rng, SHOWN), steps, step, look, frames=12)


# ------------------------------------------------------------------------------------------- learning the score


def score_matching(rng: Rng, data: Data = moons, lr: float = 5e-3, steps: int = 500) -> Iterator[Frame]:
    """Train a network to predict where the density rises, at eight noise levels; Langevin's steps follow that."""
    density, net = data(), EpsMLP(rng, width=WIDTH, layers=3)
    sigmas = score.noise_scales(2.0, 0.1, 8)
    start = 2.0 * noise(rng, SHOWN)

    def score_model(net: EpsMLP) -> Callable:
        def of(x: Array, sigma: Array) -> Array:
            return net(x, 100 * numpy.log(10 * sigma)) * (-1 / numpy.reshape(sigma, (-1, 1))).astype(numpy.float32)

        return of

    def batch(rng: Rng) -> tuple[Array, Array, Array]:
        return density.sample(rng, BATCH), rng.choice(sigmas, BATCH), noise(rng)

    def loss(net: EpsMLP, x: Array, sigma: Array, eps: Array) -> Array:
        return score.denoising_score_matching_loss(score_model(net), x, sigma, eps)

    def look() -> Array:
        return score.ncsn_sample(score_model(net), start, sigmas, numpy.random.default_rng(3), steps=8, step=0.2)

    step = descend(loss, net, batch, rng=rng, lr=cosine(lr, steps))
    return watch_samples(density.sample(rng, SHOWN), steps, step, look, frames=10)


def sliced_score(rng: Rng, lr: float = 5e-3, steps: int = 400) -> Iterator[Frame]:
    """Train a network on the score of widened moons without any noise; the distance is that to the true score."""
    density = toy.two_moons(0.3).standardized()
    model = MLP(rng, [2, WIDTH, WIDTH, 2], "tanh")
    real = density.sample(rng, SHOWN)
    exact = density.score(real)

    def batch(rng: Rng) -> tuple[Array, Array]:
        return density.sample(rng, 256), noise(rng, 256)

    def loss(model: MLP, x: Array, v: Array) -> Array:
        return score.sliced_score_matching_loss(model, x, v)

    def look() -> tuple[float, list[Layer]]:
        found = model(real)
        error = float(numpy.mean(numpy.sum((found - exact) ** 2, axis=1)) ** 0.5)
        return error, [points("model", real + 0.15 * found)]

    step = descend(loss, model, batch, rng=rng, lr=cosine(lr, steps))
    return watch(steps, step, look, [points("data", real)], frames=20)


# ------------------------------------------------------------------------------------------- guidance


def guided(rng: Rng, data: Data = ring, lr: float = 5e-3, steps: int = 700) -> Iterator[Frame]:
    """One network with and without labels; its points are drawn for the label "right half"."""
    density = data()
    schedule, model = linear(), EpsMLP(rng, width=WIDTH, layers=3, classes=2)
    x_T = noise(rng, SHOWN)

    def batch(rng: Rng) -> tuple[Array, Array, Array, Array]:
        x = density.sample(rng, BATCH)
        y = guidance.drop_labels((x[:, 0] > 0).astype(int), rng.random(BATCH), 0.2)
        return x, rng.integers(1, schedule.T + 1, BATCH), noise(rng), y

    def loss(model: EpsMLP, x: Array, t: Array, eps: Array, y: Array) -> Array:
        return losses.mse(model(ddpm.q_sample(x, t, eps, schedule), t, y), eps)

    def look() -> Array:
        return samplers.ddim(guidance.classifier_free(model, 1, 0.5), x_T, schedule, steps=10)

    some = density.sample(rng, 4 * SHOWN)
    step = descend(loss, model, batch, rng=rng, lr=cosine(lr, steps))
    return watch_samples(some[some[:, 0] > 0][:SHOWN], steps, step, look, frames=12)


def classifier_guided(rng: Rng, data: Data = ring, lr: float = 5e-3, steps: int = 600) -> Iterator[Frame]:
    """Train a network for the noise and a classifier of noisy points, whose gradient points to the right half."""
    density, schedule = data(), linear()
    model, classifier = EpsMLP(rng, width=WIDTH, layers=3), MLP(rng, [3, 32, 32, 1], "tanh")
    x_T = noise(rng, SHOWN)

    def batch(rng: Rng) -> tuple[Array, Array, Array]:
        return density.sample(rng, BATCH), rng.integers(1, schedule.T + 1, BATCH), noise(rng)

    def logit(classifier: MLP, x: Array, t: Array) -> Array:
        time = numpy.reshape(numpy.asarray(t) / schedule.T, (-1, 1)).astype(numpy.float32)
        return classifier(np.concatenate([x, time], axis=1))[:, 0]

    def classifier_loss(classifier: MLP, x: Array, t: Array, eps: Array) -> Array:
        right = (x[:, 0] > 0).astype(numpy.float32)
        return np.mean(losses.bce_with_logits(logit(classifier, ddpm.q_sample(x, t, eps, schedule), t), right))

    def loss(model: EpsMLP, x: Array, t: Array, eps: Array) -> Array:
        return ddpm.simple_loss(model, x, t, eps, schedule)

    def log_prob(x: Array, t: Array) -> Array:
        return -losses.bce_with_logits(logit(classifier, x, t), numpy.ones(len(x), numpy.float32))

    def look() -> Array:
        return samplers.ddim(guidance.classifier_guided(model, log_prob, schedule, 1.5), x_T, schedule, steps=10)

    some = density.sample(rng, 4 * SHOWN)
    classifier_step = descend(classifier_loss, classifier, batch, rng=rng, lr=cosine(lr, steps))
    model_step = descend(loss, model, batch, rng=rng, lr=cosine(lr, steps))

    def step(i: int) -> None:
        classifier_step(i)
        model_step(i)

    return watch_samples(some[some[:, 0] > 0][:SHOWN], steps, step, look, frames=12)


# ------------------------------------------------------------------------------------------ the exact score of the ring


def distilled(rng: Rng, lr: float = 5e-3, steps: int = 500) -> Iterator[Frame]:
    """Train a student to do in one step what its teacher, which is exact for the ring, does in two."""
    density, schedule = ring(), Schedule.linear(16, 1e-2, 0.6)
    teacher, student = exact_eps_model(density, schedule), EpsMLP(rng, width=WIDTH, layers=3)
    half, x_T = distillation.halved(schedule), noise(rng, SHOWN)

    def batch(rng: Rng) -> tuple[Array, Array, Array]:
        return density.sample(rng, BATCH), 2 * rng.integers(1, half.T + 1, BATCH), noise(rng)

    def loss(student: EpsMLP, x: Array, t: Array, eps: Array) -> Array:
        return distillation.distillation_loss(student, teacher, x, t, eps, schedule)

    def of_v(x: Array, t: Array, y: Array = None) -> Array:
        """Return the noise that the student's v implies, at the times of the teacher."""
        return ddpm.eps_from_v(x, t, student(x, t), schedule)

    step = descend(loss, student, batch, rng=rng, lr=cosine(lr, steps))
    return watch_samples(density.sample(rng, SHOWN), steps, step, lambda: samplers.ddim(of_v, x_T, half))


def langevin_sampling(rng: Rng, steps: int = 240) -> Iterator[Frame]:
    """Langevin sampling of the ring by its exact score; nothing is trained."""
    schedule, t = linear(), 4
    eps_model, real = exact_eps_model(ring(), schedule), ring().sample(rng, SHOWN)
    x = 0.3 * noise(rng, SHOWN)

    def step(i: int) -> None:
        nonlocal x
        eps, _ = ddpm.predict(eps_model, x, t, schedule)
        x = langevin.langevin_step(x, ddpm.score_from_eps(eps, t, schedule), 0.02, noise(rng, SHOWN))

    return watch_samples(real, steps, step, lambda: x)


# ------------------------------------------------------------------------------------------- consistency


def consistency_training(
    model: ConsistencyModel, teacher: Callable, x: Array, z: Array, high: Array, low: Array
) -> Array:
    """Return the loss without a teacher."""
    return consistency.consistency_training_loss(model, model, x, z, high, low)


def consistency_distillation(
    model: ConsistencyModel, teacher: Callable, x: Array, z: Array, high: Array, low: Array
) -> Array:
    """Return the loss along the trajectories of a teacher, which are followed by Euler's method."""
    return consistency.consistency_distillation_loss(model, model, teacher, x, z, high, low, "euler")


def consistency_model(
    rng: Rng, data: Data = moons, lr: float = 4e-3, steps: int = 500, objective: Callable = consistency_training
) -> Iterator[Frame]:
    """Train a consistency model to go from noise to the data in one call; here two.

    objective: of the model, a teacher, points, noise, and two neighboring levels of noise.
    """
    density = data()
    model = ConsistencyModel(EpsMLP(rng, width=WIDTH, layers=3), sigma_min=0.02, sigma_data=1.0)
    sigmas = numpy.geomspace(0.02, 8.0, 18)
    start = 8.0 * noise(rng, SHOWN)
    near = density.sample(rng, 300)

    def teacher(x: Array, sigma: Array) -> Array:
        """Return the noise in x if the data were these 300 points: its posterior mean."""
        away = x[:, None] - near  # (N, 300, 2)
        share = -0.5 * numpy.sum(away**2, axis=2) / numpy.reshape(sigma, (-1, 1)) ** 2
        share = numpy.exp(share - share.max(axis=1, keepdims=True))
        mean = numpy.sum((share / share.sum(axis=1, keepdims=True))[:, :, None] * away, axis=1)
        return (mean / numpy.reshape(sigma, (-1, 1))).astype(x.dtype)

    def batch(rng: Rng) -> tuple[Array, ...]:
        k = rng.integers(0, len(sigmas) - 1, BATCH)
        return density.sample(rng, BATCH), noise(rng), sigmas[k + 1], sigmas[k]

    def loss(model: ConsistencyModel, x: Array, z: Array, high: Array, low: Array) -> Array:
        return objective(model, teacher, x, z, high, low)

    def look() -> Array:
        return consistency.multistep(model, start, (8.0, 1.0), numpy.random.default_rng(3), sigma_min=0.02)

    step = descend(loss, model, batch, rng=rng, lr=cosine(lr, steps))
    return watch_samples(density.sample(rng, SHOWN), steps, step, look)
