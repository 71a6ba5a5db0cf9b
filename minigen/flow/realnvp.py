"""RealNVP on vectors: a stack of affine couplings, with an exact density and samples in one pass.

For images see `multiscale.py`. Dinh, Sohl-Dickstein and Bengio, "Density estimation using Real NVP", 2017.
"""

from typing import Any

import numpy

from minigen import checks
from minigen.checks import checked, positive
from minigen.flow.bijection import Affine, Chain, Flow, StandardNormal
from minigen.flow.coupling import AffineCoupling, coupling_net, half_mask
from minigen.types import Rng


class RealNVP(Flow):
    """A flow on vectors: log_prob(x (N, dim)) -> (N,), sample(rng, n) -> (n, dim).

    `couplings` layers keep the first and the second half of the coordinates in turn; each has a network of `depth`
    hidden layers of `width` units, made by `coupling_net` with this `sharpness`. After the last comes one scale and
    shift for each coordinate, which `standardize` sets from data. At the start every coupling is the identity. Raises
    ValueError if dim < 2. Eq. flow.08, Eq. flow.10
    """

    bijection: Chain

    @checked(limit=positive)
    def __init__(
        self,
        rng: Rng,
        dim: int = 2,
        couplings: int = 8,
        width: int = 64,
        depth: int = 2,
        activation: Any = "tanh",
        limit: float = 2.0,
        sharpness: float = 1.0,
    ):
        masks = [half_mask(dim, first=k % 2 == 0) for k in range(checks.whole("couplings", couplings))]
        nets = [coupling_net(rng, dim, width, depth, 2, activation, sharpness) for _ in masks]
        layers = [AffineCoupling(net, mask, limit) for net, mask in zip(nets, masks)]
        super().__init__(StandardNormal(dim), Chain([*layers, Affine(numpy.zeros(dim), numpy.zeros(dim))]))

    def standardize(self, x: numpy.ndarray) -> "RealNVP":
        """Set the outermost scale and shift so that the couplings get x (N, dim) standardized; returns self."""
        self.bijection.bijections[-1].standardize(checks.array("x", x, "N", *self.base.shape))
        return self

    def steps(self, z: numpy.ndarray) -> list[numpy.ndarray]:
        """The z_0, z_1, ..., z_K = x of Eq. flow.08: z (N, dim), then the output of each layer, generating."""
        outputs = [checks.array("z", z, "N", *self.base.shape)]
        for f in self.bijection.bijections:
            x, _ = f.forward(outputs[-1])
            outputs.append(x)
        return outputs
