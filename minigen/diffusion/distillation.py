"""Progressive distillation: a student learns to make in one DDIM step what its teacher makes in two.

    student = teacher.copy()                                              # a model of v: student(x_t, t)
    loss = distillation_loss(student, eps_model, x0, t, eps, schedule)    # eps_model: the teacher's noise; t even
    schedule = halved(schedule)                                           # the student's; it is the next teacher

Salimans and Ho, "Progressive Distillation for Fast Sampling of Diffusion Models", 2022.
"""

from collections.abc import Callable
from typing import Any

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import checked, function
from minigen.diffusion.arguments import BATCH, STEPS, Steps
from minigen.diffusion.ddpm import predict, predict_x0_from_v, q_sample
from minigen.diffusion.guidance import conditional
from minigen.diffusion.samplers import ddim_step
from minigen.diffusion.schedule import Schedule, per_example
from minigen.tensor import mse, stop_gradient
from minigen.types import Array


@checked(eps_model=function, schedule=Schedule, x_t=BATCH, t=Steps(2))
def distillation_target(eps_model: Callable, x_t: Array, t: Any, schedule: Schedule) -> Array:
    """The x̃_0 with which one DDIM step t → t − 2 ends where the teacher's two steps t → t − 1 → t − 2 end.

    x_t is (N, ...), t one time step or (N,), each at least 2, of the teacher's schedule; the teacher receives
    `schedule.times`. A DDIM step to s with x̂_0 leads to √ᾱ_s x̂_0 + r (x_t − √ᾱ_t x̂_0), r = √((1 − ᾱ_s)/(1 − ᾱ_t));
    solved for x̂_0 at the end of the two steps, x_{t−2}, that is (x_{t−2} − r x_t)/(√ᾱ_{t−2} − r √ᾱ_t). At t = 2 it is
    x_0 itself. No gradient flows. ValueError: the teacher returns another shape. Salimans and Ho 2022, algorithm 2.
    """
    x = x_t = stop_gradient(x_t)
    for now in (t, t - 1):
        eps, _ = predict(eps_model, x, now, schedule)
        x = ddim_step(x, now, now - 1, stop_gradient(eps), None, schedule)
    now, end = schedule.alpha_bar[t], schedule.alpha_bar[t - 2]
    r = np.sqrt((1 - end) / (1 - now))
    return per_example(1 / (np.sqrt(end) - r * np.sqrt(now)), x - per_example(r, x_t))


def truncated_snr_weight(t: Any, schedule: Schedule) -> numpy.ndarray:
    """The weight max(ᾱ_t/(1 − ᾱ_t), 1) of the squared error of x̂_0, shaped as t, one time step or (N,) in 1..T.

    The signal-to-noise ratio alone would weigh nothing where there is only noise, where a student of few steps begins.
    ValueError: t of another range or kind. Salimans and Ho 2022, section 4.
    """
    t = checks.integers("t", t, least=1, most=schedule.T)
    return np.maximum(schedule.snr[t], 1)


def weight_of_v(t: Any, schedule: Schedule) -> numpy.ndarray:
    """The weight max(ᾱ_t, 1 − ᾱ_t) of the squared error of v, shaped as t, one time step or (N,) in 1..T.

    An error d of v is an error √(1 − ᾱ_t) d of x̂_0: so this is (1 − ᾱ_t) times `truncated_snr_weight`, between 1/2
    and 1. ValueError: t of another range or kind. Salimans and Ho 2022, section 4.
    """
    t = checks.integers("t", t, least=1, most=schedule.T)
    return np.maximum(schedule.alpha_bar[t], 1 - schedule.alpha_bar[t])


@checked(schedule=Schedule, v=BATCH, target=BATCH, x_t=BATCH, t=STEPS)
def student_loss(v: Array, target: Array, x_t: Array, t: Any, schedule: Schedule) -> Array:
    """The mean over examples and dimensions of max(SNR_t, 1) (target − x̂_0)², x̂_0 being what v implies at x_t.

    v, target and x_t are (N, ...), t one time step or (N,) of the teacher's schedule. In terms of v the weight is
    max(ᾱ_t, 1 − ᾱ_t), never below 1/2. Salimans and Ho 2022, section 4.
    """
    root = np.sqrt(truncated_snr_weight(t, schedule))
    x0 = predict_x0_from_v(x_t, t, v, schedule)
    return mse(per_example(root, x0), per_example(root, target))


@checked(v_model=function, eps_model=function, schedule=Schedule, x0=BATCH, eps=BATCH, t=Steps(2))
def distillation_loss(
    v_model: Callable,
    eps_model: Callable,
    x0: Array,
    t: Any,
    eps: Array,
    schedule: Schedule,
    y: Array | None = None,
) -> Array:
    """`student_loss` of the student v_model at data x0 noised by eps to time t, its target made by the teacher.

    `schedule` is the teacher's; the caller draws t (N,) among its even steps, 2, 4, ..., which are the student's. Both
    models receive `schedule.times`, and the labels y (N,) if given. Salimans and Ho 2022, algorithm 2.
    """
    t = np.broadcast_to(t, (len(x0),))
    if y is not None:
        v_model, eps_model = conditional(v_model, y), conditional(eps_model, y)
    x_t = q_sample(x0, t, eps, schedule)
    target = distillation_target(eps_model, x_t, t, schedule)
    return student_loss(v_model(x_t, schedule.times[t]), target, x_t, t, schedule)


@checked(schedule=Schedule)
def halved(schedule: Schedule) -> Schedule:
    """The student's schedule: every second step of its teacher's. ValueError: an odd number of steps."""
    if schedule.T % 2:
        raise ValueError(f"schedule must have an even number of steps, got {schedule.T}")
    return schedule.subset(np.arange(2, schedule.T + 1, 2))
