"""Thresholding of the predicted image, as in Imagen: strong guidance pushes pixels out of [−1, 1].

    eps_model = thresholded(classifier_free(unet, y, w=4.0), schedule)      # then sample as usual

Cutting them off ("static") leaves many at the ends, saturated. "Dynamic" thresholding scales the whole image instead,
example by example, so that only the outermost pixels are cut. Saharia et al., "Photorealistic Text-to-Image Diffusion
Models with Deep Language Understanding", 2022, section 2.3.
"""

from collections.abc import Callable

import autograd.numpy as np
import numpy
from autograd.tracer import getval

from minigen import checks
from minigen.checks import checked, probability
from minigen.diffusion.samplers import clipped, with_corrected_x0
from minigen.diffusion.schedule import Schedule, per_example
from minigen.types import Array


@checked(x0="N, ...")
def static_threshold(x0: Array) -> Array:
    """x0 (N, ...) cut off at −1 and 1."""
    return np.clip(x0, -1, 1)


@checked(x0="N, ...", p=probability)
def dynamic_threshold(x0: Array, p: float = 0.995) -> Array:
    """clip(x0, −s, s)/s with s = max(1, the quantile p of |x0|), each example (N, ...) by itself.

    The quantile is interpolated linearly between the two nearest values, as NumPy's. Where no more than a share 1 − p
    of an example's values lies outside [−1, 1], s is 1.
    """
    flat = np.reshape(x0, (len(x0), -1))  # (N, D)
    s = np.maximum(_quantile(np.abs(flat), p), 1)[:, None]  # (N, 1)
    return np.reshape(np.minimum(np.maximum(flat, -s), s) / s, np.shape(x0))


def _quantile(a: Array, p: float) -> Array:
    """The quantile p of each row of a (N, D), by linear interpolation: (N,), with its derivative."""
    n, dims = np.shape(a)
    position = p * (dims - 1)
    below = min(int(position), max(dims - 2, 0))
    order = numpy.argsort(_plain(a), axis=1)  # (N, D)
    rows = numpy.arange(n)
    low, high = a[rows, order[:, below]], a[rows, order[:, min(below + 1, dims - 1)]]  # (N,)
    return per_example(1 - (position - below), low) + per_example(position - below, high)


def _plain(a: Array) -> numpy.ndarray:
    """The plain array inside all of autograd's boxes."""
    while a is not getval(a):
        a = getval(a)
    return a


def thresholded(eps_model: Callable, schedule: Schedule, p: float | None = 0.995) -> Callable:
    """The eps model (x, t, y=None) whose implied x̂_0 is thresholded: dynamically with p, or `clipped` if p is None.

    y and a second output (v) are those of eps_model. `schedule` is the one that the model was trained with.
    ValueError: p outside [0, 1].
    """
    if p is None:
        return clipped(eps_model, schedule)
    p = checks.probability("p", p)
    return with_corrected_x0(eps_model, schedule, lambda x0: dynamic_threshold(x0, p))
