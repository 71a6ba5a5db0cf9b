"""The variational bound: its last term dimension by dimension, and the noise that the other terms are computed with."""

import numpy as np
import pytest

from minigen.diffusion.likelihood import bound_weight, prior_term, vlb_term, vlb_terms
from minigen.diffusion.schedule import Schedule


def test_the_prior_term_sums_over_dimensions():
    """KL(N(√ᾱ x, 1 − ᾱ) ‖ N(0, 1)) = ½ (ᾱ x² + (1 − ᾱ) − 1 − log(1 − ᾱ)), over all numbers of an image."""
    schedule = Schedule([0.1, 0.6])  # alpha_bar 0.9, 0.36
    x0 = np.random.default_rng(0).standard_normal((3, 2, 4, 1))
    nats = np.zeros(3)
    for n, i, j in np.ndindex(3, 2, 4):
        mean, variance = 0.6 * x0[n, i, j, 0], 0.64
        nats[n] += (mean**2 + variance - 1 - np.log(variance)) / 2
    np.testing.assert_allclose(prior_term(x0, schedule), nats, rtol=1e-12)


def test_each_time_has_noise_of_its_own():
    """x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε: the ε of the times 1, 2 and 3 are three draws of the generator."""
    schedule, received = Schedule([0.1, 0.3, 0.6]), {}

    def eps_model(x, t):
        received[int(np.unique(t).item())] = x
        return 0 * x

    x0 = np.random.default_rng(0).standard_normal((4, 3))
    vlb_terms(eps_model, x0, schedule, np.random.default_rng(1))
    noise = np.random.default_rng(1)
    for t in (1, 2, 3):
        a = schedule.alpha_bar[t]
        np.testing.assert_allclose((received[t] - np.sqrt(a) * x0) / np.sqrt(1 - a), noise.standard_normal((4, 3)))


def test_the_weight_of_an_error_of_the_noise_is_its_price_in_the_bound():
    """At x_t = 0 the prediction 0 is right, the prediction 1 costs the weight in each dimension. Eq. diffusion.14"""
    schedule, t = Schedule([0.1, 0.3, 0.6]), np.array([1, 2, 3])
    zero = np.zeros((3, 2))
    for variance, sigma2 in (("beta", schedule.beta), ("posterior", schedule.posterior_variance_clipped)):
        right, wrong = (vlb_term(lambda x, t: zero + e, zero, t, zero, schedule, variance) for e in (0, 1))
        np.testing.assert_allclose(wrong - right, 2 * bound_weight(t, schedule, sigma2[t]), rtol=1e-9)


def test_the_weight_of_the_first_step_by_hand():
    """β = 1/4, α = ᾱ = 3/4, σ² = 1/8: 1/16 over 2 · 1/8 · 3/4 · 1/4."""
    assert bound_weight(1, Schedule([1 / 4]), 1 / 8) == pytest.approx(4 / 3, rel=1e-12)


def test_the_weight_refuses_times_that_do_not_exist():
    with pytest.raises(ValueError, match="t"):
        bound_weight(4, Schedule([0.1, 0.3, 0.6]), 0.1)
