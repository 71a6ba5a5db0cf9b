"""The multi-scale flow on images, on random non-zero weights: Jacobians, scales, gradients, its network."""

import numpy as np
import pytest

from minigen.flow.coupling import channel_mask, checkerboard_mask
from minigen.flow.multiscale import ConvNet, ImageRealNVP, SmallConvNet
from minigen.optim import Adam
from minigen.tensor import value_and_grad


def images(rng, shaken, shape=(4, 4, 1), size=0.1):
    return shaken(ImageRealNVP(rng, shape, width=4, scales=2, checkerboards=2, channelwise=2), size)


@pytest.mark.parametrize("shape", [(4, 4, 1), (6, 2, 1), (4, 2, 3)])
def test_image_flow(rng, shaken, check_bijection, shape):
    flow = images(rng, shaken, shape)
    z = rng.standard_normal((2, *shape))
    x, log_det = check_bijection(flow.bijection, z, atol=1e-8)
    assert np.abs(x - z).max() > 0.1 and (np.abs(log_det) > 0.01).all()
    np.testing.assert_allclose(flow.log_prob(x), flow.base.log_prob(z) - log_det, atol=1e-8)


@pytest.mark.parametrize("small", [False, True])
def test_image_flow_with_couplings_chosen_for_each_scale(rng, shaken, check_bijection, small):
    """Checkerboards at the first of two sizes, channels at both, a scale and shift before each coupling."""
    flow = shaken(
        ImageRealNVP(rng, (4, 4, 1), 4, 2, checkerboards=(2, 0), channelwise=(1, 2), small=small, affine=True), 0.2
    )
    z = rng.standard_normal((2, 4, 4, 1))
    x, log_det = check_bijection(flow.bijection, z, atol=1e-8)
    np.testing.assert_allclose(flow.log_prob(x), flow.base.log_prob(z) - log_det, atol=1e-8)
    sizes = [module.mask.shape for _, module in flow.modules() if getattr(module, "mask", None) is not None]
    assert sorted(sizes, key=str) == sorted([(4, 4, 1), (4, 4, 1), (4,), (8,), (8,)], key=str)
    affine = [module.log_scale.shape for _, module in flow.modules() if hasattr(module, "log_scale")]
    assert sorted(affine, key=str) == sorted([(1,), (1,), (1,), (4,), (8,), (8,), (4, 4, 1)], key=str)


def test_three_scales_leave_half_at_each():
    """28×28, then 14×14 with 2 channels, then 7×7 with 4: the sizes of the couplings that keep a checkerboard."""
    flow, found = ImageRealNVP(np.random.default_rng(0), width=4, checkerboards=1, channelwise=1), []
    for _, module in flow.modules():
        mask = getattr(module, "mask", None)
        if mask is not None:
            found.append(mask.shape)
    assert sorted(found, key=str) == sorted([(28, 28, 1), (14, 14, 1), (7, 7, 1), (4,), (8,)], key=str)


def test_couplings_keep_the_two_halves_in_turn_at_each_scale():
    """Inferring, the first keeps the even pixels or the first channels, the next what that one changed, and so on."""
    flow = ImageRealNVP(np.random.default_rng(0), (8, 8, 1), 4, 2, checkerboards=(3, 2), channelwise=(3, 4))
    masks = {}
    for _, module in flow.modules():  # in the order of generating
        mask = getattr(module, "mask", None)
        if mask is not None:
            masks.setdefault(mask.shape, []).insert(0, mask)
    assert {shape: len(found) for shape, found in masks.items()} == {(8, 8, 1): 3, (4,): 3, (4, 4, 1): 2, (8,): 4}
    for shape, found in masks.items():
        first = checkerboard_mask(*shape[:2]) if len(shape) == 3 else channel_mask(*shape)
        for k, mask in enumerate(found):
            np.testing.assert_array_equal(mask, first if k % 2 == 0 else 1 - first, err_msg=f"{shape}, coupling {k}")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("parameters", [np.float32, np.float64])
def test_the_dtype_of_the_input_is_that_of_the_output(rng, dtype, parameters):
    flow = ImageRealNVP(rng, (4, 4, 1), width=4, scales=2).map(lambda a: a.astype(parameters))
    z = rng.standard_normal((2, 4, 4, 1)).astype(dtype)
    arrays = (*flow.bijection.forward(z), *flow.bijection.inverse(z), flow.log_prob(z))
    assert {a.dtype for a in arrays} == {np.dtype(dtype)}


