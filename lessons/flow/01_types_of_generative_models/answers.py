"""Mistakes in the exercise of flow/01, and other right answers."""

import autograd.numpy as np


def log_normal(z):
    return np.sum(-0.5 * z**2 - 0.5 * float(np.log(2 * np.pi)), axis=1)


def back(x, shift, L):
    return np.linalg.solve(L, (x - shift).T).T


def log_size(L):
    return np.sum(np.log(np.abs(np.diag(L))))


MISTAKES = {
    "linear_flow_log_prob": """
    # The sign is wrong: where the map stretches, the density becomes smaller.
    log_pz - np.sum -> log_pz + np.sum
    # The volume factor is missing: a stretched density is lower.
    return log_normal(back(x, shift, L))
    # A number on the diagonal may be negative and has no logarithm: take its absolute value first.
    np.log(np.abs(np.diag(L))) -> np.log(np.diag(L))
    # The determinant underflows or overflows: add up the logarithms of the diagonal.
    return log_normal(back(x, shift, L)) - np.log(np.abs(np.linalg.det(L)))
    # The normal density belongs to z: use the z that is mapped to x, not x itself.
    return log_normal(x) - log_size(L)
    # The map is inverted: solve for z, do not multiply by L again.
    return log_normal((x - shift) @ L.T) - log_size(L)
    # The shift is missing: subtract it before the map is inverted.
    np.linalg.solve(L, (x - shift).T).T -> np.linalg.solve(L, (x + 0 * shift).T).T
    # The sign of the shift is wrong: x minus the shift is L z.
    (x - shift) -> (x + shift)
    # The matrix is transposed: each row of L belongs to one coordinate of x.
    np.linalg.solve(L, (x - shift).T).T -> np.linalg.solve(L.T, (x - shift).T).T
    # The numbers below the diagonal are left out: they matter for z, though not for the volume.
    return log_normal((x - shift) / np.diag(L)) - log_size(L)
    # The constant of the normal density counts once for each coordinate: D times.
    0.5 * dims * math.log(2 * math.pi) -> 0.5 * math.log(2 * math.pi)
    # The constant of the normal density is missing: each coordinate has one.
    return -0.5 * np.sum(back(x, shift, L) ** 2, axis=1) - log_size(L)
    # The squares are halved in a normal density.
    -0.5 * np.sum(z**2, axis=1) -> -np.sum(z**2, axis=1)
    # Sum over the coordinates, not over the examples as well.
    return np.sum(log_normal(back(x, shift, L)) - log_size(L))
    # Independent coordinates multiply their densities: add the logarithms, do not average them.
    return log_normal(back(x, shift, L)) / x.shape[1] - log_size(L)
    # The volume factor is a product: add the logarithms of the diagonal, do not average them.
    np.sum(np.log(np.abs(np.diag(L)))) -> np.mean(np.log(np.abs(np.diag(L))))
    # This takes the covariance for the map: the volume factor enters once, not squared.
    return log_normal(back(x, shift, L)) - 2 * log_size(L)
    # The volume factor is subtracted as a logarithm, not as it is.
    return log_normal(back(x, shift, L)) - np.exp(np.minimum(log_size(L), 600.0))
    # The logarithm of a sum is not the sum of the logarithms.
    return log_normal(back(x, shift, L)) - np.log(np.abs(np.sum(np.diag(L))))
    # This is the density: the logarithm of it is asked for.
    return np.exp(np.minimum(log_normal(back(x, shift, L)) - log_size(L), 600.0))
    """,
}

VARIANTS = {
    "linear_flow_log_prob": """
    # with the logarithm of the absolute determinant from numpy
    constant = x.shape[1] * float(np.log(2 * np.pi))
    log_det = np.linalg.slogdet(L)[1]
    z = np.linalg.solve(L, (x - shift).T)
    return -0.5 * (np.sum(z * z, axis=0) + constant) - log_det
    # coordinate by coordinate: forward substitution
    columns, total = [], 0.0
    for i in range(x.shape[1]):
        rest = x[:, i] - shift[i]
        for j in range(i):
            rest = rest - L[i, j] * columns[j]
        columns.append(rest / L[i, i])
        total = total - 0.5 * columns[i] ** 2 - 0.5 * float(np.log(2 * np.pi))
        total = total - np.log(np.abs(L[i, i]))
    return total
    """,
}

EQUIVALENT = {
    "linear_flow_log_prob": """
    # x and the shift exchanged: z changes its sign, and the normal density is symmetric
    (x, shift, L) → (shift, x, L)
    """,
}
