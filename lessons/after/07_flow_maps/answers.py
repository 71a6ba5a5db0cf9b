"""Mistakes in the exercises of after/07, and other right answers."""

import autograd.numpy as np

from minigen.tensor import grad, jacobian, stop_gradient


def by_rows(t, x):
    """Times () or (N,), to go with x."""
    return np.reshape(t, np.shape(t) + (1,) * (np.ndim(x) - np.ndim(t)))


def V(t, variance):
    """The variance of x_t."""
    return (1 - t) ** 2 * variance + t**2


def end_of_path(x, t, r, mean, variance, variance_at=V):
    """The point at time r, with some formula for the variances."""
    ratio = variance_at(r, variance) / variance_at(t, variance)
    return (1 - r) * mean + np.sqrt(ratio) * (x - (1 - t) * mean)


def velocity_at(x, t, mean, variance):
    return (t - (1 - t) * variance) / V(t, variance) * (x - (1 - t) * mean) - mean


def quotient(above, gap, otherwise):
    """above/gap, and something else where the gap is 0."""
    return np.where(gap == 0, otherwise, above / np.where(gap == 0, 1, gap))


def filled(t, x):
    """Times (N,)."""
    return np.broadcast_to(t, (len(x),))


def gap_of(t, x):
    """Times (N,) as (N, 1, ...)."""
    return np.reshape(t, (-1,) + (1,) * (np.ndim(x) - 1))


def halves(u, x, t, r, first=None):
    """The velocities of both halves, as constants."""
    t, r = filled(t, x), filled(r, x)
    s = (t + r) / 2
    a = u(x, t, s)
    return stop_gradient((a, u(x - gap_of(t - s, x) * a, s, r)))


def along(u, x, t, r, dx, dt=1.0, dr=0.0):
    """The derivative of u where x, t and r change at these rates, as a constant."""
    t, r = filled(t, x), filled(r, x)

    def product(w):
        return grad(lambda s: np.sum(w * u(x + s * dx, t + s * dt, r + s * dr)))(np.zeros(()))

    return stop_gradient(grad(product)(np.zeros_like(x)))


def gap(t, r, x):
    return gap_of(filled(t, x) - filled(r, x), x)


