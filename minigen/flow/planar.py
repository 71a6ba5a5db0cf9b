"""Planar and radial flows: small invertible steps that bend space along a plane or around a point.

Their determinant is a scalar formula, and a chain of many is a flexible density on vectors. Generating is explicit;
inferring solves one scalar equation. Rezende and Mohamed, "Variational Inference with Normalizing Flows", 2015.
"""

import math
from typing import Any

import autograd.numpy as np
import numpy
from autograd.tracer import getval, isbox

from minigen import checks
from minigen.checks import checked, floats, whole
from minigen.flow.bijection import Bijection, Chain
from minigen.nn import Module
from minigen.tensor import like, primitive, softplus
from minigen.types import Array, Rng

IDENTITY = math.log(math.e - 1)  # softplus(IDENTITY) = 1

# ------------------------------------------------------------------------------------------- planar


@checked(u=floats, w=floats)
def u_hat(u: Array, w: Array) -> Array:
    """û with wᵀû = softplus(wᵀu) − 1 > −1, which makes the planar flow invertible: u and w (..., D) -> (..., D).

    û = u + (softplus(wᵀu) − 1 − wᵀu) w/‖w‖²: only the part of u along w is changed. In float32 wᵀû, computed from û,
    is above −1 for wᵀu ≥ −10; from about −13 down it is −1 to rounding, a little above or below. ValueError: w = 0,
    shapes that differ.
    """
    checks.same_shape(u=u, w=w)
    w = like(w, u)
    along = np.sum(u * w, axis=-1, keepdims=True)  # wᵀu, (..., 1)
    square = np.sum(w * w, axis=-1, keepdims=True)  # ‖w‖², (..., 1)
    if not isbox(square) and not numpy.all(square > 0):
        raise ValueError("w must not be the zero vector, along which u cannot be corrected")
    return u + (softplus(-along) - 1) * w / square  # softplus(a) − a = softplus(−a)


@checked(z="N, D")
def planar_forward(z: Array, u: Array, w: Array, b: Array) -> tuple[Array, Array]:
    """x = z + u tanh(wᵀz + b), and log |det dx/dz| = log |1 + (1 − tanh²) uᵀw|: z (N, D) -> x (N, D), (N,).

    u and w (D,) or (N, D), b () or (N,). u is used as given: it is invertible if wᵀu > −1. ValueError: other shapes of
    u, w and b.
    """
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

    @checked(dim=whole, rng=Rng)
    def __init__(self, rng: Rng, dim: int):
        self.w = _normal(rng, dim)
        self.u = IDENTITY * self.w / numpy.sum(self.w**2) + 0.1 * _normal(rng, dim)  # the first part alone has û = 0
        self.b = numpy.zeros((), numpy.float32)

    def forward(self, z: Array, context: Array | None = None) -> tuple[Array, Array]:
        u, w, b = self._parameters("z", z)
        return planar_forward(z, u, w, b)

    def inverse(self, x: Array, context: Array | None = None) -> tuple[Array, Array]:
        u, w, b = self._parameters("x", x)
        c = np.sum(x * w, axis=1) + b  # (N,)
        a = solve_tanh(c, np.sum(u * w))  # wᵀz + b
        z = x - np.reshape(np.tanh(a), (len(x), 1)) * u
        _, log_det = planar_forward(z, u, w, b)
        return z, -log_det

    def _parameters(self, name: str, a: Array) -> tuple[Array, Array, Array]:
        """û, w and b in the dtype of the input `a`, whose shape is checked."""
        checks.array(name, a, "N", len(self.w))
        w = like(self.w, a)
        return u_hat(like(self.u, a), w), w, like(self.b, a)


def solve_tanh(c: Array, s: Array) -> Array:
    """The root a of a + s tanh(a) = c, for s > −1, where the left side rises: c (N,), s () or (N,) -> (N,).

    Bisection finds it between c − |s| and c + |s|; two steps of Newton's method on top give it the right derivatives.
    """
    target, slope = _value(c), _value(s)
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


# ------------------------------------------------------------------------------------------- many planar layers


@checked(z="K, N, D")
def planar_chains(z: Array, u: Array, w: Array, b: Array) -> tuple[Array, Array]:
    """K chains of L planar layers, side by side: z (K, N, D) -> x (K, N, D), and the sums of log-dets (K, N).

    u and w (L, K, D), b (L, K): chain k sends its N points through `planar_forward` with u[0, k], then u[1, k], and so
    on, u used as given. The log-dets add up by Eq. flow.08. The gradient is written out by hand: recorded operation by
    operation, a chain of 32 layers costs five times as much. It has no second derivative. ValueError: other shapes of
    u, w and b.
    """
    chains, _, dim = np.shape(z)
    u, w = checks.array("u", u, "L", chains, dim), checks.array("w", w, "L", chains, dim)
    checks.same_shape(u=u, w=w)
    b = checks.array("b", b, np.shape(u)[0], chains)
    both = _planar_chains(z, like(u, z), like(w, z), like(b, z))  # (K, N, D + 1)
    return both[:, :, :dim], both[:, :, dim]


