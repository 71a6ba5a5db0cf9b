"""The checks that the formulas of this folder share: arrays of examples, their time steps, models and what they return.

    @checked(schedule=Schedule, x_t=BATCH, eps=BATCH, t=STEPS)      # above a formula

They raise ValueError, which names the argument. A sampler checks its start, and its steps are formulas without their
checks (`unchecked`); arrays that autograd traces are not looked at.
"""

from typing import Any

import numpy
from autograd.tracer import isbox

from minigen import checks
from minigen.checks import Words
from minigen.tensor import like
from minigen.types import Array


class Batch(checks.Sized):
    """Arrays (N, ...) of finite floats, all batches of a call of one shape: as `batch_shape` accepts them."""

    def __init__(self) -> None:
        super().__init__("N, ...")

    def __call__(self, name: str, value: Any, call: checks.Call) -> Array:
        check_examples(name, value)
        self.learn(name, value, call)
        return value


class Steps(checks.Declared):
    """Time steps of the argument `schedule`, in least..T: one, or one for each of the N examples of the batches."""

    def __init__(self, least: int = 1):
        self.least = least

    def words(self) -> Words:
        return Words(f"a time step in {self.least}..T or an array of them")

    def __call__(self, name: str, value: Any, call: checks.Call) -> numpy.ndarray:
        T = call.arguments["schedule"].T
        if "N" not in call.sizes:  # there are no examples
            return checks.integers(name, value, least=self.least, most=T)
        return checks.times(value, T, call.sizes["N"], self.least)


class OneStep(Steps):
    """One time step for all examples."""

    def words(self) -> Words:
        return Words(f"a time step in {self.least}..T")

    def __call__(self, name: str, value: Any, call: checks.Call) -> numpy.ndarray:
        t = super().__call__(name, value, call)
        if t.ndim > 0:
            raise ValueError(f"{name} must be one time step, got shape {t.shape}")
        return t


class Noise(checks.Declared):
    """Noise in the shape of the batches: one row of it for all examples would give all the same. 0 is no noise."""

    def words(self) -> Words:
        return Words("a finite array of shape (N, ...) or 0")

    def __call__(self, name: str, value: Any, call: checks.Call) -> Array:
        if isinstance(value, (int, float)) and value == 0:
            return value
        return BATCH(name, value, call)


class Variance(checks.Declared):
    """σ² by its name, or as numbers of which one goes with each of the batch x, axis by axis, in its dtype."""

    def words(self) -> Words:
        return Words("a name or nonnegative numbers that broadcast to the shape of x")

    def __call__(self, name: str, value: Any, call: checks.Call) -> Array:
        if isinstance(value, str):
            return value
        x = call.arguments["x"]
        value = checks.between(name, checks.floats(name, value), 0)
        given, shape = numpy.shape(value), numpy.shape(x)
        if given and not (len(given) == len(shape) and all(n in (1, wanted) for n, wanted in zip(given, shape))):
            raise ValueError(f"{name} must have the shape of x, {shape}, got {given}")
        return like(value, x)


class LaterAlphaBar(checks.Declared):
    """ᾱ at a time after that of the argument `before`, one or in its shape."""

    def words(self) -> Words:
        return Words("between 0 and before")

    def __call__(self, name: str, value: Any, call: checks.Call) -> Array:
        before, now = call.arguments["before"], checks.array(name, value, ..., finite=False)
        if numpy.ndim(before) and numpy.ndim(now) and numpy.shape(before) != numpy.shape(now):
            raise ValueError(f"before and now must have one shape, got {numpy.shape(before)} and {numpy.shape(now)}")
        if not (numpy.all(now > 0) and numpy.all(now < before) and numpy.all(before <= 1)):
            raise ValueError("now must lie between 0 and before, and before must be at most 1")
        return now


class GoalOfDDIM(checks.Declared):
    """The time s of a step of DDIM from t: earlier than t where noise is added."""

    def words(self) -> Words:
        return Words("a time step in 0..T that is earlier than t if eta > 0")

    def __call__(self, name: str, value: Any, call: checks.Call) -> numpy.ndarray:
        t, s = call.arguments["t"], checks.integers(name, value, least=0, most=call.arguments["schedule"].T)
        if call.arguments.get("eta", 0) > 0 and numpy.any(s >= t):
            raise ValueError(f"s must be earlier than t where noise is added (eta > 0), got s = {s} and t = {t}")
        return s


class NoiseOfDDIM(checks.Declared):
    """Noise in the shape of x where eta > 0; else it is not looked at."""

    def words(self) -> Words:
        return Words("a finite array in the shape of x if eta > 0")

    def __call__(self, name: str, value: Any, call: checks.Call) -> Array:
        if call.arguments.get("eta", 0) == 0:
            return value
        if value is None:
            raise ValueError("z must be noise in the shape of x where eta > 0, got None")
        return BATCH(name, value, call)


BATCH, STEPS = Batch(), Steps()


def batch_shape(**arrays: Array) -> tuple[int, ...]:
    """The common shape (N, ...) of arrays of finite floats. ValueError: other shapes, whole numbers, NaN, infinity."""
    shape = checks.same_shape(**arrays)
    for name, a in arrays.items():
        check_examples(name, a)
    return shape


def check_examples(name: str, a: Array) -> None:
    """ValueError, unless `a` is an array of finite floats (N, ...), none of its sizes 0."""
    if numpy.ndim(a) == 0 or 0 in numpy.shape(a):
        raise ValueError(f"{name} must have shape (N, ...), none of them 0, got {numpy.shape(a)}")
    if isbox(a):
        return
    if not isinstance(a, numpy.ndarray) or a.dtype.kind != "f":
        got = f"dtype {a.dtype}" if isinstance(a, numpy.ndarray) else f"{type(a).__name__}: numpy.asarray makes one"
        raise ValueError(f"{name} must be an array of floats, got {got}")
    checks.finite(name, a)


def checked_output(name: str, output: Any, x_t: Array) -> Array:
    """An output of an eps model, in the dtype of its input: float32 stays float32. ValueError: other shapes, NaN."""
    if numpy.shape(output) != numpy.shape(x_t):
        got = numpy.shape(output)
        raise ValueError(f"eps_model must return {name} in the shape of x_t, {numpy.shape(x_t)}, got {got}")
    return like(checks.floats(f"{name} of eps_model", output), x_t)
