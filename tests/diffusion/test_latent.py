"""The scale of latents, cross-attention by hand and against the fused attention, and the network of latents."""

import autograd.numpy as anp
import numpy as np
import pytest

from minigen.diffusion.ddpm import eps_model_from_v, v_loss
from minigen.diffusion.guidance import classifier_free, conditional
from minigen.diffusion.latent import CrossAttentionBlock, LatentDiffusion, LatentNet, cross_attention, unit_scale
from minigen.diffusion.samplers import ddim
from minigen.diffusion.schedule import Schedule
from minigen.nn import Linear, MultiHeadAttention
from minigen.tensor import attention, grad, leaves, value_and_grad
from minigen.train import descend


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_by_hand():
    """1, 3, 5, 7: mean 4, variance (9 + 1 + 1 + 9)/4 = 5."""
    assert unit_scale(np.array([[1.0, 3.0], [5.0, 7.0]])) == pytest.approx(1 / np.sqrt(5))


@pytest.mark.parametrize("shape", [(50,), (20, 3), (5, 4, 4, 2)])
def test_scaled_latents_have_deviation_one(shape):
    """Over all entries together: not channel by channel, and without taking the mean away."""
    z = 3 + 0.2 * np.random.default_rng(0).standard_normal(shape) * np.arange(1, shape[-1] + 1)
    factor = unit_scale(z)
    assert type(factor) is float
    assert (factor * z).std() == pytest.approx(1) and (factor * z).mean() == pytest.approx(factor * z.mean())


def test_float32_far_from_zero():
    """The deviation is computed in float64: that of 1000 ± 1 is 1."""
    z = np.tile(np.array([999.0, 1001.0], np.float32), 50_000)
    assert unit_scale(z) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(
    "latents, message",
    [
        (np.full((3, 2), 0.5), "latents must not be all equal"),
        (np.array([[2.0]]), "latents must not be all equal"),
        (np.zeros((0, 2)), "latents must have shape"),
        (np.array([[1.0, np.nan]]), "latents must be finite"),
        ("codes", "latents must be an array of real numbers"),
    ],
)
def test_errors(latents, message):
    with pytest.raises(ValueError, match=message):
        unit_scale(latents)


# ------------------------------------------------------------------------------------------- cross-attention


def test_attention_by_hand():
    """d = 4, so products are halved: 2 log 3/2 and 0 give the weights 3/4 and 1/4."""
    q = np.array([[np.log(3), 0.0, 0.0, 0.0]])
    k = np.array([[2.0, 5.0, 0.0, 0.0], [0.0, 1.0, 0.0, 7.0]])
    v = np.array([[4.0, 0.0, 1.0], [8.0, 2.0, 1.0]])
    np.testing.assert_allclose(cross_attention(q, k, v), [[5.0, 0.5, 1.0]])


def test_attention_equals_the_fused_one_with_its_gradients(rng):
    q, k, v = (rng.standard_normal(shape) for shape in [(2, 3, 5, 4), (2, 3, 6, 4), (2, 3, 6, 4)])
    weights = rng.standard_normal((2, 3, 5, 4))
    np.testing.assert_allclose(cross_attention(q, k, v), attention(q, k, v))
    for i in range(3):

        def total(fn, a, i=i):
            arguments = [q, k, v]
            arguments[i] = a
            return anp.sum(weights * fn(*arguments))

        ours, fused = (grad(lambda a, fn=fn: total(fn, a))([q, k, v][i]) for fn in (cross_attention, attention))
        np.testing.assert_allclose(ours, fused, atol=1e-12)


def test_attention_of_large_products_in_float32():
    q, k = np.full((1, 2, 4), 1000, np.float32), np.array([[[1.0], [0.0]]], np.float32) * np.ones(4, np.float32)
    v = np.array([[[3.0, -1.0], [5.0, 5.0]]], np.float32)
    out = cross_attention(q, k, v)
    assert out.dtype == np.float32
    np.testing.assert_array_equal(out, np.broadcast_to(v[:, :1], (1, 2, 2)))


