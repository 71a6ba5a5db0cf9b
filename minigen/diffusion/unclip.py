"""unCLIP: a prior that makes an image embedding from a caption, and a decoder that makes a picture from it.

    P(x | y) = P(x | z, y) P(z | y)        # Eq. diffusion.31: z is the embedding of the picture

Both are diffusion models, trained separately. Unlike those of pictures, the prior predicts the clean embedding itself,
not the noise. Ramesh et al., "Hierarchical Text-Conditional Image Generation with CLIP Latents", 2022, section 2.2.
"""

from collections.abc import Callable
from typing import Any

import autograd.numpy as np

from minigen import checks
from minigen.diffusion.ddpm import q_sample
from minigen.diffusion.schedule import Schedule, check_steps
from minigen.tensor import mse

Array = Any  # an ndarray, or one that autograd traces


def prior_loss(prior: Callable, z: Array, y: Any, t: Any, eps: Array, schedule: Schedule) -> Array:
    """The mean over examples and dimensions of (ẑ − z)², ẑ = prior(z_t, t, y) with z_t = `q_sample`(z, t, eps).

    z (N, ...) are clean embeddings, y the conditions as the prior takes them, t one time step or (N,) in 1..T, told to
    the prior as (N,). A prior that returns the mean of the embeddings has their variance as its loss.
    ValueError: shapes, t out of range, a prediction of another shape. Eq. diffusion.31
    """
    checks.function("prior", prior)
    t = np.broadcast_to(check_steps(t, schedule, z=z, eps=eps), (len(z),))
    predicted = prior(q_sample(z, t, eps, schedule), t, y)
    if np.shape(predicted) != np.shape(z):
        raise ValueError(f"prior must return the shape of z, {np.shape(z)}, got {np.shape(predicted)}")
    return mse(predicted, z)
