"""Progressive distillation: a student learns to make in one DDIM step what its teacher makes in two.

    x0 = distillation_target(teacher, x_t, t, schedule)             # for even t; the student is to predict this
    weight = truncated_snr_weight(t, schedule)                      # of the squared error of each example's x̂_0

Then the student is the teacher of the next, with half as many steps. Salimans and Ho, "Progressive Distillation for
Fast Sampling of Diffusion Models", 2022.
"""

from collections.abc import Callable
from typing import Any

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.diffusion.ddpm import predict
from minigen.diffusion.samplers import ddim_step
from minigen.diffusion.schedule import Schedule, check_steps, scale
from minigen.tensor import stop_gradient

Array = Any  # an ndarray, or one that autograd traces


def distillation_target(eps_model: Callable, x_t: Array, t: Any, schedule: Schedule) -> Array:
    """The x̃_0 with which one DDIM step t → t − 2 ends where the teacher's two steps t → t − 1 → t − 2 end.

    x_t is (N, ...), t one time step or (N,), each at least 2, of the teacher's schedule; the teacher is told
    `schedule.times`. A DDIM step to s with x̂_0 leads to √ᾱ_s x̂_0 + r (x_t − √ᾱ_t x̂_0), r = √((1 − ᾱ_s)/(1 − ᾱ_t));
    solved for x̂_0 at the end of the two steps, x_{t−2}, that is (x_{t−2} − r x_t)/(√ᾱ_{t−2} − r √ᾱ_t). At t = 2 it is
    x_0 itself. No gradient flows. ValueError: shapes, t below 2 or above T. Salimans and Ho 2022, algorithm 2.
    """
    t = check_steps(t, schedule, least=2, x_t=x_t)
    x = x_t = stop_gradient(x_t)
    for now in (t, t - 1):
        eps, _ = predict(eps_model, x, now, schedule)
        x = ddim_step(x, now, now - 1, stop_gradient(eps), None, schedule)
    now, end = schedule.alpha_bar[t], schedule.alpha_bar[t - 2]
    r = np.sqrt((1 - end) / (1 - now))
    return scale(1 / (np.sqrt(end) - r * np.sqrt(now)), x - scale(r, x_t))


def truncated_snr_weight(t: Any, schedule: Schedule) -> numpy.ndarray:
    """The weight max(ᾱ_t/(1 − ᾱ_t), 1) of the squared error of x̂_0, shaped as t, one time step or (N,) in 1..T.

    The signal-to-noise ratio alone would weigh nothing where there is only noise, where a student of few steps begins.
    ValueError: t of another range or kind. Salimans and Ho 2022, section 4.
    """
    t = checks.integers("t", t, least=1, most=schedule.T)
    return np.maximum(schedule.snr[t], 1)
