"""The two models of the noise: shapes, a silent start, gradients against finite differences."""

import numpy as np
import pytest

from minigen.diffusion.ddpm import simple_loss
from minigen.diffusion.likelihood import hybrid_loss
from minigen.diffusion.networks.mlp import EpsMLP
from minigen.diffusion.networks.unet import AttentionBlock, GlobalMLP, UNet
from minigen.diffusion.schedule import Schedule
from minigen.nn import depth_to_space
from minigen.tensor import jacobian, parallel_value_and_grad, value_and_grad

SCHEDULE = Schedule.linear(20, 1e-3, 0.4)


def batch(n, *shape, dtype=np.float32):
    rng = np.random.default_rng(1)
    x0, eps = rng.standard_normal((n, *shape)).astype(dtype), rng.standard_normal((n, *shape)).astype(dtype)
    return x0, rng.integers(1, 21, n), eps


def shaken(model, dtype=np.float64):
    """A copy with random weights everywhere, those that start at zero too."""
    rng = np.random.default_rng(2)
    return model.map(lambda a: (a + 0.1 * rng.standard_normal(a.shape)).astype(dtype))


MODELS = [
    (lambda rng: EpsMLP(rng, 2, width=16, layers=2), (2,)),
    (lambda rng: EpsMLP(rng, 3, width=8, layers=1), (3,)),
    (lambda rng: UNet(rng, 1, width=8), (28, 28, 1)),
    (lambda rng: UNet(rng, 2, width=8, blocks=2), (8, 12, 2)),
    (lambda rng: UNet(rng, 2, width=8, global_mlp=24, size=(8, 12)), (8, 12, 2)),
]


@pytest.mark.parametrize("make, shape", MODELS)
def test_starts_silent_and_has_float32_gradients(make, shape):
    model = make(np.random.default_rng(0))
    x0, t, eps = batch(6, *shape)
    out = model(x0, t)
    assert out.shape == x0.shape and out.dtype == np.float32
    assert np.all(out == 0)
    value, grads = value_and_grad(simple_loss)(model, x0, t, eps, SCHEDULE)
    assert value.dtype == np.float32 and all(g.dtype == np.float32 for g in grads.parameters().values())


@pytest.mark.parametrize("make, shape", [MODELS[0], (lambda rng: UNet(rng, 1, width=8), (8, 8, 1)), MODELS[-1]])
def test_gradient_by_finite_differences(make, shape):
    model = shaken(make(np.random.default_rng(0)))
    x0, t, eps = batch(3, *shape, dtype=np.float64)
    value, grads = value_and_grad(simple_loss)(model, x0, t, eps, SCHEDULE)
    assert value.dtype == np.float64
    rng = np.random.default_rng(3)
    gradients = grads.parameters()
    for name, a in model.parameters().items():  # along a random direction in each array
        d, h = rng.standard_normal(a.shape), 1e-5
        kept = a.copy()
        a += h * d
        up = simple_loss(model, x0, t, eps, SCHEDULE)
        a -= 2 * h * d
        down = simple_loss(model, x0, t, eps, SCHEDULE)
        a[...] = kept
        assert np.vdot(gradients[name], d) == pytest.approx((up - down) / (2 * h), rel=2e-5, abs=1e-8), name


def test_every_pixel_sees_the_whole_picture_and_the_time():
    model = shaken(UNet(np.random.default_rng(0), 1, width=8))
    x, t = np.zeros((2, 28, 28, 1)), np.array([3, 3])
    x[1, 27, 27] = 1.0  # the farthest corner
    out = model(x, t)
    assert abs(out[0, 0, 0, 0] - out[1, 0, 0, 0]) > 1e-9
    assert np.abs(model(x, np.array([3, 15]))[1] - out[1]).max() > 1e-3
    mlp = shaken(EpsMLP(np.random.default_rng(0)))
    point = np.ones((2, 2))
    assert np.abs(np.diff(mlp(point, np.array([3, 15])), axis=0)).max() > 1e-3


