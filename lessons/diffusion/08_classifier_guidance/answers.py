"""Mistakes in the exercises of diffusion/08, and other right answers."""

import autograd
import autograd.numpy as np

from minigen.tensor import grad as gradient
from minigen.tensor import value_and_grad


def by_rows(values, x):
    """One number for each example, to go with x."""
    return np.reshape(values, np.shape(values) + (1,) * (np.ndim(x) - 1) * np.ndim(values))


MISTAKES = {
    "classifier_gradient": """
    # The mean divides every gradient by N, and a batch twice as large halves it: take the sum.
    np.sum(values) -> np.mean(values)
    # This is the gradient of the first example only, and zero for all others: sum over examples.
    np.sum(values) -> values[0]
    # This is the gradient of f; the gradient of log f is asked for, and log_prob is a logarithm
    # already.
    np.sum(values) -> np.sum(np.exp(values))
    # log_prob is a logarithm already: take its gradient as it is.
    return gradient(lambda x: np.sum(np.log(-log_prob(x, t))))(x)
    # log f rises along its gradient: no minus here.
    np.sum(values) -> -np.sum(values)
    # All examples got the same gradient, their sum: each keeps its own.
    each = gradient(lambda x: np.sum(log_prob(x, t)))(x)
    return 0 * each + np.sum(each, axis=0)
    # All examples got the same gradient, their mean: each keeps its own.
    each = gradient(lambda x: np.sum(log_prob(x, t)))(x)
    return 0 * each + np.mean(each, axis=0)
    # exp(-1000) is 0, and 0/0 is NaN: take the gradient of log_prob itself.
    f = np.exp(log_prob(x, t))
    return gradient(lambda x: np.sum(np.exp(log_prob(x, t))))(x) / by_rows(f, x)
    # Its length says how sure the classifier is not: leave the gradient as it is.
    each = gradient(lambda x: np.sum(log_prob(x, t)))(x)
    axes = tuple(range(1, np.ndim(x)))
    return each / np.sqrt(np.sum(each**2, axis=axes, keepdims=True) + 1e-12)
    # The value is asked for nowhere: return the gradient, not log f.
    return log_prob(x, t)
    # value_and_grad returns a pair; the gradient is its second part.
    return value_and_grad(lambda x: np.sum(log_prob(x, t)))(x)
    # Each example has its own time: hand t on as it is.
    np.shape(values) != (len(x),) -> False
    log_prob(x, t) -> log_prob(x, t[:1] + 0 * t)
    # This has a row for each value and each example: only those of an example with itself are asked
    # for.
    from minigen.tensor import jacobian
    return jacobian(lambda x: log_prob(x, t))(x)
    # Nothing is squared: the gradient of the sum of log f.
    np.sum(values) -> np.sum(values**2)
    # This is the gradient of the largest only: sum over the examples.
    np.sum(values) -> np.max(values)
    # log f has its gradient as it is: no small number in a logarithm, no exp.
    np.sum(values) -> np.sum(np.log(np.exp(values) + 1e-12))
    # grad wants a function that returns one number: sum over the examples.
    return gradient(lambda x: log_prob(x, t))(x)
    # This is the gradient of the last example only, and zero for all others: sum over examples.
    np.sum(values) -> values[-1]
    # The probabilities multiply, their logarithms add: sum over examples.
    np.sum(values) -> np.prod(values)
    # The gradients of the batch are summed: each example keeps its own.
    return np.sum(gradient(lambda x: np.sum(log_prob(x, t)))(x), axis=0)
    # The gradients of the batch are averaged: each example keeps its own.
    return np.mean(gradient(lambda x: np.sum(log_prob(x, t)))(x), axis=0)
    # The length of the gradient counts: leave it as it is.
    each = gradient(lambda x: np.sum(log_prob(x, t)))(x)
    return each / np.sqrt(np.sum(each**2))
    # The gradient of log f is that of log_prob itself; it is not multiplied by its value.
    return by_rows(log_prob(x, t), x) * gradient(lambda x: np.sum(log_prob(x, t)))(x)
    # Differentiate with respect to x, not t.
    return gradient(lambda t: np.sum(log_prob(x, t)))(1.0 * t)
    # The result has the shape of x: do not flatten examples.
    return np.reshape(gradient(lambda x: np.sum(log_prob(x, t)))(x), (len(x), -1))
    # A steep gradient counts in full: do not clip it.
    return np.clip(gradient(lambda x: np.sum(log_prob(x, t)))(x), -1, 1)
    # log f may be as low as it is, and has a gradient there: do not cut it off.
    np.sum(values) -> np.sum(np.maximum(values, -100))
    """,
    "classifier_guided_eps": """
    # The gradient enters with the wrong sign: the score goes up, so the noise goes down.
    eps - per_example -> eps + per_example
    # This is the factor of the data in x_t, not that of the noise.
    np.sqrt(1 - schedule.alpha_bar[t]) -> np.sqrt(schedule.alpha_bar[t])
    # The factor is a standard deviation: the root of 1 - alpha_bar_t is missing.
    np.sqrt(1 - schedule.alpha_bar[t]) -> (1 - schedule.alpha_bar[t])
    # This is the noise of step t alone, and x_t holds that of all steps.
    np.sqrt(1 - schedule.alpha_bar[t]) -> np.sqrt(1 - schedule.alpha[t])
    # The factor is missing: eps is the score times sqrt(1 - alpha_bar_t), so grad needs it as well.
    np.sqrt(1 - schedule.alpha_bar[t]) * w -> w + 0 * schedule.alpha_bar[t]
    # The gradient is divided by the standard deviation: that is the way from eps to a score, not
    # back.
    np.sqrt(1 - schedule.alpha_bar[t]) * w -> w / np.sqrt(1 - schedule.alpha_bar[t])
    # The weight w is missing.
    np.sqrt(1 - schedule.alpha_bar[t]) * w -> np.sqrt(1 - schedule.alpha_bar[t])
    # The arrays begin at t = 0, where alpha_bar is 1: index with t itself.
    schedule.alpha_bar[t] -> schedule.alpha_bar[t - 1]
    # w multiplies the gradient; it does not belong under the root.
    np.sqrt(1 - schedule.alpha_bar[t]) * w ->
        np.sign(w) * np.sqrt(np.abs(w) * (1 - schedule.alpha_bar[t]))
    # 1 + w is for guidance without a classifier; here w multiplies the gradient alone.
    np.sqrt(1 - schedule.alpha_bar[t]) * w -> np.sqrt(1 - schedule.alpha_bar[t]) * (1 + w)
    # w belongs to the gradient; eps keeps its own size.
    eps - per_example -> (1 + w) * eps - per_example
    # w belongs to the gradient, not to eps.
    eps - per_example(np.sqrt(1 - schedule.alpha_bar[t]) * w, like(grad, eps)) ->
        w * eps - per_example(np.sqrt(1 - schedule.alpha_bar[t]), grad)
    # This is the guided score; the noise is minus sqrt(1 - alpha_bar_t) times it.
    root = by_rows(np.sqrt(1 - schedule.alpha_bar[t]), eps)
    return -eps / root + w * grad
    # This is the correction alone: subtract it from eps.
    eps - per_example -> -per_example
    # A time for each example belongs to the rows: reshape the factors to (N, 1, ..., 1).
    return eps - np.sqrt(1 - schedule.alpha_bar[t]) * w * grad
    # Pictures have more axes than points: reshape the factors to (N, 1, ..., 1).
    root = np.sqrt(1 - schedule.alpha_bar[t])
    return eps - (root[:, None] if np.ndim(t) else root) * w * grad
    # Each example has its own time, not that of the first one.
    schedule.alpha_bar[t] -> schedule.alpha_bar[np.ravel(t)[0]]
    # eps must stay as it is: make a new array.
    eps -= by_rows(np.sqrt(1 - schedule.alpha_bar[t]), eps) * w * grad
    return eps
    # The length of the gradient counts: do not make it 1.
    length = np.sqrt(np.sum(grad**2, axis=tuple(range(1, np.ndim(grad))), keepdims=True))
    return eps - by_rows(np.sqrt(1 - schedule.alpha_bar[t]), eps) * w * grad / (length + 1e-12)
    # A steep gradient counts in full: do not clip it.
    clipped = np.clip(grad, -10, 10)
    return eps - by_rows(np.sqrt(1 - schedule.alpha_bar[t]), eps) * w * clipped
    # That is the shift of the mean in DDPM's step, w beta_t grad; of the noise it is another one.
    eps - per_example(np.sqrt(1 - schedule.alpha_bar[t]) * w, like(grad, eps)) ->
        eps + per_example(schedule.beta[t] * w, grad)
    # A weight below zero leads away from the class: use it as it is.
    np.sqrt(1 - schedule.alpha_bar[t]) * w -> np.sqrt(1 - schedule.alpha_bar[t]) * max(w, 0)
    # beta_t is the noise of one step; x_t holds that of all steps, 1 - alpha_bar_t.
    root = by_rows(schedule.beta[t], eps)
    return eps - root * w * grad
    # eps keeps its own size: the gradient is a correction, not one side of a blend.
    eps - per_example -> (1 - w) * eps - per_example
    # This is minus the guided score; the noise is sqrt(1 - alpha_bar_t) times it.
    root = by_rows(np.sqrt(1 - schedule.alpha_bar[t]), eps)
    return eps / root - w * grad
    # The correction is linear in w: no square.
    np.sqrt(1 - schedule.alpha_bar[t]) * w -> np.sqrt(1 - schedule.alpha_bar[t]) * w**2
    # w belongs to the gradient alone; eps keeps its own size.
    return w * (eps - by_rows(np.sqrt(1 - schedule.alpha_bar[t]), eps) * grad)
    # Each example has its own time: no mean over them.
    schedule.alpha_bar[t] -> np.mean(schedule.alpha_bar[t])
    # The factor of the data does not belong here: it is x_t whose score is guided, not x_0.
    np.sqrt(1 - schedule.alpha_bar[t]) -> np.sqrt(1 / schedule.alpha_bar[t] - 1)
    # The sign of all is turned round: eps is kept, and the gradient subtracted.
    return by_rows(np.sqrt(1 - schedule.alpha_bar[t]), eps) * w * grad - eps
    """,
}

