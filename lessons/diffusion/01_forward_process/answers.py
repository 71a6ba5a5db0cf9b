"""Mistakes in the exercises of diffusion/01, and other right answers."""

import numpy
import autograd.numpy as np


def at(values, t, x):
    """values[t], to go with x."""
    return np.reshape(values[t], np.shape(t) + (1,) * (np.ndim(x) - 1) * np.ndim(t)).astype(x.dtype)


def mixed(x, eps, kept, added):
    return kept * x + added * eps


MISTAKES = {
    "q_step": """
    # Roots are missing: variances are 1 - beta and beta, factors their roots.
    np.sqrt(1 - beta) -> 1 - beta
    np.sqrt(beta) -> beta
    # beta is the variance of the noise; its factor is the root of that.
    np.sqrt(beta) -> beta
    # 1 - beta is the variance that is left of the data, not its factor: that is the root of it.
    np.sqrt(1 - beta) -> 1 - beta
    # The data is not shrunk, so the variance grows with every step.
    per_example(np.sqrt(1 - beta), x_before) -> x_before
    # Data and noise have each other's factor: a step adds only a little noise.
    per_example(np.sqrt(1 - beta), x_before) -> per_example(np.sqrt(beta), x_before)
    per_example(np.sqrt(beta), eps) -> per_example(np.sqrt(1 - beta), eps)
    # alpha_bar belongs to all the steps from 0; one step has beta.
    beta = schedule.beta[t] -> beta = 1 - schedule.alpha_bar[t]
    # The arrays are indexed by the time step itself: beta[t], not beta[t - 1].
    beta = schedule.beta[t] -> beta = schedule.beta[t - 1]
    # Noise is added: a minus gives another draw than the one asked for.
    per_example(np.sqrt(1 - beta), x_before) + -> per_example(np.sqrt(1 - beta), x_before) -
    # The noise is missing.
    per_example(np.sqrt(beta), eps) -> per_example(np.sqrt(beta), 0 * eps)
    # eps is given; do not draw your own.
    return mixed(x_before, numpy.random.standard_normal(np.shape(eps)).astype(x_before.dtype),
        np.sqrt(1 - at(schedule.beta, t, x_before)), np.sqrt(at(schedule.beta, t, x_before)))
    # Every example has its own time; here all get that of the first one.
    beta = schedule.beta[t] -> beta = schedule.beta[np.ravel(t)[0]]
    # beta is the variance of the noise, not its standard deviation.
    np.sqrt(1 - beta) -> np.sqrt(1 - beta**2)
    np.sqrt(beta) -> beta
    # First shrink, then add: the noise of this step is not shrunk.
    np.sqrt(beta) -> np.sqrt((1 - beta) * beta)
    # 1 minus the root of beta does not keep the variance: the squares of both factors add up to 1.
    np.sqrt(1 - beta) -> 1 - np.sqrt(beta)
    # This is the step back: divided where the forward step multiplies.
    per_example(np.sqrt(1 - beta), x_before) -> per_example(1 / np.sqrt(1 - beta), x_before)
    """,
    "q_sample": """
    # Roots are missing: the variances are alpha_bar and 1 - alpha_bar, the factors their roots.
    np.sqrt(alpha_bar) -> alpha_bar
    np.sqrt(1 - alpha_bar) -> 1 - alpha_bar
    # eps is multiplied by a variance, not by a standard deviation: take the root of 1 - alpha_bar.
    np.sqrt(1 - alpha_bar) -> 1 - alpha_bar
    # alpha_bar is the variance that is left of the data, not its factor: that is the root of it.
    np.sqrt(alpha_bar) -> alpha_bar
    # The factor of the noise is not 1 minus that of the data: the squares of both add up to 1.
    np.sqrt(1 - alpha_bar) -> 1 - np.sqrt(alpha_bar)
    # alpha belongs to one step; all steps together have alpha_bar, the product.
    alpha_bar = schedule.alpha_bar[t] -> alpha_bar = schedule.alpha[t]
    # The value of alpha_bar belongs to the step before: the arrays are indexed by the time step
    # itself.
    alpha_bar = schedule.alpha_bar[t] -> alpha_bar = schedule.alpha_bar[np.maximum(t - 1, 0)]
    # The value of alpha_bar belongs to the step after: the arrays are indexed by the time step
    # itself.
    alpha_bar = schedule.alpha_bar[t] ->
        alpha_bar = schedule.alpha_bar[np.minimum(t + 1, schedule.T)]
    # Data and noise have each other's factor: at the start all is data.
    per_example(np.sqrt(alpha_bar), x0) + per_example(np.sqrt(1 - alpha_bar), eps) ->
        per_example(np.sqrt(1 - alpha_bar), x0) + per_example(np.sqrt(alpha_bar), eps)
    # This is the noise of the last step alone: all steps together have added 1 - alpha_bar.
    np.sqrt(1 - alpha_bar) -> np.sqrt(schedule.beta[t])
    # The data is shrunk too, by the root of alpha_bar.
    per_example(np.sqrt(alpha_bar), x0) -> x0
    # This is x_t divided by the root of alpha_bar: data in its old size, with larger noise.
    np.sqrt(1 - alpha_bar) -> np.sqrt((1 - alpha_bar) / alpha_bar)
    per_example(np.sqrt(alpha_bar), x0) -> x0
    # The variances of the two add up to 1: alpha_bar and 1 - alpha_bar, not 1 - alpha_bar squared.
    np.sqrt(1 - alpha_bar) -> np.sqrt(1 - alpha_bar**2)
    # alpha_bar is the product of 1 - beta; the exponential of minus the sum is only near it.
    alpha_bar = schedule.alpha_bar[t] -> alpha_bar = np.exp(-np.cumsum(schedule.beta))[t]
    # Noise is added: a minus gives another draw than the one asked for.
    per_example(np.sqrt(alpha_bar), x0) + -> per_example(np.sqrt(alpha_bar), x0) -
    # The noise is missing: this is the mean of x_t.
    per_example(np.sqrt(1 - alpha_bar), eps) -> per_example(np.sqrt(1 - alpha_bar), 0 * eps)
    # Every example has its own time; here all get that of the first one.
    alpha_bar = schedule.alpha_bar[t] -> alpha_bar = schedule.alpha_bar[np.ravel(t)[0]]
    # eps is given; do not draw your own.
    return mixed(x0, numpy.random.standard_normal(np.shape(eps)).astype(x0.dtype),
        np.sqrt(at(schedule.alpha_bar, t, x0)), np.sqrt(1 - at(schedule.alpha_bar, t, x0)))
    # Variances of independent noises add up, not the noises: the same eps at each step is too much.
    x, times = x0, np.broadcast_to(t, (len(x0),))
    for k in range(1, int(np.max(times)) + 1):
        moved = mixed(x, eps, np.sqrt(1 - schedule.beta[k]), np.sqrt(schedule.beta[k]))
        x = np.where(np.reshape(times >= k, (-1,) + (1,) * (np.ndim(x0) - 1)), moved, x)
    return x.astype(x0.dtype)
    """,
}

