"""MADE: an autoencoder whose weights are masked so that each output depends on earlier coordinates only.

    p(x) = p(x_1) p(x_2 | x_1) p(x_3 | x_1, x_2) ...

Each unit has a degree; it may see units of a degree no higher than its own, and output d only those of a degree
strictly lower than the place of coordinate d. So one pass computes the parameters of all the conditionals.
Germain, Gregor, Murray and Larochelle, "MADE: Masked Autoencoder for Distribution Estimation", 2015.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.flow.bijection import like
from minigen.nn import Linear, MaskedLinear, Module
from minigen.tensor import bce_with_logits, sigmoid

Array = Any  # an ndarray, or one that autograd traces
Rng = numpy.random.Generator


def made_masks(
    dim: int, hidden: Sequence[int], outputs: int = 1, order: Any = None, rng: Rng | None = None
) -> list[numpy.ndarray]:
    """The masks (n_in, n_out) of a MADE's layers, float32, for x @ (w ∘ mask); one more than there are hidden layers.

    dim:     D, the coordinates of x. hidden: widths of the hidden layers.
    outputs: numbers for each coordinate; output column j·D + i belongs to coordinate i.
    order:   (D,), a permutation of 0 ... D − 1: order[i] is the place of coordinate i. None: i itself.
    rng:     draws the degrees of the hidden units; without one, they go round: 1 + k mod (D − 1) for unit k.

    The degree of input i is order[i] + 1. Hidden degrees lie in 1 ... D − 1 (with rng, no lower than the lowest of the
    layer before), so that no hidden unit depends on the last coordinate. A hidden unit sees degrees m ≤ its own, output
    i those with m < order[i] + 1. With D = 1 the hidden degrees are 0 and the output is constant.
    ValueError: other sizes, not a permutation. Eq. flow.18
    """
    dim, outputs = checks.whole("dim", dim), checks.whole("outputs", outputs)
    widths = _checked_widths(hidden)
    degrees = [_checked_order(order, dim) + 1]
    for width in widths:
        degrees.append(_hidden_degrees(dim, width, degrees[-1], rng))
    masks = [m_out >= m_in[:, None] for m_in, m_out in pairwise(degrees)]
    output = numpy.tile(degrees[0], outputs) > degrees[-1][:, None]  # strictly, or x_d would be given to its own output
    return [mask.astype(numpy.float32) for mask in (*masks, output)]


def _hidden_degrees(dim, width, before, rng):
    """The degrees (width,) of a hidden layer that follows one with the degrees `before`."""
    if dim == 1:
        return numpy.zeros(width, int)
    if rng is None:
        return 1 + numpy.arange(width) % (dim - 1)
    return checks.rng(rng).integers(before.min(), dim, width)


def _checked_widths(hidden):
    if isinstance(hidden, (str, bytes)) or not isinstance(hidden, (Sequence, numpy.ndarray)):
        raise ValueError(f"hidden must be a list of widths, got {hidden!r}")
    return [checks.whole("hidden", width) for width in hidden]


def _checked_order(order, dim):
    if order is None:
        return numpy.arange(dim)
    order = checks.integers("order", order, dim, least=0, most=dim - 1)
    if len(set(order.tolist())) < dim:
        raise ValueError(f"order must be a permutation of 0, ..., {dim - 1}, got {order.tolist()}")
    return order.astype(int)


class MADE(Module):
    """A distribution of x (N, D) by its conditionals: `made(x)` gives their parameters, (N, D) or (N, outputs, D).

    outputs = 1: logits of Bernoulli variables in {0, 1}; outputs = 2: mean and log σ of Gaussian ones. The parameters
    of coordinate i are functions of the coordinates at earlier places of `order` only. With `context`, a number of
    features, all of them also depend on those, (N, context): `made(x, features)`. With `direct`, a masked linear map
    from x to the output is added, `.shortcut`: Germain et al., section 4.1.
    ValueError: sizes as in `made_masks`, x of another shape. Eq. flow.17, Eq. flow.18
    """

    def __init__(
        self,
        rng: Rng,
        dim: int,
        hidden: Sequence[int],
        outputs: int = 1,
        order: Any = None,
        activation: Any = "relu",
        context: int | None = None,
        direct: bool = False,
    ):
        masks = made_masks(dim, hidden, outputs, order)
        self.dim, self.hidden, self.outputs = int(dim), tuple(hidden), int(outputs)
        self.context = 0 if context is None else checks.whole("context", context)
        self.order = _checked_order(order, dim)
        masks[0] = self._with_context(masks[0])
        self.layers = [MaskedLinear(rng, mask, activation) for mask in masks[:-1]]
        self.layers.append(MaskedLinear(rng, masks[-1]))
        # the coordinate at the first place sees no hidden unit: it sees the context directly
        self.direct = Linear(rng, self.context, self.outputs * self.dim, bias=False) if self.context else None
        self.shortcut = MaskedLinear(rng, made_masks(dim, [], outputs, order)[0]) if direct else None

    def __call__(self, x: Array, context: Array | None = None) -> Array:
        x = checks.array("x", x, "N", self.dim)
        if self.direct is None:
            if context is not None:
                raise ValueError("context must be None for a MADE that was made without one")
            out = self._layers(x)
        else:
            context = checks.array("context", context, len(x), self.context)
            out = self._layers(np.concatenate([x, context], axis=1)) + self.direct(context)
        if self.shortcut is not None:
            out = out + self.shortcut(x)
        out = like(out, x)  # (N, outputs·D)
        return out if self.outputs == 1 else np.reshape(out, (len(x), self.outputs, self.dim))

    def _layers(self, h):
        for layer in self.layers:
            h = layer(h)
        return h

    def log_prob(self, x: Array, context: Array | None = None) -> Array:
        """log p(x) in nats, (N,). ValueError: x of another shape, with outputs = 1 not of zeros and ones."""
        x = checks.array("x", x, "N", self.dim)
        if self.outputs == 1:
            x = zeros_and_ones("x", x)
            return -np.sum(bce_with_logits(self(x, context), x), axis=1)
        parameters = self._gaussian(x, context)
        mu, log_sigma = parameters[:, 0], parameters[:, 1]
        z = (x - mu) * np.exp(-log_sigma)
        return -0.5 * np.sum(z**2, axis=1) - np.sum(log_sigma, axis=1) - 0.5 * self.dim * math.log(2 * math.pi)

    def sample(self, rng: Rng, n: int, context: numpy.ndarray | None = None) -> numpy.ndarray:
        """n draws (n, D), float32, coordinate by coordinate in their order: D passes."""
        checks.rng(rng)
        x = numpy.zeros((checks.whole("n", n), self.dim), numpy.float32)
        for i in numpy.argsort(self.order):
            if self.outputs == 1:
                x[:, i] = rng.random(n, dtype=numpy.float32) < sigmoid(self(x, context)[:, i])
            else:
                mu, log_sigma = self._gaussian(x, context)[:, :, i].T  # (n,), (n,)
                x[:, i] = mu + numpy.exp(log_sigma) * rng.standard_normal(n, dtype=numpy.float32)
        return x

    def remask(self, rng: Rng) -> "MADE":
        """Draw a new order and new degrees, in place, but keep the weights; returns self. Germain et al., section
        4.2."""
        self.order[...] = checks.rng(rng).permutation(self.dim)
        masks = made_masks(self.dim, self.hidden, self.outputs, self.order, rng)
        masks[0] = self._with_context(masks[0])
        for layer, mask in zip(self.layers, masks, strict=True):
            layer.mask[...] = mask
        if self.shortcut is not None:
            self.shortcut.mask[...] = made_masks(self.dim, [], self.outputs, self.order)[0]
        return self

    def _gaussian(self, x, context):
        if self.outputs != 2:
            raise ValueError(f"outputs must be 1 (Bernoulli) or 2 (Gaussian) for a density, got {self.outputs}")
        return self(x, context)  # (N, 2, D)

    def _with_context(self, mask):
        """The first mask with rows of ones for the features of the context, which every unit may see."""
        return numpy.concatenate([mask, numpy.ones((self.context, mask.shape[1]), numpy.float32)])


def zeros_and_ones(name: str, x: Array) -> Array:
    """`x`, if it holds nothing but 0 and 1."""
    if isinstance(x, numpy.ndarray) and not numpy.all((x == 0) | (x == 1)):
        other = x[(x != 0) & (x != 1)]
        raise ValueError(f"{name} must hold zeros and ones, got {other[0]:.6g} among them")
    return x
