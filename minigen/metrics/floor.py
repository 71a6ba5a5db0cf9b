"""The distance of samples to a density as a multiple of its floor, which two samples of the density set.

judge = OverFloor(distance, density.sample, 1000, rng)     # the floor, once
judge(x, rng)                                              # 1 for samples of the density, up to their spread
"""

from collections.abc import Callable

import numpy as np

from minigen import checks
from minigen.metrics.samples import sampling_floor
from minigen.types import Rng


class OverFloor:
    """judge(x, rng): the mean distance of parts of x to new samples, over that between two sets of samples (`floor`).

    distance(a, b) -> a number; sample(rng, n) -> (n, ...); n: the points of a set, for a distance depends on their
    number; repeats: the pairs of sets of which the floor is the mean. ValueError: as `sampling_floor`.
    """

    def __init__(self, distance: Callable, sample: Callable, n: int, rng: Rng, repeats: int = 20):
        self.distance = checks.function("distance", distance)
        self.sample = checks.function("sample", sample)
        self.n = checks.whole("n", n)
        self.floor = sampling_floor(distance, sample, self.n, rng, repeats=repeats).mean

    def __call__(self, x: np.ndarray, rng: Rng) -> float:
        """x (K n, ...) in K parts, each against n new samples from rng. ValueError: x is not whole parts of n."""
        if len(x) == 0 or len(x) % self.n:
            raise ValueError(f"x must have a multiple of {self.n} points, got {len(x)}")
        parts = np.split(x, len(x) // self.n)
        return float(np.mean([self.distance(part, self.sample(rng, self.n)) for part in parts]) / self.floor)
