"""Mistakes in the exercises of vae/02, and other right answers."""


def rest(a):
    """All axes but the first."""
    return tuple(range(1, a.ndim))


def answer(mean, directions, variances):
    from minigen.vae.pca import PCA

    return PCA(mean, directions, variances)


MISTAKES = {
    "reconstruction_loss": """
    # The square of a vector is a sum over its D coordinates: this mean over all elements is D times
    # smaller.
    len(x) -> len(np.ravel(x))
    len(x) -> 1  # Average over the batch: this sum over the examples is N times larger.
    # Each example keeps its own squared distance: the loss is their mean, one number.
    return np.sum((x - decoded) ** 2, axis=rest(x))
    # The squared distance is asked for: do not take its root.
    (x - decoded) ** 2 -> np.sum(np.sqrt(np.sum((x - decoded) ** 2, axis=rest(x)) + 1e-30))
    # The magnitudes of the errors are added: take their squares.
    (x - decoded) ** 2 -> np.sqrt((x - decoded) ** 2)
    len(x) -> (2 * len(x))  # Equation vae.01 has no factor one half.
    # Compare with x: this is the squared length of the reconstruction alone.
    x - decoded -> decoded
    # Take the difference of each pixel, square it, then sum: here errors of opposite sign cancel.
    (x - decoded) ** 2 -> np.sum(np.sum(x - decoded, axis=rest(x)) ** 2)
    # The root of a norm has no gradient at 0: sum the squares without taking a root first.
    (x - decoded) ** 2 -> np.sqrt(np.sum((x - decoded) ** 2)) ** 2
    # Divide by the number of examples, the length of the first axis, not of the last.
    return np.sum((x - decoded) ** 2) / x.shape[-1]
    """,
    "pca": """
    # Subtract the mean before the decomposition: otherwise the first direction points at the mean.
    x - np.float64(mean) -> x - 0.0
    # eigh returns the eigenvectors as columns: transpose them into rows.
    vectors[:, ::-1][:, :k].T -> vectors[::-1][:k]
    # svd returns V already transposed: the directions are its rows, not its columns.
    _, s, v = np.linalg.svd(x - x.mean(axis=0))
    return answer(x.mean(axis=0), v.T[:k], s[:k] ** 2 / len(x))
    # Singular values are square roots of sums of squares: square them for variances.
    _, s, v = np.linalg.svd(x - x.mean(axis=0))
    return answer(x.mean(axis=0), v[:k], s[:k] / len(x))
    len(x) -> 1  # Divide by N: variances are means over the rows.
    centered / len(x) -> centered / (len(x) - 1)  # Divide by N, as asked, not by N - 1.
    # These are standard deviations: variances are their squares.
    np.maximum(values[::-1][:k], 0) -> np.sqrt(np.maximum(values[::-1][:k], 0))
    # eigh sorts the eigenvalues in increasing order: the last ones are the largest variances.
    values, vectors = np.linalg.eigh(np.cov(x.T, bias=True))
    return answer(x.mean(axis=0), vectors[:, :k].T, values[:k])
    # Center every column by its own mean over the rows, not by one number for all.
    x - np.float64(mean) -> x - np.mean(mean)
    # Do not scale the columns to the same standard deviation: their variances matter.
    x - np.float64(mean) -> (x - mean) / np.std(x, axis=0)
    """,
}

VARIANTS = {
    "reconstruction_loss": """
    return np.mean(np.sum((decoded - x) ** 2, axis=rest(x)))  # mean of sums
    # example by example
    total = 0.0
    for a, b in zip(x, decoded):
        total = total + np.sum((a - b) * (a - b))
    return total / x.shape[0]
    """,
    "pca": """
    # by a singular value decomposition
    mean = np.mean(x, axis=0)
    _, s, directions = np.linalg.svd(x - mean, full_matrices=False)
    return answer(mean, directions[:k], s[:k] ** 2 / len(x))
    # with other signs
    mean = x.sum(axis=0) / x.shape[0]
    u, s, v = np.linalg.svd(x - mean)
    return answer(mean, -v[:k], np.mean((u[:, :k] * s[:k]) ** 2, axis=0))
    """,
}

EQUIVALENT = {
    "reconstruction_loss": """
    (x, decoded) → (decoded, x)  # the square of a difference has no order
    zip(x, decoded) → zip(decoded, x)  # the square of a difference has no order
    """,
    "pca": """
    -v[:k] → v[:k]  # either sign of a direction is right
    # eigenvalues of a covariance are negative by rounding only
    np.maximum(values[::-1][:k], 0) → values[::-1][:k]
    """,
}
