"""Consistency models: a function that leads from any noise level of a trajectory to its origin, in one call.

    f = ConsistencyModel(net, sigma_data=1.0)               # f(x, sigma) = c_skip x + c_out net(...), Eq. diffusion.27
    loss = consistency_training_loss(f, f_average, x, z, high, low)
    samples = multistep(f, 80 * z, [80.0, 5.0], rng)

Two ways to train f: *distillation* makes the step from one level to the next with a diffusion model, *training* with
the noise that was added to the data.

Here x is the data plus σ z, and the deterministic process is dx/dσ = eps(x, σ). All points of a trajectory have
the same origin; so f is trained to give equal outputs at two neighboring levels of a trajectory, and f(x, σ_min) = x
holds by construction. Song, Dhariwal, Chen and Sutskever, "Consistency Models", 2023.

A model, f or `eps_model`, receives the level of each example, (N,). A level is one number or (N,), 0 or more.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import Sized, checked, choice, floats, function, nonnegative, nonnegative_floats, positive, whole
from minigen.diffusion.arguments import batch_shape
from minigen.diffusion.ddpm import call_model
from minigen.diffusion.schedule import per_example
from minigen.nn import Module
from minigen.tensor import mse, stop_gradient
from minigen.types import Array, Rng

# ------------------------------------------------------------------------------------------- the model


@checked(sigma=nonnegative_floats, sigma_data=positive, sigma_min=nonnegative)
def boundary_scalings(sigma: Any, sigma_min: float = 0.002, sigma_data: float = 0.5) -> tuple[Array, Array]:
    """(c_skip, c_out), each shaped as sigma: 1 and 0 at sigma_min, so that there f returns its input.

    c_skip = σ_d²/((σ − σ_min)² + σ_d²), c_out = (σ − σ_min) σ_d/√(σ² + σ_d²), σ_d = sigma_data the standard deviation
    of the data. Eq. diffusion.27; Song et al. 2023, appendix C.
    """
    low, data = sigma_min, sigma_data
    above = sigma - low
    return data**2 / (above**2 + data**2), above * data / np.sqrt(sigma**2 + data**2)


class ConsistencyModel(Module):
    """f(x, sigma, y=None) = c_skip x + c_out net(c_in x, c_noise, y): (N, ...) -> (N, ...), equal to x at sigma_min.

    net is any network of diffusion, called (x, t, y=None). c_in = 1/√(σ² + σ_d²) brings x to standard deviation 1,
    c_noise = 250 log σ is its time argument. sigma_data is the standard deviation σ_d of the data.
    With sigma_min = 0 this is the denoiser of Karras et al. 2022, of which `eps_model_from_denoiser` makes a teacher.
    ValueError: shapes, levels. Eq. diffusion.27; Song et al. 2023, appendix C.
    """

    @checked(net=function, sigma_min=nonnegative, sigma_data=positive)
    def __init__(self, net: Callable, sigma_min: float = 0.002, sigma_data: float = 0.5):
        self.net = net
        self.sigma_min = sigma_min
        self.sigma_data = sigma_data

    @checked(sigma=floats)
    def __call__(self, x: Array, sigma: Any, y: Array | None = None) -> Array:
        levels(batch_shape(x=x)[0], sigma=sigma)
        sigma = numpy.broadcast_to(sigma, (len(x),))  # in its own dtype: 0.002 stays sigma_min
        c_skip, c_out = boundary_scalings(sigma, self.sigma_min, self.sigma_data)
        c_in = 1 / np.sqrt(sigma**2 + self.sigma_data**2)
        out = call_model(self.net, per_example(c_in, x), c_noise(sigma), y)
        return per_example(c_skip, x) + per_example(c_out, out)


def c_noise(sigma: Any) -> Array:
    """The time argument of a network at level sigma: 250 log σ, about −1550 at 0.002 and 1100 at 80."""
    return 250 * np.log(np.maximum(sigma, 1e-6))


@checked(denoiser=function)
def eps_model_from_denoiser(denoiser: Callable) -> Callable:
    """The model of the noise, (x, sigma, y=None), (x − denoiser(x, sigma))/sigma, of a model of the clean data.

    It is −σ times the score, the slope dx/dσ of the deterministic process. Karras et al. 2022, eq. 3.
    """

    def eps_model(x: Array, sigma: Array, y: Array | None = None) -> Array:
        return per_example(1 / np.asarray(sigma, np.float64), x - call_model(denoiser, x, sigma, y))

    return eps_model


# ------------------------------------------------------------------------------------------- one step, and the losses


@checked(solver=partial(choice, options=("euler", "heun")))
def ode_step(eps_model: Callable, x: Array, high: Any, low: Any, solver: str = "euler") -> Array:
    """x (N, ...) carried along dx/dσ = eps(x, σ) from level `high` to level `low`: (N, ...).

    "euler": x + (low − high) eps_model(x, high), a step of DDIM. "heun": with the mean of the slopes at both ends, the
    second at the point that Euler's step reaches. `low` may lie above `high`. ValueError: shapes, levels.
    """
    high, low = levels(batch_shape(x=x)[0], high=high, low=low)
    slope = evaluate(eps_model, "eps_model", x, high)
    euler = x + per_example(low - high, slope)
    if solver == "euler":
        return euler
    return x + per_example((low - high) / 2, slope + evaluate(eps_model, "eps_model", euler, low))


def consistency_training_loss(
    f: Callable, f_target: Callable, x: Array, z: Array, high: Any, low: Any, distance: Callable = mse
) -> Array:
    """The distance between f(x + high z, high) and f_target(x + low z, low): by default their mean square.

    Data x and noise z are (N, ...): with the same z both points lie on one straight path, for small steps a path of the
    process on average. No gradient flows through f_target. distance(a, b) is a scalar, such as `pseudo_huber`; the
    weight λ is in it. ValueError: shapes, levels. Eq. diffusion.29
    """
    high, low = levels(batch_shape(x=x, z=z)[0], high=high, low=low)
    target = stop_gradient(evaluate(f_target, "f_target", x + per_example(low, z), low))
    return distance(evaluate(f, "f", x + per_example(high, z), high), target)


def consistency_distillation_loss(
    f: Callable,
    f_target: Callable,
    eps_model: Callable,
    x: Array,
    z: Array,
    high: Any,
    low: Any,
    solver: str = "heun",
    distance: Callable = mse,
) -> Array:
    """The same with f_target where the teacher's `ode_step` leads from x + high z: (f(x_high) − f_target(x̂_low))².

    No gradient flows through f_target or the teacher. ValueError: shapes, levels, solver. Eq. diffusion.28
    """
    high, low = levels(batch_shape(x=x, z=z)[0], high=high, low=low)
    noisy = x + per_example(high, z)
    before = ode_step(eps_model, stop_gradient(noisy), high, low, solver)
    target = stop_gradient(evaluate(f_target, "f_target", stop_gradient(before), low))
    return distance(evaluate(f, "f", noisy, high), target)


@checked(c=positive)
def pseudo_huber(a: Array, b: Array, c: float = 0.03, weight: Any = 1.0) -> Array:
    """The mean over examples of weight (√(‖a − b‖² + c²) − c): a, b (N, ...), weight one or (N,).

    Half of the square over c for differences far below c, the length of the difference far above, so that outliers do
    not dominate. The gradient at a = b is 0. ValueError: shapes that differ. Song and Dhariwal 2024, section 3.3.
    """
    checks.same_shape(a=a, b=b)
    gap = np.reshape(a - b, (len(a), -1))  # (N, D)
    length = np.sqrt(np.sum(gap**2, axis=1) + c**2) - c  # (N,)
    return np.mean(per_example(weight, length))


# ------------------------------------------------------------------------------------------- which levels


@checked(step=partial(whole, least=0), steps=whole, last=whole)
def discretization(step: int, steps: int, first: int = 10, last: int = 1280) -> int:
    """How many intervals the levels have at a step of consistency training: `first`, doubled until it is `last`.

    All lengths of time are the same: min(first 2^⌊step/K⌋, last), K = ⌊steps/(⌊log₂(last/first)⌋ + 1)⌋.
    ValueError: first is not a whole number in 1..last. Song and Dhariwal 2024, section 3.4.
    """
    first = checks.whole("first", first, most=last)
    doublings = int(np.floor(np.log2(last / first)))
    return min(first * 2 ** (step // max(1, steps // (doublings + 1))), last)


@checked(sigmas=Sized("K", dtype=numpy.float64))
def lognormal_intervals(
    sigmas: numpy.ndarray, rng: numpy.random.Generator, n: int, mean: float = -1.1, std: float = 2.0
) -> numpy.ndarray:
    """n indices i, each drawn with the probability that log σ ~ N(mean, std²) falls into interval i.

    Interval i lies between the rising levels sigmas[i] and sigmas[i + 1]: (K,) -> (n,) integers in 0..K − 2. Levels far
    from exp(mean) are rare: there is little to learn.
    ValueError: levels that do not rise or are not positive. Song and Dhariwal 2024, section 3.5.
    """
    from scipy.special import ndtr  # the standard normal's distribution function

    if len(sigmas) < 2 or sigmas[0] <= 0 or numpy.any(numpy.diff(sigmas) <= 0):
        raise ValueError(f"sigmas must be at least two positive levels that rise, got {sigmas}")
    below = ndtr((numpy.log(sigmas) - mean) / checks.positive("std", std))
    chance = numpy.diff(below)
    return checks.rng(rng).choice(len(chance), checks.whole("n", n), p=chance / chance.sum())


# ------------------------------------------------------------------------------------------- sampling


@checked(rng=Rng, sigma_min=nonnegative, sigmas=Sized("K", dtype=numpy.float64))
def multistep(
    f: Callable,
    x: numpy.ndarray,
    sigmas: Sequence[float],
    rng: numpy.random.Generator,
    sigma_min: float = 0.002,
) -> numpy.ndarray:
    """Samples from x (N, ...) at level sigmas[0]: f of it, and for each further level noise again and f again.

    The noise is √(σ² − σ_min²) z, since what f returns has σ_min already. One level is one call of f.
    ValueError: sigmas that do not fall or lie below sigma_min. Song et al. 2023, algorithm 1.
    """
    shape = batch_shape(x=x)
    low = sigma_min
    falling = checks.between("sigmas", sigmas, low)
    if numpy.any(numpy.diff(falling) >= 0):
        raise ValueError(f"sigmas must fall from each level to the next, got {falling}")
    x0 = evaluate(f, "f", x, falling[0])
    for sigma in falling[1:]:
        z = rng.standard_normal(shape, dtype=x.dtype)
        x0 = evaluate(f, "f", x0 + per_example(numpy.sqrt(sigma**2 - low**2), z), sigma)
    return x0


def levels(n: int, **sigmas: Any) -> list[numpy.ndarray]:
    """Noise levels of n examples, each one number or (n,), as (n,) float64. ValueError: negative, not finite."""
    found = []
    for name, sigma in sigmas.items():
        sigma = checks.between(name, checks.floats(name, sigma, dtype=numpy.float64), 0)
        if numpy.shape(sigma) not in ((), (n,)):
            got = numpy.shape(sigma)
            raise ValueError(f"{name} must be one level or have shape ({n},), one for each example, got {got}")
        found.append(numpy.broadcast_to(sigma, (n,)))
    return found


def evaluate(model: Callable, name: str, x: Array, sigma: Any) -> Array:
    """The output of a model for x at level sigma, received as (N,) in the dtype of x. ValueError: its shape."""
    checks.function(name, model)
    out = model(x, numpy.broadcast_to(numpy.asarray(sigma, x.dtype), (len(x),)))
    if np.shape(out) != np.shape(x):
        raise ValueError(f"{name} must return the shape of x, {np.shape(x)}, got {np.shape(out)}")
    return out
