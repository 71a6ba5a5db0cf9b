"""Flow maps of Gaussian data against Runge–Kutta's method, their identity, and MeanFlow's loss against regression."""

import autograd
import autograd.numpy as np
import numpy
import pytest

from minigen.diffusion.flow_map import (
    gaussian_flow_map,
    gaussian_mean_velocity,
    mean_flow_loss,
    mean_flow_target,
    shortcut_target,
    total_derivative,
)
from minigen.diffusion.flow_matching import flow_matching_loss
from minigen.nn import MLP
from minigen.tensor import grad, jacobian, value_and_grad

MEAN, VARIANCE = numpy.array([1.0, -2.0, 0.5]), numpy.array([0.3, 2.0, 1.0])


@pytest.fixture
def rng():
    return numpy.random.default_rng(17)


def velocity(x, t, mean=MEAN, variance=VARIANCE):
    """E[z − x0 | x_t = x] by linear regression: Cov[z − x0, x_t] = t − (1 − t) variance."""
    spread = (1 - t) ** 2 * variance + t**2
    return (t - (1 - t) * variance) / spread * (x - (1 - t) * mean) - mean


def runge_kutta(x, t, r, steps=400):
    """The path through x at time t, followed to time r by the classical method of fourth order."""
    h = (r - t) / steps
    for i in range(steps):
        at = t + i * h
        a = velocity(x, at)
        b = velocity(x + h / 2 * a, at + h / 2)
        c = velocity(x + h / 2 * b, at + h / 2)
        d = velocity(x + h * c, at + h)
        x = x + h / 6 * (a + 2 * b + 2 * c + d)
    return x


def u_of(x, t, r):
    return gaussian_mean_velocity(x, t, r, MEAN, VARIANCE)


def test_by_hand():
    """Data N(2, 9) from t = 0.5 to 0: V = 0.25 · 9 + 0.25 = 2.5, and 2.5 is 1.5 above the mean 1. Eq. after.37"""
    x = numpy.array([[2.5]])
    ahead = 2 + 3 / 2.5**0.5 * 1.5
    assert gaussian_flow_map(x, 0.5, 0.0, 2.0, 9.0) == pytest.approx(ahead, rel=1e-14)
    assert gaussian_mean_velocity(x, 0.5, 0.0, 2.0, 9.0) == pytest.approx((2.5 - ahead) / 0.5, rel=1e-14)
    # at r = t: −m + V′/2V (x − (1 − t) m), V′ = 1 − 9 = −8
    assert gaussian_mean_velocity(x, 0.5, 0.5, 2.0, 9.0) == pytest.approx(-2 - 8 / 5 * 1.5, rel=1e-14)


@pytest.mark.parametrize(("t", "r"), [(1.0, 0.0), (0.8, 0.3), (0.2, 0.9), (0.0, 1.0)])
def test_the_map_against_runge_kutta(t, r, rng):
    x = 2 * rng.standard_normal((4, 3))
    assert numpy.allclose(gaussian_flow_map(x, t, r, MEAN, VARIANCE), runge_kutta(x, t, r), rtol=0, atol=1e-10)


def test_the_map_carries_the_moments(rng):
    """Noise at t = 1 becomes the data at r = 0, and x_t becomes x_r."""
    z = rng.standard_normal((1000, 3))
    z = (z - z.mean(axis=0)) / z.std(axis=0)  # mean 0 and variance 1, exactly
    x0 = gaussian_flow_map(z, 1, 0, MEAN, VARIANCE)
    assert numpy.allclose(x0.mean(axis=0), MEAN) and numpy.allclose(x0.var(axis=0), VARIANCE)
    x_r = gaussian_flow_map(z, 1.0, 0.4, MEAN, VARIANCE)
    assert numpy.allclose(x_r.mean(axis=0), 0.6 * MEAN) and numpy.allclose(x_r.var(axis=0), 0.36 * VARIANCE + 0.16)


def test_maps_compose(rng):
    x, (t, s, r) = rng.standard_normal((50, 3)), rng.uniform(size=(3, 50))
    half = gaussian_flow_map(x, t, s, MEAN, VARIANCE)
    assert numpy.allclose(gaussian_flow_map(half, s, r, MEAN, VARIANCE), gaussian_flow_map(x, t, r, MEAN, VARIANCE))
    assert numpy.allclose(gaussian_flow_map(half, s, t, MEAN, VARIANCE), x)
    assert numpy.allclose(gaussian_flow_map(x, t, t, MEAN, VARIANCE), x, rtol=0, atol=1e-14)


