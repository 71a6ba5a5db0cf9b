"""The losses of the original GAN, computed from logits, and what they are when the discriminator is perfect.

The discriminator outputs a logit l; D(x) = σ(l) is its probability that x is real. Losses are in nats. Working from logits
keeps every loss exact where σ(l) would round to 0 or 1: −log σ(l) = softplus(−l) and −log(1 − σ(l)) = softplus(l).

Goodfellow et al. 2014, "Generative Adversarial Nets".
"""

import autograd.numpy as np
import numpy
from autograd.tracer import isbox

from minigen.tensor import bce_with_logits, softplus


def discriminator_loss(real_logits: np.ndarray, fake_logits: np.ndarray, smooth: float = 0.0) -> np.ndarray:
    """−mean log D(x) over real x − mean log(1 − D(x)) over fake x, a scalar in nats: what D minimizes. Eq. gan.03

    real_logits (N,) and fake_logits (M,). With `smooth` = s the target of the real examples is 1 − s instead of 1
    (one-sided label smoothing, Salimans et al. 2016); the target of the fakes stays 0.
    Raises ValueError for logits that are not vectors or a `smooth` outside [0, 1).
    """
    _check_vector("real_logits", real_logits)
    _check_vector("fake_logits", fake_logits)
    if not 0 <= smooth < 1:
        raise ValueError(f"smooth must be in [0, 1), got {smooth}")
    real = bce_with_logits(real_logits, 1.0 - smooth)  # (N,)
    fake = bce_with_logits(fake_logits, 0.0)  # (M,)
    return np.mean(real) + np.mean(fake)


def generator_loss_minimax(fake_logits: np.ndarray) -> np.ndarray:
    """mean log(1 − D(G(z))), a scalar in nats: the generator's part of the minimax game. Eq. gan.03

    Its gradient vanishes where D is sure of itself: d/dl log(1 − σ(l)) = −σ(l) → 0 as l → −∞.
    """
    _check_vector("fake_logits", fake_logits)
    return -np.mean(softplus(fake_logits))


def generator_loss_nonsaturating(fake_logits: np.ndarray) -> np.ndarray:
    """−mean log D(G(z)), a scalar in nats: the loss that Goodfellow et al. 2014 train with.

    It has the fixed point of the minimax game but a gradient, −σ(−l), that is largest where D is sure.
    """
    _check_vector("fake_logits", fake_logits)
    return np.mean(softplus(-fake_logits))


def optimal_discriminator(p_r: np.ndarray, p_g: np.ndarray) -> np.ndarray:
    """D*(x) = p_r(x) / (p_r(x) + p_g(x)), from the two densities at the same points. Eq. gan.06

    Where both densities are zero any value is optimal; 1/2 is returned. Raises ValueError for negative densities.
    """
    p_r, p_g = _densities(p_r, p_g)
    total = p_r + p_g
    return numpy.where(total > 0, p_r / numpy.where(total > 0, total, 1), p_r.dtype.type(0.5))


def value_at_optimum(p_r: np.ndarray, p_g: np.ndarray, dx: float) -> float:
    """L(G, D*) = ∫ p_r log D* + p_g log(1 − D*) dx by a sum over grid cells of size dx, in nats.

    It equals 2·JS(p_r, p_g) − 2 log 2, so −2 log 2 = −1.386 when the densities agree and 0 when they are disjoint.
    Eq. gan.04, Eq. gan.07, Eq. gan.09
    """
    p_r, p_g = _densities(p_r, p_g)
    if not dx > 0:
        raise ValueError(f"dx must be positive, got {dx}")
    d = optimal_discriminator(p_r.astype(float), p_g.astype(float))
    safe_log = lambda p, q: numpy.where(p > 0, p * numpy.log(numpy.where(p > 0, q, 1)), 0)  # noqa: E731 (0 log 0 = 0)
    return float(numpy.sum(safe_log(p_r, d) + safe_log(p_g, 1 - d)) * dx)


def _check_vector(name, logits):
    shape = numpy.shape(logits)
    if len(shape) != 1 or shape[0] == 0:
        raise ValueError(f"{name} must have shape (N,) with N ≥ 1, got {shape}")
    if not isbox(logits) and not numpy.issubdtype(numpy.asarray(logits).dtype, numpy.floating):
        raise ValueError(f"{name} must be floats, got dtype {numpy.asarray(logits).dtype}")


def _densities(p_r, p_g):
    p_r, p_g = numpy.asarray(p_r), numpy.asarray(p_g)
    p_r, p_g = (p if p.dtype.kind == "f" else p.astype(float) for p in (p_r, p_g))
    if p_r.shape != p_g.shape:
        raise ValueError(f"p_r and p_g must have the same shape, got {p_r.shape} and {p_g.shape}")
    for name, p in (("p_r", p_r), ("p_g", p_g)):
        if not numpy.all(p >= 0) or not numpy.all(numpy.isfinite(p)):
            raise ValueError(f"{name} must hold finite densities, none negative")
    return p_r, p_g
