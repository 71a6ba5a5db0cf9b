"""A checkerboard: a piecewise constant density with an entropy and no score."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from minigen import checks
from minigen.data.density import Density


class Checkerboard(Density):
    """Uniform on the squares (i, j) with i + j even of a board of `squares` x `squares`, counted from the lower left.

    Constant inside, discontinuous at the edges: the entropy is the logarithm of the filled area, and there is no score.
    A square includes its left and lower edges.

    squares: along each side. side: length of a square. ValueError: squares below 1, side not positive.
    """

    has_score = False

    def __init__(self, squares: int = 4, side: float = 2.0):
        self.name = "checkerboard"
        self.squares = checks.whole("squares", squares)
        self.side = self.resolution = checks.positive("side", side)
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

    def standardized(self) -> Density:
        """Zero mean and unit variance in each coordinate; again a `Checkerboard` if both coordinates scale alike."""
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