def test_the_mean_velocity_leads_along_the_map(rng):
    """x − (t − r) u = X, and u over a whole is the mean of u over its halves. Eq. after.35, Eq. after.38"""
    x, t, r = rng.standard_normal((50, 3)), rng.uniform(size=50), rng.uniform(size=50)
    gap = (t - r)[:, None]
    assert numpy.allclose(x - gap * u_of(x, t, r), gaussian_flow_map(x, t, r, MEAN, VARIANCE), rtol=0, atol=1e-12)
    middle = (t + r) / 2
    half = x - gap / 2 * u_of(x, t, middle)
    assert numpy.allclose(u_of(x, t, r), (u_of(x, t, middle) + u_of(half, middle, r)) / 2)


@pytest.mark.parametrize("t", [0.0, 0.3, 1.0])
def test_the_limit_of_short_times_is_the_velocity(t, rng):
    x = rng.standard_normal((4, 3))
    assert numpy.allclose(u_of(x, t, t), velocity(x, t), rtol=0, atol=1e-14)
    for step in (1e-4, 1e-8, 1e-12, 1e-16):
        r = abs(t - step)
        assert numpy.allclose(u_of(x, t, r), velocity(x, t), rtol=0, atol=100 * step + 1e-13)


@pytest.mark.parametrize("r", ["before", "after", "same"])
def test_the_identity(r, rng):
    """u + (t − r) du/dt = v, du/dt by derivatives and by central differences. Eq. after.36"""
    x, t = rng.standard_normal((20, 3)), rng.uniform(0.05, 0.95, 20)
    r = {"before": t * rng.uniform(size=20), "after": t + (1 - t) * rng.uniform(size=20), "same": t}[r]
    v, gap, h = velocity(x, t[:, None]), (t - r)[:, None], 1e-5
    slope = total_derivative(u_of, x, v, t, r)
    assert numpy.allclose(u_of(x, t, r) + gap * slope, v, rtol=0, atol=1e-12)
    assert numpy.allclose(mean_flow_target(u_of, x, v, t, r), u_of(x, t, r), rtol=0, atol=1e-12)
    numeric = (u_of(x + h * v, t + h, r) - u_of(x - h * v, t - h, r)) / (2 * h)
    assert numpy.allclose(u_of(x, t, r) + gap * numeric, v, rtol=0, atol=1e-6)


def wavy(x, t, r):
    """Mixes the coordinates, and depends on everything that it is given."""
    mixed = np.matmul(np.sin(x), np.array([[0.3, -1.0, 0.2], [0.5, 0.1, 2.0], [-0.7, 0.4, 1.0]]))
    return mixed * np.exp(t)[:, None] + (t * r**2)[:, None] * x


def test_the_derivative_is_a_product_with_the_jacobian(rng):
    x, v, t, r = rng.standard_normal((4, 3)), rng.standard_normal((4, 3)), rng.uniform(size=4), rng.uniform(size=4)
    J = jacobian(lambda x: wavy(x, t, r))(x)  # (4, 3, 4, 3)
    by_x = numpy.einsum("nimd,md->ni", J, v)
    by_t = numpy.einsum("nim->ni", jacobian(lambda t: wavy(x, t, r))(t))
    assert numpy.allclose(total_derivative(wavy, x, v, t, r), by_x + by_t)
    assert numpy.allclose(mean_flow_target(wavy, x, v, t, r), v - (t - r)[:, None] * (by_x + by_t))


def test_the_derivative_where_u_depends_on_little(rng):
    x, v, t = rng.standard_normal((4, 3)), rng.standard_normal((4, 3)), rng.uniform(size=4)
    assert not total_derivative(lambda x, t, r: numpy.ones((4, 3)), x, v, t, 0.0).any()
    assert numpy.allclose(total_derivative(lambda x, t, r: 2 * x, x, v, t, 0.0), 2 * v)
    assert numpy.allclose(total_derivative(lambda x, t, r: np.outer(t, np.ones(3)) ** 2, x, v, t, 0.0), 2 * t[:, None])