def _planar_chains_forward(z: Array, u: Array, w: Array, b: Array) -> tuple[Array, Any]:
    total, inputs, slopes = numpy.zeros(z.shape[:2], z.dtype), [], []
    along = numpy.sum(u * w, axis=2)  # (L, K), wᵀu
    for layer in range(len(u)):
        h = numpy.tanh((z @ w[layer][:, :, None])[:, :, 0] + b[layer][:, None])  # (K, N)
        det = 1 + (1 - h**2) * along[layer][:, None]
        total += numpy.log(numpy.abs(det))
        inputs.append(z)
        slopes.append((h, det))
        z = z + h[:, :, None] * u[layer][:, None, :]
    return numpy.concatenate([z, total[:, :, None]], axis=2), (inputs, slopes)


def _planar_chains_backward(
    needed: list[int], g: Array, value: Array, saved: Any, z: Array, u: Array, w: Array, b: Array
) -> dict[int, Array]:
    """From the last layer to the first. With a = wᵀz + b, h = tanh(a), x = z + h u and det = 1 + (1 − h²) wᵀu:

    dh = dxᵀu − 2 h wᵀu ddet and da = (1 − h²) dh; then dz = dx + da w, du = Σ h dx, dw = Σ da z and db = Σ da. To du
    and dw comes what they contribute to wᵀu: w and u, times Σ (1 − h²) ddet.
    """
    if saved is None:
        raise NotImplementedError("planar_chains has no second derivative; use a Chain of Planar")
    dx, d_total = g[:, :, :-1], g[:, :, -1]  # (K, N, D), (K, N)
    du, dw, db = numpy.empty_like(u), numpy.empty_like(w), numpy.empty_like(b)
    along = numpy.sum(u * w, axis=2)  # (L, K), wᵀu
    for layer in reversed(range(len(u))):
        z, (h, det) = saved[0][layer], saved[1][layer]
        slope, d_det = 1 - h**2, d_total / det  # (K, N)
        d_along = numpy.sum(slope * d_det, axis=1)[:, None]  # (K, 1)
        dh = (dx @ u[layer][:, :, None])[:, :, 0] - 2 * h * along[layer][:, None] * d_det
        da = slope * dh  # (K, N)
        du[layer] = (h[:, None, :] @ dx)[:, 0] + d_along * w[layer]
        dw[layer] = (da[:, None, :] @ z)[:, 0] + d_along * u[layer]
        db[layer] = numpy.sum(da, axis=1)
        dx = dx + da[:, :, None] * w[layer][:, None, :]
    return {0: dx, 1: du, 2: dw, 3: db}


_planar_chains = primitive(_planar_chains_forward, _planar_chains_backward)


class PlanarChains(Module):
    """K chains of L planar layers each, to be fitted side by side: .u .w (L, K, dim), .b (L, K).

    Every layer starts as a `Planar` does, near the identity.
    """

    @checked(dim=whole, chains=whole, layers=whole, rng=Rng)
    def __init__(self, rng: Rng, dim: int, layers: int, chains: int):
        shape = (layers, chains, dim)
        self.w = _normal(rng, shape)
        self.u = IDENTITY * self.w / numpy.sum(self.w**2, axis=2, keepdims=True) + 0.1 * _normal(rng, shape)
        self.b = numpy.zeros(shape[:2], numpy.float32)

    def forward(self, z: Array) -> tuple[Array, Array]:
        """x (K, N, dim) and log |det dx/dz| (K, N), for z (K, N, dim)."""
        return planar_chains(z, u_hat(self.u, self.w), self.w, self.b)

    def chain(self, k: int) -> Chain:
        """Chain k by itself, a copy: a `Chain` of `Planar`, which has an inverse too. ValueError: no such chain."""
        checks.whole("k", k, 0, most=self.b.shape[1] - 1)
        layers = [Planar(numpy.random.default_rng(0), self.w.shape[2]) for _ in self.w]
        for layer, u, w, b in zip(layers, self.u, self.w, self.b, strict=True):
            layer.u, layer.w, layer.b = u[k].copy(), w[k].copy(), b[k].copy()
        return Chain(layers)


# ------------------------------------------------------------------------------------------- radial


@checked(z="N, D")
def radial_forward(z: Array, center: Array, alpha: Array, beta: Array) -> tuple[Array, Array]:
    """x = z + beta h (z − center), h = 1/(alpha + r), r = ‖z − center‖, and its log-det: z (N, D) -> x (N, D), (N,).

    log |det dx/dz| = (D − 1) log(1 + beta h) + log(1 + beta h − beta r h²). center (D,), or (N, D); alpha > 0 and
    beta > −alpha, which make it invertible, () or (N,). ValueError: other shapes and values of center, alpha and beta.
    """
    n, dim = np.shape(z)
    center = _check_parameter("center", center, (dim,), (n, dim))
    alpha, beta = _check_strength(n, alpha, beta)
    center, alpha, beta = like(center, z), like(alpha, z), like(beta, z)
    away = z - center  # (N, D)
    h = 1 / (alpha + _length(away))  # (N,)
    x = z + np.reshape(beta * h, (n, 1)) * away
    log_det = (dim - 1) * np.log1p(beta * h) + np.log1p(alpha * beta * h**2)  # beta h − beta r h² = alpha beta h²
    return x, log_det


