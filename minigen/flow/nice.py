"""NICE: additive couplings, which preserve volume, and one learned scale for each coordinate at the end.

Without the scales the whole map has determinant 1: it moves mass, but it neither spreads nor concentrates it, and the
densities of the base are those of the model, at other places. Dinh, Krueger and Bengio, "NICE: Non-linear Independent
Components Estimation", 2015.
"""

from typing import Any

import numpy

from minigen import checks
from minigen.flow.bijection import BaseDensity, Chain, Flow, StandardNormal
from minigen.flow.coupling import AdditiveCoupling, DiagonalScale, coupling_net, half_mask, parity_mask


class NICE(Flow):
    """A flow on vectors: log_prob(x (N, dim)) -> (N,), sample(rng, n) -> (n, dim).

    Inferring, x goes through `couplings` additive couplings that keep the two halves in turn, then through the diagonal
    scale (left out with `scaled=False`: then the map preserves volume). The halves are the first and the second, or
    with `interleaved` the even and the odd coordinates, as in the paper. `base` is `StandardNormal(dim)` unless given;
    the paper has `StandardLogistic(dim)` for MNIST. `spread` is that of the first biases, see `coupling_net`. Raises
    ValueError if dim < 2 or base is one of another dimension. Eq. flow.14
    """

    bijection: Chain

    def __init__(
        self,
        rng: numpy.random.Generator,
        dim: int = 2,
        couplings: int = 4,
        width: int = 64,
        depth: int = 2,
        activation: Any = "tanh",
        scaled: bool = True,
        interleaved: bool = False,
        base: BaseDensity | None = None,
        spread: float = 2.0,
    ):
        mask_of = parity_mask if interleaved else half_mask
        masks = [mask_of(dim, k % 2 == 0) for k in range(checks.whole("couplings", couplings))]
        base = StandardNormal(dim) if base is None else checks.instance("base", base, BaseDensity)
        if base.shape != (dim,):
            raise ValueError(f"base must be a density of shape ({dim},), got one of {base.shape}")
        nets = [coupling_net(rng, dim, width, depth, 1, activation, spread=spread) for _ in masks]
        layers = [AdditiveCoupling(net, mask) for net, mask in zip(nets, masks)]
        scales = [DiagonalScale(dim)] if scaled else []
        super().__init__(base, Chain([*scales, *layers]))

    def standardize(self, x: numpy.ndarray) -> "NICE":
        """Set the diagonal scale so that z has the deviation of the base in each coordinate; returns self.

        x (N, dim), seen through the couplings as they are, which start as the identity. ValueError: a NICE without
        scale, a constant coordinate, another shape.
        """
        scale, *couplings = self.bijection.bijections
        if not isinstance(scale, DiagonalScale):
            raise ValueError("only a NICE with scaled=True can be standardized, got one without a diagonal scale")
        x = checks.array("x", x, "N", *self.base.shape)
        scale.standardize(Chain(couplings).inverse(x)[0], self.base.std)
        return self