VARIANTS = {
    "classifier_gradient": """
    # autograd's own, which sums by itself
    return autograd.elementwise_grad(log_prob)(x, t)
    # by the mean, made up for
    return len(x) * value_and_grad(lambda x: np.mean(log_prob(x, t)))(x)[1]
    # one example after the other
    rows = []
    for n in range(len(x)):
        rows.append(gradient(lambda one: log_prob(one, t[n : n + 1])[0])(x[n : n + 1]))
    return np.concatenate(rows)
    """,
    "classifier_guided_eps": """
    # through the score
    root = by_rows(np.sqrt(1 - schedule.alpha_bar[t]), eps)
    score = -eps / root
    return -root * (score + w * grad)
    # example by example
    t = np.broadcast_to(t, len(eps))
    rows = [e - w * (1 - schedule.alpha_bar[k]) ** 0.5 * g for e, g, k in zip(eps, grad, t)]
    return np.stack(rows)
    # with the axes in reverse
    return (eps.T - np.sqrt(1 - schedule.alpha_bar[t]) * (w * grad).T).T
    """,
}

EQUIVALENT = {
    "classifier_guided_eps": """
    # the size that is left to be found out may be any negative number
    (-1,) + (1,) * (np.ndim(eps) - 1) → (-2,) + (1,) * (np.ndim(eps) - 1)
    """
}
