"""Planar and radial flows against Jacobians, hand-worked numbers, mass on a grid, and each other's directions."""

import math

import autograd.numpy as anp
import numpy as np
import pytest

from minigen.flow.bijection import Chain, Flow, StandardNormal, jacobian_log_det
from minigen.flow.planar import (
    Planar,
    PlanarChains,
    Radial,
    distance_before,
    planar_chains,
    planar_forward,
    radial_forward,
    solve_tanh,
    u_hat,
)
from minigen.tensor import grad, value_and_grad


def planar(rng, shaken, dim=3, along=None):
    """A planar flow at random parameters; with `along`, wᵀu is set to that number."""
    f = shaken(Planar(rng, dim), 1.0)
    if along is not None:
        f.u += (along - f.u @ f.w) * f.w / (f.w @ f.w)
    return f


# ------------------------------------------------------------------------------------------- û


def test_u_hat_by_hand():
    """w = (2, 0), u = (3, 5): wᵀu = 6, so û = u + (log(1 + e⁶) − 7) (1/2, 0). And wᵀu = 0 gives log 2 − 1 along w."""
    np.testing.assert_allclose(
        u_hat(np.array([3.0, 5.0]), np.array([2.0, 0.0])), [3 + (math.log1p(math.e**6) - 7) / 2, 5]
    )
    np.testing.assert_allclose(u_hat(np.array([0.0, 5.0]), np.array([2.0, 0.0])), [(math.log(2) - 1) / 2, 5])


def test_u_hat_is_invertible_and_moves_along_w_only(rng):
    u, w = 3 * rng.standard_normal((2, 100, 4))
    new = u_hat(u, w)
    along, before = (new * w).sum(axis=1), (u * w).sum(axis=1)
    np.testing.assert_allclose(along, np.logaddexp(0, before) - 1, atol=1e-12)
    assert (along >= -1 - 1e-12).all() and (before < -1).any() and (before > 1).any()
    across = np.eye(4) - w[:, :, None] * w[:, None] / (w**2).sum(axis=1)[:, None, None]
    np.testing.assert_allclose(np.einsum("nij,nj->ni", across, new - u), 0, atol=1e-12)
    np.testing.assert_array_equal(u_hat(u[3], w[3]), new[3])


def test_u_hat_far_out():
    w = np.array([1.0, 0.0])
    np.testing.assert_allclose(u_hat(np.array([[1000.0, 1.0], [-1000.0, 1.0]]), np.stack([w, w])), [[999, 1], [-1, 1]])
    assert u_hat(np.array([800, 0], np.float32), w).dtype == np.float32


@pytest.mark.parametrize("dtype, alongs", [(np.float32, (-10, -5, 0, 5, 10)), (np.float64, (-25, -10, 0, 10))])
def test_u_hat_is_invertible_as_computed(rng, dtype, alongs):
    """wᵀû > −1 when it is computed in the same dtype, as far down as softplus(wᵀu) is above the rounding of wᵀu."""
    for along in alongs:
        u, w = rng.standard_normal((2, 1000, 3))
        w /= np.linalg.norm(w, axis=1, keepdims=True)
        u += (along - np.sum(u * w, axis=1, keepdims=True)) * w
        u, w = u.astype(dtype), w.astype(dtype)
        margin = np.sum(u_hat(u, w) * w, axis=1) + dtype(1)
        assert (margin > 0).all(), along
        np.testing.assert_allclose(margin, np.logaddexp(0.0, along), rtol=0, atol=50 * np.finfo(dtype).eps)


# ------------------------------------------------------------------------------------------- planar


def test_planar_by_hand():
    """z = (1, 2), w = (1, 1), b = −3: tanh 0 = 0, so x = z; the slope is 1, and det = 1 + wᵀu = 1 + 0.5."""
    z, u, w = np.array([[1.0, 2.0]]), np.array([0.5, 0.0]), np.array([1.0, 1.0])
    x, log_det = planar_forward(z, u, w, -3.0)
    np.testing.assert_array_equal(x, z)
    np.testing.assert_allclose(log_det, [math.log(1.5)])
    x, log_det = planar_forward(z, u, w, -2.0)
    np.testing.assert_allclose(x, [[1 + 0.5 * math.tanh(1), 2]])
    np.testing.assert_allclose(log_det, [math.log(1 + 0.5 / math.cosh(1) ** 2)])


