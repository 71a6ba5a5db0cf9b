"""Masked and inverse autoregressive flows: one affine transform by a MADE, read in two directions.

    MAF:  x_i = z_i exp(log_scale_i(x_1 ... x_{i−1})) + mu_i(x_1 ... x_{i−1})
    IAF:  x_i = z_i exp(log_scale_i(z_1 ... z_{i−1})) + mu_i(z_1 ... z_{i−1})

Both have a triangular Jacobian. Where the network's input is known the whole vector takes one pass: MAF gives a density
in one pass and samples in D, IAF samples in one and the density of a given x in D. Papamakarios, Pavlakou and Murray,
"Masked Autoregressive Flow for Density Estimation", 2017; Kingma et al., "Improving Variational Inference with Inverse
Autoregressive Flow", 2016.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Self

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import checked, positive, whole
from minigen.flow.arguments import examples
from minigen.flow.bijection import Affine, Bijection, Chain, Flow, Inverse, StandardNormal
from minigen.flow.made import MADE, Stepwise
from minigen.nn import Module
from minigen.tensor import like, logsumexp, sigmoid, softplus, tanh
from minigen.types import Array, Float32, Rng

# ------------------------------------------------------------------------------------------- the transforms


def maf_inverse(x: Array, mu: Array, log_scale: Array) -> tuple[Array, Array]:
    """z = (x − mu) exp(−log_scale) and log |det dz/dx| = −Σ log_scale: all (N, D) -> (N, D), (N,). Eq. flow.21"""
    x, mu, log_scale = _checked(x=x, mu=mu, log_scale=log_scale)
    return like((x - mu) * np.exp(-log_scale), x), like(-np.sum(log_scale, axis=1), x)


@checked(z="N, D")
def maf_forward(z: Array, net: Callable) -> tuple[Array, Array]:
    """x = z exp(log_scale) + mu, both functions of earlier coordinates of x, and log |det dx/dz| = Σ log_scale.

    z (N, D) -> (N, D), (N,), in D rounds: each makes the next coordinate right, whichever it is in the order of `net`.
    net(x (N, D)) -> (N, 2, D): mu, then log_scale. Papamakarios et al. 2017, eq. 3
    """
    x, log_scale = z, z
    for _ in range(np.shape(z)[1]):
        x = np.where(np.isfinite(x), x, 0)  # a coordinate that is not right yet may have overflowed
        mu, log_scale = _parameters(net, x)
        x = like(z * np.exp(log_scale) + mu, z)
    return x, like(np.sum(log_scale, axis=1), z)


def _parameters(net: Any, x: Array) -> tuple[Array, Array]:
    """mu and log_scale, (N, D) each, that a net gives at x (N, D)."""
    out = net(x)
    if np.shape(out) != (len(x), 2, np.shape(x)[1]):
        raise ValueError(f"net must return shape {(len(x), 2, np.shape(x)[1])}, got {np.shape(out)}")
    return out[:, 0], out[:, 1]


def iaf_forward(z: Array, mu: Array, log_scale: Array) -> tuple[Array, Array]:
    """x = z exp(log_scale) + mu and log |det dx/dz| = Σ log_scale: all (N, D) -> (N, D), (N,). Eq. flow.23"""
    z, mu, log_scale = _checked(z=z, mu=mu, log_scale=log_scale)
    return like(z * np.exp(log_scale) + mu, z), like(np.sum(log_scale, axis=1), z)


def iaf_from_maf(mu: Array, log_scale: Array) -> tuple[Array, Array]:
    """(mu~, log_scale~) of the IAF that is the inverse of a MAF: −mu exp(−log_scale) and −log_scale. Eq. flow.22"""
    mu, log_scale = _checked(mu=mu, log_scale=log_scale)
    return like(-mu * np.exp(-log_scale), mu), like(-log_scale, mu)


def iaf_gated(z: Array, m: Array, s: Array) -> tuple[Array, Array]:
    """x = σ(s) z + (1 − σ(s)) m, a gate between z and m, and log |det dx/dz| = Σ log σ(s): all (N, D) -> (N, D), (N,).

    The numerically stable form of Kingma et al. 2016, eq. 14: the scale is at most 1.
    """
    z, m, s = _checked(z=z, m=m, s=s)
    gate = sigmoid(s)
    return like(gate * z + (1 - gate) * m, z), like(-np.sum(softplus(-s), axis=1), z)


def _checked(**arrays: Array) -> list[Array]:
    """Return the arrays, if they have one shape (N, D)."""
    arrays = {name: checks.array(name, a, "N", "D") for name, a in arrays.items()}
    checks.same_shape(2, **arrays)
    return list(arrays.values())


# ------------------------------------------------------------------------------------------- bijections


class AffineAutoregressive(Bijection):
    """The affine transform whose mu and log_scale of coordinate i are functions of the earlier coordinates of x.

    net(x (N, D)) -> (N, 2, D), mu then log_scale, such as `MADE(..., outputs=2)`, in any order of the coordinates; a
    context is passed on to it. `inverse` (x to z) calls net once, `forward` (z to x) D times: this is MAF, and
    `Inverse(AffineAutoregressive(net, dim))` is the IAF of the same network. With a `limit`, log_scale is
    limit·tanh(·/limit) of the output of net, so that no coordinate is stretched by more than e^limit. Eq. flow.21
    """

    @checked(dim=whole)
    def __init__(self, net: Callable, dim: int, limit: float | None = None):
        self.net, self.dim = net, dim
        self.limit = None if limit is None else checks.positive("limit", limit)

    def inverse(self, x: Array, context: Array | None = None) -> tuple[Array, Array]:
        x = checks.array("x", x, "N", self.dim)
        mu, log_scale = _parameters(self._network_output(context), x)
        return maf_inverse(x, mu, log_scale)

    def forward(self, z: Array, context: Array | None = None) -> tuple[Array, Array]:
        z = checks.array("z", z, "N", self.dim)
        return maf_forward(z, self._network_output(context))

    def _network_output(self, context: Array | None) -> Callable:
        """Return the net as a function of x alone, its log_scale within the limit."""

        def output(x: Array) -> Array:
            return self.net(x) if context is None else self.net(x, context)

        if self.limit is None:
            return output

        def limited(x: Array) -> Array:
            mu, log_scale = _parameters(output, x)
            return np.stack([mu, self.limit * tanh(log_scale / self.limit)], axis=1)

        return limited


class AutoregressiveStack(Flow):
    """The base of `MAF` and `IAF`: a stack of affine autoregressive transforms of independent normal variables."""

    bijection: Chain

    def standardize(self, x: numpy.ndarray) -> "AutoregressiveStack":
        """Set an outermost scale and shift, in the place of any before, that standardize x (N, dim) for the stack.

        Returns self. ValueError: x of another shape, not finite, or a coordinate that does not vary.
        """
        outermost = Affine(*numpy.zeros((2, *self.base.shape)))
        outermost.standardize(checks.array("x", x, "N", *self.base.shape))
        self.bijection = Chain([*self._stack(), outermost])
        return self

    def load_state(self, state: dict[str, numpy.ndarray]) -> Self:
        """Set all arrays in place from what `state` returned; a standardized stack's gives this one its scale, too.

        Raises ValueError, before anything is changed, if a name is missing or unknown or a shape differs.
        """
        before, stack = self.bijection, self._stack()
        if f"bijection.bijections.{len(stack)}.log_scale" in state and len(before.bijections) == len(stack):
            self.bijection = Chain([*stack, Affine(*numpy.zeros((2, *self.base.shape)))])
        try:
            return super().load_state(state)
        except ValueError:
            self.bijection = before
            raise

    def _stack(self) -> list[Bijection]:
        """Return the transforms without the scale and shift of `standardize`."""
        return [layer for layer in self.bijection.bijections if not isinstance(layer, Affine)]


class MAF(AutoregressiveStack):
    """A stack of masked autoregressive transforms: log_prob(x (N, dim)) in one pass of each, sample in dim passes.

    `layers` MADEs with hidden layers of the widths `hidden`; the order of the coordinates is reversed from each to the
    next. The identity at the start. With `context` features, everything may depend on those; `direct` adds a linear
    map from input to output to each MADE; `limit` bounds every log_scale; `activation` is that of the hidden layers.
    Papamakarios et al. 2017
    """

    def __init__(
        self,
        rng: Rng,
        dim: int,
        layers: int = 5,
        hidden: Sequence[int] = (64, 64),
        context: int | None = None,
        direct: bool = False,
        limit: float | None = None,
        activation: Any = "tanh",
    ):
        stack = _layers(rng, dim, layers, hidden, context, direct, limit, activation)
        super().__init__(StandardNormal(dim), Chain(stack))


class IAF(AutoregressiveStack):
    """A stack of inverse autoregressive transforms: sample in one pass of each, log_prob(x (N, dim)) in dim passes.

    Arguments as for `MAF`; the log-density of its own samples costs no more than the samples, by `bijection.forward`.
    Kingma et al. 2016
    """

    def __init__(
        self,
        rng: Rng,
        dim: int,
        layers: int = 5,
        hidden: Sequence[int] = (64, 64),
        context: int | None = None,
        direct: bool = False,
        limit: float | None = None,
        activation: Any = "tanh",
    ):
        stack = _layers(rng, dim, layers, hidden, context, direct, limit, activation)
        super().__init__(StandardNormal(dim), Chain([Inverse(layer) for layer in stack]))


@checked(layers=whole)
def _layers(
    rng: Rng,
    dim: int,
    layers: int,
    hidden: Any,
    context: int | None,
    direct: bool,
    limit: float | None,
    activation: Any,
) -> list[AffineAutoregressive]:
    """Return transforms whose orders are reversed in turn, and which start as the identity."""
    orders = [numpy.arange(dim), numpy.arange(dim)[::-1]]
    nets = [MADE(rng, dim, hidden, 2, orders[k % 2], activation, context, direct) for k in range(layers)]
    for net in nets:
        if net.context:  # hundreds of features must not dominate a few coordinates: these start as without them
            net.layers[0].w[:dim] *= math.sqrt((dim + net.context) / dim)
        for last in (net.layers[-1], net.direct, net.skip):
            if last is not None:
                last.w *= 0
    return [AffineAutoregressive(net, dim, limit) for net in nets]


# ------------------------------------------------------------------------------------------- mixtures as conditionals


@checked(x="N, D")
def mixture_log_prob(x: Array, logits: Array, mu: Array, log_scale: Array) -> Array:
    """log p(x) in nats where each coordinate is a mixture of Gaussians: x (N, D), the others (N, K, D) -> (N,).

    Σ_i log Σ_k π_ki N(x_i; mu_ki, exp(log_scale_ki)²), π = softmax of `logits` over k; the sum over k is taken of
    logarithms, so that a component far away gives no underflow. Eq. flow.16
    """
    each = {"logits": logits, "mu": mu, "log_scale": log_scale}
    n, d = np.shape(x)
    logits, mu, log_scale = [checks.array(name, a, n, "K", d) for name, a in each.items()]
    checks.same_shape(3, logits=logits, mu=mu, log_scale=log_scale)
    z = (x[:, None] - mu) * np.exp(-log_scale)  # (N, K, D)
    joint = logits - 0.5 * z**2 - log_scale
    log_p = logsumexp(joint, axis=1) - logsumexp(logits, axis=1) - 0.5 * math.log(2 * math.pi)  # (N, D)
    return like(np.sum(log_p, axis=1), x)


class MixtureMADE(Module):
    """A density of x (N, dim) whose conditionals are mixtures of `components` Gaussians, by one pass of a MADE.

    It has the `log_prob` and `sample` of a base density, and can be one: a MAF on it is the paper's MAF MoG.
    `net(x)` -> (N, 3·components, dim): logits, means, logarithms of the scales. Papamakarios et al. 2017, section 4.1
    """

    continuous = True

    @checked(components=whole)
    def __init__(self, rng: Rng, dim: int, components: int = 8, hidden: Sequence[int] = (64, 64), order: Any = None):
        k = components
        self.net = MADE(rng, dim, hidden, 3 * k, order, "tanh")
        self.shape, self.components = (self.net.dim,), k
        means = numpy.linspace(-1.5, 1.5, k, dtype=numpy.float32) if k > 1 else numpy.zeros(1, numpy.float32)
        self.net.layers[-1].b = numpy.concatenate([0 * means, means, 0 * means]).repeat(self.net.dim)

    def parameters_at(self, x: Array) -> tuple[Array, Array, Array]:
        """Logits, means and logarithms of the scales, each (N, components, dim), at x (N, dim)."""
        out, k = self.net(x), self.components  # (N, 3K, D)
        return out[:, :k], out[:, k : 2 * k], out[:, 2 * k :]

    def log_prob(self, x: Array) -> Float32:
        """Exact log-density in nats: x (N, dim) -> (N,). ValueError: x of another shape, or not finite."""
        x = examples(x, *self.shape)
        return mixture_log_prob(x, *self.parameters_at(x))

    def loss(self, x: Array) -> Array:
        """Mean negative log-likelihood of a batch, a scalar in nats for each example."""
        return -np.mean(self.log_prob(x))

    @checked(n=whole, temperature=positive, rng=Rng)
    def sample(self, rng: Rng, n: int, temperature: float = 1.0) -> Float32:
        """n draws (n, dim), float32, coordinate by coordinate in their order, at the cost of one pass of the network.

        `temperature` multiplies the scales.
        """
        x = numpy.zeros((n, *self.shape), numpy.float32)
        scale = numpy.float32(temperature)
        stepwise = Stepwise(self.net, x, None)
        for place, i in enumerate(numpy.argsort(self.net.order)):
            logits, mu, log_scale = numpy.split(stepwise.parameters(place, i).T, 3, axis=1)  # (n, K)
            gumbel = rng.gumbel(size=logits.shape)
            k = numpy.argmax(logits + gumbel, axis=1)[:, None]  # (n, 1), with probability softmax(logits)
            mean, deviation = (numpy.take_along_axis(a, k, 1)[:, 0] for a in (mu, numpy.exp(log_scale)))
            x[:, i] = mean + scale * deviation * rng.standard_normal(n, dtype=numpy.float32)
            stepwise.x[:, i] = x[:, i]
        return x
