"""Whether a change of a model is larger than chance: paired differences, and the effective sample size."""

import math

import numpy as np
from numpy.typing import ArrayLike

from minigen import checks

__all__ = ["effective_sample_size", "paired_difference"]


def paired_difference(before: ArrayLike, after: ArrayLike) -> tuple[float, float]:
    """Return the mean of after − before over n pairs, and its standard error: the differences' deviation over √n.

    before, after: (n,), two measurements of the same thing, such as a seed or a test point, before and after a change.
    What both have in common, the difficulty of the point for example, cancels in each pair. The deviation is that of a
    sample (divided by n − 1), so n must be at least 2. Raises ValueError.
    """
    before = checks.array("before", before, "N", dtype=np.float64)
    after = checks.array("after", after, len(before), dtype=np.float64)
    n = len(before)
    if n < 2:
        raise ValueError(f"before must have at least 2 values, got {n}")
    differences = after - before
    return float(np.mean(differences)), float(np.std(differences, ddof=1) / math.sqrt(n))


def effective_sample_size(log_weights: ArrayLike) -> float:
    """How many equally weighted samples a weighted sample is worth: (Σ w)² / Σ w², between 1 and n. Kong 1992.

    log_weights: (n,), logarithms of weights that are not negative, up to a constant that all share; −∞ is the weight 0.
    Raises ValueError if no weight is above 0.
    """
    log_weights = checks.array("log_weights", log_weights, "N", dtype=np.float64, finite=False)
    if np.isnan(log_weights).any() or not np.isfinite(log_weights.max()):
        raise ValueError("log_weights must be numbers or -inf, and at least one of them finite")
    w = np.exp(log_weights - log_weights.max())  # the largest weight is 1
    return float(np.sum(w) ** 2 / np.sum(w**2))
