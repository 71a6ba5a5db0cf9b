"""How well thin lines agree: edges, skeletons."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

from minigen import checks

__all__ = ["contour_f1"]


def contour_f1(found: ArrayLike, wanted: ArrayLike, tolerance: int = 1) -> np.ndarray:
    """Return the F1 score (N,) of thin lines: found and wanted (N, H, W, 1), lines where a value is above 1/2.

    Precision is the fraction of `found` that has a line of `wanted` within `tolerance` pixels (in each direction,
    diagonals too), recall the reverse; F1 is their harmonic mean: 1 if each lies on the other, 0 if they are nowhere
    near, or if either is empty. ValueError: shapes that differ, tolerance below 0.
    """
    found, wanted = checks.array("found", found, "N", "H", "W", 1), checks.array("wanted", wanted, "N", "H", "W", 1)
    checks.same_shape(4, found=found, wanted=wanted)
    a, b = np.asarray(found)[..., 0] > 0.5, np.asarray(wanted)[..., 0] > 0.5
    side = 2 * checks.whole("tolerance", tolerance, least=0) + 1
    near = np.ones((1, side, side), bool)
    precision = _share(a, ndimage.binary_dilation(b, near))
    recall = _share(b, ndimage.binary_dilation(a, near))
    return 2 * precision * recall / np.maximum(precision + recall, 1e-12)


def _share(lines: np.ndarray, area: np.ndarray) -> np.ndarray:
    """Return the fraction of each picture's lines that lies in its area; 0 without lines."""
    return (lines & area).sum(axis=(1, 2)) / np.maximum(lines.sum(axis=(1, 2)), 1)
