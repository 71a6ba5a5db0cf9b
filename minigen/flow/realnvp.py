"""RealNVP on vectors: a stack of affine couplings, with an exact density and samples in one pass.

For images see `multiscale.py`. Dinh, Sohl-Dickstein and Bengio, "Density estimation using Real NVP", 2017.
"""

from typing import Any, Self

import numpy

from minigen import checks
from minigen.checks import checked, positive
from minigen.flow.arguments import check_varies
from minigen.flow.bijection import Affine, Chain, Flow, StandardNormal
from minigen.flow.coupling import AffineCoupling, ContextNet, coupling_net, half_mask
from minigen.nn import Module
from minigen.tensor import like
from minigen.types import Array, Float32, Rng


class RealNVP(Flow):
    """A flow on vectors: log_prob(x (N, dim)) -> (N,), sample(rng, n) -> (n, dim).

    `couplings` layers keep the first and the second half of the coordinates in turn; each has a network of `depth`
    hidden layers of `width` units, made by `coupling_net` with this `sharpness` and `gain`. After the last comes one
    scale and shift for each coordinate, which `standardize` sets from data. At the start every coupling is the
    identity. With `context`, a number of features, the density is that of x given those: log_prob(x, features (N,
    context)), and likewise loss and sample; the networks get (features − context_shift)/context_scale, two buffers that
    `standardize` sets (`bijection` takes features in this form). Raises ValueError if dim < 2. Eq. flow.08, Eq. flow.10
    """

    buffers = ("context_shift", "context_scale")
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
        context: int | None = None,
        gain: float | str | None = None,
    ):
        self.context = 0 if context is None else checks.whole("context", context)
        masks = [half_mask(dim, first=k % 2 == 0) for k in range(checks.whole("couplings", couplings))]
        nets: list[Module] = [
            coupling_net(rng, dim, width, depth, 2, activation, sharpness, context=self.context, gain=gain)
            for _ in masks
        ]
        if self.context:
            nets = [ContextNet(net, dim, self.context) for net in nets]
            self.context_shift = numpy.zeros(self.context, numpy.float32)
            self.context_scale = numpy.ones(self.context, numpy.float32)
        layers = [AffineCoupling(net, mask, limit) for net, mask in zip(nets, masks)]
        super().__init__(StandardNormal(dim), Chain([*layers, Affine(numpy.zeros(dim), numpy.zeros(dim))]))

    def standardize(self, x: numpy.ndarray, context: numpy.ndarray | None = None) -> Self:
        """Set the outermost scale and shift so that the couplings get x (N, dim) standardized; returns self.

        With context (N, context) their networks get that standardized, too. ValueError: another shape, a column that
        does not vary.
        """
        x = checks.array("x", x, "N", *self.base.shape)
        if context is not None:
            if not self.context:
                raise ValueError(
                    "context must be None for a RealNVP that was made without one: RealNVP(..., context=K)"
                )
            wide = checks.array("context", context, len(x), self.context, dtype=numpy.float64)
            check_varies(wide, 0, "column", "context")
            self.context_shift[...], self.context_scale[...] = wide.mean(axis=0), wide.std(axis=0)
        self.bijection.bijections[-1].standardize(x)
        return self

    def log_prob(self, x: Array, context: Array | None = None) -> Float32:
        return super().log_prob(x, self._checked(context, "N"))

    def sample(self, rng: Rng, n: int, temperature: float = 1.0, context: Array | None = None) -> Float32:
        n = checks.whole("n", n)
        return super().sample(rng, n, temperature, self._checked(context, n))

    def steps(self, z: numpy.ndarray, context: Array | None = None) -> list[numpy.ndarray]:
        """The z_0, z_1, ..., z_K = x of Eq. flow.08: z (N, dim), then the output of each layer, generating."""
        outputs = [checks.array("z", z, "N", *self.base.shape)]
        context = self._checked(context, "N")
        for f in self.bijection.bijections:
            x, _ = f.forward(outputs[-1], context)
            outputs.append(x)
        return outputs

    def _checked(self, context: Array | None, n: Any) -> Array | None:
        """The condition of n examples, standardized, (n, context), or None for a flow without one."""
        if not self.context:
            if context is not None:
                raise ValueError(
                    "context must be None for a RealNVP that was made without one: RealNVP(..., context=K)"
                )
            return None
        if context is None:
            raise ValueError(f"context must be given, of shape ({n}, {self.context})")
        context = checks.array("context", context, n, self.context)
        return (context - like(self.context_shift, context)) / like(self.context_scale, context)
