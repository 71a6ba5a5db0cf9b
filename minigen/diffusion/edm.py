"""The design space of diffusion models (EDM): preconditioning, weights, noise levels and steps. Karras et al. 2022.

    denoiser = EDM(net, sigma_data=1.0)                        # D(y, σ) = c_skip y + c_out net(c_in y, c_noise)
    loss = denoiser.loss(x0, rng)                              # edm_loss(denoiser, x0, z, levels, sigma_data=1.0)
    x = denoiser.sample(rng, 100, shape=(2,))                  # edm_sample(denoiser, 80 * z, karras_levels(18))

The clock is the noise level σ: y = x0 + σ z. D predicts x0; the factors are chosen so that the network's input and its
target have variance 1 at every level. A level is one number or (N,), 0 or more. sigma_data is the standard deviation of
the data, σ_d.
"""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import Sized, checked, choice, function, nonnegative, nonnegative_floats, number, positive, whole
from minigen.diffusion.arguments import batch_shape
from minigen.diffusion.consistency import boundary_scalings, evaluate, levels
from minigen.diffusion.ddpm import call_model
from minigen.diffusion.guidance import conditional
from minigen.diffusion.schedule import per_example
from minigen.nn import Module
from minigen.types import Array, Float32, Rng

# ------------------------------------------------------------------------------------------- preconditioning


@checked(sigma_data=positive)
def preconditioning(sigma: Any, sigma_data: float = 0.5) -> tuple[Array, Array, Array, Array]:
    """(c_skip, c_out, c_in, c_noise), each in the shape of sigma.

    σ_d²/(σ² + σ_d²), σ σ_d/√(σ² + σ_d²), 1/√(σ² + σ_d²) and ¼ log σ. The first two are those of a consistency model
    whose σ_min is 0. ValueError: a sigma that is not positive, for the logarithm. Eq. after.17, Eq. after.19
    """
    sigma, data = positive_levels(sigma), sigma_data
    c_skip, c_out = boundary_scalings(sigma, 0.0, data)
    return c_skip, c_out, 1 / np.sqrt(sigma**2 + data**2), np.log(sigma) / 4


def edm_target(x0: Array, z: Array, sigma: Any, sigma_data: float = 0.5) -> Array:
    """What the network has to predict, (x0 − c_skip (x0 + σ z))/c_out: x0, z (N, ...) -> (N, ...), of variance 1.

    ValueError: shapes, sigma of 0 or less. Eq. after.18
    """
    n = batch_shape(x0=x0, z=z)[0]
    c_skip, c_out, _, _ = preconditioning(checked_levels(n, sigma), sigma_data)
    y = x0 + per_example(sigma, z)
    return per_example(1 / c_out, x0 - per_example(c_skip, y))


def edm_weight(sigma: Any, sigma_data: float = 0.5) -> Array:
    """λ = 1/c_out² = (σ² + σ_d²)/(σ σ_d)², shaped as sigma: with it the loss on D is the plain loss on the network.

    ValueError: levels that are not positive. Eq. after.20
    """
    return 1 / preconditioning(sigma, sigma_data)[1] ** 2


class EDM(Module):
    """The denoiser (x, sigma, y=None), c_skip x + c_out net(c_in x, time, y): (N, ...) -> (N, ...). y: the condition.

    net is any network of diffusion, called (x, t, y=None). Its time is c_noise stretched to the range of time steps,
    400 c_noise + 500, that is 100 log σ + 500. ValueError: shapes, sigma of 0 or less. Eq. after.17
    """

    @checked(net=function, sigma_data=positive)
    def __init__(self, net: Callable, sigma_data: float = 0.5):
        self.net = net
        self.sigma_data = sigma_data

    def __call__(self, x: Array, sigma: Any, y: Any = None) -> Array:
        sigma = numpy.broadcast_to(checked_levels(batch_shape(x=x)[0], sigma), (len(x),))
        c_skip, c_out, c_in, c_noise = preconditioning(sigma, self.sigma_data)
        out = call_model(self.net, per_example(c_in, x), numpy.asarray(400 * c_noise + 500, x.dtype), y)
        return per_example(c_skip, x) + per_example(c_out, out)

    @checked(x="N, ...", rng=Rng)
    def loss(self, x: Array, rng: Rng, y: Any = None) -> Array:
        """Return `edm_loss` of data x (N, ...), a scalar. `lognormal_levels` are drawn, then the noise."""
        sigma = lognormal_levels(rng, len(x))
        return edm_loss(self, x, rng.standard_normal(np.shape(x), dtype=x.dtype), sigma, self.sigma_data, y)

    @checked(rng=Rng, n=whole)
    def sample(
        self,
        rng: Rng,
        n: int,
        y: Any = None,
        *,
        shape: tuple[int, ...],
        steps: int = 18,
        low: float = 0.002,
        high: float = 80.0,
    ) -> Float32:
        """Return n samples (n, *shape): `edm_sample` by Heun's method, without churn, on the levels of `karras_levels`.

        shape is that of one example, y a condition with a row for each sample. ValueError: arguments that do not fit.
        """
        sigmas = karras_levels(steps, low, high)
        noise = rng.standard_normal((n, *checks.wholes("shape", shape)), dtype=numpy.float32)
        return edm_sample(self if y is None else conditional(self, y), numpy.float32(sigmas[0]) * noise, sigmas)


# ------------------------------------------------------------------------------------------- training


