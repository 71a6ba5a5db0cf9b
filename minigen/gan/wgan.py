"""Wasserstein GAN: the critic estimates a distance instead of a probability.

W(p_r, p_g) is the largest gap E_{p_r}[f] − E_{p_g}[f] over functions f whose slope is nowhere above 1 (Eq. gan.17). The
critic is such an f: a network held to bounded slope either by clipping its weights (Arjovsky et al. 2017) or by a
penalty on the norm of its gradient (Gulrajani et al. 2017).
"""

from collections.abc import Callable

import autograd.numpy as np
import numpy

from minigen.nn import Module
from minigen.tensor import grad, leaves

EPS = 1e-12  # keeps √ differentiable where a critic is flat


def critic_loss(real_scores: np.ndarray, fake_scores: np.ndarray) -> np.ndarray:
    """mean f(fake) − mean f(real), a scalar: what the critic minimizes, minus its estimate of K·W. Eq. gan.19

    real_scores (N,), fake_scores (M,), in units of the data times the critic's slope. Raises ValueError otherwise.
    """
    _check_scores("real_scores", real_scores)
    _check_scores("fake_scores", fake_scores)
    return np.mean(fake_scores) - np.mean(real_scores)


def generator_loss(fake_scores: np.ndarray) -> np.ndarray:
    """−mean f(G(z)), a scalar: the only part of the distance that the generator can move. Eq. gan.19"""
    _check_scores("fake_scores", fake_scores)
    return -np.mean(fake_scores)


def clip_weights(critic: Module, c: float) -> None:
    """Clip every parameter of the critic to [−c, c], in place: a crude way to bound its slope. Eq. gan.18

    Raises ValueError if `critic` is not a model or c is not positive.
    """
    if not isinstance(critic, Module):
        raise ValueError(f"critic must be a Module, got {type(critic).__name__}")
    if not (numpy.isscalar(c) and c > 0 and numpy.isfinite(c)):
        raise ValueError(f"c must be a positive number, got {c}")
    for w in leaves(critic):
        numpy.clip(w, -c, c, out=w)


def gradient_penalty(
    critic: Callable, real: np.ndarray, fake: np.ndarray, rng: numpy.random.Generator, target: float = 1.0
) -> np.ndarray:
    """mean (‖∇f(x̂)‖ − target)² at random points x̂ between pairs of real and fake examples, a scalar.

    real and fake (N, ...); x̂ = ε·real + (1 − ε)·fake with one ε ~ U(0, 1) for each pair. The loss of the critic adds
    this times λ (10 in the paper). Differentiable with respect to the critic. Gulrajani et al. 2017, Alg. 1.
    """
    if numpy.shape(real) != numpy.shape(fake) or len(numpy.shape(real)) < 2:
        raise ValueError(f"real and fake must both be (N, ...), got {numpy.shape(real)} and {numpy.shape(fake)}")
    n = len(real)
    epsilon = rng.random((n,) + (1,) * (len(numpy.shape(real)) - 1)).astype(real.dtype)  # (N, 1, ...)
    x_hat = epsilon * real + (1 - epsilon) * fake
    return np.mean((gradient_norm(critic, x_hat) - target) ** 2)


def gradient_norm(critic: Callable, x: np.ndarray) -> np.ndarray:
    """‖∇f(x)‖ for each example: x (N, ...) -> (N,). Differentiable with respect to the critic."""
    slopes = grad(lambda x: np.sum(critic(x)))(x)  # (N, ...): examples do not mix, so this is each one's own gradient
    slopes = np.reshape(slopes, (len(x), -1))  # (N, D)
    return np.sqrt(np.sum(slopes**2, axis=1) + EPS)  # (N,)


def lipschitz_estimate(critic: Callable, x: np.ndarray) -> float:
    """The largest gradient norm of the critic over the points x (N, ...): a lower bound on its Lipschitz constant K.

    Eq. gan.18
    """
    return float(numpy.max(gradient_norm(critic, x)))


def _check_scores(name, scores):
    shape = numpy.shape(scores)
    if len(shape) != 1 or shape[0] == 0:
        raise ValueError(f"{name} must have shape (N,) with N ≥ 1, got {shape}")
