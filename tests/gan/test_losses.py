"""The losses against sums over probabilities, at any logit; the perfect discriminator against the JS divergence."""

from decimal import Decimal, localcontext

import numpy as np
import pytest

from minigen.gan.losses import (
    discriminator_loss,
    generator_loss_minimax,
    generator_loss_nonsaturating,
    optimal_discriminator,
    value_at_optimum,
)
from minigen.metrics import js_divergence, js_on_grid
from minigen.tensor import grad, jacobian

GENERATOR_LOSSES = [generator_loss_minimax, generator_loss_nonsaturating]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def log_sigmoid(l, negated=False):
    """log σ(l), or log(1 − σ(l)), with 80 digits, from the definition of σ."""
    with localcontext() as context:
        context.prec = 80
        probability = 1 / (1 + (-Decimal(float(l))).exp())
        return float((1 - probability if negated else probability).ln())


# --------------------------------------------------------------------- values, Eq. gan.03


def test_by_hand():
    """Eq. gan.03 at D = 0.8 on the real example and D = 0.4 on the fake: −log 0.8 − log 0.6."""

    def logit(d):
        return np.array([np.log(d / (1 - d))])

    np.testing.assert_allclose(discriminator_loss(logit(0.8), logit(0.4)), -np.log(0.8) - np.log(0.6), rtol=1e-14)
    np.testing.assert_allclose(generator_loss_minimax(logit(0.4)), np.log(0.6), rtol=1e-14)
    np.testing.assert_allclose(generator_loss_nonsaturating(logit(0.4)), -np.log(0.4), rtol=1e-14)
    # an undecided discriminator: 2 log 2 for it, −log 2 and log 2 for the generator
    undecided = np.zeros(3)
    np.testing.assert_allclose(discriminator_loss(undecided, undecided), 2 * np.log(2))
    np.testing.assert_allclose([loss(undecided) for loss in GENERATOR_LOSSES], [-np.log(2), np.log(2)])


@pytest.mark.parametrize("dtype, rtol", [(np.float32, 2e-6), (np.float64, 1e-12)])
def test_sums_over_probabilities_at_moderate_logits(rng, dtype, rtol):
    """Eq. gan.03: means over batches of different sizes, each with its own mean."""
    real, fake = (rng.uniform(-4, 4, n).astype(dtype) for n in (7, 11))
    d_real, d_fake = (1 / (1 + np.exp(-l.astype(float))) for l in (real, fake))
    expected = -sum(np.log(d_real)) / 7 - sum(np.log(1 - d_fake)) / 11
    np.testing.assert_allclose(discriminator_loss(real, fake), expected, rtol=rtol)
    np.testing.assert_allclose(generator_loss_minimax(fake), sum(np.log(1 - d_fake)) / 11, rtol=rtol)
    np.testing.assert_allclose(generator_loss_nonsaturating(fake), -sum(np.log(d_fake)) / 11, rtol=rtol)
    for value in (discriminator_loss(real, fake), *(loss(fake) for loss in GENERATOR_LOSSES)):
        assert value.dtype == dtype and np.shape(value) == ()


@pytest.mark.parametrize("l", [-100.0, -40.0, -5.0, 0.0, 5.0, 40.0, 100.0])
def test_stable_at_any_logit(l):
    """Eq. gan.03 where σ rounds to 0 or 1: relative errors of rounding size, against 80 digits."""
    one = np.array([l])
    undecided = np.zeros(1)  # adds exactly log 2
    np.testing.assert_allclose(generator_loss_minimax(one), log_sigmoid(l, negated=True), rtol=1e-14)
    np.testing.assert_allclose(generator_loss_nonsaturating(one), -log_sigmoid(l), rtol=1e-14)
    np.testing.assert_allclose(discriminator_loss(one, undecided), np.log(2) - log_sigmoid(l), rtol=1e-14)
    np.testing.assert_allclose(discriminator_loss(undecided, one), np.log(2) - log_sigmoid(l, True), rtol=1e-14)
    np.testing.assert_allclose(discriminator_loss(one, -one), -2 * log_sigmoid(l), rtol=1e-14)
    in_float32 = np.float32(one)
    np.testing.assert_allclose(discriminator_loss(in_float32, -in_float32), -2 * log_sigmoid(l), rtol=1e-6, atol=1e-38)


