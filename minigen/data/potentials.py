"""The four potentials of Rezende & Mohamed (2015), table 1: densities exp(-U(x)) / Z to fit a planar flow to."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import autograd.numpy as anp
import numpy as np
from autograd import elementwise_grad

from minigen import checks
from minigen.data.density import Density
from minigen.types import Array, Rng

# exp(-U₂), exp(-U₃) and exp(-U₄) have no finite integral along x₁: beyond |x₁| = 4 half a Gaussian confines them.
WALL, WALL_STD = 4.0, 0.25


class Potential(Density):
    """p(x) = exp(-U(x)) / Z.

    Args:
        name: what to call it.
        potential: U from points (N, 2) to (N,), written in autograd.numpy.
        draw: (rng, n) -> n exact samples (n, 2).
        bounds: (xmin, xmax, ymin, ymax).
        log_z: log Z, or None to integrate over the bounds.

    Attributes:
        log_z: log Z; -U(x) - log_z is log p(x).
    """

    def __init__(
        self,
        name: str,
        potential: Callable,
        draw: Callable[[np.random.Generator, int], np.ndarray],
        bounds: tuple[float, float, float, float],
        log_z: float | None = None,
    ):
        self.name, self._potential, self._draw, self.bounds = name, potential, draw, bounds
        self.terms, self.resolution = 8, 0.1
        if log_z is None:
            centers, volume = self.cells(400)
            log_z = float(np.log(np.sum(np.exp(-potential(centers))) * volume))
        self.log_z = log_z

    def energy(self, x: Array) -> Array:
        """U(x) at points (N, 2), shape (N,), differentiable by autograd and in the dtype of `x`.

        For training a flow without samples: E_q[log q(x) + U(x)] is KL(q || p) - log Z. ValueError if `x` has another
        shape or is not finite.
        """
        return self._potential(checks.array("x", x, "N", 2, empty=True))

    def _sample(self, rng: np.random.Generator, n: int) -> np.ndarray:
        return self._draw(rng, n)

    def _log_prob(self, x: np.ndarray) -> np.ndarray:
        return -self._potential(x) - self.log_z

    def _score(self, x: np.ndarray) -> np.ndarray:
        return -elementwise_grad(self._potential)(x)


def w1(x1: Array) -> Array:
    """w₁(x₁) = sin(2π x₁ / 4)."""
    return anp.sin(0.5 * anp.pi * x1)


def w2(x1: Array) -> Array:
    """w₂(x₁) = 3 exp(-½ ((x₁ - 1) / 0.6)²)."""
    return 3 * anp.exp(-0.5 * ((x1 - 1) / 0.6) ** 2)


def w3(x1: Array) -> Array:
    """w₃(x₁) = 3 σ((x₁ - 1) / 0.3)."""
    return 1.5 * (1 + anp.tanh((x1 - 1) / 0.6))


def half_square(gap: Array, std: float) -> Array:
    """½ (gap / std)²: minus the exponent of a Gaussian."""
    return 0.5 * (gap / std) ** 2


def wall(x1: Array) -> Array:
    """Zero for |x₁| <= 4, then ½ ((|x₁| - 4) / 0.25)². Not in the paper, whose pictures end at 4."""
    return half_square(anp.maximum(anp.abs(x1) - WALL, 0.0), WALL_STD)


# Potentials, centers and samplers are functions of the module, so that a density can be pickled.


def rezende1() -> Potential:
    """Return a ring with most of its mass at two opposite ends.

    U₁ = ½ ((|x| - 2) / 0.4)² - log(exp(-½ ((x₁ - 2) / 0.6)²) + exp(-½ ((x₁ + 2) / 0.6)²)).
    """
    return Potential("Rezende-Mohamed 1", _ring_potential, _draw_from_ring, (-4.5, 4.5, -4.5, 4.5))


def rezende2() -> Potential:
    """Return a sine wave: U₂ = ½ ((x₂ - w₁(x₁)) / 0.4)², confined at |x₁| = 4."""
    return _bands("Rezende-Mohamed 2", [_wave], [0.4])


def rezende3() -> Potential:
    """Return a wave with a second branch: U₃ = -log(exp(-½ ((x₂ - w₁) / 0.35)²) + exp(-½ ((x₂ - w₁ + w₂) / 0.35)²)).

    Confined at |x₁| = 4.
    """
    return _bands("Rezende-Mohamed 3", [_wave, _second_branch], [0.35, 0.35])


def rezende4() -> Potential:
    """Return a wave that splits: U₄ = -log(exp(-½ ((x₂ - w₁) / 0.4)²) + exp(-½ ((x₂ - w₁ + w₃) / 0.35)²)), confined."""
    return _bands("Rezende-Mohamed 4", [_wave, _splitting_branch], [0.4, 0.35])


rezende_potentials = [rezende1, rezende2, rezende3, rezende4]


def _ring_potential(x: Array) -> Array:
    x1, radius = x[:, 0], anp.sqrt(anp.sum(x**2, axis=1) + 1e-12)
    ends = anp.logaddexp(-half_square(x1 - 2, 0.6), -half_square(x1 + 2, 0.6))
    return half_square(radius - 2, 0.4) - ends


def _draw_from_ring(rng: Rng, n: int) -> Array:
    # Rejection. In polar coordinates p ∝ r N(r; 2, 0.4²) g(r cos θ), where g, the sum over both ends, is at most 1
    # (to 2e-10). Propose r from that Gaussian and θ uniform; accept with probability (r / 5) g.
    found, count = [], 0
    while count < n:
        r = 2 + 0.4 * rng.standard_normal(8 * n + 64)
        theta = 2 * np.pi * rng.random(len(r))
        x1 = r * np.cos(theta)
        ends = np.exp(-half_square(x1 - 2, 0.6)) + np.exp(-half_square(x1 + 2, 0.6))
        accepted = rng.random(len(r)) < r / 5 * ends  # r < 0 is never accepted; r > 5 is 7.5 σ away
        found.append(np.stack([x1, r * np.sin(theta)], axis=1)[accepted])
        count += int(accepted.sum())
    return np.concatenate(found)[:n] if found else np.zeros((0, 2))


def _wave(x1: Array) -> Array:
    return w1(x1)


def _second_branch(x1: Array) -> Array:
    return w1(x1) - w2(x1)


def _splitting_branch(x1: Array) -> Array:
    return w1(x1) - w3(x1)


def _bands(name: str, centers: list[Callable], stds: list[float]) -> Potential:
    """exp(-U) = sum_k exp(-½ ((x₂ - center_k(x₁)) / std_k)²), confined at |x₁| = 4.

    At every x₁ the k-th band integrates to sqrt(2π) std_k, so x₁ is uniform between the walls with a half Gaussian
    beyond each, x₂ given x₁ is a mixture of Gaussians, and Z is a product.
    """
    log_z = float(_log_width() + np.log(np.sqrt(2 * np.pi) * sum(stds)))
    ends = np.linspace(-WALL - 6 * WALL_STD, WALL + 6 * WALL_STD, 1001)
    low = min(center(ends).min() - 6 * std for center, std in zip(centers, stds))
    high = max(center(ends).max() + 6 * std for center, std in zip(centers, stds))
    bounds = (float(ends[0]), float(ends[-1]), float(low), float(high))
    potential, draw = (partial(each, centers, stds) for each in (_bands_potential, _draw_from_bands))
    return Potential(name, potential, draw, bounds, log_z)


def _log_width() -> float:
    """log of the integral over x₁ of exp(-wall)."""
    return np.log(2 * WALL + np.sqrt(2 * np.pi) * WALL_STD)


def _bands_potential(centers: list[Callable], stds: list[float], x: Array) -> Array:
    x1, x2 = x[:, 0], x[:, 1]
    total = -half_square(x2 - centers[0](x1), stds[0])
    for center, std in zip(centers[1:], stds[1:]):
        total = anp.logaddexp(total, -half_square(x2 - center(x1), std))
    return wall(x1) - total


def _draw_from_bands(centers: list[Callable], stds: list[float], rng: Rng, n: int) -> Array:
    beyond = rng.random(n) >= np.exp(np.log(2 * WALL) - _log_width())  # (n,) outside the walls
    step = WALL_STD * rng.standard_normal(n)
    x1 = np.where(beyond, step + np.sign(step) * WALL, WALL * (2 * rng.random(n) - 1))
    band = rng.choice(len(stds), size=n, p=np.array(stds) / sum(stds))
    middle = np.choose(band, [center(x1) for center in centers])
    return np.stack([x1, middle + np.array(stds)[band] * rng.standard_normal(n)], axis=1)
