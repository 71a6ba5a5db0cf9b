"""Coupling layers: half of the coordinates are kept, the other half is changed by a map whose parameters are a
function of the first half.

That function, a network, never has to be inverted, because its input is among the output. `mask` holds, for each
coordinate, whether it is kept (1) or changed (0); it broadcasts against one example.
"""

import inspect
import math
from collections.abc import Callable
from functools import partial
from typing import Any, Self

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import checked, floats, nonnegative, positive, probability, unchecked, whole
from minigen.flow.arguments import (
    EXAMPLES,
    MASK,
    OneScaleEach,
    check_varies,
    checked_input,
    one_scale_each,
    zeros_and_ones,
)
from minigen.flow.bijection import Bijection
from minigen.nn import MLP, Module, he_gain
from minigen.tensor import like, stop_gradient, tanh
from minigen.types import Array, Rng


@checked(dim=partial(whole, least=2))
def half_mask(dim: int, first: bool = True) -> numpy.ndarray:
    """(dim,) mask that keeps the first half of a vector (the smaller one if dim is odd), or with False the second."""
    mask = (numpy.arange(dim) < dim // 2).astype(numpy.float32)
    return mask if first else 1 - mask


def channel_mask(channels: int, first: bool = True) -> numpy.ndarray:
    """(channels,) mask for images (N, H, W, channels): keeps the first half of the channels, or the second."""
    return half_mask(channels, first)


@checked(dim=partial(whole, least=2))
def parity_mask(dim: int, even: bool = True) -> numpy.ndarray:
    """(dim,) mask that keeps the coordinates 0, 2, 4, ... of a vector, or with False the others."""
    mask = (numpy.arange(dim) % 2 == 0).astype(numpy.float32)
    return mask if even else 1 - mask


@checked(height=whole, width=whole)
def checkerboard_mask(height: int, width: int, even: bool = True) -> numpy.ndarray:
    """(H, W, 1) mask that keeps the pixels with (row + column) even, or with False the odd ones."""
    row, column = numpy.indices((height, width))
    mask = ((row + column) % 2 == 0).astype(numpy.float32)[:, :, None]
    return mask if even else 1 - mask


@checked(z=EXAMPLES, mask=MASK)
def additive_forward(z: Array, m: Callable, mask: Array) -> tuple[Array, Array]:
    """x = z where mask is 1, x = z + m(kept half) where it is 0; log |det dx/dz| = 0. Eq. flow.14

    m maps mask·z, in which the changed half is zero, to shifts of its shape, of which those of the kept half do not
    count. z (N, ...), mask broadcasts against one example -> x (N, ...), log_det (N,). ValueError: m returns another
    shape.
    """
    return z + additive_shift(m, mask, z), np.zeros(len(z), dtype=z.dtype)


@checked(x=EXAMPLES, mask=MASK)
def additive_inverse(x: Array, m: Callable, mask: Array) -> tuple[Array, Array]:
    """z with `additive_forward(z, m, mask)` = x, and log |det dz/dx| = 0; m is not inverted. Eq. flow.14"""
    return x - additive_shift(m, mask, x), np.zeros(len(x), dtype=x.dtype)


def additive_shift(m: Callable, mask: Array, a: Array) -> Array:
    """(1 − mask)·m(mask·a), in the dtype of a (N, ...): the shift of the changed half. Eq. flow.14"""
    shift = m(mask * a)
    checks.same_shape(2, **{"mask * a": a, "m(mask * a)": shift})
    return like((1 - mask) * shift, a)


class AdditiveCoupling(Bijection):
    """NICE: x = z on the kept half, x = z + m(kept half) on the other. Volume is preserved. Eq. flow.14

    `net` maps the masked input (N, ...) to a shift of the same shape. Dinh et al. 2015.
    """

    buffers = ("mask",)

    @checked(mask=zeros_and_ones)
    def __init__(self, net: Module, mask: numpy.ndarray):
        self.net, self.mask = net, mask

    def forward(self, z: Array, context: Array | None = None) -> tuple[Array, Array]:
        return additive_forward(z, self._shift_of(context), self.mask)

    def inverse(self, x: Array, context: Array | None = None) -> tuple[Array, Array]:
        return additive_inverse(x, self._shift_of(context), self.mask)

    def shift(self, a: Array, context: Array | None = None) -> Array:
        """What is added, shaped as `a`: zero on the kept half, a function of it elsewhere."""
        return additive_shift(self._shift_of(context), self.mask, a)

    def _shift_of(self, context: Array | None) -> Callable:
        """The network as a function m of the masked input alone."""

        def m(kept: Array) -> Array:
            return _network_output(self.net, kept, context)

        return m


@checked(z=OneScaleEach())
def diagonal_scale(z: Array, log_scale: Array) -> tuple[Array, Array]:
    """x = exp(log_scale)·z, and log |det dx/dz| = Σ log_scale, which is the same for every example.

    z (N, ...), log_scale shaped as one example -> x (N, ...), log_det (N,).
    """
    log_scale = like(log_scale, z)
    return z * np.exp(log_scale), np.sum(log_scale) * np.ones(len(z), dtype=z.dtype)


class DiagonalScale(Bijection):
    """NICE's last layer: x = exp(s)·z with one learned s for each coordinate; without it the whole map keeps volume."""

    def __init__(self, shape: int | tuple[int, ...]):
        sizes = checks.wholes("shape", shape if isinstance(shape, (tuple, list)) else (shape,))
        self.log_scale = numpy.zeros(sizes, numpy.float32)

    @checked(x=floats)
    def standardize(self, x: numpy.ndarray, std: float = 1.0) -> Self:
        """Set the scales, in place, so that the inverse gives the examples x (N, ...) this deviation everywhere.

        Returns self. ValueError: x has a constant coordinate, or does not have the right shape.
        """
        x = one_scale_each("x", x, self.log_scale)
        check_varies(x, 0)
        self.log_scale[...] = numpy.log(x.std(axis=0) / checks.positive("std", std))
        return self

    def forward(self, z: Array, context: Array | None = None) -> tuple[Array, Array]:
        return diagonal_scale(z, self.log_scale)

    def inverse(self, x: Array, context: Array | None = None) -> tuple[Array, Array]:
        return diagonal_scale(one_scale_each("x", x, self.log_scale), -self.log_scale)


@checked(z=EXAMPLES, s=EXAMPLES, t=EXAMPLES, mask=MASK)
def affine_forward(z: Array, s: Array, t: Array, mask: Array) -> tuple[Array, Array]:
    """x = z where mask is 1, x = z·exp(s) + t where it is 0; log |det dx/dz|. Eq. flow.10

    z, s and t (N, ...), mask broadcasts against one example -> x (N, ...), log_det (N,), in the dtype of z.
    """
    s, t, changed = like(s, z), like(t, z), like(1 - mask, z)
    return z * np.exp(changed * s) + changed * t, affine_log_det(s, mask)


@checked(x=EXAMPLES, s=EXAMPLES, t=EXAMPLES, mask=MASK)
def affine_inverse(x: Array, s: Array, t: Array, mask: Array) -> tuple[Array, Array]:
    """z with `affine_forward(z, s, t, mask)` = x, and log |det dz/dx|; neither s nor t is inverted. Eq. flow.11"""
    s, t, changed = like(s, x), like(t, x), like(1 - mask, x)
    return (x - changed * t) * np.exp(-changed * s), -affine_log_det(s, mask)


@checked(s=EXAMPLES, mask=MASK)
def affine_log_det(s: Array, mask: Array) -> Array:
    """log |det dx/dz| of `affine_forward`: the sum of s over the changed half, s (N, ...) -> (N,).

    Eq. flow.13
    """
    return like(np.sum(np.reshape((1 - mask) * s, (len(s), -1)), axis=1), s)


class AffineCoupling(Bijection):
    """RealNVP: x = z on the kept half, x = z·exp(s) + t on the other, s and t being functions of the kept half.

    Its Jacobian is triangular with 1 and exp(s) on the diagonal, so log |det| = Σ s. `net` maps the masked input
    (N, ..., C) to (N, ..., 2C): raw scales, then shifts. Raw scales pass through limit·tanh(·/limit), so that no layer
    stretches by more than e^limit. Eq. flow.10, Eq. flow.11, Eq. flow.12, Eq. flow.13; Dinh et al. 2017.
    """

    buffers = ("mask",)

    @checked(mask=zeros_and_ones, limit=positive)
    def __init__(self, net: Module, mask: numpy.ndarray, limit: float = 2.0):
        self.net, self.mask, self.limit = net, mask, limit

    def forward(self, z: Array, context: Array | None = None) -> tuple[Array, Array]:
        z = checked_input(self.mask, "z", z)
        s, t = self.scale_and_shift(z, context)
        return unchecked(affine_forward)(z, s, t, self.mask)

    def inverse(self, x: Array, context: Array | None = None) -> tuple[Array, Array]:
        x = checked_input(self.mask, "x", x)
        s, t = self.scale_and_shift(x, context)  # the kept half of x is that of z
        return unchecked(affine_inverse)(x, s, t, self.mask)

    def scale_and_shift(self, a: Array, context: Array | None = None) -> tuple[Array, Array]:
        """s and t, both shaped as `a`, functions of its kept half."""
        out = like(_network_output(self.net, self.mask * a, context), a)  # (N, ..., 2C)
        c = np.shape(a)[-1]
        s, t = self.limit * tanh(out[..., :c] / self.limit), out[..., c:]
        checks.same_shape(a=a, s=s, t=t)
        return s, t


def _network_output(net: Callable, kept: Array, context: Array | None) -> Array:
    """net(kept), or net(kept, context). ValueError: a context for a network that takes none."""
    if context is None:
        return net(kept)
    try:
        return net(kept, context)
    except TypeError:
        if _takes_two_arguments(net):
            raise
    raise ValueError(f"context must be None, because {type(net).__name__} takes none, got one")


def _takes_two_arguments(net: Callable) -> bool:
    try:
        inspect.signature(net).bind(None, None)
    except TypeError:
        return False
    return True


class BatchNorm(Bijection):
    """Batch norm as a bijection: inferring, z = (x − mean)/√(var + eps) for each channel.

    In training mode `inverse` uses the batch's own statistics (and keeps running averages); in evaluation mode, and
    always when generating, the running averages, with which each direction is the inverse of the other. Dinh et al.
    2017, section 3.7.
    """

    buffers = ("running_mean", "running_var")

    @checked(channels=whole, momentum=probability, eps=nonnegative)
    def __init__(self, channels: int, momentum: float = 0.1, eps: float = 1e-4):
        self.running_mean = numpy.zeros(channels, numpy.float32)
        self.running_var = numpy.ones(channels, numpy.float32)
        self.momentum, self.eps = momentum, eps

    def forward(self, z: Array, context: Array | None = None) -> tuple[Array, Array]:
        z = checks.array("z", z, "N", ..., len(self.running_mean))
        mean, std = like(self.running_mean, z), np.sqrt(like(self.running_var, z) + self.eps)
        return z * std + mean, self._log_det(z, np.log(std))

    def inverse(self, x: Array, context: Array | None = None) -> tuple[Array, Array]:
        x = checks.array("x", x, "N", ..., len(self.running_mean))
        mean, var = like(self.running_mean, x), like(self.running_var, x)
        if self.training:
            axes = tuple(range(len(np.shape(x)) - 1))
            mean = np.mean(x, axis=axes)
            var = np.mean((x - mean) ** 2, axis=axes)
            self._remember(mean, var)
        return (x - mean) / np.sqrt(var + self.eps), self._log_det(x, -0.5 * np.log(var + self.eps))

    def _remember(self, mean: Array, var: Array) -> None:
        for running, batch in ((self.running_mean, mean), (self.running_var, var)):
            running += self.momentum * (stop_gradient(batch) - running)

    def _log_det(self, a: Array, log_scale: Array) -> Array:
        positions = int(numpy.prod(np.shape(a)[1:-1]))
        return positions * np.sum(log_scale) * np.ones(len(a), dtype=a.dtype)


@checked(dim=whole, width=whole, depth=whole, outputs=whole, sharpness=positive, spread=nonnegative)
def coupling_net(
    rng: Rng,
    dim: int,
    width: int = 64,
    depth: int = 2,
    outputs: int = 2,
    activation: Any = "tanh",
    sharpness: float = 1.0,
    spread: float = 2.0,
    context: int = 0,
    gain: float | str | None = None,
) -> MLP:
    """The network of a coupling on vectors: (N, dim + context) -> (N, outputs·dim), zero at the start.

    The hidden layers start with weights of variance 1/n_in (for ReLU 2/n_in; `gain` sets that of `MLP` instead) and
    biases over ±`spread`, so that the units of the first layer bend at different places: in the plane, each has a
    single number as input. Many small inputs, such as pixels in [0, 1], need a spread of 0. `sharpness` multiplies the
    weights and biases of the first layer: the places stay, the bends get narrower, as narrow modes need. The weights of
    `dim` coordinates start equally large whatever the number of features of a context, for which see `ContextNet`.
    """
    gain = he_gain(activation) if gain is None else gain
    net = MLP(rng, [dim + context] + [width] * depth + [outputs * dim], activation, last_scale=0.0, gain=gain)
    for layer in net.layers[:-1]:
        layer.b = rng.uniform(-spread, spread, (width,)).astype(numpy.float32)
    first = net.layers[0]
    first.w *= sharpness
    if first.b is not None:
        first.b *= sharpness
    if context:
        first.w[:dim] *= math.sqrt((dim + context) / dim)
    return net


class ContextNet(Module):
    """A network of x (N, dim) and of features (N, context), which `net` gets side by side, (N, dim + context).

    ValueError: no context, or one of another shape.
    """

    @checked(dim=whole, context=whole)
    def __init__(self, net: Module, dim: int, context: int):
        self.net, self.dim, self.context = net, dim, context

    def __call__(self, x: Array, context: Array | None = None) -> Array:
        x = checks.array("x", x, "N", self.dim, finite=False)
        if context is None:
            raise ValueError(f"context must be given, of shape {(len(x), self.context)}")
        context = checks.array("context", context, len(x), self.context, finite=False)
        return self.net(np.concatenate([x, like(context, x)], axis=1))
