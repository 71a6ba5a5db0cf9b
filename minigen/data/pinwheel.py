"""A pinwheel: Gaussian arms twisted by an area-preserving rotation, so that the density is known exactly."""

from __future__ import annotations

import numpy as np

from minigen import checks
from minigen.data.density import Density
from minigen.tensor import logsumexp, softmax


class Pinwheel(Density):
    """Points scale · R(θ_k + rate exp(|f|)) f with f ~ N((1, 0), diag(radial_std², tangential_std²)), R a rotation.

    k is one of `arms` equally likely arms and θ_k = 2πk/arms. A rotation by an angle that depends only on the distance
    from the origin keeps that distance and has Jacobian determinant 1, and the opposite rotation inverts it: p(x) is
    the Gaussian's density at the point rotated back, over scale². (Johnson et al., 2016, rotate by rate exp(f₁), which
    looks the same and has no inverse in closed form.)

    ValueError: arms below 1, a standard deviation or scale not positive, rate not finite.
    """

    def __init__(
        self,
        arms: int = 5,
        radial_std: float = 0.3,
        tangential_std: float = 0.1,
        rate: float = 0.25,
        scale: float = 2.0,
    ):
        self.name = "pinwheel"
        self.arms = checks.whole("arms", arms)
        radial_std = checks.positive("radial_std", radial_std)
        tangential_std = checks.positive("tangential_std", tangential_std)
        self.stds = np.array([radial_std, tangential_std])
        self.rate = checks.number("rate", rate)
        self.scale = checks.positive("scale", scale)
        reach = self.scale * (1 + 5 * float(self.stds.max()))
        self.bounds = (-reach, reach, -reach, reach)
        self.terms = 4 * self.arms
        self.resolution = float(self.scale * self.stds.min()) / 2  # the twist makes the arms thinner

    def _sample(self, rng: np.random.Generator, n: int) -> np.ndarray:
        f = np.array([1.0, 0.0]) + self.stds * rng.standard_normal((n, 2))  # (n, 2)
        theta = 2 * np.pi * rng.integers(self.arms, size=n) / self.arms  # (n,)
        return self.scale * rotate(f, theta + self.rate * np.exp(np.hypot(f[:, 0], f[:, 1])))

    def _rotated_back(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each arm the f that is mapped to x, (N, K, 2), its angle of rotation, (N, K), and |x| / scale, (N, 1)."""
        x = x / self.scale
        r = np.hypot(x[:, 0], x[:, 1])[:, None]  # (N, 1)
        angles = 2 * np.pi * np.arange(self.arms) / self.arms + self.rate * np.exp(np.minimum(r, 30.0))  # (N, K)
        return rotate(x[:, None, :], -angles), angles, r

    def _log_terms(self, f: np.ndarray) -> np.ndarray:
        """log N(f; (1, 0), diag(stds²)) / (arms scale²), (N, K)."""
        white = (f - np.array([1.0, 0.0])) / self.stds
        return -0.5 * np.sum(white**2, axis=-1) - np.log(2 * np.pi * np.prod(self.stds) * self.arms * self.scale**2)

    def _log_prob(self, x: np.ndarray) -> np.ndarray:
        return logsumexp(self._log_terms(self._rotated_back(x)[0]))

    def _score(self, x: np.ndarray) -> np.ndarray:
        # f = rotate(x, -θ(|x|)) depends on x directly and through θ: df = rotate(dx, -θ) + (f₂, -f₁) dθ.
        f, angles, r = self._rotated_back(x)
        share = softmax(self._log_terms(f))  # (N, K)
        gradient = (np.array([1.0, 0.0]) - f) / self.stds**2  # (N, K, 2), in f
        direct = np.sum(share[..., None] * rotate(gradient, angles), axis=1)  # (N, 2)
        torque = gradient[..., 0] * f[..., 1] - gradient[..., 1] * f[..., 0]  # (N, K)
        by_theta = np.sum(share * torque, axis=1)  # (N,): derivative with respect to θ
        d_theta = self.rate * np.exp(np.minimum(r, 30.0)) * (r < 30.0)  # (N, 1): dθ / d(|x| / scale)
        radial = x / self.scale / np.maximum(r, 1e-300)  # (N, 2)
        return (direct + by_theta[:, None] * d_theta * radial) / self.scale


def rotate(x: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Points (..., 2) rotated counterclockwise about the origin by angles (...,) in radians."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([cos * x[..., 0] - sin * x[..., 1], sin * x[..., 0] + cos * x[..., 1]], axis=-1)