def test_the_shortcut_by_hand():
    """u = x + t + 10 r at x = 2 from 1 to 0: 2 + 1 + 5 = 8, y = 2 − 0.5 · 8 = −2, −2 + 0.5 + 0 = −1.5, mean 3.25."""
    seen = []

    def u(x, t, r):
        seen.append((x, t, r))
        return x + (t + 10 * r)[:, None]

    assert shortcut_target(u, numpy.array([[2.0]]), 1, 0) == pytest.approx(3.25, rel=1e-14)
    assert [tuple(value.item() for value in each) for each in seen] == [(2, 1, 0.5), (-2, 0.5, 0)]


def test_the_exact_mean_velocity_is_its_own_shortcut(rng):
    """With times of their own, before and after; so is that of another ODE, but not its velocity alone. Eq. after.35"""
    x, t, r = rng.standard_normal((50, 3)), rng.uniform(size=50), rng.uniform(size=50)
    assert numpy.allclose(shortcut_target(u_of, x, t, r), u_of(x, t, r), rtol=0, atol=1e-12)
    assert numpy.allclose(shortcut_target(u_of, x, 1.0, 0), u_of(x, 1.0, 0), rtol=0, atol=1e-12)
    assert numpy.allclose(shortcut_target(u_of, x, t, t), u_of(x, t, t), rtol=0, atol=1e-12)
    assert not shortcut_target(lambda x, t, r: 0 * x, x, t, r).any()
    chord = shortcut_target(lambda x, t, r: velocity(x, t[:, None]), x, 1.0, 0.0) - u_of(x, 1.0, 0.0)
    assert numpy.mean(chord**2) > 1e-3


def test_no_gradient_flows_through_the_shortcut(rng):
    """A target plus θ has the gradient of θ; in the dtype and the shape of x."""
    x, t, r = rng.standard_normal((3, 2, 2, 1)).astype(numpy.float32), rng.uniform(size=3), rng.uniform(size=3)

    def u(x, t, r):
        return np.sin(x) * np.reshape(1 + t * r, (-1, 1, 1, 1))

    target = shortcut_target(u, x, t, r)
    assert target.shape == x.shape and target.dtype == numpy.float32
    for take in (grad, autograd.grad):
        by_model = take(lambda a: a + np.sum(shortcut_target(lambda *at: a * u(*at), x, t, r)))
        assert by_model(0.8) == 1.0
        by_point = take(lambda a: np.sum(a) + np.sum(shortcut_target(u, a, t, r)))
        assert numpy.array_equal(by_point(x), numpy.ones_like(x))


def four_points():
    """Data and noise (64, 1) with the first and second moments of N(1.5, 0.49) and N(0, 1), at all pairs of times."""
    x0, z = (a.ravel() for a in numpy.meshgrid([1.5 - 0.7, 1.5 + 0.7], [-1.0, 1.0]))
    times = numpy.array([0.05, 0.3, 0.7, 1])
    t, r = (a.ravel() for a in numpy.meshgrid(times, times))
    return numpy.tile(x0, 16)[:, None], numpy.tile(z, 16)[:, None], numpy.repeat(t, 4), numpy.repeat(r, 4)


def test_the_loss_by_hand():
    """u = x t: du/dt = v t + x. At x0 = 1, z = 3, t = 0.5, r = 0: x = 2, v = 2, u = 1, target 2 − 0.5 · 3 = 0.5."""
    seen = []

    def u(x, t, r):
        seen.append((numpy.shape(t), numpy.shape(r)))
        return x * t[:, None]

    x0, z = numpy.array([[1.0]]), numpy.array([[3.0]])
    assert mean_flow_loss(u, x0, z, 0.5, 0) == pytest.approx(0.25, rel=1e-14)
    assert set(seen) == {((1,), (1,))}
    pair = numpy.array([[1.0], [1.0]]), numpy.array([[3.0], [3.0]])
    both = mean_flow_loss(u, *pair, numpy.array([0.5, 0.5]), numpy.array([0.0, 0.5]))
    assert both == pytest.approx((0.25 + 1) / 2, rel=1e-14)  # at r = t the target is v = 2


def test_at_equal_times_the_loss_is_that_of_flow_matching(rng):
    x0, z, t = rng.standard_normal((6, 2, 2, 1)), rng.standard_normal((6, 2, 2, 1)), rng.uniform(size=6)

    def u(x, t, r):
        return np.sin(x) + np.reshape(t * r, (-1, 1, 1, 1))

    assert mean_flow_loss(u, x0, z, t, t) == pytest.approx(flow_matching_loss(lambda x, t: u(x, t, t), x0, z, t))


