"""Autoregressive flows: hand-worked numbers, Jacobians at random weights, one network read as MAF and as IAF."""

import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from minigen.data import toy
from minigen.flow.autoregressive import (
    IAF,
    MAF,
    AffineAutoregressive,
    MixtureMADE,
    iaf_forward,
    iaf_from_maf,
    iaf_gated,
    maf_forward,
    maf_inverse,
    mixture_log_prob,
)
from minigen.flow.bijection import Flow, Inverse, StandardNormal, jacobian_log_det
from minigen.flow.made import MADE
from minigen.metrics import nll_gap
from minigen.optim import Adam
from minigen.tensor import grad, jacobian, value_and_grad


def transform(rng, shaken, dim=4, order=None, size=0.3):
    return AffineAutoregressive(shaken(MADE(rng, dim, [12, 12], 2, order, "tanh"), size), dim)


# ------------------------------------------------------------------------------------------- the formulas


def test_by_hand():
    """(5 − 1)/2 = 2 and (−1 − 3) · 4 = −16, with scales 2 and 1/4. Eq. flow.21, Eq. flow.22, Eq. flow.23"""
    x, mu, log_scale = np.array([[5.0, -1.0]]), np.array([[1.0, 3.0]]), np.log([[2.0, 0.25]])
    z, log_det = maf_inverse(x, mu, log_scale)
    np.testing.assert_allclose(z, [[2, -16]])
    np.testing.assert_allclose(log_det, [math.log(2)])  # −(log 2 − log 4)
    back, other = iaf_forward(z, mu, log_scale)
    np.testing.assert_allclose(back, x)
    np.testing.assert_allclose(other, [-math.log(2)])
    mu2, log_scale2 = iaf_from_maf(mu, log_scale)
    np.testing.assert_allclose(mu2, [[-0.5, -12]])
    np.testing.assert_allclose(np.exp(log_scale2), [[0.5, 4]])
    np.testing.assert_allclose(iaf_forward(x, mu2, log_scale2)[0], z)  # the same map
    np.testing.assert_allclose(iaf_forward(x, mu2, log_scale2)[1], log_det)


def test_gated_by_hand():
    """s = log 3: σ(s) = 3/4, so x = 3/4 · 8 + 1/4 · 4 = 7; s = 0 is the mean of z and m. Kingma et al. 2016, eq. 14"""
    z, m, s = np.array([[8.0, 2.0]]), np.array([[4.0, -2.0]]), np.array([[math.log(3), 0.0]])
    x, log_det = iaf_gated(z, m, s)
    np.testing.assert_allclose(x, [[7, 0]])
    np.testing.assert_allclose(log_det, [math.log(0.75) + math.log(0.5)])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gated_far_out(dtype):
    """s = ±1000: all of m, or all of z; the log-det is −1000 or 0, and so are its gradients finite."""
    z, m, s = np.array([[3.0], [3.0]], dtype), np.array([[-7.0], [-7.0]], dtype), np.array([[-1000.0], [1000.0]], dtype)
    x, log_det = iaf_gated(z, m, s)
    assert x.dtype == log_det.dtype == dtype
    np.testing.assert_array_equal(x, [[-7], [3]])
    np.testing.assert_array_equal(log_det, [-1000, 0])
    np.testing.assert_allclose(grad(lambda s: iaf_gated(z, m, s)[1].sum())(s), [[1], [0]])


def test_formulas_are_bijections(rng):
    """With the parameters fixed each coordinate is scaled and shifted: the Jacobian is diagonal."""
    z, a, b = rng.standard_normal((3, 5, 3))
    for f in (maf_inverse, iaf_forward, iaf_gated):
        for n in range(5):
            one = slice(n, n + 1)
            want = jacobian_log_det(lambda v: f(v, a[one], b[one]), z[one])
            np.testing.assert_allclose(f(z, a, b)[1][n], want[0], atol=1e-9)


# ------------------------------------------------------------------------------------------- one transform


@pytest.mark.parametrize("order", [None, [2, 0, 3, 1], [3, 2, 1, 0]])
@pytest.mark.parametrize("turned", [False, True])
def test_transform_on_random_weights(rng, shaken, check_bijection, order, turned):
    f = transform(rng, shaken, order=order)
    f = Inverse(f) if turned else f
    _, log_det = check_bijection(f, rng.standard_normal((4, 4)), atol=1e-7)
    assert (np.abs(log_det) > 1e-3).all()


