"""The variational autoencoder (Kingma and Welling 2014; Rezende, Mohamed and Wierstra 2014).

The decoder is a model of the data: draw z from N(0, I), then x from p(x|z). Its log p(x) is an intractable integral
over z. The encoder approximates the posterior, the z that x came from, by q(z|x) = N(mu(x), diag sigma(x)²). Then

    log p(x) = ELBO + KL(q(z|x) || p(z|x)),        ELBO = E_q log p(x|z) - KL(q(z|x) || p(z)),

so raising the ELBO raises log p(x), or brings q closer to the posterior, or both. Its expectation is over a
distribution that is being trained; with z = mu + sigma * eps, eps ~ N(0, I), the gradient passes through mu and sigma.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import checked, floats, function, whole, wholes
from minigen.nn import MLP, Module
from minigen.tensor import batched, grad, logsumexp
from minigen.types import Array, Float32, Rng
from minigen.vae.likelihoods import Bernoulli, Likelihood, bernoulli_log_likelihood, gaussian_log_likelihood

# --------------------------------------------------------------------- the three equations


def reparameterize(mu: Array, logvar: Array, eps: Array) -> Array:
    """z = mu + sigma * eps with sigma = exp(logvar / 2): all (N, D), eps ~ N(0, I). Eq. vae.14.

    Raises ValueError if the shapes differ or a value is not finite.
    """
    mu, logvar, eps = checks.floats_of_one_shape(mu=mu, logvar=logvar, eps=eps)
    return mu + np.exp(0.5 * logvar) * eps


@checked(mu=floats, logvar=floats)
def kl_standard_normal(mu: Array, logvar: Array) -> Array:
    """KL(N(mu, diag sigma²) || N(0, I)) = ½ sum(mu² + sigma² - 1 - log sigma²): (N, D) -> (N,), nats.

    The KL divergence of Eq. vae.11, with logvar = log sigma². Raises ValueError if the shapes differ.
    """
    shape = checks.same_shape(2, mu=mu, logvar=logvar)
    return 0.5 * np.sum(mu**2 + np.exp(logvar) - 1 - logvar, axis=tuple(range(1, len(shape))))


class Elbo(NamedTuple):
    """value = reconstruction - kl, each (N,), nats."""

    value: Float32
    reconstruction: Float32
    kl: Float32


@checked(log_likelihood=function)
def elbo(
    x: Array, decoded: Array, mu: Array, logvar: Array, log_likelihood: Callable = bernoulli_log_likelihood
) -> Elbo:
    """The evidence lower bound of each example and its two terms, nats: log p(x|z) - KL(q(z|x) || p(z)).

    x and decoded (N, D), decoded from one z ~ N(mu, diag exp(logvar)) each; mu and logvar (N, D_z).
    `log_likelihood(x, decoded)` -> (N,) is log p(x|z); by default decoded are logits of pixels in [0, 1].
    The first term is one sample's estimate of its expectation, the second is exact. Eq. vae.11, Eq. vae.13
    """
    x, decoded = checks.floats_of_one_shape(2, x=x, decoded=decoded)
    reconstruction = log_likelihood(x, decoded)  # (N,)
    kl = kl_standard_normal(mu, logvar)  # (N,)
    checks.same_shape(reconstruction=reconstruction, kl=kl)
    return Elbo(reconstruction - kl, reconstruction, kl)


# --------------------------------------------------------------------- the model


class VAE(Module):
    """Encoder and decoder networks of mirrored widths around a Gaussian code, with the `gain` of `MLP`.

    VAE(rng) is the 784-400-400-20 model for binary digits; VAE(rng, 2, 2, (64, 64), likelihood=Gaussian()) is one for
    points in the plane. A subclass with other networks (convolutions) sets `likelihood` and `dim_z`, and writes
    `encode` and `decoder_output`; all else follows.
    """

    @checked(dim_x=whole, dim_z=whole, widths=wholes)
    def __init__(
        self,
        rng: Rng,
        dim_x: int = 784,
        dim_z: int = 20,
        widths: Sequence[int] = (400, 400),
        activation: Any = "leaky_relu",
        likelihood: Likelihood | None = None,
        *,
        gain: float | str = "he",
    ):
        self.dim_x = dim_x
        self.dim_z = dim_z
        if likelihood is not None:
            checks.instance("likelihood", likelihood, Likelihood)
        self.encoder = MLP(rng, [dim_x, *widths, 2 * dim_z], activation, gain=gain)
        self.decoder = MLP(rng, [dim_z, *reversed(widths), dim_x], activation, gain=gain)
        self.likelihood: Likelihood = Bernoulli() if likelihood is None else likelihood

    def encode(self, x: Array) -> tuple[Array, Array]:
        """mu and logvar of q(z|x): (N, dim_x) -> two of (N, dim_z)."""
        h = self.encoder(checks.array("x", x, "N", self.dim_x, finite=False))  # (N, 2·dim_z)
        return h[:, : self.dim_z], h[:, self.dim_z :]

    def decoder_output(self, z: Array) -> Float32:
        """Return the parameters of p(x|z), logits of pixels or means of points: (N, dim_z) -> (N, dim_x).

        They are what a likelihood calls `decoded`.
        """
        return self.decoder(checks.array("z", z, "N", self.dim_z, finite=False))

    def decode(self, z: Array) -> Float32:
        """Return the mean of p(x|z), in the range of the data: (N, dim_z) -> (N, dim_x)."""
        return self.likelihood.mean(self.decoder_output(z))

    @checked(x="N, ..., D")
    def elbo(self, x: Array, eps: Array) -> Elbo:
        """The ELBO of each example at z = mu + sigma * eps: x (N, dim_x), eps (N, dim_z).

        Raises ValueError if eps does not have this shape or is not finite.
        """
        mu, logvar = self.encode(x)
        eps = checks.array("eps", eps, *np.shape(mu))
        return _elbo_of(self, x, mu, logvar, eps)

    @checked(x="N, ..., D", rng=Rng)
    def loss(self, x: Array, rng: Rng) -> Array:
        """Return the mean of -ELBO over the batch, nats per example, with one draw of z for each: a scalar. Eq. vae.12

        x (N, dim_x). It is `vae_loss(vae, x, eps)` with eps from rng.
        """
        mu, logvar = self.encode(x)
        eps = rng.standard_normal(np.shape(mu), dtype=numpy.float32)
        return -np.mean(_elbo_of(self, x, mu, logvar, eps).value)

    @checked(n=whole, rng=Rng)
    def sample(self, rng: Rng, n: int, noise: bool = True) -> Float32:
        """`n` draws of x (n, dim_x): z from N(0, I), then x from p(x|z), or, without `noise`, the mean of p(x|z)."""
        z = rng.standard_normal((n, self.dim_z), dtype=numpy.float32)
        return self.likelihood.sample(rng, self.decoder_output(z)) if noise else self.decode(z)

    def reconstruct(self, x: Array) -> Float32:
        """x through the mean code and back, as the mean of p(x|z): (N, dim_x) -> (N, dim_x)."""
        return self.decode(self.encode(x)[0])


def _elbo_of(vae: VAE, x: Array, mu: Array, logvar: Array, eps: Array) -> Elbo:
    """The ELBO of examples x that are encoded already."""
    z = reparameterize(mu, logvar, eps)
    return elbo(x, vae.decoder_output(z), mu, logvar, vae.likelihood.log_prob)


# --------------------------------------------------------------------- training


def vae_loss(
    vae: VAE, x: Array, eps: Array, bound: Callable[[VAE, Array, Array], Elbo] | None = None
) -> tuple[Array, dict[str, Array]]:
    """The mean of -ELBO over the batch, and its terms "reconstruction" and "kl": scalars, nats per example. Eq. vae.12

    x (N, dim_x), eps (N, dim_z) ~ N(0, I). "reconstruction" is the mean of -log p(x|z): the loss is the terms' sum.
    `bound(vae, x, eps)` -> Elbo, if given, takes the place of `vae.elbo`: another weight of a term, for example.
    """
    checks.instance_with("vae", vae, "elbo")
    if bound is not None:
        checks.function("bound", bound)
    terms = vae.elbo(x, eps) if bound is None else bound(vae, x, eps)
    return -np.mean(terms.value), {"reconstruction": -np.mean(terms.reconstruction), "kl": np.mean(terms.kl)}


# --------------------------------------------------------------------- importance-weighted log p(x)


@checked(samples=whole, rows=whole, x="N, ..., D", rng=Rng)
def log_importance_weights(vae: VAE, x: numpy.ndarray, samples: int, rng: Rng, rows: int = 500) -> numpy.ndarray:
    """log w_k = log p(x|z_k) + log p(z_k) - log q(z_k|x) with z_k ~ q(z|x): x (N, dim_x) -> (samples, N), nats.

    w_k is an unbiased estimate of p(x), the integral of Eq. vae.08. About `rows` codes are decoded at a time.
    """
    checks.instance_with("vae", vae, "encode", "decoder_output", "likelihood")

    def log_weights(some: Array) -> Array:
        return _log_weights(vae, some, samples, rng, rows).T  # (n, samples)

    return numpy.ascontiguousarray(batched(log_weights, x, size=rows).T)  # (samples, N)


def _log_weights(vae: VAE, x: numpy.ndarray, samples: int, rng: Rng, rows: int) -> numpy.ndarray:
    """`log_importance_weights` of a few examples (n, dim_x), about `rows` codes at a time: (samples, n)."""
    n = len(x)
    mu, logvar = vae.encode(x)  # (n, dim_z)
    at_once = max(1, rows // n)  # samples of each example
    parts = []
    for done in range(0, samples, at_once):
        s = min(at_once, samples - done)
        eps = rng.standard_normal((s * n, vae.dim_z), dtype=numpy.float32).astype(mu.dtype)
        tiled_mu, tiled_logvar, tiled_x = (numpy.tile(a, (s, 1)) for a in (mu, logvar, x))  # (s·n, ·)
        z = reparameterize(tiled_mu, tiled_logvar, eps)
        log_w = (
            vae.likelihood.log_prob(tiled_x, vae.decoder_output(z))
            + gaussian_log_likelihood(z, 0.0, 0.0)
            - gaussian_log_likelihood(z, tiled_mu, tiled_logvar)
        )
        parts.append(log_w.reshape(s, n))
    return numpy.concatenate(parts)  # (samples, n)


@checked(log_w="K, ...")
def log_mean_exp(log_w: numpy.ndarray) -> numpy.ndarray:
    """log of the mean over the first axis of exp(log_w): (K, N) -> (N,); the mean of the logs is smaller."""
    log_sum = logsumexp(log_w.astype(numpy.float64), axis=0)  # (N,)
    return (log_sum - math.log(len(log_w))).astype(log_w.dtype)


def importance_log_likelihood(vae: VAE, x: numpy.ndarray, samples: int, rng: Rng) -> numpy.ndarray:
    """log of the mean of `samples` importance weights, a lower bound of log p(x): x (N, dim_x) -> (N,), nats.

    With one sample it is an ELBO; it rises to log p(x) as samples grow: the importance-weighted bound of Burda, Grosse
    and Salakhutdinov 2016, for the integral of Eq. vae.08. Raises ValueError if samples < 1 or x is not a finite
    (N, dim_x).
    """
    return log_mean_exp(log_importance_weights(vae, x, samples, rng))


# --------------------------------------------------------------------- two gradients of an expectation


@checked(f=function)
def score_function_gradient(
    f: Callable, mu: Array, logvar: Array, eps: Array, baseline: float = 0.0
) -> tuple[Array, Array]:
    """Estimates of d/dmu and d/dlogvar of E_q f(z), q = N(mu, diag exp(logvar)), without a derivative of f.

    The gradient of E_q f is E_q[(f(z) - baseline) * gradient of log q(z)], for any constant baseline. All arrays are
    (N, D), `f` maps (N, D) -> (N,). Returns two arrays (N, D): one unbiased estimate in each row. Also called REINFORCE
    (Williams 1992). It applies even where z cannot be written as in Eq. vae.14.
    """
    mu, logvar, eps = checks.floats_of_one_shape(2, mu=mu, logvar=logvar, eps=eps)
    z = reparameterize(mu, logvar, eps)
    weight = _per_row(f(z), len(z)) - baseline  # (N, 1)
    return weight * eps * np.exp(-0.5 * logvar), weight * 0.5 * (eps**2 - 1)  # weight times the gradient of log q(z)


@checked(f=function)
def reparameterized_gradient(f: Callable, mu: Array, logvar: Array, eps: Array) -> tuple[Array, Array]:
    """The same two gradients, through z = mu + sigma * eps and the derivative of f. Eq. vae.14

    Arguments and result are those of `score_function_gradient`; `f` must be differentiable.
    """

    mu, logvar, eps = checks.floats_of_one_shape(2, mu=mu, logvar=logvar, eps=eps)

    def total(q: Array) -> Array:
        return np.sum(_per_row(f(reparameterize(q[0], q[1], eps)), len(eps)))

    return grad(total)((mu, logvar))


def _per_row(values: Array, n: int) -> Array:
    if np.shape(values) != (n,):
        raise ValueError(f"f must map (N, D) to (N,), got {np.shape(values)} for N = {n}")
    return np.reshape(values, (n, 1))