@pytest.mark.parametrize("smooth", [0.1, 0.25])
def test_one_sided_smoothing(rng, smooth):
    """The target of the real is 1 − s, that of the fakes stays 0 (two-sided smoothing would change the second sum)."""
    real, fake = rng.uniform(-4, 4, (2, 6))
    d_real, d_fake = 1 / (1 + np.exp(-real)), 1 / (1 + np.exp(-fake))
    expected = -np.mean((1 - smooth) * np.log(d_real) + smooth * np.log(1 - d_real)) - np.mean(np.log(1 - d_fake))
    np.testing.assert_allclose(discriminator_loss(real, fake, smooth), expected, rtol=1e-12)
    best = np.array([np.log((1 - smooth) / smooth)])  # the loss on real examples is least where D = 1 − s
    np.testing.assert_allclose(grad(discriminator_loss)(best, np.zeros(1), smooth), [0], atol=1e-15)
    # also at logits where σ rounds: −log D + s·l
    np.testing.assert_allclose(
        discriminator_loss(np.array([100.0]), np.array([-100.0]), smooth),
        -(1 - smooth) * log_sigmoid(100) - smooth * log_sigmoid(100, True) - log_sigmoid(-100, True),
        rtol=1e-14,
    )


# --------------------------------------------------------------------- gradients


@pytest.mark.parametrize("dtype, rtol", [(np.float32, 2e-5), (np.float64, 2e-13)])
@pytest.mark.parametrize("l", [-80.0, -20.0, -3.0, 0.0, 3.0, 20.0, 80.0])
def test_gradients_at_any_logit(l, dtype, rtol):
    """d/dl of −log σ, of −log(1 − σ) and of log(1 − σ) is −σ(−l), σ(l) and −σ(l), however small. Eq. gan.03"""
    sigma, below = np.exp(log_sigmoid(l)), np.exp(log_sigmoid(l, negated=True))
    one, undecided = np.array([l], dtype), np.zeros(1, dtype)
    for loss, expected in [
        (lambda a: discriminator_loss(a, undecided), -below),
        (lambda a: discriminator_loss(undecided, a), sigma),
        (generator_loss_minimax, -sigma),
        (generator_loss_nonsaturating, -below),
    ]:
        gradient = grad(loss)(one)
        assert gradient.dtype == dtype
        np.testing.assert_allclose(gradient, [expected], rtol=rtol, atol=1e-35)


# --------------------------------------------------------------------- the perfect discriminator


def normal(x, mu, sigma):
    return np.exp(-0.5 * ((x - mu) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))


def test_optimal_discriminator_by_hand():
    """Eq. gan.06: A/(A + B), and 1/2 where nothing lives."""
    p_r, p_g = np.array([0.3, 0.5, 0.0, 0.2, 0.0]), np.array([0.1, 0.5, 0.4, 0.0, 0.0])
    np.testing.assert_allclose(optimal_discriminator(p_r, p_g), [0.75, 0.5, 0, 1, 0.5])
    assert optimal_discriminator(np.float32(p_r), np.float32(p_g)).dtype == np.float32
    np.testing.assert_allclose(optimal_discriminator([3], [1]), [0.75])  # whole numbers are densities too
    np.testing.assert_allclose(optimal_discriminator(p_r, p_g) + optimal_discriminator(p_g, p_r), np.ones(5))


