"""Space to depth by hand and back; the residual block against its formula in layers."""

import numpy as np
import pytest

from minigen.nn import Conv2d, GroupNorm, Linear, ResidualBlock, depth_to_space, he_gain, space_to_depth
from minigen.tensor import grad, jacobian, relu, silu, value_and_grad


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def shaken(model, rng, dtype=np.float64):
    return model.map(lambda a: (a + 0.1 * rng.standard_normal(a.shape)).astype(dtype))


def test_space_to_depth_by_hand_and_back():
    x = np.arange(16.0).reshape(1, 4, 4, 1)
    np.testing.assert_array_equal(space_to_depth(x)[0, 0, 0], [0, 1, 4, 5])  # the upper left block
    np.testing.assert_array_equal(space_to_depth(x)[0, 1, 0], [8, 9, 12, 13])
    y = np.random.default_rng(0).standard_normal((3, 6, 9, 2))
    assert space_to_depth(y, 3).shape == (3, 2, 3, 18)
    np.testing.assert_array_equal(space_to_depth(y, 3)[1, 1, 2, :4], [*y[1, 3, 6], *y[1, 3, 7]])
    np.testing.assert_array_equal(depth_to_space(space_to_depth(y, 3), 3), y)


def test_space_to_depth_has_a_permutation_for_a_jacobian(rng):
    J = jacobian(space_to_depth)(rng.standard_normal((1, 4, 2, 3))).reshape(24, 24)
    assert np.array_equal(J @ J.T, np.eye(24)) and set(np.unique(J)) == {0.0, 1.0}


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: space_to_depth(np.zeros((1, 5, 4, 1))), "size must divide the height and width of x, 5 x 4, got 2"),
        (lambda: depth_to_space(np.zeros((1, 2, 2, 3))), "size² must divide the channels of x, 3, got size 2"),
    ],
)
def test_sizes_that_do_not_fit(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_fresh_block_is_the_identity_or_its_skip(rng):
    x = rng.standard_normal((2, 4, 4, 16)).astype(np.float32)
    condition = rng.standard_normal((2, 5)).astype(np.float32)
    np.testing.assert_array_equal(ResidualBlock(rng, 16, 16)(x), x)
    np.testing.assert_array_equal(ResidualBlock(rng, 16, 16, groups=(8, None), kernels=(3, 1))(x), x)
    np.testing.assert_array_equal(ResidualBlock(rng, 16, 16, groups=(8, 8), dim_condition=5)(x, condition), x)
    block = ResidualBlock(rng, 16, 24)
    np.testing.assert_array_equal(block(x), block.skip(x))


def test_the_block_is_its_formula(rng):
    """Each option against layers that are called one by one, with weights that are not zero."""
    x, condition = rng.standard_normal((2, 4, 4, 8)), rng.standard_normal((2, 5))
    plain = shaken(ResidualBlock(rng, 8, 8, kernels=(3, 1), activation="relu"), rng)
    np.testing.assert_allclose(plain(x), x + plain.conv2(relu(plain.conv1(relu(x)))), rtol=1e-12)
    full = ResidualBlock(rng, 8, 12, groups=(4, 6), activation="silu", dim_condition=5)
    full = shaken(full, rng)
    h = full.conv1(full.norm1(x)) + full.condition(condition)[:, None, None]
    np.testing.assert_allclose(full(x, condition), full.skip(x) + full.conv2(full.norm2(h)), rtol=1e-12)
    pure = GroupNorm(4, 8)
    pure.w, pure.b = full.norm1.w, full.norm1.b
    np.testing.assert_allclose(full.norm1(x), silu(pure(x)), rtol=1e-10, atol=1e-12)
    half = shaken(ResidualBlock(rng, 8, 8, kernels=(3, 1), groups=(4, None)), rng)
    np.testing.assert_allclose(half(x), x + half.conv2(relu(half.conv1(half.norm1(x)))), rtol=1e-12)


def test_gradients_reach_every_parameter_of_a_block(rng):
    x, condition = rng.standard_normal((2, 4, 4, 8)), rng.standard_normal((2, 5))
    block = shaken(ResidualBlock(rng, 8, 12, groups=(4, 4), activation="silu", dim_condition=5), rng)
    _, grads = value_and_grad(lambda b: (b(x, condition) ** 2).sum())(block)
    assert all(np.abs(g).max() > 1e-6 for g in grads.parameters().values())
    slope = grad(lambda x: (block(x, condition) ** 2).sum())(x)
    d, h = rng.standard_normal(x.shape), 1e-5
    up, down = ((block(x + s * h * d, condition) ** 2).sum() for s in (1, -1))
    assert np.vdot(slope, d) == pytest.approx((up - down) / (2 * h), rel=1e-6)


def test_a_condition_that_is_missing_or_not_wanted(rng):
    x = np.zeros((2, 4, 4, 8))
    with pytest.raises(ValueError, match="condition must be None: the block was made without dim_condition"):
        ResidualBlock(rng, 8, 8)(x, np.zeros((2, 5)))
    with pytest.raises(ValueError, match="condition must be given, got None"):
        ResidualBlock(rng, 8, 8, dim_condition=5)(x)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "tanh", None])
def test_the_gain_keeps_the_second_moment_of_the_signal(rng, activation):
    """Through one wide layer: E z² = 1 in, of which a ReLU leaves one half; E out² = 1 over examples and units.

    The part of out² that examples share, (w·E x)² with variance 2 (E x)² = 1/π, is averaged over 1,000 units: its
    standard error is √(2/1000)/π = 0.014, and that over the 500 examples is below; 5 of them.
    """
    dim, n = 1000, 500
    z = rng.standard_normal((n, dim))
    x = np.maximum(z, 0) if activation in ("relu", "leaky_relu") else z
    layer = Linear(rng, dim, 1000)
    layer.w *= he_gain(activation)
    assert (layer(x) ** 2).mean() == pytest.approx(1, abs=0.08)
    assert Conv2d(rng, 2, 3, 3, scale=he_gain("relu")).w.var() == pytest.approx(2 / 18, rel=0.5)
    with pytest.raises(ValueError, match="activation must be one of"):
        he_gain("swoosh")
