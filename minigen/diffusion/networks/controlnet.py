"""ControlNet: new conditions for a trained network, which itself is left as it is.

A block of the network is locked, and a trainable copy of it receives the input plus the condition. The two are joined
by *zero convolutions*, 1×1 with weights and biases of zero: at the start the copy adds nothing, whatever it computes,
and no noise enters the trained network. Zhang, Rao and Agrawala, "Adding Conditional Control to Text-to-Image Diffusion
Models", 2023.
"""

from collections.abc import Callable
from typing import Any

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import checked, whole
from minigen.diffusion.networks.unet import UNet, output_like
from minigen.nn import Conv2d, Module, space_to_depth
from minigen.tensor import like, silu
from minigen.types import Array, Rng


def controlled(frozen: Callable, trained: Callable, zero_in: Callable, zero_out: Callable, x: Array, c: Array) -> Array:
    """frozen(x) + zero_out(trained(x + zero_in(c))): x and c of one shape, which is that of the result.

    The four are functions of one array: the block, its trainable copy, and two zero convolutions. Zhang, Rao and
    Agrawala 2023, eq. 2.
    """
    return frozen(x) + zero_out(trained(x + zero_in(c)))


@checked(w="C, K")
def conv1x1_gradients(x: Array, w: Array, g: Array) -> tuple[Array, Array, Array]:
    """Return the gradients of a loss with respect to w, b and x, where y = x w + b at each position.

    g is the loss's gradient with respect to y. x (N, H, W, C), w (C, K), g (N, H, W, K) -> dw (C, K), db (K,),
    dx (N, H, W, C). With w = 0, dx is 0 and dw is not: a zero convolution is trained from the first step, the layers
    before it later. ValueError: shapes that do not fit.
    """
    x = checks.array("x", x, "N", "H", "W", np.shape(w)[0])
    g = checks.array("g", g, *np.shape(x)[:3], np.shape(w)[1])
    return np.einsum("nhwc,nhwk->ck", x, g), np.sum(g, axis=(0, 1, 2)), np.matmul(g, np.transpose(w))


class ControlledBlock(Module):
    """(x, c) -> frozen(x) + zero_out(trained(x + zero_in(c))), all (N, H, W, channels).

    `.frozen` is the block itself, taken out of training; `.trained` a copy that shares no array with it, in training.
    `.zero_in` and `.zero_out` are zero convolutions. At first the gradient is zero everywhere but at `.zero_out`: its
    own input is not zero, though it multiplies it by zero. After one step the others have gradients, too.
    ValueError: x or c of another shape.
    """

    @checked(rng=Rng, channels=whole, block=Module)
    def __init__(self, rng: Rng, block: Module, channels: int):
        self.channels = channels
        self.trained = block.copy().freeze(False)
        self.frozen = block.freeze()
        self.zero_in = Conv2d(rng, channels, channels, 1, scale=0.0)
        self.zero_out = Conv2d(rng, channels, channels, 1, scale=0.0)

    def __call__(self, x: Array, c: Array) -> Array:
        x = checks.array("x", x, "N", "H", "W", self.channels, finite=False)
        c = checks.array("c", c, *x.shape, finite=False)
        y = controlled(self.frozen, self.trained, self.zero_in, self.zero_out, x, c)
        return like(y, x)


class ControlNet(Module):
    """A trained U-Net with a control image: called (x, t, y=None, c=None), as the U-Net is, and with c.

    c: the image (N, H, W, channels), such as edges; with None the result is that of the U-Net alone, bit for bit.
    `.frozen` is the U-Net itself, taken out of training; `.trained` a copy of its way down, in training. c enters the
    copy after its first convolution; what the copy computes enters the way up of the frozen one at two places, the
    lowest level and the skip connection. All three pass through zero convolutions. ValueError: shapes do not fit.
    Zhang, Rao and Agrawala 2023, figure 3.
    """

    @checked(rng=Rng, unet=UNet, channels=whole)
    def __init__(self, rng: Rng, unet: UNet, channels: int = 1):
        self.channels = channels
        width, low = np.shape(unet.upsample.w)[3], np.shape(unet.upsample.w)[2]
        self.trained = unet.copy().freeze(False)
        for unused in ("upsample", "up", "norm", "conv_out"):  # the way up is not copied
            setattr(self.trained, unused, None)
        self.frozen = unet.freeze()
        self.hint = Conv2d(rng, 4 * channels, width, 3, padding=1)
        self.zero_in = Conv2d(rng, width, width, 1, scale=0.0)
        self.zero_skip = Conv2d(rng, width, width, 1, scale=0.0)
        self.zero_low = Conv2d(rng, low, low, 1, scale=0.0)

    def __call__(
        self, x: Array, t: numpy.ndarray, y: numpy.ndarray | None = None, c: numpy.ndarray | None = None
    ) -> Any:
        if c is None:
            return self.frozen(x, t, y)
        x = self.frozen.checked_images(x)
        c = checks.array("c", c, *np.shape(x)[:3], self.channels, finite=False)
        condition = self.frozen.condition(t, y, len(x))  # (N, dim_time)
        h, skip = self.frozen.encode(x, condition)  # (N, H/4, W/4, 2 width), (N, H/2, W/2, width)
        hint = self.zero_in(silu(self.hint(space_to_depth(c))))  # (N, H/2, W/2, width)
        more_h, more_skip = self.trained.encode(x, self.trained.condition(t, y, len(x)), hint)
        output = self.frozen.decode(h + self.zero_low(more_h), skip + self.zero_skip(more_skip), condition)
        return output_like(output, x)
