"""Curves with Gaussian noise: moons, spirals, a swiss roll; and circles, by modified Bessel functions.

A sample is a point c(t) of a curve plus noise, so its density is an integral over the curve,

    p(x) = ∫ w(t) N(x; c(t), noise² I) dt,

taken here by Gauss-Legendre quadrature: p is then a mixture of a few hundred equal Gaussians along the curve, closer to
one another than their width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from minigen import checks
from minigen.data.density import Density, box_around
from minigen.tensor import logsumexp, softmax


class NoisyCurves(Density):
    """One of several curves, equally often, plus isotropic Gaussian noise.

    Args:
        curves: functions from t in [0, 1], shape (M,), to points (M, 2).
        noise: standard deviation of the noise.
        power: t is u ** (1 / power) with u uniform, so its density is power * t ** (power - 1); 1 is uniform.
        name: what to call it.
    """

    std: float

    def __init__(
        self,
        curves: Sequence[Callable[[np.ndarray], np.ndarray]],
        noise: float,
        power: float = 1.0,
        name: str = "noisy curves",
    ):
        self.curves, self.power, self.name = list(curves), power, name
        self.std = self.resolution = checks.positive("noise", noise)

        # A node per third of a standard deviation of arc length, and some more for short curves.
        longest = max(arc_length(curve) for curve in self.curves)
        t, dt = quadrature(int(np.ceil(3 * longest / self.std)) + 24)  # (M,), (M,)
        mass = dt * power * t ** (power - 1) / len(self.curves)  # (M,): w(t) dt
        self._nodes = np.concatenate([curve(t) for curve in self.curves])  # (C M, 2)
        self._log_mass = np.log(np.tile(mass, len(self.curves)))  # (C M,)
        self.terms = len(self._nodes)

        fine = np.concatenate([curve(np.linspace(0, 1, 2000)) for curve in self.curves])
        self.bounds = box_around(fine, margin=6 * self.std)

    def _sample(self, rng: np.random.Generator, n: int) -> np.ndarray:
        chosen = rng.integers(len(self.curves), size=n)  # (n,)
        t = rng.random(n) ** (1 / self.power)  # (n,)
        on_curve = np.zeros((n, 2))
        for index, curve in enumerate(self.curves):
            on_curve[chosen == index] = curve(t[chosen == index])
        return on_curve.astype(np.float32) + np.float32(self.std) * rng.standard_normal((n, 2), dtype=np.float32)

    def _log_terms(self, x: np.ndarray) -> np.ndarray:
        """log(mass_j N(x; node_j, noise² I)) up to what does not depend on j, (N, J)."""
        # |x - c|² = |x|² - 2 x·c + |c|²: the caller adds the first term; the second is a matrix product.
        return x / self.std**2 @ self._nodes.T + (self._log_mass - np.sum(self._nodes**2, axis=1) / (2 * self.std**2))

    def _log_prob(self, x: np.ndarray) -> np.ndarray:
        omitted = np.sum(x**2, axis=1) / (2 * self.std**2) + np.log(2 * np.pi * self.std**2)  # (N,)
        return logsumexp(self._log_terms(x)) - omitted

    def _score(self, x: np.ndarray) -> np.ndarray:
        # (E[c(t) | x] - x) / noise², where c(t) is the point on the curve before noise.
        return (softmax(self._log_terms(x)) @ self._nodes - x) / self.std**2

    @cached_property
    def _moments(self) -> tuple[np.ndarray, np.ndarray]:
        mass = np.exp(self._log_mass)
        mean = mass @ self._nodes
        return mean, np.sqrt(mass @ (self._nodes - mean) ** 2 + self.std**2)


def quadrature(n: int, largest: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Nodes in [0, 1] and their weights, at least n: Gauss-Legendre, on equal panels if n is above `largest`."""
    panels = int(np.ceil(n / largest))
    roots, weights = np.polynomial.legendre.leggauss(int(np.ceil(n / panels)))  # on [-1, 1]; takes time of order n³
    t = (np.arange(panels)[:, None] + 0.5 * (roots + 1)) / panels  # (panels, n / panels)
    return t.ravel(), np.tile(0.5 * weights / panels, panels)


