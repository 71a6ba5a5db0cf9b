"""The project's instrument for digits: a small classifier, and what its eyes say about generated images.

Distances between pixels say little about digits: shift a 7 by two pixels and it is far from itself. So judge images by
what a network trained to read them makes of them: its answers (which classes are there, how sure is it), and its
features, the last layer before the answer, in which two digits that look alike are close.

    classifier = digit_classifier(lesson)             # minigen.course.lesson.pretrained: trained once, then cached
    report = judge_digits(classifier, samples, mnist.unit(mnist.splits().test.images))
    report.frechet, report.recall, report.shares      # and more: see DigitReport

Images are float32 (N, 28, 28, 1) in [0, 1], ink 1. Large sets go through the network in pieces. A number from one
instrument can only be compared with numbers from the same instrument, on sets of the same size.
"""

from typing import NamedTuple

import autograd.numpy as np
import numpy

from minigen.metrics import _checks
from minigen.metrics.samples import (
    PrecisionRecall,
    frechet_distance,
    inception_score,
    mean_and_covariance,
    precision_recall,
)
from minigen.nn import Conv2d, Linear, Module
from minigen.tensor import max_pool2d, relu, softmax

SIDE, CLASSES = 28, 10
PIECE = 500  # images that go through the network at one time
HE = 6**0.5  # layers come with weights of variance 1/(3 n_in); behind a ReLU 2/n_in keeps the signal's size


class DigitClassifier(Module):
    """Which digit? Images (N, 28, 28, 1) in [0, 1] -> logits (N, 10).

        28 x 28 x 1 -fold-> 14 x 14 x 4 -5x5, pool-> 7 x 7 x width -3x3-> 7 x 7 x 2 width -> features (N, dim) -> 10

    Folding turns blocks of 2 x 2 pixels into four channels: nothing is lost, and a convolution costs a quarter.
    Raises ValueError for images of another shape.
    """

    def __init__(self, rng: numpy.random.Generator, width: int = 24, dim: int = 64):
        width, dim = _checks.count("width", width), _checks.count("dim", dim)
        self.conv1 = Conv2d(rng, 4, width, 5, padding=2, scale=HE)
        self.conv2 = Conv2d(rng, width, 2 * width, 3, padding=1, scale=HE)
        self.hidden = Linear(rng, 7 * 7 * 2 * width, dim, "relu")
        self.hidden.w *= numpy.float32(HE)
        self.out = Linear(rng, dim, CLASSES)

    def features(self, x):
        """The last hidden layer, (N, dim), not negative: what the Fréchet distance and precision and recall look at."""
        n = np.shape(x)[0] if np.ndim(x) else 0
        if np.shape(x) != (n, SIDE, SIDE, 1):
            raise ValueError(f"images must have shape (N, 28, 28, 1), got {np.shape(x)}")
        x = np.reshape(x, (n, 14, 2, 14, 2))
        x = np.reshape(np.transpose(x, (0, 1, 3, 2, 4)), (n, 14, 14, 4))  # (N, 14, 14, 4)
        h = max_pool2d(relu(self.conv1(x)), 2)  # (N, 7, 7, width)
        h = relu(self.conv2(h))  # (N, 7, 7, 2 width)
        return self.hidden(np.reshape(h, (n, -1)))  # (N, dim)

    def __call__(self, x):
        return self.out(self.features(x))  # (N, 10)


class DigitReport(NamedTuple):
    """What the instrument says about a set of images."""

    frechet: float  # Fréchet distance of the features to the reference's; 0 at best, but see its floor
    inception: float  # inception score, 1 to 10
    precision: float  # share of the images that lie among the reference's features
    recall: float  # share of the reference that lies among the images' features
    confidence: float  # mean of the largest probability, 0.1 to 1
    shares: numpy.ndarray  # (10,) share of the images that is read as each digit
    found: int  # digits with a share of at least 1 %
    accuracy: float | None  # share read as their labels say, if there are labels


def judge_digits(
    classifier: DigitClassifier, images, reference, labels=None, neighbors: int = 2000, k: int = 3
) -> DigitReport:
    """All there is to say about generated images (N, 28, 28, 1), against real ones (M, 28, 28, 1); see `DigitReport`.

    labels: (N,) the digits that a conditional model was asked for. Precision and recall compare at most `neighbors` of
    either set, evenly spaced, for they cost O(N M); k as in `precision_recall`. Everything else looks at all images.
    ValueError: images not (N, 28, 28, 1), not in [0, 1], fewer than k + 1 of them; labels that do not fit.
    """
    fake = digit_features(classifier, images)  # (N, dim)
    real = digit_features(classifier, reference, "reference")  # (M, dim)
    p = softmax(classifier.out(fake))  # (N, 10)
    answer = p.argmax(axis=1)
    if labels is not None:
        labels = _labels(labels, len(p))
    shares = numpy.bincount(answer, minlength=CLASSES) / len(p)
    near = precision_recall(_evenly(real, neighbors), _evenly(fake, neighbors), k)
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


def digit_features(classifier: DigitClassifier, images, name: str = "images") -> numpy.ndarray:
    """`classifier.features` of many images, a piece at a time: (N, 28, 28, 1) -> (N, dim) float32. ValueErrors as
    above."""
    images = _images(name, images)
    return numpy.concatenate([classifier.features(images[i : i + PIECE]) for i in range(0, len(images), PIECE)])


