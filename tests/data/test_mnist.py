"""MNIST against its published checksums; changes of scale against hand-worked pixels, derivatives, the literature."""

import gzip
import hashlib
import struct

import numpy as np
import pytest

from minigen.data import mnist
from minigen.metrics import bits_per_dim

CHECKSUMS = {  # MD5 of the IDX files that every loader publishes
    "train_images": "6bbc9ace898e44ae57da46a324031adb",
    "train_labels": "a25bea736e30d166cdddb491f175f624",
    "test_images": "2646ac647ad5339dbf082846283269ea",
    "test_labels": "27ae3e4e09519cfbb04c329615203637",
}


def idx_bytes(array):
    """The IDX file of a uint8 array: two zeros, type 8, the number of axes, each length big-endian, the bytes."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture(scope="module")
def held_out():
    return mnist.splits().test.images


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("name", CHECKSUMS)
def test_contents_are_the_published_files(name):
    array = getattr(mnist.load(), name)
    assert array.dtype == np.uint8
    assert hashlib.md5(idx_bytes(array)).hexdigest() == CHECKSUMS[name]


def test_arrays_are_loaded_once_and_cannot_be_changed():
    data = mnist.load()
    assert mnist.load() is data
    arrays = [getattr(data, name) for name in CHECKSUMS] + [array for split in mnist.splits() for array in split]
    for array in arrays:
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_splits_cut_the_published_sets_in_order():
    data, (train, validation, test) = mnist.load(), mnist.splits()
    assert [split.images.shape for split in (train, validation, test)] == [
        (n, 28, 28) for n in (50_000, 10_000, 10_000)
    ]
    assert np.array_equal(np.concatenate([train.images, validation.images]), data.train_images)
    assert np.array_equal(np.concatenate([train.labels, validation.labels]), data.train_labels)
    assert np.array_equal(test.images, data.test_images) and np.array_equal(test.labels, data.test_labels)
    assert all(split.labels.dtype == np.int64 for split in (train, validation, test))
    assert all(np.array_equal(np.unique(split.labels), np.arange(10)) for split in (train, validation, test))


def test_no_digit_is_in_two_splits():
    train, validation, test = [{image.tobytes() for image in split.images} for split in mnist.splits()]
    assert not train & validation and not train & test and not validation & test


def test_unit_and_symmetric_by_hand():
    images = np.zeros((2, 28, 28), np.uint8)
    images[0, 0, :3] = [0, 51, 255]
    np.testing.assert_allclose(mnist.unit(images)[0, 0, :3, 0], [0, 0.2, 1], rtol=1e-6)
    np.testing.assert_allclose(mnist.symmetric(images)[0, 0, :3, 0], [-1, -0.6, 1], rtol=1e-6)
    for scale in (mnist.unit, mnist.symmetric):
        assert scale(images).shape == (2, 28, 28, 1) and scale(images).dtype == np.float32
        assert scale(images, flat=True).shape == (2, 784)
        assert np.array_equal(scale(images, flat=True).ravel(), scale(images).ravel())
        assert np.array_equal(scale(images.reshape(2, 784)), scale(images))
        assert scale(np.full((1, 28, 28), 255, np.uint8)).max() == 1  # exactly


def test_static_binarization():
    x = np.array([[0.0, 0.49, 0.5, 0.51, 1.0]])
    assert mnist.binarize_static(x).tolist() == [[0, 0, 0, 1, 1]]
    assert mnist.binarize_static(x, threshold=0.2).tolist() == [[0, 1, 1, 1, 1]]
    pixels = np.array([127, 128], np.uint8)
    assert mnist.binarize_static(pixels).tolist() == [0, 1]
    assert mnist.binarize_static(pixels).dtype == np.float32


def test_stochastic_binarization_has_the_intensities_as_means(rng, held_out):
    x = mnist.unit(held_out[:50])
    draws = np.zeros(x.shape)
    n = 400
    for _ in range(n):
        bits = mnist.binarize(x, rng)
        draws += bits
    assert bits.dtype == np.float32 and set(np.unique(bits)) == {0.0, 1.0} and bits.shape == x.shape
    p = x.astype(np.float64)
    assert np.all(draws[p == 0] == 0) and np.all(draws[p == 1] == n)
    grey = (p > 0.05) & (p < 0.95)
    z = (draws - n * p)[grey] / np.sqrt(n * p * (1 - p))[grey]  # one standard normal for each grey pixel
    assert abs(z.mean()) < 5 / np.sqrt(z.size) and abs((z**2).mean() - 1) < 5 * np.sqrt(2 / z.size)
    assert not np.array_equal(mnist.binarize(x, rng), bits)
    same = [mnist.binarize(x, np.random.default_rng(1)) for _ in range(2)]
    assert np.array_equal(*same)


def test_dequantization_adds_uniform_noise_below_one(rng, held_out):
    v = mnist.dequantize(held_out, rng)
    assert v.dtype == np.float32 and v.shape == held_out.shape
    assert np.array_equal(mnist.quantize(v), held_out)
    noise = v.astype(np.float64) - held_out
    assert noise.min() >= 0 and noise.max() < 1
    counts = np.histogram(noise, bins=32, range=(0, 1))[0]
    expected = noise.size / 32
    assert (np.sum((counts - expected) ** 2 / expected) - 31) / np.sqrt(62) < 5


@pytest.mark.parametrize("alpha", [1e-6, 0.05])
def test_logit_and_its_log_det_against_differences(rng, alpha):
    v = rng.uniform(0.01, 255.99, (5, 28, 28))
    y, log_det = mnist.to_logit(v, alpha)
    s = alpha + (1 - 2 * alpha) * v / 256
    np.testing.assert_allclose(y, np.log(s / (1 - s)), rtol=1e-9, atol=1e-12)
    step = 1e-4
    slope = (mnist.to_logit(v + step, alpha)[0] - mnist.to_logit(v - step, alpha)[0]) / (2 * step)
    np.testing.assert_allclose(log_det, np.log(slope).sum(axis=(1, 2)), rtol=1e-6)
    np.testing.assert_allclose(mnist.from_logit(y, alpha), v, atol=1e-7)
    assert y.dtype == log_det.dtype == mnist.from_logit(y, alpha).dtype == np.float64


def test_log_det_by_hand():
    """In the middle of the range s = 1/2, so dy/dv = (1 - 2 alpha) / 64 for every alpha, and y = 0."""
    y, log_det = mnist.to_logit(np.full((2, 3), 128.0), alpha=0.05)
    np.testing.assert_allclose(y, 0, atol=1e-12)
    np.testing.assert_allclose(log_det, 3 * np.log(0.9 / 64))
    assert mnist.to_logit(np.zeros((0, 784)))[1].shape == (0,)


def test_dequantize_logit_is_both_steps_in_float32(held_out):
    images = held_out[:200]
    y, log_det = mnist.dequantize_logit(images, np.random.default_rng(3), alpha=1e-6)
    assert y.shape == (200, 28, 28, 1) and y.dtype == np.float32
    assert log_det.shape == (200,) and log_det.dtype == np.float32
    v = mnist.dequantize(images, np.random.default_rng(3)).astype(np.float64)
    exact_y, exact_log_det = mnist.to_logit(v)
    np.testing.assert_allclose(y[..., 0], exact_y, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(log_det, exact_log_det, rtol=1e-5)
    np.testing.assert_allclose(mnist.from_logit(y)[..., 0], v, atol=1e-4)
    flat, _ = mnist.dequantize_logit(images, np.random.default_rng(3), flat=True)
    assert np.array_equal(flat, y.reshape(200, 784))


def test_a_uniform_model_has_eight_bits(rng, held_out):
    """p(v) = 256^-784 seen through y: whatever alpha, and whatever the images, 8 bits per pixel."""
    for alpha in (1e-6, 0.05):
        _, log_det = mnist.dequantize_logit(held_out[:20], rng, alpha)
        log_prob_y = -784 * np.log(256) - log_det.astype(np.float64)
        np.testing.assert_allclose(mnist.bits_per_pixel(log_prob_y, log_det), 8, rtol=1e-6)
    assert mnist.bits_per_pixel(np.array([-3 * np.log(2)]), dims=3)[0] == pytest.approx(1)
    # of log p, where metrics' bits_per_dim is of −log p
    assert mnist.bits_per_pixel(np.array([-100.0]))[0] == pytest.approx(bits_per_dim(100.0, 784))


@pytest.mark.slow
def test_one_gaussian_has_the_bits_per_pixel_of_the_literature(rng):
    """Papamakarios et al. (2017): a Gaussian fitted to logit MNIST reaches -1366.9 ± 1.4 nats, 2.01 bits."""
    train, _, test = mnist.splits()
    y, _ = mnist.dequantize_logit(train.images, rng, flat=True)
    mean = y.mean(axis=0)
    y -= mean
    covariance = (y.T @ y).astype(np.float64) / len(y)
    root = np.linalg.cholesky(covariance)
    y, log_det = mnist.dequantize_logit(test.images, rng, flat=True)
    white = np.linalg.solve(root, (y - mean).T.astype(np.float64))
    log_prob = -0.5 * np.sum(white**2, axis=0) - np.log(np.diag(root)).sum() - 392 * np.log(2 * np.pi)
    assert log_prob.mean() == pytest.approx(-1366.9, abs=3)
    assert mnist.bits_per_pixel(log_prob, log_det).mean() == pytest.approx(2.013, abs=0.005)


def test_pack_reads_idx_files(tmp_path, rng):
    arrays = {
        "train": (rng.integers(0, 256, (7, 28, 28), np.uint8), np.arange(7, dtype=np.uint8)),
        "t10k": (rng.integers(0, 256, (3, 28, 28), np.uint8), np.arange(3, dtype=np.uint8)),
    }
    for prefix, (images, labels) in arrays.items():
        (tmp_path / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(images)))
        (tmp_path / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx_bytes(labels)))
    mnist.pack(tmp_path, tmp_path / "digits.npz")
    with np.load(tmp_path / "digits.npz") as packed:
        assert sorted(packed) == ["test_images", "test_labels", "train_images", "train_labels"]
        assert np.array_equal(packed["train_images"], arrays["train"][0])
        assert np.array_equal(packed["test_labels"], arrays["t10k"][1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: mnist.unit(np.zeros((2, 28, 28))),
            r"images must be uint8 of shape \(N, 28, 28\), got float64 of shape \(2, 28, 28\)",
        ),
        (
            lambda: mnist.symmetric(np.zeros((28, 28), np.uint8)),
            r"images must be uint8 .* got uint8 of shape \(28, 28\)",
        ),
        (
            lambda: mnist.binarize(np.array([1.5]), np.random.default_rng(0)),
            r"images must be in \[0, 1\], got values from 1.5 to 1.5",
        ),
        (
            lambda: mnist.binarize(np.array([1, 0]), np.random.default_rng(0)),
            r"images must be floats in \[0, 1\] or uint8, got int64",
        ),
        (lambda: mnist.binarize_static(np.array([0.5]), 1.0), r"threshold must be a number in \[0, 1\), got 1.0"),
        (lambda: mnist.to_logit(np.zeros((1, 4)), alpha=0.0), r"alpha must be a number in \(0, 0.5\), got 0.0"),
        (lambda: mnist.to_logit(np.full((1, 4), 257.0)), r"v must be in \[0, 256\], got values from 257 to 257"),
        (lambda: mnist.to_logit(np.full(4, 25.0)), r"v must have shape \(N, D, ...\), got \(4,\)"),
        (
            lambda: mnist.bits_per_pixel(np.zeros((3, 1))),
            r"log_prob_y and log_det must have shape \(N,\), got \(3, 1\) and \(\)",
        ),
        (lambda: mnist.bits_per_pixel(np.zeros(3), np.zeros(2)), r"must have shape \(N,\), got \(3,\) and \(2,\)"),
    ],
)
def test_errors_name_the_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call()