def test_no_logit_beats_the_optimal_discriminator(rng):
    """Eq. gan.06: at its logit the loss of D, weighted by the densities, is least, and its derivative is zero."""
    p_r, p_g = rng.uniform(0.01, 1, (2, 20))
    d = optimal_discriminator(p_r, p_g)

    def loss(l):
        return p_r * np.array([discriminator_loss(a[None], np.zeros(1)) for a in l]) + p_g * np.array(
            [discriminator_loss(np.zeros(1), a[None]) for a in l]
        )

    best = np.log(d / (1 - d))
    for shift in (-1.0, -1e-2, 1e-2, 1.0):
        assert np.all(loss(best + shift) > loss(best))
    slope = jacobian(lambda l: sum(p_r[i] * discriminator_loss(l[i : i + 1], np.zeros(1)) for i in range(20)))(best)
    slope += jacobian(lambda l: sum(p_g[i] * discriminator_loss(np.zeros(1), l[i : i + 1]) for i in range(20)))(best)
    np.testing.assert_allclose(slope, np.zeros(20), atol=1e-12)


@pytest.mark.parametrize("mu, sigma", [(0.0, 1.0), (0.5, 1.0), (3.0, 0.4), (8.0, 0.1), (0.0, 3.0)])
def test_value_at_optimum_is_the_js_divergence(mu, sigma):
    """Eq. gan.09: 2·JS − 2 log 2, the JS from an independent quadrature; also where one density is 1e-300 of the
    other."""
    x, dx = np.linspace(-20, 20, 16001, retstep=True)
    p_r, p_g = normal(x, 0, 1), normal(x, mu, sigma)
    with np.errstate(divide="ignore"):
        js = js_on_grid(np.log(p_r), np.log(p_g), dx)
    np.testing.assert_allclose(value_at_optimum(p_r, p_g, dx), 2 * js - 2 * np.log(2), atol=1e-12)


def test_value_at_optimum_of_probability_vectors(rng):
    """Eq. gan.04, Eq. gan.09 with cells of size one, zeros included; any shape of grid."""
    p_r, p_g = rng.dirichlet(np.full(12, 0.5), 2)
    p_r[:3], p_g[2:5] = 0, 0
    p_r, p_g = p_r / p_r.sum(), p_g / p_g.sum()
    expected = 2 * js_divergence(p_r, p_g) - 2 * np.log(2)
    np.testing.assert_allclose(value_at_optimum(p_r, p_g, 1.0), expected, rtol=1e-12)
    np.testing.assert_allclose(value_at_optimum(p_r.reshape(3, 4), p_g.reshape(3, 4), 1.0), expected, rtol=1e-12)


def test_value_at_optimum_at_the_ends():
    """Eq. gan.07: −2 log 2 when the densities agree; 0, its largest value, when they are disjoint."""
    x, dx = np.linspace(-10, 10, 4001, retstep=True)
    p = normal(x, 0, 1)
    np.testing.assert_allclose(value_at_optimum(p, p, dx), -2 * np.log(2), atol=1e-12)
    np.testing.assert_allclose(value_at_optimum(np.float32(p), np.float32(p), float(dx)), -2 * np.log(2), atol=1e-6)
    left, right = np.array([0.5, 0.5, 0, 0]), np.array([0, 0, 0.5, 0.5])
    assert value_at_optimum(left, right, 1.0) == 0
    assert isinstance(value_at_optimum(left, right, 1.0), float)


# --------------------------------------------------------------------- errors


@pytest.mark.parametrize("smooth", [-0.1, 1.0, np.nan, "0.1", True, None])
def test_bad_smooth(smooth):
    with pytest.raises(ValueError, match=r"smooth must be a number in \[0, 1\), got"):
        discriminator_loss(np.zeros(2), np.zeros(2), smooth=smooth)


@pytest.mark.parametrize("fn", [optimal_discriminator, lambda p, q: value_at_optimum(p, q, 0.1)])
def test_bad_densities(fn):
    with pytest.raises(ValueError, match=r"p_g must have the shape of p_r, \(3,\), got \(4,\)"):
        fn(np.ones(3), np.ones(4))
    with pytest.raises(ValueError, match="p_g must be nonnegative, got values from -1"):
        fn(np.ones(2), np.array([1.0, -1.0]))
    with pytest.raises(ValueError, match="p_r must be finite, got 2 non-finite values"):
        fn(np.array([np.inf, np.nan]), np.ones(2))
