"""Faster samplers: from noise to data with any model of the noise, `eps_model(x, t)`. That of DDPM is in `ddpm`.

    x = rng.standard_normal((1000, 2), dtype=numpy.float32)       # x_T, pure noise
    x = strided(model, x, schedule, 20, rng)                      # DDPM in 20 steps, each with fresh noise
    x = ddim(model, x, schedule, steps=20)                        # DDIM: 20 steps, no noise
    path = Trajectory(every=5)
    x = heun(model, x, schedule, steps=20, on_step=path)          # path.times (K,), path.states (K, N, ...)

Each is a step from t to t − 1 for the loop `reverse_process`, which explains `on_step` and `progress`: it begins with x
at the last step of a schedule and returns x at step 0. Arguments are checked at the start (ValueError), and x stays as
it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import Sized, checked, function, number, probability, unchecked, whole
from minigen.diffusion.arguments import BATCH, STEPS, GoalOfDDIM, LaterAlphaBar, NoiseOfDDIM, Steps
from minigen.diffusion.ddpm import (
    ancestral,
    call_model,
    eps_from_x0,
    join_output,
    predict,
    predict_x0_from_eps,
    reverse_process,
    split_output,
)
from minigen.diffusion.ddpm import ancestral_step as ancestral_step  # so that all steps are found here, DDPM's too
from minigen.diffusion.schedule import Schedule, per_example, spaced_timesteps
from minigen.tensor import like
from minigen.types import Array

# ------------------------------------------------------------------------------------------- what all of them share


class Trajectory:
    """An `on_step` that keeps copies of x: at the times given, or at every so many steps, the end included.

    `times` is the list of times in the order of sampling, `states` the array (K, N, ...) of what was there.
    """

    @checked(every=whole)
    def __init__(self, times: Iterable[int] | None = None, every: int = 1):
        given = list(times) if isinstance(times, Iterable) else times
        self.wanted = None if given is None else set(checks.array("times", given, "K", empty=True).tolist())
        self.every = every
        self.times: list[int] = []
        self._states: list[numpy.ndarray] = []

    def __call__(self, t: int, x: numpy.ndarray) -> None:
        if (t in self.wanted) if self.wanted is not None else (t % self.every == 0):
            self.times.append(t)
            self._states.append(numpy.array(x))

    @property
    def states(self) -> numpy.ndarray:
        """(K, N, ...), in the order of `times`. ValueError: nothing has been recorded."""
        if not self._states:
            wanted = "times" if self.wanted is None else f"times {sorted(self.wanted)}"
            raise ValueError(f"states must hold at least one of the {wanted}, got none: no sampler has reached one")
        return numpy.stack(self._states)


# ------------------------------------------------------------------------------------------- one step of DDIM


@checked(before=Sized("...", finite=False), now=LaterAlphaBar(), eta=probability)
def ddim_variance(before: Any, now: Any, eta: float) -> Array:
    """σ² of a DDIM step between two times s < t: eta² times the β̃ of the pair, whose β is 1 − now/before.

    before, now: ᾱ_s and ᾱ_t, numbers in (0, 1] or arrays, one of either for several of the other too. With σ = eta √β̃,
    as in the paper, eta comes in squared. ValueError: before above 1, shapes that do not go together. Eq. diffusion.25;
    Song, Meng and Ermon 2021, eq. 16.
    """
    return eta**2 * (1 - before) / (1 - now) * (1 - now / before)


@checked(schedule=Schedule, x=BATCH, eps=BATCH, eta=probability, t=Steps(0), s=GoalOfDDIM(), z=NoiseOfDDIM())
def ddim_step(x: Array, t: Array, s: Array, eps: Array, z: Array | None, schedule: Schedule, eta: float = 0.0) -> Array:
    """From time t to any other time s: predict x_0, then noise it again, mostly with the noise just predicted.

    x_s = √ᾱ_s x̂_0 + √(1 − ᾱ_s − σ²) eps + σ z. σ² is eta² times the β̃ of the pair (s, t), whose β is 1 − ᾱ_t/ᾱ_s.
    eta = 0 uses no noise: z may be None, and s may lie on either side of t. eta = 1 uses as much as DDPM with variance
    "posterior". Eq. diffusion.24, Eq. diffusion.25, Eq. diffusion.26
    """
    before, now = schedule.alpha_bar[s], schedule.alpha_bar[t]
    x0 = per_example(1 / np.sqrt(now), x - per_example(np.sqrt(1 - now), eps))  # as in `predict_x0_from_eps`
    if eta == 0:
        return per_example(np.sqrt(before), x0) + per_example(np.sqrt(1 - before), eps)
    variance = unchecked(ddim_variance)(before, now, eta)
    return (
        per_example(np.sqrt(before), x0)
        + per_example(np.sqrt(1 - before - variance), eps)
        + per_example(np.sqrt(variance), z)
    )


# ------------------------------------------------------------------------------------------- samplers


@checked(eps_model=function, schedule=Schedule, x=BATCH, on_step=function)
def strided(
    eps_model: Callable,
    x: numpy.ndarray,
    schedule: Schedule,
    steps: int,
    rng: numpy.random.Generator,
    variance: str = "beta",
    on_step: Callable | None = None,
    progress: str | None = None,
) -> numpy.ndarray:
    """`ancestral` in `steps` evenly spaced jumps, each with the β of its own pair of times (`Schedule.subset`).

    The model receives the times that it was trained with; `on_step` gets those of the shorter schedule, steps..0.
    """
    shorter = schedule.subset(spaced_timesteps(schedule.T, steps))
    return ancestral(eps_model, x, shorter, rng, variance, on_step, progress)


@checked(eps_model=function, schedule=Schedule, x=BATCH, on_step=function, eta=probability)
def ddim(
    eps_model: Callable,
    x: numpy.ndarray,
    schedule: Schedule,
    steps: int | None = None,
    eta: float = 0.0,
    rng: numpy.random.Generator | None = None,
    on_step: Callable | None = None,
    progress: str | None = None,
) -> numpy.ndarray:
    """DDIM sampling in `steps` evenly spaced jumps (all steps unless given). x (N, ...) -> (N, ...).

    eta = 0 is deterministic: the sample is a function of x_T. eta = 1 is `strided` with variance "posterior". Any
    eta > 0 needs rng. Eq. diffusion.24, Eq. diffusion.25, Eq. diffusion.26; Song, Meng and Ermon 2021, eq. 12 and 16.
    """
    noise = checks.rng(rng) if eta > 0 else None
    schedule = fewer_steps(schedule, steps)
    eps_of, one_step = unchecked(predict), unchecked(ddim_step)

    def step(x: numpy.ndarray, t: int) -> numpy.ndarray:
        eps, _ = eps_of(eps_model, x, t, schedule)
        z = None if noise is None else noise.standard_normal(x.shape, dtype=x.dtype)
        return one_step(x, t, t - 1, eps, z, schedule, eta)

    return reverse_process(step, x, schedule.T, on_step, progress)


@checked(eps_model=function, schedule=Schedule, x=BATCH, on_step=function)
def heun(
    eps_model: Callable,
    x: numpy.ndarray,
    schedule: Schedule,
    steps: int | None = None,
    on_step: Callable | None = None,
    progress: str | None = None,
) -> numpy.ndarray:
    """The differential equation of DDIM by Heun's method, of second order. x (N, ...) -> (N, ...).

    In y = x/√ᾱ and σ, the noise in units of the data, the deterministic process is dy/dσ = eps, and DDIM is Euler's
    method on it. Heun's method takes the mean of the slopes at both ends of a step, two evaluations of the model; the
    last step, to σ = 0 where there is no slope, is Euler's. Karras et al. 2022, algorithm 1.
    """
    schedule = fewer_steps(schedule, steps)
    shrink, sigma = np.sqrt(schedule.alpha_bar), schedule.sigma
    eps_of = unchecked(predict)

    def step(x: numpy.ndarray, t: int) -> numpy.ndarray:
        y = per_example(1 / shrink[t], x)
        slope, _ = eps_of(eps_model, x, t, schedule)
        y_next = y + per_example(sigma[t - 1] - sigma[t], slope)
        if t > 1:
            slope_next, _ = eps_of(eps_model, per_example(shrink[t - 1], y_next), t - 1, schedule)
            y_next = y + per_example((sigma[t - 1] - sigma[t]) / 2, slope + slope_next)
        return checks.finite("x", per_example(shrink[t - 1], y_next))

    return reverse_process(step, x, schedule.T, on_step, progress)


def fewer_steps(schedule: Schedule, steps: int | None) -> Schedule:
    """Return the schedule that stops at `steps` evenly spaced times only; None is all of them."""
    return schedule if steps is None else schedule.subset(unchecked(spaced_timesteps)(schedule.T, steps))


@checked(eps_model=function, schedule=Schedule, low=number, high=number)
def clipped(eps_model: Callable, schedule: Schedule, low: float = -1.0, high: float = 1.0) -> Callable:
    """The eps model (x, t, y=None) whose implied x0 is clipped to [low, high], as pixels are: `with_corrected_x0`.

    ValueError: high not above low.
    """
    high = checks.number("high", high, low, without=low)
    return with_corrected_x0(eps_model, schedule, lambda x0: np.clip(x0, low, high))


@checked(schedule=Schedule, x=BATCH, eps=BATCH, t=STEPS)
def eps_of_corrected_x0(x: Array, t: Array, eps: Array, schedule: Schedule, correct: Callable) -> Array:
    """The noise that turns correct(x0) into x, where x0 is the data that eps implies. x and eps (N, ...)."""
    x0 = correct(unchecked(predict_x0_from_eps)(x, t, eps, schedule))
    return unchecked(eps_from_x0)(x, t, x0, schedule)


@checked(eps_model=function, schedule=Schedule, correct=function)
def with_corrected_x0(eps_model: Callable, schedule: Schedule, correct: Callable) -> Callable:
    """An eps model (x, t, y=None) whose implied x0 is replaced by correct(x0); a second output (v) is kept.

    y is passed on to eps_model. eps has the dtype of x. `schedule` is the one that the model was trained with.
    """

    def corrected(x: Array, t: Array, y: Any = None) -> Any:
        eps, v = split_output(call_model(eps_model, x, t, y))
        eps = like(eps, x)
        return join_output(eps_of_corrected_x0(x, t, eps, schedule, correct), v)

    return corrected
