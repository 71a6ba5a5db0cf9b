"""Activation functions, element by element, each with its derivative.

Every activation is an entry of `ACTIVATIONS`: how to compute it, and two forms of "multiply an incoming gradient g by
the derivative": `slope` for plain arrays, from the output and what the forward pass kept, and `traced_slope` in
operations that autograd can differentiate again, for second derivatives. An entry makes a primitive here; `linear` and
`group_norm` fuse the same entry with their own work; where no derivative is taken they apply it in place.

In float32, `exp` and `tanh` are fast, `expit`, `erf` and `where` are slow: hence the formulas with `tanh`. GELU
takes some twenty passes over its argument: it is computed block by block, so that the temporary arrays of a block stay
in the processor's cache, and its slope is computed beside it.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import autograd.numpy as anp
import numpy as np
from autograd.tracer import isbox

from minigen.tensor.core import primitive
from minigen.tensor.parallel import scratch
from minigen.types import Array

BLOCK = 1 << 16  # numbers in a block: 256 kB of float32


class Activation(NamedTuple):
    """One activation function y = a(x) and the product g·a'(x).

    forward(x) -> (y, kept);  slope(g, y, kept);  traced_slope(g, x, y), which uses x only if `needs_input`.
    in_place(x) -> y, for an array x that is not needed any more; None where it would save nothing.
    """

    forward: Callable
    slope: Callable
    traced_slope: Callable
    needs_input: bool = False
    in_place: Callable | None = None


def _from_output(value: Callable, slope: Callable) -> Activation:
    """An activation whose derivative is a (differentiable) function of its output."""
    return Activation(lambda x: (value(x), None), lambda g, y, kept: slope(g, y), lambda g, x, y: slope(g, y))


# --------------------------------------------------------------------- piecewise linear: the slope is a constant mask


def _masked_slope(negative_slope: float) -> Callable:
    """g ↦ g where y > 0, g·negative_slope elsewhere. Linear in g and constant in y, so its own derivative."""

    def forward(g: Array, y: Array) -> tuple[Array, Any]:
        if negative_slope == 0.0:
            return g * (y > 0), None
        factor = (y > 0).astype(g.dtype)
        factor *= 1 - negative_slope
        factor += negative_slope
        factor *= g
        return factor, None

    masked = primitive(forward, lambda needed, g, value, saved, g0, y: {0: masked(g, y), 1: anp.zeros_like(y)})
    return masked


def _relu(x: Array) -> Array:
    return np.maximum(x, 0)


def _leaky(negative_slope: float) -> Activation:
    return _from_output(lambda x: np.maximum(x, negative_slope * x), _masked_slope(negative_slope))


# --------------------------------------------------------------------- smooth


def _sigmoid(x: Array) -> Array:
    y = np.asarray(0.5 * x)  # σ(x) = ½ + ½ tanh(x/2); an array of no axes, for one number
    np.tanh(y, out=y)
    y *= 0.5
    y += 0.5
    return y[()]


def _smooth_sigmoid(x: Array) -> Array:
    return 0.5 * anp.tanh(0.5 * x) + 0.5  # the same, differentiable


def _silu(x: Array) -> tuple[Array, Array]:
    s = _sigmoid(x)
    return x * s, s


def _silu_in_place(x: Array) -> Array:
    x *= _sigmoid(x)
    return x


def _silu_slope(g: Array, y: Array, s: Array) -> Array:
    """(x σ)' = σ + x σ (1 − σ) = σ + y (1 − σ)."""
    d = 1 - s
    d *= y
    d += s
    d *= g
    return d


def _silu_traced_slope(g: Array, x: Array, y: Array) -> Array:
    s = _smooth_sigmoid(x)
    return g * (s + x * s * (1 - s))


def _softplus(x: Array) -> Array:
    y = np.exp(-np.abs(x))  # log(1 + eˣ) = max(x, 0) + log(1 + e^{−|x|}) never overflows
    return np.log1p(y) + np.maximum(x, 0)


def _softplus_slope(g: Array, y: Array, x: Array) -> Array:
    """(log(1 + eˣ))' = σ(x) = eˣ/(1 + eˣ) = e^{x − y}: exact even where σ is tiny and ½ + ½ tanh(x/2) would round to
    0."""
    return g * anp.exp(x - y)


