"""Activation functions, element by element, each with its derivative.

Every activation is a pair of plain functions: `value(x)` and `slope(g, x, y)`, which multiplies an incoming gradient `g`
by the derivative, given the input `x` and the output `y` (whichever is cheaper to use). The pair makes a primitive here,
and `linear` fuses the same pair with the matrix product. The slopes are written in operations that autograd can
differentiate again, where the derivative is not piecewise constant, so second derivatives come for free.

In float32, `exp` and `tanh` are fast and `expit`, `erf` and `where` are slow: hence the formulas through `tanh`.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import autograd.numpy as anp
import numpy as np
from autograd.tracer import isbox

from minigen.tensor.core import primitive

Array = Any  # an ndarray, or a traced one


class Activation(NamedTuple):
    """`value(x)`, `slope(g, x, y)`, and whether the slope looks at `x` (else `x` need not be kept)."""

    value: Callable
    slope: Callable
    needs_input: bool


# --------------------------------------------------------------------- piecewise linear: the slope is a constant mask


def _masked_slope(negative_slope):
    """g ↦ g where y > 0, g·negative_slope elsewhere. Linear in g and constant in y, so its own derivative."""

    def forward(g, y):
        if negative_slope == 0.0:
            return g * (y > 0), None
        factor = (y > 0).astype(g.dtype)
        factor *= 1 - negative_slope
        factor += negative_slope
        factor *= g
        return factor, None

    masked = primitive(forward, lambda needed, g, value, saved, g0, y: {0: masked(g, y), 1: anp.zeros_like(y)})
    return lambda g, x, y: masked(g, y)


def _relu(x):
    return np.maximum(x, 0)


def _leaky(negative_slope):
    return Activation(lambda x: np.maximum(x, negative_slope * x), _masked_slope(negative_slope), False)


# --------------------------------------------------------------------- smooth


def _sigmoid(x):
    y = np.tanh(0.5 * x)  # σ(x) = ½ + ½ tanh(x/2)
    y *= 0.5
    y += 0.5
    return y


def _smooth_sigmoid(x):
    return 0.5 * anp.tanh(0.5 * x) + 0.5  # the same, differentiable


def _silu_slope(g, x, y):
    """(x σ)' = σ + x σ (1 − σ) = σ + y (1 − σ)."""
    if not (isbox(g) or isbox(x)):
        s = _sigmoid(x)
        d = 1 - s
        d *= y
        d += s
        d *= g
        return d
    s = _smooth_sigmoid(x)
    return g * (s + x * s * (1 - s))


def _softplus(x):
    y = np.exp(-np.abs(x))  # log(1 + eˣ) = max(x, 0) + log(1 + e^{−|x|}) never overflows
    return np.log1p(y) + np.maximum(x, 0)


def _softplus_slope(g, x, y):
    """(log(1 + eˣ))' = σ(x) = eˣ/(1 + eˣ) = e^{x − y}: exact also where σ is tiny and ½ + ½ tanh(x/2) would round to 0."""
    return g * anp.exp(x - y)


_SQRT_HALF, _INV_SQRT_2PI = math.sqrt(0.5), 1 / math.sqrt(2 * math.pi)


def _normal_cdf(x):
    """Φ(x). In float32 by the rational formula 7.1.26 of Abramowitz and Stegun (error 1.5e-7), in float64 by SciPy."""
    if x.dtype != np.float32:
        from scipy.special import ndtr

        return ndtr(x)
    a = np.abs(x) * np.float32(_SQRT_HALF)
    t = 1 / (1 + np.float32(0.3275911) * a)
    tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    tail *= 0.5 * np.exp(-a * a)  # 1 − Φ(|x|)
    return 0.5 + np.copysign(0.5 - tail, x)


_cdf = primitive(
    lambda x: (_normal_cdf(x), None),
    lambda needed, g, value, saved, x: {0: g * (_INV_SQRT_2PI * anp.exp(-0.5 * x * x))},
)


