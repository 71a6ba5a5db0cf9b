"""Masked diffusion: whole numbers are replaced by a mask token, and a model fills them in again.

    x_t = mask(x, keep, K)                                  # the token K where `keep` is False
    loss = np.mean(masked_elbo(logits_fn, x, t, rng))       # training: the bound on −log p(x), with 0 < t ≤ 1
    x_t = unmask_step(probabilities, x_t, k, rng)           # sampling: k positions at once

x (N, D) holds symbols 0..K − 1, and K is the mask token. At time t each position is masked with probability t, by
itself: nothing is masked at t = 0, everything at t = 1. A masked position is drawn once, and never changed again.
Sahoo et al. 2024.

The exact model of a small world is a sum over its table:

    table = Table(configurations, probabilities, K)         # all of (M, D), with their probabilities (M,)
    p = exact_denoiser(table, x_t)                          # (N, D, K)
    nats = total_correlation(table, x_t, positions)         # what it costs to unmask these positions at once

A model, `logits_fn(x_t)`, returns logits (N, D, K), the unnormalized log-probabilities of each position's symbol given
all that is visible. It needs no time: given what is visible, t adds nothing.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import autograd.numpy as np
import numpy
from autograd.tracer import isbox

from minigen import checks
from minigen.checks import Integers, checked, function, whole
from minigen.tensor import log_softmax
from minigen.types import Array, Rng

# ------------------------------------------------------------------------------------------- masking


def mask(x: Any, keep: Any, K: int | None = None) -> numpy.ndarray:
    """Return x where `keep` is True and the mask token K elsewhere: whole numbers and booleans of one shape.

    K is the number of symbols, 0..K − 1. If K is not given, it is the largest symbol of x plus one. That is right only
    if x holds the last symbol, so give K for a batch that may not. ValueError: other numbers, shapes. Eq. after.30
    """
    x = checks.integers("x", x, most=None if K is None else checks.whole("K", K) - 1)
    keep = numpy.asarray(keep)
    if keep.dtype != bool:
        raise ValueError(f"keep must be an array of booleans, got dtype {keep.dtype}")
    checks.same_shape(0, x=x, keep=keep)
    if K is None:
        K = int(x.max(initial=-1)) + 1
    wide_enough = K <= numpy.iinfo(x.dtype).max
    return numpy.where(keep, x if wide_enough else x.astype(numpy.int64), K)


# ------------------------------------------------------------------------------------------- the bound


@checked(logits_fn=function, x=Integers("N, D"), rng=Rng)
def masked_elbo(logits_fn: Callable, x: Any, t: Any, rng: Rng, K: int | None = None) -> Array:
    """Estimate the negative ELBO of each example, an upper bound on −log p(x) in nats: (N,), from one mask each.

    Each position of x (N, D) is masked with probability t, one time or (N,) in (0, 1]. The estimate is the sum of
    −log p(x_i | x_t) over the masked positions, times 1/t. Its mean over masks and over t uniform in (0, 1] is the mean
    negative log-likelihood over all orders in which the positions can be generated: −log p(x) itself if the model is
    exact. For t near 0 a mask is rare, and its weight large.
    K: the mask token; by default the number of logits that logits_fn returns for the first example of x.
    ValueError: symbols, times, logits of another shape. Eq. after.30, Eq. after.31; Sahoo et al. 2024.
    """
    t, K = positive_times(t, len(x)), number_of_symbols(logits_fn, x, K)
    keep = rng.random(x.shape) >= numpy.reshape(t, (-1, 1))
    nats = masked_nll(logits_fn, x, keep, K)
    return nats * (1 / t).astype(nats.dtype)


@checked(logits_fn=function, x=Integers("N, D"))
def masked_nll(logits_fn: Callable, x: Any, keep: Any, K: int | None = None) -> Array:
    """Return the sum of −log p(x_i | what is kept) over the positions that are not kept, in nats: (N,).

    x (N, D) symbols, keep (N, D) booleans. The logits of positions that are kept do not count. A logit of −inf is
    probability 0. ValueError: symbols, shapes, logits that are NaN. Eq. after.31
    """
    K = number_of_symbols(logits_fn, x, K)
    x_masked = mask(x, keep, K)
    logits, masked = logits_fn(x_masked), x_masked == K
    if np.shape(logits) != (*x.shape, K):
        raise ValueError(f"logits_fn must return logits of shape {(*x.shape, K)}, got {np.shape(logits)}")
    logits = checks.array("logits", logits, ..., finite=False)
    logits = np.where(masked[..., None], logits, 0)  # (N, D, K)
    if not isbox(logits) and not numpy.isfinite(numpy.max(logits, axis=-1)).all():
        raise ValueError("logits_fn must return numbers or −inf, and one finite number for each position at least")
    n, d = numpy.indices(x.shape)
    return np.sum(np.where(masked, -log_softmax(logits)[n, d, x], 0), axis=1)


@checked(dim=whole)
def order_weight(masked: Any, dim: int) -> Array:
    """Return the weight of one set of m masked positions of D in the bound, 1/(m (D over m)), in the shape of masked.

    It is ∫ t^(m − 1) (1 − t)^(D − m) dt from 0 to 1: the sum of `masked_nll` over all sets with these weights is the
    bound, without drawing. ValueError: m not in 1..D. Eq. after.32; Uria, Murray and Larochelle 2014.
    """
    from scipy.special import comb

    masked = checks.integers("masked", masked, least=1, most=dim)
    return 1 / (masked * comb(dim, masked))


def positive_times(t: Any, n: int) -> numpy.ndarray:
    """Return times in (0, 1], () or (n,)."""
    t = checks.between("t", checks.floats("t", t), 0, 1)
    if numpy.shape(t) not in ((), (n,)):
        raise ValueError(f"t must be one time or have shape ({n},), one for each example, got {numpy.shape(t)}")
    if numpy.any(t == 0):
        raise ValueError("t must be above 0: at t = 0 nothing is masked, and the weight 1/t is infinite")
    return t


def number_of_symbols(logits_fn: Callable, x: numpy.ndarray, K: int | None) -> int:
    """Return K, or where it is None the number of logits of each position of the first example, without masks.

    ValueError: x is empty, or not of symbols 0..K − 1.
    """
    if 0 in x.shape:
        raise ValueError(f"x must not be empty, got shape {x.shape}")
    if K is None:
        shape = np.shape(logits_fn(x[:1]))
        if len(shape) != 3:
            raise ValueError(f"logits_fn must return logits of shape (N, D, K), got {shape}")
        K = shape[2]
    checks.integers("x", x, most=checks.whole("K", K) - 1)
    return K


# ------------------------------------------------------------------------------------------- exact worlds


class Table(NamedTuple):
    """A distribution over sequences, summed: configurations (M, D) of symbols 0..K − 1, and their probabilities (M,).

    Those that are left out have probability 0, and of one that is listed twice the probabilities add. Where K is None
    it is the largest symbol plus one.
    """

    configurations: numpy.ndarray
    probabilities: numpy.ndarray
    K: int | None = None


def exact_denoiser(table: Table, x_masked: Any) -> numpy.ndarray:
    """Return p(x_i = a | what is visible), for a table: x_masked (..., D) with the mask token K -> (..., D, K).

    The configurations that agree with the visible positions are counted with their probabilities. A visible position
    has probability 1 at its own symbol. The result has the dtype of the probabilities.
    ValueError: a table that is no distribution; symbols; what is visible has probability 0. Eq. after.33
    """
    configurations, probabilities, K = checked_table(table)
    weights, shape = agreeing(configurations, probabilities, K, x_masked)
    return marginals(configurations, K, weights).reshape(*shape, K).astype(probabilities.dtype)


def total_correlation(table: Table, x_masked: Any, positions: Any) -> numpy.ndarray:
    """Return KL(p(x_S | visible) || Π p(x_i | visible)) in nats, S the `positions`: x_masked (..., D) -> (...).

    It is what drawing these positions at once, each from `exact_denoiser`, costs in log-likelihood compared with one
    after the other: 0 if they are independent given what is visible, or if there is one. A visible position adds
    nothing. positions (k,): different indices in 0..D − 1. ValueError: as `exact_denoiser`; positions. Eq. after.34
    """
    configurations, probabilities, K = checked_table(table)
    weights, shape = agreeing(configurations, probabilities, K, x_masked)
    S = checks.integers("positions", positions, "k", most=shape[-1] - 1)
    if len(numpy.unique(S)) < len(S):
        raise ValueError(f"positions must differ from each other, got {S}")
    if len(S) < 2:
        return numpy.zeros(shape[:-1], probabilities.dtype)[()]
    parts, member = numpy.unique(configurations[:, S], axis=0, return_inverse=True)  # (G, k), (M,)
    joint = weights @ (member.reshape(-1, 1) == numpy.arange(len(parts)))  # (B, G)
    each = marginals(configurations, K, weights)[:, S[None, :], parts]  # (B, G, k): of each position's symbol
    possible = joint > 0
    log_joint = numpy.log(numpy.where(possible, joint, 1))
    log_product = numpy.sum(numpy.log(numpy.where(possible[..., None], each, 1)), axis=-1)
    nats = numpy.maximum(numpy.sum(joint * (log_joint - log_product), axis=1), 0)  # (B,)
    return nats.reshape(shape[:-1]).astype(probabilities.dtype)[()]


def checked_table(table: Any) -> tuple[numpy.ndarray, numpy.ndarray, int]:
    """Return configurations, probabilities and K of a table, which may be a tuple of them, without K, too."""
    if not isinstance(table, tuple) or len(table) not in (2, 3):
        raise ValueError(f"table must be a Table(configurations, probabilities, K), got {type(table).__name__}")
    configurations, probabilities, K = Table(*table)
    most = None if K is None else checks.whole("K of table", K) - 1
    configurations = checks.integers("configurations of table", configurations, "M", "D", most=most)
    if 0 in configurations.shape:
        raise ValueError(f"configurations of table must not be empty, got shape {configurations.shape}")
    probabilities = checks.probabilities("probabilities of table", probabilities, len(configurations))
    return configurations, probabilities, int(configurations.max()) + 1 if K is None else K


def agreeing(
    configurations: numpy.ndarray, probabilities: numpy.ndarray, K: int, x_masked: Any
) -> tuple[numpy.ndarray, tuple[int, ...]]:
    """Return p(configuration | visible), (B, M) float64, for the B sequences of x_masked (..., D), and its shape."""
    D = configurations.shape[1]
    x = checks.integers("x_masked", x_masked, ..., D, most=K)
    rows = x.reshape(-1, D)
    fits = numpy.ones((len(rows), len(configurations)), bool)  # (B, M)
    for column, symbols in zip(rows.T, configurations.T):
        fits &= (column[:, None] == K) | (column[:, None] == symbols)
    weights = fits * probabilities.astype(numpy.float64)
    total = weights.sum(axis=1, keepdims=True)
    if (total == 0).any():
        raise ValueError(f"x_masked must be possible, but {rows[numpy.argmin(total[:, 0])]} has probability 0")
    return weights / total, x.shape


def marginals(configurations: numpy.ndarray, K: int, weights: numpy.ndarray) -> numpy.ndarray:
    """Return the probabilities of each position's symbol, (B, D, K), for configurations weighted by (B, M)."""
    one_hot = configurations[..., None] == numpy.arange(K)  # (M, D, K)
    p = numpy.tensordot(weights, one_hot.astype(weights.dtype), 1)  # (B, D, K)
    return p / p.sum(axis=-1, keepdims=True)  # 1 where a symbol is certain, without rounding


