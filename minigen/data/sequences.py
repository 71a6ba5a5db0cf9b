"""Sequences with known dynamics: a noisy harmonic oscillator, and a digit that moves across a strip.

    oscillator = Oscillator()
    x, states = oscillator.sample(rng, 64, length=24)                   # observations and true states, both (64, 24, 2)
    mean, std = oscillator.predict(x, t1=12, t2=20)                     # x_20 given x_1 ... x_12, exactly
    x, start, direction = moving_digits(rng, images, length=12)         # (N, 12, 14, 28, 1)

Both are after Gregor et al. 2019. Time steps are counted from 1 to T: x[:, t - 1] is the observation at step t. All
floats are float32.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from minigen import checks

__all__ = ["MovingDigits", "Oscillator", "OscillatorSequences", "moving_digits"]


class OscillatorSequences(NamedTuple):
    """x (N, T, 2) or (N, T, 1): noisy observations. states (N, T, 2): the true positions and velocities."""

    x: np.ndarray
    states: np.ndarray


@dataclass(frozen=True)
class Oscillator:
    """A harmonic oscillator driven by white noise, observed with noise.

    Position q and velocity v follow dq = v ds, dv = -omega² q ds + kicks dW. They are observed at s = 0, dt, 2 dt, ...,
    each with noise · N(0, 1) added; only the position if not `sees_velocity` (as in the paper). At the first step
    q ~ N(0, 1) and v ~ N(0, omega²). The process is linear and Gaussian: a step of any length is simulated exactly, and
    the optimal prediction is known (`predict`).

    omega: radians per unit of time; dt: time between two steps; noise: standard deviation of the observation noise;
    kicks: diffusion coefficient of the velocity. ValueError if omega, dt or noise is not positive or kicks negative.
    """

    omega: float = 1.0
    dt: float = 0.5
    noise: float = 0.4
    kicks: float = 0.1
    sees_velocity: bool = True

    def __post_init__(self) -> None:
        for name in ("omega", "dt", "noise"):
            checks.positive(name, getattr(self, name))
        if self.kicks != 0:
            checks.positive("kicks", self.kicks)

    def transition(self, steps: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """F and Q, both (2, 2) float64: over `steps` steps at once, (q, v) becomes N(F (q, v), Q)."""
        w, s = self.omega, self.dt * checks.whole("steps", steps, least=0)
        c, d = math.cos(w * s), math.sin(w * s)
        F = np.array([[c, d / w], [-w * d, c]])
        # Q is kicks² times the integral over r in (0, s) of the outer product of (sin wr / w, cos wr) with itself
        cross = d**2 / (2 * w**2)
        integral = np.array([[(s / 2 - d * c / (2 * w)) / w**2, cross], [cross, s / 2 + d * c / (2 * w)]])
        return F, self.kicks**2 * integral

    def sample(self, rng: np.random.Generator, n: int, length: int) -> OscillatorSequences:
        """`n` sequences of `length` steps: see `OscillatorSequences`."""
        rng = checks.rng(rng)
        n, length = checks.whole("n", n), checks.whole("length", length)
        F, Q = self.transition()
        root = np.linalg.cholesky(Q) if self.kicks else np.zeros((2, 2))
        states = np.empty((n, length, 2))
        states[:, 0] = rng.standard_normal((n, 2)) * [1, self.omega]
        for t in range(1, length):
            states[:, t] = states[:, t - 1] @ F.T + rng.standard_normal((n, 2)) @ root.T
        seen = states if self.sees_velocity else states[..., :1]
        x = seen + self.noise * rng.standard_normal(seen.shape)
        return OscillatorSequences(x.astype(np.float32), states.astype(np.float32))

    def predict(self, x: np.ndarray, t1: int, t2: int) -> tuple[np.ndarray, np.ndarray]:
        """Mean (N, D) and standard deviation (D,) of x_t2 given x_1 ... x_t1, exactly: the Kalman filter of the true
        process.

        x is (N, T, D), D = 2 or 1, and 1 <= t1 <= T; t2 may lie beyond T. With t2 = t1, the prediction is of a second
        observation of the same state. ValueError for other times or shapes.
        """
        seen = 2 if self.sees_velocity else 1
        x = checks.array("x", x, "N", "T", seen, dtype=np.float64)
        t1 = checks.whole("t1", t1)
        t2 = checks.whole("t2", t2)
        if not t1 <= min(t2, x.shape[1]):
            raise ValueError(f"t1 must be at most t2 = {t2} and T = {x.shape[1]}, got {t1}")
        F, Q = self.transition()
        mean = np.zeros((len(x), 2))
        cov = np.diag([1.0, self.omega**2])
        noise = self.noise**2 * np.eye(seen)
        for t in range(t1):
            if t:
                mean, cov = mean @ F.T, F @ cov @ F.T + Q
            gain = np.linalg.solve(cov[:seen, :seen] + noise, cov[:seen]).T  # (2, D)
            mean = mean + (x[:, t] - mean[:, :seen]) @ gain.T
            cov = cov - gain @ cov[:seen]
        F, Q = self.transition(t2 - t1)
        mean, cov = mean @ F.T, F @ cov @ F.T + Q
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
    """Each digit on a strip with periodic boundary, moving `step` pixels left or right at each time step.

    Args:
        rng: draws N directions, and N starts among the multiples of `step`.
        images: uint8 (N, 28, 28); each is averaged down to (size, size).
        length: steps T.
        size: side of the digit and height of the strip, a divisor of 28. width: of the strip, at least `size`.
        step: pixels in a step. binary: pixels are 0 or 1 (above one half), else gray.

    Returns `MovingDigits`, float32. ValueError if an argument does not fit.
    """
    rng = checks.rng(rng)
    length = checks.whole("length", length)
    step = checks.whole("step", step)
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (28, 28):
        raise ValueError(f"images must be uint8 of shape (N, 28, 28), got {images.dtype} of shape {images.shape}")
    if 28 % checks.whole("size", size):
        raise ValueError(f"size must be a divisor of 28, got {size}")
    width = checks.whole("width", width, least=max(size, step))
    n, block = len(images), 28 // size
    small = images.reshape(n, size, block, size, block).mean(axis=(2, 4)) / 255  # (N, size, size)
    strip = np.zeros((n, size, width), np.float32)
    strip[:, :, :size] = small > 0.5 if binary else small
    start = step * rng.integers(width // step, size=n)  # (N,)
    direction = 2 * rng.integers(2, size=n) - 1  # (N,)
    edge = start[:, None] + step * direction[:, None] * np.arange(length)  # (N, T): left edge of the digit
    column = (np.arange(width) - edge[..., None]) % width  # (N, T, width): column of the strip shown there
    x = np.take_along_axis(strip[:, None], column[:, :, None, :], axis=3)  # (N, T, size, width)
    return MovingDigits(x[..., None], start, direction)
