"""The probability flow: velocities against exact posteriors, densities against mixtures, and the family with noise."""

import math

import numpy
import pytest

from minigen.data import toy
from minigen.diffusion.ddpm import v_from_x0_eps
from minigen.diffusion.exact import exact_eps_model
from minigen.diffusion.probability_flow import (
    angle,
    angle_velocity,
    posterior_divergence,
    reverse_sde_step,
    spaced_angles,
    velocity_model,
)
from minigen.diffusion.schedule import Schedule
from minigen.flow.bijection import Flow, StandardNormal

RING = toy.get("ring").standardized()


@pytest.fixture
def rng():
    return numpy.random.default_rng(7)


def exact_velocity(x, phi):
    """v of the ring by E[x0 | x], (cos φ x − E[x0 | x])/sin φ."""
    mean, _ = RING.posterior(x, numpy.cos(phi), numpy.sin(phi))
    return (numpy.cos(phi) * x - mean) / numpy.sin(phi)


def test_angle():
    assert angle(numpy.array([1.0, 0.75, 0.5, 0.0])) == pytest.approx([0, math.pi / 6, math.pi / 4, math.pi / 2])
    with pytest.raises(ValueError, match="alpha_bar"):
        angle(1.5)


def test_velocity_is_v_and_the_slope_of_the_path(rng):
    """Eq. after.01"""
    schedule = Schedule.linear(50, last=0.3)
    x0, eps, t = rng.standard_normal((5, 3, 3, 1)), rng.standard_normal((5, 3, 3, 1)), numpy.array([1, 7, 20, 33, 50])
    phi = angle(schedule.alpha_bar[t])

    def at(phi):
        phi = phi.reshape(-1, 1, 1, 1)
        return numpy.cos(phi) * x0 + numpy.sin(phi) * eps

    v = angle_velocity(at(phi), eps, phi)
    assert numpy.allclose(v, v_from_x0_eps(x0, t, eps, schedule))
    assert numpy.allclose(v, (at(phi + 1e-6) - at(phi - 1e-6)) / 2e-6, atol=1e-8)
    x32 = at(phi).astype(numpy.float32)
    assert angle_velocity(x32, eps.astype(numpy.float32), phi).dtype == numpy.float32


def test_by_hand():
    """N(0, 0.36) at φ = π/4: V = 0.68, v = 0.4706 x."""
    x = numpy.array([[0.6]])
    eps = x * math.sin(math.pi / 4) / 0.68  # E[eps | x] = sin φ x/V
    assert angle_velocity(x, eps, math.pi / 4) == pytest.approx(0.4706 * 0.6, abs=1e-4)


def test_the_model_of_an_exact_noise_is_the_exact_velocity(rng):
    """Eq. after.02"""
    schedule = Schedule.linear(40, last=0.4)
    exact = exact_eps_model(RING, schedule)
    velocity = velocity_model(lambda x, t: exact(x, numpy.round(t).astype(int)), schedule)
    x = rng.standard_normal((9, 2))
    for t in (1, 8, 25, 40):
        phi = float(angle(schedule.alpha_bar[t]))
        assert numpy.allclose(velocity(x, phi), exact_velocity(x, phi), atol=1e-8)


def test_the_model_receives_the_time_at_the_angle_and_the_condition():
    schedule = Schedule.linear(10, last=0.3)
    seen = []

    def model(x, t, y=None):
        seen.append((t.tolist(), y))
        return x

    velocity = velocity_model(model, schedule)
    angles = angle(schedule.alpha_bar)
    x = numpy.ones((3, 2), numpy.float32)
    assert velocity(x, numpy.array([0.0, angles[4], (angles[4] + angles[5]) / 2]), "cat").dtype == numpy.float32
    assert seen[0][0] == pytest.approx([1, 4, 4.5]) and seen[0][1] == "cat"
    velocity(x, math.pi / 2)
    assert seen[1][0] == [10, 10, 10] and seen[1][1] is None


