"""Mistakes in the exercises of flow/05, and other right answers."""

import autograd.numpy as np


def over_coordinates(a):
    return np.sum(np.reshape(a, (len(a), -1)), axis=1)


def exact_bits(log_p, log_q, dims):
    """The bound and the code length, in bits per dimension."""
    r = log_p - log_q
    least = np.min(-r, axis=1)
    code = least - np.log(np.mean(np.exp(r + least[:, None]), axis=1))
    return -np.mean(r, axis=1) / (dims * np.log(2)), code / (dims * np.log(2))


MISTAKES = {
    "affine_forward": """
    # The halves are swapped: mask = 1 means kept.
    s, t = mask * s, mask * t
    return z * np.exp(s) + t, over_coordinates(s)
    # The mask is forgotten: s and t must have no effect on the kept half.
    return z * np.exp(s) + t, over_coordinates(s)
    # The shift must have no effect on the kept half: mask t as well as s.
    changed * t -> t
    # The scale must have no effect on the kept half of x: mask s before exp as well.
    changed * s -> s
    # The log-determinant of the direction called, z to x, has a plus.
    affine_log_det(s, mask) -> affine_log_det(-s, mask)
    # This is the determinant; its logarithm is asked for.
    affine_log_det(s, mask) -> np.exp(affine_log_det(s, mask))
    # The log-determinant sums the changed half only; x is right.
    affine_log_det(s, mask) -> over_coordinates(s)
    # Scale first, then shift: z exp(s) + t, not (z + t) exp(s).
    s, t = (1 - mask) * s, (1 - mask) * t
    return (z + t) * np.exp(s), over_coordinates(s)
    # s is the logarithm of the scale: multiply by exp(s).
    scale = mask + (1 - mask) * s
    return z * scale + (1 - mask) * t, over_coordinates(np.log(np.abs(scale)))
    # The kept half is missing from x: it passes through unchanged.
    np.exp(changed * s) -> (np.exp(changed * s) - mask)
    # The log-determinant is averaged over the coordinates: sum them for each example.
    s, t = (1 - mask) * s, (1 - mask) * t
    return z * np.exp(s) + t, over_coordinates(s) / s[0].size
    # exp(1000) is infinite, and 0 times infinity is NaN: mask s before exp, not the product after.
    return mask * z + (1 - mask) * (z * np.exp(s) + t), over_coordinates((1 - mask) * s)
    # The value is right, but np.where sends 0 times infinity, a NaN, back through exp(1000): mask s
    # first.
    return np.where(mask == 1, z, z * np.exp(s) + t), over_coordinates((1 - mask) * s)
    # The change is added to z, and a large z that is taken away again rounds the shift away:
    # compute the changed half by itself.
    s, t = (1 - mask) * s, (1 - mask) * t
    return z + (z * np.exp(s) + t - z), over_coordinates(s)
    # exp(-1000) is 0, and its logarithm infinite: sum s itself, do not go through the determinant.
    s, t = (1 - mask) * s, (1 - mask) * t
    return z * np.exp(s) + t, np.log(np.prod(np.reshape(np.exp(s), (len(s), -1)), axis=1))
    # The scale has no bound here: do not clip s.
    s, t = (1 - mask) * np.clip(s, -5, 5), (1 - mask) * t
    return z * np.exp(s) + t, over_coordinates(s)
    # The mask says which half is kept: do not assume that it is the first.
    later = (np.arange(np.shape(z)[-1]) >= np.shape(z)[-1] // 2).astype(float)
    return z * np.exp(later * s) + later * t, over_coordinates(later * s)
    # The log-determinants of the batch are added up: each example has one.
    s, t = (1 - mask) * s, (1 - mask) * t
    return z * np.exp(s) + t, np.sum(s) * np.ones(len(z))
    # The exponential is for the scale alone: the shift is t as it is.
    s, t = (1 - mask) * s, (1 - mask) * t
    return z * np.exp(s) + (1 - mask) * np.exp(t), over_coordinates(s)
    # s is the logarithm of the scale already: sum it as it is, without a small number added.
    s, t = (1 - mask) * s, (1 - mask) * t
    return z * np.exp(s) + t, over_coordinates(np.log(np.exp(s) + 1e-12))
    # s is the logarithm of the scale already: sum it as it is, without a small number added.
    s, t = (1 - mask) * s, (1 - mask) * t
    return z * np.exp(s) + t, over_coordinates(np.log(np.exp(s) + 1e-8))
    # The scale has no bound here: do not clip s.
    s, t = (1 - mask) * np.clip(s, -10, 10), (1 - mask) * t
    return z * np.exp(s) + t, over_coordinates(s)
    # The scale has no bound here: do not clip s.
    s, t = (1 - mask) * np.clip(s, -20, 20), (1 - mask) * t
    return z * np.exp(s) + t, over_coordinates(s)
    # The scale has no bound here: do not clip s.
    s, t = (1 - mask) * np.clip(s, -100, 100), (1 - mask) * t
    return z * np.exp(s) + t, over_coordinates(s)
    # s is used as it comes: a bound by tanh is a matter of the network that makes it.
    s, t = (1 - mask) * np.tanh(s), (1 - mask) * t
    return z * np.exp(s) + t, over_coordinates(s)
    # This solves for what went in, as the other direction does; here z is stretched, then shifted.
    s, t = (1 - mask) * s, (1 - mask) * t
    return (z - t) * np.exp(-s), over_coordinates(s)
    # This solves for what went in, as the other direction does; here z is stretched, then shifted.
    s, t = (1 - mask) * s, (1 - mask) * t
    return (z - t) * np.exp(-s), -over_coordinates(s)
    # s is taken for what the scale adds to 1, not for its logarithm: the scale is exp(s).
    s, t = (1 - mask) * s, (1 - mask) * t
    return z * (1 + s) + t, over_coordinates(np.log(np.abs(1 + s)))
    # The scale is a sigmoid here, but s is its logarithm: exp(s).
    s, t = (1 - mask) * s, (1 - mask) * t
    return z * 2 / (1 + np.exp(-s)) + t, over_coordinates(np.log(2 / (1 + np.exp(-s))))
    # The mask says which coordinates are kept: do not assume that they are the first of axis 1.
    d = z.shape[1] // 2
    x = np.concatenate([z[:, :d], z[:, d:] * np.exp(s[:, d:]) + t[:, d:]], axis=1)
    return x, over_coordinates(s[:, d:])
    # Not a number replaced by 0 is still a wrong value: mask s before exp, so that none comes up.
    x = mask * z + (1 - mask) * (z * np.exp(s) + t)
    return np.nan_to_num(x), over_coordinates((1 - mask) * s)
    # A negative s shrinks: no absolute value.
    s, t = (1 - mask) * np.abs(s), (1 - mask) * t
    return z * np.exp(s) + t, over_coordinates(s)
    # The scale is a sigmoid here, but s is its logarithm: exp(s).
    scale = mask + (1 - mask) / (1 + np.exp(-(s + 2)))
    return z * scale + (1 - mask) * t, over_coordinates(np.log(scale))
    """,
    "affine_inverse": """
    # The halves are swapped: mask = 1 means kept.
    s, t = mask * s, mask * t
    return (x - t) * np.exp(-s), -over_coordinates(s)
    # The mask is forgotten: s and t must have no effect on the kept half.
    return (x - t) * np.exp(-s), -over_coordinates(s)
    # The shift must have no effect on the kept half: mask t as well as s.
    changed * t -> t
    # The scale must have no effect on the kept half of z: mask s before exp as well.
    -changed * s -> -s
    # The log-determinant of the direction called, x to z, has a minus.
    -affine_log_det(s, mask) -> affine_log_det(s, mask)
    # Undo in the reverse order: take t away first, then divide by exp(s).
    s, t = (1 - mask) * s, (1 - mask) * t
    return x * np.exp(-s) - t, -over_coordinates(s)
    -changed * s -> changed * s  # Divide by the scale: exp(-s), not exp(s).
    changed * t -> (-changed) * t  # Take the shift away: x - t.
    # This is the forward map, z exp(s) + t; solve it for z.
    s, t = (1 - mask) * s, (1 - mask) * t
    return x * np.exp(s) + t, over_coordinates(s)
    # The log-determinant sums the changed half only; z is right.
    affine_log_det(s, mask) -> affine_log_det(s, 0)
    # exp(1000) is infinite, and 0 times infinity is NaN: mask s before exp, not the product after.
    return mask * x + (1 - mask) * (x - t) * np.exp(-s), -over_coordinates((1 - mask) * s)
    # The value is right, but np.where sends 0 times infinity, a NaN, back through exp(1000): mask s
    # first.
    return np.where(mask == 1, x, (x - t) * np.exp(-s)), -over_coordinates((1 - mask) * s)
    # exp(-1000) is 0, and its logarithm infinite: sum s itself, do not go through the determinant.
    s, t = (1 - mask) * s, (1 - mask) * t
    return (x - t) * np.exp(-s), np.log(np.prod(np.reshape(np.exp(-s), (len(s), -1)), axis=1))
    # The scale has no bound here: do not clip s.
    s, t = (1 - mask) * np.clip(s, -5, 5), (1 - mask) * t
    return (x - t) * np.exp(-s), -over_coordinates(s)
    # The mask says which half is kept: do not assume that it is the first.
    later = (np.arange(np.shape(x)[-1]) >= np.shape(x)[-1] // 2).astype(float)
    return (x - later * t) * np.exp(-later * s), -over_coordinates(later * s)
    # The log-determinants of the batch are added up: each example has one.
    s, t = (1 - mask) * s, (1 - mask) * t
    return (x - t) * np.exp(-s), -np.sum(s) * np.ones(len(x))
    # x exp(-s) may be too large where z is not: subtract t before the multiplication.
    s, t = (1 - mask) * s, (1 - mask) * t
    return x * np.exp(-s) - t * np.exp(-s), -over_coordinates(s)
    # s is the logarithm of the scale: divide by exp(s), not by s.
    scale = mask + (1 - mask) * s
    return (x - (1 - mask) * t) / scale, -over_coordinates(np.log(np.abs(scale)))
    # The value is right, but np.where sends a NaN back through exp(1000), or through a division by
    # exp(-1000): mask s first.
    return np.where(mask == 1, x, (x - t) / np.exp(s)), -over_coordinates((1 - mask) * s)
    # The scale has no bound here: do not clip s.
    s, t = (1 - mask) * np.clip(s, -10, 10), (1 - mask) * t
    return (x - t) * np.exp(-s), -over_coordinates(s)
    # The scale has no bound here: do not clip s.
    s, t = (1 - mask) * np.clip(s, -20, 20), (1 - mask) * t
    return (x - t) * np.exp(-s), -over_coordinates(s)
    # s is used as it comes: a bound by tanh is a matter of the network that makes it.
    s, t = (1 - mask) * np.tanh(s), (1 - mask) * t
    return (x - t) * np.exp(-s), -over_coordinates(s)
    # The mask says which coordinates are kept: do not assume that they are the first of axis 1.
    d = x.shape[1] // 2
    z = np.concatenate([x[:, :d], (x[:, d:] - t[:, d:]) * np.exp(-s[:, d:])], axis=1)
    return z, -over_coordinates(s[:, d:])
    # A small number beside exp(s) changes z: divide by exp(s) as it is.
    s, t = (1 - mask) * s, (1 - mask) * t
    return (x - t) / (np.exp(s) + 1e-8), -over_coordinates(s)
    # A change of scale has a log-determinant: it is minus the sum of s, not 0.
    s, t = (1 - mask) * s, (1 - mask) * t
    return (x - t) * np.exp(-s), np.zeros(len(x))
    # The logarithm of 1 over the determinant is minus its logarithm, not 1 over it.
    s, t = (1 - mask) * s, (1 - mask) * t
    return (x - t) * np.exp(-s), 1 / over_coordinates(s)
    """,
    "affine_log_det": """
    # The halves are swapped: mask = 1 means kept, and what is kept is not stretched.
    1 - mask -> mask
    1 - mask -> 1  # Only the changed half is stretched: leave out s where the mask is 1.
    # The sign is that of the other direction: from z to x space is stretched by exp(s), so plus.
    1 - mask -> mask - 1
    # This sums the scales, not their logarithms: the logarithm of exp(s) is s.
    (1 - mask) * s -> (1 - mask) * np.exp(s)
    np.sum -> np.mean  # Sum over the coordinates of an example, do not average.
    # The log-determinants of the batch are added up: each example has one.
    return np.sum((1 - mask) * s)
    # Sum over all axes of an image but the first, not only the last.
    return np.sum((1 - mask) * s, axis=-1)
    # The absolute value has no place: a negative s shrinks.
    (1 - mask) * s -> np.abs((1 - mask) * s)
    # exp(1000) is infinite: sum s itself, do not go through the determinant.
    return np.log(np.prod(np.reshape(np.exp((1 - mask) * s), (len(s), -1)), axis=1))
    # The mask says which half is changed: do not assume that it is the second.
    return over_coordinates((np.arange(np.shape(s)[-1]) >= np.shape(s)[-1] // 2) * s)
    # s is a logarithm already: sum it, do not take its logarithm.
    return over_coordinates((1 - mask) * np.log(np.abs(s)))
    # The logarithms are left as one for each coordinate: sum them, which gives the shape (N,).
    return (1 - mask) * s
    # s is the logarithm of the scale already: sum it as it is, without a small number added.
    return over_coordinates(np.log(np.exp((1 - mask) * s) + 1e-8))
    # s is the logarithm of the scale already: sum it as it is, without a small number added.
    return over_coordinates(np.log(np.exp((1 - mask) * s) + 1e-6))
    # The scale has no bound here: do not clip s.
    (1 - mask) * s -> np.clip((1 - mask) * s, -10, 10)
    # The scale has no bound here: do not clip s.
    (1 - mask) * s -> np.clip((1 - mask) * s, -20, 20)
    # s is used as it comes: a bound by tanh is a matter of the network that makes it.
    (1 - mask) * s -> np.tanh((1 - mask) * s)
    # The mask says which coordinates are changed: do not assume that they are the last of axis 1.
    return over_coordinates(s[:, s.shape[1] // 2 :])
    # This is the determinant; its logarithm is asked for.
    return np.prod(np.reshape(np.exp((1 - mask) * s), (len(s), -1)), axis=1)
    # Sum over all axes of an image but the first, not only over axis 1.
    return np.sum((1 - mask) * s, axis=1)
    """,
    "dequantization_bits": """
    # These are nats: one bit is log 2 nats.
    bound, code = exact_bits(log_p, log_q, dims)
    return bound * np.log(2), code * np.log(2)
    # The two are exchanged: first the mean of the logarithms, then the logarithm of the mean.
    bound, code = exact_bits(log_p, log_q, dims)
    return code, bound
    # This is the total of an example: divide by its number of components.
    return exact_bits(log_p, log_q, 1)
    # The code length comes from the mean of the ratio, not from its sum: divide by K.
    bound, code = exact_bits(log_p, log_q, dims)
    return bound, code - np.log2(np.shape(log_p)[1]) / dims
    # The mean is over the values of the noise, not a sum over them: divide the bound by K.
    bound, code = exact_bits(log_p, log_q, dims)
    return bound * np.shape(log_p)[1], code
    # Both are lengths, so the logarithms enter with a minus.
    bound, code = exact_bits(log_p, log_q, dims)
    return -bound, -code
    # The code length is the bound here: take the mean of the ratio first, then its logarithm.
    bound, code = exact_bits(log_p, log_q, dims)
    return bound, bound
    # The bound is the code length here: take the logarithm first, then the mean.
    bound, code = exact_bits(log_p, log_q, dims)
    return code, code
    # The density of the noise is left out: it divides p.
    return exact_bits(log_p, 0.0, dims)
    # The density of the noise divides p: its logarithm is subtracted, not added.
    return exact_bits(log_p, -np.array(log_q), dims)
    # The density of the noise enters the code length too: average the ratio, not p.
    return exact_bits(log_p, log_q, dims)[0], exact_bits(log_p, 0.0, dims)[1]
    # The density of the noise enters the bound too: the mean of log q is added.
    return exact_bits(log_p, 0.0, dims)[0], exact_bits(log_p, log_q, dims)[1]
    # exp of such values is 0 or infinite: subtract the largest of an example before exp.
    r = log_p - log_q
    with np.errstate(all="ignore"):
        code = -np.log2(np.mean(np.exp(r), axis=1)) / dims
    return -np.mean(r, axis=1) / (dims * np.log(2)), code
    # A small number inside the logarithm hides small densities: subtract the largest of an example
    # before exp.
    r = log_p - log_q
    with np.errstate(all="ignore"):
        code = -np.log2(np.mean(np.exp(r), axis=1) + 1e-300) / dims
    return -np.mean(r, axis=1) / (dims * np.log(2)), code
    # The largest value alone is not the mean: the others count too, and K divides.
    r = log_p - log_q
    return exact_bits(log_p, log_q, dims)[0], -np.max(r, axis=1) / (dims * np.log(2))
    # The batch is averaged: each example has a pair of numbers of its own.
    bound, code = exact_bits(log_p, log_q, dims)
    return np.mean(bound) + 0 * bound, np.mean(code) + 0 * code
    # The mean is over axis 1, the values of the noise, not over the examples.
    log_q = log_q * np.ones(np.shape(log_p))
    return exact_bits(np.transpose(log_p), np.transpose(log_q), dims)
    # The logarithm of base 2 is taken twice: a density in nats is divided by log 2 once.
    bound, code = exact_bits(log_p, log_q, dims)
    return bound / np.log(2), code / np.log(2)
    # The largest value is subtracted before exp and not added afterwards: add it to the logarithm.
    r = log_p - log_q
    top = np.max(r, axis=1, keepdims=True)
    code = -np.log2(np.mean(np.exp(r - top), axis=1)) / dims
    return -np.mean(r, axis=1) / (dims * np.log(2)), code
    """,
}