def test_planar_uses_u_as_given():
    """wᵀu = −3 is not invertible, but the determinant 1 − 3 = −2 has an absolute value."""
    _, log_det = planar_forward(np.zeros((1, 2)), np.array([-3.0, 0.0]), np.array([1.0, 0.0]), 0.0)
    np.testing.assert_allclose(log_det, [math.log(2)])


def test_one_plane_for_each_example(rng):
    z, u, w = rng.standard_normal((3, 4, 2))
    b = rng.standard_normal(4)
    x, log_det = planar_forward(z, u, w, b)
    for n in range(4):
        one, each = planar_forward(z[n : n + 1], u[n], w[n], b[n])
        np.testing.assert_allclose(x[n], one[0])
        np.testing.assert_allclose(log_det[n], each[0])
        np.testing.assert_allclose(jacobian_log_det(lambda v: planar_forward(v, u[n], w[n], b[n]), z[n : n + 1]), each)


@pytest.mark.parametrize("along", [None, -8.0, 0.0, 8.0])
@pytest.mark.parametrize("dim", [1, 2, 5])
def test_planar_directions_undo_each_other(rng, shaken, check_bijection, dim, along):
    f = planar(rng, shaken, dim, along)
    x, log_det = check_bijection(f, 2 * rng.standard_normal((6, dim)), atol=1e-6 if along == -8 else 1e-9)
    want = planar_forward(f.inverse(x)[0], u_hat(f.u, f.w), f.w, f.b)
    np.testing.assert_allclose(x, want[0], atol=1e-6)
    assert np.abs(log_det).max() > 1e-3


def test_planar_in_float32_to_1e5(rng):
    for seed in range(20):
        f = Planar(np.random.default_rng(seed), 2)
        for a in f.parameters().values():
            a += rng.standard_normal(a.shape).astype(np.float32)
        z = rng.standard_normal((500, 2), dtype=np.float32)
        x, forward = f.forward(z)
        back, inverse = f.inverse(x)
        assert {a.dtype for a in (x, forward, back, inverse)} == {np.dtype(np.float32)}
        np.testing.assert_allclose(f.forward(back)[0], x, atol=1e-5)
        if (u_hat(f.u, f.w) * f.w).sum() > -0.9:  # nearly flat places cannot be told apart in float32
            np.testing.assert_allclose(back, z, atol=1e-5)


def test_root_and_its_derivatives():
    """a + s tanh a = c: da/dc = 1/(1 + s (1 − tanh² a)), da/ds = −tanh(a) da/dc."""
    c, s = np.array([-3.0, 0.1, 2.0]), -0.7
    a = solve_tanh(c, s)
    np.testing.assert_allclose(a + s * np.tanh(a), c, atol=1e-12)
    slope = 1 / (1 + s * (1 - np.tanh(a) ** 2))
    np.testing.assert_allclose(grad(lambda c: np.sum(solve_tanh(c, s)))(c), slope, rtol=1e-9)
    np.testing.assert_allclose(grad(lambda s: np.sum(solve_tanh(c, s)))(s), -np.sum(np.tanh(a) * slope), rtol=1e-9)
    second = grad(lambda c: np.sum(grad(lambda c: np.sum(solve_tanh(c, s)))(c)))(c)
    h = 1e-5
    by_differences = [1 / (1 + s * (1 - np.tanh(solve_tanh(c + d, s)) ** 2)) for d in (h, -h)]
    np.testing.assert_allclose(second, (by_differences[0] - by_differences[1]) / (2 * h), rtol=1e-5)


# ------------------------------------------------------------------------------------------- chains side by side


def one_by_one(chains, z):
    """The same numbers from `planar_forward`, layer by layer and chain by chain."""
    u = u_hat(chains.u, chains.w)
    xs, log_dets = [], []
    for k in range(len(z)):
        x, total = z[k], 0.0
        for layer in range(len(u)):
            x, log_det = planar_forward(x, u[layer, k], chains.w[layer, k], chains.b[layer, k])
            total = total + log_det
        xs.append(x)
        log_dets.append(total)
    return anp.stack(xs), anp.stack(log_dets)


