"""PixelCNN: its layers against plain NumPy, and the numbers of a seed."""

import itertools

import numpy as np
import pytest

from minigen.flow.pixel import PixelCNN, pixelcnn
from minigen.flow.wavenet import gated_unit
from minigen.tensor import grad, jacobian, value_and_grad


@pytest.mark.parametrize("width", [1, 4])
def test_gated_halves_are_the_gated_unit(rng, width):
    """In one pass, with its first derivative in one array, and its second."""
    a, weights = rng.standard_normal((2, 3, 2 * width)), rng.standard_normal((2, 3, width))

    def plainly(a):
        return np.sum(gated_unit(a[..., :width], a[..., width:]) * weights)

    def fused(a):
        return np.sum(pixelcnn._gated(a) * weights)

    assert fused(a) == pytest.approx(plainly(a))
    np.testing.assert_allclose(grad(fused)(a), grad(plainly)(a), atol=1e-12)
    second = [grad(lambda a: np.sum(grad(f)(a) ** 2))(a) for f in (fused, plainly)]
    np.testing.assert_allclose(*second, atol=1e-12)


def test_gated_layer_against_plain_numpy(rng, shaken):
    """One position of both stacks, added up by hand. Van den Oord et al. 2016b, Fig. 2"""
    layer = shaken(pixelcnn.GatedLayer(rng, 3, 3, 2, 3))
    v, h = rng.standard_normal((2, 1, 4, 5, 3))
    new, message = layer.vertical(v)
    a = sum(v[0, 2 + k, 3 + m] @ layer.down.w[1 + k, 1 + m] for k in (-1, 0) for m in (-1, 0, 1)) + layer.down.b
    np.testing.assert_allclose(new[0, 2, 3], np.tanh(a[:3]) / (1 + np.exp(-a[3:])))
    np.testing.assert_allclose(message[0, 2, 3], a @ layer.message.w + layer.message.b)
    b = h[0, 2, 2] @ layer.across.w[0, 0] + h[0, 2, 3] @ layer.across.w[0, 1] + layer.across.b + message[0, 2, 3]
    want = h[0, 2, 3] + (np.tanh(b[:3]) / (1 + np.exp(-b[3:]))) @ layer.residual.w + layer.residual.b
    np.testing.assert_allclose(layer.horizontal(h, message)[0, 2, 3], want)


@pytest.fixture
def with_summary(rng, shaken):
    """A gated PixelCNN of 4×5 pixels, whose window reaches one row up."""
    return shaken(PixelCNN(rng, 6, 1, window=(1, 3), position_bias=(4, 5), summary=9), 0.5)


def test_row_summary_against_plain_numpy(rng, shaken):
    """Each row from the sum of the rows above it, added up one by one."""
    summary = shaken(pixelcnn.RowSummary(rng, (4, 5), 2, 7, 3))
    x = rng.standard_normal((2, 4, 5, 2))

    def normalized(h, norm):
        return norm.w * (h - h.mean()) / np.sqrt(h.var() + norm.eps) + norm.b

    for i in range(4):
        h = summary.b[i] + sum((x[0, k].ravel() @ summary.rows[k] for k in range(i)), np.zeros(7))
        for norm, first, second in zip(summary.norms, summary.first, summary.second):
            h = h + np.maximum(normalized(h, norm) @ first.w + first.b, 0) @ second.w + second.b
        out = np.maximum(normalized(h, summary.norms[-1]), 0) @ summary.out.w + summary.out.b
        np.testing.assert_allclose(summary(x)[0, i], out.reshape(5, 3))


def test_a_summary_starts_at_zero_and_reaches_all_rows_above(rng, with_summary):
    """Without its weights the model is the one without a summary. With them it depends on the whole past, no more."""
    options = {"window": (1, 3), "position_bias": (4, 5)}
    new, plain = (PixelCNN(np.random.default_rng(0), 3, 1, **options, summary=k) for k in (7, None))
    x = (rng.random((2, 4, 5, 1)) < 0.5).astype(np.float32)
    np.testing.assert_array_equal(new.log_prob(x), plain.log_prob(x))
    images = rng.standard_normal((30, 1, 4, 5, 1))  # a ReLU that is off in one is on in another
    seen = sum(np.abs(jacobian(with_summary)(image)).reshape(20, 20) for image in images) > 0
    row = np.repeat(np.arange(4), 5)
    above = row[:, None] > row
    np.testing.assert_array_equal(seen[above], True)
    np.testing.assert_array_equal(np.triu(seen), False)
    assert with_summary.rows_above() == 3 and plain.rows_above() == 1


