"""ControlNet with random weights, those of its zero convolutions too, against plain NumPy."""

import numpy as np

from minigen.diffusion.networks.controlnet import ControlNet
from minigen.diffusion.networks.unet import UNet
from tests import plain
from tests.diffusion.plain_unet import adaptive_residual_block, decode, encode

WIDTH = 16
TIMES = np.array([3, 500])


def test_the_control_enters_the_copy_and_leaves_it_at_two_places():
    """The hint is added after the copy's first convolution; the copy's two outputs are added to the frozen ones."""
    rng = np.random.default_rng(0)
    net = ControlNet(rng, plain.random_weights(UNet(rng, 1, WIDTH, 1, False, 24, (8, 12), 3), rng), 2)
    net.frozen.freeze(False)
    net = plain.random_weights(net, rng)  # the copy has weights of its own, as after training
    net.frozen.freeze()
    x, y, c = rng.standard_normal((2, 8, 12, 1)), np.array([2, -1]), rng.standard_normal((2, 8, 12, 2))

    def condition(unet):
        label = np.stack([unet.label.table[2], np.zeros(4 * WIDTH)])
        return plain.silu(plain.time_embedding(TIMES, unet.time, WIDTH) + label)

    block = adaptive_residual_block
    h, skip = encode(x, net.frozen, block, condition(net.frozen))
    hint = plain.silu(plain.conv2d(plain.space_to_depth(c), net.hint, padding=1))
    hint = plain.conv2d(hint, net.zero_in)
    more_h, more_skip = encode(x, net.trained, block, condition(net.trained), hint)
    h, skip = h + plain.conv2d(more_h, net.zero_low), skip + plain.conv2d(more_skip, net.zero_skip)
    expected = decode(h, skip, net.frozen, block, condition(net.frozen))
    np.testing.assert_allclose(net(x, TIMES, y, c), expected, atol=1e-6)
