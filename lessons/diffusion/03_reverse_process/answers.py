"""Mistakes in the exercises of diffusion/03, and other right answers."""

import autograd.numpy as np


def fit(values, t, x):
    """values[t], to go with x."""
    return np.reshape(values[t], np.shape(t) + (1,) * (np.ndim(x) - 1) * np.ndim(t)).astype(x.dtype)


def wide(x):
    return x.astype(float)


def product(beta):
    return np.cumprod(1 - beta)


def shifted(a):
    return np.concatenate([[1.0], a[:-1]])


MISTAKES = {
    "posterior_mean": """
    # The part of x_t is missing.
    per_example(from_x_t, x_t) + per_example(from_x0, x0) -> per_example(from_x0, x0)
    # beta_t multiplies x_0 without a root.
    np.sqrt(before) * beta -> np.sqrt(before) * np.sqrt(beta)
    # Both roots are missing: that of alpha_t before x_t, that of alpha_bar_(t-1) before x_0.
    np.sqrt(alpha) -> alpha
    np.sqrt(before) -> before
    # This is the plain mean of two guesses; each counts by its precision.
    per_example(from_x_t, x_t) + per_example(from_x0, x0) ->
        (per_example(1 / np.sqrt(alpha), x_t) + per_example(np.sqrt(before), x0)) / 2
    # x_t and x_0 have each other's part.
    per_example(from_x_t, x_t) + per_example(from_x0, x0) ->
        per_example(from_x_t, x0) + per_example(from_x0, x_t)
    # The root of alpha_t is missing before x_t.
    np.sqrt(alpha) -> 1
    # The part of x_t has the wrong power of alpha_t: a step multiplies by a root, not by a
    # variance.
    np.sqrt(alpha) -> alpha
    # x_0 counts in its full size: t - 1 steps have shrunk it on the way to x_(t-1).
    np.sqrt(before) -> 1
    # The part of x_0 has the wrong power of alpha_bar_(t-1): the steps multiply by its root.
    np.sqrt(before) -> before
    # The factor of x_t is alpha_t, of one step, and not the product alpha_bar_t.
    np.sqrt(alpha) -> np.sqrt(alpha_bar)
    # x_0 is shrunk by one step too many: only t - 1 steps lead to x_(t-1).
    np.sqrt(before) -> np.sqrt(alpha_bar)
    # The part of x_t has the noise of x_t, which cancels, and not that of x_(t-1).
    (1 - before) / (1 - alpha_bar) -> (1 - alpha_bar) / (1 - alpha_bar)
    # The part of x_0 is divided by the variance of x_(t-1), not by that of x_t.
    beta / (1 - alpha_bar) -> beta / np.maximum(1 - before, 1e-3)
    # beta_t is missing before x_0.
    np.sqrt(before) * beta / (1 - alpha_bar) -> np.sqrt(before) / (1 - alpha_bar)
    # Neither part is divided: the two precisions have a sum.
    from_x_t = np.sqrt(alpha) * (1 - before) / (1 - alpha_bar) ->
        from_x_t = np.sqrt(alpha) * (1 - before)
    from_x0 = np.sqrt(before) * beta / (1 - alpha_bar) -> from_x0 = np.sqrt(before) * beta
    # alpha_bar of the time before is alpha_bar[t - 1]: the arrays are indexed by the time step.
    schedule.alpha_bar[t - 1] -> schedule.alpha_bar[np.maximum(t - 2, 0)]
    schedule.alpha_bar[t] -> (schedule.alpha_bar[t - 1] - 1e-9)
    # The part of x_0 is added.
    per_example(from_x_t, x_t) + -> per_example(from_x_t, x_t) -
    # The part of x_0 is missing.
    per_example(from_x_t, x_t) + per_example(from_x0, x0) -> per_example(from_x_t, x_t)
    # This is the mean of x_(t-1) given x_0 alone; x_t is known too.
    per_example(from_x_t, x_t) + per_example(from_x0, x0) -> per_example(np.sqrt(before), x0)
    # This undoes the shrinking of the last step, and does not ask x_0.
    per_example(from_x_t, x_t) + per_example(from_x0, x0) -> per_example(1 / np.sqrt(alpha), x_t)
    # Every example has its own time; here all get that of the first one.
    t = int(np.ravel(t)[0])
    before, now, beta = schedule.alpha_bar[t - 1], schedule.alpha_bar[t], schedule.beta[t]
    of_x_t, of_x0 = np.sqrt(1 - beta) * (1 - before), np.sqrt(before) * beta
    return ((of_x_t * x_t + of_x0 * x0) / (1 - now)).astype(x0.dtype)
    # At t = 1 this divides by 0, because 1 - alpha_bar_0 is 0: simplify the fraction first.
    alpha, beta, before = (
        fit(a, k, wide(x0))
        for a, k in ((schedule.alpha, t), (schedule.beta, t), (schedule.alpha_bar, t - 1))
    )
    with np.errstate(all="ignore"):
        of_step, of_data = alpha / beta, 1 / (1 - before)
        mixed = of_step * x_t / np.sqrt(alpha) + of_data * np.sqrt(before) * x0
        return (mixed / (of_step + of_data)).astype(x0.dtype)
    """,
    "posterior_variances": """
    # The fraction is upside down: knowing x_0 makes the variance smaller than beta, not larger.
    (1 - before) / _divisor(1 - alpha_bar) * beta -> (1 - alpha_bar) / _divisor(1 - before) * beta
    # This is beta itself, as if alpha_bar_t stood above and below; above is that of the time
    # before.
    (1 - before) / _divisor(1 - alpha_bar) * beta -> beta
    # The factor beta_t is missing.
    (1 - before) / _divisor(1 - alpha_bar) * beta -> (1 - before) / (1 - alpha_bar)
    # alpha belongs to one step; alpha_bar is the product of all.
    alpha_bar = numpy.cumprod(1 - beta) -> alpha_bar = 1 - beta
    # Before the first step nothing has happened yet: the signal is whole there, and the first
    # variance 0.
    numpy.concatenate([[1.0], alpha_bar[:-1]]) -> np.concatenate([[0.0], alpha_bar[:-1]])
    # The first variance is 0: only where its logarithm is taken does one put the second there.
    found = (1 - shifted(product(beta))) / (1 - product(beta)) * beta
    return np.concatenate([found[1:2] if len(found) > 1 else beta, found[1:]])
    # The last alpha_bar is in front of the first one; before the first step nothing has
    # happened.
    numpy.concatenate([[1.0], alpha_bar[:-1]]) -> np.roll(alpha_bar, 1)
    # beta_t enters once, not squared.
    (1 - before) / _divisor(1 - alpha_bar) * beta -> (1 - before) / (1 - alpha_bar) * beta**2
    # Nothing is cut off below: the first variance is 0.
    (1 - before) / _divisor(1 - alpha_bar) * beta ->
        np.maximum((1 - before) / (1 - alpha_bar) * beta, 1e-5)
    # These are standard deviations; the variances are asked for.
    (1 - before) / _divisor(1 - alpha_bar) * beta -> np.sqrt((1 - before) / (1 - alpha_bar) * beta)
    # The array is shifted the wrong way: this is alpha_bar of the step after.
    numpy.concatenate([[1.0], alpha_bar[:-1]]) -> np.concatenate([alpha_bar[1:], [0.0]])
    # 1 minus is missing: the noise of t - 1 steps has variance 1 - alpha_bar_(t-1).
    (1 - before) / _divisor(1 - alpha_bar) * beta -> before / alpha_bar * beta
    # Below is the part of the data, not of the noise.
    (1 - before) / _divisor(1 - alpha_bar) * beta -> (1 - before) / alpha_bar * beta
    # This is a product of variances of noise: alpha_bar is the product of what each step keeps.
    alpha_bar = numpy.cumprod(1 - beta) -> alpha_bar = np.cumprod(beta)
    # alpha_bar is a product; this adds the betas up.
    alpha_bar = numpy.cumprod(1 - beta) -> alpha_bar = 1 - np.cumsum(beta)
    # In the fraction there are no roots.
    (1 - before) / _divisor(1 - alpha_bar) * beta -> np.sqrt((1 - before) / (1 - alpha_bar)) * beta
    # The first time is t = 1, and it has a variance, 0: T numbers, not T - 1.
    return ((1 - shifted(product(beta))) / (1 - product(beta)) * beta)[1:]
    """,
}

