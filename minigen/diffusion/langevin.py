"""Langevin dynamics: sampling by gradient ascent on log p with noise, at one noise level or annealed over several."""

from __future__ import annotations

from collections.abc import Callable

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import checked, function, positive, unchecked, whole
from minigen.diffusion.arguments import BATCH, STEPS, batch_shape
from minigen.diffusion.ddpm import predict, reverse_process, score_from_eps
from minigen.diffusion.schedule import Schedule, per_example
from minigen.types import Array, Rng


def langevin_step(x: Array, score: Array, step: float | numpy.ndarray, z: Array) -> Array:
    """x + step/2 · score + √step · z: a step up the gradient of log p, and noise to match.

    x, score and z are (N, ...); step is a positive number, or (N,), one for each example. ValueError: anything else.
    Eq. diffusion.03
    """
    _check_step(step, batch_shape(x=x, score=score, z=z)[0])
    return x + per_example(np.asarray(step) / 2, score) + per_example(np.sqrt(step), z)


def _check_step(step: float | numpy.ndarray, n: int) -> None:
    """ValueError, unless `step` is positive and () or (n,)."""
    sizes = checks.floats("step", step)
    if np.shape(sizes) not in ((), (n,)):
        raise ValueError(f"step must be one number or have shape ({n},), one for each example, got {np.shape(sizes)}")
    if not np.all(sizes > 0):
        raise ValueError(f"step must be positive, got {np.min(sizes):g}")


@checked(eps_model=function, schedule=Schedule, x=BATCH, on_step=function, t=STEPS, steps=whole, step=positive, rng=Rng)
def langevin(
    eps_model: Callable,
    x: numpy.ndarray,
    t: int,
    schedule: Schedule,
    steps: int,
    step: float,
    rng: numpy.random.Generator,
    on_step: Callable | None = None,
    progress: str | None = None,
) -> numpy.ndarray:
    """Langevin dynamics at one noise level, with the score −eps/√(1 − ᾱ_t) of q(x_t): `steps` steps of size `step`.

    In the limit of many small steps x becomes a sample of q(x_t), whatever it was at the start. `on_step` gets the
    number of steps that are left. Eq. diffusion.03, Eq. diffusion.17
    """
    eps_of, score_of, step_of = unchecked(predict), unchecked(score_from_eps), unchecked(langevin_step)

    def one_step(x: numpy.ndarray, left: int) -> numpy.ndarray:
        score = score_of(eps_of(eps_model, x, t, schedule)[0], t, schedule)
        return step_of(x, score, step, rng.standard_normal(x.shape, dtype=x.dtype))

    return reverse_process(one_step, x, steps, on_step, progress)


@checked(schedule=Schedule)
def geometric_timesteps(schedule: Schedule, levels: int) -> numpy.ndarray:
    """`levels` different time steps, rising from 1 to T, whose `schedule.sigma` rises in nearly equal ratios. (levels,)

    Each is the time step nearest to its σ on a logarithmic scale, or the next one that is free. One level: t = 1.
    """
    levels = checks.whole("levels", levels, 1, schedule.T)
    log_sigma = numpy.log(schedule.sigma[1:])  # (T,), rising
    wanted = numpy.linspace(log_sigma[0], log_sigma[-1], levels)
    nearest = numpy.abs(log_sigma[:, None] - wanted).argmin(axis=0)
    k = numpy.arange(levels)
    free = numpy.maximum.accumulate(nearest - k) + k  # each at least one after the one before
    return 1 + numpy.minimum(free, schedule.T - levels + k)  # and with room for those after it


@checked(eps_model=function, schedule=Schedule, x=BATCH, on_step=function, steps=whole, step=positive, rng=Rng)
def annealed_langevin(
    eps_model: Callable,
    x: numpy.ndarray,
    schedule: Schedule,
    rng: numpy.random.Generator,
    levels: int = 20,
    steps: int = 100,
    step: float = 0.1,
    on_step: Callable | None = None,
    progress: str | None = None,
) -> numpy.ndarray:
    """Langevin dynamics at falling noise: `steps` steps at each of `levels` time steps from T to 1.

    The levels are those of `geometric_timesteps`: σ = √((1 − ᾱ)/ᾱ) falls by nearly the same factor from each to the
    next. In y = x/√ᾱ, the data plus noise of standard deviation σ, the score is −eps/σ; with steps of size step · σ²
    the ratio of drift to noise is the same at all levels. Returns y at the lowest level, with the noise of t = 1.
    Eq. diffusion.03, Eq. diffusion.17; Song and Ermon 2019, algorithm 1.
    """
    eps_of, step_of = unchecked(predict), unchecked(langevin_step)
    levels = checks.whole("levels", levels, 1, schedule.T)
    schedule = schedule.subset(geometric_timesteps(schedule, levels))
    shrink, sigma = np.sqrt(schedule.alpha_bar), schedule.sigma
    y = per_example(1 / shrink[-1], x)

    def one_level(y: numpy.ndarray, t: int) -> numpy.ndarray:
        for _ in range(steps):
            eps, _v = eps_of(eps_model, per_example(shrink[t], y), t, schedule)
            z = rng.standard_normal(y.shape, dtype=y.dtype)
            y = step_of(y, per_example(-1 / sigma[t], eps), step * sigma[t] ** 2, z)
        return y

    return reverse_process(one_level, y, schedule.T, on_step, progress)
