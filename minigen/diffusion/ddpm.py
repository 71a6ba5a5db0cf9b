"""The mathematics of denoising: Gaussians all the way.

Everything here is a formula of the post, as a function of arrays. Its arguments:

    x0      the data (N, ...)
    x_t     the data after t steps of noise, of the same shape
    t       the time step 1..T, one for all examples or an array of N
    eps     the noise that made x_t of x0, or a model's guess of it: x_t = √ᾱ_t x0 + √(1 − ᾱ_t) eps
    schedule    a `Schedule`, whose arrays are indexed by t

A model of the noise, `eps_model(x_t, t)` with t (N,), returns eps, or a pair (eps, v) if it has learned its variances.
Shapes that do not fit, steps out of range and values that are not finite raise ValueError. Float32 stays float32.
"""

from typing import Any, NamedTuple

import autograd.numpy as np
import numpy

from minigen.diffusion import _check
from minigen.diffusion.discretized_gaussian import discretized_log_prob
from minigen.diffusion.reverse import learned_variance, predict, reverse_variance
from minigen.diffusion.schedule import Schedule, scale
from minigen.tensor import mse, stop_gradient

__all__ = [
    "VLBTerms",
    "eps_from_score",
    "eps_from_v",
    "eps_from_x0",
    "hybrid_loss",
    "learned_variance",
    "mean_from_eps",
    "predict_x0_from_eps",
    "predict_x0_from_v",
    "prior_term",
    "q_posterior",
    "q_sample",
    "q_step",
    "score_from_eps",
    "simple_loss",
    "v_from_x0_eps",
    "vlb_term",
    "vlb_terms",
]

Array = Any  # an ndarray, or a traced one

# ------------------------------------------------------------------------------------------- the forward process


def q_step(x_before: Array, t: Array, eps: Array, schedule: Schedule) -> Array:
    """One small step of the forward process, x_{t-1} -> x_t, with its own fresh noise eps. Eq. diffusion.01"""
    _check.times(t, schedule.T, _check.arrays(x_before=x_before, eps=eps)[0])
    beta = schedule.beta[t]
    return scale(np.sqrt(1 - beta), x_before) + scale(np.sqrt(beta), eps)


def q_sample(x0: Array, t: Array, eps: Array, schedule: Schedule) -> Array:
    """All t steps at once, x_0 -> x_t: √ᾱ_t x0 + √(1 − ᾱ_t) eps. t = 0 gives x0. Eq. diffusion.02"""
    _check.times(t, schedule.T, _check.arrays(x0=x0, eps=eps)[0], least=0)
    alpha_bar = schedule.alpha_bar[t]
    return scale(np.sqrt(alpha_bar), x0) + scale(np.sqrt(1 - alpha_bar), eps)


def q_posterior(x0: Array, x_t: Array, t: Array, schedule: Schedule) -> tuple[Array, numpy.ndarray]:
    """Where x_t came from, if x0 is known: mean (N, ...) and variance (shaped as t) of q(x_{t-1} | x_t, x0).

    Bayes' rule multiplies two Gaussians in x_{t-1}: one says that x_t is one step away, the other that x0 is t − 1
    steps away. At t = 1 the answer is x0 itself, with variance 0.
    Eq. diffusion.05, Eq. diffusion.06, Eq. diffusion.07
    """
    t = _check.times(t, schedule.T, _check.arrays(x0=x0, x_t=x_t)[0])
    alpha, beta = schedule.alpha[t], schedule.beta[t]
    before, alpha_bar = schedule.alpha_bar[t - 1], schedule.alpha_bar[t]
    from_x_t = np.sqrt(alpha) * (1 - before) / (1 - alpha_bar)
    from_x0 = np.sqrt(before) * beta / (1 - alpha_bar)
    return scale(from_x_t, x_t) + scale(from_x0, x0), schedule.posterior_variance[t]


# ------------------------------------------------------------------------------------------- ε, x0, v and the score


def predict_x0_from_eps(x_t: Array, t: Array, eps: Array, schedule: Schedule) -> Array:
    """The data that eps would have turned into x_t: (x_t − √(1 − ᾱ_t) eps)/√ᾱ_t. Eq. diffusion.02"""
    _check.times(t, schedule.T, _check.arrays(x_t=x_t, eps=eps)[0], least=0)
    alpha_bar = schedule.alpha_bar[t]
    return scale(1 / np.sqrt(alpha_bar), x_t - scale(np.sqrt(1 - alpha_bar), eps))


