"""Mistakes in the exercises of flow/06, and other right answers."""

import autograd.numpy as np

from minigen.tensor import stop_gradient


def over_coordinates(a):
    return np.sum(np.reshape(a, (len(a), -1)), axis=1)


MISTAKES = {
    "additive_forward": """
    # Give m the kept half only, mask * z: if m depends on the half that it shifts, the map has no
    # simple inverse, and its determinant is not 1.
    return z + (1 - mask) * m(z), np.zeros(len(z))
    # The network receives the wrong half: mask = 1 is kept, so its input is mask * z.
    return z + (1 - mask) * m((1 - mask) * z), np.zeros(len(z))
    # The shift belongs to the changed half, where the mask is 0.
    return z + mask * m(mask * z), np.zeros(len(z))
    # The halves are swapped: mask = 1 means kept.
    return z + mask * m((1 - mask) * z), np.zeros(len(z))
    # Generating adds the shift; the inverse subtracts it.
    return z - (1 - mask) * m(mask * z), np.zeros(len(z))
    # The kept half must stay: the shift of m there has no effect.
    return z + m(mask * z), np.zeros(len(z))
    # A large shift that is added and subtracted again rounds the kept half away: multiply the shift
    # by 1 - mask before it is added.
    return z + m(mask * z) - mask * m(mask * z), np.zeros(len(z))
    # The shift is added to z, it does not replace z.
    return mask * z + (1 - mask) * m(mask * z), np.zeros(len(z))
    # The kept half is missing from x: it passes through unchanged.
    return (1 - mask) * (z + m(mask * z)), np.zeros(len(z))
    # A shift does not stretch: the log-determinant is 0, not the sum of the shifts.
    return z + (1 - mask) * m(mask * z), over_coordinates((1 - mask) * m(mask * z))
    # The determinant is 1; its logarithm, which is asked for, is 0.
    return z + (1 - mask) * m(mask * z), np.ones(len(z))
    # The log-determinant is one number for the batch: each example has one, shape (N,).
    return z + (1 - mask) * m(mask * z), 0.0
    # The log-determinants have the shape of z: each example has one, shape (N,).
    return z + (1 - mask) * m(mask * z), np.zeros(np.shape(z))
    # NICE has no scale: the exponential belongs to RealNVP.
    return z * np.exp((1 - mask) * m(mask * z)), np.zeros(len(z))
    # The mask says which half is kept: do not assume that it is the first.
    d = np.shape(z)[-1] // 2
    first = (np.arange(np.shape(z)[-1]) < d).astype(float)
    return z + (1 - first) * m(first * z), np.zeros(len(z))
    # The kept half passes through, and m is a function of z: take mask * z, not the mask.
    return z + (1 - mask) * m(mask * np.ones(np.shape(z))), np.zeros(len(z))
    # Where the mask is 0, the input of m must be 0: multiply by the mask.
    return z + (1 - mask) * m(np.where(mask == 1, z, 1.0)), np.zeros(len(z))
    # The shifts may be of any size: do not clip or squash them.
    return z + (1 - mask) * np.tanh(m(mask * z)), np.zeros(len(z))
    # The kept half is counted twice: z has it already.
    return z + mask * z + (1 - mask) * m(mask * z), np.zeros(len(z))
    # NICE has no scale, and nothing to add up: the log-determinant is 0.
    shift = (1 - mask) * m(mask * z)
    return z * np.exp(shift), over_coordinates(shift)
    # The network is called twice: call it once, on the kept half.
    return z + (1 - mask) * m(m(mask * z)), np.zeros(len(z))
    # The halves are swapped, and the shift replaces z: it is added to z, where the mask is 0.
    return np.where(mask == 1, m(mask * z), z), np.zeros(len(z))
    # Nothing is stretched, however many coordinates are kept: the log-determinant is 0.
    return z + (1 - mask) * m(mask * z), np.full(len(z), np.log(np.sum(mask)))
    # np.where chooses by the mask; the kept half is z, not NaN.
    return z + np.where(mask == 1, np.nan, m(mask * z)), np.zeros(len(z))
    # The gradient goes through the network m as well: do not stop it at the output of m.
    shift = stop_gradient(m(mask * z))
    return z + (1 - mask) * shift, np.zeros(len(z))
    # The shift is added: nothing is multiplied by it.
    return z * (1 + (1 - mask) * m(mask * z)), np.zeros(len(z))
    # The log-determinant is a float, because it must be differentiable: np.zeros without a dtype of
    # integers.
    return z + (1 - mask) * m(mask * z), np.zeros(len(z), dtype=int)
    # np.resize repeats the entries of the mask in another order than the channels need: leave the
    # mask to broadcasting.
    mask = np.resize(mask, np.shape(z)[1:])
    return z + (1 - mask) * m(mask * z), np.zeros(len(z))
    # The mask is reshaped to the shape of an example, which fails if it has fewer channels: it
    # broadcasts.
    mask = np.reshape(mask, np.shape(z)[1:])
    return z + (1 - mask) * m(mask * z), np.zeros(len(z))
    """,
    "additive_inverse": """
    # Give m the kept half only, mask * x: the changed half of x is not that of z.
    return x - (1 - mask) * m(x), np.zeros(len(x))
    # The network receives the wrong half: mask = 1 is kept, so its input is mask * x.
    return x - (1 - mask) * m((1 - mask) * x), np.zeros(len(x))
    # The shift belongs to the changed half, where the mask is 0.
    return x - mask * m(mask * x), np.zeros(len(x))
    # The halves are swapped: mask = 1 means kept.
    return x - mask * m((1 - mask) * x), np.zeros(len(x))
    # This is the forward map once more: subtract the shift.
    return x + (1 - mask) * m(mask * x), np.zeros(len(x))
    # The kept half must stay: the shift of m there has no effect.
    return x - m(mask * x), np.zeros(len(x))
    # A large shift that is subtracted and added again rounds the kept half away: multiply the shift
    # by 1 - mask before it is subtracted.
    return x - m(mask * x) + mask * m(mask * x), np.zeros(len(x))
    # The difference has the wrong sign: z = x - shift.
    return mask * x + (1 - mask) * (m(mask * x) - x), np.zeros(len(x))
    # The kept half is missing from z: it passes through unchanged.
    return (1 - mask) * (x - m(mask * x)), np.zeros(len(x))
    # A shift does not shrink: the log-determinant is 0, not minus the sum of the shifts.
    return x - (1 - mask) * m(mask * x), -over_coordinates((1 - mask) * m(mask * x))
    # The determinant is 1; its logarithm, which is asked for, is 0.
    return x - (1 - mask) * m(mask * x), np.ones(len(x))
    # The log-determinant is one number for the batch: each example has one, shape (N,).
    return x - (1 - mask) * m(mask * x), 0.0
    # The log-determinants have the shape of x: each example has one, shape (N,).
    return x - (1 - mask) * m(mask * x), np.zeros(np.shape(x))
    # The inverse divides by an exponential, which belongs to RealNVP: NICE adds, so its inverse
    # subtracts.
    return x * np.exp(-(1 - mask) * m(mask * x)), np.zeros(len(x))
    # The mask says which half is kept: do not assume that it is the first.
    d = np.shape(x)[-1] // 2
    first = (np.arange(np.shape(x)[-1]) < d).astype(float)
    return x - (1 - first) * m(first * x), np.zeros(len(x))
    # m is not inverted: compute the same shift from mask * x, do not change the sign of its input.
    return x + (1 - mask) * m(-mask * x), np.zeros(len(x))
    # The shifts may be of any size: do not clip or squash them.
    return x - (1 - mask) * np.tanh(m(mask * x)), np.zeros(len(x))
    # A shift is inverted by a difference, not by a quotient.
    return np.where(mask == 1, x, x / m(mask * x)), np.zeros(len(x))
    # The difference has the wrong sign, on the kept half too: z = x - shift.
    return (1 - mask) * m(mask * x) - x, np.zeros(len(x))
    # The determinant is 1, and its logarithm 0.
    return x - (1 - mask) * m(mask * x), -np.ones(len(x))
    # No iteration is needed: the kept half of x is that of z, so the shift is the same. And the
    # input of m is the kept half only.
    z = x - (1 - mask) * m(mask * x)
    return x - (1 - mask) * m(z), np.zeros(len(x))
    # No iteration is needed; the input of m must be the kept half only, mask * x.
    z = x
    for _ in range(20):
        z = x - (1 - mask) * m(z)
    return z, np.zeros(len(x))
    # The inverse divides by an exponential and has its log-determinant: NICE adds, so its inverse
    # subtracts, and the log-determinant is 0.
    shift = (1 - mask) * m(mask * x)
    return x * np.exp(-shift), -over_coordinates(shift)
    # np.resize repeats the entries of the mask in another order than the channels need: leave the
    # mask to broadcasting.
    mask = np.resize(mask, np.shape(x)[1:])
    return x - (1 - mask) * m(mask * x), np.zeros(len(x))
    # The mask is reshaped to the shape of an example, which fails if it has fewer channels: it
    # broadcasts.
    mask = np.reshape(mask, np.shape(x)[1:])
    return x - (1 - mask) * m(mask * x), np.zeros(len(x))
    """,
    "diagonal_scale": """
    # The coordinates are multiplied by log_scale itself: multiply them by exp(log_scale).
    return log_scale * z, np.sum(log_scale) * np.ones(len(z))
    # The logarithm of log_scale is taken, and the coordinates are multiplied by it: multiply by
    # exp(log_scale), and sum log_scale itself.
    return log_scale * z, np.sum(np.log(np.abs(log_scale))) * np.ones(len(z))
    # This is the inverse, x to z: the scale is exp(+log_scale).
    return np.exp(-log_scale) * z, -np.sum(log_scale) * np.ones(len(z))
    # Scale z, do not divide it: exp(+log_scale).
    return np.exp(-log_scale) * z, np.sum(log_scale) * np.ones(len(z))
    # The log-determinant of the direction called, z to x, has a plus.
    return np.exp(log_scale) * z, -np.sum(log_scale) * np.ones(len(z))
    # The scales multiply, so their logarithms are summed, not averaged.
    return np.exp(log_scale) * z, np.mean(log_scale) * np.ones(len(z))
    # This sums the scales, not their logarithms: the logarithm of exp(log_scale) is log_scale.
    return np.exp(log_scale) * z, np.sum(np.exp(log_scale)) * np.ones(len(z))
    # This is the determinant; its logarithm is asked for.
    return np.exp(log_scale) * z, np.exp(np.sum(log_scale)) * np.ones(len(z))
    # The log-determinant is one number for the batch: each example has one, shape (N,).
    return np.exp(log_scale) * z, np.sum(log_scale)
    # The batch does not count: each example is stretched by itself, so there is no factor N.
    return np.exp(log_scale) * z, len(z) * np.sum(log_scale) * np.ones(len(z))
    # log_scale has an entry for each number of an example already: no factor for places or width.
    return np.exp(log_scale) * z, np.shape(z)[1] * np.sum(log_scale) * np.ones(len(z))
    # Sum over all axes of an image, not only the last.
    total = np.sum(log_scale, axis=-1)
    return np.exp(log_scale) * z, np.sum(total[:1]) * np.ones(len(z))
    # The product over-, or underflows: sum log_scale itself, do not go through the determinant.
    return np.exp(log_scale) * z, np.log(np.prod(np.exp(log_scale))) * np.ones(len(z))
    # The logarithm of the result is summed: the Jacobian does not depend on z, and its diagonal is
    # exp(log_scale).
    x = np.exp(log_scale) * z
    return x, over_coordinates(np.log(np.abs(x)))
    # The result is divided by z, which gives 0/0 where a coordinate is 0: sum log_scale itself.
    x = np.exp(log_scale) * z
    return x, over_coordinates(np.log(x / z))
    # A negative log_scale shrinks: no absolute value.
    return np.exp(log_scale) * z, np.sum(np.abs(log_scale)) * np.ones(len(z))
    # The scale is bounded at 5: do not clip log_scale.
    s = np.clip(log_scale, -5, 5)
    return np.exp(s) * z, np.sum(s) * np.ones(len(z))
    # This scales by more than asked: x = exp(log_scale) z, without adding z.
    return z + np.exp(log_scale) * z, np.sum(log_scale) * np.ones(len(z))
    # log_scale is no variance: the scale is exp(log_scale), without a factor 1/2.
    return np.exp(0.5 * log_scale) * z, 0.5 * np.sum(log_scale) * np.ones(len(z))
    # The determinant of a stretch is not 1: its logarithm is the sum of log_scale.
    return np.exp(log_scale) * z, np.zeros(len(z))
    # The determinant is a product of the scales, not a sum: its logarithm is the sum of log_scale.
    return np.exp(log_scale) * z, np.log(np.sum(np.exp(log_scale))) * np.ones(len(z))
    # Sum over all numbers of an example, not over one axis of an image.
    return np.exp(log_scale) * z, np.sum(log_scale * np.ones(np.shape(z)), axis=1)
    # A small number beside the scale is a floor under it: use exp(log_scale) as it is.
    scale = np.exp(log_scale) + 1e-8
    return scale * z, np.sum(np.log(scale)) * np.ones(len(z))
    # The scale has a bound, even if far from 0: do not clip log_scale, nor add a small number in
    # the logarithm of exp(log_scale).
    log_scale = np.clip(log_scale, -20, 20)
    return np.exp(log_scale) * z, np.sum(log_scale) * np.ones(len(z))
    # There is a log-determinant for each coordinate: each of the N examples has one.
    return np.exp(log_scale) * z, np.sum(log_scale) * np.ones(np.shape(z)[-1])
    # The value is right, but the log-determinant has a gradient with respect to log_scale: keep it
    # traced.
    return np.exp(log_scale) * z, np.full(len(z), stop_gradient(np.sum(log_scale)))
    # The log-determinant is a sum of log_scale times z: the Jacobian does not depend on z.
    return np.exp(log_scale) * z, over_coordinates(log_scale * z)
    # A small number beside the scale is a floor under it: use exp(log_scale) as it is.
    scale = np.exp(log_scale) + 1e-6
    return scale * z, np.sum(np.log(scale)) * np.ones(len(z))
    # Sum over all axes of an image, not only the last.
    return np.exp(log_scale) * z, np.sum(log_scale, axis=-1) * np.ones(len(z))
    # The scale is exp(log_scale), not a softplus of it.
    scale = np.log(1 + np.exp(log_scale))
    return scale * z, np.sum(np.log(scale)) * np.ones(len(z))
    """,
}

