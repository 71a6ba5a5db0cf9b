"""The instrument for digits: its network against a second way to compute it, its numbers against ones known by hand."""

from functools import partial

import autograd.numpy as anp
import numpy as np
import pytest

from minigen.data import mnist
from minigen.metrics import digits
from minigen.metrics.digits import (
    DigitClassifier,
    class_gaussian_digits,
    class_histogram,
    class_probabilities,
    digit_features,
    digit_frechet_distance,
    judge_digits,
    label_accuracy,
)
from minigen.metrics.samples import frechet_distance, inception_score, mean_and_covariance, precision_recall
from minigen.tensor import conv2d, cross_entropy, value_and_grad


class FirstRow:
    """A classifier that can be worked by hand: its features are 12 pixels, its logits 100 times the first ten of
    them."""

    def features(self, x):
        return x[:, 0, :12, 0]

    def out(self, h):
        return 100 * h[:, :10]


def image_of(digit, n=1):
    x = np.zeros((n, 28, 28, 1), np.float32)
    x[:, 0, digit] = 1
    return x


@pytest.fixture(scope="module")
def images():
    return mnist.unit(mnist.splits().validation.images[:60])


def test_the_network_against_convolutions_of_the_unfolded_image(images):
    model = DigitClassifier(np.random.default_rng(0), width=4, dim=6)
    w = model.conv1.w.reshape(5, 5, 2, 2, 4).transpose(0, 2, 1, 3, 4).reshape(10, 10, 1, 4)  # 10x10, moved by 2 pixels
    h = np.maximum(conv2d(images, w, model.conv1.b, 2, 4), 0)  # (N, 14, 14, 4)
    h = h.reshape(-1, 7, 2, 7, 2, 4).max(axis=(2, 4))
    h = np.maximum(conv2d(h, model.conv2.w, model.conv2.b, 1, 1), 0).reshape(len(images), -1)
    h = np.maximum(h @ model.hidden.w + model.hidden.b, 0)
    np.testing.assert_allclose(model.features(images), h, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model(images), h @ model.out.w + model.out.b, rtol=1e-4, atol=1e-5)
    assert model(images).dtype == np.float32 and model(images).shape == (60, 10)


def test_the_gradient_by_finite_differences(images):
    model = DigitClassifier(np.random.default_rng(0), width=2, dim=5).map(lambda a: a.astype(np.float64))
    x, y, rng = images[:4].astype(np.float64), np.array([3, 8, 6, 9]), np.random.default_rng(1)
    for layer in (model.conv1, model.conv2, model.hidden):
        layer.b += 0.1 * rng.standard_normal(layer.b.shape)  # or else blank paper sits on the kink of the ReLU

    def loss(f):
        return anp.sum(cross_entropy(f(x), y))

    _, grads = value_and_grad(loss)(model)
    direction = model.map(lambda a: rng.standard_normal(a.shape))
    slope = sum(np.vdot(g, d) for g, d in zip(grads.parameters().values(), direction.parameters().values()))
    nudged = []
    for h in (1e-6, -1e-6):
        moved = model.copy()
        for p, d in zip(moved.parameters().values(), direction.parameters().values()):
            p += h * d
        nudged.append(loss(moved))
    assert slope == pytest.approx((nudged[0] - nudged[1]) / 2e-6, rel=1e-5)


def test_answers_that_are_known_by_hand():
    x = np.concatenate([image_of(3, 6), image_of(7, 2)])
    p = class_probabilities(FirstRow(), x)
    np.testing.assert_allclose(p, np.eye(10)[[3] * 6 + [7] * 2], atol=1e-6)
    np.testing.assert_allclose(class_histogram(FirstRow(), x), [0, 0, 0, 0.75, 0, 0, 0, 0.25, 0, 0])
    assert label_accuracy(FirstRow(), x, np.array([3] * 6 + [0, 7])) == 7 / 8


def test_a_shift_of_the_features_is_the_frechet_distance():
    rng = np.random.default_rng(0)
    real = 0.5 * rng.random((50, 28, 28, 1), dtype=np.float32)
    fake = real.copy()
    fake[:, 0, 2] += 0.25
    fake[:, 0, 5] += 0.5
    assert digit_frechet_distance(FirstRow(), real, fake) == pytest.approx(0.25**2 + 0.5**2, rel=1e-5)
    fake[:, 5] = 0  # no feature looks there
    assert digit_frechet_distance(FirstRow(), real, fake) == pytest.approx(0.25**2 + 0.5**2, rel=1e-5)
    assert digit_frechet_distance(FirstRow(), real, real) == pytest.approx(0, abs=1e-9)


def test_batches_make_no_difference(images, monkeypatch):
    model = DigitClassifier(np.random.default_rng(0), width=4, dim=6)
    whole = model.features(images)
    monkeypatch.setattr(digits, "batched", partial(digits.batched, size=7))
    np.testing.assert_allclose(digit_features(model, images), whole, rtol=1e-4, atol=1e-5)


