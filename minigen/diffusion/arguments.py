"""The checks that the formulas of this folder share: arrays of examples, their time steps, models and what they return.

    t = check_steps(t, schedule, x_t=x_t, eps=eps)      # at the top of a formula

They raise ValueError, which names the argument. A sampler checks its start, and each of its steps is a formula that
checks what it is given; arrays that autograd traces are not looked at.
"""

from collections.abc import Callable
from typing import Any

import numpy
from autograd.tracer import isbox

from minigen import checks
from minigen.diffusion.schedule import Schedule
from minigen.tensor import like
from minigen.types import Array


def check_steps(t: Any, schedule: Schedule, *, least: int = 1, **arrays: Array) -> numpy.ndarray:
    """Time steps, () or (N,), in least..T, for arrays (N, ...) that `batch_shape` accepts, of a `Schedule`."""
    checks.instance("schedule", schedule, Schedule)
    return checks.times(t, schedule.T, batch_shape(**arrays)[0], least)


def batch_shape(**arrays: Array) -> tuple[int, ...]:
    """The common shape (N, ...) of arrays of finite floats. ValueError: other shapes, whole numbers, NaN, infinity."""
    shape = checks.same_shape(**arrays)
    if 0 in shape:
        raise ValueError(f"{' and '.join(arrays)} must not be empty, got shape {shape}")
    for name, a in arrays.items():
        if isbox(a):
            continue
        if not isinstance(a, numpy.ndarray) or a.dtype.kind != "f":
            got = f"dtype {a.dtype}" if isinstance(a, numpy.ndarray) else f"{type(a).__name__}: numpy.asarray makes one"
            raise ValueError(f"{name} must be an array of floats, got {got}")
        checks.finite(name, a)
    return shape


def check_model(name: str, model: Any, schedule: Any) -> None:
    """ValueError, unless these are a function or model, which `name` calls it, and a `Schedule`."""
    checks.function(name, model)
    checks.instance("schedule", schedule, Schedule)


def check_start(eps_model: Callable, x: numpy.ndarray, schedule: Schedule, on_step: Callable | None) -> tuple[int, ...]:
    """The shape (N, ...) of x, if these are what a sampler can begin with. ValueError: one of them is not."""
    check_model("eps_model", eps_model, schedule)
    if on_step is not None:
        checks.function("on_step", on_step)
    return batch_shape(x=x)


def check_noise(z: Array, x: Array) -> None:
    """ValueError, unless z is an array of finite floats in the shape of x."""
    checks.same_shape(x=x, z=z)
    batch_shape(z=z)


def checked_output(name: str, output: Any, x_t: Array) -> Array:
    """An output of an eps model, in the dtype of its input: a float64 model keeps float32. ValueError: other shapes."""
    if numpy.shape(output) != numpy.shape(x_t):
        got = numpy.shape(output)
        raise ValueError(f"eps_model must return {name} in the shape of x_t, {numpy.shape(x_t)}, got {got}")
    return like(checks.array(f"{name} of eps_model", output, ..., finite=False), x_t)
