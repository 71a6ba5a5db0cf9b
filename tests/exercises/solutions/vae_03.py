def corrupt(x, rng, kind, level):
    if kind == "gaussian":
        return x + level * rng.standard_normal(x.shape)
    u = rng.random(x.shape)
    if kind == "masking":
        return np.where(u < level, 0.0, x)
    return np.where(u < level / 2, 0.0, np.where(u < level, 1.0, x))


def denoising_loss(autoencoder, x, corrupted):
    return np.sum((x - autoencoder(corrupted)) ** 2) / len(x)
