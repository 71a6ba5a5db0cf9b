"""Mistakes in the exercises of diffusion/05, and other right answers."""

import autograd
import autograd.numpy as np
import numpy

from minigen.tensor import grad
from minigen.tensor import jacobian, stop_gradient


def wide(values, x):
    """One number for each example, or one for all, to go with x."""
    return np.reshape(values, np.shape(values) + (1,) * (np.ndim(x) - 1) * np.ndim(values))


def told(sigma, x):
    """One level for each example."""
    return np.broadcast_to(np.asarray(sigma, x.dtype), (len(x),))


MISTAKES = {
    "sliced_score_matching_loss": """
    # The square is not halved: its factor is 1/2.
    size / 2 -> size
    # The slope along v enters with a plus.
    np.sum(v * grad(along)(x), axis=1) + -> -np.sum(v * grad(along)(x), axis=1) +
    # The square enters with a plus.
    np.mean(np.sum(v * grad(along)(x), axis=1) + size / 2) ->
        np.mean(np.sum(v * grad(along)(x), axis=1) - size / 2)
    # The 1/2 belongs only to the square, not to the slope.
    np.mean(np.sum(v * grad(along)(x), axis=1) + size / 2) ->
        np.mean(np.sum(v * grad(along)(x), axis=1) + size) / 2
    # Take the mean over points, not the sum.
    np.mean(np.sum(v * grad(along)(x), axis=1) + size / 2) ->
        np.sum(np.sum(v * grad(along)(x), axis=1) + size / 2)
    # Sum over the coordinates of a point, do not average: the mean is one over points only.
    np.mean(np.sum(v * grad(along)(x), axis=1) + size / 2) ->
        np.mean(np.mean(v * grad(along)(x), axis=1) + size / 2 / np.shape(x)[1])
    # The slope is missing: alone, the square is smallest for a score of 0.
    np.sum(v * grad(along)(x), axis=1) + size / 2 -> size / 2
    # The square is missing: alone, the slope has no lowest value.
    np.sum(v * grad(along)(x), axis=1) + size / 2 -> np.sum(v * grad(along)(x), axis=1)
    # This is the gradient of the sum of the scores; of v . score(x) it is to be taken.
    np.sum(v * score(x)) -> np.sum(score(x))
    # The gradient is multiplied by v once more: how fast v . score(x) grows *along v*.
    np.sum(v * grad(along)(x), axis=1) -> np.sum(grad(along)(x), axis=1)
    # The mean over points is taken once: the gradient of a mean is too small by a factor N.
    np.sum(v * score(x)) -> np.sum(np.mean(v * score(x), axis=0))
    # variance_reduced is ignored.
    size = np.sum(v * s, axis=1) ** 2 -> size = np.sum(s**2, axis=1)
    # variance_reduced (True if not given) is ignored: then it is the squared length of the score.
    size = np.sum(s**2, axis=1) -> size = np.sum(v * s, axis=1) ** 2
    # The two sizes have changed places: with variance reduction it is the whole score, without it v
    # . score(x).
    size = np.sum(s**2, axis=1) -> size = np.sum(v * s, axis=1) ** 2
    size = np.sum(v * s, axis=1) ** 2 -> size = np.sum(s**2, axis=1)
    # The sum of squares is taken without variance reduction: take the square of the sum v .
    # score(x).
    size = np.sum(v * s, axis=1) ** 2 -> size = np.sum((v * s) ** 2, axis=1)
    # The length of the score is not squared: its squared length is asked for.
    size = np.sum(s**2, axis=1) -> size = np.sqrt(np.sum(s**2, axis=1))
    # The product of direction and score is not squared.
    size = np.sum(v * s, axis=1) ** 2 -> size = np.abs(np.sum(v * s, axis=1))
    # v is taken as it is, not made of length 1.
    length = np.sqrt(np.sum(v**2, axis=1, keepdims=True))
    v = v / length
    s = score(x)
    size = np.sum(s**2, axis=1) if variance_reduced else np.sum(v * s, axis=1) ** 2
    slopes = grad(lambda x: np.sum(v * score(x)))(x)
    return np.mean(np.sum(v * slopes, axis=1) + size / 2)
    # The derivative is that of the square of v . s: differentiate v . s itself along v.
    np.sum(v * score(x)) -> np.sum(np.sum(v * score(x), axis=1) ** 2)
    # This is the trace of the Jacobian, a sum over all directions: only that of v is asked for.
    trace = np.sum(np.sum(jacobian(score)(x), axis=2) * np.eye(np.shape(x)[1]), axis=(1, 2))
    s = score(x)
    size = np.sum(s**2, axis=1) if variance_reduced else np.sum(v * s, axis=1) ** 2
    return np.mean(trace + size / 2)
    # No gradient goes through this slope: take it by grad, which can be differentiated once more.
    slopes = numpy.zeros(np.shape(x))
    traced = grad(lambda x: np.sum(v * score(x)))(x)
    slopes = slopes + getattr(traced, "_value", traced)
    s = score(x)
    size = np.sum(s**2, axis=1) if variance_reduced else np.sum(v * s, axis=1) ** 2
    return np.mean(np.sum(v * slopes, axis=1) + size / 2)
    # v is given; do not draw your own.
    v = np.sign(numpy.random.standard_normal(np.shape(x)))
    s = score(x)
    size = np.sum(s**2, axis=1) if variance_reduced else np.sum(v * s, axis=1) ** 2
    slopes = grad(lambda x: np.sum(v * score(x)))(x)
    return np.mean(np.sum(v * slopes, axis=1) + size / 2)
    # This is v . s itself, or its gradient with respect to v; the derivative with respect to x is
    # needed.
    np.sum(v * grad(along)(x), axis=1) -> np.sum(v * s, axis=1)
    # The points are not averaged: the loss is one scalar.
    return np.mean(np.sum(v * grad(along)(x), axis=1) + size / 2) ->
        return np.sum(v * grad(along)(x), axis=1) + size / 2
    # The slope enters as it is, not squared.
    np.sum(v * grad(along)(x), axis=1) -> np.sum(v * grad(along)(x), axis=1) ** 2
    # A difference quotient is only near the derivative: take the derivative itself, by grad.
    slope = np.sum(v * (score(x + 1e-3 * v) - score(x)), axis=1) / 1e-3
    s = score(x)
    size = np.sum(s**2, axis=1) if variance_reduced else np.sum(v * s, axis=1) ** 2
    return np.mean(slope + size / 2)
    # A difference quotient is only near the derivative: take the derivative itself, by grad.
    slope = np.sum(v * (score(x + 1e-4 * v) - score(x)), axis=1) / 1e-4
    s = score(x)
    size = np.sum(s**2, axis=1) if variance_reduced else np.sum(v * s, axis=1) ** 2
    return np.mean(slope + size / 2)
    """,
    "denoising_score_matching_loss": """
    # The target has the wrong sign: the score of the noisy example leads back, against eps.
    per_example(sigma, score) + eps -> per_example(sigma, score) - eps
    # The weight sigma^2 is missing: without it the square is of s + eps/sigma.
    per_example(sigma, score) + eps -> score + per_example(1 / sigma, eps)
    # The weight is sigma^2; here it is sigma.
    per_example(sigma, score) + eps ->
        per_example(np.sqrt(sigma), score) + per_example(1 / np.sqrt(sigma), eps)
    # The model is to match -eps/sigma, not -eps: sigma in front of its answer is missing.
    per_example(sigma, score) + eps -> score + eps
    # The score of the noisy example given x is -eps/sigma, not -eps/sigma^2.
    per_example(sigma, score) + eps -> per_example(sigma, score) + per_example(1 / sigma, eps)
    # The weight sigma^2 is in there twice.
    per_example(sigma, score) + eps -> per_example(sigma**2, score) + per_example(sigma, eps)
    # The model is asked at the noisy data, not at x.
    x + per_example(sigma, eps) -> x
    # The noise is multiplied by sigma, a standard deviation, not by its root.
    x + per_example(sigma, eps) -> x + per_example(np.sqrt(sigma), eps)
    # sigma is the standard deviation of the noise, not its variance.
    x + per_example(sigma, eps) -> x + per_example(sigma**2, eps)
    # The noise is multiplied by sigma.
    x + per_example(sigma, eps) -> x + eps
    # The noise is added.
    x + per_example(sigma, eps) -> x - per_example(sigma, eps)
    # x is not shrunk: here the data stay as they are, and the noise comes on top.
    x + -> per_example(np.sqrt(1 - np.minimum(sigma, 1) ** 2), x) +
    per_example(sigma, eps) -> per_example(np.minimum(sigma, 1), eps)
    # The square is not halved: its factor is 1/2.
    np.mean(np.sum(gap**2, axis=1)) / 2 -> np.mean(np.sum(gap**2, axis=1))
    # Sum over the entries of an example; the mean is one over examples only.
    np.mean(np.sum(gap**2, axis=1)) / 2 -> np.mean(gap**2) / 2
    # The examples are summed: take their mean.
    np.mean(np.sum(gap**2, axis=1)) / 2 -> np.sum(gap**2) / 2
    # The sizes of the entries are added: take their squares.
    gap**2 -> np.abs(gap)
    # The lengths are not squared: take the squared lengths.
    np.mean(np.sum(gap**2, axis=1)) -> np.mean(np.sqrt(np.sum(gap**2, axis=1)))
    # The gap keeps the shape of an image, and only one axis is summed: sum over all but the first.
    gap = np.reshape(per_example(sigma, score) + eps, (n, -1)) ->
        gap = per_example(sigma, score) + eps
    np.mean(np.sum(gap**2, axis=1)) / 2 -> np.mean(np.sum(gap**2, axis=1)) / 2
    # Every example has its own level; here all get that of the first one.
    sigma = told(sigma, x)
    score = score_model(x + wide(sigma, x) * eps, sigma)
    gap = np.reshape(sigma[0] * score + eps, (len(x), -1))
    return np.mean(np.sum(gap**2, axis=1)) / 2
    # Every example has its own level: the noise of each is multiplied by its own, too.
    level = told(sigma, x)
    gap = level[0] * score_model(x + level[0] * eps, level) + eps
    return np.mean(np.sum(np.reshape(gap, (len(x), -1)) ** 2, axis=1)) / 2
    # Only the last axis is summed: a picture has more axes than two, so sum over all but the first.
    level = told(sigma, x)
    gap = wide(level, x) * score_model(x + wide(level, x) * eps, level) + eps
    return np.mean(np.sum(gap**2, axis=-1)) / 2
    # The model is told the level of each example, an array (N,).
    score = score_model(x + wide(sigma, x) * eps, sigma)
    gap = np.reshape(wide(sigma, x) * score + eps, (len(x), -1))
    return np.mean(np.sum(gap**2, axis=1)) / 2
    # The levels belong to the rows: reshape them to (N, 1, ..., 1).
    level = told(sigma, x)
    gap = np.reshape(sigma * score_model(x + sigma * eps, level) + eps, (len(x), -1))
    return np.mean(np.sum(gap**2, axis=1)) / 2
    # Pictures have more axes than points: reshape the levels to (N, 1, ..., 1).
    level = told(sigma, x)
    score = score_model(x + level[:, None] * eps, level)
    gap = np.reshape(level[:, None] * score + eps, (len(x), -1))
    return np.mean(np.sum(gap**2, axis=1)) / 2
    # eps is given; do not draw your own.
    eps = numpy.random.standard_normal(np.shape(x)).astype(x.dtype)
    level = told(sigma, x)
    score = score_model(x + wide(level, x) * eps, level)
    gap = np.reshape(wide(level, x) * score + eps, (len(x), -1))
    return np.mean(np.sum(gap**2, axis=1)) / 2
    # x must stay as it is: make a new array.
    level = told(sigma, x)
    x += wide(level, x) * eps
    gap = np.reshape(wide(level, x) * score_model(x, level) + eps, (len(x), -1))
    return np.mean(np.sum(gap**2, axis=1)) / 2
    # eps/sigma is large at little noise: nothing is added to sigma.
    per_example(sigma, score) + eps -> per_example(sigma + 1e-3, score) + eps
    # The model is told sigma, not sigma^2.
    score = evaluate(score_model, "score_model", x + per_example(sigma, eps), sigma) ->
        score = evaluate(score_model, "score_model", x + per_example(sigma, eps), sigma**2)
    # The model is told sigma itself, not its logarithm.
    score = evaluate(score_model, "score_model", x + per_example(sigma, eps), sigma) ->
        score = evaluate(score_model, "score_model", x + per_example(sigma, eps), np.log(sigma))
    # This is what a model of the noise is trained on; the model here answers with a score.
    gap = np.reshape(per_example(sigma, score) + eps, (n, -1)) ->
        gap = np.reshape(score - eps, (n, -1))
    # Given x, the score of the noisy example is -eps/sigma; eps itself is not the score.
    level = told(sigma, x)
    gap = wide(level, x) * (score_model(x + wide(level, x) * eps, level) - eps)
    return np.mean(np.sum(np.reshape(gap, (len(x), -1)) ** 2, axis=1)) / 2
    # -noisy/sigma^2 is the score of noise around 0; around x it is -(noisy - x)/sigma^2.
    level = told(sigma, x)
    noisy = x + wide(level, x) * eps
    gap = wide(level, x) * (score_model(noisy, level) + noisy / wide(level, x) ** 2)
    return np.mean(np.sum(np.reshape(gap, (len(x), -1)) ** 2, axis=1)) / 2
    # Each example has its own weight: do not average weights and errors apart.
    level = told(sigma, x)
    gap = score_model(x + wide(level, x) * eps, level) + eps / wide(level, x)
    return np.mean(level**2) * np.mean(np.sum(np.reshape(gap, (len(x), -1)) ** 2, axis=1)) / 2
    # The gradient goes through the model's answer: do not stop it.
    level = told(sigma, x)
    score = stop_gradient(score_model(x + wide(level, x) * eps, level))
    gap = wide(level, x) * score + eps
    return np.mean(np.sum(np.reshape(gap, (len(x), -1)) ** 2, axis=1)) / 2
    # Each example keeps its own loss: take the mean over the examples as well.
    level = told(sigma, x)
    gap = wide(level, x) * score_model(x + wide(level, x) * eps, level) + eps
    return np.sum(np.reshape(gap, (len(x), -1)) ** 2, axis=1) / 2
    """,
    "noise_scales": """
    # These fall in equal steps; equal ratios are asked for.
    numpy.geomspace -> numpy.linspace
    # The levels fall: the largest comes first.
    numpy.geomspace(largest, smallest, checks.whole("levels", levels)) ->
        numpy.geomspace(smallest, largest, checks.whole("levels", levels))
    # The smallest level is missing at the end: from i = 0 to levels - 1 there are levels - 1 steps.
    numpy.geomspace(largest, smallest, checks.whole("levels", levels)) ->
        largest * (smallest / largest) ** (numpy.arange(levels) / levels)
    # The largest level is missing at the beginning: i begins at 0.
    numpy.geomspace(largest, smallest, checks.whole("levels", levels)) ->
        largest * (smallest / largest) ** ((numpy.arange(levels) + 1) / levels)
    # This divides by zero with a single level, which is to be the largest.
    ratio = (smallest / largest) ** (1 / (levels - 1))
    return largest * ratio ** np.arange(levels)
    # There is one level too many: their number is `levels`.
    numpy.geomspace(largest, smallest, checks.whole("levels", levels)) ->
        numpy.geomspace(largest, smallest, levels + 1)
    # There is one level too few: their number is `levels`.
    numpy.geomspace(largest, smallest, checks.whole("levels", levels)) ->
        numpy.geomspace(largest, smallest, max(levels - 1, 1))
    # The levels are asked for to all digits: do not round.
    return np.round(np.geomspace(largest, smallest, levels), 2)
    # These are the squares, the variances: the levels are standard deviations.
    numpy.geomspace(largest, smallest, checks.whole("levels", levels)) ->
        numpy.geomspace(largest**2, smallest**2, checks.whole("levels", levels))
    # The logarithms fall in equal steps; the levels are their exponentials.
    return np.linspace(np.log(largest), np.log(smallest), levels)
    # The base of the logarithm must be that of the power.
    return 10 ** np.linspace(np.log(largest), np.log(smallest), levels)
    # logspace takes the logarithms to base 10 of its ends.
    return np.logspace(largest, smallest, levels)
    # The ratio of the two ends is taken for that of two neighbours.
    return largest * (smallest / largest) ** np.arange(levels)
    # With one level it is the largest, not the smallest.
    return np.geomspace(smallest, largest, levels)[::-1]
    # The ratio is that of the ends, not 1/2.
    return largest * 0.5 ** np.arange(levels)
    # The inverses fall in equal steps here; equal ratios are asked for.
    return 1 / np.linspace(1 / largest, 1 / smallest, levels)
    # The squares fall in equal steps here; equal ratios are asked for.
    return np.sqrt(np.linspace(largest**2, smallest**2, levels))
    # These fall in equal steps of their roots; equal ratios are asked for.
    return np.linspace(np.sqrt(largest), np.sqrt(smallest), levels) ** 2
    # The roots of the levels are returned: return the levels themselves, from largest to smallest.
    return np.sqrt(np.exp(np.linspace(np.log(largest), np.log(smallest), levels)))
    """,
    "score_from_eps": """
    # The score has the wrong sign: the noise leads away from the data, the score toward them.
    -1 / np.sqrt(1 - schedule.alpha_bar[t]) -> 1 / np.sqrt(1 - schedule.alpha_bar[t])
    # eps is divided by the variance of the noise, not by its standard deviation.
    np.sqrt(1 - schedule.alpha_bar[t]) -> (1 - schedule.alpha_bar[t])
    # This is the factor of x_0; that of the noise is sqrt(1 - alpha_bar_t).
    np.sqrt(1 - schedule.alpha_bar[t]) -> np.sqrt(schedule.alpha_bar[t])
    # This multiplies by the standard deviation: the less noise there is, the steeper the density.
    -1 / np.sqrt(1 - schedule.alpha_bar[t]) -> -np.sqrt(1 - schedule.alpha_bar[t])
    # This is the noise of step t alone, and x_t holds that of all steps.
    np.sqrt(1 - schedule.alpha_bar[t]) -> np.sqrt(1 - schedule.alpha[t])
    # The arrays begin at t = 0, where alpha_bar is 1: index with t itself.
    schedule.alpha_bar[t] -> schedule.alpha_bar[np.maximum(t, 2) - 1]
    # 1 minus the factor of the data is not the factor of the noise: the squares of both add up to
    # 1.
    np.sqrt(1 - schedule.alpha_bar[t]) -> (1 - np.sqrt(schedule.alpha_bar[t]))
    # This is the score of the data plus noise of deviation sigma = sqrt((1 - alpha_bar)/alpha_bar);
    # x_t is shrunk by sqrt(alpha_bar) besides.
    np.sqrt(1 - schedule.alpha_bar[t]) ->
        np.sqrt((1 - schedule.alpha_bar[t]) / schedule.alpha_bar[t])
    # This is minus the noise: the score has another unit, one over the standard deviation.
    return -eps
    # A time for each example belongs to the rows: reshape the factors to (N, 1, ..., 1).
    return -eps / np.sqrt(1 - schedule.alpha_bar[t])
    # Pictures have more axes than points: reshape the factors to (N, 1, ..., 1).
    root = np.sqrt(1 - schedule.alpha_bar[t])
    return -eps / (root[:, None] if np.ndim(t) else root)
    # Each example has its own time, not that of the first one.
    schedule.alpha_bar[t] -> schedule.alpha_bar[np.ravel(t)[0]]
    # Early steps have little noise, and steep scores: nothing is added under the root.
    1 - schedule.alpha_bar[t] -> 1 - schedule.alpha_bar[t] + 1e-3
    # eps must stay as it is: make a new array.
    eps *= wide(-1 / np.sqrt(1 - schedule.alpha_bar[t]), eps).astype(eps.dtype)
    return eps
    # Divide by the standard deviation once, not by the variance of the noise and its root.
    np.sqrt(1 - schedule.alpha_bar[t]) -> (1 - schedule.alpha_bar[t]) ** 1.5
    # The variances of the steps do not add up: each step shrinks what was there before.
    spread = np.sqrt(np.cumsum(schedule.beta)[t])
    return -eps / wide(spread, eps)
    """,
}

