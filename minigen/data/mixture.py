"""Mixtures of Gaussians: log-density, score and moments in closed form, also with Gaussian noise added."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from minigen import checks
from minigen.data.density import Density, box_around, scalar_if_equal
from minigen.tensor import logsumexp, softmax


class GaussianMixture(Density):
    """sum_k weight_k N(x; mean_k, covariance_k) in any dimension D.

    Args:
        means: (K, D).
        std: a positive number, or (K,) numbers, for isotropic components; give this or `covariances`.
        covariances: (K, D, D), symmetric and positive definite.
        weights: (K,) positive numbers, scaled here to sum to 1; equal if None.
        name: what to call it.

    ValueError if a shape, a sign or a value does not fit.
    """

    def __init__(
        self,
        means: np.ndarray,
        std: float | np.ndarray | None = None,
        covariances: np.ndarray | None = None,
        weights: np.ndarray | None = None,
        name: str = "mixture of Gaussians",
    ):
        self.name = name
        self.means = checks.array("means", means, "K", "D", dtype=np.float64)
        count, self.dim = self.means.shape
        self.covariances = self._check_covariances(std, covariances)  # (K, D, D)
        self.weights = self._check_weights(weights)  # (K,)

        self._roots = np.linalg.cholesky(self.covariances)  # (K, D, D), lower: covariance = root rootᵀ
        self._whiteners = np.linalg.inv(self._roots)  # (K, D, D)
        log_dets = np.log(np.diagonal(self._roots, axis1=1, axis2=2)).sum(axis=1)  # (K,)
        self._log_constants = np.log(self.weights) - log_dets - 0.5 * self.dim * np.log(2 * np.pi)  # (K,)

        spreads = np.sqrt(np.diagonal(self.covariances, axis1=1, axis2=2))  # (K, D)
        self.modes = self.means.astype(np.float32)
        self.std = self._common_std(spreads)
        corners = np.concatenate([self.means - 6 * spreads, self.means + 6 * spreads])  # (2K, D)
        self.bounds = box_around(corners, margin=0.0)
        self.terms = count * self.dim
        self.resolution = float(np.sqrt(np.linalg.eigvalsh(self.covariances).min()))

    def _check_covariances(self, std: Any, covariances: Any) -> np.ndarray:
        count, dim = self.means.shape
        if (std is None) == (covariances is None):
            raise ValueError("std or covariances must be given, and not both")
        if std is not None:
            std = checks.floats("std", std, dtype=np.float64)
            if std.shape not in ((), (count,)) or np.any(std <= 0):
                raise ValueError(f"std must be one positive number or {count} of them, got {std!r}")
            return np.broadcast_to(std**2, (count,))[:, None, None] * np.eye(dim)
        covariances = checks.array("covariances", covariances, count, dim, dim, dtype=np.float64)
        if not np.allclose(covariances, covariances.swapaxes(1, 2)) or np.linalg.eigvalsh(covariances).min() <= 0:
            raise ValueError("covariances must be symmetric and positive definite, got some that are not")
        return covariances

    def _check_weights(self, weights: Any) -> np.ndarray:
        count = len(self.means)
        if weights is None:
            return np.full(count, 1 / count)
        weights = checks.array("weights", weights, count, dtype=np.float64)
        if np.any(weights <= 0):
            raise ValueError(f"weights must be positive, got {weights.min():.6g}")
        return weights / weights.sum()

    def _common_std(self, spreads: np.ndarray) -> float | np.ndarray | None:
        """Return the standard deviation shared by all components, if they share one and their covariances are
        diagonal.
        """
        correlated = np.abs(self.covariances - np.eye(self.dim) * self.covariances).max() > 0
        if correlated or not np.allclose(spreads, spreads[0], rtol=1e-9, atol=0):
            return None
        return scalar_if_equal(spreads[0])

    def _whitened(self, x: np.ndarray) -> np.ndarray:
        """whitener_k (x - mean_k), standard normal for x from component k: (N, K, D), by one matrix product."""
        count, dim = self.means.shape
        origins = np.einsum("ked,kd->ke", self._whiteners, self.means)  # (K, D)
        return (x @ self._whiteners.reshape(count * dim, dim).T).reshape(len(x), count, dim) - origins

    def _log_terms(self, white: np.ndarray) -> np.ndarray:
        """log(weight_k N(x; mean_k, covariance_k)) from whitened points, (N, K)."""
        return self._log_constants - 0.5 * np.einsum("nkd,nkd->nk", white, white)

    def _log_prob(self, x: np.ndarray) -> np.ndarray:
        return logsumexp(self._log_terms(self._whitened(x)))

    def responsibilities(self, x: np.ndarray) -> np.ndarray:
        """p(k | x): the probability that each point (N, D) came from each component, (N, K), rows summing to 1."""
        return self._in_chunks(lambda x: softmax(self._log_terms(self._whitened(x))), x)

    def _score(self, x: np.ndarray) -> np.ndarray:
        # The gradient of component k is -whitener_kᵀ white_k; the sum is weighted by the responsibilities.
        white = self._whitened(x)  # (N, K, D)
        weighted = softmax(self._log_terms(white))[:, :, None] * white  # (N, K, D)
        return -weighted.reshape(len(x), self.means.size) @ self._whiteners.reshape(-1, self.dim)  # (N, D)

    def sample_with_labels(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        """`n` points (n, D) float32 and the components they came from (n,) integers."""
        n = checks.whole("n", n, least=0)
        labels = checks.rng(rng).choice(len(self.means), size=n, p=self.weights)  # (n,)
        noise = rng.standard_normal((n, self.dim), dtype=np.float32)
        offsets = np.einsum("ned,nd->ne", self._roots[labels].astype(np.float32), noise)  # (n, D)
        return self.means[labels].astype(np.float32) + offsets, labels

    def _sample(self, rng: np.random.Generator, n: int) -> np.ndarray:
        return self.sample_with_labels(rng, n)[0]

    def noised(self, alpha: float, sigma: float) -> GaussianMixture:
        """Return the density of alpha x + sigma eps with eps ~ N(0, I): again a mixture of Gaussians, exactly.

        With alpha = sqrt(alpha_bar_t) and sigma = sqrt(1 - alpha_bar_t): the density of x_t in a diffusion process.
        """
        alpha = checks.number("alpha", alpha)
        sigma = checks.number("sigma", sigma, 0)
        covariances = alpha**2 * self.covariances + sigma**2 * np.eye(self.dim)
        return GaussianMixture(alpha * self.means, covariances=covariances, weights=self.weights, name=self.name)

    def posterior(self, x: np.ndarray, alpha: float, sigma: float) -> tuple[np.ndarray, np.ndarray]:
        """Mean (N, D) and covariance (N, D, D) of x0 given x = alpha x0 + sigma eps, for x0 from here, eps ~ N(0, I).

        The mean is the best estimate of the data, the trace of the covariance the error that it leaves. Either alpha or
        sigma may be 0 (Tweedie's formula divides by both). float64, or float32 for float32 points.
        ValueError: x of another shape, sigma negative, alpha and sigma both 0. Eq. after.07
        """
        noised = self.noised(alpha, sigma) if alpha or sigma else None
        if noised is None:
            raise ValueError("alpha and sigma must not both be 0: x would say nothing of x0, nor of the noise")
        # Given component k, x0 is mean_k + gain_k (x - alpha mean_k), with covariance (I - alpha gain_k) covariance_k.
        gains = alpha * self.covariances @ np.linalg.inv(noised.covariances)  # (K, D, D)
        inner = self.covariances - alpha * gains @ self.covariances  # (K, D, D)
        dtype = np.float32 if np.asarray(x).dtype == np.float32 else np.float64
        x = checks.array("x", x, "N", self.dim, dtype=np.float64)
        chances = noised.responsibilities(x)  # (N, K)
        each = self.means + np.einsum("kde,nke->nkd", gains, x[:, None] - noised.means)  # (N, K, D)
        mean = np.einsum("nk,nkd->nd", chances, each)  # (N, D)
        off = each - mean[:, None]  # (N, K, D)
        covariance = np.einsum("nk,kde->nde", chances, inner) + np.einsum("nk,nkd,nke->nde", chances, off, off)
        return mean.astype(dtype, copy=False), covariance.astype(dtype, copy=False)

    def standardized(self) -> GaussianMixture:
        """Return the same mixture with zero mean and unit variance in each coordinate; the result is a mixture too."""
        mean, scale = self._moments
        return GaussianMixture(
            (self.means - mean) / scale,
            covariances=self.covariances / (scale[:, None] * scale),
            weights=self.weights,
            name=f"{self.name}, standardized",
        )

    @cached_property
    def _moments(self) -> tuple[np.ndarray, np.ndarray]:
        mean = self.weights @ self.means  # (D,)
        variances = np.diagonal(self.covariances, axis1=1, axis2=2)  # (K, D)
        return mean, np.sqrt(self.weights @ (variances + (self.means - mean) ** 2))

    @cached_property
    def _entropy(self) -> float:
        # H = sum_k weight_k E_k[-log p], each expectation over a grid of eight standard deviations around its mean.
        if self.dim > 2:
            raise NotImplementedError(f"the entropy of a mixture is computed for D <= 2, here D = {self.dim}")
        steps = np.linspace(-8.0, 8.0, 65)
        eps = np.stack(np.meshgrid(*[steps] * self.dim, indexing="ij"), axis=-1).reshape(-1, self.dim)  # (M, D)
        mass = np.exp(-0.5 * np.sum(eps**2, axis=1))  # (M,)
        mass /= mass.sum()
        expected = [mass @ self.log_prob(mean + eps @ root.T) for mean, root in zip(self.means, self._roots)]
        return float(-self.weights @ np.array(expected))
