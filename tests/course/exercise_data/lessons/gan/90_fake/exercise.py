"""Exercises for the tests of the machinery."""

import numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad

nll = Exercise(
    "gan/90/gaussian_nll",
    target="fakegen.densities:gaussian_nll",
    minutes=5,
    prompt=(
        "Return -log N(x; mu, exp(logvar)) of each example, summed over its features.\n\nx, mu and logvar have shape "
        "(N, D); return shape (N,), in nats."
    ),
    hints=["One term for each feature.", "Half of logvar + (x - mu)^2 / var + log 2 pi.", "0.5 * np.sum(..., axis=1)"],
)


def inputs(rng):
    return rng.standard_normal((5, 3)), rng.standard_normal((5, 3)), 0.5 * rng.standard_normal((5, 3))


@nll.case(points=1, expect={"nll": [0.9189385332046727]})
def at_the_mean(impl, rng):
    zero = np.zeros((1, 1))
    return {"nll": impl(zero, zero, zero)}


@nll.case(points=2)
def random_batch(impl, rng):
    return {"nll": impl(*inputs(rng))}


@nll.case(points=1, property="moving x and mu together changes nothing", expect={"difference": 0.0})
def shift(impl, rng):
    x, mu, logvar = inputs(rng)
    return {"difference": impl(x + 3.0, mu + 3.0, logvar) - impl(x, mu, logvar)}


@nll.case(points=2)
def gradient(impl, rng):
    x, mu, logvar = inputs(rng)
    return {"grad_logvar": grad(lambda v: np.sum(impl(x, mu, v)) + 0.0)(logvar)}


@nll.mistake(hint="logvar is the logarithm of the variance, not of the standard deviation.")
def logvar_is_log_sigma(x, mu, logvar):
    return np.sum(0.5 * ((x - mu) / np.exp(logvar)) ** 2 + logvar + 0.5 * np.log(2 * np.pi), axis=1)


@nll.mistake(hint="The constant log 2 pi belongs to it.")
def constant_missing(x, mu, logvar):
    return 0.5 * np.sum(logvar + (x - mu) ** 2 / np.exp(logvar), axis=1)


@nll.mistake(hint="Sum over the features, do not average.")
def mean_over_features(x, mu, logvar):
    return 0.5 * np.mean(logvar + (x - mu) ** 2 / np.exp(logvar) + np.log(2 * np.pi), axis=1)


@nll.mistake(hint="Squares measure the distance between x and mu, not x alone.")
def forgets_mu(x, mu, logvar):
    return 0.5 * np.sum(logvar + x**2 / np.exp(logvar) + np.log(2 * np.pi), axis=1)


@nll.variant
def through_sigma(x, mu, logvar):
    sigma = np.exp(0.5 * logvar)
    return np.sum(np.log(sigma) + 0.5 * ((x - mu) / sigma) ** 2, axis=1) + 0.5 * x.shape[1] * np.log(2 * np.pi)


flow = Exercise(
    "gan/fake/scale_and_shift",
    target="fakegen.densities:scale_and_shift",
    minutes=3,
    prompt="Return y = x exp(s) + t, shape (N, D), and the log-determinant, shape (N,).",
    hints=["Stretch, then move.", "log det = sum of s", "return y, np.sum(s, axis=-1)"],
)


@flow.case(points=1, expect={"y": [[5.0, 2.0]], "log_det": [0.6931471805599453]})
def by_hand(impl, rng):
    y, log_det = impl(np.array([[2.0, 1.0]]), np.array([[np.log(2.0), 0.0]]), np.array([[1.0, 1.0]]))
    return {"y": y, "log_det": log_det}


@flow.case(points=2, property="without a scale the map only moves", expect={"gap": 0.0, "log_det": 0.0})
def pure_shift(impl, rng):
    x, t = rng.standard_normal((4, 2)), rng.standard_normal((4, 2))
    y, log_det = impl(x, np.zeros((4, 2)), t)
    return {"gap": y - x - t, "log_det": log_det}


@flow.case(points=2)
def batch(impl, rng):
    y, log_det = impl(*rng.standard_normal((3, 4, 2)))
    return {"y": y, "log_det": log_det}


@flow.mistake(hint="The log-determinant of the direction called has a plus.")
def sign(x, s, t):
    return x * np.exp(s) + t, -np.sum(s, axis=-1)


@flow.mistake(hint="Scale x first, then move it.")
def moves_first(x, s, t):
    return (x + t) * np.exp(s), np.sum(s, axis=-1)


@flow.mistake(hint="t is added.")
def subtracts(x, s, t):
    return x * np.exp(s) - t, np.sum(s, axis=-1)


@flow.variant
def by_columns(x, s, t):
    return t + np.exp(s) * x, s[:, 0] + s[:, 1]
