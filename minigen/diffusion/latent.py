"""Latent diffusion: the diffusion model works on the codes of an autoencoder instead of on pixels.

    factor = unit_scale(encoder(images))        # once, before training
    z0 = factor * encoder(images)               # what is noised; decode samples as decoder(z0 / factor)

A noise schedule is made for data of standard deviation 1. Codes regularized by a KL term may have any, so they are
scaled. Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models", 2022, appendix G.
"""

from typing import Any

import numpy

from minigen import checks
from minigen.tensor import stop_gradient


def unit_scale(latents: Any) -> float:
    """1/standard deviation of all entries of the latents (N, ...), whatever their axes: the factor that makes it 1.

    ValueError: latents that are all equal, none at all, or not finite.
    """
    latents = checks.array("latents", stop_gradient(latents), "N", ...)
    deviation = float(numpy.std(latents, dtype=numpy.float64))
    if deviation == 0:
        raise ValueError("latents must not be all equal: their standard deviation is 0")
    return 1 / deviation
