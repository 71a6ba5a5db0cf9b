"""Kullback-Leibler and Jensen-Shannon divergence: of probability vectors, of normals, of densities on a grid.

KL(p || q) is the price, in nats, of believing q when p is true. It is infinite as soon as p puts mass where q has
none, and KL(q || p) is another number. JS compares both p and q to their mixture: it is symmetric, and it never
exceeds log 2 (one bit). All logarithms are natural.

Kullback and Leibler, "On information and sufficiency", 1951. Lin, "Divergence measures based on the Shannon
entropy", 1991.
"""

import numpy as np
from numpy.typing import ArrayLike

from minigen.metrics import _checks

TINY = np.finfo(np.float64).tiny  # 2e-308
MASS_TOLERANCE = 0.1  # a grid that misses more of a density than this says nothing about it


def kl_divergence(p: ArrayLike, q: ArrayLike) -> float | np.ndarray:
    """KL(p || q) = sum_k p_k log(p_k / q_k) of probability vectors, in nats. Eq. gan.01.

    p, q: shape (..., K), summing to one over the last axis; the leading axes broadcast. Returns shape (...), a float
    for two vectors. An outcome with p_k = 0 costs nothing; one with p_k > 0 and q_k = 0 makes the divergence inf.
    ValueError: negative entries, sums that are not one (to 1e-5), shapes that do not fit.
    """
    p, q = _probability_pair(p, q)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * (np.log(p) - np.log(q)), 0.0)  # (..., K)
    total = np.maximum(terms.sum(axis=-1), 0.0)  # (...); rounding alone could bring it below zero
    return _checks.scalar(total)


def js_divergence(p: ArrayLike, q: ArrayLike) -> float | np.ndarray:
    """JS(p, q) = KL(p || m) / 2 + KL(q || m) / 2 with the mixture m = (p + q) / 2, in nats. Eq. gan.02.

    p, q: shape (..., K), summing to one over the last axis; the leading axes broadcast. Returns shape (...), a float
    for two vectors; between 0 (p = q) and log 2 = 0.693 (no outcome in common).
    ValueError: as `kl_divergence`.
    """
    p, q = _probability_pair(p, q, floor=TINY)  # half of the smallest number would be zero
    mixture = 0.5 * (p + q)  # (..., K)
    return 0.5 * kl_divergence(p, mixture) + 0.5 * kl_divergence(q, mixture)


def kl_normal(mu_p: ArrayLike, sigma_p: ArrayLike, mu_q: ArrayLike, sigma_q: ArrayLike) -> float | np.ndarray:
    """KL(N(mu_p, sigma_p^2) || N(mu_q, sigma_q^2)) in closed form, elementwise, in nats. Eq. gan.01.

    log(sigma_q / sigma_p) + (sigma_p^2 + (mu_p - mu_q)^2) / (2 sigma_q^2) - 1/2. The sigmas are standard deviations,
    not variances. The four arguments broadcast; four numbers give a float. Sum over the last axis for a normal with a
    diagonal covariance. ValueError: a sigma that is not positive, non-finite values, shapes that do not fit.
    """
    named = {"mu_p": mu_p, "sigma_p": sigma_p, "mu_q": mu_q, "sigma_q": sigma_q}
    mu_p, sigma_p, mu_q, sigma_q = (_checks.array(name, value) for name, value in named.items())
    for name, sigma in (("sigma_p", sigma_p), ("sigma_q", sigma_q)):
        if sigma.min() <= 0:
            raise ValueError(f"{name} must be positive (a standard deviation), got {sigma.min():.6g}")
    _check_broadcast("mu_p, sigma_p, mu_q, sigma_q", mu_p, sigma_p, mu_q, sigma_q)
    spread = (sigma_p / sigma_q) ** 2
    shift = ((mu_p - mu_q) / sigma_q) ** 2
    kl = np.log(sigma_q / sigma_p) + 0.5 * (spread + shift) - 0.5
    return _checks.scalar(kl)


def kl_integrand(log_p: ArrayLike, log_q: ArrayLike) -> np.ndarray:
    """p log(p / q) at every point, from log-densities: the curve whose area is KL(p || q). Eq. gan.01.

    log_p, log_q: one shape, -inf where a density is zero. Negative wherever q exceeds p, although the area is not;
    0 where p = 0 and inf where only q is. ValueError: NaN or +inf, shapes that differ.
    """
    log_p, log_q = _log_density_pair(log_p, log_q)
    p = np.exp(log_p)
    with np.errstate(invalid="ignore"):  # -inf - -inf, at points that the next line replaces
        return np.where(p > 0, p * (log_p - log_q), 0.0)


