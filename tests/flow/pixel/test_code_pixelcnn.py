"""The PixelCNN of codes: probabilities summed up, samples, completions, and the PixelCNN of bits as a special case."""

import itertools

import numpy as np
import pytest

from minigen.flow.pixel import CodePixelCNN, PixelCNN
from minigen.flow.wavenet import draw_codes
from minigen.tensor import value_and_grad

CODE_MODELS = [
    lambda rng: CodePixelCNN(rng, 3, 5, 2),
    lambda rng: CodePixelCNN(rng, 3, 3, 2, window=(1, 3)),  # as wide as it has levels: a residual in the first layer
    lambda rng: CodePixelCNN(rng, 3, 5, 3, window=(2, 5), position_bias=(2, 2)),
]


each_code_model = pytest.mark.parametrize("make", CODE_MODELS)


def assert_drawn_from(p, counts):
    """Chi-square, at most five standard deviations above its mean; outcomes expected fewer than 5 times are one."""
    expected, rare = p * counts.sum(), p * counts.sum() < 5
    expected, counts = (np.append(a[~rare], a[rare].sum()) for a in (expected, counts))
    freedom = len(counts) - 1
    assert np.sum((counts - expected) ** 2 / np.maximum(expected, 1)) < freedom + 5 * (2 * freedom) ** 0.5
    assert freedom > 4


def all_codes(levels, height, width):
    return np.array(list(itertools.product(range(levels), repeat=height * width))).reshape(-1, height, width)


@each_code_model
def test_probabilities_of_all_codes_sum_to_one(rng, shaken, make):
    """All 81 images of 2 × 2 codes; each probability is the product of those of its places, one at a time."""
    model, codes = shaken(make(rng), 0.7), all_codes(3, 2, 2)
    p = np.exp(model.log_prob(codes))
    assert p.shape == (81,) and p.sum() == pytest.approx(1) and p.std() > 0.1 * p.mean()
    e = np.exp(model(codes))
    share = np.take_along_axis(e / e.sum(axis=3, keepdims=True), codes[..., None], axis=3)
    np.testing.assert_allclose(p, share.prod(axis=(1, 2, 3)))


def test_the_first_layer_has_a_vector_for_each_code_and_position(rng, shaken):
    """A convolution of one-hot codes is a sum of embeddings, a table for each place of the window."""
    model = shaken(CodePixelCNN(rng, 5, 4, 1, window=(1, 3)))
    codes, layer = rng.integers(0, 5, (1, 3, 4)), model.layers[0]
    a = layer.down.b + sum(layer.down.w[0, 1 + m, codes[0, 1, 2 + m]] for m in (-1, 0, 1))  # the row above
    b = layer.across.b + layer.across.w[0, 0, codes[0, 2, 0]] + layer.across.w[0, 1, codes[0, 2, 1]]
    b = b + a @ layer.message.w + layer.message.b
    h = (np.tanh(b[:4]) / (1 + np.exp(-b[4:]))) @ layer.residual.w + layer.residual.b
    want = model.out(model.hidden(np.maximum(h, 0)))
    np.testing.assert_allclose(model(codes)[0, 2, 2], want)


@each_code_model
def test_cached_codes_are_those_of_the_whole_network(rng, shaken, make):
    """The same random numbers, and each code from a pass over the whole image; known ones are kept either way."""
    model, n, size = shaken(make(rng), 0.7), 40, make(rng).image_size or (7, 4)
    given, known = rng.integers(0, 3, (n, *size)), rng.random((n, *size)) < 0.3
    for options in ({}, {"given": given, "known": known}):
        same, codes = np.random.default_rng(5), np.zeros((n, *size), int)
        for i, j in np.ndindex(size):
            drawn = draw_codes(model(codes)[:, i, j], same)
            codes[:, i, j] = np.where(known[:, i, j], given[:, i, j], drawn) if options else drawn
        np.testing.assert_array_equal(model.sample(np.random.default_rng(5), n, size, **options), codes)
    assert codes.std() > 0.5


@each_code_model
def test_frequencies_of_codes_are_their_probabilities(rng, shaken, make):
    """Over all 81 images."""
    model, n = shaken(make(rng), 0.5), 20_000
    drawn = model.sample(np.random.default_rng(0), n, (2, 2))
    assert drawn.shape == (n, 2, 2) and drawn.dtype == np.int64
    counts = np.bincount(drawn.reshape(n, 4) @ [27, 9, 3, 1], minlength=81)
    assert_drawn_from(np.exp(model.log_prob(all_codes(3, 2, 2))), counts)


@each_code_model
def test_completed_codes_follow_the_conditional(rng, shaken, make):
    """Where a code is not known, any integer may be given; nothing given is overwritten."""
    model, n = shaken(make(rng), 0.5), 20_000
    known, given = np.array([[True, True], [False, False]]), np.tile([[2, 1], [-1, 99]], (n, 1, 1))
    before = given.copy()
    drawn = model.sample(np.random.default_rng(0), n, (2, 2), given, known)
    np.testing.assert_array_equal(given, before)
    np.testing.assert_array_equal(drawn[:, 0], given[:, 0])
    fits = np.concatenate([np.broadcast_to([[[2, 1]]], (9, 1, 2)), all_codes(3, 1, 2)], axis=1)
    p = np.exp(model.log_prob(fits))
    assert_drawn_from(p / p.sum(), np.bincount(drawn[:, 1] @ [3, 1], minlength=9))


