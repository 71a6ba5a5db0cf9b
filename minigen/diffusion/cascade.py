"""Cascades of diffusion models: small images first, then super-resolution, conditioned on the smaller image.

    small = avg_pool2d(x0, 2)                                          # the condition of an image of the data
    y = augmented_condition(small, s, noise, schedule)                 # noised to step s, enlarged, and the noise level
    loss = v_loss(SuperResolution(rng), x0, t, eps, schedule, y)
    large = super_resolve(model, y, schedule, rng, steps=20)           # y of the small images of another model

A super-resolution model is trained on small images of the data and used on those of another model, which are not
quite as good. *Conditioning augmentation* closes the gap: the small image is blurred in training, or noised by
`q_sample` to a step s that the model receives. In sampling either finished small images are noised to step s
("non-truncated"), or the sampling of the small images is stopped at step s ("truncated": `low_resolution_condition`).
Ho et al., "Cascaded Diffusion Models", 2021.
"""

from collections.abc import Callable
from typing import Any

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import checked, function, whole
from minigen.diffusion.ddpm import eps_model_from_v, q_sample
from minigen.diffusion.guidance import conditional
from minigen.diffusion.networks.unet import UNet
from minigen.diffusion.samplers import clipped, strided
from minigen.diffusion.schedule import Schedule, per_example
from minigen.nn import Module
from minigen.tensor import like, upsample_nearest
from minigen.types import Array, Rng

# ------------------------------------------------------------------------------------------- the condition


def augmented_condition(small: Array, s: Any, eps: Array, schedule: Schedule, factor: int = 2) -> Array:
    """The condition of a super-resolution model: small images noised to step s and enlarged, and their noise level.

    small, eps (N, h, w, C), s one step or (N,), in 0..T -> (N, factor h, factor w, C + 1). Every pixel of √ᾱ_s small +
    √(1 − ᾱ_s) eps becomes factor × factor equal ones; the last channel is √(1 − ᾱ_s) everywhere. s = 0 adds no noise.
    ValueError: shapes that do not fit, s out of range. Ho et al. 2021, section 4.
    """
    s = checks.integers("s", s, least=0, most=schedule.T)
    return low_resolution_condition(q_sample(small, s, eps, schedule), s, schedule, factor)


@checked(z="N, h, w, C")
def low_resolution_condition(z: Array, s: Any, schedule: Schedule, factor: int = 2) -> Array:
    """The condition for small images z (N, h, w, C) that are at step s already, one step or (N,): as above.

    For z from a chain that was stopped at step s: *truncated* conditioning augmentation. Ho et al. 2021, section 4.2.
    """
    s = checks.integers("s", s, least=0, most=schedule.T)
    if np.shape(s) not in ((), (len(z),)):
        raise ValueError(f"s must be one step or have shape ({len(z)},), one for each image, got {np.shape(s)}")
    enlarged = upsample_nearest(z, checks.whole("factor", factor))  # (N, H, W, C)
    ones = np.ones((*np.shape(enlarged)[:3], 1), z.dtype)
    return np.concatenate([enlarged, per_example(np.sqrt(1 - schedule.alpha_bar[s]), ones)], axis=3)


def gaussian_blur(x: Array, sigma: Any, kernel: int = 3) -> Array:
    """Images x (N, H, W, C) blurred by a Gaussian of standard deviation sigma pixels, one or (N,): (N, H, W, C).

    The weights exp(−d²/2σ²), d = −(kernel − 1)/2 ... (kernel − 1)/2, are made to sum to 1, down and across; beyond the
    border the image is reflected, without repeating the pixel at the edge. Every channel by itself. Ho et al. 2021
    blur half of the conditions in training, and leave the blur out in sampling.
    ValueError: an even kernel, one that reaches beyond the reflection (kernel > 2 min(H, W) − 1), sigma not positive.
    """
    x, sigma, kernel = _check_blur(x, sigma, kernel)
    n, height, width, channels = np.shape(x)
    weights = _weights(sigma, kernel)
    down = np.matmul(_blur_matrix(weights, height).astype(x.dtype), np.reshape(x, (n, height, -1)))
    turned = np.transpose(np.reshape(down, (n, height, width, channels)), (0, 2, 1, 3))  # (N, W, H, C)
    across = np.matmul(_blur_matrix(weights, width).astype(x.dtype), np.reshape(turned, (n, width, -1)))
    return np.transpose(np.reshape(across, (n, width, height, channels)), (0, 2, 1, 3))


