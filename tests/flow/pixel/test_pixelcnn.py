"""PixelCNN: its layers against plain NumPy, and the numbers of a seed."""

import numpy as np
import pytest

from minigen.flow.pixel import PixelCNN, pixelcnn
from minigen.flow.wavenet import gated_unit
from minigen.tensor import grad


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
