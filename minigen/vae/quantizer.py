"""Vector quantization: each vector is replaced by the nearest of K code vectors.

The nearest code is found by an argmin, which has no gradient (van den Oord, Vinyals and Kavukcuoglu 2017). The backward
pass therefore skips the quantization: the encoder receives the gradient of the decoder's input (`straight_through`).
Encoder and codebook are pulled toward each other by two terms of the loss (`quantization_losses`); for the codebook a
moving average of the vectors assigned to each code (`ema_update`) can replace the first of these terms.

Defaults: gamma = 0.99, beta = 0.25; the codebook is initialized with vectors of a first batch; a code to which no
vectors are assigned any more is reinitialized with a vector of the current batch (`VectorQuantizer.revive`).
"""

from typing import Any, NamedTuple

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import checked, floats, nonnegative, whole
from minigen.nn import Module
from minigen.tensor import embedding, stop_gradient
from minigen.types import Array, Rng

UNUSED = 1e-12  # a moving average of counts below this counts as zero

# --------------------------------------------------------------------- the equations


def nearest(z: Array, codebook: Array) -> numpy.ndarray:
    """Return the index of the code nearest to each vector, by Euclidean distance: z (..., D), codebook (K, D) -> ints
    (...).

    Of codes equally near, the first. Eq. vae.18. Raises ValueError if the last axes differ or a value is not finite.
    """
    z, codebook = _vectors(z, codebook)
    flat = z.reshape(-1, z.shape[-1])  # (M, D)
    # |z - e|² without |z|², which is the same for all e
    distance = numpy.sum(codebook**2, axis=1) - 2 * flat @ codebook.T  # (M, K)
    return numpy.argmin(distance, axis=1).reshape(z.shape[:-1])


def straight_through(z: Array, quantized: Array) -> Array:
    """Return the value of `quantized` with the gradient of `z`: both (..., D) -> (..., D).

    The value is that of the code vectors; the gradient passes to z unchanged, and none to `quantized`. Raises
    ValueError if the shapes differ.
    """
    z, quantized = checks.floats_of_one_shape(z=z, quantized=quantized)
    return z + stop_gradient(quantized - z)


class Losses(NamedTuple):
    """The two last terms of Eq. vae.19, each (N,)."""

    codebook: Array
    commitment: Array


@checked(beta=nonnegative)
def quantization_losses(z: Array, quantized: Array, beta: float = 0.25) -> Losses:
    """|sg[z] - e|² and beta |z - sg[e]|², summed over all axes but the first: (N, ..., D) twice -> two of (N,).

    z is the encoder's output, `quantized` the code vectors e in its place, sg[.] a value without gradient. The first
    term moves only the codes, the second only the encoder. Two of the three terms of Eq. vae.19.
    Raises ValueError if z and quantized differ in shape or are not finite.
    """
    shape = checks.same_shape(2, z=z, quantized=quantized)
    checks.finite("z", z)
    checks.finite("quantized", quantized)
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
    """Return new (counts, sums, codebook) after a batch: the moving averages of Eq. vae.20.

    counts (K,) and sums (K, D) are averages of how many vectors a batch assigns to a code, and of their sum; codebook
    (K, D) are the code vectors; z (M, D) the vectors of the batch, indices (M,) their codes. A new code vector is new
    sum / new count; a code whose count is zero keeps the vector that it has. The arguments stay as they are.
    Raises ValueError if shapes do not fit, a value is not finite or gamma is outside [0, 1].
    """
    counts, sums, codebook, z, indices = _checked_averages(counts, sums, codebook, z, indices, gamma)
    assigned = numpy.eye(len(counts), dtype=z.dtype)[indices]  # (M, K), a single 1 in each row
    counts = gamma * counts + (1 - gamma) * numpy.sum(assigned, axis=0)  # N (K,)
    sums = gamma * sums + (1 - gamma) * (assigned.T @ z)  # m (K, D)
    used = counts > UNUSED
    means = sums / numpy.where(used, counts, 1)[:, None]  # e = m / N
    return counts, sums, numpy.where(used[:, None], means, codebook)


def perplexity(indices: numpy.ndarray, codes: int) -> float:
    """exp of the entropy of the frequencies of `codes` codes: from 1 (a single code) to `codes` (all equally often)."""
    share = _shares(indices, codes)
    used = share[share > 0]
    return float(numpy.exp(-numpy.sum(used * numpy.log(used))))


def dead_share(indices: numpy.ndarray, codes: int) -> float:
    """Return the fraction of the `codes` codes that do not occur among the indices (of any shape): from 0 to 1."""
    return float(numpy.mean(_shares(indices, codes) == 0))


# --------------------------------------------------------------------- a codebook