def test_blocks_start_as_the_identity():
    rng = np.random.default_rng(0)
    x, time = rng.standard_normal((2, 4, 4, 16)).astype(np.float32), rng.standard_normal((2, 8)).astype(np.float32)
    np.testing.assert_array_equal(AttentionBlock(rng, 16)(x), x)
    np.testing.assert_array_equal(GlobalMLP(rng, (4, 4), 16, 8, 12)(x, time), x)


def test_the_global_mlp_tells_positions_apart_and_joins_all_of_them():
    """Attention that is given the positions in another order answers in that order; the global MLP does not, and its
    answer at every position depends on what is at every position. Each example is seen by itself."""
    rng = np.random.default_rng(0)
    attention, global_mlp = shaken(AttentionBlock(rng, 16)), shaken(GlobalMLP(rng, (3, 2), 16, 8, 12, features=4))
    x, time = rng.standard_normal((2, 3, 2, 16)), rng.standard_normal((2, 8))
    turned = x[:, ::-1, ::-1]
    np.testing.assert_allclose(attention(turned)[:, ::-1, ::-1], attention(x), rtol=1e-10)
    assert np.abs(global_mlp(turned, time)[:, ::-1, ::-1] - global_mlp(x, time)).max() > 1e-2
    moves = jacobian(lambda x: global_mlp(x, time) - x)(x)  # (2, 3, 2, 16, 2, 3, 2, 16)
    assert np.all(np.abs(moves[1, :, :, :, 1]).max(axis=(2, 5)) > 1e-6)  # (3, 2, 3, 2): from each position to each
    assert np.all(moves[0, :, :, :, 1] == 0)
    assert np.abs(global_mlp(x, time + 1) - global_mlp(x, time)).max() > 1e-3


def test_learned_variance_head():
    model = UNet(np.random.default_rng(0), 1, width=8, learned_variance=True)
    x0, t, eps = batch(4, 8, 8, 1)
    first, second = model(x0, t)
    assert first.shape == second.shape == x0.shape
    value, grads = value_and_grad(hybrid_loss)(model, x0, t, eps, SCHEDULE)
    assert np.isfinite(value)
    # the last layer gives, for each pixel of a folded block, eps and then v: both must be moved
    g = depth_to_space(np.tile(grads.conv_out.b, (1, 1, 1, 1)).reshape(1, 1, 1, -1))
    assert np.all(np.abs(g[..., 0]) > 0) and np.all(np.abs(g[..., 1]) > 0)


def test_two_threads_give_the_same_gradient():
    model = shaken(UNet(np.random.default_rng(0), 1, width=8), np.float32)
    x0, t, eps = batch(5, 28, 28, 1)

    def loss(m, x0, t, eps):
        return simple_loss(m, x0, t, eps, SCHEDULE)

    value, grads = value_and_grad(loss)(model, x0, t, eps)
    value2, grads2 = parallel_value_and_grad(loss)(model, x0, t, eps)
    assert value2 == pytest.approx(value, rel=1e-5)
    for name, g in grads.parameters().items():
        np.testing.assert_allclose(grads2.parameters()[name], g, rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: UNet(np.random.default_rng(0), width=12), "width must be a multiple of 8, got 12"),
        (lambda: UNet(np.random.default_rng(0), width=8)(np.zeros((1, 30, 28, 1)), np.array([1])), "multiples of 4"),
        (
            lambda: UNet(np.random.default_rng(0), width=8)(np.zeros((1, 28, 28, 3)), np.array([1])),
            r"x must have shape",
        ),
        (
            lambda: UNet(np.random.default_rng(0), global_mlp=8, size=(30, 28)),
            r"size must be two multiples of 4, got \(30, 28\)",
        ),
        (
            lambda: UNet(np.random.default_rng(0), width=8, global_mlp=8)(np.zeros((1, 28, 24, 1)), np.array([1])),
            r"must have \(7, 7\) positions at the lowest level, .* got \(7, 6\)",
        ),
        (lambda: EpsMLP(np.random.default_rng(0))(np.zeros((4, 3)), np.ones(4, int)), r"x must have shape \(N, 2\)"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
