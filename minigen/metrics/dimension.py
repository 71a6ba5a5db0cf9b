"""Intrinsic dimension by the TwoNN estimator, from the distances of each point to its two nearest neighbors.

The number of points of a d-dimensional surface within a small radius r grows as r^d. It follows that the ratio
mu = r2 / r1 of the distances to the second and to the first neighbor has P(mu > m) = m^-d, whatever the density. So
log mu is exponential with rate d, and d can be read off many points.

Facco, d'Errico, Rodriguez and Laio, "Estimating the intrinsic dimension of datasets by a minimal neighborhood
information", 2017.
"""

import numpy as np
from numpy.typing import ArrayLike

from minigen import checks

BLOCK = 1000  # rows of a distance matrix computed at a time
CANDIDATES = 4  # neighbors whose distances are computed a second time, without cancellation


def intrinsic_dimension(x: ArrayLike, discard: float = 0.1) -> float:
    """Return the dimension of the surface near which the points x (N, D) lie, by TwoNN; in general not a whole number.

    `two_nn_dimension` of the `neighbor_ratios` of x. Its standard error is about d / sqrt(N). In high dimension it
    is biased low (d = 50: about 33 from 2,000 normal points), because neighbors are then too far apart to be local.
    Cost: O(N^2 D) time, in blocks: 10,000 digits take about 5 s on one core. ValueError: as for the two parts.
    """
    return two_nn_dimension(neighbor_ratios(x), discard)


def neighbor_ratios(x: ArrayLike) -> np.ndarray:
    """For each point of x (N, D), its distance to the second nearest over that to the nearest other point, (N,), >= 1.

    ValueError: fewer than 3 points, points that occur twice (take `numpy.unique(x, axis=0)` first), non-finite.
    """
    x = checks.array("x", x, "N", "D", dtype=np.float64)
    if len(x) < 3:
        raise ValueError(f"x must have at least 3 points, got {len(x)}")
    x = x - x.mean(axis=0)
    square = np.sum(x**2, axis=1)  # (N,)
    ratios = np.empty(len(x))
    for start in range(0, len(x), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(x)))
        d2 = square - 2 * x[rows] @ x.T  # (rows, N), up to a constant in each row
        d2[np.arange(len(rows)), rows] = np.inf  # a point is not its own neighbor
        k = min(CANDIDATES, len(x) - 1)
        near = np.argpartition(d2, k - 1, axis=1)[:, :k]  # (rows, k)
        distance = np.sort(np.linalg.norm(x[near] - x[rows][:, None], axis=2), axis=1)  # (rows, k)
        if not distance[:, 0].all():
            raise ValueError(f"x must not hold a point twice, got one at row {rows[distance[:, 0] == 0][0]}")
        ratios[rows] = distance[:, 1] / distance[:, 0]
    return ratios


def two_nn_dimension(ratios: ArrayLike, discard: float = 0.1) -> float:
    """Return the dimension d from the ratios mu = r2 / r1 of many points (N,): the slope of -log(1 - F) against log mu.

    F is the fraction of ratios that are no larger, i/N for the i-th smallest; P(mu > m) = m^-d makes -log(1 - F) = d
    log m, a line through the origin, fitted by least squares. The largest ratios, a fraction `discard`, are left out:
    they come from outliers, and the last has F = 1.
    ValueError: ratios below 1 or not finite, discard outside [0, 1), fewer than 2 ratios left, all ratios 1.
    """
    ratios = checks.array("ratios", ratios, "N", dtype=np.float64)
    _check_ratios(ratios, discard)
    n = len(ratios)
    kept = min(n - 1, int(n * (1 - discard)))
    log_mu = np.log(np.sort(ratios)[:kept])  # (kept,)
    log_tail = -np.log(1 - np.arange(1, kept + 1) / n)
    return float(np.sum(log_mu * log_tail) / np.sum(log_mu**2))


def _check_ratios(ratios: np.ndarray, discard: float) -> None:
    checks.between("ratios", ratios, 1)
    checks.number("discard", discard, 0, 1, without=1)
    kept = min(len(ratios) - 1, int(len(ratios) * (1 - discard)))
    if kept < 2:
        raise ValueError(f"ratios must leave at least 2 to fit, got {len(ratios)} of them and discard = {discard}")
    if np.sort(ratios)[kept - 1] == 1:
        raise ValueError(f"ratios must not all be 1, got {kept} of {len(ratios)} that are")
