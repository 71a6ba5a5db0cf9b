"""The linear-Gaussian model against SciPy's normals, against draws, and against itself by two ways."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from minigen.metrics.divergence import kl_normal
from minigen.tensor import grad
from minigen.vae.linear import LinearGaussian, expected_log_likelihood, kl_gaussians
from minigen.vae.vae import kl_standard_normal


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def model(rng, dim_z=3, dim_x=5, std=0.7):
    return LinearGaussian(rng.standard_normal((dim_z, dim_x)), rng.standard_normal(dim_x), std)


# --------------------------------------------------------------------- the divergence


def test_kl_by_hand_and_against_one_dimension(rng):
    """Eq. vae.13: the gap between two normals; N(0, 1) from N(1, 4) is log 2 + 2/8 - 1/2."""
    one = kl_gaussians(np.zeros((1, 1)), np.zeros((1, 1)), np.ones((1, 1)), np.full((1, 1), np.log(4.0)))
    np.testing.assert_allclose(one, [np.log(2) - 0.25])
    mu, logvar, mu_p, logvar_p = rng.standard_normal((4, 6, 3))
    expected = kl_normal(mu, np.exp(logvar / 2), mu_p, np.exp(logvar_p / 2)).sum(axis=1)
    np.testing.assert_allclose(kl_gaussians(mu, logvar, mu_p, logvar_p), expected)
    np.testing.assert_allclose(kl_gaussians(mu, logvar, 0 * mu, 0 * mu), kl_standard_normal(mu, logvar))
    np.testing.assert_allclose(kl_gaussians(mu, logvar, mu, logvar), 0, atol=1e-12)
    assert kl_gaussians(*np.float32([mu, logvar, mu_p, logvar_p])).dtype == np.float32


def test_kl_is_an_average_over_draws(rng):
    mu, logvar, mu_p, logvar_p = 0.5 * rng.standard_normal((4, 1, 2))
    q, p = norm(mu, np.exp(logvar / 2)), norm(mu_p, np.exp(logvar_p / 2))
    z = mu + np.exp(logvar / 2) * rng.standard_normal((200_000, 2))
    ratio = (q.logpdf(z) - p.logpdf(z)).sum(axis=1)
    assert abs(ratio.mean() - kl_gaussians(mu, logvar, mu_p, logvar_p)[0]) < 5 * ratio.std() / np.sqrt(200_000)


# --------------------------------------------------------------------- the expected reconstruction


def test_expected_log_likelihood_is_an_average_over_draws(rng):
    """The first term of Eq. vae.11, within 5 standard errors of 100,000 draws of z."""
    m = model(rng)
    x, mu, logvar = m.sample(rng, 2), rng.standard_normal((2, 3)), rng.uniform(-2, 0, (2, 3))
    exact = expected_log_likelihood(x, mu, logvar, m.w, m.b, m.std)
    for i in range(2):
        z = mu[i] + np.exp(0.5 * logvar[i]) * rng.standard_normal((100_000, 3))
        log_p = norm(z @ m.w + m.b, m.std).logpdf(x[i]).sum(axis=1)
        assert abs(log_p.mean() - exact[i]) < 5 * log_p.std() / np.sqrt(100_000)
    no_spread = expected_log_likelihood(x, mu, np.full((2, 3), -60.0), m.w, m.b, m.std)
    np.testing.assert_allclose(no_spread, norm(mu @ m.w + m.b, m.std).logpdf(x).sum(axis=1))


# --------------------------------------------------------------------- the model


def test_evidence_and_posterior_against_scipy(rng):
    """Eq. vae.08 of this model, and Bayes: p(z|x) p(x) = p(x|z) p(z) at any z."""
    m = model(rng)
    x = m.sample(rng, 4)
    evidence = multivariate_normal(m.b, m.w.T @ m.w + m.std**2 * np.eye(5)).logpdf(x)
    np.testing.assert_allclose(m.log_evidence(x), evidence)
    mean, covariance = m.posterior(x)
    z = rng.standard_normal((4, 3))
    joint = norm(z @ m.w + m.b, m.std).logpdf(x).sum(axis=1) + norm.logpdf(z).sum(axis=1)
    posterior = [multivariate_normal(mean[i], covariance).logpdf(z[i]) for i in range(4)]
    np.testing.assert_allclose(posterior + evidence, joint)


def test_samples_have_the_moments_of_the_evidence(rng):
    m, n = model(rng, 2, 3), 100_000
    x = m.sample(rng, n)
    covariance = m.w.T @ m.w + m.std**2 * np.eye(3)
    assert np.all(np.abs(x.mean(axis=0) - m.b) < 5 * np.sqrt(np.diag(covariance) / n))
    error = np.sqrt((covariance**2 + np.outer(np.diag(covariance), np.diag(covariance))) / n)
    assert np.all(np.abs(np.cov(x.T) - covariance) < 5 * error)


@pytest.mark.parametrize("dim_z, dim_x", [(1, 1), (3, 5), (6, 2)])
def test_the_gap_of_the_bound_is_the_divergence_from_the_posterior(rng, dim_z, dim_x):
    """Eq. vae.09, Eq. vae.10, Eq. vae.11, Eq. vae.13: log p(x) - ELBO = KL(q || posterior) >= 0, for any q."""
    m = model(rng, dim_z, dim_x)
    x, mu, logvar = 3 * m.sample(rng, 50), 2 * rng.standard_normal((50, dim_z)), rng.uniform(-4, 2, (50, dim_z))
    gap = m.log_evidence(x) - m.elbo(x, mu, logvar).value
    np.testing.assert_allclose(gap, m.kl_to_posterior(x, mu, logvar), rtol=1e-9)
    assert gap.min() > 0
    np.testing.assert_allclose(m.loss(x, mu, logvar), -m.elbo(x, mu, logvar).value.mean())  # Eq. vae.12


def test_with_one_code_number_the_gap_closes_at_the_posterior(rng):
    """Eq. vae.13 with equality, and there the ELBO has slope zero."""
    m = model(rng, 1, 4)
    x = m.sample(rng, 7)
    mean, covariance = m.posterior(x)
    logvar = np.full((7, 1), np.log(covariance[0, 0]))
    np.testing.assert_allclose(m.elbo(x, mean, logvar).value, m.log_evidence(x))
    np.testing.assert_allclose(m.kl_to_posterior(x, mean, logvar), 0, atol=1e-9)
    np.testing.assert_allclose(grad(lambda mu: m.loss(x, mu, logvar))(mean), 0, atol=1e-9)
    np.testing.assert_allclose(grad(lambda v: m.loss(x, mean, v))(logvar), 0, atol=1e-9)


def test_bad_arguments(rng):
    ok = {
        "x": np.zeros((2, 5)),
        "mu": np.zeros((2, 3)),
        "logvar": np.zeros((2, 3)),
        "w": np.zeros((3, 5)),
        "b": np.zeros(5),
        "std": 1.0,
    }
    expected_log_likelihood(**ok)
    for bad in (
        {"w": np.zeros((5, 3))},
        {"b": np.zeros((1, 5))},
        {"x": np.zeros((3, 5))},
        {"logvar": np.zeros((2, 2))},
        {"std": 0.0},
        {"std": -1.0},
        {"x": np.full((2, 5), np.nan)},
        {"mu": np.zeros(3), "logvar": np.zeros(3)},
    ):
        with pytest.raises(ValueError, match="must"):
            expected_log_likelihood(**{**ok, **bad})
    with pytest.raises(ValueError, match="mu_p must have the shape of mu"):
        kl_gaussians(np.zeros((2, 3)), np.zeros((2, 3)), np.zeros((1, 3)), np.zeros((2, 3)))
    for w, b, std in [
        (np.zeros(3), np.zeros(3), 1.0),
        (np.zeros((2, 3)), np.zeros(2), 1.0),
        (np.zeros((2, 3)), np.zeros(3), 0.0),
    ]:
        with pytest.raises(ValueError, match="must"):
            LinearGaussian(w, b, std)
