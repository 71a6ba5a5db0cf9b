"""Mistakes in the exercises of vae/03, and other right answers."""

import autograd.numpy as np
import numpy


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
    # Whole rows are erased together: with masking, entries are independent.
    if kind != "masking":
        return right(x, rng, kind, level)
    return np.where(rng.random((len(x),) + (1,) * (x.ndim - 1)) < level, 0.0, x)
    # The same columns are erased in every row: with masking, rows are independent.
    if kind != "masking":
        return right(x, rng, kind, level)
    return np.where(rng.random(x.shape[1:]) < level, 0.0, x)
    # level is the standard deviation of the noise, not its variance.
    return (
        x + np.sqrt(level) * rng.standard_normal(x.shape)
        if kind == "gaussian"
        else right(x, rng, kind, level)
    )
    # Do not clip: the noise is normal at every entry, even where x is near 0 or 1.
    y = right(x, rng, kind, level)
    return np.clip(y, x.min() - 0.25 * level, x.max() + 0.25 * level) if kind == "gaussian" else y
    # The noise is normal; this is uniform on [-level, level].
    return (
        x + level * (2 * rng.random(x.shape) - 1)
        if kind == "gaussian"
        else right(x, rng, kind, level)
    )
    # The noise is added to x; here it replaces x.
    return (
        level * rng.standard_normal(x.shape) if kind == "gaussian" else right(x, rng, kind, level)
    )
    # Salt and pepper together have probability `level`, so each has half of it; here each has all.
    return right(x, rng, kind, min(1.0, 2 * level) if kind == "salt_pepper" else level)
    # Salt and pepper are equally frequent: here nearly all become 0.
    return right(x, rng, "masking" if kind == "salt_pepper" else kind, level)
    # Draw from the generator that is given: with one of your own, every call gives the same
    # corruption.
    return right(x, np.random.default_rng(0), kind, level)
    # Erased entries become 0; the others are unchanged: do not scale them, as some dropout does.
    y = right(x, rng, kind, level)
    return y / (1 - level) if kind == "masking" and level < 1 else y
    # Draw from the generator that is given, not from an unseeded one: the same state of rng gives
    # the same copy.
    return right(x, numpy.random.default_rng(), kind, level)
    # Entries are independent; this erases the same number of them each time.
    if kind != "masking":
        return right(x, rng, kind, level)
    y = np.ravel(x).copy()
    y[rng.permutation(y.size)[: round(level * y.size)]] = 0
    return np.reshape(y, x.shape)
    # A part of the salt is replaced with pepper: use one uniform number to decide on both.
    if kind != "salt_pepper":
        return right(x, rng, kind, level)
    y = np.where(rng.random(x.shape) < level / 2, 1.0, x)
    return np.where(rng.random(x.shape) < level / 2, 0.0, y)
    # The same entries become salt and pepper in every row: entries are independent.
    if kind != "salt_pepper":
        return right(x, rng, kind, level)
    u = rng.random(x.shape[1:])
    return np.where(u < level, np.where(u < level / 2, 1.0, 0.0), x)
    # Whether an entry becomes 0 or 1 is drawn for each row: draw it for each entry.
    if kind != "salt_pepper":
        return right(x, rng, kind, level)
    ones = rng.random((len(x),) + (1,) * (x.ndim - 1)) < 0.5
    return np.where(rng.random(x.shape) < level, 1.0 * ones, x)
    # The noise is normal; this has the right standard deviation but another distribution.
    return (
        x + level * np.sqrt(3 / 5) * rng.standard_t(5, x.shape)
        if kind == "gaussian"
        else right(x, rng, kind, level)
    )
    # Draw the noise from the generator that is given: the same state of rng gives the same copy.
    if kind != "gaussian":
        return right(x, rng, kind, level)
    return x + level * numpy.random.standard_normal(x.shape)
    # Draw the erased entries with the generator that is given: the same state of rng gives the same
    # copy.
    if kind != "masking":
        return right(x, rng, kind, level)
    return np.where(numpy.random.random(x.shape) < level, 0.0, x)
    # Draw salt and pepper with the generator that is given: the same state gives the same copy.
    return right(x, numpy.random.default_rng() if kind == "salt_pepper" else rng, kind, level)
    # Entries are independent; this erases the same number of them in each row.
    if kind != "masking":
        return right(x, rng, kind, level)
    y = np.reshape(x, (len(x), -1)).copy()
    for row in y:
        row[rng.permutation(row.size)[: round(level * row.size)]] = 0
    return np.reshape(y, x.shape)
    # The noise is normal; this is uniform, with the right standard deviation.
    if kind != "gaussian":
        return right(x, rng, kind, level)
    return x + np.sqrt(3) * level * rng.uniform(-1, 1, x.shape)
    # The noise is added to x: do not scale x down.
    if kind != "gaussian":
        return right(x, rng, kind, level)
    return np.sqrt(abs(1 - level**2)) * x + level * rng.standard_normal(x.shape)
    # The noise does not depend on the value of x: here it is proportional to x.
    if kind != "gaussian":
        return right(x, rng, kind, level)
    return x * (1 + level * rng.standard_normal(x.shape))
    # Entries of 0 get no noise: every entry gets it, whatever its value.
    if kind != "gaussian":
        return right(x, rng, kind, level)
    return x + (x != 0) * level * rng.standard_normal(x.shape)
    # All entries of a row get the same Gaussian noise: entries are independent.
    if kind != "gaussian":
        return right(x, rng, kind, level)
    return x + level * rng.standard_normal((len(x),) + (1,) * (x.ndim - 1))
    # All rows get the same Gaussian noise: rows are independent.
    if kind != "gaussian":
        return right(x, rng, kind, level)
    return x + level * rng.standard_normal(x.shape[1:])
    # A single draw of Gaussian noise is added to all: entries are independent.
    if kind != "gaussian":
        return right(x, rng, kind, level)
    return x + level * rng.standard_normal()
    # Entries along the last axis become salt and pepper together: entries are independent.
    if kind != "salt_pepper":
        return right(x, rng, kind, level)
    u = rng.random(x.shape[:-1] + (1,))
    return np.where(u < level, np.where(u < level / 2, 1.0, 0.0), x)
    # Whole rows become salt and pepper: entries are independent.
    if kind != "salt_pepper":
        return right(x, rng, kind, level)
    u = rng.random((len(x),) + (1,) * (x.ndim - 1))
    return np.where(u < level, np.where(u < level / 2, 1.0, 0.0), x)
    # Entries along the last axis are erased together: with masking, entries are independent.
    if kind != "masking":
        return right(x, rng, kind, level)
    return np.where(rng.random(x.shape[:-1] + (1,)) < level, 0.0, x)
    # An erased entry becomes 0, not the mean of x.
    if kind != "masking":
        return right(x, rng, kind, level)
    return np.where(rng.random(x.shape) < level, np.mean(x), x)
    # Do not clip: the noise is normal at every entry, even where x is near 0 or 1.
    y = right(x, rng, kind, level)
    return np.clip(y, 0, 1) if kind == "gaussian" else y
    """,
    "denoising_loss": """
    x -> corrupted  # The target is clean: compare with x, not with the corrupted input.
    corrupted -> x  # The autoencoder receives the corrupted input: here it receives the clean one.
    # The roles are swapped: the input is corrupted, the target is clean.
    x -> corrupted
    corrupted -> x
    # Sum over the pixels: this mean over all elements is D times smaller.
    return np.mean((x - autoencoder(corrupted)) ** 2)
    # Average over the batch: divide by the number of examples.
    return np.sum((x - autoencoder(corrupted)) ** 2)
    # All pixels count, not only those that were corrupted.
    return np.sum((x != corrupted) * (x - autoencoder(corrupted)) ** 2) / len(x) + 0.5 * np.sum(
        (x == corrupted) * (x - autoencoder(corrupted)) ** 2
    ) / len(x)
    # The target is the clean example, not the difference between it and the corrupted one.
    x -> x - corrupted
    # A root has no gradient at 0: sum the squares without taking a root first.
    return np.sqrt(np.sum((x - autoencoder(corrupted)) ** 2)) ** 2 / len(x)
    # Sum the squares of the differences, not their magnitudes.
    return np.mean(np.sum(np.abs(x - autoencoder(corrupted)), axis=1))
    # The distance is squared: do not take the root.
    return np.mean(np.sqrt(np.sum((x - autoencoder(corrupted)) ** 2, axis=1)))
    # The squares are halved: the loss is the plain sum of squares.
    return 0.5 * np.sum((x - autoencoder(corrupted)) ** 2) / len(x)
    # All pixels count, not only those that were corrupted.
    return np.sum((x != corrupted) * (x - autoencoder(corrupted)) ** 2) / len(x)
    # Compare with what the autoencoder returns: do not clip it.
    return np.sum((x - np.clip(autoencoder(corrupted), 0, 1)) ** 2) / len(x)
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
    # random numbers written into existing arrays, and float32
    x, u = x.astype(numpy.float32), np.empty(x.shape)
    if kind == "gaussian":
        rng.standard_normal(out=u)
        return x + numpy.float32(level) * u.astype(numpy.float32)
    rng.random(out=u)
    ones = (u < level / 2) if kind == "salt_pepper" else np.zeros(x.shape)
    return np.where(u < level, ones, x).astype(numpy.float32)
    """,
    "denoising_loss": """
    # by the library's length, whose gradient at 0 is 0
    return np.linalg.norm(x - autoencoder(corrupted)) ** 2 / len(x)
    return np.mean(np.sum((autoencoder(corrupted) - x) ** 2, axis=1))  # mean of sums
    # example by example
    total = 0.0
    for clean, seen in zip(x, corrupted):
        total = total + np.sum((autoencoder(seen[None])[0] - clean) ** 2)
    return total / len(x)
    """,
}

EQUIVALENT = {
    "corrupt": """
    # the normal law is symmetric
    x + level * rng.standard_normal(x.shape).astype(x.dtype) → x - level *
    rng.standard_normal(x.shape).astype(x.dtype)
    # the normal law is symmetric
    x + numpy.float32(level) * u.astype(numpy.float32) → x - numpy.float32(level) *
    u.astype(numpy.float32)
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