def edm_loss(denoiser: Callable, x0: Array, z: Array, sigma: Any, sigma_data: float = 0.5, y: Any = None) -> Array:
    """Mean over examples and coordinates of λ (D(x0 + σ z, σ) − x0)², a scalar; 1 at every level if the network is 0.

    ValueError: shapes, sigma of 0 or less. Eq. after.20
    """
    n = batch_shape(x0=x0, z=z)[0]
    sigma = numpy.broadcast_to(checked_levels(n, sigma), (n,))
    noisy = x0 + per_example(sigma, z)
    model = denoiser if y is None else lambda x, level: denoiser(x, level, y)
    error = evaluate(model, "denoiser", noisy, sigma) - x0
    return np.mean(per_example(edm_weight(sigma, sigma_data), error**2))


@checked(mean=number, std=positive, n=whole, rng=Rng)
def lognormal_levels(rng: Rng, n: int, mean: float = -1.2, std: float = 1.2) -> numpy.ndarray:
    """n noise levels, log σ ~ N(mean, std²), float64. Eq. after.21"""
    return numpy.exp(mean + std * rng.standard_normal(n))


@checked(snr=nonnegative_floats)
def min_snr_weight(snr: Any, gamma: float = 5.0, target: str = "eps") -> Array:
    """The weight min(SNR, γ) on the squared error of x0, expressed for the loss of a target, in the shape of snr.

    "x0": min(SNR, γ); "eps": that over SNR; "v": that over SNR + 1. SNR = ᾱ/(1 − ᾱ) = 1/σ².
    ValueError: snr not positive, gamma not positive, another target. Eq. after.24; Hang et al. 2023.
    """
    if numpy.any(snr == 0):
        raise ValueError("snr must be positive, got 0")
    clipped = np.minimum(snr, checks.positive("gamma", gamma))
    match checks.choice("target", target, ("x0", "eps", "v")):
        case "x0":
            return clipped
        case "eps":
            return clipped / snr
        case _:
            return clipped / (snr + 1)


# ------------------------------------------------------------------------------------------- sampling


@checked(steps=whole, low=positive, rho=positive)
def karras_levels(steps: int, low: float = 0.002, high: float = 80.0, rho: float = 7.0) -> numpy.ndarray:
    """The levels of a sampler, falling from high to low in `steps` levels, then 0: (steps + 1,) float64.

    σ_i = (high^(1/ρ) + i/(steps − 1) (low^(1/ρ) − high^(1/ρ)))^ρ: a straight line in σ^(1/ρ), with short steps near the
    data. One step has the level `high` alone. ValueError: high is not above low. Eq. after.22
    """
    high = checks.number("high", high, low, without=low)
    roots = numpy.linspace(high ** (1 / rho), low ** (1 / rho), steps)
    return numpy.append(roots**rho, 0.0)


@checked(gamma=nonnegative, noise=nonnegative)
def churn(y: Array, sigma: Any, gamma: float, z: Array, noise: float = 1.0) -> tuple[Array, Array]:
    """(y + √(σ̂² − σ²) noise z, σ̂) with σ̂ = (1 + gamma) σ: fresh noise z (N, ...) that raises the level of y (N, ...).

    ValueError: shapes, levels. Eq. after.23; Karras et al. 2022, algorithm 2.
    """
    n = batch_shape(y=y, z=z)[0]
    (sigma_all,) = levels(n, sigma=sigma)
    raised = (1 + gamma) * sigma_all
    added = numpy.sqrt(raised**2 - sigma_all**2)
    return y + per_example(noise * added, z), raised if numpy.ndim(sigma) else raised[0]


@checked(solver=partial(choice, options=("euler", "heun")), sigmas=Sized("K", dtype=numpy.float64, low=0))
def edm_sample(
    denoiser: Callable,
    y: Array,
    sigmas: Any,
    churn: float = 0.0,
    rng: Rng | None = None,
    low: float = 0.0,
    high: float = numpy.inf,
    noise: float = 1.0,
    solver: str = "heun",
) -> Array:
    """Samples from y (N, ...) at level sigmas[0], along dy/dσ = (y − D(y, σ))/σ to sigmas[-1], usually 0.

    Each step may first add noise (`churn`): gamma = min(churn/steps, √2 − 1) at levels in [low, high]. "heun" takes two
    calls of the denoiser for each step, but one for the last, which is Euler's as 0 has no slope; "euler" one.
    ValueError: levels that do not fall, churn without rng. Karras et al. 2022, algorithm 2.
    """
    shape = batch_shape(y=y)
    if len(sigmas) < 2 or numpy.any(numpy.diff(sigmas) >= 0):
        raise ValueError(f"sigmas must be at least two levels that fall, got {sigmas}")
    amount = min(checks.number("churn", churn, 0) / (len(sigmas) - 1), numpy.sqrt(2) - 1)
    if amount > 0:
        checks.rng(rng)
    for sigma, after in pairwise(sigmas):
        if amount > 0 and low <= sigma <= high:
            assert rng is not None
            y, sigma = raise_level(y, sigma, amount, rng.standard_normal(shape, dtype=y.dtype), noise)
        slope = (y - evaluate(denoiser, "denoiser", y, sigma)) / float(sigma)
        ahead = y + float(after - sigma) * slope
        if solver == "heun" and after > 0:
            slope_after = (ahead - evaluate(denoiser, "denoiser", ahead, after)) / float(after)
            ahead = y + float(after - sigma) / 2 * (slope + slope_after)
        y = ahead
    return y


raise_level = churn  # `edm_sample` has an argument of that name, as the paper has


# ------------------------------------------------------------------------------------------- what they share


@checked(sigma=nonnegative_floats)
def positive_levels(sigma: Any) -> Array:
    """Levels of any shape, above 0. ValueError: others."""
    if numpy.any(sigma == 0):
        raise ValueError("sigma must be positive, got 0")
    return sigma


def checked_levels(n: int, sigma: Any) -> Array:
    """Positive levels, () or (n,)."""
    levels(n, sigma=sigma)
    return positive_levels(sigma)
