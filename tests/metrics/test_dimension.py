"""TwoNN: ratios against a loop over all pairs, the fit against the law of the ratios and worked numbers."""

import numpy as np
import pytest

from minigen.metrics import intrinsic_dimension, neighbor_ratios, two_nn_dimension


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def rotation(rng, n):
    return np.linalg.qr(rng.standard_normal((n, n)))[0]


# --------------------------------------------------------------------- ratios


def test_ratios_by_hand():
    """On a line at 0, 1, 3, 7: the two nearest distances are (1, 3), (1, 2), (2, 3), (4, 6)."""
    np.testing.assert_allclose(neighbor_ratios([[0.0], [1.0], [3.0], [7.0]]), [3, 2, 1.5, 1.5], rtol=1e-15)


@pytest.mark.parametrize("n, dim", [(3, 2), (5, 1), (40, 3), (1203, 2)])
def test_ratios_against_all_pairs(rng, n, dim):
    x = rng.standard_normal((n, dim))
    expected = []
    for i in range(n):
        distance = np.sort(np.sqrt(np.sum((np.delete(x, i, axis=0) - x[i]) ** 2, axis=1)))
        expected.append(distance[1] / distance[0])
    if n > 1000:  # more than one block
        assert n % 1000
    np.testing.assert_allclose(neighbor_ratios(x), expected, rtol=1e-12)


def test_ratios_far_from_the_origin_and_close_together(rng):
    """Squared distances by a matrix product lose all digits here: 1e-6 apart, 100 from the origin, in float32 first."""
    x = 1e-6 * rng.standard_normal((30, 4)) + 100
    d = np.sort(np.linalg.norm(x[:, None] - x, axis=2), axis=1)
    np.testing.assert_allclose(neighbor_ratios(x), d[:, 2] / d[:, 1], rtol=1e-12)


def test_ratios_do_not_see_scale_place_or_rotation(rng):
    x = rng.standard_normal((100, 5))
    np.testing.assert_allclose(neighbor_ratios(-300 * x @ rotation(rng, 5) + 7), neighbor_ratios(x), rtol=1e-9)


# --------------------------------------------------------------------- the fit


@pytest.mark.parametrize("d", [1.0, 2.0, 3.7])
def test_ratios_at_their_quantiles_lie_on_the_line(rng, d):
    """P(μ > m) = m^−d has 1 − i/n at m = (1 − i/n)^(−1/d); the last ratio is left out, so it may be anything."""
    for n in (4, 25):
        ratios = (1 - np.arange(1, n) / n) ** (-1 / d)
        for discard in (0.0, 0.25):
            np.testing.assert_allclose(two_nn_dimension(rng.permutation([*ratios, 1e9]), discard), d, rtol=1e-12)


def test_least_squares_through_the_origin(rng):
    ratios = 1 + rng.gamma(1.0, size=41)
    x = np.log(np.sort(ratios))[: int(41 * 0.8)]
    y = -np.log(1 - np.arange(1, len(x) + 1) / 41)
    slope = np.linalg.lstsq(x[:, None], y, rcond=None)[0][0]
    np.testing.assert_allclose(two_nn_dimension(ratios, 0.2), slope, rtol=1e-12)


@pytest.mark.parametrize("d", [1, 4, 30])
def test_right_on_draws_from_the_law(rng, d):
    n = 20_000
    ratios = rng.random(n) ** (-1 / d)
    assert abs(two_nn_dimension(ratios) - d) < 5 * 1.3 * d / np.sqrt(n)  # the fit is a little noisier than d/√n


def test_strays_do_not_matter(rng):
    ratios = rng.random(5000) ** (-1 / 3)
    ratios[:100] = 1e6
    assert abs(two_nn_dimension(ratios) - 3) < 0.4
    assert two_nn_dimension(ratios, discard=0.0) < 2


# --------------------------------------------------------------------- clouds of points


def test_curves_and_surfaces_in_space(rng):
    n = 3000
    t, u = rng.random((2, n))
    angle = 1.5 * np.pi * (1 + 2 * t)
    clouds = {
        1: np.stack([np.cos(9 * t), np.sin(9 * t), 3 * t], axis=1),
        2: np.stack([angle * np.cos(angle), 20 * u, angle * np.sin(angle)], axis=1),
        3: rng.random((n, 3)),
    }
    for d, x in clouds.items():
        assert abs(intrinsic_dimension(x) - d) < 5 * 1.3 * d / np.sqrt(n), d


def test_the_surrounding_space_does_not_count(rng):
    x = rng.standard_normal((2000, 4))
    inside = x @ rotation(rng, 60)[:4]
    assert intrinsic_dimension(inside) == pytest.approx(intrinsic_dimension(x), rel=1e-6)
    assert abs(intrinsic_dimension(inside) - 4) < 5 * 1.3 * 4 / np.sqrt(2000)


def test_noise_is_seen_at_its_scale(rng):
    """A line blurred a little: one-dimensional from afar (few points), three-dimensional from near (many)."""
    n = 4000
    x = np.zeros((n, 3))
    x[:, 0] = rng.random(n)
    x += 0.003 * rng.standard_normal((n, 3))
    assert intrinsic_dimension(x[:40]) < 1.7
    assert intrinsic_dimension(x) > 2


# --------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    "x, message",
    [
        (np.zeros(5), r"x must have shape \(N, D\), got \(5,\)"),
        (np.eye(2), "x must have at least 3 points, got 2"),
        ([[0.0], [1.0], [1.0], [5.0]], "x must not hold a point twice, got one at row 1"),
        ([[0.0], [1.0], [np.nan]], "x must be finite, got 1 non-finite values"),
    ],
)
def test_bad_points(x, message):
    for fn in (neighbor_ratios, intrinsic_dimension):
        with pytest.raises(ValueError, match=message):
            fn(x)


@pytest.mark.parametrize(
    "ratios, discard, message",
    [
        ([2.0, 0.5, 3.0], 0.1, "ratios must be at least 1, got values from 0.5 to 3"),
        ([[2.0, 3.0]], 0.1, r"ratios must have shape \(N,\), got \(1, 2\)"),
        ([2.0, 3.0], 0.1, "ratios must leave at least 2 to fit, got 2 of them and discard = 0.1"),
        ([2.0] * 9, 0.9, "ratios must leave at least 2 to fit, got 9 of them and discard = 0.9"),
        ([1.0] * 9 + [2.0], 0.1, "ratios must not all be 1, got 9 of 10 that are"),
        ([2.0] * 9, 1.0, r"discard must be a number in \[0, 1\), got 1.0"),
        ([2.0] * 9, None, r"discard must be a number in \[0, 1\), got None"),
        ([2.0, np.inf, 3.0], 0.1, "ratios must be finite, got 1 non-finite values"),
    ],
)
def test_bad_ratios(ratios, discard, message):
    with pytest.raises(ValueError, match=message):
        two_nn_dimension(ratios, discard)
