"""unCLIP: a prior that makes an image embedding from a caption, and a decoder that makes an image from it.

    P(x | y) = P(x | z, y) P(z | y)        # Eq. diffusion.31: z is the embedding of the image

Both are diffusion models, trained separately. Unlike those of images, the prior predicts the clean embedding itself,
not the noise. Ramesh et al., "Hierarchical Text-Conditional Image Generation with CLIP Latents", 2022, section 2.2.
"""

from collections.abc import Callable
from typing import Any

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import checked, function, whole
from minigen.diffusion.arguments import BATCH, STEPS
from minigen.diffusion.ddpm import eps_from_x0, q_sample
from minigen.diffusion.samplers import ddim
from minigen.diffusion.schedule import Schedule
from minigen.nn import Linear, Module, time_features
from minigen.tensor import mse
from minigen.types import Array, Rng


@checked(prior=function, schedule=Schedule, z=BATCH, eps=BATCH, t=STEPS)
def prior_loss(prior: Callable, z: Array, y: Any, t: Any, eps: Array, schedule: Schedule) -> Array:
    """The mean over examples and dimensions of (ẑ − z)², ẑ = prior(z_t, t, y) with z_t = `q_sample`(z, t, eps).

    z (N, ...) are clean embeddings, y the conditions as the prior takes them, t one time step or (N,) in 1..T, passed
    to the prior as (N,). A prior that returns the mean of the embeddings has their variance as its loss.
    ValueError: a prediction of another shape. Eq. diffusion.31
    """
    t = np.broadcast_to(t, (len(z),))
    predicted = prior(q_sample(z, t, eps, schedule), t, y)
    if np.shape(predicted) != np.shape(z):
        raise ValueError(f"prior must return the shape of z, {np.shape(z)}, got {np.shape(predicted)}")
    return mse(predicted, z)


class EmbeddingPrior(Module):
    """prior(z_t, t, y) -> the clean embedding ẑ: z_t (N, dim), t (N,), text embeddings y (N, dim_text) -> (N, dim).

    Residual layers of `width` units; the time enters as sines and cosines. It starts with the output zero.
    ValueError: y missing, other shapes.
    """

    @checked(dim_text=whole, dim=whole, time_features=whole, width=whole)
    def __init__(self, rng: Rng, dim: int, dim_text: int, width: int = 256, layers: int = 3, time_features: int = 32):
        self.dim, self.dim_text = dim, dim_text
        self.time_features = time_features
        self.first = Linear(rng, dim + dim_text + time_features, width, "silu")
        self.layers = [Linear(rng, width, width, "silu") for _ in range(checks.whole("layers", layers))]
        self.last = Linear(rng, width, dim, scale=0.0)

    def __call__(self, z_t: Array, t: numpy.ndarray, y: Array | None = None) -> Array:
        z_t = checks.array("z_t", z_t, "N", self.dim, finite=False)
        if y is None:
            raise ValueError(f"y must have shape {(len(z_t), self.dim_text)}, those of the texts, got None")
        y = checks.array("y", y, len(z_t), self.dim_text, finite=False)
        h = self.first(np.concatenate([z_t, time_features(t, self.time_features), y], axis=1))  # (N, width)
        for layer in self.layers:
            h = h + layer(h)
        return self.last(h)  # (N, dim)


@checked(prior=function)
def sample_prior(prior: Callable, y: Array, dim: int, schedule: Schedule, rng: Rng, steps: int = 25) -> numpy.ndarray:
    """Embeddings (N, dim) for the conditions y (N, ...), by DDIM from noise. Eq. diffusion.31

    prior(z_t, t, y) returns the clean embedding; the noise that a sampler needs is computed from it and z_t.
    """

    def eps_model(z_t: Array, t: Array) -> Array:
        return eps_from_x0(z_t, t, prior(z_t, t, y), schedule)

    noise = checks.rng(rng).standard_normal((len(y), checks.whole("dim", dim)), dtype=numpy.float32)
    return ddim(eps_model, noise, schedule, steps)
