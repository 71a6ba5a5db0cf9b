"""Units of likelihood, and the gap of a model to the truth. Eq. gan.01"""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

import minigen.metrics
from minigen.metrics import bits_per_dim, dequantization_bits, kl_normal, nats_to_bits, nll_gap


def test_bits():
    assert nats_to_bits(np.log(2)) == pytest.approx(1) and type(nats_to_bits(1.0)) is float
    assert np.allclose(nats_to_bits([0.0, np.log(8)]), [0, 3])


def test_bits_per_dim_of_uniform_images():
    # 784 pixels, each level of 256 equally likely: 8 bits a pixel, from the probability and from both densities
    assert bits_per_dim(784 * np.log(256), 784) == pytest.approx(8)
    assert bits_per_dim(0.0, 784, levels=256) == pytest.approx(8)  # density 1 over [0, 1]
    assert np.allclose(bits_per_dim([0.0, 784 * np.log(2)], 784), [0, 1])
    assert type(bits_per_dim(1.0, 2)) is float


LEVELS = np.array([1 / 2, 1 / 4, 1 / 8, 1 / 8])  # entropy 7/4 bits


def midpoints(k):
    return (np.arange(k) + 0.5) / k


def test_a_density_that_is_flat_on_each_level_meets_the_bound():
    """With p(x + u) = P(x) for every u both numbers are -log2 P(x), and their mean is the entropy. Theis et al. 2016"""
    bound, code = dequantization_bits(np.log(LEVELS)[:, None] * np.ones(5))
    np.testing.assert_allclose(code, [1, 2, 3, 3])
    np.testing.assert_allclose(bound, code)
    assert LEVELS @ bound == pytest.approx(1.75)
    of_four, _ = dequantization_bits(np.log(LEVELS)[:, None] * np.ones(5), dims=4)
    np.testing.assert_allclose(of_four, [1 / 4, 2 / 4, 3 / 4, 3 / 4])


def test_a_slope_on_each_level_costs_one_minus_log_2_nats():
    """p(x + u) = 2u P(x): the same code, and a bound that is KL(uniform || 2u) = 1 - log 2 nats longer.

    Noise of the density 2u, u = sqrt(uniform), meets the bound again. Ho et al. 2019
    """
    u = midpoints(100_000)
    bound, code = dequantization_bits(np.log(LEVELS)[:, None] + np.log(2 * u))
    np.testing.assert_allclose(code, [1, 2, 3, 3], atol=1e-9)
    np.testing.assert_allclose(bound - code, 1 / np.log(2) - 1, atol=1e-4)
    u = np.sqrt(u)
    bound, code = dequantization_bits(np.log(LEVELS)[:, None] + np.log(2 * u), np.log(2 * u) * np.ones((4, 1)))
    np.testing.assert_allclose([bound, code], [[1, 2, 3, 3]] * 2)


def test_code_length_under_a_normal_density():
    """The mean of p over a level is a difference of two values of the distribution function; the bound is above it."""
    x, scale = np.arange(-3, 3), 0.7
    truth = -np.log2(np.diff(stats.norm.cdf(np.arange(-3, 4), scale=scale)))
    bound, code = dequantization_bits(stats.norm.logpdf(x[:, None] + midpoints(2000), scale=scale))
    np.testing.assert_allclose(code, truth, atol=1e-5)
    moments = (np.arange(-2, 4) ** 3 - np.arange(-3, 3) ** 3) / 3  # E (x + u)^2
    by_hand = (moments / (2 * scale**2) + 0.5 * np.log(2 * np.pi * scale**2)) / np.log(2)
    np.testing.assert_allclose(bound, by_hand, atol=1e-5)
    assert np.all(bound > code + 0.01)
    shifted = stats.norm.logpdf(x[:, None] + midpoints(2000), scale=scale) - 6000.0  # as for an image
    np.testing.assert_allclose(dequantization_bits(shifted)[1], truth + 6000 / np.log(2))


def log_normal(mu, sigma):
    return lambda x: -0.5 * (((x - mu) / sigma) ** 2).sum(axis=1) - x.shape[1] * np.log(sigma * np.sqrt(2 * np.pi))


def test_nll_gap_estimates_the_divergence():
    x = np.random.default_rng(0).standard_normal((50_000, 2))
    truth = SimpleNamespace(log_prob=log_normal(0, 1))
    gap, error = nll_gap(truth, log_normal(0.1, 1.1), x)
    assert gap == pytest.approx(2 * kl_normal(0, 1, 0.1, 1.1), abs=5 * error)
    assert gap > 5 * error > 0
    assert nll_gap(truth, truth.log_prob, x) == (0.0, 0.0)
    assert type(gap) is float and type(error) is float


def test_nll_gap_bad_input():
    x = np.zeros((4, 2))
    truth = SimpleNamespace(log_prob=log_normal(0, 1))
    with pytest.raises(ValueError, match=r"log_prob\(x\) must have shape \(4,\), got \(4, 1\)"):
        nll_gap(truth, lambda x: np.zeros((4, 1)), x)
    with pytest.raises(ValueError, match=r"log_prob\(x\) must be finite, got 4 non-finite values"):
        nll_gap(truth, lambda x: np.full(4, -np.inf), x)
    with pytest.raises(ValueError, match=r"x must have shape \(N, D\), got \(4,\)"):
        nll_gap(truth, truth.log_prob, x[:, 0])


def test_all_names_are_exported_and_documented():
    for name in minigen.metrics.__all__:
        doc = getattr(minigen.metrics, name).__doc__
        assert doc and "ValueError" in doc, name


def test_importing_the_metrics_loads_no_scipy():
    code = "import sys, minigen.metrics; sys.exit(any(m.split('.')[0] in ('scipy', 'matplotlib') for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
