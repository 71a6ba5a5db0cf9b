"""Guidance: samples that fit a condition, from a model of the noise and a classifier, labels or a text encoder.

    model = conditional(eps_model, y)                                    # eps_model(x, t, y), without guidance
    guided = classifier_guided(eps_model, log_prob, schedule, w=1.0)     # log_prob(x, t) = log p(y | x_t), of noisy x
    guided = classifier_free(eps_model, y, w=1.0)                        # eps_model(x, t, y), y = None: no condition
    guided = clip_guided(eps_model, image_encoder, text, schedule, w)    # towards embeddings that fit the text
    guided = autoguided(eps_model, worse, w=0.25)                        # away from a worse version of the same model
    x = ancestral(guided, x, schedule, rng)                              # any sampler

By Bayes' rule the score of q(x_t | y) is that of q(x_t) plus the gradient of log q(y | x_t); ε is minus the score times
√(1 − ᾱ_t). A weight w ≠ 1 on the gradient has no such derivation: it trades variety for samples that fit the condition
more closely. `schedule` is the one whose times the models receive, the full one even where a sampler takes fewer steps.

Each wraps a model of the noise into another, (x, t, y=None), so that they can be wrapped in any order. A second output
of a model (v) is kept. Guidance by a classifier or an encoder passes y on to the model. `conditional` and
`classifier_free` have a y of their own, given when they are made; they ignore the y of a call.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import autograd.numpy as np
import numpy
from autograd.tracer import isbox

from minigen import checks
from minigen.checks import (
    Integers,
    Sized,
    checked,
    choice,
    floats,
    function,
    nonnegative,
    nonnegative_floats,
    number,
    probability,
    unchecked,
)
from minigen.diffusion.arguments import BATCH, STEPS
from minigen.diffusion.ddpm import call_model, join_output, split_output
from minigen.diffusion.schedule import Schedule, per_example
from minigen.diffusion.text import unit_rows
from minigen.tensor import like, value_and_grad
from minigen.types import Array

SAMPLERS = ("ode", "sde", "tilt")

# ------------------------------------------------------------------------------------------- formulas


@checked(schedule=Schedule, eps=BATCH, grad=BATCH, t=STEPS, w=number)
def classifier_guided_eps(eps: Array, grad: Array, t: Array, schedule: Schedule, w: float = 1.0) -> Array:
    """eps − √(1 − ᾱ_t) w grad, with grad = ∇ log f(y | x_t) in the shape of eps, (N, ...). t: 1..T, one or (N,).

    w = 1 is Bayes' rule, w = 0 leaves eps as it is. The result has the dtype of eps.
    Eq. diffusion.20, Eq. diffusion.21, Eq. diffusion.22; Dhariwal and Nichol 2021, algorithm 2.
    """
    return eps - per_example(np.sqrt(1 - schedule.alpha_bar[t]) * w, like(grad, eps))


@checked(eps_cond=BATCH, eps_uncond=BATCH, w=number)
def classifier_free_eps(eps_cond: Array, eps_uncond: Array, w: float) -> Array:
    """(1 + w) eps_cond − w eps_uncond, all of one shape (N, ...): away from the unconditional prediction.

    w = 0 is the conditional model, w = −1 the unconditional one. (Other papers call 1 + w the scale of guidance.)
    The result has the dtype of eps_cond. Eq. diffusion.23; Ho and Salimans 2021.
    """
    return (1 + w) * eps_cond - w * like(eps_uncond, eps_cond)


@checked(y=Integers("N", least=-1), u=Sized("N", low=0), p=probability)
def drop_labels(y: Any, u: Any, p: float) -> numpy.ndarray:
    """Return the labels y (N,) with −1, no label, where u < p: u (N,) uniform in [0, 1), p the share to be dropped.

    Trained on such labels, one network is the conditional and the unconditional model that `classifier_free_eps` needs.
    ValueError: u of 1 or more. Ho and Salimans 2021, alg. 1.
    """
    if np.max(u, initial=0) >= 1:
        raise ValueError(f"u must be in [0, 1), got values up to {np.max(u):.6g}")
    return numpy.where(u < p, -1, y)


@checked(log_prob=function)
def classifier_gradient(log_prob: Callable, x: Array, t: Array) -> Array:
    """∇ log f(y | x_t) of each example, in the shape and dtype of x (N, ...).

    log_prob(x, t) -> (N,) is called once, with all examples and t as it is; each value must depend on its own example
    only: then the gradient of their sum holds that of each. ValueError: log_prob returns another shape.
    Eq. diffusion.20
    """

    def total(x: Array) -> Array:
        values = log_prob(x, t)
        if np.shape(values) != (len(x),):
            raise ValueError(f"log_prob must return shape ({len(x)},), one for each example, got {np.shape(values)}")
        return np.sum(values)

    return value_and_grad(total)(x)[1].astype(x.dtype)


@checked(image="N, E", text="N', E")
def clip_similarity(image: Array, text: Array) -> Array:
    """Return the cosines (N,) of image embeddings (N, E) with text embeddings, (N, E) or one for all, (1, E).

    They have the dtype of image. ValueError: neither N nor one text, a row of zeros, which has no direction. Radford et
    al. 2021.
    """
    if len(text) not in (1, len(image)):
        raise ValueError(f"text must have 1 row or {len(image)}, as image has, got {len(text)}")
    return np.sum(unit_rows("image", image) * like(unit_rows("text", text), image), axis=1)


# ------------------------------------------------------------------------------------------- models


@checked(model=function)
def conditional(model: Callable, y: Any) -> Callable:
    """Return the model (x, t, y=None) that is `model(x, t, y)` for this y: for a sampler, which passes no condition.

    y: what the model takes as its condition for the examples that will come, such as their labels (N,). The y of a call
    is ignored.
    """
    condition = y

    def with_condition(x: Array, t: Array, y: Any = None) -> Any:
        return model(x, t, condition)

    return with_condition


@checked(eps_model=function, log_prob=function, schedule=Schedule, w=number)
def classifier_guided(eps_model: Callable, log_prob: Callable, schedule: Schedule, w: float) -> Callable:
    """Return the eps model (x, t, y=None) of `classifier_guided_eps`, with the gradient of log_prob(x, t) taken in x.

    log_prob: log f(y | x_t) of noisy examples x (N, ...) at times t (N,) -> (N,), for one y of its own; each value must
    depend on its own example only. The y of a call is passed on to eps_model. Eq. diffusion.22
    """

    def guided(x: Array, t: Array, y: Any = None) -> Any:
        t = numpy.broadcast_to(t, (len(x),))
        eps, v = split_output(call_model(eps_model, x, t, y))
        slope = classifier_gradient(log_prob, x, t)
        return join_output(classifier_guided_eps(eps, slope, t, schedule, w), v)

    return guided


@checked(eps_model=function, w=number)
def classifier_free(eps_model: Callable, y: Any, w: float) -> Callable:
    """Return the eps model (x, t, y=None) of `classifier_free_eps`: eps_model(x, t, y) is called with this y, and with
    None.

    y: what the model takes as its condition, such as labels (N,); one whole number stands for N of them. The y of a
    call is ignored. A second output (v) is that of the conditional model. Eq. diffusion.23
    """
    if y is None:
        raise ValueError("y must be a condition, got None, which stands for no condition")
    one = isinstance(y, (int, numpy.integer)) or (isinstance(y, numpy.ndarray) and y.ndim == 0)
    condition = y

    def guided(x: Array, t: Array, y: Any = None) -> Any:
        t = numpy.broadcast_to(t, (len(x),))
        eps_cond, v = split_output(eps_model(x, t, numpy.full(len(x), condition) if one else condition))
        eps_uncond, _ = split_output(eps_model(x, t, None))
        return join_output(classifier_free_eps(eps_cond, eps_uncond, w), v)

    return guided


@checked(eps_model=function, image_encoder=function, text="N, E", schedule=Schedule, w=number)
def clip_guided(eps_model: Callable, image_encoder: Callable, text: Array, schedule: Schedule, w: float) -> Callable:
    """`classifier_guided` with `clip_similarity` in the place of log f: towards images that fit the text.

    image_encoder(x, t) -> (N, E), of noisy images x at times t (N,); text (N, E) or (1, E). Nichol et al. 2022 (GLIDE).
    """

    def similarity(x: Array, t: Array) -> Array:
        return clip_similarity(image_encoder(x, t), text)

    return classifier_guided(eps_model, similarity, schedule, w)


@checked(model=function, worse=function, w=number)
def autoguided(model: Callable, worse: Callable, w: float) -> Callable:
    """Return the model (x, t, y=None) of (1 + w) model − w worse: away from a worse version of the same model.

    Both receive the same condition, so that what differs is the error of `worse`, which `model` shares to a smaller
    part. A second output (v) is that of `model`. Eq. after.26; Karras et al. 2024.
    """

    def guided(x: Array, t: Array, y: Any = None) -> Any:
        eps, v = split_output(call_model(model, x, t, y))
        return join_output(classifier_free_eps(eps, split_output(call_model(worse, x, t, y))[0], w), v)

    return guided


@checked(guided=function, plain=function, schedule=Schedule, low=nonnegative)
def in_interval(guided: Callable, plain: Callable, schedule: Schedule, low: float, high: float) -> Callable:
    """Return the model (x, t, y=None) that is `guided` where low ≤ σ_t ≤ high and `plain` elsewhere, σ = √((1 − ᾱ)/ᾱ).

    A batch at one time calls one of them; examples on both sides call each for its own. Times between whole steps take
    σ in between. ValueError: low above high. Eq. after.25; Kynkäänniemi et al. 2024.
    """
    high = checks.number("high", high, low)

    def model(x: Array, t: Array, y: Any = None) -> Any:
        t = numpy.broadcast_to(t, (len(x),))
        sigma = numpy.interp(t, schedule.times, schedule.sigma)
        inside = (low <= sigma) & (sigma <= high)
        if numpy.all(inside) or not numpy.any(inside):
            return call_model(guided if inside[0] else plain, x, t, y)
        eps, v = split_output(call_model(guided, x, t, y))
        other, v_other = split_output(call_model(plain, x, t, y))
        where = inside.reshape(-1, *(1,) * (x.ndim - 1))
        both = None if v is None or v_other is None else np.where(where, v, v_other)
        return join_output(np.where(where, eps, other), both)

    return model


@checked(v1=nonnegative_floats, v0=nonnegative_floats, w=floats)
def guided_gaussian_variance(v1: Any, v0: Any, w: Any) -> Array:
    """Return the variance v1 (v1/v0)^w of samples of N(0, v1), guided with weight w by N(0, v0), both known exactly.

    It is not that of the density p1^(1 + w)/p0^w, which is 1/((1 + w)/v1 − w/v0). ValueError: variances not positive.
    Eq. after.27
    """
    if numpy.any(v1 == 0) or numpy.any(v0 == 0):
        raise ValueError("v1 and v0 must be positive, got 0")
    return v1 * (v1 / v0) ** w


@checked(v1=nonnegative_floats, v0=nonnegative_floats, w=floats, sampler=partial(choice, options=SAMPLERS))
def gaussian_guided(v1: Any, v0: Any, w: Any, sampler: str) -> Array:
    """Return the variance of what a sampler makes of N(0, v1), guided with weight w by N(0, v0), both known exactly.

    The guided score at noise level σ is (1 + w) s1 − w s0, with s_k = −x/(v_k + σ²), in every case:

        "ode"     the deterministic sampler (probability flow): v1 (v1/v0)^w, as `guided_gaussian_variance`
        "sde"     the stochastic sampler (reverse SDE): v1 ((v1/v0)^(2w + 1) − 1)/((2w + 1)(v1/v0 − 1))
        "tilt"    no sampler, but the density p1^(1 + w)/p0^w, whose score this is at σ = 0: 1/((1 + w)/v1 − w/v0)

    The three agree for w = 0 and −1, without guidance, and for v1 = v0, and not elsewhere. v1, v0 and w are numbers or
    arrays that broadcast; the result has the dtype of v1. ValueError: variances not positive; a tilt that is not a
    density, since (1 + w)/v1 ≤ w/v0. Eq. after.27, Eq. after.28, Eq. after.29; Bradley and Nakkiran 2024.
    """
    for name, v in (("v1", v1), ("v0", v0)):
        if not isbox(v) and numpy.any(v == 0):
            raise ValueError(f"{name} must be positive, got 0")
    shapes = [numpy.shape(each) for each in (v1, v0, w)]
    try:
        numpy.broadcast_shapes(*shapes)
    except ValueError:
        raise ValueError(f"v1, v0 and w must broadcast together, got the shapes {shapes}") from None
    if sampler == "ode":
        return like(unchecked(guided_gaussian_variance)(v1, v0, w), v1)
    if sampler == "sde":
        log_ratio = np.log(v1 / v0)
        return like(v1 * relative_exponential((2 * w + 1) * log_ratio) / relative_exponential(log_ratio), v1)
    precision = (1 + w) / v1 - w / v0
    if not isbox(precision) and numpy.any(precision <= 0):
        raise ValueError(f"w must leave (1 + w)/v1 above w/v0: p1^(1 + w)/p0^w is no density, got w = {w}")
    return like(1 / precision, v1)


def relative_exponential(x: Any) -> Array:
    """(exp(x) − 1)/x, by its series near 0, where it is 1: any shape."""
    near = np.abs(x) < 1e-3
    away = np.where(near, 1.0, x)
    return np.where(near, 1 + x / 2 * (1 + x / 3 * (1 + x / 4 * (1 + x / 5))), np.expm1(away) / away)
