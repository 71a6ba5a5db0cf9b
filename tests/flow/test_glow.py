"""Glow's parts and the whole on random weights against Jacobians, matrix identities, and the statistics of data."""

import math

import autograd.numpy as anp
import numpy as np
import pytest

from minigen.flow.bijection import jacobian_log_det
from minigen.flow.glow import (
    ActNorm,
    CouplingNet,
    Glow,
    GlowStep,
    Invertible1x1Conv,
    SplitNet,
    actnorm_init,
    conv1x1,
    conv1x1_log_det,
    lu_matrix,
    lu_parts,
    random_rotation,
)
from minigen.optim import Adam
from minigen.tensor import grad, value_and_grad

# ------------------------------------------------------------------------------------------- actnorm


def test_actnorm_by_hand():
    """Scale 2 and shift 1 in one channel, 1/2 and 0 in the other; six positions: log-det 6 (log 2 − log 2/3)."""
    f = ActNorm(2).map(lambda a: a.astype(float))
    f.log_scale[...], f.shift[...] = np.log([2, 1 / 3]), [1, 0]
    x, log_det = f.forward(np.full((1, 2, 3, 2), 3.0))
    np.testing.assert_allclose(x[0, 1, 2], [7, 1])
    np.testing.assert_allclose(log_det, [6 * math.log(2 / 3)])
    np.testing.assert_allclose(f.inverse(x)[1], [-6 * math.log(2 / 3)])


@pytest.mark.parametrize("shape", [(5, 3), (4, 2, 3, 3)])
def test_actnorm_on_random_weights(rng, shaken, check_bijection, shape):
    check_bijection(shaken(ActNorm(3)), rng.standard_normal(shape))


@pytest.mark.parametrize("shape", [(7, 2), (3, 2, 4, 2)])
def test_actnorm_standardizes_over_batch_and_positions(rng, shape):
    """Mean 0 and variance 1, with 1/n: from far away and in float32 too."""
    x = (rng.standard_normal(shape) * [3.0, 0.02] + [500.0, -1.0]).astype(np.float32)
    f = ActNorm(2)
    shift = f.shift
    f.standardize(x)
    axes = tuple(range(len(shape) - 1))
    z, _ = f.inverse(x.astype(float))
    np.testing.assert_allclose(z.mean(axes), 0, atol=2e-3)  # shift is a float32 number near 500
    np.testing.assert_allclose(z.std(axes), 1, rtol=1e-6)
    np.testing.assert_allclose(np.exp(f.log_scale), x.astype(float).std(axes), rtol=1e-6)
    assert f.shift is shift, "an optimizer made before must still hold the array"


def test_actnorm_init_by_hand():
    """Channels (1, 2, 6) and (−1, −1, 5): means 3 and 1, variances 14/3 and 8."""
    shift, log_scale = actnorm_init(np.array([[1.0, -1.0], [2.0, -1.0], [6.0, 5.0]]))
    np.testing.assert_allclose(shift, [3, 1])
    np.testing.assert_allclose(log_scale, [0.5 * math.log(14 / 3), 0.5 * math.log(8)])


def test_actnorm_init_far_from_zero(rng):
    """Float32 numbers near 10,000 are 0.001 apart: beside a deviation of 0.02 the mean must not be rounded so."""
    x = (1e4 + 0.02 * rng.standard_normal((50, 8, 8, 1))).astype(np.float32)
    _, log_scale = actnorm_init(x)
    np.testing.assert_allclose(log_scale, np.log(x.astype(float).std()), rtol=1e-6)


def test_actnorm_init_is_what_standardize_sets(rng):
    x = rng.standard_normal((3, 2, 4, 2), dtype=np.float32) * 3 + 1
    f = ActNorm(2)
    f.standardize(x)
    before = x.copy()
    shift, log_scale = actnorm_init(x)
    np.testing.assert_array_equal(f.shift, shift)
    np.testing.assert_array_equal(f.log_scale, log_scale)
    assert shift.dtype == log_scale.dtype == np.float32
    np.testing.assert_array_equal(x, before)
    f.standardize(x, axis=(0, 1, 2))
    np.testing.assert_allclose(f.log_scale, log_scale, rtol=1e-6)


