"""The parallel lines against what the metrics say of them, cut into outcomes and drawn as points.

Eq. gan.14, Eq. gan.15, Eq. gan.16
"""

import numpy as np
import pytest

from minigen.gan.lines import line_divergences, line_points
from minigen.metrics.divergence import js_divergence, kl_divergence
from minigen.metrics.transport import wasserstein


@pytest.mark.parametrize("theta", [-0.3, 0.0, 1e-9, 1e-200, 0.5, 2.0])
def test_the_values_are_those_of_the_metrics(theta):
    # Eq. gan.15, Eq. gan.16: ten heights on each line; outcomes of the two lines are the same only if the lines are
    heights = (np.arange(10) + 0.5) / 10
    points = np.unique(np.concatenate([line_points(0, heights), line_points(theta, heights)]), axis=0)
    p, q = ((points[:, 0] == at) / 10 for at in (0, theta))
    kl, js, w = line_divergences(theta)
    assert kl == kl_divergence(p, q) == kl_divergence(q, p)
    assert js == pytest.approx(js_divergence(p, q), abs=1e-15)
    assert w == pytest.approx(wasserstein(line_points(0, heights), line_points(theta, heights)), rel=1e-12)


def test_the_values_by_hand():
    kl, js, w = line_divergences(np.array([[-0.5, 0.0, 1.0]]))
    assert kl.tolist() == [[np.inf, 0.0, np.inf]]
    assert js.tolist() == [[np.log(2), 0.0, np.log(2)]]
    assert w.tolist() == [[0.5, 0.0, 1.0]]
    assert [value.shape for value in line_divergences(0.25)] == [(), (), ()]


def test_the_points_lie_on_the_line():
    # Eq. gan.14
    y = np.random.default_rng(0).random(50)
    points = line_points(0.7, y)
    assert np.all(points[:, 0] == 0.7) and np.array_equal(points[:, 1], y)
    assert line_points(0.7, y.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize(
    ("theta", "y", "message"),
    [
        (np.nan, [0.5], r"theta must be a number in \[-inf, inf\), got nan"),
        ([0.1], [0.5], r"theta must be a number"),
        (0.1, [[0.5]], r"y must have shape \(N,\) with N ≥ 1, got \(1, 1\)"),
        (0.1, [0.5, 1.5], r"y must lie in \[0, 1\], got values from 0.5 to 1.5"),
    ],
)
def test_bad_points(theta, y, message):
    with pytest.raises(ValueError, match=message):
        line_points(theta, y)


@pytest.mark.parametrize("theta", [np.inf, [0.1, np.nan], ["a"]])
def test_bad_theta(theta):
    with pytest.raises(ValueError, match="theta must be"):
        line_divergences(theta)
