"""Mistakes in the exercises of vae/06, and other right answers."""

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
    # Dividing by K inside the logarithm is subtracting log K outside it, not dividing the
    # logarithm.
    return lse(log_px_z) / len(log_px_z)
    # exp(-1000) is 0 on a computer: take the largest value out before exp, and add it to the
    # logarithm.
    return np.log(np.mean(np.exp(log_px_z), axis=0))
    # Take the largest value out, not the first: another may be larger by so much that exp is
    # infinite.
    return log_px_z[0] + np.log(np.mean(np.exp(log_px_z - log_px_z[0]), axis=0))
    # Each example has its own largest value: taken over all, exp gives 0 for an improbable one.
    return np.max(log_px_z) + np.log(np.mean(np.exp(log_px_z - np.max(log_px_z)), axis=0))
    # Average over the codes, axis 0; each example keeps its own number.
    return lse(log_px_z, axis=1) - np.log(log_px_z.shape[1])
    # One number for each example: do not average over the examples too.
    return np.mean(lse(log_px_z) - np.log(len(log_px_z)))
    return np.max(log_px_z, axis=0)  # The best code alone is not the average over all codes.
    # The sign is turned: this is a cost, and the log-likelihood itself is asked for.
    return np.log(len(log_px_z)) - lse(log_px_z)
    # A small number inside the logarithm hides every density below it: take the largest value out
    # before exp instead.
    return np.log(np.mean(np.exp(log_px_z), axis=0) + 1e-12)
    # A small number inside the logarithm hides every density below it: take the largest value out
    # before exp instead.
    return np.log(np.mean(np.exp(log_px_z), axis=0) + 1e-8)
    # A small number inside the logarithm hides every density below it: take the largest value out
    # before exp instead.
    return np.log(np.mean(np.exp(log_px_z), axis=0) + 1e-300)
    # A lower bound makes improbable examples too probable: take the largest value out before exp
    # instead.
    return np.log(np.mean(np.exp(np.maximum(log_px_z, -700)), axis=0))
    # Each example has its own largest value: taken over all, exp gives 0 for an improbable one.
    top = np.max(log_px_z)
    return top + np.log(np.mean(np.exp(log_px_z - top), axis=0) + 1e-300)
    # Take out the largest value with its sign: with the largest magnitude taken out, exp may still
    # be 0.
    top = np.max(np.abs(log_px_z), axis=0)
    return top + np.log(np.mean(np.exp(log_px_z - top), axis=0))
    # This is in bits; the result is in nats, from natural logarithms.
    return (lse(log_px_z) - np.log(len(log_px_z))) / np.log(2.0)
    """,
    "importance_sampling_log_likelihood": """
    # The weights p(x|z) p(z) / q(z|x) are averaged, not their logarithms: the mean first, then the
    # log.
    return np.mean(log_px_z + log_pz - log_qz, axis=0)
    # Codes that q offers too often count more here, not less: q divides, so subtract log q.
    log_px_z + log_pz - log_qz -> log_px_z + log_pz + log_qz
    # The codes were not drawn from the prior: divide by q, the density that they were drawn from.
    log_px_z + log_pz - log_qz -> log_px_z + log_pz
    # The prior p(z) is missing: the model needs to draw the code before it draws x.
    log_px_z + log_pz -> log_px_z + 0
    # Neither p(z) nor q(z|x) is used: this would be right for codes drawn from the prior.
    log_px_z + log_pz - log_qz -> log_px_z
    # p(z) and q(z|x) are swapped: multiply by the prior, divide by q.
    log_pz -> log_qz (everywhere)
    log_qz -> log_pz (everywhere)
    # The weights are not made to sum to one: their mean is the answer, so divide by K, not by their
    # sum.
    ratio = log_pz - log_qz
    return lse(log_px_z + ratio) - lse(ratio)
    # The sum over the codes must be divided by their number K: subtract log K.
    np.shape(log_w)[0] -> 1
    # Take out the largest log-weight, not the largest log p(x|z): the two may be far apart.
    log_w, top = log_px_z + log_pz - log_qz, np.max(log_px_z, axis=0)
    return top + np.log(np.mean(np.exp(log_w - top), axis=0))
    # Take the largest log-weight out, not the first: exp of the others may be infinite.
    log_w = log_px_z + log_pz - log_qz
    return log_w[0] + np.log(np.mean(np.exp(log_w - log_w[0]), axis=0))
    # exp of -1500 is 0 on a computer: take the largest log-weight out before exp.
    return np.log(np.mean(np.exp(log_px_z + log_pz - log_qz), axis=0))
    # A small number inside the logarithm hides every weight below it: take the largest log-weight
    # out before exp instead.
    return np.log(np.mean(np.exp(log_px_z + log_pz - log_qz), axis=0) + 1e-300)
    # A small number inside the logarithm hides every weight below it: take the largest log-weight
    # out before exp instead.
    return np.log(np.mean(np.exp(log_px_z + log_pz - log_qz), axis=0) + 1e-12)
    # A small number inside the logarithm hides every weight below it: take the largest log-weight
    # out before exp instead.
    return np.log(np.mean(np.exp(log_px_z + log_pz - log_qz), axis=0) + 1e-8)
    # Weights have no bounds: do not clip the logarithm of p(z) / q(z|x).
    log_px_z + log_pz - log_qz -> log_px_z + np.clip(log_pz - log_qz, -10, 10)
    # Weights have no bounds: do not clip the logarithm of p(z) / q(z|x).
    log_px_z + log_pz - log_qz -> log_px_z + np.clip(log_pz - log_qz, -20, 20)
    # q divides code by code, before the mean is taken: a ratio of two means is another number.
    return lse(log_px_z + log_pz) - lse(log_qz)
    # p(z) / q(z|x) weighs each code inside the mean, not outside as a mean of logarithms.
    return lse(log_px_z) - np.log(len(log_px_z)) + np.mean(log_pz - log_qz, axis=0)
    """,
}

VARIANTS = {
    "monte_carlo_log_likelihood": """
    # with the largest taken out
    top = log_px_z.max(axis=0)
    return top + np.log(np.mean(np.exp(log_px_z - top), axis=0))
    # one by one
    total = log_px_z[0]
    for row in log_px_z[1:]:
        total = np.logaddexp(total, row)
    return total - np.log(log_px_z.shape[0])
    """,
    "importance_sampling_log_likelihood": """
    # largest weight taken out
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
