"""The diffusion transformer: patches and positions by hand, blocks against plain NumPy, conditions by their effect."""

import math

import numpy as np
import pytest
from scipy.special import ndtr

from minigen.diffusion.ddpm import simple_loss
from minigen.diffusion.networks.dit import (
    CONDITIONINGS,
    DiT,
    DiTBlock,
    FinalLayer,
    modulate,
    patchify,
    sincos_2d,
    unpatchify,
)
from minigen.diffusion.schedule import Schedule
from minigen.tensor import grad, jacobian, value_and_grad

SCHEDULE = Schedule.linear(20, 1e-3, 0.4)


def shaken(model, dtype=np.float64, size=0.2):
    """A copy with random weights everywhere, those that start at zero too."""
    rng = np.random.default_rng(2)
    return model.map(lambda a: (a + size * rng.standard_normal(a.shape)).astype(dtype))


def small(conditioning="adaln-zero", classes=None, seed=0):
    return DiT(np.random.default_rng(seed), (8, 12), 2, 4, 16, 2, 4, classes, conditioning)


# ------------------------------------------------------------------------------------------- patches, positions


def test_patchify_by_hand():
    """A 4 × 4 image with pixels 0 ... 15 and its negative as second channel; 2 × 2 patches, row by row."""
    pixels = np.arange(16.0).reshape(1, 4, 4, 1)
    x = np.concatenate([pixels, -pixels], axis=3)
    tokens = patchify(x, 2)
    assert tokens.shape == (1, 4, 8)
    np.testing.assert_array_equal(tokens[0, 0], [0, 0, 1, -1, 4, -4, 5, -5])  # row, column, channel
    np.testing.assert_array_equal(tokens[0, 1, ::2], [2, 3, 6, 7])  # the patch to the right comes next,
    np.testing.assert_array_equal(tokens[0, 2, ::2], [8, 9, 12, 13])  # then the row below


@pytest.mark.parametrize("shape, size", [((3, 4, 6, 2), 2), ((2, 6, 3, 1), 3), ((2, 3, 5, 4), 1)])
def test_unpatchify_undoes_patchify(shape, size):
    x = np.random.default_rng(0).standard_normal(shape)
    np.testing.assert_array_equal(unpatchify(patchify(x, size), size, *shape[1:3]), x)
    tokens = np.random.default_rng(1).standard_normal((2, 6, 4 * 3))
    np.testing.assert_array_equal(patchify(unpatchify(tokens, 2, 4, 6), 2), tokens)


def test_positions_by_their_formula():
    """Place (row i, column j) is token i · width + j: sines of j, cosines of j, sines of i, cosines of i."""
    height, width, dim = 3, 5, 12
    table = sincos_2d(height, width, dim)
    assert table.shape == (15, 12) and table.dtype == np.float32
    for i in range(height):
        for j in range(width):
            angles = [[place * 10000 ** (-k / 3) for k in range(3)] for place in (j, i)]
            want = [f(a) for part in angles for f in (math.sin, math.cos) for a in part]
            np.testing.assert_allclose(table[i * width + j], want, atol=1e-6)


# ------------------------------------------------------------------------------------------- blocks


def test_modulate_by_hand_and_its_gradient():
    x = np.array([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]])
    shift, scale = np.array([[10.0, 20.0], [0.0, 0.0]]), np.array([[0.0, 1.0], [-1.0, 0.5]])
    want = [[[11, 24], [13, 28]], [[0, 9], [0, 12]]]
    np.testing.assert_array_equal(modulate(x, shift, scale), want)
    np.testing.assert_array_equal(modulate(x, 0 * shift, 0 * scale), x)  # scale 0 leaves x as it is
    np.testing.assert_array_equal(grad(lambda s: np.sum(modulate(x, shift, s)[:, :, 1]))(scale)[:, 1], [6, 14])


def plain_norm(x):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6)


def plain_silu(x):
    return x / (1 + np.exp(-x))


