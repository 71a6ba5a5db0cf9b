"""p(x|z): what the decoder's output says about x.

A decoder is a plain network; its output `decoded` (N, D) becomes a distribution of x here. Pixels, which are 0 or 1,
get a Bernoulli distribution with `decoded` as logits. Points get a Gaussian with `decoded` as the mean and one variance
for all. Log-likelihoods are summed over the D coordinates, not averaged: nats per example. The mean would divide this
term, and not the KL divergence beside it, by D, which is a VAE with beta = D in disguise.
"""

import math
from typing import Any

import autograd.numpy as np
import numpy

from minigen.nn import Module
from minigen.tensor import bce_with_logits, sigmoid
from minigen.vae import _check

Array = Any
Rng = numpy.random.Generator
LOG_2PI = math.log(2 * math.pi)


def bernoulli_log_likelihood(x: Array, logits: Array) -> Array:
    """log p(x) = sum over pixels of x log s + (1 - x) log(1 - s), s = sigmoid(logits): (N, ...) -> (N,), nats.

    Raises ValueError if the shapes differ or x leaves [0, 1].
    """
    shape = _check.same_shape(x=x, logits=logits)
    _check.unit_interval("x", x)
    return -np.sum(bce_with_logits(logits, x), axis=tuple(range(1, len(shape))))


def gaussian_log_likelihood(x: Array, mu: Array, logvar: Array) -> Array:
    """log N(x; mu, diag exp(logvar)), summed over all axes but the first: (N, ...) -> (N,), nats.

    `mu` and `logvar` may be numbers or smaller arrays that broadcast to the shape of x (zeros: the standard normal).
    """
    shape = np.shape(x)
    if len(shape) < 2:
        raise ValueError(f"x must have shape (N, D), got {shape}")
    for name, a in (("mu", mu), ("logvar", logvar)):
        if np.ndim(a) > len(shape) or any(m not in (1, n) for m, n in zip(np.shape(a)[::-1], shape[::-1])):
            raise ValueError(f"{name} must broadcast to the shape of x, {shape}, got {np.shape(a)}")
    precision = math.exp(-logvar) if isinstance(logvar, float) else np.exp(-logvar)  # a NumPy float64 would upcast x
    squares = (x - mu) ** 2 * precision
    return -0.5 * np.sum(LOG_2PI + logvar + squares, axis=tuple(range(1, len(shape))))


class Bernoulli(Module):
    """Each coordinate is 1 with probability sigmoid(decoded)."""

    def log_prob(self, x: Array, decoded: Array) -> Array:
        """log p(x|z): x in [0, 1] and logits, both (N, D) -> (N,), nats."""
        return bernoulli_log_likelihood(x, decoded)

    def mean(self, decoded: Array) -> Array:
        """The probabilities (N, D): what pictures of samples usually show."""
        return sigmoid(decoded)

    def sample(self, rng: Rng, decoded: numpy.ndarray) -> numpy.ndarray:
        """Zeros and ones, (N, D)."""
        return (rng.random(decoded.shape, dtype=numpy.float32) < sigmoid(decoded)).astype(decoded.dtype)


class Gaussian(Module):
    """N(decoded, std² I), with one standard deviation for all coordinates: learned from the start `std`, or fixed.

    Learned is the better choice: it settles at the size of the residual that the decoder leaves (Rybkin et al. 2021).
    """

    def __init__(self, std: float = 1.0, learned: bool = True):
        if not (numpy.isfinite(std) and std > 0):
            raise ValueError(f"std must be positive and finite, got {std}")
        self.logvar = numpy.full(1, 2 * math.log(std), numpy.float32)
        if not learned:
            self.buffers = ("logvar",)

    @property
    def std(self) -> float:
        """The standard deviation now."""
        return float(numpy.exp(0.5 * self.logvar[0]))

    def log_prob(self, x: Array, decoded: Array) -> Array:
        """log p(x|z): x and means, both (N, D) -> (N,), nats."""
        _check.same_shape(x=x, decoded=decoded)
        return gaussian_log_likelihood(x, decoded, self.logvar)

    def mean(self, decoded: Array) -> Array:
        """The means (N, D)."""
        return decoded

    def sample(self, rng: Rng, decoded: numpy.ndarray) -> numpy.ndarray:
        """Means plus noise, (N, D)."""
        noise = rng.standard_normal(decoded.shape, dtype=numpy.float32).astype(decoded.dtype)
        return decoded + numpy.exp(0.5 * self.logvar) * noise
