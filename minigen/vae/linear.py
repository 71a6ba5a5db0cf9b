"""The linear-Gaussian model: a VAE in which everything has a closed form, against which the others are checked.

z ~ N(0, I), x = W z + b + std * noise. Then x is normal, so is z given x, and the ELBO of any normal q(z|x) has a
closed form, without samples or networks. This is probabilistic PCA (Tipping and Bishop 1999). Rows are
examples: the code term is z @ w, with w (D_z, D_x).
"""

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import checked, positive, whole
from minigen.types import Array, Rng
from minigen.vae.vae import Elbo, kl_standard_normal

LOG_2PI = float(numpy.log(2 * numpy.pi))


def kl_gaussians(mu: Array, logvar: Array, mu_p: Array, logvar_p: Array) -> Array:
    """KL(N(mu, diag exp(logvar)) || N(mu_p, diag exp(logvar_p))), all (N, D) -> (N,), nats.

    ½ sum of (sigma² + (mu - mu_p)²) / sigma_p² - 1 + log sigma_p² - log sigma². With mu_p = 0 and logvar_p = 0 it is
    `kl_standard_normal`, the KL divergence of Eq. vae.11; with those of the posterior, the gap of Eq. vae.13. Raises
    ValueError if the shapes differ or a value is not finite.
    """
    mu, logvar, mu_p, logvar_p = checks.floats_of_one_shape(2, mu=mu, logvar=logvar, mu_p=mu_p, logvar_p=logvar_p)
    terms = (np.exp(logvar) + (mu - mu_p) ** 2) * np.exp(-logvar_p) - 1 + logvar_p - logvar
    return 0.5 * np.sum(terms, axis=tuple(range(1, np.ndim(mu))))


def expected_log_likelihood(x: Array, mu: Array, logvar: Array, w: Array, b: Array, std: float) -> Array:
    """E_q log N(x; z w + b, std² I) for z ~ N(mu, diag exp(logvar)), exactly: (N,), nats. The first term of Eq. vae.11

    x (N, D_x), mu and logvar (N, D_z), w (D_z, D_x), b (D_x,). The mean of a square is the square of the mean plus the
    variance, so next to the residual of the mean is what the spread of z adds: sum over j of sigma_j² |w_j|².
    Raises ValueError if a shape does not fit, a value is not finite or std is not positive.
    """
    x, mu, logvar, w, b = _fitting(x, mu, logvar, w, b, std)
    residual = np.sum((x - mu @ w - b) ** 2, axis=1)  # (N,)
    spread = np.exp(logvar) @ np.sum(w**2, axis=1)  # (N,)
    return -0.5 * (np.shape(x)[1] * (LOG_2PI + 2 * numpy.log(std)) + (residual + spread) / std**2)


class LinearGaussian:
    """The model with weights w (D_z, D_x), offset b (D_x,) and noise std > 0; float64, for exactness.

    Raises ValueError if b does not have shape (D_x,).
    """

    @checked(w="D_z, D_x", std=positive)
    def __init__(self, w: numpy.ndarray, b: numpy.ndarray, std: float):
        self.w = numpy.asarray(w, numpy.float64)
        self.b = numpy.asarray(checks.array("b", b, self.w.shape[1]), numpy.float64)
        self.std = std
        self.precision = numpy.eye(len(self.w)) + self.w @ self.w.T / self.std**2  # (D_z, D_z): of z given any x

    @checked(n=whole, rng=Rng)
    def sample(self, rng: numpy.random.Generator, n: int) -> numpy.ndarray:
        """`n` draws of x: (n, D_x)."""
        z = rng.standard_normal((n, len(self.w)))  # (n, D_z)
        return z @ self.w + self.b + self.std * rng.standard_normal((n, len(self.b)))

    def log_evidence(self, x: numpy.ndarray) -> numpy.ndarray:
        """log p(x), where p(x) = N(b, wᵀw + std² I), the integral of Eq. vae.08: (N, D_x) -> (N,), nats."""
        x = checks.array("x", x, "N", len(self.b))
        covariance = self.w.T @ self.w + self.std**2 * numpy.eye(len(self.b))  # (D_x, D_x)
        return -0.5 * (_quadratic(x - self.b, covariance) + numpy.linalg.slogdet(covariance)[1] + len(self.b) * LOG_2PI)

    def posterior(self, x: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
        """Mean (N, D_z) and covariance (D_z, D_z) of p(z|x): the covariance is the same for every x."""
        x = checks.array("x", x, "N", len(self.b))
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
        """KL(q(z|x) || p(z|x)), from the posterior itself and not through the ELBO: (N,), nats. Eq. vae.09, Eq. vae.10

        ½ (trace(P S) + (m - mu)ᵀ P (m - mu) - D_z - log det P - log det S), with m and P the posterior's mean and
        precision and S = diag exp(logvar).
        """
        mu, logvar = checks.floats_of_one_shape(2, mu=mu, logvar=logvar)
        mean, covariance = self.posterior(x)
        checks.same_shape(2, mean=mean, mu=mu)
        trace = numpy.exp(logvar) @ numpy.diag(self.precision)  # (N,)
        log_dets = numpy.linalg.slogdet(self.precision)[1] + logvar.sum(axis=1)
        return 0.5 * (trace + _quadratic(mean - mu, covariance) - len(self.w) - log_dets)


def _quadratic(d: numpy.ndarray, covariance: numpy.ndarray) -> numpy.ndarray:
    """dᵀ C⁻¹ d of each row: (N, D) -> (N,)."""
    return numpy.einsum("ni,ni->n", d, numpy.linalg.solve(covariance, d.T).T)


def _fitting(x: Array, mu: Array, logvar: Array, w: Array, b: Array, std: float) -> list[Array]:
    """The arrays among the arguments of `expected_log_likelihood`; ValueError unless they fit together."""
    x, mu = checks.array("x", x, "N", "D"), checks.array("mu", mu, "N", "D")
    mu, logvar = checks.floats_of_one_shape(2, mu=mu, logvar=logvar)
    n, d = np.shape(x)
    d_z = np.shape(mu)[1]
    if len(mu) != n or np.shape(w) != (d_z, d) or np.shape(b) != (d,):
        raise ValueError(
            f"mu (N, D_z), w (D_z, D_x) and b (D_x,) must fit x (N, D_x) of shape {(n, d)}, "
            f"got {np.shape(mu)}, {np.shape(w)} and {np.shape(b)}"
        )
    checks.positive("std", std)
    return [x, mu, logvar, checks.floats("w", w), checks.floats("b", b)]
