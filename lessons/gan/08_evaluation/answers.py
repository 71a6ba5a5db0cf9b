"""Mistakes in the exercises of gan/08, and other correct answers."""

import autograd.numpy as np


def root_trace(matrix):
    return np.sum(np.sqrt(np.maximum(np.linalg.eigvals(matrix).real, 0)))


def symmetric_root(cov):
    values, vectors = np.linalg.eigh(cov)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def divergences(p, q):
    """KL of each row, with 0 log 0 = 0."""
    p, q = np.broadcast_arrays(p, q)
    ratio = np.where(p > 0, p, 1.0) / np.where((p > 0) & (q > 0), q, 1.0)
    return np.sum(p * np.log(ratio), axis=1)


def square(a, b):
    return np.sum((a[:, None] - b[None]) ** 2, axis=2)


def combine(kernel, x, y, unbiased, cross=2.0):
    """The three means of a kernel given as a function of two samples."""
    within = []
    for a in (x, y):
        n = len(a)
        within.append(
            (np.sum(kernel(a, a)) - n) / (n * (n - 1)) if unbiased else np.mean(kernel(a, a))
        )
    return within[0] + within[1] - cross * np.mean(kernel(x, y))


MISTAKES = {
    "frechet_distance": """
    cov1 -> cov2  # The covariances are missing: this compares the means alone.
    mu1 -> mu2 (everywhere)  # The means are missing: add |mu1 - mu2|^2.
    # The last term is missing: without -2 tr (cov1 cov2)^(1/2) the distance to itself is not 0.
    2 * overlap -> 0
    2 * overlap -> overlap  # The root counts twice: -2 tr (cov1 cov2)^(1/2).
    # Take the root of the product: cov1 cov2 itself has the unit to the fourth power.
    max(spread, 0.0) -> np.trace(cov1 + cov2 - 2 * cov1 @ cov2)
    # These are covariances, not standard deviations: do not square them.
    max(spread, 0.0) -> np.sum((cov1 - cov2) ** 2)
    # The root of a matrix is not the root of each entry: use the eigenvalues of cov1 cov2.
    max(spread, 0.0) -> np.trace(cov1 + cov2 - 2 * np.sqrt(np.abs(cov1 @ cov2)))
    # The covariances are not diagonal: standard deviations along the axes are not enough.
    max(spread, 0.0) -> np.sum((np.sqrt(np.diag(cov1)) - np.sqrt(np.diag(cov2))) ** 2)
    # The root of a product is not the product of the roots, unless the axes agree.
    roots = symmetric_root(cov1) @ symmetric_root(cov2)
    return np.sum((mu1 - mu2) ** 2) + np.trace(cov1 + cov2 - 2 * roots)
    # Multiply cov1 and cov2 as matrices, not entry by entry.
    2 * overlap -> 2 * root_trace(cov1 * cov2)
    # One covariance is multiplied by itself: the product needs both covariances.
    return np.sum((mu1 - mu2) ** 2) + np.trace(cov1 + cov2) - 2 * root_trace(cov1 @ cov1)
    # The root is of the product, not of the sum.
    return np.sum((mu1 - mu2) ** 2) + np.trace(cov1 + cov2) - 2 * root_trace(cov1 + cov2)
    # The distance of the means enters squared.
    (mu1 - mu2) ** 2 -> np.sqrt(np.sum((mu1 - mu2) ** 2))
    # |mu1 - mu2|^2 is the sum of the squares, not their mean.
    (mu1 - mu2) ** 2 -> np.mean((mu1 - mu2) ** 2)
    # Return the squared distance: no root at the end.
    ((mu1 - mu2) ** 2).sum() + max(spread, 0.0) ->
        np.sqrt(((mu1 - mu2) ** 2).sum() + max(spread, 0.0))
    # cov1 cov2 is not symmetric: eigvalsh uses only one half of it. Use eigvals.
    2 * overlap -> 2 * np.sum(np.sqrt(np.maximum(np.linalg.eigvalsh(cov1 @ cov2), 0)))
    # The trace of the root is the sum of the roots of the eigenvalues; cov1 cov2 is not symmetric,
    # and its singular values are others.
    2 * overlap -> 2 * np.sum(np.sqrt(np.linalg.svd(cov1 @ cov2, compute_uv=False)))
    # The distance of the means is Euclidean: the sum of squares, not of absolute values.
    (mu1 - mu2) ** 2 -> np.abs(mu1 - mu2)
    # A covariance may be singular; Cholesky's factor then does not exist.
    factor = np.linalg.cholesky(cov1)
    overlap = np.sum(np.sqrt(np.maximum(np.linalg.eigvalsh(factor.T @ cov2 @ factor), 0)))
    return np.sum((mu1 - mu2) ** 2) + np.trace(cov1 + cov2) - 2 * overlap
    # Do not add anything to the covariances: set negative eigenvalues to 0.
    small = 1e-3 * np.eye(len(mu1))
    overlap = root_trace((cov1 + small) @ (cov2 + small))
    return np.sum((mu1 - mu2) ** 2) + np.trace(cov1 + cov2) - 2 * overlap
    # This holds for two dimensions only: add up the roots of all eigenvalues.
    product = cov1 @ cov2
    overlap = np.sqrt(np.trace(product) + 2 * np.sqrt(np.maximum(np.linalg.det(product), 0)))
    return np.sum((mu1 - mu2) ** 2) + np.trace(cov1 + cov2) - 2 * overlap
    # The root of a negative rounding error is NaN: set negative eigenvalues to 0.
    overlap = np.sum(np.sqrt(np.linalg.eigvals(cov1 @ cov2).real - 1e-15))
    return np.sum((mu1 - mu2) ** 2) + np.trace(cov1 + cov2) - 2 * overlap
    """,
    "inception_score": """
    # The KL has the wrong direction: each sample's prediction comes first, as the weight.
    mean = np.mean(probs, axis=0, keepdims=True)
    tiny = 1e-300
    return np.exp(np.mean(np.sum(mean * (np.log(mean + tiny) - np.log(probs + tiny)), axis=1)))
    # Average first, then exponentiate: exp of the mean, not the mean of the exps.
    return np.mean(np.exp(divergences(probs, np.mean(probs, axis=0))))
    np.exp(terms.sum(axis=1).mean()) -> terms.sum(axis=1).mean()  # The exponential is missing.
    # Divide by the number of samples: the mean of the KLs, not their sum.
    terms.sum(axis=1) -> terms.sum()
    .sum -> .mean  # A KL is a sum over the classes, not a mean.
    probs > 0 -> 1  # 0 log 0 is 0: keep the zeros out of the logarithm, or the result is NaN.
    # This measures variety only. Uncertain predictions must lower the score: use each KL.
    np.log(probs) -> 0
    # Compare with the average over the samples, axis 0. Over the classes each row averages to 1/C,
    # whatever it is.
    probs.mean -> probs[0].mean
    np.log -> np.log2 (everywhere)  # These logarithms are binary: exp undoes log, not log2.
    # The sign of the divergence is reversed: the more they differ, the higher the score.
    terms.sum(axis=1).mean() -> -terms.sum(axis=1).mean()
    # exp undoes the natural logarithm: the base is e, not 2.
    np.exp(terms.sum(axis=1).mean()) -> 2.0 ** terms.sum(axis=1).mean()
    # A small number inside the logarithm changes the score: leave out the terms that are 0.
    return np.exp(np.mean(divergences(probs + 1e-3, np.mean(probs, axis=0) + 1e-3)))
    # A probability of 0 stays 0: do not replace it with a small number, leave out its term.
    p = np.maximum(probs, 1e-3)
    return np.exp(np.mean(divergences(p, np.mean(p, axis=0))))
    # The score uses all probabilities, not the most likely class alone.
    p = np.eye(probs.shape[1])[np.argmax(probs, axis=1)]
    return np.exp(np.mean(divergences(p, np.mean(p, axis=0))))
    """,
    "mmd": """
    # The pairs across the samples count twice: -2 mean k(x, y).
    2 * mean_kernel(x, y, False) -> mean_kernel(x, y, False)
    # The sign of the pairs across the samples is reversed: their similarity lowers the distance, so
    # it is subtracted.
    mean_kernel(x, y, False) -> (-mean_kernel(x, y, False))
    -0.5 -> -1  # The kernel's exponent has a 2 below: |a - b|^2 / (2 bandwidth^2).
    d / h -> d / np.sqrt(h)  # The bandwidth enters squared, as the distance does.
    # The distance enters squared: this is another kernel, with a kink at 0.
    d / h -> np.sqrt(d) / h
    # This is the MMD itself: return its square.
    value if unbiased else max(value, 0.0) -> np.sign(value) * np.sqrt(np.abs(value))
    # unbiased is ignored: with it the pairs of a point with itself are left out.
    itself and unbiased -> 0
    # Without unbiased=True the pairs of a point with itself count too, over N^2.
    within = 0.0
    for a in (x, y):
        n = len(a)
        kernel = np.exp(-square(a, a) / (2 * bandwidth**2))
        within = within + (np.sum(kernel) - n) / max(n * (n - 1), 1)
    return within - 2 * np.mean(np.exp(-square(x, y) / (2 * bandwidth**2)))
    # The number of pairs is wrong: without those of a point with itself it is N (N - 1), not N^2.
    len(a) - 1 -> len(a)
    # The unbiased value is cut off at 0: it may be negative.
    value if unbiased else max(value, 0.0) -> max(value, 0.0)
    # The kernels are summed: divide each table by the number of its pairs.
    def kernel(a, b):
        return np.sum(np.exp(-square(a, b) / (2 * bandwidth**2)))
    return kernel(x, x) + kernel(y, y) - 2 * kernel(x, y)
    # Each x is compared only with the y of the same number: average over all N times M pairs.
    n = min(len(x), len(y))
    value = combine(
        lambda a, b: np.exp(-square(a, b) / (2 * bandwidth**2)), x, y, unbiased, cross=0.0
    )
    return value - 2 * np.mean(np.exp(-np.sum((x[:n] - y[:n]) ** 2, axis=1) / (2 * bandwidth**2)))
    # This compares the means of the points; the kernel compares the whole samples.
    return np.sum((np.mean(x, axis=0) - np.mean(y, axis=0)) ** 2) / bandwidth**2
    # Two points at one place count as a pair: leave out the diagonal, not what is 1.
    def within(a):
        table = np.exp(-square(a, a) / (2 * bandwidth**2))
        return np.mean(table[table < 1]) if unbiased and len(a) > 1 else np.mean(table)
    across = np.mean(np.exp(-square(x, y) / (2 * bandwidth**2)))
    return within(x) + within(y) - 2 * across
    # Each table has its own size: M (or M - 1) belongs to y.
    def total(a, b):
        return np.sum(np.exp(-square(a, b) / (2 * bandwidth**2)))
    n = len(x)
    own = n if unbiased else 0
    pairs = max(n * n - own, 1)
    return (total(x, x) - own + total(y, y) - own) / pairs - 2 * total(x, y) / (n * len(y))
    # The absolute value is taken: the unbiased value may be negative.
    value if unbiased else max(value, 0.0) -> np.abs(value)
    # |a - b|^2 is the sum of the squared differences over the D coordinates, not their mean.
    d / h -> d / h / np.sqrt(x.shape[1])
    # Only pairs of a point with itself are left out: across the samples every pair counts.
    def table(a, b):
        return np.exp(-square(a, b) / (2 * bandwidth**2))
    across = table(x, y)
    n = min(across.shape)
    own = np.trace(across) if unbiased else 0.0
    across = (np.sum(across) - own) / max(across.size - (n if unbiased else 0), 1)
    return combine(table, x, y, unbiased, cross=0.0) - 2 * across
    # Each pair counts twice, as (i, j) and as (j, i): the upper half alone is half of the sum.
    def half(a):
        table = np.exp(-square(a, a) / (2 * bandwidth**2))
        own = len(a) if unbiased else 0
        return np.sum(np.triu(table, 1 if unbiased else 0)) / max(len(a) ** 2 - own, 1)
    return half(x) + half(y) - 2 * np.mean(np.exp(-square(x, y) / (2 * bandwidth**2)))
    """,
}

