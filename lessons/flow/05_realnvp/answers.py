"""Mistakes in the exercises of flow/05, and other right answers."""

import autograd.numpy as np


def over_coordinates(a):
    return np.sum(np.reshape(a, (len(a), -1)), axis=1)


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
}
