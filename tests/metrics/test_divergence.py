"""Divergences against closed forms, against each other, and against the mistakes that are usually made.

Eq. gan.01, Eq. gan.02
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigen.metrics.divergence import (
    js_divergence,
    js_integrand,
    js_on_grid,
    kl_divergence,
    kl_integrand,
    kl_normal,
    kl_on_grid,
)

LOG2 = np.log(2)


def log_normal(x, mu, sigma):
    return -0.5 * ((x - mu) / sigma) ** 2 - np.log(sigma * np.sqrt(2 * np.pi))


def grid(low=-15.0, high=15.0, n=6001):
    x = np.linspace(low, high, n)
    return x, x[1] - x[0]


# -- probability vectors ------------------------------------------------------------------------------------------


def test_kl_by_hand_and_its_reverse():
    # Eq. gan.01: 1/2 log(1/2 / 1/4) + 1/2 log(1/2 / 3/4) = log 2 - 1/2 log 3
    assert kl_divergence([0.5, 0.5], [0.25, 0.75]) == pytest.approx(LOG2 - 0.5 * np.log(3), abs=1e-15)
    assert kl_divergence([0.25, 0.75], [0.5, 0.5]) == pytest.approx(0.75 * np.log(3) - LOG2, abs=1e-15)
    # the four piles of dirt: 3/10 log 3 + 0 + 1/10 log 1/4 + 4/10 log 4/3
    expected = 0.3 * np.log(3) - 0.1 * np.log(4) + 0.4 * np.log(4 / 3)
    assert kl_divergence([0.3, 0.2, 0.1, 0.4], [0.1, 0.2, 0.4, 0.3]) == pytest.approx(expected, abs=1e-15)


def test_kl_where_a_probability_is_zero():
    assert kl_divergence([1.0, 0.0], [0.5, 0.5]) == pytest.approx(LOG2, abs=1e-15)  # 0 log 0 = 0
    assert kl_divergence([0.5, 0.5], [1.0, 0.0]) == np.inf
    assert kl_divergence([1.0, 0.0, 0.0], [0.5, 0.5, 0.0]) == pytest.approx(LOG2)  # 0 log 0/0 = 0
    assert kl_divergence([1.0, 0.0], [0.0, 1.0]) == np.inf


def test_js_by_hand_and_its_bound():
    assert js_divergence([1.0, 0.0], [0.0, 1.0]) == pytest.approx(LOG2, abs=1e-15)  # nats: not 1, not 2 log 2
    # Eq. gan.02: p = (1, 0), q = (1/2, 1/2), m = (3/4, 1/4)
    expected = 0.5 * np.log(4 / 3) + 0.5 * (0.5 * np.log(2 / 3) + 0.5 * np.log(2))
    assert js_divergence([1.0, 0.0], [0.5, 0.5]) == pytest.approx(expected, abs=1e-15)
    assert js_divergence([0.2, 0.3, 0.5], [0.2, 0.3, 0.5]) == 0.0
    # the smallest number there is: half of it is zero, and yet the mixture weighs what p and q weigh
    assert js_divergence([5e-324, 1.0], [0.0, 1.0]) == js_divergence([0.0, 1.0], [5e-324, 1.0]) == 0.0


probability_vectors = st.lists(st.floats(0.0, 1.0), min_size=4, max_size=4).filter(lambda p: sum(p) > 0.1)


@settings(max_examples=100, deadline=None)
@given(probability_vectors, probability_vectors)
def test_js_is_symmetric_bounded_and_the_entropy_of_the_mixture_less_the_mean_entropy(p, q):
    p, q = np.array(p) / sum(p), np.array(q) / sum(q)

    def entropy(r):
        return -sum(v * np.log(v) for v in r if v > 0)

    js = js_divergence(p, q)
    assert js == pytest.approx(entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2, abs=1e-12)
    assert js == pytest.approx(js_divergence(q, p), abs=1e-15)
    assert 0 <= js <= LOG2 + 1e-12
    assert kl_divergence(p, q) >= 0
    assert kl_divergence(p, q) >= 0.5 * np.abs(p - q).sum() ** 2 - 1e-12  # Pinsker


def test_batches_broadcast_over_the_leading_axes():
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet(np.ones(5), size=(3, 1)), rng.dirichlet(np.ones(5), size=4)
    for fn in (kl_divergence, js_divergence):
        result = fn(p, q)
        assert result.shape == (3, 4)
        for i in range(3):
            for j in range(4):
                assert result[i, j] == pytest.approx(fn(p[i, 0], q[j]), rel=1e-14)
        assert type(fn(q[0], q[1])) is float


def test_float32_probabilities_are_computed_in_float64():
    rng = np.random.default_rng(1)
    p, q = rng.dirichlet(np.ones(1000), size=2).astype(np.float32)
    exact = sum(float(a) * np.log(float(a) / float(b)) for a, b in zip(p, q))
    assert kl_divergence(p, q) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("fn", [kl_divergence, js_divergence])
@pytest.mark.parametrize(
    ("p", "q", "message"),
    [
        ([0.5, 0.6], [0.5, 0.5], r"p must sum to one over its last axis, got a sum of 1.1"),
        ([0.5, 0.5], [[0.5, 0.5], [0.5, 0.499]], r"q must sum to one over its last axis, got a sum of 0.999"),
        ([0.5, 0.5], [1.5, -0.5], r"q must be nonnegative, got values from -0.5"),
        ([0.5, np.nan], [0.5, 0.5], r"p must be finite, got 1 non-finite values"),
        ([0.5, 0.5], [0.25, 0.25, 0.5], r"p and q must have the same last axis, got shapes \(2,\) and \(3,\)"),
        (
            np.full((2, 2), 0.5),
            np.full((3, 2), 0.5),
            r"p and q must have shapes that broadcast, got \(2, 2\), \(3, 2\)",
        ),
        (1.0, [1.0], r"p must have shape \(\.\.\., K\), got \(\)"),
        ([], [1.0], r"p must have shape \(..., K\), none of them 0"),
        (["a", "b"], [0.5, 0.5], r"p must be an array of real numbers"),
    ],
)
def test_bad_probabilities(fn, p, q, message):
    with pytest.raises(ValueError, match=message):
        fn(p, q)


# -- normals ------------------------------------------------------------------------------------------------------


def test_kl_normal_numbers():
    # Eq. gan.01 for normals: log 2 + 1/4 - 1/2 (the two terms of (1 + 1)/8) and its reverse
    assert kl_normal(0, 1, 1, 2) == pytest.approx(LOG2 + 2 / 8 - 1 / 2, abs=1e-15)  # 0.4431
    assert kl_normal(1, 2, 0, 1) == pytest.approx(-LOG2 + 5 / 2 - 1 / 2, abs=1e-15)  # 1.3069
    assert kl_normal(3, 0.7, 3, 0.7) == 0.0
    assert kl_normal(0, 1, 3, 1) == kl_normal(3, 1, 0, 1) == pytest.approx(4.5)  # equal widths: symmetric


def test_kl_normal_against_sampling():
    rng = np.random.default_rng(2)
    x = 0.4 + 1.3 * rng.standard_normal(200_000)
    ratio = log_normal(x, 0.4, 1.3) - log_normal(x, -0.8, 0.9)
    assert kl_normal(0.4, 1.3, -0.8, 0.9) == pytest.approx(ratio.mean(), abs=5 * ratio.std() / np.sqrt(len(x)))


def test_kl_normal_is_elementwise_and_broadcasts():
    mu, sigma = np.array([[0.0], [1.0]]), np.array([0.5, 1.0, 2.0])
    result = kl_normal(mu, sigma, 0.0, 1.0)
    assert result.shape == (2, 3)
    assert result[1, 2] == pytest.approx(kl_normal(1.0, 2.0, 0.0, 1.0))
    assert type(kl_normal(0, 1, 0, 1)) is float


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((0, 0, 0, 1), r"sigma_p must be positive \(a standard deviation\), got 0"),
        ((0, 1, 0, [1, -1]), r"sigma_q must be positive \(a standard deviation\), got -1"),
        ((np.inf, 1, 0, 1), r"mu_p must be finite"),
        (([0, 1], [1, 1, 1], 0, 1), r"mu_p, sigma_p, mu_q, sigma_q must have shapes that broadcast"),
    ],
)
def test_kl_normal_bad_input(args, message):
    with pytest.raises(ValueError, match=message):
        kl_normal(*args)


# -- densities on a grid ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mu_q", "sigma_q"), [(1.0, 2.0), (-2.0, 0.6), (0.0, 1.0)])
def test_quadrature_equals_the_closed_form_both_ways(mu_q, sigma_q):
    x, dx = grid()
    p, q = log_normal(x, 0, 1), log_normal(x, mu_q, sigma_q)
    assert kl_on_grid(p, q, dx) == pytest.approx(kl_normal(0, 1, mu_q, sigma_q), abs=1e-9)
    assert kl_on_grid(q, p, dx) == pytest.approx(kl_normal(mu_q, sigma_q, 0, 1), abs=1e-9)


def test_js_of_two_normals_and_its_limit():
    x, dx = grid()
    assert js_on_grid(log_normal(x, 0, 1), log_normal(x, 1, 1), dx) == pytest.approx(0.1114, abs=5e-5)
    shifts = [0.0, 0.5, 1.0, 2.0, 4.0, 8.0]
    values = [js_on_grid(log_normal(x, -s / 2, 0.5), log_normal(x, s / 2, 0.5), dx) for s in shifts]
    assert values[0] == pytest.approx(0, abs=1e-15) and np.all(np.diff(values) > 0)
    assert values[-1] == pytest.approx(LOG2, abs=1e-12)


def test_the_grid_in_two_dimensions_takes_the_area_of_a_cell():
    axis, dx = grid(-8, 8, 321)
    x, y = np.meshgrid(axis, axis, indexing="ij")
    p = log_normal(x, 0, 1) + log_normal(y, 0, 0.5)
    q = log_normal(x, 1, 1.5) + log_normal(y, -1, 1)
    expected = kl_normal(0, 1, 1, 1.5) + kl_normal(0, 0.5, -1, 1)  # independent axes add
    assert kl_on_grid(p, q, dx**2) == pytest.approx(expected, abs=1e-8)
    assert type(kl_on_grid(p, q, dx**2)) is float
    with pytest.raises(ValueError, match="log_p must be the logarithm of a density"):
        kl_on_grid(p, q, dx)  # the length in place of the area


def test_densities_that_are_zero_somewhere():
    x = (np.arange(400) + 0.5) / 100  # midpoints of (0, 4)

    def uniform(a, b):
        return np.where((x > a) & (x < b), -np.log(b - a), -np.inf)

    narrow, wide, apart, half = uniform(1, 2), uniform(0, 4), uniform(2, 3), uniform(1.5, 2.5)
    assert kl_on_grid(narrow, wide, 0.01) == pytest.approx(np.log(4), abs=1e-12)
    assert kl_on_grid(wide, narrow, 0.01) == np.inf
    assert kl_on_grid(narrow, apart, 0.01) == np.inf
    assert js_on_grid(narrow, apart, 0.01) == pytest.approx(LOG2, abs=1e-12)
    assert js_on_grid(narrow, half, 0.01) == pytest.approx(LOG2 / 2, abs=1e-12)
    assert js_on_grid(narrow, wide, 0.01) == pytest.approx(_js_nested(), abs=1e-12)


def _js_nested():
    # uniform on a quarter against uniform on the whole: m = 5/8 on the quarter, 1/8 elsewhere (densities 1 and 1/4)
    return 0.5 * np.log(1 / (5 / 8)) + 0.5 * (0.25 * np.log((1 / 4) / (5 / 8)) + 0.75 * np.log((1 / 4) / (1 / 8)))


def test_integrands_are_the_curves_under_the_areas():
    x, dx = grid()
    p, q = log_normal(x, 0, 1), log_normal(x, 1, 2)
    curve = kl_integrand(p, q)
    assert curve.shape == x.shape
    assert curve[3000] == pytest.approx(np.exp(p[3000]) * (p[3000] - q[3000]), rel=1e-14)  # at x = 0
    assert curve.min() < 0  # where q exceeds p
    assert curve.sum() * dx == pytest.approx(kl_normal(0, 1, 1, 2), abs=1e-9)
    curve = js_integrand(p, q)
    m = np.log(0.5 * np.exp(p) + 0.5 * np.exp(q))
    assert np.allclose(curve, 0.5 * kl_integrand(p, m) + 0.5 * kl_integrand(q, m), rtol=1e-10, atol=1e-15)
    assert np.allclose(curve, js_integrand(q, p)) and curve.min() >= -1e-15  # symmetric; nowhere negative
    # equal widths: the two KLs are equal numbers, the integrands mirror images
    p, q = log_normal(x, -1, 1), log_normal(x, 1, 1)
    assert np.allclose(kl_integrand(p, q), kl_integrand(q, p)[::-1])
    assert not np.allclose(kl_integrand(p, q), kl_integrand(q, p))


def test_far_tails_do_not_underflow():
    x, dx = grid(-60, 60, 12001)
    assert kl_on_grid(log_normal(x, -25, 1), log_normal(x, 25, 1), dx) == pytest.approx(1250, rel=1e-9)


def test_the_grid_need_not_hold_the_part_of_q_that_p_does_not_weigh():
    x, dx = grid(-6, 6)
    assert kl_on_grid(log_normal(x, 0, 1), log_normal(x, 0, 10), dx) == pytest.approx(kl_normal(0, 1, 0, 10), abs=1e-6)
    with pytest.raises(ValueError, match="log_q must be the logarithm of a density within the grid"):
        js_on_grid(log_normal(x, 0, 1), log_normal(x, 0, 10), dx)


@pytest.mark.parametrize("fn", [kl_on_grid, js_on_grid])
def test_grid_bad_input(fn):
    x, dx = grid(-8, 8, 801)
    p = log_normal(x, 0, 1)
    with pytest.raises(ValueError, match=r"log_q must have the shape of log_p, \(801,\), got \(800,\)"):
        fn(p, p[1:], dx)
    with pytest.raises(ValueError, match="log_q must be finite or -inf"):
        fn(p, np.where(x > 0, np.nan, p), dx)
    with pytest.raises(ValueError, match="log_p must be finite or -inf"):
        fn(np.where(x > 7, np.inf, p), p, dx)
    with pytest.raises(ValueError, match="dx must be a positive number, got 0"):
        fn(p, p, 0.0)
    with pytest.raises(ValueError, match=r"dx must be a positive number, got"):
        fn(p, p, [0.1, 0.1])
    with pytest.raises(ValueError, match=r"log_p must be .* should be 1, got 160"):
        fn(np.exp(p) * 0 + np.log(10), p, dx)
    with pytest.raises(ValueError, match="log_p must be the logarithm"):
        fn(np.exp(p), p, dx)  # densities in place of their logarithms
    with pytest.raises(ValueError, match="log_q must be the logarithm"):
        fn(p, np.exp(p), dx)
