"""Mistakes in the exercises of diffusion/07, and other right answers."""

import autograd.numpy as np

from minigen.diffusion.ddpm import q_sample
from minigen.tensor import stop_gradient


def rows(values, x):
    """One number for each example (or one for all), to go with x."""
    axes = (1,) * (np.ndim(x) - 1) * np.ndim(values)
    return np.reshape(values, np.shape(values) + axes).astype(x.dtype)


def noise_of(schedule, t):
    return 1 - schedule.alpha_bar[t]


def now_of(schedule, t, data_variance):
    """The variance of x_t."""
    return schedule.alpha_bar[t] * data_variance + noise_of(schedule, t)


def root_mean_square(losses):
    return np.sqrt(np.mean(losses**2, axis=1))


def spread(size, uniform):
    """Sizes to probabilities, a share of them evenly."""
    total = np.sum(size)
    if total == 0:
        return np.ones(len(size)) / len(size)
    return (1 - uniform) * size / total + uniform / len(size)


def simple(eps, eps_hat):
    return np.mean((eps - eps_hat) ** 2)


MISTAKES = {
    "gaussian_reverse_variance": """
    # This is right for data of variance 1 only; data_variance is not used.
    schedule.beta[t] * before / now -> schedule.beta[t]
    # This is right for a single point only: x_0 is not known here, so its variance counts.
    schedule.beta[t] * before / now ->
        schedule.beta[t] * noise_of(schedule, t - 1) / noise_of(schedule, t)
    # The fraction is upside down: the variance becomes smaller when x_t is known.
    schedule.beta[t] * before / now -> schedule.beta[t] * now / before
    # This is the variance of x_(t-1) before x_t is known.
    schedule.beta[t] * before / now -> before + 0 * now
    # This is the variance of x_t.
    schedule.beta[t] * before / now -> now
    # beta_t is missing.
    schedule.beta[t] * before / now -> before / now
    # It is not a straight line between beta~ and beta: both V are in a fraction.
    point = schedule.beta[t] * noise_of(schedule, t - 1) / noise_of(schedule, t)
    return data_variance * schedule.beta[t] + (1 - data_variance) * point
    # A straight line of logarithms is what a network learns; here the variance is known exactly.
    point = schedule.beta[t] * noise_of(schedule, t - 1) / noise_of(schedule, t)
    return schedule.beta[t] ** data_variance * point ** (1 - data_variance)
    # data_variance is a variance already: do not square it.
    s * data_variance + 1 - s -> s * data_variance**2 + 1 - s
    # data_variance is a variance: no root of it.
    s * data_variance + 1 - s -> s * np.sqrt(data_variance) + 1 - s
    # A variance shrinks by alpha_bar, not by its root.
    s * data_variance + 1 - s -> np.sqrt(s) * data_variance + 1 - s
    # alpha_bar has shrunk the data: it belongs before data_variance.
    s * data_variance + 1 - s -> data_variance + 1 - s
    # The noise, 1 - alpha_bar, is missing from both variances.
    s * data_variance + 1 - s -> np.maximum(s * data_variance, 1e-12)
    # The noise and the data have each other's part.
    s * data_variance + 1 - s -> s + (1 - s) * data_variance
    # The alpha of one step is used: alpha_bar belongs to all steps together.
    (schedule.alpha_bar[t - 1], schedule.alpha_bar[t]) -> (schedule.alpha[t - 1], schedule.alpha[t])
    # V_t belongs to t: the arrays are indexed by the time step.
    (schedule.alpha_bar[t - 1], schedule.alpha_bar[t]) ->
        (schedule.alpha_bar[np.maximum(t - 2, 0)], schedule.alpha_bar[t - 1])
    # This is the standard deviation; the variance is asked for.
    schedule.beta[t] * before / now -> np.sqrt(schedule.beta[t] * before / now)
    # alpha_t shrinks x_(t-1) on the way to x_t: the precision is alpha_t/beta_t, not 1/beta_t.
    schedule.beta[t] * before / now -> 1 / (1 / before + 1 / schedule.beta[t]) + 0 * now
    # alpha_t is already in V_t.
    schedule.beta[t] * before / now -> schedule.alpha[t] * schedule.beta[t] * before / now
    # The root of alpha_t enters the covariance; its square, alpha_t, enters here.
    before = now_of(schedule, t - 1, data_variance)
    with np.errstate(divide="ignore"):
        return 1 / (1 / before + np.sqrt(schedule.alpha[t]) / schedule.beta[t])
    # Every time has its own variance; here all get that of the first one.
    t = np.ravel(t)[0] + 0 * np.asarray(t)
    before = now_of(schedule, t - 1, data_variance)
    now = now_of(schedule, t, data_variance)
    return schedule.beta[t] * before / now
    # At t = 1 a single point has variance 0: nothing is clipped here.
    point = np.maximum(now_of(schedule, t - 1, data_variance), 1e-5)
    now = now_of(schedule, t, data_variance)
    return schedule.beta[t] * point / now
    # Data wider than the noise have more than beta_t: nothing is cut off above.
    schedule.beta[t] * before / now -> np.minimum(schedule.beta[t] * before / now, schedule.beta[t])
    # Part of x_0 is known from x_t: its variance given x_t counts, not all of it.
    point = schedule.beta[t] * noise_of(schedule, t - 1) / noise_of(schedule, t)
    part = np.sqrt(schedule.alpha_bar[t - 1]) * schedule.beta[t] / noise_of(schedule, t)
    return point + part**2 * data_variance
    # The part of x_0 in the mean is to be squared.
    point = schedule.beta[t] * noise_of(schedule, t - 1) / noise_of(schedule, t)
    part = np.sqrt(schedule.alpha_bar[t - 1]) * schedule.beta[t] / noise_of(schedule, t)
    return point + part * data_variance * noise_of(schedule, t) / now_of(schedule, t, data_variance)
    # beta~ is what a single point has; the variance of the data is not a factor of it.
    point = schedule.beta[t] * noise_of(schedule, t - 1) / noise_of(schedule, t)
    return data_variance * point
    # The data's variance is not simply added to beta~: much of it is known from x_t.
    point = schedule.beta[t] * noise_of(schedule, t - 1) / noise_of(schedule, t)
    return data_variance + point
    # V_t is missing below.
    schedule.beta[t] * before / now -> schedule.beta[t] * before + 0 * now
    # This is the sum of two variances; the variance becomes smaller when x_t is known.
    schedule.beta[t] * before / now -> schedule.beta[t] + before + 0 * now
    # beta belongs to the time t: the arrays are indexed by the time step.
    schedule.beta[t] * before / now -> schedule.beta[np.asarray(t) - 1] * before / now
    # Variances shrink by alpha_bar, and 1 - alpha_bar is the noise: no roots.
    s * data_variance + 1 - s -> np.sqrt(s) * data_variance + 1 - np.sqrt(s)
    # At t = 1 nothing is put in the place of the variance: x_0 may be known less well than that.
    t = np.maximum(t, 2)
    before = now_of(schedule, t - 1, data_variance)
    return schedule.beta[t] * before / now_of(schedule, t, data_variance)
    # This is the variance of x_0 given x_t.
    schedule.beta[t] * before / now -> data_variance * noise_of(schedule, t) / now + 0 * before
    # What the step adds is beta_t; alpha_t is what it keeps.
    schedule.beta[t] -> schedule.alpha[t]
    """,
    "learned_variance": """
    # beta~_2 takes the place of beta~_1 only, not of any beta~ below it.
    schedule.posterior_variance_clipped[t] ->
        numpy.maximum(schedule.posterior_variance[t], schedule.posterior_variance[2])
    # v = 1 is beta and v = 0 is beta~: here they are exchanged.
    per_example(log_beta, v) + per_example(log_posterior, 1 - v) ->
        per_example(log_posterior, v) + per_example(log_beta, 1 - v)
    # The straight line is one of logarithms, not of the variances themselves.
    np.exp(per_example(log_beta, v) + per_example(log_posterior, 1 - v)) ->
        per_example(np.exp(log_beta), v) + per_example(np.exp(log_posterior), 1 - v)
    # This is the logarithm of the variance: the exponential is missing.
    np.exp(per_example(log_beta, v) + per_example(log_posterior, 1 - v)) ->
        per_example(log_beta, v) + per_example(log_posterior, 1 - v)
    # This is the standard deviation; the variance is asked for.
    np.exp(per_example(log_beta, v) + per_example(log_posterior, 1 - v)) ->
        np.exp(0.5 * (per_example(log_beta, v) + per_example(log_posterior, 1 - v)))
    # v may lie outside 0 ... 1, and the line goes on there: do not clip it.
    v = np.clip(v, 0, 1)
    return np.exp(rows(np.log(schedule.beta[t]), v) * v
        + rows(np.log(schedule.posterior_variance_clipped[t]), v) * (1 - v))
    # v is the place on the line itself: no sigmoid.
    v = 1 / (1 + np.exp(-v))
    return np.exp(rows(np.log(schedule.beta[t]), v) * v
        + rows(np.log(schedule.posterior_variance_clipped[t]), v) * (1 - v))
    # In the authors' code -1 is beta~, and 1 is beta; here 0 is beta~.
    v = (v + 1) / 2
    return np.exp(rows(np.log(schedule.beta[t]), v) * v
        + rows(np.log(schedule.posterior_variance_clipped[t]), v) * (1 - v))
    # The schedule must stay as it is: write into a copy of its array.
    variance = schedule.posterior_variance
    variance[1] = variance[2]
    return np.exp(rows(np.log(schedule.beta[t]), v) * v + rows(np.log(variance[t]), v) * (1 - v))
    # beta~_1 is 0, and its logarithm minus infinity: at t = 1 take beta~_2.
    with np.errstate(all="ignore"):
        return np.exp(rows(np.log(schedule.beta[t]), v) * v
            + rows(np.log(schedule.posterior_variance[t]), v) * (1 - v))
    # At t = 1 it is beta~ alone that is taken at t = 2; beta_1 stays.
    t = np.maximum(t, 2)
    return np.exp(rows(np.log(schedule.beta[t]), v) * v
        + rows(np.log(schedule.posterior_variance[t]), v) * (1 - v))
    # At t = 1 take beta~_2 in the place of beta~_1, not a small number.
    clipped = np.maximum(schedule.posterior_variance, 1e-20)
    return np.exp(rows(np.log(schedule.beta[t]), v) * v + rows(np.log(clipped[t]), v) * (1 - v))
    # A small number in a logarithm changes small variances: at t = 1 take beta~_2.
    small = schedule.posterior_variance + 1e-8
    return np.exp(rows(np.log(schedule.beta[t]), v) * v + rows(np.log(small[t]), v) * (1 - v))
    # At t = 1 take beta~_2; here it is beta_1.
    later = schedule.posterior_variance[np.maximum(t, 2)]
    floor = np.where(np.asarray(t) == 1, schedule.beta[1], later)
    return np.exp(rows(np.log(schedule.beta[t]), v) * v + rows(np.log(floor), v) * (1 - v))
    # Only at t = 1 beta~ is replaced: each later time has its own.
    shifted = schedule.posterior_variance[np.minimum(np.asarray(t) + 1, schedule.T)]
    return np.exp(rows(np.log(schedule.beta[t]), v) * v + rows(np.log(shifted), v) * (1 - v))
    # The part of beta~ is missing.
    per_example(log_beta, v) + per_example(log_posterior, 1 - v) ->
        per_example(log_beta, v) + 0 * per_example(log_posterior, v)
    # 1 - v belongs to beta~, not v.
    per_example(log_posterior, 1 - v) -> per_example(log_posterior, v)
    # The part of beta~ is added.
    per_example(log_beta, v) + per_example(log_posterior, 1 - v) ->
        per_example(log_beta, v) - per_example(log_posterior, 1 - v)
    # This goes from beta to beta~ and on, past it: v times the difference starts at beta~.
    per_example(log_beta, v) + per_example(log_posterior, 1 - v) ->
        per_example(log_beta, 1 + 0 * v) + per_example(log_beta - log_posterior, v)
    # Natural logarithms go with exp.
    np.exp(per_example(log_beta, v) + per_example(log_posterior, 1 - v)) ->
        np.exp((per_example(log_beta, v) + per_example(log_posterior, 1 - v)) / np.log(10))
    # The upper end is beta_t, the noise of one step, not 1 - alpha_bar_t.
    np.log(schedule.beta[t]) -> np.log(noise_of(schedule, t))
    # The arrays are indexed by the time step: beta[t].
    np.log(schedule.beta[t]) -> np.log(schedule.beta[np.maximum(t - 1, 1)])
    # A time for each example belongs to the rows: reshape the logarithms to (N, 1, ..., 1).
    posterior = np.log(schedule.posterior_variance_clipped[t])
    return np.exp(v * np.log(schedule.beta[t]) + (1 - v) * posterior)
    # Images have more axes than points: reshape the logarithms to (N, 1, ..., 1).
    beta, posterior = np.log(schedule.beta[t]), np.log(schedule.posterior_variance_clipped[t])
    if np.ndim(t):
        beta, posterior = beta[:, None].astype(v.dtype), posterior[:, None].astype(v.dtype)
    return np.exp(v * beta + (1 - v) * posterior)
    # The result has the dtype of v: float32 stays float32.
    high, low = np.log(schedule.beta[t]), np.log(schedule.posterior_variance_clipped[t])
    high, low = rows(high, v.astype(float)), rows(low, v.astype(float))
    return np.exp(v * high + (1 - v) * low)
    # The line is one of logarithms, not of one over the variances.
    high, low = rows(schedule.beta[t], v), rows(schedule.posterior_variance_clipped[t], v)
    return 1 / (v / high + (1 - v) / low)
    # beta~_t has the index t, beyond t = 1: the arrays are indexed by the time step.
    before = np.maximum(np.asarray(t) - 1, 2)
    low = np.log(schedule.posterior_variance[before])
    return np.exp(rows(np.log(schedule.beta[t]), v) * v + rows(low, v) * (1 - v))
    # v must stay as it is: make a new array.
    high, low = np.log(schedule.beta[t]), np.log(schedule.posterior_variance_clipped[t])
    v *= rows(high - low, v)
    v += rows(low, v)
    return np.exp(v)
    # Each example has its own time, not that of the first one.
    t = int(np.ravel(t)[0])
    posterior = schedule.posterior_variance_clipped[t]
    return np.exp(v * np.log(schedule.beta[t]) + (1 - v) * np.log(posterior))
    # v must keep its gradient: it is not a constant.
    v = stop_gradient(v)
    return np.exp(rows(np.log(schedule.beta[t]), v) * v
        + rows(np.log(schedule.posterior_variance_clipped[t]), v) * (1 - v))
    # beta~_2 is taken for the examples at t = 1 alone, not for all as soon as there is one.
    first = np.any(np.asarray(t) == 1)
    shape = (-1,) + (1,) * (np.ndim(v) - 1)
    beta = np.reshape(schedule.beta[t], shape)
    lower = np.reshape(schedule.posterior_variance[np.full(np.shape(t), 2) if first else t], shape)
    return np.exp(v * np.log(beta) + (1 - v) * np.log(lower)).astype(v.dtype)
    # exp undoes the natural logarithm, not that to base 2.
    shape = (-1,) + (1,) * (np.ndim(v) - 1)
    upper = np.reshape(np.log2(schedule.beta[t]), shape)
    lower = np.reshape(np.log2(schedule.posterior_variance[np.maximum(t, 2)]), shape)
    return np.exp(v * upper + (1 - v) * lower).astype(v.dtype)
    # beta~ has an array of its own, schedule.posterior_variance; this is beta of the step before.
    shape = (-1,) + (1,) * (np.ndim(v) - 1)
    upper = np.reshape(np.log(schedule.beta[t]), shape)
    lower = np.reshape(np.log(schedule.beta[np.maximum(t, 2) - 1]), shape)
    return np.exp(v * upper + (1 - v) * lower).astype(v.dtype)
    """,
    "hybrid_loss": """
    # No gradient of the bound may reach eps_hat: stop it there.
    stop_gradient(eps_hat) -> eps_hat
    # The bound must train v: stop the gradient of eps_hat, and leave v its own.
    return stop_gradient(eps_hat), v -> return stop_gradient(eps_hat), stop_gradient(v)
    # These are exchanged: the bound's gradient stops at eps_hat and goes on to v.
    return stop_gradient(eps_hat), v -> return eps_hat, stop_gradient(v)
    # The gradient of the simple loss is stopped: it must train eps_hat, and only the bound has a
    # stop.
    mse(eps_hat, eps) -> mse(stop_gradient(eps_hat), eps)
    # The bound sums over all T time steps, and one was drawn: T times its term.
    * (weight * schedule.T / dims) -> * (weight / dims)
    # The mean over T steps would be divided by T; the sum is multiplied.
    * (weight * schedule.T / dims) -> * (weight / schedule.T / dims)
    # L_vlb is per dimension here: divide the terms by the number of dimensions of an example.
    * (weight * schedule.T / dims) -> * (weight * schedule.T)
    # Divide by the dimensions of one example, not of the whole batch.
    * (weight * schedule.T / dims) -> * (weight * schedule.T / x0.size)
    # An image has height times width times channels dimensions, not only its last axis.
    * (weight * schedule.T / dims) -> * (weight * schedule.T / np.shape(x0)[-1])
    # An image has height times width times channels dimensions, not only its first axis.
    * (weight * schedule.T / dims) -> * (weight * schedule.T / np.shape(x0)[1])
    # The terms of the examples are summed: take their mean.
    np.mean(terms) -> np.sum(terms)
    # The weight belongs to the bound; here the bound counts in full.
    * (weight * schedule.T / dims) -> * (schedule.T / dims)
    # The weight belongs to the bound, and L_simple counts in full.
    mse(eps_hat, eps) + np.mean(terms) * (weight * schedule.T / dims) ->
        mse(eps_hat, eps) * weight + np.mean(terms) * (schedule.T / dims)
    # L_simple counts in full: 1, not 1 - weight.
    mse(eps_hat, eps) + np.mean(terms) -> (1 - weight) * mse(eps_hat, eps) + np.mean(terms)
    # The bound is missing.
    mse(eps_hat, eps) + np.mean(terms) * (weight * schedule.T / dims) -> mse(eps_hat, eps)
    # L_simple is missing.
    mse(eps_hat, eps) + np.mean(terms) * (weight * schedule.T / dims) ->
        np.mean(terms) * (weight * schedule.T / dims)
    # The bound is minimized, as L_simple is: it is added.
    mse(eps_hat, eps) + np.mean(terms) -> mse(eps_hat, eps) - np.mean(terms)
    # The term is in nats already, and stays so.
    * (weight * schedule.T / dims) -> * (weight * schedule.T / dims / np.log(2))
    # weight is an argument; here it is always 0.001.
    * (weight * schedule.T / dims) -> * (0.001 * schedule.T / dims)
    # The model has learned its variance: "learned".
    "learned" -> "beta"
    # Hand levels on: gray values have probabilities, not densities.
    vlb_term(fixed_mean, x0, t, eps, schedule, "learned", levels) ->
        vlb_term(fixed_mean, x0, t, eps, schedule, "learned")
    # levels is an argument, and None unless given.
    vlb_term(fixed_mean, x0, t, eps, schedule, "learned", levels) ->
        vlb_term(fixed_mean, x0, t, eps, schedule, "learned", 256)
    # L_simple is the mean over dimensions, too.
    mse(eps_hat, eps) -> mse(eps_hat, eps) * dims
    # The network receives x_t, the noisy data, not x0.
    predict(model, q_sample(x0, t, eps, schedule), t, schedule) -> predict(model, x0, t, schedule)
    # The noise is what eps_hat is compared with, not the data.
    mse(eps_hat, eps) -> mse(eps_hat, x0)
    # L_simple has no half before it.
    mse(eps_hat, eps) -> 0.5 * mse(eps_hat, eps)
    # Each example has its own time: hand t on as it is.
    vlb_term(fixed_mean, x0, t, eps, schedule, "learned", levels) ->
        vlb_term(fixed_mean, x0, t[0] + 0 * t, eps, schedule, "learned", levels)
    # The bound is computed with the predicted noise, not with the true noise.
    return stop_gradient(eps_hat), v -> return eps, v
    # The term is neither multiplied by T nor divided by the number of dimensions: both are missing.
    * (weight * schedule.T / dims) -> * weight
    # Two losses are returned: add them, the bound with its weight.
    mse(eps_hat, eps) + np.mean(terms) * (weight * schedule.T / dims) ->
        (mse(eps_hat, eps), np.mean(terms) * (weight * schedule.T / dims))
    # The prediction that the bound holds fixed is used in the simple loss as well: the simple loss
    # must train eps_hat.
    held, v = predict(model, q_sample(x0, t, eps, schedule), t, schedule)
    terms = vlb_term(lambda x, t: (held, v), x0, t, eps, schedule, "learned", levels)
    per_dimension = np.mean(terms) * schedule.T * len(x0) / x0.size
    return simple(eps, stop_gradient(held)) + weight * per_dimension
    # Here v and eps_hat are handed on the wrong way round: the pair is (noise, v).
    return stop_gradient(eps_hat), v -> return v, stop_gradient(eps_hat)
    # The bound sums over all T time steps of the schedule, however late those drawn are.
    schedule.T -> np.max(t)
    """,
    "loss_aware_probabilities": """
    # This is the mean of the losses; their squares are averaged, and the root taken.
    numpy.sqrt(numpy.mean(losses**2, axis=1)) -> numpy.mean(losses, axis=1)
    # This is the mean of their sizes; the squares are averaged, and the root taken.
    numpy.sqrt(numpy.mean(losses**2, axis=1)) -> numpy.mean(np.abs(losses), axis=1)
    # The root is missing.
    numpy.sqrt(numpy.mean(losses**2, axis=1)) -> numpy.mean(losses**2, axis=1)
    # The mean of the losses is taken without squares: square first, then average, then take the
    # root.
    numpy.sqrt(numpy.mean(losses**2, axis=1)) -> numpy.abs(numpy.mean(losses, axis=1))
    # Average the squares, not the losses, and then the root.
    numpy.sqrt(numpy.mean(losses**2, axis=1)) -> numpy.sqrt(numpy.abs(numpy.mean(losses, axis=1)))
    # This is the spread around the mean; a loss that is large and steady counts, too.
    numpy.sqrt(numpy.mean(losses**2, axis=1)) -> numpy.std(losses, axis=1)
    # The newest loss alone is too noisy: the mean of all of a row.
    numpy.sqrt(numpy.mean(losses**2, axis=1)) -> np.abs(losses[:, -1])
    # This is the largest of a row: the mean of the squares is asked for.
    numpy.sqrt(numpy.mean(losses**2, axis=1)) -> np.max(np.abs(losses), axis=1)
    # This averages over the time steps: a row belongs to one of them.
    numpy.mean(losses**2, axis=1) -> numpy.mean(losses**2, axis=0)
    # The even share is missing: no step may have probability 0.
    (1 - uniform) * size / size.sum() + uniform / len(size) -> size / size.sum()
    # The sum must stay 1: what is spread evenly has to be taken off the rest.
    (1 - uniform) * size / size.sum() + uniform / len(size) ->
        size / size.sum() + uniform / len(size)
    # `uniform` is the share of all steps together: each gets uniform/T.
    (1 - uniform) * size / size.sum() + uniform / len(size) ->
        (1 - uniform) * size / size.sum() + uniform
    # The two parts are mixed in the wrong proportion: `uniform` is the even part.
    (1 - uniform) * size / size.sum() + uniform / len(size) ->
        uniform * size / size.sum() + (1 - uniform) / len(size)
    # `uniform` is not added to the sizes; it is a share of the probabilities.
    (1 - uniform) * size / size.sum() + uniform / len(size) ->
        (size + uniform) / (size + uniform).sum()
    # These are sizes, which do not sum to 1: divide by their sum.
    (1 - uniform) * size / size.sum() + uniform / len(size) ->
        (1 - uniform) * size + uniform / len(size)
    # Divide by the sum, not by the largest.
    size / size.sum() -> size / size.max()
    # The exponentials of the sizes are used: the probabilities are proportional to the sizes.
    (1 - uniform) * size / size.sum() ->
        (1 - uniform) * np.exp(size - size.max()) / np.exp(size - size.max()).sum()
    # These are the weights, 1/(T p): the probabilities are asked for.
    return 1 / (len(losses) * spread(root_mean_square(losses), uniform))
    # `uniform` is an argument; here it is always 0.001.
    (1 - uniform) * size / size.sum() + uniform / len(size) ->
        0.999 * size / size.sum() + 0.001 / len(size)
    # If all losses are 0 this divides 0 by 0: then each step gets 1/T.
    size.sum() == 0 -> False
    # A small number in the denominator leaves a sum below 1; ask whether all are 0.
    size = root_mean_square(losses)
    return (1 - uniform) * size / (np.sum(size) + 1e-8) + uniform / len(size)
    # The even part is divided by the number of losses in a row: each row is a time step, and T is
    # their number.
    uniform / len(size) -> uniform / losses.shape[1]
    # A time step whose losses are large is drawn more often, not less.
    size = root_mean_square(losses)
    return spread(1 / (size + 1e-8), uniform)
    # Sum to 1 by taking `uniform` off the sizes' part, not by dividing the whole once more.
    size = root_mean_square(losses)
    p = spread(size, 0) + uniform / len(size)
    return p / np.sum(p)
    # The even share is added to the rest, not taken where it is larger.
    size = root_mean_square(losses)
    return np.maximum(spread(size, 0), uniform / len(size))
    # There is a probability for t = 0: each row has one, t = 1 first.
    return np.concatenate([[0.0], spread(root_mean_square(losses), uniform)])
    # losses must stay as they are: make a new array.
    losses **= 2
    return spread(np.sqrt(np.mean(losses, axis=1)), uniform)
    # The sum belongs to all time steps; this sums over a row and takes its root.
    size = np.sqrt(np.sum(np.abs(losses), axis=1))
    return spread(size, uniform)
    # A small number added to the sizes takes over where losses are small: ask whether all are 0.
    size = np.sqrt(np.mean(losses**2, axis=1)) + 1e-8
    return (1 - uniform) * size / np.sum(size) + uniform / len(size)
    # If all losses are 0 each step gets 1/T: the probabilities still sum to 1.
    size = np.sqrt(np.mean(losses**2, axis=1))
    if np.sum(size) == 0:
        return np.zeros(len(size))
    return (1 - uniform) * size / np.sum(size) + uniform / len(size)
    # A share `uniform` of all is spread evenly: T times uniform added is more than that.
    size = np.sqrt(np.mean(losses**2, axis=1))
    if np.sum(size) == 0:
        return np.ones(len(size)) / len(size)
    p = size / np.sum(size) + uniform
    return p / np.sum(p)
    # Only if all losses are exactly 0 each step gets 1/T; tiny ones are as good as large ones.
    size = np.sqrt(np.mean(losses**2, axis=1))
    if np.allclose(size, 0):
        return np.ones(len(size)) / len(size)
    return (1 - uniform) * size / np.sum(size) + uniform / len(size)
    # Each step gets 1/T if *all* losses are 0, not if those of one step are.
    size = np.sqrt(np.mean(losses**2, axis=1))
    if np.any(size == 0):
        return np.ones(len(size)) / len(size)
    return (1 - uniform) * size / np.sum(size) + uniform / len(size)
    # Steps with a larger loss are drawn more often: in proportion, not in inverse proportion.
    size = 1 / np.sqrt(np.mean(losses**2, axis=1))
    return (1 - uniform) * size / np.sum(size) + uniform / len(size)
    """,
}