@pytest.mark.parametrize("layers, chains, n, dim", [(4, 2, 5, 3), (1, 3, 1, 2), (3, 1, 4, 1)])
def test_chains_side_by_side_are_the_chains_one_by_one(rng, shaken, layers, chains, n, dim):
    f, z = shaken(PlanarChains(rng, dim, layers, chains), 0.5), rng.standard_normal((chains, n, dim))
    a, b = rng.standard_normal((chains, n, dim)), rng.standard_normal((chains, n))

    def weighed(outputs):
        return anp.sum(a * outputs[0] ** 2) + anp.sum(b * outputs[1])

    for got, want in zip(f.forward(z), one_by_one(f, z)):
        np.testing.assert_allclose(got, want, atol=1e-12)
    _, got = value_and_grad(lambda f: weighed(f.forward(z)))(f)
    _, want = value_and_grad(lambda f: weighed(one_by_one(f, z)))(f)
    for name, gradient in want.parameters().items():
        np.testing.assert_allclose(got.parameters()[name], gradient, atol=1e-10, err_msg=name)
    np.testing.assert_allclose(
        grad(lambda z: weighed(f.forward(z)))(z), grad(lambda z: weighed(one_by_one(f, z)))(z), atol=1e-10
    )


def test_chains_use_u_as_given(rng):
    """As `planar_forward` does: a negative determinant has an absolute value, and its gradient a sign."""
    z, (u, w), b = rng.standard_normal((1, 6, 2)), rng.standard_normal((2, 1, 1, 2)), np.zeros((1, 1))
    u = u + (-4 - np.sum(u * w)) * w / np.sum(w * w)  # wᵀu = −4
    x, log_det = planar_forward(z[0], u[0, 0], w[0, 0], 0.0)
    got = planar_chains(z, u, w, b)
    np.testing.assert_allclose(got[0][0], x)
    np.testing.assert_allclose(got[1][0], log_det)
    gradient = grad(lambda w: planar_chains(z, u, w, b)[1].sum())(w)
    want = grad(lambda w: planar_forward(z[0], u[0, 0], w[0, 0], 0.0)[1].sum())(w)
    np.testing.assert_allclose(gradient, want)


def test_one_chain_taken_out_has_an_inverse(rng, shaken, check_bijection):
    f, z = shaken(PlanarChains(rng, 2, 3, 4)), rng.standard_normal((4, 5, 2))
    x, log_det = f.forward(z)
    for k in range(4):
        chain = f.chain(k)
        np.testing.assert_allclose(check_bijection(chain, z[k])[0], x[k], atol=1e-9)
        np.testing.assert_allclose(chain.forward(z[k])[1], log_det[k], atol=1e-9)
    chain.bijections[0].u += 1
    np.testing.assert_array_equal(f.forward(z)[0], x, err_msg="a chain taken out is a copy")


def test_chains_train_in_float32_and_have_no_second_derivative(rng):
    f, z = PlanarChains(rng, 2, 8, 3), rng.standard_normal((3, 16, 2), dtype=np.float32)

    def loss(f):
        x, log_det = f.forward(z)
        return anp.mean(0.5 * anp.sum((x - 1) ** 2, axis=2) - log_det)

    value, grads = value_and_grad(loss)(f)
    assert value.dtype == np.float32
    assert all(g.dtype == np.float32 for g in grads.parameters().values())
    with pytest.raises(NotImplementedError, match="no second derivative"):
        grad(lambda z: anp.sum(grad(lambda z: anp.sum(f.forward(z)[1]))(z)))(z)


# ------------------------------------------------------------------------------------------- radial


def test_the_distance_before_a_radial_layer_by_hand_and_there_and_back(rng):
    """1 + 2 · 1/2 = 2 and 3 + 2 · 3/4 = 4.5; then over 24 powers of ten, for layers that push and that pull."""
    np.testing.assert_allclose(distance_before(np.array([2.0, 4.5, 0.0]), 1.0, 2.0), [1, 3, 0])
    r = np.concatenate([[0.0], 10.0 ** np.arange(-12, 13)])
    for beta in (3.0, 0.2, -0.9):
        np.testing.assert_allclose(distance_before(r + beta * r / (1.0 + r), 1.0, beta), r, rtol=1e-12)
    alpha, beta = rng.uniform(0.5, 2, 25), rng.uniform(-0.4, 3, 25)
    r = 5 * rng.random(25)
    slope = grad(lambda R: anp.sum(distance_before(R, alpha, beta)))(r + beta * r / (alpha + r))
    np.testing.assert_allclose(slope, 1 / (1 + alpha * beta / (alpha + r) ** 2), rtol=1e-10)


def test_radial_by_hand():
    """z is 1 away from the center, alpha = 1, beta = 2: h = 1/2, z − center is doubled; det = 2 · (1 + 1 − 1/2)."""
    x, log_det = radial_forward(np.array([[2.0, 1.0]]), np.array([1.0, 1.0]), 1.0, 2.0)
    np.testing.assert_allclose(x, [[3, 1]])
    np.testing.assert_allclose(log_det, [math.log(2 * 1.5)])


