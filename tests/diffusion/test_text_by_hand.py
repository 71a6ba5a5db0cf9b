"""The two encoders of CLIP with random weights against plain NumPy."""

import numpy as np

from minigen.diffusion.text import ImageEncoder, TextEncoder
from tests import plain


def test_the_text_encoder():
    """Words and positions; blocks with a mask of the padding, not a causal one; the mean over the words."""
    rng = np.random.default_rng(0)
    net = plain.random_weights(TextEncoder(rng, 11, 5, 12, 2, 3, 6), rng)
    assert [block.mlp.layers[0].w.shape for block in net.blocks] == [(12, 48)] * 2
    tokens = np.array([[3, 10, 1, 0], [7, 0, 0, 0], [1, 2, 3, 4]])
    words = tokens > 0
    mask = np.repeat(words[:, None], 4, axis=1)  # (N, L, L): every word attends to the words of its text
    h = net.words.table[tokens] + net.places.table[:4]
    for block in net.blocks:
        h = h + plain.multi_head_attention(plain.layer_norm(h, block.norm1), block.attention, 3, mask=mask)
        h = h + plain.mlp(plain.layer_norm(h, block.norm2), block.mlp.layers, plain.relu)
    np.testing.assert_allclose(net.features(tokens), h, atol=1e-9)
    mean = np.stack([row[these].mean(axis=0) for row, these in zip(h, words)])
    np.testing.assert_allclose(net(tokens), plain.linear(mean, net.out), atol=1e-9)


def test_the_image_encoder():
    """SiLU after both convolutions and the hidden layer; pooling between the convolutions."""
    rng = np.random.default_rng(0)
    net = plain.random_weights(ImageEncoder(rng, 5, 3, 7), rng)
    x = rng.uniform(-1, 1, (2, 28, 28, 1))
    h = plain.max_pool2d(plain.silu(plain.conv2d(plain.space_to_depth(x), net.conv1, padding=2)))
    h = plain.silu(plain.conv2d(h, net.conv2, padding=1))
    h = plain.silu(plain.linear(h.reshape(2, -1), net.hidden))
    np.testing.assert_allclose(net(x), plain.linear(h, net.out), atol=1e-9)