VARIANTS = {
    "gaussian_reverse_variance": """
    # by precisions, which add up
    before = now_of(schedule, t - 1, data_variance)
    with np.errstate(divide="ignore"):
        return 1 / (1 / before + schedule.alpha[t] / schedule.beta[t])
    # by the covariance
    before = now_of(schedule, t - 1, data_variance)
    now = schedule.alpha[t] * before + schedule.beta[t]
    return before * (1 - schedule.alpha[t] * before / now)
    # V as 1 plus what the data have above the noise
    extra = data_variance - 1
    a = schedule.alpha_bar
    return schedule.beta[t] * (1 + a[t - 1] * extra) / (1 + a[t] * extra)
    """,
    "learned_variance": """
    # as powers
    beta, posterior = schedule.beta[t], schedule.posterior_variance[np.maximum(t, 2)]
    return rows(beta, v) ** v * rows(posterior, v) ** (1 - v)
    # beta~ times a power of the ratio
    posterior = schedule.posterior_variance_clipped[t]
    return rows(posterior, v) * np.exp(v * rows(np.log(schedule.beta[t] / posterior), v))
    # example by example
    t = np.broadcast_to(t, len(v))
    found = []
    for one, k in zip(v, t):
        low, high = np.log(schedule.posterior_variance[max(k, 2)]), np.log(schedule.beta[k])
        found.append(np.exp(one * float(high) + (1 - one) * float(low)))
    return np.stack(found)
    # with the axes in reverse
    low, high = np.log(schedule.posterior_variance_clipped[t]), np.log(schedule.beta[t])
    line = v.T * np.asarray(high).astype(v.dtype) + (1 - v.T) * np.asarray(low).astype(v.dtype)
    return np.exp(line).T
    """,
    "hybrid_loss": """
    # the bound per example first
    eps_hat, v = model(q_sample(x0, t, eps, schedule), t)
    held = stop_gradient(eps_hat)
    terms = vlb_term(lambda x, t: (held, v), x0, t, eps, schedule, "learned", levels)
    of_one = schedule.T * terms / np.size(x0[0])
    return np.mean((eps_hat - eps) ** 2) + weight * np.mean(of_one)
    # the network asked again for v
    def held(x, t):
        guess, v = model(x, t)
        return stop_gradient(guess), v
    terms = vlb_term(held, x0, t, eps, schedule, "learned", levels)
    guess = model(q_sample(x0, t, eps, schedule), t)[0]
    return simple(eps, guess) + weight * schedule.T * np.sum(terms) / x0.size
    # means of both, example by example
    eps_hat, v = model(q_sample(x0, t, eps, schedule), t)
    held = stop_gradient(eps_hat), v
    terms = vlb_term(lambda x, t: held, x0, t, eps, schedule, "learned", levels)
    squares = np.sum(np.reshape((eps - eps_hat) ** 2, (len(x0), -1)), axis=1)
    return np.mean(squares + weight * schedule.T * terms) / np.prod(np.shape(x0)[1:])
    """,
    "loss_aware_probabilities": """
    # row by row
    size = np.array([np.sqrt(row @ row / len(row)) for row in np.asarray(losses, float)])
    if not np.any(size):
        size = size + 1.0
    return (1 - uniform) * size / np.sum(size) + uniform / len(losses)
    # by norms, whose common factor cancels
    size = np.linalg.norm(losses, axis=1)
    return spread(size, uniform)
    # in place
    p = root_mean_square(losses)
    total = p.sum()
    p = p / total if total > 0 else np.full(len(p), 1 / len(p))
    p *= 1 - uniform
    p += uniform / len(p)
    return p
    """,
}