def _gelu_slope(g, x, y):
    """(x Φ)' = Φ + x φ, with φ the standard normal density."""
    return g * (_cdf(x) + x * (_INV_SQRT_2PI * anp.exp(-0.5 * x * x)))


LEAKY_SLOPE = 0.2

ACTIVATIONS: dict[str, Activation] = {
    "relu": Activation(_relu, _masked_slope(0.0), False),
    "leaky_relu": _leaky(LEAKY_SLOPE),
    "sigmoid": Activation(_sigmoid, lambda g, x, y: g * (y * (1 - y)), False),
    "tanh": Activation(np.tanh, lambda g, x, y: g * (1 - y * y), False),
    "softplus": Activation(_softplus, _softplus_slope, True),
    "silu": Activation(lambda x: x * _sigmoid(x), _silu_slope, True),
    "gelu": Activation(lambda x: x * _normal_cdf(x), _gelu_slope, True),
}


def _elementwise(activation: Activation) -> Callable:
    def forward(x):
        y = activation.value(x)
        return y, y

    def backward(needed, g, value, saved, x):
        return {0: activation.slope(g, x, value)}

    return primitive(forward, backward)


_APPLY = {name: _elementwise(activation) for name, activation in ACTIVATIONS.items()}
_LEAKY_APPLY = {LEAKY_SLOPE: _APPLY["leaky_relu"]}


def _float(x):
    return x if isbox(x) or isinstance(x, np.ndarray) else np.asarray(x, dtype=float)


def relu(x: Array) -> Array:
    """max(x, 0). The slope is 1 for x > 0 and 0 elsewhere (also at 0)."""
    return _APPLY["relu"](_float(x))


def leaky_relu(x: Array, slope: float = LEAKY_SLOPE) -> Array:
    """x for x > 0, slope·x elsewhere; 0 ≤ slope < 1. The default 0.2 is that of DCGAN (Radford et al. 2015)."""
    if slope not in _LEAKY_APPLY:
        if not 0 <= slope < 1:
            raise ValueError(f"slope must be in [0, 1), got {slope}")
        _LEAKY_APPLY[slope] = _elementwise(_leaky(slope))
    return _LEAKY_APPLY[slope](_float(x))


def sigmoid(x: Array) -> Array:
    """σ(x) = 1/(1 + e^{−x}). σ' = σ(1 − σ)."""
    return _APPLY["sigmoid"](_float(x))


def tanh(x: Array) -> Array:
    """tanh x. Its derivative is 1 − tanh² x."""
    return _APPLY["tanh"](_float(x))


def softplus(x: Array) -> Array:
    """log(1 + eˣ), without overflow. Its derivative is σ(x)."""
    return _APPLY["softplus"](_float(x))


def silu(x: Array) -> Array:
    """x·σ(x), also called swish (Elfwing et al. 2017; Ramachandran et al. 2017)."""
    return _APPLY["silu"](_float(x))


def gelu(x: Array) -> Array:
    """x·Φ(x) with Φ the standard normal distribution function (Hendrycks and Gimpel 2016); exact, not the tanh formula."""
    return _APPLY["gelu"](_float(x))


FUNCTION_NAMES = {relu: "relu", leaky_relu: "leaky_relu", sigmoid: "sigmoid", tanh: "tanh"} | {
    softplus: "softplus",
    silu: "silu",
    gelu: "gelu",
}


def activation_name(activation: str | Callable | None) -> str | None:
    """The name of a built-in activation given by name or as the function itself; None for None.

    Raises ValueError for a name that does not exist; returns None-safe names only for built-in functions.
    """
    if activation is None or activation == "linear":
        return None
    if callable(activation) and activation in FUNCTION_NAMES:
        return FUNCTION_NAMES[activation]
    if isinstance(activation, str) and activation in ACTIVATIONS:
        return activation
    raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)} or one of these functions, got {activation!r}")
