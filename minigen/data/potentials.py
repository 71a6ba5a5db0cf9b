"""The four potentials of Rezende & Mohamed (2015), table 1: densities exp(-U(x)) / Z to fit a planar flow to."""

from __future__ import annotations

from collections.abc import Callable

import autograd.numpy as np
import numpy
from autograd import elementwise_grad

from minigen.data.density import Density

# U₂, U₃ and U₄ would go on forever along x₁: from |x₁| = 4 on, half a Gaussian ends them.
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
        draw: Callable[[numpy.random.Generator, int], numpy.ndarray],
        bounds: tuple[float, float, float, float],
        log_z: float | None = None,
    ):
        self.name, self._potential, self._draw, self.bounds = name, potential, draw, bounds
        self.terms, self.resolution = 8, 0.1
        self._gradient = elementwise_grad(potential)
        if log_z is None:
            centers, volume = self.cells(400)
            log_z = float(numpy.log(numpy.sum(numpy.exp(-potential(centers))) * volume))
        self.log_z = log_z

    def energy(self, x):
        """U(x) at points (N, 2), shape (N,), differentiable by autograd and in the dtype of `x`.

        What a flow is trained on when it may not see samples: E_q[log q(x) + U(x)] is KL(q || p) - log Z.
        ValueError if `x` has another shape.
        """
        if np.ndim(x) != 2 or np.shape(x)[1] != 2:
            raise ValueError(f"x must have shape (N, 2), got {np.shape(x)}")
        return self._potential(x)

    def _sample(self, rng: numpy.random.Generator, n: int) -> numpy.ndarray:
        return self._draw(rng, n)

    def _log_prob(self, x: numpy.ndarray) -> numpy.ndarray:
        return -self._potential(x) - self.log_z

    def _score(self, x: numpy.ndarray) -> numpy.ndarray:
        return -self._gradient(x)


def w1(x1):
    """w₁(x₁) = sin(2π x₁ / 4)."""
    return np.sin(0.5 * np.pi * x1)


def w2(x1):
    """w₂(x₁) = 3 exp(-½ ((x₁ - 1) / 0.6)²)."""
    return 3 * np.exp(-0.5 * ((x1 - 1) / 0.6) ** 2)


def w3(x1):
    """w₃(x₁) = 3 σ((x₁ - 1) / 0.3)."""
    return 1.5 * (1 + np.tanh((x1 - 1) / 0.6))


def half_square(gap, std):
    """½ (gap / std)²: minus the exponent of a Gaussian."""
    return 0.5 * (gap / std) ** 2


def wall(x1):
    """Zero for |x₁| <= 4, then ½ ((|x₁| - 4) / 0.25)². Not in the paper, whose pictures end at 4."""
    return half_square(np.maximum(np.abs(x1) - WALL, 0.0), WALL_STD)


def rezende1() -> Potential:
    """A ring, heavy at two ends.

    U₁ = ½ ((|x| - 2) / 0.4)² - log(exp(-½ ((x₁ - 2) / 0.6)²) + exp(-½ ((x₁ + 2) / 0.6)²)).
    """

    def potential(x):
        x1, radius = x[:, 0], np.sqrt(np.sum(x**2, axis=1) + 1e-12)
        ends = np.logaddexp(-half_square(x1 - 2, 0.6), -half_square(x1 + 2, 0.6))
        return half_square(radius - 2, 0.4) - ends

    def draw(rng, n):
        # Rejection. In polar coordinates p ∝ r N(r; 2, 0.4²) g(r cos θ), where g, the sum over both ends, is at most 1
        # (to 2e-10). Propose r from that Gaussian and θ uniform; accept with probability (r / 5) g.
        kept, count = [], 0
        while count < n:
            r = 2 + 0.4 * rng.standard_normal(8 * n + 64)
            theta = 2 * numpy.pi * rng.random(len(r))
            x1 = r * numpy.cos(theta)
            ends = numpy.exp(-half_square(x1 - 2, 0.6)) + numpy.exp(-half_square(x1 + 2, 0.6))
            accepted = rng.random(len(r)) < r / 5 * ends  # no r below 0 passes; one above 5, 7.5 σ away, never comes
            kept.append(numpy.stack([x1, r * numpy.sin(theta)], axis=1)[accepted])
            count += int(accepted.sum())
        return numpy.concatenate(kept)[:n] if kept else numpy.zeros((0, 2))

    return Potential("Rezende-Mohamed 1", potential, draw, (-4.5, 4.5, -4.5, 4.5))


def rezende2() -> Potential:
    """A sine wave: U₂ = ½ ((x₂ - w₁(x₁)) / 0.4)², walled in at |x₁| = 4."""
    return _strands("Rezende-Mohamed 2", [lambda x1: w1(x1)], [0.4])


def rezende3() -> Potential:
    """A wave with a detour: U₃ = -log(exp(-½ ((x₂ - w₁) / 0.35)²) + exp(-½ ((x₂ - w₁ + w₂) / 0.35)²)), walled in."""
    return _strands("Rezende-Mohamed 3", [lambda x1: w1(x1), lambda x1: w1(x1) - w2(x1)], [0.35, 0.35])


def rezende4() -> Potential:
    """A wave that splits: U₄ = -log(exp(-½ ((x₂ - w₁) / 0.4)²) + exp(-½ ((x₂ - w₁ + w₃) / 0.35)²)), walled in."""
    return _strands("Rezende-Mohamed 4", [lambda x1: w1(x1), lambda x1: w1(x1) - w3(x1)], [0.4, 0.35])


rezende_potentials = [rezende1, rezende2, rezende3, rezende4]


def _strands(name: str, centers: list[Callable], stds: list[float]) -> Potential:
    """exp(-U) = sum_k exp(-½ ((x₂ - center_k(x₁)) / std_k)²), walled in at |x₁| = 4.

    At every x₁ the k-th strand weighs sqrt(2π) std_k, so x₁ is uniform between the walls with a half Gaussian beyond
    each, x₂ given x₁ is a mixture of Gaussians, and Z is a product.
    """
    log_width = numpy.log(2 * WALL + numpy.sqrt(2 * numpy.pi) * WALL_STD)
    log_z = float(log_width + numpy.log(numpy.sqrt(2 * numpy.pi) * sum(stds)))

    def potential(x):
        x1, x2 = x[:, 0], x[:, 1]
        total = -half_square(x2 - centers[0](x1), stds[0])
        for center, std in zip(centers[1:], stds[1:]):
            total = np.logaddexp(total, -half_square(x2 - center(x1), std))
        return wall(x1) - total

    def draw(rng, n):
        beyond = rng.random(n) >= numpy.exp(numpy.log(2 * WALL) - log_width)  # (n,) past a wall
        step = WALL_STD * rng.standard_normal(n)
        x1 = numpy.where(beyond, step + numpy.sign(step) * WALL, WALL * (2 * rng.random(n) - 1))
        strand = rng.choice(len(stds), size=n, p=numpy.array(stds) / sum(stds))
        middle = numpy.choose(strand, [center(x1) for center in centers])
        return numpy.stack([x1, middle + numpy.array(stds)[strand] * rng.standard_normal(n)], axis=1)

    ends = numpy.linspace(-WALL - 6 * WALL_STD, WALL + 6 * WALL_STD, 1001)
    low = min(center(ends).min() - 6 * std for center, std in zip(centers, stds))
    high = max(center(ends).max() + 6 * std for center, std in zip(centers, stds))
    return Potential(name, potential, draw, (float(ends[0]), float(ends[-1]), float(low), float(high)), log_z)
