"""What guidance samples, for Gaussians: closed forms against simulations, quadrature and each other."""

import autograd
import numpy
import pytest
from scipy.integrate import quad

from minigen.diffusion.feynman_kac import log_weight_increment
from minigen.diffusion.guidance import (
    SAMPLERS,
    gaussian_guided,
    guided_gaussian_variance,
    relative_exponential,
)
from minigen.tensor import grad

CASES = [(2.0, 4.0, 1.0), (2.0, 4.0, 3.0), (3.0, 0.5, 0.2), (0.7, 1.1, -0.5), (1.5, 2.0, -2.0), (0.3, 5.0, 0.4)]


def rate(u, v1, v0, w):
    """a(u) of the guided score −a(u) x at squared noise level u."""
    return (1 + w) / (v1 + u) - w / (v0 + u)


def simulated(v1, v0, w, stochastic, steps=4000):
    """The variance after small steps in u = σ² from 10⁵ down to 0, by the midpoint of each; its error is a few 10⁻⁴.

    The ODE is dx/du = −s/2, and the SDE dx = −s du + dB with time running backwards: a step multiplies the variance,
    and fresh noise adds to it.
    """
    u = numpy.concatenate([numpy.geomspace(1e5, 1e-4, steps), [0]])
    variance = u[0]
    for start, end in zip(u[:-1], u[1:]):
        h, a = start - end, rate((start + end) / 2, v1, v0, w)
        if stochastic:
            variance = variance * numpy.exp(-2 * a * h) + (h if a == 0 else -numpy.expm1(-2 * a * h) / (2 * a))
        else:
            variance = variance * numpy.exp(-a * h)
    return variance


def test_by_hand():
    """4/3, 1 and 7/6. Eq. after.27, Eq. after.28, Eq. after.29"""
    assert gaussian_guided(2, 4, 1, "tilt") == pytest.approx(4 / 3, rel=1e-14)
    assert gaussian_guided(2, 4, 1, "ode") == pytest.approx(1, rel=1e-14)
    assert gaussian_guided(2, 4, 1, "sde") == pytest.approx(7 / 6, rel=1e-14)


@pytest.mark.parametrize(("v1", "v0", "w"), CASES)
def test_samplers_against_a_fine_simulation(v1, v0, w):
    assert gaussian_guided(v1, v0, w, "ode") == pytest.approx(simulated(v1, v0, w, False), rel=2e-3)
    assert gaussian_guided(v1, v0, w, "sde") == pytest.approx(simulated(v1, v0, w, True), rel=2e-3)


@pytest.mark.parametrize(("v1", "v0", "w"), CASES)
def test_the_sde_against_its_integral(v1, v0, w):
    """P(0) = A(0) ∫ du/A(u), the bounded solution of dP/du = 2 a P − 1. Eq. after.28"""

    def relative(u):  # A(0)/A(u)
        return (v1 / (v1 + u)) ** (2 * (1 + w)) * (v0 / (v0 + u)) ** (-2 * w)

    integral = quad(relative, 0, 1, epsabs=1e-13)[0] + quad(relative, 1, numpy.inf, epsabs=1e-13)[0]
    assert gaussian_guided(v1, v0, w, "sde") == pytest.approx(integral, rel=1e-9)


def test_moments_of_a_simulated_sample():
    """20,000 paths of the SDE with Euler's steps: 7/6 within five standard errors and the error of the steps."""
    rng, n = numpy.random.default_rng(3), 20_000
    u = numpy.concatenate([numpy.geomspace(1e4, 1e-2, 600), [0]])
    x = numpy.sqrt(u[0]) * rng.standard_normal(n)
    for start, end in zip(u[:-1], u[1:]):
        h = start - end
        x = x * (1 - h * rate(start, 2.0, 4.0, 1.0)) + numpy.sqrt(h) * rng.standard_normal(n)
    assert numpy.mean(x) == pytest.approx(0, abs=5 * numpy.std(x) / n**0.5)
    assert numpy.mean(x**2) == pytest.approx(gaussian_guided(2, 4, 1, "sde"), rel=5 * (2 / n) ** 0.5 + 0.01)


