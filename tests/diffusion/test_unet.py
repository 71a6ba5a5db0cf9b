"""The conditional U-Net: labels enter where they are given; adaptive group norm is its formula."""

import numpy as np
import pytest

from minigen.diffusion.networks.unet import AdaptiveResidualBlock, UNet, adagn, unet_sizes
from minigen.tensor import conv2d, grad, max_pool2d, upsample_nearest, value_and_grad


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def shaken(model, dtype=np.float64):
    """A copy with random weights everywhere, those that start at zero too."""
    rng = np.random.default_rng(2)
    return model.map(lambda a: (a + 0.1 * rng.standard_normal(a.shape)).astype(dtype))


@pytest.mark.parametrize("shape, groups", [((2, 3, 4, 6), 3), ((3, 5, 4), 1), ((2, 8), 2)])
def test_adagn_is_its_formula(rng, shape, groups):
    """(h − mean)/√(var + eps) over positions and the channels of a group, times 1 + scale, plus shift."""
    h = rng.normal(1.0, 2.0, shape)
    scale, shift = rng.standard_normal((2, shape[0], shape[-1]))
    expected = np.empty_like(h)
    size = shape[-1] // groups
    for n in range(shape[0]):
        for c in range(shape[-1]):
            group = h[n, ..., c // size * size : (c // size + 1) * size]
            x_hat = (h[n, ..., c] - group.mean()) / np.sqrt(group.var() + 1e-3)
            expected[n, ..., c] = x_hat * (1 + scale[n, c]) + shift[n, c]
    np.testing.assert_allclose(adagn(h, scale, shift, groups, eps=1e-3), expected, rtol=1e-10)
    assert adagn(h.astype(np.float32), scale.astype(np.float32), shift.astype(np.float32), groups).dtype == np.float32


def test_adagn_has_the_right_derivatives(rng):
    args = [rng.standard_normal((2, 3, 2, 4)), *rng.standard_normal((2, 2, 4))]
    weight = rng.standard_normal((2, 3, 2, 4))

    def loss(args):
        return (weight * adagn(*args, groups=2)).sum()

    grads = grad(loss)(args)
    for i, a in enumerate(args):
        d = rng.standard_normal(a.shape)
        up, down = (loss([b + s * 1e-5 * d if j == i else b for j, b in enumerate(args)]) for s in (1, -1))
        assert np.vdot(grads[i], d) == pytest.approx((up - down) / 2e-5, rel=1e-6)

    def squared_slopes(args):  # differentiated once more
        return sum((g**2).sum() for g in grad(loss)(args))

    second = grad(squared_slopes)(args)
    for i, a in enumerate(args):
        d = rng.standard_normal(a.shape)
        up, down = (squared_slopes([b + s * 1e-5 * d if j == i else b for j, b in enumerate(args)]) for s in (1, -1))
        assert np.vdot(second[i], d) == pytest.approx((up - down) / 2e-5, rel=1e-5)


def test_adagn_has_the_dtype_of_h(rng):
    """Whatever scale and shift are, lists too; each gradient has the dtype of its own argument."""
    h, scale, shift = rng.standard_normal((2, 3, 4)), *rng.standard_normal((2, 2, 4))
    np.testing.assert_array_equal(adagn(h.tolist(), scale.tolist(), shift.tolist(), 2), adagn(h, scale, shift, 2))

    def cubes(args):
        return (adagn(*args, groups=2) ** 3).sum()

    def slopes(args):
        return sum((g**2).sum() for g in grad(cubes)(args))

    for dtype, other in [(np.float32, np.float64), (np.float64, np.float32)]:
        args = [h.astype(dtype), scale.astype(other), shift.astype(other)]
        assert adagn(*args, groups=2).dtype == dtype
        for function in (cubes, slopes):
            assert [g.dtype for g in grad(function)(args)] == [dtype, other, other]


def test_an_adaptive_block_is_its_formula(rng):
    x, condition = rng.standard_normal((2, 4, 4, 8)), rng.standard_normal((2, 5))
    fresh = AdaptiveResidualBlock(rng, 8, 8, 5)
    np.testing.assert_array_equal(fresh(x.astype(np.float32), condition.astype(np.float32)), x.astype(np.float32))
    block = shaken(AdaptiveResidualBlock(rng, 8, 16, 5, groups=4))
    modulation = block.modulation(condition)
    h = adagn(block.conv1(block.norm1(x)), modulation[:, :16], modulation[:, 16:], 4)
    np.testing.assert_allclose(block(x, condition), block.skip(x) + block.conv2(h / (1 + np.exp(-h))), rtol=1e-10)


def test_labels_change_the_output_where_they_are_given_and_nowhere_else(rng):
    model = shaken(UNet(rng, width=8, classes=3, global_mlp=16, size=(8, 12)))
    x, t = rng.standard_normal((5, 8, 12, 1)), np.array([1, 5, 5, 9, 9])
    without = model(x, t)
    np.testing.assert_array_equal(model(x, t, np.full(5, -1)), without)
    y = np.array([0, -1, 2, 1, -1])
    change = np.abs(model(x, t, y) - without).max(axis=(1, 2, 3))
    assert (change[y == -1] == 0).all() and (change[y >= 0] > 1e-3).all()
    other = np.abs(model(x, t, np.array([1, -1, 2, 2, -1])) - model(x, t, y)).max(axis=(1, 2, 3))
    assert (other[[0, 3]] > 1e-3).all() and (other[[1, 2, 4]] == 0).all()


def test_gradients_reach_the_embeddings_of_the_labels_that_occur(rng):
    model = shaken(UNet(rng, width=8, classes=4), np.float32)
    x, t = rng.standard_normal((4, 8, 8, 1), dtype=np.float32), np.array([1, 2, 3, 4])
    value, grads = value_and_grad(lambda m: (m(x, t, np.array([2, -1, 0, 2])) ** 2).mean())(model)
    table = np.abs(grads.label.table).max(axis=1)
    assert (table[[0, 2]] > 1e-6).all() and (table[[1, 3]] == 0).all()
    assert value.dtype == np.float32 and all(g.dtype == np.float32 for g in grads.parameters().values())
    assert all(np.abs(g).max() > 0 for name, g in grads.parameters().items() if not name.endswith("key_value.b"))


def test_a_conditional_network_starts_silent_and_can_have_a_second_output(rng):
    model = UNet(rng, 2, width=8, classes=3, learned_variance=True)
    x, t, y = rng.standard_normal((2, 8, 8, 2), dtype=np.float32), np.array([1, 2]), np.array([0, -1])
    for output in model(x, t, y):
        assert output.shape == x.shape and output.dtype == np.float32 and not output.any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("parameters", [np.float32, np.float64])
@pytest.mark.parametrize("learned_variance", [False, True])
def test_the_dtype_of_the_input_is_that_of_the_output(rng, dtype, parameters, learned_variance):
    model = UNet(rng, width=8, classes=3, learned_variance=learned_variance).map(lambda a: a.astype(parameters))
    x, t, y = rng.standard_normal((2, 8, 8, 1)).astype(dtype), np.array([1, 2]), np.array([0, -1])
    outputs = model(x, t, y) if learned_variance else (model(x, t, y),)
    assert [output.dtype for output in outputs] == [dtype] * len(outputs)

    def loss(x):
        output = model(x, t, y)
        return (output[1] if learned_variance else output).sum()

    value, slope = value_and_grad(loss)(x)
    assert value.dtype == dtype and slope.dtype == dtype


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda x, t: UNet(np.random.default_rng(0), width=8)(x, t, np.zeros(2, int)), "y must be None"),
        (lambda x, t: conditional()(x, t, np.zeros(3, int)), r"y must have shape \(2,\), got \(3,\)"),
        (lambda x, t: conditional()(x, t, np.zeros(2)), "y must be whole numbers, got dtype float64"),
        (lambda x, t: conditional()(x, t, np.array([0, 3])), r"y must be in -1..2, got values from 0 to 3"),
        (lambda x, t: conditional()(x, t, np.array([0, -2])), r"y must be in -1..2, got values from -2 to 0"),
        (lambda x, t: adagn(x, np.zeros(1), np.zeros((2, 1)), 1), r"scale must have shape \(2, 1\), got \(1,\)"),
        (lambda x, t: adagn(x, np.zeros((2, 1)), np.zeros((3, 1)), 1), r"shift must have shape \(2, 1\), got \(3, 1\)"),
        (lambda x, t: adagn(x[0, 0, 0], np.zeros(1), np.zeros(1), 1), r"h must have shape \(N, \.\.\., C\), got"),
        (lambda x, t: adagn(x, *np.zeros((2, 2, 1)), 2), "groups must divide the number of channels 1, got 2"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.zeros((2, 8, 8, 1), np.float32), np.array([1, 2]))


