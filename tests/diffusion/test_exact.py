"""The exact model of the noise against the mean of the noise by quadrature, and the score by finite differences."""

import numpy as np
import pytest

from minigen.data.mixture import GaussianMixture
from minigen.diffusion.exact import exact_eps_model
from minigen.diffusion.schedule import Schedule

S = Schedule.linear(50, 1e-3, 0.3)
COVARIANCES = [[[0.3, 0.1], [0.1, 0.2]], [[0.1, -0.05], [-0.05, 0.2]]]
TWO = GaussianMixture([[-0.9, 0.3], [1.2, -0.4]], covariances=COVARIANCES, weights=[0.25, 0.75])
ONE, OTHER = (GaussianMixture(TWO.means[k : k + 1], covariances=TWO.covariances[k : k + 1]) for k in (0, 1))
X = np.random.default_rng(0).standard_normal((6, 2))


def mean_noise(density, x, t):
    """E[eps | x_t] by quadrature: eps = (x_t − √ᾱ x0)/√(1 − ᾱ), weighted by p(x0) N(eps; 0, I). x (2,) -> (2,)."""
    line = np.linspace(-5, 5, 401)
    x0 = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    eps = (x - np.sqrt(S.alpha_bar[t]) * x0) / np.sqrt(1 - S.alpha_bar[t])
    weight = density.prob(x0) * np.exp(-0.5 * np.sum(eps**2, axis=1))
    return weight @ eps / weight.sum()


@pytest.mark.parametrize("t", [5, 20, 50])
def test_it_is_the_mean_of_the_noise(t):
    """Eq. diffusion.17"""
    got = exact_eps_model(TWO, S)(X, t)
    np.testing.assert_allclose(got, [mean_noise(TWO, x, t) for x in X], atol=1e-6)


def test_it_is_minus_the_score_times_the_noise():
    """Along each axis, by differences of log q(x_t). Eq. diffusion.17"""
    t, h = 15, 1e-5
    q = TWO.noised(np.sqrt(S.alpha_bar[t]), np.sqrt(1 - S.alpha_bar[t]))
    slopes = [(q.log_prob(X + h * axis) - q.log_prob(X - h * axis)) / (2 * h) for axis in np.eye(2)]
    got = exact_eps_model(TWO, S)(X, np.full(6, t))
    np.testing.assert_allclose(got, -np.sqrt(1 - S.alpha_bar[t]) * np.stack(slopes, axis=1), atol=1e-8)


def test_each_example_has_its_own_time_and_label():
    t, y = np.array([1, 50, 20, 20, 1, 30]), np.array([0, 1, -1, 0, 1, 1])
    model = exact_eps_model(TWO, S, by_label=[ONE, OTHER])
    got = model(X, t, y)
    for k in range(6):
        alone = exact_eps_model({-1: TWO, 0: ONE, 1: OTHER}[y[k]], S)(X[k : k + 1], int(t[k]))
        np.testing.assert_allclose(got[k : k + 1], alone, atol=1e-12)
    np.testing.assert_array_equal(model(X, t), model(X, t, np.full(6, -1)))
    np.testing.assert_allclose(model(X, t), exact_eps_model(TWO, S)(X, t), atol=1e-12)


def test_the_dtype_is_that_of_x():
    model, t = exact_eps_model(TWO, S), np.arange(1, 7)
    assert model(X, t).dtype == np.float64 and model(X.astype(np.float32), t).dtype == np.float32
    np.testing.assert_allclose(model(X.astype(np.float32), t), model(X, t), atol=1e-5)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: exact_eps_model(TWO.sample, S), "density must be an instance of GaussianMixture"),
        (lambda: exact_eps_model(TWO, S, [ONE, "other"]), "by_label must be an instance of GaussianMixture"),
        (lambda: exact_eps_model(TWO, 50), "schedule must be an instance of Schedule"),
        (lambda: exact_eps_model(TWO, S)(X[:, :1], 3), r"x must have shape \(N, 2\), got \(6, 1\)"),
        (lambda: exact_eps_model(TWO, S)(X * np.nan, 3), "x must be finite"),
        (lambda: exact_eps_model(TWO, S)(X, 0), "t must be in 1..50"),
        (lambda: exact_eps_model(TWO, S)(X, np.array([1, 2])), r"t must be one time step or have shape \(6,\)"),
        (lambda: exact_eps_model(TWO, S)(X, 3, np.zeros(6, int)), "y must be in -1..-1"),
        (lambda: exact_eps_model(TWO, S, [ONE])(X, 3, np.ones(6, int)), "y must be in -1..0"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
