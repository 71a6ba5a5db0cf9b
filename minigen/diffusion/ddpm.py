"""Denoising diffusion probabilistic models (DDPM), from the forward process to the sampler. Ho et al. 2020.

    x_t = q_sample(x0, t, eps, schedule)                    # forward: noise the data, t steps at once
    loss = simple_loss(eps_model, x0, t, eps, schedule)     # training: predict the noise
    x = ancestral_step(x, t, eps, z, schedule)              # reverse: x_{t-1} from x_t and the predicted noise
    x = ancestral(eps_model, x, schedule, rng)              # sampling: all T steps, from noise to data

Each function is a formula of arrays. Its arguments:

    x0      the data (N, ...)
    x_t     the data after t steps of noise, of the same shape
    t       the time step 1..T, one for all examples or an array of N
    eps     the noise that made x_t of x0, or a model's prediction of it: x_t = √ᾱ_t x0 + √(1 − ᾱ_t) eps
    schedule    a `Schedule`, whose arrays are indexed by t

A model of the noise, `eps_model(x_t, t, y=None)` with t (N,), returns eps, or a pair (eps, v) if it has learned its
variances. y is its condition, such as labels (N,), and None is no condition: then it is called without y.
Shapes that do not fit, steps out of range and values that are not finite raise ValueError. Float32 stays float32.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import checked, choice, function, nonnegative, unchecked
from minigen.diffusion.arguments import BATCH, STEPS, Noise, OneStep, Steps, Variance, checked_output
from minigen.diffusion.schedule import Schedule, per_example
from minigen.progress import bar_is_seen, progress_bar
from minigen.tensor import mse
from minigen.types import Array, Rng

VARIANCES = ("beta", "posterior", "learned")

# ------------------------------------------------------------------------------------------- the forward process


@checked(schedule=Schedule, x_before=BATCH, eps=BATCH, t=STEPS)
def q_step(x_before: Array, t: Array, eps: Array, schedule: Schedule) -> Array:
    """One small step of the forward process, x_{t-1} -> x_t, with its own fresh noise eps. Eq. diffusion.01"""
    beta = schedule.beta[t]
    return per_example(np.sqrt(1 - beta), x_before) + per_example(np.sqrt(beta), eps)


@checked(schedule=Schedule, x0=BATCH, eps=BATCH, t=Steps(0))
def q_sample(x0: Array, t: Array, eps: Array, schedule: Schedule) -> Array:
    """All t steps at once, x_0 -> x_t: √ᾱ_t x0 + √(1 − ᾱ_t) eps. t = 0 gives x0. Eq. diffusion.02"""
    alpha_bar = schedule.alpha_bar[t]
    return per_example(np.sqrt(alpha_bar), x0) + per_example(np.sqrt(1 - alpha_bar), eps)


@checked(schedule=Schedule, x0=BATCH, x_t=BATCH, t=STEPS)
def q_posterior(x0: Array, x_t: Array, t: Array, schedule: Schedule) -> tuple[Array, numpy.ndarray]:
    """Mean (N, ...) and variance (shaped as t) of q(x_{t-1} | x_t, x0), the reverse step when x0 is known.

    Bayes' rule multiplies two Gaussians in x_{t-1}: one for x_t, one step later, the other for x0, t − 1 steps earlier.
    At t = 1 the mean is x0 itself, with variance 0.
    Eq. diffusion.05, Eq. diffusion.06, Eq. diffusion.07
    """
    mean = posterior_mean(x0, x_t, t, schedule)
    return mean, schedule.posterior_variance[t]


@checked(schedule=Schedule, x0=BATCH, x_t=BATCH, t=STEPS)
def posterior_mean(x0: Array, x_t: Array, t: Array, schedule: Schedule) -> Array:
    """The mean of q(x_{t-1} | x_t, x0): a part of x_t plus a part of x0, x0 and x_t (N, ...) -> (N, ...).

    Eq. diffusion.07
    """
    alpha, beta = schedule.alpha[t], schedule.beta[t]
    before, alpha_bar = schedule.alpha_bar[t - 1], schedule.alpha_bar[t]
    from_x_t = np.sqrt(alpha) * (1 - before) / (1 - alpha_bar)
    from_x0 = np.sqrt(before) * beta / (1 - alpha_bar)
    return per_example(from_x_t, x_t) + per_example(from_x0, x0)


# ------------------------------------------------------------------------------------------- the loss


@checked(eps_model=function, schedule=Schedule, x0=BATCH, eps=BATCH, t=STEPS)
def simple_loss(eps_model: Callable, x0: Array, t: Array, eps: Array, schedule: Schedule) -> Array:
    """The mean of (eps − eps_model(x_t, t))² over examples and dimensions: the error of the predicted noise.

    The caller draws t (N,) uniformly from 1..T and eps (N, ...) from N(0, I). A model that returns 0 has loss 1.
    Eq. diffusion.15, Eq. diffusion.16; Ho et al. 2020, eq. 14.
    """
    t = np.broadcast_to(t, (len(x0),))
    x_t = q_sample(x0, t, eps, schedule)
    return mse(eps_model(x_t, t), eps)


# ------------------------------------------------------------------------------------------- ε, x0, v and the score


def rates(t: Array, schedule: Schedule) -> tuple[Array, Array]:
    """√ᾱ_t and √(1 − ᾱ_t), the factors of the data and of the noise in x_t."""
    alpha_bar = schedule.alpha_bar[t]
    return numpy.sqrt(alpha_bar), numpy.sqrt(1 - alpha_bar)


@checked(schedule=Schedule, x_t=BATCH, eps=BATCH, t=Steps(0))
def predict_x0_from_eps(x_t: Array, t: Array, eps: Array, schedule: Schedule) -> Array:
    """The x0 that the noise eps turns into x_t: (x_t − √(1 − ᾱ_t) eps)/√ᾱ_t. Eq. diffusion.02"""
    signal, noise = rates(t, schedule)
    return per_example(1 / signal, x_t - per_example(noise, eps))


@checked(schedule=Schedule, x_t=BATCH, x0=BATCH, t=STEPS)
def eps_from_x0(x_t: Array, t: Array, x0: Array, schedule: Schedule) -> Array:
    """The noise that turns x0 into x_t; the inverse of `predict_x0_from_eps`. Eq. diffusion.02"""
    signal, noise = rates(t, schedule)
    return per_example(1 / noise, x_t - per_example(signal, x0))


@checked(schedule=Schedule, x0=BATCH, eps=BATCH, t=Steps(0))
def v_from_x0_eps(x0: Array, t: Array, eps: Array, schedule: Schedule) -> Array:
    """v = √ᾱ_t eps − √(1 − ᾱ_t) x0: a target that is eps at t = 0 and −x0 at t = T.

    (x_t, v) is (x0, eps) rotated by the angle whose cosine is √ᾱ_t. Salimans and Ho 2022.
    """
    signal, noise = rates(t, schedule)
    return per_example(signal, eps) - per_example(noise, x0)


@checked(schedule=Schedule, x_t=BATCH, v=BATCH, t=Steps(0))
def predict_x0_from_v(x_t: Array, t: Array, v: Array, schedule: Schedule) -> Array:
    """x0 = √ᾱ_t x_t − √(1 − ᾱ_t) v, the inverse rotation. Salimans and Ho 2022."""
    signal, noise = rates(t, schedule)
    return per_example(signal, x_t) - per_example(noise, v)


@checked(schedule=Schedule, x_t=BATCH, v=BATCH, t=Steps(0))
def eps_from_v(x_t: Array, t: Array, v: Array, schedule: Schedule) -> Array:
    """eps = √(1 − ᾱ_t) x_t + √ᾱ_t v. Salimans and Ho 2022."""
    signal, noise = rates(t, schedule)
    return per_example(noise, x_t) + per_example(signal, v)


@checked(v_model=function, schedule=Schedule)
def eps_model_from_v(v_model: Callable, schedule: Schedule) -> Callable:
    """The model of the noise, (x, t, y=None), that a model of v implies; `schedule` is the one v_model was trained on.

    At high noise an error of eps is divided by √ᾱ_t on its way to x0, and an error of v is not. Salimans and Ho 2022.
    """

    def eps_model(x: Array, t: Array, y: Array | None = None) -> Array:
        v = call_model(v_model, x, t, y)
        checks.same_shape(x=x, v=v)
        return unchecked(eps_from_v)(x, t, v, schedule)

    return eps_model


@checked(v_model=function, schedule=Schedule, x0=BATCH, eps=BATCH, t=STEPS)
def v_loss(v_model: Callable, x0: Array, t: Array, eps: Array, schedule: Schedule, y: Array | None = None) -> Array:
    """The mean of (v − v_model(x_t, t, y))² over examples and dimensions, v being that of x0 and eps.

    In terms of x0 it weighs the squared error by 1 + ᾱ_t/(1 − ᾱ_t), one more than the signal-to-noise ratio. y (N, ...)
    is the condition of a conditional model. Salimans and Ho 2022.
    """
    signal, noise = rates(t, schedule)
    x_t = per_example(signal, x0) + per_example(noise, eps)
    v = per_example(signal, eps) - per_example(noise, x0)
    return mse(call_model(v_model, x_t, np.broadcast_to(t, (len(x0),)), y), v)


@checked(schedule=Schedule, eps=BATCH, t=STEPS)
def score_from_eps(eps: Array, t: Array, schedule: Schedule) -> Array:
    """The gradient of log q(x_t), −eps/√(1 − ᾱ_t), if eps is the mean noise given x_t. Eq. diffusion.17"""
    return per_example(-1 / np.sqrt(1 - schedule.alpha_bar[t]), eps)


@checked(schedule=Schedule, score=BATCH, t=STEPS)
def eps_from_score(score: Array, t: Array, schedule: Schedule) -> Array:
    """−√(1 − ᾱ_t) times the score of q(x_t); the inverse of `score_from_eps`. Eq. diffusion.17"""
    _, noise = rates(t, schedule)
    return per_example(-noise, score)


# ------------------------------------------------------------------------------------------- the output of a model


def call_model(model: Callable, x: Array, t: Array, y: Any = None) -> Any:
    """model(x, t, y), or model(x, t) if y is None: a model without a condition need not take one."""
    return model(x, t) if y is None else model(x, t, y)


def split_output(output: Any) -> tuple[Array, Array | None]:
    """(eps, v) of what a model returns: v is None where it returns eps alone."""
    return output if isinstance(output, tuple) else (output, None)


def join_output(eps: Array, v: Array | None) -> Any:
    """What a model returns, from (eps, v): eps alone if v is None. The inverse of `split_output`."""
    return eps if v is None else (eps, v)


@checked(eps_model=function, schedule=Schedule)
def predict(eps_model: Callable, x_t: Array, t: Array, schedule: Schedule) -> tuple[Array, Array | None]:
    """The output of a model for x_t at step t of a schedule: eps, and v or None, in the dtype of x_t.

    The model receives `schedule.times[t]` for every example, (N,). ValueError: it returns another shape.
    """
    output = eps_model(x_t, np.broadcast_to(schedule.times[t], (len(x_t),)))
    eps, v = split_output(output)
    return checked_output("eps", eps, x_t), None if v is None else checked_output("v", v, x_t)


# ------------------------------------------------------------------------------------------- the reverse step


@checked(schedule=Schedule, x_t=BATCH, eps=BATCH, t=STEPS)
def mean_from_eps(x_t: Array, t: Array, eps: Array, schedule: Schedule) -> Array:
    """The mean of the reverse step, (x_t − (1 − α_t)/√(1 − ᾱ_t) eps)/√α_t: (N, ...) -> (N, ...).

    A part of the predicted noise is subtracted, and the shrinking by √α_t is undone. It is the mean of `q_posterior`
    for the x0 that eps implies.
    Eq. diffusion.08, Eq. diffusion.13; Ho et al. 2020, eq. 11.
    """
    alpha, alpha_bar = schedule.alpha[t], schedule.alpha_bar[t]
    return per_example(1 / np.sqrt(alpha), x_t - per_example((1 - alpha) / np.sqrt(1 - alpha_bar), eps))


@checked(schedule=Schedule, v=BATCH, t=STEPS)
def learned_variance(v: Array, t: Array, schedule: Schedule) -> Array:
    """exp(v log β_t + (1 − v) log β̃_t), element by element: v (N, ...) -> (N, ...).

    v = 1 gives β, v = 0 gives β̃, 0 < v < 1 something between; v is not forced into [0, 1]. β̃_1 = 0 has no logarithm:
    at t = 1 its value at t = 2 is taken. Eq. diffusion.19; Nichol and Dhariwal 2021.
    """
    log_beta, log_posterior = np.log(schedule.beta[t]), np.log(schedule.posterior_variance_clipped[t])
    return np.exp(per_example(log_beta, v) + per_example(log_posterior, 1 - v))


@checked(schedule=Schedule, data_variance=nonnegative, t=STEPS)
def gaussian_reverse_variance(data_variance: float, t: Array, schedule: Schedule) -> numpy.ndarray:
    """The variance of q(x_{t-1} | x_t) in each dimension for Gaussian data of variance `data_variance`: shaped as t.

    x_{t-1} has variance V_{t-1} = ᾱ_{t-1} data_variance + 1 − ᾱ_{t-1}, and given x_t, β_t V_{t-1}/V_t of it is
    left. Data as wide as the noise (1) gives β_t, a single point (0) gives β̃_t, and wider data give more than β_t.
    Sohl-Dickstein et al. 2015; Ho et al. 2020, section 3.2.
    """
    before, now = (s * data_variance + 1 - s for s in (schedule.alpha_bar[t - 1], schedule.alpha_bar[t]))
    return schedule.beta[t] * before / now


@checked(schedule=Schedule)
def reverse_variance(kind: str, v: Array | None, t: Array, x_t: Array, schedule: Schedule) -> Array:
    """σ_t² of the reverse step, in the shape of x_t. kind is "beta", "posterior" (clipped at t = 1) or "learned"."""
    if checks.choice("variance", kind, VARIANCES) == "learned":
        if v is None:
            raise ValueError('eps_model must return a pair (eps, v) for variance "learned", got eps only')
        return learned_variance(v, t, schedule)
    return per_example((schedule.beta if kind == "beta" else schedule.posterior_variance_clipped)[t], np.ones_like(x_t))


@checked(schedule=Schedule, x=BATCH, eps=BATCH, t=OneStep(), z=Noise(), variance=Variance())
def ancestral_step(x: Array, t: int, eps: Array, z: Array, schedule: Schedule, variance: str | Array = "beta") -> Array:
    """One step of DDPM sampling, x_t -> x_{t-1}: the mean for the predicted noise eps, plus σ_t times fresh noise z.

    x, eps and z are (N, ...), t is one time step. σ_t² is `variance`: "beta", "posterior", or variances in the shape
    of x (1 where they are the same along an axis, or one number). The last step, t = 1, adds no noise: what it returns
    is data, not data with noise on top. The result has the dtype of x. ValueError: another name of a variance.
    Eq. diffusion.04, Eq. diffusion.13; Ho et al. 2020, algorithm 2.
    """
    mean = mean_from_eps(x, t, eps, schedule)
    if t == 1:
        return mean
    if isinstance(variance, str):
        variance = reverse_variance(variance, None, t, x, schedule)
    return mean + np.sqrt(variance) * z


# ------------------------------------------------------------------------------------------- the sampler


@checked(
    eps_model=function,
    schedule=Schedule,
    x=BATCH,
    on_step=function,
    variance=partial(choice, options=VARIANCES),
    rng=Rng,
)
def ancestral(
    eps_model: Callable,
    x: numpy.ndarray,
    schedule: Schedule,
    rng: Rng,
    variance: str = "beta",
    on_step: Callable | None = None,
    progress: str | None = None,
) -> numpy.ndarray:
    """DDPM sampling: all steps of the schedule backwards, each with fresh noise but the last. x (N, ...) -> (N, ...).

    variance: "beta" (right for data as wide as the noise), "posterior" (right for data that is a single point), or
    "learned", with a model that returns (eps, v). Eq. diffusion.04; Ho et al. 2020, algorithm 2.
    """
    eps_of, one_step = unchecked(predict), unchecked(ancestral_step)

    def step(x: numpy.ndarray, t: int) -> numpy.ndarray:
        eps, v = eps_of(eps_model, x, t, schedule)
        sigma2 = reverse_variance(variance, v, t, x, schedule) if variance == "learned" else variance
        z = rng.standard_normal(x.shape, dtype=x.dtype)
        return one_step(x, t, eps, z, schedule, sigma2)

    return reverse_process(step, x, schedule.T, on_step, progress)


def reverse_process(
    step: Callable, x: numpy.ndarray, T: int, on_step: Callable | None = None, progress: str | None = None
) -> numpy.ndarray:
    """Return x after x = step(x, t) for t = T, T − 1, ..., 1: the loop of every sampler.

    `on_step(t, x)` is called with the start and after each step, t being the time x has reached. `progress` names a
    bar, for a terminal and a notebook.
    """
    times = range(T, 0, -1)
    if on_step is not None:
        on_step(T, x)
    for t in progress_bar(times, desc=progress, unit="step") if progress and bar_is_seen() else times:
        x = step(x, t)
        if on_step is not None:
            on_step(t - 1, x)
    return x