def conditional():
    return UNet(np.random.default_rng(0), width=8, classes=3)


def test_sizes_of_the_original_unet():
    """Figure 1 of Ronneberger et al.; and a small one, walked through with real convolutions."""
    assert unet_sizes(572) == ([568, 280, 136, 64, 28], [52, 100, 196, 388])
    w = np.ones((3, 3, 1, 1))
    h, down, up = np.zeros((1, 44, 44, 1)), [], []
    for level in range(3):
        h = conv2d(conv2d(h if level == 0 else max_pool2d(h, 2), w), w)
        down.append(h.shape[1])
    for _ in range(2):
        h = conv2d(conv2d(upsample_nearest(h, 2), w), w)
        up.append(h.shape[1])
    assert unet_sizes(44, depth=2) == (down, up)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((570,), "size must leave an even side at each of 4 levels, got 570: 279 at 1"),
        ((12, 1), "size must leave an even side at each of 1 levels, got 12: 0 at 1"),
        ((18, 1), None),
        ((14, 1), "size must leave an image at the end, got 14"),
        ((28.0,), "size must be a whole number"),
        ((28, 0), "depth must be a whole number of at least 1"),
    ],
)
def test_sizes_that_do_not_fit(arguments, message):
    if message is None:
        assert unet_sizes(*arguments) == ([14, 3], [2])
        return
    with pytest.raises(ValueError, match=message):
        unet_sizes(*arguments)