def js_integrand(log_p: ArrayLike, log_q: ArrayLike) -> np.ndarray:
    """[p log(p / m) + q log(q / m)] / 2 with m = (p + q) / 2, at every point: its area is JS(p, q). Eq. gan.02.

    log_p, log_q: one shape, -inf where a density is zero. ValueError: NaN or +inf, shapes that differ.
    """
    log_p, log_q = _log_density_pair(log_p, log_q)
    log_m = np.logaddexp(log_p, log_q) - np.log(2.0)
    return 0.5 * kl_integrand(log_p, log_m) + 0.5 * kl_integrand(log_q, log_m)


def kl_on_grid(log_p: ArrayLike, log_q: ArrayLike, dx: float) -> float:
    """KL(p || q) of two densities by quadrature: the integrand at the points of a regular grid, times dx. Eq. gan.01.

    log_p, log_q: log-densities at the grid's points, one shape with any number of axes, -inf where a density is zero.
    dx: the size of a cell: its length in 1-D, its area in 2-D. Returns nats; inf where p > 0 = q.
    The grid must hold p (its sum times dx is one, to 0.1): otherwise dx is wrong, the grid too small or too coarse, or
    densities were given in place of their logarithms. The part of q that lies off the grid does not matter.
    ValueError: such a grid, NaN or +inf, shapes that differ, dx <= 0.
    """
    log_p, log_q = _log_density_pair(log_p, log_q)
    dx = _checks.positive("dx", dx)
    _check_mass("log_p", log_p, dx, least=1 - MASS_TOLERANCE)
    _check_mass("log_q", log_q, dx, least=0.0)
    return float(kl_integrand(log_p, log_q).sum() * dx)


def js_on_grid(log_p: ArrayLike, log_q: ArrayLike, dx: float) -> float:
    """JS(p, q) of two densities by quadrature on a regular grid, in nats. Eq. gan.02.

    Arguments as `kl_on_grid`; here the grid must hold both densities. Between 0 and log 2. ValueError: a grid that
    does not, NaN or +inf, shapes that differ, dx <= 0.
    """
    log_p, log_q = _log_density_pair(log_p, log_q)
    dx = _checks.positive("dx", dx)
    for name, log_density in (("log_p", log_p), ("log_q", log_q)):
        _check_mass(name, log_density, dx, least=1 - MASS_TOLERANCE)
    return float(js_integrand(log_p, log_q).sum() * dx)


def _probability_pair(p, q, floor=0.0):
    """p and q, checked; an entry below `floor` counts as zero."""
    p, q = _checks.probabilities("p", p), _checks.probabilities("q", q)
    if p.shape[-1] != q.shape[-1]:
        raise ValueError(f"p and q must have the same last axis, got shapes {p.shape} and {q.shape}")
    _check_broadcast("p and q", p, q)
    return np.where(p < floor, 0.0, p), np.where(q < floor, 0.0, q)


def _check_broadcast(names, *arrays):
    try:
        np.broadcast_shapes(*(a.shape for a in arrays))
    except ValueError:
        shapes = ", ".join(str(a.shape) for a in arrays)
        raise ValueError(f"{names} must have shapes that broadcast, got {shapes}") from None


def _log_density_pair(log_p, log_q):
    pair = []
    for name, value in (("log_p", log_p), ("log_q", log_q)):
        value = _checks.array(name, value, finite=False)
        if np.any(np.isnan(value) | (value == np.inf)):
            raise ValueError(f"{name} must be finite or -inf (a density of zero), got NaN or +inf")
        pair.append(value)
    if pair[0].shape != pair[1].shape:
        raise ValueError(f"log_p and log_q must have the same shape, got {pair[0].shape} and {pair[1].shape}")
    return pair


def _check_mass(name, log_density, dx, least):
    with np.errstate(over="ignore"):
        mass = np.exp(log_density).sum() * dx
    if not least <= mass <= 1 + MASS_TOLERANCE:
        raise ValueError(
            f"{name} must be the logarithm of a density that the grid holds: sum(exp({name})) * dx "
            f"should be 1, got {mass:.6g}"
        )