VARIANTS = {
    "frechet_distance": """
    # cov1^(1/2) cov2 cov1^(1/2) has the eigenvalues of cov1 cov2, and is symmetric
    values, vectors = np.linalg.eigh(cov1)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    overlap = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ cov2 @ root), 0))
    return np.dot(mu1 - mu2, mu1 - mu2) + np.trace(cov1) + np.trace(cov2) - 2 * np.sum(overlap)
    # by eigenvalues
    values = np.linalg.eigvals(cov1 @ cov2)
    overlap = np.sqrt(values.astype(complex)).real.sum()
    return np.linalg.norm(mu1 - mu2) ** 2 + np.trace(cov1 + cov2) - 2 * overlap
    """,
    "inception_score": """
    # the entropy of the average minus the average entropy
    mean, *each = [
        -sum(p * np.log(p) for p in row if p > 0) for row in (np.mean(probs, axis=0), *probs)
    ]
    return np.exp(mean - np.mean(each))
    # sample by sample
    total, mean = 0.0, probs.sum(axis=0) / len(probs)
    for row in probs:
        total += sum(p * np.log(p / m) for p, m in zip(row, mean) if p > 0)
    return np.exp(total / len(probs))
    """,
    "mmd": """
    # |a - b|^2 = |a|^2 + |b|^2 - 2 a b, in one table of all points, with a weight for each pair
    points, n, m = np.concatenate([x, y]), len(x), len(y)
    norms = np.sum(points**2, axis=1)
    kernel = np.exp((2 * points @ points.T - norms[:, None] - norms) / (2 * bandwidth**2))
    if unbiased:
        kernel = kernel - np.diag(np.diag(kernel))
    left = 1 if unbiased else 0
    means = [np.sum(kernel[:n, :n]) / (n * (n - left)), np.sum(kernel[n:, n:]) / (m * (m - left))]
    return means[0] + means[1] - np.sum(kernel[:n, n:]) * 2 / (n * m)
    # pair by pair
    total = 0.0
    for a in (x, y):
        pairs = [
            a[i] - a[j] for i in range(len(a)) for j in range(len(a)) if i != j or not unbiased
        ]
        total += np.mean([np.exp(-0.5 * np.sum((gap / bandwidth) ** 2)) for gap in pairs])
    return total - 2 * np.mean(
        [np.exp(-0.5 * np.sum(((a - b) / bandwidth) ** 2)) for a in x for b in y]
    )
    """,
}

