"""MADE with random weights against plain NumPy, its masks from degrees that are written out."""

import numpy as np
import pytest

from minigen.flow.made import MADE
from tests import plain


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def allowed(degrees_in, degrees_out, strictly=False):
    """Which units (n_in, n_out) may be connected, by their degrees."""
    return np.array([[m > k if strictly else m >= k for m in degrees_out] for k in degrees_in], float)


def test_the_whole_network(rng):
    """Inputs of degree 3, 1, 2, 4 (order 2, 0, 1, 3), hidden units of 1, 2, 3, 1, ...; context in every unit."""
    order = np.array([2, 0, 1, 3])
    net = MADE(rng, 4, (5, 7), 2, order, "tanh", 3, True)
    net = plain.random_weights(net, rng)
    x, context = rng.standard_normal((3, 4)), rng.standard_normal((3, 3))
    inputs, first, second = [3, 1, 2, 4], [1, 2, 3, 1, 2], [1, 2, 3, 1, 2, 3, 1]
    w1 = net.layers[0].w * np.concatenate([allowed(inputs, first), np.ones((3, 5))])
    w2 = net.layers[1].w * allowed(first, second)
    w3 = net.layers[2].w * np.tile(allowed(second, inputs, strictly=True), 2)
    h = np.tanh(np.concatenate([x, context], axis=1) @ w1 + net.layers[0].b)
    h = np.tanh(h @ w2 + net.layers[1].b)
    out = h @ w3 + net.layers[2].b + context @ net.direct.w
    out = out + x @ (net.skip.w * np.tile(allowed(inputs, inputs, strictly=True), 2))
    np.testing.assert_allclose(net(x, context), out.reshape(3, 2, 4), atol=1e-9)
    mu, log_sigma = out[:, :4], out[:, 4:]
    log_prob = -0.5 * ((x - mu) / np.exp(log_sigma)) ** 2 - log_sigma - 0.5 * np.log(2 * np.pi)
    np.testing.assert_allclose(net.log_prob(x, context), log_prob.sum(axis=1), atol=1e-9)


def test_binary_coordinates(rng):
    """log p = Σ x log σ(logit) + (1 − x) log(1 − σ(logit)), with a ReLU in the hidden layer."""
    net = plain.random_weights(MADE(rng, 3, (4,)), rng)
    x = rng.integers(0, 2, (5, 3)).astype(float)
    inputs, hidden = [1, 2, 3], [1, 2, 1, 2]
    h = plain.relu(x @ (net.layers[0].w * allowed(inputs, hidden)) + net.layers[0].b)
    logits = h @ (net.layers[1].w * allowed(hidden, inputs, strictly=True)) + net.layers[1].b
    np.testing.assert_allclose(net(x), logits, atol=1e-9)
    p = plain.sigmoid(logits)
    np.testing.assert_allclose(net.log_prob(x), np.log(np.where(x == 1, p, 1 - p)).sum(axis=1), atol=1e-9)