def test_the_density_of_the_exact_flow_is_the_rings(rng):
    """log p by 64 Heun steps in the angle against the mixture's: the bar of the lesson, 0.004 nats in the mean."""
    from minigen.flow.continuous import ContinuousFlow

    class Exact(ContinuousFlow):
        def _step(self, x, start, end):
            h = end - start
            v, slope = exact_velocity(x, start), self._slope(x, start)
            ahead = x + h * v
            return x + h / 2 * (v + exact_velocity(ahead, end)), h / 2 * (slope + self._slope(ahead, end))

        def _slope(self, x, phi):
            return posterior_divergence(phi, RING.posterior(x, numpy.cos(phi), numpy.sin(phi))[1])

    low = 0.002
    flow = Flow(StandardNormal(2), Exact(exact_velocity, spaced_angles(64, low), "heun", "trace"))
    x = RING.sample(rng, 300).astype(float)
    truth = RING.noised(numpy.cos(low), numpy.sin(low)).log_prob(x)
    assert abs(numpy.mean(flow.log_prob(x) - truth)) < 0.004


def test_divergence_by_the_posterior_against_finite_differences(rng):
    """Eq. after.07"""
    x, e = rng.standard_normal((50, 2)), 1e-5
    for phi in (0.1, 0.7, 1.4, math.pi / 2):
        found = posterior_divergence(phi, RING.posterior(x, numpy.cos(phi), numpy.sin(phi))[1])
        steps = e * numpy.eye(2)
        slopes = [
            (exact_velocity(x + s, phi) - exact_velocity(x - s, phi))[:, i] / (2 * e) for i, s in enumerate(steps)
        ]
        assert numpy.allclose(found, sum(slopes), atol=1e-6)


def test_spaced_angles():
    assert spaced_angles(4, 0.0, 1.6 - 0.1, 2.0) == pytest.approx(1.5 * numpy.array([0, 1, 4, 9, 16]) / 16)
    angles = spaced_angles(64)
    assert angles[0] == 0.002 and angles[-1] == math.pi / 2 and numpy.all(numpy.diff(angles, 2) > 0)


@pytest.mark.parametrize("noise", [0.0, 1.0, 2.0])
def test_the_family_keeps_the_variance_of_a_gaussian(noise):
    """As a recursion of variances: x → a x + b z, from N(0, 1) at π/2 to N(0, 0.36) at 0."""
    steps = 2000
    angles = spaced_angles(steps, 0.01, math.pi / 2 - 1e-3)[::-1]
    variance = 0.36 * math.cos(angles[0]) ** 2 + math.sin(angles[0]) ** 2
    for phi, after in zip(angles[:-1], angles[1:]):
        V = 0.36 * math.cos(phi) ** 2 + math.sin(phi) ** 2
        one = numpy.ones((1, 1))
        a = reverse_sde_step(one, -one / V, phi, phi - after, 0 * one, noise)[0, 0]
        b = reverse_sde_step(0 * one, 0 * one, phi, phi - after, one, noise)[0, 0]
        variance = a**2 * variance + b**2
    assert variance == pytest.approx(0.36, abs=0.002)


def test_a_step_by_hand():
    """Eq. after.08"""
    x, score, z = numpy.array([[2.0]]), numpy.array([[-1.0]]), numpy.array([[3.0]])
    rate = 0.1 * math.tan(0.5)
    assert reverse_sde_step(x, score, 0.5, 0.1, z, 0.0) == pytest.approx(2 + rate * (2 - 1))
    assert reverse_sde_step(x, score, 0.5, 0.1, z) == pytest.approx(2 + rate * (2 - 2) + math.sqrt(2 * rate) * 3)
    assert reverse_sde_step(x, score, 0.5, 0.1, z, 2.0) == pytest.approx(
        2 + rate * (2 - 5) + 2 * math.sqrt(2 * rate) * 3
    )


ONE = numpy.ones((2, 2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: angle_velocity(ONE, ONE, math.pi / 2), "phi must be below π/2"),
        (lambda: angle_velocity(ONE, ONE, -0.1), "phi"),
        (lambda: angle_velocity(ONE, ONE[:1], 0.1), "eps"),
        (lambda: angle_velocity(ONE, ONE, numpy.zeros(3)), r"phi must be one number or have shape \(2,\)"),
        (lambda: posterior_divergence(0.0, numpy.ones((2, 2, 2))), "phi must be above 0"),
        (lambda: posterior_divergence(0.1, numpy.ones((2, 3))), "covariance must have shape"),
        (lambda: reverse_sde_step(ONE, ONE, 0.5, 0.6, ONE), "step must be above 0 and at most phi"),
        (lambda: reverse_sde_step(ONE, ONE, math.pi / 2, 0.6, ONE), "phi must be below π/2"),
        (lambda: reverse_sde_step(ONE, ONE, 0.5, 0.1, ONE, -1.0), "noise"),
        (lambda: spaced_angles(4, 1.0, 0.5), "high"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
