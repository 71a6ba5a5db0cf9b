"""Mistakes in the exercises of diffusion/15, and other right answers."""

import autograd.numpy as np

from minigen.diffusion.ddpm import q_sample as noised
from minigen.tensor import log_softmax as log_of_softmax
from minigen.tensor import logsumexp, softmax, stop_gradient


def unit(rows):
    """Rows of length 1."""
    return rows / np.sqrt(np.sum(rows**2, axis=1, keepdims=True))


def diagonal(a):
    """The entries (i, i)."""
    return np.sum(a * np.eye(len(a), dtype=a.dtype), axis=1)


def of_logits(logits):
    """The loss of logits (N, N)."""
    found = np.mean(diagonal(log_of_softmax(logits)))
    return -(found + np.mean(diagonal(log_of_softmax(np.transpose(logits))))) / 2


MISTAKES = {
    "contrastive_loss": """
    # The rows are not scaled to length 1: divide each by its length first.
    return of_logits(np.exp(log_scale) * np.matmul(image, np.transpose(text)))
    # The texts have to be scaled to length 1 as well.
    return of_logits(np.exp(log_scale) * np.matmul(unit(image), np.transpose(text)))
    # The images have to be scaled to length 1 as well.
    return of_logits(np.exp(log_scale) * np.matmul(image, np.transpose(unit(text))))
    # The scale is not its own logarithm: it is exp(log_scale).
    return of_logits(log_scale * np.matmul(unit(image), np.transpose(unit(text))))
    # The cosines are not scaled: the logits are exp(log_scale) times them.
    return of_logits(np.matmul(unit(image), np.transpose(unit(text))))
    # The cosines are multiplied by the scale, not divided by it.
    return of_logits(np.matmul(unit(image), np.transpose(unit(text))) / np.exp(log_scale))
    # The classification of the texts is missing: softmax along the columns too.
    logits = np.exp(log_scale) * np.matmul(unit(image), np.transpose(unit(text)))
    return -np.mean(diagonal(log_of_softmax(logits)))
    # The classification of the images is missing: softmax along the rows too.
    logits = np.exp(log_scale) * np.matmul(unit(image), np.transpose(unit(text)))
    return -np.mean(diagonal(log_of_softmax(np.transpose(logits))))
    # The two cross-entropies are averaged, not added.
    logits = np.exp(log_scale) * np.matmul(unit(image), np.transpose(unit(text)))
    return 2 * of_logits(logits)
    # The mean over the pairs is asked for, not the sum.
    logits = np.exp(log_scale) * np.matmul(unit(image), np.transpose(unit(text)))
    return len(image) * of_logits(logits)
    # The loss has to fall as the logits of pairs rise: the minus sign is missing.
    logits = np.exp(log_scale) * np.matmul(unit(image), np.transpose(unit(text)))
    return -of_logits(logits)
    # One softmax over all N² products does not choose a partner: take one for each row.
    logits = np.exp(log_scale) * np.matmul(unit(image), np.transpose(unit(text)))
    return -np.mean(diagonal(logits)) + logsumexp(np.reshape(logits, (1, -1)), axis=1)[0]
    # Only the diagonal holds right answers; this is the mean over all pairs.
    logits = np.exp(log_scale) * np.matmul(unit(image), np.transpose(unit(text)))
    both = np.mean(log_of_softmax(logits)) + np.mean(log_of_softmax(np.transpose(logits)))
    return -both / 2
    # The logarithm is missing: cross-entropy is minus the log of the probability.
    logits = np.exp(log_scale) * np.matmul(unit(image), np.transpose(unit(text)))
    both = np.exp(log_of_softmax(logits)) + np.exp(log_of_softmax(np.transpose(logits)))
    return -np.mean(diagonal(both)) / 2
    # The exponentials overflow for a large scale: use log_softmax.
    logits = np.exp(log_scale) * np.matmul(unit(image), np.transpose(unit(text)))
    rows, columns = np.sum(np.exp(logits), axis=1), np.sum(np.exp(logits), axis=0)
    return np.mean(np.log(rows) + np.log(columns)) / 2 - np.mean(diagonal(logits))
    # The distance of the partners alone is not enough: other pairs count as well.
    return np.mean(np.sum((unit(image) - unit(text)) ** 2, axis=1))
    # This is how far the cosines of partners are from 1; the others of the batch count as well.
    return np.exp(log_scale) * np.mean(1 - np.sum(unit(image) * unit(text), axis=1))
    # A small number in the logarithm changes what an unlikely partner costs: use log_softmax.
    logits = np.exp(log_scale) * np.matmul(unit(image), np.transpose(unit(text)))
    rows = np.log(diagonal(np.exp(log_of_softmax(logits))) + 1e-8)
    columns = np.log(diagonal(np.exp(log_of_softmax(np.transpose(logits)))) + 1e-8)
    return -np.mean(rows + columns) / 2
    # A large scale is cut off: it is exp(log_scale), and a limit belongs to the training.
    scale = np.minimum(np.exp(log_scale), 100)
    return of_logits(scale * np.matmul(unit(image), np.transpose(unit(text))))
    # A small number beside the length changes short rows: divide by the length itself.
    a = image / (np.sqrt(np.sum(image**2, axis=1, keepdims=True)) + 1e-8)
    b = text / (np.sqrt(np.sum(text**2, axis=1, keepdims=True)) + 1e-8)
    return of_logits(np.exp(log_scale) * np.matmul(a, np.transpose(b)))
    # The length of a row goes over its E numbers, axis 1, not over the examples.
    a = image / np.sqrt(np.sum(image**2, axis=0, keepdims=True))
    b = text / np.sqrt(np.sum(text**2, axis=0, keepdims=True))
    return of_logits(np.exp(log_scale) * np.matmul(a, np.transpose(b)))
    # A length is the root of the sum of squares.
    a = image / np.sum(image**2, axis=1, keepdims=True)
    b = text / np.sum(text**2, axis=1, keepdims=True)
    return of_logits(np.exp(log_scale) * np.matmul(a, np.transpose(b)))
    # The scale has a gradient too: do not stop it.
    scale = np.exp(stop_gradient(log_scale))
    return of_logits(scale * np.matmul(unit(image), np.transpose(unit(text))))
    # The texts are missing: each image is compared with the N texts, not with images.
    return of_logits(np.exp(log_scale) * np.matmul(unit(image), np.transpose(unit(image))))
    # The rows are divided by their largest entry: a row of length 1 has a sum of squares of 1.
    a = image / np.max(np.abs(image), axis=1, keepdims=True)
    b = text / np.max(np.abs(text), axis=1, keepdims=True)
    return of_logits(np.exp(log_scale) * np.matmul(a, np.transpose(b)))
    # Each image chooses among the N texts, by a softmax; a sigmoid asks of each pair by itself.
    logits = np.exp(log_scale) * np.matmul(unit(image), np.transpose(unit(text)))
    return np.mean(np.log(1 + np.exp(-(2 * np.eye(len(logits)) - 1) * logits)))
    # The scale enters twice: the logits are the cosines times it, once.
    return of_logits(np.exp(2 * log_scale) * np.matmul(unit(image), np.transpose(unit(text))))
    """,
    "contrastive_gradient": """
    # The classification of the texts is missing: the softmax along the columns counts too.
    n = len(logits)
    return (softmax(logits) - np.eye(n, dtype=logits.dtype)) / (2 * n)
    # The classification of the images is missing: the softmax along the rows counts too.
    n = len(logits)
    return (np.transpose(softmax(np.transpose(logits))) - np.eye(n, dtype=logits.dtype)) / (2 * n)
    # The right answers are missing: the logit on the diagonal is subtracted in the loss.
    - 2 * np.eye(n, dtype=logits.dtype) -> - 0
    # The right answers count once only: each is right in its row and in its column.
    - 2 * np.eye(n, dtype=logits.dtype) -> - np.eye(n, dtype=logits.dtype)
    # The signs are reversed: the loss falls as the logit of a pair rises.
    return -(softmax(logits) + softmax(logits.T).T - 2 * np.eye(len(logits))) / (2 * len(logits))
    # The loss takes means over the pairs: divide by their number.
    / (2 * n) -> / 2
    # The two cross-entropies are averaged: there is a half.
    / (2 * n) -> / n
    # The softmax along the columns is transposed: transpose it back.
    np.transpose(softmax(np.transpose(logits))) -> softmax(np.transpose(logits))
    # One softmax is taken over all logits: each row has its own, and each column.
    a = np.exp(logits - np.max(logits))
    n = len(logits)
    return (2 * n * a / np.sum(a) - 2 * np.eye(n, dtype=logits.dtype)) / (2 * n)
    # The exponentials overflow for large logits: `softmax` subtracts the largest first.
    a, n = np.exp(logits), len(logits)
    rows, columns = a / np.sum(a, axis=1, keepdims=True), a / np.sum(a, axis=0)
    return (rows + columns - 2 * np.eye(n, dtype=logits.dtype)) / (2 * n)
    # Every exponential of a row far below the largest logit is 0: subtract the largest of the row.
    a, n = np.exp(logits - np.max(logits)), len(logits)
    rows, columns = a / np.sum(a, axis=1, keepdims=True), a / np.sum(a, axis=0)
    return (rows + columns - 2 * np.eye(n, dtype=logits.dtype)) / (2 * n)
    # The logits have no bound here: do not clip them.
    logits, n = np.clip(logits, -100, 100), len(logits)
    return (softmax(logits) + softmax(logits.T).T - 2 * np.eye(n, dtype=logits.dtype)) / (2 * n)
    # The rows are used twice: the softmax along the columns is another one.
    np.transpose(softmax(np.transpose(logits))) -> softmax(logits)
    # This is the gradient of squared errors: that of a cross-entropy has no further factor.
    p, n = softmax(logits), len(logits)
    return (p + softmax(logits.T).T - 2 * np.eye(n)) * p * (1 - p) / (2 * n)
    # The number of all logits divides: the means go over the pairs.
    / (2 * n) -> / (2 * n * n)
    """,
    "prior_loss": """
    # The target is the clean embedding, not the noise.
    t = np.broadcast_to(t, (len(z),))
    return np.mean((prior(noised(z, t, eps, schedule), t, y) - eps) ** 2)
    # The prior is given the noised embedding, not the clean one.
    t = np.broadcast_to(t, (len(z),))
    return np.mean((prior(z, t, y) - z) ** 2)
    # The target is the clean embedding, not the noised one.
    t = np.broadcast_to(t, (len(z),))
    z_t = noised(z, t, eps, schedule)
    return np.mean((prior(z_t, t, y) - z_t) ** 2)
    # The mean over examples and dimensions is asked for, not the sum.
    t = np.broadcast_to(t, (len(z),))
    return np.sum((prior(noised(z, t, eps, schedule), t, y) - z) ** 2)
    # The dimensions are summed: take the mean over them as well.
    t = np.broadcast_to(t, (len(z),))
    return np.sum((prior(noised(z, t, eps, schedule), t, y) - z) ** 2) / len(z)
    # The examples are summed: take the mean over them as well.
    t = np.broadcast_to(t, (len(z),))
    return np.sum((prior(noised(z, t, eps, schedule), t, y) - z) ** 2) / np.size(z[0])
    # The error has to be squared.
    t = np.broadcast_to(t, (len(z),))
    return np.mean(np.abs(prior(noised(z, t, eps, schedule), t, y) - z))
    # The root of the mean is taken: the mean itself is asked for.
    t = np.broadcast_to(t, (len(z),))
    return np.mean((prior(noised(z, t, eps, schedule), t, y) - z) ** 2) ** 0.5
    # There is a half in front: the mean itself is asked for.
    t = np.broadcast_to(t, (len(z),))
    return np.mean((prior(noised(z, t, eps, schedule), t, y) - z) ** 2) / 2
    # The noise enters times the root of 1 - alpha_bar, the embedding times that of alpha_bar.
    t = np.broadcast_to(t, (len(z),))
    a = np.reshape(schedule.alpha_bar[t], (-1,) + (1,) * (np.ndim(z) - 1))
    return np.mean((prior(a * z + (1 - a) * eps, t, y) - z) ** 2)
    # alpha_bar, the product up to t, belongs here, not alpha of one step.
    t = np.broadcast_to(t, (len(z),))
    a = np.reshape(schedule.alpha[t], (-1,) + (1,) * (np.ndim(z) - 1))
    return np.mean((prior(np.sqrt(a) * z + np.sqrt(1 - a) * eps, t, y) - z) ** 2)
    # The two roots have changed places: at t = 1 there is little noise.
    t = np.broadcast_to(t, (len(z),))
    a = np.reshape(schedule.alpha_bar[t], (-1,) + (1,) * (np.ndim(z) - 1))
    return np.mean((prior(np.sqrt(1 - a) * z + np.sqrt(a) * eps, t, y) - z) ** 2)
    # The arrays begin with t = 0: use t itself, not t - 1.
    t = np.broadcast_to(t, (len(z),))
    return np.mean((prior(noised(z, t - 1, eps, schedule), t, y) - z) ** 2)
    # The prior receives the time as it is.
    t = np.broadcast_to(t, (len(z),))
    return np.mean((prior(noised(z, t, eps, schedule), t / schedule.T, y) - z) ** 2)
    # Each example is not weighted: a plain mean.
    t = np.broadcast_to(t, (len(z),))
    w = np.reshape(schedule.snr[t], (-1,) + (1,) * (np.ndim(z) - 1))
    return np.mean(w * (prior(noised(z, t, eps, schedule), t, y) - z) ** 2)
    # The prior is called once: a second answer need not be the same.
    t = np.broadcast_to(t, (len(z),))
    z_t = noised(z, t, eps, schedule)
    return np.mean((prior(z_t, t, y) - z) * (prior(z_t, t, y) - z))
    # The prior is not given all that it needs: it is called with z_t, t and y.
    t = np.broadcast_to(t, (len(z),))
    return np.mean((prior(noised(z, t, eps, schedule), t, 0) - z) ** 2)
    # The prior receives the time as an array (N,), one for each example.
    return np.mean((prior(noised(z, np.broadcast_to(t, (len(z),)), eps, schedule), t, y) - z) ** 2)
    # Two arguments of the prior are exchanged: the time comes before the condition.
    t = np.broadcast_to(t, (len(z),))
    return np.mean((prior(noised(z, t, eps, schedule), y, t) - z) ** 2)
    # The error is divided by the size of the embedding: take the squared error unchanged.
    t = np.broadcast_to(t, (len(z),))
    error = prior(noised(z, t, eps, schedule), t, y) - z
    return np.mean(error**2) / np.mean(z**2)
    # The prior is called once, with the whole batch, not for one example after the other.
    t = np.broadcast_to(t, (len(z),))
    z_t = noised(z, t, eps, schedule)
    parts = [prior(z_t[n : n + 1], t[n : n + 1], y[n : n + 1]) for n in range(len(z))]
    return np.mean((np.concatenate(parts)[: len(z)] - z) ** 2)
    # The gradient goes through the prior: do not stop its prediction.
    t = np.broadcast_to(t, (len(z),))
    return np.mean((stop_gradient(prior(noised(z, t, eps, schedule), t, y)) - z) ** 2)
    # The mean of the errors is squared: take the mean of the squares.
    t = np.broadcast_to(t, (len(z),))
    return np.mean(prior(noised(z, t, eps, schedule), t, y) - z) ** 2
    # Each example keeps its own loss: take the mean over the examples as well.
    t = np.broadcast_to(t, (len(z),))
    error = prior(noised(z, t, eps, schedule), t, y) - z
    return np.mean(np.reshape(error**2, (len(z), -1)), axis=1)
    """,
}

