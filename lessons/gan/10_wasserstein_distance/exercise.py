"""Exercises on transport: piles of dirt in a row, two samples of numbers, the marginals of a
plan."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise


def two_sets_of_piles(rng, n=7):
    """Piles with one total, as floats."""
    return rng.multinomial(30, np.full(n, 1 / n)).astype(float), rng.multinomial(
        30, np.full(n, 1 / n)
    ).astype(float)


piles = Exercise(
    "gan/10/earth_mover_1d",
    target="minigen.metrics.transport:earth_mover_1d",
    minutes=15,
    imports=["from minigen.metrics.transport import EarthMover"],
    prompt="""
    Return the least work that turns the piles `p` into the piles `q`, and the net amount that
    crosses each gap between neighboring piles, as `EarthMover(cost, deltas)`.

    `p` and `q` $(n,)$ hold shovelfuls of dirt, whole or fractional, in piles one step apart, with
    the same total (any total: do not normalize). `deltas`, an array $(n + 1,)$, is the running
    surplus: it starts at 0, and each pile increases it by its excess or decreases it by its
    deficit. `cost` is one number, in shovelfuls times steps.

    For $p = (3, 2, 1, 4)$ and $q = (1, 2, 4, 3)$ the deltas are 0, 2, 2, $-1$, 0 and the cost is 5.
    The result need not be differentiable: plain NumPy is enough.
    """,
    hints="""
    Go from left to right. The excess of the first piles must cross the gap behind them, whatever
    comes later; their deficit must come back across it.

    delta_0 = 0, delta_i = delta_(i-1) + p_i - q_i, and cost = sum of |delta_i|.

        deltas = np.concatenate([np.zeros(1), np.cumsum(p - q)])
        return EarthMover(np.sum(np.abs(deltas)), deltas)
    """,
)


@piles.case(
    points=2,
    kind="equation",
    fixed=True,
    expect={"cost": 5.0, "deltas": [0.0, 2.0, 2.0, -1.0, 0.0]},
)
def of_the_post(impl, rng):
    cost, deltas = impl(np.array([3.0, 2.0, 1.0, 4.0]), np.array([1.0, 2.0, 4.0, 3.0]))
    return {"cost": cost, "deltas": deltas}


@piles.case(points=1, kind="equation", fixed=True, expect={"cost": 3.0})
def back_to_the_first(impl, rng):
    """One shovelful, three steps back."""
    cost, deltas = impl(np.array([0.0, 0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0, 0.0]))
    return {"cost": cost, "deltas": deltas}


@piles.case(
    points=1,
    kind="equation",
    fixed=True,
    expect={"cost": 1.8, "deltas": [0.0, -0.6, -1.1, 0.1, 0.0]},
)
def parts_of_shovelfuls(impl, rng):
    """0.6 too few, then 0.5 too few; 1.2 too many; 0.1 too few."""
    cost, deltas = impl(np.array([0.4, 0.3, 1.6, 0.2]), np.array([1.0, 0.8, 0.4, 0.3]))
    return {"cost": cost, "deltas": deltas}


@piles.case(points=2, kind="equation")
def random_piles(impl, rng):
    cost, deltas = impl(*two_sets_of_piles(rng))
    return {"cost": cost, "deltas": deltas}


@piles.case(
    points=1, kind="equation", fixed=True, property=True, expect={"cost": 0.0, "deltas": 0.0}
)
def there_and_back(impl, rng):
    """Both directions cost the same, and the same amounts cross the gaps, with opposite signs."""
    p, q = two_sets_of_piles(rng)
    there, back = impl(p, q), impl(q, p)
    return {"cost": there[0] - back[0], "deltas": there[1] + back[1]}


line = Exercise(
    "gan/10/wasserstein_1d",
    target="minigen.metrics.transport:wasserstein_1d",
    minutes=20,
    blocked=[
        "minigen.metrics.transport:wasserstein",
        "minigen.metrics.transport:sliced_wasserstein",
        "minigen.metrics.transport:transport_plan",
        "minigen.metrics.transport:_wasserstein_columns",
    ],
    prompt="""
    Return the exact Wasserstein-1 distance between two samples of numbers, one number, in the units
    of the samples.

    `x` $(N,)$ and `y` $(M,)$ are in any order; every point of `x` has weight $1/N$ and every point
    of `y` the weight $1/M$. Start with $N = M$: there the best plan pairs the smallest with the
    smallest, the second with the second, and so on. In the last cases $N$ and $M$ differ. Then the
    weight of a point must be split, and it is easier to carry the surplus along the line, as with
    the piles. Several points may have the same value. The result need not be differentiable: plain
    NumPy and SciPy are enough.
    """,
    hints="""
    On a line the best plan keeps the order. For any sizes: put all points on one line. Between two
    neighbors, the fraction of x so far minus the fraction of y so far has to cross.

    W1 = integral of |F - G|. F and G, the fractions of x and y so far, are step functions: the
    integral is a sum over the gaps between neighboring points, |F - G| times the length of the gap.

        points = np.sort(np.concatenate([x, y]))
        passed = [np.searchsorted(np.sort(a), points[:-1], side="right") / len(a) for a in (x, y)]
        return np.sum(np.abs(passed[0] - passed[1]) * (points[1:] - points[:-1]))
    """,
)


@line.case(points=1, kind="equation", expect={"distance": 1.0})
def two_points_each(impl, rng):
    """0 goes to 1, and 10 to 11."""
    return {"distance": impl(np.array([0.0, 10.0]), np.array([11.0, 1.0]))}


@line.case(points=2, kind="equation")
def equal_sizes(impl, rng):
    return {"distance": impl(rng.standard_normal(12), 1 + 2 * rng.standard_normal(12))}


@line.case(points=1, kind="equation", fixed=True, property=True, expect={"gap": 0.0, "none": 0.0})
def moved(impl, rng):
    """A sample shifted by 3 is at distance 3; shuffled, it is at distance 0."""
    x = rng.standard_normal(9)
    return {"gap": impl(x, rng.permutation(x) - 3) - 3, "none": impl(x, rng.permutation(x))}


@line.case(points=2, kind="equation", expect={"distance": 1.5})
def one_and_two(impl, rng):
    """Half of the mass stays at 0, and half goes to 3."""
    return {"distance": impl(np.array([0.0]), np.array([0.0, 3.0]))}


@line.case(points=2, kind="equation")
def unequal_sizes(impl, rng):
    return {
        "longer_first": impl(rng.standard_normal(11), 0.5 + rng.standard_normal(7)),
        "shorter_first": impl(rng.standard_normal(6), 0.5 + 2 * rng.standard_normal(9)),
    }


@line.case(points=1, kind="extremes")
def with_ties(impl, rng):
    return {
        "distance": impl(rng.integers(0, 4, 10).astype(float), rng.integers(0, 4, 8).astype(float))
    }


sums = Exercise(
    "gan/10/marginals",
    target="minigen.metrics.transport:marginals",
    minutes=5,
    prompt="""
    Return the two distributions that a transport plan connects: the mass that leaves each source,
    and the mass that arrives at each target.

    `plan` $(n, m)$: `plan[i, j]` is the mass that goes from source $i$ to target $j$. The answer is
    a tuple, $p$ $(n,)$ and $q$ $(m,)$, in this order. The result need not be differentiable.
    """,
    hints="""
    What leaves source i goes to some target: add it up over the targets. Do likewise for arrivals.

    p_i = sum over j of plan_ij, q_j = sum over i of plan_ij.

        return np.sum(plan, axis=1), np.sum(plan, axis=0)
    """,
)


@sums.case(points=1, kind="equation", expect={"p": [0.3, 0.7], "q": [0.1, 0.5, 0.4]})
def two_sources_three_targets(impl, rng):
    p, q = impl(np.array([[0.1, 0.2, 0.0], [0.0, 0.3, 0.4]]))
    return {"p": p, "q": q}


@sums.case(points=2, kind="equation")
def a_plan(impl, rng):
    p, q = impl(rng.dirichlet(np.ones(20)).reshape(4, 5))
    return {"p": p, "q": q}


@sums.case(points=1, kind="equation")
def as_many_sources_as_targets(impl, rng):
    p, q = impl(rng.dirichlet(np.ones(16)).reshape(4, 4))
    return {"p": p, "q": q}


@sums.case(points=1, kind="equation", property=True, expect={"gap": 0.0})
def prices(impl, rng):
    """Prices at both ends: p.f + q.g is the plan's mean of f_i + g_j."""
    plan, f, g = (
        rng.dirichlet(np.ones(12)).reshape(3, 4),
        rng.standard_normal(3),
        rng.standard_normal(4),
    )
    p, q = impl(plan)
    return {"gap": p @ f + q @ g - np.sum(plan * (f[:, None] + g))}


@sums.case(points=1, kind="equation", expect={"p": [2.0, 3.0], "q": [4.0, 1.0]})
def shovelfuls(impl, rng):
    """Not normalized."""
    p, q = impl(np.array([[1.0, 1.0], [3.0, 0.0]]))
    return {"p": p, "q": q}