@checked(R="N")
def distance_before(R: Array, alpha: Array, beta: Array) -> Array:
    """The distance r ≥ 0 from the center that a radial layer makes R = r + beta r/(alpha + r): R (N,) -> r (N,).

    It is the positive root of r² + (alpha + beta − R) r − alpha R = 0. R ≥ 0; alpha > 0 and beta > −alpha () or (N,).
    ValueError: R below 0, other shapes and values of alpha and beta.
    """
    if not isbox(R) and not numpy.all(R >= 0):
        raise ValueError(f"R must not be negative, got {numpy.min(R):.6g}")
    alpha, beta = _check_strength(len(R), alpha, beta)
    alpha, beta = like(alpha, R), like(beta, R)
    q = R - (alpha + beta)
    root = np.sqrt(q**2 + 4 * alpha * R)
    # whichever form of the root does not subtract two nearly equal numbers
    return np.where(q > 0, (q + root) / 2, 2 * alpha * R / np.where(q > 0, 1, root - q))


class Radial(Bijection):
    """x = z + beta h (z − center), h = 1/(alpha + ‖z − center‖): mass moves away from a center, or towards it.

    alpha = exp(log_alpha), beta = −alpha + softplus(raw_beta), which is kept from being rounded to −alpha. Near the
    identity at the start. `inverse` is explicit: the distance from the center is the `distance_before` that of x.
    """

    @checked(dim=whole, rng=Rng)
    def __init__(self, rng: Rng, dim: int):
        self.center = _normal(rng, dim)
        self.log_alpha = numpy.zeros((), numpy.float32)
        self.raw_beta = numpy.array(IDENTITY + 0.1 * _normal(rng, ()), numpy.float32)

    def forward(self, z: Array, context: Array | None = None) -> tuple[Array, Array]:
        center, alpha, beta = self._parameters("z", z)
        return radial_forward(z, center, alpha, beta)

    def inverse(self, x: Array, context: Array | None = None) -> tuple[Array, Array]:
        center, alpha, beta = self._parameters("x", x)
        away = x - center
        r = distance_before(_length(away), alpha, beta)  # (N,)
        shrink = (alpha + r) / (r + (alpha + beta))  # 1/(1 + beta h)
        z = center + np.reshape(shrink, (len(x), 1)) * away
        _, log_det = radial_forward(z, center, alpha, beta)
        return z, -log_det

    def _parameters(self, name: str, a: Array) -> tuple[Array, Array, Array]:
        """center, alpha > 0 and beta > −alpha in the dtype of the input `a`, whose shape is checked."""
        checks.array(name, a, "N", len(self.center))
        alpha = np.exp(like(self.log_alpha, a))
        gap, least = softplus(like(self.raw_beta, a)), alpha * numpy.finfo(a.dtype).eps
        # less than that, −alpha + gap would be rounded to −alpha
        return like(self.center, a), alpha, np.where(gap > least, gap, least) - alpha


# ------------------------------------------------------------------------------------------- what they share


def _normal(rng: Rng, shape: int | tuple[int, ...]) -> numpy.ndarray:
    return rng.standard_normal(shape, dtype=numpy.float32)


def _value(a: Array) -> numpy.ndarray:
    """The number behind a traced one, in float64."""
    while isbox(a):
        a = getval(a)
    return numpy.asarray(a, numpy.float64)


def _length(v: Array) -> Array:
    """‖v‖ of each row, (N, D) -> (N,), with the derivative 0 at v = 0."""
    square = np.sum(v**2, axis=1)
    positive = square > 0
    return np.where(positive, np.sqrt(np.where(positive, square, 1)), 0)


def _check_strength(n: int, alpha: Array, beta: Array) -> tuple[Array, Array]:
    """alpha > 0 and beta > −alpha of a radial layer, () or (n,) each, if they are so."""
    alpha = _check_parameter("alpha", alpha, (), (n,))
    beta = _check_parameter("beta", beta, (), (n,))
    if not isbox(alpha) and not numpy.all(alpha > 0):
        raise ValueError(f"alpha must be positive, got {numpy.min(alpha):.6g}")
    if not isbox(alpha) and not isbox(beta) and not numpy.all(beta > -alpha):
        raise ValueError(f"beta must be greater than -alpha, got {numpy.min(beta):.6g}")
    return alpha, beta


def _check_parameter(name: str, a: Array, one: tuple[int, ...], each: tuple[int, ...]) -> Array:
    """`a`, if its shape is `one`, for all examples, or `each`, one for each."""
    a = checks.floats(name, a)
    if np.shape(a) not in (one, each):
        raise ValueError(f"{name} must have shape {one} or {each}, got {np.shape(a)}")
    return a
