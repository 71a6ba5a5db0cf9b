"""A plugin of pytest for autograd's own tests: before the first of them minigen has trained in their process."""

import autograd.numpy as np
import numpy

from minigen.nn import MLP
from minigen.optim import Adam
from minigen.tensor import linear, parallel_value_and_grad, value_and_grad
from minigen.train import descend

rng = numpy.random.default_rng(0)
model, x = MLP(rng, [3, 8, 1], activation="silu"), rng.standard_normal((8, 3), dtype=numpy.float32)


def loss(model, x):
    slopes = value_and_grad(lambda x: np.sum(model(x)))(x)[1]
    return np.mean(np.linalg.norm(slopes, axis=1, keepdims=True) ** 2) + np.std(np.clip(linear(x, x.T), 0, 1))


step = descend(loss, model, iter([x, x]), optimizer=Adam(model, 1e-3))
assert step(0)["loss"] != step(1)["loss"]
parallel_value_and_grad(loss)(model, x)
