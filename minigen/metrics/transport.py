"""The Wasserstein-1 (earth mover's) distance: the least mass times distance that turns one distribution into another.

From the most special case to the most general:

| function | for | cost |
|---|---|---|
| `earth_mover_1d` | masses in a row, one step apart | O(n) |
| `wasserstein_1d` | two samples of numbers | a sort |
| `sliced_wasserstein` | two samples of points: the mean over directions of the above (a smaller number) | sorts |
| `wasserstein` | two samples of points of equal size: the best one-to-one assignment | 2 s at 2,000 |
| `transport_plan` | any weights, any cost: the linear program, with its dual | 2 to 6 s at 2,000 x 2,000 |

Peyré and Cuturi, "Computational optimal transport", 2019. Arjovsky, Chintala and Bottou, "Wasserstein GAN", 2017.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from minigen import checks
from minigen.metrics import network_simplex


class EarthMover(NamedTuple):
    """The transport cost, and the running surplus (n + 1,) of which it is the sum of absolute values."""

    cost: float
    deltas: np.ndarray


class TransportPlan(NamedTuple):
    """An optimal plan (n, m), its cost, and the dual potentials ((n,), (m,)) that certify it."""

    plan: np.ndarray
    cost: float
    potentials: tuple[np.ndarray, np.ndarray]


def earth_mover_1d(p: ArrayLike, q: ArrayLike) -> EarthMover:
    """Return the cost of turning piles p into piles q, neighboring piles one step apart. Eq. gan.10, Eq. gan.11.

    p, q: shape (n,), the mass of each pile; not negative, totals equal, but not necessarily one. Returns
    `(cost, deltas)`. `deltas`, shape (n + 1,), is the running surplus delta_0 = 0, delta_i = delta_(i-1) + p_i - q_i:
    the mass carried from the first i piles to the rest, or back if negative. It ends at 0, and each unit of it travels
    one step: cost = sum |delta_i|, in mass times steps. For the piles of the post, (3, 2, 1, 4) and (1, 2, 4, 3), the
    deltas are 0, 2, 2, -1, 0 and the cost 5.
    ValueError: shapes that differ, negative piles, totals that differ.
    """
    p = _check_nonnegative("p", p, "n")
    q = _check_nonnegative("q", q, len(p))
    if not np.isclose(p.sum(), q.sum(), rtol=1e-5, atol=0):
        raise ValueError(f"p and q must have the same total, got {p.sum():.6g} and {q.sum():.6g}")
    deltas = np.concatenate([[0.0], np.cumsum(p - q)])
    return EarthMover(float(np.abs(deltas).sum()), deltas)


def wasserstein_1d(x: ArrayLike, y: ArrayLike) -> float:
    """Exact W1 between two samples of numbers, in the samples' units. Eq. gan.12.

    x: shape (N,), y: shape (M,), every point of a sample with the same weight. As in
    `earth_mover_1d`, the surplus carried across a point is F - G, the difference of the cumulative distribution
    functions of x and y, and W1 is the integral of |F - G|. The optimal plan keeps the order, so if N = M this is also
    the mean |x_(i) - y_(i)| of the sorted samples.
    ValueError: another rank, empty, non-finite.
    """
    x = checks.array("x", x, "N", dtype=np.float64)
    y = checks.array("y", y, "M", dtype=np.float64)
    points = np.sort(np.concatenate([x, y]))  # (N + M,)
    passed_x = np.searchsorted(np.sort(x), points[:-1], side="right") / len(x)  # F, (N + M - 1,)
    passed_y = np.searchsorted(np.sort(y), points[:-1], side="right") / len(y)  # G
    return float(np.sum(np.abs(passed_x - passed_y) * np.diff(points)))


def wasserstein(x: ArrayLike, y: ArrayLike) -> float:
    """Exact W1 with Euclidean distance between two point clouds of equal size, in the points' units. Eq. gan.12.

    x, y: shape (N, D). With equal weights some best plan is a permutation, so W1 = min over permutations s of
    mean |x_i - y_s(i)|, found by `scipy.optimize.linear_sum_assignment`.
    Cost: N^2 distances in memory (32 MB at 2,000), and time between N^2 and N^3: about 0.05 s at 500 points, 0.3 s at
    1,000, 2 s at 2,000. Beyond 5,000 points use `sliced_wasserstein`, or average `wasserstein` over subsets of one
    size. Between two samples of the same distribution W1 is not 0. It shrinks as N^(-1/2) in one dimension, as
    sqrt(log N / N) in two, and only as N^(-1/D) from three on: put `sampling_floor` beside it. For other sizes, weights
    or costs see `transport_plan`.
    ValueError: shapes that differ, another rank, empty, non-finite.
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    x = checks.array("x", x, "N", "D", dtype=np.float64)
    y = checks.array("y", y, "N", "D", dtype=np.float64)
    checks.same_shape(x=x, y=y)
    cost = cdist(x, y)  # (N, N)
    rows, columns = linear_sum_assignment(cost)
    return float(cost[rows, columns].mean())


