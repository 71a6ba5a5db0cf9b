"""The linear-Gaussian model: a VAE in which everything can be worked out, and so the place to check the others.

z ~ N(0, I), x = W z + b + std * noise. Then x is normal too, so is z given x, and the ELBO of any normal guess q(z|x)
is a
formula: no draws, no networks. This is probabilistic PCA (Tipping and Bishop 1999). Rows are examples: the code term is
z @ w, with w (D_z, D_x).
"""

from typing import Any

import autograd.numpy as np
import numpy

from minigen.vae import _check
from minigen.vae.vae import Elbo, kl_standard_normal

Array = Any
LOG_2PI = float(numpy.log(2 * numpy.pi))


def kl_gaussians(mu: Array, logvar: Array, mu_p: Array, logvar_p: Array) -> Array:
    """KL(N(mu, diag exp(logvar)) || N(mu_p, diag exp(logvar_p))), all (N, D) -> (N,), nats.

    ½ sum of (sigma² + (mu - mu_p)²) / sigma_p² - 1 + log sigma_p² - log sigma². With mu_p = 0 and logvar_p = 0 it is
    `kl_standard_normal`, the KL divergence of Eq. vae.11; with those of the posterior, the gap of Eq. vae.13. Raises
    ValueError if the shapes differ or a value is not finite.
    """
    shape = _check.same_shape(mu=mu, logvar=logvar, mu_p=mu_p, logvar_p=logvar_p)
    _check.finite(mu=mu, logvar=logvar, mu_p=mu_p, logvar_p=logvar_p)
    terms = (np.exp(logvar) + (mu - mu_p) ** 2) * np.exp(-logvar_p) - 1 + logvar_p - logvar
    return 0.5 * np.sum(terms, axis=tuple(range(1, len(shape))))


def expected_log_likelihood(x: Array, mu: Array, logvar: Array, w: Array, b: Array, std: float) -> Array:
    """E_q log N(x; z w + b, std² I) for z ~ N(mu, diag exp(logvar)), exactly: (N,), nats. The first term of Eq. vae.11

    x (N, D_x), mu and logvar (N, D_z), w (D_z, D_x), b (D_x,). The mean of a square is the square of the mean plus the
    variance, so next to the residual of the mean stands what the spread of z adds: sum over j of sigma_j² |w_j|².
    Raises ValueError if a shape does not fit, a value is not finite or std is not positive.
    """
    _fitting(x, mu, logvar, w, b, std)
    residual = np.sum((x - mu @ w - b) ** 2, axis=1)  # (N,)
    spread = np.exp(logvar) @ np.sum(w**2, axis=1)  # (N,)
    return -0.5 * (np.shape(x)[1] * (LOG_2PI + 2 * numpy.log(std)) + (residual + spread) / std**2)


class LinearGaussian:
    """The model with weights w (D_z, D_x), offset b (D_x,) and noise std > 0; float64, for exactness.

    Raises ValueError if a shape does not fit or std is not positive.
    """

    def __init__(self, w: numpy.ndarray, b: numpy.ndarray, std: float):
        self.w, self.b, self.std = numpy.asarray(w, numpy.float64), numpy.asarray(b, numpy.float64), float(std)
        if self.w.ndim != 2:
            raise ValueError(f"w must have shape (D_z, D_x), got {self.w.shape}")
        nothing = numpy.zeros((1, self.w.shape[0]))
        _fitting(numpy.zeros((1, self.w.shape[1])), nothing, nothing, self.w, self.b, self.std)
        self.precision = numpy.eye(len(self.w)) + self.w @ self.w.T / self.std**2  # (D_z, D_z): of z given any x

    def sample(self, rng: numpy.random.Generator, n: int) -> numpy.ndarray:
        """`n` draws of x: (n, D_x)."""
        z = rng.standard_normal((_check.count("n", n), len(self.w)))  # (n, D_z)
        return z @ self.w + self.b + self.std * rng.standard_normal((n, len(self.b)))

    def log_evidence(self, x: numpy.ndarray) -> numpy.ndarray:
        """log p(x), where p(x) = N(b, wᵀw + std² I), the integral of Eq. vae.08: (N, D_x) -> (N,), nats."""
        covariance = self.w.T @ self.w + self.std**2 * numpy.eye(len(self.b))  # (D_x, D_x)
        return -0.5 * (_quadratic(x - self.b, covariance) + numpy.linalg.slogdet(covariance)[1] + len(self.b) * LOG_2PI)

    def posterior(self, x: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
        """Mean (N, D_z) and covariance (D_z, D_z) of p(z|x): the covariance is the same for every x."""
        covariance = numpy.linalg.inv(self.precision)
        return (x - self.b) @ self.w.T @ covariance / self.std**2, covariance

    def elbo(self, x: Array, mu: Array, logvar: Array) -> Elbo:
        """The ELBO of q(z|x) = N(mu, diag exp(logvar)) and its two terms, exactly: each (N,), nats. Eq. vae.11"""
        reconstruction = expected_log_likelihood(x, mu, logvar, self.w, self.b, self.std)
        kl = kl_standard_normal(mu, logvar)
        return Elbo(reconstruction - kl, reconstruction, kl)

    def loss(self, x: Array, mu: Array, logvar: Array) -> Array:
        """The mean of -ELBO, a scalar, nats. Eq. vae.12"""
        return -np.mean(self.elbo(x, mu, logvar).value)

    def kl_to_posterior(self, x: numpy.ndarray, mu: numpy.ndarray, logvar: numpy.ndarray) -> numpy.ndarray:
        """KL(q(z|x) || p(z|x)), not through the ELBO but from the posterior itself: (N,), nats. Eq. vae.09, Eq. vae.10

        ½ (trace(P S) + (m - mu)ᵀ P (m - mu) - D_z - log det P - log det S), with m and P the posterior's mean and
        precision and S = diag exp(logvar).
        """
        mean, covariance = self.posterior(x)
        trace = numpy.exp(logvar) @ numpy.diag(self.precision)  # (N,)
        log_dets = numpy.linalg.slogdet(self.precision)[1] + logvar.sum(axis=1)
        return 0.5 * (trace + _quadratic(mean - mu, covariance) - len(self.w) - log_dets)


def _quadratic(d, covariance):
    """dᵀ C⁻¹ d of each row: (N, D) -> (N,)."""
    return numpy.einsum("ni,ni->n", d, numpy.linalg.solve(covariance, d.T).T)


def _fitting(x, mu, logvar, w, b, std):
    for name, a in (("x", x), ("mu", mu)):
        if np.ndim(a) != 2:
            raise ValueError(f"{name} must have shape (N, D), got {np.shape(a)}")
    _check.same_shape(mu=mu, logvar=logvar)
    (n, d), d_z = np.shape(x), np.shape(mu)[1]
    if len(mu) != n or np.shape(w) != (d_z, d) or np.shape(b) != (d,):
        raise ValueError(
            f"mu (N, D_z), w (D_z, D_x) and b (D_x,) must fit x (N, D_x) of shape {(n, d)}, "
            f"got {np.shape(mu)}, {np.shape(w)} and {np.shape(b)}"
        )
    if not (numpy.ndim(std) == 0 and numpy.isfinite(std) and std > 0):
        raise ValueError(f"std must be a positive number, got {std!r}")
    _check.finite(x=x, mu=mu, logvar=logvar, w=w, b=b)
