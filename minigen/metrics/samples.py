"""Sample quality: modes covered, distances between samples, scores from the outputs of a classifier.

Every number here is an estimate from finite samples: two fresh samples of the truth do not get a perfect value either.
`sampling_floor` computes theirs; report a metric beside its floor.

Points are rows: (N, D). For images, D counts the features of a classifier rather than pixels.
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from minigen import checks
from minigen.types import Array

BLOCK = 1000  # rows of a distance matrix computed at a time


class ModeCoverage(NamedTuple):
    """How many modes were found, and the fraction of samples near one (0 to 1)."""

    covered: int
    high_quality: float


class PrecisionRecall(NamedTuple):
    """The fraction of fakes among the reals, and of reals among the fakes (0 to 1)."""

    precision: float
    recall: float


class TwoSampleTest(NamedTuple):
    """Held-out accuracy of telling two samples apart, its standard error, and the p-value of it being chance."""

    accuracy: float
    standard_error: float
    p_value: float


class Estimate(NamedTuple):
    """A mean over repetitions and its standard error."""

    mean: float
    standard_error: float


def sampling_floor(
    metric: Callable[[np.ndarray, np.ndarray], float],
    sample: Callable[[np.random.Generator, int], np.ndarray],
    n: int,
    rng: np.random.Generator,
    repeats: int = 10,
) -> Estimate:
    """Return the expected value of `metric` between two fresh samples of the truth: a perfect model scores no better.

    metric(x, y): a number from two samples. sample(rng, n): n points of the truth, as `density.sample`. Use the n that
    the model is judged with. Returns `(mean, standard_error)` over `repeats` independent pairs; the mean is the floor.

        sampling_floor(lambda x, y: sliced_wasserstein(x, y, 200, rng), density.sample, 5000, rng)

    ValueError: n < 1, repeats < 2, a metric that does not return one finite number.
    """
    n = checks.whole("n", n)
    repeats = checks.whole("repeats", repeats, least=2)
    checks.rng(rng)
    checks.function("metric", metric)
    checks.function("sample", sample)
    values = [checks.array("metric(x, y)", metric(sample(rng, n), sample(rng, n))) for _ in range(repeats)]
    return Estimate(float(np.mean(values)), float(np.std(values, ddof=1) / math.sqrt(repeats)))


def mode_coverage(samples: ArrayLike, modes: ArrayLike, std: float, k: float = 3, min_count: int = 1) -> ModeCoverage:
    """Return the number of modes of a mixture that the samples cover, and the fraction of samples near a mode.

    samples: (N, D); modes: (K, D), the centers; std: the standard deviation of a mode along one axis. A sample is of
    high quality if its Euclidean distance to the nearest mode is at most k std. A mode is covered if at least
    `min_count` high-quality samples have it as their nearest. Returns `(covered, high_quality)`: a count from 0 to K,
    a fraction from 0 to 1. The truth itself scores 1 - exp(-k^2/2) = 0.989 in 2-D with k = 3.
    ValueError: fewer samples than modes, column counts that differ, non-finite samples, std or k not positive.
    Srivastava et al., "VEEGAN", 2017; Lin et al., "PacGAN", 2018.
    """
    samples = checks.array("samples", samples, "N", "D", dtype=np.float64)
    modes = checks.array("modes", modes, "K", samples.shape[1], dtype=np.float64)
    if len(samples) < len(modes):
        raise ValueError(
            f"samples must be at least as many as modes, got {len(samples)} samples for {len(modes)} modes"
        )
    reach = checks.positive("k", k) * checks.positive("std", std)
    min_count = checks.whole("min_count", min_count)
    nearest = np.empty(len(samples), int)
    distance = np.empty(len(samples))
    for rows, d in _distances(samples, modes):  # d: (rows, K)
        nearest[rows], distance[rows] = d.argmin(axis=1), d.min(axis=1)
    good = distance <= reach
    counts = np.bincount(nearest[good], minlength=len(modes))  # (K,)
    return ModeCoverage(int((counts >= min_count).sum()), float(good.mean()))


def mmd(x: ArrayLike, y: ArrayLike, bandwidth: float | None = None, unbiased: bool = False) -> float:
    """Squared maximum mean discrepancy with a Gaussian kernel k(a, b) = exp(-|a - b|^2 / (2 bandwidth^2)).

    x: (N, D), y: (M, D). MMD^2 = mean k(x, x') + mean k(y, y') - 2 mean k(x, y), a number without units in [0, 2].
    The default takes the means over all pairs, a point with itself included: the squared distance of the two samples,
    never negative, 0 only if they are the same; biased upward by up to 1/N + 1/M as an estimate for the
    distributions. `unbiased=True` leaves out the pairs of a point with itself: unbiased, sometimes
    negative. bandwidth: by default the median distance between points of x and y together (of at most 1,000 of each,
    evenly spaced); to compare models use one value for all.
    Cost: O((N + M)^2 D) time, in blocks. ValueError: column counts that differ, non-finite, bandwidth not positive,
    fewer than 2 points a side if unbiased. Gretton et al., "A kernel two-sample test", 2012.
    """
    x = checks.array("x", x, "N", "D", dtype=np.float64)
    y = checks.array("y", y, "M", x.shape[1], dtype=np.float64)
    if unbiased and min(len(x), len(y)) < 2:
        raise ValueError(f"x and y must have at least 2 points each for the unbiased MMD, got {len(x)} and {len(y)}")
    h = _median_distance(x, y) if bandwidth is None else checks.positive("bandwidth", bandwidth)

    def mean_kernel(a: Array, b: Array, itself: bool) -> Array:
        total = sum(np.exp(-0.5 * (d / h) ** 2).sum() for _, d in _distances(a, b))
        if itself and unbiased:  # k(a, a) = 1 for each
            return (total - len(a)) / (len(a) * (len(a) - 1))
        return total / (len(a) * len(b))

    value = mean_kernel(x, x, True) + mean_kernel(y, y, True) - 2 * mean_kernel(x, y, False)
    return float(value if unbiased else max(value, 0.0))


def mean_and_covariance(x: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return the two moments that `frechet_distance` compares: mean (D,) and unbiased covariance (D, D) of points (N,
    D).

    ValueError: fewer than 2 points, another rank, non-finite.
    """
    points = checks.array("x", x, "N", "D")
    if len(points) < 2:
        raise ValueError(f"x must have at least 2 points, got {len(points)}")
    mean = points.mean(axis=0, dtype=np.float64)
    covariance = np.zeros((len(mean), len(mean)))
    for start in range(0, len(points), 4096):  # some at a time: all digits in float64 would be 376 MB
        centered = points[start : start + 4096] - mean
        covariance += centered.T @ centered
    return mean, covariance / (len(points) - 1)


