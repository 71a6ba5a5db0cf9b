"""Langevin dynamics: sampling by climbing the score with noise, at one level of noise or down a ladder of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minigen.diffusion import _check
from minigen.diffusion.ddpm import score_from_eps
from minigen.diffusion.reverse import predict
from minigen.diffusion.schedule import Schedule, scale
from minigen.diffusion.trajectory import countdown, report


def langevin_step(x: np.ndarray, score: np.ndarray, step: float | np.ndarray, z: np.ndarray) -> np.ndarray:
    """x + step/2 · score + √step · z: a little uphill in log p, and noise to match. Eq. diffusion.03"""
    _check.arrays(x=x, score=score, z=z)
    return x + scale(np.asarray(step) / 2, score) + scale(np.sqrt(step), z)


def langevin(
    eps_model: Callable,
    x: np.ndarray,
    t: int,
    schedule: Schedule,
    steps: int,
    step: float,
    rng: np.random.Generator,
    on_step: Callable | None = None,
    progress: str | None = None,
) -> np.ndarray:
    """Langevin dynamics at one noise level, with the score −eps/√(1 − ᾱ_t) of q(x_t): `steps` steps of size `step`.

    In the limit of small steps and many of them x becomes a sample of q(x_t), wherever it started. `on_step` gets the
    number of steps that are left. Eq. diffusion.03, Eq. diffusion.17
    """
    shape = _check.arrays(x=x)
    _check.times(t, schedule.T, shape[0])
    steps, step = _check.whole("steps", steps), _check.number("step", step, 0, open_low=True)
    _check.rng(rng)
    for k in countdown(x, steps, on_step, progress):
        score = score_from_eps(predict(eps_model, x, t, schedule)[0], t, schedule)
        x = langevin_step(x, score, step, rng.standard_normal(shape, dtype=x.dtype))
        report(on_step, k - 1, x)
    return x


def annealed_langevin(
    eps_model: Callable,
    x: np.ndarray,
    schedule: Schedule,
    rng: np.random.Generator,
    levels: int = 10,
    steps: int = 100,
    step: float = 0.1,
    on_step: Callable | None = None,
    progress: str | None = None,
) -> np.ndarray:
    """Langevin dynamics at ever lower noise: `steps` steps at each of `levels` evenly spaced time steps, T to 1.

    In y = x/√ᾱ, the data with noise σ on top, the score is −eps/σ; with steps of size step · σ² the ratio of drift to
    noise is the same at all levels. Returns y at the lowest level, so it still has the noise of t = 1.
    Eq. diffusion.03, Eq. diffusion.17; Song and Ermon 2019, algorithm 1.
    """
    shape = _check.arrays(x=x)
    levels = _check.whole("levels", levels, 1, schedule.T)
    steps, step = _check.whole("steps", steps), _check.number("step", step, 0, open_low=True)
    _check.rng(rng)
    chosen = np.unique(np.round(np.linspace(1, schedule.T, levels)).astype(int)) if levels > 1 else np.array([1])
    schedule = schedule.subset(chosen)
    shrink, sigma = np.sqrt(schedule.alpha_bar), schedule.sigma
    y = scale(1 / shrink[-1], x)
    for t in countdown(y, schedule.T, on_step, progress):
        for _ in range(steps):
            eps, _v = predict(eps_model, scale(shrink[t], y), t, schedule)
            z = rng.standard_normal(shape, dtype=y.dtype)
            y = langevin_step(y, scale(-1 / sigma[t], eps), step * sigma[t] ** 2, z)
        report(on_step, t - 1, y)
    return y
