"""MNIST: 70,000 handwritten digits of 28 x 28 pixels (LeCun, Cortes & Burges, 1998), in mnist.npz beside this file.

    from minigen.data import mnist
    train, validation, test = mnist.splits()                 # uint8 images (N, 28, 28), int64 labels (N,)
    x = mnist.unit(train.images)                             # [0, 1], float32 (50000, 28, 28, 1)
    x = mnist.symmetric(train.images, flat=True)             # [-1, 1], float32 (50000, 784)
    for x, y in mnist.batches(x, train.labels, size=100, rng=rng, epochs=10): ...

Every function that makes floats gives float32, shaped (N, 28, 28, 1), or (N, 784) with `flat=True`. The images stay
uint8 until then: 55 MB for all of them, against 220 MB as float32. The arrays are loaded once and shared, and cannot be
written to.

Likelihoods of images need care with units. A pixel is one of 256 integers. A continuous density is fitted to
v = pixel + u with u ~ U[0, 1), in **pixel space** [0, 256]; log-determinants here
are those of the map from pixel space, and bits per dimension are measured in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np

from minigen import checks
from minigen.data.batches import Batches, batches

__all__ = [
    "Batches",
    "MNIST",
    "Split",
    "Splits",
    "batches",
    "binarize",
    "binarize_static",
    "bits_per_pixel",
    "dequantize",
    "dequantize_logit",
    "from_logit",
    "load",
    "pack",
    "quantize",
    "splits",
    "symmetric",
    "to_logit",
    "unit",
]

SIDE, PIXELS, LEVELS, CLASSES = 28, 784, 256, 10
VALIDATION = 10_000  # the last of the 60,000 training digits
PIECE = 1000  # images that are made real numbers at a time


@dataclass(frozen=True)
class MNIST:
    """The data set as published, in read-only uint8: images (N, 28, 28), 0 paper to 255 ink; labels (N,), 0 to 9."""

    train_images: np.ndarray  # (60000, 28, 28)
    train_labels: np.ndarray  # (60000,)
    test_images: np.ndarray  # (10000, 28, 28)
    test_labels: np.ndarray  # (10000,)


class Split(NamedTuple):
    """Images (N, 28, 28) uint8 and labels (N,) int64."""

    images: np.ndarray
    labels: np.ndarray


class Splits(NamedTuple):
    """50,000 digits for training, 10,000 for validation, 10,000 for testing."""

    train: Split
    validation: Split
    test: Split


@lru_cache(maxsize=1)
def load() -> MNIST:
    """All 70,000 digits. Reads the file at the first call; later calls give the same read-only arrays."""
    with resources.files("minigen.data").joinpath("mnist.npz").open("rb") as file:
        arrays = dict(np.load(file, allow_pickle=False))
    for array in arrays.values():
        array.setflags(write=False)
    return MNIST(**arrays)


@lru_cache(maxsize=1)
def splits() -> Splits:
    """Return the fixed splits: train (50,000), validation (10,000, the last of the published training set), test
    (10,000).
    """
    data = load()
    train_labels = data.train_labels.astype(np.int64)
    test_labels = data.test_labels.astype(np.int64)
    train_labels.setflags(write=False)
    test_labels.setflags(write=False)
    return Splits(
        train=Split(data.train_images[:-VALIDATION], train_labels[:-VALIDATION]),
        validation=Split(data.train_images[-VALIDATION:], train_labels[-VALIDATION:]),
        test=Split(data.test_images, test_labels),
    )


# From pixels to floats.
def unit(images: np.ndarray, flat: bool = False) -> np.ndarray:
    """uint8 images as float32 in [0, 1]: pixel / 255, (N, 28, 28, 1), or (N, 784) if `flat`."""
    x = _check_pixels(images).astype(np.float32)
    x /= np.float32(255)  # in place: all the digits are 188 MB, and a second copy is as much again
    return _shaped(x, flat)


def symmetric(images: np.ndarray, flat: bool = False) -> np.ndarray:
    """uint8 images as float32 in [-1, 1]: pixel / 127.5 - 1, (N, 28, 28, 1), or (N, 784) if `flat`."""
    x = _check_pixels(images).astype(np.float32)
    x /= np.float32(127.5)
    x -= np.float32(1)
    return _shaped(x, flat)


def binarize_static(images: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """1 where a pixel is above `threshold` of full ink, else 0; the same bits every time.

    Args:
        images: floats in [0, 1], or uint8, of any shape.
        threshold: in [0, 1).

    Returns float32 in the shape of `images`.
    """
    threshold = checks.number("threshold", threshold, 0, 1, without=1)
    return (_check_intensities(images) > threshold).astype(np.float32)


def binarize(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each pixel 1 with probability equal to its intensity, else 0: fresh bits at every call.

    The protocol of Salakhutdinov & Murray (2008), by which likelihoods of binary MNIST are compared.

    Args:
        images: floats in [0, 1], or uint8, of any shape.
        rng: where the bits come from.

    Returns float32 in the shape of `images`.
    """
    x = _check_intensities(images)
    return (checks.rng(rng).random(x.shape, dtype=np.float32) < x).astype(np.float32)