@pytest.mark.parametrize("alpha, beta", [(0.5, 2.0), (2.0, -1.9), (1.0, 0.3), (0.01, -0.0099)])
@pytest.mark.parametrize("dim", [1, 2, 5])
def test_radial_directions_undo_each_other(rng, check_bijection, dim, alpha, beta):
    f = Radial(rng, dim).map(lambda a: a.astype(float))
    f.log_alpha[...], f.raw_beta[...] = math.log(alpha), math.log(math.expm1(beta + alpha))
    z = 2 * rng.standard_normal((6, dim))
    x, log_det = check_bijection(f, z, atol=1e-7)
    want = radial_forward(z, f.center, alpha, beta)
    np.testing.assert_allclose(x, want[0], atol=1e-9)
    np.testing.assert_allclose(log_det, want[1], atol=1e-9)


def test_radial_at_its_center(rng):
    """There dx/dz is (1 + beta/alpha) times the identity; nothing is NaN, the derivative neither."""
    f = Radial(rng, 3).map(lambda a: a.astype(float) + 0.5)
    z = f.center[None].copy()
    x, log_det = f.forward(z)
    np.testing.assert_allclose(x, z)
    alpha = np.exp(f.log_alpha)
    beta = np.logaddexp(0, f.raw_beta) - alpha
    np.testing.assert_allclose(log_det, [3 * np.log(1 + beta / alpha)])
    np.testing.assert_allclose(jacobian_log_det(f.forward, z), log_det)
    np.testing.assert_allclose(f.inverse(x)[0], z)
    np.testing.assert_allclose(jacobian_log_det(f.inverse, x), -log_det)