def test_a_summary_row_by_row_is_that_of_the_whole(rng, with_summary):
    x = (rng.random((2, 4, 5, 1)) < 0.5).astype(float)
    whole = with_summary(x)
    for i, logits_of in enumerate(with_summary._rows(x)):
        for j in range(5):
            np.testing.assert_allclose(logits_of(j), whole[:, i, j], atol=1e-10)


def test_with_a_summary_probabilities_sum_to_one(rng, shaken):
    model = shaken(PixelCNN(rng, 3, 1, window=(1, 3), position_bias=(3, 2), summary=7), 0.7)
    x = np.array(list(itertools.product([0.0, 1.0], repeat=6))).reshape(-1, 3, 2, 1)
    p = np.exp(model.log_prob(x))
    assert abs(p.sum() - 1) < 1e-10 and p.max() > 2 / 64


def test_the_gradient_of_a_summary_by_finite_differences(rng, with_summary):
    x = (rng.random((3, 4, 5, 1)) < 0.5).astype(float)
    _, grads = value_and_grad(lambda f: -f.log_prob(x).mean())(with_summary)
    gradients = grads.parameters()
    summary = {name: a for name, a in with_summary.parameters().items() if "summary" in name}
    assert len(summary) == 18
    for name, a in summary.items():
        d, h, kept = rng.standard_normal(a.shape), 1e-5, a.copy()
        values = []
        for sign in (1, -1):
            a[...] = kept + sign * h * d
            values.append(-with_summary.log_prob(x).mean())
        a[...] = kept
        assert np.vdot(gradients[name], d) == pytest.approx((values[0] - values[1]) / (2 * h), rel=1e-4, abs=1e-7), name


def test_known_may_differ_from_image_to_image(rng):
    model = PixelCNN(rng, 4, 2)
    given, known = (rng.random((5, 6, 4, 1)) < 0.5), rng.random((5, 6, 4, 1)) < 0.5
    drawn = model.sample(rng, 5, (6, 4), given.astype(np.float32), known)
    np.testing.assert_array_equal(drawn[known], given[known])
    everything = model.sample(rng, 5, (6, 4), given.astype(np.float32), np.array(True))
    np.testing.assert_array_equal(everything, given)


@pytest.mark.parametrize(
    "options, log_prob, drawn",
    [
        ({}, [-8.3199291, -8.3248949], [3193, 3906, 2846]),
        ({"position_bias": (3, 4)}, [-8.3199291, -8.3248949], [3193, 3906, 2846]),
        ({"position_bias": (3, 4), "summary": 6}, [-8.3199291, -8.3248949], [3193, 3906, 2846]),
        ({"gated": False}, [-8.3382797, -8.3545504], [3193, 3906, 2846]),
    ],
)
def test_the_numbers_of_a_seed_stay(options, log_prob, drawn):
    """A seed gives these parameters, probabilities and samples of bits (written as binary numbers) from now on."""
    x = (np.arange(24).reshape(2, 3, 4, 1) * 7 % 5 < 2).astype(np.float32)
    model = PixelCNN(np.random.default_rng(0), 5, 3, **options)
    np.testing.assert_allclose(model.log_prob(x), log_prob, rtol=2e-6)
    samples = model.sample(np.random.default_rng(1), 3, (3, 4))
    np.testing.assert_array_equal(samples.reshape(3, 12) @ 2 ** np.arange(12), drawn)