def transport_plan(p: ArrayLike, q: ArrayLike, cost: ArrayLike) -> TransportPlan:
    """Return the optimal transport linear program, solved exactly, with its dual. Eq. gan.12, Eq. gan.17.

    Primal: min sum_ij plan_ij cost_ij over plan >= 0 whose rows sum to p and whose columns sum to q.
    Dual: max sum_i p_i f_i + sum_j q_j g_j over f_i + g_j <= cost_ij. Both have the same value.

    p: (n,), q: (m,), probabilities. cost: (n, m), not negative: cost_ij for moving one unit from i to j.
    Returns `(plan, cost, potentials)`: plan (n, m) with at most n + m - 1 positive entries, the minimal cost, and
    potentials = (f, g) of shapes (n,), (m,). Where plan_ij > 0, f_i + g_j = cost_ij. f_0 = 0 fixes the
    constant that could be moved from f to g. If cost is a distance, f(x) = min_j (cost(x, y_j) - g_j) is an optimal
    1-Lipschitz critic.
    p and q are divided by their sums (which may be off by 1e-5) and rounded to 1e-15.

    Cost: a network simplex (see `network_simplex.py`), exact to rounding: about 0.2 s at n = m = 500, 0.5 to
    1 s at 1,000, 2 to 6 s at 2,000; memory for a few (n, m) matrices. Beyond 3,000 use `wasserstein` (equal weights),
    `sliced_wasserstein`, or a regularized solver such as Sinkhorn's, which is not exact.
    ValueError: probabilities that are negative or do not sum to one, negative or non-finite costs, mismatched shapes.
    """
    p = checks.probabilities("p", p, "n", dtype=np.float64)
    q = checks.probabilities("q", q, "m", dtype=np.float64)
    cost = _check_nonnegative("cost", cost, len(p), len(q))
    p, q, total = network_simplex.integer_amounts(p, q)
    rows, columns = np.flatnonzero(p), np.flatnonzero(q)  # points without mass are left out
    part, f, _ = network_simplex.solve(p[rows], q[columns], cost[np.ix_(rows, columns)])
    plan = np.zeros(cost.shape)
    plan[np.ix_(rows, columns)] = part / total
    g = (cost[rows] - f[:, None]).min(axis=0)  # the largest feasible g, then f: also for points without mass
    f = (cost - g).min(axis=1)
    return TransportPlan(plan, plan_cost(plan, cost), (f - f[0], g + f[0]))


