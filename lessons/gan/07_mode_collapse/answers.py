"""Mistakes in the exercises of gan/07, and other right answers."""

import autograd.numpy as np

from minigen.metrics.samples import ModeCoverage


def distances(samples, modes):
    return np.sqrt(np.sum((samples[:, None] - modes[None]) ** 2, axis=2))


def judge(distance, reach, min_count):
    """The right counting, from a table of distances (N, K)."""
    good = distance.min(axis=1) <= reach
    counts = np.bincount(distance.argmin(axis=1)[good], minlength=distance.shape[1])
    return ModeCoverage(int(np.sum(counts >= min_count)), float(good.mean()))


MISTAKES = {
    "mode_coverage": """
    # A sample out of reach covers nothing: count the good samples only, not all that have a mode as
    # their nearest.
    nearest[good] -> nearest
    # A sample within reach of two modes counts for the nearer one only.
    near = distances(samples, modes) <= k * std
    return ModeCoverage(int(np.sum(near.sum(axis=0) >= min_count)), float(near.any(axis=1).mean()))
    # The square root is missing: a squared distance is compared with k times std.
    d.min -> (d**2).min
    d.min -> (d * k).min  # The reach is k standard deviations: k * std, not std.
    # The reach is k * std: the k that is given, not always 3.
    return judge(distances(samples, modes), 3 * std, min_count)
    # The distance is Euclidean: the root of the sum of squares, not the largest difference of a
    # coordinate.
    return judge(np.max(np.abs(samples[:, None] - modes[None]), axis=2), k * std, min_count)
    # The distance is Euclidean, not the sum of the coordinates' differences.
    return judge(np.sum(np.abs(samples[:, None] - modes[None]), axis=2), k * std, min_count)
    # The nearest mode is found by the sum of the coordinates' differences: it is the nearest by the
    # Euclidean distance.
    nearest = np.argmin(np.sum(np.abs(samples[:, None] - modes[None]), axis=2), axis=1)
    good = np.linalg.norm(samples - modes[nearest], axis=1) <= k * std
    counts = np.bincount(nearest[good], minlength=len(modes))
    return ModeCoverage(int(np.sum(counts >= min_count)), float(good.mean()))
    counts >= min_count -> counts > 0  # A mode needs min_count good samples; here one is enough.
    # min_count samples are enough: at least, not more than.
    counts >= min_count -> counts > min_count
    # high_quality is a fraction: divide the number of good samples by the number of all.
    .mean -> .sum
    # covered is a number of modes, from 0 to K, not a fraction of them.
    distance = distances(samples, modes)
    good = distance.min(axis=1) <= k * std
    return ModeCoverage(len(set(distance.argmin(axis=1)[good])), float(good.mean() * len(modes)))
    # All good samples count for high_quality, those at a mode with fewer than min_count as well.
    distance = distances(samples, modes)
    good, nearest = distance.min(axis=1) <= k * std, distance.argmin(axis=1)
    counts = np.bincount(nearest[good], minlength=len(modes))
    counted = good & (counts[nearest] >= min_count)
    return ModeCoverage(int(np.sum(counts >= min_count)), float(counted.mean()))
    # high_quality is a fraction from 0 to 1, not a percentage.
    pair = judge(distances(samples, modes), k * std, min_count)
    return ModeCoverage(pair.covered, 100 * pair.high_quality)
    # The distance is the root of the sum of squares over all the coordinates, not of their mean.
    root = samples.shape[1] ** 0.5
    return judge(distances(samples, modes) / root, k * std, min_count)
    # All coordinates count, however many there are.
    return judge(distances(samples[:, :2], modes[:, :2]), k * std, min_count)
    # A sample at a distance of exactly k * std is left out: it is good.
    return judge(distances(samples, modes) * (1 + 1e-12), k * std, min_count)
    # The two answers are the wrong way round: covered first, then high_quality.
    return ModeCoverage(*judge(distances(samples, modes), k * std, min_count)[::-1])
    """
}

VARIANTS = {
    "mode_coverage": """
    # mode by mode
    nearest = np.argmin([np.linalg.norm(samples - mode, axis=1) for mode in modes], axis=0)
    good = np.array([np.linalg.norm(x - modes[j]) <= k * std for x, j in zip(samples, nearest)])
    return ModeCoverage(
        sum(np.sum(nearest[good] == j) >= min_count for j in range(len(modes))),
        good.sum() / len(samples),
    )
    # with a table
    distance = np.linalg.norm(samples[:, None] - modes, axis=-1)
    mine = (distance == distance.min(axis=1, keepdims=True)) & (distance <= k * std)
    return ModeCoverage(int((mine.sum(axis=0) >= min_count).sum()), float(mine.any(axis=1).mean()))
    """
}
