"""Score matching and annealed Langevin dynamics with a network of random weights, against plain NumPy."""

import numpy as np
import pytest

from minigen.diffusion.networks.mlp import EpsMLP
from minigen.diffusion.score import denoising_score_matching_loss, ncsn_sample
from tests import plain


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def network(rng):
    return plain.random_weights(EpsMLP(rng, 3, 8, 1, 4), rng)


def score(x, sigma, network):
    """The network at a level for each example."""
    return plain.mlp(np.concatenate([x, plain.sinusoidal(sigma, 4)], axis=1), network.body.layers, plain.silu)


def test_the_loss_sums_over_dimensions_and_weighs_each_level_by_its_variance(rng, network):
    """The mean over examples of ½ σ² Σ_d (s(x + σ ε, σ) + ε/σ)²."""
    x, eps, sigma = rng.standard_normal((4, 3)), rng.standard_normal((4, 3)), np.array([0.1, 0.5, 2.0, 7.0])
    s = sigma[:, None]
    gap = score(x + s * eps, sigma, network) + eps / s
    expected = (0.5 * sigma**2 * (gap**2).sum(axis=1)).mean()
    assert denoising_score_matching_loss(network, x, sigma, eps) == pytest.approx(expected, rel=1e-5)


def test_sampling_goes_through_the_levels_with_steps_in_proportion_to_their_variance(network):
    """Two steps at each of three levels: x ← x + α/2 s(x, σ) + √α z, α = 0.3 σ²."""
    sigmas, x = [2.0, 0.7, 0.1], np.random.default_rng(1).standard_normal((5, 3))
    samples = ncsn_sample(network, x, sigmas, np.random.default_rng(2), 2, 0.3)
    noise = np.random.default_rng(2)
    for sigma in sigmas:
        for _ in range(2):
            alpha, z = 0.3 * sigma**2, noise.standard_normal((5, 3))
            x = x + alpha / 2 * score(x, np.full(5, sigma), network) + np.sqrt(alpha) * z
    np.testing.assert_allclose(samples, x, atol=1e-5)