def _check_blur(x: Array, sigma: Any, kernel: int) -> tuple[Array, Array, int]:
    """The arguments of `gaussian_blur`, checked."""
    x = checks.array("x", x, "N", "H", "W", "C")
    n, height, width, _ = np.shape(x)
    kernel = checks.whole("kernel", kernel)
    most = 2 * min(height, width) - 1
    if kernel % 2 == 0 or kernel > most:
        raise ValueError(f"kernel must be odd and at most {most} for images of {height}x{width}, got {kernel}")
    sigma = checks.floats("sigma", sigma, dtype=numpy.float64)
    if np.shape(sigma) not in ((), (n,)):
        raise ValueError(f"sigma must be one number or have shape ({n},), one for each image, got {np.shape(sigma)}")
    if np.any(sigma <= 0):
        raise ValueError(f"sigma must be positive, got {np.min(sigma)}")
    return x, sigma, kernel


def _weights(sigma: Any, kernel: int) -> numpy.ndarray:
    """(1 or N, kernel): a normalized Gaussian. The middle is taken out of the exponents, so that a tiny σ is exact."""
    d = numpy.arange(kernel) - kernel // 2
    weights = numpy.exp(-((d / numpy.reshape(sigma, (-1, 1))) ** 2) / 2)  # 1 in the middle
    return weights / weights.sum(axis=1, keepdims=True)


def _blur_matrix(weights: numpy.ndarray, length: int) -> numpy.ndarray:
    """(1 or N, length, length): row i holds the weights of the pixels that become pixel i, borders reflected."""
    count, kernel = weights.shape
    matrix = numpy.zeros((count, length, length))
    i = numpy.arange(length)
    for k in range(kernel):
        j = numpy.abs(i + k - kernel // 2)  # reflected at the first pixel
        j = (length - 1) - numpy.abs((length - 1) - j)  # and at the last
        matrix[:, i, j] += weights[:, k, None]
    return matrix


# ------------------------------------------------------------------------------------------- the networks


class Padded(Module):
    """A network (x, t, y=None) for images of any size: x (N, H, W, C) is extended by zeros to multiples of 4.

    `UNet` requires such sizes. The zeros come below and to the right, and are cut from the output: (N, H, W, C).
    """

    def __init__(self, net: Module):
        self.net = net

    def __call__(self, x: Array, t: numpy.ndarray, y: Any = None) -> Array:
        height, width = np.shape(x)[1:3]
        margins = [(0, 0), (0, -height % 4), (0, -width % 4), (0, 0)]
        return self.net(np.pad(x, margins, mode="constant"), t, y)[:, :height, :width]


class SuperResolution(Module):
    """A model of v, (x, t, y=None): noisy images x (N, H, W, C), the condition y (N, H, W, C + 1) -> v, shaped as x.

    A U-Net whose input is the noisy image and the condition, concatenated along the channels. y is what
    `augmented_condition` returns. Images of any size; starts as v = 0. ValueError: y missing or of another shape.
    """

    @checked(channels=whole)
    def __init__(self, rng: Rng, channels: int = 1, width: int = 32, blocks: int = 1):
        self.channels = channels
        self.net = Padded(UNet(rng, channels=2 * channels + 1, width=width, blocks=blocks))

    def __call__(self, x: Array, t: numpy.ndarray, y: Array | None = None) -> Array:
        x = checks.array("x", x, "N", "H", "W", self.channels, finite=False)
        wanted = (*np.shape(x)[:3], self.channels + 1)
        got = None if y is None else np.shape(y)
        if got != wanted:
            raise ValueError(f"y must have shape {wanted}, that of x with one more channel, got {got}")
        out = self.net(np.concatenate([x, y], axis=3), t)  # (N, H, W, 2 C + 1)
        return like(out[..., : self.channels], x)


# ------------------------------------------------------------------------------------------- sampling


@checked(v_model=function, y="N, H, W, C + 1", rng=Rng)
def super_resolve(v_model: Callable, y: Array, schedule: Schedule, rng: Rng, steps: int | None = None) -> Array:
    """Images for the conditions y (N, H, W, C + 1), from fresh noise: (N, H, W, C), within [−1, 1].

    DDPM sampling with variance "posterior", in `steps` evenly spaced jumps, all steps of the schedule unless given;
    v_model(x, t, y) as `SuperResolution`. ValueError: steps out of range.
    """
    *sides, channels = np.shape(y)
    noise = rng.standard_normal((*sides, channels - 1), dtype=numpy.float32)

    eps_model = clipped(eps_model_from_v(conditional(v_model, y), schedule), schedule)
    return strided(eps_model, noise, schedule, schedule.T if steps is None else steps, rng, "posterior")