def marginals(plan: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return the marginals of a plan: its sums over rows and columns. Eq. gan.12.

    plan: shape (n, m), not negative. Returns p (n,), q (m,): plan is a coupling of these two. ValueError: another
    rank, negative or non-finite entries.
    """
    plan = _check_nonnegative("plan", plan, "n", "m")
    return plan.sum(axis=1), plan.sum(axis=0)


def plan_cost(plan: ArrayLike, cost: ArrayLike) -> float:
    """Return the mean distance travelled under a plan: sum_ij plan_ij cost_ij. Eq. gan.13.

    plan, cost: shape (n, m). ValueError: shapes that differ, negative or non-finite entries.
    """
    plan = _check_nonnegative("plan", plan, "n", "m")
    cost = _check_nonnegative("cost", cost, *plan.shape)
    return float((plan * cost).sum())


def plan_gradient(plan: ArrayLike, x: ArrayLike, y: ArrayLike) -> np.ndarray:
    """Return the gradient of the mean distance under a plan, Eq. gan.13, in the targets y.

    plan: (N, M). x: (N, D), y: (M, D), sources and targets. Row j of the result, (M, D), is the sum over i of plan_ij
    times the unit vector from x_i to y_j (zero if they coincide). For the optimal plan this is the gradient of W1
    itself (Danskin's theorem).
    ValueError: shapes that do not fit, negative or non-finite entries.
    """
    x = checks.array("x", x, "N", "D", dtype=np.float64)
    y = checks.array("y", y, "M", x.shape[1], dtype=np.float64)
    plan = _check_nonnegative("plan", plan, len(x), len(y))
    steps = y[None] - x[:, None]  # (N, M, D)
    length = np.linalg.norm(steps, axis=2, keepdims=True)  # (N, M, 1)
    direction = steps / np.where(length > 0, length, np.inf)
    return np.sum(plan[:, :, None] * direction, axis=0)  # (M, D)


def sliced_wasserstein(x: ArrayLike, y: ArrayLike, projections: int, rng: np.random.Generator) -> float:
    """Return the mean, over random directions, of W1 between the samples' projections, in the points' units.

    x: (N, D), y: (M, D). projections: the number of directions, drawn by `rng` uniformly from the unit sphere.
    SW1 = mean over directions u of W1(u.x, u.y): the first power, no root. A metric, and never more than W1: between
    a cloud and its copy shifted by a vector t, W1 is |t|, and in 2-D SW1 is 2/pi |t|. A seed fixes the directions:
    compare models with one seed, and beside `sampling_floor`. Cost: two sorts a direction,
    O(projections (N + M) log(N + M)).
    ValueError: column counts that differ, another rank, empty, non-finite, projections < 1.
    Bonneel, Rabin, Peyré and Pfister, "Sliced and Radon Wasserstein barycenters of measures", 2015.
    """
    x = checks.array("x", x, "N", "D", dtype=np.float64)
    y = checks.array("y", y, "M", x.shape[1], dtype=np.float64)
    projections = checks.whole("projections", projections)
    directions = checks.rng(rng).standard_normal((x.shape[1], projections))
    directions /= np.linalg.norm(directions, axis=0)  # (D, projections)
    total = 0.0
    for start in range(0, projections, 64):  # in blocks, to bound the memory
        some = directions[:, start : start + 64]
        total += _wasserstein_columns(x @ some, y @ some).sum()
    return float(total / projections)


def _check_nonnegative(name: str, x: ArrayLike, *shape: str | int) -> np.ndarray:
    return checks.between(name, checks.array(name, x, *shape, dtype=np.float64), 0)


def _wasserstein_columns(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """W1 between the columns of x (N, P) and y (M, P), as samples of numbers, by their quantiles: shape (P,)."""
    n, m = len(x), len(y)
    x, y = np.sort(x, axis=0), np.sort(y, axis=0)
    if n == m:
        return np.abs(x - y).mean(axis=0)
    # Both quantile functions are steps, at i/n and at j/m: in units of 1/(nm), at multiples of m and of n.
    ends = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)  # where a common step ends
    widths = np.diff(ends, prepend=0) / (n * m)
    return widths @ np.abs(x[(ends - 1) // m] - y[(ends - 1) // n])
