"""Exercise of low-dimensional supports: how many dimensions the data fill, from ratios of
distances."""

import numpy as np

from minigen.course.exercise.format import Exercise

two_nn = Exercise(
    "gan/05/two_nn_dimension",
    target="minigen.metrics.dimension:two_nn_dimension",
    minutes=15,
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
    hints=[
        (
            "Sort the ratios. Then the horizontal coordinate of each is its logarithm, and the"
            " vertical one depends only on its place in the order."
        ),
        (
            "With x = log mu and y = -log(1 - i/N), the least-squares slope of a line through the"
            " origin is sum(x y) / sum(x²)."
        ),
        (
            "kept is the smaller of N - 1 and int(N * (1 - discard)); x is the log of the sorted"
            " ratios up to kept; the places are np.arange(1, kept + 1)."
        ),
    ],
    imports=["import numpy as np"],
    atol=1e-8,
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


@two_nn.case(
    points=1,
    property="ratios to the third power have a third of the dimension",
    expect={"gap": 0.0},
)
def third_power(impl, rng):
    ratios = rng.random(30) ** (-1 / 6.0)
    return {"gap": impl(ratios**3) - impl(ratios) / 3}


@two_nn.case(points=1)
def inputs_are_kept(impl, rng):
    ratios = rng.random(20) ** (-1 / 2.0)
    first = impl(ratios, 0.3)
    return {"first": first, "again": impl(ratios, 0.3), "ratios": ratios}


def line(ratios, discard):
    """x and y of the points to fit."""
    n = len(ratios)
    kept = min(n - 1, int(n * (1 - discard)))
    return np.log(np.sort(ratios)[:kept]), -np.log(1 - np.arange(1, kept + 1) / n)


@two_nn.mistake(hint="Sort the ratios first: F belongs to the i-th smallest.")
def unsorted(ratios, discard=0.1):
    n = len(ratios)
    kept = min(n - 1, int(n * (1 - discard)))
    x, y = np.log(ratios[:kept]), -np.log(1 - np.arange(1, kept + 1) / n)
    return np.sum(x * y) / np.sum(x**2)


@two_nn.mistake(hint="The logarithm of the ratios is missing: -log(1 - F) is linear in log mu.")
def no_log_of_the_ratios(ratios, discard=0.1):
    x, y = line(ratios, discard)
    return np.sum(np.exp(x) * y) / np.sum(np.exp(x) ** 2)


@two_nn.mistake(
    hint=(
        "This is the slope of x on y, 1/d or nearly; the dimension is the slope of y = -log(1 - F)"
        " on x = log mu."
    )
)
def axes_exchanged(ratios, discard=0.1):
    x, y = line(ratios, discard)
    return np.sum(x * y) / np.sum(y**2)


@two_nn.mistake(hint="The line goes through the origin: there is no intercept to fit.")
def with_an_intercept(ratios, discard=0.1):
    x, y = line(ratios, discard)
    return np.sum((x - x.mean()) * (y - y.mean())) / np.sum((x - x.mean()) ** 2)


@two_nn.mistake(hint="The vertical coordinate is -log(1 - F), with the minus.")
def sign(ratios, discard=0.1):
    x, y = line(ratios, discard)
    return -np.sum(x * y) / np.sum(x**2)


@two_nn.mistake(hint="The vertical coordinate is -log(1 - F), not -log F.")
def log_of_f(ratios, discard=0.1):
    x, y = line(ratios, discard)
    return np.sum(x * -np.log(1 - np.exp(-y))) / np.sum(x**2)


@two_nn.mistake(hint="F counts all N ratios, also those that the fit leaves out.")
def shares_of_those_kept(ratios, discard=0.1):
    x, _ = line(ratios, discard)
    y = -np.log(1 - np.arange(1, len(x) + 1) / (len(x) + 1))
    return np.sum(x * y) / np.sum(x**2)


@two_nn.mistake(hint="The smallest ratio has F = 1/N, not 0: places count from 1.")
def places_from_zero(ratios, discard=0.1):
    x, _ = line(ratios, discard)
    y = -np.log(1 - np.arange(len(x)) / len(ratios))
    return np.sum(x * y) / np.sum(x**2)


@two_nn.mistake(hint="Leave out the largest ratios, the share discard of them.")
def all_but_the_last(ratios, discard=0.1):
    x, y = line(ratios, 0.0)
    return np.sum(x * y) / np.sum(x**2)


@two_nn.mistake(hint="It is the largest ratios that are left out, not the smallest.")
def leaves_out_the_smallest(ratios, discard=0.1):
    x, y = line(ratios, 0.0)
    first = len(ratios) - 1 - min(len(ratios) - 1, int(len(ratios) * (1 - discard)))
    return np.sum((x * y)[first:]) / np.sum(x[first:] ** 2)


@two_nn.mistake(
    hint="This averages the slopes of single points; least squares divides sum(x y) by sum(x²)."
)
def mean_of_slopes(ratios, discard=0.1):
    x, y = line(ratios, discard)
    return np.mean(y / x)


@two_nn.mistake(
    hint=(
        "That is the maximum-likelihood estimate, 1 / mean(log mu). It is a good one; here the fit"
        " is asked for."
    )
)
def maximum_likelihood(ratios, discard=0.1):
    return 1 / np.mean(np.log(ratios))


@two_nn.mistake(
    hint=(
        "The largest ratio has F = 1, and -log(1 - 1) is infinite: never keep it, even if discard"
        " is 0."
    )
)
def keeps_the_last(ratios, discard=0.1):
    n = len(ratios)
    kept = int(n * (1 - discard))
    with np.errstate(divide="ignore"):
        x, y = np.log(np.sort(ratios)[:kept]), -np.log(1 - np.arange(1, kept + 1) / n)
    return np.sum(x * y) / np.sum(x**2)


@two_nn.mistake(
    hint="Your function sorts the array that it was given; sort a copy, np.sort(ratios)."
)
def sorts_in_place(ratios, discard=0.1):
    ratios.sort()
    x, y = line(ratios, discard)
    return np.sum(x * y) / np.sum(x**2)


two_nn.equivalent(
    "min(n - 1, int(n * (1 - discard))) → min(int(n * (1 - discard)), n - 1)",
    reason="the smaller of two, in any order",
)


@two_nn.variant
def by_lstsq(ratios, discard=0.1):
    n = len(ratios)
    places = np.arange(1, n)[: int(n * (1 - discard))]
    x = np.log(np.sort(ratios))[: len(places)]
    y = np.log(n) - np.log(n - places)
    return np.linalg.lstsq(x[:, None], y, rcond=None)[0][0]


@two_nn.variant
def through_argsort(ratios, discard=0.1):
    n = len(ratios)
    order = np.argsort(ratios)
    kept = order[: min(n - 1, int(n * (1 - discard)))]
    x = np.log(ratios[kept])
    y = -np.log1p(-(1 + np.arange(len(x))) / n)
    return (x * y).sum() / np.linalg.norm(x) ** 2
