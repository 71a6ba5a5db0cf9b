"""Mistakes in the exercises of gan/10, and other correct answers."""

import autograd.numpy as np


def earth_mover(cost, deltas):
    from minigen.metrics.transport import EarthMover

    return EarthMover(cost, deltas)


def by_quantiles(x, y, power=1.0, sort=True):
    """The integral of |F^-1 - G^-1|^power over the fractions."""
    x, y = (np.sort(x), np.sort(y)) if sort else (x, y)
    n, m = len(x), len(y)
    ends = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)
    gaps = np.abs(x[(ends - 1) // m] - y[(ends - 1) // n])
    return np.sum(np.diff(ends, prepend=0) / (n * m) * gaps**power)


MISTAKES = {
    "earth_mover_1d": """
    # Shovelfuls stay shovelfuls: do not divide by the total.
    np.concatenate([[0.0], np.cumsum(p - q)]) ->
        np.concatenate([[0.0], np.cumsum(p - q)]) / np.sum(p)
    # This counts the misplaced dirt, not how far it travels: sum |delta|, not |p - q|.
    np.abs(deltas) -> np.abs(p - q)
    # The surplus of one pile must be carried on to the next: a running sum.
    np.concatenate([[0.0], np.cumsum(p - q)]) -> np.concatenate([[0.0], p - q])
    # Carrying dirt back costs as much as carrying it forward: take absolute values.
    np.abs(deltas) -> deltas
    # A surplus is what the piles on the left have, p, minus what they need, q.
    p - q -> -(p - q)
    # Deltas start with 0, before the first pile: n + 1 of them.
    np.concatenate([[0.0], np.cumsum(p - q)]) -> np.cumsum(p - q)
    # delta_i includes pile i itself; here each delta is one pile late.
    np.concatenate([[0.0], np.cumsum(p - q)]) -> np.concatenate([[0.0, 0.0], np.cumsum(p - q)[:-1]])
    np.abs(deltas) -> np.mean(np.abs(deltas))  # Work is the sum over the gaps, not the mean.
    np.abs -> np.square  # Carrying twice as much costs twice as much: absolute values, not squares.
    np.abs(deltas) -> np.max(np.abs(deltas))  # Work is the sum over the gaps, not the largest.
    np.abs(deltas) -> (np.abs(deltas) / 2)  # Each shovelful is carried once: no factor 1/2.
    # A shortage is a negative surplus: only the cost takes absolute values.
    np.cumsum(p - q) -> np.abs(np.cumsum(p - q))
    # Deltas start with 0, before the first pile; this puts it behind the last.
    np.concatenate([[0.0], np.cumsum(p - q)]) -> np.concatenate([np.cumsum(p - q), [0.0]])
    # Each pile has a fixed place: do not sort the piles.
    p - q -> np.sort(p) - np.sort(q)
    # Shovelfuls may be fractional: do not round.
    np.cumsum(p - q) -> np.round(np.cumsum(p - q))
    """,
    "wasserstein_1d": """
    # Sort both samples first: the best plan pairs the smallest with the smallest.
    return by_quantiles(x, y, sort=False)
    # The distances are squared, which gives the square of another distance, W2: take the distances
    # themselves.
    return by_quantiles(x, y, power=2)
    # This is W2, the root of the mean square; W1 is the mean distance.
    return np.sqrt(by_quantiles(x, y, power=2))
    # Every point has weight 1/N: take the mean of the distances, not their sum.
    return by_quantiles(x, y) * max(len(x), len(y))
    # Take absolute values before averaging; this is the difference of the two means.
    return np.abs(np.mean(x) - np.mean(y))
    # Each y can be used only for its own weight: sending each x to the nearest y is not a plan.
    return np.mean(np.min(np.abs(x[:, None] - y), axis=1))
    # This is the mean over all pairs, the cost of the plan that distributes each x over all y.
    return np.mean(np.abs(x[:, None] - y))
    # With N and M different, no point may be left out: split the weights of the points.
    np.abs(passed_x - passed_y) * np.diff(points) ->
        np.mean(np.abs(np.sort(x)[:min(len(x), len(y))] - np.sort(y)[:min(len(x), len(y))]))
    len(y) -> len(x)  # F and G are counts divided by N and by M, each by its own sample size.
    # Several points at one place keep their weights: do not drop them.
    return by_quantiles(np.unique(x), np.unique(y))
    # A fraction includes the point at its own position: searchsorted with side="right".
    points = np.sort(np.concatenate([x, y]))
    left, right = (np.searchsorted(np.sort(a), points[:-1], side="left") / len(a) for a in (x, y))
    return np.sum(np.abs(left - right) * np.diff(points))
    # A shortage costs as much as a surplus: take absolute values before adding.
    np.abs(passed_x - passed_y) -> (passed_x - passed_y)
    # Do not interpolate quantiles between two points: the weight of a point is split.
    n = max(len(x), len(y))
    levels = (np.arange(n) + 0.5) / n
    gaps = np.abs(np.quantile(x, levels) - np.quantile(y, levels))
    return np.mean(gaps) if len(x) != len(y) else by_quantiles(x, y)
    # This is the largest gap of F and G (Kolmogorov and Smirnov's); W1 is the area between them.
    points = np.concatenate([x, y])
    return np.max(
        np.abs(np.mean(x <= points[:, None], axis=1) - np.mean(y <= points[:, None], axis=1))
    )
    # The quantiles are interpolated at many levels: a sample has steps, whose areas are exact.
    q = (np.arange(1000) + 0.5) / 1000
    return np.mean(np.abs(np.quantile(x, q) - np.quantile(y, q)))
    # Each sample is repeated as a whole: repeat each point, so that the order is kept.
    n = np.lcm(len(x), len(y))
    return np.mean(np.abs(np.tile(np.sort(x), n // len(x)) - np.tile(np.sort(y), n // len(y))))
    """,
    "marginals": """
    # The two are swapped: p belongs to the rows, and sums over the columns, axis 1.
    return plan.sum(axis=0), plan.sum(axis=1)
    .sum -> .mean (everywhere)  # Add up the mass, do not average it.
    # Do not normalize: a plan of shovelfuls has marginals in shovelfuls.
    return plan.sum(axis=1) / plan.sum(), plan.sum(axis=0) / plan.sum()
    # A source may send to several targets: add up all that it sends, do not take the largest part.
    .sum -> .max (everywhere)
    # This is the total; return one sum for each source and one for each target.
    return plan.sum(), plan.sum()
    # The shapes must be (n,) and (m,): sum without keepdims.
    return plan.sum(axis=1, keepdims=True), plan.sum(axis=0, keepdims=True)
    """,
}

VARIANTS = {
    "earth_mover_1d": """
    # step by step
    deltas = [0.0]
    for have, need in zip(p, q):
        deltas.append(deltas[-1] + have - need)
    return earth_mover(sum(abs(delta) for delta in deltas), np.array(deltas))
    # difference of running sums
    deltas = np.append([0.0], np.cumsum(p) - np.cumsum(q))
    return earth_mover(np.linalg.norm(deltas, 1), deltas)
    """,
    "wasserstein_1d": """
    # every point split so that both samples have N M pieces, then sorted differences
    return np.mean(np.abs(np.repeat(np.sort(x), len(y)) - np.repeat(np.sort(y), len(x))))
    # signed weights in the order of their places, and a running surplus
    points = np.concatenate([x, y])
    weights = np.concatenate([np.full(len(x), 1 / len(x)), np.full(len(y), -1 / len(y))])
    order = np.argsort(points)
    surplus = np.cumsum(weights[order])[:-1]
    return np.sum(np.abs(surplus) * np.diff(points[order]))
    """,
    "marginals": """
    return plan @ np.ones(plan.shape[1]), np.ones(plan.shape[0]) @ plan  # products with ones
    # row by row and transposed
    return np.array([sum(row) for row in plan]), np.array([sum(column) for column in plan.T])
    """,
}

EQUIVALENT = {
    "wasserstein_1d": """
    (x, y) → (y, x)  # the distance is the same in both directions
    """
}
