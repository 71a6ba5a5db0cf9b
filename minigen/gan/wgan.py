"""Wasserstein GAN: the critic estimates a distance instead of a probability.

W(p_r, p_g) is the largest gap E_{p_r}[f] − E_{p_g}[f] over functions f whose slope is nowhere above 1 (Eq. gan.17). The
critic is such an f: a network held to bounded slope either by clipping its weights (Arjovsky et al. 2017) or by a
penalty on the norm of its gradient (Gulrajani et al. 2017).
"""

from collections.abc import Callable
from typing import Any

import autograd.numpy as np
import numpy

from minigen.gan import _check
from minigen.nn import Module
from minigen.tensor import grad, leaves

Array = Any  # an ndarray, or a traced one
EPS = 1e-12  # keeps √ differentiable where a critic is flat


def critic_loss(real_scores: Array, fake_scores: Array) -> Array:
    """mean f(fake) − mean f(real), a scalar: what the critic minimizes, minus its estimate of K·W. Eq. gan.19

    real_scores (N,), fake_scores (M,), in units of the data times the critic's slope.
    Raises ValueError for scores that are not finite vectors.
    """
    real_scores = _check.vector("real_scores", real_scores)
    fake_scores = _check.vector("fake_scores", fake_scores)
    return np.mean(fake_scores) - np.mean(real_scores)


def generator_loss(fake_scores: Array) -> Array:
    """−mean f(G(z)), a scalar: the only part of the distance that the generator can move. Eq. gan.19

    fake_scores (N,). Raises ValueError for scores that are not a finite vector.
    """
    return -np.mean(_check.vector("fake_scores", fake_scores))


def clip_weights(critic: Module, c: float) -> None:
    """Clip every parameter of the critic to [−c, c], in place: a crude way to bound its slope. Eq. gan.18

    Buffers (running statistics) and frozen parts stay as they are.
    Raises ValueError if `critic` is not a model with parameters or c is not positive. Arjovsky et al. 2017, Alg. 1.
    """
    c = _check.positive("c", c)
    weights = leaves(critic)
    if isinstance(critic, numpy.ndarray) or not weights or not all(isinstance(w, numpy.ndarray) for w in weights):
        raise ValueError(f"critic must be a model with parameters, got {type(critic).__name__}")
    for w in weights:
        w[...] = numpy.clip(w, -c, c)


def gradient_penalty(
    critic: Callable, real: numpy.ndarray, fake: numpy.ndarray, rng: numpy.random.Generator, target: float = 1.0
) -> Array:
    """mean (‖∇f(x̂)‖ − target)² at random points x̂ between pairs of real and fake examples, a scalar.

    real and fake (N, ...); x̂ = ε·real + (1 − ε)·fake with one ε ~ U(0, 1) for each pair. The loss of the critic adds
    this times λ (10 in the paper). Differentiable with respect to the critic.
    Raises ValueError for examples that are not finite or whose shapes differ, a critic that does not map (N, ...) to
    (N,), a negative target. Gulrajani et al. 2017, Alg. 1.
    """
    epsilon = _check.generator(rng).random(len(_check.examples("real", real)))  # (N,)
    return gradient_penalty_at(critic, real, fake, epsilon, target)


def gradient_penalty_at(critic: Callable, real: Array, fake: Array, epsilon: Array, target: float = 1.0) -> Array:
    """The gradient penalty with its random numbers as an argument: x̂ = ε·real + (1 − ε)·fake, pair by pair. Eq. gan.18

    real, fake (N, ...) and epsilon (N,) in [0, 1]. Raises ValueError as `gradient_penalty` does.
    """
    real, fake = _check.examples("real", real), _check.examples("fake", fake)
    if np.shape(real) != np.shape(fake):
        raise ValueError(f"real and fake must have the same shape, got {np.shape(real)} and {np.shape(fake)}")
    target = _check.number("target", target)
    epsilon = _check.vector("epsilon", epsilon).astype(real.dtype)
    if len(epsilon) != len(real) or np.min(epsilon) < 0 or np.max(epsilon) > 1:
        raise ValueError(f"epsilon must be {len(real)} numbers in [0, 1], one for each pair, got {epsilon}")
    epsilon = np.reshape(epsilon, (-1,) + (1,) * (np.ndim(real) - 1))  # (N, 1, ...)
    x_hat = epsilon * real + (1 - epsilon) * fake  # (N, ...)
    return np.mean((gradient_norm(critic, x_hat) - target) ** 2)


def penalized_critic_loss(
    critic: Callable, real: Array, fake: Array, epsilon: Array, penalty: float = 10.0
) -> tuple[Array, Array]:
    """What a critic with gradient penalty minimizes, and its part without the penalty: two scalars. Eq. gan.19

    `critic_loss` plus `penalty` (λ) times `gradient_penalty_at`; arguments and errors are theirs.
    Gulrajani et al. 2017, Alg. 1, line 7.
    """
    penalty = _check.number("penalty", penalty)
    plain = critic_loss(critic(real), critic(fake))
    return plain + penalty * gradient_penalty_at(critic, real, fake, epsilon), plain


def gradient_norm(critic: Callable, x: numpy.ndarray) -> Array:
    """‖∇f(x)‖ for each example: x (N, ...) -> (N,). Differentiable with respect to the critic.

    Raises ValueError as `gradient_penalty` does.
    """
    x = _check.examples("x", x)
    slopes = grad(lambda x: np.sum(_scores(critic, x)))(
        x
    )  # (N, ...): examples do not mix, so each has its own gradient
    slopes = np.reshape(slopes, (len(x), -1))  # (N, D)
    return np.sqrt(np.sum(slopes**2, axis=1) + EPS)  # (N,)


def lipschitz_estimate(critic: Callable, x: numpy.ndarray) -> float:
    """The largest gradient norm of the critic over the points x (N, ...): a lower bound on its Lipschitz constant K.

    Raises ValueError as `gradient_penalty` does. Eq. gan.18
    """
    return float(numpy.max(gradient_norm(critic, x)))


def _scores(critic, x):
    scores = critic(x)
    if np.shape(scores) not in ((len(x),), (len(x), 1)):
        raise ValueError(f"critic must map x (N, ...) to scores (N,), got {np.shape(scores)} for N = {len(x)}")
    return scores
