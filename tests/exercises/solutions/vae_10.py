def nearest(z, codebook):
    flat = z.reshape(-1, z.shape[-1])
    distance = np.sum(codebook**2, axis=1) - 2 * flat @ codebook.T
    return np.argmin(distance, axis=1).reshape(z.shape[:-1])


def straight_through(z, quantized):
    return z + stop_gradient(quantized - z)


def quantization_losses(z, quantized, beta=0.25):
    axes = tuple(range(1, np.ndim(z)))
    codebook = np.sum((stop_gradient(z) - quantized) ** 2, axis=axes)
    commitment = beta * np.sum((z - stop_gradient(quantized)) ** 2, axis=axes)
    return Losses(codebook, commitment)


def ema_update(counts, sums, codebook, z, indices, gamma=0.99):
    assigned = np.eye(len(counts), dtype=z.dtype)[indices]
    counts = gamma * counts + (1 - gamma) * np.sum(assigned, axis=0)
    sums = gamma * sums + (1 - gamma) * assigned.T @ z
    used = counts > 0
    return counts, sums, np.where(used[:, None], sums / np.where(used, counts, 1)[:, None], codebook)
