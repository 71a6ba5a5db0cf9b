"""Mistakes in the exercises of diffusion/13, and other right answers."""

import autograd.numpy as np

from minigen.tensor import logsumexp, softmax, stop_gradient


def turned(k):
    """Keys with their last two axes exchanged."""
    return np.swapaxes(k, -1, -2)


MISTAKES = {
    "unit_scale": """
    # This is the standard deviation itself; latents are multiplied by one over it.
    return 1 / deviation -> return deviation
    # This is one over the variance: take its root.
    return 1 / deviation -> return 1 / deviation**2
    # This is one over the root of the standard deviation: take one over the deviation itself.
    return 1 / deviation -> return 1 / deviation**0.5
    # The mean stays out of it: measure the distance from the mean, not from zero.
    return float(1 / np.sqrt(np.mean(latents.astype(np.float64) ** 2)))
    # The variance is divided by one entry too few: divide by the number of all.
    return float(1 / np.std(latents.astype(np.float64), ddof=1))
    # The deviations of the channels are averaged: take one deviation for all channels together.
    return float(1 / np.mean(np.std(latents, axis=tuple(range(np.ndim(latents) - 1)))))
    # The deviations within the examples are averaged: take one deviation over examples and
    # positions together.
    return float(1 / np.mean(np.std(np.reshape(latents, (len(latents), -1)), axis=1)))
    # Each channel has its own scale: return one number for all entries.
    return 1 / np.std(latents, axis=tuple(range(np.ndim(latents) - 1)))
    # Each position has its own scale: return one number for all entries.
    return 1 / np.std(latents, axis=0)
    # The largest entry is not the deviation.
    return float(1 / np.max(np.abs(latents)))
    # The deviation is the root of the mean *squared* distance.
    return float(1 / np.mean(np.abs(latents - np.mean(latents))))
    # Nothing is added to the deviation.
    return 1 / deviation -> return 1 / (deviation + 1e-3)
    # The scales of the channels are averaged: take one deviation for all channels together.
    return float(np.mean(1 / np.std(latents, axis=tuple(range(np.ndim(latents) - 1)))))
    # The scales of the positions are averaged: take one deviation for all entries together.
    return float(np.mean(1 / np.std(latents, axis=0)))
    # The deviations of the positions are averaged: take one deviation for all entries together.
    return float(1 / np.mean(np.std(latents, axis=0)))
    # This is the root of a sum of squares; the deviation is the root of the mean squared distance.
    return float(1 / np.linalg.norm(latents))
    # The deviation is not half of the distance between largest and smallest entry.
    return float(2 / (np.max(latents) - np.min(latents)))
    # The distance between largest and smallest entry is not the deviation.
    return float(1 / (np.max(latents) - np.min(latents)))
    # These are the scaled latents: the factor alone is asked for.
    return latents / np.std(latents)
    # In float32, mean of squares minus squared mean loses all its digits far from zero.
    return float(1 / np.sqrt(np.maximum(np.mean(latents**2) - np.mean(latents) ** 2, 1e-12)))
    # Only the first example is measured: take all of them.
    return float(1 / np.std(latents[:1].astype(np.float64)))
    # Nothing is added to the deviation, nor to the variance.
    return float(1 / np.sqrt(np.var(latents.astype(np.float64)) + 1e-8))
    # Nothing is added to the deviation, nor to the variance.
    return float(1 / np.sqrt(np.var(latents.astype(np.float64)) + 1e-6))
    # Nothing is added to the deviation, nor to the variance.
    return 1 / deviation -> return 1 / (deviation + 1e-6)
    # This is the factor of Stable Diffusion's own latents: measure those that are given.
    return 0.18215
    # The scales of the examples are averaged: take one deviation for all entries together.
    return float(np.mean(1 / np.std(np.reshape(latents, (len(latents), -1)), axis=1)))
    # One number for all entries, and latents may have any number of axes.
    return 1 / np.std(latents, axis=(0, 1, 2))
    # The mean of each position is subtracted: subtract one mean from all entries.
    return float(1 / np.sqrt(np.mean(np.var(latents.astype(np.float64), axis=0))))
    # The variance is a mean of squares: divide their sum by the number of entries.
    return float(1 / np.sqrt(np.sum((latents - np.mean(latents.astype(np.float64))) ** 2)))
    # One float is asked for, not an array that holds one.
    return np.array([1 / np.std(latents.astype(np.float64))])
    """,
    "cross_attention": """
    # The products are not divided by the root of d.
    / numpy.sqrt(np.shape(q)[-1]).astype(q.dtype) -> / q.dtype.type(1)
    # The products are divided by too much: by d instead of its root.
    numpy.sqrt(np.shape(q)[-1]).astype(q.dtype) -> q.dtype.type(np.shape(q)[-1])
    # The products are multiplied where they should be divided: by the root of d.
    / numpy.sqrt(np.shape(q)[-1]).astype(q.dtype) -> * numpy.sqrt(np.shape(q)[-1]).astype(q.dtype)
    # d is the length of the queries that come, not always 4.
    numpy.sqrt(np.shape(q)[-1]).astype(q.dtype) -> q.dtype.type(2)
    # d is the length of a query, not the number of words.
    numpy.sqrt(np.shape(q)[-1]) -> numpy.sqrt(np.shape(k)[-2])
    # d is the length of a query, not the number of queries.
    return np.matmul(softmax(np.matmul(q, turned(k)) / np.shape(q)[-2] ** 0.5), v)
    # d is the length of a query, not that of a value.
    return np.matmul(softmax(np.matmul(q, turned(k)) / np.shape(v)[-1] ** 0.5), v)
    # The softmax is over the words, the last axis, not over the positions.
    return np.matmul(turned(softmax(turned(np.matmul(q, turned(k)) / np.shape(q)[-1] ** 0.5))), v)
    # The softmax is missing: weights are positive and sum to 1.
    np.matmul(softmax(scores), v) -> np.matmul(scores, v)
    # The exponentials are not divided by their sum.
    np.matmul(softmax(scores), v) -> np.matmul(np.exp(np.minimum(scores, 80)), v)
    # The exponentials overflow for large products: use softmax, or subtract the largest product
    # first.
    e = np.exp(np.matmul(q, turned(k)) / np.shape(q)[-1] ** 0.5)
    return np.matmul(e / np.sum(e, axis=-1, keepdims=True), v)
    # All scores of an example share one sum here: each query has its own weights.
    s = np.matmul(q, turned(k)) / np.shape(q)[-1] ** 0.5
    total = np.exp(s - np.max(s))
    return np.matmul(total / np.sum(total, axis=(-1, -2), keepdims=True), v)
    # The weights multiply the values, not the keys.
    np.matmul(softmax(scores), v) -> np.matmul(softmax(scores), k)
    # The products are of queries with keys, not of keys with themselves.
    scores = np.matmul(q, np.swapaxes(k, -1, -2)) -> scores = np.matmul(k, np.swapaxes(k, -1, -2))
    # Nothing is added to the sum of the exponentials: the weights sum to 1.
    s = np.matmul(q, turned(k)) / np.shape(q)[-1] ** 0.5
    e = np.exp(s - np.max(s, axis=-1, keepdims=True))
    return np.matmul(e / (np.sum(e, axis=-1, keepdims=True) + 1e-3), v)
    # Keys and queries are compared by their product, not by their distance.
    gap = q[..., :, None, :] - k[..., None, :, :]
    return np.matmul(softmax(-np.sum(gap**2, axis=-1) / np.shape(q)[-1] ** 0.5), v)
    # The weights of a query sum to 1, by a softmax; a sigmoid makes each by itself.
    s = np.matmul(q, turned(k)) / np.shape(q)[-1] ** 0.5
    return np.matmul(0.5 + 0.5 * np.tanh(s / 2), v)
    # The products are of queries with keys, not of queries with each other.
    return np.matmul(softmax(np.matmul(q, turned(q)) / np.shape(q)[-1] ** 0.5), v)
    # The products have the wrong sign: the larger the product, the larger the weight.
    softmax(scores) -> softmax(-scores)
    # Products are divided before the softmax, not the weights after it.
    weights = softmax(np.matmul(q, turned(k))) / np.shape(q)[-1] ** 0.5
    return np.matmul(weights, v)
    # The softmax of the softmax is flatter: take it once.
    softmax(scores) -> softmax(softmax(scores))
    # Every query takes all words by their weights, not only the one with the largest.
    s = np.matmul(q, turned(k))
    best = 1.0 * (s == np.max(s, axis=-1, keepdims=True))
    return np.matmul(best.astype(v.dtype), v)
    # The weights depend on the query: this is the plain mean of the values.
    even = 0 * np.matmul(q, turned(k)) + 1 / np.shape(v)[-2]
    return np.matmul(even, v)
    # The products are used as they are: not those of vectors of length 1.
    q = q / np.sqrt(np.sum(q**2, axis=-1, keepdims=True))
    k = k / np.sqrt(np.sum(k**2, axis=-1, keepdims=True))
    return np.matmul(softmax(np.matmul(q, turned(k)) / np.shape(q)[-1] ** 0.5), v)
    # This returns the weights; the mean of the values is asked for.
    return np.matmul(softmax(scores), v) -> return softmax(scores)
    # The result is the mean of the values alone: the query is not added here.
    out = np.matmul(softmax(np.matmul(q, turned(k)) / np.shape(q)[-1] ** 0.5), v)
    return out + np.mean(q, axis=-1, keepdims=True)
    # Scores are not clipped: large products decide.
    return np.matmul(softmax(np.clip(np.matmul(q, turned(k)) / np.shape(q)[-1] ** 0.5, -2, 2)), v)
    # Each query takes its own largest product away: with that of all, weights of others are 0/0.
    s = np.matmul(q, turned(k)) / np.shape(q)[-1] ** 0.5
    e = np.exp(s - np.max(s))
    return np.matmul(e / np.sum(e, axis=-1, keepdims=True), v)
    # Scores are not clipped: large products decide.
    return np.matmul(softmax(np.clip(np.matmul(q, turned(k)) / np.shape(q)[-1] ** 0.5, -50, 50)), v)
    # Nothing is added to the sum of the exponentials: the weights sum to 1.
    s = np.matmul(q, turned(k)) / np.shape(q)[-1] ** 0.5
    e = np.exp(s - np.max(s, axis=-1, keepdims=True))
    return np.matmul(e / (np.sum(e, axis=-1, keepdims=True) + 1e-6), v)
    # Every query attends to all words: without a causal mask.
    s = np.matmul(q, turned(k)) / np.shape(q)[-1] ** 0.5
    return np.matmul(softmax(np.where(np.tril(np.ones(s.shape[-2:])) == 1, s, -1e9)), v)
    # Only the last two axes of k are exchanged: .T reverses all of them.
    return np.matmul(softmax(np.matmul(q, k.T) / np.shape(q)[-1] ** 0.5), v)
    # There may be none, one or several axes before the last two: np.matmul or "..." takes them all.
    s = np.einsum("nld,nmd->nlm", q, k) / np.shape(q)[-1] ** 0.5
    return np.einsum("nlm,nme->nle", softmax(s), v)
    # The weights have gradients, too: do not stop them.
    softmax(scores) -> stop_gradient(softmax(scores))
    # The weights sum to 1 already: do not divide by the number of words.
    np.matmul(softmax(scores), v) -> np.matmul(softmax(scores), v) / np.shape(v)[-2]
    """,
}

VARIANTS = {
    "unit_scale": """
    # through the variance
    z = np.ravel(latents).astype(np.float64)
    return float(np.mean((z - np.mean(z)) ** 2) ** -0.5)
    # NumPy's own in float64
    return 1 / float(np.std(latents, dtype=np.float64))
    """,
    "cross_attention": """
    # the queries divided first
    scores = np.einsum("...ld,...md->...lm", q / np.shape(q)[-1] ** 0.5, k)
    return np.einsum("...lm,...me->...le", softmax(scores), v)
    # with the softmax written out
    s = np.matmul(q, turned(k)) / np.shape(q)[-1] ** 0.5
    e = np.exp(s - np.max(s, axis=-1, keepdims=True))
    return np.matmul(e, v) / np.sum(e, axis=-1, keepdims=True)
    # through logarithms
    s = np.matmul(q, turned(k)) / np.shape(q)[-1] ** 0.5
    return np.matmul(np.exp(s - logsumexp(s)[..., None]), v)
    """,
}

EQUIVALENT = {
    "cross_attention": """
    # exchanging two axes has no order
    np.swapaxes(k, -1, -2) → np.swapaxes(k, -2, -1)
    """,
}
