"""Mistakes in the exercises of vae/06, and other correct answers."""

import numpy
import autograd.numpy as np


def lse(values, axis=0):
    top = np.max(values, axis=axis, keepdims=True)
    return np.squeeze(top, axis) + np.log(np.sum(np.exp(values - top), axis=axis))


MISTAKES = {
    "monte_carlo_log_likelihood": """
    # This is the mean of the logarithms. The mean comes first: average p(x|z), then take the log.
    return np.mean(log_px_z, axis=0)
    # The sum over the codes must be divided by their number K: subtract log K.
    np.shape(log_px_z)[0] -> 1
    # To divide by K inside the logarithm, subtract log K outside; do not divide the logarithm.
    return lse(log_px_z) / len(log_px_z)
    # exp(-1000) is 0 in floating point: subtract the largest value before exp, and add it to the
    # logarithm.
    return np.log(np.mean(np.exp(log_px_z), axis=0))
    # Subtract the largest value, not the first: another may be larger by so much that exp is
    # infinite.
    return log_px_z[0] + np.log(np.mean(np.exp(log_px_z - log_px_z[0]), axis=0))
    # Each example has its own largest value: with the largest of all, exp may give 0.
    return np.max(log_px_z) + np.log(np.mean(np.exp(log_px_z - np.max(log_px_z)), axis=0))
    # Average over the codes, axis 0: the result has one number for each example.
    return lse(log_px_z, axis=1) - np.log(log_px_z.shape[1])
    # The result has one number for each example: do not average over the examples, too.
    return np.mean(lse(log_px_z) - np.log(len(log_px_z)))
    return np.max(log_px_z, axis=0)  # The best code alone is not the average over all codes.
    # The sign is wrong: return the log-likelihood, not its negative.
    return np.log(len(log_px_z)) - lse(log_px_z)
    # A small constant inside the logarithm hides every density below it: subtract the largest value
    # before exp instead.
    return np.log(np.mean(np.exp(log_px_z), axis=0) + 1e-12)
    # A small constant inside the logarithm hides every density below it: subtract the largest value
    # before exp instead.
    return np.log(np.mean(np.exp(log_px_z), axis=0) + 1e-8)
    # A small constant inside the logarithm hides every density below it: subtract the largest value
    # before exp instead.
    return np.log(np.mean(np.exp(log_px_z), axis=0) + 1e-300)
    # A lower bound makes improbable examples too probable: subtract the largest value before exp
    # instead.
    return np.log(np.mean(np.exp(np.maximum(log_px_z, -700)), axis=0))
    # Each example has its own largest value: with the largest of all, exp may give 0.
    top = np.max(log_px_z)
    return top + np.log(np.mean(np.exp(log_px_z - top), axis=0) + 1e-300)
    # Subtract the largest value, not the largest magnitude: with the latter exp may still be 0.
    top = np.max(np.abs(log_px_z), axis=0)
    return top + np.log(np.mean(np.exp(log_px_z - top), axis=0))
    # This is in bits: return nats, with natural logarithms.
    return (lse(log_px_z) - np.log(len(log_px_z))) / np.log(2.0)
    """,
    "importance_sampling_log_likelihood": """
    # Average the weights p(x|z) p(z) / q(z|x), not their logarithms: the mean first, then the
    # logarithm.
    return np.mean(log_px_z + log_pz - log_qz, axis=0)
    # Codes that q draws too often count more here, not less: divide by q, so subtract log q.
    log_px_z + log_pz - log_qz -> log_px_z + log_pz + log_qz
    # The codes were not drawn from the prior: divide by q, the density that they were drawn from.
    log_px_z + log_pz - log_qz -> log_px_z + log_pz
    # The prior p(z) is missing: the model samples the code before it samples x.
    log_px_z + log_pz -> log_px_z + 0
    # Neither p(z) nor q(z|x) is used: this would be right for codes drawn from the prior.
    log_px_z + log_pz - log_qz -> log_px_z
    # p(z) and q(z|x) are swapped: multiply by the prior, divide by q.
    log_pz -> log_qz (everywhere)
    log_qz -> log_pz (everywhere)
    # The ratios p(z) / q(z|x) are not normalized to sum to one: divide by K, not by their sum.
    ratio = log_pz - log_qz
    return lse(log_px_z + ratio) - lse(ratio)
    # The sum over the codes must be divided by their number K: subtract log K.
    np.shape(log_w)[0] -> 1
    # Subtract the largest log-weight, not the largest log p(x|z): the two may be far apart.
    log_w, top = log_px_z + log_pz - log_qz, np.max(log_px_z, axis=0)
    return top + np.log(np.mean(np.exp(log_w - top), axis=0))
    # Subtract the largest log-weight, not the first: exp of the others may be infinite.
    log_w = log_px_z + log_pz - log_qz
    return log_w[0] + np.log(np.mean(np.exp(log_w - log_w[0]), axis=0))
    # exp of -1500 is 0 in floating point: subtract the largest log-weight before exp.
    return np.log(np.mean(np.exp(log_px_z + log_pz - log_qz), axis=0))
    # A small constant inside the logarithm hides every weight below it: subtract the largest
    # log-weight before exp instead.
    return np.log(np.mean(np.exp(log_px_z + log_pz - log_qz), axis=0) + 1e-300)
    # A small constant inside the logarithm hides every weight below it: subtract the largest
    # log-weight before exp instead.
    return np.log(np.mean(np.exp(log_px_z + log_pz - log_qz), axis=0) + 1e-12)
    # A small constant inside the logarithm hides every weight below it: subtract the largest
    # log-weight before exp instead.
    return np.log(np.mean(np.exp(log_px_z + log_pz - log_qz), axis=0) + 1e-8)
    # Weights are not bounded: do not clip the logarithm of p(z) / q(z|x).
    log_px_z + log_pz - log_qz -> log_px_z + np.clip(log_pz - log_qz, -10, 10)
    # Weights are not bounded: do not clip the logarithm of p(z) / q(z|x).
    log_px_z + log_pz - log_qz -> log_px_z + np.clip(log_pz - log_qz, -20, 20)
    # Divide by q code by code, before the mean: a ratio of two means is another number.
    return lse(log_px_z + log_pz) - lse(log_qz)
    # p(z) / q(z|x) is a weight of each code inside the mean, not a mean of logarithms outside it.
    return lse(log_px_z) - np.log(len(log_px_z)) + np.mean(log_pz - log_qz, axis=0)
    """,
}

VARIANTS = {
    "monte_carlo_log_likelihood": """
    # with the largest factored out
    top = log_px_z.max(axis=0)
    return top + np.log(np.mean(np.exp(log_px_z - top), axis=0))
    # one by one
    total = log_px_z[0]
    for row in log_px_z[1:]:
        total = np.logaddexp(total, row)
    return total - np.log(log_px_z.shape[0])
    """,
    "importance_sampling_log_likelihood": """
    # with the largest weight factored out
    log_w = (log_px_z - log_qz) + log_pz
    top = log_w.max(axis=0, keepdims=True)
    return top[0] + np.log(np.exp(log_w - top).mean(axis=0))
    # by SciPy
    from scipy.special import logsumexp as of_scipy
    return of_scipy(log_px_z + log_pz - log_qz, axis=0) - np.log(len(log_px_z))
    # weight by weight
    log_w = log_pz - log_qz + log_px_z - np.log(log_px_z.shape[0])
    return numpy.logaddexp.reduce(log_w, axis=0)
    """,
}

EQUIVALENT = {
    "importance_sampling_log_likelihood": """
    (log_px_z, log_pz, log_qz) → (log_pz, log_px_z, log_qz)  # p(x|z) and p(z) enter as a product
    """
}
