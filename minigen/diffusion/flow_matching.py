"""Flow matching and rectified flow: learn the velocity of straight lines between data and noise.

    loss = flow_matching_loss(model, x0, eps, t)               # t uniform in [0, 1], 0 the data
    x = integrate(model, eps, numpy.linspace(1, 0, 9))         # eight Euler steps from noise to data
    x0, eps = ot_pairs(x0, eps)                                # pairs whose lines cross less
    x0, eps = reflow_pairs(model, eps, times)                  # pairs that the model itself connects

x_t = (1 − t) x0 + t eps moves with the constant velocity eps − x0. Its mean over all lines through a point is the
velocity of an ODE that carries noise to data (Lipman et al. 2023, Liu et al. 2023, Albergo and Vanden-Eijnden 2023). At
ᾱ = (1 − t)²/((1 − t)² + t²) the ODE is that of a diffusion model up to the scale of x, and Euler's steps are DDIM's.

A model is called model(x, t, y=None) with t (N,) in [0, 1] and returns a velocity. Times are one number or (N,).
"""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import Sized, checked, choice, floats, function, positive
from minigen.diffusion.arguments import batch_shape
from minigen.diffusion.ddpm import call_model
from minigen.diffusion.schedule import per_example
from minigen.nn import Module
from minigen.tensor import mse
from minigen.types import Array

# ------------------------------------------------------------------------------------------- the line and the loss


def interpolate(x0: Array, eps: Array, t: Any) -> Array:
    """Return the point of the line at time t, (1 − t) x0 + t eps: x0, eps (N, ...) -> (N, ...). Eq. after.09"""
    t = unit_times("t", t, batch_shape(x0=x0, eps=eps)[0])
    return per_example(1 - t, x0) + per_example(t, eps)


def velocity_target(x0: Array, eps: Array) -> Array:
    """Return the velocity of the line, eps − x0, (N, ...).

    It points to the noise; a sampler goes against it. Eq. after.09
    """
    batch_shape(x0=x0, eps=eps)
    return eps - x0


def flow_matching_loss(model: Callable, x0: Array, eps: Array, t: Any, y: Any = None) -> Array:
    """Mean over examples and coordinates of (model(x_t, t, y) − (eps − x0))², a scalar.

    Its least value is not 0 but the variance of the velocities through a point. ValueError: shapes, times.
    Eq. after.10, Eq. after.11
    """
    v = evaluate(model, interpolate(x0, eps, t), t, y)
    return mse(v, velocity_target(x0, eps))


class TimeScaled(Module):
    """net(x, scale t, y): a network whose sines expect time steps up to `scale`, called with times in [0, 1]."""

    @checked(net=function, scale=positive)
    def __init__(self, net: Callable, scale: float = 1000.0):
        self.net = net
        self.scale = scale

    def __call__(self, x: Array, t: Any, y: Any = None) -> Array:
        return call_model(self.net, x, numpy.asarray(self.scale * numpy.asarray(t), x.dtype), y)


# ------------------------------------------------------------------------------------------- velocity, noise, diffusion


def velocity_from_eps(x: Array, eps: Array, t: Any) -> Array:
    """Return the velocity that a prediction of the noise implies, (eps − x)/(1 − t) = eps − x̂0: (N, ...) -> (N, ...).

    ValueError: shapes; t = 1, where x is the noise itself. Eq. after.12
    """
    t = unit_times("t", t, batch_shape(x=x, eps=eps)[0])
    if numpy.any(t == 1):
        raise ValueError("t must be below 1: there x is the noise, which says nothing of the data")
    return per_example(1 / (1 - t), eps - x)


def eps_from_velocity(x: Array, v: Array, t: Any) -> Array:
    """Return the noise that a velocity implies, x + (1 − t) v: (N, ...) -> (N, ...). Eq. after.12"""
    t = unit_times("t", t, batch_shape(x=x, v=v)[0])
    return x + per_example(1 - t, v)


@checked(t=floats)
def flow_alpha_bar(t: Any) -> Array:
    """Return the ᾱ of a diffusion process at time t, (1 − t)²/((1 − t)² + t²), in the shape of t.

    x_t/√((1 − t)² + t²) is the x of that process. ValueError: t outside [0, 1]. Eq. after.13
    """
    t = checks.between("t", t, 0, 1)
    return (1 - t) ** 2 / ((1 - t) ** 2 + t**2)


