"""How far samples and a density are from the truth, in numbers that a reader can compare with 1.

Each number misses something that another one sees. The sliced distance does not see how wide the modes are, since a
model that draws their centers is at the same distance as the right one. The rank of log p sees widths in both
directions, and outliers, but not how the samples are shared between the modes. The integral of exp(log_prob) sees every
error of a log-determinant, and the sampler not at all.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.spatial import cKDTree

from minigen.data.density import Density
from minigen.data.mixture import GaussianMixture
from minigen.metrics.samples import mode_coverage, sampling_floor
from minigen.metrics.transport import sliced_wasserstein

__all__ = ["GRID", "binary_numbers", "density_numbers", "memorization", "plane_numbers", "ranks"]

GRID = 200  # cells a side, on which exp(log_prob) is summed
TRUTH = 100_000  # draws from the density, for ranks
RANK_FLOOR = 0.32  # mean distance of n sorted uniform numbers from their expected values, times the root of n
PROJECTIONS = 100


def plane_numbers(
    samples: np.ndarray, train: np.ndarray, density: Density, rng: np.random.Generator
) -> dict[str, float]:
    """The numbers of samples (N, 2) of a model that was trained on points `train` of a density."""
    n = len(samples)

    def distance(a: np.ndarray, b: np.ndarray) -> float:
        return float(sliced_wasserstein(a, b, PROJECTIONS, np.random.default_rng(5)))

    floor = sampling_floor(distance, density.sample, n, rng, repeats=6).mean
    found = {"sw": float(np.mean([distance(samples, density.sample(rng, n)) for _ in range(3)]) / floor)}
    rank = ranks(samples, density, rng)
    found["rank"] = float(np.abs(rank - (np.arange(n) + 0.5) / n).mean() / (RANK_FLOOR / np.sqrt(n)))
    found["out"] = float(np.mean(rank < 0.01) / 0.01)
    found["core"] = float(np.mean(rank > 0.5) / 0.5)
    found["memo"] = memorization(samples, train, density, rng)
    if isinstance(density, GaussianMixture) and isinstance(density.std, float):
        modes = density.means
        nearest = cKDTree(modes).query(samples)[1]
        proportions = np.bincount(nearest, minlength=len(modes)) / n
        found["modes"] = float(mode_coverage(samples, modes, density.std, min_count=n // (10 * len(modes)))[0])
        found["least"] = float((proportions / density.weights).min())
    return found


def ranks(samples: np.ndarray, density: Density, rng: np.random.Generator) -> np.ndarray:
    """Return the sorted ranks of log p(samples) among those of new data, (N,): uniform on [0, 1] for new data."""
    truth = np.sort(density.log_prob(density.sample(rng, TRUTH).astype(np.float64)))
    return np.sort(np.searchsorted(truth, density.log_prob(samples.astype(np.float64)))) / TRUTH


def memorization(samples: np.ndarray, train: np.ndarray, density: Density, rng: np.random.Generator) -> float:
    """Return how near samples are to training points compared with points of the density: 1 for new data, 0 for copies.

    The mean distance to the nearest training point is divided by that to the nearest of as many new points, and the
    ratio by the ratio of new data.
    """
    others = [cKDTree(density.sample(rng, len(train))) for _ in range(5)]
    own = cKDTree(train)

    def ratio(x: np.ndarray) -> float:
        return float(own.query(x)[0].mean() / np.mean([other.query(x)[0].mean() for other in others]))

    return ratio(samples) / ratio(density.sample(rng, len(samples)))


def density_numbers(log_prob: Mapping[str, np.ndarray], held_out: np.ndarray, density: Density) -> dict[str, float]:
    """The numbers of log-densities of the held-out points and of the cells of a grid, "held_out" and "grid"."""
    truth = density.log_prob(held_out.astype(np.float64))
    mass = np.exp(log_prob["grid"].astype(np.float64)).sum() * density.cells(GRID)[1]
    return {"nats": float(np.mean(truth - log_prob["held_out"])), "mass": float(mass)}


def binary_numbers(
    samples: np.ndarray, train: np.ndarray, held_out: np.ndarray, log_prob: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """The numbers of samples (N, D) of zeros and ones, and of the log-probabilities of held-out examples."""
    true = np.cov(held_out.T)
    found = {"cov": float(np.linalg.norm(np.cov(samples.T) - true) / np.linalg.norm(true))}
    seen = {row.tobytes() for row in train.astype(np.uint8)}
    found["copies"] = float(np.mean([row.tobytes() in seen for row in samples.astype(np.uint8)]))
    if "held_out" in log_prob:
        found["nats"] = float(-log_prob["held_out"].mean())
    return found
