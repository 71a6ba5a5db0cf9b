"""Exercise of low-dimensional supports: the dimension of data from ratios of distances."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise

two_nn = Exercise(
    "gan/05/two_nn_dimension",
    target="minigen.metrics.dimension:two_nn_dimension",
    minutes=15,
    atol=1e-8,
    prompt=r"""
    Return the dimension of a set of points by TwoNN, one number.

    `ratios` $(N,)$, in any order: for each point, the distance to its second nearest neighbor over
    the distance to its nearest; all are 1 or more. On a manifold of dimension $d$, a ratio is
    larger than $m$ with probability $m$ to the power $-d$. So if $F$ is the fraction of ratios up
    to $m$, then $-\log(1 - F) = d \log m$: a straight line through the origin with slope $d$. The
    $i$-th smallest of $N$ ratios has $F = i/N$, $i = 1 \dots N$, even where some are equal.

    Fit the slope by least squares, a line through the origin, on the smallest ratios only: keep
    `int(N * (1 - discard))` of them, rounded down, and never the very largest, because it has
    $F = 1$. $F$ still counts all $N$. The result need not be differentiable: plain NumPy will do.
    """,
    hints="""
    Sort the ratios. Then the horizontal coordinate of each is its logarithm, and the vertical one
    depends only on its place in the order.

    With x = log mu and y = -log(1 - i/N), the least-squares slope of a line through the origin is
    sum(x y) / sum(x²).

        n = len(ratios)
        kept = min(n - 1, int(n * (1 - discard)))
        x = np.log(np.sort(ratios)[:kept])
        y = -np.log(1 - np.arange(1, kept + 1) / n)
        return np.sum(x * y) / np.sum(x**2)
    """,
)


@two_nn.case(points=1, kind="equation", expect={"d": 2.0})
def four_points(impl, rng):
    """Three ratios on the line of slope 2, F = 1/4, 1/2, 3/4; the fourth, far off it, is
    discarded."""
    return {"d": impl(np.array([np.sqrt(4 / 3), np.sqrt(2.0), 2.0, 50.0]), 0.25)}


@two_nn.case(points=1, kind="equation", expect={"d": 2.0})
def in_any_order(impl, rng):
    return {"d": impl(np.array([2.0, 50.0, np.sqrt(4 / 3), np.sqrt(2.0)]), 0.25)}


@two_nn.case(points=1, kind="equation")
def draws(impl, rng):
    """47 ratios, of which 42 (42.3 rounded down) are kept; 43, of which 38 (38.7) and 21 (21.5)
    are."""
    many, more = rng.random(47) ** (-1 / 3.0), rng.random(43) ** (-1 / 3.0)
    return {"d of 47": impl(many), "d of 43": impl(more), "d of the lower half": impl(more, 0.5)}


@two_nn.case(points=1, kind="equation")
def nothing_discarded(impl, rng):
    return {"d": impl(rng.random(12) ** (-1 / 2.0), 0.0)}


@two_nn.case(points=1, kind="equation", fixed=True, expect={"d": np.log(12.5) / np.log(16.0)})
def equal_ratios(impl, rng):
    """As on a grid: 1, 1, 4, 4 and a far one, all but that one kept. x is 0, 0, log 4, log 4, and y
    at the last two is -log(2/5) and -log(1/5)."""
    return {"d": impl(np.array([4.0, 1.0, 100.0, 1.0, 4.0]), 0.1)}


@two_nn.case(points=1, kind="equation", property=True, expect={"gap": 0.0})
def third_power(impl, rng):
    """Ratios to the third power have a third of the dimension."""
    ratios = rng.random(30) ** (-1 / 6.0)
    return {"gap": impl(ratios**3) - impl(ratios) / 3}


@two_nn.case(points=1, kind="shapes")
def inputs_are_kept(impl, rng):
    ratios = rng.random(20) ** (-1 / 2.0)
    first = impl(ratios, 0.3)
    return {"first": first, "again": impl(ratios, 0.3), "ratios": ratios}
