"""Mistakes in the exercises of vae/07, and other correct answers."""

import autograd.numpy as np


def half_sum(terms):
    return 0.5 * np.sum(terms, axis=1)


def put_together(x, mu, logvar, w, b, std, spread=None):
    residual = np.sum((x - mu @ w - b) ** 2, axis=1)
    spread = np.exp(logvar) @ np.sum(w**2, axis=1) if spread is None else spread
    return -0.5 * (x.shape[1] * np.log(2 * np.pi * std**2) + (residual + spread) / std**2)


MISTAKES = {
    "kl_gaussians": """
    0.5 -> (-0.5)  # A divergence is never negative: change the sign.
    0.5 -> 1  # The factor 1/2 is missing.
    # This uses a standard deviation in place of a variance: exp(logvar) is the variance.
    (np.exp(logvar) + (mu - mu_p) ** 2) * np.exp(-logvar_p) ->
        ((np.exp(0.5 * logvar) + (mu - mu_p) ** 2) * np.exp(-0.5 * logvar_p))
    # This reads logvar as the logarithm of a standard deviation. It is that of a variance: do not
    # double it.
    ratio = (np.exp(2 * logvar) + (mu - mu_p) ** 2) * np.exp(-2 * logvar_p)
    return half_sum(ratio - 1 + 2 * logvar_p - 2 * logvar)
    np.sum -> np.mean  # The divergences of the dimensions add up: sum, do not average.
    # The order is reversed: this is the KL of the second Gaussian to the first.
    logvar -> logvar_p (everywhere)
    logvar_p -> logvar (everywhere)
    # This ignores the second Gaussian: it is the divergence from N(0, I).
    return half_sum(np.exp(logvar) + mu**2 - 1 - logvar) + 0.0 * np.sum(mu_p + logvar_p)
    # The squared distance of the means must be divided by sigma_p^2 as well.
    return half_sum(np.exp(logvar - logvar_p) + (mu - mu_p) ** 2 - 1 + logvar_p - logvar)
    # The term with the logarithms of the two variances has the wrong sign: it is log sigma_p^2 -
    # log sigma^2.
    return half_sum((np.exp(logvar) + (mu - mu_p) ** 2) * np.exp(-logvar_p) - 1 + logvar - logvar_p)
    # exp(-1000) is 0 in floating point, and its logarithm is infinite: the logarithm of exp(logvar)
    # is logvar itself.
    ratio = np.exp(logvar_p) / np.exp(logvar)
    return half_sum((np.exp(logvar) + (mu - mu_p) ** 2) / np.exp(logvar_p) - 1 + np.log(ratio))
    # logvar is not bounded here: do not clip it.
    v, v_p = np.clip(logvar, -10, 10), np.clip(logvar_p, -10, 10)
    return half_sum((np.exp(v) + (mu - mu_p) ** 2) * np.exp(-v_p) - 1 + v_p - v)
    # A root has no derivative where the means are equal: sum the squares, take no root.
    distance = np.sqrt(np.sum((mu - mu_p) ** 2 * np.exp(-logvar_p), axis=1)) ** 2
    return 0.5 * distance + half_sum(np.exp(logvar - logvar_p) - 1 + logvar_p - logvar)
    # The -1 of each dimension is missing: equal Gaussians must give 0.
    (mu - mu_p) ** 2 -> (np.exp(logvar_p) + (mu - mu_p) ** 2)
    # The result has one number for each example: sum over the dimensions only.
    return np.sum(
        half_sum((np.exp(logvar) + (mu - mu_p) ** 2) * np.exp(-logvar_p) - 1 + logvar_p - logvar)
    )
    # A constant added to a variance matters where the variance is small. The logarithms of the
    # variances are logvar and logvar_p themselves.
    v, v_p = np.exp(logvar) + 1e-8, np.exp(logvar_p) + 1e-8
    return half_sum((v + (mu - mu_p) ** 2) / v_p - 1 + np.log(v_p) - np.log(v))
    # logvar is not bounded here: do not clip it.
    v, v_p = np.clip(logvar, -20, 20), np.clip(logvar_p, -20, 20)
    return half_sum((np.exp(v) + (mu - mu_p) ** 2) * np.exp(-v_p) - 1 + v_p - v)
    # logvar is not bounded here: do not clip it.
    v, v_p = np.clip(logvar, -30, 20), np.clip(logvar_p, -30, 20)
    return half_sum((np.exp(v) + (mu - mu_p) ** 2) * np.exp(-v_p) - 1 + v_p - v)
    # The variance of the second Gaussian is exp(logvar_p), not 1.
    return half_sum(np.exp(logvar) + (mu - mu_p) ** 2 - 1 - logvar + 0.0 * logvar_p)
    # The means enter by the square of their difference, not by the difference of their squares.
    (mu - mu_p) ** 2 -> mu**2 - mu_p**2
    # The distance of the means enters by its square, not by its magnitude.
    (mu - mu_p) ** 2 -> np.abs(mu - mu_p)
    # This is the mean of both orders: return only the KL of the first Gaussian to the second.
    there = (np.exp(logvar) + (mu - mu_p) ** 2) * np.exp(-logvar_p) - 1 + logvar_p - logvar
    back = (np.exp(logvar_p) + (mu - mu_p) ** 2) * np.exp(-logvar) - 1 + logvar - logvar_p
    return half_sum(0.5 * (there + back))
    """,
    "expected_log_likelihood": """
    # The variance of z adds to the squared residual: this is log p at the mean of z only.
    w**2 -> np.zeros_like(w**2)
    -0.5 -> 0.5  # Return a log-likelihood, not its negative.
    # This uses the standard deviation of z in place of its variance, exp(logvar).
    np.exp(logvar) -> np.exp(logvar / 2)
    # Sum over the dimensions of x, do not average: the KL term is a sum over dimensions, too.
    return put_together(x, mu, logvar, w, b, std) / x.shape[1]
    w**2 -> -w**2  # The variance is added to the squared residual, not subtracted.
    # std is a standard deviation: divide by its square, in the logarithm too.
    return put_together(x, mu, logvar, w, b, np.sqrt(std))
    # The weights enter the variance squared: the variance of z w is sigma^2 w^2.
    w**2 -> np.sqrt(w**2)
    # The constant of the Gaussian density is missing: it is -D_x/2 log(2 pi std^2).
    np.shape(x)[1] -> 0
    np.shape(x)[1] -> 1  # There is one constant for each dimension of x, so D_x of them.
    x - mu @ w - b -> x - mu @ w  # The offset b is part of the mean of x.
    # A root has no derivative where the residual is 0: sum the squares, take no root.
    np.sum((x - mu @ w - b) ** 2, axis=1) -> np.sqrt(np.sum((x - mu @ w - b) ** 2, axis=1)) ** 2
    # std may be any positive number: do not add a constant to it.
    return put_together(x, mu, logvar, w, b, np.sqrt(std**2 + 1e-6))
    # Square the weights before you sum them: here those of opposite sign cancel.
    return put_together(x, mu, logvar, w, b, std, np.exp(logvar) @ np.sum(w, axis=1) ** 2)
    np.shape(x)[1] -> np.shape(x)[0]  # The constant counts the dimensions of x, not the examples.
    np.shape(x)[1] -> np.shape(mu)[1]  # The constant counts the dimensions of x, not of its code.
    # The Gaussian density has 2 pi beside the variance, in the logarithm too.
    LOG_2PI + 2 * numpy.log(std) -> 2 * numpy.log(std)
    # std may be any positive number: do not add a constant to it.
    return put_together(x, mu, logvar, w, b, np.sqrt(std**2 + 1e-8))
    # logvar is not bounded here: do not clip it.
    return put_together(x, mu, np.clip(logvar, -10, 10), w, b, std)
    """,
}

