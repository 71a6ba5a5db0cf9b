"""The contrastive loss by hand, by what leaves it unchanged, and at the ends of its scale."""

import math

import numpy as np
import pytest

from minigen.diffusion.text import ImageEncoder, TextEncoder, contrastive_gradient, contrastive_loss, mean_of_words
from minigen.tensor import grad


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def plainly(image, text, log_scale):
    """Pair by pair."""
    n = len(image)
    logits = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            cosine = image[i] @ text[j] / np.linalg.norm(image[i]) / np.linalg.norm(text[j])
            logits[i, j] = np.exp(log_scale) * cosine
    rows = [np.log(np.exp(logits[i]).sum()) - logits[i, i] for i in range(n)]
    columns = [np.log(np.exp(logits[:, i]).sum()) - logits[i, i] for i in range(n)]
    return (np.mean(rows) + np.mean(columns)) / 2


def test_by_hand():
    """Pictures along (1, 0) and (0, 1), captions along (0.6, 0.8) twice, exp(log_scale) = 10: logits 6, 6 and 8, 8.

    Each picture finds its caption with probability 1/2; the columns are softmax(6, 8), of which the pairs are 6 and 8.
    """
    image, text = np.array([[2.0, 0.0], [0.0, 5.0]]), np.array([[0.6, 0.8], [3.0, 4.0]])
    columns = (math.log(1 + math.exp(2)) + math.log(1 + math.exp(-2))) / 2
    assert contrastive_loss(image, text, math.log(10)) == pytest.approx((math.log(2) + columns) / 2)


@pytest.mark.parametrize("n, e", [(1, 3), (4, 2), (5, 8)])
def test_against_plain_loops(rng, n, e):
    image, text = rng.standard_normal((2, n, e))
    assert contrastive_loss(image, text, 1.3) == pytest.approx(plainly(image, text, 1.3))


def test_lengths_do_not_count_and_sides_are_alike(rng):
    image, text = rng.standard_normal((2, 6, 4))
    loss = contrastive_loss(image, text, 0.7)
    lengths = np.array([1e-30, 1e-3, 1, 2, 1e3, 1e30])[:, None]
    assert contrastive_loss(image * lengths, text * lengths[::-1], 0.7) == pytest.approx(loss)
    assert contrastive_loss(text, image, 0.7) == pytest.approx(loss)
    order = np.array([3, 1, 0, 5, 4, 2])
    assert contrastive_loss(image[order], text[order], 0.7) == pytest.approx(loss)
    assert contrastive_loss(image[order], text, 0.7) != pytest.approx(loss)


def test_ends_of_the_scale(rng):
    """A scale of almost 0 knows nothing, log N; a huge one is sure: 0 where the pairs are the nearest."""
    image = np.eye(5)
    assert contrastive_loss(image, rng.standard_normal((5, 5)), -40.0) == pytest.approx(math.log(5))
    assert contrastive_loss(image, image, 8.0) == pytest.approx(0, abs=1e-12)
    wrong = contrastive_loss(image, np.roll(image, 1, axis=0), 8.0)
    assert wrong == pytest.approx(math.exp(8))  # no overflow


def test_the_gradient_in_the_logits(rng):
    """That of the loss by autograd in the scale, and by small changes of each logit; also for logits of 1000."""
    image, text = np.eye(4), rng.standard_normal((4, 4))
    text /= np.linalg.norm(text, axis=1, keepdims=True)
    logits = 3.0 * image @ text.T
    in_scale = grad(lambda log_scale: contrastive_loss(image, text, log_scale))(np.log(3.0))
    assert np.sum(contrastive_gradient(logits) * logits) == pytest.approx(in_scale)
    by_change = np.zeros((4, 4))
    for i, j in np.ndindex(4, 4):
        low, high = (plain_loss(logits + step * np.outer(np.eye(4)[i], np.eye(4)[j])) for step in (-1e-5, 1e-5))
        by_change[i, j] = (high - low) / 2e-5
    np.testing.assert_allclose(contrastive_gradient(logits), by_change, atol=1e-9)
    sure = 1000 * (2 * np.eye(3, dtype=np.float32) - 1)
    np.testing.assert_allclose(contrastive_gradient(sure), 0, atol=1e-6)
    with pytest.raises(ValueError, match=r"logits must have shape \(N, N\), got \(2, 3\)"):
        contrastive_gradient(np.zeros((2, 3)))


def plain_loss(logits):
    """Half of both mean cross-entropies, in plain NumPy."""
    rows, columns = np.log(np.exp(logits).sum(1)), np.log(np.exp(logits).sum(0))
    return np.mean(rows + columns) / 2 - np.mean(np.diag(logits))