def test_two_levels_are_bits(rng, shaken):
    """The softmax of two logits is the sigmoid of their difference: a PixelCNN of bits with the weights taken over.

    A one-hot bit x is (1 − x, x), but (0, 0) outside of the image; so the weight of a 0 must be 0.
    """
    bits, codes = shaken(PixelCNN(rng, 5, 2)), shaken(CodePixelCNN(rng, 2, 5, 2))
    for name, a in codes.parameters().items():
        b = bits.parameters()[name]
        if name in ("out.w", "out.b", "layers.0.down.w", "layers.0.across.w"):
            a[...] = 0
            a[(..., slice(1, 2)) if name.startswith("out") else (..., slice(1, 2), slice(None))] = b
        else:
            a[...] = b
    x = rng.integers(0, 2, (6, 4, 5))
    np.testing.assert_allclose(codes.log_prob(x), bits.log_prob(x[..., None].astype(float)))


def test_gradient_of_codes_by_finite_differences(rng, shaken):
    model, codes = shaken(CodePixelCNN(rng, 3, 4, 2, position_bias=(4, 5))), rng.integers(0, 3, (3, 4, 5))
    _, grads = value_and_grad(lambda f: -f.log_prob(codes).mean())(model)
    gradients = grads.parameters()
    for name, a in model.parameters().items():
        d, h, kept = rng.standard_normal(a.shape), 1e-5, a.copy()
        a += h * d
        up = -model.log_prob(codes).mean()
        a -= 2 * h * d
        down = -model.log_prob(codes).mean()
        a[...] = kept
        assert np.vdot(gradients[name], d) == pytest.approx((up - down) / (2 * h), rel=1e-4, abs=1e-7), name


def test_gradients_are_float32(rng):
    codes = rng.integers(0, 3, (2, 5, 4))
    value, grads = value_and_grad(lambda f: -f.log_prob(codes).mean())(CodePixelCNN(rng, 3, 8, 2))
    assert value.dtype == np.float32 and all(g.dtype == np.float32 for g in grads.parameters().values())


CODES = np.arange(24).reshape(2, 3, 4) % 3


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda rng: CodePixelCNN(rng, 1), "levels must be a whole number of at least 2, got 1"),
        (lambda rng: CodePixelCNN(rng, 3.0), "levels must be a whole number of at least 2, got 3.0"),
        (lambda rng: CodePixelCNN(rng, 3, 4, 2, window=(3, 4)), "window must have an odd number of columns"),
        (lambda rng: CodePixelCNN(rng, 3, 4, 1)(CODES + 1), "codes must be in 0..2, got values from 1 to 3"),
        (lambda rng: CodePixelCNN(rng, 3, 4, 1)(CODES - 1), "codes must be in 0..2, got values from -1 to 1"),
        (lambda rng: CodePixelCNN(rng, 3, 4, 1).log_prob(CODES + 1), "codes must be in 0..2"),
        (lambda rng: CodePixelCNN(rng, 3, 4, 1)(CODES * 1.0), "codes must be whole numbers, got dtype float64"),
        (lambda rng: CodePixelCNN(rng, 3, 4, 1).log_prob(CODES == 1), "codes must be whole numbers, got dtype bool"),
        (
            lambda rng: CodePixelCNN(rng, 3, 4, 1)(CODES[..., None]),
            r"codes must have shape \(N, H, W\), got \(2, 3, 4, 1\)",
        ),
        (lambda rng: CodePixelCNN(rng, 3, 4, 1)(CODES[:0]), "codes must have at least one image and one position"),
        (
            lambda rng: CodePixelCNN(rng, 3, 4, 1, position_bias=(3, 5))(CODES),
            r"codes must have shape \(N, 3, 5\), got \(2, 3, 4\)",
        ),
        (lambda rng: CodePixelCNN(rng, 3, 4, 1, position_bias=(3, 5)).sample(rng, 1), r"size must be \(3, 5\)"),
        (lambda rng: CodePixelCNN(rng, 3, 4, 1).sample(0, 1), "rng must be a numpy.random.Generator"),
        (lambda rng: CodePixelCNN(rng, 3, 4, 1).sample(rng, 0), "n must be a whole number"),
        (
            lambda rng: CodePixelCNN(rng, 3, 4, 1).sample(rng, 2, (3, 4), CODES),
            "given and known must be given together",
        ),
        (
            lambda rng: CodePixelCNN(rng, 3, 4, 1).sample(rng, 2, (3, 4), CODES, np.ones((2, 3, 4, 1), bool)),
            r"known must broadcast to \(2, 3, 4\), got \(2, 3, 4, 1\)",
        ),
        (
            lambda rng: CodePixelCNN(rng, 3, 4, 1).sample(rng, 3, (3, 4), CODES, np.array(True)),
            r"given must have shape \(3, 3, 4\), got \(2, 3, 4\)",
        ),
        (
            lambda rng: CodePixelCNN(rng, 3, 4, 1).sample(rng, 2, (3, 4), CODES + 1, np.array(True)),
            "given must be in 0..2, got values from 1 to 3",
        ),
        (
            lambda rng: CodePixelCNN(rng, 3, 4, 1).sample(rng, 2, (3, 4), CODES * 1.0, np.array(True)),
            "given must be whole numbers, got dtype float64",
        ),
    ],
)
def test_errors(rng, call, message):
    with pytest.raises(ValueError, match=message):
        call(rng)
