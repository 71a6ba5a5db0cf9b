"""ControlNet: new conditions for a trained network, which itself is left as it is.

A block of the network is locked, and a trainable copy of it beside it sees the input plus the condition. The two are
joined by *zero convolutions*, 1×1 with weights and biases of zero: at the start the copy adds nothing, whatever it
computes, and no noise enters the trained network. Zhang, Rao and Agrawala, "Adding Conditional Control to
Text-to-Image Diffusion Models", 2023.
"""

from typing import Any

import numpy

from minigen import checks
from minigen.nn import Conv2d, Module

Array = Any  # an ndarray, or one that autograd traces
Rng = numpy.random.Generator


class ControlledBlock(Module):
    """(x, c) -> frozen(x) + zero_out(trained(x + zero_in(c))), all (N, H, W, channels).

    `.frozen` is the block itself, taken out of training; `.trained` a copy that shares no array with it, in training.
    `.zero_in` and `.zero_out` are zero convolutions. At first the gradient is zero everywhere but at `.zero_out`: its
    own input is not zero, though it multiplies it by zero. After one step the others learn too.
    ValueError: a block that is no Module, x or c of another shape.
    """

    def __init__(self, rng: Rng, block: Module, channels: int):
        checks.rng(rng)
        self.channels = checks.whole("channels", channels)
        checks.instance("block", block, Module)
        self.trained = block.copy().freeze(False)
        self.frozen = block.freeze()
        self.zero_in = Conv2d(rng, channels, channels, 1, scale=0.0)
        self.zero_out = Conv2d(rng, channels, channels, 1, scale=0.0)

    def __call__(self, x: Array, c: Array) -> Array:
        x = checks.shaped("x", x, "N", "H", "W", self.channels)
        c = checks.shaped("c", c, *x.shape)
        y = self.frozen(x) + self.zero_out(self.trained(x + self.zero_in(c)))
        return y if y.dtype == x.dtype else y.astype(x.dtype)  # whatever the parameters' dtype
