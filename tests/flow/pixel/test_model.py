"""What holds for every model of pixels: probabilities summed up, samples, completions and gradients."""

import itertools

import numpy as np
import pytest

from minigen.flow.pixel import PixelCNN, PixelRNN, pixel_mask, skew, unskew
from minigen.optim import Adam
from minigen.tensor import grad, value_and_grad

MODELS = [
    lambda rng: PixelCNN(rng, 6, 2),
    lambda rng: PixelCNN(rng, 6, 2, window=(2, 5)),
    lambda rng: PixelCNN(rng, 6, 2, gated=False),
    lambda rng: PixelRNN(rng, "diagonal", 5),
    lambda rng: PixelRNN(rng, "row", 5),
    lambda rng: PixelRNN(rng, "diagonal", 5, layers=2),
]


each_model = pytest.mark.parametrize("make", MODELS)


def test_masks_by_hand():
    np.testing.assert_array_equal(pixel_mask(3, "A"), [[1, 1, 1], [1, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(pixel_mask(3, "B"), [[1, 1, 1], [1, 1, 0], [0, 0, 0]])
    np.testing.assert_array_equal(pixel_mask(1, "A"), [[0]])
    np.testing.assert_array_equal(pixel_mask(5, "B")[2], [1, 1, 1, 0, 0])
    assert pixel_mask(5, "B")[:2].all() and not pixel_mask(5, "B")[3:].any() and pixel_mask(7, "A").dtype == np.float32


def all_images(height, width):
    return np.array(list(itertools.product([0.0, 1.0], repeat=height * width))).reshape(-1, height, width, 1)


@each_model
def test_probabilities_sum_to_one(rng, shaken, make):
    model, x = shaken(make(rng), 0.7), all_images(2, 3)
    p = np.exp(model.log_prob(x))
    assert abs(p.sum() - 1) < 1e-10 and p.max() > 2 / 64
    chance = 1 / (1 + np.exp(-model(x[[37]])))
    np.testing.assert_allclose(p[37], np.prod(np.where(x[37] == 1, chance, 1 - chance)))


@each_model
def test_samples_follow_their_probabilities(rng, shaken, make):
    """The 64 frequencies of 6,000 images, at 5 standard errors."""
    model, x, n = shaken(make(rng), 0.7), all_images(2, 3), 6000
    p = np.exp(model.log_prob(x))
    drawn = model.sample(np.random.default_rng(0), n, (2, 3))
    assert drawn.shape == (n, 2, 3, 1) and drawn.dtype == np.float32 and set(np.unique(drawn)) == {0, 1}
    counts = np.bincount((drawn.reshape(n, 6) @ 2.0 ** np.arange(5, -1, -1)).astype(int), minlength=64)
    np.testing.assert_array_less(np.abs(counts / n - p), 5 * np.sqrt(p * (1 - p) / n) + 1e-3)


@each_model
def test_completions_follow_the_conditional(rng, shaken, make):
    """Known pixels stay; the others follow p(x) among the images with these, if known ones come before unknown ones."""
    model, x, n = shaken(make(rng), 0.7), all_images(2, 3), 4000
    known = np.array([[True, True, True], [True, False, False]])[:, :, None]
    given = np.tile(x[0b101100], (n, 1, 1, 1)).astype(np.float32)
    given[:, ~known] = 0.3  # what is not known does not count,
    before = given.copy()
    drawn = model.sample(np.random.default_rng(0), n, (2, 3), given, known)
    np.testing.assert_array_equal(given, before)  # and is not overwritten
    np.testing.assert_array_equal(drawn[:, known], given[:, known])
    fits = np.all(x[:, known] == x[0b101100][known], axis=1)
    p = np.exp(model.log_prob(x[fits]))
    p = p / p.sum()
    counts = np.array([np.all(drawn == image, axis=(1, 2, 3)).sum() for image in x[fits]])
    assert counts.sum() == n
    np.testing.assert_array_less(np.abs(counts / n - p), 5 * np.sqrt(p * (1 - p) / n) + 1e-3)


@each_model
def test_sampling_row_by_row_uses_the_logits_of_the_whole(rng, shaken, make):
    """The logit of each pixel, from the rows that it depends on, in an image taller than those."""
    model = shaken(make(rng))
    x = (rng.random((2, 12, 4, 1)) < 0.5).astype(float)
    whole = model(x)
    for i, logits_of in enumerate(model._rows(x)):
        for j in range(4):
            np.testing.assert_allclose(logits_of(j), whole[:, i, j], atol=1e-10)


@each_model
def test_gradient_by_finite_differences(rng, shaken, make):
    model, x = shaken(make(rng)), (rng.random((3, 4, 5, 1)) < 0.5).astype(float)
    _, grads = value_and_grad(lambda f: -f.log_prob(x).mean())(model)
    gradients = grads.parameters()
    for name, a in model.parameters().items():
        d, h, kept = rng.standard_normal(a.shape), 1e-5, a.copy()
        a += h * d
        up = -model.log_prob(x).mean()
        a -= 2 * h * d
        down = -model.log_prob(x).mean()
        a[...] = kept
        assert np.vdot(gradients[name], d) == pytest.approx((up - down) / (2 * h), rel=1e-4, abs=1e-7), name


@pytest.mark.slow
@each_model
def test_learns_stripes_in_float32(rng, make):
    """Each row is 0101... or 1010...: one bit a row, where independent pixels would cost one bit each."""
    x = (np.arange(6) + (rng.random((64, 4, 1)) < 0.5)) % 2
    x = x[..., None].astype(np.float32)  # (64, 4, 6, 1)
    model = make(rng)
    optimizer = Adam(model, 1e-2)
    for _ in range(80):
        value, grads = value_and_grad(lambda f: -f.log_prob(x).mean())(model)
        assert value.dtype == np.float32 and all(g.dtype == np.float32 for g in grads.parameters().values())
        optimizer.step(grads)
    assert 4 * np.log(2) - 0.8 < value < 4 * np.log(2) + 2


@each_model
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("parameters", [np.float32, np.float64])
def test_the_dtype_of_the_input_is_that_of_the_output(rng, make, dtype, parameters):
    model, x = make(rng).map(lambda a: a.astype(parameters)), np.ones((2, 3, 4, 1), dtype)
    assert model(x).dtype == model.log_prob(x).dtype == dtype
    assert skew(x).dtype == unskew(skew(x)).dtype == dtype


@each_model
@pytest.mark.parametrize("size", [(1, 1), (1, 5), (5, 1), (9, 2)])
def test_any_size(rng, make, size):
    assert make(rng)(np.ones((2, *size, 1), np.float32)).shape == (2, *size, 1)


@each_model
def test_whole_numbers_are_images_too(rng, make):
    """0 and 1 as integers or truth values, in the place of floats; and under a derivative of x as in the plain."""
    model, x = make(rng), rng.random((2, 3, 4, 1)) < 0.5
    want = model.log_prob(x.astype(float))
    np.testing.assert_allclose(model.log_prob(x), want)
    np.testing.assert_allclose(model.log_prob(x.astype(int)), want)
    slope = grad(lambda x: model.log_prob(x).sum())(x.astype(float))
    assert slope.shape == x.shape and np.all(np.isfinite(slope))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda rng: pixel_mask(4, "A"), "kernel must be odd, got 4"),
        (lambda rng: pixel_mask(0, "A"), "kernel must be a whole number"),
        (lambda rng: pixel_mask(3, "C"), "kind must be one of 'A', 'B', got 'C'"),
    ],
)
def test_errors(rng, call, message):
    with pytest.raises(ValueError, match=message):
        call(rng)
