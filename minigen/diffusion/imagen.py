"""Thresholding of the predicted picture, as in Imagen: strong guidance pushes pixels out of [−1, 1].

    eps_model = thresholded(classifier_free(unet, y, w=4.0), schedule)      # then sample as usual

Cutting them off ("static") leaves many at the ends, saturated. "Dynamic" thresholding scales the whole picture instead,
example by example, so that only the outermost pixels are cut. Saharia et al., "Photorealistic Text-to-Image Diffusion
Models with Deep Language Understanding", 2022, section 2.3.
"""

from collections.abc import Callable
from typing import Any

import autograd.numpy as np
import numpy
from autograd.tracer import getval

from minigen import checks
from minigen.diffusion.ddpm import eps_from_x0, predict_x0_from_eps
from minigen.diffusion.schedule import Schedule, per_example
from minigen.types import Array


def static_threshold(x0: Array) -> Array:
    """x0 (N, ...) cut off at −1 and 1. ValueError: no examples, values that are not finite."""
    return np.clip(checks.array("x0", x0, "N", ...), -1, 1)


def dynamic_threshold(x0: Array, p: float = 0.995) -> Array:
    """clip(x0, −s, s)/s with s = max(1, the quantile p of |x0|), each example (N, ...) by itself.

    The quantile is interpolated linearly between the two nearest values, as NumPy's. Where no more than a share 1 − p
    of an example's values lies outside [−1, 1], s is 1. ValueError: p outside [0, 1], no examples, not finite.
    """
    x0 = checks.array("x0", x0, "N", ...)
    p = checks.probability("p", p)
    flat = np.reshape(x0, (len(x0), -1))  # (N, D)
    s = np.maximum(_quantile(np.abs(flat), p), 1)[:, None]  # (N, 1)
    return np.reshape(np.minimum(np.maximum(flat, -s), s) / s, np.shape(x0))


def _quantile(a, p):
    """The quantile p of each row of a (N, D), by linear interpolation: (N,), with its derivative."""
    n, dims = np.shape(a)
    place = p * (dims - 1)
    below = min(int(place), max(dims - 2, 0))
    order = numpy.argsort(_plain(a), axis=1)  # (N, D)
    rows = numpy.arange(n)
    low, high = a[rows, order[:, below]], a[rows, order[:, min(below + 1, dims - 1)]]  # (N,)
    return per_example(1 - (place - below), low) + per_example(place - below, high)


def _plain(a):
    """The numbers of an array, out of all derivatives that are being taken."""
    while a is not getval(a):
        a = getval(a)
    return a


def thresholded(eps_model: Callable, schedule: Schedule, p: float | None = 0.995) -> Callable:
    """An eps model (x, t) whose implied x̂_0 is thresholded, dynamically with p, or statically if p is None.

    A second output (v) is kept. `schedule` is the one that the model was trained with. ValueError: p outside [0, 1].
    """
    checks.function("eps_model", eps_model)
    checks.instance("schedule", schedule, Schedule)
    if p is not None:
        checks.probability("p", p)

    def corrected(x: Array, t: Array) -> Any:
        output = eps_model(x, t)
        eps, rest = (output[0], output[1:]) if isinstance(output, tuple) else (output, ())
        x0 = predict_x0_from_eps(x, t, eps, schedule)
        x0 = static_threshold(x0) if p is None else dynamic_threshold(x0, p)
        eps = eps_from_x0(x, t, x0, schedule)
        return (eps, *rest) if rest else eps

    return corrected