def test_whole_numbers_as_images(rng):
    model, t = shaken(UNet(rng, width=8)), np.array([1, 2])
    images = rng.integers(-1, 2, (2, 8, 8, 1))
    np.testing.assert_array_equal(model(images, t), model(images.astype(float), t))


def test_vectors_as_conditions():
    """They start without effect; a row of zeros is no condition; labels still work beside them."""
    rng = np.random.default_rng(3)
    net = UNet(rng, width=8, size=(8, 8), classes=3, vectors=5)
    net.conv_out.w += 0.1 * rng.standard_normal(net.conv_out.w.shape).astype(np.float32)
    x, t, y = rng.standard_normal((4, 8, 8, 1)).astype(np.float32), np.arange(1, 5), rng.standard_normal((4, 5))
    y = y.astype(np.float32)
    np.testing.assert_array_equal(net(x, t, y), net(x, t))
    net.vector.w += rng.standard_normal(net.vector.w.shape).astype(np.float32)
    for parameter in net.parameters().values():
        parameter += 0.1 * rng.standard_normal(parameter.shape).astype(np.float32)
    y[2] = 0
    out, without, labelled = net(x, t, y), net(x, t), net(x, t, np.array([0, 1, 2, -1]))
    np.testing.assert_array_equal(out[2], without[2])
    assert np.all(np.abs(out - without).max(axis=(1, 2, 3))[[0, 1, 3]] > 1e-3)
    assert np.all(np.abs(labelled - without).max(axis=(1, 2, 3))[:3] > 1e-3)
    np.testing.assert_array_equal(labelled[3], without[3])
    with pytest.raises(ValueError, match=r"y must have shape \(4, 5\)"):
        net(x, t, y[:, :4])
    with pytest.raises(ValueError, match="without classes"):
        UNet(rng, width=8, size=(8, 8), vectors=5)(x, t, np.array([0, 1, 2, 0]))
