"""Edges and skeletons of digits: pictures of the places of the ink, without its thickness or darkness.

    c = edges(mnist.unit(images))       # (N, 28, 28, 1) of 0 and 1, float32
    c = skeletons(mnist.unit(images))

Images are float (N, H, W, 1) in [0, 1], ink 1.
"""

from functools import cache

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

from minigen import checks

__all__ = ["edges", "skeletons"]


def edges(images: ArrayLike, threshold: float = 0.5) -> np.ndarray:
    """Return the outlines of the strokes: 1 on ink that touches paper, else 0, (N, H, W, 1) float32.

    Ink is what lies above `threshold`; it touches paper above, below, left or right. Outside the picture is paper.
    ValueError: images of another shape or outside [0, 1], threshold not in (0, 1].
    """
    ink = _images(images) > checks.number("threshold", threshold, 0, 1, without=0)
    cross = ndimage.generate_binary_structure(2, 1)[None]  # (1, 3, 3): the four neighbors, and no other picture
    return (ink & ~ndimage.binary_erosion(ink, cross)).astype(np.float32)[..., None]


def skeletons(images: ArrayLike, threshold: float = 0.5) -> np.ndarray:
    """Return the strokes thinned to a width of one pixel: 1 on them, else 0, (N, H, W, 1) float32.

    Ink above `threshold` is thinned from its border inwards until nothing can go without breaking a stroke.
    Zhang and Suen 1984. ValueError as for `edges`.
    """
    ink = _images(images) > checks.number("threshold", threshold, 0, 1, without=0)
    ink = np.pad(ink, ((0, 0), (1, 1), (1, 1)))  # (N, H + 2, W + 2)
    unfinished = np.arange(len(ink))
    while len(unfinished):
        some = ink[unfinished]
        for half_step in _removable():
            some &= ~half_step[_neighbors(some)]
        changed = (some != ink[unfinished]).any(axis=(1, 2))
        ink[unfinished] = some
        unfinished = unfinished[changed]
    return ink[:, 1:-1, 1:-1, None].astype(np.float32)


CLOCKWISE = [(1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1)]  # from the north: shifts to a pixel


def _neighbors(ink: np.ndarray) -> np.ndarray:
    """Which of its eight neighbors are ink, as the bits of a number 0 ... 255, for each pixel; paper has 0."""
    code = np.zeros(ink.shape, np.uint8)
    for bit, shift in enumerate(CLOCKWISE):
        code |= np.roll(ink, shift, axis=(1, 2)).astype(np.uint8) << bit
    return code * ink


@cache
def _removable() -> tuple[np.ndarray, np.ndarray]:
    """Return the two half-steps of Zhang and Suen as tables (256,): may a pixel with these neighbors go?

    It may if it has 2 to 6 of them, if going round them one comes from paper to ink only once (so that nothing breaks),
    and if it lies on a border: of the south and east in the first half-step, of the north and west in the second.
    """
    p = np.arange(256)[:, None] >> np.arange(8) & 1 == 1  # (256, 8)
    enters = np.sum(~p & np.roll(p, -1, axis=1), axis=1)
    kept_shape = (p.sum(axis=1) >= 2) & (p.sum(axis=1) <= 6) & (enters == 1)
    north, east, south, west = p[:, 0], p[:, 2], p[:, 4], p[:, 6]
    first = ~(north & east & south) & ~(east & south & west)
    second = ~(north & east & west) & ~(north & south & west)
    return kept_shape & first, kept_shape & second


def _images(images: ArrayLike) -> np.ndarray:
    """(N, H, W) of images (N, H, W, 1) in [0, 1]."""
    x = checks.array("images", images, "N", "H", "W", 1)
    return np.asarray(checks.between("images", x, 0, 1))[..., 0]
