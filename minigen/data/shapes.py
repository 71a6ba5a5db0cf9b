"""Small images with known generative factors: one white shape on black, from five factors, rendered on demand.

    from minigen.data import shapes
    images, factors = shapes.grid()                      # all 6,144 images: (6144, 16, 16, 1), (6144, 5)
    images, factors = shapes.sample(rng, 1000)           # draws with replacement
    image = shapes.draw([[2, 3, 0, 4, 4]])               # a large upright triangle in the middle

A factor is a whole number, its class: `shape` (0 ellipse, 1 rectangle, 2 triangle), `scale` (0 small to 3 large),
`rotation` (steps of an eighth of a quarter turn, counterclockwise), `x` (0 left to 7 right) and `y` (0 top to 7
bottom). All shapes are longer than wide, so that within a quarter turn no two classes of rotation look the same. The
factors are independent and no shape touches the border. In the spirit of dSprites (Matthey et al. 2017).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from minigen import checks
from minigen.types import Array

__all__ = ["FACTORS", "NAMES", "SIDE", "SIZES", "Shapes", "draw", "grid", "sample"]

FACTORS = ("shape", "scale", "rotation", "x", "y")
SIZES = (3, 4, 8, 8, 8)  # classes of each factor
NAMES = ("ellipse", "rectangle", "triangle")
SIDE = 16

# As fractions of the image's side, so that every resolution shows the same image.
RADII = np.array([0.16, 0.19, 0.225, 0.265], np.float32)  # half the length of a shape, by scale
WIDTH = 0.5  # half its width, in half lengths
TRACK = 0.4  # from the leftmost center to the rightmost, and from the topmost to the lowest


class Shapes(NamedTuple):
    """Images (N, side, side, 1), float32 in [0, 1], and their factors (N, 5), int64, in the order of FACTORS."""

    images: np.ndarray
    factors: np.ndarray


def grid(side: int = SIDE) -> Shapes:
    """Every combination of the factors once, the last factor fastest: 6,144 images.

    side: pixels along an edge, at least 8. Raises ValueError for another.
    """
    axes = np.meshgrid(*(np.arange(size) for size in SIZES), indexing="ij")
    factors = np.stack(axes, axis=-1).reshape(-1, len(SIZES)).astype(np.int64)  # (6144, 5)
    return Shapes(draw(factors, side), factors)


def sample(rng: np.random.Generator, n: int, side: int = SIDE) -> Shapes:
    """`n` images with factors drawn independently and uniformly. Raises ValueError if an argument does not fit."""
    n, side = checks.whole("n", n), checks.whole("side", side, least=8)
    factors = checks.rng(rng).integers(0, SIZES, size=(n, len(SIZES)))
    return Shapes(draw(factors, side), factors)


def draw(factors: np.ndarray, side: int = SIDE) -> np.ndarray:
    """Return the images of these factors: whole numbers (N, 5) -> (N, side, side, 1), float32 in [0, 1].

    A pixel's value is the fraction of it that the shape covers, to about 0.1. ValueError: another shape, a class that a
    factor does not have, side < 8.
    """
    side, factors = checks.whole("side", side, least=8), _checked(factors)
    images = np.empty((len(factors), side, side, 1), np.float32)
    for first in range(0, len(factors), 256):  # in chunks: the arrays below stay small
        rows = slice(first, first + 256)
        subpixels = _coverage(factors[rows], 2 * side).reshape(-1, side, 2, side, 2)
        images[rows, ..., 0] = subpixels.mean(axis=(2, 4))
    return images


def _coverage(factors: np.ndarray, side: int) -> np.ndarray:
    shape, scale, rotation, x, y = factors.T  # (N,) each
    centers = (np.arange(side, dtype=np.float32) + 0.5) / np.float32(side)
    steps = np.array(SIZES) - 1
    at_x, at_y, angle = (
        a.astype(np.float32)[:, None, None]
        for a in (
            0.5 + TRACK * (x / steps[3] - 0.5),
            0.5 + TRACK * (y / steps[4] - 0.5),
            0.5 * np.pi * rotation / SIZES[2],
        )
    )  # (N, 1, 1)
    dx = centers[None, None, :] - at_x  # (N, 1, side)
    dy = centers[None, :, None] - at_y  # (N, side, 1), downward
    cos, sin = np.cos(angle), np.sin(angle)
    across = cos * dx - sin * dy  # (N, side, side): coordinates along the shape's axes
    along = -(sin * dx + cos * dy)  # upward
    half = RADII[scale][:, None, None]
    distance = np.empty(across.shape, np.float32)
    for kind, signed_distance in enumerate((_ellipse, _rectangle, _triangle)):
        chosen = shape == kind
        distance[chosen] = signed_distance(across[chosen], along[chosen], half[chosen])
    return np.clip(0.5 - side * distance, 0.0, 1.0)  # 0.5 where the edge passes through a center


# Signed distances to the outline, negative within: of points (u, v) to a shape of half length h along v.
def _ellipse(u: Array, v: Array, h: Array) -> Array:
    w = WIDTH * h
    r, slope = np.hypot(u / w, v / h), np.hypot(u / w**2, v / h**2)
    return np.where(slope > 0, r * (r - 1) / np.where(slope > 0, slope, 1.0), -w)  # to first order


def _rectangle(u: Array, v: Array, h: Array) -> Array:
    a, b = np.abs(u) - WIDTH * h, np.abs(v) - h
    return np.hypot(np.maximum(a, 0), np.maximum(b, 0)) + np.minimum(np.maximum(a, b), 0)


def _triangle(u: Array, v: Array, h: Array) -> Array:
    """Tip up, with its center of mass at the origin: 1.1 h above it is the tip, 0.55 h below it the base, 1.3 h
    wide."""
    tip, base = 1.1 * h, 0.65 * h
    sides = (1.5 * tip * np.abs(u) + base * (v - tip)) / np.hypot(1.5 * tip, base)
    return np.maximum(sides, -0.5 * tip - v)


def _checked(factors: np.ndarray) -> np.ndarray:
    factors = np.asarray(factors)
    if factors.ndim != 2 or factors.shape[1] != len(SIZES) or not np.issubdtype(factors.dtype, np.integer):
        raise ValueError(
            f"factors must be whole numbers of shape (N, 5), one column for each of {', '.join(FACTORS)}, "
            f"got {factors.dtype} of shape {factors.shape}"
        )
    for name, size, column in zip(FACTORS, SIZES, factors.T):
        if column.size and not 0 <= column.min() <= column.max() < size:
            raise ValueError(f"factors: {name} must be 0 to {size - 1}, got {column.min()} to {column.max()}")
    return factors.astype(np.int64)
