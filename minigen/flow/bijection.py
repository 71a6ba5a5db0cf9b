"""Bijections with their log-determinants, and the flows made of them.

A bijection maps z to x and back. Direction, everywhere:

    forward(z, context=None) -> (x, log_det)     generates
    inverse(x, context=None) -> (z, log_det)     infers

`log_det`, shape (N,), is log |det Jacobian| of the direction that was called, so for a pair of matching points the two
values are negatives of each other. Examples are vectors (N, D) or images (N, H, W, C). A context, (N, ...), is what a
conditional bijection depends on; the others ignore it. Results are in the dtype of the input.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Self

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import Sized, checked, floats, number, positive, whole
from minigen.flow.arguments import check_broadcast, check_varies, examples
from minigen.nn import Module, depth_to_space, space_to_depth
from minigen.tensor import jacobian, like, sigmoid, softplus
from minigen.types import Array, Float32, Rng


class Bijection(Module):
    """An invertible map with a tractable Jacobian determinant, which changes a log-density. Eq. flow.05, Eq. flow.06"""

    def forward(self, z: Array, context: Array | None = None) -> tuple[Array, Array]:
        """z (N, ...) -> x (N, ...) and log |det dx/dz| (N,)."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward(z, context=None)")

    def inverse(self, x: Array, context: Array | None = None) -> tuple[Array, Array]:
        """x (N, ...) -> z (N, ...) and log |det dz/dx| (N,)."""
        raise NotImplementedError(f"{type(self).__name__} does not define inverse(x, context=None)")

    def initialize(self, x: Array) -> Array:
        """Set what is set from data, such as an actnorm, by what reaches it of x (N, ...); returns z (N, ...)."""
        return self.inverse(x)[0]


class Inverse(Bijection):
    """The same bijection with `forward` and `inverse` exchanged."""

    def __init__(self, bijection: Bijection):
        self.bijection = checked_bijection("bijection", bijection)

    @checked(z=Sized("N, ...", finite=False))
    def forward(self, z: Array, context: Array | None = None) -> tuple[Array, Array]:
        return apply(self.bijection.inverse, z, context)

    @checked(x=Sized("N, ...", finite=False))
    def inverse(self, x: Array, context: Array | None = None) -> tuple[Array, Array]:
        return apply(self.bijection.forward, x, context)


class Chain(Bijection):
    """Bijections one after the other: forward applies the first one first. The log-dets add up. Eq. flow.08"""

    def __init__(self, bijections: Sequence[Bijection]):
        if not isinstance(bijections, Iterable):
            raise ValueError(f"bijections must be a sequence of bijections, got {type(bijections).__name__}")
        self.bijections: list[Any] = [checked_bijection(f"bijections[{i}]", f) for i, f in enumerate(bijections)]

    @checked(z=Sized("N, ...", finite=False))
    def forward(self, z: Array, context: Array | None = None) -> tuple[Array, Array]:
        total = np.zeros(len(z), dtype=z.dtype)
        for f in self.bijections:
            z, log_det = apply(f.forward, z, context)
            total = total + log_det
        return z, total

    @checked(x=Sized("N, ...", finite=False))
    def inverse(self, x: Array, context: Array | None = None) -> tuple[Array, Array]:
        total = np.zeros(len(x), dtype=x.dtype)
        for f in reversed(self.bijections):
            x, log_det = apply(f.inverse, x, context)
            total = total + log_det
        return x, total

    def initialize(self, x: Array) -> Array:
        for f in reversed(self.bijections):
            x = f.initialize(x)
        return x


# ------------------------------------------------------------------------------------------- densities


