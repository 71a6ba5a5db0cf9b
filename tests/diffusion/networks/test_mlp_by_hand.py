"""The multilayer perceptron of the noise with random weights against plain NumPy."""

import numpy as np

from minigen.diffusion.networks.mlp import EpsMLP
from tests import plain


def test_point_time_and_label_enter_side_by_side():
    """SiLU between the layers and none at the end; the label is a row of the identity, that of −1 zeros."""
    rng = np.random.default_rng(0)
    net = plain.random_weights(EpsMLP(rng, 3, 10, 2, 6, 4), rng)
    x, t, y = rng.standard_normal((3, 3)), np.array([1, 20, 800]), np.array([3, -1, 0])
    label = np.array([[0, 0, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0]])
    inputs = np.concatenate([x, plain.sinusoidal(t, 6), label], axis=1)
    assert len(net.body.layers) == 3
    np.testing.assert_allclose(net(x, t, y), plain.mlp(inputs, net.body.layers, plain.silu), atol=1e-6)
