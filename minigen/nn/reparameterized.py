"""Layers whose weights are computed from others at each call: spectral and weight normalization.

Both wrap a layer whose weights `w` have its outputs for the last axis, and see them as a matrix W with a column for
each output: (n_in, n_out) of a `Linear`, (kh·kw·c_in, c_out) of a convolution.
"""

import copy
from typing import Any

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.nn.layers import CausalConv1d, Conv1d, Conv2d, ConvTranspose2d, Linear
from minigen.nn.module import Module
from minigen.tensor.activations import as_floats
from minigen.tensor.core import value_of
from minigen.types import Array, Rng

LAYERS = (Linear, Conv1d, CausalConv1d, Conv2d, ConvTranspose2d)


class SpectralNorm(Module):
    """A layer with the weights W/σ(W), of largest singular value σ = 1: as a linear map it is 1-Lipschitz.

    critic_layer = SpectralNorm(rng, Linear(rng, 64, 64, "leaky_relu"))

    σ is estimated as vᵀWu with v = Wu/‖Wu‖, where power iteration, u ← Wᵀv/‖Wᵀv‖, turns the buffer `u` (n_out,) to the
    direction that W stretches most. Each call in training mode does one iteration, which suffices while W changes
    slowly; evaluation mode does none. The gradient takes u and v for constants, as the paper does: ∂σ/∂W = v uᵀ, which
    is exact once the iteration has converged. Under `parallel_value_and_grad` both halves of a batch would change u.

    Of a convolution, σ is that of the reshaped kernel, as in the paper: a bound on the map's norm up to the factor
    √(kh·kw). Raises ValueError for other layers, and for weights that are all zero. Miyato et al. 2018.
    """

    buffers = ("u",)

    def __init__(self, rng: Rng, layer: Any):
        checks.rng(rng)
        self.layer = _checked(layer)
        if not layer.w.any():
            raise ValueError("layer must have weights other than zero, which have no direction to normalize")
        self.u = _unit(rng.standard_normal(layer.w.shape[-1], dtype=numpy.float32))

    def iterate(self, n: int) -> "SpectralNorm":
        """Do n power iterations; returns the module."""
        self.u[...] = self._turned(checks.whole("n", n))  # in place: a traced copy shares its buffers
        return self

    def sigma(self) -> Array:
        """Return the estimate of the largest singular value, a scalar, differentiable with respect to the weights."""
        return self._sigma(self.u)

    def __call__(self, x: Array) -> Array:
        u = self._turned(1) if self.training else self.u
        y = _with_weights(self.layer, self.layer.w / self._sigma(u))(x)
        if self.training:
            self.u[...] = u  # only now, when the layer has accepted x
        return y

    def _turned(self, n: int) -> numpy.ndarray:
        """u after n more power iterations."""
        u, matrix = self.u, _matrix(value_of(self.layer.w))
        for _ in range(n):
            u = _unit(matrix.T @ _unit(matrix @ u))
        return u

    def _sigma(self, u: numpy.ndarray) -> Array:
        v = _unit(_matrix(value_of(self.layer.w)) @ u)  # (n_in,)
        return np.dot(v, np.dot(_matrix(self.layer.w), u))


class WeightNorm(Module):
    """A layer with the weights g v/‖v‖ for each output: length and direction are learned apart.

    layer = WeightNorm(Linear(rng, 64, 64, "relu"))

    v has the shape of the layer's weights, g (n_out,) the length of each column; they start so that the layer computes
    what it did. The module holds a copy of the layer without weights, which shares its biases. Raises ValueError for
    other layers, and for an output whose weights are all zero. Salimans and Kingma 2016.
    """

    def __init__(self, layer: Any):
        self.layer = copy.copy(_checked(layer))
        self.v = layer.w
        self.g = _lengths(layer.w)
        if not self.g.all():
            raise ValueError("layer must have weights other than zero for each output: zeros have no direction")
        self.layer.w = None

    def weights(self) -> Array:
        """g v/‖v‖, in the shape of v."""
        return self.v * (self.g / _lengths(self.v))

    def initialize(self, x: Array) -> Array:
        """Set g and the biases so that each output, before its activation, has mean 0 and variance 1 over x.

        Returns the layer's output for x, which is what the next layer is initialized with (Section 3 of the paper).
        Raises ValueError for a layer without biases, and for an output that is the same for all of x.
        """
        if self.layer.b is None:
            raise ValueError("initialize needs a layer with biases, which it sets; got one without")
        plain = _with_weights(self.layer, self.v / _lengths(self.v))
        plain.b, plain.activation = None, None
        outputs = plain(as_floats(x))  # (..., n_out)
        axes = tuple(range(outputs.ndim - 1))
        mean, std = outputs.mean(axis=axes), outputs.std(axis=axes)
        if not std.all():
            raise ValueError("x must give each output more than one value, got an output of variance 0")
        self.g[...], self.layer.b[...] = 1 / std, -mean / std
        return self(x)

    def __call__(self, x: Array) -> Array:
        return _with_weights(self.layer, self.weights())(x)


def _checked(layer: Any) -> Any:
    if not isinstance(layer, LAYERS) or layer.w is None:
        names = ", ".join(kind.__name__ for kind in LAYERS)
        raise ValueError(f"layer must be one of {names}, with weights of its own, got {type(layer).__name__}")
    return layer


def _with_weights(layer: Any, w: Array) -> Any:
    """Return the layer with other weights: a copy that shares all else."""
    twin = copy.copy(layer)
    vars(twin)["w"] = w
    return twin


def _matrix(w: Array) -> Array:
    """Weights (..., n_out) as a matrix with a column for each output."""
    return np.reshape(w, (-1, w.shape[-1]))


def _lengths(w: Array) -> Array:
    """Return the Euclidean norm of the weights of each output, (n_out,)."""
    return np.sqrt(np.sum(w * w, axis=tuple(range(w.ndim - 1))))


def _unit(a: numpy.ndarray) -> numpy.ndarray:
    return a / numpy.sqrt(numpy.sum(a * a))
