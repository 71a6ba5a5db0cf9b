"""VQ-VAE (van den Oord, Vinyals and Kavukcuoglu 2017) and VQ-VAE-2 (Razavi, van den Oord and Vinyals 2019).

The code of an image is a grid of integers. Each stands for one of K vectors, which the decoder gets in its place. There
is no KL term: with a uniform prior it is the constant log K for each place. A model of the integers, trained
afterwards, makes it a generative model; it is no part of this file and is handed to `sample` as a function.

    image 28 x 28  ->  encoder  ->  7 x 7 vectors  ->  nearest codes, 7 x 7 integers  ->  their vectors  ->  decoder

VQ-VAE-2 has two such grids. The top one, 4 x 4, is quantized first; the bottom one, 7 x 7, is encoded in its light, and
the decoder gets both. To sample, a top grid is drawn first, and then a bottom grid that fits it.

Squared errors are summed over pixels, and over the numbers of a code, and averaged over the batch.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import autograd.numpy as np
import numpy

from minigen.nn import Conv2d, ConvTranspose2d, Module
from minigen.tensor import parallel_value_and_grad, relu, stop_gradient
from minigen.vae.quantizer import (
    Losses,
    Quantized,
    VectorQuantizer,
    dead_share,
    ema_update,
    nearest,
    perplexity,
    quantization_losses,
    straight_through,
)
from minigen.vae.vq_networks import STRIDE, Decoder, Encoder, Residual, check_images, in_parts

__all__ = [
    "HierarchicalVQVAE",
    "Losses",
    "Output",
    "Quantized",
    "VQVAE",
    "VectorQuantizer",
    "dead_share",
    "ema_update",
    "nearest",
    "perplexity",
    "quantization_losses",
    "start",
    "straight_through",
    "training_step",
]

Array = Any
Rng = numpy.random.Generator

# --------------------------------------------------------------------- one level


class Output(NamedTuple):
    """decoded (N, H, W, channels), and a `Quantized` for each level, from the top."""

    decoded: Array
    levels: list


class VQVAE(Module):
    """Images (N, H, W, channels) in [0, 1], H and W multiples of 4, through a grid (H/4, W/4) of `codes` codes and
    back.

    codes and dim: number and length of the code vectors. width: channels within. gamma, beta, learned: see
    `VectorQuantizer`.
    """

    def __init__(
        self,
        rng: Rng,
        codes: int = 64,
        dim: int = 16,
        width: int = 64,
        channels: int = 1,
        gamma: float = 0.99,
        beta: float = 0.25,
        learned: bool = False,
    ):
        self.channels = channels
        self.encoder, self.out = Encoder(rng, channels, width), Conv2d(rng, width, dim, 1)
        self.quantizer = VectorQuantizer(rng, codes, dim, gamma, beta, learned)
        self.decoder = Decoder(rng, dim, width, channels)

    @property
    def quantizers(self) -> list[VectorQuantizer]:
        """The codebooks, from the top: here one."""
        return [self.quantizer]

    def encode(self, x: Array) -> Array:
        """The vectors before quantization, E(x): (N, H, W, channels) -> (N, H/4, W/4, dim)."""
        check_images(x, self.channels)
        return self.out(self.encoder(x))

    def decode(self, e: Array) -> Array:
        """D(e): code vectors (N, H/4, W/4, dim) -> (N, H, W, channels)."""
        return self.decoder(e)

    def __call__(self, x: Array) -> Output:
        level = self.quantizer(self.encode(x))
        return Output(self.decode(level.vectors), [level])

    def codes(self, x: numpy.ndarray) -> list[numpy.ndarray]:
        """The grids of codes, from the top: (N, H, W, channels) -> a list with one (N, H/4, W/4) of integers. Eq.
        vae.18"""
        return [in_parts(lambda some: self.quantizer.nearest(self.encode(some)), x)]

    def images(self, codes: numpy.ndarray) -> numpy.ndarray:
        """What a grid of codes stands for: (N, H/4, W/4) -> images (N, H, W, channels) in [0, 1]."""
        return in_parts(lambda some: numpy.clip(self.decode(self.quantizer.look_up(some)), 0, 1), codes)

    def reconstruct(self, x: numpy.ndarray) -> numpy.ndarray:
        """Images through their codes and back, in [0, 1]."""
        return self.images(*self.codes(x))

    def loss(self, x: Array) -> Array:
        """The mean over the batch of |x - D(e)|² and the quantizers' terms: a scalar. Eq. vae.19"""
        return np.mean(sum(_terms(x, self(x))))

    def sample(self, rng: Rng, n: int, prior: Callable) -> numpy.ndarray:
        """`n` images in [0, 1]: codes from `prior(rng, n)` -> (n, H/4, W/4), decoded."""
        return self.images(prior(rng, n))


