"""Two parallel lines: the smallest example on which KL and JS say nothing and the Wasserstein distance says all.

P is uniform on the segment from (0, 0) to (0, 1), Q on the same segment moved sideways by theta. For theta ≠ 0 they
have no point in common, however close they are. Arjovsky, Chintala and Bottou 2017, "Wasserstein GAN", Example 1.
"""

import numpy as np
from numpy.typing import ArrayLike

from minigen.gan import _check


def line_points(theta: float, y: ArrayLike) -> np.ndarray:
    """The points (theta, y) of the line at theta: of P for theta = 0, of Q otherwise. Eq. gan.14

    theta: a number. y (N,): heights in [0, 1], such as `rng.random(N)`. Returns (N, 2).
    Raises ValueError for a theta that is not a finite number, or heights that are not a vector or lie outside [0, 1].
    """
    theta = _check.number("theta", theta, low=-np.inf)
    y = _check.vector("y", y)
    if y.min() < 0 or y.max() > 1:
        raise ValueError(f"y must lie in [0, 1], got values from {y.min():.4g} to {y.max():.4g}")
    return np.stack([np.full_like(y, theta), y], axis=1)  # (N, 2)


def line_divergences(theta: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """KL, JS and W₁ of the line at 0 and the line at theta: three arrays shaped as theta. Eq. gan.15, Eq. gan.16

    KL(P ‖ Q) = KL(Q ‖ P) is inf as soon as the lines differ, JS is log 2 (both in nats), and W₁ is |theta|, in units of
    the plane. All three are 0 where the lines coincide. Raises ValueError for a theta that is not finite real numbers.
    """
    theta = _check.floats("theta", theta)
    apart = theta != 0
    kl = np.where(apart, np.inf, 0.0)
    js = np.where(apart, np.log(2.0), 0.0)
    w = np.abs(theta)
    return kl, js, w
