"""Kullback-Leibler and Jensen-Shannon divergence: of probability vectors, of normals, of densities on a grid.

KL(p || q) is the expected excess, in nats, of coding samples of p with a code made for q. It is infinite where p has
mass and q has none, and it is not symmetric. JS compares both p and q to their mixture: it is symmetric, and it never
exceeds log 2 (one bit). All logarithms are natural.

Kullback and Leibler, "On information and sufficiency", 1951. Lin, "Divergence measures based on the Shannon
entropy", 1991.
"""

import numpy as np
from numpy.typing import ArrayLike

from minigen import checks

TINY = np.finfo(np.float64).tiny  # 2e-308
MASS_TOLERANCE = 0.1  # largest deviation from one of a density's sum over a grid


def kl_divergence(p: ArrayLike, q: ArrayLike) -> float | np.ndarray:
    """KL(p || q) = sum_k p_k log(p_k / q_k) of probability vectors, in nats. Eq. gan.01.

    p, q: shape (..., K), summing to one over the last axis; the leading axes broadcast. Returns shape (...), a float
    for two vectors. An outcome with p_k = 0 contributes 0; one with p_k > 0 and q_k = 0 makes the divergence inf.
    ValueError: negative entries, sums that are not one (to 1e-5), shapes that do not fit.
    """
    p, q = _probability_pair(p, q)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * (np.log(p) - np.log(q)), 0.0)  # (..., K)
    total = np.maximum(terms.sum(axis=-1), 0.0)  # (...); rounding alone could bring it below zero
    return float_if_scalar(total)


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
    mu_p, sigma_p, mu_q, sigma_q = (checks.array(name, value, ..., dtype=np.float64) for name, value in named.items())
    for name, sigma in (("sigma_p", sigma_p), ("sigma_q", sigma_q)):
        if sigma.min() <= 0:
            raise ValueError(f"{name} must be positive (a standard deviation), got {sigma.min():.6g}")
    _check_broadcast("mu_p, sigma_p, mu_q, sigma_q", mu_p, sigma_p, mu_q, sigma_q)
    spread = (sigma_p / sigma_q) ** 2
    shift = ((mu_p - mu_q) / sigma_q) ** 2
    kl = np.log(sigma_q / sigma_p) + 0.5 * (spread + shift) - 0.5
    return float_if_scalar(kl)


def kl_integrand(log_p: ArrayLike, log_q: ArrayLike) -> np.ndarray:
    """p log(p / q) at every point, from log-densities: its integral is KL(p || q). Eq. gan.01.

    log_p, log_q: one shape, -inf where a density is zero. Negative where q exceeds p, although its integral is not;
    0 where p = 0 and inf where only q is. ValueError: NaN or +inf, shapes that differ.
    """
    log_p, log_q = _log_density_pair(log_p, log_q)
    p = np.exp(log_p)
    with np.errstate(invalid="ignore"):  # -inf - -inf, at points that the next line replaces
        return np.where(p > 0, p * (log_p - log_q), 0.0)


def js_integrand(log_p: ArrayLike, log_q: ArrayLike) -> np.ndarray:
    """[p log(p / m) + q log(q / m)] / 2 with m = (p + q) / 2, at every point: its integral is JS(p, q). Eq. gan.02.

    log_p, log_q: one shape, -inf where a density is zero. ValueError: NaN or +inf, shapes that differ.
    """
    log_p, log_q = _log_density_pair(log_p, log_q)
    log_m = np.logaddexp(log_p, log_q) - np.log(2.0)
    return 0.5 * kl_integrand(log_p, log_m) + 0.5 * kl_integrand(log_q, log_m)


def kl_on_grid(log_p: ArrayLike, log_q: ArrayLike, dx: float) -> float:
    """KL(p || q) of two densities by quadrature: the integrand at the points of a regular grid, times dx. Eq. gan.01.

    log_p, log_q: log-densities at the grid's points, one shape with any number of axes, -inf where a density is zero.
    dx: the size of a cell: its length in 1-D, its area in 2-D. Returns nats; inf where p > 0 = q.
    The grid must cover p (its sum times dx is one, to 0.1): otherwise dx is wrong, the grid too small or too coarse, or
    densities were given in place of their logarithms. The part of q outside the grid does not matter.
    ValueError: such a grid, NaN or +inf, shapes that differ, dx <= 0.
    """
    log_p, log_q = _log_density_pair(log_p, log_q)
    dx = checks.positive("dx", dx)
    _check_mass("log_p", log_p, dx, least=1 - MASS_TOLERANCE)
    _check_mass("log_q", log_q, dx, least=0.0)
    return float(kl_integrand(log_p, log_q).sum() * dx)


def js_on_grid(log_p: ArrayLike, log_q: ArrayLike, dx: float) -> float:
    """JS(p, q) of two densities by quadrature on a regular grid, in nats. Eq. gan.02.

    Arguments as `kl_on_grid`; here the grid must cover both densities. Between 0 and log 2. ValueError: a grid that
    does not, NaN or +inf, shapes that differ, dx <= 0.
    """
    log_p, log_q = _log_density_pair(log_p, log_q)
    dx = checks.positive("dx", dx)
    for name, log_density in (("log_p", log_p), ("log_q", log_q)):
        _check_mass(name, log_density, dx, least=1 - MASS_TOLERANCE)
    return float(js_integrand(log_p, log_q).sum() * dx)


def float_if_scalar(x: np.ndarray) -> float | np.ndarray:
    """Return an array with no axes as a Python float; other arrays as they are."""
    return float(x) if np.ndim(x) == 0 else x


def _probability_pair(p: ArrayLike, q: ArrayLike, floor: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """p and q, checked; an entry below `floor` counts as zero."""
    p = checks.probabilities("p", p, dtype=np.float64)
    q = checks.probabilities("q", q, dtype=np.float64)
    if p.shape[-1] != q.shape[-1]:
        raise ValueError(f"p and q must have the same last axis, got shapes {p.shape} and {q.shape}")
    _check_broadcast("p and q", p, q)
    return np.where(p < floor, 0.0, p), np.where(q < floor, 0.0, q)


def _check_broadcast(names: str, *arrays: np.ndarray) -> None:
    try:
        np.broadcast_shapes(*(a.shape for a in arrays))
    except ValueError:
        shapes = ", ".join(str(a.shape) for a in arrays)
        raise ValueError(f"{names} must have shapes that broadcast, got {shapes}") from None


def _log_density_pair(log_p: ArrayLike, log_q: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    log_p = _log_density("log_p", log_p)
    log_q = _log_density("log_q", log_q)
    checks.same_shape(least_axes=0, log_p=log_p, log_q=log_q)
    return log_p, log_q


def _log_density(name: str, value: ArrayLike) -> np.ndarray:
    """`value` as float64 numbers that are finite or -inf."""
    value = checks.array(name, value, ..., finite=False)
    if value.dtype.kind == "f" and np.any(np.isnan(value) | (value == np.inf)):
        raise ValueError(f"{name} must be finite or -inf (a density of zero), got NaN or +inf")
    checks.array(name, np.where(value == -np.inf, 0, value), ...)
    return value.astype(np.float64)


def _check_mass(name: str, log_density: np.ndarray, dx: float, least: float) -> None:
    with np.errstate(over="ignore"):
        mass = np.exp(log_density).sum() * dx
    if not least <= mass <= 1 + MASS_TOLERANCE:
        raise ValueError(
            f"{name} must be the logarithm of a density within the grid: sum(exp({name})) * dx "
            f"should be 1, got {mass:.6g}"
        )
