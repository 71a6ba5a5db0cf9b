"""VQ-VAE-2: discrete codes on two levels (Razavi, van den Oord and Vinyals 2019).

The top grid, 4 x 4 for an image of 28 x 28, is quantized first; the bottom grid, 7 x 7, is encoded given the quantized
top, and the decoder receives both. To sample, a top grid is drawn from one prior, then a bottom grid from another,
conditional on the top. Initialization, loss and training step are those of `vq_vae.py`.
"""

from collections.abc import Callable
from typing import Any

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import checked, function, whole
from minigen.nn import Conv2d, ConvTranspose2d, Module
from minigen.tensor import batched, relu, sigmoid
from minigen.types import Array, Float32, Rng
from minigen.vae.quantizer import VectorQuantizer, check_rates
from minigen.vae.vq_networks import Decoder, Encoder, check_images, check_sizes, residual_block
from minigen.vae.vq_vae import START, Output, vq_vae_loss


class HierarchicalVQVAE(Module):
    """VQ-VAE-2 with two levels: a bottom grid (H/4, W/4), and a top grid of half its size (odd sides: 7 -> 4).

    `codes` and `dim` are a number, or a pair (top, bottom); the other arguments are those of `VQVAE`. With `alone`, in
    training every second image of a batch is decoded from its top alone (bottom vectors 0). The paper does without; a
    bottom level with enough capacity would otherwise encode the global shape as well.
    """

    @checked(rng=Rng)
    def __init__(
        self,
        rng: Rng,
        codes: int | tuple[int, int] = (64, 64),
        dim: int | tuple[int, int] = 16,
        width: int = 64,
        channels: int = 1,
        gamma: float = 0.99,
        beta: float = 0.25,
        learned: bool = False,
        alone: bool = True,
    ):
        codes_top, codes_bottom = _top_and_bottom("codes", codes)
        dim_top, dim_bottom = _top_and_bottom("dim", dim)
        check_sizes(width=width, channels=channels)
        check_rates(gamma, beta)
        self.channels = channels
        self.alone = alone
        self.encoder = Encoder(rng, channels, width)
        self.halve = Conv2d(rng, width, width, 3, 2, 1)
        self.block = residual_block(rng, width)
        self.out_top = Conv2d(rng, width, dim_top, 1)
        self.out_bottom = Conv2d(rng, width + dim_top, dim_bottom, 1)
        self.top = VectorQuantizer(rng, codes_top, dim_top, gamma, beta, learned)
        self.bottom = VectorQuantizer(rng, codes_bottom, dim_bottom, gamma, beta, learned)
        self.double = ConvTranspose2d(rng, dim_top, dim_top, 3, 2, 1)
        self.decoder = Decoder(rng, dim_top + dim_bottom, width, channels, start=START)

    @property
    def quantizers(self) -> list[VectorQuantizer]:
        """The codebooks, from the top."""
        return [self.top, self.bottom]

    def encode(self, x: Array) -> tuple[Array, Array]:
        """Features of the image (N, H/4, W/4, width), and the top vectors unquantized (N, top grid, dim_top)."""
        x = check_images(x, self.channels, odd=True)
        h = self.encoder(x)  # (N, H/4, W/4, width)
        return h, self.out_top(relu(self.block(self.halve(h))))

    def encode_bottom(self, h: Array, e_top: Array) -> Array:
        """Return the bottom vectors before quantization, given the quantized top: (N, H/4, W/4, dim_bottom)."""
        return self.out_bottom(np.concatenate([h, self.double(e_top)], axis=3))

    def decode(self, e_top: Array, e_bottom: Array) -> Array:
        """D(e_top, e_bottom): images (N, H, W, channels) in (0, 1)."""
        return sigmoid(self.decoder(np.concatenate([self.double(e_top), e_bottom], axis=3)))

    def __call__(self, x: Array) -> Output:
        h, z_top = self.encode(x)
        top = self.top(z_top)
        bottom = self.bottom(self.encode_bottom(h, top.vectors))
        e_bottom = bottom.vectors  # (N, H/4, W/4, dim_bottom)
        if self.alone and self.training:
            keep = numpy.arange(len(h), dtype=numpy.float32) % 2  # 0, 1, 0, 1, ...
            e_bottom = keep[:, None, None, None] * e_bottom
        return Output(self.decode(top.vectors, e_bottom), [top, bottom])

    def loss(self, x: Array) -> Array:
        """Return the mean over the batch of |x - D(e)|² and the quantizers' terms: a scalar. Eq. vae.19

        The codebooks' terms are zero where moving averages move them (`learned=False` of a quantizer).
        """
        return vq_vae_loss(self, x)[0]

    def codes(self, x: numpy.ndarray) -> list[numpy.ndarray]:
        """Return the grids of codes, top and bottom: integers (N, 4, 4) and (N, 7, 7) for x (N, 28, 28, 1)."""

        def grids(some: Array) -> tuple[Array, Array]:
            h, z_top = self.encode(some)
            top = self.top.nearest(z_top)
            return top, self.bottom.nearest(self.encode_bottom(h, self.top.look_up(top)))

        return list(batched(grids, check_images(x, self.channels, odd=True)))

    def images(self, top: numpy.ndarray, bottom: numpy.ndarray | None = None) -> numpy.ndarray:
        """Return the images of two grids of codes, or of the top alone (bottom vectors 0): (N, H, W, channels) in [0,
        1].
        """

        def from_both(top: Array, bottom: Array) -> Array:
            return self.decode(self.top.look_up(top), self.bottom.look_up(bottom))

        def from_top(top: Array) -> Array:
            e_top = self.top.look_up(top)  # (N, top grid, dim_top)
            grid = self.double(e_top).shape[:3]  # (N, H/4, W/4)
            return self.decode(e_top, numpy.zeros((*grid, self.bottom.codebook.shape[1]), e_top.dtype))

        return batched(from_top, top) if bottom is None else batched(from_both, top, bottom)

    def reconstruct(self, x: numpy.ndarray) -> numpy.ndarray:
        """Images through their codes and back, in [0, 1]."""
        return self.images(*self.codes(x))

    def context(self, top: numpy.ndarray) -> numpy.ndarray:
        """Features of the top at each place of the bottom grid: (N, 4, 4) -> (N, 7, 7, dim_top)."""
        return batched(lambda some: self.double(self.top.look_up(some)), top)

    @checked(top_prior=function, bottom_prior=function, n=whole, rng=Rng)
    def sample(self, rng: Rng, n: int, top_prior: Callable, bottom_prior: Callable) -> Float32:
        """`n` images in [0, 1]: `top_prior(rng, n)`, then `bottom_prior(rng, top)` given the top, decoded."""
        top = top_prior(rng, n)
        bottom = bottom_prior(rng, top)
        return self.images(top, bottom)


def _top_and_bottom(name: str, value: Any) -> tuple[int, int]:
    """Return a number, or a pair (top, bottom) of them, as a pair."""
    top_and_bottom = checks.wholes(name, value if isinstance(value, (tuple, list)) else (value, value))
    if len(top_and_bottom) != 2:
        raise ValueError(f"{name} must be a whole number or a pair (top, bottom), got {value!r}")
    return top_and_bottom[0], top_and_bottom[1]
