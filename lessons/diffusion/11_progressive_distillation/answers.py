"""Mistakes in the exercises of diffusion/11, and other right answers."""

import autograd.numpy as np

from minigen.tensor import stop_gradient


def rows(values, x):
    """One number for each example, to go with x."""
    values = np.asarray(values)
    return np.reshape(values, (-1,) + (1,) * (np.ndim(x) - 1)) if values.ndim else values


def two_steps(eps_model, x, t, schedule, times=None):
    """Where the teacher's two steps end."""
    times = schedule.times if times is None else times
    for now in (t, t - 1):
        told = np.broadcast_to(times[now], (len(x),))
        eps = stop_gradient(eps_model(x, told))
        x0 = (x - rows(np.sqrt(1 - schedule.alpha_bar[now]), x) * eps) / rows(
            np.sqrt(schedule.alpha_bar[now]), x
        )
        a = rows(schedule.alpha_bar[now - 1], x)
        x = np.sqrt(a) * x0 + np.sqrt(1 - a) * eps
    return x


def ratio(t, s, schedule, x):
    """The noise at s over that at t."""
    return rows(np.sqrt((1 - schedule.alpha_bar[s]) / (1 - schedule.alpha_bar[t])), x)


MISTAKES = {
    "distillation_target": """
    # This is where the two steps end. Return the clean data with which one step ends there.
    return per_example(1 / (np.sqrt(end) - r * np.sqrt(now)), x - per_example(r, x_t)) -> return x
    # This is the clean data that the second step implies; one step with it ends somewhere else.
    end = two_steps(eps_model, x_t, t, schedule)
    a, b = rows(schedule.alpha_bar[t - 1], x_t), rows(schedule.alpha_bar[t], x_t)
    eps = stop_gradient(eps_model(x_t, np.broadcast_to(schedule.times[t], (len(x_t),))))
    middle = np.sqrt(a) * (x_t - np.sqrt(1 - b) * eps) / np.sqrt(b) + np.sqrt(1 - a) * eps
    later = stop_gradient(
        eps_model(middle, np.broadcast_to(schedule.times[t - 1], (len(x_t),)))
    )
    return (middle - np.sqrt(1 - a) * later) / np.sqrt(a) + 0 * end
    # This is the teacher's own prediction at t; the target depends on both of its steps.
    a = rows(schedule.alpha_bar[t], x_t)
    eps = stop_gradient(eps_model(x_t, np.broadcast_to(schedule.times[t], (len(x_t),))))
    return (x_t - np.sqrt(1 - a) * eps) / np.sqrt(a)
    # Both steps call the teacher at the same time: the second one begins at t - 1.
    predict(eps_model, x, now, schedule) -> predict(eps_model, x, t, schedule)
    # The second step calls the teacher at the point that the first one has reached.
    predict(eps_model, x, now, schedule) -> predict(eps_model, x_t, now, schedule)
    # This is one step of the teacher; there are two.
    (t, t - 1) -> (t,)
    # r is a ratio of standard deviations: the root is missing.
    np.sqrt((1 - end) / (1 - now)) -> (1 - end) / (1 - now)
    # r is the noise at the end over that at the beginning, not the reverse.
    np.sqrt((1 - end) / (1 - now)) -> np.sqrt((1 - now) / np.maximum(1 - end, 1e-12))
    # r compares the noise, the roots of 1 - alpha_bar, not the signal.
    np.sqrt((1 - end) / (1 - now)) -> np.sqrt(end / now)
    # The denominator has the roots of alpha_bar.
    np.sqrt(end) - r * np.sqrt(now) -> end - r * now
    # The denominator is a difference: what x0 adds at the end, less r times what it added at t.
    np.sqrt(end) - r * np.sqrt(now) -> np.sqrt(end) + r * np.sqrt(now)
    # A factor is missing in the denominator: r belongs to sqrt(alpha_bar_t), as it does to x_t.
    np.sqrt(end) - r * np.sqrt(now) -> np.sqrt(end) - np.sqrt(now)
    # The part of the end that is not x0's has the wrong sign: r times x_t is subtracted.
    x - per_example(r, x_t) -> x + per_example(r, x_t)
    # x_t has no factor: the step keeps only the share r of it.
    x - per_example(r, x_t) -> x - x_t
    # The end has the alpha_bar of another time step: it is x_{t-2}, two steps before t.
    schedule.alpha_bar[t - 2] -> schedule.alpha_bar[t - 1]
    # It is multiplied by the denominator: divide by it.
    1 / (np.sqrt(end) - r * np.sqrt(now)) -> np.sqrt(end) - r * np.sqrt(now)
    # The beginning and the end are exchanged: r belongs to x_t.
    x - per_example(r, x_t) -> x_t - per_example(r, x)
    # The teacher receives schedule.times at t, which is not t on a shorter schedule.
    x_t = stop_gradient(x_t)
    own = np.arange(schedule.T + 1)
    end = two_steps(eps_model, x_t, t, schedule, own)
    r = ratio(t, t - 2, schedule, x_t)
    signal = rows(np.sqrt(schedule.alpha_bar), schedule.alpha_bar)
    return (end - r * x_t) / (rows(signal[t - 2], x_t) - r * rows(signal[t], x_t))
    # The gradient passes through the teacher's output: a target is a constant.
    stop_gradient(eps) -> eps
    # The gradient passes through x_t: a target is a constant.
    stop_gradient(x_t) -> x_t
    # The target is clean data, not noise.
    end = two_steps(eps_model, stop_gradient(x_t), t, schedule)
    r, a = ratio(t, t - 2, schedule, x_t), rows(schedule.alpha_bar[t], x_t)
    x0 = (end - r * x_t) / (np.sqrt(rows(schedule.alpha_bar[t - 2], x_t)) - r * np.sqrt(a))
    return (stop_gradient(x_t) - np.sqrt(a) * x0) / np.sqrt(1 - a)
    # This takes each end's alpha_bar unchanged: the clean data is divided by its root.
    return per_example(1 / (np.sqrt(end) - r * np.sqrt(now)), x - per_example(r, x_t)) ->
        return per_example(1 / (1 - r), x - per_example(r, x_t))
    # A point has signal and noise: it is not enough to divide the end by its root of alpha_bar.
    return per_example(1 / (np.sqrt(end) - r * np.sqrt(now)), x - per_example(r, x_t)) ->
        return per_example(1 / np.sqrt(end), x)
    # The denominator is never 0, only small: a small number added to it changes the target.
    1 / (np.sqrt(end) - r * np.sqrt(now)) -> 1 / (np.sqrt(end) - r * np.sqrt(now) + 1e-8)
    # The target is not cut off: it may lie beyond -1 and 1.
    x_t = stop_gradient(x_t)
    end = two_steps(eps_model, x_t, t, schedule)
    r, signal = ratio(t, t - 2, schedule, x_t), np.sqrt(schedule.alpha_bar)
    x0 = (end - r * x_t) / (rows(signal[t - 2], x_t) - r * rows(signal[t], x_t))
    return np.clip(x0, -1, 1)
    # The target is the student's one step; the mean of the teacher's two predictions is not.
    t = np.broadcast_to(t, (len(x_t),))
    x, guesses = stop_gradient(x_t), []
    for now in (t, t - 1):
        a = rows(schedule.alpha_bar[now], x)
        eps = stop_gradient(eps_model(x, schedule.times[now]))
        x0 = (x - np.sqrt(1 - a) * eps) / np.sqrt(a)
        later = rows(schedule.alpha_bar[now - 1], x)
        guesses.append(x0)
        x = np.sqrt(later) * x0 + np.sqrt(1 - later) * eps
    return (guesses[0] + guesses[1]) / 2
    """,
    "truncated_snr_weight": """
    # This is never above 1: the weight is never below it, so take the larger of the two.
    np.maximum(schedule.snr[t], 1) -> np.minimum(schedule.snr[t], 1)
    # Where there is more noise than signal the weight is 1.
    np.maximum(schedule.snr[t], 1) -> schedule.snr[t]
    # That is the weight which a plain loss of v has, SNR + 1; return the larger of the two.
    np.maximum(schedule.snr[t], 1) -> schedule.snr[t] + 1
    # The ratio is of variances: no root.
    np.maximum(schedule.snr[t], 1) -> np.maximum(np.sqrt(schedule.snr[t]), 1)
    # The ratio is of variances already: no square.
    np.maximum(schedule.snr[t], 1) -> np.maximum(schedule.snr[t] ** 2, 1)
    # This is the ratio of noise to signal: alpha_bar is above.
    np.maximum(schedule.snr[t], 1) -> np.maximum(1 / schedule.snr[t], 1)
    # All steps together count, alpha_bar, not step t alone.
    np.maximum(schedule.snr[t], 1) -> np.maximum(schedule.alpha[t] / (1 - schedule.alpha[t]), 1)
    # The arrays begin at t = 0, where nothing is noised: index with t itself.
    np.maximum(schedule.snr[t], 1) ->
        np.maximum(schedule.snr[np.maximum(t - 1, 1)] * (t > 1) + 1e9 * (t == 1), 1)
    # This is the weight of v. For the clean data divide by 1 - alpha_bar.
    np.maximum(schedule.snr[t], 1) -> np.maximum(schedule.alpha_bar[t], 1 - schedule.alpha_bar[t])
    # The ratio has no divisor: divide alpha_bar by 1 - alpha_bar.
    np.maximum(schedule.snr[t], 1) -> np.maximum(schedule.alpha_bar[t], 1)
    # The floor is 1, and the ratio may be as large as it is: do not cut it above.
    np.maximum(schedule.snr[t], 1) -> np.clip(schedule.snr[t], 1, 100)
    # The logarithm of the ratio is taken: the ratio itself is compared with 1.
    np.maximum(schedule.snr[t], 1) -> np.maximum(np.log(schedule.snr[t]), 1)
    # The weights stay as they are: they need not have mean 1.
    np.maximum(schedule.snr[t], 1) ->
        np.maximum(schedule.snr[t], 1) / np.mean(np.maximum(schedule.snr[t], 1))
    # Each t has its own weight; take the larger element by element, not of all together.
    np.maximum(schedule.snr[t], 1) -> np.full(np.shape(t), np.max(np.maximum(schedule.snr[t], 1)))
    # One weight for each t that was given, in its order, not for all of the schedule.
    np.maximum(schedule.snr[t], 1) -> np.maximum(schedule.snr[1:], 1)
    # The arrays begin at t = 0, where nothing is noised: index with t itself.
    before = schedule.alpha_bar[t - 1]
    return np.maximum(before / (1 - before), 1)
    # The ratio is of squared variances: alpha_bar and 1 - alpha_bar are variances already.
    a = schedule.alpha_bar[t]
    return np.maximum(a**2 / (1 - a**2), 1)
    # The floor is 1, and the ratio may be as large as it is: do not cut it above.
    np.maximum(schedule.snr[t], 1) -> np.clip(schedule.snr[t], 1, 5)
    # max compares two numbers; of an array take the larger element by element, by np.maximum.
    return max(schedule.alpha_bar[t] / (1 - schedule.alpha_bar[t]), 1)
    """,
    "weight_of_v": """
    # This is the weight of the clean data: an error of v is not an error of the same size there.
    return np.maximum(schedule.alpha_bar[t] / (1 - schedule.alpha_bar[t]), 1)
    # The clean data changes by the root times the change of v: the root has to be squared.
    a = schedule.alpha_bar[t]
    return np.maximum(a / (1 - a), 1) * np.sqrt(1 - a)
    # The weight is divided where it should be multiplied: an error of v is a smaller one of x0.
    a = schedule.alpha_bar[t]
    return np.maximum(a / (1 - a), 1) / (1 - a)
    # The factor of x_t has come in: an error of v does not pass through it.
    a = schedule.alpha_bar[t]
    return np.maximum(a / (1 - a), 1) * a
    # The floor of the weight of the clean data is missing: that weight is never below 1.
    np.maximum(schedule.alpha_bar[t], 1 - schedule.alpha_bar[t]) -> schedule.alpha_bar[t]
    # The weight of the clean data is taken as 1 at all times: it is larger where noise is small.
    np.maximum(schedule.alpha_bar[t], 1 - schedule.alpha_bar[t]) -> 1 - schedule.alpha_bar[t]
    # The smaller of the two is taken: the weight of the clean data is the larger of its two.
    np.maximum(schedule.alpha_bar[t], 1 - schedule.alpha_bar[t]) ->
        np.minimum(schedule.alpha_bar[t], 1 - schedule.alpha_bar[t])
    # These are standard deviations: the squared error has the weight of a variance.
    np.maximum(schedule.alpha_bar[t], 1 - schedule.alpha_bar[t]) ->
        np.sqrt(np.maximum(schedule.alpha_bar[t], 1 - schedule.alpha_bar[t]))
    # All times get the same weight: it depends on t.
    np.maximum(schedule.alpha_bar[t], 1 - schedule.alpha_bar[t]) -> np.ones(np.shape(t))
    # The signal of step t alone is taken: x_t holds what all steps up to t have left.
    np.maximum(schedule.alpha_bar[t], 1 - schedule.alpha_bar[t]) ->
        np.maximum(schedule.alpha[t], 1 - schedule.alpha[t])
    # The time is one too early: the arrays begin at t = 0, so the index is t itself.
    np.maximum(schedule.alpha_bar[t], 1 - schedule.alpha_bar[t]) ->
        np.maximum(schedule.alpha_bar[t - 1], 1 - schedule.alpha_bar[t - 1])
    # Each t has its own weight: take the larger element by element, not of all together.
    np.maximum(schedule.alpha_bar[t], 1 - schedule.alpha_bar[t]) ->
        np.full(np.shape(t), np.max(np.maximum(schedule.alpha_bar[t], 1 - schedule.alpha_bar[t])))
    # A large weight is cut off: the signal may be nearly 1.
    np.maximum(schedule.alpha_bar[t], 1 - schedule.alpha_bar[t]) ->
        np.clip(np.maximum(schedule.alpha_bar[t], 1 - schedule.alpha_bar[t]), 0, 0.99)
    """,
    "student_loss": """
    # The v is added to the noisy point: the clean data is the point minus the root of 1 - alpha_bar
    # times v.
    predict_x0_from_v(x_t, t, v, schedule) -> predict_x0_from_v(x_t, t, -v, schedule)
    # That is the clean data for a prediction of the noise. From v it is
    # sqrt(alpha_bar) x_t - sqrt(1 - alpha_bar) v.
    a = rows(schedule.alpha_bar[t], v)
    x0 = (x_t - np.sqrt(1 - a) * v) / np.sqrt(a)
    return np.mean(np.maximum(a / (1 - a), 1) * (target - x0) ** 2)
    # The roots are exchanged: sqrt(alpha_bar) belongs to x_t.
    a = rows(schedule.alpha_bar[t], v)
    x0 = np.sqrt(1 - a) * x_t - np.sqrt(a) * v
    return np.mean(np.maximum(a / (1 - a), 1) * (target - x0) ** 2)
    # The roots are missing: the factors are sqrt(alpha_bar) and sqrt(1 - alpha_bar).
    predict_x0_from_v(x_t, t, v, schedule) ->
        per_example(schedule.alpha_bar[t], x_t) - per_example(1 - schedule.alpha_bar[t], v)
    # The weight is missing.
    np.sqrt(truncated_snr_weight(t, schedule)) -> np.ones(np.shape(t))
    # The weight multiplies the square; it must not be squared as well.
    np.sqrt(truncated_snr_weight(t, schedule)) -> truncated_snr_weight(t, schedule)
    # Where there is more noise than signal the weight is 1, not less.
    np.sqrt(truncated_snr_weight(t, schedule)) -> np.sqrt(schedule.snr[t])
    # The smaller of the ratio and 1 is the weight: take the larger.
    np.sqrt(truncated_snr_weight(t, schedule)) -> np.sqrt(np.minimum(schedule.snr[t], 1))
    # SNR + 1 is the weight which a plain loss of v has; take the larger of the two.
    np.sqrt(truncated_snr_weight(t, schedule)) -> np.sqrt(schedule.snr[t] + 1)
    # The weight multiplies the square as it is: no root of it.
    np.sqrt(truncated_snr_weight(t, schedule)) -> truncated_snr_weight(t, schedule) ** 0.25
    # This is the weight of an error of v: that of the clean data is max(alpha_bar, 1 - alpha_bar)
    # over 1 - alpha_bar.
    np.sqrt(truncated_snr_weight(t, schedule)) ->
        np.sqrt(np.maximum(schedule.alpha_bar[t], 1 - schedule.alpha_bar[t]))
    # All entries are summed: take their mean.
    return mse(per_example(root, x0), per_example(root, target)) ->
        return v.size * mse(per_example(root, x0), per_example(root, target))
    # The dimensions are summed: take the mean over them as well.
    return mse(per_example(root, x0), per_example(root, target)) ->
        return v[0].size * mse(per_example(root, x0), per_example(root, target))
    # Absolute values are taken: the errors are squared.
    root2 = rows(truncated_snr_weight(t, schedule), v)
    x0 = predict_x0_from_v(x_t, t, v, schedule)
    return np.mean(root2 * np.abs(target - x0))
    # The sum is divided by that of the weights: divide by the number of entries.
    w = rows(truncated_snr_weight(t, schedule), v)
    x0 = predict_x0_from_v(x_t, t, v, schedule)
    return np.mean(w * (target - x0) ** 2) / np.mean(w)
    # The weights belong to the examples, each to its own: do not average them apart.
    w = truncated_snr_weight(t, schedule)
    x0 = predict_x0_from_v(x_t, t, v, schedule)
    return np.mean(w) * np.mean((target - x0) ** 2)
    # The factors of the examples are not reshaped: each example has its own time, so give them the
    # shape (N, 1, ..., 1).
    a = schedule.alpha_bar[t]
    x0 = np.sqrt(a) * x_t - np.sqrt(1 - a) * v
    return np.mean(np.maximum(a / (1 - a), 1) * (target - x0) ** 2)
    # Images have more axes than points: reshape the factors to (N, 1, ..., 1).
    a = schedule.alpha_bar[t]
    a = a[:, None] if np.ndim(t) else a
    x0 = np.sqrt(a) * x_t - np.sqrt(1 - a) * v
    return np.mean(np.maximum(a / (1 - a), 1) * (target - x0) ** 2)
    # v is not the clean data; turn it into it first.
    per_example(root, x0) -> per_example(root, v)
    # There is a factor of one half: return the mean itself.
    return mse(per_example(root, x0), per_example(root, target)) ->
        return 0.5 * mse(per_example(root, x0), per_example(root, target))
    # The loss has a gradient with respect to v: do not stop it.
    predict_x0_from_v(x_t, t, v, schedule) ->
        predict_x0_from_v(x_t, t, stop_gradient(v), schedule)
    # The root of the mean is taken: return the mean itself.
    return mse(per_example(root, x0), per_example(root, target)) ->
        return mse(per_example(root, x0), per_example(root, target)) ** 0.5
    # All steps together count, alpha_bar, not step t alone.
    a = rows(schedule.alpha[t], v)
    x0 = np.sqrt(a) * x_t - np.sqrt(1 - a) * v
    return np.mean(np.maximum(a / (1 - a), 1) * (target - x0) ** 2)
    # The first example's time is used for all: each example has its own.
    a = np.ravel(schedule.alpha_bar[t])[0]
    x0 = np.sqrt(a) * x_t - np.sqrt(1 - a) * v
    return np.mean(np.maximum(a / (1 - a), 1) * (target - x0) ** 2)
    """,
}

