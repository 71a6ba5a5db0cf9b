"""Mistakes in the exercises of diffusion/10, and other right answers."""

import autograd.numpy as np


def by_rows(values, x):
    """One number for each example, to go with x."""
    return np.reshape(values, np.shape(values) + (1,) * (np.ndim(x) - np.ndim(values)))


def step(x, t, s, eps, z, schedule, eta, slip=""):
    """The step, with one thing wrong."""
    now, before = by_rows(schedule.alpha_bar[t], x), by_rows(schedule.alpha_bar[s], x)
    x0 = (x - np.sqrt(1 - now) * eps) / np.sqrt(now)
    variance = 0.0
    if eta > 0:
        variance = eta**2 * (1 - before) / (1 - now) * (1 - now / before)
    if slip == "eta":
        variance = variance / max(eta, 1e-9)
    if slip == "beta" and eta > 0:
        variance = eta**2 * (1 - before) / (1 - now) * by_rows(schedule.beta[t], x)
    if slip == "larger" and eta > 0:
        variance = eta**2 * (1 - now / before)
    if slip == "upside down" and eta > 0:
        variance = eta**2 * (1 - now) / np.maximum(1 - before, 1e-9) * (1 - now / before)
        variance = np.minimum(variance, 1 - before)
    left = np.sqrt(1 - before if slip == "not reduced" else 1 - before - variance)
    if slip == "sigma":
        left = np.sqrt(np.maximum(1 - before - np.sqrt(variance), 0))
    if slip == "difference":
        left = np.sqrt(1 - before) - np.sqrt(variance)
    out = np.sqrt(before) * x0 + left * eps
    fresh = 0.0 if z is None else z
    return out + (variance if slip == "variance" else np.sqrt(variance)) * fresh


