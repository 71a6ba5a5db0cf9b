"""Exercise of low-dimensional supports: how many dimensions the data fill, from ratios of
distances."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise

two_nn = Exercise(
    "gan/05/two_nn_dimension",
    target="minigen.metrics.dimension:two_nn_dimension",
    minutes=15,
    atol=1e-8,
    prompt="""
    The dimension of a cloud of points by TwoNN, one number.

    ratios (N,), in any order: for each point, the distance to its second nearest neighbor over the
    distance to its nearest; all are 1 or more. On a surface of dimension d, a ratio is larger than
    m with probability m to the power -d. So if F is the share of ratios that are no larger than m,
    then -log(1 - F) = d log m: a straight line through the origin, whose slope is d. The i-th
    smallest of N ratios has F = i/N, i = 1 ... N.

    Fit the slope by least squares, a line through the origin, on the smallest ratios only: keep
    int(N * (1 - discard)) of them, and never the very largest, for it has F = 1. F still counts all
    N.
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


@two_nn.case(points=1, expect={"d": 2.0})
def four_points(impl, rng):
    """Three ratios on the line of slope 2, F = 1/4, 1/2, 3/4; the fourth, far off it, is
    discarded."""
    return {"d": impl(np.array([np.sqrt(4 / 3), np.sqrt(2.0), 2.0, 50.0]), 0.25)}


@two_nn.case(points=1, expect={"d": 2.0})
def in_any_order(impl, rng):
    return {"d": impl(np.array([2.0, 50.0, np.sqrt(4 / 3), np.sqrt(2.0)]), 0.25)}


@two_nn.case(points=1)
def draws(impl, rng):
    forty, more = rng.random(40) ** (-1 / 3.0), rng.random(45) ** (-1 / 3.0)
    return {"d": impl(forty), "of_more": impl(more), "half": impl(more, 0.5)}


@two_nn.case(points=1)
def nothing_discarded(impl, rng):
    return {"d": impl(rng.random(12) ** (-1 / 2.0), 0.0)}


@two_nn.case(points=1, property=True, expect={"gap": 0.0})
def third_power(impl, rng):
    """Ratios to the third power have a third of the dimension."""
    ratios = rng.random(30) ** (-1 / 6.0)
    return {"gap": impl(ratios**3) - impl(ratios) / 3}


@two_nn.case(points=1)
def inputs_are_kept(impl, rng):
    ratios = rng.random(20) ** (-1 / 2.0)
    first = impl(ratios, 0.3)
    return {"first": first, "again": impl(ratios, 0.3), "ratios": ratios}