@pytest.mark.parametrize(
    "shapes, message",
    [
        (((2, 3), (4, 5), (4, 1)), r"k must have shape \(M, 3\), got \(4, 5\)"),
        (((2, 3), (4, 3), (5, 3)), r"v must have shape \(4, d_v\), got \(5, 3\)"),
        (((2, 4, 3), (4, 3), (4, 3)), r"k must have shape \(2, M, 3\), got \(4, 3\)"),
    ],
)
def test_attention_refuses(shapes, message):
    with pytest.raises(ValueError, match=message):
        cross_attention(*(np.ones(shape) for shape in shapes))


def test_block_is_multi_head_attention(rng):
    """With the same weights: x + out of attention from the normalized positions to the context."""
    block, other = CrossAttentionBlock(rng, 16, 5, heads=4), MultiHeadAttention(rng, 16, 4, 5)
    block.out.w = rng.standard_normal((16, 16)).astype(np.float32)
    other.query, other.out = block.query, block.out
    other.key_value.w = np.concatenate([block.key.w, block.value.w], axis=1)
    other.key_value.b = np.concatenate([block.key.b, block.value.b])
    x, context = rng.standard_normal((3, 2, 4, 16), dtype=np.float32), rng.standard_normal((3, 6, 5), dtype=np.float32)
    expected = x + other(block.norm(x).reshape(3, 8, 16), context).reshape(x.shape)
    np.testing.assert_allclose(block(x, context), expected, rtol=1e-4, atol=1e-5)


def test_block_starts_as_the_identity(rng):
    x, context = rng.standard_normal((2, 3, 3, 8), dtype=np.float32), rng.standard_normal((2, 1, 5), dtype=np.float32)
    np.testing.assert_array_equal(CrossAttentionBlock(rng, 8, 5)(x, context), x)


def test_block_refuses_heads():
    with pytest.raises(ValueError, match="heads must divide channels, got heads=3 and channels=8"):
        CrossAttentionBlock(np.random.default_rng(0), 8, 5, heads=3)


# ------------------------------------------------------------------------------------------- the network


def small_net(rng, **options):
    options = {"words": 6, "length": 3, "channels": 3, "size": (4, 5)} | options
    net = LatentNet(rng, width=16, global_mlp=16, dim_context=8, **options)
    for array in leaves(net):  # no layer at zero, so that everything is seen in the output
        array += 0.1 * rng.standard_normal(array.shape, dtype=np.float32)
    return net


def latents(rng, n=4):
    return rng.standard_normal((n, 4, 5, 3), dtype=np.float32), rng.integers(1, 100, n)


def test_net_starts_at_zero_and_keeps_float32(rng):
    z, t = latents(rng)
    net = LatentNet(rng, words=6, channels=3, size=(4, 5), width=8, global_mlp=16)
    out = net(z, t, np.array([0, 1, 2, -1]))
    assert out.dtype == np.float32
    np.testing.assert_array_equal(out, 0 * z)
    assert net.map(lambda a: a.astype(float))(z, t).dtype == np.float32


def test_words_have_no_order_and_examples_do_not_mix(rng):
    z, t = latents(rng)
    net, y = small_net(rng, blocks=2), np.array([[0, 3, 5], [1, 2, 2], [-1, -1, 4], [5, 5, 5]])
    out = net(z, t, y)
    np.testing.assert_allclose(net(z, t, y[:, ::-1]), out, atol=1e-5)
    np.testing.assert_allclose(net(z[2:3], t[2:3], y[2:3]), out[2:3], atol=1e-5)
    other = net(z, t, np.where(y == 3, 4, y))
    assert np.abs(other[0] - out[0]).max() > 1e-3
    np.testing.assert_allclose(other[1:], out[1:], atol=1e-5)


def test_no_word_is_minus_one(rng):
    z, t = latents(rng)
    net = small_net(rng)
    alone = net(z, t)
    np.testing.assert_allclose(net(z, t, np.full(4, -1)), alone, atol=1e-6)
    np.testing.assert_allclose(net(z, t, np.full((4, 3), -1)), alone, atol=1e-5)  # three equal words are one
    assert np.abs(net(z, t, np.full(4, 2)) - alone).max() > 1e-3


