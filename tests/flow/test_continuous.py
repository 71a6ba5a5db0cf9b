"""Continuous flows: divergences against Jacobians, log-dets of steps against that of the whole map, mass, order."""

import itertools
import math

import autograd.numpy as np
import numpy
import pytest

from minigen.diffusion.networks.mlp import EpsMLP
from minigen.flow.bijection import Flow, StandardNormal, jacobian_log_det
from minigen.flow.continuous import ContinuousFlow, divergence, hutchinson_divergence, step_log_det

MATRIX = numpy.array([[2.0, 1.0], [1.0, 3.0]])


def linear(x, t):
    return x @ MATRIX.T


def bent(x, t):
    """A field of the plane whose Jacobian is neither symmetric nor constant, and that depends on the time."""
    t = t[:, None] if np.ndim(t) else t
    first = np.sin(x[:, 1:]) * (1 + t)
    second = x[:, :1] * x[:, 1:] / 3 + t
    return np.concatenate([first, second], axis=1) / 2


def gaussian(x, phi):
    """The velocity of N(0, 0.6²) in the angle."""
    variance = 0.36 * np.cos(phi) ** 2 + np.sin(phi) ** 2
    return x * (0.64 * np.sin(phi) * np.cos(phi) / variance)[:, None]


@pytest.fixture(scope="module")
def wild():
    """A velocity that no training has tamed: a network with random weights."""
    rng = numpy.random.default_rng(3)
    net = EpsMLP(rng, width=16, layers=2)
    for a in net.parameters().values():
        a[...] = 0.5 * rng.standard_normal(a.shape)
    return lambda x, t: net(x, 200 * t)


@pytest.fixture
def x(rng):
    return rng.standard_normal((7, 2))


def jacobians(f, x, e=1e-6):
    """Central differences, (N, D, D)."""
    steps = e * numpy.eye(x.shape[1])
    return numpy.stack([(f(x + step) - f(x - step)) / (2 * e) for step in steps], axis=2)


# -- divergences -------------------------------------------------------------------------------------------------------


def test_divergence_is_the_trace_of_finite_differences(x):
    """Eq. after.03"""
    t = numpy.linspace(0, 1, 7)
    v, div = divergence(bent, x, t)
    assert numpy.array_equal(v, bent(x, t))
    J = jacobians(lambda x: bent(x, t), x)
    assert numpy.allclose(div, J[:, 0, 0] + J[:, 1, 1], atol=1e-8)
    assert numpy.allclose(divergence(bent, x, 0.5)[1], divergence(bent, x, numpy.full(7, 0.5))[1])


def test_hutchinson_is_the_quadratic_form_of_each_example(x, rng):
    """Eq. after.06"""
    t, probe = numpy.linspace(0, 1, 7), rng.standard_normal((7, 2))
    v, estimate = hutchinson_divergence(bent, x, t, probe)
    J = jacobians(lambda x: bent(x, t), x)
    assert numpy.array_equal(v, bent(x, t))
    assert numpy.allclose(estimate, numpy.einsum("ni,nij,nj->n", probe, J, probe), atol=1e-8)


def test_hutchinson_by_hand_and_over_all_signs():
    """Eq. after.06"""
    signs = numpy.array(list(itertools.product([1.0, -1.0], repeat=2)))
    estimates = hutchinson_divergence(linear, numpy.zeros((4, 2)), 0.0, signs)[1]
    assert estimates.tolist() == [7.0, 3.0, 3.0, 7.0]
    assert estimates.mean() == 5.0 == divergence(linear, numpy.zeros((1, 2)), 0.0)[1][0]
    assert estimates.var() == 4.0 == 4 * MATRIX[0, 1] ** 2


def test_variance_of_normal_probes(rng):
    n = 200_000
    probes = rng.standard_normal((n, 2))
    estimates = hutchinson_divergence(linear, numpy.zeros((n, 2)), 0.0, probes)[1]
    assert abs(estimates.mean() - 5) < 5 * math.sqrt(30 / n)
    assert abs(estimates.var() / (2 * numpy.sum(MATRIX**2)) - 1) < 0.03


def test_step_log_det(x):
    """Eq. after.05"""
    J = jacobians(lambda x: bent(x, 0.3), x)
    for h in (0.4, -0.4):
        expected = [math.log(numpy.linalg.det(numpy.eye(2) + h * each)) for each in J]
        assert numpy.allclose(step_log_det(J, h), expected)
    assert step_log_det(numpy.array([[[0.4706]]]), math.pi / 4)[0] == pytest.approx(0.3145, abs=1e-4)
    assert numpy.all(step_log_det(J, 0.1) <= 0.1 * numpy.trace(J, axis1=1, axis2=2) + 0.5 * 0.01 * 4)
    assert step_log_det(J.astype(numpy.float32), 0.1).dtype == numpy.float32


def test_a_step_that_folds_is_an_error():
    with pytest.raises(ValueError, match="J and h must give positive determinants, got 1 that fold"):
        step_log_det(numpy.array([[[-1.0]], [[-3.0]]]), 0.5)


# -- the flow ----------------------------------------------------------------------------------------------------------


def log_density(K, log_det, solver="euler", x=0.6):
    times = numpy.linspace(0, numpy.pi / 2, K + 1)
    flow = Flow(StandardNormal(1), ContinuousFlow(gaussian, times, solver, log_det))
    return flow.log_prob(numpy.array([[x]]))[0]


