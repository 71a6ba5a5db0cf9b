"""Glow: RealNVP with learned 1×1 convolutions in place of the fixed exchange of halves, and actnorm for batch norm.

Inferring, a step of flow is actnorm (a scale and shift for each channel), an invertible 1×1 convolution (any mixture of
the channels) and an affine coupling that keeps half of the channels. Steps are repeated at several scales, with a
squeeze before and a split after. Kingma and Dhariwal, "Glow: Generative Flow with Invertible 1×1 Convolutions", 2018.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, Self

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import checked, whole, wholes
from minigen.flow.arguments import Invertible, check_varies, halved_image_shape, width_at_each_scale
from minigen.flow.bijection import Affine, Bijection, Chain, Flow, Split, Squeeze, StandardNormal, Unsqueeze
from minigen.flow.coupling import AffineCoupling, channel_mask
from minigen.nn import Conv2d, Module, he_gain
from minigen.tensor import like, linear, relu
from minigen.types import Array, Rng

Parts = tuple[Array, Array, Array, Array, Array]

# ------------------------------------------------------------------------------------------- actnorm


class ActNorm(Affine):
    """x = exp(log_scale)·z + shift with one scale and shift for each channel, of vectors (N, C) or images (N, H, W, C).

    The log-det of an image counts every position: ±H·W·Σ log_scale. `standardize` sets both from data, after which they
    are trained like any parameter.
    """

    @checked(channels=whole)
    def __init__(self, channels: int):
        super().__init__(numpy.zeros(channels), numpy.zeros(channels))

    def initialize(self, x: Array) -> Array:
        self.standardize(x)
        return self.inverse(x)[0]

    def standardize(self, x: numpy.ndarray, axis: int | tuple[int, ...] | None = None) -> Self:
        """Set both, in place, so that the inverse gives each channel of x mean 0 and variance 1 (with 1/n).

        Over the batch and all positions, unless `axis` is given. Returns self. ValueError: a constant channel, other
        shapes.
        """
        x = checks.array("x", x, "N", ..., len(self.shift))
        if axis is None:
            shift, log_scale = actnorm_init(x)
            self.shift[...] = shift
            self.log_scale[...] = log_scale
            return self
        check_varies(x, axis, "channel")
        return super().standardize(x.astype(numpy.float64), axis)


@checked(x="N, ..., C")
def actnorm_init(x: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
    """(shift, log_scale), both (C,), with which actnorm gives the batch x mean 0 and variance 1 in each channel.

    x: (N, C) or (N, H, W, C). (x − shift)·exp(−log_scale) is standardized over the batch and all positions, with the
    variance 1/n Σ. ValueError: a constant channel. Kingma and Dhariwal 2018, section 3.1.
    """
    axes = tuple(range(x.ndim - 1))
    check_varies(x, axes, "channel")
    wide = x.astype(numpy.float64)  # a sum of many float32 numbers far from 0 loses their spread
    shift, log_scale = wide.mean(axis=axes), numpy.log(wide.std(axis=axes))
    return shift.astype(x.dtype), log_scale.astype(x.dtype)


# ------------------------------------------------------------------------------------------- 1×1 convolutions


@checked(h="N, ..., C", W="C, C")
def conv1x1(h: Array, W: Array) -> Array:
    """W times the channel vector of each position: h (N, H, W, C) or (N, C), W (C, C) -> the shape of h.

    y[..., i] = Σ_j W[i, j] h[..., j].
    """
    return like(linear(h, np.transpose(W)), h)


@checked(W=Invertible(), height=whole, width=whole)
def conv1x1_log_det(W: Array, height: int, width: int) -> Array:
    """height · width · log |det W|, the log-det of `conv1x1` on an image: W (C, C) -> ().

    Eq. flow.15
    """
    return height * width * np.linalg.slogdet(W)[1]


@checked(W=Invertible())
def lu_parts(W: numpy.ndarray) -> tuple[numpy.ndarray, ...]:
    """(P, L, U, sign, log_s) with W = P (L + I)(U + diag(sign · exp(log_s))), whose log |det| is the sum of log_s.

    P a permutation, L strictly lower and U strictly upper triangular, all (C, C); sign ±1 and log_s, (C,).
    """
    from scipy.linalg import lu

    P, L, U = lu(W)
    s = numpy.diag(U)
    parts = (P, numpy.tril(L, -1), numpy.triu(U, 1), numpy.sign(s), numpy.log(numpy.abs(s)))
    return tuple(part.astype(W.dtype) for part in parts)


@checked(P="C, C", L="C, C", U="C, C", sign="C", log_s="C")
def lu_matrix(P: Array, L: Array, U: Array, sign: Array, log_s: Array) -> Array:
    """P (L + I)(U + diag(sign · exp(log_s))), all (C, C) but sign and log_s (C,) -> (C, C).

    Of L only what is below the diagonal counts, of U only what is above.
    """
    identity = numpy.eye(len(P), dtype=L.dtype)
    lower = np.tril(L, -1) + identity
    upper = np.triu(U, 1) + identity * (sign * np.exp(log_s))
    return like(np.matmul(P, np.matmul(lower, upper)), L)


class Invertible1x1Conv(Bijection):
    """A learned invertible matrix for the channels of each position: inferring, z = W x; generating, x = W⁻¹ z.

    Trained in the parts of `lu_parts`, so that its log-det H·W·Σ log_s costs nothing. It starts at W (C, C), or at a
    random rotation, whose log-det is 0. ValueError: W is not (C, C), or singular.
    """

    buffers = ("P", "sign")

    @checked(channels=whole)
    def __init__(self, rng: Rng, channels: int, W: numpy.ndarray | None = None):
        start = random_rotation(channels, rng) if W is None else checks.array("W", W, channels, channels)
        parts = [part.astype(numpy.float32) for part in lu_parts(numpy.asarray(start, numpy.float64))]
        self.P, self.L, self.U, self.sign, self.log_s = parts

    def matrix(self, dtype: Any = None) -> Array:
        """W, (C, C), computed in this dtype: that of the parameters, if None."""
        parts = (self.P, self.L, self.U, self.sign, self.log_s)
        return lu_matrix(*(part if dtype is None or part.dtype == dtype else part.astype(dtype) for part in parts))

    def forward(self, z: Array, context: Array | None = None) -> tuple[Array, Array]:
        z = self._checked("z", z)
        return conv1x1(z, np.linalg.inv(self.matrix(z.dtype))), -self._log_det(z)

    def inverse(self, x: Array, context: Array | None = None) -> tuple[Array, Array]:
        x = self._checked("x", x)
        return conv1x1(x, self.matrix(x.dtype)), self._log_det(x)

    def _checked(self, name: str, a: Array) -> Array:
        return checks.array(name, a, "N", ..., len(self.sign))

    def _log_det(self, a: Array) -> Array:
        positions = int(numpy.prod(np.shape(a)[1:-1]))
        return positions * np.sum(like(self.log_s, a)) * np.ones(len(a), dtype=a.dtype)


@checked(dim=whole, rng=Rng)
def random_rotation(dim: int, rng: Rng) -> numpy.ndarray:
    """A random rotation (dim, dim), float64: orthogonal, with determinant 1."""
    q, r = numpy.linalg.qr(rng.standard_normal((dim, dim)))
    q = q * numpy.sign(numpy.diag(r))
    if numpy.linalg.det(q) < 0:
        q[:, 0] *= -1
    return q


# ------------------------------------------------------------------------------------------- Glow


class CouplingNet(Module):
    """The network of Glow's couplings: convolutions 3×3, 1×1 and 3×3 with ReLU, (N, H, W, C) -> (N, H, W, 2C).

    It reads the first half of the channels, which the coupling keeps and for which its scales and shifts are 0. The
    last convolution starts at zero, so that the coupling starts as the identity. With `size` (H, W) the first
    convolution has a learned bias for each position, for images of centered content.
    """

    @checked(channels=partial(whole, least=2), size=wholes)
    def __init__(self, rng: Rng, channels: int, width: int, size: tuple[int, int] | None = None):
        self.kept = channels // 2
        self.position_bias = None if size is None else numpy.zeros((*size, width), numpy.float32)
        self.conv1 = Conv2d(rng, self.kept, width, 3, padding=1, scale=he_gain("relu"))
        self.conv2 = Conv2d(rng, width, width, 1, scale=he_gain("relu"))
        self.conv3 = Conv2d(rng, width, 2 * (channels - self.kept), 3, padding=1, scale=0.0)

    def __call__(self, x: Array) -> Array:
        h = self.conv1(x[..., : self.kept])  # (N, H, W, width)
        if self.position_bias is not None:
            h = h + self.position_bias
        out = self.conv3(relu(self.conv2(relu(h))))  # (N, H, W, C), or C + 1 if C is odd
        return _beside_zeros(out, self.kept)  # (N, H, W, 2C)


class SplitNet(Module):
    """One 3×3 convolution, zero at the start, that predicts the second half of the channels from the first:
    (N, H, W, C) -> (N, H, W, 2C), log-deviations and means, 0 for the first half.

    As the network of an affine coupling it makes the half that a split finishes a Gaussian with learned mean and
    deviation: x = mean + deviation·z with z from N(0, 1).
    """

    @checked(channels=partial(whole, least=2))
    def __init__(self, rng: Rng, channels: int):
        self.kept = channels // 2
        self.conv = Conv2d(rng, self.kept, 2 * (channels - self.kept), 3, padding=1, scale=0.0)

    def __call__(self, x: Array) -> Array:
        return _beside_zeros(self.conv(x[..., : self.kept]), self.kept)


def _beside_zeros(out: Array, kept: int) -> Array:
    """Scales and shifts (N, H, W, 2·changed) -> (N, H, W, 2·(kept + changed)), zeros standing before each."""
    zeros = numpy.zeros((*np.shape(out)[:-1], kept), out.dtype)
    changed = np.shape(out)[-1] // 2
    return np.concatenate([zeros, out[..., :changed], zeros, out[..., changed:]], axis=-1)


class GlowStep(Chain):
    """One step of flow on images (N, H, W, channels): inferring, actnorm, 1×1 convolution, affine coupling.

    The coupling keeps the first half of the channels; its network has `width` channels and, with `size` (H, W), a
    learned bias for each position.
    """

    @checked(channels=partial(whole, least=2), width=whole)
    def __init__(self, rng: Rng, channels: int, width: int, size: tuple[int, int] | None = None):
        self.actnorm = ActNorm(channels)
        self.conv = Invertible1x1Conv(rng, channels)
        net = CouplingNet(rng, channels, width, size)
        self.coupling = AffineCoupling(net, channel_mask(channels))

    @property
    def bijections(self) -> list[Bijection]:  # type: ignore[override]
        """The three parts, in the order of generating."""
        return [self.coupling, self.conv, self.actnorm]


class Glow(Flow):
    """A flow on images: log_prob(x (N, H, W, C)) -> (N,), sample(rng, n, temperature) -> (n, H, W, C).

    `scales` sizes, each half of the one before, with `steps` steps of flow of `width` channels at each. Inferring, each
    begins with a squeeze, and half of the channels are finished after it. `width` may also be one number for each
    scale. With `learned_split` the finished half is a Gaussian whose mean and deviation a convolution makes of the half
    that goes on (one more affine coupling); otherwise it is N(0, 1). With `position_bias` the couplings' networks have
    a bias for each position. Pixels should be unbounded numbers, logits (`minigen.data.mnist.dequantize_logit`).
    ValueError: H or W not divisible by 2^scales.
    """

    bijection: Chain

    @checked(steps=whole)
    def __init__(
        self,
        rng: Rng,
        shape: tuple[int, int, int] = (28, 28, 1),
        width: int | Sequence[int] = 32,
        scales: int = 2,
        steps: int = 4,
        learned_split: bool = True,
        position_bias: bool = False,
    ):
        H, W, C = halved_image_shape(shape, scales)
        widths = width_at_each_scale(width, scales)

        def at_scale(c: int, left: int) -> Chain:
            """What is done to images of c channels at this size and the `left − 1` smaller ones."""
            k = scales - left
            size = (H // 2 ** (k + 1), W // 2 ** (k + 1)) if position_bias else None
            steps_here = [GlowStep(rng, 4 * c, widths[k], size) for _ in range(steps)]
            layers: list[Bijection] = [Squeeze(), *steps_here]
            if left > 1:
                if learned_split:
                    layers.append(AffineCoupling(SplitNet(rng, 4 * c), channel_mask(4 * c)))
                layers.append(Split(at_scale(2 * c, left - 1)))  # half of the 4c channels goes on
            return Chain([*layers, Unsqueeze()][::-1])  # written in the order of inferring

        super().__init__(StandardNormal((H, W, C)), at_scale(C, scales))

    def standardize(self, x: numpy.ndarray) -> "Glow":
        """Set every actnorm so that what reaches it of the data x (N, H, W, C) leaves it with mean 0 and variance 1 in
        each channel; returns self."""
        self.bijection.initialize(checks.array("x", x, "N", *self.base.shape))
        return self