MISTAKES = {
    "gaussian_flow_map": """
    # The distance is stretched by the ratio of the variances: take its square root.
    t, r = by_rows(t, x), by_rows(r, x)
    return (1 - r) * mean + V(r, variance) / V(t, variance) * (x - (1 - t) * mean)
    # The times are exchanged: the point is given at time t, and wanted at time r.
    t, r = by_rows(r, x), by_rows(t, x)
    return end_of_path(x, t, r, mean, variance)
    # The mean stays where it is at time t: at time r it is another one.
    t, r = by_rows(t, x), by_rows(r, x)
    return (1 - t) * mean + np.sqrt(V(r, variance) / V(t, variance)) * (x - (1 - t) * mean)
    # The factor of the data is not squared in the variance: the variance of a x_0 is a^2 s^2.
    t, r = by_rows(t, x), by_rows(r, x)
    return end_of_path(x, t, r, mean, variance, lambda t, v: (1 - t) * v + t**2)
    # The variance of x_t lacks the noise: that has a variance, too.
    t, r = by_rows(t, x), by_rows(r, x)
    return end_of_path(x, t, r, mean, variance, lambda t, v: (1 - t) ** 2 * v + 1e-12)
    # The factor of the noise is not squared in the variance: the variance of t z is t^2.
    t, r = by_rows(t, x), by_rows(r, x)
    return end_of_path(x, t, r, mean, variance, lambda t, v: (1 - t) ** 2 * v + t)
    # Neither of the factors is squared in the variance: both are.
    t, r = by_rows(t, x), by_rows(r, x)
    return end_of_path(x, t, r, mean, variance, lambda t, v: (1 - t) * v + t)
    # The noise has its full variance at all times: it is multiplied by t.
    t, r = by_rows(t, x), by_rows(r, x)
    return end_of_path(x, t, r, mean, variance, lambda t, v: (1 - t) ** 2 * v + 1)
    # The data has its full variance at all times: it is multiplied by 1 - t.
    t, r = by_rows(t, x), by_rows(r, x)
    return end_of_path(x, t, r, mean, variance, lambda t, v: v + t**2)
    # The standard deviations are added: variances of independent variables add up.
    t, r = by_rows(t, x), by_rows(r, x)
    return end_of_path(x, t, r, mean, variance, lambda t, v: ((1 - t) * np.sqrt(v) + t) ** 2)
    # The variance is squared: it is a variance already, not a standard deviation.
    t, r = by_rows(t, x), by_rows(r, x)
    return end_of_path(x, t, r, mean, variance**2)
    # The data has variance 1 here: it has the variance that is given.
    t, r = by_rows(t, x), by_rows(r, x)
    return end_of_path(x, t, r, mean, 1.0)
    # The ratio is turned round: the deviation at the end is above that at the start.
    t, r = by_rows(t, x), by_rows(r, x)
    stretch = np.sqrt(V(t, variance) / np.maximum(V(r, variance), 1e-12))
    return (1 - r) * mean + stretch * (x - (1 - t) * mean)
    # The distance from the mean is not stretched: the deviation changes on the way.
    t, r = by_rows(t, x), by_rows(r, x)
    return (1 - r) * mean + x - (1 - t) * mean
    # The whole point is stretched: only its distance from the mean is.
    t, r = by_rows(t, x), by_rows(r, x)
    return (1 - r) * mean + np.sqrt(V(r, variance) / V(t, variance)) * x
    # The distance is measured from the mean of the data: at time t the mean is elsewhere.
    t, r = by_rows(t, x), by_rows(r, x)
    return (1 - r) * mean + np.sqrt(V(r, variance) / V(t, variance)) * (x - mean)
    # The path ends around the mean of the data, whatever r is: at time r the mean is elsewhere.
    t, r = by_rows(t, x), by_rows(r, x)
    return mean + np.sqrt(V(r, variance) / V(t, variance)) * (x - (1 - t) * mean)
    # The mean is left out: the data has one.
    t, r = by_rows(t, x), by_rows(r, x)
    return np.sqrt(V(r, variance) / V(t, variance)) * x
    # Data and noise are exchanged: time 0 is the data.
    t, r = 1 - by_rows(t, x), 1 - by_rows(r, x)
    return end_of_path(x, t, r, mean, variance)
    # This is one step of Euler's: the paths are curved.
    t, r = by_rows(t, x), by_rows(r, x)
    return x - (t - r) * velocity_at(x, t, mean, variance)
    # One pair of times is taken for the whole batch: each example has its own.
    return end_of_path(x, np.mean(t), np.mean(r), mean, variance)
    # The distance from the mean has no sign any more: it may be negative.
    t, r = by_rows(t, x), by_rows(r, x)
    stretch = np.sqrt(V(r, variance) / V(t, variance))
    return (1 - r) * mean + stretch * np.abs(x - (1 - t) * mean)
    # A small number is added to the variance: where it is 0, nothing is divided by it here.
    t, r = by_rows(t, x), by_rows(r, x)
    return end_of_path(x, t, r, mean, variance + 1e-3)
    """,
    "gaussian_mean_velocity": """
    # The quotient has no value at equal times: return its limit there, the velocity.
    t, r = by_rows(t, x), by_rows(r, x)
    with np.errstate(all="ignore"):
        return (x - end_of_path(x, t, r, mean, variance)) / (t - r + 0 * x)
    # The sign is reversed: a step from t to r subtracts the mean velocity times t - r.
    t, r = by_rows(t, x), by_rows(r, x)
    wrong = end_of_path(x, t, r, mean, variance) - x
    return quotient(wrong, t - r, -velocity_at(x, t, mean, variance))
    # The distance is divided by t alone: the step takes the time t - r.
    t, r = by_rows(t, x), by_rows(r, x)
    limit = velocity_at(x, t, mean, variance)
    above = np.where(t == r, limit, x - end_of_path(x, t, r, mean, variance))
    return above / np.where((t == r) | (t == 0), 1, t)
    # This is the velocity at time t for every r: take the mean over the path.
    return velocity_at(x, by_rows(t, x), mean, variance) + 0 * by_rows(r, x)
    # The end of the path is divided by the time: divide its difference from x.
    t, r = by_rows(t, x), by_rows(r, x)
    limit = velocity_at(x, t, mean, variance)
    return quotient(end_of_path(x, t, r, mean, variance), t - r, limit)
    # This is a distance: divide it by the time that it takes.
    t, r = by_rows(t, x), by_rows(r, x)
    limit = velocity_at(x, t, mean, variance)
    return np.where(t == r, limit, x - end_of_path(x, t, r, mean, variance))
    # The velocity is returned at time r, for the point at time t: take the mean over the path.
    return velocity_at(x, by_rows(r, x), mean, variance) + 0 * by_rows(t, x)
    # Two velocities are averaged at the same point: the point moves on, and all times count.
    t, r = by_rows(t, x), by_rows(r, x)
    return (velocity_at(x, t, mean, variance) + velocity_at(x, r, mean, variance)) / 2
    # Only the two ends of the path are averaged: all times between them count.
    t, r = by_rows(t, x), by_rows(r, x)
    with np.errstate(all="ignore"):
        last = velocity_at(end_of_path(x, t, r, mean, variance), r, mean, variance)
    last = np.where(V(r, variance) + 0 * x > 0, last, (x - mean) / np.where(t == 0, 1, t))
    return (velocity_at(x, t, mean, variance) + last) / 2
    # The limit at equal times is taken for 0: it is the velocity.
    t, r = by_rows(t, x), by_rows(r, x)
    return quotient(x - end_of_path(x, t, r, mean, variance), t - r, 0 * x)
    # The time has no sign any more: r may be after t.
    t, r = by_rows(t, x), by_rows(r, x)
    limit = velocity_at(x, t, mean, variance)
    return quotient(x - end_of_path(x, t, r, mean, variance), np.abs(t - r), limit)
    # The path starts at time r: x is its point at time t.
    t, r = by_rows(r, x), by_rows(t, x)
    slope = (t + r - (2 - t - r) * variance) / (V(t, variance) + 1e-12
        + np.sqrt(V(t, variance) * V(r, variance)))
    return slope * (x - (1 - t) * mean) - mean
    # The motion of the mean has the other sign: the mean of x_t goes to 0 as t grows.
    t, r = by_rows(t, x), by_rows(r, x)
    slope = (t + r - (2 - t - r) * variance) / (V(t, variance)
        + np.sqrt(V(t, variance) * V(r, variance)))
    return slope * (x - (1 - t) * mean) + mean
    # The motion of the mean is left out: the mean of x_t moves, too.
    t, r = by_rows(t, x), by_rows(r, x)
    slope = (t + r - (2 - t - r) * variance) / (V(t, variance)
        + np.sqrt(V(t, variance) * V(r, variance)))
    return slope * (x - (1 - t) * mean)
    # The distance is measured from the mean of the data: at time t the mean is elsewhere.
    t, r = by_rows(t, x), by_rows(r, x)
    slope = (t + r - (2 - t - r) * variance) / (V(t, variance)
        + np.sqrt(V(t, variance) * V(r, variance)))
    return slope * (x - mean) - mean
    # The product of the variances has no root: it would not have the dimension of a variance.
    t, r = by_rows(t, x), by_rows(r, x)
    slope = (t + r - (2 - t - r) * variance) / (V(t, variance) + V(t, variance) * V(r, variance))
    return slope * (x - (1 - t) * mean) - mean
    # The variance at time r does not occur: the quotient depends on both of them.
    t, r = by_rows(t, x), by_rows(r, x)
    slope = (t + r - (2 - t - r) * variance) / (2 * V(t, variance))
    return slope * (x - (1 - t) * mean) - mean
    # The stretch is the ratio of the variances: take its square root.
    t, r = by_rows(t, x), by_rows(r, x)
    slope = (t + r - (2 - t - r) * variance) / V(t, variance)
    slope = np.where(t == r, slope / 2, slope)
    return slope * (x - (1 - t) * mean) - mean
    # The sign of the data's part is turned round: as t grows, the variance of the data shrinks.
    t, r = by_rows(t, x), by_rows(r, x)
    slope = (t + r + (2 - t - r) * variance) / (V(t, variance)
        + np.sqrt(V(t, variance) * V(r, variance)))
    return slope * (x - (1 - t) * mean) - mean
    # The variance is squared: it is a variance already, not a standard deviation.
    t, r = by_rows(t, x), by_rows(r, x)
    slope = (t + r - (2 - t - r) * variance**2) / (V(t, variance**2)
        + np.sqrt(V(t, variance**2) * V(r, variance**2)))
    return slope * (x - (1 - t) * mean) - mean
    # One pair of times is taken for the whole batch: each example has its own.
    t, r = np.mean(t), np.mean(r)
    slope = (t + r - (2 - t - r) * variance) / (V(t, variance)
        + np.sqrt(V(t, variance) * V(r, variance)))
    return slope * (x - (1 - t) * mean) - mean
    # The values are right, and no gradient reaches the point: x must not be a constant.
    t, r = by_rows(t, x), by_rows(r, x)
    slope = (t + r - (2 - t - r) * variance) / (V(t, variance)
        + np.sqrt(V(t, variance) * V(r, variance)))
    return slope * stop_gradient(x - (1 - t) * mean) - mean
    # The values are right, and no gradient reaches the times: they must not be constants.
    t, r = stop_gradient((by_rows(t, x), by_rows(r, x)))
    slope = (t + r - (2 - t - r) * variance) / (V(t, variance)
        + np.sqrt(V(t, variance) * V(r, variance)))
    return slope * (x - (1 - t) * mean) - mean
    """,
    "shortcut_target": """
    # The second half starts at x: it starts where the first half ends.
    t, r = filled(t, x), filled(r, x)
    s = (t + r) / 2
    return stop_gradient((u(x, t, s) + u(x, s, r)) / 2)
    # The first step has the full length: half of it leads to the middle.
    t, r = filled(t, x), filled(r, x)
    s = (t + r) / 2
    first = u(x, t, s)
    return stop_gradient((first + u(x - gap_of(t - r, x) * first, s, r)) / 2)
    # The second call has the times of the whole step: it leads from the middle to the end.
    t, r = filled(t, x), filled(r, x)
    s = (t + r) / 2
    first = u(x, t, s)
    return stop_gradient((first + u(x - gap_of(t - s, x) * first, t, r)) / 2)
    # The first call has the times of the whole step: it leads to the middle.
    t, r = filled(t, x), filled(r, x)
    s = (t + r) / 2
    first = u(x, t, r)
    return stop_gradient((first + u(x - gap_of(t - s, x) * first, s, r)) / 2)
    # Both calls have the times of the whole step: each half has its own.
    t, r = filled(t, x), filled(r, x)
    first = u(x, t, r)
    return stop_gradient((first + u(x - gap_of(t - r, x) / 2 * first, t, r)) / 2)
    # The velocities are added: return their mean.
    first, second = halves(u, x, t, r)
    return first + second
    # The first step goes the other way: a step subtracts the velocity times its length.
    t, r = filled(t, x), filled(r, x)
    s = (t + r) / 2
    first = u(x, t, s)
    return stop_gradient((first + u(x + gap_of(t - s, x) * first, s, r)) / 2)
    # The middle is taken for half the length of the step: it is half way between t and r.
    t, r = filled(t, x), filled(r, x)
    s = (t - r) / 2
    first = u(x, t, s)
    return stop_gradient((first + u(x - gap_of(t - s, x) * first, s, r)) / 2)
    # The middle is half of t: it is half way between t and r.
    t, r = filled(t, x), filled(r, x)
    s = t / 2
    first = u(x, t, s)
    return stop_gradient((first + u(x - gap_of(t - s, x) * first, s, r)) / 2)
    # The length of the first step is missing: the velocity has to be multiplied by it.
    t, r = filled(t, x), filled(r, x)
    s = (t + r) / 2
    first = u(x, t, s)
    return stop_gradient((first + u(x - first, s, r)) / 2)
    # The second half is left out: the target is the mean of both.
    return halves(u, x, t, r)[0]
    # The first half is left out: the target is the mean of both.
    return halves(u, x, t, r)[1]
    # The model is its own target without any halves: make two steps.
    return stop_gradient(u(x, filled(t, x), filled(r, x)))
    # This is where the two steps lead: return the mean of their velocities.
    first, second = halves(u, x, t, r)
    return x - gap(t, r, x) * (first + second) / 2
    # This is the distance of both steps: return a velocity.
    first, second = halves(u, x, t, r)
    return gap(t, r, x) * (first + second) / 2
    # The times of a call are exchanged: the first one is the time of the point.
    t, r = filled(t, x), filled(r, x)
    s = (t + r) / 2
    first = u(x, s, t)
    return stop_gradient((first + u(x - gap_of(t - s, x) * first, r, s)) / 2)
    # The velocities at single times are taken: each half has a mean velocity.
    t, r = filled(t, x), filled(r, x)
    s = (t + r) / 2
    first = u(x, t, t)
    return stop_gradient((first + u(x - gap_of(t - s, x) * first, s, s)) / 2)
    # The middle is nearer to r than to t: both halves have the same length.
    t, r = filled(t, x), filled(r, x)
    s = r + (t - r) / 4
    first = u(x, t, s)
    return stop_gradient((first + u(x - gap_of(t - s, x) * first, s, r)) / 2)
    # One pair of times is taken for the whole batch: each example has its own.
    first, second = halves(u, x, np.mean(t), np.mean(r))
    return (first + second) / 2
    # The second half leads from the end back to the middle: it leads from the middle to the end.
    t, r = filled(t, x), filled(r, x)
    s = (t + r) / 2
    first = u(x, t, s)
    return stop_gradient((first + u(x - gap_of(t - s, x) * first, r, s)) / 2)
    # The value is right, and a gradient flows through the target: it is a constant.
    t, r = filled(t, x), filled(r, x)
    s = (t + r) / 2
    first = u(x, t, s)
    return (first + u(x - gap_of(t - s, x) * first, s, r)) / 2
    # A gradient flows through the second half: both halves are constants.
    t, r = filled(t, x), filled(r, x)
    s = (t + r) / 2
    first = stop_gradient(u(x, t, s))
    return (first + u(x - gap_of(t - s, x) * first, s, r)) / 2
    # A gradient flows through the first half: both halves are constants.
    t, r = filled(t, x), filled(r, x)
    s = (t + r) / 2
    first = u(x, t, s)
    return (first + stop_gradient(u(x - gap_of(t - s, x) * first, s, r))) / 2
    """,
    "mean_flow_target": """
    # The derivative is added: the target subtracts it.
    return stop_gradient(v + gap(t, r, x) * along(u, x, t, r, v))
    # The derivative with respect to time is missing: t increases, too.
    return stop_gradient(v - gap(t, r, x) * along(u, x, t, r, v, dt=0.0))
    # The time passes and the point stays: it moves with velocity v.
    return stop_gradient(v - gap(t, r, x) * along(u, x, t, r, 0 * v))
    # The derivative is multiplied by r: the factor is the length of the step.
    return stop_gradient(v - gap_of(filled(r, x), x) * along(u, x, t, r, v))
    # The derivative is multiplied by t: the factor is the length of the step.
    return stop_gradient(v - gap_of(filled(t, x), x) * along(u, x, t, r, v))
    # The value is right, and a gradient flows through the target: it is a constant.
    t, r = filled(t, x), filled(r, x)

    def product(w):
        return grad(lambda s: np.sum(w * u(x + s * v, t + s, r)))(np.zeros(()))

    return v - gap_of(t - r, x) * grad(product)(np.zeros_like(x))
    # A gradient flows through the velocity: all of the target is a constant.
    return v - stop_gradient(gap(t, r, x) * along(u, x, t, r, v))
    # A gradient flows through the derivative: all of the target is a constant.
    t, r = filled(t, x), filled(r, x)

    def product(w):
        return grad(lambda s: np.sum(w * u(x + s * v, t + s, r)))(np.zeros(()))

    return stop_gradient(v) - gap_of(t - r, x) * grad(product)(np.zeros_like(x))
    # The length of the step is missing: it is a factor of the derivative.
    return stop_gradient(v - along(u, x, t, r, v))
    # The length of the step has no sign any more: r may be after t.
    return stop_gradient(v - np.abs(gap(t, r, x)) * along(u, x, t, r, v))
    # The derivative is divided by the length of the step: multiply it.
    length = gap(t, r, x)
    return stop_gradient(v - along(u, x, t, r, v) / np.where(length == 0, 1e30, length))
    # Both times increase: r stays fixed.
    return stop_gradient(v - gap(t, r, x) * along(u, x, t, r, v, dr=1.0))
    # Only r increases, in the place of t: r stays fixed.
    return stop_gradient(v - gap(t, r, x) * along(u, x, t, r, v, dt=0.0, dr=1.0))
    # The time runs backward while the point moves forward: both go in the direction of t.
    return stop_gradient(v - gap(t, r, x) * along(u, x, t, r, v, dt=-1.0))
    # The point moves with the output of the model: it moves with the velocity v.
    moved = stop_gradient(u(x, filled(t, x), filled(r, x)))
    return stop_gradient(v - gap(t, r, x) * along(u, x, t, r, moved))
    # The point moves along x: it moves with the velocity v.
    return stop_gradient(v - gap(t, r, x) * along(u, x, t, r, x))
    # The target starts from the output of the model: it starts from the velocity v.
    moved = stop_gradient(u(x, filled(t, x), filled(r, x)))
    return stop_gradient(moved - gap(t, r, x) * along(u, x, t, r, v))
    # The velocity alone is the target: that holds at r = t only.
    return stop_gradient(v + 0 * gap(t, r, x) * x)
    # This is the total derivative: the target is made of it.
    return along(u, x, t, r, v)
    # The velocity is left out: subtract from it.
    return stop_gradient(-gap(t, r, x) * along(u, x, t, r, v))
    # The rows of the Jacobian are exchanged with its columns: v is summed with the inputs of u.
    t, r = filled(t, x), filled(r, x)
    by_x = grad(lambda x: np.sum(v * u(x, t, r)))(x)
    return stop_gradient(v - gap_of(t - r, x) * (by_x + along(u, x, t, r, 0 * v)))
    # The outputs are summed before they are differentiated: each has a derivative of its own.
    t, r = filled(t, x), filled(r, x)
    slope = grad(lambda s: np.sum(u(x + s * v, t + s, r)))(np.zeros(()))
    return stop_gradient(v - gap_of(t - r, x) * slope)
    # Half of the derivative is subtracted: all of it is.
    return stop_gradient(v - gap(t, r, x) / 2 * along(u, x, t, r, v))
    # One pair of times is taken for the whole batch: each example has its own.
    return stop_gradient(v - gap(np.mean(t), np.mean(r), x)
        * along(u, x, np.mean(t), np.mean(r), v))
    # The derivative is a quotient of differences: its error is too large.
    t, r, h = filled(t, x), filled(r, x), 1e-3
    slope = (u(x + h * v, t + h, r) - u(x, t, r)) / h
    return stop_gradient(v - gap_of(t - r, x) * slope)
    """,
}