class BaseDensity:
    """A density of independent coordinates of the given shape, in which a flow begins. `std`: their deviation."""

    std: float

    def __init__(self, shape: int | tuple[int, ...]):
        self.shape = tuple(checks.wholes("shape", shape if isinstance(shape, (tuple, list)) else (shape,)))

    def log_prob(self, z: Array) -> Float32:
        """log π(z) in nats: z (N, *shape) -> (N,). ValueError: another shape."""
        raise NotImplementedError

    def sample(self, rng: Rng, n: int, temperature: float = 1.0) -> Float32:
        """n draws (n, *shape), float32, scaled by `temperature`. ValueError: n < 1 or temperature not positive."""
        raise NotImplementedError

    def _flat(self, z: Array) -> Array:
        """(N, *shape) -> (N, numbers in one example)."""
        if len(np.shape(z)) < 1 or np.shape(z)[1:] != self.shape:
            raise ValueError(f"z must have shape ({', '.join(['N', *map(str, self.shape)])}), got {np.shape(z)}")
        return np.reshape(z, (len(z), math.prod(self.shape)))

    @checked(rng=Rng, temperature=positive, n=whole)
    def _arguments(self, rng: Rng, n: int, temperature: float) -> tuple[tuple[int, ...], numpy.float32]:
        return (n, *self.shape), numpy.float32(temperature)


class StandardNormal(BaseDensity):
    """The usual base density: independent N(0, 1) in every coordinate; sampled from N(0, temperature² I)."""

    std = 1.0

    def log_prob(self, z: Array) -> Float32:
        flat = self._flat(z)
        return -0.5 * np.sum(flat**2, axis=1) - 0.5 * flat.shape[1] * math.log(2 * math.pi)

    def sample(self, rng: Rng, n: int, temperature: float = 1.0) -> Float32:
        shape, scale = self._arguments(rng, n, temperature)
        return rng.standard_normal(shape, dtype=numpy.float32) * scale


class StandardLogistic(BaseDensity):
    """Independent logistic coordinates, density e^−z/(1 + e^−z)² each: heavier tails, and NICE's choice for images."""

    std = math.pi / math.sqrt(3)

    def log_prob(self, z: Array) -> Float32:
        flat = self._flat(z)
        return np.sum(-flat - 2 * softplus(-flat), axis=1)

    def sample(self, rng: Rng, n: int, temperature: float = 1.0) -> Float32:
        shape, scale = self._arguments(rng, n, temperature)
        return rng.logistic(size=shape).astype(numpy.float32) * scale


class Flow(Module):
    """A base density pushed through a bijection: x = f(z), log p(x) = log π(z) + log |det dz/dx|.

    Eq. flow.04, Eq. flow.08
    """

    continuous = True  # a density of real numbers, which whole numbers would make unbounded

    def __init__(self, base: BaseDensity, bijection: Bijection):
        self.base = checks.instance_with("base", base, "log_prob", "sample")
        self.bijection = checked_bijection("bijection", bijection)

    def log_prob(self, x: Array, context: Array | None = None) -> Float32:
        """Exact log-density in nats: x (N, ...) -> (N,), float32; in float64 for x in float64.

        ValueError: x of another shape, or not finite.
        """
        x = examples(x, *self.base.shape)
        z, log_det = apply(self.bijection.inverse, x, context)
        return self.base.log_prob(z) + log_det

    def sample(self, rng: Rng, n: int, temperature: float = 1.0, context: Array | None = None) -> Float32:
        """n draws (n, ...): z from the base, its deviation from 0 scaled by `temperature`, then forward.

        context (n, ...): the condition of each draw, for a flow that has one.
        """
        z = self.base.sample(rng, n, temperature)
        return apply(self.bijection.forward, z, context)[0]

    def loss(self, x: Array, context: Array | None = None) -> Array:
        """Mean negative log-likelihood of a batch, a scalar in nats. Eq. flow.09"""
        return -np.mean(self.log_prob(x, context))


# ------------------------------------------------------------------------------------------- simple bijections


