"""Walks from one latent vector to another, to see whether the pictures between two pictures make sense.

A generator has only seen z ~ N(0, I). In many dimensions such vectors all have about the same length, √dim: they lie
near a sphere. The straight way between two of them cuts through its inside, where z hardly ever fell; the great circle
stays where the generator knows its way. White 2016, "Sampling Generative Networks".
"""

import numpy as np

from minigen.gan import _check

PARALLEL = 1e-5  # sin of the angle below which two directions count as the same, or as opposite


def interpolate_linear(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """(1 − t) a + t b: the straight way from a (D,) to b (D,), at the times t (T,), 0 at a and 1 at b. Returns (T, D).

    Raises ValueError for ends that are not finite vectors of one length D, or times that are not a finite vector.
    """
    a, b, t = _ends(a, b, t)
    return (1 - t) * a + t * b  # (T, D)


def interpolate_spherical(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """(sin((1 − t)Ω) a + sin(tΩ) b) / sin Ω, with Ω the angle between a and b: (D,), (D,), (T,) -> (T, D).

    The great circle where a and b are equally long. Where they point the same way, the straight way. Shoemake 1985.
    Raises ValueError as `interpolate_linear` does, for an end that is 0, or ends that point in opposite directions,
    between which there are many shortest ways.
    """
    a, b, t = _ends(a, b, t)
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    if lengths == 0:
        raise ValueError("a and b must not be 0: the zero vector has no direction")
    omega = np.arccos(np.clip(a @ b / lengths, -1, 1))  # radians
    if np.sin(omega) < PARALLEL:
        if a @ b < 0:
            raise ValueError(
                "a and b must not point in opposite directions: no shortest way between them is the only one"
            )
        return (1 - t) * a + t * b
    return (np.sin((1 - t) * omega) * a + np.sin(t * omega) * b) / np.sin(omega)  # (T, D)


def _ends(a, b, t):
    """The two ends (D,) and the times as a column (T, 1), of one float type."""
    a, b, t = _check.vector("a", a), _check.vector("b", b), _check.vector("t", t)
    if len(a) != len(b):
        raise ValueError(f"a and b must have the same shape, got {a.shape} and {b.shape}")
    return a, b, t.astype(np.result_type(a, b))[:, None]
