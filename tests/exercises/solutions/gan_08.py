def frechet_distance(mu1, cov1, mu2, cov2):
    eigenvalues = np.linalg.eigvals(cov1 @ cov2).real
    overlap = np.sum(np.sqrt(np.maximum(eigenvalues, 0)))
    return np.sum((mu1 - mu2) ** 2) + np.trace(cov1) + np.trace(cov2) - 2 * overlap


def inception_score(probs):
    ratio = np.where(probs > 0, probs, 1.0) / np.where(probs > 0, np.mean(probs, axis=0), 1.0)
    return np.exp(np.mean(np.sum(probs * np.log(ratio), axis=1)))


def mmd(x, y, bandwidth=None, unbiased=False):
    def likeness(a, b):
        return np.exp(-np.sum((a[:, None] - b[None]) ** 2, axis=2) / (2 * bandwidth**2))

    within = []
    for a in (x, y):
        n = len(a)
        own = n if unbiased else 0
        within.append((np.sum(likeness(a, a)) - own) / (n * n - own))
    return within[0] + within[1] - 2 * np.mean(likeness(x, y))
