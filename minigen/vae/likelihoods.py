"""p(x|z): the distribution of x that the decoder's output stands for.

A decoder is a plain network; its output `decoded` (N, D) holds the parameters of p(x|z). Pixels, which are 0 or 1, have
a Bernoulli distribution with `decoded` as logits. Points have a Gaussian with `decoded` as the mean and one variance
for all. Log-likelihoods are summed over the D coordinates, not averaged: nats per example. The mean would divide this
term, and not the KL divergence beside it, by D, which amounts to a beta-VAE with beta = D.
"""

import math

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import checked, positive
from minigen.nn import Module
from minigen.tensor import bce_with_logits, sigmoid
from minigen.types import Array, Float32, Rng

LOG_2PI = math.log(2 * math.pi)


def bernoulli_log_likelihood(x: Array, logits: Array) -> Array:
    """log p(x) = sum over pixels of x log s + (1 - x) log(1 - s), s = sigmoid(logits): (N, ...) -> (N,), nats.

    Raises ValueError if the shapes differ or x leaves [0, 1].
    """
    shape = checks.same_shape(2, x=x, logits=logits)
    checks.between("x", x, 0, 1)
    checks.finite("logits", logits)
    return -np.sum(bce_with_logits(logits, x), axis=tuple(range(1, len(shape))))


def _number_or_array(name: str, a: Array) -> Array:
    """Finite floats; a number stays one, for as an array of float64 it would make float64 of float32."""
    values = checks.floats(name, a)
    return a if isinstance(a, (int, float)) else values


@checked(x="N, ..., D")
def gaussian_log_likelihood(x: Array, mu: Array, logvar: Array) -> Array:
    """log N(x; mu, diag exp(logvar)), summed over all axes but the first: (N, ...) -> (N,), nats.

    `mu` and `logvar` may be numbers or smaller arrays that broadcast to the shape of x (zeros: the standard normal).
    """
    shape = np.shape(x)
    mu, logvar = _number_or_array("mu", mu), _number_or_array("logvar", logvar)
    for name, a in (("mu", mu), ("logvar", logvar)):
        if np.ndim(a) > len(shape) or any(m not in (1, n) for m, n in zip(np.shape(a)[::-1], shape[::-1])):
            raise ValueError(f"{name} must broadcast to the shape of x, {shape}, got {np.shape(a)}")
    precision = math.exp(-logvar) if isinstance(logvar, float) else np.exp(-logvar)  # a NumPy float64 would upcast x
    squares = (x - mu) ** 2 * precision
    return -0.5 * np.sum(LOG_2PI + logvar + squares, axis=tuple(range(1, len(shape))))


class Likelihood(Module):
    """p(x|z) of a decoder's output `decoded` (N, D): what `Bernoulli` and `Gaussian` offer.

    `decoded` is `vae.decoder_output(z)`, and its `mean` is `vae.decode(z)`.
    """

    def log_prob(self, x: Array, decoded: Array) -> Float32:
        """log p(x|z): both (N, D) -> (N,), nats."""
        raise NotImplementedError

    def mean(self, decoded: Array) -> Float32:
        """Return the mean of p(x|z): (N, D) -> (N, D)."""
        raise NotImplementedError

    def sample(self, rng: Rng, decoded: numpy.ndarray) -> Float32:
        """Return a draw from p(x|z) for each row: (N, D) -> (N, D)."""
        raise NotImplementedError


class Bernoulli(Likelihood):
    """Each coordinate is 1 with probability sigmoid(decoded)."""

    def log_prob(self, x: Array, decoded: Array) -> Float32:
        """log p(x|z): x in [0, 1] and logits, both (N, D) -> (N,), nats."""
        x, decoded = checks.floats_of_one_shape(2, x=x, decoded=decoded)
        return bernoulli_log_likelihood(x, decoded)

    def mean(self, decoded: Array) -> Float32:
        """Return the probabilities (N, D), which pictures of samples usually show."""
        return sigmoid(decoded)

    @checked(rng=Rng, decoded="N, ..., D")
    def sample(self, rng: Rng, decoded: numpy.ndarray) -> Float32:
        """Zeros and ones, (N, D)."""
        return (rng.random(decoded.shape, dtype=numpy.float32) < sigmoid(decoded)).astype(decoded.dtype)


class Gaussian(Likelihood):
    """N(decoded, std² I), with one standard deviation for all coordinates: learned from the start `std`, or fixed.

    A learned one converges to the root mean square of the decoder's residual (Rybkin et al. 2021).
    """

    @checked(std=positive)
    def __init__(self, std: float = 1.0, learned: bool = True):
        self.logvar = numpy.full(1, 2 * math.log(std), numpy.float32)
        if not learned:
            self.buffers = ("logvar",)

    @property
    def std(self) -> float:
        """The current standard deviation."""
        return float(numpy.exp(0.5 * self.logvar[0]))

    def log_prob(self, x: Array, decoded: Array) -> Float32:
        """log p(x|z): x and means, both (N, D) -> (N,), nats. Raises ValueError if x is not finite."""
        x, decoded = checks.floats_of_one_shape(2, x=x, decoded=decoded)
        return gaussian_log_likelihood(x, decoded, self.logvar)

    def mean(self, decoded: Array) -> Float32:
        """Return the means (N, D)."""
        return decoded

    @checked(rng=Rng, decoded="N, ..., D")
    def sample(self, rng: Rng, decoded: numpy.ndarray) -> Float32:
        """Means plus noise, (N, D)."""
        noise = rng.standard_normal(decoded.shape, dtype=numpy.float32).astype(decoded.dtype)
        return decoded + numpy.exp(0.5 * self.logvar) * noise
