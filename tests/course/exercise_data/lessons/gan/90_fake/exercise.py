"""Exercises for the tests of the machinery."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad

nll = Exercise(
    "gan/90/gaussian_nll",
    target="fakegen.densities:gaussian_nll",
    minutes=5,
    prompt=r"""
    Return $-\log N(x; \mu, \exp(\mathrm{logvar}))$ of each example, summed over its features.

    `x`, `mu` and `logvar` have shape $(N, D)$; return shape $(N,)$, in nats.
    """,
    hints="""
    One term for each feature.

    Half of logvar + (x - mu)^2 / var + log 2 pi.

        squares = (x - mu) ** 2 / np.exp(logvar)
        return 0.5 * np.sum(logvar + squares + np.log(2 * np.pi), axis=1)
    """,
)


def inputs(rng):
    return rng.standard_normal((5, 3)), rng.standard_normal((5, 3)), 0.5 * rng.standard_normal((5, 3))


@nll.case(points=1, kind="equation", fixed=True, expect={"nll": [0.9189385332046727]})
def at_the_mean(impl, rng):
    zero = np.zeros((1, 1))
    return {"nll": impl(zero, zero, zero)}


@nll.case(points=2, kind="equation")
def random_batch(impl, rng):
    return {"nll": impl(*inputs(rng))}


@nll.case(points=1, kind="equation", fixed=True, property=True, expect={"difference": 0.0})
def shift(impl, rng):
    """Moving x and mu together changes nothing."""
    x, mu, logvar = inputs(rng)
    return {"difference": impl(x + 3.0, mu + 3.0, logvar) - impl(x, mu, logvar)}


@nll.case(points=2, kind="gradient")
def gradient(impl, rng):
    x, mu, logvar = inputs(rng)
    return {"grad_logvar": grad(lambda v: np.sum(impl(x, mu, v)) + 0.0)(logvar)}


flow = Exercise(
    "gan/fake/scale_and_shift",
    target="fakegen.densities:scale_and_shift",
    minutes=3,
    prompt=r"Return $y = x \exp(s) + t$, shape $(N, D)$, and the log-determinant, shape $(N,)$.",
    hints="""
    Stretch, then move.

    log det = sum of s

        return t + np.exp(s) * x, np.sum(s, axis=1)
    """,
)


@flow.case(points=1, kind="equation", expect={"y": [[5.0, 2.3]], "log_det": [0.6931471805599453]})
def by_hand(impl, rng):
    y, log_det = impl(np.array([[2.0, 1.0]]), np.array([[np.log(2.0), 0.0]]), np.array([[1.0, 1.3]]))
    return {"y": y, "log_det": log_det}


@flow.case(points=2, kind="equation", property=True, expect={"gap": 0.0, "log_det": 0.0})
def pure_shift(impl, rng):
    """Without a scale the map only moves."""
    x, t = rng.standard_normal((4, 2)), rng.standard_normal((4, 2))
    y, log_det = impl(x, np.zeros((4, 2)), t)
    return {"gap": y - x - t, "log_det": log_det}


@flow.case(points=2, kind="equation")
def batch(impl, rng):
    y, log_det = impl(*rng.standard_normal((3, 4, 2)))
    return {"y": y, "log_det": log_det}
