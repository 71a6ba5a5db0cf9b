"""What a generator hears: the gradient that reaches it through a discriminator that stays as it is.

Arjovsky and Bottou 2017, "Towards principled methods for training generative adversarial networks", freeze a generator,
train a discriminator against it from scratch, and watch this gradient: under log(1 − D) it dies away as D grows sure,
under −log D it grows, and its variance with it.
"""

from collections.abc import Callable

import numpy as np

from minigen.gan import _check
from minigen.tensor import grad, leaves


def generator_gradient(generator, discriminator, z: np.ndarray, loss: Callable) -> np.ndarray:
    """∇_θ loss(D(G_θ(z))) as one vector: all P parameters of the generator in a row, (P,), in their dtype.

    z (N, dim_z): latents. discriminator(x) gives logits (N,) and is not changed; loss(logits) is a number, such as
    `losses.generator_loss_minimax`. Raises ValueError for latents that are not a finite matrix or a loss that is no
    function.
    """
    z = _check.matrix("z", z)
    _check_loss(loss)
    grads = grad(lambda g: loss(discriminator(g(z))))(generator)
    return np.concatenate([g.ravel() for g in leaves(grads)])


def generator_gradient_norm(generator, discriminator, z: np.ndarray, loss: Callable) -> float:
    """‖∇_θ loss(D(G_θ(z)))‖, the Euclidean length over all parameters of the generator: how loud D's answer arrives.

    Arguments and errors are those of `generator_gradient`. Squares are summed in float64: they may be below 1e-38.
    """
    z = _check.matrix("z", z)
    _check_loss(loss)
    grads = grad(lambda g: loss(discriminator(g(z))))(generator)
    squares = [np.sum(g.astype(float) ** 2) for g in leaves(grads)]
    return float(np.sqrt(sum(squares)))


def signal_and_noise(gradients: np.ndarray) -> tuple[float, float]:
    """(‖ḡ‖, √(Σ‖g_k − ḡ‖² / (K − 1))): the length of the mean of K gradients, and their spread around it.

    gradients (K, P), one a minibatch. The square of the second is the total variance of a minibatch's gradient,
    unbiased. Raises ValueError for gradients that are not a finite matrix of at least two rows.
    """
    gradients = _check.matrix("gradients", gradients).astype(float)
    k = len(gradients)
    if k < 2:
        raise ValueError(f"gradients must have shape (K, P) with K ≥ 2, got {gradients.shape}")
    mean = np.mean(gradients, axis=0)  # (P,)
    variance = np.sum((gradients - mean) ** 2) / (k - 1)
    return float(np.sqrt(np.sum(mean**2))), float(np.sqrt(variance))


def _check_loss(loss):
    if not callable(loss):
        raise ValueError(f"loss must be a function of logits (N,), got {type(loss).__name__}")