# --------------------------------------------------------------------- two levels


class HierarchicalVQVAE(VQVAE):
    """VQ-VAE-2 with two levels: a bottom grid (H/4, W/4), and a top grid of half its size (odd sides: 7 -> 4).

    The bottom vectors are made from the image and the quantized top; the decoder gets both. `codes` and `dim` are a
    number, or a pair (top, bottom). With `alone`, every second image of a batch is decoded from its top alone while
    training (bottom vectors 0), which the paper does without: a bottom with room for everything would take the shape
    too.
    """

    def __init__(
        self,
        rng: Rng,
        codes: Any = (64, 64),
        dim: Any = 16,
        width: int = 64,
        channels: int = 1,
        gamma: float = 0.99,
        beta: float = 0.25,
        learned: bool = False,
        alone: bool = True,
    ):
        (top, bottom), (dim_top, dim_bottom) = (numpy.broadcast_to(pair, 2).tolist() for pair in (codes, dim))
        self.channels, self.alone = channels, alone
        self.encoder = Encoder(rng, channels, width)
        self.halve, self.block = Conv2d(rng, width, width, 3, 2, 1), Residual(rng, width)
        self.out_top, self.out_bottom = Conv2d(rng, width, dim_top, 1), Conv2d(rng, width + dim_top, dim_bottom, 1)
        self.top = VectorQuantizer(rng, top, dim_top, gamma, beta, learned)
        self.bottom = VectorQuantizer(rng, bottom, dim_bottom, gamma, beta, learned)
        self.double = ConvTranspose2d(rng, dim_top, dim_top, 3, 2, 1)
        self.decoder = Decoder(rng, dim_top + dim_bottom, width, channels)

    @property
    def quantizers(self) -> list[VectorQuantizer]:
        """The codebooks, from the top."""
        return [self.top, self.bottom]

    def encode(self, x: Array) -> tuple[Array, Array]:
        """Features of the image (N, H/4, W/4, width), and the top vectors before quantization (N, top side,
        dim_top)."""
        check_images(x, self.channels, odd=True)
        h = self.encoder(x)  # (N, H/4, W/4, width)
        return h, self.out_top(relu(self.block(self.halve(h))))

    def encode_bottom(self, h: Array, e_top: Array) -> Array:
        """The bottom vectors before quantization, given the quantized top: (N, H/4, W/4, dim_bottom)."""
        return self.out_bottom(np.concatenate([h, self.double(e_top)], axis=3))

    def decode(self, e_top: Array, e_bottom: Array) -> Array:
        """D(e_top, e_bottom): (N, H, W, channels)."""
        return self.decoder(np.concatenate([self.double(e_top), e_bottom], axis=3))

    def __call__(self, x: Array) -> Output:
        h, z_top = self.encode(x)
        top = self.top(z_top)
        bottom = self.bottom(self.encode_bottom(h, top.vectors))
        hidden = self.alone and self.training
        keep = numpy.arange(len(x), dtype=numpy.float32)[:, None, None, None] % 2 if hidden else 1  # 0, 1, 0, 1, ...
        return Output(self.decode(top.vectors, keep * bottom.vectors), [top, bottom])

    def codes(self, x: numpy.ndarray) -> list[numpy.ndarray]:
        """The grids of codes, top and bottom: integers (N, 4, 4) and (N, 7, 7) for x (N, 28, 28, 1)."""

        def grids(some):
            h, z_top = self.encode(some)
            top = self.top.nearest(z_top)
            return top, self.bottom.nearest(self.encode_bottom(h, self.top.look_up(top)))

        return list(in_parts(grids, x))

    def images(self, top: numpy.ndarray, bottom: numpy.ndarray | None = None) -> numpy.ndarray:
        """What two grids of codes stand for, or the top alone: images (N, H, W, channels) in [0, 1]."""

        def look_up(t, b=None):
            e = self.double(self.top.look_up(t))  # (N, H/4, W/4, dim_top)
            low = (
                numpy.zeros((*e.shape[:3], self.bottom.codebook.shape[1]), e.dtype)
                if b is None
                else self.bottom.look_up(b)
            )
            return numpy.clip(self.decoder(numpy.concatenate([e, low], axis=3)), 0, 1)

        return in_parts(look_up, top) if bottom is None else in_parts(look_up, top, bottom)

    def context(self, top: numpy.ndarray) -> numpy.ndarray:
        """What the top says about each place of the bottom grid: (N, 4, 4) -> (N, 7, 7, dim_top)."""
        return in_parts(lambda some: self.double(self.top.look_up(some)), top)

    def sample(self, rng: Rng, n: int, top_prior: Callable, bottom_prior: Callable) -> numpy.ndarray:
        """`n` images in [0, 1]: `top_prior(rng, n)` first, then `bottom_prior(rng, top)` given the top, then the
        decoder."""
        top = top_prior(rng, n)
        bottom = bottom_prior(rng, top)
        return self.images(top, bottom)


