"""Answers for the tests of the machinery."""

MISTAKES = {
    "gaussian_nll": """
    # logvar is the logarithm of the variance, not of the standard deviation.
    np.exp(logvar) -> np.exp(2 * logvar)
    logvar + gap -> 2 * logvar + gap
    + np.log(2 * np.pi) -> + 0  # The constant log 2 pi belongs to it.
    np.sum -> np.mean  # Sum over the features, do not average.
    (x - mu) ** 2 -> x ** 2  # Squares measure the distance between x and mu, not x alone.
    """,
    "scale_and_shift": """
    np.sum(s, axis=-1) -> -np.sum(s, axis=-1)  # The log-determinant of the direction called has a plus.
    return (x + t) * np.exp(s), np.sum(s, axis=-1)  # Scale x first, then move it.
    + t -> - t  # t is added: y = x exp(s) + t.
    """,
}

VARIANTS = {
    "gaussian_nll": """
    # through sigma
    sigma = np.exp(0.5 * logvar)
    return np.sum(np.log(sigma) + 0.5 * ((x - mu) / sigma) ** 2, axis=1) + 0.5 * x.shape[1] * np.log(2 * np.pi)
    """,
    "scale_and_shift": "return t + np.exp(s) * x, s[:, 0] + s[:, 1]  # column by column",
}
