"""The variational bound on −log p(x0) of a diffusion model, term by term, and the loss that trains with it.

    terms = vlb_terms(eps_model, x0, schedule, rng, levels=256)      # pixels in [-1, 1], 256 gray values
    terms.bits_per_dim.sum(axis=1)                                   # (N,)

The bound is a sum of KL divergences between Gaussians, one for each step; its last term is the log-probability of the
data given x_1, for pixels that of a Gaussian cut into bins. Ho et al. 2020, eq. 5 and 13; Nichol and Dhariwal 2021.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import checked, choice, function, whole
from minigen.diffusion.arguments import BATCH, STEPS, batch_shape
from minigen.diffusion.ddpm import mean_from_eps, predict, q_posterior, q_sample, reverse_variance
from minigen.diffusion.schedule import Schedule, per_example
from minigen.tensor import mse, primitive, stop_gradient
from minigen.types import Array, Rng

# ------------------------------------------------------------------------------------------- pixels under a Gaussian

FAR = 1e4  # where a bin at the end of the scale ends


@checked(levels=partial(whole, least=2))
def discretized_log_prob(x: Array, mean: Array, log_variance: Array, levels: int = 256) -> Array:
    """log P(x) of pixels x, on a grid of `levels` gray values from -1 to 1: all (N, ...) -> (N, ...), in nats.

    The Gaussian N(mean, exp(log_variance)) is cut into bins that reach half a gray value to either side of each level;
    the two at the ends reach to infinity. P(x) is the mass of the bin of x, so that the probabilities of all gray
    values sum to 1. ValueError: shapes that differ, x outside [−1, 1]. Ho et al. 2020, eq. 13.
    """
    batch_shape(x=x, mean=mean, log_variance=log_variance)
    checks.between("x", x, -1, 1)
    half = 1 / (levels - 1)  # half the distance between two gray values
    inverse_std = np.exp(-0.5 * log_variance)
    high = numpy.where(x > 1 - half, FAR, x + half).astype(x.dtype)
    low = numpy.where(x < -1 + half, -FAR, x - half).astype(x.dtype)
    return _log_mass((low - mean) * inverse_std, (high - mean) * inverse_std)


def _log_mass_forward(a: numpy.ndarray, b: numpy.ndarray) -> tuple[numpy.ndarray, None]:
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


def _log_mass_backward(needed: Any, g: Array, value: Array, saved: None, a: Array, b: Array) -> dict[int, Array]:
    """d/db log(Φ(b) - Φ(a)) = φ(b)/(Φ(b) - Φ(a)), and minus the same with φ(a) for a."""
    half_log_2pi = 0.5 * float(numpy.log(2 * numpy.pi))

    def slope(end: Array) -> Array:
        return g * np.exp(-0.5 * end * end - half_log_2pi - value)

    return {0: -slope(a), 1: slope(b)}


_log_mass = primitive(_log_mass_forward, _log_mass_backward)


# ------------------------------------------------------------------------------------------- the bound


@checked(schedule=Schedule)
def bound_weight(t: Array, schedule: Schedule, variance: Array) -> Array:
    """The weight of a squared error of the noise in the bound, β_t²/(2 σ_t² α_t (1 − ᾱ_t)): shaped as t, in nats.

    The KL divergence of two Gaussians of one variance σ_t² is the squared distance of their means over 2 σ_t².
    `variance` is σ_t², a positive number or an array shaped as t. ValueError: t out of 1..T. Eq. diffusion.14
    """
    t = checks.integers("t", t, least=1, most=schedule.T)
    beta, alpha, alpha_bar = schedule.beta[t], schedule.alpha[t], schedule.alpha_bar[t]
    return beta**2 / (2 * variance * alpha * (1 - alpha_bar))


@checked(schedule=Schedule, x0=BATCH, eps=BATCH, t=STEPS)
def vlb_term(
    eps_model: Callable,
    x0: Array,
    t: Array,
    eps: Array,
    schedule: Schedule,
    variance: str = "beta",
    levels: int | None = None,
) -> Array:
    """The part of the bound that belongs to the step t -> t − 1, for one draw of x_t; the post's L_{t-1}. Nats, (N,).

    For t > 1 it is KL(q(x_{t-1} | x_t, x0) ‖ p(x_{t-1} | x_t)), for t = 1 it is −log p(x0 | x_1). `variance` of p is
    "beta", "posterior" or "learned". With levels=256 the data are pixels in [−1, 1] and p(x0 | x_1) is the
    probability of their gray values; without, it is a density. ValueError: levels below 2, or data that are then not
    in [−1, 1]. Eq. diffusion.11, Eq. diffusion.12, Eq. diffusion.14
    """
    _check_pixels(x0, levels)
    t = np.broadcast_to(t, (len(x0),))
    x_t = q_sample(x0, t, eps, schedule)
    eps_hat, v = predict(eps_model, x_t, t, schedule)
    p_mean = mean_from_eps(x_t, t, eps_hat, schedule)
    p_variance = reverse_variance(variance, v, t, x_t, schedule)
    q_mean, _ = q_posterior(x0, x_t, t, schedule)
    q_variance = per_example(schedule.posterior_variance_clipped[t], np.ones_like(x_t))
    last = t == 1  # whose step back ends at the data
    if not last.any():
        per_dimension = _gaussian_kl(q_mean, q_variance, p_mean, p_variance)  # (N, ...)
    else:
        per_dimension = _reconstruction(x0, p_mean, p_variance, levels)
        if not last.all():
            kl = _gaussian_kl(q_mean, q_variance, p_mean, p_variance)
            per_dimension = np.where(per_example(t, np.ones_like(x_t)) == 1, per_dimension, kl)
    return np.sum(np.reshape(per_dimension, (len(x0), -1)), axis=1)  # (N,)


def _check_pixels(x0: Array, levels: int | None) -> None:
    """ValueError, if there are levels, and they or x0 are not those of pixels."""
    if levels is not None:
        checks.whole("levels", levels, 2)
        checks.between("x0", x0, -1, 1)


def _reconstruction(x0: Array, mean: Array, variance: Array, levels: int | None) -> Array:
    """−log p(x0 | x_1) of each dimension, a density or (with levels) the probability of a gray value."""
    if levels is None:
        return 0.5 * (np.log(2 * numpy.pi * variance) + (x0 - mean) ** 2 / variance)
    return -discretized_log_prob(x0, mean, np.log(variance), levels)


def _gaussian_kl(q_mean: Array, q_variance: Array, p_mean: Array, p_variance: Array) -> Array:
    """KL(N(q_mean, q_variance) ‖ N(p_mean, p_variance)) of each dimension."""
    of_variances = np.log(p_variance / q_variance) + q_variance / p_variance - 1
    return 0.5 * (of_variances + (q_mean - p_mean) ** 2 / p_variance)


@checked(schedule=Schedule)
def prior_term(x0: Array, schedule: Schedule) -> Array:
    """KL(q(x_T | x0) ‖ N(0, I)): what is left of the data at the end, the post's L_T. Nats, (N,). Eq. diffusion.12"""
    batch_shape(x0=x0)
    alpha_bar = float(schedule.alpha_bar[-1])
    kl = 0.5 * (alpha_bar * x0**2 - alpha_bar - float(np.log1p(-alpha_bar)))
    return np.sum(np.reshape(kl, (len(x0), -1)), axis=1)  # (N,)


