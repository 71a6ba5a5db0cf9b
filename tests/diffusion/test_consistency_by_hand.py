"""The consistency model around a network with random weights, against plain NumPy."""

import numpy as np

from minigen.diffusion.consistency import ConsistencyModel
from minigen.diffusion.networks.mlp import EpsMLP
from tests import plain


def test_what_the_network_receives_and_how_its_output_is_scaled():
    """c_skip x + c_out net(x/√(σ² + σ_d²), 250 log σ), σ_d = 0.7, with one level σ for each example."""
    rng = np.random.default_rng(0)
    net = plain.random_weights(EpsMLP(rng, 3, 8, 1, 4), rng)
    f = ConsistencyModel(net, 0.01, 0.7)
    x, sigma = rng.standard_normal((4, 3)), np.array([0.01, 0.5, 2.0, 30.0])
    s = sigma[:, None]
    inputs = np.concatenate([x / np.sqrt(s**2 + 0.49), plain.sinusoidal(250 * np.log(sigma), 4)], axis=1)
    c_skip, c_out = 0.49 / ((s - 0.01) ** 2 + 0.49), 0.7 * (s - 0.01) / np.sqrt(s**2 + 0.49)
    expected = c_skip * x + c_out * plain.mlp(inputs, net.body.layers, plain.silu)
    np.testing.assert_allclose(f(x, sigma), expected, atol=1e-5)
    np.testing.assert_array_equal(f(x, sigma)[0], x[0])