VARIANTS = {
    "additive_forward": """
    # where, in the place of a product
    shift = np.where(mask == 1, 0.0, m(mask * z))
    return z + shift, np.zeros(np.shape(z)[0])
    # each half by itself
    kept, changed = mask * z, (1 - mask) * z
    return kept + changed + (1 - mask) * m(kept), over_coordinates(np.zeros(np.shape(z)))
    # the kept half by where
    kept = np.where(mask == 1, z, 0.0)
    x = np.where(mask == 1, z, z + m(kept))
    return x, np.array(len(z) * [0.0])
    """,
    "additive_inverse": """
    # where, in the place of a product
    shift = np.where(mask == 1, 0.0, m(mask * x))
    return x - shift, np.zeros(np.shape(x)[0])
    # each half by itself
    kept = mask * x
    return kept + (1 - mask) * (x - m(kept)), over_coordinates(np.zeros(np.shape(x)))
    """,
    "diagonal_scale": """
    # a sum over what was broadcast
    each = log_scale + np.zeros(np.shape(z))
    return z * np.exp(each), np.sum(each, axis=tuple(range(1, np.ndim(z))))
    # an array of one number many times
    return np.exp(log_scale) * z, np.array([np.sum(np.reshape(log_scale, -1)) for _ in z])
    # tile
    return np.exp(log_scale) * z, np.tile(np.sum(log_scale), len(z))
    """,
}

EQUIVALENT = {
    "diagonal_scale": """
    # ones may divide as well as multiply
    np.sum(log_scale) * np.ones(len(z), dtype=z.dtype) → np.sum(log_scale) /
    np.ones(len(z), dtype=z.dtype)
    np.sum(log_scale) * np.ones(len(z)) → np.sum(log_scale) / np.ones(len(z))  # the same
    log_scale + np.zeros(np.shape(z)) → log_scale - np.zeros(np.shape(z))  # of zeros
    """,
}
