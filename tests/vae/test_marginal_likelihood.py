"""Three estimates of log p(x) against a linear-Gaussian model, whose evidence is known, and against one another."""

import numpy as np
import pytest
from scipy.stats import norm

from minigen.tensor import grad
from minigen.vae.marginal_likelihood import (
    importance_sampling_log_likelihood,
    maximum_likelihood,
    monte_carlo_log_likelihood,
    quadrature_log_likelihood,
)
from minigen.vae.vae import log_mean_exp


@pytest.fixture
def rng():
    return np.random.default_rng(0)


X = np.array([-1.0, 0.3, 2.5])  # z ~ N(0, 1), x = 2 z + 0.5 noise
EXACT = norm(0, np.sqrt(4.25)).logpdf(X)
MEAN, SPREAD = 2 * X / 4.25, np.sqrt(0.25 / 4.25)  # of p(z|x)


def log_px_z(z):
    return norm(2 * z, 0.5).logpdf(X)


def test_quadrature_is_exact():
    """Eq. vae.08 on a grid against N(x; 0, 4.25)."""
    z = np.linspace(-9, 9, 1801)[:, None]
    value = quadrature_log_likelihood(log_px_z(z), np.broadcast_to(norm.logpdf(z), (1801, 3)), 0.01)
    np.testing.assert_allclose(value, EXACT, atol=1e-10)


def test_by_hand():
    """Eq. vae.08: densities 1/2 and 1/4 have the mean 3/8; the mean of their logarithms would be log(1/8) / 2."""
    np.testing.assert_allclose(monte_carlo_log_likelihood(np.log([[0.5], [0.25]])), np.log([3 / 8]))
    w = importance_sampling_log_likelihood(np.log([[0.5], [0.25]]), np.log([[0.2], [0.4]]), np.log([[0.1], [0.8]]))
    np.testing.assert_allclose(w, np.log([(1.0 + 0.125) / 2]))
    np.testing.assert_allclose(
        quadrature_log_likelihood(np.log([[0.5], [0.25]]), np.log([[0.2], [0.4]]), 3.0), np.log([0.6])
    )


def test_importance_sampling_from_the_posterior_has_no_error(rng):
    """Eq. vae.08: every weight is p(x), so one draw is enough."""
    z = MEAN + SPREAD * rng.standard_normal((1, 3))
    value = importance_sampling_log_likelihood(log_px_z(z), norm.logpdf(z), norm(MEAN, SPREAD).logpdf(z))
    np.testing.assert_allclose(value, EXACT, atol=1e-10)


def test_nothing_underflows_and_zeros_count(rng):
    tiny = np.array([[-1000.0, 0.0], [-1001.0, -np.inf]])
    expected = [-1000 + np.log((1 + np.exp(-1)) / 2), np.log(0.5)]
    np.testing.assert_allclose(monte_carlo_log_likelihood(tiny), expected)
    a, b, c = rng.standard_normal((3, 7, 4)) * 300
    np.testing.assert_allclose(importance_sampling_log_likelihood(a, b, c), log_mean_exp(a + b - c))
    assert monte_carlo_log_likelihood(a.astype(np.float32)).dtype == np.float32


def test_slope(rng):
    """The slope in each log-density is its share of the mean."""
    a = rng.standard_normal((5, 2))
    share = np.exp(a) / np.exp(a).sum(axis=0)
    np.testing.assert_allclose(grad(lambda l: monte_carlo_log_likelihood(l).sum())(a), share)


def test_maximum_likelihood_is_that_of_the_product(rng):
    """Eq. vae.06, Eq. vae.07: the row with the largest product, even where every product underflows."""
    log_px = rng.standard_normal((20, 6))
    assert maximum_likelihood(log_px) == np.exp(log_px).prod(axis=1).argmax()
    assert maximum_likelihood(np.array([[-400.0, -400.0], [-400.0, -399.0], [-np.inf, 0.0]])) == 1
    x = 1.5 + rng.standard_normal(4000)  # the mean of a normal: the candidate nearest to the average of the examples
    candidates = np.linspace(0, 3, 31)
    best = maximum_likelihood(norm.logpdf(x - candidates[:, None]))
    assert best == np.abs(candidates - x.mean()).argmin()
    with pytest.raises(ValueError, match="log_px must be finite or -inf"):
        maximum_likelihood(np.full((2, 2), np.nan))


def test_bad_arguments():
    ok = np.zeros((3, 2))
    with pytest.raises(ValueError, match="log_qz must have the shape of log_px_z"):
        importance_sampling_log_likelihood(ok, ok, ok[:2])
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="log_pz must be finite or -inf"):
            importance_sampling_log_likelihood(ok, ok + bad, ok)
