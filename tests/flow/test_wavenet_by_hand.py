"""WaveNet with random weights against plain NumPy, layer by layer."""

import numpy as np
import pytest

from minigen.flow.wavenet import WaveNet
from tests import plain


@pytest.mark.parametrize("gated", [True, False])
@pytest.mark.parametrize("kernel", [2, 3])
def test_the_whole_network(kernel, gated):
    """Shifted once; each layer's gated unit goes into its residual and its skip; the skips alone make the logits.

    Without the gated unit, the ReLU of all channels of the convolution takes its place.
    """
    rng = np.random.default_rng(0)
    net = plain.random_weights(WaveNet(rng, 7, 5, kernel, (1, 2, 3), gated), rng)
    codes = rng.integers(0, 7, (2, 9))
    x = np.concatenate([np.zeros((2, 1, 5)), net.embed.table[codes[:, :-1]]], axis=1)
    total = 0
    for layer, dilation in zip(net.layers, (1, 2, 3), strict=True):
        h = plain.causal_conv1d(x, layer.conv, dilation)  # (2, 9, 10)
        if gated:
            filter, gate = np.split(h, 2, axis=2)
            h = np.tanh(filter) * plain.sigmoid(gate)
        else:
            h = plain.relu(h)
        x, total = x + plain.linear(h, layer.residual), total + plain.linear(h, layer.skip)
    logits = plain.linear(plain.relu(plain.linear(plain.relu(total), net.hidden)), net.out)
    np.testing.assert_allclose(net(codes), logits, atol=1e-9)
    p = plain.softmax(logits)
    log_prob = [sum(np.log(p[n, t, codes[n, t]]) for t in range(9)) for n in range(2)]
    np.testing.assert_allclose(net.log_prob(codes), log_prob, atol=1e-9)
