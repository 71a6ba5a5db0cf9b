"""A normalizing flow as the posterior of a VAE: the encoder's Gaussian is the base density, the flow bends it.

    q(z | x) = N(z0; mu(x), σ²(x)) pushed through z = f(z0)

A Gaussian with independent coordinates is rarely close to the true posterior, and the gap is lost from the bound; the
flow narrows it. There is no closed form of the KL divergence any more: it is estimated by one draw. Rezende and
Mohamed 2015 (a chain of `Planar`); Kingma et al. 2016 (an `IAF` with the encoder's features as context).
"""

import math
from typing import Any

import autograd.numpy as np

from minigen import checks
from minigen.flow.bijection import Bijection, apply, like

Array = Any  # an ndarray, or one that autograd traces


def flow_posterior(
    mu: Array, logvar: Array, eps: Array, bijection: Bijection, context: Array | None = None
) -> tuple[Array, Array]:
    """A draw z (N, D) of the posterior, and an estimate (N,) of KL(q(z | x) ‖ N(0, I)) from this one draw, in nats.

    z0 = mu + exp(logvar/2) eps and z = bijection.forward(z0), all (N, D), eps from N(0, I); then

        kl = log N(z0; mu, exp(logvar)) − log |det dz/dz0| − log N(z; 0, I).

    One draw can be negative; its mean over eps is the divergence. ValueError: shapes that differ.
    """
    mu = checks.array("mu", mu, "N", "D")
    logvar, eps = checks.array("logvar", logvar, "N", "D"), checks.array("eps", eps, "N", "D")
    checks.same_shape(2, mu=mu, logvar=logvar, eps=eps)
    z0 = mu + np.exp(logvar / 2) * eps
    z, log_det = apply(bijection.forward, z0, context)
    if np.shape(z) != np.shape(mu):
        raise ValueError(f"bijection must keep the shape {np.shape(mu)}, got {np.shape(z)}")
    log_q0 = -0.5 * np.sum(eps**2 + logvar + math.log(2 * math.pi), axis=1)  # (N,)
    log_prior = -0.5 * np.sum(z**2 + math.log(2 * math.pi), axis=1)  # (N,)
    return like(z, mu), like(log_q0 - log_det - log_prior, mu)
