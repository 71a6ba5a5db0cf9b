"""What a normalizing flow is made of: bijections that know how much they stretch space.

A bijection maps z to x and back. Direction, everywhere:

    forward(z) -> (x, log_det)     generates
    inverse(x) -> (z, log_det)     infers

`log_det`, shape (N,), is log |det Jacobian| of the direction that was called, so for a pair of matching points the two
values are negatives of each other. Examples are vectors (N, D) or images (N, H, W, C).
"""

import math
from collections.abc import Callable, Sequence

import autograd.numpy as np
import numpy
from autograd.tracer import isbox

from minigen.flow import _check
from minigen.nn import Module
from minigen.tensor import jacobian, sigmoid, softplus

Rng = numpy.random.Generator


class Bijection(Module):
    """An invertible map with a tractable Jacobian determinant. Eq. flow.05"""

    def forward(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """z (N, ...) -> x (N, ...) and log |det dx/dz| (N,)."""
        raise NotImplementedError

    def inverse(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """x (N, ...) -> z (N, ...) and log |det dz/dx| (N,)."""
        raise NotImplementedError


class Chain(Bijection):
    """Bijections one after the other: forward applies the first one first. The log-dets add up. Eq. flow.08"""

    def __init__(self, bijections: Sequence[Bijection]):
        self.bijections = list(bijections)

    def forward(self, z):
        total = np.zeros(len(z), dtype=z.dtype)
        for f in self.bijections:
            z, log_det = f.forward(z)
            total = total + log_det
        return z, total

    def inverse(self, x):
        total = np.zeros(len(x), dtype=x.dtype)
        for f in reversed(self.bijections):
            x, log_det = f.inverse(x)
            total = total + log_det
        return x, total


class StandardNormal:
    """The usual base density: independent N(0, 1) in every coordinate of the given shape."""

    def __init__(self, shape: int | tuple[int, ...]):
        self.shape = tuple(_check.count("shape", n) for n in ((shape,) if isinstance(shape, int) else shape))

    def log_prob(self, z):
        """log N(z; 0, I) in nats: z (N, *shape) -> (N,)."""
        dims = math.prod(self.shape)
        return -0.5 * np.sum(np.reshape(z, (len(z), dims)) ** 2, axis=1) - 0.5 * dims * math.log(2 * math.pi)

    def sample(self, rng: Rng, n: int, temperature: float = 1.0) -> numpy.ndarray:
        """n draws (n, *shape), float32, of N(0, temperature² I). ValueError: n < 1 or temperature not positive."""
        n, temperature = _check.count("n", n), _check.positive("temperature", temperature)
        return rng.standard_normal((n, *self.shape), dtype=numpy.float32) * numpy.float32(temperature)


class Flow(Module):
    """A base density pushed through a bijection: x = f(z), log p(x) = log π(z) + log |det dz/dx|.

    Eq. flow.04, Eq. flow.08
    """

    def __init__(self, base: StandardNormal, bijection: Bijection):
        self.base, self.bijection = base, bijection

    def log_prob(self, x: np.ndarray) -> np.ndarray:
        """Exact log-density in nats: x (N, ...) -> (N,). ValueError: x of another shape, or not finite."""
        z, log_det = self.bijection.inverse(_check.batch("x", x, self.base.shape))
        return self.base.log_prob(z) + log_det

    def sample(self, rng: Rng, n: int, temperature: float = 1.0) -> numpy.ndarray:
        """n draws (n, ...): z from the base (its standard deviation times `temperature`), then forward."""
        return self.bijection.forward(self.base.sample(rng, n, temperature))[0]

    def loss(self, x: np.ndarray) -> np.ndarray:
        """Mean negative log-likelihood of a batch, a scalar in nats. Eq. flow.09"""
        return -np.mean(self.log_prob(x))


class Affine(Bijection):
    """x = exp(log_scale)·z + shift, one scale and shift for each coordinate (or for each that they broadcast to)."""

    def __init__(self, shift, log_scale):
        self.shift = numpy.array(_check.floats("shift", shift), numpy.float32)
        self.log_scale = numpy.array(_check.floats("log_scale", log_scale), numpy.float32)
        if self.shift.shape != self.log_scale.shape:
            raise ValueError(f"shift and log_scale must agree, got {self.shift.shape} and {self.log_scale.shape}")

    def standardize(self, x: numpy.ndarray, axis: int | tuple[int, ...] = 0) -> None:
        """Set both, in place, so that the inverse gives the examples x (N, ...) mean 0 and variance 1 over `axis`."""
        x = _check.floats("x", x)
        std = x.std(axis=axis)
        if not numpy.all(std > 0):
            raise ValueError("x must vary in every coordinate to be standardized")
        self.shift[...], self.log_scale[...] = x.mean(axis=axis), numpy.log(std)

    def forward(self, z):
        return z * np.exp(self.log_scale) + self.shift, self._log_det(z)

    def inverse(self, x):
        return (x - self.shift) * np.exp(-self.log_scale), -self._log_det(x)

    def _log_det(self, a):
        each = np.sum(self.log_scale + np.zeros(np.shape(a)[1:], dtype=a.dtype))  # broadcast over the coordinates
        return each * np.ones(len(a), dtype=a.dtype)


class Permute(Bijection):
    """Reorder the last axis: x[..., i] = z[..., order[i]]. Volume is preserved."""

    def __init__(self, order):
        self.order = numpy.array(order)
        whole = self.order.ndim == 1 and self.order.dtype.kind in "iu"
        if not whole or sorted(self.order.tolist()) != list(range(len(self.order))):
            raise ValueError(f"order must be a permutation of 0, ..., D − 1, got {self.order.tolist()}")
        self.back = numpy.argsort(self.order)

    def forward(self, z):
        return z[..., self.order], np.zeros(len(z), dtype=z.dtype)

    def inverse(self, x):
        return x[..., self.back], np.zeros(len(x), dtype=x.dtype)


class Squeeze(Bijection):
    """Trade space for channels. Inferring, each 2×2 block of pixels becomes 4 channels of one pixel:
    (N, H, W, C) -> (N, H/2, W/2, 4C), channel order (row, column, C). Generating undoes it. Dinh et al. 2017, Fig. 3.
    """

    def forward(self, z):
        n, h, w, c = _check.images("z", z)
        if c % 4:
            raise ValueError(f"z must have a multiple of 4 channels, got {np.shape(z)}")
        blocks = np.reshape(z, (n, h, w, 2, 2, c // 4))
        x = np.reshape(np.transpose(blocks, (0, 1, 3, 2, 4, 5)), (n, 2 * h, 2 * w, c // 4))
        return x, np.zeros(n, dtype=z.dtype)

    def inverse(self, x):
        n, h, w, c = _check.images("x", x)
        if h % 2 or w % 2:
            raise ValueError(f"x must have an even height and width, got {np.shape(x)}")
        blocks = np.reshape(x, (n, h // 2, 2, w // 2, 2, c))
        z = np.reshape(np.transpose(blocks, (0, 1, 3, 2, 4, 5)), (n, h // 2, w // 2, 4 * c))
        return z, np.zeros(n, dtype=x.dtype)


class Unsqueeze(Bijection):
    """`Squeeze` with its two directions exchanged."""

    def __init__(self):
        self.squeeze = Squeeze()

    def forward(self, z):
        return self.squeeze.inverse(z)

    def inverse(self, x):
        return self.squeeze.forward(x)


class Split(Bijection):
    """Send the first half of the channels through an inner bijection and leave the other half as it is.

    Inferring, the second half is thereby finished (it already is Gaussian noise at this scale) and only the first half
    goes on to the coarser scales. The inner bijection must keep the shape of its input. Dinh et al. 2017, section 3.6.
    """

    def __init__(self, inner: Bijection):
        self.inner = inner

    def forward(self, z):
        return self._apply(self.inner.forward, z)

    def inverse(self, x):
        return self._apply(self.inner.inverse, x)

    def _apply(self, direction, a):
        c = np.shape(a)[-1]
        if c < 2:
            raise ValueError(f"there must be at least 2 channels to split, got {np.shape(a)}")
        half, log_det = direction(a[..., : c // 2])
        return np.concatenate([half, a[..., c // 2 :]], axis=-1), log_det


class Logit(Bijection):
    """From numbers in (0, 1) to the whole line: inferring, z = logit(alpha + (1 − 2·alpha) x) in every coordinate.

    The small alpha keeps the logit finite at x = 0 and 1. Dinh et al. 2017, section 4.1 (alpha = 0.05 there).
    """

    def __init__(self, alpha: float = 0.05):
        if not 0 <= alpha < 0.5:
            raise ValueError(f"alpha must be in [0, 0.5), got {alpha}")
        self.alpha = alpha

    def forward(self, z):
        x = (sigmoid(z) - self.alpha) / (1 - 2 * self.alpha)
        return x, -self._inverse_log_det(z)

    def inverse(self, x):
        x = _check.floats("x", x)
        if not isbox(x) and not (numpy.all(x >= 0) and numpy.all(x <= 1)):
            raise ValueError(f"x must lie in [0, 1], got values from {x.min():.4g} to {x.max():.4g}")
        p = self.alpha + (1 - 2 * self.alpha) * x
        z = np.log(p) - np.log1p(-p)
        return z, self._inverse_log_det(z)

    def _inverse_log_det(self, z):
        """d logit(p)/dp = 1/(p(1 − p)), and −log p(1 − p) = softplus(z) + softplus(−z)."""
        each = softplus(z) + softplus(-z) + math.log(1 - 2 * self.alpha)
        return np.sum(np.reshape(each, (len(z), -1)), axis=1)


def jacobian_log_det(f: Callable, x: numpy.ndarray) -> numpy.ndarray:
    """log |det df/dx| at each point, by automatic differentiation: for checking. Eq. flow.01, Eq. flow.04

    f maps a batch (N, ...) to a batch (with or without a log-det behind it) and treats examples independently; x
    (N, ...) -> (N,), computed in float64.
    """
    x = numpy.asarray(x, dtype=float)
    result = numpy.empty(len(x))
    for i, point in enumerate(x):

        def one(flat, point=point):
            y = f(np.reshape(flat, (1, *point.shape)))
            return np.reshape(y[0] if isinstance(y, tuple) else y, (-1,))

        J = jacobian(one)(point.reshape(-1))  # (D, D)
        result[i] = numpy.linalg.slogdet(J)[1]
    return result