EQUIVALENT = {
    "inception_score": """
    # the logarithm is multiplied by 0 there
    np.where(probs > 0, probs, 1.0) → np.where(probs > 0, probs, 2.0)
    # the logarithm is multiplied by 0 there
    np.where(probs > 0, np.mean(probs, axis=0), 1.0) →
    np.where(probs > 0, np.mean(probs, axis=0), 2.0)
    """,
    "frechet_distance": """
    max(spread, 0.0) → max(0.0, spread)  # the larger of two numbers, whichever comes first
    root1 @ root2 → root2 @ root1  # a matrix and its transpose have the same singular values
    cov1 @ cov2 → cov2 @ cov1  # AB and BA have the same eigenvalues
    """,
    "mmd": """
    (a, b) → (b, a)  # MMD is the same in both directions, and so is the kernel
    similarity(x, y) → similarity(y, x)  # MMD is the same in both directions, and so is the kernel
    # MMD is the same in both directions, and so is the kernel
    (x, y, bandwidth=None, unbiased=False) → (y, x, bandwidth=None, unbiased=False)
    (a, b, itself) → (b, a, itself)  # MMD is the same in both directions, and so is the kernel
    # MMD is the same in both directions, and so is the kernel
    mean_kernel(x, y, False) → mean_kernel(y, x, False)
    _distances(a, b) → _distances(b, a)  # MMD is the same in both directions, and so is the kernel
    value if unbiased else max(value, 0.0) → value  # never negative but for rounding
    max(value, 0.0) → max(0.0, value)  # the larger of two numbers, whichever comes first
    """,
}
