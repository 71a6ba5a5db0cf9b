"""The network of latents with random weights against plain NumPy."""

import numpy as np
import pytest

from minigen.diffusion.latent import LatentNet
from tests import plain
from tests.diffusion.plain_unet import adaptive_residual_block, attention_block, global_mlp, global_mlp_of

WIDTH, HEADS = 16, 4


def cross_attention_block(x, block, context):
    """x + attention from its positions to the words."""
    n, height, width, c = x.shape
    tokens = plain.group_norm(x, block.norm, 8).reshape(n, height * width, c)
    key, value = plain.linear(context, block.key), plain.linear(context, block.value)
    seen = plain.attention(plain.linear(tokens, block.query), key, value, HEADS)
    return x + plain.linear(seen, block.out).reshape(x.shape)


@pytest.mark.parametrize("blocks", [1, 2])
def test_cross_attention_comes_before_and_after_the_middle(blocks):
    """Row 0 of the embedding is "no word", row k + 1 is word k; a short caption is extended with "no word"."""
    rng = np.random.default_rng(0)
    net = plain.random_weights(LatentNet(rng, 6, 3, 5, (3, 4), WIDTH, blocks, 20, 7), rng)
    assert len(net.before) == len(net.behind) == blocks
    z, t, y = rng.standard_normal((2, 3, 4, 5)), np.array([4, 600]), np.array([[5, 0], [2, -1]])
    time = plain.silu(plain.time_embedding(t, net.time, WIDTH))
    context = net.context.table[[[6, 1, 0], [3, 0, 0]]]
    h = plain.conv2d(z, net.conv_in, padding=1)
    for block in net.before:
        h = adaptive_residual_block(h, block, time)
    h = attention_block(cross_attention_block(h, net.ask_before, context), net.attention)
    h = cross_attention_block(global_mlp(h, global_mlp_of(net), time), net.ask_behind, context)
    for block in net.behind:
        h = adaptive_residual_block(h, block, time)
    expected = plain.conv2d(plain.silu(plain.group_norm(h, net.norm, 8)), net.conv_out, padding=1)
    np.testing.assert_allclose(net(z, t, y), expected, atol=1e-6)
