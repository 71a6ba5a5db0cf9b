"""Flow maps: where the probability flow leads in one call, and the mean velocity that takes it there.

    x_r = gaussian_flow_map(x, t, r, mean, variance)           # from time t to time r, of Gaussian data
    x_r = x - (t - r) * u(x, t, r)                             # the same by its mean velocity
    target = shortcut_target(u, x, t, r)                       # the mean of u over two steps of half the length
    loss = mean_flow_loss(u, x0, z, t, r)                      # learn u from data, without a teacher

x_t = (1 − t) x0 + t z, as in `flow_matching`: time 0 is the data, time 1 the noise, and v is the velocity of the ODE
that carries one to the other. Its flow map X(x, t, r) is the point at time r of the path through x at time t, and its
mean velocity is u(x, t, r) = (x − X(x, t, r))/(t − r), which is v itself at r = t. Consistency models learn X(x, t, 0),
flow map matching (Boffi et al. 2024) learns X, and shortcut models (Frans et al. 2024) learn u from its own halves.

X stays where it is while (x, t) moves along a path. The derivative of (t − r) u = x − X along the path is therefore v:

    u + (t − r) du/dt = v,    du/dt = v·∇u + ∂u/∂t

MeanFlow (Geng et al. 2025) makes of this identity a loss: v is replaced by the velocity z − x0 of a straight line, the
mean of which it is, and du/dt by the derivative of the model itself.

A mean velocity is called u(x, t, r), with the times t and r (N,) in [0, 1], and returns the shape of x (N, ...).
"""

from collections.abc import Callable
from typing import Any

import autograd.numpy as np
import numpy
from autograd.tracer import isbox

from minigen import checks
from minigen.checks import checked, floats, function, nonnegative_floats
from minigen.diffusion.arguments import BATCH, batch_shape
from minigen.diffusion.flow_matching import interpolate, unit_times, velocity_target
from minigen.tensor import grad, like, mse, stop_gradient
from minigen.types import Array

# ------------------------------------------------------------------------------------------- Gaussian data


@checked(x=BATCH, mean=floats, variance=nonnegative_floats)
def gaussian_flow_map(x: Array, t: Any, r: Any, mean: Any, variance: Any) -> Array:
    """Return the point at time r of the path through x at time t, for data from N(mean, variance I): (N, ...).

    x_t has mean (1 − t) mean and variance V_t = (1 − t)² variance + t². The map moves the mean and stretches the
    distance from it by √(V_r/V_t); r may be before t, after it, or t itself. mean and variance are numbers, or arrays
    that broadcast to the shape of x, such as one number for each coordinate.
    ValueError: times that are not one or (N,) in [0, 1]; variance 0 at t = 0, where all paths are at one point.
    Eq. after.37
    """
    t, r = path_from(x, t, r, mean, variance)
    stretch = np.sqrt(variance_at(r, variance) / variance_at(t, variance))
    return like((1 - r) * mean + stretch * (x - (1 - t) * mean), x)


@checked(x=BATCH, mean=floats, variance=nonnegative_floats)
def gaussian_mean_velocity(x: Array, t: Any, r: Any, mean: Any, variance: Any) -> Array:
    """Return (x − `gaussian_flow_map`(x, t, r))/(t − r), at r = t its limit, the velocity of the ODE: (N, ...).

    In the quotient t − r cancels: V_t − V_r = (t − r) (t + r − (2 − t − r) variance), so that nothing is lost for times
    near to each other. Arguments and errors are those of `gaussian_flow_map`. Eq. after.35, Eq. after.38
    """
    t, r = path_from(x, t, r, mean, variance)
    now, then = variance_at(t, variance), variance_at(r, variance)
    slope = (t + r - (2 - t - r) * variance) / (now + np.sqrt(now) * np.sqrt(then))
    return like(slope * (x - (1 - t) * mean) - mean, x)


def variance_at(t: Any, variance: Any) -> Array:
    """Return the variance (1 − t)² variance + t² of x_t in each coordinate."""
    return (1 - t) ** 2 * variance + t**2


def path_from(x: Array, t: Any, r: Any, mean: Any, variance: Any) -> tuple[Array, Array]:
    """Return t and r in a shape that broadcasts to x. ValueError: as `gaussian_flow_map`."""
    for name, value in (("mean", mean), ("variance", variance)):
        check_broadcasts(name, numpy.shape(value), numpy.shape(x))
    t, r = (by_example(unit_times(name, time, len(x)), x) for name, time in (("t", t), ("r", r)))
    if not isbox(t) and not isbox(variance) and numpy.any((t == 0) & (variance == 0)):
        raise ValueError("t must be above 0 where variance is 0: at t = 0 all paths are at the mean")
    return t, r


