"""Continuous normalizing flows: an ordinary differential equation dx/dt = velocity(x, t) as a bijection.

    flow = Flow(StandardNormal(2), ContinuousFlow(velocity, times=numpy.linspace(0, 1, 17)))
    flow.log_prob(x), flow.sample(rng, 1000)                # times[0] is the data, times[-1] the noise

Along a path, log p changes by minus the divergence of the velocity: the instantaneous change of variables (Grathwohl
et al. 2019; Eq. after.03, Eq. after.04). That is exact for the equation, but not for the steps of a numerical
solver. An Euler step x + h velocity(x, t) is a map of its own, whose log-det is log |det(I + h J)|, J the Jacobian
of the velocity; with it the steps are an exact flow at any size, as long as none folds (Eq. after.05).

A velocity is called velocity(x, t) with x (N, D) and t (N,), treats its examples independently, and returns (N, D).
"""

from collections.abc import Callable
from typing import Any

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import Sized, checked, floats, function
from minigen.flow.bijection import Bijection
from minigen.tensor import grad, like
from minigen.tensor.core import value_of
from minigen.types import Array

SOLVERS = ("euler", "heun")
LOG_DETS = ("det", "trace")
MOST_ITERATIONS = 200  # of the fixed point that inverts a step
TOLERANCE = {4: 1e-6, 8: 1e-12}  # of a coordinate of the inverse, relative to 1 + its size, by bytes of the dtype

# ------------------------------------------------------------------------------------------- divergences


def divergence(velocity: Callable, x: Array, t: Any) -> tuple[Array, Array]:
    """velocity(x, t) (N, D) and its divergence Σ_i ∂v_i/∂x_i (N,), by D backward passes. x (N, D), t one or (N,).

    ValueError: other shapes. Eq. after.03
    """
    v, J = value_and_jacobian(velocity, x, t)
    return v, np.trace(J, axis1=1, axis2=2)


@checked(x="N, D")
def hutchinson_divergence(velocity: Callable, x: Array, t: Any, probe: Array) -> tuple[Array, Array]:
    """velocity(x, t) (N, D) and probeᵀ J probe (N,), J the Jacobian of each example, by one backward pass.

    It is the divergence on average over probes (N, D) with E probe probeᵀ = I, such as signs or normal numbers. Keep
    the probe along a path, so that the estimate of its integral belongs to one function.
    ValueError: probe or the velocity has another shape. Eq. after.06; Hutchinson 1990, Grathwohl et al. 2019.
    """
    probe = like(checks.array("probe", probe, *np.shape(x)), x)
    t = _times(t, x)
    rows = grad(lambda x: np.sum(_called(velocity, x, t) * probe))(x)  # probeᵀ J, (N, D)
    return _called(velocity, x, t), np.sum(rows * probe, axis=1)


@checked(J="N, D, D")
def step_log_det(J: Array, h: float) -> Array:
    """log |det(I + h J)| of an Euler step of size h: Jacobians of the velocity (N, D, D) -> (N,).

    ValueError: a determinant that is not positive: such a step folds space and is not invertible. Eq. after.05
    """
    h = checks.number("h", h)
    signs, log_dets = np.linalg.slogdet(numpy.eye(np.shape(J)[-1], dtype=J.dtype) + h * J)
    _check_no_fold(value_of(signs))
    return log_dets


def _check_no_fold(signs: numpy.ndarray) -> None:
    folds = numpy.sum(signs <= 0)
    if folds:
        raise ValueError(f"J and h must give positive determinants, got {folds} that fold: use more steps")


@checked(x="N, D")
def value_and_jacobian(velocity: Callable, x: Array, t: Any) -> tuple[Array, Array]:
    """velocity(x, t) (N, D) and the Jacobians ∂v_i/∂x_j of the examples, (N, D, D)."""
    t = _times(t, x)
    rows = [grad(lambda x, i=i: np.sum(_called(velocity, x, t)[:, i]))(x) for i in range(np.shape(x)[1])]
    return _called(velocity, x, t), np.stack(rows, axis=1)


@checked(t=floats)
def _times(t: Any, x: Array) -> numpy.ndarray:
    """One time for each example, (N,), in the dtype of x."""
    if np.shape(t) not in ((), (len(x),)):
        raise ValueError(f"t must be one number or have shape ({len(x)},), one for each example, got {np.shape(t)}")
    return numpy.broadcast_to(numpy.asarray(t, x.dtype), (len(x),))