_SQRT_HALF, _INV_SQRT_2PI = math.sqrt(0.5), 1 / math.sqrt(2 * math.pi)


def _block_by_block(x: Array, fill: Callable) -> tuple[Array, Array]:
    """y and a'(x) for an array x, by `fill(x, y, slope)`, which fills both for one block."""
    flat = x.reshape(-1)
    y, slope = np.empty_like(flat), np.empty_like(flat)
    for start in range(0, flat.size, BLOCK):
        block = slice(start, start + BLOCK)
        fill(flat[block], y[block], slope[block])
    return y.reshape(x.shape), slope.reshape(x.shape)


def _fill_gelu(x: Array, y: Array, slope: Array | None) -> None:
    """y = x Φ(x), and its slope Φ + x φ unless it is None, with φ the standard normal density.

    In float32 Φ is the rational formula 7.1.26 of Abramowitz and Stegun (error 1.5e-7), in float64 SciPy's.
    """
    density, cdf = (scratch(name, x.shape, x.dtype) for name in ("gelu density", "gelu cdf"))
    np.multiply(x, x, out=density)
    density *= -0.5
    np.exp(density, out=density)  # √(2π) φ
    _fill_normal_cdf(x, density, cdf)
    if slope is not None:
        np.multiply(x, density, out=slope)
        slope *= _INV_SQRT_2PI
        slope += cdf
    np.multiply(x, cdf, out=y)  # the last, since y may be x


def _fill_normal_cdf(x: Array, density: Array, cdf: Array) -> None:
    """Φ(x), given √(2π) φ(x)."""
    if x.dtype != np.float32:
        from scipy.special import ndtr

        ndtr(x, out=cdf)
        return
    t = scratch("gelu t", x.shape, x.dtype)
    np.abs(x, out=t)
    t *= 0.3275911 * _SQRT_HALF
    t += 1
    np.divide(1, t, out=t)
    np.multiply(t, 1.061405429, out=cdf)
    for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        cdf += coefficient
        cdf *= t
    cdf *= density
    cdf *= 0.5  # 1 − Φ(|x|)
    np.subtract(0.5, cdf, out=cdf)
    np.copysign(cdf, x, out=cdf)
    cdf += 0.5


def _normal_cdf(x: Array) -> Array:
    return _block_by_block(x, lambda x, cdf, density: _fill_normal_cdf(x, np.exp(-0.5 * x * x, out=density), cdf))[0]


_cdf = primitive(
    lambda x: (_normal_cdf(x), None),
    lambda needed, g, value, saved, x: {0: g * (_INV_SQRT_2PI * anp.exp(-0.5 * x * x))},
)


def _gelu(x: Array) -> tuple[Array, Array]:
    return _block_by_block(x, _fill_gelu)


def _gelu_in_place(x: Array) -> Array:
    flat = x.reshape(-1)
    for start in range(0, flat.size, BLOCK):
        block = flat[start : start + BLOCK]
        _fill_gelu(block, block, None)
    return flat.reshape(x.shape)


def _gelu_traced_slope(g: Array, x: Array, y: Array) -> Array:
    return g * (_cdf(x) + x * (_INV_SQRT_2PI * anp.exp(-0.5 * x * x)))


LEAKY_SLOPE = 0.2

ACTIVATIONS: dict[str, Activation] = {
    "relu": _from_output(_relu, _masked_slope(0.0)),
    "leaky_relu": _leaky(LEAKY_SLOPE),
    "sigmoid": _from_output(_sigmoid, lambda g, y: g * (y * (1 - y))),
    "tanh": _from_output(np.tanh, lambda g, y: g * (1 - y * y)),
    "softplus": Activation(
        lambda x: (_softplus(x), x), _softplus_slope, lambda g, x, y: _softplus_slope(g, y, x), needs_input=True
    ),
    "silu": Activation(_silu, _silu_slope, _silu_traced_slope, needs_input=True, in_place=_silu_in_place),
    "gelu": Activation(
        _gelu, lambda g, y, slope: g * slope, _gelu_traced_slope, needs_input=True, in_place=_gelu_in_place
    ),
}


