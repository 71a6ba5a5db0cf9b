"""Interpolation between two latent vectors, along the straight line or along the great circle.

A generator is trained on z ~ N(0, I). In many dimensions such vectors have nearly the same length, √dim: they lie
near a sphere. The straight line between two of them passes through its inside, where the density of lengths is low;
spherical interpolation keeps the length. White 2016, "Sampling Generative Networks".
"""

import autograd.numpy as np
import numpy

from minigen.checks import checked

PARALLEL = 1e-5  # sin of the angle below which two directions count as equal or opposite


@checked(a="D", b="D", t="T")
def interpolate_linear(a: numpy.ndarray, b: numpy.ndarray, t: numpy.ndarray) -> numpy.ndarray:
    """(1 − t) a + t b: the straight line from a (D,) to b (D,), at t (T,), 0 at a and 1 at b. Returns (T, D)."""
    t = t.astype(np.result_type(a, b))[:, None]  # (T, 1)
    return (1 - t) * a + t * b  # (T, D)


@checked(a="D", b="D", t="T")
def interpolate_spherical(a: numpy.ndarray, b: numpy.ndarray, t: numpy.ndarray) -> numpy.ndarray:
    """(sin((1 − t)Ω) a + sin(tΩ) b) / sin Ω, with Ω the angle between a and b: (D,), (D,), (T,) -> (T, D).

    The great circle if a and b are equally long; linear where they point in the same direction. Shoemake 1985.
    Raises ValueError for an end that is 0, and for ends in opposite directions, between which the shortest path is not
    unique.
    """
    t = t.astype(np.result_type(a, b))[:, None]  # (T, 1)
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    if lengths == 0:
        raise ValueError("a and b must not be 0: the zero vector has no direction")
    omega = np.arccos(np.clip(a @ b / lengths, -1, 1))  # radians
    if np.sin(omega) < PARALLEL:
        if a @ b < 0:
            raise ValueError("a and b must not point in opposite directions: their shortest path is not unique")
        return (1 - t) * a + t * b
    return (np.sin((1 - t) * omega) * a + np.sin(t * omega) * b) / np.sin(omega)  # (T, D)