@checked(velocity=function)
def _called(velocity: Callable, x: Array, t: numpy.ndarray) -> Array:
    v = velocity(x, t)
    if np.shape(v) != np.shape(x):
        raise ValueError(f"velocity must return the shape of x, {np.shape(x)}, got {np.shape(v)}")
    return v


# ------------------------------------------------------------------------------------------- the flow


class ContinuousFlow(Bijection):
    """dx/dt = velocity(x, t), integrated from times[0], the data, to times[-1], the noise; `forward` goes back.

    times: (K + 1,), rising or falling, the ends of K steps.
    solver: "euler", or "heun", whose slope is the mean of those at both ends of Euler's step.
    log_det: "det", the log-det of Euler's steps themselves: where no step folds, they are a flow whose density has mass
        1, and `forward` inverts each by fixed-point iteration (Behrmann et al. 2019), so that both directions are one
        map; or "trace", the integral of the divergence, which is exact only as the steps get small: `forward` then
        takes the same steps backwards.

    ValueError: times that do not rise or fall, "heun" with "det", steps that fold or that the iteration cannot invert.
    Folds are looked for at the given points only, by the sign of the determinant. A step that folds elsewhere, or turns
    in two directions at once, goes unnoticed.
    Eq. after.03, Eq. after.04, Eq. after.05
    """

    @checked(velocity=function, times=Sized("K", dtype=numpy.float64))
    def __init__(self, velocity: Callable, times: Any, solver: str = "euler", log_det: str = "det"):
        self.velocity = velocity
        self.times = times
        steps = numpy.diff(self.times)
        if len(steps) == 0 or not (numpy.all(steps > 0) or numpy.all(steps < 0)):
            raise ValueError(f"times must be at least two that rise, or that fall, got {self.times}")
        self.solver = checks.choice("solver", solver, SOLVERS)
        self.log_det = checks.choice("log_det", log_det, LOG_DETS)
        if solver == "heun" and log_det == "det":
            raise ValueError('log_det must be "trace" with solver "heun": "det" is the log-det of Euler\'s steps')

    @checked(x="N, D")
    def inverse(self, x: Array, context: Array | None = None) -> tuple[Array, Array]:
        """From the data x (N, D) to the noise z (N, D), and log |det dz/dx| (N,)."""
        total = numpy.zeros(len(x), x.dtype)
        for start, end in zip(self.times[:-1], self.times[1:]):
            x, log_det = self._step(x, start, end)
            total = total + log_det
        return x, total

    @checked(z="N, D")
    def forward(self, z: Array, context: Array | None = None) -> tuple[Array, Array]:
        """From noise z (N, D) to data x (N, D), and log |det dx/dz| (N,)."""
        x = z
        total = numpy.zeros(len(x), x.dtype)
        for start, end in zip(self.times[-2::-1], self.times[:0:-1]):
            x, log_det = self._undone(x, start, end) if self.log_det == "det" else self._step(x, end, start)
            total = total + log_det
        return x, total

    def _step(self, x: Array, start: float, end: float) -> tuple[Array, Array]:
        """One step of the solver and its log-det."""
        h = float(end - start)
        if self.log_det == "det":
            v, J = value_and_jacobian(self.velocity, x, start)
            return x + h * v, step_log_det(J, h)
        v, slope = divergence(self.velocity, x, start)
        ahead = x + h * v
        if self.solver == "euler":
            return ahead, h * slope
        v_end, slope_end = divergence(self.velocity, ahead, end)
        return x + h / 2 * (v + v_end), h / 2 * (slope + slope_end)

    def _undone(self, y: Array, start: float, end: float) -> tuple[Array, Array]:
        """Return the x whose Euler step from `start` to `end` reaches y, and minus the log-det of that step.

        x = y − h velocity(x, start) has one solution if h times the velocity's slope is below 1, and repeating it finds
        it.
        """
        h = float(end - start)
        t = _times(start, y)
        x = y - h * _called(self.velocity, y, t)
        for _ in range(MOST_ITERATIONS):
            before, x = x, y - h * _called(self.velocity, x, t)
            if numpy.all(numpy.abs(value_of(x - before)) <= TOLERANCE[x.dtype.itemsize] * (1 + numpy.abs(value_of(x)))):
                break
        else:
            raise ValueError(
                f"times must have steps short enough to be inverted; that from {start:.4g} to {end:.4g} is not"
            )
        J = value_and_jacobian(self.velocity, x, start)[1]
        return x, -step_log_det(J, h)