@pytest.mark.parametrize("order", [None, [2, 0, 3, 1]])
def test_jacobian_is_triangular_in_the_order(rng, shaken, order):
    """x_i depends on z of its own place and of earlier ones, in both readings; on the diagonal stand the scales."""
    f, z = transform(rng, shaken, order=order), rng.standard_normal((1, 4))
    place = np.arange(4) if order is None else np.array(order)
    allowed = place[None] <= place[:, None]
    for g in (f, Inverse(f)):
        for direction in (g.forward, g.inverse):
            J = jacobian(lambda v: direction(v)[0])(z)[0, :, 0]
            np.testing.assert_array_equal(J[~allowed], 0)
            assert (np.abs(J[allowed]) > 1e-9).all()
            np.testing.assert_allclose(np.log(np.diag(J)).sum(), direction(z)[1][0], atol=1e-9)


class Counted:
    """A net that is told nothing but x, and counts how often it is asked."""

    def __init__(self, net):
        self.net, self.calls = net, 0

    def __call__(self, x):
        self.calls += 1
        return self.net(x)


def test_inverse_takes_one_pass_and_forward_takes_dim(rng, shaken):
    counted = Counted(transform(rng, shaken, dim=7).net)
    f, x = AffineAutoregressive(counted, 7), rng.standard_normal((3, 7))
    f.inverse(x)
    assert counted.calls == 1
    f.forward(x)
    assert counted.calls == 8


def test_the_same_network_as_maf_and_as_iaf(rng, shaken):
    """MAF(net).inverse is IAF(net).forward: the density of one is the sampling of the other. Eq. flow.22"""
    f, v = transform(rng, shaken), rng.standard_normal((5, 4))
    z, log_det = f.inverse(v)
    x, other = Inverse(f).forward(v)
    np.testing.assert_array_equal(z, x)
    np.testing.assert_array_equal(log_det, other)
    mu, log_scale = f.net(v).transpose(1, 0, 2)
    np.testing.assert_allclose(iaf_forward(v, *iaf_from_maf(mu, log_scale))[0], x)


def test_sequential_formula_by_hand():
    """mu_2 = 10 x_1, log_scale_2 = x_1: z = (2, 3) gives x_1 = 2, x_2 = 3 e² + 20; the IAF reads z_1 instead."""

    def net(x):
        first, zero = x[:, :1], np.zeros_like(x[:, :1])
        return np.stack([np.concatenate([zero, 10 * first], 1), np.concatenate([zero, first], 1)], axis=1)

    f, z = AffineAutoregressive(net, 2), np.array([[2.0, 3.0]])
    x, log_det = f.forward(z)
    np.testing.assert_allclose(x, [[2, 3 * math.e**2 + 20]])
    np.testing.assert_allclose(log_det, [2])
    np.testing.assert_allclose(f.inverse(x)[0], z)
    np.testing.assert_allclose(Inverse(f).forward(z)[0], [[2, (3 - 20) / math.e**2]])


def test_coordinates_that_overflow_on_the_way_do_no_harm():
    """log_scale_2 = 1000 − 1000 x_1 overflows while x_1 is not yet 1, and infinity times a masked weight is NaN. The
    result is finite and exact: x_1 = 1, x_2 = 2, x_3 = 3 e² with log_scale_3 = x_2."""
    weights = np.array([[0.0, -1000, 0], [0, 0, 1], [0, 0, 0]])

    def net(x):
        mu = np.tile([[1.0, 0, 0]], (len(x), 1))
        return np.stack([mu, x @ weights + [0, 1000, 0]], axis=1)

    with np.errstate(over="ignore"):
        x, log_det = AffineAutoregressive(net, 3).forward(np.array([[0.0, 2, 3]]))
    np.testing.assert_allclose(x, [[1, 2, 3 * math.e**2]])
    np.testing.assert_allclose(log_det, [2])


