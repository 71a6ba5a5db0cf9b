"""Sequences of which something is known exactly: a noisy harmonic oscillator, and a digit that moves across a strip.

    spring = Oscillator()
    x, states = spring.sample(rng, 64, length=24)                  # observations and true states, both (64, 24, 2)
    mean, std = spring.predict(x, t1=12, t2=20)                    # the best possible prediction of x_20 from x_1 ...
    x_12 x, start, direction = moving_digits(rng, images, length=12)    # (N, 12, 14, 28, 1)

Both are after Gregor et al. 2019. Time steps are counted from 1 to T: x[:, t - 1] is what is seen at step t. All floats
come out as float32.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from minigen.data import _check

__all__ = ["MovingDigits", "Oscillator", "OscillatorSequences", "moving_digits"]


class OscillatorSequences(NamedTuple):
    """states (N, T, 2): the true positions and velocities. x (N, T, 2), or (N, T, 1): what is seen of them, with
    noise."""

    x: np.ndarray
    states: np.ndarray


@dataclass(frozen=True)
class Oscillator:
    """A mass on a spring that is kicked at random, and seen with noise.

    Position q and velocity v follow dq = v ds, dv = -omega² q ds + kicks dW. They are seen at s = 0, dt, 2 dt, ...,
    each with noise · N(0, 1) added, or only the position if not `sees_velocity` (as in the paper). At the first step q
    ~ N(0, 1) and v ~ N(0, omega²). Everything is linear and Gaussian, so a step of any length can be simulated exactly,
    and the best prediction is known (`predict`).

    omega: radians per unit of time; dt: time between two steps; noise: standard deviation of what is seen; kicks: the
    velocity wanders by kicks · √s in a short time s. ValueError if omega, dt or noise is not positive or kicks
    negative.
    """

    omega: float = 1.0
    dt: float = 0.5
    noise: float = 0.4
    kicks: float = 0.1
    sees_velocity: bool = True

    def __post_init__(self):
        for name in ("omega", "dt", "noise"):
            _check.positive(name, getattr(self, name))
        if self.kicks != 0:
            _check.positive("kicks", self.kicks)

    def transition(self, steps: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """F and Q, both (2, 2) float64: over `steps` steps at once, (q, v) becomes N(F (q, v), Q)."""
        w, s = self.omega, self.dt * _check.integer("steps", steps, at_least=0)
        c, d = math.cos(w * s), math.sin(w * s)
        turn = np.array([[c, d / w], [-w * d, c]])
        # Q is kicks² times the integral over r in (0, s) of the outer product of (sin wr / w, cos wr) with itself
        cross = d**2 / (2 * w**2)
        spread = np.array([[(s / 2 - d * c / (2 * w)) / w**2, cross], [cross, s / 2 + d * c / (2 * w)]])
        return turn, self.kicks**2 * spread

    def sample(self, rng: np.random.Generator, n: int, length: int) -> OscillatorSequences:
        """`n` sequences of `length` steps: see `OscillatorSequences`."""
        rng = _check.generator(rng)
        n, length = _check.integer("n", n, at_least=1), _check.integer("length", length, at_least=1)
        turn, spread = self.transition()
        root = np.linalg.cholesky(spread) if self.kicks else np.zeros((2, 2))
        states = np.empty((n, length, 2))
        states[:, 0] = rng.standard_normal((n, 2)) * [1, self.omega]
        for t in range(1, length):
            states[:, t] = states[:, t - 1] @ turn.T + rng.standard_normal((n, 2)) @ root.T
        seen = states if self.sees_velocity else states[..., :1]
        x = seen + self.noise * rng.standard_normal(seen.shape)
        return OscillatorSequences(x.astype(np.float32), states.astype(np.float32))

    def predict(self, x: np.ndarray, t1: int, t2: int) -> tuple[np.ndarray, np.ndarray]:
        """Mean (N, D) and standard deviation (D,) of x_t2 given x_1 ... x_t1, exactly: the Kalman filter of the true
        process.

        x is (N, T, D), D = 2 or 1, and 1 <= t1 <= T; t2 may lie beyond T. With t2 = t1 a second look at the same moment
        is predicted. ValueError for other times or shapes.
        """
        x, seen = _check.finite("x", x), 2 if self.sees_velocity else 1
        if x.ndim != 3 or x.shape[2] != seen:
            raise ValueError(f"x must have shape (N, T, {seen}), got {x.shape}")
        t1, t2 = _check.integer("t1", t1, at_least=1), _check.integer("t2", t2, at_least=1)
        if not t1 <= min(t2, x.shape[1]):
            raise ValueError(f"t1 must be at most t2 = {t2} and T = {x.shape[1]}, got {t1}")
        turn, spread = self.transition()
        mean, cov, noise = np.zeros((len(x), 2)), np.diag([1.0, self.omega**2]), self.noise**2 * np.eye(seen)
        for t in range(t1):
            if t:
                mean, cov = mean @ turn.T, turn @ cov @ turn.T + spread
            gain = np.linalg.solve(cov[:seen, :seen] + noise, cov[:seen]).T  # (2, D)
            mean = mean + (x[:, t] - mean[:, :seen]) @ gain.T
            cov = cov - gain @ cov[:seen]
        turn, spread = self.transition(t2 - t1)
        mean, cov = mean @ turn.T, turn @ cov @ turn.T + spread
        return mean[:, :seen].astype(np.float32), np.sqrt(np.diag(cov)[:seen] + self.noise**2)


class MovingDigits(NamedTuple):
    """x (N, T, size, width, 1) in [0, 1]; start (N,): the digit's left edge at step 1; direction (N,): +1 right, -1
    left."""

    x: np.ndarray
    start: np.ndarray
    direction: np.ndarray


def moving_digits(
    rng: np.random.Generator,
    images: np.ndarray,
    length: int,
    size: int = 14,
    width: int = 28,
    step: int = 4,
    binary: bool = True,
) -> MovingDigits:
    """Each digit in a strip whose ends are joined, moving `step` pixels left or right at each step of time.

    Args:
        rng: draws directions, and starts among the multiples of `step`, N of each.
        images: uint8 (N, 28, 28); each is shrunk to (size, size), the mean of the pixels that fall into one.
        length: steps T.
        size: side of the digit and height of the strip, a divisor of 28. width: of the strip, at least `size`.
        step: pixels in a step. binary: pixels are 0 or 1 (above one half), else gray.

    Returns `MovingDigits`, float32. ValueError if an argument does not fit.
    """
    rng = _check.generator(rng)
    length, step = _check.integer("length", length, at_least=1), _check.integer("step", step, at_least=1)
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (28, 28):
        raise ValueError(f"images must be uint8 of shape (N, 28, 28), got {images.dtype} of shape {images.shape}")
    if 28 % _check.integer("size", size, at_least=1):
        raise ValueError(f"size must be a divisor of 28, got {size}")
    width = _check.integer("width", width, at_least=max(size, step))
    n, block = len(images), 28 // size
    small = images.reshape(n, size, block, size, block).mean(axis=(2, 4)) / 255  # (N, size, size)
    strip = np.zeros((n, size, width), np.float32)
    strip[:, :, :size] = small > 0.5 if binary else small
    start, direction = step * rng.integers(width // step, size=n), 2 * rng.integers(2, size=n) - 1
    edge = start[:, None] + step * direction[:, None] * np.arange(length)  # (N, T): where the digit begins
    column = (np.arange(width) - edge[..., None]) % width  # (N, T, width): which column of the strip is seen there
    x = np.take_along_axis(strip[:, None], column[:, :, None, :], axis=3)  # (N, T, size, width)
    return MovingDigits(x[..., None], start, direction)