def eps_from_x0(x_t: Array, t: Array, x0: Array, schedule: Schedule) -> Array:
    """The noise that would have turned x0 into x_t; undoes `predict_x0_from_eps`. Eq. diffusion.02"""
    _check.times(t, schedule.T, _check.arrays(x_t=x_t, x0=x0)[0])
    alpha_bar = schedule.alpha_bar[t]
    return scale(1 / np.sqrt(1 - alpha_bar), x_t - scale(np.sqrt(alpha_bar), x0))


def v_from_x0_eps(x0: Array, t: Array, eps: Array, schedule: Schedule) -> Array:
    """v = √ᾱ_t eps − √(1 − ᾱ_t) x0: a target that is eps at t = 0 and −x0 at t = T.

    (x_t, v) is (x0, eps) turned by the angle whose cosine is √ᾱ_t. Salimans and Ho 2022.
    """
    _check.times(t, schedule.T, _check.arrays(x0=x0, eps=eps)[0], least=0)
    alpha_bar = schedule.alpha_bar[t]
    return scale(np.sqrt(alpha_bar), eps) - scale(np.sqrt(1 - alpha_bar), x0)


def predict_x0_from_v(x_t: Array, t: Array, v: Array, schedule: Schedule) -> Array:
    """x0 = √ᾱ_t x_t − √(1 − ᾱ_t) v: turn back. Salimans and Ho 2022."""
    _check.times(t, schedule.T, _check.arrays(x_t=x_t, v=v)[0], least=0)
    alpha_bar = schedule.alpha_bar[t]
    return scale(np.sqrt(alpha_bar), x_t) - scale(np.sqrt(1 - alpha_bar), v)


def eps_from_v(x_t: Array, t: Array, v: Array, schedule: Schedule) -> Array:
    """eps = √(1 − ᾱ_t) x_t + √ᾱ_t v. Salimans and Ho 2022."""
    _check.times(t, schedule.T, _check.arrays(x_t=x_t, v=v)[0], least=0)
    alpha_bar = schedule.alpha_bar[t]
    return scale(np.sqrt(1 - alpha_bar), x_t) + scale(np.sqrt(alpha_bar), v)


def score_from_eps(eps: Array, t: Array, schedule: Schedule) -> Array:
    """The gradient of log q(x_t), −eps/√(1 − ᾱ_t), if eps is the mean noise given x_t. Eq. diffusion.17"""
    _check.times(t, schedule.T, _check.arrays(eps=eps)[0])
    return scale(-1 / np.sqrt(1 - schedule.alpha_bar[t]), eps)


def eps_from_score(score: Array, t: Array, schedule: Schedule) -> Array:
    """−√(1 − ᾱ_t) times the score of q(x_t); undoes `score_from_eps`. Eq. diffusion.17"""
    _check.times(t, schedule.T, _check.arrays(score=score)[0])
    return scale(-np.sqrt(1 - schedule.alpha_bar[t]), score)


# ------------------------------------------------------------------------------------------- the reverse process


def mean_from_eps(x_t: Array, t: Array, eps: Array, schedule: Schedule) -> Array:
    """The mean of the reverse step, x_t with a little of the predicted noise taken away and the shrinking undone.

    (x_t − (1 − α_t)/√(1 − ᾱ_t) eps)/√α_t: the mean of `q_posterior` for the x0 that eps implies.
    Eq. diffusion.08, Eq. diffusion.13; Ho et al. 2020, eq. 11.
    """
    _check.times(t, schedule.T, _check.arrays(x_t=x_t, eps=eps)[0])
    alpha, alpha_bar = schedule.alpha[t], schedule.alpha_bar[t]
    return scale(1 / np.sqrt(alpha), x_t - scale((1 - alpha) / np.sqrt(1 - alpha_bar), eps))


# ------------------------------------------------------------------------------------------- losses


def simple_loss(eps_model: Any, x0: Array, t: numpy.ndarray, eps: Array, schedule: Schedule) -> Array:
    """The mean of (eps − eps_model(x_t, t))² over examples and dimensions: how badly a model guesses the noise.

    The caller draws t (N,) uniformly from 1..T and eps (N, ...) from N(0, I). A model that answers 0 costs 1.
    Eq. diffusion.15, Eq. diffusion.16; Ho et al. 2020, eq. 14.
    """
    x_t = q_sample(x0, t, eps, schedule)
    return mse(eps_model(x_t, t), eps)


