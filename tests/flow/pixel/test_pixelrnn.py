"""PixelRNN: skewing, and the LSTM over the diagonals against loops over the pixels."""

import numpy as np
import pytest

from minigen.flow.pixel import PixelRNN, pixelrnn, skew, unskew
from minigen.tensor import grad, value_and_grad


def test_skew_by_hand():
    x = np.arange(1.0, 7).reshape(1, 3, 2, 1)
    np.testing.assert_array_equal(skew(x)[0, :, :, 0], [[1, 2, 0, 0], [0, 3, 4, 0], [0, 0, 5, 6]])


@pytest.mark.parametrize("shape", [(2, 3, 4, 2), (1, 5, 1, 3), (2, 1, 4, 1), (1, 4, 4, 1)])
def test_unskew_undoes_skew(shape):
    x = np.random.default_rng(0).standard_normal(shape)
    y = skew(x)
    assert y.shape == (shape[0], shape[1], shape[2] + shape[1] - 1, shape[3])
    np.testing.assert_array_equal(unskew(y), x)
    for i in range(shape[1]):
        np.testing.assert_array_equal(y[:, i, i : i + shape[2]], x[:, i])
        assert not y[:, i, :i].any() and not y[:, i, i + shape[2] :].any()
    weights = np.random.default_rng(1).standard_normal(y.shape)
    np.testing.assert_allclose(grad(lambda x: np.sum(skew(x) * weights))(x), unskew(weights))


def test_diagonal_lstm_starts_with_its_forget_gates_open(rng):
    """Of the biases of input, forget and output gate and of the content. Then a state lasts: σ(1) of it a step."""
    lstm = pixelrnn.DiagonalLSTM(rng, 2)
    np.testing.assert_array_equal(lstm.input_to_state.b, [0, 0, 1, 1, 0, 0, 0, 0])
    lstm.state_to_state[...], lstm.input_to_state.w[...] = 0, 0
    lstm.input_to_state.w[0, 6] = 1  # the first input is the first unit's content
    x = np.zeros((1, 1, 4, 2))
    x[0, 0, 0, 0] = 3.0
    open_gate = 1 / (1 + np.exp(-1))
    states = 0.5 * np.tanh(0.5 * np.tanh(3.0) * open_gate ** np.arange(4))
    np.testing.assert_allclose(lstm(x)[0, 0, :, 0], states, rtol=1e-6)


def test_diagonal_states_follow_from_left_and_above(rng, shaken):
    """Pixel by pixel: the gates get the pixel and both states, the cell state comes from the left. Eq. flow.19"""
    lstm = shaken(pixelrnn.DiagonalLSTM(rng, 3))
    x = rng.standard_normal((2, 4, 5, 3))
    h, c = np.zeros((2, 5, 6, 3)), np.zeros((2, 5, 6, 3))  # a border of zeros above and to the left
    for i, j in np.ndindex(4, 5):
        before = np.concatenate([h[:, i + 1, j], h[:, i, j + 1]], axis=1)  # left, above
        gates = x[:, i, j] @ lstm.input_to_state.w + lstm.input_to_state.b + before @ lstm.state_to_state
        s = 1 / (1 + np.exp(-gates[:, :9]))
        c[:, i + 1, j + 1] = s[:, 3:6] * c[:, i + 1, j] + s[:, :3] * np.tanh(gates[:, 9:])
        h[:, i + 1, j + 1] = s[:, 6:] * np.tanh(c[:, i + 1, j + 1])
    np.testing.assert_allclose(lstm(x), h[:, 1:, 1:], atol=1e-12)


@pytest.mark.parametrize("height, width", [(4, 5), (5, 2), (1, 3), (3, 1)])
def test_diagonal_scan_backpropagates_through_time(rng, shaken, height, width):
    """Its gradient by finite differences, in the pixels and in all parameters."""
    lstm, x = shaken(pixelrnn.DiagonalLSTM(rng, 3)), rng.standard_normal((2, height, width, 3))
    weights = rng.standard_normal(x.shape)
    arrays = [x, *lstm.parameters().values()]

    _, (of_lstm, of_x) = value_and_grad(lambda both: np.sum(both[0](both[1]) * weights))([lstm, x])
    for a, gradient in zip(arrays, [of_x, *of_lstm.parameters().values()], strict=True):
        d, step, kept = rng.standard_normal(a.shape), 1e-5, a.copy()
        a += step * d
        up = np.sum(lstm(x) * weights)
        a -= 2 * step * d
        down = np.sum(lstm(x) * weights)
        a[...] = kept
        assert np.vdot(gradient, d) == pytest.approx((up - down) / (2 * step), rel=1e-6, abs=1e-8)


def test_later_diagonal_layers_get_the_features_of_the_one_before(rng, monkeypatch):
    model, given, call = PixelRNN(rng, "diagonal", 4, 3), [], pixelrnn.DiagonalBiLSTM.__call__
    monkeypatch.setattr(
        pixelrnn.DiagonalBiLSTM,
        "__call__",
        lambda self, left, right: given.append((left, right)) or call(self, left, right),
    )
    model(np.ones((1, 3, 4, 1)))
    assert given[0][0] is not given[0][1] and given[1][0] is given[1][1] and given[2][0] is given[2][1]


ONE = np.ones((2, 3, 4, 1))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda rng: skew(ONE[0]), r"x must have shape \(N, H, W, C\), got \(3, 4, 1\)"),
        (lambda rng: unskew(ONE[:, :, :2]), "y must have at least as many columns as rows, got 3 rows and 2 columns"),
        (lambda rng: PixelRNN(np.random.Generator), "rng must be a numpy.random.Generator"),
        (lambda rng: PixelRNN(rng, position_bias=(3, 5))(ONE), r"x must have shape \(N, 3, 5, 1\)"),
        (lambda rng: PixelRNN(rng, kernel=4), "kernel must be odd, got 4"),
        (lambda rng: PixelRNN(rng, "column"), "kind must be one of 'diagonal', 'row', got 'column'"),
        (lambda rng: PixelRNN(rng, layers=0), "layers must be a whole number"),
    ],
)
def test_errors(rng, call, message):
    with pytest.raises(ValueError, match=message):
        call(rng)