MISTAKES = {
    "ddim_step": """
    # eta is in front of the deviation, so it enters the variance squared.
    return step(x, t, s, eps, z, schedule, eta, "eta")
    # The beta of the pair (s, t) is 1 - alpha_bar_t/alpha_bar_s, not that of step t alone.
    return step(x, t, s, eps, z, schedule, eta, "beta")
    # The variance has the factor (1 - alpha_bar_s)/(1 - alpha_bar_t) as well.
    return step(x, t, s, eps, z, schedule, eta, "larger")
    # The factor is (1 - alpha_bar_s)/(1 - alpha_bar_t), the earlier time on top.
    return step(x, t, s, eps, z, schedule, eta, "upside down")
    # The old noise has to be reduced by the variance of the fresh noise: sqrt(1 - a_s - sigma^2).
    return step(x, t, s, eps, z, schedule, eta, "not reduced")
    # A standard deviation is subtracted from a variance.
    return step(x, t, s, eps, z, schedule, eta, "sigma")
    # Variances are subtracted, not deviations: sqrt(1 - a_s - sigma^2).
    return step(x, t, s, eps, z, schedule, eta, "difference")
    # z is multiplied with the standard deviation, not with the variance.
    return step(x, t, s, eps, z, schedule, eta, "variance")
    # eta must not be ignored: the deviation of the fresh noise is eta times that of DDPM.
    return step(x, t, s, eps, z, schedule, 0.0 if z is None else 1.0)
    # Fresh noise is missing: with eta above 0, add sigma z.
    return step(x, t, s, eps, z, schedule, 0.0)
    # The fresh noise reduces the old, but is not added.
    return step(x, t, s, eps, None, schedule, eta)
    # The predicted data is x less its noise, over the root of alpha_bar_t: divide.
    now, before = by_rows(schedule.alpha_bar[t], x), by_rows(schedule.alpha_bar[s], x)
    x0 = x - np.sqrt(1 - now) * eps
    return step(np.sqrt(now) * x0 + np.sqrt(1 - now) * eps, t, s, eps, z, schedule, eta)
    # The data enters x_s times the root of alpha_bar_s.
    before = by_rows(schedule.alpha_bar[s], x)
    now = by_rows(schedule.alpha_bar[t], x)
    x0 = (x - np.sqrt(1 - now) * eps) / np.sqrt(now)
    return step(x, t, s, eps, z, schedule, eta) + (1 - np.sqrt(before)) * x0
    # Roots of alpha_bar, not alpha_bar itself, multiply the data.
    before, now = by_rows(schedule.alpha_bar[s], x), by_rows(schedule.alpha_bar[t], x)
    x0 = (x - np.sqrt(1 - now) * eps) / np.sqrt(now)
    return step(x, t, s, eps, z, schedule, eta) + (before - np.sqrt(before)) * x0
    # The noise is subtracted to find the data, not added.
    now = by_rows(schedule.alpha_bar[t], x)
    return step(x + 2 * np.sqrt(1 - now) * eps, t, s, eps, z, schedule, eta)
    # The noise of x_t has the root of 1 - alpha_bar_t, not 1 - alpha_bar_t.
    now = by_rows(schedule.alpha_bar[t], x)
    return step(x + (np.sqrt(1 - now) - (1 - now)) * eps, t, s, eps, z, schedule, eta)
    # s and t are exchanged: the input x is at time t, the result at time s.
    return step(x, s, t, eps, None, schedule, 0.0)
    # s may be any time, not only t - 1.
    return step(x, t, np.maximum(t - 1, 0), eps, z, schedule, eta)
    # This is the predicted data; it has to be noised again, to time s.
    return step(x, t, 0, eps, None, schedule, 0.0)
    # The predicted data is not clipped here.
    now = by_rows(schedule.alpha_bar[t], x)
    x0 = np.clip((x - np.sqrt(1 - now) * eps) / np.sqrt(now), -1, 1)
    return step(np.sqrt(now) * x0 + np.sqrt(1 - now) * eps, t, s, eps, z, schedule, eta)
    # alpha_bar, the product over all steps, belongs here, not alpha of one step.
    now, before = by_rows(schedule.alpha[t], x), by_rows(schedule.alpha[s], x)
    x0 = (x - np.sqrt(1 - now) * eps) / np.sqrt(now)
    return np.sqrt(before) * x0 + np.sqrt(1 - before) * eps
    # The beta of the pair is 1 - a_t/a_s, the later alpha_bar on top: upside down it is negative.
    now, before = by_rows(schedule.alpha_bar[t], x), by_rows(schedule.alpha_bar[s], x)
    x0 = (x - np.sqrt(1 - now) * eps) / np.sqrt(now)
    if eta == 0:
        return np.sqrt(before) * x0 + np.sqrt(1 - before) * eps
    variance = eta**2 * (1 - before) / (1 - now) * (1 - before / now)
    return np.sqrt(before) * x0 + np.sqrt(1 - before - variance) * eps + np.sqrt(variance) * z
    # With eta = 0 z may be None, and is not to be multiplied: leave the fresh noise out then.
    now, before = by_rows(schedule.alpha_bar[t], x), by_rows(schedule.alpha_bar[s], x)
    x0 = (x - np.sqrt(1 - now) * eps) / np.sqrt(now)
    variance = eta**2 * (1 - before) / (1 - now) * (1 - now / before)
    return np.sqrt(before) * x0 + np.sqrt(1 - before - variance) * eps + np.sqrt(variance) * z
    # With eta = 0 the variance is 0, also forwards, where its formula gives a root of less than 0.
    now, before = by_rows(schedule.alpha_bar[t], x), by_rows(schedule.alpha_bar[s], x)
    x0 = (x - np.sqrt(1 - now) * eps) / np.sqrt(now)
    sigma = eta * np.sqrt((1 - before) / (1 - now) * (1 - now / before))
    out = np.sqrt(before) * x0 + np.sqrt(1 - before - sigma**2) * eps
    return out if z is None else out + sigma * z
    # Images have more axes than points: reshape alpha_bar to (N, 1, ..., 1).
    now, before = schedule.alpha_bar[t], schedule.alpha_bar[s]
    now = now[:, None] if np.ndim(t) else now
    before = before[:, None] if np.ndim(s) else before
    x0 = (x - np.sqrt(1 - now) * eps) / np.sqrt(now)
    if eta == 0:
        return np.sqrt(before) * x0 + np.sqrt(1 - before) * eps
    variance = eta**2 * (1 - before) / (1 - now) * (1 - now / before)
    return np.sqrt(before) * x0 + np.sqrt(1 - before - variance) * eps + np.sqrt(variance) * z
    # alpha_bar is never 0: a small number added to it changes the predicted data.
    now, before = by_rows(schedule.alpha_bar[t], x), by_rows(schedule.alpha_bar[s], x)
    x0 = (x - np.sqrt(1 - now) * eps) / np.sqrt(now + 1e-8)
    return step(np.sqrt(now) * x0 + np.sqrt(1 - now) * eps, t, s, eps, z, schedule, eta)
    # x is not the data: predict that first, from x and eps.
    before = by_rows(schedule.alpha_bar[s], x)
    return np.sqrt(before) * x + np.sqrt(1 - before) * eps
    # Fresh noise z has the deviation sigma, and eps what is left.
    now, before = by_rows(schedule.alpha_bar[t], x), by_rows(schedule.alpha_bar[s], x)
    x0 = (x - np.sqrt(1 - now) * eps) / np.sqrt(now)
    if eta == 0:
        return np.sqrt(before) * x0 + np.sqrt(1 - before) * eps
    variance = eta**2 * (1 - before) / (1 - now) * (1 - now / before)
    return np.sqrt(before) * x0 + np.sqrt(1 - before - variance) * z + np.sqrt(variance) * eps
    # At s = 0 alpha_bar is 1: the result is the predicted data, without noise.
    return step(x, t, np.maximum(s, 1), eps, z, schedule, eta)
    """,
    "ddim_variance": """
    # eta is in front of the deviation, so it enters the variance squared.
    ** 2 * (1 - before) -> * (1 - before)
    # This is the deviation; the variance is its square.
    return (eta**2 * (1 - before) / (1 - now) * (1 - now / before)) ** 0.5
    # This is the variance of the step forward, DDPM's other choice: the posterior's is a part of
    # it.
    return eta**2 * (1 - now / before)
    # The fraction of the two variances is inverted.
    return eta**2 * (1 - now) / np.maximum(1 - before, 1e-12) * (1 - now / before)
    # The beta of the whole step is 1 - now/before: alpha_bar is a product, not a sum.
    return eta**2 * (1 - before) / (1 - now) * (before - now)
    # beta is one minus the quotient: now/before itself is the alpha of the step.
    return eta**2 * (1 - before) / (1 - now) * (now / before)
    # The quotient is the later over the earlier: 1 - now/before.
    return eta**2 * (1 - before) / (1 - now) * (before / now - 1)
    # beta is that of the step from s to t, not of all steps up to t.
    return eta**2 * (1 - before) / (1 - now) * (1 - now)
    # The last factor is the beta of the step: it is missing.
    return eta**2 * (1 - before) / (1 - now)
    # 1 - alpha_bar is a variance already: no roots.
    return eta**2 * np.sqrt((1 - before) / (1 - now)) * (1 - now / before)
    # The factor has 1 - alpha_bar above and below, not alpha_bar.
    return eta**2 * before / now * (1 - now / before)
    # eta is missing.
    return (1 - before) / (1 - now) * (1 - now / before)
    # A small number in the divisor is not needed: now is below 1, and it changes the ends.
    return eta**2 * (1 - before) / (1 - now + 1e-3) * (1 - now / before)
    # now and before are exchanged: before is the alpha_bar of the earlier time, the larger one.
    return eta**2 * (1 - now) / (1 - before + 1e-12) * (1 - before / now)
    # A small number in the divisor is not needed: now is below 1, and it changes the ends.
    return eta**2 * (1 - before) / (1 - now + 1e-8) * (1 - now / before)
    # The quotient is the later over the earlier, which is below 1: 1 - now/before.
    return eta**2 * (1 - before) / (1 - now) * (1 - before / now)
    # The divisor 1 - now is missing.
    return eta**2 * (1 - before) * (1 - now / before)
    """,
    "spaced_timesteps": """
    # This begins with 0, the data; the times are k T/steps for k = 1 ... steps.
    return np.round(np.arange(steps) * T / steps).astype(int)
    # Multiply by T before dividing by steps: T/steps is rounded, and a half then comes out above.
    return np.round(np.arange(1, steps + 1) * (T / steps)).astype(int)
    # The last time has to be T, where the noise is: k runs from 1 to steps.
    return np.round(np.arange(steps) * T / steps).astype(int) + 1
    # Round to the nearest whole number, not down.
    numpy.round -> numpy.floor
    # The spacing need not be a whole number: round the times, not the spacing.
    return np.arange(1, steps + 1) * (T // steps)
    # The k-th time is k T/steps; this is evenly spaced between 1 and T.
    return np.round(np.linspace(1, T, steps)).astype(int)
    # The times are in increasing order; a sampler reverses them itself.
    return np.round(np.arange(steps, 0, -1) * T / steps).astype(int)
    # 0 is not among the times: it is where a sampler ends anyway.
    return np.round(np.arange(steps + 1) * T / steps).astype(int)
    # Times are whole numbers, since they index arrays.
    return np.arange(1, steps + 1) * T / steps
    # Round to the nearest whole number, not up.
    return np.ceil(np.arange(1, steps + 1) * T / steps).astype(int)
    # The steps are evenly spaced in the square of the time: space them in the time itself.
    return np.maximum(np.round(T * (np.arange(1, steps + 1) / steps) ** 2).astype(int), 1)
    # These are the last of the steps; they have to be spread over all.
    return np.arange(T - steps + 1, T + 1)
    # These are the first of the steps; they have to be spread over all, and end with T.
    return np.arange(1, steps + 1)
    # A half is rounded to the even number, as np.round does, not up.
    return np.floor(np.arange(1, steps + 1) * T / steps + 0.5).astype(int)
    # This begins with 0, the data; the times are k T/steps for k = 1 ... steps.
    return np.round(np.linspace(0, T, steps)).astype(int)
    # Times are whole numbers, since they index arrays.
    return np.round(np.arange(1, steps + 1) * T / steps)
    # The spacing need not be a whole number, and there are `steps` times: round k T/steps.
    return np.arange(1, T + 1, T // steps)
    # These times have equal ratios, not equal differences.
    return np.round(np.geomspace(1, T, steps)).astype(int)
    # The last time is T itself: the time steps are 1 ... T.
    return np.round(np.arange(1, steps + 1) * T / steps).astype(int) - 1
    """,
}

