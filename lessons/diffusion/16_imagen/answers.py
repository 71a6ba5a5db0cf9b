"""Mistakes in the exercises of diffusion/16, and other right answers."""

import autograd.numpy as np


def sizes(x0, p, least=1.0):
    """The quantile of the sizes of each example, at least `least`, to go with x0."""
    flat = np.abs(np.reshape(x0, (len(x0), -1)))
    s = np.maximum(np.quantile(flat, p, axis=1), least)
    return np.reshape(s, (-1,) + (1,) * (np.ndim(x0) - 1)).astype(x0.dtype)


def counts(tokens, h):
    """1 where there is a word, else 0: (N, L, 1)."""
    return (tokens > 0).astype(h.dtype)[:, :, None]


MISTAKES = {
    "dynamic_threshold": """
    # This is static thresholding: s is a quantile of the sizes.
    return np.clip(x0, -1, 1)
    # Examples that stay within [-1, 1] are changed: s is at least 1.
    s = sizes(x0, p, 1e-12)
    return np.clip(x0, -s, s) / s
    # Pixels stay outside [-1, 1]: divide by s.
    s = sizes(x0, p)
    return np.clip(x0, -s, s)
    # Some pixels stay beyond s: cut off there before the division.
    return x0 / sizes(x0, p)
    # The example is cut off at 1 before the division: the limit is s.
    return np.clip(x0, -1, 1) / sizes(x0, p)
    # Each example has its own quantile; this is one for all.
    s = np.maximum(np.quantile(np.abs(x0), p), 1).astype(x0.dtype)
    return np.clip(x0, -s, s) / s
    # The quantile is that of the sizes |x0|, not of x0.
    s = np.maximum(np.quantile(np.reshape(x0, (len(x0), -1)), p, axis=1), 1)
    s = np.reshape(s, (-1,) + (1,) * (np.ndim(x0) - 1)).astype(x0.dtype)
    return np.clip(x0, -s, s) / s
    # This is the largest size; s is the quantile p.
    s = sizes(x0, 1.0)
    return np.clip(x0, -s, s) / s
    # p is to be used; 0.995 is only what it is unless given.
    s = sizes(x0, 0.995)
    return np.clip(x0, -s, s) / s
    # The share above s is 1 - p: the quantile is p.
    s = sizes(x0, 1 - p)
    return np.clip(x0, -s, s) / s
    # s is at most 1 here: it is the larger of the two.
    s = np.minimum(sizes(x0, p, 1e-12), 1)
    return np.clip(x0, -s, s) / s
    # The quantile goes over all pixels of an example, not over its last axis alone.
    s = np.maximum(np.quantile(np.abs(x0), p, axis=-1, keepdims=True), 1).astype(x0.dtype)
    return np.clip(x0, -s, s) / s
    # The quantile goes over an example's pixels, not over the examples.
    s = np.maximum(np.quantile(np.abs(x0), p, axis=0, keepdims=True), 1).astype(x0.dtype)
    return np.clip(x0, -s, s) / s
    # The quantile is interpolated between the two nearest sizes, not rounded.
    flat = np.sort(np.abs(np.reshape(x0, (len(x0), -1))), axis=1)
    s = np.maximum(flat[:, int(p * (flat.shape[1] - 1))], 1)
    s = np.reshape(s, (-1,) + (1,) * (np.ndim(x0) - 1))
    return np.clip(x0, -s, s) / s
    # Negative pixels are cut off at -s as well.
    s = sizes(x0, p)
    return np.minimum(x0, s) / s
    # s is a quantile, not a multiple of the deviation.
    flat = np.reshape(x0, (len(x0), -1))
    s = np.maximum(2 * np.std(flat, axis=1), 1)
    s = np.reshape(s, (-1,) + (1,) * (np.ndim(x0) - 1)).astype(x0.dtype)
    return np.clip(x0, -s, s) / s
    # The range is [-1, 1], not [0, 1].
    s = sizes(x0, p)
    return np.clip(x0, 0, s) / s
    # np.percentile counts in per cent: 100 p, or np.quantile with p itself.
    s = np.maximum(np.percentile(np.abs(np.reshape(x0, (len(x0), -1))), p, axis=1), 1)
    s = np.reshape(s, (-1,) + (1,) * (np.ndim(x0) - 1)).astype(x0.dtype)
    return np.clip(x0, -s, s) / s
    # The quantile goes over all channels of an image together, not over each by itself.
    axes = tuple(range(1, np.ndim(x0) - 1)) or 1
    s = np.maximum(np.quantile(np.abs(x0), p, axis=axes, keepdims=True), 1).astype(x0.dtype)
    return np.clip(x0, -s, s) / s
    # Only images are expected, not vectors (N, D): make each example one row, or count its axes.
    s = np.maximum(np.quantile(np.abs(x0), p, axis=(1, 2, 3), keepdims=True), 1)
    return np.clip(x0, -s, s) / s
    # s is the larger of the quantile and 1, not their sum.
    s = sizes(x0, p, 0.0) + 1
    return np.clip(x0, -s, s) / s
    # The result has the shape of x0: bring it back from rows.
    s = sizes(x0, p)
    return np.reshape(np.clip(x0, -s, s) / s, (len(x0), -1))
    # The quantile is that of the sizes, not of the squares.
    s = np.maximum(sizes(x0, p, 0.0) ** 2, 1)
    return np.clip(x0, -s, s) / s
    """,
    "mean_of_words": """
    # The padding must not count: only places whose token is above 0.
    return np.mean(h, axis=1)
    # The sum leaves out the padding, but the divisor counts it: divide by the number of words.
    return np.mean(h * counts(tokens, h), axis=1)
    # This is the sum over the words: divide by their number.
    return np.sum(h * counts(tokens, h), axis=1)
    # The sum has the padding in it: multiply with 0 there.
    return np.sum(h, axis=1) / np.sum(counts(tokens, h), axis=1)
    # A word counts 1, whatever its number is.
    words = tokens.astype(h.dtype)[:, :, None]
    return np.sum(h * words, axis=1) / np.sum(words, axis=1)
    # A word counts 1, whatever its number: do not weight with it.
    words = tokens.astype(h.dtype)[:, :, None]
    return np.sum(h * words, axis=1) / np.sum(counts(tokens, h), axis=1)
    # The mean goes over the places, axis 1, not over the width.
    return np.sum(h * counts(tokens, h), axis=2) / np.sum(counts(tokens, h), axis=1)
    # The first word alone is not the mean.
    return h[:, 0]
    # The last place is padding for most texts; the mean over all words is asked for.
    return h[:, -1]
    # This is the last word of each text; the mean over all words is asked for.
    last = np.sum(tokens > 0, axis=1) - 1
    return h[np.arange(len(h)), last]
    # The word with the number 1 is a word as well: above 0.
    words = (tokens > 1).astype(h.dtype)[:, :, None]
    return np.sum(h * words, axis=1) / np.maximum(np.sum(words, axis=1), 1)
    # The padding is 0; these are the places without a word.
    words = (tokens == 0).astype(h.dtype)[:, :, None]
    return np.sum(h * words, axis=1) / np.maximum(np.sum(words, axis=1), 1)
    # Each text has its own number of words.
    words = counts(tokens, h)
    return np.sum(h * words, axis=1) / np.mean(np.sum(words, axis=1))
    # The divisor is too large by one: the words are counted, not the words and the end.
    words = counts(tokens, h)
    return np.sum(h * words, axis=1) / (np.sum(words, axis=1) + 1)
    # This is the largest over the words: their mean is asked for.
    return np.max(np.where(tokens[:, :, None] > 0, h, -np.inf), axis=1)
    # The mean over places is divided by the number of words, not by its root.
    words = counts(tokens, h)
    return np.sum(h * words, axis=1) / np.sqrt(np.sum(words, axis=1))
    # Each text has a word, so the divisor is never 0: nothing is added to it.
    words = counts(tokens, h)
    return np.sum(h * words, axis=1) / (np.sum(words, axis=1) + 1e-8)
    # Each text has a word, so the divisor is never 0: nothing is added to it.
    words = counts(tokens, h)
    return np.sum(h * words, axis=1) / (np.sum(words, axis=1) + 1e-6)
    # Each text has its own number of words, not that of the first.
    return np.mean(h[:, : np.sum(tokens[0] > 0)], axis=1)
    # The divisor counts the words of all texts: divide by those of the text.
    words = counts(tokens, h)
    return np.sum(h * words, axis=1) / np.sum(words)
    # Each text has its own number of words, not that of the longest.
    words = counts(tokens, h)
    return np.sum(h * words, axis=1) / np.max(np.sum(words, axis=1))
    # A text may fill all its places: then there is no padding to be found by argmax.
    ends = np.argmax(tokens == 0, axis=1)
    return np.stack([np.mean(h[n, : ends[n]], axis=0) for n in range(len(h))])
    """,
}

VARIANTS = {
    "dynamic_threshold": """
    # cut off after the division
    return np.minimum(np.maximum(x0 / sizes(x0, p), -1), 1)
    # example by example
    rows = []
    for example in x0:
        s = np.maximum(np.quantile(np.abs(example), p), 1)
        rows.append(np.minimum(np.maximum(example, -s), s) / s)
    return np.stack(rows)
    """,
    "mean_of_words": """
    # with einsum
    words = (tokens > 0) / np.sum(tokens > 0, axis=1, keepdims=True)
    return np.einsum("nlw,nl->nw", h, words)
    # text by text
    lengths = np.sum(tokens > 0, axis=1)
    return np.stack([np.mean(h[n, : lengths[n]], axis=0) for n in range(len(h))])
    """,
}
