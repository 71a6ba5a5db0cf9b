"""Two densities known through a change of variables or by counting: a pinwheel and a checkerboard."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from minigen.data import _check
from minigen.data.density import Density
from minigen.data.mixture import log_sum_exp, soft_max


class Pinwheel(Density):
    """A Gaussian f ~ N((1, 0), diag(radial_std², tangential_std²)) turned by θ_k + rate exp(|f|), times `scale`.

    k is one of `arms` equally likely arms, θ_k = 2πk/arms. A rotation by an angle that depends only on the distance
    from the origin keeps that distance and every area: its Jacobian determinant is 1 and it is undone by turning back,
    so p(x) is the Gaussian at the point turned back, over scale². (Johnson et al., 2016, turn by rate exp(f₁) instead,
    which looks the same and cannot be undone in closed form.)
    """

    def __init__(
        self,
        arms: int = 5,
        radial_std: float = 0.3,
        tangential_std: float = 0.1,
        rate: float = 0.25,
        scale: float = 2.0,
    ):
        self.name = "pinwheel"
        self.arms = _check.integer("arms", arms, at_least=1)
        radial_std = _check.positive("radial_std", radial_std)
        tangential_std = _check.positive("tangential_std", tangential_std)
        self.stds = np.array([radial_std, tangential_std])
        self.rate = float(_check.finite("rate", rate))
        self.scale = _check.positive("scale", scale)
        reach = self.scale * (1 + 5 * float(self.stds.max()))
        self.bounds = (-reach, reach, -reach, reach)
        self.terms = 4 * self.arms
        self.resolution = float(self.scale * self.stds.min()) / 2  # the sweep thins the arms

    def _sample(self, rng: np.random.Generator, n: int) -> np.ndarray:
        f = np.array([1.0, 0.0]) + self.stds * rng.standard_normal((n, 2))  # (n, 2)
        theta = 2 * np.pi * rng.integers(self.arms, size=n) / self.arms  # (n,)
        return self.scale * turn(f, theta + self.rate * np.exp(np.hypot(f[:, 0], f[:, 1])))

    def _unturned(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each arm the point that was turned into x, (N, K, 2), and its angle, (N, K); and |x| / scale, (N, 1)."""
        x = x / self.scale
        r = np.hypot(x[:, 0], x[:, 1])[:, None]  # (N, 1)
        angles = 2 * np.pi * np.arange(self.arms) / self.arms + self.rate * np.exp(np.minimum(r, 30.0))  # (N, K)
        return turn(x[:, None, :], -angles), angles, r

    def _log_terms(self, f: np.ndarray) -> np.ndarray:
        """log N(f; (1, 0), diag(stds²)) / (arms scale²), (N, K)."""
        white = (f - np.array([1.0, 0.0])) / self.stds
        return -0.5 * np.sum(white**2, axis=-1) - np.log(2 * np.pi * np.prod(self.stds) * self.arms * self.scale**2)

    def _log_prob(self, x: np.ndarray) -> np.ndarray:
        return log_sum_exp(self._log_terms(self._unturned(x)[0]))

    def _score(self, x: np.ndarray) -> np.ndarray:
        # Moving x moves f = turn(x, -θ) in two ways: turned along with x, and further back as θ(|x|) grows, by
        # (f₂, -f₁) dθ.
        f, angles, r = self._unturned(x)
        share = soft_max(self._log_terms(f))  # (N, K)
        slope = (np.array([1.0, 0.0]) - f) / self.stds**2  # (N, K, 2): gradient in f
        along = np.sum(share[..., None] * turn(slope, angles), axis=1)  # (N, 2)
        swirl = np.sum(share * (slope[..., 0] * f[..., 1] - slope[..., 1] * f[..., 0]), axis=1)  # (N,): slope in θ
        d_theta = self.rate * np.exp(np.minimum(r, 30.0)) * (r < 30.0)  # (N, 1): slope of θ in |x| / scale
        outward = x / self.scale / np.maximum(r, 1e-300)  # (N, 2)
        return (along + swirl[:, None] * d_theta * outward) / self.scale


def turn(x: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Points (..., 2) rotated counterclockwise about the origin by angles (...,) in radians."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([cos * x[..., 0] - sin * x[..., 1], sin * x[..., 0] + cos * x[..., 1]], axis=-1)


class Checkerboard(Density):
    """Uniform on the squares (i, j) with i + j even of a board of `squares` x `squares`, counted from the lower left.

    Flat inside and with sharp edges: it has an entropy, the logarithm of the area, but no score. A square owns its left
    and lower edges.
    """

    has_score = False

    def __init__(self, squares: int = 4, side: float = 2.0):
        self.name = "checkerboard"
        self.squares = _check.integer("squares", squares, at_least=1)
        self.side = self.resolution = _check.positive("side", side)
        self.corner = -0.5 * self.squares * self.side
        self.bounds = (self.corner, -self.corner, self.corner, -self.corner)
        places = np.stack(np.meshgrid(np.arange(self.squares), np.arange(self.squares), indexing="ij"), axis=-1)
        self._filled = places.reshape(-1, 2)[places.sum(axis=-1).ravel() % 2 == 0]  # (S, 2) integers

    def _sample(self, rng: np.random.Generator, n: int) -> np.ndarray:
        x = np.zeros((n, 2), dtype=np.float32)
        missing = np.arange(n)
        while len(missing) > 0:  # rounding to float32 can carry a point over an edge: such points are drawn again
            squares = self._filled[rng.integers(len(self._filled), size=len(missing))]  # (M, 2)
            x[missing] = self.corner + self.side * (squares + rng.random((len(missing), 2)))
            missing = missing[~self._inside(x[missing].astype(np.float64))]
        return x

    def _inside(self, x: np.ndarray) -> np.ndarray:
        """Whether each point (N, 2) lies on a filled square, (N,) bool."""
        square = np.floor((x - self.corner) / self.side)  # (N, 2)
        on_board = np.all((square >= 0) & (square < self.squares), axis=1)
        return on_board & (square.sum(axis=1) % 2 == 0)

    def _log_prob(self, x: np.ndarray) -> np.ndarray:
        return np.where(self._inside(x), -self._entropy, -np.inf)

    def standardized(self) -> Checkerboard:
        """The board scaled to unit variance in each coordinate: a checkerboard with smaller or larger squares."""
        if self.squares == 1 or self.squares % 2 == 0:
            return Checkerboard(self.squares, self.side / self._moments[1][0])
        return super().standardized()

    @cached_property
    def _entropy(self) -> float:
        return float(np.log(len(self._filled) * self.side**2))

    @cached_property
    def _moments(self) -> tuple[np.ndarray, np.ndarray]:
        centers = self.corner + self.side * (self._filled + 0.5)  # (S, 2)
        return centers.mean(axis=0), np.sqrt(centers.var(axis=0) + self.side**2 / 12)
