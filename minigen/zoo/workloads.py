"""Training steps of each kind of model, of the size that the lessons train: what `minigen bench` measures.

Each workload is a whole step (value, gradient, optimizer) on one batch, with the multiply-adds of its matrix products.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import autograd.numpy as np
import numpy

from minigen.diffusion.networks.dit import DiT
from minigen.diffusion.networks.unet import UNet
from minigen.flow.made import MADE
from minigen.flow.realnvp import RealNVP
from minigen.gan import losses, wgan
from minigen.gan.networks import ConvDiscriminator, ConvGenerator, Discriminator
from minigen.nn import MLP
from minigen.optim import Adam
from minigen.tensor import leaves, mse, parallel_value_and_grad, value_and_grad
from minigen.types import Array, Rng
from minigen.vae.vae import VAE, vae_loss

__all__ = ["WORKLOADS", "Step", "Workload", "training"]

Step = Callable[[], object]


class Workload(NamedTuple):
    """One training step, the multiply-adds (times two) of its matrix products, and how it uses the cores."""

    step: Step
    flops: float
    small: bool  # the products are too small to be shared between two threads


def _rng() -> Rng:
    return numpy.random.default_rng(0)


def _normal(*shape: int) -> Array:
    return _rng().standard_normal(shape, dtype=numpy.float32)


def training(model: Any, loss: Callable, *batch: Array, threads: bool = False) -> Step:
    """One step of Adam on `loss(model, *batch)`; with `threads` on two threads, each half of the batch."""
    optimizer = Adam(model, 1e-4)
    differentiate = (parallel_value_and_grad if threads else value_and_grad)(loss)

    def step() -> None:
        _, grads = differentiate(model, *batch)
        optimizer.step(grads)

    return step


def dense_flops(model: Any, n: int) -> float:
    """Forward and both backward products of every 2-D weight, for n rows."""
    return 6.0 * n * sum(w.size for w in leaves(model) if w.ndim == 2)


def diffusion_mlp() -> Workload:
    """Return a 2-D diffusion model: 4 layers of 128, SiLU, batch 256."""
    model = MLP(_rng(), [34, 128, 128, 128, 128, 2], activation="silu")
    x, y = _normal(256, 34), _normal(256, 2)
    return Workload(training(model, lambda f, x, y: mse(f(x), y), x, y), dense_flops(model, 256), True)


def realnvp() -> Workload:
    """Return a RealNVP on the plane: 8 couplings of width 64, batch 256."""
    model = RealNVP(_rng(), dim=2)
    return Workload(training(model, lambda f, x: f.loss(x), _normal(256, 2)), dense_flops(model, 256), True)


def critic() -> Workload:
    """Return a WGAN critic: 3 layers of 128, batch 256."""
    model, real, fake = Discriminator(_rng()), _normal(256, 2), _normal(256, 2) + 1

    def loss(f: Discriminator, real: Array, fake: Array) -> Array:
        return wgan.critic_loss(f(real), f(fake))

    return Workload(training(model, loss, real, fake), 2 * dense_flops(model, 256), True)


def penalized_critic() -> Workload:
    """Return the same with a gradient penalty: a second derivative in every step."""
    model, real, fake, rng = Discriminator(_rng()), _normal(256, 2), _normal(256, 2) + 1, _rng()

    def loss(f: Discriminator, real: Array, fake: Array) -> Array:
        return wgan.critic_loss(f(real), f(fake)) + 10 * wgan.gradient_penalty(f, real, fake, rng)

    # the penalty multiplies by each weight four times more: its own gradient, and that of the gradient
    return Workload(training(model, loss, real, fake), (2 + 7 / 3) * dense_flops(model, 256), True)


def vae() -> Workload:
    """Return the MNIST VAE 784-400-400-20, batch 128."""
    model, x = VAE(_rng()), (_rng().random((128, 784)) < 0.2).astype(numpy.float32)
    step = training(model, lambda m, x, eps: vae_loss(m, x, eps)[0], x, _normal(128, 20))
    return Workload(step, dense_flops(model, 128), False)


def made() -> Workload:
    """Return a MADE on MNIST, 784-500-784, batch 100."""
    model = MADE(_rng(), 784, [500])
    x = (_rng().random((100, 784)) < 0.2).astype(numpy.float32)

    def loss(f: MADE, x: Array) -> Array:
        return -np.mean(f.log_prob(x))

    return Workload(training(model, loss, x), dense_flops(model, 100), False)


def dcgan() -> Workload:
    """Return a DCGAN at 28×28, one step of each player, batch 64."""
    generator, discriminator = ConvGenerator(_rng()), ConvDiscriminator(_rng())
    g_optimizer, d_optimizer = Adam(generator, 1e-4), Adam(discriminator, 1e-4)
    z, real = _normal(64, generator.dim_z), _rng().random((64, 28, 28, 1), dtype=numpy.float32)

    def step() -> None:
        fake = generator(z)
        _, grads = value_and_grad(lambda d: losses.discriminator_loss(d(real), d(fake)))(discriminator)
        d_optimizer.step(grads)
        _, grads = value_and_grad(lambda g: losses.generator_loss_nonsaturating(discriminator(g(z))))(generator)
        g_optimizer.step(grads)

    d = conv_flops(16 * 64, 14 * 14) + conv_flops(16 * 64 * 128, 7 * 7) + 2.0 * 7 * 7 * 128
    g = 2.0 * generator.dim_z * 7 * 7 * 128 + conv_flops(16 * 128 * 64, 7 * 7) + conv_flops(16 * 64, 14 * 14)
    # the generator's step needs no weight gradient of D
    return Workload(step, 64 * (g + 2 * 3 * d + 3 * g + 2 * d), False)


def unet() -> Workload:
    """Return the diffusion lesson's U-Net at 28×28, batch 128, on two threads."""
    model = UNet(_rng())
    x, y, t = _normal(128, 28, 28, 1), _normal(128, 28, 28, 1), _rng().integers(1, 1000, 128)
    return Workload(training(model, lambda m, x, t, y: mse(m(x, t), y), x, t, y, threads=True), math.nan, False)


def dit() -> Workload:
    """Return a small diffusion transformer: 4 blocks of 128, 49 tokens, batch 64, on two threads."""
    model, x, y, t = DiT(_rng()), _normal(64, 28, 28, 1), _normal(64, 28, 28, 1), _rng().integers(1, 1000, 64)
    per_example = sum(layer.modulation.w.size for layer in (*model.blocks, model.final)) + 2 * 128 * 128
    attention = 4 * 3 * 2 * 2.0 * 64 * 49 * 49 * 128
    flops = dense_flops(model, 64 * 49) - 6.0 * per_example * 64 * 48 + attention
    return Workload(training(model, lambda m, x, t, y: mse(m(x, t), y), x, t, y, threads=True), flops, False)


def conv_flops(weights: int, positions: int) -> float:
    """Multiply-adds times two of one pass of a convolution for one example."""
    return 2.0 * weights * positions


WORKLOADS: dict[str, Callable[[], Workload]] = {
    "mlp, diffusion on the plane": diffusion_mlp,
    "realnvp on the plane": realnvp,
    "wgan critic": critic,
    "wgan critic, gradient penalty": penalized_critic,
    "vae, mnist": vae,
    "made, mnist": made,
    "dcgan, mnist": dcgan,
    "unet, mnist": unet,
    "dit": dit,
}
