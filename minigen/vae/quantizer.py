"""Vector quantization: from a vector to the nearest of K code vectors, and how codes and encoder learn from each other.

The nearest code is found by a comparison, which has no gradient. Two tricks get around it (van den Oord, Vinyals and
Kavukcuoglu 2017). Backward, the quantization is skipped: the encoder is handed the gradient that the decoder has at its
input (`straight_through`). And encoder and codebook are drawn together by two terms of the loss
(`quantization_losses`), or, for the codebook, by a moving average of the vectors assigned to each code (`ema_update`),
which then replaces the first of these terms.

Choices that are made here: gamma = 0.99, beta = 0.25; the codebook starts as vectors of a first batch; a code that has
lost its vectors starts again from one of the current batch (`VectorQuantizer.revive`).
"""

from typing import Any, NamedTuple

import autograd.numpy as np
import numpy

from minigen.nn import Module
from minigen.tensor import embedding, stop_gradient
from minigen.vae import _check

Array = Any
Rng = numpy.random.Generator
UNUSED = 1e-12  # a moving average of counts below this is taken for zero

# --------------------------------------------------------------------- the equations


def nearest(z: Array, codebook: Array) -> numpy.ndarray:
    """The index of the code nearest to each vector, by Euclidean distance: z (..., D), codebook (K, D) -> ints (...).

    Of codes equally near, the first. Eq. vae.18. Raises ValueError if the last axes differ or a value is not finite.
    """
    z, codebook = _vectors(z, codebook)
    flat = z.reshape(-1, z.shape[-1])  # (M, D)
    distance = (
        numpy.sum(codebook**2, axis=1) - 2 * flat @ codebook.T
    )  # (M, K): |z - e|² without |z|², the same for all e
    return numpy.argmin(distance, axis=1).reshape(z.shape[:-1])


def straight_through(z: Array, quantized: Array) -> Array:
    """The value of `quantized` with the gradient of `z`: both (..., D) -> (..., D).

    What comes after sees the code vectors; its gradient goes to z unchanged, as if nothing had been rounded, and none
    to `quantized`. Raises ValueError if the shapes differ.
    """
    _check.same_shape(1, z=z, quantized=quantized)
    return z + stop_gradient(quantized - z)


class Losses(NamedTuple):
    """The two last terms of Eq. vae.19, each (N,)."""

    codebook: Array
    commitment: Array


def quantization_losses(z: Array, quantized: Array, beta: float = 0.25) -> Losses:
    """|sg[z] - e|² and beta |z - sg[e]|², summed over all axes but the first: (N, ..., D) twice -> two of (N,).

    z is the encoder's output, `quantized` the code vectors e in its place, sg[.] a value without gradient. The first
    term moves only the codes, the second only the encoder. Two of the three terms of Eq. vae.19.
    Raises ValueError if the shapes differ, a value is not finite or beta is negative.
    """
    shape = _check.same_shape(z=z, quantized=quantized)
    _check.finite(z=z, quantized=quantized)
    if not beta >= 0:
        raise ValueError(f"beta must not be negative, got {beta}")
    axes = tuple(range(1, len(shape)))
    codebook = np.sum((stop_gradient(z) - quantized) ** 2, axis=axes)
    commitment = beta * np.sum((z - stop_gradient(quantized)) ** 2, axis=axes)
    return Losses(codebook, commitment)


def ema_update(
    counts: numpy.ndarray,
    sums: numpy.ndarray,
    codebook: numpy.ndarray,
    z: numpy.ndarray,
    indices: numpy.ndarray,
    gamma: float = 0.99,
) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    """New (counts, sums, codebook) after a batch: the moving averages of Eq. vae.20.

    counts (K,) and sums (K, D) are averages of how many vectors a batch assigns to a code, and of their sum; codebook
    (K, D) are the code vectors; z (M, D) the vectors of the batch, indices (M,) their codes. A new code vector is new
    sum / new count; a code whose count is zero keeps the vector that it has. The arguments stay as they are.
    Raises ValueError if shapes do not fit, a value is not finite or gamma is outside [0, 1].
    """
    _check_averages(counts, sums, codebook, z, indices, gamma)
    assigned = numpy.eye(len(counts), dtype=z.dtype)[indices]  # (M, K), a single 1 in each row
    counts = gamma * counts + (1 - gamma) * numpy.sum(assigned, axis=0)  # N (K,)
    sums = gamma * sums + (1 - gamma) * (assigned.T @ z)  # m (K, D)
    used = counts > UNUSED
    means = sums / numpy.where(used, counts, 1)[:, None]  # e = m / N
    return counts, sums, numpy.where(used[:, None], means, codebook)


def perplexity(indices: numpy.ndarray, codes: int) -> float:
    """exp of the entropy of how often each of `codes` codes occurs: from 1 (a single code) to `codes` (all alike)."""
    share = _shares(indices, codes)
    used = share[share > 0]
    return float(numpy.exp(-numpy.sum(used * numpy.log(used))))


def dead_share(indices: numpy.ndarray, codes: int) -> float:
    """The share of the `codes` codes that do not occur among the indices (of any shape): from 0 to 1."""
    return float(numpy.mean(_shares(indices, codes) == 0))


# --------------------------------------------------------------------- a codebook


class Quantized(NamedTuple):
    """vectors (N, ..., D): the codes, with the gradient of z; z itself; indices (N, ...); two terms of the loss
    (N,)."""

    vectors: Array
    z: Array
    indices: numpy.ndarray
    codebook: Array
    commitment: Array


