"""The benchmark's training steps: a step is one of Adam, and the products are counted right."""

import math

import numpy as np
import pytest

from minigen.nn import MLP
from minigen.optim import Adam
from minigen.tensor import mse, value_and_grad
from minigen.zoo.workloads import WORKLOADS, conv_flops, dense_flops, training


@pytest.mark.parametrize("threads", [False, True])
def test_a_step_is_one_of_adam_on_the_loss(threads):
    rng = np.random.default_rng(0)
    model, x, y = MLP(rng, [2, 5, 3]), rng.standard_normal((8, 2)), rng.standard_normal((8, 3))
    expected = model.copy()

    def loss(f, x, y):
        return mse(f(x), y)

    step, optimizer = training(model, loss, x, y, threads=threads), Adam(expected, 1e-4)
    for _ in range(2):
        step()
        optimizer.step(value_and_grad(loss)(expected, x, y)[1])
    for name, array in model.parameters().items():
        np.testing.assert_allclose(array, expected.parameters()[name], rtol=1e-6)


def test_products_are_counted():
    """x W forward, and W's and x's gradients backward: 3 products of n rows, 2 operations a weight each."""
    assert dense_flops(MLP(np.random.default_rng(0), [2, 5, 3]), 7) == 3 * 2 * 7 * (2 * 5 + 5 * 3)
    assert conv_flops(9 * 4, 100) == 2 * 9 * 4 * 100


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_workload_takes_a_step(name):
    step, flops, small = WORKLOADS[name]()
    step()
    assert flops > 1e7 or (math.isnan(flops) and name == "unet, mnist")
    assert small == (name.split(",")[0] in ("mlp", "realnvp on the plane", "wgan critic"))