def plain_attention(attention, x):
    """Multi-head attention of one example x (L, D), head by head."""
    d = x.shape[1]
    q = x @ attention.query.w + attention.query.b
    k, v = np.split(x @ attention.key_value.w + attention.key_value.b, 2, axis=1)
    each, out = d // attention.heads, np.empty_like(x)
    for h in range(attention.heads):
        part = slice(h * each, (h + 1) * each)
        weights = np.exp(q[:, part] @ k[:, part].T / math.sqrt(each))
        out[:, part] = weights / weights.sum(1, keepdims=True) @ v[:, part]
    return out @ attention.out.w + attention.out.b


def plain_mlp(mlp, x):
    h = x @ mlp.layers[0].w + mlp.layers[0].b
    return (h * ndtr(h)) @ mlp.layers[1].w + mlp.layers[1].b


def test_block_against_plain_numpy():
    """Shift, scale and gate of the attention, then of the MLP, from a linear map of silu(c). Peebles and Xie 2023."""
    rng = np.random.default_rng(0)
    block = shaken(DiTBlock(rng, 8, 2, ratio=3))
    assert block.mlp.layers[0].w.shape == (8, 24) and block.modulation.w.shape == (8, 48)
    x, c = rng.standard_normal((2, 5, 8)), rng.standard_normal((2, 8))
    for n in range(2):
        parts = plain_silu(c[n]) @ block.modulation.w + block.modulation.b
        shift1, scale1, gate1, shift2, scale2, gate2 = parts.reshape(6, 8)
        h = x[n] + gate1 * plain_attention(block.attention, plain_norm(x[n]) * (1 + scale1) + shift1)
        want = h + gate2 * plain_mlp(block.mlp, plain_norm(h) * (1 + scale2) + shift2)
        np.testing.assert_allclose(block(x, c)[n], want, rtol=1e-9, atol=1e-9)


def test_final_layer_against_plain_numpy():
    rng = np.random.default_rng(0)
    final = FinalLayer(rng, 8, 3)
    x, c = rng.standard_normal((2, 5, 8)), rng.standard_normal((2, 8))
    np.testing.assert_array_equal(final(x, c), np.zeros((2, 5, 3)))
    assert not final.modulation.w.any() and not final.out.w.any()
    final = shaken(final)
    shift, scale = np.split(plain_silu(c) @ final.modulation.w + final.modulation.b, 2, axis=1)
    want = (plain_norm(x) * (1 + scale[:, None]) + shift[:, None]) @ final.out.w + final.out.b
    np.testing.assert_allclose(final(x, c), want, rtol=1e-9, atol=1e-9)


def test_block_starts_as_the_identity_and_its_gates_open_first():
    """adaLN-Zero: at the start only the gates of the modulation (and nothing behind them) have a gradient."""
    rng = np.random.default_rng(0)
    block, x, c = DiTBlock(rng, 8, 2), rng.standard_normal((2, 5, 8)), rng.standard_normal((2, 8))
    np.testing.assert_array_equal(block(x, c), x)
    _, grads = value_and_grad(lambda f: np.sum(f(x, c) ** 3))(block)
    moved = np.abs(grads.modulation.w.reshape(8, 6, 8)).max(axis=(0, 2)) > 0
    np.testing.assert_array_equal(moved, [False, False, True, False, False, True])
    assert not grads.mlp.layers[0].w.any() and not grads.attention.out.w.any()


# ------------------------------------------------------------------------------------------- the network


@pytest.mark.parametrize("conditioning", CONDITIONINGS)
@pytest.mark.parametrize("classes", [None, 3])
def test_starts_at_zero_and_has_float32_gradients(conditioning, classes):
    rng = np.random.default_rng(1)
    model = small(conditioning, classes)
    x0, eps = rng.standard_normal((2, 6, 8, 12, 2), dtype=np.float32)
    t, y = rng.integers(1, 21, 6), None if classes is None else rng.integers(-1, 3, 6)
    assert not model(x0, t, y).any()

    def loss(model):
        return simple_loss(lambda x, t: model(x, t, y), x0, t, eps, SCHEDULE)

    value, grads = value_and_grad(loss)(model)
    assert value.dtype == np.float32 and all(g.dtype == np.float32 for g in grads.parameters().values())