VARIANTS = {
    "posterior_mean": """
    # with the noise of t - 1 steps, and that of t made of it
    beta, before = fit(schedule.beta, t, wide(x0)), fit(schedule.alpha_bar, t - 1, wide(x0))
    noise = 1 - before
    total = noise * (1 - beta) + beta
    mixed = noise * np.sqrt(1 - beta) * x_t + beta * np.sqrt(before) * x0
    return (mixed / total).astype(x0.dtype)
    # from the noise
    alpha, now = fit(schedule.alpha, t, wide(x0)), fit(schedule.alpha_bar, t, wide(x0))
    noise = x_t - np.sqrt(now) * x0
    return ((x_t - (1 - alpha) / (1 - now) * noise) / np.sqrt(alpha)).astype(x0.dtype)
    """,
    "posterior_variances": """
    # step by step
    found, noise = [], 0.0
    for b in beta:
        after = (1 - b) * noise + b
        found.append(noise / after * b)
        noise = after
    return np.array(found)
    # one over the sum of precisions, 0 first
    noise = 1 - product(beta)[:-1]
    rest = 1 / ((1 - beta[1:]) / beta[1:] + 1 / noise)
    return np.concatenate([[0.0], rest])
    """,
}

EQUIVALENT = {
    "posterior_mean": """
    # any negative size is the free one
    (-1,) + (1,) * (np.ndim(x0) - 1) → (-2,) + (1,) * (np.ndim(x0) - 1)
    """,
    "posterior_variances": """
    # all variances of the noise turn their sign, and only ratios of two are used
    (1 - b) * noise + b → (1 - b) * noise - b
    """,
}
