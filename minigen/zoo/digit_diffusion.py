"""The base model of the diffusion lessons: a U-Net with labels that predicts v for digits in [-1, 1].

The lessons on guidance, fast sampling, distillation and controls start from it. In training 15 % of the labels are
dropped, so that it is also a model of digits without a label (y = −1, or None). Trained on the 50,000 training digits
with one fixed seed; its weights come with the package. The quick one, of quick runs with --train-shared, is small and
trained for a second.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy

from minigen.checks import unchecked
from minigen.data import mnist
from minigen.diffusion.ddpm import eps_model_from_v, v_loss
from minigen.diffusion.guidance import drop_labels
from minigen.diffusion.networks.unet import UNet
from minigen.diffusion.schedule import Schedule
from minigen.optim import cosine
from minigen.tensor import parallel_call
from minigen.train import descend
from minigen.types import Array, Rng

__all__ = ["FULL", "QUICK", "DigitDiffusion", "build", "ready", "train"]

Config = dict[str, Any]

FULL: Config = {
    "width": 32,  # channels at 28 × 28
    "global_mlp": 512,  # hidden units of the layer that sees the whole image
    "T": 200,
    "drop": 0.15,  # the fraction of labels that are dropped
    "images": 50_000,
    "steps": 5500,
    "batch": 64,
    "lr": 2e-3,
    "ema": 0.999,
    "seed": 64,
}
QUICK: Config = {
    "width": 8,
    "global_mlp": 32,
    "T": 200,
    "drop": 0.15,
    "images": 2000,
    "steps": 30,
    "batch": 16,
    "lr": 2e-3,
    "ema": 0.9,
    "seed": 64,
}


class DigitDiffusion(NamedTuple):
    """The trained network and its schedule, called as an eps model."""

    net: UNet  # predicts v, called (x, t, y=None)
    schedule: Schedule  # the one it was trained on: cosine, T = 200

    def __call__(self, x: Array, t: Array, y: Array = None) -> Array:
        """Return the noise in images x (N, 28, 28, 1) at times t (N,), of labels y (N,): 0 to 9, or −1 for none."""
        eps_model = unchecked(eps_model_from_v)(self.net, self.schedule)
        if isinstance(x, numpy.ndarray):  # not inside a derivative: samplers call it so, with thousands of images
            eps_model = parallel_call(eps_model)
        return eps_model(x, t, y)


def build(config: Config) -> UNet:
    """Return the untrained U-Net of a configuration."""
    rng = numpy.random.default_rng(config["seed"])
    return UNet(rng, width=config["width"], global_mlp=config["global_mlp"], classes=10)


def train(net: UNet, config: Config, fit: Callable) -> UNet:
    """Train it with the loss of v, Adam with a falling learning rate; returns the moving average."""
    data, n, steps = mnist.splits().train, config["batch"], config["steps"]
    images, labels = mnist.symmetric(data.images[: config["images"]]), data.labels[: config["images"]]
    schedule = Schedule.cosine(config["T"])
    rng = numpy.random.default_rng(config["seed"] + 1)
    batches = mnist.batches(images, labels, size=n, rng=rng)

    def draw(rng: Rng) -> tuple[Array, ...]:
        x0, y = next(batches)  # (N, 28, 28, 1), (N,)
        y = unchecked(drop_labels)(y.astype(int), rng.random(n), config["drop"])
        return x0, rng.integers(1, config["T"] + 1, n), rng.standard_normal(x0.shape, dtype=numpy.float32), y

    def loss(net: UNet, x0: Array, t: Array, eps: Array, y: Array) -> Array:
        return unchecked(v_loss)(net, x0, t, eps, schedule, y)

    lr = cosine(config["lr"], steps, warmup=min(100, steps // 4))
    step = descend(loss, net, draw, rng=rng, lr=lr, ema=config["ema"], parallel=True)
    fit(step, steps, state={**step.state, "batches": batches}, label="digit diffusion")
    return step.averaged


def ready(net: UNet, config: Config) -> DigitDiffusion:
    """Return the trained network, frozen, with its schedule."""
    return DigitDiffusion(net.freeze(), Schedule.cosine(config["T"]))
