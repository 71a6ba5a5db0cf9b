"""Mistakes in the exercises of start/03, and other right answers."""

import autograd.numpy as np

MISTAKES = {
    "effective_sample_size": """
    # The weights are used as they are, and overflow or vanish: subtract the largest logarithm.
    with np.errstate(all="ignore"):
        w = np.exp(log_weights)
        return np.sum(w) ** 2 / np.sum(w**2)
    # Another number than the largest logarithm is subtracted, such as the mean, the median or the
    # smallest, and the largest weight may overflow: subtract the largest logarithm.
    with np.errstate(all="ignore"):
        w = np.exp(log_weights - np.mean(log_weights))
        return np.sum(w) ** 2 / np.sum(w**2)
    # Only finite logarithms are used, and the largest weight may still overflow: subtract the
    # largest logarithm.
    finite = log_weights[np.isfinite(log_weights)]
    with np.errstate(all="ignore"):
        w = np.exp(finite - np.mean(finite))
        return np.sum(w) ** 2 / np.sum(w**2)
    # These are the logarithms, not the weights: take exp first.
    with np.errstate(all="ignore"):
        return np.sum(log_weights) ** 2 / np.sum(log_weights**2)
    # The sum of the squares is above the fraction: it belongs below.
    w = np.exp(log_weights - np.max(log_weights))
    return np.sum(w**2) / np.sum(w) ** 2
    # The sum is not squared: a factor of all weights must cancel.
    w = np.exp(log_weights - np.max(log_weights))
    return np.sum(w) / np.sum(w**2)
    # The mean of the weights is squared instead of their sum: this is between 1/n and 1, a share.
    w = np.exp(log_weights - np.max(log_weights))
    return np.mean(w) ** 2 / np.mean(w**2)
    # The mean of the squares is below the fraction: use sums in both places.
    w = np.exp(log_weights - np.max(log_weights))
    return np.sum(w) ** 2 / np.mean(w**2)
    # This is the largest share turned over: another measure, which counts only the largest weight.
    w = np.exp(log_weights - np.max(log_weights))
    return np.sum(w)
    # This is the exponential of the entropy of the weights: another measure of the same idea.
    w = np.exp(log_weights - np.max(log_weights))
    p = w / np.sum(w)
    return np.exp(-np.sum(np.where(p > 0, p * np.log(np.where(p > 0, p, 1.0)), 0.0)))
    # Clipped logarithms are other weights: subtract the largest logarithm instead.
    w = np.exp(np.clip(log_weights, -50, 50))
    return np.sum(w) ** 2 / np.sum(w**2)
    # This counts the weights that are not 0: each counts as much as its size.
    return float(np.sum(np.isfinite(log_weights)))
    """,
    "paired_difference": """
    # The difference has the wrong sign: subtract before from after.
    d = before - after
    return np.mean(d), np.std(d, ddof=1) / np.sqrt(len(d))
    # The standard deviation divides by n: a sample's divides by n - 1.
    d = after - before
    return np.mean(d), np.std(d) / np.sqrt(len(d))
    # This is the standard deviation of the differences: the standard error is smaller by a root.
    d = after - before
    return np.mean(d), np.std(d, ddof=1)
    # The standard deviation is divided by n: divide it by the root of n.
    d = after - before
    return np.mean(d), np.std(d, ddof=1) / len(d)
    # This is the variance of the mean: its root is the standard error.
    d = after - before
    return np.mean(d), np.var(d, ddof=1) / len(d)
    # The pairs are taken apart: the standard error is that of the differences.
    n = len(before)
    error = np.sqrt((np.var(before, ddof=1) + np.var(after, ddof=1)) / n)
    return np.mean(after) - np.mean(before), error
    # This is the sum of the differences: divide it by n.
    d = after - before
    return np.sum(d), np.std(d, ddof=1) / np.sqrt(len(d))
    # The sizes of the differences are averaged: keep their signs.
    d = np.abs(after - before)
    return np.mean(d), np.std(d, ddof=1) / np.sqrt(len(d))
    # The median is not the mean: average the differences.
    d = after - before
    return np.median(d), np.std(d, ddof=1) / np.sqrt(len(d))
    # The root divides by n - 1 twice: sum of squares over n - 1, then over n.
    d = after - before
    return np.mean(d), np.std(d, ddof=1) / np.sqrt(len(d) - 1)
    # The variance is divided by the root of n: divide the standard deviation by it.
    d = after - before
    return np.mean(d), np.var(d, ddof=1) / np.sqrt(len(d))
    # The standard error is that of the values after: it is that of the differences.
    return np.mean(after - before), np.std(after, ddof=1) / np.sqrt(len(after))
    # The mean is divided by the standard deviation: return the mean difference itself.
    d = after - before
    return np.mean(d) / np.maximum(np.std(d, ddof=1), 1e-12), np.std(d, ddof=1) / np.sqrt(len(d))
    # This is half the width of an interval of confidence: the standard error has no factor 1.96.
    d = after - before
    return np.mean(d), 1.96 * np.std(d, ddof=1) / np.sqrt(len(d))
    # The sizes of the deviations are averaged: average their squares, and take the root.
    d = after - before
    return np.mean(d), np.mean(np.abs(d - np.mean(d))) / np.sqrt(len(d))
    # The standard deviation divides by n, and then is divided by n instead of its root.
    d = after - before
    return np.mean(d), np.std(d) / len(d)
    """,
}

VARIANTS = {
    "effective_sample_size": """
    # normalized weights: their sum is 1
    w = np.exp(log_weights - np.max(log_weights))
    return 1 / np.sum((w / np.sum(w)) ** 2)
    """,
    "paired_difference": """
    # all written out
    n = len(before)
    d = after - before
    mean = np.sum(d) / n
    return mean, np.sqrt(np.sum((d - mean) ** 2) / (n - 1) / n)
    """,
}