@pytest.mark.parametrize(("v1", "v0", "w"), [case for case in CASES if rate(0, *case) > 0])
def test_the_tilt_against_quadrature(v1, v0, w):
    """Eq. after.29"""

    def density(x):
        return numpy.exp(-0.5 * x**2 * ((1 + w) / v1 - w / v0))

    mass, second = (quad(lambda x, k=k: x**k * density(x), -numpy.inf, numpy.inf)[0] for k in (0, 2))
    assert gaussian_guided(v1, v0, w, "tilt") == pytest.approx(second / mass, rel=1e-6)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_without_guidance_all_agree(sampler):
    assert gaussian_guided(0.7, 3.0, 0, sampler) == pytest.approx(0.7, rel=1e-14)
    assert gaussian_guided(0.7, 3.0, -1, sampler) == pytest.approx(3.0, rel=1e-14)
    assert gaussian_guided(0.7, 0.7, [-3.0, 0.5, 8.0], sampler) == pytest.approx([0.7] * 3, rel=1e-12)


def test_the_limits_of_the_sde_are_smooth():
    """At w = −½ and at v1 = v0 the quotient is 0/0, and its value v1 log(v1/v0)/(v1/v0 − 1) and v1."""
    assert gaussian_guided(2.0, 3.0, -0.5, "sde") == pytest.approx(2 * numpy.log(2 / 3) / (2 / 3 - 1), rel=1e-14)
    for step in (1e-2, 1e-3, 1e-4, 1e-6, 1e-9):
        exact = sum((1 + step) ** k for k in range(3)) / 3  # w = 1: (ρ³ − 1)/(3 (ρ − 1))
        assert gaussian_guided(1 + step, 1.0, 1.0, "sde") == pytest.approx((1 + step) * exact, rel=1e-13)
    x = numpy.array([-2.0, -1.0001e-3, -0.9999e-3, 0.0, 0.9999e-3, 1.0001e-3, 2.0])
    series = [sum(a**k / float(numpy.prod(numpy.arange(1.0, k + 2))) for k in range(30)) for a in x]
    assert numpy.allclose(relative_exponential(x), series, rtol=1e-12, atol=0)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("take", [grad, autograd.grad], ids=["minigen", "autograd"])
def test_derivatives(sampler, take):
    for w in (0.0, 0.7, -0.5):
        for v1 in (1.5, 2.0):
            found = take(lambda s, w=w: gaussian_guided(s, 2.0, w, sampler))(v1)
            h = 1e-5
            numeric = (gaussian_guided(v1 + h, 2.0, w, sampler) - gaussian_guided(v1 - h, 2.0, w, sampler)) / (2 * h)
            assert found == pytest.approx(numeric, rel=1e-6)


