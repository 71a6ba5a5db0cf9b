"""Planar and radial flows: small invertible steps that bend space along a plane or around a point.

Their determinant is a scalar formula, and a chain of many is a flexible density on vectors. Generating is explicit;
inferring solves one scalar equation. Rezende and Mohamed, "Variational Inference with Normalizing Flows", 2015.
"""

from typing import Any

import autograd.numpy as np
import numpy
from autograd.tracer import getval, isbox

from minigen import checks
from minigen.flow.bijection import Bijection, like
from minigen.tensor import softplus

Array = Any  # an ndarray, or one that autograd traces
Rng = numpy.random.Generator

IDENTITY = float(numpy.log(numpy.e - 1))  # softplus(IDENTITY) = 1

# ------------------------------------------------------------------------------------------- planar


def u_hat(u: Array, w: Array) -> Array:
    """û with wᵀû = softplus(wᵀu) − 1 > −1, which makes the planar flow invertible: u and w (..., D) -> (..., D).

    û = u + (softplus(wᵀu) − 1 − wᵀu) w/‖w‖²: only the part of u along w is changed. ValueError: w = 0, other shapes.
    """
    u, w = checks.floats("u", u), checks.floats("w", w)
    checks.same_shape(u=u, w=w)
    w = like(w, u)
    along = np.sum(u * w, axis=-1, keepdims=True)  # wᵀu, (..., 1)
    square = np.sum(w * w, axis=-1, keepdims=True)  # ‖w‖², (..., 1)
    if not isbox(square) and not numpy.all(square > 0):
        raise ValueError("w must not be the zero vector, along which u cannot be corrected")
    return u + (softplus(-along) - 1) * w / square  # softplus(a) − a = softplus(−a)


def planar_forward(z: Array, u: Array, w: Array, b: Array) -> tuple[Array, Array]:
    """x = z + u tanh(wᵀz + b), and log |det dx/dz| = log |1 + (1 − tanh²) uᵀw|: z (N, D) -> x (N, D), (N,).

    u and w (D,) or (N, D), b () or (N,). u is used as given: it is invertible if wᵀu > −1. ValueError: other shapes.
    """
    z = checks.array("z", z, "N", "D")
    n, dim = np.shape(z)
    u, w = (_check_parameter(name, a, (dim,), (n, dim)) for name, a in (("u", u), ("w", w)))
    b = _check_parameter("b", b, (), (n,))
    u, w, b = like(u, z), like(w, z), like(b, z)
    h = np.tanh(np.sum(z * w, axis=1) + b)  # (N,)
    x = z + np.reshape(h, (n, 1)) * u
    return x, np.log(np.abs(1 + (1 - h**2) * np.sum(u * w, axis=-1)))


class Planar(Bijection):
    """x = z + û tanh(wᵀz + b), û the invertible correction `u_hat` of u. Near the identity at the start.

    `inverse` finds a = wᵀz, the only root of wᵀx = a + wᵀû tanh(a + b), then z = x − û tanh(a + b).
    """

    def __init__(self, rng: Rng, dim: int):
        self.w = _normal(checks.rng(rng), checks.whole("dim", dim))
        self.u = IDENTITY * self.w / numpy.sum(self.w**2) + 0.1 * _normal(rng, dim)  # the first part alone has û = 0
        self.b = numpy.zeros((), numpy.float32)

    def forward(self, z, context=None):
        u, w, b = self._parameters("z", z)
        return planar_forward(z, u, w, b)

    def inverse(self, x, context=None):
        u, w, b = self._parameters("x", x)
        c = np.sum(x * w, axis=1) + b  # (N,)
        a = solve_tanh(c, np.sum(u * w))  # wᵀz + b
        z = x - np.reshape(np.tanh(a), (len(x), 1)) * u
        _, log_det = planar_forward(z, u, w, b)
        return z, -log_det

    def _parameters(self, name, a):
        """û, w and b in the dtype of the input `a`, whose shape is checked."""
        checks.array(name, a, "N", len(self.w))
        w = like(self.w, a)
        return u_hat(like(self.u, a), w), w, like(self.b, a)


def solve_tanh(c: Array, s: Array) -> Array:
    """The root a of a + s tanh(a) = c, for s > −1, where the left side rises: c (N,), s () -> (N,).

    Bisection finds it between c − |s| and c + |s|; two steps of Newton's method on top give it the right derivatives.
    """
    target, slope = _value(c), float(_value(s))
    low, high = target - abs(slope), target + abs(slope)
    for _ in range(64):
        middle = (low + high) / 2
        too_low = middle + slope * numpy.tanh(middle) < target
        low, high = numpy.where(too_low, middle, low), numpy.where(too_low, high, middle)
    a: Array = ((low + high) / 2).astype(c.dtype)
    for _ in range(2 if isbox(c) or isbox(s) else 0):
        h = np.tanh(a)
        a = a - (a + s * h - c) / (1 + s * (1 - h**2))
    return a