# Pixels as real numbers, for flows.
def dequantize(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """uint8 images plus noise uniform on [0, 1): v in pixel space [0, 256), float32, in the shape of `images`."""
    images = _check_pixels(images)
    v = checks.rng(rng).random(images.shape, dtype=np.float32)
    below_next_level = np.nextafter(np.arange(1, LEVELS + 1, dtype=np.float32), np.float32(0))  # (256,)
    for some in _pieces(len(v)):
        v[some] += images[some]
        np.minimum(v[some], below_next_level[images[some]], out=v[some])  # float32 would round 254.999999 up to 255
    return v


def quantize(v: np.ndarray) -> np.ndarray:
    """Return the inverse of `dequantize`: pixel-space values rounded down to uint8, clipped to 0 ... 255."""
    return np.clip(np.floor(checks.floats("v", v, dtype=np.float64)), 0, LEVELS - 1).astype(np.uint8)


def to_logit(v: np.ndarray, alpha: float = 1e-6) -> tuple[np.ndarray, np.ndarray]:
    """y = logit(s) with s = alpha + (1 - 2 alpha) v / 256: pixel space to the whole real line, pixel by pixel.

    The derivative is dy/dv = (1 - 2 alpha) / (256 s (1 - s)); log_det is the sum of its logarithm over an image.

    Args:
        v: (N, ...) in [0, 256].
        alpha: distance of s from 0 and 1, in (0, 0.5): 1e-6 in MAF (Papamakarios et al., 2017), 0.05 in RealNVP
            (Dinh et al., 2017).

    Returns y, shaped as `v`, and log_det (N,), in nats; both float32 if `v` is, else float64.
    """
    alpha = _check_alpha(alpha)
    dtype = np.float32 if np.asarray(v).dtype == np.float32 else np.float64
    v = checks.between("v", checks.array("v", v, "N", "D", ..., empty=True, dtype=dtype), 0, LEVELS)
    step, dims = (1 - 2 * alpha) / LEVELS, int(np.prod(v.shape[1:]))
    y, per_image = np.empty_like(v), np.empty(len(v))
    for some in _pieces(len(v)):
        log_s = np.log(alpha + step * v[some])
        log_rest = np.log(alpha + step * (LEVELS - v[some]))  # log(1 - s), without the cancellation of s near 1
        y[some] = log_s - log_rest
        per_image[some] = (log_s + log_rest).reshape(len(log_s), dims).sum(axis=1, dtype=np.float64)  # (n,)
    log_det = float(np.log(step)) * dims - per_image  # (N,)
    return y, log_det.astype(v.dtype)


def from_logit(y: np.ndarray, alpha: float = 1e-6) -> np.ndarray:
    """Return the inverse of `to_logit`: values in pixel space, shaped as `y`; float32 if `y` is, else float64.

    Values of y beyond ±logit(1 - alpha) leave [0, 256] a little; `quantize` clips them.
    """
    alpha = _check_alpha(alpha)
    dtype = np.float32 if np.asarray(y).dtype == np.float32 else np.float64
    y = checks.floats("y", y, dtype=dtype)
    v = np.empty(np.shape(y), dtype)
    for some in _pieces(len(v)) if v.ndim else [...]:
        s = 0.5 * (1 + np.tanh(0.5 * y[some].astype(np.float64)))  # the sigmoid
        v[some] = LEVELS * (s - alpha) / (1 - 2 * alpha)
    return v


def dequantize_logit(
    images: np.ndarray, rng: np.random.Generator, alpha: float = 1e-6, flat: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """`dequantize`, then `to_logit`: what a flow over images is trained on.

    Args:
        images: uint8 (N, 28, 28).
        rng: where the noise comes from.
        alpha: as in `to_logit`.
        flat: y of shape (N, 784) rather than (N, 28, 28, 1).

    Returns y float32 and log_det float32 (N,), the log-determinant of v -> y with v in pixel space [0, 256]:
    log p(v) = log p(y) + log_det, which `bits_per_pixel` turns into bits per pixel. `from_logit` goes back to v (within
    1e-4) and `quantize` to pixels.
    """
    y, log_det = to_logit(dequantize(images, rng), alpha)
    return _shaped(y, flat), log_det


def bits_per_pixel(log_prob_y: np.ndarray, log_det: np.ndarray | float = 0.0, dims: int = PIXELS) -> np.ndarray:
    """-(log p(y) + log_det) / (dims log 2): bits per pixel in pixel space, shape (N,).

    Args:
        log_prob_y: (N,) nats, the model's log-density at y.
        log_det: (N,) nats, of the map from pixel space to y, as `to_logit` gives it.
        dims: pixels in an image.

    `minigen.metrics.bits_per_dim` takes the negative log-likelihood instead, of any data.
    Averaged over the noise this bounds from above what an ideal code with this model spends on the uint8 pixels
    (Theis et al., 2016); the uniform density has 8 bits.
    """
    dims = checks.whole("dims", dims)
    shape, other = np.shape(log_prob_y), np.shape(log_det)
    if len(shape) != 1 or other not in ((), shape):
        raise ValueError(f"log_prob_y and log_det must have shape (N,), got {shape} and {other}")
    return -(np.asarray(log_prob_y) + log_det) / (dims * float(np.log(2)))


def pack(folder: str | Path, path: str | Path) -> None:
    """Make mnist.npz from the four gzipped IDX files in `folder`, under their published names, to `path`.

    An IDX file is a header of 4 bytes and 4 more for each axis, then the bytes; the .npz keeps the bytes, deflated at
    the highest level (11.3 MB). LZMA would give 9.4 MB and load three times slower.
    """
    import gzip
    import io
    import zipfile

    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for prefix, name in [("train", "train"), ("t10k", "test")]:
            labels = gzip.decompress(Path(folder, f"{prefix}-labels-idx1-ubyte.gz").read_bytes())[8:]
            images = gzip.decompress(Path(folder, f"{prefix}-images-idx3-ubyte.gz").read_bytes())[16:]
            arrays = {
                f"{name}_images": np.frombuffer(images, np.uint8).reshape(-1, SIDE, SIDE),
                f"{name}_labels": np.frombuffer(labels, np.uint8),
            }
            for key, array in arrays.items():
                buffer = io.BytesIO()
                np.save(buffer, array, allow_pickle=False)
                entry = zipfile.ZipInfo(f"{key}.npy")  # dated 1980, so that the same digits give the same file
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, buffer.getvalue(), compresslevel=9)


def _pieces(n: int) -> list[slice]:
    """n examples in pieces: of all the digits an array of float32 is 188 MB, and each step of a formula makes one."""
    return [slice(start, start + PIECE) for start in range(0, n, PIECE)]


def _shaped(x: np.ndarray, flat: bool) -> np.ndarray:
    return x.reshape(len(x), PIXELS) if flat else x.reshape(len(x), SIDE, SIDE, 1)


def _check_pixels(images: np.ndarray) -> np.ndarray:
    images = np.asarray(images)
    if (
        images.dtype != np.uint8
        or images.ndim < 2
        or images.shape[1:] not in ((SIDE, SIDE), (SIDE, SIDE, 1), (PIXELS,))
    ):
        raise ValueError(f"images must be uint8 of shape (N, 28, 28), got {images.dtype} of shape {images.shape}")
    return images


def _check_intensities(images: np.ndarray) -> np.ndarray:
    images = np.asarray(images)
    if images.dtype == np.uint8:
        return images.astype(np.float32) / np.float32(255)
    if not np.issubdtype(images.dtype, np.floating):
        raise ValueError(f"images must be floats in [0, 1] or uint8, got {images.dtype}")
    return checks.between("images", images, 0, 1)


def _check_alpha(alpha: float) -> float:
    if not 0 < checks.number("alpha", alpha) < 0.5:
        raise ValueError(f"alpha must be a number in (0, 0.5), got {alpha!r}")
    return float(alpha)