VARIANTS = {
    "gaussian_flow_map": """
    # by standard scores
    t, r = by_rows(t, x), by_rows(r, x)
    score = (x - (1 - t) * mean) / np.sqrt(V(t, variance))
    return (1 - r) * mean + np.sqrt(V(r, variance)) * score
    # by the mean velocity
    t, r = by_rows(t, x), by_rows(r, x)
    slope = (t + r - (2 - t - r) * variance) / (V(t, variance)
        + np.sqrt(V(t, variance) * V(r, variance)))
    return x - (t - r) * (slope * (x - (1 - t) * mean) - mean)
    """,
    "gaussian_mean_velocity": """
    # the quotient, and the velocity at equal times
    t, r = by_rows(t, x), by_rows(r, x)
    limit = velocity_at(x, t, mean, variance)
    return quotient(x - end_of_path(x, t, r, mean, variance), t - r, limit)
    # the mean moves, and the rest is the quotient of the square roots
    t, r = by_rows(t, x), by_rows(r, x)
    a, b = np.sqrt(V(t, variance)), np.sqrt(V(r, variance))
    slope = (t + r - (2 - t - r) * variance) / (a * (a + b))
    return slope * (x - (1 - t) * mean) - mean
    """,
    "shortcut_target": """
    # by where the two steps lead
    t, r = filled(t, x), filled(r, x)
    h = (t - r) / 2
    a = stop_gradient(u(x, t, t - h))
    b = stop_gradient(u(x - gap_of(h, x) * a, t - h, r))
    return a + (b - a) / 2
    # by the lengths of the steps
    first, second = halves(u, x, t, r)
    return 0.5 * first + 0.5 * second
    """,
    "mean_flow_target": """
    # by the Jacobian of a function of one number
    t, r = filled(t, x), filled(r, x)
    slope = jacobian(lambda s: u(x + s * v, t + s, r))(np.zeros(()))
    return stop_gradient(v - gap_of(t - r, x) * slope)
    # the two parts of the derivative, one after the other
    by_point, by_time = along(u, x, t, r, v, dt=0.0), along(u, x, t, r, np.zeros_like(v))
    return stop_gradient(v) - gap(t, r, x) * (by_point + by_time)
    """,
}

EQUIVALENT = {
    "gaussian_flow_map": """
    path_from(x, t, r, mean, variance) → path_from(x, t, r, variance, mean)  # only checks them
    """,
    "gaussian_mean_velocity": """
    path_from(x, t, r, mean, variance) → path_from(x, t, r, variance, mean)  # only checks them
    """,
    "mean_flow_target": """
    np.zeros_like(x) → np.ones_like(x)  # the product is linear in w, so that any w will do
    """,
}