class VectorQuantizer(Module):
    """K code vectors of D numbers. Called with vectors z (N, ..., D), it gives a `Quantized`.

    learned=False: the codebook is a moving average (call `update` after each step), and its term of the loss is zero.
    learned=True:  the codebook is a parameter, moved by its term of the loss; `update` then only counts.

    codebook (K, D), counts (K,) and sums (K, D) as in `ema_update`. It starts as N(0, 1); call `start` with vectors of
    the encoder, or most codes will be far from all of them.
    """

    def __init__(self, rng: Rng, codes: int, dim: int, gamma: float = 0.99, beta: float = 0.25, learned: bool = False):
        shape = _check.count("codes", codes), _check.count("dim", dim)
        if not 0 <= gamma < 1:
            raise ValueError(f"gamma must be in [0, 1), got {gamma}")
        self.codebook = rng.standard_normal(shape, dtype=numpy.float32)
        self.counts, self.sums = numpy.ones(codes, numpy.float32), self.codebook.copy()
        self.gamma, self.beta, self.learned = gamma, beta, learned
        self.buffers = ("counts", "sums") if learned else ("counts", "sums", "codebook")

    @property
    def codes(self) -> int:
        """K, how many there are."""
        return len(self.counts)

    def nearest(self, z: Array) -> numpy.ndarray:
        """Indices of the nearest codes: (..., D) -> (...). Eq. vae.18"""
        return nearest(z, self.codebook)

    def look_up(self, indices: numpy.ndarray) -> Array:
        """The code vectors of indices: (...) -> (..., D)."""
        return embedding(self.codebook, indices)

    def __call__(self, z: Array) -> Quantized:
        indices = self.nearest(z)  # (N, ...)
        e = self.look_up(indices)  # (N, ..., D)
        codebook, commitment = quantization_losses(z, e, self.beta)  # (N,) each
        if not self.learned:
            codebook = numpy.zeros(len(indices), numpy.float32)
        return Quantized(straight_through(z, e), z, indices, codebook, commitment)

    def update(self, z: numpy.ndarray, indices: numpy.ndarray) -> None:
        """Take a batch into the moving averages, in place: z (..., D), indices (...). Eq. vae.20"""
        new = ema_update(self.counts, self.sums, self.codebook, z.reshape(-1, z.shape[-1]), indices.ravel(), self.gamma)
        self.counts[...], self.sums[...] = new[:2]
        if not self.learned:
            self.codebook[...] = new[2]

    def start(self, z: numpy.ndarray, rng: Rng) -> None:
        """Make vectors drawn from z (..., D), all different ones if there are enough, the code vectors."""
        self._restart(numpy.arange(self.codes), z, rng)

    def revive(self, z: numpy.ndarray, rng: Rng, below: float = 0.5) -> int:
        """Start every code that gets fewer than `below` vectors a batch anew, at a vector drawn from z (..., D).

        Returns how many these were. Call it now and then while training; not in the last part, so that all settle.
        """
        dead = numpy.flatnonzero(self.counts < below)
        self._restart(dead, z, rng)
        return len(dead)

    def _restart(self, codes, z, rng):
        flat = z.reshape(-1, z.shape[-1])
        some = flat[rng.choice(len(flat), len(codes), replace=len(flat) < len(codes))]
        self.codebook[codes], self.sums[codes], self.counts[codes] = some, some, 1


# --------------------------------------------------------------------- checks


def _vectors(z, codebook):
    _check.finite(z=z, codebook=codebook)
    z, codebook = stop_gradient(z), stop_gradient(codebook)
    if numpy.ndim(codebook) != 2 or numpy.ndim(z) < 1 or numpy.shape(z)[-1] != numpy.shape(codebook)[1]:
        shapes = f"{numpy.shape(z)} and {numpy.shape(codebook)}"
        raise ValueError(f"z (..., D) and codebook (K, D) must share D, got {shapes}")
    return z, codebook


def _check_averages(counts, sums, codebook, z, indices, gamma):
    if numpy.ndim(z) != 2 or numpy.ndim(counts) != 1:
        raise ValueError(f"z must have shape (M, D) and counts (K,), got {numpy.shape(z)} and {numpy.shape(counts)}")
    k, (m, d) = len(counts), numpy.shape(z)
    for name, a, shape in (("sums", sums, (k, d)), ("codebook", codebook, (k, d)), ("indices", indices, (m,))):
        if numpy.shape(a) != shape:
            raise ValueError(f"{name} must have shape {shape}, got {numpy.shape(a)}")
    _indices("indices", indices, k)
    _check.finite(counts=counts, sums=sums, z=z)
    if not 0 <= gamma <= 1:
        raise ValueError(f"gamma must be in [0, 1], got {gamma}")


def _indices(name, indices, codes):
    if numpy.asarray(indices).dtype.kind not in "iu":
        raise ValueError(f"{name} must be integers, got dtype {numpy.asarray(indices).dtype}")
    if numpy.size(indices) and not 0 <= numpy.min(indices) <= numpy.max(indices) < codes:
        raise ValueError(f"{name} must be in [0, {codes}), got {numpy.min(indices)} to {numpy.max(indices)}")


def _shares(indices, codes):
    codes = _check.count("codes", codes)
    _indices("indices", indices, codes)
    if not numpy.size(indices):
        raise ValueError("indices must not be empty")
    return numpy.bincount(numpy.ravel(indices), minlength=codes) / numpy.size(indices)
