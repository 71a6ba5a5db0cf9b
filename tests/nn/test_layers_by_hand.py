"""Layers, time features and blocks that several networks share, against plain NumPy, with random weights."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from minigen.nn import (
    BatchNorm,
    CausalConv1d,
    Conv1d,
    Conv2d,
    ConvTranspose2d,
    GroupNorm,
    LayerNorm,
    Linear,
    MaskedConv2d,
    MaskedLinear,
    ResidualBlock,
    TimeEmbedding,
    TransformerBlock,
    sinusoidal,
)
from tests import plain


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_each_layer_uses_all_of_its_settings(rng):
    """Activations, strides, paddings, dilations, groups and epsilons that are not the usual ones."""
    x, image, mask = rng.standard_normal((2, 7, 6)), rng.standard_normal((2, 5, 6, 6)), rng.integers(0, 2, (6, 4))
    kernel = rng.integers(0, 2, (3, 3, 1, 1))

    def masked(layer, mask):
        return SimpleNamespace(w=layer.w * mask, b=layer.b)

    for layer, a, by_hand in [
        (Linear(rng, 6, 4, "relu"), x, lambda f: plain.relu(plain.linear(x, f))),
        (Linear(rng, 6, 4, bias=False), x, lambda f: x @ f.w),
        (MaskedLinear(rng, mask, "tanh"), x, lambda f: np.tanh(plain.linear(x, masked(f, mask)))),
        (Conv2d(rng, 6, 4, 3, 2, 1), image, lambda f: plain.conv2d(image, f, 2, 1)),
        (MaskedConv2d(rng, kernel, 6, 4, 2), image, lambda f: plain.conv2d(image, masked(f, kernel), 1, 2)),
        (ConvTranspose2d(rng, 6, 4, 3, 2, 1), image, lambda f: plain.conv_transpose2d(image, f, 2, 1)),
        (CausalConv1d(rng, 6, 4, 3, 2), x, lambda f: plain.causal_conv1d(x, f, 2)),
        (Conv1d(rng, 6, 4, 3, 2, 1), x, lambda f: plain.conv1d(x, f, 2, 1)),
        (Conv1d(rng, 6, 4, 3, padding="same", dilation=2), x, lambda f: plain.conv1d(x, f, 1, 2, 2)),
        (Conv1d(rng, 6, 4, 2, padding="causal", dilation=2), x, lambda f: plain.causal_conv1d(x, f, 2)),
        (LayerNorm(6, 0.3), x, lambda f: plain.layer_norm(x, f, 0.3)),
        (GroupNorm(3, 6, 0.3, "silu"), image, lambda f: plain.silu(plain.group_norm(image, f, 3, 0.3))),
        (BatchNorm(6, 0.3), image, lambda f: plain.batch_norm(image, f, 0.3)),
    ]:
        layer = plain.random_weights(layer, rng)
        np.testing.assert_allclose(layer(a), by_hand(layer), atol=1e-6, err_msg=type(layer).__name__)


def test_frequencies_fall_from_one_by_powers_of_the_longest_period():
    """Of dim 6: sines, then cosines, of t, t/10,000^(1/3) and t/10,000^(2/3), or with another period."""
    t = np.array([0, 1, 7, 500])
    for period, arguments in [(10_000, ()), (81, (81.0,))]:
        angles = [[time / period ** (k / 3) for k in range(3)] for time in t]
        want = [[f(angle) for f in (math.sin, math.cos) for angle in row] for row in angles]
        np.testing.assert_allclose(sinusoidal(t, 6, *arguments), want, atol=1e-6)


def test_time_embedding(rng):
    """SiLU between its two layers unless another activation is named, a period of 10,000 unless one is given."""
    t = np.array([1, 30, 900])
    layer = plain.random_weights(TimeEmbedding(rng, 6, 5), rng)
    np.testing.assert_allclose(layer(t), plain.mlp(plain.sinusoidal(t, 6), layer.body.layers, plain.silu), atol=1e-6)
    layer = plain.random_weights(TimeEmbedding(rng, 4, 5, "relu", 100.0), rng)
    features = np.stack([np.sin(t), np.sin(t / 10), np.cos(t), np.cos(t / 10)], axis=1)
    np.testing.assert_allclose(layer(t), plain.mlp(features, layer.body.layers, plain.relu), atol=1e-6)


@pytest.mark.parametrize("causal", [True, False])
def test_transformer_block(rng, causal):
    """Attention of several heads and an MLP with ReLU, each after a norm and added to its input."""
    block = plain.random_weights(TransformerBlock(rng, 12, 3), rng)
    assert block.mlp.layers[0].w.shape == (12, 48)
    x = rng.standard_normal((2, 5, 12))
    mask = np.tril(np.ones((2, 5, 5), bool)) if causal else None
    h = x + plain.multi_head_attention(plain.layer_norm(x, block.norm1), block.attention, 3, mask=mask)
    h = h + plain.mlp(plain.layer_norm(h, block.norm2), block.mlp.layers, plain.relu)
    np.testing.assert_allclose(block(x, causal), h, atol=1e-9)


@pytest.mark.parametrize("groups", [(None, None), (2, 3), (3, None)])
def test_residual_block(rng, groups):
    """Norm, activation, convolution, twice; a condition in between, and a 1 × 1 convolution where channels differ."""
    block = ResidualBlock(rng, 6, 9, kernels=(5, 3), groups=groups, activation="silu", dim_condition=4)
    block = plain.random_weights(block, rng)
    x, condition = rng.standard_normal((2, 4, 5, 6)), rng.standard_normal((2, 4))
    h = x if groups[0] is None else plain.group_norm(x, block.norm1, groups[0])
    h = plain.conv2d(plain.silu(h), block.conv1, padding=2) + plain.linear(condition, block.condition)[:, None, None]
    h = h if groups[1] is None else plain.group_norm(h, block.norm2, groups[1])
    h = plain.conv2d(plain.silu(h), block.conv2, padding=1)
    np.testing.assert_allclose(block(x, condition), h + plain.conv2d(x, block.skip), atol=1e-9)
