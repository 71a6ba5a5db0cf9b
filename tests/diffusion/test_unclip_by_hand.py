"""The prior of embeddings against plain NumPy: the network with random weights, and each step of its sampler."""

import numpy as np

from minigen.diffusion.schedule import Schedule
from minigen.diffusion.unclip import EmbeddingPrior, sample_prior
from tests import plain


def test_the_network():
    """Embedding, time and text side by side, in this order; SiLU, residual hidden layers, a linear output."""
    rng = np.random.default_rng(0)
    prior = plain.random_weights(EmbeddingPrior(rng, 3, 5, 8, 2, 4), rng)
    assert len(prior.layers) == 2
    z, t, y = rng.standard_normal((4, 3)), np.array([1, 9, 80, 700]), rng.standard_normal((4, 5))
    h = plain.silu(plain.linear(np.concatenate([z, plain.sinusoidal(t, 4), y], axis=1), prior.first))
    for layer in prior.layers:
        h = h + plain.silu(plain.linear(h, layer))
    np.testing.assert_allclose(prior(z, t, y), plain.linear(h, prior.last), atol=1e-6)


def test_the_sampler_takes_as_many_steps_as_it_is_asked_for():
    """DDIM at the times 12, 9, 6 and 3 of 12: x ← √ᾱ_s ẑ + √(1 − ᾱ_s) ε, ε = (x − √ᾱ_t ẑ)/√(1 − ᾱ_t)."""
    schedule, y, times = Schedule.cosine(12), np.array([[0.5, -1.0], [2.0, 0.25], [0.0, 1.0]], np.float32), []

    def prior(z_t, t, y):
        times.append(int(t[0]))
        return np.tanh(z_t) * y

    sample = sample_prior(prior, y, 2, schedule, np.random.default_rng(5), 4)
    assert times == [12, 9, 6, 3]
    x = np.random.default_rng(5).standard_normal((3, 2), dtype=np.float32).astype(float)
    for t, s in [(12, 9), (9, 6), (6, 3), (3, 0)]:
        a, b = schedule.alpha_bar[t], schedule.alpha_bar[s]
        z = np.tanh(x) * y
        x = np.sqrt(b) * z + np.sqrt(1 - b) * (x - np.sqrt(a) * z) / np.sqrt(1 - a)
    np.testing.assert_allclose(sample, x, atol=1e-5)