def check_broadcasts(name: str, shape: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    """ValueError, unless an array of this shape broadcasts to the wanted one."""
    fits = len(shape) <= len(wanted) and all(n in (1, size) for n, size in zip(shape[::-1], wanted[::-1]))
    if not fits:
        raise ValueError(f"{name} must be a number or broadcast to the shape of x, {wanted}, got {shape}")


def by_example(t: Array, x: Array) -> Array:
    """Return times () or (N,) with axes of length 1 for those of an example: () or (N, 1, ...)."""
    return np.reshape(t, (len(x),) + (1,) * (np.ndim(x) - 1)) if np.ndim(t) else t


# ------------------------------------------------------------------------------------------- shortcut models


@checked(u=function, x=BATCH)
def shortcut_target(u: Callable, x: Array, t: Any, r: Any) -> Array:
    """Return the mean velocity over two steps of half the length as a constant: what u(x, t, r) should be. (N, ...).

    With s = (t + r)/2 and y = x − (t − s) u(x, t, s), the mean is ½ (u(x, t, s) + u(y, s, r)); at r = t it is
    u(x, t, t). The exact mean velocity is its own target, but so is that of any other ODE, 0 for instance: a model has
    to learn u(x, t, t) = v besides. t and r are one time or (N,). ValueError: shapes, times, an output of u that has
    not the shape of x. Eq. after.35; Frans et al. 2024.
    """
    t, r = (times_of_all(name, time, x) for name, time in (("t", t), ("r", r)))
    middle = (t + r) / 2
    first = velocity_of(u, x, t, middle)
    y = x - by_example(t - middle, x) * first
    return stop_gradient((first + velocity_of(u, y, middle, r)) / 2)


# ------------------------------------------------------------------------------------------- MeanFlow


@checked(u=function)
def mean_flow_loss(u: Callable, x0: Array, z: Array, t: Any, r: Any) -> Array:
    """Mean over examples and coordinates of (u(x_t, t, r) − `mean_flow_target`)², a scalar.

    x0 and z (N, ...) are data and noise, t and r one time or (N,). No gradient flows through the target, so that the
    gradient is that of a regression. Where r = t the loss is `flow_matching_loss`. Where the mean velocity is exact,
    the gradient is 0 on average, but the loss is not: it is the variance of the target. Usually r ≤ t, which is not
    required. ValueError: shapes, times, an output of u that has not the shape of x0. Eq. after.39; Geng et al. 2025.
    """
    batch_shape(x0=x0, z=z)
    x_t, v = interpolate(x0, z, t), velocity_target(x0, z)
    t, r = (times_of_all(name, time, x0) for name, time in (("t", t), ("r", r)))
    return mse(velocity_of(u, x_t, t, r), mean_flow_target(u, x_t, v, t, r))


@checked(u=function)
def mean_flow_target(u: Callable, x: Array, v: Array, t: Any, r: Any) -> Array:
    """Return v − (t − r) du/dt as a constant: what `u` should return at x, given a velocity v there. (N, ...).

    At the velocity of the ODE the exact mean velocity is its own target. Arguments and errors are those of
    `total_derivative`. Eq. after.36; Geng et al. 2025.
    """
    batch_shape(x=x, v=v)
    t, r = (times_of_all(name, time, x) for name, time in (("t", t), ("r", r)))
    return stop_gradient(v - by_example(t - r, x) * derivative(u, x, v, t, r))


@checked(u=function)
def total_derivative(u: Callable, x: Array, v: Array, t: Any, r: Any) -> Array:
    """Return du/dt along a path with velocity v, v·∇u + ∂u/∂t at fixed r: (N, ...), a Jacobian-vector product.

    x and v are (N, ...), t and r one time or (N,). u must be made of functions that autograd can differentiate twice,
    with respect to t, too: the networks of this package that take their time as sines do not pass.
    ValueError: shapes, times. Eq. after.36
    """
    batch_shape(x=x, v=v)
    return derivative(u, x, v, *(times_of_all(name, time, x) for name, time in (("t", t), ("r", r))))


def derivative(u: Callable, x: Array, v: Array, t: Array, r: Array) -> Array:
    """`total_derivative` with times (N,), from two backward passes.

    Reverse mode gives products wᵀJ. With J = du/ds at s = 0, u at (x + s v, t + s), the number wᵀJ is linear in w, and
    its gradient with respect to w is J.
    """
    start = numpy.zeros((), x.dtype)

    def product(w: Array) -> Array:
        return grad(lambda s: np.sum(w * velocity_of(u, x + s * v, t + s, r)))(start)

    return grad(product)(numpy.zeros(numpy.shape(x), x.dtype))


def velocity_of(u: Callable, x: Array, t: Array, r: Array) -> Array:
    """Return u(x, t, r) in the dtype of x. ValueError: another shape."""
    out = u(x, t, r)
    if np.shape(out) != np.shape(x):
        raise ValueError(f"u must return the shape of x, {np.shape(x)}, got {np.shape(out)}")
    return like(out, x)


def times_of_all(name: str, t: Any, x: Array) -> Array:
    """Return times in [0, 1], one or (N,), as (N,) in the dtype of x."""
    t = checks.floats(name, unit_times(name, t, len(x)), dtype=x.dtype)
    return np.broadcast_to(t, (len(x),))