def test_context(rng, shaken):
    f = AffineAutoregressive(shaken(MADE(rng, 3, [8], 2, None, "tanh", context=2)), 3)
    z, h = rng.standard_normal((4, 3)), rng.standard_normal((4, 2))
    x, log_det = f.forward(z, h)
    np.testing.assert_allclose(f.inverse(x, h)[0], z, atol=1e-9)
    np.testing.assert_allclose(f.inverse(x, h)[1], -log_det, atol=1e-9)
    assert np.abs(f.forward(z, h + 1)[0] - x).min() > 1e-6, "every coordinate depends on the context"
    flow = shaken(IAF(rng, 3, 2, [8], context=2))
    np.testing.assert_allclose(flow.bijection.inverse(flow.bijection.forward(z, h)[0], h)[0], z, atol=1e-7)


# ------------------------------------------------------------------------------------------- stacks


@pytest.mark.parametrize("kind", [MAF, IAF])
def test_stacks_on_random_weights(rng, shaken, check_bijection, kind):
    flow = shaken(kind(rng, 3, layers=3, hidden=(8, 8)))
    z = rng.standard_normal((4, 3))
    x, log_det = check_bijection(flow.bijection, z, atol=1e-6)
    np.testing.assert_allclose(flow.log_prob(x), flow.base.log_prob(z) - log_det, atol=1e-6)
    J = jacobian(lambda v: flow.bijection.forward(v)[0])(z[:1])
    assert (np.abs(J) > 1e-9).all(), "with two orders every coordinate reaches every other"


@pytest.mark.parametrize("kind", [MAF, IAF])
def test_orders_are_reversed_from_layer_to_layer(rng, kind):
    layers = kind(rng, 3, layers=4).bijection.bijections
    nets = [layer.net if kind is MAF else layer.bijection.net for layer in layers]
    assert [net.order.tolist() for net in nets] == [[0, 1, 2], [2, 1, 0]] * 2


@pytest.mark.parametrize("kind", [MAF, IAF])
def test_mass_is_one(rng, shaken, kind):
    flow = shaken(kind(rng, 2, layers=2, hidden=(8,)), 0.2)
    side = np.linspace(-14, 14, 700)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    assert abs(np.exp(flow.log_prob(grid)).sum() * (side[1] - side[0]) ** 2 - 1) < 2e-3


@pytest.mark.parametrize("kind", [MAF, IAF])
def test_starts_as_the_identity_and_trains_in_float32(rng, kind):
    """A short training on two moons takes a part of what the Gaussian lacks; the gap is a KL, so it is not negative."""
    density = toy.two_moons(0.1).standardized()
    flow, x = kind(rng, 2, layers=2, hidden=(16, 16)), density.sample(rng, 4000)
    z, log_det = flow.bijection.inverse(x)
    np.testing.assert_array_equal(z, x)
    np.testing.assert_array_equal(log_det, 0)
    start, _ = nll_gap(density, flow.log_prob, x)
    optimizer = Adam(flow, 1e-2)
    for _ in range(100):
        value, grads = value_and_grad(lambda f, x: f.loss(x))(flow, density.sample(rng, 128))
        assert value.dtype == np.float32 and all(g.dtype == np.float32 for g in grads.parameters().values())
        optimizer.step(grads)
    gap, error = nll_gap(density, flow.log_prob, x)
    assert -5 * error < gap < start - 0.2, (start, gap)
    assert flow.sample(rng, 3).dtype == np.float32


@pytest.mark.parametrize("kind", [MAF, IAF])
def test_features_do_not_drown_the_coordinates(rng, kind):
    """With c features beside dim coordinates the first weights have the deviations of fan-ins dim and dim + c."""
    flow, z, features = kind(rng, 4, 2, (500,), context=96), rng.standard_normal((3, 4)), rng.standard_normal((3, 96))
    for layer in flow.bijection.bijections:
        first = (layer.net if kind is MAF else layer.bijection.net).layers[0].w
        np.testing.assert_allclose(first[:4].std() / first[4:].std(), np.sqrt(100 / 4), rtol=0.08)  # 5 standard errors
    for out, log_det in (flow.bijection.forward(z, features), flow.bijection.inverse(z, features)):
        np.testing.assert_array_equal(out, z)  # the identity at the start
        np.testing.assert_array_equal(log_det, 0)


def test_activation(rng, shaken):
    """With ReLU in one hidden layer the map is piecewise linear: along a short line its second differences are 0."""
    line = rng.standard_normal((1, 3)) + np.linspace(-1e-4, 1e-4, 3)[:, None] * rng.standard_normal((1, 3))
    bends = {}
    for activation in ("relu", "tanh"):
        net = shaken(MAF(rng, 3, 1, (8,), activation=activation)).bijection.bijections[0].net
        bends[activation] = np.abs(np.diff(net(line), n=2, axis=0)).max()
    assert bends["relu"] < 1e-14 < 1e-11 < bends["tanh"], bends


