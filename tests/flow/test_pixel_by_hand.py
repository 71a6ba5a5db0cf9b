"""PixelCNN, plain, gated and of codes, and PixelRNN, with random weights against plain NumPy."""

from types import SimpleNamespace

import numpy as np
import pytest

from minigen.flow.pixel import CodePixelCNN, PixelCNN, PixelRNN
from tests import plain

WIDTH, H, W = 5, 4, 6


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def masked(conv, including):
    """The kernel of a masked convolution, zero from its middle on, or after its middle."""
    w = conv.w.copy()
    middle = len(w) // 2
    w[middle + 1 :] = 0
    w[middle, middle + including :] = 0
    return SimpleNamespace(w=w, b=conv.b)


def position_bias(net):
    """The one parameter that has a value for each position of an image."""
    (bias,) = [a for a in net.parameters().values() if a.ndim == 3]
    assert bias.shape[:2] == (H, W)
    return bias


def logits(features, net):
    return plain.linear(plain.relu(plain.linear(plain.relu(features), net.hidden)), net.out)


def gated(a):
    filter, gate = np.split(a, 2, axis=3)
    return np.tanh(filter) * plain.sigmoid(gate)


def gated_features(x, net, rows, columns, bias):
    """Both stacks: the first layer has a window of rows × columns above the pixel, the others one of 2 × 3."""
    v, h = plain.shift_down(x), plain.shift_right(x)
    for k, layer in enumerate(net.layers):
        above, side = (rows - 1, columns // 2) if k == 0 else (1, 1)
        a = plain.conv2d(v, layer.down, padding=((above, 0), (side, side))) + (bias if k == 0 else 0)
        across = plain.conv2d(h, layer.across, padding=((0, 0), (side, 0)))
        out = plain.linear(gated(across + plain.linear(a, layer.message)), layer.residual)
        v, h = gated(a), out if k == 0 else h + out
    return h


def test_a_stack_of_masked_convolutions(rng):
    """ReLU after each; the first, of kind A and 7 × 7, is not added to its input, the others, of kind B, are."""
    net = plain.random_weights(PixelCNN(rng, WIDTH, 3, False, (4, 7), (H, W)), rng)
    assert len(net.layers) == 3
    x = rng.integers(0, 2, (2, H, W, 1)).astype(float)
    h = plain.relu(plain.conv2d(x, masked(net.layers[0].conv, 0), padding=3) + position_bias(net))
    for layer in net.layers[1:]:
        h = h + plain.relu(plain.conv2d(h, masked(layer.conv, 1), padding=1))
    np.testing.assert_allclose(net(x), logits(h, net), atol=1e-9)


@pytest.mark.parametrize("window", [(4, 7), (2, 5)])
@pytest.mark.parametrize("places", [None, (H, W)])
def test_the_gated_stacks(rng, window, places):
    net = plain.random_weights(PixelCNN(rng, WIDTH, 3, True, window, places), rng)
    assert len(net.layers) == 3
    x = rng.integers(0, 2, (2, H, W, 1)).astype(float)
    bias = 0 if places is None else position_bias(net)
    np.testing.assert_allclose(net(x), logits(gated_features(x, net, *window, bias), net), atol=1e-9)


def test_codes_enter_as_rows_of_the_identity(rng):
    net = plain.random_weights(CodePixelCNN(rng, 7, WIDTH, 2, (3, 5)), rng)
    codes = rng.integers(0, 7, (2, H, W))
    x = np.zeros((2, H, W, 7))
    for n, i, j in np.ndindex(codes.shape):
        x[n, i, j, codes[n, i, j]] = 1
    expected = logits(gated_features(x, net, 3, 5, 0), net)
    np.testing.assert_allclose(net(codes), expected, atol=1e-9)
    p = plain.softmax(expected)
    log_prob = [sum(np.log(p[n, i, j, codes[n, i, j]]) for i in range(H) for j in range(W)) for n in range(2)]
    np.testing.assert_allclose(net.log_prob(codes), log_prob, atol=1e-9)


def lstm(gates, c):
    """Input, forget and output gate, then the content."""
    i, f, o, g = np.split(gates, 4, axis=-1)
    c = plain.sigmoid(f) * c + plain.sigmoid(i) * np.tanh(g)
    return plain.sigmoid(o) * np.tanh(c), c


def diagonal_lstm(x, layer):
    """Pixel by pixel: gates from the pixel and the states to its left and above it; the cell of the one to its left."""
    n, height, width, channels = x.shape
    h, c = np.zeros((2, n, height + 1, width + 1, channels))  # row and column 0 lie outside
    of_left, of_above = np.split(layer.state_to_state, 2)
    for i in range(height):
        for j in range(width):
            gates = plain.linear(x[:, i, j], layer.input_to_state)
            gates = gates + h[:, i + 1, j] @ of_left + h[:, i, j + 1] @ of_above
            h[:, i + 1, j + 1], c[:, i + 1, j + 1] = lstm(gates, c[:, i + 1, j])
    return h[:, 1:, 1:]


def test_diagonal_lstms_from_both_sides(rng):
    """The one from the right runs over the mirrored image; its states are shifted down by one row. Two layers."""
    net = plain.random_weights(PixelRNN(rng, "diagonal", WIDTH, 2, 5, (H, W)), rng)
    assert len(net.layers) == 2
    x = rng.integers(0, 2, (2, H, W, 1)).astype(float)
    h = plain.conv2d(x, masked(net.before, 0), padding=2) + position_bias(net)
    right = plain.conv2d(x, masked(net.including, 1), padding=2) + position_bias(net)
    for layer in net.layers:
        from_right = diagonal_lstm(right[:, :, ::-1], layer.from_right)[:, :, ::-1]
        h = h + plain.linear(diagonal_lstm(h, layer.from_left) + plain.shift_down(from_right), layer.out)
        right = h
    np.testing.assert_allclose(net(x), logits(h, net), atol=1e-9)


def test_the_row_lstm(rng):
    """Its input is the pixel and the states above it to the left and to the right; its own state is the one above."""
    net = plain.random_weights(PixelRNN(rng, "row", WIDTH, 2, 3), rng)
    assert len(net.layers) == 2
    x = rng.integers(0, 2, (2, H, W, 1)).astype(float)
    h = plain.conv2d(x, masked(net.before, 0), padding=1)
    for layer in net.layers:
        states, cells = np.zeros((2, 2, H + 1, W + 2, WIDTH))  # a row above, a column on either side
        for i in range(H):
            for j in range(W):
                left, above, right = (states[:, i, j + k] for k in range(3))
                inputs = np.concatenate([h[:, i, j], left, right, above], axis=1)
                new = lstm(plain.linear(inputs, layer.cell), cells[:, i, j + 1])
                states[:, i + 1, j + 1], cells[:, i + 1, j + 1] = new
        h = h + plain.linear(states[:, 1:, 1:-1], layer.out)
    np.testing.assert_allclose(net(x), logits(h, net), atol=1e-9)
