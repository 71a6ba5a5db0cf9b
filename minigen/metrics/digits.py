"""A small classifier of digits, and metrics of generated images that are computed from its outputs.

Distances between pixels are a poor measure for digits: shifting a 7 by two pixels moves it far. So images are compared
by the classifier's probabilities (which classes, how certain) and by its features, the last hidden layer, in which
similar digits are close.

    classifier = lesson.pretrained("digit_classifier")   # in a lesson: its weights come with minigen
    report = judge_digits(classifier, samples, mnist.unit(mnist.splits().test.images))
    report.frechet, report.recall, report.shares      # and more: see DigitReport

Images are float32 (N, 28, 28, 1) in [0, 1], ink 1. Large sets are evaluated in batches. Values are comparable only for
the same classifier and sets of the same size.
"""

from typing import NamedTuple

import autograd.numpy as anp
import numpy as np
from numpy.typing import ArrayLike

from minigen import checks
from minigen.metrics.samples import (
    frechet_distance,
    inception_score,
    mean_and_covariance,
    precision_recall,
)
from minigen.nn import Conv2d, Linear, Module, he_gain, space_to_depth
from minigen.tensor import batched, max_pool2d, relu, softmax
from minigen.types import Array

SIDE, CLASSES = 28, 10


class DigitClassifier(Module):
    """A convolutional classifier of digits: images (N, 28, 28, 1) in [0, 1] -> logits (N, 10).

        28x28x1 -space to depth-> 14x14x4 -5x5, pool-> 7x7x width -3x3-> 7x7x 2 width -> features (N, dim) -> 10

    Blocks of 2 x 2 pixels become four channels, so that a convolution costs a quarter. ValueError for another shape.
    """

    def __init__(self, rng: np.random.Generator, width: int = 24, dim: int = 64):
        width = checks.whole("width", width)
        dim = checks.whole("dim", dim)
        self.conv1 = Conv2d(rng, 4, width, 5, padding=2, scale=he_gain("relu"))
        self.conv2 = Conv2d(rng, width, 2 * width, 3, padding=1, scale=he_gain("relu"))
        self.hidden = Linear(rng, 7 * 7 * 2 * width, dim, "relu")
        self.hidden.w *= he_gain("relu")
        self.out = Linear(rng, dim, CLASSES)

    def features(self, x: Array) -> Array:
        """Return the last hidden layer, (N, dim), nonnegative: used by the Fréchet distance and by precision and
        recall.
        """
        n = np.shape(x)[0] if np.ndim(x) else 0
        if np.shape(x) != (n, SIDE, SIDE, 1):
            raise ValueError(f"images must have shape (N, 28, 28, 1), got {np.shape(x)}")
        h = self.conv1(space_to_depth(x))  # (N, 14, 14, width)
        h = max_pool2d(relu(h), 2)  # (N, 7, 7, width)
        h = relu(self.conv2(h))  # (N, 7, 7, 2 width)
        return self.hidden(anp.reshape(h, (n, -1)))  # (N, dim)

    def __call__(self, x: Array) -> Array:
        return self.out(self.features(x))  # (N, 10)


class DigitReport(NamedTuple):
    """The metrics of a set of images; see `judge_digits`."""

    frechet: float  # Fréchet distance of the features to the reference's, at least 0 (see `sampling_floor`)
    inception: float  # inception score, 1 to 10
    precision: float  # fraction of the images within the reference's support
    recall: float  # fraction of the reference within the images' support
    confidence: float  # mean of the largest probability, 0.1 to 1
    shares: np.ndarray  # (10,) fraction of the images that is classified as each digit
    found: int  # digits with a fraction of at least 1 %
    accuracy: float | None  # share classified as their labels, if labels are given


def judge_digits(
    classifier: DigitClassifier,
    images: ArrayLike,
    reference: ArrayLike,
    labels: ArrayLike | None = None,
    neighbors: int = 2000,
    k: int = 3,
) -> DigitReport:
    """Return the metrics of `DigitReport` for generated images (N, 28, 28, 1) against real ones (M, 28, 28, 1).

    labels: (N,) the classes that a conditional model was given. Precision and recall use at most `neighbors` images of
    either set, evenly spaced, since they cost O(N M); k as in `precision_recall`, whose recall needs distinct images.
    The other metrics use all images.
    ValueError: images not (N, 28, 28, 1), not in [0, 1], fewer than k + 1 of them; labels that do not fit.
    """
    fake = digit_features(classifier, images)  # (N, dim)
    real = digit_features(classifier, reference, "reference")  # (M, dim)
    p = softmax(classifier.out(fake))  # (N, 10)
    answer = p.argmax(axis=1)
    if labels is not None:
        labels = _labels(labels, len(p))
    shares = np.bincount(answer, minlength=CLASSES) / len(p)
    near = precision_recall(_subsample(real, neighbors), _subsample(fake, neighbors), k)
    return DigitReport(
        frechet=frechet_distance(*mean_and_covariance(real), *mean_and_covariance(fake)),
        inception=inception_score(p),
        precision=near.precision,
        recall=near.recall,
        confidence=float(p.max(axis=1).mean()),
        shares=shares,
        found=int((shares >= 0.01).sum()),
        accuracy=None if labels is None else float((answer == labels).mean()),
    )