def hybrid_loss(
    model: Any,
    x0: Array,
    t: numpy.ndarray,
    eps: Array,
    schedule: Schedule,
    weight: float = 0.001,
    levels: int | None = None,
) -> Array:
    """L_simple + weight · L_vlb for a model that returns (eps, v): the first part trains eps, the second only v.

    L_vlb is estimated by T times the term of the drawn t, in nats per dimension; the mean is held constant in it.
    Eq. diffusion.19; Nichol and Dhariwal 2021, eq. 16.
    """
    eps_hat, v = predict(model, q_sample(x0, t, eps, schedule), t, schedule)
    if v is None:
        raise ValueError("model must return a pair (eps, v) for the hybrid loss, got eps only")

    def held(x_t, t):
        return (stop_gradient(eps_hat), v)

    terms = vlb_term(held, x0, t, eps, schedule, "learned", levels)  # (N,)
    dims = x0.size // len(x0)
    return mse(eps_hat, eps) + np.mean(terms) * (weight * schedule.T / dims)


# ------------------------------------------------------------------------------------------- the variational bound


def vlb_term(
    eps_model: Any,
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
    probability of their gray values; without, it is a density. Eq. diffusion.11, Eq. diffusion.12, Eq. diffusion.14
    """
    x_t = q_sample(x0, t, eps, schedule)
    t = np.broadcast_to(_check.times(t, schedule.T, len(x0)), (len(x0),))
    eps_hat, v = predict(eps_model, x_t, t, schedule)
    q_mean, p_mean = q_posterior(x0, x_t, t, schedule)[0], mean_from_eps(x_t, t, eps_hat, schedule)
    q_variance = scale(schedule.posterior_variance_clipped[t], np.ones_like(x_t))
    p_variance = reverse_variance(variance, v, t, x_t, schedule)
    if levels is None:
        decoder = 0.5 * (np.log(2 * numpy.pi * p_variance) + (x0 - p_mean) ** 2 / p_variance)
    else:
        decoder = -discretized_log_prob(x0, p_mean, np.log(p_variance), levels)
    kl = 0.5 * (np.log(p_variance / q_variance) + q_variance / p_variance - 1 + (q_mean - p_mean) ** 2 / p_variance)
    per_dimension = np.where(scale(t, np.ones_like(x_t)) == 1, decoder, kl)
    return np.sum(np.reshape(per_dimension, (len(x0), -1)), axis=1)  # (N,)


def prior_term(x0: Array, schedule: Schedule) -> Array:
    """KL(q(x_T | x0) ‖ N(0, I)): what is left of the data at the end, the post's L_T. Nats, (N,). Eq. diffusion.12"""
    _check.arrays(x0=x0)
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
        """L_VLB for each example, nats, (N,): an upper bound on −log p(x0), in the mean over draws."""
        return self.nats.sum(axis=1)

    @property
    def bits_per_dim(self) -> numpy.ndarray:
        """`nats` in bits per dimension, (N, T + 1)."""
        return self.nats / (self.dims * float(numpy.log(2)))


def vlb_terms(
    eps_model: Any,
    x0: Array,
    schedule: Schedule,
    rng: numpy.random.Generator,
    variance: str = "beta",
    levels: int | None = None,
) -> VLBTerms:
    """All terms of the bound for each example: T evaluations of the model. Arguments as for `vlb_term`.

    Eq. diffusion.09, Eq. diffusion.10, Eq. diffusion.11, Eq. diffusion.12; Ho et al. 2020, eq. 5.
    """
    shape = _check.arrays(x0=x0)
    _check.rng(rng)
    nats = numpy.zeros((shape[0], schedule.T + 1), dtype=x0.dtype)
    for t in range(1, schedule.T + 1):
        eps = rng.standard_normal(shape, dtype=x0.dtype)
        nats[:, t - 1] = vlb_term(eps_model, x0, t, eps, schedule, variance, levels)
    nats[:, -1] = prior_term(x0, schedule)
    return VLBTerms(nats, x0.size // max(shape[0], 1))