def frechet_distance(mu1: ArrayLike, cov1: ArrayLike, mu2: ArrayLike, cov2: ArrayLike) -> float:
    """Squared Fréchet distance of two Gaussians: |mu1 - mu2|^2 + tr(cov1 + cov2 - 2 (cov1 cov2)^(1/2)).

    mu: (D,), cov: (D, D), covariances rather than standard deviations. This is the squared W2 of the Gaussians, and of
    two image sets' features it is the FID; units are those of the points, squared. Never negative.
    The root's trace is computed as the sum of the singular values of cov1^(1/2) cov2^(1/2), both roots symmetric: no
    complex numbers, and no loss of digits for singular covariances. Cost O(D^3).
    ValueError: shapes that do not fit, a covariance that is not symmetric or has a negative eigenvalue, non-finite.
    Dowson and Landau, 1982. Heusel et al., "GANs trained by a two time-scale update rule", 2017.
    """
    mu1 = checks.array("mu1", mu1, "D", dtype=np.float64)
    mu2 = checks.array("mu2", mu2, len(mu1), dtype=np.float64)
    root1 = _covariance_root("cov1", cov1, len(mu1))
    root2 = _covariance_root("cov2", cov2, len(mu1))
    overlap = np.linalg.svd(root1 @ root2, compute_uv=False).sum()  # tr (cov1 cov2)^(1/2)
    spread = (root1**2).sum() + (root2**2).sum() - 2 * overlap  # tr cov = |root|^2
    return float(((mu1 - mu2) ** 2).sum() + max(spread, 0.0))


def inception_score(probs: ArrayLike) -> float:
    """exp of the mean KL(p(class | sample) || p(class)), from a classifier's probabilities (N, C).

    p(class) is the mean over the samples. Between 1 (every sample gets the same probabilities) and C (every
    prediction certain, all classes equally often). It measures neither variety within a class nor the real data.
    ValueError: probabilities that are negative or do not sum to one over the classes, another rank.
    Salimans et al., "Improved techniques for training GANs", 2016.
    """
    probs = checks.probabilities("probs", probs, "N", "C", dtype=np.float64)
    marginal = probs.mean(axis=0)  # (C,)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(probs > 0, probs * (np.log(probs) - np.log(marginal)), 0.0)  # (N, C)
    return float(np.exp(terms.sum(axis=1).mean()))


