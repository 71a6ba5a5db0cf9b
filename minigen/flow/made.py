"""MADE: an autoencoder whose weights are masked so that each output depends on earlier coordinates only.

    p(x) = p(x_1) p(x_2 | x_1) p(x_3 | x_1, x_2) ...

Each unit has a degree. A hidden unit is connected to units of a degree no higher than its own, and output d to those of
a degree strictly lower than the place of coordinate d. So one pass computes the parameters of all the conditionals.
Germain, Gregor, Murray and Larochelle, "MADE: Masked Autoencoder for Distribution Estimation", 2015.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import Sized, checked, function, whole, worded
from minigen.nn import Linear, MaskedLinear, Module
from minigen.tensor import bce_with_logits, like, linear, sigmoid
from minigen.types import Array, Float32, Rng


@checked(dim=whole, outputs=whole)
def made_masks(
    dim: int, hidden: Sequence[int], outputs: int = 1, order: Any = None, rng: Rng | None = None
) -> list[numpy.ndarray]:
    """The masks (n_in, n_out) of a MADE's layers, float32, for x @ (w ∘ mask); one more than there are hidden layers.

    dim:     D, the coordinates of x. hidden: widths of the hidden layers.
    outputs: numbers for each coordinate; output column j·D + i belongs to coordinate i.
    order:   (D,), a permutation of 0 ... D − 1: order[i] is the place of coordinate i. None: i itself.
    rng:     draws the degrees of the hidden units; without one, unit k has the degree 1 + k mod (D − 1).

    The degree of input i is order[i] + 1. Hidden degrees lie in 1 ... D − 1 (with rng, no lower than the lowest of the
    layer before), so that no hidden unit depends on the last coordinate. A hidden unit is connected to degrees m ≤ its
    own, output i to those with m < order[i] + 1. With D = 1 the hidden degrees are 0 and the output is constant.
    ValueError: `hidden` that are not positive whole numbers, an order that is not a permutation. Eq. flow.18
    """
    widths = _checked_widths(hidden)
    degrees = [_checked_order(order, dim) + 1]
    for width in widths:
        degrees.append(_hidden_degrees(dim, width, degrees[-1], rng))
    masks = [m_out >= m_in[:, None] for m_in, m_out in pairwise(degrees)]
    output = numpy.tile(degrees[0], outputs) > degrees[-1][:, None]  # strictly, or x_d would be given to its own output
    return [mask.astype(numpy.float32) for mask in (*masks, output)]


def dependencies(masks: Sequence[Any]) -> numpy.ndarray:
    """Which outputs depend on which inputs, (inputs, outputs) bool: True where a path leads from one to the other.

    masks: of the layers, first to last, (units below, units above), 0 where there is no connection; such as those of
    `made_masks`. A path has a connection in each layer, so it is an entry of the product of all masks.
    ValueError: no mask, one without two axes, widths that do not fit together. Eq. flow.18
    """
    if len(masks) == 0:
        raise ValueError("masks must have at least one mask, got none")
    reached = checks.array("masks[0]", masks[0], "n_in", "n_out") != 0
    for k, mask in enumerate(masks[1:], 1):
        mask = checks.array(f"masks[{k}]", mask, reached.shape[1], "n_out") != 0
        reached = reached.astype(numpy.float32) @ mask.astype(numpy.float32) > 0  # paths would overflow in deep ones
    return reached


def _hidden_degrees(dim: int, width: int, before: Any, rng: Rng | None) -> numpy.ndarray:
    """The degrees (width,) of a hidden layer that follows one with the degrees `before`."""
    if dim == 1:
        return numpy.zeros(width, int)
    if rng is None:
        return 1 + numpy.arange(width) % (dim - 1)
    return checks.rng(rng).integers(before.min(), dim, width)


def _checked_widths(hidden: Any) -> list[int]:
    if isinstance(hidden, (str, bytes)) or not isinstance(hidden, (Sequence, numpy.ndarray)):
        raise ValueError(f"hidden must be a list of widths, got {hidden!r}")
    return [checks.whole("hidden", width) for width in hidden]


def _checked_order(order: Any, dim: int) -> numpy.ndarray:
    if order is None:
        return numpy.arange(dim)
    order = checks.integers("order", order, dim, least=0, most=dim - 1)
    if len(set(order.tolist())) < dim:
        raise ValueError(f"order must be a permutation of 0, ..., {dim - 1}, got {order.tolist()}")
    return order.astype(int)


@checked(logits=function, u=Sized("n, D", low=0, high=1))
def ancestral_sample(logits: Callable, order: Any, u: Array) -> numpy.ndarray:
    """Zeros and ones x (n, D) from the conditionals, coordinate by coordinate: x_i = 1 where u_i < σ(logits(x)_i).

    logits: x (n, D) -> (n, D), of which column i depends on the coordinates at earlier places only, such as a `MADE`.
    order:  (D,), a permutation: order[i] is the place of coordinate i. The one at place 0 is drawn first.
    u:      uniform numbers in [0, 1], (n, D), one for each coordinate; x has their dtype.

    D whole passes, each for one column; `MADE.sample` gives the same at less cost.
    ValueError: logits of another shape, an order that is not a permutation. Eq. flow.16
    """
    x = numpy.zeros_like(u)
    for i in numpy.argsort(_checked_order(order, u.shape[1])):
        x[:, i] = u[:, i] < sigmoid(logits(x)[:, i])
    return x


class MADE(Module):
    """A distribution of x (N, D) by its conditionals: `made(x)` gives their parameters, (N, D) or (N, outputs, D).

    outputs = 1: logits of Bernoulli variables in {0, 1}; outputs = 2: mean and log σ of Gaussian ones. The parameters
    of coordinate i are functions of the coordinates at earlier places of `order` only. With `context`, a number of
    features, all of them also depend on those, (N, context): `made(x, features)`. With `direct`, a masked linear map
    leads from the input past the hidden layers to the output (section 4 of the paper).
    ValueError: sizes as in `made_masks`, x of another shape. Eq. flow.17, Eq. flow.18
    """

    buffers = ("order",)

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
        self.skip = None
        if checks.choice("direct", direct, (False, True)):
            self.skip = MaskedLinear(rng, self._direct_mask(), bias=False)  # (D, outputs·D)

    def __call__(self, x: Array, context: Array | None = None) -> Array:
        x, context = self._inputs(x, context)
        h = x if context is None else np.concatenate([x, context], axis=1)  # (N, D + context)
        for layer in self.layers:
            h = layer(h)
        if self.direct is not None:
            h = h + self.direct(context)
        if self.skip is not None:
            h = h + self.skip(x)
        out = like(h, x)  # (N, outputs·D)
        return out if self.outputs == 1 else np.reshape(out, (len(x), self.outputs, self.dim))

    def log_prob(self, x: Array, context: Array | None = None) -> Float32:
        """log p(x) in nats, (N,): the sum of those of the conditionals. Eq. flow.16

        ValueError: x of another shape, with outputs = 1 not of zeros and ones.
        """
        x = checks.array("x", x, "N", self.dim)
        if self.outputs == 1:
            x = zeros_and_ones("x", x)
            return -np.sum(bce_with_logits(self(x, context), x), axis=1)
        self._check_is_gaussian()
        parameters = self(x, context)
        mu, log_sigma = parameters[:, 0], parameters[:, 1]
        z = (x - mu) * np.exp(-log_sigma)
        return -0.5 * np.sum(z**2, axis=1) - np.sum(log_sigma, axis=1) - 0.5 * self.dim * math.log(2 * math.pi)

    def loss(self, x: Array, context: Array | None = None) -> Array:
        """Mean negative log-likelihood of a batch, a scalar in nats for each example."""
        return -np.mean(self.log_prob(x, context))

    @checked(rng=Rng, n=whole)
    def sample(
        self,
        rng: Rng,
        n: int,
        context: numpy.ndarray | None = None,
        given: numpy.ndarray | None = None,
        known: numpy.ndarray | None = None,
    ) -> Float32:
        """n draws (n, D), float32, coordinate by coordinate in their order: `ancestral_sample` at the cost of one pass.

        Coordinates of `given` (n, D) are kept where `known`, bool of a shape that broadcasts to it, is True. The others
        are drawn given those at *earlier* places: samples of p(others | known) if the known ones come first.
        ValueError: only one of the two, or values of another shape or kind.
        """
        x, known = _known_coordinates(n, self.dim, self.outputs == 1, given, known)
        _, context = self._inputs(x, context)
        if self.outputs == 1:
            noise = rng.random((self.dim, n), dtype=numpy.float32)  # a row for each place
        else:
            self._check_is_gaussian()
            noise = rng.standard_normal((self.dim, n), dtype=numpy.float32)
        stepwise = Stepwise(self, x, context)
        for place, i in enumerate(numpy.argsort(self.order)):
            parameters = stepwise.parameters(place, i)
            if self.outputs == 1:
                drawn = noise[place] < sigmoid(parameters[0])
            else:
                drawn = parameters[0] + numpy.exp(parameters[1]) * noise[place]
            x[:, i] = numpy.where(known[:, i], x[:, i], drawn)
            stepwise.x[:, i] = x[:, i]
        return x

    @checked(rng=Rng)
    def remask(self, rng: Rng) -> "MADE":
        """Draw a new order and new degrees, in place, but keep the weights; returns self. Germain et al., section
        4.2."""
        self.order[...] = rng.permutation(self.dim)
        masks = made_masks(self.dim, self.hidden, self.outputs, self.order, rng)
        masks[0] = self._with_context(masks[0])
        for layer, mask in zip(self.layers, masks, strict=True):
            layer.mask[...] = mask
        if self.skip is not None:
            self.skip.mask[...] = self._direct_mask()
        return self

    def _inputs(self, x: Array, context: Array | None) -> tuple[Array, Array | None]:
        """x and context, checked."""
        x = checks.array("x", x, "N", self.dim)
        if self.context:
            return x, checks.array("context", context, len(x), self.context)
        if context is not None:
            raise ValueError("context must be None for a MADE that was made without one")
        return x, None

    def _check_is_gaussian(self) -> None:
        if self.outputs != 2:
            raise ValueError(f"outputs must be 1 (Bernoulli) or 2 (Gaussian) for a density, got {self.outputs}")

    def _with_context(self, mask: Array) -> Array:
        """The first mask with rows of ones for the features of the context, which every unit may see."""
        return numpy.concatenate([mask, numpy.ones((self.context, mask.shape[1]), numpy.float32)])

    def _direct_mask(self) -> Array:
        """(D, outputs·D): from the coordinates straight to the outputs that come later."""
        return made_masks(self.dim, [], self.outputs, self.order)[0]


class Stepwise:
    """The outputs of a MADE one coordinate at a time; a hidden unit is computed once, when all that it sees is known.

    Call `parameters(place, i)` for place 0, 1, ..., i being the coordinate there, and then set column i of `.x`.
    """

    def __init__(self, made: MADE, x: numpy.ndarray, context: numpy.ndarray | None):
        inputs = numpy.array(x if context is None else numpy.concatenate([x, context], axis=1))  # (n, D + context)
        self.x, self.dim, self.outputs = inputs[:, : made.dim], made.dim, made.outputs
        seen = numpy.concatenate([made.order + 1, numpy.zeros(made.context, int)])  # places that must be known first
        self.layers, self.values = made.layers[:-1], [inputs]
        self.biases: list[Any] = [layer.b for layer in made.layers]
        self.weights, self.units = [], []
        for layer in self.layers:
            seen = numpy.max(layer.mask * seen[:, None], axis=0).astype(int)
            self.weights.append(_rows(layer.w * layer.mask))
            self.units.append([numpy.flatnonzero(seen == place) for place in range(made.dim)])
            self.values.append(numpy.zeros((len(x), len(seen)), numpy.result_type(inputs, layer.w)))
        last = made.layers[-1]
        self.ends = [(self.values[-1], _rows(last.w * last.mask))]
        if made.direct is not None:
            self.ends.append((inputs[:, made.dim :], _rows(made.direct.w)))
        if made.skip is not None:
            self.ends.append((self.x, _rows(made.skip.w * made.skip.mask)))

    def parameters(self, place: int, i: int) -> numpy.ndarray:
        """(outputs, n), those of coordinate i, which is at this place."""
        for k, layer in enumerate(self.layers):
            new = self.units[k][place]
            if len(new):
                w, b = self.weights[k][new].T, self.biases[k][new]
                self.values[k + 1][:, new] = linear(self.values[k], w, b, layer.activation)
        columns = i + self.dim * numpy.arange(self.outputs)
        return self.biases[-1][columns, None] + sum(w[columns] @ values.T for values, w in self.ends)


def _rows(w: numpy.ndarray) -> numpy.ndarray:
    """The weights of each unit in a row of its own, (n_out, n_in): they are needed unit by unit."""
    return numpy.ascontiguousarray(w.T)


def _known_coordinates(n: int, dim: int, binary: bool, given: Any, known: Any) -> tuple[Array, Array]:
    """The examples to begin with, and where they stay as they are, (n, D) both."""
    if given is None and known is None:
        return numpy.zeros((n, dim), numpy.float32), numpy.zeros((n, dim), bool)
    if given is None or known is None:
        raise ValueError("given and known must be given together")
    given = checks.array("given", given, n, dim)
    known = numpy.asarray(known)
    if known.dtype != bool:
        raise ValueError(f"known must be an array of bool, got {known.dtype}")
    try:
        known = numpy.broadcast_to(known, (n, dim))
    except ValueError:
        raise ValueError(f"known must have a shape that broadcasts to {(n, dim)}, got {known.shape}") from None
    if binary:
        zeros_and_ones("given", numpy.where(known, given, 0))
    return numpy.where(known, given, 0).astype(numpy.float32), known


@worded("made of zeros and ones")
def zeros_and_ones(name: str, x: Array) -> Array:
    """`x`, if it holds nothing but 0 and 1."""
    if isinstance(x, numpy.ndarray) and not numpy.all((x == 0) | (x == 1)):
        other = x[(x != 0) & (x != 1)]
        raise ValueError(f"{name} must hold zeros and ones, got {other[0]:.6g} among them")
    return x
