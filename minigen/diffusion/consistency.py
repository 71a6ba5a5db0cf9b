"""Consistency models: a function that leads from any noise level of a trajectory to its beginning, in one call.

    f(x, sigma) = c_skip(sigma) x + c_out(sigma) F(x, sigma)        # Eq. diffusion.27
    loss = consistency_training_loss(f, f_average, x, z, high, low)
    samples = multistep(f, 80 * z, [80.0, 5.0], rng)

Here x is the data plus σ z, and the deterministic process is dx/dσ = eps(x, σ). All points of one of its paths have the
same beginning; so f is trained to give the same at two neighbouring levels of one path, and f(x, σ_min) = x holds by
construction. Song, Dhariwal, Chen and Sutskever, "Consistency Models", 2023.

A model, f or `eps_model`, is told the level of each example, (N,). A level is one number or (N,), 0 or more.
"""

from collections.abc import Callable, Sequence
from typing import Any

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.diffusion.schedule import batch_shape, scale
from minigen.tensor import mse, stop_gradient

Array = Any  # an ndarray, or one that autograd traces


def boundary_scalings(sigma: Any, sigma_min: float = 0.002, sigma_data: float = 0.5) -> tuple[Array, Array]:
    """(c_skip, c_out), each shaped as sigma: 1 and 0 at sigma_min, so that there f returns its input.

    c_skip = σ_d²/((σ − σ_min)² + σ_d²), c_out = (σ − σ_min) σ_d/√(σ² + σ_d²), σ_d = sigma_data the standard deviation
    of the data. ValueError: levels that are negative or not finite. Eq. diffusion.27; Song et al. 2023, appendix C.
    """
    sigma = checks.between("sigma", checks.floats("sigma", sigma), 0)
    low, data = checks.number("sigma_min", sigma_min, 0), checks.positive("sigma_data", sigma_data)
    above = sigma - low
    return data**2 / (above**2 + data**2), above * data / np.sqrt(sigma**2 + data**2)


def ode_step(eps_model: Callable, x: Array, high: Any, low: Any, solver: str = "euler") -> Array:
    """x (N, ...) carried along dx/dσ = eps(x, σ) from level `high` to level `low`: (N, ...).

    "euler": x + (low − high) eps_model(x, high), a step of DDIM. "heun": with the mean of the slopes at both ends, the
    second at the point that Euler's step reaches. `low` may lie above `high`. ValueError: shapes, levels, solver.
    """
    high, low = levels(x, high=high, low=low)
    checks.choice("solver", solver, ("euler", "heun"))
    slope = asked(eps_model, "eps_model", x, high)
    euler = x + scale(low - high, slope)
    if solver == "euler":
        return euler
    return x + scale((low - high) / 2, slope + asked(eps_model, "eps_model", euler, low))


def consistency_training_loss(f: Callable, f_target: Callable, x: Array, z: Array, high: Any, low: Any) -> Array:
    """The mean over examples and dimensions of (f(x + high z, high) − f_target(x + low z, low))².

    Data x and noise z are (N, ...): with the same z both points lie on one straight path, for small steps a path of the
    process in the mean. No gradient flows through f_target. ValueError: shapes, levels. Eq. diffusion.29
    """
    batch_shape(x=x, z=z)
    high, low = levels(x, high=high, low=low)
    target = stop_gradient(asked(f_target, "f_target", x + scale(low, z), low))
    return mse(asked(f, "f", x + scale(high, z), high), target)


def consistency_distillation_loss(
    f: Callable,
    f_target: Callable,
    eps_model: Callable,
    x: Array,
    z: Array,
    high: Any,
    low: Any,
    solver: str = "heun",
) -> Array:
    """The same with f_target where the teacher's `ode_step` leads from x + high z: (f(x_high) − f_target(x̂_low))².

    No gradient flows through f_target or the teacher. ValueError: shapes, levels, solver. Eq. diffusion.28
    """
    batch_shape(x=x, z=z)
    high, low = levels(x, high=high, low=low)
    noisy = x + scale(high, z)
    before = ode_step(eps_model, stop_gradient(noisy), high, low, solver)
    target = stop_gradient(asked(f_target, "f_target", stop_gradient(before), low))
    return mse(asked(f, "f", noisy, high), target)


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
    checks.rng(rng)
    low = checks.number("sigma_min", sigma_min, 0)
    falling = checks.between("sigmas", checks.array("sigmas", sigmas, "K", dtype=numpy.float64), low)
    if numpy.any(numpy.diff(falling) >= 0):
        raise ValueError(f"sigmas must fall from each level to the next, got {falling}")
    x0 = asked(f, "f", x, falling[0])
    for sigma in falling[1:]:
        z = rng.standard_normal(shape, dtype=x.dtype)
        x0 = asked(f, "f", x0 + scale(numpy.sqrt(sigma**2 - low**2), z), sigma)
    return x0


def levels(x: Array, **sigmas: Any) -> list[numpy.ndarray]:
    """Noise levels, each one number or (N,) for x (N, ...), as (N,) float64. ValueError: negative, not finite."""
    n = batch_shape(x=x)[0]
    found = []
    for name, sigma in sigmas.items():
        sigma = checks.between(name, checks.floats(name, sigma, dtype=numpy.float64), 0)
        if numpy.shape(sigma) not in ((), (n,)):
            got = numpy.shape(sigma)
            raise ValueError(f"{name} must be one level or have shape ({n},), one for each example, got {got}")
        found.append(numpy.broadcast_to(sigma, (n,)))
    return found


def asked(model: Callable, name: str, x: Array, sigma: Any) -> Array:
    """What a model returns for x at level sigma, which it is told as (N,) in the dtype of x. ValueError: its shape."""
    checks.function(name, model)
    out = model(x, numpy.broadcast_to(numpy.asarray(sigma, x.dtype), (len(x),)))
    if np.shape(out) != np.shape(x):
        raise ValueError(f"{name} must return the shape of x, {np.shape(x)}, got {np.shape(out)}")
    return out