def test_short_captions_are_filled_up(rng):
    """A word alone is the caption from which all others were left out, as in training."""
    z, t = latents(rng)
    net, word = small_net(rng), np.array([0, 3, 5, -1])
    filled = np.stack([word, 0 * word - 1, 0 * word - 1], axis=1)
    out = net(z, t, filled)
    np.testing.assert_array_equal(net(z, t, word), out)
    np.testing.assert_array_equal(net(z, t, filled[:, :2]), out)
    shorter = small_net(np.random.default_rng(0), length=1)
    shorter.load_state(net.state())
    assert np.abs(shorter(z, t, word) - out)[:3].max() > 1e-3  # with no empty places the word counts more


def test_every_parameter_has_a_gradient(rng):
    z, t = latents(rng)
    net, y, wanted = small_net(rng), np.array([[0, 1], [2, 3], [4, 5], [-1, -1]]), latents(rng)[0]
    _, grads = value_and_grad(lambda net: anp.mean((net(z, t, y) - wanted) ** 2))(net)
    assert all(np.abs(g).max() > 0 for g in leaves(grads))


@pytest.mark.parametrize(
    "z, y, message",
    [
        ((4, 4, 4, 3), None, "z must have shape"),
        ((4, 4, 5, 2), None, "z must have shape"),
        ((4, 4, 5, 3), np.array([0, 1, 2]), r"y must have shape \(4,\) or \(4, 1 \.\.\. 3\)"),
        ((4, 4, 5, 3), np.zeros((4, 0), int), r"y must have shape \(4,\) or \(4, 1 \.\.\. 3\)"),
        ((4, 4, 5, 3), np.zeros((4, 4), int), r"y must have shape .* got \(4, 4\)"),
        ((4, 4, 5, 3), np.array([0, 1, 2, 6]), r"y must be in -1\.\.5"),
        ((4, 4, 5, 3), np.zeros(4), "y must be whole numbers"),
    ],
)
def test_net_refuses(rng, z, y, message):
    with pytest.raises(ValueError, match=message):
        small_net(rng)(np.zeros(z, np.float32), np.ones(4, int), y)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"words": 0}, "words must be"),
        ({"length": 0}, "length must be"),
        ({"width": 12}, "width must be a multiple of 8, got 12"),
        ({"size": (7,)}, r"size must be \(H, W\)"),
        ({"blocks": 0}, "blocks must be"),
        ({"global_mlp": 0}, "global_mlp must be"),
    ],
)
def test_net_refuses_settings(options, message):
    with pytest.raises(ValueError, match=message):
        LatentNet(np.random.default_rng(0), **({"words": 3} | options))


# ------------------------------------------------------------------------------------------- the whole model


SCHEDULE = Schedule.cosine(50)


def halved(x):
    return x / 2


def tripled(z):
    return 3 * z


def whole(net, factor=0.5, shape=(4, 5, 3), **options):
    return LatentDiffusion(halved, tripled, factor, net, SCHEDULE, shape, **options)


@pytest.mark.parametrize("w", [0.0, 2.0])
@pytest.mark.parametrize("n", [3, 520])
def test_sample_is_ddim_scaled_back_and_decoded(rng, w, n):
    """By hand, bit for bit: the noise of all; then, 500 at a time, the sampler, the factor and the decoder."""
    net, y = small_net(rng), rng.integers(0, 6, (n, 2))
    out = whole(net, factor=0.7).sample(np.random.default_rng(3), n, y, w=w, steps=2)
    noise = np.random.default_rng(3).standard_normal((n, 4, 5, 3), dtype=np.float32)
    eps_model, parts = eps_model_from_v(net, SCHEDULE), []
    for start in range(0, n, 500):
        some = slice(start, start + 500)
        model = classifier_free(eps_model, y[some], w) if w else conditional(eps_model, y[some])
        parts.append(3 * (ddim(model, noise[some], SCHEDULE, steps=2) / np.float32(0.7)))
    np.testing.assert_array_equal(out, np.concatenate(parts))
    assert out.dtype == np.float32


def test_sample_takes_25_steps_and_needs_no_condition(rng):
    model = whole(small_net(rng))
    one, two = (model.sample(np.random.default_rng(3), 2, **options) for options in ({}, {"steps": 25}))
    np.testing.assert_array_equal(one, two)
    assert np.any(one != model.sample(np.random.default_rng(3), 2, steps=24))