def test_derivatives(rng):
    """In all three, by finite differences; there is none along an embedding's own direction."""
    image, text, log_scale = rng.standard_normal((3, 4)), rng.standard_normal((3, 4)), np.array(0.4)
    d_image = grad(lambda a: contrastive_loss(a, text, log_scale))(image)
    d_text = grad(lambda a: contrastive_loss(image, a, log_scale))(text)
    d_scale = grad(lambda a: contrastive_loss(image, text, a))(log_scale)
    np.testing.assert_allclose((d_image * image).sum(axis=1), 0, atol=1e-12)
    u, v = rng.standard_normal((2, 3, 4))

    def along(h):
        return contrastive_loss(image + h * u, text + h * v, log_scale + h)

    slope = (d_image * u).sum() + (d_text * v).sum() + d_scale
    assert slope == pytest.approx((along(1e-5) - along(-1e-5)) / 2e-5, rel=1e-6)


def test_dtypes(rng):
    image, text = rng.standard_normal((2, 4, 3)).astype(np.float32)
    for log_scale in (1, 1.5, np.array(1.5), np.array(1.5, np.float32)):
        loss = contrastive_loss(image, text, log_scale)
        assert loss.dtype == np.float32 and loss.shape == ()
    slope = grad(lambda a: contrastive_loss(a, text, np.array(1.5)))(image)
    assert slope.dtype == np.float32
    assert contrastive_loss(image.astype(float), text.astype(float), 1.5).dtype == np.float64


PAIR = np.eye(2)


@pytest.mark.parametrize(
    "image, text, log_scale, message",
    [
        (PAIR, np.ones((3, 2)), 0.0, "text must have the shape of image"),
        (PAIR, np.ones((2, 3)), 0.0, "text must have the shape of image"),
        (np.ones(3), np.ones(3), 0.0, r"image must have shape \(N, E\), got \(3,\)"),
        (PAIR, np.array([[1.0, 0.0], [0.0, 0.0]]), 0.0, "text must have no row of zeros, .* row 1"),
        (PAIR * np.nan, PAIR, 0.0, "image must be finite"),
        (PAIR, PAIR, np.ones(2), r"log_scale must have shape \(\), got \(2,\)"),
        (PAIR, PAIR, np.inf, "log_scale must be finite"),
        (np.zeros((0, 2)), np.zeros((0, 2)), 0.0, "image must have shape"),
    ],
)
def test_errors(image, text, log_scale, message):
    with pytest.raises(ValueError, match=message):
        contrastive_loss(image, text, log_scale)


# ------------------------------------------------------------------------------------------- the encoders


def shaken(net, rng):
    for a in net.parameters().values():
        a += 0.3 * rng.standard_normal(a.shape).astype(np.float32)
    return net


def test_padding_does_not_count(rng):
    """A text has one embedding, however much padding follows it, and whatever the others of its batch are."""
    net = shaken(TextEncoder(rng, vocabulary=9, dim=5, width=8, heads=2, length=6), rng)
    tokens = np.array([[3, 1, 4, 0, 0, 0], [2, 7, 8, 5, 6, 1]])
    out = net(tokens)
    assert out.shape == (2, 5) and out.dtype == np.float32
    np.testing.assert_allclose(net(tokens[:1, :3]), out[:1], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(net(tokens[:1, :4]), out[:1], rtol=1e-5, atol=1e-6)


def test_every_word_and_its_place_count(rng):
    net = shaken(TextEncoder(rng, vocabulary=9, dim=5, width=8, heads=2, length=6), rng)
    tokens = np.array([[3, 1, 4, 0]])
    out = net(tokens)
    for other in ([[5, 1, 4, 0]], [[3, 5, 4, 0]], [[3, 1, 5, 0]], [[1, 3, 4, 0]], [[3, 1, 4, 4]]):
        assert np.abs(net(np.array(other)) - out).max() > 1e-3
    assert net.features(tokens).shape == (1, 4, 8)


def test_the_image_encoder(rng):
    net = shaken(ImageEncoder(rng, dim=5, width=4, hidden=8), rng)
    x = rng.standard_normal((3, 28, 28, 1)).astype(np.float32)
    out = net(x)
    assert out.shape == (3, 5) and out.dtype == np.float32
    np.testing.assert_allclose(net(x[1:2]), out[1:2], rtol=1e-4, atol=1e-5)
    for bad in (x[..., 0], x[:, :14]):
        with pytest.raises(ValueError, match="x must have shape"):
            net(bad)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([[1, 9]], "tokens must be in 0..8"),
        ([[1.5, 2]], "tokens"),
        ([1, 2], "tokens must have shape"),
        ([[1, 2], [0, 0]], "padding only"),
        ([[1, 2, 3, 4, 5]], "at most 4 columns, got 5"),
    ],
)
def test_bad_tokens(rng, tokens, message):
    net = TextEncoder(rng, vocabulary=9, dim=5, width=8, heads=2, length=4)
    with pytest.raises(ValueError, match=message):
        net(np.array(tokens))


def test_mean_of_words(rng):
    h = rng.standard_normal((2, 3, 4))
    tokens = np.array([[5, 0, 0], [1, 2, 0]])
    np.testing.assert_allclose(mean_of_words(h, tokens), [h[0, 0], (h[1, 0] + h[1, 1]) / 2])
    with pytest.raises(ValueError, match="padding only"):
        mean_of_words(h, 0 * tokens)
    with pytest.raises(ValueError, match="tokens must have shape"):
        mean_of_words(h, tokens[:, :2])