def digit_features(classifier: DigitClassifier, images: ArrayLike, name: str = "images") -> np.ndarray:
    """`classifier.features` of many images, in batches: (N, 28, 28, 1) -> (N, dim) float32. ValueErrors as above."""
    images = _images(name, images)
    checks.instance_with("classifier", classifier, "features", "out")
    return batched(classifier.features, images)


def class_probabilities(classifier: DigitClassifier, images: ArrayLike) -> np.ndarray:
    """p(digit | image): (N, 28, 28, 1) -> (N, 10) float32, rows that sum to one. ValueErrors as above."""
    features = digit_features(classifier, images)  # (N, dim)
    return softmax(classifier.out(features))


def class_histogram(classifier: DigitClassifier, images: ArrayLike) -> np.ndarray:
    """Return the fraction of the images that is classified as 0, 1, ..., 9: (N, 28, 28, 1) -> (10,), summing to one.

    ValueErrors as above.
    """
    answer = class_probabilities(classifier, images).argmax(axis=1)
    return np.bincount(answer, minlength=CLASSES) / len(answer)


def label_accuracy(classifier: DigitClassifier, images: ArrayLike, labels: ArrayLike) -> float:
    """Fraction of the images (N, 28, 28, 1) that is classified as their labels (N,), integers 0 to 9. ValueErrors as
    above."""
    images = _images("images", images)
    labels = _labels(labels, len(images))
    return float((class_probabilities(classifier, images).argmax(axis=1) == labels).mean())


def digit_frechet_distance(classifier: DigitClassifier, real: ArrayLike, fake: ArrayLike) -> float:
    """`frechet_distance` between Gaussians fitted to the features of real (N, 28, 28, 1) and fake (M, 28, 28, 1)
    images.

    It decreases with the number of images: compare sets of one size, beside the value for real images.
    ValueErrors as above, and for fewer than 2 images.
    """
    sets = [digit_features(classifier, images, name) for name, images in [("real", real), ("fake", fake)]]
    return frechet_distance(*mean_and_covariance(sets[0]), *mean_and_covariance(sets[1]))


def class_gaussian_digits(
    images: ArrayLike, labels: ArrayLike, rng: np.random.Generator, n: int, components: int = 40
) -> tuple[np.ndarray, np.ndarray]:
    """Return a baseline for trained models: a Gaussian for each class in the space of the first principal components.

    images (N, 28, 28, 1) with labels (N,) to fit it to. Draws n labels with the frequencies of `labels`, and an image
    for each, clipped to [0, 1]. Returns images (n, 28, 28, 1) float32 and labels (n,) int64.
    ValueError: images or labels that do not fit, components not in 1..784, a class with fewer than 2 images.
    """
    pixels = _images("images", images).reshape(-1, SIDE * SIDE).astype(np.float64)  # (N, 784)
    labels = _labels(labels, len(pixels))
    n = checks.whole("n", n)
    components = checks.whole("components", components, most=SIDE * SIDE)
    counts = np.bincount(labels, minlength=CLASSES)
    if (counts == 1).any():
        raise ValueError(f"each class needs at least 2 images, got one of class {counts.tolist().index(1)}")
    drawn = checks.rng(rng).choice(CLASSES, n, p=counts / counts.sum())
    mean = pixels.mean(axis=0)
    pixels -= mean  # in place: in float64 all the digits are 376 MB
    covariance = pixels.T @ pixels / (len(pixels) - 1)
    axes = np.linalg.eigh(covariance)[1][:, -components:]  # (784, components), those of the largest variance
    codes = pixels @ axes  # (N, components)
    out = np.empty((n, SIDE * SIDE))
    for digit in np.unique(drawn):
        rows = drawn == digit
        center, spread = mean_and_covariance(codes[labels == digit])
        out[rows] = rng.multivariate_normal(center, spread, int(rows.sum()), method="eigh") @ axes.T + mean
    return out.clip(0, 1).astype(np.float32).reshape(n, SIDE, SIDE, 1), drawn


def _images(name: str, images: ArrayLike) -> np.ndarray:
    images = np.asarray(images)
    if images.dtype.kind != "f":
        raise ValueError(f"{name} must be floats in [0, 1] (see minigen.data.mnist.unit), got {images.dtype}")
    images = checks.array(name, images, "N", SIDE, SIDE, 1)
    low, high = images.min(), images.max()
    if low < -1e-6 or high > 1 + 1e-6:  # a little rounding is allowed
        raise ValueError(f"{name} must be in [0, 1], got values from {low:.4g} to {high:.4g}")
    return images.astype(np.float32, copy=False)


def _labels(labels: ArrayLike, n: int) -> np.ndarray:
    return checks.integers("labels", labels, n, most=CLASSES - 1)


def _subsample(x: np.ndarray, most: int) -> np.ndarray:
    """At most `most` rows of x, evenly spaced."""
    return x[:: -(-len(x) // checks.whole("neighbors", most))]