VARIANTS = {
    "sliced_score_matching_loss": """
    # by autograd's own gradient
    s = score(x)
    size = np.sum(s * s, axis=1) if variance_reduced else np.sum(s * v, axis=1) ** 2
    slopes = autograd.elementwise_grad(lambda x: v * score(x))(x)
    return np.mean(np.sum(slopes * v, axis=1)) + np.mean(size) / 2
    # by the whole Jacobian
    J = np.sum(jacobian(score)(x), axis=2)
    s = score(x)
    size = np.sum(s**2, axis=1) if variance_reduced else np.sum(v * s, axis=1) ** 2
    return np.mean(np.einsum("nd,nde,ne->n", v, J, v) + size / 2)
    # as a sum, divided at the end
    s = score(x)
    slopes = grad(lambda x: np.sum(v * score(x)))(x)
    size = np.sum(s**2) if variance_reduced else np.sum(np.sum(v * s, axis=1) ** 2)
    return (np.sum(v * slopes) + 0.5 * size) / len(x)
    """,
    "denoising_score_matching_loss": """
    # with the square outside
    level = told(sigma, x)
    s = score_model(x + wide(level, x) * eps, level)
    error = (s + eps / wide(level, x)) ** 2
    return 0.5 * np.mean(level**2 * np.sum(np.reshape(error, (len(x), -1)), axis=1))
    # over several axes
    level = told(sigma, x)
    gap = wide(level, x) * score_model(x + wide(level, x) * eps, level) + eps
    return np.mean(0.5 * np.sum(gap * gap, axis=tuple(range(1, np.ndim(x)))))
    # as a sum, divided at the end
    level = told(sigma, x)
    gap = eps + wide(level, x) * score_model(x + wide(level, x) * eps, level)
    return np.sum(gap**2) / len(x) / 2
    """,
    "noise_scales": """
    # by powers of the ratio
    if levels == 1:
        return np.array([largest])
    return largest * (smallest / largest) ** (np.arange(levels) / (levels - 1))
    # through logarithms
    return np.exp(np.linspace(np.log(largest), np.log(smallest), levels))
    # one after the other
    ratio = (smallest / largest) ** (1 / max(levels - 1, 1))
    found = [float(largest)]
    for _ in range(levels - 1):
        found.append(found[-1] * ratio)
    return np.array(found)
    """,
    "score_from_eps": """
    # example by example
    times = np.broadcast_to(t, (len(eps),))
    rows = [-e / (1 - schedule.alpha_bar[k]) ** 0.5 for e, k in zip(eps, times)]
    return np.stack(rows).astype(eps.dtype)
    # with the axes in reverse
    root = np.sqrt(1 - schedule.alpha_bar[t]).astype(eps.dtype)
    return -(eps.T / root).T
    """,
}

EQUIVALENT = {
    "noise_scales": "max(levels - 1, 1) → max(1, levels - 1)  # the maximum commutes",
    "score_from_eps": """
    # one time for all goes with eps in either shape
    (1,) * (np.ndim(eps) - 1) * np.ndim(alpha_bar) → (1,) * (np.ndim(eps) - 1)
    """,
}
