"""Mistakes in the exercises of vae/10, and other right answers."""

import autograd.numpy as np

from minigen.tensor import stop_gradient


def gaps(z, codebook):
    """z - e for every pair: (..., K, D)."""
    return z[..., None, :] - codebook


def _losses(codebook, commitment):
    from minigen.vae.quantizer import Losses

    return Losses(codebook, commitment)


def _rest(a):
    return tuple(range(1, np.ndim(a)))


def _square(a):
    return np.sum(a**2, axis=_rest(a))


def _batch(codes, z, indices):
    assigned = np.eye(codes)[indices]
    return np.sum(assigned, axis=0), assigned.T @ z


def _divide(sums, counts, codebook):
    return np.where(counts[:, None] > 0, sums / np.where(counts > 0, counts, 1)[:, None], codebook)


MISTAKES = {
    "nearest": """
    # argmax finds the farthest code: look for the smallest distance.
    return np.argmax(np.sum(gaps(z, codebook) ** 2, axis=-1), axis=-1)
    # The largest product z·e is not the smallest distance: a long code has a large one from far
    # away. Add |e|^2.
    codebook**2 -> codebook**0
    # This compares directions (the angle); the distance also depends on how long the vectors are.
    return np.argmax(
        z @ (codebook / (1e-12 + np.sqrt(np.sum(codebook**2, axis=1, keepdims=True)))).T, axis=-1
    )
    2 * flat -> flat  # The product counts twice: |z - e|^2 = |z|^2 - 2 z·e + |e|^2.
    # Square the differences before you sum them: here those of opposite sign cancel.
    return np.argmin(np.sum(gaps(z, codebook), axis=-1) ** 2, axis=-1)
    # This is the distance along the axes (sum of magnitudes); take the Euclidean one.
    return np.argmin(np.sum(np.abs(gaps(z, codebook)), axis=-1), axis=-1)
    # The index does not fit into uint8: of more than 256 codes the later ones are lost.
    return np.argmin(np.sum(gaps(z, codebook) ** 2, axis=-1), axis=-1).astype(np.uint8)
    # Return the index of the code, not its distance.
    return np.min(np.sum(gaps(z, codebook) ** 2, axis=-1), axis=-1)
    # Return the index of the code, not the code vector.
    return codebook[np.argmin(np.sum(gaps(z, codebook) ** 2, axis=-1), axis=-1)]
    # One index for each vector of z; this finds, for each code, the nearest vector.
    return np.argmin(np.sum(gaps(z.reshape(-1, z.shape[-1]), codebook) ** 2, axis=-1), axis=0)
    # The sort does not keep rows in order that are equally near, where the first counts: argmin
    # does.
    return np.argsort(np.sum(gaps(z, codebook) ** 2, axis=-1), axis=-1)[..., 0]
    # The last of the rows that are equally near is taken: take a later one only if it is nearer.
    return (
        len(codebook) - 1 - np.argmin(np.sum(gaps(z, codebook) ** 2, axis=-1)[..., ::-1], axis=-1)
    )
    # Keep the arrangement of the vectors: the result has the shape of z without its last axis.
    flat -> z (everywhere)
    # This is the largest difference of any coordinate; take the Euclidean distance.
    return np.argmin(np.max(np.abs(gaps(z, codebook)), axis=-1), axis=-1)
    numpy.argmin(distance, axis=1) -> 1 + numpy.argmin(distance, axis=1)  # Rows are counted from 0.
    # The components of a code are summed before they are squared: |e|^2 is a sum of squares.
    numpy.sum(codebook**2, axis=1) -> numpy.sum(numpy.abs(codebook), axis=1) ** 2
    # The components of a code are summed before they are squared: |e|^2 is a sum of squares.
    numpy.sum(codebook**2, axis=1) -> numpy.sum(codebook, axis=1) ** 2
    # Scaled to length one, vectors are compared by direction only; the distance also depends on how
    # long they are.
    z = z / (1e-12 + np.sqrt(np.sum(z**2, axis=-1, keepdims=True)))
    e = codebook / (1e-12 + np.sqrt(np.sum(codebook**2, axis=-1, keepdims=True)))
    return np.argmin(np.sum(gaps(z, e) ** 2, axis=-1), axis=-1)
    """,
    "straight_through": """
    # The value is right, but z does not occur in it, or cancels: the codes receive the gradient, z
    # none.
    return z + (quantized - z)
    # Nothing comes back to z: start from z itself and add a constant.
    return stop_gradient(quantized)
    quantized - z -> 0  # This is not quantized at all: the value must be that of `quantized`.
    # The roles are swapped: this has the value of z and the gradient of `quantized`.
    z -> quantized (everywhere)
    quantized -> z (everywhere)
    + -> -  # The sign of the second term is wrong: z + sg[quantized - z].
    # The codes must get no gradient here: stop it at `quantized` as well.
    return quantized + z - stop_gradient(z)
    # The gradient is to reach z unchanged: here it is multiplied by the ratio of the two.
    return stop_gradient(quantized / z) * z
    # The code vectors are not integers: do not round them.
    quantized - z -> np.round(quantized) - z
    # The value is the code vector that was chosen, not a rounded z.
    quantized - z -> np.round(z) - z
    # This adds the two values; only what z lacks is to be added to it.
    quantized - z -> quantized
    """,
    "quantization_losses": """
    # stop_gradient holds the wrong side in both terms: the codebook term holds z, the commitment
    # term e.
    z -> quantized (everywhere)
    quantized -> z (everywhere)
    # beta belongs to the commitment term.
    Losses(codebook, commitment) ->
        _losses(beta * _square(stop_gradient(z) - quantized), _square(z - stop_gradient(quantized)))
    stop_gradient ->  (everywhere)  # Without stop_gradient both terms move both sides.
    # The codebook term must not move the encoder: hold z there.
    stop_gradient(z) - quantized -> z - quantized
    # The commitment term must not move the codes: hold e there.
    z - stop_gradient(quantized) -> z - quantized
    # With the whole difference held nothing can move: hold one side only.
    Losses(codebook, commitment) ->
        _losses(_square(stop_gradient(z - quantized)), beta * _square(stop_gradient(z - quantized)))
    # beta is missing: it multiplies the commitment term.
    return _losses(_square(stop_gradient(z) - quantized), _square(z - stop_gradient(quantized)))
    # Sum over the components of a code; their mean would be D times smaller.
    np.sum -> np.mean (everywhere)
    # The distance enters squared.
    return _losses(
        np.sqrt(_square(stop_gradient(z) - quantized)),
        beta * np.sqrt(_square(z - stop_gradient(quantized))),
    )
    1 -> 0  # The batch is summed as well: sum over all axes but the first.
    # Sum over the positions as well, not only over the last axis: one value for each example.
    tuple(range(1, len(shape))) -> -1
    # The root of a sum has no gradient where a vector equals its code: sum the squares without a
    # root.
    return _losses(
        np.sqrt(_square(stop_gradient(z) - quantized)) ** 2,
        beta * np.sqrt(_square(z - stop_gradient(quantized))) ** 2,
    )
    # beta multiplies the commitment term only, not both.
    Losses(codebook, commitment) -> Losses(beta * codebook, commitment)
    # The order is reversed: the codebook term comes first.
    Losses(codebook, commitment) -> Losses(commitment, codebook)
    # beta multiplies the squared distance: inside the square it counts twice.
    beta * np.sum((z - stop_gradient(quantized)) ** 2, axis=axes) ->
        np.sum((beta * (z - stop_gradient(quantized))) ** 2, axis=axes)
    # Sum over the positions as well, do not average over them.
    def squares(a):
        return np.mean(np.reshape(np.sum(a**2, axis=-1), (len(a), -1)), axis=1)
    return _losses(
        squares(stop_gradient(z) - quantized), beta * squares(z - stop_gradient(quantized))
    )
    # The differences enter by their squares, not by their magnitudes.
    (stop_gradient(z) - quantized) ** 2 -> np.abs(stop_gradient(z) - quantized)
    (z - stop_gradient(quantized)) ** 2 -> np.abs(z - stop_gradient(quantized))
    # The codebook term has weight 1, not 1 - beta.
    Losses(codebook, commitment) -> Losses((1 - beta) * codebook, commitment)
    """,
    "ema_update": """
    # The past has the weight of the batch and the batch that of the past: gamma and 1 - gamma are
    # swapped.
    n, total = _batch(len(counts), z, indices)
    counts, sums = (1 - gamma) * counts + gamma * n, (1 - gamma) * sums + gamma * total
    return counts, sums, _divide(sums, counts, codebook)
    UNUSED -> counts  # The code vectors do not move: divide the new sums by the new counts.
    # The new sum belongs over the new count; this divides by the old one.
    n, total = _batch(len(counts), z, indices)
    new = gamma * sums + (1 - gamma) * total
    return gamma * counts + (1 - gamma) * n, new, _divide(new, counts, codebook)
    # m takes the sum of a code's vectors, not their mean.
    n, total = _batch(len(counts), z, indices)
    counts, sums = (
        gamma * counts + (1 - gamma) * n,
        gamma * sums + (1 - gamma) * total / np.maximum(n, 1)[:, None],
    )
    return counts, sums, _divide(sums, counts, codebook)
    UNUSED -> -1  # 0 / 0 is NaN: a code whose count is 0 keeps its vector.
    # This sends a code without vectors to the origin; it keeps the vector that it has.
    codebook -> sums (everywhere)
    # The batch counts in full: its weight is 1 - gamma.
    n, total = _batch(len(counts), z, indices)
    counts, sums = gamma * counts + n, gamma * sums + total
    return counts, sums, _divide(sums, counts, codebook)
    # Divide the sum by the count.
    n, total = _batch(len(counts), z, indices)
    counts, sums = gamma * counts + (1 - gamma) * n, gamma * sums + (1 - gamma) * total
    return counts, sums, np.where(counts[:, None] > 0, sums, codebook)
    # This averages code vectors with means of the batch, whatever their counts; divide m by N
    # instead.
    n, total = _batch(len(counts), z, indices)
    means = np.where(n[:, None] > 0, total / np.maximum(n, 1)[:, None], codebook)
    new = gamma * codebook + (1 - gamma) * means
    return gamma * counts + (1 - gamma) * n, gamma * sums + (1 - gamma) * total, new
    # A code without vectors in this batch is updated too: its count and its sum are multiplied by
    # gamma.
    n, total = _batch(len(counts), z, indices)
    here = n > 0
    new = np.where(here, gamma * counts + (1 - gamma) * n, counts)
    new_sums = np.where(here[:, None], gamma * sums + (1 - gamma) * total, sums)
    return new, new_sums, np.where(here[:, None], _divide(new_sums, new, codebook), codebook)
    # `sums[indices] += z` adds only one vector of each code, the last: np.add.at, or a product with
    # a one-hot matrix, adds all.
    n, total = np.zeros(len(counts)), np.zeros(np.shape(sums))
    n[indices] += 1
    total[indices] += z
    counts, sums = gamma * counts + (1 - gamma) * n, gamma * sums + (1 - gamma) * total
    return counts, sums, _divide(sums, counts, codebook)
    # Counts below 1 are divided by as they are: a code that gets few vectors has such a count.
    n, total = _batch(len(counts), z, indices)
    counts, sums = gamma * counts + (1 - gamma) * n, gamma * sums + (1 - gamma) * total
    return counts, sums, np.where(
        counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], codebook
    )
    # A small number added to the counts moves every code toward the origin, those with small
    # counts far.
    n, total = _batch(len(counts), z, indices)
    counts, sums = gamma * counts + (1 - gamma) * n, gamma * sums + (1 - gamma) * total
    return counts, sums, np.where(counts[:, None] > 0, sums / (counts[:, None] + 1e-5), codebook)
    # Also a small count is divided by: only a code whose new count is 0 keeps its vector.
    UNUSED -> 1e-3
    # A code that gets its first vectors has a count now: look at the new counts, not the old ones.
    n, total = _batch(len(counts), z, indices)
    new, sums = gamma * counts + (1 - gamma) * n, gamma * sums + (1 - gamma) * total
    return new, sums, np.where(counts[:, None] > 0, _divide(sums, new, codebook), codebook)
    # Divide by the average count N, not by the count n of this batch.
    n, total = _batch(len(counts), z, indices)
    new = gamma * sums + (1 - gamma) * total
    return gamma * counts + (1 - gamma) * n, new, _divide(new, n, codebook)
    # Smoothed counts move every code, those with small counts far: divide by the count itself.
    n, total = _batch(len(counts), z, indices)
    counts, sums = gamma * counts + (1 - gamma) * n, gamma * sums + (1 - gamma) * total
    all_counts = np.sum(counts)
    smooth = (counts + 1e-5) / (all_counts + len(counts) * 1e-5) * all_counts
    return counts, sums, np.where(counts[:, None] > 0, sums / smooth[:, None], codebook)
    # Smoothed counts move every code, those with small counts far: divide by the count itself.
    n, total = _batch(len(counts), z, indices)
    counts, sums = gamma * counts + (1 - gamma) * n, gamma * sums + (1 - gamma) * total
    all_counts = np.sum(counts)
    smooth = (counts + 1e-5) / (all_counts + len(counts) * 1e-5) * all_counts
    return counts, sums, sums / smooth[:, None]
    # Also a small count is divided by: only a code whose new count is 0 keeps its vector.
    UNUSED -> 0.5
    # A code without vectors in this batch is new sum over new count too, unless its count is 0.
    n, total = _batch(len(counts), z, indices)
    counts, sums = gamma * counts + (1 - gamma) * n, gamma * sums + (1 - gamma) * total
    return counts, sums, np.where(n[:, None] > 0, _divide(sums, counts, codebook), codebook)
    # The batch enters by its counts and its sums: do not divide them by the number of its vectors.
    n, total = _batch(len(counts), z, indices)
    counts = gamma * counts + (1 - gamma) * n / len(z)
    sums = gamma * sums + (1 - gamma) * total / len(z)
    return counts, sums, _divide(sums, counts, codebook)
    # The past of the sums is `sums` itself; code vector times count may differ from it.
    n, total = _batch(len(counts), z, indices)
    sums = gamma * codebook * counts[:, None] + (1 - gamma) * total
    counts = gamma * counts + (1 - gamma) * n
    return counts, sums, _divide(sums, counts, codebook)
    """,
}

