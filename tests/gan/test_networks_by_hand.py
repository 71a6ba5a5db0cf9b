"""The convolutional generator and discriminator with random weights against plain NumPy."""

import numpy as np
import pytest

from minigen.gan.networks import ConvDiscriminator, ConvGenerator
from tests import plain


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("hidden", [None, 7])
def test_generator(rng, hidden):
    """Batch norm and then ReLU after each layer but the last, which has a sigmoid; statistics are the batch's."""
    net = plain.random_weights(ConvGenerator(rng, 3, 4, 2, 12, hidden), rng)
    z = h = rng.standard_normal((5, 3))
    if hidden is not None:
        h = plain.relu(plain.batch_norm(plain.linear(z, net.plan), net.norm0))
    h = plain.linear(h, net.start).reshape(5, 3, 3, 8)
    h = plain.relu(plain.batch_norm(h, net.norm1))
    h = plain.relu(plain.batch_norm(plain.conv_transpose2d(h, net.up1, stride=2, padding=1), net.norm2))
    images = plain.sigmoid(plain.conv_transpose2d(h, net.up2, stride=2, padding=1))
    assert images.shape == (5, 12, 12, 2)
    np.testing.assert_allclose(net(z), images, atol=1e-6)


@pytest.mark.parametrize("hidden", [None, 7])
@pytest.mark.parametrize("batch_norm", [True, False])
def test_discriminator(rng, batch_norm, hidden):
    """Pixels in [0, 1] become 2 x − 1; leaky ReLU after both convolutions, batch norm before the second one."""
    net = plain.random_weights(ConvDiscriminator(rng, 4, 2, batch_norm, 12, hidden), rng)
    x = rng.random((5, 12, 12, 2))
    h = plain.leaky_relu(plain.conv2d(2 * x - 1, net.down1, stride=2, padding=1))
    h = plain.conv2d(h, net.down2, stride=2, padding=1)
    if batch_norm:
        h = plain.batch_norm(h, net.norm2)
    features = plain.leaky_relu(h).reshape(5, 72)
    if hidden is not None:
        features = plain.leaky_relu(plain.linear(features, net.whole))
    np.testing.assert_allclose(net.features(x), features, atol=1e-6)
    np.testing.assert_allclose(net(x), plain.linear(features, net.out)[:, 0], atol=1e-6)