ONE = np.ones((2, 3, 4, 1))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda rng: PixelCNN(0), "rng must be a numpy.random.Generator"),
        (lambda rng: PixelCNN(rng, 0), "width must be a whole number"),
        (lambda rng: PixelCNN(rng, 4, 0), "layers must be a whole number"),
        (lambda rng: PixelCNN(rng, 4, 2, window=(3, 4)), r"window must have an odd number of columns, got \(3, 4\)"),
        (lambda rng: PixelCNN(rng, 4, 2, window=(0, 3)), "window must be a whole number"),
        (lambda rng: PixelCNN(rng, 4, 2, window=(3, 3, 3)), "window must be two numbers"),
        (lambda rng: PixelCNN(rng, 4, 2, window=7), "window must be a sequence of whole numbers"),
        (lambda rng: PixelCNN(rng, 4, 2, gated="no"), "gated must be one of False, True, got 'no'"),
        (lambda rng: PixelCNN(rng, 4, 2, gated=2), "gated must be one of False, True, got 2"),
        (lambda rng: PixelCNN(rng, 4, 2, gated=1), "gated must be one of False, True, got 1"),
        (lambda rng: PixelCNN(rng, 4, 2, gated=False, window=(3, 9)), "window belongs to a gated PixelCNN"),
        (lambda rng: PixelCNN(rng, 4, 2, summary=5), "summary needs the size of the images: give position_bias"),
        (lambda rng: PixelCNN(rng, 4, 2, summary=0, position_bias=(3, 4)), "summary must be a whole number"),
        (lambda rng: PixelCNN(rng, 4, 2, gated=False, summary=5), "summary belongs to a gated PixelCNN"),
        (lambda rng: PixelCNN(rng, 4, 2, position_bias=(3, 0)), "position_bias must be a whole number"),
        (lambda rng: PixelCNN(rng, 4, 2, position_bias=(3, 5))(ONE), r"x must have shape \(N, 3, 5, 1\), got"),
        (lambda rng: PixelCNN(rng, 4, 2, position_bias=(3, 5)).sample(rng, 1), r"size must be \(3, 5\), where each"),
        (lambda rng: PixelCNN(rng, 4, 1).sample(rng, 1, 28), "size must be a sequence of whole numbers"),
        (lambda rng: PixelCNN(rng, 4, 1)(np.ones((2, 3, 4))), r"x must have shape \(N, H, W, 1\), got \(2, 3, 4\)"),
        (lambda rng: PixelCNN(rng, 4, 1)(np.ones((2, 3, 4, 3))), r"x must have shape \(N, H, W, 1\)"),
        (lambda rng: PixelCNN(rng, 4, 1)(ONE * np.nan), "x must be finite"),
        (lambda rng: PixelCNN(rng, 4, 1).log_prob(ONE / 2), "x must hold zeros and ones, got 0.5"),
        (lambda rng: PixelCNN(rng, 4, 1).sample(rng, 0), "n must be a whole number"),
        (lambda rng: PixelCNN(rng, 4, 1).sample(0, 1), "rng must be a numpy.random.Generator"),
        (lambda rng: PixelCNN(rng, 4, 1).sample(rng, 1, (0, 3)), "size must be a whole number"),
        (lambda rng: PixelCNN(rng, 4, 1).sample(rng, 2, (3, 4), ONE), "given and known must be given together"),
        (lambda rng: PixelCNN(rng, 4, 1).sample(rng, 2, (3, 4), ONE, ONE), "known must be boolean"),
        (
            lambda rng: PixelCNN(rng, 4, 1).sample(rng, 2, (3, 4), ONE, np.ones((2, 3), bool)),
            r"known must broadcast to \(2, 3, 4, 1\), got \(2, 3\)",
        ),
        (
            lambda rng: PixelCNN(rng, 4, 1).sample(rng, 3, (3, 4), ONE, np.array(True)),
            r"given must have shape \(3, 3, 4, 1\), got \(2, 3, 4, 1\)",
        ),
        (
            lambda rng: PixelCNN(rng, 4, 1).sample(rng, 2, (3, 4), ONE / 2, np.array(True)),
            "given must hold zeros and ones",
        ),
    ],
)
def test_errors(rng, call, message):
    with pytest.raises(ValueError, match=message):
        call(rng)
