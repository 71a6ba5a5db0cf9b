"""The probability flow: one ordinary differential equation with the density of a diffusion process at every time.

    velocity = velocity_model(eps_model, schedule)             # velocity(x, phi), phi the angle of each example, (N,)
    times = spaced_angles(64)                                  # from the data to the noise
    flow = Flow(StandardNormal(2), ContinuousFlow(velocity, times))       # of minigen.flow: exact log-density, samples

The clock is an angle: x = cos φ x0 + sin φ eps, with cos φ = √ᾱ, φ = 0 the data and φ = π/2 pure noise. In it the
velocity of a path is v = cos φ eps − sin φ x0, which is 0 for data from N(0, I), and the noise at the end is N(0, I)
exactly. In y = x/cos φ and σ = tan φ the same equation is dy/dσ = eps, of which DDIM is Euler's method.
Song, Sohl-Dickstein, Kingma, Kumar, Ermon and Poole 2021, sections 4.3 and D.2; Lu and Song 2025 (the angle).
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import checked, floats, function, number, positive, whole
from minigen.diffusion.arguments import batch_shape, checked_output
from minigen.diffusion.ddpm import call_model, split_output
from minigen.diffusion.schedule import Schedule, per_example
from minigen.types import Array

# ------------------------------------------------------------------------------------------- the angle and the velocity


@checked(alpha_bar=floats)
def angle(alpha_bar: Any) -> Array:
    """φ = arccos √ᾱ in [0, π/2], in the shape of alpha_bar; 0 is the data. ValueError: not in [0, 1]."""
    return np.arccos(np.sqrt(checks.between("alpha_bar", alpha_bar, 0, 1)))


def angle_velocity(x: Array, eps: Array, phi: Any) -> Array:
    """dx/dφ = (eps − sin φ x)/cos φ for x = cos φ x0 + sin φ eps: x, eps (N, ...), phi one angle or (N,) -> (N, ...).

    That is cos φ eps − sin φ x0. ValueError: shapes; angles outside [0, π/2), at whose end x has no part of x0.
    Eq. after.01, Eq. after.02
    """
    phi = checked_angles("phi", phi, batch_shape(x=x, eps=eps)[0])
    if numpy.any(numpy.cos(phi) < 1e-12):
        raise ValueError("phi must be below π/2: there x is noise alone, and the velocity does not follow from it")
    return per_example(1 / numpy.cos(phi), eps - per_example(numpy.sin(phi), x))


@checked(eps_model=function, schedule=Schedule)
def velocity_model(eps_model: Callable, schedule: Schedule) -> Callable:
    """velocity(x, phi, y=None) of a model of the noise: x (N, ...), phi one angle or (N,) -> (N, ...).

    The model receives the time of its schedule at this angle, interpolated between whole steps. An angle outside of
    the schedule's range is taken as its nearer end: the model was trained on no other.
    ValueError: shapes, angles. Eq. after.02
    """
    angles = numpy.asarray(angle(schedule.alpha_bar[1:]))  # (T,), rising

    def velocity(x: Array, phi: Any, y: Any = None) -> Array:
        n = batch_shape(x=x)[0]
        phi = numpy.clip(numpy.broadcast_to(checked_angles("phi", phi, n), (n,)), angles[0], angles[-1])
        t = numpy.interp(phi, angles, schedule.times[1:]).astype(x.dtype)
        eps, _ = split_output(call_model(eps_model, x, t, y))
        return angle_velocity(x, checked_output("eps", eps, x), phi)

    return velocity


@checked(steps=whole, low=partial(number, low=0, high=numpy.pi / 2), power=positive)
def spaced_angles(steps: int, low: float = 0.002, high: float = numpy.pi / 2, power: float = 2.0) -> numpy.ndarray:
    """The ends of `steps` steps from angle `low` to `high`, (steps + 1,), rising: low + (high − low)(i/steps)^power.

    With power above 1 they are finer near the data, where paths bend most. ValueError: high is not above low, or is
    above π/2.
    """
    high = checks.number("high", high, low, numpy.pi / 2, without=low)
    angles = low + (high - low) * numpy.linspace(0, 1, steps + 1) ** power
    angles[-1] = high
    return angles


@checked(covariance="N, D, D")
def posterior_divergence(phi: Any, covariance: Array) -> Array:
    """The divergence of the velocity from the covariance of x0 given x: D cot φ − cos φ tr Cov[x0 | x]/sin³φ.

    phi: one angle or (N,), in (0, π/2]; covariance (N, D, D) -> (N,). ValueError: other φ. Eq. after.07
    """
    n, dim = np.shape(covariance)[:2]
    phi = checked_angles("phi", phi, n)
    if numpy.any(numpy.sin(phi) < 1e-12):
        raise ValueError("phi must be above 0: there x is x0, and the divergence depends on the density alone")
    traces = np.trace(covariance, axis1=1, axis2=2)
    return dim * numpy.cos(phi) / numpy.sin(phi) - numpy.cos(phi) * traces / numpy.sin(phi) ** 3


# ------------------------------------------------------------------------------------------- with fresh noise


def reverse_sde_step(x: Array, score: Array, phi: Any, step: Any, z: Array, noise: float = 1.0) -> Array:
    """x at angle φ − step, from x (N, ...) at φ: x + step tan φ (x + (1 + ν²) score) + ν √(2 step tan φ) z.

    score is the gradient of the log-density of x at φ, z fresh noise from N(0, I), both in the shape of x; phi and step
    are one number or (N,). For every ν = noise ≥ 0 the steps have the same densities as step → 0: 0 is the probability
    flow, 1 the reverse process of DDPM. ValueError: shapes; φ outside [0, π/2), step not in (0, φ], noise negative.
    Eq. after.08
    """
    n = batch_shape(x=x, score=score, z=z)[0]
    phi, step = checked_angles("phi", phi, n), checked_angles("step", step, n)
    if numpy.any(numpy.cos(phi) < 1e-12):
        raise ValueError("phi must be below π/2, where the process changes infinitely fast")
    if numpy.any(step <= 0) or numpy.any(step > phi):
        raise ValueError("step must be above 0 and at most phi, for angles fall towards the data")
    noise = checks.number("noise", noise, 0)
    rate = step * numpy.tan(phi)
    drift = x + (1 + noise**2) * score
    return x + per_example(rate, drift) + per_example(noise * numpy.sqrt(2 * rate), z)


def checked_angles(name: str, phi: Any, n: int) -> numpy.ndarray:
    """Angles in [0, π/2], () or (n,), float64; float32's π/2, which lies a little above, is π/2."""
    phi = checks.between(name, checks.floats(name, phi, dtype=numpy.float64), 0, numpy.pi / 2 + 1e-6)
    if numpy.shape(phi) not in ((), (n,)):
        raise ValueError(
            f"{name} must be one number or have shape ({n},), one for each example, got {numpy.shape(phi)}"
        )
    return phi