def precision_recall(real: ArrayLike, fake: ArrayLike, k: int = 3) -> PrecisionRecall:
    """Return the fraction of the fakes that are realistic (precision), and of the real that the fakes cover (recall).

    real: (N, D), fake: (M, D). Every point of a set gets a ball that reaches to its k-th nearest neighbour in that
    set; the union of the balls estimates the set's support. Precision: the fraction of fakes inside some real point's
    ball. Recall: the fraction of real points inside some fake's ball. Returns `(precision, recall)`; two samples of the
    truth score less than 1 (see `sampling_floor`), and a real outlier's large ball can inflate the precision.
    Compare sets of equal size whose points are distinct. If every fake occurs more than k times, exactly or nearly, its
    ball is a point or tiny, and the recall is about 0 however varied the fakes are. A few fakes far apart have huge
    balls, and a recall near 1.
    Cost: O((N + M)^2 D) time, in blocks: seconds at 5,000 points.
    ValueError: k < 1 or not below both sizes, column counts that differ, non-finite.
    Kynkäänniemi et al., "Improved precision and recall metric for assessing generative models", 2019.
    """
    real = checks.array("real", real, "N", "D", dtype=np.float64)
    fake = checks.array("fake", fake, "M", real.shape[1], dtype=np.float64)
    k = checks.whole("k", k)
    if k >= min(len(real), len(fake)):
        raise ValueError(f"k must be below the number of points, got k = {k} for {len(real)} real and {len(fake)} fake")
    return PrecisionRecall(_share_inside(fake, real, k), _share_inside(real, fake, k))


def classifier_two_sample_test(
    x: ArrayLike, y: ArrayLike, rng: np.random.Generator, neighbors: int | None = None
) -> TwoSampleTest:
    """Held-out accuracy of a classifier that separates x from y: 0.5 for equal distributions, 1 for disjoint ones.

    x: (N, D), y: (M, D). The larger sample is subsampled to the size of the smaller; half of all points, at random, are
    for training a k-nearest-neighbour classifier (k = `neighbors`, by default the root of their number, made odd), the
    other half for testing. Returns `(accuracy, standard_error, p_value)`: the standard error of the accuracy if x and y
    had the same distribution, 1 / (2 sqrt(n_test)), and the probability of at least this accuracy then (by a normal
    approximation).
    ValueError: fewer than 4 points a side, column counts that differ, non-finite, neighbors not in 1..n_train.
    Lopez-Paz and Oquab, "Revisiting classifier two-sample tests", 2017.
    """
    x = checks.array("x", x, "N", "D", dtype=np.float64)
    y = checks.array("y", y, "M", x.shape[1], dtype=np.float64)
    n = min(len(x), len(y))
    if n < 4:
        raise ValueError(f"x and y must have at least 4 points each, got {len(x)} and {len(y)}")
    neighbors = int(math.sqrt(n)) | 1 if neighbors is None else checks.whole("neighbors", neighbors)
    if neighbors > n:
        raise ValueError(f"neighbors must be at most the {n} training points, got {neighbors}")
    checks.rng(rng)
    points = np.concatenate([rng.permutation(x)[:n], rng.permutation(y)[:n]])  # (2n, D)
    is_y = np.arange(2 * n) >= n
    order = rng.permutation(2 * n)
    train, test = order[:n], order[n:]
    correct = 0
    for rows, d in _distances(points[test], points[train]):
        nearest = np.argpartition(d, neighbors - 1, axis=1)[:, :neighbors]
        votes = is_y[train][nearest].mean(axis=1)
        correct += ((votes > 0.5) == is_y[test][rows]).sum()
    accuracy = float(correct / n)
    standard_error = 0.5 / math.sqrt(n)
    return TwoSampleTest(accuracy, standard_error, 0.5 * math.erfc((accuracy - 0.5) / standard_error / math.sqrt(2)))


def _distances(a: np.ndarray, b: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Euclidean distances from a (N, D) to b (M, D), in blocks of rows: (slice, (rows, M)) pairs."""
    from scipy.spatial.distance import cdist

    for start in range(0, len(a), BLOCK):
        rows = slice(start, start + BLOCK)
        yield rows, cdist(a[rows], b)


def _median_distance(x: np.ndarray, y: np.ndarray) -> float:
    some = np.concatenate([z[:: -(-len(z) // 1000)] for z in (x, y)])  # at most 1,000 of each
    distance = np.concatenate([d for _, d in _distances(some, some)])
    distance = distance[np.triu_indices(len(some), 1)]
    return float(np.median(distance)) or float(distance.mean()) or 1.0  # 1.0: all points are one


def _covariance_root(name: str, cov: ArrayLike, dim: int) -> np.ndarray:
    cov = checks.array(name, cov, dim, dim, dtype=np.float64)
    scale = np.abs(cov).max()
    if np.abs(cov - cov.T).max() > 1e-5 * scale:
        raise ValueError(f"{name} must be symmetric, got entries that differ by {np.abs(cov - cov.T).max():.6g}")
    values, vectors = np.linalg.eigh(0.5 * (cov + cov.T))
    if values[0] < -1e-5 * scale:
        raise ValueError(f"{name} must have no negative eigenvalue (a covariance), got {values[0]:.6g}")
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T


def _share_inside(points: np.ndarray, support: np.ndarray, k: int) -> float:
    """Return the fraction of `points` within the ball of some point of `support` that reaches its k-th nearest
    neighbour.
    """
    radius = np.concatenate([np.partition(d, k, axis=1)[:, k] for _, d in _distances(support, support)])  # 0 is itself
    inside = [(d <= radius).any(axis=1) for _, d in _distances(points, support)]
    return float(np.concatenate(inside).mean())