class Affine(Bijection):
    """x = exp(log_scale)·z + shift, one scale and shift for each coordinate (or for each that they broadcast to)."""

    @checked(shift=floats, log_scale=floats)
    def __init__(self, shift: Any, log_scale: Any):
        self.shift = numpy.array(shift, numpy.float32)
        self.log_scale = numpy.array(log_scale, numpy.float32)
        if self.shift.shape != self.log_scale.shape:
            raise ValueError(f"shift and log_scale must agree, got {self.shift.shape} and {self.log_scale.shape}")

    @checked(x="N, ...")
    def standardize(self, x: numpy.ndarray, axis: int | tuple[int, ...] = 0) -> Self:
        """Set both, in place, so that the inverse gives the examples x (N, ...) mean 0 and variance 1 over `axis`.

        Returns self. ValueError: x does not vary, or its examples do not have the shape of the scales.
        """
        check_broadcast("log_scale", self.log_scale, x=x)
        check_varies(x, axis)
        self.shift[...] = x.mean(axis=axis)
        self.log_scale[...] = numpy.log(x.std(axis=axis))
        return self

    @checked(z=Sized("N, ...", finite=False))
    def forward(self, z: Array, context: Array | None = None) -> tuple[Array, Array]:
        check_broadcast("log_scale", self.log_scale, z=z)
        return z * np.exp(like(self.log_scale, z)) + like(self.shift, z), self._log_det(z)

    @checked(x=Sized("N, ...", finite=False))
    def inverse(self, x: Array, context: Array | None = None) -> tuple[Array, Array]:
        check_broadcast("log_scale", self.log_scale, x=x)
        return (x - like(self.shift, x)) * np.exp(-like(self.log_scale, x)), -self._log_det(x)

    def _log_det(self, a: Array) -> Array:
        broadcast = like(self.log_scale, a) + np.zeros(np.shape(a)[1:], dtype=a.dtype)  # over the coordinates
        return np.sum(broadcast) * np.ones(len(a), dtype=a.dtype)


class Permute(Bijection):
    """Reorder the last axis: x[..., i] = z[..., order[i]]. Volume is preserved. ValueError: not one index for each."""

    def __init__(self, order: Any):
        self.order = numpy.array(order)
        whole = self.order.ndim == 1 and self.order.dtype.kind in "iu"
        if not whole or sorted(self.order.tolist()) != list(range(len(self.order))):
            raise ValueError(f"order must be a permutation of 0, ..., D − 1, got {self.order.tolist()}")
        self.back = numpy.argsort(self.order)

    def forward(self, z: Array, context: Array | None = None) -> tuple[Array, Array]:
        z = self._checked("z", z)
        return z[..., self.order], np.zeros(len(z), dtype=z.dtype)

    def inverse(self, x: Array, context: Array | None = None) -> tuple[Array, Array]:
        x = self._checked("x", x)
        return x[..., self.back], np.zeros(len(x), dtype=x.dtype)

    def _checked(self, name: str, a: Array) -> Array:
        if len(np.shape(a)) < 2 or np.shape(a)[-1] != len(self.order):
            raise ValueError(f"{name} must have shape (N, ..., {len(self.order)}), as order has, got {np.shape(a)}")
        return checks.array(name, a, "N", ..., len(self.order), finite=False)


class Squeeze(Bijection):
    """Space to channels: inferring, each 2×2 block of pixels becomes 4 channels of one pixel:
    (N, H, W, C) -> (N, H/2, W/2, 4C), channel order (row, column, C). Generating is the reverse. Dinh et al. 2017,
    Fig. 3.
    """

    @checked(z="N, H, W, C")
    def forward(self, z: Array, context: Array | None = None) -> tuple[Array, Array]:
        n, _, _, c = np.shape(z)
        if c % 4:
            raise ValueError(f"z must have a multiple of 4 channels, got {np.shape(z)}")
        return depth_to_space(z), np.zeros(n, dtype=z.dtype)  # (N, 2H, 2W, C/4)

    @checked(x="N, H, W, C")
    def inverse(self, x: Array, context: Array | None = None) -> tuple[Array, Array]:
        n, h, w, _ = np.shape(x)
        if h % 2 or w % 2:
            raise ValueError(f"x must have an even height and width, got {np.shape(x)}")
        return space_to_depth(x), np.zeros(n, dtype=x.dtype)  # (N, H/2, W/2, 4C)


class Unsqueeze(Inverse):
    """`Squeeze` with its two directions exchanged."""

    def __init__(self) -> None:
        super().__init__(Squeeze())


