"""Cascades of diffusion models: small pictures first, then super-resolution, each model told the smaller picture.

A super-resolution model is trained on small pictures of the data and used on those of another model, which are not
quite as good. *Conditioning augmentation* closes the gap: the small picture is blurred in training, or noised by
`q_sample` to a step that the model is told. Ho et al., "Cascaded Diffusion Models", 2021.
"""

from typing import Any

import autograd.numpy as np
import numpy

from minigen import checks

Array = Any  # an ndarray, or one that autograd traces


def gaussian_blur(x: Array, sigma: Any, kernel: int = 3) -> Array:
    """Pictures x (N, H, W, C) blurred by a Gaussian of standard deviation sigma pixels, one or (N,): (N, H, W, C).

    The weights exp(−d²/2σ²), d = −(kernel − 1)/2 ... (kernel − 1)/2, are made to sum to 1, down and across; beyond the
    border the picture is reflected, without repeating the pixel at the edge. Every channel by itself. Ho et al. 2021
    draw sigma from [0.4, 0.6] in training, and leave the blur out in sampling.
    ValueError: an even kernel, one that reaches beyond the reflection (kernel > 2 min(H, W) − 1), sigma not positive.
    """
    x = checks.array("x", x, "N", "H", "W", "C")
    n, height, width, channels = np.shape(x)
    kernel = checks.whole("kernel", kernel)
    if kernel % 2 == 0 or kernel > 2 * min(height, width) - 1:
        most = 2 * min(height, width) - 1
        raise ValueError(f"kernel must be odd and at most {most} for pictures of {height}x{width}, got {kernel}")
    sigma = checks.floats("sigma", sigma, dtype=numpy.float64)
    if np.shape(sigma) not in ((), (n,)):
        raise ValueError(f"sigma must be one number or have shape ({n},), one for each picture, got {np.shape(sigma)}")
    if np.any(sigma <= 0):
        raise ValueError(f"sigma must be positive, got {np.min(sigma)}")
    weights = _weights(sigma, kernel)
    down = np.matmul(_blur_matrix(weights, height).astype(x.dtype), np.reshape(x, (n, height, -1)))
    turned = np.transpose(np.reshape(down, (n, height, width, channels)), (0, 2, 1, 3))  # (N, W, H, C)
    across = np.matmul(_blur_matrix(weights, width).astype(x.dtype), np.reshape(turned, (n, width, -1)))
    return np.transpose(np.reshape(across, (n, width, height, channels)), (0, 2, 1, 3))


def _weights(sigma, kernel):
    """(1 or N, kernel): a normalized Gaussian. The middle is taken out of the exponents, so that a tiny σ is exact."""
    d = numpy.arange(kernel) - kernel // 2
    weights = numpy.exp(-((d / numpy.reshape(sigma, (-1, 1))) ** 2) / 2)  # 1 in the middle
    return weights / weights.sum(axis=1, keepdims=True)


def _blur_matrix(weights, length):
    """(1 or N, length, length): row i holds the weights of the pixels that become pixel i, borders reflected."""
    count, kernel = weights.shape
    matrix = numpy.zeros((count, length, length))
    i = numpy.arange(length)
    for k in range(kernel):
        j = numpy.abs(i + k - kernel // 2)  # reflected at the first pixel
        j = (length - 1) - numpy.abs((length - 1) - j)  # and at the last
        matrix[:, i, j] += weights[:, k, None]
    return matrix
