"""The classifier of digits with random weights against plain NumPy, and what counts as a digit that was found."""

from types import SimpleNamespace

import numpy as np

from minigen.metrics.digits import DigitClassifier, judge_digits
from tests import plain


def test_the_whole_network():
    """ReLU after both convolutions and the hidden layer, pooling after the first; features are the hidden layer."""
    rng = np.random.default_rng(0)
    net = plain.random_weights(DigitClassifier(rng, 3, 7), rng)
    x = rng.random((2, 28, 28, 1))
    h = plain.max_pool2d(plain.relu(plain.conv2d(plain.space_to_depth(x), net.conv1, padding=2)))
    h = plain.relu(plain.conv2d(h, net.conv2, padding=1))
    features = plain.relu(plain.linear(h.reshape(2, -1), net.hidden))
    np.testing.assert_allclose(net.features(x), features, atol=1e-9)
    np.testing.assert_allclose(net(x), plain.linear(features, net.out), atol=1e-9)


def test_a_digit_is_found_from_one_percent_of_the_images_on():
    """Of 200 images one is classified as 3, two as 7, and the rest as 0; the class is the brightest of ten pixels."""
    images = np.random.default_rng(0).uniform(0, 0.1, (200, 28, 28, 1)).astype(np.float32)
    images[np.arange(200), 0, [3, 7, 7] + [0] * 197, 0] = 1
    classifier = SimpleNamespace(features=lambda x: x[:, 0, :10, 0], out=lambda h: 20 * h)
    report = judge_digits(classifier, images, images)
    np.testing.assert_allclose(report.shares, [0.985, 0, 0, 0.005, 0, 0, 0, 0.01, 0, 0])
    assert report.found == 2