def test_the_report_agrees_with_the_parts(images):
    model = DigitClassifier(np.random.default_rng(0), width=4, dim=6)
    real, fake, labels = images[:25], images[25:], mnist.splits().validation.labels[25:60]
    report = judge_digits(model, fake, real, labels)
    h, p = [model.features(x) for x in (real, fake)], class_probabilities(model, fake)
    assert report.frechet == pytest.approx(digit_frechet_distance(model, real, fake), rel=1e-5)
    assert report.frechet == pytest.approx(
        frechet_distance(*mean_and_covariance(h[0]), *mean_and_covariance(h[1])), rel=1e-5
    )
    assert report.inception == pytest.approx(inception_score(p))
    assert (report.precision, report.recall) == precision_recall(h[0], h[1], 3)
    assert report.confidence == pytest.approx(p.max(axis=1).mean())
    np.testing.assert_allclose(report.shares, class_histogram(model, fake))
    assert report.found == (report.shares >= 0.01).sum()
    assert report.accuracy == label_accuracy(model, fake, labels)
    assert judge_digits(model, fake, real).accuracy is None
    few = judge_digits(model, fake, real, neighbors=9)  # every third of 25 and every fourth of 35
    assert (few.precision, few.recall) == precision_recall(h[0][::3], h[1][::4], 3)


def test_the_gaussian_of_each_class():
    rng = np.random.default_rng(0)
    labels = np.repeat([2, 5], [400, 1200])
    plane = np.linalg.qr(rng.standard_normal((784, 3)))[0].T
    spread = {2: [0.3, 0.2, 0.1], 5: [0.1, 0.3, 0.05]}
    codes = np.array([rng.standard_normal(3) * spread[d] + (0.5 if d == 2 else -0.2) for d in labels])
    pixels = 0.5 + codes @ plane
    assert 0 < pixels.min() and pixels.max() < 1
    x, y = class_gaussian_digits(pixels.reshape(-1, 28, 28, 1), labels, rng, 4000, components=3)
    assert (x.shape, x.dtype, y.shape) == ((4000, 28, 28, 1), np.float32, (4000,)) and set(y) == {2, 5}
    assert (y == 2).mean() == pytest.approx(0.25, abs=5 * (0.25 * 0.75 / 4000) ** 0.5)
    flat = x.reshape(4000, 784) - 0.5
    np.testing.assert_allclose(flat @ plane.T @ plane, flat, atol=1e-4)  # in the plane of the data
    for d in (2, 5):
        mine, theirs = flat[y == d] @ plane.T, codes[labels == d]
        error = np.sqrt(theirs.var(axis=0, ddof=1) / len(mine))
        assert (np.abs(mine.mean(axis=0) - theirs.mean(axis=0)) < 5 * error).all()
        assert (np.abs(mine.var(axis=0) / theirs.var(axis=0) - 1) < 5 * (2 / len(mine)) ** 0.5).all()


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((3, 784), np.float32), r"images must have shape \(N, 28, 28, 1\), got \(3, 784\)"),
        (np.zeros((0, 28, 28, 1), np.float32), "none of them 0"),
        (np.zeros((3, 28, 28, 1), np.uint8), r"floats in \[0, 1\] \(see minigen.data.mnist.unit\), got uint8"),
        (np.full((3, 28, 28, 1), -1.0), r"must be in \[0, 1\], got values from -1 to -1"),
        (np.full((3, 28, 28, 1), np.nan), r"must be finite, got 2352 non-finite values"),
    ],
)
def test_images_that_do_not_fit(images, message):
    good = image_of(1, 5)
    for call in (
        lambda: class_histogram(FirstRow(), images),
        lambda: label_accuracy(FirstRow(), images, np.zeros(len(images), int)),
        lambda: judge_digits(FirstRow(), images, good),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    for name, pair in [("real", (images, good)), ("fake", (good, images))]:
        with pytest.raises(ValueError, match=message.replace("images must", f"{name} must")):
            digit_frechet_distance(FirstRow(), *pair)


def test_other_arguments_that_do_not_fit():
    x = image_of(4, 5)
    with pytest.raises(ValueError, match=r"labels must have shape \(5,\), got \(4,\)"):
        label_accuracy(FirstRow(), x, np.arange(4))
    with pytest.raises(ValueError, match=r"labels must be in 0\.\.9, got values from 0 to 10"):
        judge_digits(FirstRow(), x, x, labels=np.array([0, 1, 2, 3, 10]))
    with pytest.raises(ValueError, match="labels must be whole numbers"):
        label_accuracy(FirstRow(), x, np.zeros(5))
    with pytest.raises(ValueError, match="k must be below the number of points"):
        judge_digits(FirstRow(), x[:3], x)
    with pytest.raises(ValueError, match=r"components must be a whole number in 1\.\.784"):
        class_gaussian_digits(x, np.zeros(5, int), np.random.default_rng(0), 3, components=800)
    with pytest.raises(ValueError, match="at least 2 images, got one of class 1"):
        class_gaussian_digits(x, np.array([0, 0, 0, 0, 1]), np.random.default_rng(0), 3)
    with pytest.raises(ValueError, match=r"images must have shape \(N, 28, 28, 1\), got \(2, 28, 28\)"):
        DigitClassifier(np.random.default_rng(0), 2, 3)(np.zeros((2, 28, 28), np.float32))
