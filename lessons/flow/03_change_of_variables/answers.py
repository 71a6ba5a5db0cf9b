"""Mistakes in the exercises of flow/03, and other right answers."""

import autograd.numpy as np
from autograd import elementwise_grad
from autograd import jacobian as of_autograd

from minigen.tensor import grad, jacobian


def slopes(g, x):
    return grad(lambda v: np.sum(g(v)))(x)


def matrices(g, x):
    """(N, D) -> (N, D, D)."""
    return np.stack([jacobian(lambda v: g(v[None])[0])(point) for point in x])


def log_dets(g, x):
    return np.linalg.slogdet(matrices(g, x))[1]


MISTAKES = {
    "pushforward_density": """
    # A density is not negative: take the absolute value of the slope. Where f falls it is negative.
    np.abs(slope) -> slope
    # This divides by the slope of the inverse; a density is multiplied by it.
    density * np.abs(slope) -> density / (np.abs(slope) + 1e-300)
    # The slope is missing: where the map stretches lengths, the density is lower.
    density * np.abs(slope) -> density + 0 * slope
    # The base density is that of z: evaluate it at f^-1(x), not at x.
    density = base_density(z) -> density = base_density(x)
    # The slope of the inverse is taken at the wrong place: it belongs at x, not at z.
    slope = _slope("inverse", inverse, x) -> slope = slopes(inverse, inverse(x))
    # Every number has its own slope; this is their mean.
    np.abs(slope) -> np.mean(np.abs(slope))
    # Every number has its own slope; this is their sum.
    np.abs(slope) -> np.abs(np.sum(slope))
    # The slope enters once, not squared.
    np.abs(slope) -> slope**2
    # The slope enters as it is, without a root.
    np.abs(slope) -> np.sqrt(np.abs(slope))
    # This is the logarithm of the density.
    return np.log(np.maximum(base_density(inverse(x)) * np.abs(slopes(inverse, x)), 1e-300))
    # A small step is not exact. Differentiate instead.
    slope = _slope("inverse", inverse, x) ->
        slope = ((inverse(x + 1e-4) - inverse(x)) / 1e-4).astype(x.dtype)
    # A small step is not exact. Differentiate instead.
    slope = _slope("inverse", inverse, x) ->
        slope = ((inverse(x + 1e-6) - inverse(x)) / 1e-6).astype(x.dtype)
    # A small step is not exact, even to both sides. Differentiate instead.
    slope = _slope("inverse", inverse, x) ->
        slope = ((inverse(x + 1e-5) - inverse(x - 1e-5)) / 2e-5).astype(x.dtype)
    # A step is not exact, however its size is chosen. Differentiate instead.
    far = x.astype(float)
    h = 1e-5 * (1e-3 + np.abs(far))
    slope = (inverse(far + h) - inverse(far - h)) / (2 * h)
    return (base_density(inverse(x)) * np.abs(slope)).astype(x.dtype)
    # The gradient of the mean is N times too small: take that of the sum.
    np.abs(slope) -> np.abs(slope) / len(x)
    # Nothing is added to a density or a slope: both may be 0.
    density * np.abs(slope) -> (density + 1e-8) * (np.abs(slope) + 1e-8)
    # z has the density that is given, which need not be the normal one.
    density = base_density(z) -> density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    # The result is a density already: do not divide it by its sum.
    p = base_density(inverse(x)) * np.abs(slopes(inverse, x))
    return p / np.sum(p)
    # This is the slope of the base density; the slope of the inverse is needed.
    return base_density(inverse(x)) * np.abs(slopes(base_density, inverse(x)))
    # Where the inverse falls the density is not 0: take the absolute value of the slope.
    np.abs(slope) -> np.maximum(slope, 0)
    """,
    "pushforward_log_prob": """
    # This is the log-determinant of f; that of the inverse, from x to z, is added.
    log_prob + np.linalg -> log_prob - np.linalg
    # The log-determinant is missing: where the map stretches volumes, the density is lower.
    return base_log_prob(inverse(x)) + 0 * x[:, 0]
    # The base density is that of z: evaluate it at f^-1(x), not at x.
    log_prob = base_log_prob(z) -> log_prob = base_log_prob(x)
    # A determinant may be negative, and then has no logarithm: take its absolute value.
    return base_log_prob(inverse(x)) + np.log(np.linalg.det(matrices(inverse, x)))
    # A determinant of 1e-360 is 0 in floating point. slogdet gives its logarithm directly.
    return base_log_prob(inverse(x)) + np.log(np.abs(np.linalg.det(matrices(inverse, x))))
    # Outside the diagonal there are derivatives too; they count unless the matrix is triangular.
    diagonal = np.diagonal(matrices(inverse, x), axis1=1, axis2=2)
    return base_log_prob(inverse(x)) + np.sum(np.log(np.abs(diagonal) + 1e-300), axis=1)
    # slogdet returns the sign first and then the logarithm.
    return base_log_prob(inverse(x)) + np.linalg.slogdet(matrices(inverse, x))[0]
    # The logarithm of the determinant is added, not the determinant.
    return base_log_prob(inverse(x)) + np.exp(np.minimum(log_dets(inverse, x), 500))
    # Every example has its own determinant; this is that of the first one.
    return base_log_prob(inverse(x)) + log_dets(inverse, x)[0]
    # The density is multiplied by the determinant, so the logarithms of both are added.
    return base_log_prob(inverse(x)) * np.exp(np.minimum(log_dets(inverse, x), 500))
    # The gradient of the sum of all numbers of z is not the Jacobian: every number has its own row.
    return base_log_prob(inverse(x)) + np.sum(np.log(np.abs(slopes(inverse, x))), axis=1)
    # Every example has its own determinant; this is the sum of all.
    return base_log_prob(inverse(x)) + np.sum(log_dets(inverse, x))
    # Every example has its own determinant; this is their mean.
    return base_log_prob(inverse(x)) + np.mean(log_dets(inverse, x))
    # The Jacobian of the inverse is taken at the wrong place: it belongs at x, not at z.
    return base_log_prob(inverse(x)) + log_dets(inverse, inverse(x))
    # The log-determinant is not divided by the number of dimensions.
    return base_log_prob(inverse(x)) + log_dets(inverse, x) / x.shape[1]
    # The log-determinant enters whole, not with a factor 1/2.
    return base_log_prob(inverse(x)) + log_dets(inverse, x) / 2
    # The examples are averaged: each has a log-density of its own.
    return np.mean(base_log_prob(inverse(x)) + log_dets(inverse, x))
    # The log-determinant has a sign of its own: it is negative where volumes shrink.
    return base_log_prob(inverse(x)) + np.abs(log_dets(inverse, x))
    # z has the density that is given, which need not be the normal one.
    z = inverse(x)
    log_normal = -0.5 * np.sum(z**2, axis=1) - 0.5 * z.shape[1] * np.log(2 * np.pi)
    return log_normal + log_dets(inverse, x)
    """,
}

VARIANTS = {
    "pushforward_density": """
    return np.abs(elementwise_grad(inverse)(x)) * base_density(inverse(x))  # by autograd
    # number by number
    each = []
    for v in x:
        slope = grad(lambda one: inverse(np.reshape(one, (1,)))[0])(v)
        each.append(base_density(inverse(np.array([v])))[0] * (slope**2) ** 0.5)
    return np.array(each)
    """,
    "pushforward_log_prob": """
    # all Jacobians from one of the whole batch
    n, d = x.shape
    whole = of_autograd(inverse)(x)
    J = whole[np.arange(n), :, np.arange(n), :]
    return base_log_prob(inverse(x)) + np.linalg.slogdet(J)[1]
    # row by row, each with a base and a map of its own call
    rows = []
    for row in x:
        J = matrices(inverse, row[None])[0]
        rows.append(base_log_prob(inverse(row[None]))[0] + np.linalg.slogdet(J)[1])
    return np.array(rows)
    # by singular values
    sizes = np.linalg.svd(matrices(inverse, x), compute_uv=False)
    return base_log_prob(inverse(x)) + np.log(sizes).sum(axis=1)
    """,
}
