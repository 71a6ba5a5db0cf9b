"""Mistakes in the exercise of flow/14, and other right answers."""

import autograd.numpy as np


def exact_bits(log_p, log_q, dims):
    """The bound and the code length, in bits per dimension."""
    r = log_p - log_q
    least = np.min(-r, axis=1)
    code = least - np.log(np.mean(np.exp(r + least[:, None]), axis=1))
    return -np.mean(r, axis=1) / (dims * np.log(2)), code / (dims * np.log(2))


MISTAKES = {
    "dequantization_bits": """
    # These are nats: one bit is log 2 nats.
    bound, code = exact_bits(log_p, log_q, dims)
    return bound * np.log(2), code * np.log(2)
    # The two are exchanged: first the mean of the logarithms, then the logarithm of the mean.
    bound, code = exact_bits(log_p, log_q, dims)
    return code, bound
    # This is the total of an example: divide by its number of components.
    return exact_bits(log_p, log_q, 1)
    # The code length comes from the mean of the ratio, not from its sum: divide by K.
    bound, code = exact_bits(log_p, log_q, dims)
    return bound, code - np.log2(np.shape(log_p)[1]) / dims
    # The mean is over the values of the noise, not a sum over them: divide the bound by K.
    bound, code = exact_bits(log_p, log_q, dims)
    return bound * np.shape(log_p)[1], code
    # Both are lengths, so the logarithms enter with a minus.
    bound, code = exact_bits(log_p, log_q, dims)
    return -bound, -code
    # The code length is the bound here: take the mean of the ratio first, then its logarithm.
    bound, code = exact_bits(log_p, log_q, dims)
    return bound, bound
    # The bound is the code length here: take the logarithm first, then the mean.
    bound, code = exact_bits(log_p, log_q, dims)
    return code, code
    # The density of the noise is left out: it divides p.
    return exact_bits(log_p, 0.0, dims)
    # The density of the noise divides p: its logarithm is subtracted, not added.
    return exact_bits(log_p, -np.array(log_q), dims)
    # The density of the noise enters the code length too: average the ratio, not p.
    return exact_bits(log_p, log_q, dims)[0], exact_bits(log_p, 0.0, dims)[1]
    # The density of the noise enters the bound too: the mean of log q is added.
    return exact_bits(log_p, 0.0, dims)[0], exact_bits(log_p, log_q, dims)[1]
    # exp of such values is 0 or infinite: subtract the largest of an example before exp.
    r = log_p - log_q
    with np.errstate(all="ignore"):
        code = -np.log2(np.mean(np.exp(r), axis=1)) / dims
    return -np.mean(r, axis=1) / (dims * np.log(2)), code
    # A small number inside the logarithm hides small densities: subtract the largest of an example
    # before exp.
    r = log_p - log_q
    with np.errstate(all="ignore"):
        code = -np.log2(np.mean(np.exp(r), axis=1) + 1e-300) / dims
    return -np.mean(r, axis=1) / (dims * np.log(2)), code
    # The largest value alone is not the mean: the others count too, and K divides.
    r = log_p - log_q
    return exact_bits(log_p, log_q, dims)[0], -np.max(r, axis=1) / (dims * np.log(2))
    # The batch is averaged: each example has a pair of numbers of its own.
    bound, code = exact_bits(log_p, log_q, dims)
    return np.mean(bound) + 0 * bound, np.mean(code) + 0 * code
    # The mean is over axis 1, the values of the noise, not over the examples.
    log_q = log_q * np.ones(np.shape(log_p))
    return exact_bits(np.transpose(log_p), np.transpose(log_q), dims)
    # The logarithm of base 2 is taken twice: a density in nats is divided by log 2 once.
    bound, code = exact_bits(log_p, log_q, dims)
    return bound / np.log(2), code / np.log(2)
    # The largest value is subtracted before exp and not added afterwards: add it to the logarithm.
    r = log_p - log_q
    top = np.max(r, axis=1, keepdims=True)
    code = -np.log2(np.mean(np.exp(r - top), axis=1)) / dims
    return -np.mean(r, axis=1) / (dims * np.log(2)), code
    """,
}

VARIANTS = {
    "dequantization_bits": """
    # one value of the noise after the other
    r = np.transpose(log_p - log_q)
    log_sum = r[0]
    for more in r[1:]:
        log_sum = np.logaddexp(log_sum, more)
    return -np.mean(r, axis=0) / (dims * np.log(2)), (np.log(len(r)) - log_sum) / (dims * np.log(2))
    # in bits from the start, one example after the other
    bits = (log_q - np.array(log_p)) / np.log(2)
    least = [row.min() - np.log2(np.mean(2.0 ** (row.min() - row))) for row in bits]
    return bits.mean(axis=1) / dims, np.array(least) / dims
    """,
}

EQUIVALENT = {
    "dequantization_bits": """
    if log_q.ndim → if False  # what it guards only refuses other shapes
    """,
}