def test_by_hand():
    """Eq. after.04"""
    exact = -0.5 * math.log(2 * math.pi * 0.36) - 0.5
    assert log_density(1, "trace") == pytest.approx(-1.0989, abs=1e-4) == log_density(1, "det")
    assert log_density(2, "trace") == pytest.approx(-0.8870, abs=1e-4)
    assert log_density(2, "det") == pytest.approx(-0.9421, abs=1e-4)
    assert log_density(1000, "det") == pytest.approx(exact, abs=1e-3)
    assert log_density(64, "trace", "heun") == pytest.approx(exact, abs=1e-4)


@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("heun", 2)])
def test_order(solver, order):
    exact = -0.5 * math.log(2 * math.pi * 0.36) - 0.5
    errors = [abs(log_density(K, "trace", solver) - exact) for K in (32, 64)]
    assert errors[0] / errors[1] == pytest.approx(2**order, rel=0.15)


@pytest.mark.parametrize("log_det", ["det", "trace"])
def test_mass(log_det):
    """Euler's steps with their own log-det are a density at any number of steps; with the trace they have more mass."""
    cells = (numpy.arange(4000) + 0.5) / 4000 * 16 - 8
    times = numpy.linspace(0, numpy.pi / 2, 3)
    flow = Flow(StandardNormal(1), ContinuousFlow(gaussian, times, log_det=log_det))
    mass = numpy.exp(flow.log_prob(cells[:, None])).sum() * 16 / 4000
    assert mass == pytest.approx({"det": 1.0, "trace": 1.057}[log_det], abs=5e-4)


def test_the_log_det_of_the_steps_is_that_of_the_whole_map(wild, x):
    """Eq. after.05"""
    flow = ContinuousFlow(wild, numpy.linspace(0, 1, 13))
    z, log_det = flow.inverse(x)
    assert numpy.allclose(log_det, jacobian_log_det(flow.inverse, x), atol=1e-8)
    assert numpy.abs(ContinuousFlow(wild, flow.times, log_det="trace").inverse(x)[1] - log_det).max() > 1e-3
    back, other = flow.forward(z)
    assert numpy.allclose(back, x, atol=1e-10) and numpy.allclose(other, -log_det, atol=1e-9)


def test_it_can_be_trained_by_likelihood(x):
    """The gradient of log p in a parameter of the velocity, through log-dets of Jacobians, against differences."""
    from minigen.tensor import value_and_grad

    def log_prob(a):
        def velocity(x, t):
            return a[0] * np.tanh(x * a[1]) + a[2] * x[:, ::-1]

        return np.sum(Flow(StandardNormal(2), ContinuousFlow(velocity, [0.0, 0.5, 1.0])).log_prob(x))

    a = numpy.array([0.3, 0.8, 0.2])
    value, slope = value_and_grad(log_prob)(a)
    found = [(log_prob(a + e) - log_prob(a - e)) / 2e-6 for e in 1e-6 * numpy.eye(3)]
    assert numpy.allclose(slope, found, rtol=1e-5) and numpy.isfinite(value)


def test_float32(wild, x):
    flow = ContinuousFlow(wild, numpy.linspace(0, 1, 13))
    z, log_det = flow.inverse(x.astype(numpy.float32))
    back, _ = flow.forward(z)
    assert {a.dtype for a in (z, log_det, back)} == {numpy.dtype("float32")}
    assert numpy.allclose(back, x, atol=1e-4) and numpy.allclose(log_det, flow.inverse(x)[1], atol=1e-4)


def test_times_may_fall(x):
    """Data at t = 1 and noise at t = 0: with fine steps the way down undoes the way up."""
    up = ContinuousFlow(bent, numpy.linspace(0, 1, 201), "heun", "trace").inverse(x)
    down = ContinuousFlow(bent, numpy.linspace(1, 0, 201), "heun", "trace").inverse(up[0])
    assert numpy.allclose(down[0], x, atol=1e-4) and numpy.allclose(down[1], -up[1], atol=1e-4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ContinuousFlow(bent, [0.0]), "times must be at least two"),
        (lambda: ContinuousFlow(bent, [0.0, 1.0, 0.5]), "times must be at least two that rise, or that fall"),
        (lambda: ContinuousFlow(bent, [0.0, 1.0], "heun"), 'log_det must be "trace" with solver "heun"'),
        (lambda: ContinuousFlow(bent, [0.0, 1.0], "rk4"), "solver"),
        (lambda: ContinuousFlow(bent, [0.0, 1.0]).inverse(numpy.zeros(3)), "x must have shape"),
        (lambda: divergence(lambda x, t: x[:, :1], numpy.zeros((3, 2)), 0.0), "velocity must return the shape of x"),
        (lambda: divergence(bent, numpy.zeros((3, 2)), numpy.zeros(2)), r"t must be one number or have shape \(3,\)"),
        (lambda: hutchinson_divergence(bent, numpy.zeros((3, 2)), 0.0, numpy.ones((2, 2))), "probe must have shape"),
        (lambda: step_log_det(numpy.zeros((3, 2, 1)), 0.1), r"J must have shape \(N, D, D\), got \(3, 2, 1\)"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_step_that_cannot_be_inverted_is_an_error():
    flow = ContinuousFlow(lambda x, t: 3 * x, [0.0, 1.0])
    with pytest.raises(ValueError, match="times must have steps short enough to be inverted"):
        flow.forward(numpy.ones((2, 1)))
