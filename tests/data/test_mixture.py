"""Mixtures of Gaussians against SciPy's multivariate normal."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from minigen.data.toy import GaussianMixture

WEIGHTS = np.array([0.5, 0.2, 0.3])
MEANS = np.array([[0.0, 1.0], [2.0, -1.0], [-1.5, 0.5]])
COVARIANCES = np.array([[[1.0, 0.6], [0.6, 0.8]], [[0.3, 0.0], [0.0, 0.1]], [[0.5, -0.3], [-0.3, 0.4]]])


def mixture():
    return GaussianMixture(MEANS, covariances=COVARIANCES, weights=5 * WEIGHTS)


def scipy_terms(x, means=MEANS, covariances=COVARIANCES):
    parts = [w * multivariate_normal(m, c).pdf(x) for w, m, c in zip(WEIGHTS, means, covariances)]
    return np.stack(parts, axis=1)


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(0, 2, (500, 2))


def test_log_prob(x):
    np.testing.assert_allclose(mixture().log_prob(x), np.log(scipy_terms(x).sum(axis=1)), rtol=1e-10)


def test_log_prob_far_away_does_not_underflow():
    far = np.array([[100.0, 100.0]])
    expected = np.log(0.5) + multivariate_normal(MEANS[0], COVARIANCES[0]).logpdf(far)
    np.testing.assert_allclose(mixture().log_prob(far), expected, rtol=1e-12)
    assert np.isfinite(mixture().score(far)).all()


def test_score_is_the_gradient(x):
    g = mixture()
    slopes = [(g.log_prob(x + 1e-5 * e) - g.log_prob(x - 1e-5 * e)) / 2e-5 for e in np.eye(2)]
    np.testing.assert_allclose(g.score(x), np.stack(slopes, axis=1), rtol=1e-5, atol=1e-6)


def test_responsibilities_are_bayes_rule(x):
    terms = scipy_terms(x)
    np.testing.assert_allclose(mixture().responsibilities(x), terms / terms.sum(axis=1, keepdims=True), rtol=1e-9)


def test_samples_come_from_their_components():
    n = 60_000
    x, labels = mixture().sample_with_labels(np.random.default_rng(1), n)
    assert x.dtype == np.float32 and x.shape == (n, 2) and labels.shape == (n,)
    for k in range(3):
        own = x[labels == k].astype(np.float64)
        error = 5 / np.sqrt(len(own))
        assert len(own) / n == pytest.approx(WEIGHTS[k], abs=5 * np.sqrt(WEIGHTS[k] / n))
        np.testing.assert_allclose(own.mean(axis=0), MEANS[k], atol=error)
        np.testing.assert_allclose(np.cov(own.T), COVARIANCES[k], atol=2 * error)


def test_noised_is_the_density_of_a_scaled_and_noised_sample(x):
    alpha, sigma = 0.7, 0.5
    covariances = alpha**2 * COVARIANCES + sigma**2 * np.eye(2)
    expected = scipy_terms(x, alpha * MEANS, covariances).sum(axis=1)
    np.testing.assert_allclose(mixture().noised(alpha, sigma).log_prob(x), np.log(expected), rtol=1e-10)
    np.testing.assert_allclose(mixture().noised(1.0, 0.0).log_prob(x), mixture().log_prob(x), rtol=1e-10)


def test_moments_and_standardization(x):
    mean, scale = mixture().moments()
    expected_mean = WEIGHTS @ MEANS
    second = np.einsum("k,kij->ij", WEIGHTS, COVARIANCES + np.einsum("ki,kj->kij", MEANS, MEANS))
    np.testing.assert_allclose(mean, expected_mean)
    np.testing.assert_allclose(scale, np.sqrt(np.diag(second) - expected_mean**2))
    standard = mixture().standardized()
    assert isinstance(standard, GaussianMixture)
    np.testing.assert_allclose(standard.log_prob(x), mixture().log_prob(mean + scale * x) + np.log(scale).sum())
    np.testing.assert_allclose(standard.moments(), [[0, 0], [1, 1]], atol=1e-12)


def test_entropy_of_one_gaussian_is_closed():
    one = GaussianMixture(MEANS[:1], covariances=COVARIANCES[:1])
    assert one.entropy() == pytest.approx(multivariate_normal(MEANS[0], COVARIANCES[0]).entropy(), abs=1e-9)
    assert GaussianMixture([[2.0]], std=0.3).entropy() == pytest.approx(0.5 * np.log(2 * np.pi * np.e * 0.09), abs=1e-9)


def test_entropy_of_overlapping_gaussians_by_a_fine_grid():
    g = mixture()
    centers, area = g.cells(900)
    log_p = g.log_prob(centers)
    assert g.entropy() == pytest.approx(-np.sum(np.exp(log_p) * log_p) * area, abs=1e-6)


def test_one_and_three_dimensions():
    line = GaussianMixture([[-1.0], [2.0]], std=[0.5, 0.2], weights=[1, 3])
    assert line.dim == 1 and len(line.bounds) == 2
    centers, width = line.cells(2000)
    assert line.prob(centers).sum() * width == pytest.approx(1, abs=1e-6)
    assert line.prob(np.array([[2.0]]))[0] == pytest.approx(0.75 / (0.2 * np.sqrt(2 * np.pi)), rel=1e-6)
    space = GaussianMixture(np.zeros((1, 3)), std=2.0)
    assert space.log_prob(np.zeros((1, 3)))[0] == pytest.approx(-1.5 * np.log(2 * np.pi * 4))
    with pytest.raises(NotImplementedError, match="D = 3"):
        space.entropy()


def test_std_only_where_it_means_something():
    assert GaussianMixture(MEANS, std=0.2).std == pytest.approx(0.2)
    assert GaussianMixture(MEANS, std=[0.1, 0.2, 0.3]).std is None
    assert mixture().std is None
    np.testing.assert_allclose(GaussianMixture([[0, 0]], covariances=[[[4, 0], [0, 9]]]).std, [2, 3])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"means": [1.0, 2.0], "std": 1}, r"means must have shape \(K, D\), got \(2,\)"),
        ({"means": MEANS}, r"std or covariances must be given, and not both"),
        ({"means": MEANS, "std": 1, "covariances": COVARIANCES}, r"std or covariances must be given, and not both"),
        ({"means": MEANS, "std": -1}, r"std must be one positive number or 3 of them"),
        ({"means": MEANS, "std": [1, 2]}, r"std must be one positive number or 3 of them"),
        ({"means": MEANS, "covariances": COVARIANCES[:2]}, r"covariances must have shape \(3, 2, 2\), got \(2, 2, 2\)"),
        ({"means": MEANS, "covariances": -COVARIANCES}, r"covariances must be symmetric and positive definite"),
        ({"means": MEANS, "std": 1, "weights": [1, 2]}, r"weights must have shape \(3,\), got \(2,\)"),
        ({"means": MEANS, "std": 1, "weights": [1, 2, 0]}, r"weights must be positive, got 0"),
        ({"means": [[np.inf, 0]], "std": 1}, r"means must be finite"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixture(**arguments)


# -- the posterior of the data given a noisy point ---------------------------------------------------------------------

POSTERIOR = GaussianMixture(
    [[-1.0, 0.5], [1.5, 0.0], [0.0, -1.0]],
    covariances=[[[0.5, 0.2], [0.2, 0.3]], [[0.1, 0.0], [0.0, 0.4]], [[0.2, -0.1], [-0.1, 0.2]]],
    weights=[1, 2, 3],
)


@pytest.mark.parametrize(("alpha", "sigma"), [(0.8, 0.6), (0.3, 0.95), (1.0, 2.0)])
def test_posterior_by_tweedie(alpha, sigma):
    """E[x0 | x] = (x + σ² s)/α, and its covariance is σ²/α² (I + σ² ∂s/∂x), s the score of the noisy density."""
    x, e = np.random.default_rng(1).standard_normal((6, 2)), 1e-5
    noised = POSTERIOR.noised(alpha, sigma)
    mean, covariance = POSTERIOR.posterior(x, alpha, sigma)
    assert np.allclose(mean, (x + sigma**2 * noised.score(x)) / alpha)
    slopes = [(noised.score(x + s) - noised.score(x - s)) / (2 * e) for s in e * np.eye(2)]
    assert np.allclose(covariance, (sigma / alpha) ** 2 * (np.eye(2) + sigma**2 * np.stack(slopes, axis=2)), atol=1e-7)


def test_posterior_by_quadrature():
    centers, volume = POSTERIOR.cells(400)
    x, alpha, sigma = np.array([0.4, -0.3]), 0.7, 0.5
    log_joint = POSTERIOR.log_prob(centers) - 0.5 * np.sum((x - alpha * centers) ** 2, axis=1) / sigma**2
    weights = np.exp(log_joint - log_joint.max())
    weights /= weights.sum()
    mean = weights @ centers
    covariance = (weights[:, None] * (centers - mean)).T @ (centers - mean)
    found = POSTERIOR.posterior(x[None], alpha, sigma)
    assert np.allclose(found[0][0], mean, atol=1e-6) and np.allclose(found[1][0], covariance, atol=1e-6)


def test_posterior_at_both_ends():
    x = np.random.default_rng(2).standard_normal((4, 2))
    mean, covariance = POSTERIOR.posterior(x, 0.5, 0.0)
    assert np.allclose(mean, 2 * x) and np.allclose(covariance, 0, atol=1e-12)
    mean, covariance = POSTERIOR.posterior(x, 0.0, 1.0)
    prior, deviations = POSTERIOR.moments()
    assert np.allclose(mean, prior) and np.allclose(np.diagonal(covariance, axis1=1, axis2=2), deviations**2)
    with pytest.raises(ValueError, match="alpha and sigma must not both be 0"):
        POSTERIOR.posterior(x, 0.0, 0.0)
    found = POSTERIOR.posterior(x.astype(np.float32), 0.5, 0.5)
    assert {a.dtype for a in found} == {np.dtype("float32")}