def arc_length(curve: Callable[[np.ndarray], np.ndarray]) -> float:
    """Length of a curve given on [0, 1], measured along a polygon of 2,000 vertices."""
    steps = np.diff(curve(np.linspace(0, 1, 2000)), axis=0)
    return float(np.sum(np.sqrt(np.sum(steps**2, axis=1))))


class Circles(Density):
    """Concentric circles about the origin, equally often, plus isotropic Gaussian noise.

    The integral over the angle is a modified Bessel function: with r = |x|,
    p(x) = exp(-(r² + R²) / 2 noise²) I₀(r R / noise²) / (2π noise²) for the circle of radius R.

    Args:
        radii: (K,) positive numbers.
        noise: standard deviation of the noise.
        name: what to call it.
    """

    std: float

    def __init__(self, radii: Sequence[float], noise: float, name: str = "circles"):
        self.name = name
        self.radii = checks.array("radii", radii, "K", dtype=np.float64)
        if np.any(self.radii <= 0):
            raise ValueError(f"radii must be positive, got {self.radii.min():.6g}")
        self.std = self.resolution = checks.positive("noise", noise)
        reach = float(self.radii.max() + 6 * self.std)
        self.bounds = (-reach, reach, -reach, reach)
        self.terms = len(self.radii)

    def _sample(self, rng: np.random.Generator, n: int) -> np.ndarray:
        radius = self.radii[rng.integers(len(self.radii), size=n)]  # (n,)
        angle = 2 * np.pi * rng.random(n)  # (n,)
        on_circle = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).astype(np.float32)  # (n, 2)
        return on_circle + np.float32(self.std) * rng.standard_normal((n, 2), dtype=np.float32)

    def _log_terms(self, r: np.ndarray) -> np.ndarray:
        """log of each circle's term of the density at distances r (N,) from the origin, (N, K)."""
        from scipy.special import i0e  # e^-k I0(k): does not overflow

        k = r[:, None] * self.radii / self.std**2  # (N, K)
        gap = (r[:, None] - self.radii) / self.std  # (N, K)
        return np.log(i0e(k)) - 0.5 * gap**2 - np.log(2 * np.pi * self.std**2 * len(self.radii))

    def _log_prob(self, x: np.ndarray) -> np.ndarray:
        return logsumexp(self._log_terms(np.hypot(x[:, 0], x[:, 1])))

    def _score(self, x: np.ndarray) -> np.ndarray:
        from scipy.special import i0e, i1e

        # Given x, the point on the circle of radius R before noise has mean R A(k) x/r, A = I1/I0, k = r R / noise².
        r = np.hypot(x[:, 0], x[:, 1])  # (N,)
        share = softmax(self._log_terms(r))  # (N, K)
        safe_r = np.maximum(r, 1e-150)[:, None]  # A(k) ~ k/2, so A(k)/r is finite at the origin
        k = safe_r * self.radii / self.std**2  # (N, K)
        mean_over_r = np.sum(share * self.radii * i1e(k) / i0e(k) / safe_r, axis=1)  # (N,)
        return x * (mean_over_r - 1)[:, None] / self.std**2

    @cached_property
    def _entropy(self) -> float:
        # By symmetry, an integral over r: H = -∫ 2π r p log p dr.
        edge = self.bounds[1] + 2 * self.std
        t, dt = quadrature(int(np.ceil(6 * edge / self.std)) + 64)
        log_p = logsumexp(self._log_terms(edge * t))
        return float(-np.sum(2 * np.pi * edge**2 * t * dt * np.exp(log_p) * log_p))

    @cached_property
    def _moments(self) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros(2), np.full(2, np.sqrt(np.mean(self.radii**2) / 2 + self.std**2))
