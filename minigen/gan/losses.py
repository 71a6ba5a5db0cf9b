"""The losses of the original GAN, computed from logits, and their values at the optimal discriminator.

The discriminator outputs a logit l; D(x) = σ(l) is its probability that x is real. Losses are in nats. Working from
logits keeps every loss exact where σ(l) would round to 0 or 1: −log σ(l) = softplus(−l) and −log(1 − σ(l)) =
softplus(l).

Goodfellow et al. 2014, "Generative Adversarial Nets".
"""

from functools import partial

import autograd.numpy as np
import numpy

from minigen.checks import Sized, checked, number, positive
from minigen.tensor import softplus
from minigen.types import Array

DENSITY = Sized("...", low=0)  # at the same points as the other
SMOOTH = partial(number, low=0, high=1, without=1)


@checked(real_logits="N", fake_logits="N'", smooth=SMOOTH)
def discriminator_loss(real_logits: Array, fake_logits: Array, smooth: float = 0.0) -> Array:
    """−mean log D(x) over real x − mean log(1 − D(x)) over fake x: the discriminator's loss. Eq. gan.03

    real_logits (N,) and fake_logits (M,); a scalar in nats. With `smooth` = s the target of the real examples is 1 − s
    instead of 1 (one-sided label smoothing, Salimans et al. 2016); the target of the fakes stays 0.
    """
    real = np.mean(softplus(-real_logits))  # target 1
    if smooth:  # −(1 − s) log D − s log(1 − D) = −log D + s·l, because log D − log(1 − D) = l
        real = real + smooth * np.mean(real_logits)
    fake = np.mean(softplus(fake_logits))  # target 0
    return real + fake


@checked(fake_logits="N")
def generator_loss_minimax(fake_logits: Array) -> Array:
    """mean log(1 − D(G(z))), a scalar in nats: the generator's part of the minimax game. Eq. gan.03

    Its gradient vanishes where D(G(z)) is close to 0: d/dl log(1 − σ(l)) = −σ(l) → 0 as l → −∞.
    fake_logits (N,).
    """
    return -np.mean(softplus(fake_logits))


@checked(fake_logits="N")
def generator_loss_nonsaturating(fake_logits: Array) -> Array:
    """−mean log D(G(z)), a scalar in nats: the loss that Goodfellow et al. 2014 train with.

    It has the fixed point of the minimax loss, but its gradient with respect to the logit, −σ(−l), is largest where
    D(G(z)) is close to 0.
    fake_logits (N,).
    """
    return np.mean(softplus(-fake_logits))


@checked(p_r=DENSITY, p_g=DENSITY)
def optimal_discriminator(p_r: numpy.ndarray, p_g: numpy.ndarray) -> numpy.ndarray:
    """D*(x) = p_r(x) / (p_r(x) + p_g(x)), from the two densities at the same points, any shape. Eq. gan.06

    Where both densities are zero any value is optimal; 1/2 is returned.
    """
    total = p_r + p_g
    some = total > 0
    return numpy.where(some, p_r / numpy.where(some, total, 1), p_r.dtype.type(0.5))


@checked(p_r=DENSITY, p_g=DENSITY, smooth=SMOOTH)
def smoothed_optimum(p_r: numpy.ndarray, p_g: numpy.ndarray, smooth: float) -> numpy.ndarray:
    """(1 − s)·p_r / (p_r + p_g): the best D under one-sided label smoothing with `smooth` = s. Densities of any shape.

    It is the optimal discriminator times 1 − s, so it never exceeds 1 − s and orders points as the unsmoothed one does.
    With two-sided smoothing (target s for the fakes) the numerator would be (1 − s)·p_r + s·p_g, which does not vanish
    where p_r = 0. Salimans et al. 2016, section 3.4.
    """
    return (1 - smooth) * optimal_discriminator(p_r, p_g)


@checked(p_r=DENSITY, p_g=DENSITY, dx=positive)
def value_at_optimum(p_r: numpy.ndarray, p_g: numpy.ndarray, dx: float) -> float:
    """L(G, D*) = ∫ p_r log D* + p_g log(1 − D*) dx by a sum over grid cells of size dx, in nats.

    It equals 2·JS(p_r, p_g) − 2 log 2, so −2 log 2 = −1.386 when the densities agree and 0 when they are disjoint.
    Eq. gan.04, Eq. gan.07, Eq. gan.09
    """
    p_r, p_g = p_r.astype(float), p_g.astype(float)
    real = _times_log(p_r, optimal_discriminator(p_r, p_g))
    fake = _times_log(p_g, optimal_discriminator(p_g, p_r))  # 1 − D*, without the cancellation where D* is almost 1
    return float(numpy.sum(real + fake) * dx)


def _times_log(p: Array, q: Array) -> Array:
    """p log q, and 0 where p is 0."""
    some = (p > 0) & (q > 0)  # q = p/(p + ...) underflows to 0 for a subnormal p, which adds nothing
    return numpy.where(some, p * numpy.log(numpy.where(some, q, 1)), 0)
