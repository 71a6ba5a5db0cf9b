"""MAF, IAF and the MADE of mixtures with random weights against plain NumPy, coordinate by coordinate."""

import numpy as np
import pytest

from minigen.flow.autoregressive import IAF, MAF, MixtureMADE
from minigen.flow.made import MADE
from tests import plain

DIM, WIDTH = 4, 6


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def made(x, net, order):
    """(N, outputs, D) of a MADE with one hidden layer of tanh units, whose degrees are 1, 2, 3, 1, 2, 3."""
    degrees = np.array([1, 2, 3, 1, 2, 3])
    places = 1 + np.array(order)
    outputs = net.layers[1].w.shape[1] // DIM
    h = np.tanh(x @ (net.layers[0].w * (degrees >= places[:, None])) + net.layers[0].b)
    last = net.layers[1].w * np.tile(places > degrees[:, None], outputs)
    return (h @ last + net.layers[1].b).reshape(len(x), outputs, DIM)


def inverse(x, flow, limit):
    """z = (x − mu) exp(−s), s = limit tanh(raw/limit), from the last transform to the first; orders take turns."""
    nets = [module for _, module in flow.modules() if isinstance(module, MADE)]
    log_det = np.zeros(len(x))
    for k in reversed(range(len(nets))):
        mu, raw = np.swapaxes(made(x, nets[k], [0, 1, 2, 3] if k % 2 == 0 else [3, 2, 1, 0]), 0, 1)
        s = limit * np.tanh(raw / limit)
        x, log_det = (x - mu) * np.exp(-s), log_det - s.sum(axis=1)
    return x, log_det


def log_base(z):
    return (-0.5 * z**2 - 0.5 * np.log(2 * np.pi)).sum(axis=1)


def test_maf(rng):
    flow = plain.random_weights(MAF(rng, DIM, 3, (WIDTH,), None, False, 1.5), rng)
    x = rng.standard_normal((5, DIM))
    z, log_det = inverse(x, flow, 1.5)
    np.testing.assert_allclose(flow.bijection.inverse(x)[0], z, atol=1e-9)
    np.testing.assert_allclose(flow.log_prob(x), log_base(z) + log_det, atol=1e-9)


def test_iaf(rng):
    """Generating, each transform of an IAF is the inverse of a MAF's, and the first comes first."""
    flow = plain.random_weights(IAF(rng, DIM, 1, (WIDTH,), None, False, 1.5), rng)
    z = rng.standard_normal((5, DIM))
    x, log_det = inverse(z, flow, 1.5)
    np.testing.assert_allclose(flow.bijection.forward(z)[0], x, atol=1e-9)
    np.testing.assert_allclose(flow.log_prob(x), log_base(z) - log_det, atol=1e-8)


def test_mixture_made(rng):
    """Logits, means and logarithms of the scales of three Gaussians for each coordinate."""
    net = plain.random_weights(MixtureMADE(rng, DIM, 3, (WIDTH,), [2, 0, 1, 3]), rng)
    x = rng.standard_normal((5, DIM))
    logits, mu, log_scale = np.split(made(x, net.net, [2, 0, 1, 3]), 3, axis=1)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    density = np.exp(-0.5 * ((x[:, None] - mu) / np.exp(log_scale)) ** 2 - log_scale) / np.sqrt(2 * np.pi)
    np.testing.assert_allclose(net.log_prob(x), np.log((shares * density).sum(axis=1)).sum(axis=1), atol=1e-9)
