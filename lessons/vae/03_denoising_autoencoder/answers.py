"""Mistakes in the exercises of vae/03, and other right answers."""

import autograd.numpy as np


def right(x, rng, kind, level):
    if kind == "gaussian":
        return x + level * rng.standard_normal(x.shape)
    u = rng.random(x.shape)
    return np.where(
        u < level, np.where(u < level / 2, 1.0, 0.0) if kind == "salt_pepper" else 0.0, x
    )


MISTAKES = {
    "corrupt": """
    # The input was changed, and with it the target: work on a copy.
    x[...] = right(x, rng, kind, level)
    return x
    # level is the probability of being erased, not of being kept.
    return right(x, rng, kind, 1 - level if kind == "masking" else level)
    # Each number needs a coin of its own: here whole rows live or die together.
    if kind != "masking":
        return right(x, rng, kind, level)
    return np.where(rng.random((len(x),) + (1,) * (x.ndim - 1)) < level, 0.0, x)
    # Each row needs coins of its own: here the same columns are erased in every row.
    if kind != "masking":
        return right(x, rng, kind, level)
    return np.where(rng.random(x.shape[1:]) < level, 0.0, x)
    # level is the standard deviation of the noise, not its variance.
    return (
        x + np.sqrt(level) * rng.standard_normal(x.shape)
        if kind == "gaussian"
        else right(x, rng, kind, level)
    )
    # Do not clip: the noise is to be normal at every number, also where x is near 0 or 1.
    y = right(x, rng, kind, level)
    return np.clip(y, x.min() - 0.25 * level, x.max() + 0.25 * level) if kind == "gaussian" else y
    # Normal noise is asked for; this is uniform on [-level, level].
    return (
        x + level * (2 * rng.random(x.shape) - 1)
        if kind == "gaussian"
        else right(x, rng, kind, level)
    )
    # The noise is added to x; here it takes its place.
    return (
        level * rng.standard_normal(x.shape) if kind == "gaussian" else right(x, rng, kind, level)
    )
    # Salt and pepper: level is the share of both together, half of it each.
    return right(x, rng, kind, min(1.0, 2 * level) if kind == "salt_pepper" else level)
    # Salt and pepper come equally often: here nearly all become 0.
    return right(x, rng, "masking" if kind == "salt_pepper" else kind, level)
    # Draw from the generator that is given: with one of your own the same damage comes again and
    # again.
    return right(x, np.random.default_rng(0), kind, level)
    # Erased numbers become 0; the others stay as they are and are not scaled up, as dropout would.
    y = right(x, rng, kind, level)
    return y / (1 - level) if kind == "masking" and level < 1 else y
    """,
    "denoising_loss": """
    x -> corrupted  # The target stays clean: compare with x, not with what was seen.
    corrupted -> x  # The autoencoder is to see the damaged input: here it sees the clean one.
    # The roles are swapped: damaged in, clean as the target.
    x -> corrupted
    corrupted -> x
    # Sum over the pixels: this mean over all elements is D times smaller.
    return np.mean((x - autoencoder(corrupted)) ** 2)
    # Average over the batch: divide by the number of examples.
    return np.sum((x - autoencoder(corrupted)) ** 2)
    # All pixels count, not only those that were damaged.
    return np.sum((x != corrupted) * (x - autoencoder(corrupted)) ** 2) / len(x) + 0.5 * np.sum(
        (x == corrupted) * (x - autoencoder(corrupted)) ** 2
    ) / len(x)
    # The autoencoder rebuilds the example, not the difference between the example and the damage.
    x -> x - corrupted
    """,
}

VARIANTS = {
    "corrupt": """
    # with a mask
    if kind == "gaussian":
        return rng.normal(x, level)
    y, hit = x.copy(), rng.uniform(size=x.shape) < level
    y[hit] = rng.integers(0, 2, hit.sum()) if kind == "salt_pepper" else 0
    return y
    """,
    "denoising_loss": """
    return np.mean(np.sum((autoencoder(corrupted) - x) ** 2, axis=1))  # mean of sums
    """,
}

EQUIVALENT = {
    "corrupt": """
    # the normal law is symmetric
    x + level * rng.standard_normal(x.shape) → x - level * rng.standard_normal(x.shape)
    # whether a uniform number that equals the level counts does not matter: it never happens
    u < level → u <= level
    # whether a uniform number that equals the level counts does not matter: it never happens
    u < level → u <= level (2)
    # whether a uniform number that equals the level counts does not matter: it never happens
    u < level / 2 → u <= level / 2
    # whether a uniform number that equals the level counts does not matter: it never happens
    rng.uniform(size=x.shape) < level → rng.uniform(size=x.shape) <= level
    # normal noise of mean 0 has no sign
    x + x.dtype.type(level) * rng.standard_normal(x.shape, dtype=numpy.float32).astype(x.dtype) → x
    - x.dtype.type(level) * rng.standard_normal(x.shape, dtype=numpy.float32).astype(x.dtype)
    """,
    "denoising_loss": """
    # the square of a difference has no order
    reconstruction_loss(x, autoencoder(corrupted)) → reconstruction_loss(autoencoder(corrupted), x)
    """,
}
