"""The smallest game whose gradients go in circles: one player moves x to lower x·y, the other moves y to raise it.

The only equilibrium is (0, 0). Each rule below makes one step of size eta and returns the new (x, y). Arrays work
elementwise, so that many games can be played at once. A step size eta that is not positive raises ValueError.
"""

import numpy as np

from minigen.gan import _check

Number = float | np.ndarray


def simultaneous_step(x: Number, y: Number, eta: float) -> tuple[Number, Number]:
    """Both players follow their own gradient at the same time: x − ηy, y + ηx.

    Each step turns the point and multiplies its distance from (0, 0) by exactly √(1 + η²): the players spiral outward.
    """
    eta = _check.positive("eta", eta)
    return x - eta * y, y + eta * x


def alternating_step(x: Number, y: Number, eta: float) -> tuple[Number, Number]:
    """The second player sees the first one's move: x' = x − ηy, y' = y + ηx'.

    For 0 < η < 2 the point stays on a closed curve, x² + y² − ηxy = const. It neither escapes nor arrives.
    """
    eta = _check.positive("eta", eta)
    x = x - eta * y
    return x, y + eta * x


def extragradient_step(x: Number, y: Number, eta: float) -> tuple[Number, Number]:
    """Look one step ahead, then step from here with the gradient found there (Korpelevich 1976).

    The distance shrinks by √((1 − η²)² + η²) a step: for 0 < η < 1 it converges.
    """
    eta = _check.positive("eta", eta)
    x_ahead, y_ahead = x - eta * y, y + eta * x
    return x - eta * y_ahead, y + eta * x_ahead


def optimistic_step(x: Number, y: Number, x_before: Number, y_before: Number, eta: float) -> tuple[Number, Number]:
    """Extrapolate the gradient from the last two points: x − 2ηy + ηy_before, y + 2ηx − ηx_before.

    (x_before, y_before) is where the players stood one step ago. Converges for small η (Daskalakis et al. 2018).
    """
    eta = _check.positive("eta", eta)
    return x - 2 * eta * y + eta * y_before, y + 2 * eta * x - eta * x_before
