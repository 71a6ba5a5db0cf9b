"""NICE: additive couplings, which preserve volume, and one learned scale for each coordinate at the end.

Without the scales the whole map would have determinant 1: it could move mass, but not spread or concentrate it. Dinh,
Krueger and Bengio, "NICE: Non-linear Independent Components Estimation", 2015.
"""

import numpy

from minigen import checks
from minigen.flow.bijection import Chain, Flow, StandardNormal
from minigen.flow.coupling import AdditiveCoupling, DiagonalScale, coupling_net, half_mask


class NICE(Flow):
    """A flow on vectors: log_prob(x (N, dim)) -> (N,), sample(rng, n) -> (n, dim).

    Inferring, x goes through `couplings` additive couplings that keep the two halves in turn, then through the diagonal
    scale (left out with `scaled=False`: then the map preserves volume). Raises ValueError if dim < 2. Eq. flow.14
    """

    def __init__(
        self,
        rng: numpy.random.Generator,
        dim: int = 2,
        couplings: int = 4,
        width: int = 64,
        depth: int = 2,
        activation="tanh",
        scaled: bool = True,
    ):
        masks = [half_mask(dim, first=k % 2 == 0) for k in range(checks.whole("couplings", couplings))]
        layers = [AdditiveCoupling(coupling_net(rng, dim, width, depth, 1, activation), mask) for mask in masks]
        scales = [DiagonalScale(dim)] if scaled else []
        super().__init__(StandardNormal(dim), Chain([*scales, *layers]))
