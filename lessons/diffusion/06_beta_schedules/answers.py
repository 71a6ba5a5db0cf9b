"""Mistakes in the exercise of diffusion/06, and other right answers."""

import autograd.numpy as np


def curve(T, s):
    return np.cos((np.arange(T + 1) / T + s) / (1 + s) * np.pi / 2) ** 2


MISTAKES = {
    "cosine_beta": """
    # Nothing is cut off: at t = T f is 0 and beta would be 1. No beta may be above `largest`.
    numpy.minimum(1 - f[1:] / f[:-1], largest) -> 1 - f[1:] / f[:-1]
    # `largest` is an argument; here it is always 0.999.
    numpy.minimum(1 - f[1:] / f[:-1], largest) -> numpy.minimum(1 - f[1:] / f[:-1], 0.999)
    # s is an argument; here it is always 0.008.
    f = curve(T, 0.008)
    return np.minimum(1 - f[1:] / f[:-1], largest)
    # The offset s is left out.
    f = curve(T, 0.0)
    return np.minimum(1 - f[1:] / f[:-1], largest)
    # The offset shifts the curve, and 1 + s brings its end back to T: divide by 1 + s.
    / (1 + s) -> / 1
    # s is added to t/T, which goes from 0 to 1, not to t.
    f = np.cos((np.arange(T + 1) + s) / (T + s) * np.pi / 2) ** 2
    return np.minimum(1 - f[1:] / f[:-1], largest)
    # The square of the cosine is missing.
    f = np.cos((np.arange(T + 1) / T + s) / (1 + s) * np.pi / 2)
    with np.errstate(all="ignore"):
        return np.minimum(1 - f[1:] / f[:-1], largest)
    # The angle ends at a quarter of a turn: pi/2, not pi.
    * numpy.pi / 2 -> * numpy.pi
    # These are the alphas: beta is 1 minus the ratio.
    1 - f[1:] / f[:-1] -> f[1:] / f[:-1]
    # This is alpha_bar, what is left of the signal; beta_t is 1 minus the ratio of two neighbors.
    f = curve(T, s)
    return f[1:] / f[0]
    # This is 1 - alpha_bar, all the noise up to t; beta is that of one step.
    f = curve(T, s)
    return np.minimum(1 - f[1:] / f[0], largest)
    # A difference of two neighbors; beta is 1 minus their ratio.
    f = curve(T, s)
    return np.minimum((f[:-1] - f[1:]) / f[0], largest)
    # beta_t compares t with the step before: f(t)/f(t - 1), not f(t - 1)/f(t).
    f = curve(T, s)
    with np.errstate(all="ignore"):
        return np.minimum(np.abs(1 - f[:-1] / f[1:]), largest)
    # The steps are 1 ... T; this is one number too many.
    f = curve(T, s)
    return np.minimum(np.concatenate([[0.0], 1 - f[1:] / f[:-1]]), largest)
    # There is one step too few: t = T is one of the steps.
    f = curve(T, s)
    return np.minimum(1 - f[1:-1] / f[:-2], largest)
    # The steps begin with t = 1, and there is one at t = T: this is beta_0 ... beta_(T-1).
    f = curve(T, s)
    return np.minimum(np.concatenate([[0.0], 1 - f[1:-1] / f[:-2]]), largest)
    # The order of time is reversed: the first steps are the small ones.
    f = curve(T, s)
    return np.minimum(1 - f[1:] / f[:-1], largest)[::-1]
    # The limit is an upper one: take the smaller of the two.
    numpy.minimum -> numpy.maximum
    # The limit applies to beta, not to alpha_bar.
    f = np.maximum(curve(T, s), 1 - largest)
    return 1 - f[1:] / f[:-1]
    # This is the linear schedule.
    return np.linspace(1e-4, 0.02, T)
    # The sine takes the place of the cosine: the signal falls.
    numpy.cos -> numpy.sin
    # t/T goes from 1/T to 1, not from 0 to 1 over T numbers; and f(0) precedes the first.
    f = np.cos((np.linspace(0, 1, T) + s) / (1 + s) * np.pi / 2) ** 2
    return np.minimum(1 - f / np.concatenate([[1.0], f[:-1]]), largest)
    # f(0) is taken for 1, which it is for s = 0 alone.
    f = curve(T, s)
    return np.minimum(1 - f[1:] / np.concatenate([[1.0], f[1:-1]]), largest)
    # The angle is a quarter of a turn at t = T: the factor pi/2 is missing.
    f = np.cos((np.arange(T + 1) / T + s) / (1 + s)) ** 2
    return np.minimum(1 - f[1:] / f[:-1], largest)
    # Parentheses are missing: the whole of t/T + s is divided by 1 + s and multiplied by pi/2.
    f = np.cos(np.arange(T + 1) / T + s / (1 + s) * np.pi / 2) ** 2
    return np.minimum(1 - f[1:] / f[:-1], largest)
    # The ratio is inverted: 1 - f(t)/f(t - 1).
    f = curve(T, s)
    with np.errstate(all="ignore"):
        return np.minimum(1 - f[:-1] / f[1:], largest)
    # There is a limit above only: a small beta stays as it is.
    f = curve(T, s)
    return np.clip(1 - f[1:] / f[:-1], 1e-4, largest)
    # There is a limit above only, and it is an argument, `largest`.
    f = curve(T, s)
    return np.clip(1 - f[1:] / f[:-1], 1e-4, 0.9999)
    # The betas are cut off at the limit, not scaled to it.
    f = curve(T, s)
    beta = 1 - f[1:] / f[:-1]
    return beta / np.max(beta) * largest
    # What is above the limit becomes the limit, not 0.
    f = curve(T, s)
    beta = 1 - f[1:] / f[:-1]
    return np.where(beta > largest, 0.0, beta)
    # The first step is taken for t = 0: there t - 1 counts from the end.
    f = curve(T, s)
    with np.errstate(all="ignore"):
        return np.minimum([1 - f[t] / f[t - 1] for t in range(T)], largest)
    # The angle is in radians: nothing is turned from degrees.
    f = np.cos(np.deg2rad((np.arange(T + 1) / T + s) / (1 + s) * np.pi / 2)) ** 2
    return np.minimum(1 - f[1:] / f[:-1], largest)
    # This is a running product; each beta follows from two neighbors alone.
    f = np.cos((np.arange(T + 1) / T + s) / (1 + s) * np.pi / 2) ** 2
    return np.cumprod(np.minimum(1 - f[1:] / f[:-1], largest))
    # np.cos takes radians: pi/2, not 90.
    f = np.cos((np.arange(T + 1) / T + s) / (1 + s) * 90) ** 2
    return np.minimum(1 - f[1:] / f[:-1], largest)
    # The offset is added to the angle, not to t/T: both are multiplied by pi/2.
    f = np.cos(np.arange(T + 1) / T / (1 + s) * np.pi / 2 + s) ** 2
    return np.minimum(1 - f[1:] / f[:-1], largest)
    """,
}

VARIANTS = {
    "cosine_beta": """
    # step by step
    def f(t):
        return np.cos((t / T + s) / (1 + s) * np.pi / 2) ** 2
    return np.array([min(1 - f(t) / f(t - 1), largest) for t in range(1, T + 1)])
    # by the cosine of twice the angle
    f = 1 + np.cos(np.pi * (np.linspace(0, 1, T + 1) + s) / (1 + s))
    return np.clip(1 - f[1:] / f[:-1], None, largest)
    # differences of neighbors over the earlier one
    f = curve(T, s)
    return np.clip(-np.diff(f) / f[:-1], None, largest)
    """,
}

EQUIVALENT = {
    "cosine_beta": """
    # the smaller of two, either way
    min(1 - f(t) / f(t - 1), largest) → min(largest, 1 - f(t) / f(t - 1))
    """,
}
