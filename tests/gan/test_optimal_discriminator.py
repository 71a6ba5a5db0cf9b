"""The derivation of the optimal discriminator: the integrand at one point, and the two ways to write the value."""

import numpy as np
import pytest

from minigen.gan.losses import optimal_discriminator, value_at_optimum
from minigen.metrics import js_on_grid

PAIRS = [(3.0, 1.0), (2.0, 2.0), (0.4, 3.6), (1e-3, 2.0)]


def earned(x, A, B):
    return A * np.log(x) + B * np.log(1 - x)


@pytest.mark.parametrize("A, B", PAIRS)
def test_no_answer_earns_more_at_a_point(A, B):
    """Eq. gan.05: at one point, x̃ = D(x), A = p_r(x) and B = p_g(x)."""
    x = np.linspace(0, 1, 100_001)[1:-1]
    best = x[np.argmax(earned(x, A, B))]
    assert abs(optimal_discriminator(np.array([A]), np.array([B]))[0] - best) <= 1e-5


def test_the_value_and_js_are_one_number_written_two_ways():
    """Eq. gan.08 and Eq. gan.09, on densities with zeros, in the plane."""
    rng = np.random.default_rng(0)
    for _ in range(5):
        p, q = rng.gamma(0.3, size=(2, 6, 7)) * (rng.random((2, 6, 7)) < 0.7)
        p, q = p / (p.sum() * 0.1), q / (q.sum() * 0.1)
        with np.errstate(divide="ignore"):
            js = js_on_grid(np.log(p), np.log(q), 0.1)
        value = value_at_optimum(p, q, 0.1)
        np.testing.assert_allclose(0.5 * (np.log(4) + value), js, rtol=1e-12)
        np.testing.assert_allclose(value, 2 * js - 2 * np.log(2), rtol=1e-12)
        assert -2 * np.log(2) < value < 0