# ------------------------------------------------------------------------------------------- sequential sampling


def chain_net(x):
    """mu = (0, x_1, x_1 + x_2) and scales (1, 2, 3)."""
    mu = np.stack([0 * x[:, 0], x[:, 0], x[:, 0] + x[:, 1]], axis=1)
    return np.stack([mu, np.log([[1.0, 2.0, 3.0]]) + 0 * mu], axis=1)


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 0, 4, 3, 1]])
def test_forward_against_one_coordinate_after_the_other(rng, shaken, order):
    """Filling in the coordinates in their order gives the same x, for a net of any order, and its Jacobian."""
    net = shaken(MADE(rng, 5, [16], 2, order, "tanh"))
    z, want = rng.standard_normal((2, 6, 5))
    for i in np.argsort(order):
        mu, log_scale = net(want)[:, :, i].T
        want[:, i] = z[:, i] * np.exp(log_scale) + mu
    x, log_det = maf_forward(z, net)
    np.testing.assert_allclose(x, want, atol=1e-12)
    np.testing.assert_allclose(log_det, jacobian_log_det(lambda v: maf_forward(v, net), z), atol=1e-9)


def test_one_coordinate(rng):
    """D = 1: one constant scale and shift, by the net of a MADE too."""
    x, log_det = maf_forward(np.array([[3.0], [-1.0]]), lambda x: np.zeros((len(x), 2, 1)) + np.array([[2.0], [0.5]]))
    np.testing.assert_allclose(x, np.exp(0.5) * np.array([[3.0], [-1.0]]) + 2)
    np.testing.assert_allclose(log_det, [0.5, 0.5])
    for kind in (MAF, IAF):
        flow = kind(rng, 1, layers=2, hidden=(4,))
        flow = flow.map(lambda a: a + 0.5 * rng.standard_normal(a.shape))
        grid = np.linspace(-80, 80, 40001)[:, None]
        assert abs(np.exp(flow.log_prob(grid)).sum() * 0.004 - 1) < 1e-6


# ------------------------------------------------------------------------------------------- a direct connection


@pytest.mark.parametrize("kind", [MAF, IAF])
def test_limit(rng, shaken, check_bijection, kind):
    """log_scale = limit·tanh(raw/limit): a large bias reaches the limit, not beyond; the means are left as they are."""
    flow = kind(rng, 2, layers=1, hidden=(), limit=0.5).map(lambda a: a.astype(float))
    (layer,) = flow.bijection.bijections
    net = layer.net if kind is MAF else layer.bijection.net
    net.layers[-1].b = np.array([7.0, -9.0, 0.3, 1000.0])  # mu of both, then log_scale of both
    in_one_pass = flow.bijection.inverse if kind is MAF else flow.bijection.forward
    out, log_det = in_one_pass(np.array([[1.0, 2.0]]))
    first = 0.5 * math.tanh(0.6)
    np.testing.assert_allclose(out, [[(1 - 7) * math.exp(-first), (2 + 9) * math.exp(-0.5)]])
    np.testing.assert_allclose(log_det, [-first - 0.5])
    deep = shaken(kind(rng, 3, layers=3, hidden=(8,), limit=0.4), 0.8)
    check_bijection(deep.bijection, rng.standard_normal((4, 3)), atol=1e-6)


@pytest.mark.parametrize("kind", [MAF, IAF])
def test_direct_connections(rng, shaken, check_bijection, kind):
    """Without hidden layers all is linear: a triangular map, in both directions a bijection."""
    flow = kind(rng, 3, layers=1, hidden=(), direct=True)
    z, x = rng.standard_normal((2, 4, 3))
    np.testing.assert_array_equal(flow.bijection.inverse(x)[0], x)  # the identity at the start
    check_bijection(shaken(kind(rng, 3, layers=3, hidden=(8,), direct=True)).bijection, z, atol=1e-6)