# ------------------------------------------------------------------------------------------- radial


def radial_forward(z: Array, center: Array, alpha: Array, beta: Array) -> tuple[Array, Array]:
    """x = z + beta h (z − center), h = 1/(alpha + r), r = ‖z − center‖, and its log-det: z (N, D) -> x (N, D), (N,).

    log |det dx/dz| = (D − 1) log(1 + beta h) + log(1 + beta h − beta r h²). center (D,), or (N, D); alpha > 0 and
    beta > −alpha, which make it invertible, () or (N,). ValueError: other shapes and values.
    """
    z = checks.array("z", z, "N", "D")
    n, dim = np.shape(z)
    center = _check_parameter("center", center, (dim,), (n, dim))
    alpha = _check_parameter("alpha", alpha, (), (n,))
    beta = _check_parameter("beta", beta, (), (n,))
    if not isbox(alpha) and not numpy.all(alpha > 0):
        raise ValueError(f"alpha must be positive, got {numpy.min(alpha):.6g}")
    if not isbox(alpha) and not isbox(beta) and not numpy.all(beta > -alpha):
        raise ValueError(f"beta must be greater than -alpha, got {numpy.min(beta):.6g}")
    center, alpha, beta = like(center, z), like(alpha, z), like(beta, z)
    away = z - center  # (N, D)
    h = 1 / (alpha + _length(away))  # (N,)
    x = z + np.reshape(beta * h, (n, 1)) * away
    log_det = (dim - 1) * np.log1p(beta * h) + np.log1p(alpha * beta * h**2)  # beta h − beta r h² = alpha beta h²
    return x, log_det


class Radial(Bijection):
    """x = z + beta h (z − center), h = 1/(alpha + ‖z − center‖): mass moves away from a center, or towards it.

    alpha = exp(log_alpha), beta = −alpha + softplus(raw_beta). Near the identity at the start. `inverse` is explicit:
    the distance r from the center is the positive root of r² + (alpha + beta − R) r − alpha R = 0, R that of x.
    """

    def __init__(self, rng: Rng, dim: int):
        self.center = _normal(checks.rng(rng), checks.whole("dim", dim))
        self.log_alpha = numpy.zeros((), numpy.float32)
        self.raw_beta = numpy.array(IDENTITY + 0.1 * _normal(rng, ()), numpy.float32)

    def forward(self, z, context=None):
        center, alpha, beta = self._parameters("z", z)
        return radial_forward(z, center, alpha, beta)

    def inverse(self, x, context=None):
        center, alpha, beta = self._parameters("x", x)
        away = x - center
        R = _length(away)  # (N,)
        q = R - alpha - beta
        root = np.sqrt(q**2 + 4 * alpha * R)
        # the positive root in whichever form does not subtract two nearly equal numbers
        r = np.where(q > 0, (q + root) / 2, 2 * alpha * R / np.where(q > 0, 1, root - q))
        z = center + away / np.reshape(1 + beta / (alpha + r), (len(x), 1))
        _, log_det = radial_forward(z, center, alpha, beta)
        return z, -log_det

    def _parameters(self, name, a):
        """center, alpha > 0 and beta > −alpha in the dtype of the input `a`, whose shape is checked."""
        checks.array(name, a, "N", len(self.center))
        alpha = np.exp(like(self.log_alpha, a))
        return like(self.center, a), alpha, softplus(like(self.raw_beta, a)) - alpha


# ------------------------------------------------------------------------------------------- what they share


def _normal(rng, shape):
    return rng.standard_normal(shape, dtype=numpy.float32)


def _value(a):
    """The number behind a traced one, in float64."""
    while isbox(a):
        a = getval(a)
    return numpy.asarray(a, numpy.float64)


def _length(v):
    """‖v‖ of each row, (N, D) -> (N,), with the derivative 0 at v = 0."""
    square = np.sum(v**2, axis=1)
    positive = square > 0
    return np.where(positive, np.sqrt(np.where(positive, square, 1)), 0)


def _check_parameter(name, a, one, each):
    """`a`, if its shape is `one`, for all examples, or `each`, one for each."""
    a = checks.floats(name, a)
    if np.shape(a) not in (one, each):
        raise ValueError(f"{name} must have shape {one} or {each}, got {np.shape(a)}")
    return a