class Split(Bijection):
    """Send the first half of the channels through an inner bijection and leave the other half as it is.

    Inferring, the second half is thereby finished (it is the Gaussian noise of this scale) and only the first half goes
    on to the coarser scales. The inner bijection must keep the shape of its input. Dinh et al. 2017, section 3.6.
    """

    def __init__(self, inner: Bijection):
        self.inner = checked_bijection("inner", inner)

    def forward(self, z: Array, context: Array | None = None) -> tuple[Array, Array]:
        return self._apply("z", self.inner.forward, z, context)

    def inverse(self, x: Array, context: Array | None = None) -> tuple[Array, Array]:
        return self._apply("x", self.inner.inverse, x, context)

    def initialize(self, x: Array) -> Array:
        c = np.shape(x)[-1]
        return np.concatenate([self.inner.initialize(x[..., : c // 2]), x[..., c // 2 :]], axis=-1)

    def _apply(self, name: str, direction: Callable, a: Array, context: Array | None) -> tuple[Array, Array]:
        a = checks.array(name, a, "N", ..., "C", finite=False)
        c = np.shape(a)[-1]
        if c < 2:
            raise ValueError(f"{name} must have at least 2 channels to split, got shape {np.shape(a)}")
        half, log_det = apply(direction, a[..., : c // 2], context)
        return np.concatenate([half, a[..., c // 2 :]], axis=-1), log_det


class Logit(Bijection):
    """From numbers in (0, 1) to the whole line: inferring, z = logit(alpha + (1 − 2·alpha) x) in every coordinate.

    The small alpha keeps the logit finite at x = 0 and 1. Papamakarios et al. 2017 (alpha = 1e-6 there for MNIST); Dinh
    et al. 2017, section 4.1, have alpha + (1 − alpha) x with alpha = 0.05.
    `inverse` raises ValueError unless x lies in [0, 1].
    """

    @checked(alpha=partial(number, low=0, high=0.5, without=0.5))
    def __init__(self, alpha: float = 0.05):
        self.alpha = alpha

    @checked(z=Sized("N, ...", finite=False))
    def forward(self, z: Array, context: Array | None = None) -> tuple[Array, Array]:
        x = (sigmoid(z) - self.alpha) / (1 - 2 * self.alpha)
        return x, -self._inverse_log_det(z)

    @checked(x=Sized("N, ...", empty=True, low=0, high=1))
    def inverse(self, x: Array, context: Array | None = None) -> tuple[Array, Array]:
        p = self.alpha + (1 - 2 * self.alpha) * x
        z = np.log(p) - np.log1p(-p)
        return z, self._inverse_log_det(z)

    def _inverse_log_det(self, z: Array) -> Array:
        """d logit(p)/dp = 1/(p(1 − p)), and −log p(1 − p) = softplus(z) + softplus(−z)."""
        each = softplus(z) + softplus(-z) + math.log(1 - 2 * self.alpha)
        return np.sum(np.reshape(each, (len(z), -1)), axis=1)


# ------------------------------------------------------------------------------------------- what bijections share


def checked_bijection(name: str, f: Any) -> Any:
    """f, if it is an instance that maps both ways."""
    return checks.instance_with(name, f, "forward", "inverse")


def apply(f: Callable, a: Array, context: Array | None) -> tuple[Array, Array]:
    """Apply a direction f of a bijection at a: return the array and its log-det.

    A part that depends on no context need not take it.
    ValueError: f returns anything but a pair.
    """
    result = f(a) if context is None else f(a, context)
    try:
        mapped, log_det = result
    except (TypeError, ValueError):
        got = f"{len(result)} values" if isinstance(result, tuple) else f"an array of shape {np.shape(result)}"
        name = getattr(f, "__qualname__", f)
        raise ValueError(f"{name} must return a pair, the array and its log-det (N,), got {got}") from None
    return mapped, log_det


def jacobian_log_det(f: Callable, x: numpy.ndarray) -> numpy.ndarray:
    """log |det df/dx| at each point, by automatic differentiation: for checking. Eq. flow.01, Eq. flow.04

    f maps a batch (N, ...) to a batch (with or without a log-det behind it) and treats examples independently; x
    (N, ...) -> (N,), computed in float64.
    """
    x = numpy.asarray(x, dtype=float)
    result = numpy.empty(len(x))
    for i, point in enumerate(x):

        def one(flat: Array, point: Array = point) -> Array:
            y = f(np.reshape(flat, (1, *point.shape)))
            return np.reshape(y[0] if isinstance(y, tuple) else y, (-1,))

        J = jacobian(one)(point.reshape(-1))  # (D, D)
        result[i] = numpy.linalg.slogdet(J)[1]
    return result