def test_a_linear_layer_is_a_gaussian(rng):
    """With means linear in earlier coordinates and constant scales, log_prob is that of N(m, LLᵀ)."""
    L, m = np.tril(rng.standard_normal((4, 4))) + 2 * np.eye(4), rng.standard_normal(4)
    scale = np.diag(L)
    coupling = (L @ np.diag(1 / scale) - np.eye(4)) @ np.linalg.inv(L @ np.diag(1 / scale))
    flow = MAF(rng, 4, layers=1, hidden=(), direct=True).map(lambda a: a.astype(float))
    (net,) = [layer.net for layer in flow.bijection.bijections]
    net.skip.w = np.concatenate([coupling.T, np.zeros((4, 4))], axis=1)
    net.skip.b = np.concatenate([m - coupling @ m, np.log(scale)])
    x = rng.standard_normal((7, 4))
    want = multivariate_normal(m, L @ L.T).logpdf(x)
    np.testing.assert_allclose(flow.log_prob(x), want, atol=1e-9)


@pytest.mark.parametrize("kind", [MAF, IAF])
def test_standardize(rng, shaken, kind):
    """The untrained flow is the Gaussian of the points' moments per coordinate; a second call replaces the first."""
    x = rng.standard_normal((500, 2)) * [3.0, 0.2] + [5.0, -1.0]
    flow = kind(rng, 2, layers=2).standardize(x + 7).standardize(x)
    assert len(flow.bijection.bijections) == 3
    want = -0.5 * (((x - x.mean(0)) / x.std(0)) ** 2).sum(1) - np.log(x.std(0)).sum() - math.log(2 * math.pi)
    np.testing.assert_allclose(flow.log_prob(x), want, atol=1e-4)
    flow = shaken(flow, 0.1)
    np.testing.assert_allclose(flow.bijection.forward(flow.bijection.inverse(x)[0])[0], x, atol=1e-6)
    trained = shaken(kind(rng, 2, layers=2), 0.1)
    log_p = trained.log_prob((x - x.mean(0)) / x.std(0)) - np.log(x.std(0)).sum()
    np.testing.assert_allclose(trained.standardize(x).log_prob(x), log_p, atol=1e-4)


# ------------------------------------------------------------------------------------------- mixtures


def test_mixture_by_hand():
    """0.25 N(x; 1, 2²) + 0.75 N(x; −1, 0.5²) at x = 3, twice: with logits (0, log 3) and with others by a constant."""
    x, mu, scale = np.array([[3.0, 3.0]]), np.array([1.0, -1.0]), np.array([2.0, 0.5])
    logits = np.stack([[0, math.log(3)], [5, 5 + math.log(3)]], axis=1)[None]  # (1, K, D)
    spread = np.ones((1, 1, 2))
    got = mixture_log_prob(x, logits, mu[None, :, None] * spread, np.log(scale)[None, :, None] * spread)
    p = 0.25 * math.exp(-0.5) / (2 * math.sqrt(2 * math.pi)) + 0.75 * math.exp(-32) / (0.5 * math.sqrt(2 * math.pi))
    np.testing.assert_allclose(got, [2 * math.log(p)], rtol=1e-12)


