"""Exercises of the project: the effective size of a weighted sample, and a paired difference."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise

effective = Exercise(
    "start/03/effective_sample_size",
    target="minigen.metrics.comparison:effective_sample_size",
    minutes=10,
    prompt="""
    The effective sample size of a weighted sample: the square of the sum of the weights over the
    sum of their squares.

    `log_weights`: float array $(n,)$, the natural logarithms of the weights, up to a constant that
    all of them share, which must not matter; `-inf` is the weight 0, and at least one of them is
    finite. Return one number between 1 and $n$. It must hold for any size of the logarithms, such
    as 1000 or $-1000$.
    """,
    hints="""
    A constant that all logarithms share is a factor of all weights, and cancels. Choose it so
    that nothing overflows.

    w = exp(log w - max log w) has the largest weight 1; the effective sample size is (sum of w)^2
    / (sum of w^2).

        w = np.exp(log_weights - np.max(log_weights))
        return np.sum(w) ** 2 / np.sum(w**2)
    """,
)


@effective.case(points=2, kind="equation", atol=1e-5, expect={"size": 1.6})
def by_hand(impl, rng):
    """The weights 3 and 1: 16 / 10."""
    return {"size": impl(np.array([1.098612, 0.0]))}


@effective.case(points=2, kind="equation")
def random_weights(impl, rng):
    """Seven weights of different sizes."""
    return {"size": impl(rng.standard_normal(7))}


@effective.case(points=1, kind="equation", fixed=True, property=True, expect={"change": 0.0})
def a_shared_factor(impl, rng):
    """A factor of all weights changes nothing, and n equal weights are worth n samples."""
    log_weights = rng.standard_normal(6)
    return {"change": impl(log_weights + 2.5) - impl(log_weights) + impl(np.full(4, -1.5)) - 4.0}


@effective.case(points=1, kind="extremes")
def large_logarithms(impl, rng):
    """Logarithms around 1000, and around -1000."""
    log_weights = rng.standard_normal(5)
    return {"at 1000": impl(log_weights + 1000.0), "at -1000": impl(log_weights - 1000.0)}


@effective.case(points=1, kind="extremes")
def far_apart(impl, rng):
    """Two logarithms around 1000, and three around -1000, whose weights vanish."""
    return {"size": impl(rng.standard_normal(5) + np.array([1e3, -1e3, -1e3, 1e3, -1e3]))}


@effective.case(points=1, kind="extremes", fixed=True, expect={"size": 2.0})
def weights_of_zero(impl, rng):
    """Two equal weights among weights of 0."""
    return {"size": impl(np.array([-np.inf, 0.5, -np.inf, 0.5]))}


paired = Exercise(
    "start/03/paired_difference",
    target="minigen.metrics.comparison:paired_difference",
    minutes=10,
    prompt="""
    The mean change over $n$ pairs, from `before` to `after`, and its standard error.

    `before`, `after`: float arrays $(n,)$, $n$ at least 2; element $i$ of both belongs to the same
    seed or test point. Return a tuple of two numbers: the mean difference, and the standard error
    of this mean, which is the standard deviation of the differences, divided by the root of $n$.
    The standard deviation is that of a sample: the squared deviations from the mean are summed and
    divided by $n - 1$.
    """,
    hints="""
    Subtract first. Then there is one sample of n differences, and its mean has a standard error.

    d_i = after_i - before_i. The mean is the sum of d_i over n; the standard error is the root of
    (the sum of (d_i - mean)^2 over n - 1), divided by the root of n. np.std(d, ddof=1) divides by
    n - 1.

        d = after - before
        return np.mean(d), np.std(d, ddof=1) / np.sqrt(len(d))
    """,
)


@paired.case(points=2, kind="equation", expect={"mean": 1.25, "error": 1.5})
def four_pairs(impl, rng):
    """Differences -0.25, -0.25, 5.75 and -0.25: deviations -1.5 and 4.5, variance 27 / 3 = 9, and
    the root of 9 / 4."""
    mean, error = impl(np.array([5.0, 1.0, 3.0, 2.0]), np.array([4.75, 0.75, 8.75, 1.75]))
    return {"mean": mean, "error": error}


@paired.case(points=2, kind="equation")
def random_pairs(impl, rng):
    """Eight pairs."""
    mean, error = impl(rng.standard_normal(8), 0.5 + rng.standard_normal(8))
    return {"mean": mean, "error": error}


@paired.case(points=2, kind="equation", fixed=True, property=True, expect={"change": [0.0, 0.0]})
def difficulty_cancels(impl, rng):
    """What is added to both values of a pair cancels."""
    before, after, difficulty = rng.standard_normal((3, 6))
    plain, harder = impl(before, after), impl(before + 9 * difficulty, after + 9 * difficulty)
    return {"change": np.array([harder[0] - plain[0], harder[1] - plain[1]])}


@paired.case(points=1, kind="extremes")
def all_differences_alike(impl, rng):
    """Every pair differs by 2: the standard error is 0."""
    mean, error = impl(np.array([4.0, 1.0, 8.0]), np.array([6.0, 3.0, 10.0]))
    return {"mean": mean, "error": error}


@paired.case(points=1, kind="shapes")
def two_pairs(impl, rng):
    """The fewest pairs that have a standard error."""
    mean, error = impl(rng.standard_normal(2), rng.standard_normal(2))
    return {"mean": mean, "error": error}
