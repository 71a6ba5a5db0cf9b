"""VQ-VAE: an autoencoder with discrete codes (van den Oord, Vinyals and Kavukcuoglu 2017).

The code of an image is a grid of integers. Each is the index of one of K code vectors, which the decoder receives
instead. The KL term is constant: log K for each place of the grid, with a uniform prior. A prior over the integers,
trained afterward, completes the generative model; it is no part of this file and is passed to `sample` as a function.

    image 28 x 28  ->  encoder  ->  7 x 7 vectors  ->  nearest codes, 7 x 7 integers  ->  their vectors  ->  decoder

Squared errors are summed over pixels, and over the numbers of a code, and averaged over the batch. Initialization,
loss and training step serve any model with `quantizers` that returns an `Output`, such as that of `vq_vae2.py`.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import autograd.numpy as np
import numpy

from minigen import checks
from minigen.checks import checked, function, whole
from minigen.nn import Conv2d, Module
from minigen.optim.optimizers import Optimizer
from minigen.tensor import batched, parallel_value_and_grad, sigmoid
from minigen.types import Array, Float32, Rng
from minigen.vae.quantizer import Quantized, VectorQuantizer, check_rates, perplexity
from minigen.vae.vq_networks import Decoder, Encoder, check_images, check_sizes

START = -2.0  # initial bias of the logits: sigmoid(-2) = 0.12 is near the mean pixel of a digit


class Output(NamedTuple):
    """decoded (N, H, W, channels), and a `Quantized` for each level, from the top."""

    decoded: Array
    levels: list[Quantized]


class QuantizedModel(Protocol):
    """A model of one or more levels of codes, from the top."""

    @property
    def quantizers(self) -> list[VectorQuantizer]: ...

    def __call__(self, x: Array) -> Output: ...


# --------------------------------------------------------------------- the model


class VQVAE(Module):
    """Images (N, H, W, channels) in [0, 1], H and W multiples of 4, to a grid (H/4, W/4) of codes and back.

    codes and dim: number and length of the code vectors. width: channels of the hidden layers. gamma, beta, learned:
    see `VectorQuantizer`.
    """

    @checked(rng=Rng)
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
        check_sizes(codes=codes, dim=dim, width=width, channels=channels)
        check_rates(gamma, beta)
        self.channels = channels
        self.encoder = Encoder(rng, channels, width)
        self.out = Conv2d(rng, width, dim, 1)
        self.quantizer = VectorQuantizer(rng, codes, dim, gamma, beta, learned)
        self.decoder = Decoder(rng, dim, width, channels, start=START)

    @property
    def quantizers(self) -> list[VectorQuantizer]:
        """The codebooks, from the top: here one."""
        return [self.quantizer]

    def encode(self, x: Array) -> Array:
        """Return the vectors before quantization, E(x): (N, H, W, channels) -> (N, H/4, W/4, dim)."""
        return self.out(self.encoder(check_images(x, self.channels)))

    def decode(self, e: Array) -> Array:
        """D(e): code vectors (N, H/4, W/4, dim) -> images (N, H, W, channels) in (0, 1)."""
        return sigmoid(self.decoder(e))

    def __call__(self, x: Array) -> Output:
        level = self.quantizer(self.encode(x))
        return Output(self.decode(level.vectors), [level])

    def loss(self, x: Array) -> Array:
        """Return the mean over the batch of |x - D(e)|² and the quantizer's two terms: a scalar. Eq. vae.19

        Of the two, the codebook's is zero where moving averages move it (`learned=False` of the quantizer).
        """
        return vq_vae_loss(self, x)[0]

    def codes(self, x: numpy.ndarray) -> list[numpy.ndarray]:
        """Return the grid of codes, in a list of one: (N, H, W, channels) -> integers (N, H/4, W/4). Eq. vae.18"""
        x = check_images(x, self.channels)
        return [batched(lambda some: self.quantizer.nearest(self.encode(some)), x)]

    def images(self, codes: numpy.ndarray) -> numpy.ndarray:
        """Return the images of grids of codes: (N, H/4, W/4) -> (N, H, W, channels) in [0, 1]."""
        codes = checks.integers("codes", codes, "N", "H/4", "W/4", most=self.quantizer.codes - 1)
        return batched(lambda some: self.decode(self.quantizer.look_up(some)), codes)

    def reconstruct(self, x: numpy.ndarray) -> numpy.ndarray:
        """Images through their codes and back, in [0, 1]."""
        return self.images(*self.codes(x))

    @checked(prior=function, n=whole, rng=Rng)
    def sample(self, rng: Rng, n: int, prior: Callable) -> Float32:
        """`n` images in [0, 1]: codes from `prior(rng, n)` -> (n, H/4, W/4), decoded."""
        return self.images(prior(rng, n))


# --------------------------------------------------------------------- training


class Terms(NamedTuple):
    """The three terms of Eq. vae.19 for each image: (N,) each."""

    reconstruction: Array
    codebook: Array
    commitment: Array


def loss_terms(x: Array, output: Output) -> Terms:
    """Return the terms of Eq. vae.19, those of the quantizers summed over the levels."""
    return Terms(
        np.sum((x - output.decoded) ** 2, axis=(1, 2, 3)),
        sum(level.codebook for level in output.levels),
        sum(level.commitment for level in output.levels),
    )


def vq_vae_loss(model: QuantizedModel, x: Array) -> tuple[Array, dict[str, Array]]:
    """Return the mean over the batch of the sum of `loss_terms`, and the mean of each: scalars. Eq. vae.19"""
    terms = loss_terms(x, model(x))
    return np.mean(sum(terms)), {name: np.mean(term) for name, term in terms._asdict().items()}


@checked(rng=Rng)
def start(model: QuantizedModel, x: numpy.ndarray, rng: Rng) -> None:
    """Initialize the codebooks with vectors of the images x, level by level from the top."""
    checks.instance_with("model", model, "quantizers")
    for k, quantizer in enumerate(model.quantizers):
        quantizer.start(rng, model(x).levels[k].z)


def training_step(
    model: QuantizedModel, optimizer: Optimizer, x: numpy.ndarray, rng: Rng | None = None
) -> dict[str, float]:
    """One gradient step on Eq. vae.19, then Eq. vae.20 for each codebook, both with the same codes.

    With moving averages for the codebook (`learned=False`) the loss is without its second term; a learned codebook is
    moved by that term, and Eq. vae.20 only counts. x (N, H, W, channels). With `rng`, dead codes are reinitialized
    afterward. Returns batch means of the loss and its terms, and the perplexity of each level ("perplexity", or
    "perplexity top" and "perplexity bottom").
    """
    checks.instance_with("model", model, "quantizers")
    if rng is not None:
        checks.rng(rng)
    (value, (terms, levels)), grads = _gradient(model, checks.array("x", x, "N", "H", "W", "C"))
    optimizer.step(grads)
    report = {"loss": float(value), **{name: float(numpy.mean(term)) for name, term in terms._asdict().items()}}
    if not numpy.isfinite(value):  # `minigen.train.fit` stops there and names the step
        return report
    names = ["perplexity"] if len(model.quantizers) == 1 else ["perplexity top", "perplexity bottom"]
    for name, quantizer, (z, indices) in zip(names, model.quantizers, levels):
        quantizer.update(z, indices)
        report[name] = perplexity(indices, quantizer.codes)
        if rng is not None:
            quantizer.revive(rng, z)
    return report


def _loss(model: QuantizedModel, x: Array) -> tuple[Array, tuple[Terms, list]]:
    """Return the loss; the terms of each image; and the vectors and codes of each level, for the update of the
    codebooks.
    """
    output = model(x)
    terms = loss_terms(x, output)
    return np.mean(sum(terms)), (terms, [(level.z, level.indices) for level in output.levels])


_gradient = parallel_value_and_grad(_loss, has_aux=True)
