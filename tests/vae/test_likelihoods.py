"""Likelihoods of the decoder against SciPy, sums over all images, and their own samples."""

import numpy as np
import pytest
from scipy.stats import norm

from minigen.tensor import value_and_grad
from minigen.vae.likelihoods import Bernoulli, Gaussian, bernoulli_log_likelihood, gaussian_log_likelihood


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_bernoulli_against_the_plain_formula(rng):
    x, logits = rng.integers(0, 2, (4, 9)).astype(float), 3 * rng.standard_normal((4, 9))
    s = 1 / (1 + np.exp(-logits))
    plain = np.sum(x * np.log(s) + (1 - x) * np.log(1 - s), axis=1)
    np.testing.assert_allclose(bernoulli_log_likelihood(x, logits), plain)
    np.testing.assert_allclose(Bernoulli().log_prob(x, logits), plain)
    np.testing.assert_allclose(Bernoulli().mean(logits), s)
    assert np.isfinite(bernoulli_log_likelihood(np.ones((1, 1)), np.array([[-800.0]])))


def test_gaussian_against_scipy(rng):
    x, mu, logvar = rng.standard_normal((3, 6, 2))
    expected = norm(mu, np.exp(logvar / 2)).logpdf(x).sum(1)
    np.testing.assert_allclose(gaussian_log_likelihood(x, mu, logvar), expected)
    np.testing.assert_allclose(gaussian_log_likelihood(x, 0.0, 0.0), norm.logpdf(x).sum(1))
    assert gaussian_log_likelihood(x.astype(np.float32), 0.0, 0.0).dtype == np.float32
    np.testing.assert_allclose(Gaussian(0.3).log_prob(x, mu), norm(mu, 0.3).logpdf(x).sum(1), atol=1e-5)


def test_learned_deviation_settles_at_the_residual(rng):
    """The gradient in logvar vanishes exactly where std² is the mean squared residual."""
    x, mu = rng.standard_normal((2, 500, 2))
    likelihood = Gaussian()
    likelihood.logvar = np.log(np.mean((x - mu) ** 2, keepdims=True)).reshape(1)
    _, grads = value_and_grad(lambda m: m.log_prob(x, mu).sum())(likelihood)
    np.testing.assert_allclose(grads.logvar, 0, atol=1e-9)
    assert Gaussian(0.5).num_parameters() == 1 and Gaussian(0.5, learned=False).num_parameters() == 0
    assert Gaussian(0.5).std == pytest.approx(0.5)


@pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian(0.4)])
def test_likelihood_samples_have_its_mean(rng, likelihood):
    decoded = np.tile(np.array([[-1.0, 0.3]], np.float32), (100_000, 1))
    x = likelihood.sample(rng, decoded)
    assert x.dtype == np.float32 and x.shape == decoded.shape
    assert np.all(np.abs(x.mean(0) - likelihood.mean(decoded)[0]) < 5 * x.std(0) / np.sqrt(len(x)))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: bernoulli_log_likelihood(np.full((1, 2), 255.0), np.zeros((1, 2))), r"x must be in \[0, 1\]"),
        (lambda: bernoulli_log_likelihood(np.zeros((1, 2)), np.zeros((1, 3))), "logits must have the shape of x"),
        (lambda: gaussian_log_likelihood(np.zeros((1, 2)), np.zeros((5, 2)), 0.0), "broadcast"),
        (lambda: gaussian_log_likelihood(np.zeros((1, 2)), np.zeros((1, 3)), 0.0), "broadcast"),
    ],
)
def test_errors_name_the_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call()