# ------------------------------------------------------------------------------------------- the ODE


@checked(solver=partial(choice, options=("euler", "heun")))
def integrate(velocity: Callable, x: Array, times: Any, solver: str = "euler", y: Any = None) -> Array:
    """x (N, ...) carried along dx/dt = velocity(x, t) from times[0] to times[-1]: sampling goes from 1 to 0.

    solver: "euler", one call for each step, or "heun", two. ValueError: times that turn round or leave [0, 1].
    """
    batch_shape(x=x)
    for start, end in pairwise(path_times(times)):
        h = float(end - start)
        slope = evaluate(velocity, x, start, y)
        ahead = x + h * slope
        x = ahead if solver == "euler" else x + h / 2 * (slope + evaluate(velocity, ahead, end, y))
    return x


def straightness(velocity: Callable, x: Array, times: Any) -> float:
    """Mean over paths and times of ‖velocity − chord‖², 0 if all paths are straight lines run at constant speed.

    The paths start at x (N, ...), the noise, and follow Euler's steps from times[0] to times[-1]; the chord is (end −
    start)/(times[-1] − times[0]), eps − x̂0 for times from 1 to 0. Each step counts by its length. ValueError: as
    `integrate`. Eq. after.15; Liu et al. 2023.
    """
    times = path_times(times)
    start, slopes = x, []
    batch_shape(x=x)
    for begin, end in pairwise(times):
        slopes.append(evaluate(velocity, x, begin))
        x = x + float(end - begin) * slopes[-1]
    chord = (x - start) / float(times[-1] - times[0])
    shares = numpy.diff(times) / (times[-1] - times[0])  # they sum to 1
    squares = [numpy.sum(numpy.reshape(slope - chord, (len(x), -1)) ** 2) / len(x) for slope in slopes]  # (K,)
    return float(shares @ squares)


# ------------------------------------------------------------------------------------------- pairs


def ot_pairs(x0: numpy.ndarray, eps: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Return the same examples, paired so that the sum of squared distances ‖x0 − eps‖² is least: (N, ...) each.

    x0 keeps its order and eps is rearranged; each is used once. For large batches the pairs of parts are nearly as near
    and cost less: the assignment takes N³. ValueError: shapes. Eq. after.14; Tong et al. 2024, Pooladian et al. 2023.
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    n = batch_shape(x0=x0, eps=eps)[0]
    cost = cdist(numpy.reshape(x0, (n, -1)), numpy.reshape(eps, (n, -1)), "sqeuclidean")
    return x0, eps[linear_sum_assignment(cost)[1]]


def reflow_pairs(velocity: Callable, eps: numpy.ndarray, times: Any, y: Any = None) -> tuple[Array, numpy.ndarray]:
    """(x0, eps), (N, ...) each: the end and the start of each path of a model, from times[0] to times[-1].

    Trained on such pairs, a model's paths become straight: its lines cross less. Eq. after.16; Liu et al. 2023.
    """
    return integrate(velocity, eps, times, y=y), eps


# ------------------------------------------------------------------------------------------- what they share


@checked(model=function)
def evaluate(model: Callable, x: Array, t: Any, y: Any = None) -> Array:
    """Return the output of a model for x at time t, received as (N,) in the dtype of x. ValueError: its shape."""
    v = call_model(model, x, numpy.broadcast_to(numpy.asarray(t, x.dtype), (len(x),)), y)
    if np.shape(v) != np.shape(x):
        raise ValueError(f"model must return the shape of x, {np.shape(x)}, got {np.shape(v)}")
    return v


def unit_times(name: str, t: Any, n: int) -> numpy.ndarray:
    """Return times in [0, 1], () or (n,)."""
    t = checks.between(name, checks.floats(name, t), 0, 1)
    if numpy.shape(t) not in ((), (n,)):
        raise ValueError(f"{name} must be one time or have shape ({n},), one for each example, got {numpy.shape(t)}")
    return t


@checked(times=Sized("K", dtype=numpy.float64, low=0, high=1))
def path_times(times: Any) -> numpy.ndarray:
    """Return the times of a path, (K,), that all rise or all fall in [0, 1]."""
    steps = numpy.diff(times)
    if len(steps) == 0 or not (numpy.all(steps > 0) or numpy.all(steps < 0)):
        raise ValueError(f"times must be at least two that rise, or that fall, got {times}")
    return times