VARIANTS = {
    "kl_gaussians": """
    # by the library's norm, whose gradient at 0 is 0
    distance = np.linalg.norm((mu - mu_p) * np.exp(-0.5 * logvar_p), axis=1) ** 2
    ratio = logvar - logvar_p
    return 0.5 * (distance + np.sum(np.exp(ratio) - 1 - ratio, axis=1))
    # by standard deviations
    sigma, sigma_p = np.exp(logvar / 2), np.exp(logvar_p / 2)
    one = np.log(sigma_p) - np.log(sigma) + (sigma**2 + (mu - mu_p) ** 2) / (2 * sigma_p**2) - 0.5
    return one.sum(axis=-1)
    # after shifting p to the origin
    shift, ratio = (mu - mu_p) / np.exp(logvar_p / 2), logvar - logvar_p
    return np.sum(shift**2 + np.exp(ratio) - 1 - ratio, axis=1) / 2
    """,
    "expected_log_likelihood": """
    # E|c - zw|^2 = |c|^2 - 2 c.(mu w) + E|zw|^2, c = x - b
    c, gram = x - b, w @ w.T
    square = np.einsum("ni,ij,nj->n", mu, gram, mu) + np.exp(logvar) @ np.diag(gram)
    expected = np.sum(c**2, axis=1) - 2 * np.sum(c * (mu @ w), axis=1) + square
    return -0.5 * expected / std**2 - x.shape[1] * np.log(std * np.sqrt(2 * np.pi))
    # pixel by pixel
    variance = np.exp(logvar) @ w**2
    log_p = (
        -0.5 * ((x - b - mu @ w) ** 2 + variance) / std**2 - 0.5 * np.log(2 * np.pi) - np.log(std)
    )
    return np.sum(log_p, axis=1)
    """,
}