VARIANTS = {
    "nearest": """
    # by all differences
    return np.argmin(np.sqrt(np.sum((z[..., None, :] - codebook) ** 2, axis=-1)), axis=-1)
    # code by code
    return np.argmin(np.stack([np.sum((z - e) ** 2, axis=-1) for e in codebook]), axis=0)
    """,
    "straight_through": """
    return stop_gradient(quantized) + (z - stop_gradient(z))  # value minus itself
    """,
    "quantization_losses": """
    # flattened first
    z, e = np.reshape(z, (len(z), -1)), np.reshape(quantized, (len(z), -1))
    held_z, held_e = stop_gradient(z), stop_gradient(e)
    return _losses(np.sum((e - held_z) ** 2, axis=1), np.sum((z - held_e) ** 2, axis=1) * beta)
    """,
    "ema_update": """
    # code by code average
    rows = []
    for k in range(len(counts)):
        mine = z[indices == k]
        n = gamma * counts[k] + (1 - gamma) * len(mine)
        m = gamma * sums[k] + (1 - gamma) * np.sum(mine, axis=0)
        rows.append((n, m, m / n if n > 0 else codebook[k]))
    return tuple(np.stack(column) for column in zip(*rows))
    # in steps toward the batch
    n = np.bincount(indices, minlength=len(counts))
    total = np.zeros(sums.shape)
    for k, vector in zip(indices, z):
        total[k] += vector
    counts, sums = counts + (1 - gamma) * (n - counts), sums + (1 - gamma) * (total - sums)
    codebook = codebook.copy()
    some = counts != 0
    codebook[some] = sums[some] / counts[some, None]
    return counts, sums, codebook
    """,
}

EQUIVALENT = {
    "nearest": """
    # both grow together, so the smallest is at the same place
    np.sqrt(np.sum((z[..., None, :] - codebook) ** 2, axis=-1)) → np.sum((z[..., None, :] -
    codebook) ** 2, axis=-1)
    # both grow together, so the smallest is at the same place
    np.sum((z[..., None, :] - codebook) ** 2, axis=-1) → np.mean((z[..., None, :] - codebook) ** 2,
    axis=-1)
    # both grow together, so the smallest is at the same place
    np.sum((z - e) ** 2, axis=-1) → np.mean((z - e) ** 2, axis=-1)
    """,
    "ema_update": """
    np.where(used, counts, 1) → np.where(used, counts, 2)  # what is there is not used
    np.where(used, counts, 1) → np.where(used, counts, 0)  # what is there is not used
    counts > UNUSED → counts >= UNUSED  # no count is exactly the tiny bound
    numpy.where(used, counts, 1) → numpy.where(used, counts, 2)  # what is there is not used
    numpy.where(used, counts, 1) → numpy.where(used, counts, 0)  # what is there is not used
    """,
}
