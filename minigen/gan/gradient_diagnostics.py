"""The generator's gradient through a fixed discriminator: its norm, and its mean and variance over minibatches.

Arjovsky and Bottou 2017, "Towards principled methods for training generative adversarial networks", freeze a generator,
train a discriminator against it from scratch, and measure this gradient: under log(1 − D) it vanishes as D approaches
the optimum, under −log D it grows, and so does its variance.
"""

from collections.abc import Callable
from typing import Any

import autograd.numpy as np
import numpy

from minigen.checks import checked, function
from minigen.tensor import grad, leaves


@checked(generator=function, discriminator=function, loss=function, z="N, D")
def generator_gradient(generator: Any, discriminator: Callable, z: numpy.ndarray, loss: Callable) -> numpy.ndarray:
    """∇_θ loss(D(G_θ(z))) as one vector: all P parameters of the generator in a row, (P,), in their dtype.

    z (N, dim_z): latents. discriminator(x) gives logits (N,) and is not changed; loss(logits) is a number, such as
    `losses.generator_loss_minimax`.
    """
    grads = grad(lambda g: loss(discriminator(g(z))))(generator)
    return np.concatenate([g.ravel() for g in leaves(grads)])


@checked(generator=function, discriminator=function, loss=function, z="N, D")
def generator_gradient_norm(generator: Any, discriminator: Callable, z: numpy.ndarray, loss: Callable) -> float:
    """‖∇_θ loss(D(G_θ(z)))‖, the Euclidean norm over all parameters of the generator.

    Arguments are those of `generator_gradient`. Squares are summed in float64, as they may be below the range of
    float32.
    """
    grads = grad(lambda g: loss(discriminator(g(z))))(generator)
    squares = [np.sum(g.astype(float) ** 2) for g in leaves(grads)]
    return float(np.sqrt(sum(squares)))


@checked(gradients="K, P")
def signal_and_noise(gradients: numpy.ndarray) -> tuple[float, float]:
    """(‖ḡ‖, √(Σ‖g_k − ḡ‖² / (K − 1))): the norm of the mean of K gradients, and their spread around it.

    gradients (K, P), one for each minibatch. The square of the second is the total variance of a minibatch's gradient,
    unbiased. Raises ValueError if K = 1.
    """
    gradients = gradients.astype(float)
    k = len(gradients)
    if k < 2:
        raise ValueError(f"gradients must have shape (K, P) with K ≥ 2, got {gradients.shape}")
    mean = np.mean(gradients, axis=0)  # (P,)
    variance = np.sum((gradients - mean) ** 2) / (k - 1)
    return float(np.sqrt(np.sum(mean**2))), float(np.sqrt(variance))