class VLBTerms(NamedTuple):
    """The terms of the variational bound on −log p(x0), an estimate from one draw of x_t for each t.

    `nats` (N, T + 1): column t holds the post's L_t, so the last is the prior's, the first the reconstruction's.
    """

    nats: numpy.ndarray
    dims: int

    @property
    def total(self) -> numpy.ndarray:
        """L_VLB for each example, nats, (N,): an upper bound on −log p(x0), on average over draws."""
        return self.nats.sum(axis=1)

    @property
    def bits_per_dim(self) -> numpy.ndarray:
        """`nats` in bits per dimension, (N, T + 1)."""
        return self.nats / (self.dims * float(numpy.log(2)))


@checked(
    eps_model=function, schedule=Schedule, variance=partial(choice, options=("beta", "posterior", "learned")), rng=Rng
)
def vlb_terms(
    eps_model: Callable,
    x0: Array,
    schedule: Schedule,
    rng: numpy.random.Generator,
    variance: str = "beta",
    levels: int | None = None,
) -> VLBTerms:
    """All terms of the bound for each example: T evaluations of the model. Arguments as for `vlb_term`.

    Eq. diffusion.09, Eq. diffusion.10, Eq. diffusion.11, Eq. diffusion.12; Ho et al. 2020, eq. 5.
    """
    shape = batch_shape(x0=x0)
    _check_pixels(x0, levels)
    nats = numpy.zeros((shape[0], schedule.T + 1), dtype=x0.dtype)
    for t in range(1, schedule.T + 1):
        eps = rng.standard_normal(shape, dtype=x0.dtype)
        nats[:, t - 1] = vlb_term(eps_model, x0, t, eps, schedule, variance, levels)
    nats[:, -1] = prior_term(x0, schedule)
    return VLBTerms(nats, x0.size // max(shape[0], 1))


# ------------------------------------------------------------------------------------------- the loss


@checked(schedule=Schedule, x0=BATCH, eps=BATCH, t=STEPS)
def hybrid_loss(
    model: Callable,
    x0: Array,
    t: Array,
    eps: Array,
    schedule: Schedule,
    weight: float = 0.001,
    levels: int | None = None,
) -> Array:
    """L_simple + weight · L_vlb for a model that returns (eps, v): the first part trains eps, the second only v.

    L_vlb is estimated by T times the term of the drawn t, in nats per dimension; no gradient flows through its mean.
    Eq. diffusion.19; Nichol and Dhariwal 2021, eq. 16.
    """
    eps_hat, v = predict(model, q_sample(x0, t, eps, schedule), t, schedule)
    if v is None:
        raise ValueError("model must return a pair (eps, v) for the hybrid loss, got eps only")

    def fixed_mean(x_t: Array, t: Array) -> tuple[Array, Array]:
        return stop_gradient(eps_hat), v

    terms = vlb_term(fixed_mean, x0, t, eps, schedule, "learned", levels)  # (N,)
    dims = x0.size // len(x0)
    return mse(eps_hat, eps) + np.mean(terms) * (weight * schedule.T / dims)
