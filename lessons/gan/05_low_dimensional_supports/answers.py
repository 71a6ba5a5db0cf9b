"""Mistakes in the exercises of gan/05, and other right answers."""

import autograd.numpy as np


def line(ratios, discard):
    """x and y of the points to fit."""
    n = len(ratios)
    kept = min(n - 1, int(n * (1 - discard)))
    return np.log(np.sort(ratios)[:kept]), -np.log(1 - np.arange(1, kept + 1) / n)


MISTAKES = {
    "two_nn_dimension": """
    np.sort(ratios) -> ratios[:kept]  # Sort the ratios first: F belongs to the i-th smallest.
    # The logarithm of the ratios is missing: -log(1 - F) is linear in log mu.
    np.sort(ratios) -> np.exp(np.sort(ratios))
    # This is the slope of x on y, 1/d or nearly; the dimension is the slope of y = -log(1 - F) on x
    # = log mu.
    log_mu**2 -> log_tail**2
    # The line goes through the origin: there is no intercept to fit.
    x, y = line(ratios, discard)
    return np.sum((x - x.mean()) * (y - y.mean())) / np.sum((x - x.mean()) ** 2)
    log_mu**2 -> -log_mu**2  # The vertical coordinate is -log(1 - F), with the minus.
    # The vertical coordinate is -log(1 - F), not -log F.
    np.arange(1, kept + 1) -> (n - np.arange(1, kept + 1))
    # F counts all N ratios, also those that the fit leaves out.
    np.arange(1, kept + 1) / n -> np.arange(1, kept + 1) / (kept + 1)
    # The smallest ratio has F = 1/N, not 0: places count from 1.
    np.arange(1, kept + 1) -> (np.arange(1, kept + 1) - 1)
    1 - discard -> 1  # Leave out the largest ratios, the share discard of them.
    # It is the largest ratios that are left out, not the smallest.
    x, y = line(ratios, 0.0)
    first = len(ratios) - 1 - min(len(ratios) - 1, int(len(ratios) * (1 - discard)))
    return np.sum((x * y)[first:]) / np.sum(x[first:] ** 2)
    # This averages the slopes of single points; least squares divides sum(x y) by sum(x²).
    x, y = line(ratios, discard)
    return np.mean(y / x)
    # That is the maximum-likelihood estimate, 1 / mean(log mu). Here the least-squares fit is asked
    # for.
    return 1 / np.mean(np.log(ratios))
    # The largest ratio has F = 1, and -log(1 - 1) is infinite: never keep it, even if discard is 0.
    n - 1 -> n
    # The number of ratios that are kept is rounded to the nearest: int rounds it down.
    int(n * (1 - discard)) -> round(n * (1 - discard))
    # The number of ratios that are left out is rounded down: round down those that are kept.
    int(n * (1 - discard)) -> n - int(n * discard)
    # The share that is kept is of all N ratios, not of N - 1.
    int(n * (1 - discard)) -> int((n - 1) * (1 - discard))
    # The i-th smallest of N ratios has F = i/N, not i/(N + 1).
    np.arange(1, kept + 1) / n -> np.arange(1, kept + 1) / (n + 1)
    # The i-th smallest of N ratios has F = i/N, not (i - 1/2)/N.
    np.arange(1, kept + 1) / n -> (np.arange(1, kept + 1) - 0.5) / n
    # Least squares weighs each point by its x: sum(x y) / sum(x²), not sum(y) / sum(x).
    x, y = line(ratios, discard)
    return np.sum(y) / np.sum(x)
    # discard is an argument; here it is always 0.1.
    int(n * (1 - discard)) -> int(n * 0.9)
    # Equal ratios each have a place of their own, i/N: do not drop them.
    n, s = len(ratios), np.unique(ratios)
    kept = min(len(s), n - 1, int(n * (1 - discard)))
    x, y = np.log(s[:kept]), -np.log(1 - np.arange(1, kept + 1) / n)
    return np.sum(x * y) / np.sum(x**2)
    # Equal ratios each have a place of their own, i/N, as the i-th smallest.
    s = np.sort(ratios)
    x = line(ratios, discard)[0]
    y = -np.log(1 - np.searchsorted(s, s[: len(x)], side="right") / len(ratios))
    return np.sum(x * y) / np.sum(x**2)
    # A ratio of 1 is a ratio like any other: it counts in N and in F.
    x, y = line(ratios[ratios > 1], discard)
    return np.sum(x * y) / np.sum(x**2)
    # Logarithms are natural on both sides; here log mu is to base 10.
    np.log(np.sort(ratios)[:kept]) -> np.log10(np.sort(ratios)[:kept])
    # Your function sorts the array that it was given; sort a copy, np.sort(ratios).
    ratios.sort()
    x, y = line(ratios, discard)
    return np.sum(x * y) / np.sum(x**2)
    """
}

VARIANTS = {
    "two_nn_dimension": """
    # by lstsq
    n = len(ratios)
    places = np.arange(1, n)[: int(n * (1 - discard))]
    x = np.log(np.sort(ratios))[: len(places)]
    y = np.log(n) - np.log(n - places)
    return np.linalg.lstsq(x[:, None], y, rcond=None)[0][0]
    # through argsort
    n = len(ratios)
    order = np.argsort(ratios)
    kept = order[: min(n - 1, int(n * (1 - discard)))]
    x = np.log(ratios[kept])
    y = -np.log1p(-(1 + np.arange(len(x))) / n)
    return (x * y).sum() / np.linalg.norm(x) ** 2
    """
}

EQUIVALENT = {
    "two_nn_dimension": """
    # the smaller of two, in any order
    min(n - 1, int(n * (1 - discard))) → min(int(n * (1 - discard)), n - 1)
    # a slice that ends 0.1 n before the end is the slice that ends at 0.9 n
    (ratios, discard=0.1) → (ratios, discard=1.1)
    """
}
