"""Two problems that are small enough to solve exactly: the bilinear game x·y, and two parallel lines.

In the game one player moves x to lower x·y, the other moves y to raise it; the only equilibrium is (0, 0). Each rule
makes one step of size eta and returns the new (x, y). Arrays are elementwise: an array of games is played at once.
Korpelevich 1976; Daskalakis et al. 2018, "Training GANs with optimism".

The lines are Example 1 of Arjovsky, Chintala and Bottou 2017, "Wasserstein GAN": P is uniform on the segment from
(0, 0) to (0, 1), Q on the same segment moved sideways by theta. For theta ≠ 0 their supports are disjoint, however
close they are; there KL and JS do not depend on theta, and the Wasserstein distance does.
"""

import autograd.numpy as np
import numpy
from numpy.typing import ArrayLike

from minigen import checks
from minigen.checks import Sized, checked, floats, number

Number = float | numpy.ndarray


# ------------------------------------------------------------------------------------------------ the game x·y


def simultaneous_step(x: Number, y: Number, eta: float) -> tuple[Number, Number]:
    """Return the point after both players step at the same time, each down its own gradient: x − ηy, y + ηx.

    Raises ValueError for numbers that are not finite or an eta that is not positive.
    """
    eta = _checked_step(eta, x=x, y=y)
    return x - eta * y, y + eta * x


def alternating_step(x: Number, y: Number, eta: float) -> tuple[Number, Number]:
    """Return the point after x steps first and y second, with the gradient at the new x: x' = x − ηy, y' = y + ηx'.

    For 0 < η < 2 the point stays on the closed curve x² + y² − ηxy = const: it neither diverges nor converges.
    Raises ValueError for numbers that are not finite or an eta that is not positive.
    """
    eta = _checked_step(eta, x=x, y=y)
    x = x - eta * y
    return x, y + eta * x


def extragradient_step(x: Number, y: Number, eta: float) -> tuple[Number, Number]:
    """Return a step from (x, y) with the gradient found one simultaneous step ahead (Korpelevich 1976).

    The distance from (0, 0) is multiplied by √((1 − η²)² + η²) a step: for 0 < η < 1 it converges.
    Raises ValueError for numbers that are not finite or an eta that is not positive.
    """
    eta = _checked_step(eta, x=x, y=y)
    x_ahead, y_ahead = x - eta * y, y + eta * x
    return x - eta * y_ahead, y + eta * x_ahead


def optimistic_step(x: Number, y: Number, x_before: Number, y_before: Number, eta: float) -> tuple[Number, Number]:
    """Return a step with the gradient extrapolated from the last two points: x − 2ηy + ηy_before, y + 2ηx − ηx_before.

    (x_before, y_before) is the point one step ago. Converges for small η (Daskalakis et al. 2018).
    Raises ValueError for numbers that are not finite or an eta that is not positive.
    """
    eta = _checked_step(eta, x=x, y=y, x_before=x_before, y_before=y_before)
    return x - 2 * eta * y + eta * y_before, y + 2 * eta * x - eta * x_before


def _checked_step(eta: float, **coordinates: Number) -> float:
    """eta, if it is positive and the coordinates are finite."""
    for name, value in coordinates.items():
        checks.floats(name, value)
    return checks.positive("eta", eta)


# ------------------------------------------------------------------------------------------------ two parallel lines


@checked(theta=number, y=Sized("N", low=0, high=1))
def line_points(theta: float, y: ArrayLike) -> numpy.ndarray:
    """Return the points (theta, y) of the line at theta: of P for theta = 0, of Q otherwise. Eq. gan.14

    theta: a number. y (N,): heights in [0, 1], such as `rng.random(N)`. Returns (N, 2).
    """
    return np.stack([np.full_like(y, theta), y], axis=1)  # (N, 2)


@checked(theta=floats)
def line_divergences(theta: ArrayLike) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    """KL, JS and W₁ of the line at 0 and the line at theta: three arrays shaped as theta. Eq. gan.15, Eq. gan.16

    KL(P ‖ Q) = KL(Q ‖ P) is inf as soon as the lines differ, JS is log 2 (both in nats), and W₁ is |theta|, in units of
    the plane. All three are 0 where the lines coincide.
    """
    apart = theta != 0
    kl = np.where(apart, np.inf, 0.0)
    js = np.where(apart, np.log(2.0), 0.0)
    w = np.abs(theta)
    return kl, js, w