# ------------------------------------------------------------------------------------------- 1×1 convolutions


def test_conv1x1_by_hand():
    """W = [[1, 2], [3, 4]] times (5, 6) is (17, 39); the transpose would give (23, 34)."""
    W = np.array([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(conv1x1(np.array([[5.0, 6.0]]), W), [[17, 39]])
    h = np.zeros((1, 2, 2, 2))
    h[0, 1, 0] = [5, 6]
    want = np.zeros((1, 2, 2, 2))
    want[0, 1, 0] = [17, 39]
    np.testing.assert_array_equal(conv1x1(h, W), want)
    assert conv1x1_log_det(W, 3, 5) == pytest.approx(15 * math.log(2))  # det −2
    assert np.ndim(conv1x1_log_det(W, 3, 5)) == 0


def test_conv1x1_against_its_jacobian(rng):
    """Eq. flow.15: the log-determinant of all H·W·C outputs by all inputs is H·W log |det W|."""
    W, h = rng.standard_normal((3, 3)), rng.standard_normal((2, 2, 4, 3))
    np.testing.assert_allclose(conv1x1(h, W), np.einsum("ij,nabj->nabi", W, h))
    want = jacobian_log_det(lambda v: conv1x1(v, W), h)
    np.testing.assert_allclose(want, conv1x1_log_det(W, 2, 4))


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_the_log_det_neither_overflows_nor_underflows(rng, size):
    """The determinant itself is 10^±480."""
    q = random_rotation(16, rng)
    want = 6 * 16 * math.log(size)
    assert conv1x1_log_det(q * size, 2, 3) == pytest.approx(want)
    assert conv1x1_log_det((q * size).astype(np.float32), 2, 3) == pytest.approx(want, rel=1e-5)


def test_rows_and_columns_of_very_different_size_are_not_singular(rng):
    W = np.diag([1e-25, 1.0, 1e25]) @ rng.standard_normal((3, 3)) @ np.diag([1.0, 1e-30, 1.0])
    want = np.linalg.slogdet(np.diag([1e25, 1.0, 1e-25]) @ W @ np.diag([1.0, 1e30, 1.0]))[1] - 30 * math.log(10)
    assert conv1x1_log_det(W, 1, 1) == pytest.approx(want)
    assert lu_parts(W)[4].sum() == pytest.approx(want)


def test_gradient_of_the_log_det(rng):
    """d log |det W| / dW is the transposed inverse, and so once more for its own derivative."""
    W, direction = rng.standard_normal((2, 3, 3))
    gradient = grad(lambda W: conv1x1_log_det(W, 2, 5))
    np.testing.assert_allclose(gradient(W), 10 * np.linalg.inv(W).T)
    second = grad(lambda W: anp.sum(gradient(W) * direction))(W)
    h = 1e-6 * np.random.default_rng(1).standard_normal((3, 3))
    difference = np.sum((gradient(W + h) - gradient(W - h)) * direction)
    np.testing.assert_allclose(2 * np.sum(second * h), difference, rtol=1e-4)
    assert grad(lambda W: conv1x1_log_det(W, 2, 5))(W.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("c", [1, 2, 5])
def test_lu_parts_and_back(rng, c):
    W = rng.standard_normal((c, c))
    P, L, U, sign, log_s = lu_parts(W)
    np.testing.assert_allclose(P @ (L + np.eye(c)) @ (U + np.diag(sign * np.exp(log_s))), W, atol=1e-12)
    np.testing.assert_allclose(lu_matrix(P, L, U, sign, log_s), W, atol=1e-12)
    assert np.array_equal(L, np.tril(L, -1)) and np.array_equal(U, np.triu(U, 1))
    assert sorted(map(tuple, P)) == sorted(map(tuple, np.eye(c))) and set(np.abs(sign)) == {1}
    np.testing.assert_allclose(log_s.sum(), np.linalg.slogdet(W)[1])
    junk = rng.standard_normal((c, c))
    same = lu_matrix(P, L + np.triu(junk), U + np.tril(junk), sign, log_s)
    np.testing.assert_allclose(same, W, atol=1e-12)
    assert all(part.dtype == np.float32 for part in lu_parts(W.astype(np.float32)))


def test_lu_matrix_has_the_right_derivative(rng):
    P, L, U, sign, log_s = lu_parts(rng.standard_normal((3, 3)))
    g = rng.standard_normal((3, 3))
    for k, (a, touched) in enumerate([(L, np.tril(np.ones((3, 3)), -1)), (U, np.triu(np.ones((3, 3)), 1)), (log_s, 1)]):

        def f(a):
            parts = [L, U, log_s]
            parts[k] = a
            return anp.sum(g * lu_matrix(P, parts[0], parts[1], sign, parts[2]))

        d = rng.standard_normal(a.shape)
        slope = (f(a + 1e-6 * d) - f(a - 1e-6 * d)) / 2e-6
        np.testing.assert_allclose(np.sum(grad(f)(a) * d), slope, rtol=1e-6)
        np.testing.assert_array_equal(grad(f)(a) != 0, touched * np.ones(a.shape) != 0)


def test_random_rotations():
    for seed in range(10):
        q = random_rotation(4, np.random.default_rng(seed))
        np.testing.assert_allclose(q @ q.T, np.eye(4), atol=1e-12)
        assert np.linalg.det(q) == pytest.approx(1)
    corner = [random_rotation(3, np.random.default_rng(seed))[1, 1] for seed in range(400)]
    assert abs(np.mean(corner)) < 5 / math.sqrt(3 * 400), "each entry has mean 0 and variance 1/3"


def test_invertible_convolution_starts_at_a_rotation_or_at_w(rng):
    f = Invertible1x1Conv(rng, 4)
    np.testing.assert_allclose(f.matrix() @ f.matrix().T, np.eye(4), atol=1e-6)
    x = rng.standard_normal((2, 3, 2, 4), dtype=np.float32)
    z, log_det = f.inverse(x)
    np.testing.assert_allclose(log_det, 0, atol=1e-5)
    np.testing.assert_allclose((z**2).sum(-1), (x**2).sum(-1), rtol=1e-4)
    assert np.abs(z - x).max() > 0.1
    W = rng.standard_normal((4, 4))
    f = Invertible1x1Conv(rng, 4, W)
    np.testing.assert_allclose(f.matrix(), W, atol=1e-5)
    np.testing.assert_allclose(f.inverse(x)[0], conv1x1(x, W), atol=1e-4)
    np.testing.assert_allclose(f.inverse(x)[1], 6 * np.linalg.slogdet(W)[1], rtol=1e-4)
    assert set(f.parameters()) == {"L", "U", "log_s"} and {"P", "sign"} < set(f.state())


@pytest.mark.parametrize("shape", [(5, 3), (3, 2, 4, 3)])
def test_invertible_convolution_on_random_weights(rng, shaken, check_bijection, shape):
    f = shaken(Invertible1x1Conv(rng, 3, rng.standard_normal((3, 3))), 0.5)
    x = rng.standard_normal(shape)
    _, log_det = check_bijection(f, x, atol=1e-8)
    assert (np.abs(log_det) > 1e-3).all()
    np.testing.assert_allclose(f.inverse(x)[0], conv1x1(x, f.matrix()))


# ------------------------------------------------------------------------------------------- steps and the whole


def test_step_is_actnorm_then_convolution_then_coupling(rng, shaken, check_bijection):
    step, x = shaken(GlowStep(rng, 4, 6), 0.2), rng.standard_normal((2, 2, 3, 4))
    h, first = step.actnorm.inverse(x)
    h, second = step.conv.inverse(h)
    z, third = step.coupling.inverse(h)
    np.testing.assert_allclose(step.inverse(x)[0], z)
    np.testing.assert_allclose(step.inverse(x)[1], first + second + third)
    np.testing.assert_array_equal(z[..., :2], h[..., :2])
    assert np.abs(z - h)[..., 2:].min() > 1e-6
    check_bijection(step, x, atol=1e-8)


def test_step_starts_with_a_silent_coupling(rng):
    step, x = GlowStep(rng, 4, 6), rng.standard_normal((2, 2, 3, 4), dtype=np.float32)
    np.testing.assert_allclose(step.inverse(x)[0], step.conv.inverse(x)[0], atol=1e-6)
    assert not step.coupling.net.conv3.w.any() and step.coupling.net.conv1.w.any()


@pytest.mark.parametrize("channels", [2, 4, 5])
def test_networks_see_the_kept_half_and_speak_of_the_other(rng, shaken, channels):
    """With an odd number of channels the kept half is the smaller one."""
    kept = channels // 2
    for net in (shaken(CouplingNet(rng, channels, 3)), shaken(SplitNet(rng, channels))):
        x = rng.standard_normal((2, 3, 4, channels))
        out = net(x)
        assert out.shape == (2, 3, 4, 2 * channels)
        for part in (out[..., :channels], out[..., channels:]):
            assert not part[..., :kept].any() and np.abs(part[..., kept:]).min() > 1e-6
        other = x.copy()
        other[..., kept:] += 1
        np.testing.assert_array_equal(net(other), out)


def test_coupling_net_against_plain_numpy(rng, shaken):
    """On images of one pixel a padded 3×3 convolution is its middle alone."""
    net, x = shaken(CouplingNet(rng, 4, 8, (1, 1))), rng.standard_normal((5, 1, 1, 4))
    first = x[..., :2] @ net.conv1.w[1, 1] + net.conv1.b + net.position_bias[0, 0]
    second = np.maximum(first, 0) @ net.conv2.w[0, 0] + net.conv2.b
    out = np.maximum(second, 0) @ net.conv3.w[1, 1] + net.conv3.b  # two log scales, two shifts
    np.testing.assert_allclose(net(x)[..., [2, 3, 6, 7]], out, atol=1e-12)
    assert first.min() < -0.1 and second.min() < -0.1, "a missing ReLU would be seen"


def test_the_learned_split_starts_as_the_plain_one_and_is_learned(rng):
    x = rng.standard_normal((3, 8, 8, 1), dtype=np.float32)
    plain, learned = (
        Glow(np.random.default_rng(1), (8, 8, 1), width=6, steps=1, learned_split=choice) for choice in (False, True)
    )
    for name, a in plain.parameters().items():
        if ".coupling." in name:
            a += 0.1
    more = set(learned.parameters()) - set(plain.parameters())
    assert len(plain.parameters()) + 2 == len(learned.parameters()) and more
    _, grads = value_and_grad(lambda f, x: f.loss(x))(learned, x)
    split = [g for name, g in grads.parameters().items() if "conv.w" in name and g.shape == (3, 3, 2, 4)]
    assert len(split) == 1 and split[0].any()


def test_position_bias_tells_positions_apart(rng, shaken, check_bijection):
    """On a constant image all inner positions look alike to a convolution; the biases tell them apart."""
    plain, placed = shaken(CouplingNet(rng, 2, 3)), shaken(CouplingNet(rng, 2, 3, (6, 5)))
    inner = [net(np.ones((1, 6, 5, 2)))[0, 2:4, 2, 1] for net in (plain, placed)]
    np.testing.assert_allclose(inner[0][0], inner[0][1])
    assert abs(inner[1][0] - inner[1][1]) > 1e-6
    flow = shaken(Glow(rng, (4, 8, 1), width=3, steps=1, position_bias=True), 0.1)
    check_bijection(flow.bijection, rng.standard_normal((2, 4, 8, 1)), atol=1e-7)
    sizes = [module.position_bias.shape for _, module in flow.modules() if isinstance(module, CouplingNet)]
    assert sorted(sizes) == [(1, 2, 3), (2, 4, 3)]


def test_one_width_for_each_scale(rng):
    flow = Glow(rng, (8, 8, 1), width=(5, 7), steps=1)
    nets = [module for _, module in flow.modules() if isinstance(module, CouplingNet)]
    assert sorted(net.conv1.w.shape for net in nets) == [(3, 3, 2, 5), (3, 3, 4, 7)]


def small(rng, shape=(4, 4, 1), scales=2):
    return Glow(rng, shape, width=6, scales=scales, steps=2)


@pytest.mark.slow
@pytest.mark.parametrize("shape, scales", [((4, 4, 1), 2), ((2, 4, 2), 1), ((8, 8, 1), 3)])
def test_glow_on_random_weights(rng, shaken, check_bijection, shape, scales):
    flow = shaken(small(rng, shape, scales), 0.1)
    z = rng.standard_normal((2, *shape))
    x, log_det = check_bijection(flow.bijection, z, atol=1e-7)
    assert np.abs(x - z).max() > 0.1 and (np.abs(log_det) > 0.01).all()
    np.testing.assert_allclose(flow.log_prob(x), flow.base.log_prob(z) - log_det, atol=1e-7)


def test_standardize_sets_each_actnorm_from_what_reaches_it(rng, monkeypatch):
    """Afterwards the output of every actnorm has mean 0 and variance 1; the couplings are not silent here."""
    flow = small(rng, (8, 8, 1))
    for name, a in flow.parameters().items():
        if "coupling" in name:
            a += 0.05 * rng.standard_normal(a.shape).astype(np.float32)
    x = rng.standard_normal((60, 8, 8, 1), dtype=np.float32) * 3 + 20
    held = {name: a for name, a in flow.parameters().items()}
    assert flow.standardize(x) is flow
    outputs, inverse = [], ActNorm.inverse

    def spy(self, x, context=None):
        z, log_det = inverse(self, x, context)
        outputs.append(z)
        return z, log_det

    monkeypatch.setattr(ActNorm, "inverse", spy)
    flow.log_prob(x)
    assert len(outputs) == 4
    for z in outputs:
        np.testing.assert_allclose(z.mean((0, 1, 2)), 0, atol=1e-4)
        np.testing.assert_allclose(z.std((0, 1, 2)), 1, atol=1e-4)
    flow.log_prob(x + 1)
    assert abs(outputs[4].mean()) > 0.1, "only `standardize` standardizes"
    assert all(flow.parameters()[name] is a for name, a in held.items())


@pytest.mark.slow
def test_trains_in_float32(rng):
    """Correlated pixels: the likelihood rises above that of the standardized start."""
    noise = rng.standard_normal((256, 4, 4, 1), dtype=np.float32)
    x = np.cumsum(noise, axis=2)
    flow = small(rng).standardize(x)
    optimizer, values = Adam(flow, 3e-3), []
    for _ in range(60):
        value, grads = value_and_grad(lambda f, x: f.loss(x))(flow, x)
        assert value.dtype == np.float32 and all(g.dtype == np.float32 for g in grads.parameters().values())
        optimizer.step(grads)
        values.append(float(value))
    assert values[-1] < values[0] - 1
    drawn = flow.sample(rng, 500, temperature=0.5)
    assert drawn.dtype == np.float32 and drawn.shape == (500, 4, 4, 1)
    assert drawn.std() < 0.75 * flow.sample(rng, 500).std()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("parameters", [np.float32, np.float64])
def test_the_dtype_of_the_input_is_that_of_the_output(rng, dtype, parameters):
    flow, z = small(rng).map(lambda a: a.astype(parameters)), rng.standard_normal((2, 4, 4, 1)).astype(dtype)
    assert {a.dtype for a in (*flow.bijection.forward(z), *flow.bijection.inverse(z))} == {np.dtype(dtype)}
    assert flow.log_prob(z).dtype == conv1x1(z, np.ones((1, 1), parameters)).dtype == dtype
    if dtype == np.float64:  # float32 parameters are used in float64
        x, log_det = flow.bijection.forward(z)
        np.testing.assert_allclose(flow.bijection.inverse(x)[0], z, atol=1e-10)


I2, ONES = np.eye(2), np.ones((2, 2))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda rng: ActNorm(2).standardize(np.ones((4, 3))), r"x must have shape \(N, ..., 2\), got \(4, 3\)"),
        (lambda rng: ActNorm(2).standardize(np.array([[0.1, 1], [0.1, 2], [0.1, 3]])), "x must vary in every channel"),
        (lambda rng: ActNorm(2).inverse(np.ones((4, 3))), "log_scale must broadcast"),
        (lambda rng: conv1x1(np.ones((4, 3)), I2), r"W must have shape \(3, 3\), got \(2, 2\)"),
        (lambda rng: conv1x1(np.ones(2), I2), r"h must have shape \(N, ..., C\)"),
        (lambda rng: conv1x1_log_det(ONES, 2, 2), "W must be invertible, got a singular matrix"),
        (lambda rng: conv1x1_log_det(np.arange(1.0, 10).reshape(3, 3), 2, 2), "W must be invertible"),
        (lambda rng: conv1x1_log_det(np.ones((2, 3)), 2, 2), r"W must have shape \(C, C\), got \(2, 3\)"),
        (lambda rng: conv1x1_log_det(I2, 0, 2), "height must be a whole number"),
        (lambda rng: lu_parts(np.arange(1.0, 10).reshape(3, 3)), "W must be invertible"),
        (lambda rng: lu_parts(np.ones(3)), r"W must have shape \(C, C\)"),
        (
            lambda rng: lu_matrix(I2, I2, np.eye(3), np.ones(2), np.ones(2)),
            r"U must have the shape of P, \(2, 2\), got \(3, 3\)",
        ),
        (lambda rng: lu_matrix(I2, I2, I2, np.ones(3), np.ones(2)), r"sign must have shape \(2,\)"),
        (lambda rng: Invertible1x1Conv(rng, 2, np.eye(3)), r"W must have shape \(2, 2\), got \(3, 3\)"),
        (lambda rng: Invertible1x1Conv(rng, 2, ONES), "W must be invertible"),
        (lambda rng: Invertible1x1Conv(0, 2), "rng must be a numpy.random.Generator"),
        (lambda rng: Invertible1x1Conv(rng, 2).inverse(np.ones((4, 3))), r"x must have shape \(N, ..., 2\)"),
        (lambda rng: Invertible1x1Conv(rng, 2).forward(np.ones((4, 3))), r"z must have shape \(N, ..., 2\)"),
        (lambda rng: GlowStep(rng, 1, 4), "channels must be a whole number of at least 2"),
        (lambda rng: Glow(rng, (28, 30, 1)), r"shape must be divisible by 2\^scales = 4, got \(28, 30, 1\)"),
        (lambda rng: Glow(rng, (28, 28)), r"shape must be \(H, W, C\)"),
        (lambda rng: Glow(rng, steps=0), "steps must be a whole number"),
        (lambda rng: Glow(rng, width=0), "width must be a whole number"),
        (lambda rng: Glow(rng, width=(4, 0)), "width must be a whole number"),
        (lambda rng: Glow(rng, width=2.5), "width must be a sequence of whole numbers, got 2.5"),
        (lambda rng: Glow(rng, width=(4, 4, 4)), "width must be one number, or one for each of 2 scales, got 3"),
        (lambda rng: Glow(0), "rng must be a numpy.random.Generator"),
        (lambda rng: CouplingNet(rng, 1, 4), "channels must be a whole number of at least 2"),
        (lambda rng: CouplingNet(rng, 2, 4, (3, 0)), "size must be a whole number of at least 1"),
        (lambda rng: SplitNet(rng, 1), "channels must be a whole number of at least 2"),
        (lambda rng: actnorm_init(np.ones(3)), r"x must have shape \(N, ..., C\), got \(3,\)"),
        (lambda rng: actnorm_init(np.full((5, 1), 0.1)), "x must vary in every channel"),
        (lambda rng: actnorm_init(np.ones((1, 2))), "x must vary in every channel"),
        (lambda rng: ActNorm(2).standardize(np.ones((3, 2)), axis=0), "x must vary in every channel"),
        (lambda rng: conv1x1_log_det(np.zeros((2, 2)), 2, 2), "W must be invertible"),
        (lambda rng: conv1x1_log_det(np.diag([1.0, 0.0]), 2, 2), "W must be invertible"),
        (lambda rng: conv1x1_log_det(I2 * np.nan, 2, 2), "W must be finite"),
        (lambda rng: conv1x1_log_det(I2, 2, 2.0), "width must be a whole number"),
        (lambda rng: small(rng).log_prob(np.zeros((2, 4, 4))), r"x must have shape \(N, 4, 4, 1\)"),
        (lambda rng: small(rng).standardize(np.zeros((2, 4, 4, 1))), "x must vary in every channel"),
    ],
)
def test_errors(rng, call, message):
    with pytest.raises(ValueError, match=message):
        call(rng)