VARIANTS = {
    "affine_forward": """
    # each half by itself
    s = s - mask * s
    kept, changed = mask * z, (1 - mask) * (z * np.exp(s) + t)
    return kept + changed, np.sum(s.reshape(len(z), -1), axis=-1)
    # where, twice
    s = np.where(mask == 1, 0.0, s)
    return np.where(mask == 1, z, z * np.exp(s) + t), np.sum(s, axis=tuple(range(1, s.ndim)))
    """,
    "affine_inverse": """
    # by division
    s = (1 - mask) * s
    z = mask * x + (1 - mask) * (x - t) / np.exp(s)
    return z, -np.sum(s.reshape(len(x), -1), axis=-1)
    """,
    "affine_log_det": """
    # all minus kept
    axes = tuple(range(1, s.ndim))
    return np.sum(s, axis=axes) - np.sum(mask * s, axis=axes)
    # where changed
    return np.array([np.where(np.broadcast_to(mask, one.shape) == 1, 0.0, one).sum() for one in s])
    """,
    "dequantization_bits": """
    # one value of the noise after the other
    r = np.transpose(log_p - log_q)
    log_sum = r[0]
    for more in r[1:]:
        log_sum = np.logaddexp(log_sum, more)
    return -np.mean(r, axis=0) / (dims * np.log(2)), (np.log(len(r)) - log_sum) / (dims * np.log(2))
    # in bits from the start, one example after the other
    bits = (log_q - np.array(log_p)) / np.log(2)
    least = [row.min() - np.log2(np.mean(2.0 ** (row.min() - row))) for row in bits]
    return bits.mean(axis=1) / dims, np.array(least) / dims
    """,
}

EQUIVALENT = {
    "dequantization_bits": """
    if log_q.ndim → if False  # what it guards only refuses other shapes
    """,
}
