"""Wasserstein GAN: the critic estimates a distance instead of a probability.

W(p_r, p_g) is the supremum of E_{p_r}[f] − E_{p_g}[f] over the 1-Lipschitz functions f (Eq. gan.17). The critic is a
network f whose Lipschitz constant is bounded either by clipping its weights (Arjovsky et al. 2017) or by a penalty on
the norm of its gradient (Gulrajani et al. 2017).
"""

from collections.abc import Callable
from typing import Any

import autograd.numpy as np
import numpy

from minigen.checks import Sized, checked, function, nonnegative, positive, unchecked
from minigen.nn import Module
from minigen.tensor import grad, leaves
from minigen.types import Array, Rng

EPS = 1e-12  # keeps √ differentiable where the gradient is 0


@checked(real_scores="N", fake_scores="N'")
def critic_loss(real_scores: Array, fake_scores: Array) -> Array:
    """mean f(fake) − mean f(real), a scalar: the critic's loss, the negative of its estimate of K·W. Eq. gan.19

    real_scores (N,), fake_scores (M,), in units of the data times the critic's slope.
    """
    return np.mean(fake_scores) - np.mean(real_scores)


@checked(fake_scores="N")
def generator_loss(fake_scores: Array) -> Array:
    """−mean f(G(z)), a scalar: the part of the estimated distance that depends on the generator. Eq. gan.19

    fake_scores (N,).
    """
    return -np.mean(fake_scores)


@checked(c=positive)
def clip_weights(critic: Module, c: float) -> None:
    """Clip every parameter of the critic to [−c, c], in place, which bounds its Lipschitz constant. Eq. gan.18

    Buffers (running statistics) and frozen parts stay as they are.
    Raises ValueError if `critic` is not a model with parameters. Arjovsky et al. 2017, Alg. 1.
    """
    for w in _weights(critic):
        w[...] = numpy.clip(w, -c, c)


@checked(critic=function, real="N, ..., D", fake="N, ..., D", target=nonnegative, rng=Rng)
def gradient_penalty(
    critic: Callable, real: numpy.ndarray, fake: numpy.ndarray, rng: numpy.random.Generator, target: float = 1.0
) -> Array:
    """mean (‖∇f(x̂)‖ − target)² at random points x̂ between pairs of real and fake examples, a scalar.

    real and fake (N, ...); x̂ = ε·real + (1 − ε)·fake with one ε ~ U(0, 1) for each pair. The loss of the critic adds
    this times λ (10 in the paper). Differentiable with respect to the critic.
    Raises ValueError for a critic that does not map (N, ...) to (N,). Gulrajani et al. 2017, Alg. 1.
    """
    epsilon = rng.random(len(real))  # (N,)
    return unchecked(gradient_penalty_at)(critic, real, fake, epsilon, target)


@checked(critic=function, real="N, ..., D", fake="N, ..., D", epsilon=Sized("N", low=0, high=1), target=nonnegative)
def gradient_penalty_at(critic: Callable, real: Array, fake: Array, epsilon: Array, target: float = 1.0) -> Array:
    """The gradient penalty with its random numbers as an argument: x̂ = ε·real + (1 − ε)·fake, pair by pair.

    real, fake (N, ...) and epsilon (N,) in [0, 1]. Raises ValueError for a critic that does not map (N, ...) to (N,).
    """
    epsilon = epsilon.astype(real.dtype)
    epsilon = np.reshape(epsilon, (-1,) + (1,) * (np.ndim(real) - 1))  # (N, 1, ...)
    x_hat = epsilon * real + (1 - epsilon) * fake  # (N, ...)
    return np.mean((gradient_norm(critic, x_hat) - target) ** 2)


@checked(critic=function, real="N, ..., D", fake="N, ..., D", epsilon=Sized("N", low=0, high=1), penalty=nonnegative)
def penalized_critic_loss(
    critic: Callable, real: Array, fake: Array, epsilon: Array, penalty: float = 10.0
) -> tuple[Array, Array]:
    """The loss of a critic with gradient penalty, and the same without the penalty: two scalars. Eq. gan.19

    `critic_loss` plus `penalty` (λ) times `gradient_penalty_at`; arguments and errors are theirs. The pair is what
    `value_and_grad(..., has_aux=True)` takes: the first is differentiated, the second is returned beside it.
    Gulrajani et al. 2017, Alg. 1, line 7.
    """
    plain = critic_loss(critic(real), critic(fake))
    return plain + penalty * gradient_penalty_at(critic, real, fake, epsilon), plain


@checked(distance=Sized("...", low=0), penalty=positive)
def penalized_slope(distance: Array, penalty: float = 10.0) -> Array:
    """1 + W/2λ: the slope s of the critic with the smallest penalized loss −s·W + λ(s − 1)².

    On a `distance` W a critic of slope s opens a gap s·W and pays λ(s − 1)², λ = `penalty`. So the gap of the best
    critic is larger than W, by W²/2λ. distance is a number or an array of any shape, and so is the result.
    """
    return 1 + distance / (2 * penalty)


@checked(x="N, ..., D", critic=function)
def gradient_norm(critic: Callable, x: numpy.ndarray) -> Array:
    """‖∇f(x)‖ for each example: x (N, ...) -> (N,). Differentiable with respect to the critic.

    Raises ValueError for a critic that does not map (N, ...) to (N,).
    """
    # The gradient of the sum is that of each score at its own example, as long as the critic does not mix examples.
    slopes = grad(lambda x: np.sum(_scores(critic, x)))(x)  # (N, ...)
    slopes = np.reshape(slopes, (len(x), -1))  # (N, D)
    return np.sqrt(np.sum(slopes**2, axis=1) + EPS)  # (N,)


def lipschitz_estimate(critic: Callable, x: numpy.ndarray) -> float:
    """The largest gradient norm of the critic over the points x (N, ...): a lower bound on its Lipschitz constant K.

    Raises ValueError as `gradient_norm` does. Eq. gan.18
    """
    return float(numpy.max(gradient_norm(critic, x)))


def _weights(critic: Any) -> list[numpy.ndarray]:
    """The parameters of a model, of which there must be some."""
    if isinstance(critic, type):
        raise ValueError(f"critic must be a model, got the class {critic.__name__}: call it first")
    weights = leaves(critic)
    if isinstance(critic, numpy.ndarray) or not weights or not all(isinstance(w, numpy.ndarray) for w in weights):
        raise ValueError(f"critic must be a model with parameters, got {type(critic).__name__}")
    return weights


def _scores(critic: Callable, x: Array) -> Array:
    scores = critic(x)
    if np.shape(scores) not in ((len(x),), (len(x), 1)):
        raise ValueError(f"critic must map x (N, ...) to scores (N,), got {np.shape(scores)} for N = {len(x)}")
    return scores