class Quantized(NamedTuple):
    """vectors (N, ..., D): code vectors, with the gradient of z; z itself; indices (N, ...); two loss terms (N,)."""

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
    the encoder, otherwise most codes are far from all of them.
    """

    @checked(dim=whole, codes=whole, rng=Rng)
    def __init__(self, rng: Rng, codes: int, dim: int, gamma: float = 0.99, beta: float = 0.25, learned: bool = False):
        shape = codes, dim
        check_rates(gamma, beta)
        self.codebook = rng.standard_normal(shape, dtype=numpy.float32)  # e (K, D)
        self.counts = numpy.ones(codes, numpy.float32)  # N (K,)
        self.sums = self.codebook.copy()  # m (K, D)
        self.gamma, self.beta = float(gamma), float(beta)
        self.learned = learned
        self.buffers = ("counts", "sums") if learned else ("counts", "sums", "codebook")

    @property
    def codes(self) -> int:
        """K, the number of codes."""
        return len(self.counts)

    def nearest(self, z: Array) -> numpy.ndarray:
        """Return the indices of the nearest codes: (..., D) -> (...). Eq. vae.18"""
        return nearest(z, self.codebook)

    def look_up(self, indices: numpy.ndarray) -> Array:
        """Return the code vectors of indices: (...) -> (..., D)."""
        return embedding(self.codebook, indices)

    def __call__(self, z: Array) -> Quantized:
        z = checks.array("z", z, "N", ..., self.codebook.shape[1])
        indices = self.nearest(z)  # (N, ...)
        e = self.look_up(indices)  # (N, ..., D)
        codebook, commitment = quantization_losses(z, e, self.beta)  # (N,) each
        if not self.learned:
            codebook = numpy.zeros(len(indices), numpy.float32)
        return Quantized(straight_through(z, e), z, indices, codebook, commitment)

    def update(self, z: numpy.ndarray, indices: numpy.ndarray) -> None:
        """Update the moving averages with a batch, in place: z (..., D), indices (...). Eq. vae.20"""
        flat = self._flat(z)  # (M, D)
        indices = checks.integers("indices", indices, *np.shape(z)[:-1], most=self.codes - 1)
        new = ema_update(self.counts, self.sums, self.codebook, flat, indices.ravel(), self.gamma)
        counts, sums, codebook = new
        self.counts[...] = counts
        self.sums[...] = sums
        if not self.learned:
            self.codebook[...] = codebook

    def start(self, rng: Rng, z: numpy.ndarray) -> None:
        """Initialize the codebook with vectors drawn from z (..., D), without replacement if there are enough."""
        self._restart(rng, numpy.arange(self.codes), z)

    @checked(below=nonnegative)
    def revive(self, rng: Rng, z: numpy.ndarray, below: float = 0.5) -> int:
        """Reinitialize codes with fewer than `below` assigned vectors per batch, at vectors drawn from z (..., D).

        Returns how many these were. To be called now and then during training, not in its last part, so that all
        codes converge.
        """
        dead = numpy.flatnonzero(self.counts < below)
        self._restart(rng, dead, z)
        return len(dead)

    def _flat(self, z: numpy.ndarray) -> numpy.ndarray:
        """Vectors (..., D) one below the other: (M, D)."""
        z = checks.array("z", z, ..., self.codebook.shape[1])
        return z.reshape(-1, z.shape[-1])

    @checked(rng=Rng)
    def _restart(self, rng: Rng, codes: numpy.ndarray, z: numpy.ndarray) -> None:
        flat = self._flat(z)  # (M, D)
        some = flat[rng.choice(len(flat), len(codes), replace=len(flat) < len(codes))]
        self.codebook[codes] = some
        self.sums[codes] = some
        self.counts[codes] = 1


# --------------------------------------------------------------------- checks


def check_rates(gamma: float, beta: float) -> None:
    """ValueError unless 0 <= gamma < 1 and beta >= 0."""
    checks.number("gamma", gamma, 0, 1, without=1)
    checks.number("beta", beta, 0)


@checked(z=floats, codebook="K, D")
def _vectors(z: Array, codebook: Array) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Both as plain arrays; ValueError unless they share D."""
    z = stop_gradient(z)
    codebook = stop_gradient(codebook)
    if numpy.ndim(codebook) != 2 or numpy.ndim(z) < 1 or numpy.shape(z)[-1] != numpy.shape(codebook)[1]:
        shapes = f"{numpy.shape(z)} and {numpy.shape(codebook)}"
        raise ValueError(f"z (..., D) and codebook (K, D) must share D, got {shapes}")
    return z, codebook


def _checked_averages(
    counts: Array, sums: Array, codebook: Array, z: Array, indices: Array, gamma: Any
) -> list[numpy.ndarray]:
    """Return the arrays among the arguments of `ema_update`; ValueError unless they fit together."""
    counts, z = checks.array("counts", counts, "K"), checks.array("z", z, "M", "D")
    k = len(counts)
    m, d = numpy.shape(z)
    for name, a, shape in (("sums", sums, (k, d)), ("codebook", codebook, (k, d)), ("indices", indices, (m,))):
        if numpy.shape(a) != shape:
            raise ValueError(f"{name} must have shape {shape}, got {numpy.shape(a)}")
    indices = checks.integers("indices", indices, most=k - 1)
    checks.probability("gamma", gamma)
    return [counts, checks.floats("sums", sums), checks.floats("codebook", codebook), z, indices]


@checked(codes=whole)
def _shares(indices: numpy.ndarray, codes: int) -> numpy.ndarray:
    """Return the fraction of each of `codes` codes among the indices: (codes,)."""
    checks.integers("indices", indices, most=codes - 1)
    if not numpy.size(indices):
        raise ValueError("indices must not be empty")
    return numpy.bincount(numpy.ravel(indices), minlength=codes) / numpy.size(indices)