def test_the_decoder_receives_500_at_a_time(rng):
    sizes = []

    def decode(z):
        sizes.append(len(z))
        return z

    model = LatentDiffusion(halved, decode, 1.0, small_net(rng), SCHEDULE, (4, 5, 3))
    assert model.sample(rng, 520, steps=1).shape == (520, 4, 5, 3) and sizes == [500, 20]


def test_loss_is_that_of_the_scaled_latents(rng):
    """v_loss of factor · encode(x), with t, the noise and the dropped conditions drawn in the order of Diffusion."""
    net, y = small_net(rng), rng.integers(0, 6, (20, 2))
    x = rng.standard_normal((20, 4, 5, 3), dtype=np.float32)
    found = whole(net, factor=0.7, drop=0.5).loss(x, np.random.default_rng(5), y)
    draws = np.random.default_rng(5)
    t, eps = draws.integers(1, 51, 20), draws.standard_normal(x.shape, dtype=np.float32)
    y = np.where(draws.random(20)[:, None] < 0.5, -1, y)
    assert found == v_loss(net, np.float32(0.7) * (x / 2), t, eps, SCHEDULE, y) and found.dtype == np.float32


def test_a_model_as_encoder_is_frozen_and_stored(rng, tmp_path):
    """Its arrays are in the file and take no gradient; a function leaves nothing behind."""

    def build(seed):
        draws = np.random.default_rng(seed)
        layers = Linear(draws, 3, 3), Linear(draws, 3, 3)
        return LatentDiffusion(*layers, 0.7, small_net(draws), SCHEDULE, (4, 5, 3))

    model = build(0).load_state(build(1).state())  # arrays other than those at construction
    assert all(name.startswith("diffusion.net.") for name in model.parameters())
    assert {"encode.w", "decode.w"} <= model.state().keys()
    twin = LatentDiffusion.from_file(model.save(tmp_path / "latent.npz"))
    assert twin.parameters().keys() == model.parameters().keys()
    one, two = (each.sample(np.random.default_rng(2), 2, steps=3) for each in (model, twin))
    np.testing.assert_array_equal(one, two)
    assert not any(name.startswith("encode") for name in whole(small_net(rng)).state())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"encode": None}, "encode must be a function or a model, got None"),
        ({"decode": Linear}, "decode must be a function or a model, got .*: call it first"),
        ({"factor": 0.0}, "factor must be a positive number, got 0.0"),
        ({"schedule": 50}, "schedule must be an instance of Schedule, got 50"),
        ({"shape": (4, 0, 3)}, "shape must be a whole number of at least 1, got 0"),
    ],
)
def test_whole_model_refuses_arguments(rng, arguments, message):
    good = {"encode": halved, "decode": tripled, "factor": 1.0, "net": small_net(rng)}
    with pytest.raises(ValueError, match=message):
        LatentDiffusion(**(good | {"schedule": SCHEDULE, "shape": (4, 5, 3)} | arguments))


@pytest.mark.slow
def test_learns_what_a_word_means(rng):
    """Word 0: latents near −1, word 1: near +1, a word beside it that says nothing. Within 0.2 after 300 steps."""
    net = LatentNet(rng, words=3, length=2, channels=1, size=(2, 2), width=16, global_mlp=16, dim_context=8)
    model = whole(net, 1.0, (2, 2, 1))

    def loss(model, x, y):
        return model.loss(x, rng, y)

    def draw(rng, n=64):
        word = rng.integers(0, 2, n)
        z = 2 * word[:, None, None, None] - 1 + 0.1 * rng.standard_normal((n, 2, 2, 1))
        return 2 * z.astype(np.float32), np.stack([np.full(n, 2), word], axis=1)  # images, which `encode` halves

    step = descend(loss, model, draw, lr=3e-3, rng=rng)
    for i in range(300):
        step(i)
    y = np.array([[0, 2]] * 20 + [[2, 1]] * 20)
    z = model.sample(rng, 40, y, steps=20) / 3
    means = z.reshape(2, -1).mean(axis=1)
    np.testing.assert_allclose(means, [-1, 1], atol=0.2)