EQUIVALENT = {
    "learned_variance": """
    max(k, 2) → max(2, k)  # the larger of two
    # any negative size is the free one
    (-1,) + (1,) * (np.ndim(v) - 1) → (-2,) + (1,) * (np.ndim(v) - 1)
    """,
    "hybrid_loss": """
    (x_t, t) → (t, x_t)  # what is held does not depend on its arguments
    (x, t) → (t, x)  # what is held does not depend on its arguments
    mse(eps_hat, eps) → mse(eps, eps_hat)  # a square
    simple(eps, guess) → simple(guess, eps)  # a square
    """,
    "loss_aware_probabilities": """
    # a factor of all sizes cancels
    numpy.mean(losses ** 2, axis=1) → numpy.sum(losses ** 2, axis=1)
    np.mean(losses ** 2, axis=1) → np.sum(losses ** 2, axis=1)  # a factor of all sizes cancels
    size.sum() → size.mean()  # both are 0 together
    np.sum(size) → np.mean(size)  # both are 0 together
    size + 1.0 → size - 1.0  # a factor of all sizes cancels
    size + 1.0 → size + 2.0  # a factor of all sizes cancels
    row @ row / len(row) → row @ row * len(row)  # a factor of all sizes cancels
    row @ row / len(row) → row @ row  # a factor of all sizes cancels
    """,
}
