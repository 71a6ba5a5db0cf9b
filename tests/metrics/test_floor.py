"""Distances over their floor: by hand, and for samples of the density itself."""

import numpy as np
import pytest

from minigen.metrics.floor import OverFloor


def gap(a, b):
    return abs(a.mean() - b.mean())


def counting():
    """Sets 0, 1, 3, 7, ... of equal points, so that two that follow each other are 1, 2, 4, ... apart."""
    drawn = []

    def sample(rng, n):
        drawn.append(n)
        return np.full((n, 1), 2.0 ** (len(drawn) - 1) - 1)

    return sample, drawn


def test_by_hand():
    """The floor is the mean of |0 − 1| and |3 − 7|; two parts at 5 are 10 and 26 from the sets 15 and 31."""
    sample, drawn = counting()
    judge = OverFloor(gap, sample, 3, np.random.default_rng(0), repeats=2)
    assert judge.floor == 2.5
    assert judge(np.full((6, 1), 5.0), np.random.default_rng(0)) == pytest.approx((10 + 26) / 2 / 2.5)
    assert drawn == [3] * 6


def test_samples_of_the_density_are_near_one():
    rng = np.random.default_rng(2)

    def sample(rng, n):
        return rng.standard_normal((n, 2))

    judge = OverFloor(gap, sample, 100, rng, repeats=400)
    assert judge(sample(rng, 40_000), rng) == pytest.approx(1, abs=0.25)  # 400 parts: 5 standard errors
    assert judge(sample(rng, 40_000) + 3, rng) > 10


@pytest.mark.parametrize("count", [0, 99, 101])
def test_points_that_do_not_fill_the_parts(count):
    judge = OverFloor(gap, lambda rng, n: rng.standard_normal((n, 1)), 100, np.random.default_rng(0), repeats=2)
    with pytest.raises(ValueError, match="multiple of 100"):
        judge(np.zeros((count, 1)), np.random.default_rng(0))