# --------------------------------------------------------------------- training


def _terms(x, output: Output) -> tuple[Array, Array, Array]:
    """Reconstruction, codebook and commitment of each image, (N,) each: the three terms of Eq. vae.19."""
    reconstruction = np.sum((x - output.decoded) ** 2, axis=(1, 2, 3))
    return (
        reconstruction,
        sum(level.codebook for level in output.levels),
        sum(level.commitment for level in output.levels),
    )


def _loss(model, x, terms, *notes):
    """The loss of a batch. What else a step needs is written to arrays, so that each half of a batch fills its own
    rows."""
    output = model(x)
    parts = _terms(x, output)
    for k, part in enumerate(parts):
        terms[:, k] = stop_gradient(part)
    for k, level in enumerate(output.levels):
        notes[2 * k][...], notes[2 * k + 1][...] = stop_gradient(level.z), level.indices
    return np.mean(sum(parts))


_gradient = parallel_value_and_grad(_loss)


def start(model: VQVAE, x: numpy.ndarray, rng: Rng) -> None:
    """Begin with vectors of the images x as code vectors, level by level from the top."""
    for k, quantizer in enumerate(model.quantizers):
        quantizer.start(model(x).levels[k].z, rng)


def training_step(model: VQVAE, optimizer: Any, x: numpy.ndarray, rng: Rng | None = None) -> dict[str, float]:
    """One step down the gradient of Eq. vae.19, then Eq. vae.20 for each codebook, both with the codes found at first.

    x (N, H, W, channels). With `rng`, dead codes are started anew afterwards. Returns batch means of the loss and its
    terms, and the perplexity of each level ("perplexity", or "perplexity top" and "perplexity bottom").
    """
    terms, notes = numpy.empty((len(x), 3), numpy.float32), []
    for quantizer, grid in zip(model.quantizers, _grids(model, x)):
        shape = (len(x), *grid)
        notes += [numpy.empty((*shape, quantizer.codebook.shape[1]), numpy.float32), numpy.empty(shape, numpy.int64)]
    value, grads = _gradient(model, x, terms, *notes)
    optimizer.step(grads)
    report = {"loss": value, **dict(zip(("reconstruction", "codebook", "commitment"), terms.mean(axis=0)))}
    if not numpy.isfinite(value):  # `minigen.train.fit` stops there and names the step
        return report
    names = ["perplexity"] if len(model.quantizers) == 1 else ["perplexity top", "perplexity bottom"]
    for name, quantizer, z, indices in zip(names, model.quantizers, notes[::2], notes[1::2]):
        quantizer.update(z, indices)
        report[name] = perplexity(indices, quantizer.codes)
        if rng is not None:
            quantizer.revive(z, rng)
    return report


# --------------------------------------------------------------------- helpers


def _grids(model, x):
    bottom = tuple(side // STRIDE for side in x.shape[1:3])
    top = tuple((side + 1) // 2 for side in bottom)
    return [bottom] if len(model.quantizers) == 1 else [top, bottom]