@pytest.mark.parametrize("conditioning", CONDITIONINGS)
def test_gradient_by_finite_differences(conditioning):
    rng = np.random.default_rng(1)
    model = shaken(small(conditioning, 3))
    x0, eps = rng.standard_normal((2, 3, 8, 12, 2))
    t, y = np.array([1, 7, 20]), np.array([0, -1, 2])

    def loss(model):
        return simple_loss(lambda x, t: model(x, t, y), x0, t, eps, SCHEDULE)

    _, grads = value_and_grad(loss)(model)
    gradients = grads.parameters()
    for name, a in model.parameters().items():  # along a random direction in each array
        d, h, kept = rng.standard_normal(a.shape), 1e-5, a.copy()
        a += h * d
        up = loss(model)
        a -= 2 * h * d
        down = loss(model)
        a[...] = kept
        assert np.vdot(gradients[name], d) == pytest.approx((up - down) / (2 * h), rel=2e-5, abs=1e-8), name


@pytest.mark.parametrize("conditioning", CONDITIONINGS)
def test_time_and_label_condition_each_example(conditioning):
    model = shaken(small(conditioning, 3))
    x = np.repeat(np.random.default_rng(1).standard_normal((1, 8, 12, 2)), 4, axis=0)
    t, y = np.full(4, 5), np.array([0, 1, 2, -1])
    out = model(x, t, y)
    gaps = np.abs(out[:, None] - out[None]).max(axis=(2, 3, 4)) + np.eye(4)
    assert gaps.min() > 1e-3, "three classes and no class are four different models"
    np.testing.assert_array_equal(model(x, t), model(x, t, np.full(4, -1)))
    np.testing.assert_allclose(model(x, t)[0], out[3], atol=1e-12)
    later = model(x, np.array([5, 6, 7, 15]), np.full(4, 1))
    gaps = np.abs(later[:, None] - later[None]).max(axis=(2, 3, 4)) + np.eye(4)
    assert gaps.min() > 1e-3
    np.testing.assert_array_equal(model(x, 5, y), out)  # one time step for all


@pytest.mark.parametrize("conditioning", CONDITIONINGS)
def test_every_pixel_sees_every_other_of_its_own_image(conditioning):
    model = shaken(small(conditioning))
    x = np.random.default_rng(1).standard_normal((2, 8, 12, 2))
    J = jacobian(lambda a: model(a, 3)[:, ::7, ::11])(x)  # the corners: (2, 2, 2, 2, 2, 8, 12, 2)
    own = np.abs(J[np.arange(2), :, :, :, np.arange(2)])
    assert own.min() > 1e-9
    assert not J[0, :, :, :, 1].any() and not J[1, :, :, :, 0].any()


def test_positions_tell_the_patches_apart():
    """Without positions a transformer treats patches alike: exchanged patches would come out exchanged."""
    model = shaken(small())
    x = np.random.default_rng(1).standard_normal((1, 8, 12, 2))
    exchanged = np.concatenate([x[:, :, 4:8], x[:, :, :4], x[:, :, 8:]], axis=2)
    back = np.concatenate([model(exchanged, 3)[:, :, 4:8], model(exchanged, 3)[:, :, :4]], axis=2)
    assert np.abs(back - model(x, 3)[:, :, :8]).max() > 1e-2
    model.positions[...] = 0
    back = np.concatenate([model(exchanged, 3)[:, :, 4:8], model(exchanged, 3)[:, :, :4]], axis=2)
    np.testing.assert_allclose(back, model(x, 3)[:, :, :8], atol=1e-10)


@pytest.mark.parametrize("conditioning", CONDITIONINGS)
def test_a_patch_comes_out_where_it_went_in(conditioning):
    """With all residual branches at zero the tokens stay apart, and each patch depends on itself alone."""
    model = shaken(small(conditioning, 3))
    for name, a in model.parameters().items():
        if name.startswith("blocks") and (".out." in name or ".mlp.layers.1." in name):
            a[...] = 0
    x = np.random.default_rng(1).standard_normal((1, 8, 12, 2))
    J = np.abs(jacobian(lambda a: model(a, 3, np.array([1])))(x))[0, :, :, :, 0]  # (8, 12, 2, 8, 12, 2)
    row, column = np.arange(8) // 4, np.arange(12) // 4
    same = (row[:, None, None, None] == row[:, None]) & (column[:, None, None] == column)  # (8, 12, 8, 12)
    np.testing.assert_array_equal(J.max(axis=(2, 5)) > 0, same)