def activated(name: str | None, x: Array) -> Array:
    """The activation of an array x that is not needed any more, where no derivative is taken; x itself for None."""
    if name is None:
        return x
    activation = ACTIVATIONS[name]
    return activation.forward(x)[0] if activation.in_place is None else activation.in_place(x)


def _elementwise(activation: Activation) -> Callable:
    def forward(x: Array) -> tuple[Array, Any]:
        y, kept = activation.forward(x)
        return y, (kept,)

    def backward(needed: list[int], g: Array, y: Array, saved: Any, x: Array) -> dict[int, Array]:
        return {0: activation.traced_slope(g, x, y) if saved is None else activation.slope(g, y, saved[0])}

    return primitive(forward, backward)


_APPLY = {name: _elementwise(activation) for name, activation in ACTIVATIONS.items()}
_LEAKY_APPLY = {LEAKY_SLOPE: _APPLY["leaky_relu"]}


def as_floats(x: Any, name: str = "x") -> Array:
    """`x` as an array of floats: traced arrays and float arrays as they are, numbers and whole numbers as float64.

    Raises ValueError, with `name`, for what is not an array of real numbers.
    """
    if isbox(x):
        return x
    try:
        x = np.asarray(x)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} must be an array of real numbers, got {type(x).__name__} ({error})") from None
    if x.dtype.kind in "iub":
        return x.astype(np.float64)
    if x.dtype.kind != "f":
        raise ValueError(f"{name} must be an array of real numbers, got dtype {x.dtype}")
    return x


def relu(x: Array) -> Array:
    """max(x, 0). The slope is 1 for x > 0 and 0 elsewhere (at 0 too)."""
    return _APPLY["relu"](as_floats(x))


def leaky_relu(x: Array, slope: float = LEAKY_SLOPE) -> Array:
    """x for x > 0, slope·x elsewhere; 0 ≤ slope < 1. The default 0.2 is that of DCGAN (Radford et al. 2015)."""
    if slope not in _LEAKY_APPLY:
        if not 0 <= slope < 1:
            raise ValueError(f"slope must be in [0, 1), got {slope}")
        _LEAKY_APPLY[slope] = _elementwise(_leaky(slope))
    return _LEAKY_APPLY[slope](as_floats(x))


def sigmoid(x: Array) -> Array:
    """σ(x) = 1/(1 + e^{−x}). σ' = σ(1 − σ)."""
    return _APPLY["sigmoid"](as_floats(x))


def tanh(x: Array) -> Array:
    """tanh x. Its derivative is 1 − tanh² x."""
    return _APPLY["tanh"](as_floats(x))


def softplus(x: Array) -> Array:
    """log(1 + eˣ), without overflow. Its derivative is σ(x)."""
    return _APPLY["softplus"](as_floats(x))


def silu(x: Array) -> Array:
    """x·σ(x), also called swish (Elfwing et al. 2017; Ramachandran et al. 2017)."""
    return _APPLY["silu"](as_floats(x))


def gelu(x: Array) -> Array:
    """x·Φ(x) with Φ the standard normal distribution function (Hendrycks and Gimpel 2016); exact, not the tanh
    formula."""
    return _APPLY["gelu"](as_floats(x))


FUNCTION_NAMES = {f: f.__name__ for f in (relu, leaky_relu, sigmoid, tanh, softplus, silu, gelu)}


def apply_activation(name: str, x: Array) -> Array:
    """The activation of this name, differentiable."""
    return _APPLY[name](x)


def activation_name(activation: str | Callable | None, argument: str = "activation") -> str | None:
    """The name of a built-in activation given by name or as the function itself; None for None.

    Raises ValueError for anything else; its message names the `argument`.
    """
    if activation is None or activation == "linear":
        return None
    if callable(activation) and activation in FUNCTION_NAMES:
        return FUNCTION_NAMES[activation]
    if isinstance(activation, str) and activation in ACTIVATIONS:
        return activation
    raise ValueError(
        f"{argument} must be one of {', '.join(ACTIVATIONS)} or one of these functions, got {activation!r}"
    )