VARIANTS = {
    "contrastive_loss": """
    # with the log of the sum of exponentials
    logits = np.exp(log_scale) * np.matmul(unit(image), np.transpose(unit(text)))
    own = diagonal(logits)
    sums = logsumexp(logits, axis=1) + logsumexp(logits, axis=0)
    return np.mean(sums) / 2 - np.mean(own)
    # by the helper
    return of_logits(np.exp(log_scale) * np.matmul(unit(image), np.transpose(unit(text))))
    """,
    "contrastive_gradient": """
    # by the logarithms of the probabilities
    rows, columns = np.exp(log_of_softmax(logits)), np.exp(log_of_softmax(logits.T)).T
    return (rows + columns) / (2 * len(logits)) - np.eye(len(logits)) / len(logits)
    # row by row and column by column
    n, found = len(logits), np.zeros(np.shape(logits))
    for k in range(n):
        found[k] += softmax(logits[k]) / (2 * n)
        found[:, k] += softmax(logits[:, k]) / (2 * n)
        found[k, k] -= 1 / n
    return found
    """,
    "prior_loss": """
    # noised by hand
    t = np.broadcast_to(t, (len(z),))
    a = np.reshape(schedule.alpha_bar[t], (-1,) + (1,) * (np.ndim(z) - 1))
    error = z - prior(np.sqrt(a) * z + np.sqrt(1 - a) * eps, t, y)
    return np.sum(error**2) / np.size(z)
    # the times made by a sum
    times = np.zeros(len(z), int) + t
    guess = prior(noised(z, times, eps, schedule), times, y)
    return np.mean((guess - z) * (guess - z))
    """,
}

EQUIVALENT = {
    "contrastive_loss": """
    # the loss is the same with images and texts exchanged
    (image, text, log_scale) → (text, image, log_scale)
    """,
    "prior_loss": """
    # a squared difference is the same either way
    mse(predicted, z) → mse(z, predicted)
    """,
}