VARIANTS = {
    "q_step": """
    # with alpha
    a = at(schedule.alpha, t, x_before)
    return a**0.5 * x_before + (1 - a) ** 0.5 * eps
    # example by example
    times = np.broadcast_to(t, (len(x_before),))
    rows = [
        np.sqrt(1 - schedule.beta[k]) * x + np.sqrt(schedule.beta[k]) * e
        for x, k, e in zip(x_before, times, eps)
    ]
    return np.stack(rows).astype(x_before.dtype)
    """,
    "q_sample": """
    # with the ratio of noise to data, and alpha_bar as a product made again
    product = np.cumprod(1 - schedule.beta)
    a = at(product, t, x0)
    rest = 1 - at(product, t, x0.astype(float))
    return np.sqrt(a) * (x0 + np.sqrt(rest / a) * eps).astype(x0.dtype)
    # example by example
    times = np.broadcast_to(t, (len(x0),))
    rows = []
    for x, k, e in zip(x0, times, eps):
        a = schedule.alpha_bar[k]
        rows.append(a**0.5 * x + (1 - a) ** 0.5 * e)
    return np.array(rows).astype(x0.dtype)
    """,
}

EQUIVALENT = {
    "q_step": """
    # any negative size is the one that is left over
    (-1,) + (1,) * (np.ndim(x_before) - 1) → (-2,) + (1,) * (np.ndim(x_before) - 1)
    """,
    "q_sample": """
    # any negative size is the one that is left over
    (-1,) + (1,) * (np.ndim(x0) - 1) → (-2,) + (1,) * (np.ndim(x0) - 1)
    """,
}
