"""Weights with which guided samples are distributed as the tilted density p1^(1 + w)/p0^w. Skreta et al. 2025.

    s = (1 + w) * s1 - w * s0                                  # the guided score, from those of two models at x
    log_weight = log_weight + log_weight_increment(s1, s0, w, du)
    x = x + du * s + numpy.sqrt(du) * z                        # a step of the reverse SDE, from u = σ² to u − du

The density q = p1^(1 + w)/p0^w of noisy points is not spread by noise as a density is: it loses mass on the way,

    ∂q/∂u = ½ Δq − g q,    g = ½ w (1 + w) ‖s1 − s0‖²

Backwards in u a sampler that follows s, with or without fresh noise, misses the growth of q at the rate g. A weight for
each point makes up for it: this is the Feynman–Kac formula.
"""

from typing import Any

import autograd.numpy as np
import numpy

from minigen.checks import checked, nonnegative_floats, number
from minigen.diffusion.arguments import BATCH
from minigen.tensor import like
from minigen.types import Array


@checked(s1=BATCH, s0=BATCH, w=number, du=nonnegative_floats)
def log_weight_increment(s1: Array, s0: Array, w: float, du: Any) -> Array:
    """Return ½ w (1 + w) ‖s1 − s0‖² du, what the logarithm of each point's weight gains in a step of guidance: (N,).

    s1 and s0 (N, ...) are the scores of the two models at the points, and du is what the step takes from u = σ², a
    number or (N,). With these weights the points of a guided sampler, deterministic or stochastic, are distributed as
    p1^(1 + w)/p0^w says, if it follows the score (1 + w) s1 − w s0 in each step. The result has the dtype of s1.
    ValueError: shapes. Eq. after.40; Skreta et al. 2025.
    """
    if numpy.shape(du) not in ((), (len(s1),)):
        raise ValueError(f"du must be a number or of shape ({len(s1)},), got {numpy.shape(du)}")
    squares = np.sum((s1 - like(s0, s1)) ** 2, axis=tuple(range(1, np.ndim(s1))))
    return like(w * (1 + w) / 2 * squares * du, s1)