def test_no_gradient_flows_through_the_target(rng):
    """The gradient is 2 E (u − target) ∂u/∂θ, and not that of the loss as a function of θ. Eq. after.39"""
    x0, z, t, r = rng.standard_normal((7, 2)), rng.standard_normal((7, 2)), rng.uniform(size=7), rng.uniform(size=7)

    def feature(x, t, r):
        return np.cos(x) * t[:, None] + r[:, None]

    x, v, theta = (1 - t)[:, None] * x0 + t[:, None] * z, z - x0, 0.8
    h = 1e-5
    slope = (feature(x + h * v, t + h, r) - feature(x - h * v, t - h, r)) / (2 * h) * theta
    residual = theta * feature(x, t, r) - v + (t - r)[:, None] * slope
    for take in (grad, autograd.grad):
        found = take(lambda a: mean_flow_loss(lambda x, t, r: a * feature(x, t, r), x0, z, t, r))(theta)
        assert found == pytest.approx(2 * numpy.mean(residual * feature(x, t, r)), rel=1e-7)
    through = 2 * numpy.mean(residual * (residual + v) / theta)
    assert abs(found - through) > 0.1


def test_the_exact_mean_velocity_is_a_minimum():
    """Of all that is affine in x, at each pair of times: the four points have the moments that decide it."""
    x0, z, t, r = four_points()
    basis = [numpy.ones_like(x0), (1 - t)[:, None] * x0 + t[:, None] * z]  # 1 and x
    exact = gaussian_mean_velocity(basis[1], t, r, 1.5, 0.49)
    for direction in basis:
        for pairs in (t == t, (t > 0.5) & (r < 0.4), r > t):
            chosen = direction[pairs]

            def moved(step, pairs=pairs, chosen=chosen):
                data = x0[pairs], z[pairs], t[pairs], r[pairs]
                return mean_flow_loss(lambda x, t, r: gaussian_mean_velocity(x, t, r, 1.5, 0.49) + step * chosen, *data)

            assert grad(moved)(0.0) == pytest.approx(0, abs=1e-12)

    def u(x, t, r):
        return gaussian_mean_velocity(x, t, r, 1.5, 0.49)

    target = mean_flow_target(u, basis[1], z - x0, t, r)
    assert mean_flow_loss(u, x0, z, t, r) == pytest.approx(numpy.mean((target - exact) ** 2))


def test_training_finds_mean_and_variance():
    """Among the mean velocities of all Gaussians, descent on the loss ends at that of the data."""
    data = four_points()

    def loss(theta):
        return mean_flow_loss(lambda *a: gaussian_mean_velocity(*a, theta[0], np.exp(theta[1])), *data)

    theta = numpy.array([0.0, 0.5])
    for _ in range(40):
        theta = theta - 0.8 * grad(loss)(theta)
    assert theta == pytest.approx([1.5, numpy.log(0.49)], abs=2e-3)


def test_a_network_is_trained_in_its_dtype(rng):
    net = MLP(rng, [4, 8, 2], activation="silu")

    def u(net):
        return lambda x, t, r: net(np.concatenate([x, t[:, None], r[:, None]], axis=1))

    x0, z = (rng.standard_normal((5, 2)).astype(numpy.float32) for _ in range(2))
    t, r = rng.uniform(size=5), rng.uniform(size=5)
    loss, grads = value_and_grad(lambda net: mean_flow_loss(u(net), x0, z, t, r))(net)
    assert loss.dtype == grads.layers[0].w.dtype == numpy.float32
    assert total_derivative(u(net), x0, z, t, r).dtype == numpy.float32


def test_derivatives_of_the_formulas(rng):
    x, t, r = rng.standard_normal((4, 3)), rng.uniform(0.1, 0.9, 4), rng.uniform(0.1, 0.9, 4)
    for formula in (gaussian_flow_map, gaussian_mean_velocity):
        arguments, h = [x, t, r, MEAN, VARIANCE], 1e-6
        for i in range(5):

            def total(value, i=i, formula=formula):
                return np.sum(np.sin(formula(*arguments[:i], value, *arguments[i + 1 :])))

            way = numpy.ones_like(arguments[i])
            numeric = (total(arguments[i] + h * way) - total(arguments[i] - h * way)) / (2 * h)
            for take in (grad, autograd.grad):
                assert numpy.sum(take(total)(arguments[i])) == pytest.approx(numeric, rel=1e-6, abs=1e-8)