def test_radial_close_to_its_center_in_float32(rng):
    """The positive root loses no digits where it is small: r is about 1e-5, alpha 1e-3, x 11,000 times as far out."""
    f = Radial(rng, 2)
    f.center[...], f.log_alpha[...], f.raw_beta[...] = 0, math.log(1e-3), 11
    z = (1e-5 * rng.standard_normal((20, 2))).astype(np.float32)
    x, _ = f.forward(z)
    np.testing.assert_allclose(x, 11_000 * z, rtol=0.1)
    np.testing.assert_allclose(f.inverse(x)[0], z, rtol=2e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("log_alpha, raw_beta", [(0.0, -30.0), (3.0, -14.0), (0.0, -800.0), (-5.0, -30.0)])
def test_radial_that_closes_its_center(rng, dtype, log_alpha, raw_beta):
    """beta nearly −alpha, which rounding must not reach: r goes to r²/(alpha + r), and det is that of this map."""
    f = Radial(rng, 3).map(lambda a: a.astype(dtype))
    f.center[...], f.log_alpha[...], f.raw_beta[...] = 0, log_alpha, raw_beta
    z = (2 * rng.standard_normal((40, 3))).astype(dtype)
    x, log_det = f.forward(z)
    back, minus = f.inverse(x)
    assert {a.dtype for a in (x, log_det, back, minus)} == {np.dtype(dtype)}
    wide, alpha = z.astype(float), math.exp(log_alpha)
    r = np.linalg.norm(wide, axis=1)
    across, along = r / (alpha + r), r * (2 * alpha + r) / (alpha + r) ** 2
    few = 2e-5 if dtype is np.float32 else 1e-5  # what softplus(−14), of which the formulas know nothing, makes of it
    np.testing.assert_allclose(x, across[:, None] * wide, rtol=few, atol=1e-6)
    np.testing.assert_allclose(log_det, 2 * np.log(across) + np.log(along), rtol=few, atol=few)
    np.testing.assert_allclose(back, z, rtol=few, atol=few)
    np.testing.assert_allclose(minus, -log_det, rtol=few, atol=few)


@pytest.mark.parametrize("raw_beta", [-30.0, -800.0])
def test_gradients_of_a_radial_that_closes_its_center_are_finite(rng, raw_beta):
    f, z = Radial(rng, 2), rng.standard_normal((10, 2), dtype=np.float32)
    f.raw_beta[...] = raw_beta
    for direction in ("forward", "inverse"):
        _, grads = value_and_grad(lambda f: sum(anp.sum(a) for a in getattr(f, direction)(z)))(f)
        for name, g in grads.parameters().items():
            assert np.isfinite(g).all() and g.dtype == np.float32, (direction, name)


def test_one_ball_for_each_example(rng):
    z, (alpha, beta) = rng.standard_normal((4, 2)), rng.uniform(0.5, 2, (2, 4))
    x, log_det = radial_forward(z, np.zeros(2), alpha, beta)
    for n in range(4):
        one, each = radial_forward(z[n : n + 1], np.zeros(2), alpha[n], beta[n])
        np.testing.assert_allclose(x[n], one[0])
        np.testing.assert_allclose(log_det[n], each[0])


# ------------------------------------------------------------------------------------------- flows


def chain(rng, dim=2):
    return Chain([kind(rng, dim) for kind in (Planar, Radial, Planar, Radial)])


@pytest.mark.slow
def test_mass_is_one(rng, shaken):
    flow = Flow(StandardNormal(2), shaken(chain(rng), 0.7))
    side = np.linspace(-12, 12, 900)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    assert abs(np.exp(flow.log_prob(grid)).sum() * (side[1] - side[0]) ** 2 - 1) < 2e-3


def test_one_step_carries_probability_along(rng, shaken):
    """In one dimension the mass of p_1 below f(c) is that of p_0 below c, for every c. Eq. flow.05"""
    f = shaken(Planar(rng, 1), 0.7)
    line = np.linspace(-8, 8, 40_001)[:, None]
    cut, _ = f.forward(np.array([[-1.0], [0.2], [1.5]]))
    p = np.exp(Flow(StandardNormal(1), f).log_prob(line)) * (line[1, 0] - line[0, 0])
    below = [p[line[:, 0] < c].sum() for c in cut[:, 0]]
    want = [0.5 * (1 + math.erf(c / math.sqrt(2))) for c in (-1.0, 0.2, 1.5)]
    np.testing.assert_allclose(below, want, atol=1e-3)


def test_starts_near_the_identity(rng):
    z = rng.standard_normal((50, 4), dtype=np.float32)
    for f in (Planar(rng, 4), Radial(rng, 4)):
        x, log_det = f.forward(z)
        assert 0 < np.abs(x - z).max() < 0.6 and np.abs(log_det).max() < 0.4


def test_noise_of_a_tenth_is_added_to_the_vector_of_the_identity(rng):
    """At u = log(e − 1) w/|w|² the corrected vector is 0; 4,000 numbers for each class."""
    chains = PlanarChains(rng, 2, 50, 40)
    layers = [Planar(rng, 2) for _ in range(2_000)]
    for w, u in ((chains.w, chains.u), (np.stack([f.w for f in layers]), np.stack([f.u for f in layers]))):
        identity = np.log(np.e - 1) * w / np.sum(w**2, axis=-1, keepdims=True)
        assert np.std(u - identity) == pytest.approx(0.1, rel=0.06)
        assert np.std(w) == pytest.approx(1, rel=0.06)
    assert not np.any(chains.b) and layers[0].b == 0


@pytest.mark.parametrize("direction", ["forward", "inverse"])
def test_gradients_are_float32_in_both_directions(rng, direction):
    """The loss of `inverse` is a likelihood, that of `forward` the variational one; numbers () are parameters too."""
    f, data = chain(rng), (rng.standard_normal((64, 2)) * [2.0, 0.3] + 1).astype(np.float32)

    def loss(f):
        out, log_det = getattr(f, direction)(data)
        return anp.mean(0.5 * anp.sum(out**2, axis=1) - log_det)

    assert {a.shape for a in f.parameters().values()} == {(2,), ()}
    value, grads = value_and_grad(loss)(f)
    assert value.dtype == np.float32
    assert all(g.dtype == np.float32 and g.any() for g in grads.parameters().values())


def test_parameter_gradients_by_finite_differences(rng, shaken):
    f, x = shaken(chain(rng), 0.5), rng.standard_normal((5, 2))

    def loss(f):
        z, log_det = f.inverse(x)
        return anp.sum(z**2) - anp.sum(log_det)

    _, grads = value_and_grad(loss)(f)
    for name, a in f.parameters().items():
        d, h, kept = rng.standard_normal(a.shape), 1e-6, a.copy()
        a += h * d
        up = loss(f)
        a -= 2 * h * d
        down = loss(f)
        a[...] = kept
        assert np.vdot(grads.parameters()[name], d) == pytest.approx((up - down) / (2 * h), rel=1e-5, abs=1e-7), name


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("parameters", [np.float32, np.float64])
def test_the_dtype_of_the_input_is_that_of_the_output(rng, dtype, parameters):
    f = chain(rng).map(lambda a: a.astype(parameters))
    z = rng.standard_normal((3, 2)).astype(dtype)
    x, forward = f.forward(z)
    back, inverse = f.inverse(x)
    assert {a.dtype for a in (x, forward, back, inverse)} == {np.dtype(dtype)}
    u, w = f.bijections[0].u, f.bijections[0].w
    assert {a.dtype for a in planar_forward(z, u, w, 0.5)} == {np.dtype(dtype)}
    assert {a.dtype for a in radial_forward(z, u, 1.0, 0.5)} == {np.dtype(dtype)}
    if dtype == np.float64:  # float32 parameters are used in float64
        np.testing.assert_allclose(forward, jacobian_log_det(f.forward, z), atol=1e-9)


Z, U, C = np.zeros((3, 2)), np.ones(2), np.ones((4, 3, 2))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda rng: u_hat(U, 0 * U), "w must not be the zero vector"),
        (lambda rng: u_hat(np.ones((2, 2)), np.array([[1.0, 0.0], [0.0, 0.0]])), "w must not be the zero vector"),
        (lambda rng: u_hat(U, np.ones(3)), r"w must have the shape of u, \(2,\), got \(3,\)"),
        (lambda rng: planar_forward(Z[0], U, U, 0.0), r"z must have shape \(N, D\), got \(2,\)"),
        (lambda rng: planar_forward(Z, np.ones(3), U, 0.0), r"u must have shape \(2,\) or \(3, 2\), got \(3,\)"),
        (lambda rng: planar_forward(Z, U, np.ones((2, 2)), 0.0), r"w must have shape \(2,\) or \(3, 2\), got \(2, 2\)"),
        (lambda rng: planar_forward(Z, U, U, np.zeros(2)), r"b must have shape \(\) or \(3,\), got \(2,\)"),
        (lambda rng: planar_forward(Z + np.nan, U, U, 0.0), "z must be finite"),
        (lambda rng: radial_forward(Z, np.ones(3), 1.0, 1.0), "center must have shape"),
        (lambda rng: radial_forward(Z, U, 0.0, 1.0), "alpha must be positive, got 0"),
        (lambda rng: radial_forward(Z, U, 1.0, -1.0), "beta must be greater than -alpha, got -1"),
        (lambda rng: distance_before(np.array([-1.0]), 1.0, 1.0), "R must not be negative, got -1"),
        (lambda rng: distance_before(np.ones(2), 0.0, 1.0), "alpha must be positive, got 0"),
        (lambda rng: distance_before(np.ones(2), 1.0, np.ones(3)), r"beta must have shape \(\) or \(2,\), got \(3,\)"),
        (lambda rng: radial_forward(Z, U, 1.0, np.ones(2)), r"beta must have shape \(\) or \(3,\), got \(2,\)"),
        (lambda rng: planar_chains(Z, C[0], C[0], C[0, :, 0]), r"z must have shape \(K, N, D\), got \(3, 2\)"),
        (lambda rng: planar_chains(C[0][:, None], C, C[:, :2], C[:, :, 0]), r"w must have shape \(L, 3, 2\), got"),
        (lambda rng: planar_chains(C[0][:, None], C, C[:1], C[:, :, 0]), r"w must have the shape of u"),
        (lambda rng: planar_chains(C[0][:, None], C, C, C[:, 0]), r"b must have shape \(4, 3\), got \(4, 2\)"),
        (lambda rng: planar_chains(C[0][:, None] + np.inf, C, C, C[:, :, 0]), "z must be finite"),
        (lambda rng: PlanarChains(rng, 2, 1, 2).chain(2), r"k must be a whole number in 0..1, got 2"),
        (lambda rng: Planar(rng, 3).forward(Z), r"z must have shape \(N, 3\), got \(3, 2\)"),
        (lambda rng: Planar(rng, 3).inverse(Z), r"x must have shape \(N, 3\), got \(3, 2\)"),
        (lambda rng: Radial(rng, 3).forward(Z), r"z must have shape \(N, 3\), got \(3, 2\)"),
        (lambda rng: Radial(rng, 3).inverse(Z), r"x must have shape \(N, 3\), got \(3, 2\)"),
    ],
)
def test_errors(rng, call, message):
    with pytest.raises(ValueError, match=message):
        call(rng)
