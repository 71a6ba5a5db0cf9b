"""The probability of a pixel, one of 256 gray values, under a Gaussian: the last step of a diffusion over images."""

from typing import Any

import autograd.numpy as np
import numpy

from minigen.tensor import primitive

FAR = 1e4  # where a bin at the end of the scale ends


def discretized_log_prob(x: Any, mean: Any, log_variance: Any, levels: int = 256) -> Any:
    """log P(x) for pixels x on a grid of `levels` gray values from -1 to 1, all arguments (N, ...) -> (N, ...), in
    nats.

    A Gaussian is cut into bins half a gray value to either side of each, and the two bins at the ends reach to
    infinity; P(x) is the mass of the bin that x lies in, so that the probabilities of all gray values sum to 1. Ho et
    al. 2020, eq. 13.
    """
    half = 1 / (levels - 1)  # half the distance between two gray values
    inverse_std = np.exp(-0.5 * log_variance)
    high = numpy.where(x > 1 - half, FAR, x + half).astype(x.dtype)
    low = numpy.where(x < -1 + half, -FAR, x - half).astype(x.dtype)
    return _log_mass((low - mean) * inverse_std, (high - mean) * inverse_std)


def _log_mass_forward(a, b):
    """log(Φ(b) - Φ(a)) for a < b, element by element; computed in float64, exact also far out in a tail.

    Where both ends lie in the upper tail they are mirrored into the lower one, where Φ is small and has a logarithm:
    log(Φ(b) - Φ(a)) = log Φ(b) + log(1 - exp(log Φ(a) - log Φ(b))).
    """
    from scipy.special import log_ndtr

    mirrored = a > 0
    low = log_ndtr(numpy.where(mirrored, -b, a).astype(numpy.float64))
    high = log_ndtr(numpy.where(mirrored, -a, b).astype(numpy.float64))
    mass = high + numpy.log(-numpy.expm1(numpy.minimum(low - high, -1e-300)))
    return mass.astype(a.dtype), None


def _log_mass_backward(needed, g, value, saved, a, b):
    """d/db log(Φ(b) - Φ(a)) = φ(b)/(Φ(b) - Φ(a)), and minus the same with φ(a) for a."""
    half_log_2pi = 0.5 * float(numpy.log(2 * numpy.pi))

    def slope(end):
        return g * np.exp(-0.5 * end * end - half_log_2pi - value)

    return {0: -slope(a), 1: slope(b)}


_log_mass = primitive(_log_mass_forward, _log_mass_backward)
