"""Likelihoods in comparable units: nats, bits, bits per dimension, the gap to the truth, and the bound for integers."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from minigen import checks
from minigen.metrics.divergence import float_if_scalar


class NLLGap(NamedTuple):
    """Nats by which a model falls short of the truth, and the standard error of that estimate."""

    gap: float
    standard_error: float


def nats_to_bits(nats: ArrayLike) -> float | np.ndarray:
    """Nats divided by log 2 = 0.693: one bit is the surprise of a fair coin. Any shape. ValueError: non-finite."""
    return float_if_scalar(checks.array("nats", nats, ..., dtype=np.float64) / math.log(2))


def bits_per_dim(nats: ArrayLike, dims: int, levels: int = 1) -> float | np.ndarray:
    """A negative log-likelihood in nats per example, as bits per dimension: nats / (dims log 2) + log2(levels).

    nats: any shape, -log p(x). dims: numbers in one example, 784 for a 28 x 28 image. levels: if p is the density of
    images scaled from 0..255 to [0, 1], give 256: a density over [0, 1] is that many times the probability of a level.
    With p already over [0, 256], or a probability, leave 1. ValueError: non-finite nats, dims or levels < 1.
    Theis, van den Oord and Bethge, "A note on the evaluation of generative models", 2016.
    """
    nats = checks.array("nats", nats, ..., dtype=np.float64)
    dims = checks.whole("dims", dims)
    levels = checks.whole("levels", levels)
    return float_if_scalar(nats / (dims * math.log(2)) + math.log2(levels))


def dequantization_bits(log_p: ArrayLike, log_q: ArrayLike = 0.0, dims: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Bits per dimension of integers x under a density p of x + u: the bound of dequantization, and the code length.

    A density p of real vectors gives x the probability P(x) = E_q[p(x + u) / q(u | x)], whatever density q the noise u
    in [0, 1)^D has. An ideal code for P spends -log2 P(x) bits on x. By Jensen's inequality the mean of
    -log2 p(x + u) + log2 q(u | x) over u ~ q is at least as long; they are equal if the ratio p / q is the same at
    every u. Both are estimated from K values of u for each x.

    log_p: (N, K), log p(x + u) in nats. log_q: (N, K), log q(u | x) in nats, or one number; 0 for uniform noise.
    dims: numbers in one example, D. Returns `(bound, code)`, both (N,): the mean of log q - log p, and minus the
    logarithm of the mean of p / q, each divided by D log 2. They are exact where K values stand for equal shares of the
    noise on which the ratio is constant. With K random draws `code` is itself a bound on average, and falls as K grows.
    ValueError: non-finite log-densities, shapes that do not fit, dims < 1.
    Theis, van den Oord and Bethge 2016; Ho et al. 2019 (variational dequantization).
    """
    log_p = checks.array("log_p", log_p, "N", "K", dtype=np.float64)
    log_q = checks.array("log_q", log_q, ..., dtype=np.float64)
    if log_q.ndim:
        checks.same_shape(2, log_p=log_p, log_q=log_q)
    nats_per_bit = checks.whole("dims", dims) * math.log(2)
    log_ratio = log_p - log_q  # (N, K)
    largest = log_ratio.max(axis=1, keepdims=True)  # so that exp neither overflows nor gives zeros only
    log_mean = largest[:, 0] + np.log(np.mean(np.exp(log_ratio - largest), axis=1))  # (N,)
    return -log_ratio.mean(axis=1) / nats_per_bit, -log_mean / nats_per_bit


def nll_gap(density: Any, log_prob: Callable[[np.ndarray], ArrayLike], x: ArrayLike) -> NLLGap:
    """Nats by which a model's log-likelihood of x falls short of the truth's: mean log p(x) - log_prob(x). Eq. gan.01.

    density: has the exact `log_prob(x)`, shape (N,), as the densities of `minigen.data.toy`. log_prob: the model's,
    likewise. x: (N, D), fresh samples of the density. Returns `(gap, standard_error)`. It estimates
    KL(p || model), the model's expected NLL minus the density's entropy, never negative. Point by point, as here, it
    has a much smaller variance than the difference of the two means.
    ValueError: log-probabilities of another shape, or non-finite.
    """
    x = np.asarray(x)
    checks.array("x", x, "N", "D")
    n = len(x)
    truth = checks.array("density.log_prob(x)", density.log_prob(x), n, dtype=np.float64)
    differences = truth - checks.array("log_prob(x)", log_prob(x), n, dtype=np.float64)
    error = differences.std(ddof=1) / math.sqrt(len(x)) if len(x) > 1 else math.inf
    return NLLGap(float(differences.mean()), float(error))