def test_shapes_and_dtypes(rng):
    images = rng.standard_normal((3, 2, 2, 1)).astype(numpy.float32)
    t = numpy.array([0, 0.5, 1.0])
    for formula in (gaussian_flow_map, gaussian_mean_velocity):
        whole = formula(images, t, 1, 0.5, 2)
        assert whole.shape == images.shape and whole.dtype == numpy.float32
        each = [formula(images[i : i + 1].astype(float), t[i], 1.0, 0.5, 2.0) for i in range(3)]
        assert numpy.allclose(whole, numpy.concatenate(each), rtol=1e-5)
        assert formula(images[:, 0, 0, 0], t, 0, 0.5, 2).shape == (3,)
        assert numpy.array_equal(formula(images, 1, 0, 0.5, 2), formula(images, numpy.ones(3, int), 0.0, [0.5], 2.0))


def test_data_at_one_point(rng):
    """Variance 0: straight paths from the point, x0 = mean, with one velocity all along."""
    x = rng.standard_normal((4, 3))
    assert numpy.allclose(gaussian_flow_map(x, 0.5, 0.0, MEAN, 0.0), MEAN, rtol=0, atol=1e-15)
    for r in (0.0, 0.5, 1.0):
        assert numpy.allclose(gaussian_mean_velocity(x, 0.5, r, MEAN, 0), (x - MEAN) / 0.5)


ONE = numpy.ones((2, 3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gaussian_flow_map(ONE, 1.5, 0, 0, 1), "t must be in"),
        (lambda: gaussian_flow_map(ONE, 1, -0.1, 0, 1), "r must be in"),
        (lambda: gaussian_mean_velocity(ONE, 1, numpy.zeros(3), 0, 1), r"r must be one time or have shape \(2,\)"),
        (lambda: gaussian_mean_velocity(ONE, 1, 0, 0, -1), "variance must be nonnegative"),
        (lambda: gaussian_mean_velocity(ONE, 1, 0, [0, 0], 1), "mean must be a number or broadcast"),
        (lambda: gaussian_flow_map(ONE, 1, 0, 0, numpy.ones((3, 3))), "variance must be a number or broadcast"),
        (lambda: gaussian_flow_map(ONE, 1, 0, 0, numpy.ones((1, 2, 3))), "variance must be a number or broadcast"),
        (lambda: gaussian_flow_map(ONE, [0, 0.5], 1, 0, 0), "t must be above 0 where variance is 0"),
        (lambda: gaussian_flow_map(ONE * numpy.nan, 1, 0, 0, 1), "x must be finite"),
        (lambda: gaussian_flow_map(ONE.astype(int), 1, 0, 0, 1), "x must be an array of floats"),
        (lambda: mean_flow_loss(wavy, ONE, ONE[:1], 1, 0), r"z must have the shape of x0, \(2, 3\), got \(1, 3\)"),
        (lambda: mean_flow_loss(wavy, ONE, ONE, 1.5, 0), "t must be in"),
        (lambda: mean_flow_loss(wavy, ONE, ONE, 1, numpy.zeros(3)), "r must be one time"),
        (lambda: mean_flow_loss(lambda x, t, r: x[:1], ONE, ONE, 1, 0), "u must return the shape of x"),
        (lambda: mean_flow_loss(MLP, ONE, ONE, 1, 0), "u must be a function or a model"),
        (lambda: mean_flow_target(wavy, ONE, ONE[:, :1], 1, 0), "v must have the shape of x"),
        (lambda: shortcut_target(wavy, ONE, 1.5, 0), "t must be in"),
        (lambda: shortcut_target(wavy, ONE, 1, [0, 0, 0]), r"r must be one time or have shape \(2,\)"),
        (lambda: shortcut_target(wavy, ONE.astype(int), 1, 0), "x must be an array of floats"),
        (lambda: shortcut_target(lambda x, t, r: x[:1], ONE, 1, 0), "u must return the shape of x"),
        (lambda: shortcut_target(MLP, ONE, 1, 0), "u must be a function or a model"),
        (lambda: total_derivative(wavy, ONE, ONE[:, :1], 1, 0), "v must have the shape of x"),
        (lambda: total_derivative(wavy, ONE, ONE, -1, 0), "t must be in"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
