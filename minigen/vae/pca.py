"""Principal component analysis, the linear baseline of the autoencoders.

Among all linear maps to k numbers and back, the projection on the k directions of largest variance leaves the smallest
squared error (Eckart and Young 1936). A linear autoencoder can at best find the same subspace (Baldi and Hornik 1989).
"""

from typing import NamedTuple

import autograd.numpy as np

from minigen import checks


class PCA(NamedTuple):
    """mean (D,), directions (k, D), orthonormal and by falling variance, and the variances along them (k,)."""

    mean: np.ndarray
    directions: np.ndarray
    variances: np.ndarray

    def encode(self, x: np.ndarray) -> np.ndarray:
        """Return the coordinates along the directions: (N, D) -> (N, k)."""
        return (x - self.mean) @ self.directions.T

    def decode(self, z: np.ndarray) -> np.ndarray:
        """Return the point with these coordinates: (N, k) -> (N, D)."""
        return self.mean + z @ self.directions

    def first(self, k: int) -> "PCA":
        """Return the first k directions only."""
        return PCA(self.mean, self.directions[:k], self.variances[:k])


def pca(x: np.ndarray, k: int) -> PCA:
    """Return the first k principal components of the rows of x (N, D): the leading eigenvectors of their covariance (D,
    D).

    The linear code with the smallest error of Eq. vae.01. Variances are means of squares over the N rows. A direction's
    sign is arbitrary. Computed in double precision, of which the covariance needs one copy of x; the result has the
    dtype of x. Raises ValueError unless x is a finite (N, D) and 1 <= k <= min(N, D).
    """
    x = np.asarray(x)
    if x.ndim != 2 or not 1 <= checks.whole("k", k) <= min(x.shape):
        raise ValueError(f"x must have shape (N, D) with N and D at least k = {k}, got {x.shape}")
    checks.finite("x", x)
    mean = np.mean(x, axis=0)  # (D,)
    centered = x - np.float64(mean)  # (N, D)
    values, vectors = np.linalg.eigh(centered.T @ centered / len(x))  # (D,) rising, (D, D): a column for each
    variances = np.maximum(values[::-1][:k], 0)  # a variance of zero may come out as -1e-17
    directions = vectors[:, ::-1][:, :k].T  # (k, D)
    return PCA(mean, directions.astype(mean.dtype), variances.astype(mean.dtype))


def principal_angles(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the angles between the subspaces that the rows of a (k, D) and of b (k, D) span: (k,), degrees, largest
    first.

    Computed from their sines, which resolve small angles where cosines round to 1. Raises ValueError if the shapes
    differ or the rows of one are linearly dependent.
    """
    a, b = checks.floats_of_one_shape(2, a=a, b=b)
    bases = []
    for name, rows in (("a", a), ("b", b)):
        if np.linalg.matrix_rank(np.asarray(rows, np.float64)) < len(rows):
            raise ValueError(f"{name} must have linearly independent rows, got shape {np.shape(rows)} of lower rank")
        bases.append(np.linalg.qr(np.asarray(rows, np.float64).T)[0])  # (D, k), orthonormal columns
    p, q = bases
    sines = np.linalg.svd(q - p @ (p.T @ q), compute_uv=False)  # (k,), falling: what p misses of q
    return np.degrees(np.arcsin(np.clip(sines, 0, 1)))
