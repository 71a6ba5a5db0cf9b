"""The prior's loss: by hand, and for Gaussian embeddings, where the best prior and its loss are known."""

import numpy as np
import pytest

from minigen.diffusion.ddpm import q_sample
from minigen.diffusion.schedule import Schedule
from minigen.diffusion.unclip import EmbeddingPrior, prior_loss, sample_prior
from minigen.tensor import grad

SCHEDULE = Schedule([0.1, 0.6])  # alpha_bar 0.9, 0.36


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_by_hand():
    """z = (2, −1), eps = (1, 0.5), t = 2: z_t = 0.6 z + 0.8 eps = (2, −0.2). Of z_t + y, y = 0.1. Eq. diffusion.31"""
    z, eps = np.array([[2.0, -1.0]]), np.array([[1.0, 0.5]])
    loss = prior_loss(lambda z_t, t, y: z_t + y, z, 0.1, 2, eps, SCHEDULE)
    assert loss == pytest.approx((0.1**2 + 0.9**2) / 2)


def test_what_the_prior_is_told(rng):
    z, eps, y = rng.standard_normal((4, 3)), rng.standard_normal((4, 3)), ["one", "two", "three", "four"]
    t = np.array([2, 1, 1, 2])
    told = []

    def prior(z_t, t, y):
        told.append((z_t, t, y))
        return z_t

    prior_loss(prior, z, y, t, eps, SCHEDULE)
    prior_loss(prior, z, y, 2, eps, SCHEDULE)
    for (z_t, times, captions), want in zip(told, (t, np.full(4, 2))):
        np.testing.assert_array_equal(z_t, q_sample(z, want, eps, SCHEDULE))
        np.testing.assert_array_equal(times, want)
        assert captions is y


def test_the_best_prior_of_a_gaussian():
    """z ~ N(y, 1): E[z | z_t, y] = y + √ᾱ (z_t − √ᾱ y), with the mean squared error 1 − ᾱ; at 5 standard errors."""
    rng, n = np.random.default_rng(1), 100_000
    y = rng.choice([-2.0, 3.0], (n, 1))
    z, eps = y + rng.standard_normal((n, 1)), rng.standard_normal((n, 1))
    for t, alpha_bar in [(1, 0.9), (2, 0.36)]:
        root = np.sqrt(alpha_bar)
        best = prior_loss(lambda z_t, t, y: y + root * (z_t - root * y), z, y, t, eps, SCHEDULE)
        assert abs(best - (1 - alpha_bar)) < 5 * (1 - alpha_bar) * np.sqrt(2 / n)


def test_gradient_and_dtypes(rng):
    z, eps = rng.standard_normal((2, 4, 3)).astype(np.float32)

    def loss(w):
        return prior_loss(lambda z_t, t, y: w * z_t, z, None, 2, eps, SCHEDULE)

    z_t = q_sample(z, 2, eps, SCHEDULE)
    w = np.array(0.5, np.float32)
    slope = grad(loss)(w)
    assert loss(w).dtype == slope.dtype == np.float32
    np.testing.assert_allclose(slope, np.mean(2 * (0.5 * z_t - z) * z_t), rtol=1e-4)


Z = np.ones((2, 3))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: prior_loss(lambda z, t, y: z, Z, None, 1, Z[:1], SCHEDULE), "eps must have the shape of z"),
        (lambda: prior_loss(lambda z, t, y: z, Z, None, 0, Z, SCHEDULE), r"t must be in 1..2"),
        (lambda: prior_loss(lambda z, t, y: z, Z, None, np.ones(3, int), Z, SCHEDULE), "t must be one time step"),
        (lambda: prior_loss(lambda z, t, y: z, Z.astype(int), None, 1, Z, SCHEDULE), "z must be an array of floats"),
        (lambda: prior_loss(lambda z, t, y: z, Z, None, 1, Z * np.nan, SCHEDULE), "eps must be finite"),
        (lambda: prior_loss(lambda z, t, y: z[:, :1], Z, None, 1, Z, SCHEDULE), "prior must return the shape of z"),
        (lambda: prior_loss(None, Z, None, 1, Z, SCHEDULE), "prior must be a function"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# ------------------------------------------------------------------------------------------- the prior


def test_a_prior_of_gaussians_is_sampled(rng):
    """z given y is N(y, 0.25 I): with the exact prior, samples have this mean and this variance. Eq. diffusion.31"""
    schedule, n = Schedule.cosine(200), 4000
    y = np.repeat(np.array([[1.0, -2.0, 0.5]], np.float32), n, axis=0)

    def exact(z_t, t, y):
        a = schedule.alpha_bar[t][:, None]
        return (y + np.sqrt(a) * 0.25 * (z_t - np.sqrt(a) * y) / (a * 0.25 + 1 - a)).astype(np.float32)

    z = sample_prior(exact, y, 3, schedule, rng, steps=100)
    assert z.shape == (n, 3) and z.dtype == np.float32
    np.testing.assert_allclose(z.mean(axis=0), y[0], atol=5 * 0.5 / np.sqrt(n) + 0.01)
    np.testing.assert_allclose(z.std(axis=0), 0.5, atol=0.03)


def test_the_network(rng):
    prior = EmbeddingPrior(rng, dim=3, dim_text=4, width=8, layers=2)
    z, y, t = (rng.standard_normal(s).astype(np.float32) for s in [(5, 3), (5, 4), (5,)])
    t = np.arange(1, 6)
    assert not prior(z, t, y).any(), "it starts with zero"
    for a in prior.parameters().values():
        a += 0.3 * rng.standard_normal(a.shape).astype(np.float32)
    out = prior(z, t, y)
    assert out.shape == (5, 3) and out.dtype == np.float32
    for other in (prior(z + 1, t, y), prior(z, t + 3, y), prior(z, t, y + 1)):
        assert np.all(np.abs(other - out).max(axis=1) > 1e-3)
    np.testing.assert_allclose(prior(z[2:3], t[2:3], y[2:3]), out[2:3], rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="y must have shape"):
        prior(z, t, y[:, :3])
    with pytest.raises(ValueError, match="rng"):
        sample_prior(prior, y, 3, SCHEDULE, 0)