VARIANTS = {
    "distillation_target": """
    # in y = x/sqrt(alpha_bar), where a step is a straight line
    signal, sigma = np.sqrt(schedule.alpha_bar), schedule.sigma
    x_t = stop_gradient(x_t)
    told = np.broadcast_to(t, (len(x_t),))
    y = x_t / rows(signal[t], x_t)
    first = stop_gradient(eps_model(x_t, schedule.times[told]))
    y1 = y + rows(sigma[t - 1] - sigma[t], x_t) * first
    second = stop_gradient(eps_model(y1 * rows(signal[t - 1], x_t), schedule.times[told - 1]))
    y2 = y1 + rows(sigma[t - 2] - sigma[t - 1], x_t) * second
    return y - rows(sigma[t] / (sigma[t - 2] - sigma[t]), x_t) * (y2 - y)
    # the two steps written out
    x_t = stop_gradient(x_t)
    end = two_steps(eps_model, x_t, t, schedule)
    r = ratio(t, t - 2, schedule, x_t)
    before = rows(np.sqrt(schedule.alpha_bar[t - 2]), x_t)
    return (end - r * x_t) / (before - r * rows(np.sqrt(schedule.alpha_bar[t]), x_t))
    # both sides times the noise at t, the gradient stopped at the end
    s = t - 2
    end = two_steps(eps_model, x_t, t, schedule)
    noise = rows(np.sqrt(1 - schedule.alpha_bar[t]), x_t)
    last = rows(np.sqrt(1 - schedule.alpha_bar[s]), x_t)
    top = noise * end - last * x_t
    bottom = noise * rows(np.sqrt(schedule.alpha_bar[s]), x_t)
    return stop_gradient(top / (bottom - last * rows(np.sqrt(schedule.alpha_bar[t]), x_t)))
    # the extra over the teacher's first prediction
    x_t = stop_gradient(x_t)
    r = ratio(t, t - 2, schedule, x_t)
    end = two_steps(eps_model, x_t, t, schedule) - r * x_t
    return end / rows(
        np.sqrt(schedule.alpha_bar[t - 2])
        - np.sqrt((1 - schedule.alpha_bar[t - 2]) / (1 - schedule.alpha_bar[t]))
        * np.sqrt(schedule.alpha_bar[t]),
        x_t,
    )
    """,
    "truncated_snr_weight": """
    # from alpha_bar
    a = schedule.alpha_bar[t]
    return np.maximum(a, 1 - a) / (1 - a)
    # by a condition
    ratio = schedule.alpha_bar[t] / (1 - schedule.alpha_bar[t])
    return np.where(ratio < 1, 1.0, ratio)
    # from sigma
    return np.maximum(schedule.sigma[t] ** -2.0, 1)
    # by what is missing to 1
    ratio = schedule.snr[t]
    return ratio + (1 - ratio) * (ratio < 1)
    # by the mean and half of the distance
    ratio = schedule.snr[t]
    return (ratio + 1 + np.abs(ratio - 1)) / 2
    """,
    "weight_of_v": """
    # by the weight of the clean data
    a = schedule.alpha_bar[t]
    return (1 - a) * np.maximum(a / (1 - a), 1)
    # by the distance of the signal from one half
    return 0.5 + np.abs(schedule.alpha_bar[t] - 0.5)
    """,
    "student_loss": """
    # in terms of v
    a = rows(schedule.alpha_bar[t], v)
    wanted = (np.sqrt(a) * x_t - target) / np.sqrt(1 - a)
    return np.mean(np.maximum(a, 1 - a) * (v - wanted) ** 2)
    # example by example
    t = np.broadcast_to(t, (len(v),))
    total = 0.0
    for n in range(len(v)):
        a = schedule.alpha_bar[t[n]]
        x0 = a**0.5 * x_t[n] - (1 - a) ** 0.5 * v[n]
        total = total + (max(a, 1 - a) / (1 - a)) * np.sum((x0 - target[n]) ** 2)
    return total / v.size
    # with the axes in reverse
    a = schedule.alpha_bar[t]
    error = target.T - np.sqrt(a) * x_t.T + np.sqrt(1 - a) * v.T
    return np.sum(np.maximum(a / (1 - a), 1) * error * error) / v.size
    # the mean of each example first
    a = rows(schedule.alpha_bar[t], v)
    square = (np.sqrt(a) * x_t - np.sqrt(1 - a) * v - target) ** 2
    each = np.mean(np.reshape(square, (len(v), -1)), axis=1)
    return np.mean(np.maximum(schedule.snr[t], 1) * each)
    """,
}

EQUIVALENT = {
    "distillation_target": """
    # the size that is left to be found out may be any negative number
    (-1,) + (1,) * (np.ndim(x) - 1) → (-2,) + (1,) * (np.ndim(x) - 1)
    """,
    "truncated_snr_weight": """
    # at the border both are 1
    ratio < 1 → ratio <= 1
    """,
    "student_loss": """
    # the square of a difference does not depend on its sign
    mse(per_example(root, x0), per_example(root, target)) →
        mse(per_example(root, target), per_example(root, x0))
    # the larger of two, in any order
    max(a, 1 - a) → max(1 - a, a)
    """,
}