def test_mixture_against_scipy(rng):
    x, (logits, mu, log_scale) = rng.standard_normal((5, 3)), rng.standard_normal((3, 5, 4, 3))
    weights = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    want = np.log((weights * norm.pdf(x[:, None], mu, np.exp(log_scale))).sum(1)).sum(1)
    np.testing.assert_allclose(mixture_log_prob(x, logits, mu, log_scale), want, rtol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mixture_far_out(dtype):
    """x = 1000 and logits of ±1000: finite, with finite gradients, in the dtype of x."""
    x = np.array([[1000.0], [0.0]], dtype)
    logits = np.array([[[1000.0], [-1000.0]]] * 2, dtype)
    zeros = np.zeros((2, 2, 1), dtype)
    got = mixture_log_prob(x, logits, zeros, zeros)
    assert got.dtype == dtype
    np.testing.assert_allclose(got, [-5e5 - 0.5 * math.log(2 * math.pi), -0.5 * math.log(2 * math.pi)], rtol=1e-6)
    for i in range(4):
        arguments = [x, logits, zeros, zeros]

        def total(v):
            return mixture_log_prob(*arguments[:i], v, *arguments[i + 1 :]).sum()

        assert np.isfinite(grad(total)(arguments[i])).all()


@pytest.mark.slow
@pytest.mark.parametrize("order", [None, [1, 0]])
def test_mixture_made(rng, shaken, order):
    """Mass 1 on a grid, conditionals in the order given, and samples of the density that it states."""
    model = shaken(MixtureMADE(rng, 2, 3, (8,), order), 0.5)
    side = np.linspace(-25, 25, 1501)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    p = np.exp(model.log_prob(grid)) * (side[1] - side[0]) ** 2
    assert abs(p.sum() - 1) < 2e-3
    J = jacobian(lambda v: model.net(v)[0, :, :])(grid[700:701])[:, :, 0]  # (3K, D, D)
    later, earlier = (1, 0) if order is None else (0, 1)
    assert (J[:, earlier] == 0).all() and (J[:, later, later] == 0).all() and (J[:, later, earlier] != 0).all()
    n = 20000
    x = model.sample(rng, n)
    assert x.dtype == np.float32 and x.shape == (n, 2)
    log_p = model.log_prob(x)
    entropy = -(p * model.log_prob(grid)).sum()
    assert abs(-log_p.mean() - entropy) < 5 * log_p.std() / math.sqrt(n)
    mean = p @ grid
    assert (np.abs(x.mean(0) - mean) < 5 * x.std(0) / math.sqrt(n)).all()


def test_a_mixture_starts_evenly_spread(rng):
    """Equal weights, scales of 1, and means from −1.5 to 1.5, or 0 for a single component."""
    for components, means in ((1, [0.0]), (3, [-1.5, 0.0, 1.5])):
        model = MixtureMADE(rng, 2, components, (8,))
        model.net.layers[-1].w[...] = 0
        logits, mu, log_scale = model.parameters_at(np.ones((4, 2)))
        np.testing.assert_array_equal(mu, np.broadcast_to(np.array(means)[:, None], (4, components, 2)))
        assert not logits.any() and not log_scale.any()


def test_temperature_scales_the_noise_of_a_mixture(rng):
    model = MixtureMADE(rng, 3, 1, (8,))
    for a in model.net.layers[-1].parameters().values():
        a *= 0
    x = model.sample(rng, 4000, temperature=0.5)
    assert (np.abs(x.std(0) - 0.5) < 5 * 0.5 / math.sqrt(8000)).all()


@pytest.mark.parametrize("components", [1, 3])
def test_a_mixture_is_sampled_as_by_whole_passes(rng, shaken, components):
    """Coordinate by coordinate, with the same draws, from the network's output for all that is drawn so far."""
    model = shaken(MixtureMADE(rng, 5, components, (8, 7), [3, 0, 4, 1, 2]), 0.7)
    draws, x = np.random.default_rng(5), np.zeros((40, 5), np.float32)
    for i in (1, 3, 4, 0, 2):
        logits, mu, log_scale = (a[:, :, i] for a in model.parameters_at(x))
        k = np.argmax(logits + draws.gumbel(size=logits.shape), axis=1)
        mean, deviation = mu[np.arange(40), k], np.exp(log_scale[np.arange(40), k])
        x[:, i] = mean + 0.5 * deviation * draws.standard_normal(40, dtype=np.float32)
    np.testing.assert_allclose(model.sample(np.random.default_rng(5), 40, 0.5), x, atol=1e-5)


def test_mixture_of_one_is_a_gaussian_made(rng, shaken):
    """With one component it is a MAF of one layer with the same net, read as mean and log scale."""
    model = shaken(MixtureMADE(rng, 4, 1, (8,)))
    flow = Flow(StandardNormal(4), AffineAutoregressive(lambda x: model.net(x)[:, 1:], 4))
    x = rng.standard_normal((6, 4))
    np.testing.assert_allclose(model.log_prob(x), flow.log_prob(x), atol=1e-9)


# ------------------------------------------------------------------------------------------- types and errors


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("parameters", [np.float32, np.float64])
def test_the_dtype_of_the_input_is_that_of_the_output(rng, dtype, parameters):
    z, a, b = rng.standard_normal((3, 4, 2)).astype(dtype)
    for flow in (MAF(rng, 2, 2, (8,)), IAF(rng, 2, 2, (8,))):
        flow = flow.map(lambda a: a.astype(parameters))
        assert {a.dtype for a in (*flow.bijection.forward(z), *flow.bijection.inverse(z))} == {np.dtype(dtype)}
        assert flow.log_prob(z).dtype == dtype
    f = AffineAutoregressive(lambda x: np.zeros((len(x), 2, 2), parameters), 2)
    assert {a.dtype for a in (*f.forward(z), *f.inverse(z))} == {np.dtype(dtype)}
    other = b.astype(parameters)
    for f in (maf_inverse, iaf_forward, iaf_gated):
        assert {c.dtype for c in f(z, a.astype(parameters), other)} == {np.dtype(dtype)}
    assert {c.dtype for c in iaf_from_maf(a, other)} == {np.dtype(dtype)}


A, B = np.zeros((2, 3)), np.zeros((2, 4, 3))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda rng: maf_inverse(A, A[:1], A), r"mu must have the shape of x, \(2, 3\), got \(1, 3\)"),
        (lambda rng: iaf_forward(A, A, A[:, :1]), r"log_scale must have the shape of z, \(2, 3\), got \(2, 1\)"),
        (lambda rng: iaf_gated(A, A[:, :1], A), "m must have the shape of z"),
        (lambda rng: iaf_from_maf(A, A[:1]), "log_scale must have the shape of mu"),
        (lambda rng: maf_inverse(A[0], A[0], A[0]), r"x must have shape \(N, D\), got \(3,\)"),
        (lambda rng: maf_inverse(A + np.nan, A, A), "x must be finite"),
        (lambda rng: AffineAutoregressive(lambda x: x, 0), "dim must be a whole number"),
        (
            lambda rng: AffineAutoregressive(lambda x: x, 3).inverse(A),
            r"net must return shape \(2, 2, 3\), got \(2, 3\)",
        ),
        (lambda rng: AffineAutoregressive(lambda x: x, 3).forward(A[:, :2]), r"z must have shape \(N, 3\)"),
        (lambda rng: AffineAutoregressive(lambda x: x, 3).inverse(A[:, :2]), r"x must have shape \(N, 3\)"),
        (lambda rng: MAF(rng, 3, layers=0), "layers must be a whole number"),
        (lambda rng: IAF(rng, 0), "dim must be a whole number"),
        (lambda rng: MAF(rng, 3).log_prob(A[:, :2]), r"x must have shape \(N, 3\)"),
        (lambda rng: MAF(rng, 3, limit=0), "limit must be"),
        (lambda rng: MAF(0, 3), "Generator"),
        (lambda rng: MAF(np.random.Generator, 3), "Generator"),
        (lambda rng: MAF(rng, 3, hidden=8), "hidden must be a list of widths"),
        (lambda rng: MAF(rng, 3).standardize(A), "x must vary"),
        (lambda rng: MAF(rng, 3).standardize(A[:, :2]), r"x must have shape \(N, 3\)"),
        (lambda rng: maf_forward(A[0], chain_net), r"z must have shape \(N, D\), got \(3,\)"),
        (lambda rng: maf_forward(A * np.nan, chain_net), "z must be finite"),
        (lambda rng: maf_forward(A, lambda x: x), r"net must return shape \(2, 2, 3\), got \(2, 3\)"),
        (lambda rng: mixture_log_prob(A, A, A, A), r"logits must have shape \(2, K, 3\), got \(2, 3\)"),
        (lambda rng: mixture_log_prob(A, B, B[:, :1], B), "mu must have the shape of logits"),
        (lambda rng: mixture_log_prob(A, B, B, B[:, :, :2]), r"log_scale must have shape \(2, K, 3\)"),
        (lambda rng: mixture_log_prob(A + np.inf, B, B, B), "x must be finite"),
        (lambda rng: MixtureMADE(rng, 3, 0), "components must be a whole number"),
        (lambda rng: MixtureMADE(rng, 3, 2, order=[0, 0, 1]), "order must be a permutation"),
        (lambda rng: MixtureMADE(rng, 3, 2).log_prob(A[:, :2]), r"x must have shape \(N, 3\)"),
        (lambda rng: MixtureMADE(rng, 3, 2).sample(0, 2), "rng must be a numpy.random.Generator"),
        (lambda rng: MixtureMADE(rng, 3, 2).sample(rng, 2, 0), "temperature must be a positive number"),
    ],
)
def test_errors(rng, call, message):
    with pytest.raises(ValueError, match=message):
        call(rng)