# ------------------------------------------------------------------------------------------- sampling


@checked(rng=Rng)
def unmask_step(probabilities: Any, x_masked: Any, k: int, rng: Rng) -> numpy.ndarray:
    """Return x_masked with k of its masked positions drawn, in each example: (N, D) whole numbers.

    The positions are chosen uniformly among the masked ones, all of them if there are fewer than k, and each is drawn
    from its own row of probabilities (N, D, K), independently of the others: `total_correlation` says what that costs.
    Visible positions stay as they are. ValueError: shapes, symbols, a masked row that is no distribution.
    """
    probabilities = checks.between("probabilities", checks.array("probabilities", probabilities, "N", "D", "K"), 0)
    n, dim, K = probabilities.shape
    x = checks.integers("x_masked", x_masked, n, dim, most=K)
    k = checks.whole("k", k, least=0)
    masked = x == K
    if masked.any():
        checks.probabilities("probabilities", probabilities[masked], ..., K)
    order = numpy.argsort(numpy.where(masked, rng.random(x.shape), 2), axis=1)  # the masked positions first
    rank = numpy.argsort(order, axis=1)
    chosen = masked & (rank < k)
    return numpy.where(chosen, draw(probabilities, rng), x).astype(x.dtype)


def draw(probabilities: numpy.ndarray, rng: Rng) -> numpy.ndarray:
    """Return a symbol for each row of probabilities (..., K), which are nonnegative: (...), none of probability 0."""
    below = numpy.cumsum(probabilities, axis=-1, dtype=numpy.float64)
    u = rng.random(below.shape[:-1])[..., None] * below[..., -1:]  # less than the sum, even if rounded
    return numpy.sum(below <= u, axis=-1)