def test_defaults_are_those_of_the_benchmark():
    model = DiT(np.random.default_rng(0))
    x = np.random.default_rng(1).standard_normal((2, 28, 28, 1), dtype=np.float32)
    assert model(x, np.array([1, 1000])).shape == x.shape
    assert model.positions.shape == (49, 128) and len(model.blocks) == 4
    np.testing.assert_array_equal(model.positions, sincos_2d(7, 7, 128))
    assert "positions" not in model.parameters() and "positions" in model.state()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("parameters", [np.float32, np.float64])
def test_the_dtype_of_the_input_is_that_of_the_output(dtype, parameters):
    x = np.random.default_rng(1).standard_normal((3, 8, 12, 2)).astype(dtype)
    for conditioning in CONDITIONINGS:
        model = shaken(small(conditioning, 3), parameters)
        assert model(x, np.array([1, 2, 3]), np.array([0, 1, -1])).dtype == dtype
    tokens, c = x[:, 0], x[:, 0, 0]  # (3, 12, 2), (3, 2)
    assert modulate(tokens, c.astype(parameters), c).dtype == patchify(x, 2).dtype == dtype
    for layer in (DiTBlock(np.random.default_rng(0), 2, 1), FinalLayer(np.random.default_rng(0), 2, 3)):
        assert shaken(layer, parameters)(tokens, c).dtype == dtype


# ------------------------------------------------------------------------------------------- errors

RNG = np.random.default_rng(0)
X, SHIFT = np.zeros((2, 3, 4)), np.zeros((2, 4))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: modulate(X, SHIFT[:1], SHIFT), r"shift must have shape \(2, 4\), got \(1, 4\)"),
        (lambda: modulate(X, SHIFT, np.zeros((2, 3, 4))), r"scale must have shape \(2, 4\), got \(2, 3, 4\)"),
        (lambda: modulate(SHIFT, SHIFT, SHIFT), r"x must have shape \(N, L, D\), got \(2, 4\)"),
        (lambda: patchify(np.zeros((1, 6, 4, 1)), 4), "size must divide the height and width, 6 x 4, got 4"),
        (lambda: patchify(np.zeros((6, 4, 1)), 2), r"x must have shape \(N, H, W, C\)"),
        (lambda: patchify(np.zeros((1, 6, 4, 1)), 0), "size must be a whole number"),
        (lambda: unpatchify(np.zeros((1, 6, 4)), 2, 4, 4), r"tokens must have shape \(N, 4, .*\), got \(1, 6, 4\)"),
        (lambda: unpatchify(np.zeros((1, 4, 5)), 2, 4, 4), "tokens must have a multiple of size² = 4 features, got 5"),
        (lambda: unpatchify(np.zeros((1, 4, 4)), 2, 5, 4), "size must divide the height and width, 5 x 4, got 2"),
        (lambda: sincos_2d(2, 2, 6), "dim must be a multiple of 4, got 6"),
        (lambda: sincos_2d(0, 2, 8), "height must be a whole number"),
        (lambda: DiT(RNG, (28, 30)), "patch must divide the height and width, 28 x 30, got 4"),
        (lambda: DiT(RNG, dim=126), "dim must be a multiple of 4, got 126"),
        (lambda: DiT(RNG, heads=3), "heads must divide dim"),
        (lambda: small()(np.zeros((2, 8, 8, 2)), 1), r"x must have shape \(N, 8, 12, 2\), got \(2, 8, 8, 2\)"),
        (lambda: small()(np.zeros((2, 8, 12, 2)), np.ones((2, 1))), r"t must be one time step or have shape \(2,\)"),
        (lambda: small()(np.zeros((2, 8, 12, 2)), 1, np.zeros(2, int)), "y must be None for a model without classes"),
        (lambda: small(classes=3)(np.zeros((2, 8, 12, 2)), 1, np.array([0, 3])), "y must be in -1..2"),
        (lambda: small(classes=3)(np.zeros((2, 8, 12, 2)), 1, np.array([0])), r"y must have shape \(2,\)"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