def test_training_steps_stay_in_float32(rng):
    flow = ImageRealNVP(rng, (4, 4, 1), width=4, scales=2)
    x = rng.standard_normal((4, 4, 4, 1), dtype=np.float32)
    optimizer = Adam(flow.standardize(x), 1e-3)
    value, grads = value_and_grad(lambda f, x: f.loss(x))(flow, x)
    optimizer.step(grads)
    arrays = [value, *grads.parameters().values(), *flow.parameters().values(), flow.sample(rng, 3), flow.log_prob(x)]
    assert {a.dtype for a in arrays} == {np.dtype(np.float32)}


def test_standardize_by_channel(rng):
    y = rng.standard_normal((50, 4, 4, 2)) * [3.0, 0.2] + [5.0, -1.0]
    z, _ = ImageRealNVP(rng, (4, 4, 2), width=4, scales=2).standardize(y).bijection.bijections[-1].inverse(y)
    np.testing.assert_allclose(z.mean((0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(z.std((0, 1, 2)), 1, atol=1e-5)


@pytest.mark.parametrize("fold", [False, True])
def test_conv_net_starts_at_zero_and_keeps_the_places(rng, fold):
    net, x = ConvNet(rng, 2, width=4, fold=fold), rng.standard_normal((2, 8, 8, 2), dtype=np.float32)
    assert not net(x).any() and net(x).shape == (2, 8, 8, 4)
    net.conv_out.w[...] = rng.standard_normal(net.conv_out.w.shape)
    moved = x.copy()
    moved[0, 0, 0] += 1  # seen most where it happened, and in its own image only
    change = np.abs(net(moved) - net(x)).max(axis=-1)
    assert change[0, :2, :2].min() > 3 * np.median(change[0, 4:, 4:]) and not change[1].any()


@pytest.mark.parametrize("fold", [False, True])
def test_small_net_starts_at_zero_and_tells_positions_apart(rng, fold):
    net, x = SmallConvNet(rng, 2, 5, (8, 8), fold), rng.standard_normal((2, 8, 8, 2), dtype=np.float32)
    assert not net(x).any() and net(x).shape == (2, 8, 8, 4) and net(x).dtype == np.float32
    net.conv_out.w[...] = rng.standard_normal(net.conv_out.w.shape)
    flat = np.zeros((1, 8, 8, 2), np.float32)
    assert not net(flat).any(), "biases are zero: nothing comes of nothing"
    net.position_bias[1, 1] = 1.0  # a bias at one position
    seen = np.abs(net(flat)[0]).max(axis=-1)
    far = seen[6:, 6:] if fold else seen[3:, 3:]
    assert seen[:3, :3].max() > 0.01 and not far.any()


def test_errors_name_the_argument(rng):
    for call, says in [
        (lambda: ImageRealNVP(rng, (6, 6, 1)), r"shape must be divisible by 2\^\(scales - 1\) = 4, got \(6, 6, 1\)"),
        (lambda: ImageRealNVP(rng, (4, 4, 1)), r"shape must leave more than one pixel at the coarsest of 3 scales"),
        (lambda: ImageRealNVP(rng, (4, 4, 1), width=6, scales=2), "width must be divisible by 4"),
        (lambda: ImageRealNVP(rng, (28, 28)), r"shape must be \(H, W, C\), got \(28, 28\)"),
        (
            lambda: ImageRealNVP(rng, (8, 6, 1), scales=1, channelwise=(2,), checkerboards=(1, 2)),
            "checkerboards must be",
        ),
        (lambda: ImageRealNVP(rng, (7, 6, 1), scales=1, channelwise=(2,)), r"shape must be divisible by 2\^scales = 2"),
        (lambda: ImageRealNVP(rng, (8, 8, 1), scales=2, channelwise=(2, -1)), "channelwise must be a whole number"),
        (lambda: ImageRealNVP(rng, (8, 8, 1), scales=2, channelwise="44"), "channelwise must be a whole number"),
        (lambda: ImageRealNVP(0, (8, 8, 1), scales=2), "rng must be a numpy.random.Generator"),
        (lambda: ImageRealNVP(rng, (8, 8, 1), scales=2).standardize(np.zeros((3, 8, 8, 1))), "x must vary"),
        (lambda: ImageRealNVP(rng, (8, 8, 1), scales=2).log_prob(np.full((3, 8, 8, 1), np.nan)), "x must be finite"),
        (lambda: images(rng, lambda f, _: f).log_prob(np.zeros((1, 4, 4))), r"x must have shape \(N, 4, 4, 1\)"),
    ]:
        with pytest.raises(ValueError, match=says):
            call()
