"""From noise to data: every way to walk back uses the same thing, a model of the noise `eps_model(x, t)`.

    x = rng.standard_normal((1000, 2), dtype=np.float32)          # x_T, pure noise
    x = ancestral(model, x, schedule, rng)                        # DDPM: T steps, each with fresh noise
    x = ddim(model, x, schedule, steps=20)                        # DDIM: 20 steps, no noise
    path = Trajectory(every=100)
    x = ancestral(model, x, schedule, rng, on_step=path)          # path.times (K,), path.states (K, N, ...)

A sampler begins with x at the last step of its schedule and returns x at step 0. `on_step(t, x)` is called with the
start and after each step, t being the time x has reached; `progress` names a bar on the terminal. Arguments are
checked at the start (ValueError), and x stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigen.diffusion import _check
from minigen.diffusion.ddpm import eps_from_x0, mean_from_eps, predict_x0_from_eps
from minigen.diffusion.langevin import annealed_langevin, langevin, langevin_step
from minigen.diffusion.reverse import predict, reverse_variance
from minigen.diffusion.schedule import Schedule, evenly, scale
from minigen.diffusion.trajectory import Trajectory, countdown, report

__all__ = [
    "Trajectory",
    "ancestral",
    "ancestral_step",
    "annealed_langevin",
    "clipped",
    "ddim",
    "ddim_step",
    "heun",
    "langevin",
    "langevin_step",
    "strided",
]

# ------------------------------------------------------------------------------------------- one step


def ancestral_step(
    x: np.ndarray, t: int, eps: np.ndarray, z: np.ndarray, schedule: Schedule, variance: str | np.ndarray = "beta"
) -> np.ndarray:
    """One step of DDPM sampling, x_t -> x_{t-1}: the mean for the predicted noise eps, plus σ_t times fresh noise z.

    σ_t² is `variance`: "beta", "posterior", or an array of variances (N, ...). The last step, t = 1, adds no noise:
    what it returns is data, not data with noise on top.
    Eq. diffusion.04, Eq. diffusion.13; Ho et al. 2020, algorithm 2.
    """
    mean = mean_from_eps(x, t, eps, schedule)
    if t == 1:
        return mean
    if isinstance(variance, str):
        variance = reverse_variance(variance, None, t, x, schedule)
    return mean + np.sqrt(variance) * z


def ddim_step(
    x: np.ndarray, t: int, s: int, eps: np.ndarray, z: np.ndarray | None, schedule: Schedule, eta: float = 0.0
) -> np.ndarray:
    """From time t to any other time s: guess x_0, then noise the guess again, mostly with the noise just predicted.

    x_s = √ᾱ_s x̂_0 + √(1 − ᾱ_s − σ²) eps + σ z. σ² is eta² times the β̃ of the pair (s, t), whose β is 1 − ᾱ_t/ᾱ_s.
    eta = 0 uses no noise (z may be None, and s may lie on either side of t), eta = 1 as much as DDPM with variance
    "posterior". Eq. diffusion.24, Eq. diffusion.25, Eq. diffusion.26
    """
    before, now = schedule.alpha_bar[s], schedule.alpha_bar[t]
    x0 = predict_x0_from_eps(x, t, eps, schedule)
    if eta == 0:
        return scale(np.sqrt(before), x0) + scale(np.sqrt(1 - before), eps)
    variance = eta**2 * (1 - before) / (1 - now) * (1 - now / before)
    return scale(np.sqrt(before), x0) + scale(np.sqrt(1 - before - variance), eps) + scale(np.sqrt(variance), z)


# ------------------------------------------------------------------------------------------- samplers


def ancestral(
    eps_model: Callable,
    x: np.ndarray,
    schedule: Schedule,
    rng: np.random.Generator,
    variance: str = "beta",
    on_step: Callable | None = None,
    progress: str | None = None,
) -> np.ndarray:
    """DDPM sampling: all steps of the schedule backwards, each with fresh noise but the last. x (N, ...) -> (N, ...).

    variance: "beta" (right for data as wide as the noise), "posterior" (right for data that is a single point), or
    "learned", with a model that returns (eps, v). Eq. diffusion.04; Ho et al. 2020, algorithm 2.
    """
    shape = _check.arrays(x=x)
    _check.rng(rng)
    for t in countdown(x, schedule.T, on_step, progress):
        eps, v = predict(eps_model, x, t, schedule)
        sigma2 = variance if variance == "beta" else reverse_variance(variance, v, t, x, schedule)
        x = ancestral_step(x, t, eps, rng.standard_normal(shape, dtype=x.dtype), schedule, sigma2)
        report(on_step, t - 1, x)
    return x


def strided(
    eps_model: Callable,
    x: np.ndarray,
    schedule: Schedule,
    steps: int,
    rng: np.random.Generator,
    variance: str = "beta",
    on_step: Callable | None = None,
    progress: str | None = None,
) -> np.ndarray:
    """`ancestral` in `steps` evenly spaced jumps, each with the β of its own pair of times. Eq. diffusion.26

    The model is told the times that it was trained with; `on_step` gets those of the shorter schedule, steps..0.
    """
    shorter = schedule.subset(evenly(schedule.T, steps))
    return ancestral(eps_model, x, shorter, rng, variance, on_step, progress)


def ddim(
    eps_model: Callable,
    x: np.ndarray,
    schedule: Schedule,
    steps: int | None = None,
    eta: float = 0.0,
    rng: np.random.Generator | None = None,
    on_step: Callable | None = None,
    progress: str | None = None,
) -> np.ndarray:
    """DDIM sampling in `steps` evenly spaced jumps (all steps unless given). x (N, ...) -> (N, ...).

    eta = 0 is deterministic: x_T decides the sample. eta = 1 is `strided` with variance "posterior". Any eta > 0 needs
    rng. Eq. diffusion.24, Eq. diffusion.25, Eq. diffusion.26; Song, Meng and Ermon 2021, eq. 12 and 16.
    """
    shape = _check.arrays(x=x)
    eta = _check.number("eta", eta, 0, 1)
    if eta > 0:
        _check.rng(rng)
    if steps is not None:
        schedule = schedule.subset(evenly(schedule.T, steps))
    for t in countdown(x, schedule.T, on_step, progress):
        eps, _ = predict(eps_model, x, t, schedule)
        z = rng.standard_normal(shape, dtype=x.dtype) if eta > 0 else None
        x = ddim_step(x, t, t - 1, eps, z, schedule, eta)
        report(on_step, t - 1, x)
    return x


def heun(
    eps_model: Callable,
    x: np.ndarray,
    schedule: Schedule,
    steps: int | None = None,
    on_step: Callable | None = None,
    progress: str | None = None,
) -> np.ndarray:
    """The path of DDIM, followed more closely: each step asks the model twice. x (N, ...) -> (N, ...).

    In y = x/√ᾱ and σ, the noise in units of the data, the deterministic process is dy/dσ = eps, and DDIM is Euler's
    method on it. Heun's method goes along the mean of the slopes at both ends of a step (but at σ = 0 there is none to
    ask for). Karras et al. 2022, algorithm 1.
    """
    _check.arrays(x=x)
    if steps is not None:
        schedule = schedule.subset(evenly(schedule.T, steps))
    shrink, sigma = np.sqrt(schedule.alpha_bar), schedule.sigma
    for t in countdown(x, schedule.T, on_step, progress):
        y = scale(1 / shrink[t], x)
        slope, _ = predict(eps_model, x, t, schedule)
        euler = y + scale(sigma[t - 1] - sigma[t], slope)
        if t > 1:
            slope_there, _ = predict(eps_model, scale(shrink[t - 1], euler), t - 1, schedule)
            euler = y + scale((sigma[t - 1] - sigma[t]) / 2, slope + slope_there)
        x = scale(shrink[t - 1], euler)
        report(on_step, t - 1, x)
    return x


def clipped(eps_model: Callable, schedule: Schedule, low: float = -1.0, high: float = 1.0) -> Callable:
    """`eps_model` corrected so that the data it implies stays within [low, high], as pixels do: a model of (x, t)."""

    def corrected(x: np.ndarray, t: np.ndarray) -> Any:
        output = eps_model(x, t)
        eps, rest = (output[0], output[1:]) if isinstance(output, tuple) else (output, ())
        x0 = np.clip(predict_x0_from_eps(x, t, eps, schedule), low, high)
        eps = eps_from_x0(x, t, x0, schedule)
        return (eps, *rest) if rest else eps

    return corrected
