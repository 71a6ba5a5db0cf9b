"""A classifier, before all generative models."""

from __future__ import annotations

from collections.abc import Iterator

import autograd.numpy as np
import numpy

from minigen.nn import MLP
from minigen.optim import Adam
from minigen.tensor import losses
from minigen.train import descend
from minigen.types import Array, Rng
from minigen.zoo.demonstrations.frames import BATCH, SHOWN, Frame, Layer, noise, points, watch

__all__ = ["classifier"]


def classifier(rng: Rng, lr: float = 1e-2, steps: int = 300) -> Iterator[Frame]:
    """Train a network to separate two moons; the line is its decision boundary, the distance the fraction of errors."""
    model = MLP(rng, [2, 32, 32, 1], "tanh")
    optimizer = Adam(model, lr)

    def batch(n: int) -> tuple[Array, Array]:
        moon = rng.integers(0, 2, n)
        angle = numpy.pi * rng.random(n) + numpy.pi * moon
        x = numpy.stack([numpy.cos(angle) + moon - 0.5, numpy.sin(angle) + moon * 0.5 - 0.25], axis=1) * 1.3
        return (x + 0.15 * noise(rng, n)).astype(numpy.float32), moon.astype(numpy.float32)

    def loss(model: MLP, x: Array, y: Array) -> Array:
        return np.mean(losses.bce_with_logits(model(x)[:, 0], y))

    step = descend(loss, model, lambda rng: batch(BATCH), optimizer=optimizer, rng=rng)
    x, y = batch(SHOWN)
    side = numpy.linspace(-2.5, 2.5, 60, dtype=numpy.float32)
    plane = numpy.stack(numpy.meshgrid(side, side), axis=-1).reshape(-1, 2)

    def look() -> tuple[float, list[Layer]]:
        errors = float(numpy.mean((model(x)[:, 0] > 0) != (y > 0.5)))
        return errors, [points("line", plane[numpy.abs(model(plane)[:, 0]) < 0.3])]

    return watch(steps, step, look, [points("data", x[y < 0.5]), points("model", x[y > 0.5])], frames=25)