def test_shapes_and_dtypes():
    v1 = numpy.array([[0.5], [2.0]], numpy.float32)
    for sampler in ("ode", "sde"):
        found = gaussian_guided(v1, [1.0, 3.0, 4.0], 0.5, sampler)
        assert found.shape == (2, 3) and found.dtype == numpy.float32
        assert found[1, 2] == pytest.approx(gaussian_guided(2, 4, 0.5, sampler), rel=1e-6)
    assert gaussian_guided(v1, 4, 0.5, "tilt").dtype == numpy.float32
    assert gaussian_guided(3.0, 4, 1, "ode") == guided_gaussian_variance(3.0, 4, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 1, 1, "ode"), "v1 must be positive"),
        ((1, [1, 0], 1, "sde"), "v0 must be positive"),
        ((-1, 1, 1, "tilt"), "v1 must be nonnegative"),
        ((1, 1, float("nan"), "sde"), "w must be finite"),
        ((1, 1, 1, "ddim"), "sampler"),
        ((4, 1, 1, "tilt"), "w must leave"),
        ((2, 1, 1, "tilt"), "w must leave"),  # precision 0
        (([1, 2], [1, 2, 3], 1, "ode"), "v1, v0 and w must broadcast"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        gaussian_guided(*arguments)


# -- weights that reach the tilt ---------------------------------------------------------------------------------------


def test_weights_by_hand():
    """Scores (3, 0) and (1, 4) differ by (2, −4), whose square is 20: ½ · 2 · 3 · 20 · 0.5 = 30. Eq. after.40"""
    s1, s0 = numpy.array([[3.0, 0.0], [1.0, 1.0]]), numpy.array([[1.0, 4.0], [1.0, 1.0]])
    assert log_weight_increment(s1, s0, 2.0, 0.5) == pytest.approx([30, 0], rel=1e-14)
    assert log_weight_increment(s1, s0, 2.0, numpy.array([0.25, 9.0])) == pytest.approx([15, 0], rel=1e-14)
    images = numpy.ones((2, 3, 4, 1), numpy.float32)
    found = log_weight_increment(images, 0.0 * images, -0.5, 1.0)  # between the two, the weights fall
    assert found == pytest.approx([-1.5, -1.5]) and found.dtype == numpy.float32
    assert not log_weight_increment(s1, s0, 0.0, 1.0).any() and not log_weight_increment(s1, s0, -1.0, 1.0).any()


@pytest.mark.parametrize(("v1", "v0", "w"), [(2.0, 4.0, 1.0), (2.0, 4.0, 3.0), (0.7, 1.1, -0.5), (0.3, 5.0, 0.4)])
def test_weights_turn_the_ode_into_the_tilt(v1, v0, w):
    """A path is linear in its end x, and its log-weight quadratic: the precision falls by twice the factor of x²."""
    u = numpy.concatenate([numpy.geomspace(1e5, 1e-4, 6000), [0]])
    middle, h = (u[:-1] + u[1:]) / 2, u[:-1] - u[1:]
    path = numpy.sqrt(((v1 + middle) / v1) ** (1 + w) * (v0 / (v0 + middle)) ** w)[:, None]  # it ends at x = 1
    log_weight = numpy.sum(log_weight_increment(-path / (v1 + middle)[:, None], -path / (v0 + middle)[:, None], w, h))
    precision = 1 / gaussian_guided(v1, v0, w, "ode") - 2 * log_weight
    assert 1 / precision == pytest.approx(gaussian_guided(v1, v0, w, "tilt"), rel=1e-4)


def test_weights_turn_the_sde_into_the_tilt():
    """7/6 becomes 4/3, within five standard errors of the weighted mean and the error of the steps."""
    rng, n = numpy.random.default_rng(4), 40_000
    u = numpy.concatenate([numpy.geomspace(1e4, 1e-2, 400), [0]])
    x, log_weight = numpy.sqrt(u[0]) * rng.standard_normal((n, 1)), numpy.zeros(n)
    for start, end in zip(u[:-1], u[1:]):
        s1, s0, h = -x / (2 + start), -x / (4 + start), start - end
        log_weight += log_weight_increment(s1, s0, 1.0, h)
        x = x + h * (2 * s1 - s0) + numpy.sqrt(h) * rng.standard_normal(x.shape)
    weight = numpy.exp(log_weight) / numpy.sum(numpy.exp(log_weight))
    squares = x[:, 0] ** 2
    error = numpy.sqrt(numpy.sum(weight**2 * (squares - 4 / 3) ** 2))
    assert numpy.sum(weight * squares) == pytest.approx(4 / 3, abs=5 * error + 0.02) and error < 0.02
    assert numpy.mean(squares) == pytest.approx(7 / 6, abs=0.06)


def test_weights_refuse_what_does_not_fit():
    s = numpy.ones((3, 2))
    for arguments, message in [
        ((s, s[:2], 1.0, 1.0), "s0"),
        ((s, s, 1.0, -1.0), "du must be nonnegative"),
        ((s, s, 1.0, [1.0, 2.0]), "du must be a number or of shape"),
        ((s, s, float("inf"), 1.0), "w must be a number"),
    ]:
        with pytest.raises(ValueError, match=message):
            log_weight_increment(*arguments)
