"""Edges and skeletons of digits: pictures that say where the ink is to be, and not how thick or how dark.

    c = edges(mnist.unit(images))       # (N, 28, 28, 1) of 0 and 1, float32
    c = skeletons(mnist.unit(images))

Images are float (N, H, W, 1) in [0, 1], ink 1.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

from minigen import checks

__all__ = ["edges", "skeletons"]


def edges(images: ArrayLike, threshold: float = 0.5) -> np.ndarray:
    """The outlines of the strokes: 1 on ink that touches paper, else 0, (N, H, W, 1) float32.

    Ink is what lies above `threshold`; it touches paper above, below, left or right. Outside the picture is paper.
    ValueError: images of another shape or outside [0, 1], threshold not in (0, 1].
    """
    ink = _images(images) > checks.number("threshold", threshold, 0, 1, without=0)
    cross = ndimage.generate_binary_structure(2, 1)[None]  # (1, 3, 3): the four neighbors, and no other picture
    return (ink & ~ndimage.binary_erosion(ink, cross)).astype(np.float32)[..., None]


def skeletons(images: ArrayLike, threshold: float = 0.5) -> np.ndarray:
    """The strokes thinned to a width of one pixel: 1 on them, else 0, (N, H, W, 1) float32.

    Ink above `threshold` is thinned from its border inwards until nothing can go without breaking a stroke.
    Zhang and Suen 1984. ValueError as for `edges`.
    """
    ink = _images(images) > checks.number("threshold", threshold, 0, 1, without=0)
    ink = np.pad(ink, ((0, 0), (1, 1), (1, 1)))  # (N, H + 2, W + 2)
    while True:
        before = ink.copy()
        for first in (True, False):
            ink = ink & ~_removable(ink, first)
        if (ink == before).all():
            return ink[:, 1:-1, 1:-1, None].astype(np.float32)


def _removable(ink: np.ndarray, first: bool) -> np.ndarray:
    """The pixels that one of the two half-steps of Zhang and Suen removes: south-east borders, then north-west ones."""
    shifts = [(1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1)]  # P2, P3, ... P9: clockwise from N
    p = [np.roll(ink, shift, axis=(1, 2)) for shift in shifts]
    count = sum(a.astype(int) for a in p)
    changes = sum((~a & b).astype(int) for a, b in zip(p, [*p[1:], p[0]]))  # from paper to ink, all the way round
    north, east, south, west = p[0], p[2], p[4], p[6]
    if first:
        border = ~(north & east & south) & ~(east & south & west)
    else:
        border = ~(north & east & west) & ~(north & south & west)
    return ink & (count >= 2) & (count <= 6) & (changes == 1) & border


def _images(images: ArrayLike) -> np.ndarray:
    """(N, H, W) of images (N, H, W, 1) in [0, 1]."""
    x = checks.array("images", images, "N", "H", "W", 1)
    return np.asarray(checks.between("images", x, 0, 1))[..., 0]
