"""The U-Net with random weights against plain NumPy: every block, connection and condition."""

import numpy as np
import pytest

from minigen.diffusion.networks.unet import UNet
from tests import plain
from tests.diffusion.plain_unet import adaptive_residual_block, global_mlp_of, residual_block, unet

WIDTH = 16  # two channels in each group of a norm at the upper level, four below
TIMES = np.array([1, 40, 900])


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("blocks", [1, 2])
def test_without_conditions(rng, blocks):
    """The time enters every residual block; the lower level has twice as many channels, the embedding four times."""
    net = plain.random_weights(UNet(rng, 3, WIDTH, blocks), rng)
    assert [len(level) for level in (net.down, net.mid1, net.mid2, net.up)] == [blocks] * 4
    assert net.downsample.w.shape == (3, 3, WIDTH, 2 * WIDTH)
    assert [layer.w.shape for layer in net.time.body.layers] == [(WIDTH, 4 * WIDTH), (4 * WIDTH, 4 * WIDTH)]
    x = rng.standard_normal((3, 8, 12, 3))
    expected = unet(x, net, residual_block, plain.time_embedding(TIMES, net.time, WIDTH))
    np.testing.assert_allclose(net(x, TIMES), expected, atol=1e-6)


def test_with_labels_or_vectors_and_a_second_output(rng):
    """Adaptive blocks, the network of all positions, (eps, v); a label of −1 adds nothing to the time."""
    net = plain.random_weights(UNet(rng, 2, WIDTH, 1, True, 24, (12, 8), 5, 7), rng)
    assert global_mlp_of(net).first.w.shape == (3 * 2 * 16, 24) and len(global_mlp_of(net).layers) == 3
    x, time = rng.standard_normal((3, 12, 8, 2)), plain.time_embedding(TIMES, net.time, WIDTH)
    labels, vectors = np.array([4, -1, 0]), rng.standard_normal((3, 7))
    label = np.stack([net.label.table[4], np.zeros(4 * WIDTH), net.label.table[0]])
    for y, added in [(None, 0), (labels, label), (vectors, vectors @ net.vector.w)]:
        expected = unet(x, net, adaptive_residual_block, time + added)
        eps, v = net(x, TIMES, y)
        np.testing.assert_allclose(eps, expected[..., :2], atol=1e-6)
        np.testing.assert_allclose(v, expected[..., 2:], atol=1e-6)
