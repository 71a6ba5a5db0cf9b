"""`Density`: a distribution that can be sampled and whose log-probability, score and entropy are exact.

So a model can be compared with the truth: its likelihood with the entropy, its score with the score, its samples with
the modes. A new density subclasses `Density` and defines `_sample` and `_log_prob` (and `_score`, where the density is
differentiable); everything else has a default that integrates over a grid.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from minigen import checks
from minigen.tensor import batched
from minigen.types import Array

CHUNK = 1 << 18  # terms evaluated at once, points times components (2 MB of float64)


class Density:
    """A probability density on R^D (D = 2 unless `dim` says otherwise).

    Attributes:
        name: what it is called in titles and tables.
        dim: D.
        bounds: (xmin, xmax, ymin, ymax), or (xmin, xmax) when D = 1; a box with all but 1e-6 of the mass
            inside.
        modes: (K, D) float32 array of the centers of its modes, or None when it has no isolated modes.
        std: standard deviation of the noise around a mode or a curve: a float; a (D,) array when it differs by
            coordinate; None where it is undefined.
        has_score: whether `score` exists.
    """

    name: str = "density"
    dim: int = 2
    bounds: tuple[float, ...]
    modes: np.ndarray | None = None
    std: float | np.ndarray | None = None
    has_score: bool = True
    terms: int = 1  # terms summed per point: sets how many points are evaluated at once
    resolution: float = 0.1  # the smallest length over which the density changes: sets the step of quadratures

    # Defined by a subclass. Points are checked and float64.
    def _sample(self, rng: np.random.Generator, n: int) -> np.ndarray:
        raise NotImplementedError

    def _log_prob(self, x: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _score(self, x: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    # The public interface.
    def sample(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """`n` independent points, (n, D) float32. ValueError if n is not a whole number >= 0 or rng not a Generator."""
        return self._sample(checks.rng(rng), checks.whole("n", n, least=0)).astype(np.float32, copy=False)

    def log_prob(self, x: np.ndarray) -> np.ndarray:
        """log p(x) in nats at points (N, D), shape (N,); -inf outside the support.

        Computed in float64; returned as float32 for float32 points, as float64 otherwise. ValueError if `x` has
        another shape or is not finite.
        """
        return self._in_chunks(self._log_prob, x)

    def prob(self, x: np.ndarray) -> np.ndarray:
        """p(x) at points (N, D), shape (N,)."""
        return np.exp(self.log_prob(x))

    def score(self, x: np.ndarray) -> np.ndarray:
        """Return the score: the gradient of log p at points (N, D), shape (N, D); dtypes as for `log_prob`.

        NotImplementedError if the density is not differentiable (`has_score` is False).
        """
        if not self.has_score:
            raise NotImplementedError(f"{self.name} has no score: its density is piecewise constant")
        return self._in_chunks(self._score, x)

    def entropy(self) -> float:
        """Differential entropy H = -E[log p(x)] in nats: the lowest negative log-likelihood that a model can reach."""
        return self._entropy

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean (D,) and standard deviation (D,) of each coordinate, float64."""
        mean, scale = self._moments
        return mean.copy(), scale.copy()

    def standardized(self) -> Density:
        """Return the density of (x - mean) / scale, coordinate by coordinate: zero mean, unit variance, still exact."""
        return Standardized(self)

    def cells(self, n: int) -> tuple[np.ndarray, float]:
        """Return the bounds cut into n equal cells along each axis: centers (n^D, D) float64 and the volume of one
        cell.

        Sums over the centers times that volume are integrals (the midpoint rule). The last axis varies fastest.
        """
        n = checks.whole("n", n)
        low, high = np.asarray(self.bounds[0::2]), np.asarray(self.bounds[1::2])
        steps = (high - low) / n  # (D,)
        axes = [a + h * (np.arange(n) + 0.5) for a, h in zip(low, steps)]
        centers = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)  # (n, ..., n, D)
        return centers.reshape(-1, self.dim), float(np.prod(steps))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    # Defaults by quadrature. The midpoint rule on a smooth density that vanishes at the bounds converges faster than
    # any power of the step, so three cells per `resolution` suffice.
    @cached_property
    def _on_cells(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Centers of cells (M, D), their mass (M,) and log p (M,), where there is mass."""
        width = max(b - a for a, b in zip(self.bounds[0::2], self.bounds[1::2]))
        centers, volume = self.cells(int(np.clip(3 * width / self.resolution, 150, 1000)))
        log_p = self.log_prob(centers)
        filled = log_p > -200
        return centers[filled], np.exp(log_p[filled]) * volume, log_p[filled]

    @cached_property
    def _entropy(self) -> float:
        _, mass, log_p = self._on_cells
        return float(-mass @ log_p)

    @cached_property
    def _moments(self) -> tuple[np.ndarray, np.ndarray]:
        centers, mass, _ = self._on_cells
        mean = mass @ centers  # (D,)
        return mean, np.sqrt(mass @ (centers - mean) ** 2)

    def _in_chunks(self, fn: Callable, x: Array) -> np.ndarray:
        """fn(x) in chunks of rows, so that rows times terms stay within the cache; float32 for float32 points."""
        dtype = np.float32 if np.asarray(x).dtype == np.float32 else np.float64
        x = checks.array("x", x, "N", self.dim, empty=True, dtype=np.float64)
        rows = max(1, CHUNK // self.terms)
        return batched(fn, x, size=rows).astype(dtype, copy=False)


class Standardized(Density):
    """The density of z = (x - mean) / scale for x from `base`, whose mean and standard deviations these are.

    Change of variables: with x = mean + scale z, log p(z) = log p(x) + sum(log scale) and score(z) = scale * score(x).
    """

    def __init__(self, base: Density):
        self.base = base
        self.mean, self.scale = base.moments()  # (D,), (D,)
        self.name = f"{base.name}, standardized"
        self.dim, self.has_score, self.terms = base.dim, base.has_score, base.terms
        self.resolution = base.resolution / self.scale.max()
        ends = np.asarray(base.bounds).reshape(self.dim, 2)
        self.bounds = tuple(((ends - self.mean[:, None]) / self.scale[:, None]).ravel().tolist())
        if base.modes is not None:
            self.modes = self.from_base(base.modes).astype(np.float32)
        if base.std is not None:
            self.std = scalar_if_equal(base.std / self.scale)

    def from_base(self, x: np.ndarray) -> np.ndarray:
        """Points of `base` in standardized coordinates: (x - mean) / scale."""
        return (x - self.mean) / self.scale

    def to_base(self, z: np.ndarray) -> np.ndarray:
        """Standardized points in the coordinates of `base`: mean + scale z."""
        return self.mean + self.scale * z

    def _sample(self, rng: np.random.Generator, n: int) -> np.ndarray:
        return self.from_base(self.base.sample(rng, n))

    def _log_prob(self, x: np.ndarray) -> np.ndarray:
        return self.base._log_prob(self.to_base(x)) + np.sum(np.log(self.scale))

    def _score(self, x: np.ndarray) -> np.ndarray:
        return self.base._score(self.to_base(x)) * self.scale

    @cached_property
    def _entropy(self) -> float:
        return self.base.entropy() - float(np.sum(np.log(self.scale)))

    @cached_property
    def _moments(self) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros(self.dim), np.ones(self.dim)


def scalar_if_equal(std: np.ndarray) -> float | np.ndarray:
    """Return a (D,) array of standard deviations as one float if they are all the same (to rounding)."""
    std = np.asarray(std, dtype=np.float64)
    return float(std.flat[0]) if np.allclose(std, std.flat[0], rtol=1e-9, atol=0) else std


def box_around(points: np.ndarray, margin: float | np.ndarray) -> tuple[float, ...]:
    """Return the bounding box of points (N, D), wider by `margin` on every side: (xmin, xmax, ymin, ymax, ...)."""
    ends = np.stack([points.min(axis=0) - margin, points.max(axis=0) + margin], axis=1)  # (D, 2)
    return tuple(ends.ravel().tolist())
