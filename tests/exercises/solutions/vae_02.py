def reconstruction_loss(x, decoded):
    return np.sum((x - decoded) ** 2) / len(x)


def pca(x, k):
    mean = np.mean(x, axis=0)
    _, s, directions = np.linalg.svd(x - mean, full_matrices=False)
    return PCA(mean, directions[:k], s[:k] ** 2 / len(x))
