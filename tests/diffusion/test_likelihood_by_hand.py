"""The variational bound: its last term dimension by dimension, and the noise that the other terms are computed with."""

import numpy as np

from minigen.diffusion.likelihood import prior_term, vlb_terms
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
