"""What a sampler or a bound asks of a model at one step: its guess of the noise, and the variance of the step."""

from collections.abc import Callable
from typing import Any

import autograd.numpy as np

from minigen.diffusion import _check
from minigen.diffusion.schedule import Schedule, scale

Array = Any  # an ndarray, or a traced one


def predict(eps_model: Callable, x_t: Array, t: Array, schedule: Schedule) -> tuple[Array, Array | None]:
    """What a model says about x_t at step t of a schedule: eps, and v or None. ValueError if a shape is wrong.

    The model is told `schedule.times[t]` for every example, (N,).
    """
    output = eps_model(x_t, np.broadcast_to(schedule.times[t], (len(x_t),)))
    eps, v = output if isinstance(output, tuple) else (output, None)
    for name, a in (("eps", eps), ("v", v)):
        if a is not None and np.shape(a) != np.shape(x_t):
            raise ValueError(f"eps_model must return {name} in the shape of x_t, {np.shape(x_t)}, got {np.shape(a)}")
    return eps, v


def learned_variance(v: Array, t: Array, schedule: Schedule) -> Array:
    """exp(v log β_t + (1 − v) log β̃_t), element by element: v (N, ...) -> (N, ...).

    v = 1 gives β, v = 0 gives β̃, 0 < v < 1 something between; v is not forced into [0, 1]. β̃_1 = 0 has no logarithm:
    at t = 1 its value at t = 2 is taken. Eq. diffusion.19; Nichol and Dhariwal 2021.
    """
    _check.times(t, schedule.T, _check.arrays(v=v)[0])
    log_beta, log_posterior = np.log(schedule.beta[t]), np.log(schedule.posterior_variance_clipped[t])
    return np.exp(scale(log_beta, v) + scale(log_posterior, 1 - v))


def reverse_variance(kind: str, v: Array | None, t: Array, x_t: Array, schedule: Schedule) -> Array:
    """σ_t² of the reverse step, in the shape of x_t. kind is "beta", "posterior" (clipped at t = 1) or "learned"."""
    _check.choice("variance", kind, ("beta", "posterior", "learned"))
    if kind == "learned":
        if v is None:
            raise ValueError('eps_model must return a pair (eps, v) for variance "learned", got eps only')
        return learned_variance(v, t, schedule)
    return scale((schedule.beta if kind == "beta" else schedule.posterior_variance_clipped)[t], np.ones_like(x_t))