def class_probabilities(classifier: DigitClassifier, images) -> numpy.ndarray:
    """p(digit | image): (N, 28, 28, 1) -> (N, 10) float32, rows that sum to one. ValueErrors as above."""
    return softmax(classifier.out(digit_features(classifier, images)))


def class_histogram(classifier: DigitClassifier, images) -> numpy.ndarray:
    """Share of the images that is read as 0, 1, ..., 9: (N, 28, 28, 1) -> (10,), summing to one. ValueErrors as
    above."""
    answer = class_probabilities(classifier, images).argmax(axis=1)
    return numpy.bincount(answer, minlength=CLASSES) / len(answer)


def label_accuracy(classifier: DigitClassifier, images, labels) -> float:
    """Share of the images (N, 28, 28, 1) that is read as their labels (N,), integers 0 to 9, say. ValueErrors as
    above."""
    labels = _labels(labels, len(images))
    return float((class_probabilities(classifier, images).argmax(axis=1) == labels).mean())


def digit_inception_score(classifier: DigitClassifier, images) -> float:
    """`inception_score` of the classifier's probabilities, 1 to 10. ValueErrors as above."""
    return inception_score(class_probabilities(classifier, images))


def digit_frechet_distance(classifier: DigitClassifier, real, fake) -> float:
    """`frechet_distance` between Gaussians fitted to the features of real (N, 28, 28, 1) and fake (M, 28, 28, 1)
    images.

    It falls with the number of images: compare sets of one size, and with the floor that real images set.
    ValueErrors as above, and for fewer than 2 images.
    """
    sets = [digit_features(classifier, images, name) for name, images in [("real", real), ("fake", fake)]]
    return frechet_distance(*mean_and_covariance(sets[0]), *mean_and_covariance(sets[1]))


def digit_precision_recall(classifier: DigitClassifier, real, fake, k: int = 3) -> PrecisionRecall:
    """`precision_recall` of the features of real (N, 28, 28, 1) and fake (M, 28, 28, 1) images. Cost O((N + M)²)."""
    return precision_recall(digit_features(classifier, real, "real"), digit_features(classifier, fake, "fake"), k)


def class_gaussian_digits(
    images, labels, rng: numpy.random.Generator, n: int, components: int = 40
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """What a trained model must beat: a Gaussian for each class in the plane of the first principal components.

    images (N, 28, 28, 1) with labels (N,) to fit it to. Draws n labels with the frequencies of `labels`, and an image
    for each, cut to [0, 1]. Returns images (n, 28, 28, 1) float32 and labels (n,) int64.
    ValueError: images or labels that do not fit, components not in 1..784, a class with fewer than 2 images.
    """
    pixels = _images("images", images).reshape(len(images), -1).astype(numpy.float64)  # (N, 784)
    labels, n = _labels(labels, len(pixels)), _checks.count("n", n)
    if _checks.count("components", components) > SIDE * SIDE:
        raise ValueError(f"components must be at most 784, got {components}")
    counts = numpy.bincount(labels, minlength=CLASSES)
    if (counts == 1).any():
        raise ValueError(f"each class needs at least 2 images, got one of class {counts.tolist().index(1)}")
    drawn = _checks.generator(rng).choice(CLASSES, n, p=counts / counts.sum())
    mean, covariance = mean_and_covariance(pixels)
    axes = numpy.linalg.eigh(covariance)[1][:, -components:]  # (784, components), those of the largest variance
    codes, out = (pixels - mean) @ axes, numpy.empty((n, SIDE * SIDE))
    for digit in numpy.unique(drawn):
        rows = drawn == digit
        center, spread = mean_and_covariance(codes[labels == digit])
        out[rows] = rng.multivariate_normal(center, spread, int(rows.sum()), method="eigh") @ axes.T + mean
    return out.clip(0, 1).astype(numpy.float32).reshape(n, SIDE, SIDE, 1), drawn


def _images(name, images):
    images = numpy.asarray(images)
    if images.ndim != 4 or images.shape[1:] != (SIDE, SIDE, 1) or len(images) == 0:
        raise ValueError(f"{name} must have shape (N, 28, 28, 1) with N > 0, got {images.shape}")
    if images.dtype.kind != "f":
        raise ValueError(f"{name} must be floats in [0, 1] (see minigen.data.mnist.unit), got {images.dtype}")
    low, high = images.min(), images.max()
    if not (low >= -1e-6 and high <= 1 + 1e-6):  # false for NaN
        raise ValueError(f"{name} must lie in [0, 1], got values from {low:.4g} to {high:.4g}")
    return images.astype(numpy.float32, copy=False)


def _labels(labels, n):
    labels = numpy.asarray(labels)
    if labels.shape != (n,) or labels.dtype.kind not in "iu":
        raise ValueError(f"labels must be integers of shape ({n},), got {labels.dtype} of shape {labels.shape}")
    if n and not 0 <= labels.min() <= labels.max() < CLASSES:
        raise ValueError(f"labels must be in 0 ... 9, got {labels.min()} ... {labels.max()}")
    return labels


def _evenly(x, most):
    return x[:: -(-len(x) // _checks.count("neighbors", most))]
