"""The game x·y against the matrix of each update rule; the parallel lines against the metrics of their outcomes."""

import numpy as np
import pytest

from minigen.gan.toy_problems import (
    alternating_step,
    extragradient_step,
    line_divergences,
    line_points,
    optimistic_step,
    simultaneous_step,
)
from minigen.metrics.divergence import js_divergence, kl_divergence
from minigen.metrics.transport import wasserstein

ETAS = [0.01, 0.1, 0.5]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def play(step, x, y, eta, steps):
    path = [(x, y)]
    for _ in range(steps):
        path.append(step(*path[-1], eta))
    return np.array(path)  # (steps + 1, 2)


def play_optimistic(x, y, eta, steps):
    path = [(x, y), (x, y)]  # standing still at first
    for _ in range(steps):
        path.append(optimistic_step(*path[-1], *path[-2], eta))
    return np.array(path[1:])


def radius(path):
    return np.hypot(path[:, 0], path[:, 1])


def test_by_hand():
    """From (1, 2) with η = 0.1. The gradient of x·y is (y, x): x goes down it, y goes up."""
    np.testing.assert_allclose(simultaneous_step(1.0, 2.0, 0.1), (1 - 0.2, 2 + 0.1))
    np.testing.assert_allclose(alternating_step(1.0, 2.0, 0.1), (0.8, 2 + 0.1 * 0.8))
    np.testing.assert_allclose(extragradient_step(1.0, 2.0, 0.1), (1 - 0.1 * 2.1, 2 + 0.1 * 0.8))
    np.testing.assert_allclose(optimistic_step(1.0, 2.0, 3.0, 5.0, 0.1), (1 - 0.2 * 2 + 0.1 * 5, 2 + 0.2 * 1 - 0.1 * 3))


@pytest.mark.parametrize("eta", ETAS)
def test_simultaneous_steps_grow_by_the_same_factor_each_time(eta):
    """The radius grows by √(1 + η²) from the very first step, not only once the signs differ."""
    r = radius(play(simultaneous_step, 0.7, -1.3, eta, 50))
    np.testing.assert_allclose(r[1:] / r[:-1], np.sqrt(1 + eta**2), rtol=1e-13)


@pytest.mark.parametrize("eta", [*ETAS, 1.9])
def test_alternating_steps_stay_on_an_ellipse(eta):
    path = play(alternating_step, 0.7, -1.3, eta, 5000)
    x, y = path.T
    np.testing.assert_allclose(x**2 + y**2 - eta * x * y, 0.7**2 + 1.3**2 + eta * 0.7 * 1.3, rtol=1e-10)
    # the ellipse's axes: x² + y² − ηxy is between (1 − η/2) r² and (1 + η/2) r²
    r = radius(path)
    assert r.max() / r.min() <= np.sqrt((1 + eta / 2) / (1 - eta / 2)) * (1 + 1e-9)
    assert r[4000:].max() > 0.7 * r.max() and r[4000:].min() < 1.5 * r.min()  # it still goes round


@pytest.mark.parametrize("eta", ETAS)
def test_extragradient_steps_shrink_by_the_same_factor_each_time(eta):
    r = radius(play(extragradient_step, 0.7, -1.3, eta, 50))
    np.testing.assert_allclose(r[1:] / r[:-1], np.sqrt((1 - eta**2) ** 2 + eta**2), rtol=1e-13)
    assert r[-1] < r[0]


@pytest.mark.parametrize("eta", [0.04, 0.1, 0.4])  # at 0.5 the two roots meet
def test_optimistic_steps_converge_at_their_rate(eta):
    """In z = x + iy a step is z' = (1 + 2iη) z − iη z_before; the slower root of μ² = (1 + 2iη) μ − iη sets the
    rate."""
    rate = np.abs(np.roots([1, -(1 + 2j * eta), 1j * eta])).max()
    assert rate < 1
    steps = int(np.ceil(6 / -np.log(rate)))
    r = radius(play_optimistic(0.7, -1.3, eta, 2 * steps))
    assert r[-1] < 1e-4 * r[0]
    np.testing.assert_allclose((r[-1] / r[steps]) ** (1 / steps), rate, rtol=1e-6)


def test_arrays_play_many_games_and_stay_as_they_were(rng):
    x, y, x_before, y_before = rng.standard_normal((4, 5, 3))
    copies = [a.copy() for a in (x, y, x_before, y_before)]
    for step in (simultaneous_step, alternating_step, extragradient_step):
        many = step(x, y, 0.1)
        np.testing.assert_array_equal(many[0][2, 1], step(x[2, 1], y[2, 1], 0.1)[0])
        np.testing.assert_array_equal(many[1][2, 1], step(x[2, 1], y[2, 1], 0.1)[1])
    assert optimistic_step(x, y, x_before, y_before, 0.1)[0].shape == (5, 3)
    for a, copy in zip((x, y, x_before, y_before), copies):
        np.testing.assert_array_equal(a, copy)


# --------------------------------------------------------------------- two parallel lines


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
        (np.nan, [0.5], r"theta must be a number in \(-inf, inf\), got nan"),
        ([0.1], [0.5], r"theta must be a number"),
        (0.1, [[0.5]], r"y must have shape \(N,\), got \(1, 1\)"),
        (0.1, [0.5, 1.5], r"y must be in \[0, 1\], got values from 0.5 to 1.5"),
    ],
)
def test_bad_points(theta, y, message):
    with pytest.raises(ValueError, match=message):
        line_points(theta, y)
