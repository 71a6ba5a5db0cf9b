"""The diffusion transformer with random weights against plain NumPy, in its three ways to be conditioned."""

import numpy as np
import pytest

from minigen.diffusion.networks.dit import DiT
from tests import plain

DIM, HEADS, PATCH, CLASSES = 24, 3, 2, 5
HEIGHT, WIDTH, CHANNELS = 4, 6, 3  # 2 × 3 patches


def norm(x):
    return plain.standardized(x, -1, 1e-6)


def patches(x):
    """Row by row; in a patch by row, column and channel."""
    cut = [x[:, i : i + PATCH, j : j + PATCH] for i in range(0, HEIGHT, PATCH) for j in range(0, WIDTH, PATCH)]
    return np.stack([patch.reshape(len(x), -1) for patch in cut], axis=1)


def image(tokens):
    x = np.empty((len(tokens), HEIGHT, WIDTH, CHANNELS))
    places = [(i, j) for i in range(0, HEIGHT, PATCH) for j in range(0, WIDTH, PATCH)]
    for k, (i, j) in enumerate(places):
        x[:, i : i + PATCH, j : j + PATCH] = tokens[:, k].reshape(-1, PATCH, PATCH, CHANNELS)
    return x


def positions():
    """The column's sines and cosines, then the row's."""
    row, column = np.indices((HEIGHT // PATCH, WIDTH // PATCH)).reshape(2, -1)
    return np.concatenate([plain.sinusoidal(column, DIM // 2), plain.sinusoidal(row, DIM // 2)], axis=1)


def adaptive(x, net, c):
    """adaLN-Zero: shift, scale and gate of the attention, then of the MLP; shift and scale before the last layer."""
    c = plain.silu(c)[:, None]
    for block in net.blocks:
        shift1, scale1, gate1, shift2, scale2, gate2 = np.split(plain.linear(c, block.modulation), 6, axis=2)
        x = x + gate1 * plain.multi_head_attention(norm(x) * (1 + scale1) + shift1, block.attention, HEADS)
        x = x + gate2 * plain.mlp(norm(x) * (1 + scale2) + shift2, block.mlp.layers, plain.gelu)
    shift, scale = np.split(plain.linear(c, net.final.modulation), 2, axis=2)
    return plain.linear(norm(x) * (1 + scale) + shift, net.final.out)


def transformed(x, net, context):
    """The blocks of a plain transformer, with cross-attention between the two sublayers if there is a context."""
    for block in net.blocks:
        x = x + plain.multi_head_attention(plain.layer_norm(x, block.norm1, 1e-6), block.attention, HEADS)
        if context is not None:
            query = plain.layer_norm(x, block.norm_cross, 1e-6)
            x = x + plain.multi_head_attention(query, block.cross, HEADS, context)
        x = x + plain.mlp(plain.layer_norm(x, block.norm2, 1e-6), block.mlp.layers, plain.gelu)
    return x


@pytest.mark.parametrize("conditioning", ["adaln-zero", "in-context", "cross-attention"])
def test_the_whole_network(conditioning):
    rng = np.random.default_rng(0)
    fresh = DiT(rng, (HEIGHT, WIDTH), CHANNELS, PATCH, DIM, 2, HEADS, CLASSES, conditioning)
    net = plain.random_weights(fresh, rng)
    assert [block.mlp.layers[0].w.shape for block in net.blocks] == [(DIM, 4 * DIM)] * 2
    x, t, y = rng.standard_normal((3, HEIGHT, WIDTH, CHANNELS)), np.array([1, 30, 700]), np.array([4, -1, 0])
    tokens = plain.linear(patches(x), net.proj_in) + positions()
    time, label = plain.time_embedding(t, net.time, DIM), net.label.table[[4, 5, 0]]  # the last row is "no label"
    context = np.stack([time, label], axis=1)
    if conditioning == "adaln-zero":
        tokens = adaptive(tokens, net, time + label)
    elif conditioning == "in-context":
        tokens = transformed(np.concatenate([tokens, context], axis=1), net, None)[:, :-2]
    else:
        tokens = transformed(tokens, net, context)
    if conditioning != "adaln-zero":
        tokens = plain.linear(plain.layer_norm(tokens, net.norm, 1e-6), net.final)
    np.testing.assert_allclose(net(x, t, y), image(tokens), atol=1e-6)
    np.testing.assert_array_equal(net(x, t), net(x, t, np.full(3, -1)))