VARIANTS = {
    "ddim_step": """
    # by the two coefficients of x and eps
    now, before = by_rows(schedule.alpha_bar[t], x), by_rows(schedule.alpha_bar[s], x)
    shrink = np.sqrt(before / now)
    variance = 0 if eta == 0 else eta**2 * (1 - before) / (1 - now) * (1 - now / before)
    out = shrink * x + (np.sqrt(1 - before - variance) - shrink * np.sqrt(1 - now)) * eps
    return out if eta == 0 else out + np.sqrt(variance) * z
    # the helper, without a slip
    return step(x, t, s, eps, z, schedule, eta)
    """,
    "ddim_variance": """
    # by the pair's beta
    beta = 1 - now / before
    return eta**2 * beta * (1 - before) / (1 - now)
    # as the square of a deviation
    sigma = eta * np.sqrt((1 - before) / (1 - now)) * np.sqrt((before - now) / before)
    return sigma**2
    """,
    "spaced_timesteps": """
    # a grid of whole numbers that begins with 0, divided at the end
    return np.round(np.linspace(0, T * steps, steps + 1)[1:] / steps).astype(int)
    # one by one
    return np.array([round(k * T / steps) for k in range(1, steps + 1)])
    """,
}

EQUIVALENT = {
    "ddim_step": """
    # a product is the same either way round
    per_example(np.sqrt(before), x0) → per_example(x0, np.sqrt(before))
    # a product is the same either way round
    per_example(np.sqrt(1 - before), eps) → per_example(eps, np.sqrt(1 - before))
    """,
}
