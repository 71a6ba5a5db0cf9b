"""Layers against hand computations and independent NumPy."""

import inspect
import warnings

import autograd.numpy as anp
import numpy as np
import pytest

from minigen import nn
from minigen.diffusion.consistency import ConsistencyModel
from minigen.diffusion.edm import karras_levels
from minigen.diffusion.flow_matching import TimeScaled
from minigen.diffusion.networks.mlp import EpsMLP
from minigen.nn import (
    MLP,
    BatchNorm,
    CausalConv1d,
    Conv2d,
    ConvTranspose2d,
    Embedding,
    GroupNorm,
    GRUCell,
    LayerNorm,
    LSTMCell,
    MaskedConv2d,
    MultiHeadAttention,
    TimeEmbedding,
    sinusoidal,
)
from minigen.nn.recurrent import lstm_step
from minigen.tensor import grad, jacobian, leaves, tree_map, value_and_grad


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_mlp_is_its_formula(rng):
    net = MLP(rng, [2, 4, 3], activation="tanh")
    x = rng.standard_normal((5, 2)).astype(np.float32)
    a, b = net.layers
    np.testing.assert_allclose(net(x), np.tanh(x @ a.w + a.b) @ b.w + b.b, rtol=1e-5, atol=1e-6)
    from minigen.tensor import tanh

    by_function = MLP(np.random.default_rng(0), [2, 4, 3], activation=tanh)
    np.testing.assert_array_equal(by_function(x), net(x))
    with pytest.raises(ValueError, match="sizes"):
        MLP(rng, [3])
    with pytest.raises(ValueError, match="activation"):
        MLP(rng, [3, 3, 3], activation="swoosh")(np.ones((1, 3), np.float32))


def test_initialization_keeps_the_scale_and_the_seed(rng):
    from minigen.nn import Linear

    w = Linear(rng, 400, 300).w
    assert np.abs(w).max() <= 1 / 20 and w.std() == pytest.approx(1 / 20 / 3**0.5, rel=0.02)
    a, b = Linear(np.random.default_rng(3), 4, 4), Linear(np.random.default_rng(3), 4, 4)
    assert np.array_equal(a.w, b.w)


@pytest.mark.parametrize("gain, factor", [("he", 6**0.5), ("lecun", 3**0.5), (1.0, 1), (2, 2), (0, 0)])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_a_gain_multiplies_the_hidden_weights_only(gain, factor, activation):
    plain, net = (MLP(np.random.default_rng(0), [3, 5, 4, 2], activation, **given) for given in ({}, {"gain": gain}))
    for before, after in zip(plain.layers, net.layers, strict=True):
        hidden = before is not plain.layers[-1]
        np.testing.assert_array_equal(after.w, before.w * factor if hidden else before.w)
        assert after.w.dtype == np.float32 and not after.b.any()
    last = MLP(np.random.default_rng(0), [3, 5, 4, 2], activation, gain=gain, last_scale=0.5).layers[-1]
    np.testing.assert_array_equal(last.w, 0.5 * plain.layers[-1].w)


@pytest.mark.parametrize("gain, activation, kept", [("he", "relu", 1), ("lecun", None, 1), (1.0, None, 1 / 3)])
def test_a_gain_keeps_the_size_of_the_signal(gain, activation, kept, rng):
    """The mean square behind ten layers of 256 units: that of the input times `kept` for each; five standard errors."""
    draws = []
    for _ in range(20):
        net = MLP(rng, [256] * 12, activation, gain=gain, last_scale=0)
        h = rng.standard_normal((4, 256)).astype(np.float32)
        for layer in net.layers[:-1]:
            h = layer(h)
        draws.append(np.log(np.mean(h**2)))
    error = np.std(draws) / np.sqrt(len(draws))
    assert abs(np.mean(draws) - 10 * np.log(kept)) < 5 * error + 0.1


def test_batch_norm_running_statistics(rng):
    layer = BatchNorm(3, momentum=0.25)
    x = rng.normal(2.0, 3.0, (64, 5, 3)).astype(np.float32)
    y, _ = value_and_grad(lambda m: anp.sum(m(x)))(layer)  # statistics must survive tracing
    flat = x.reshape(-1, 3)
    np.testing.assert_allclose(layer.running_mean, 0.25 * flat.mean(0), rtol=1e-4)
    np.testing.assert_allclose(layer.running_var, 0.75 + 0.25 * flat.var(0, ddof=1), rtol=1e-4)
    out = layer(x)
    np.testing.assert_allclose(out.reshape(-1, 3).mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(out.reshape(-1, 3).std(0), 1, rtol=1e-4)
    layer.eval()
    expected = (x - layer.running_mean) / np.sqrt(layer.running_var + 1e-5)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="more than one"):
        layer.train()(x[:1, 0])


def test_norm_layers_start_as_pure_normalization(rng):
    x = rng.normal(1.0, 2.0, (2, 4, 4, 6)).astype(np.float32)
    y = GroupNorm(3, 6)(x).reshape(2, 16, 3, 2)
    np.testing.assert_allclose(y.mean(axis=(1, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(y.std(axis=(1, 3)), 1, rtol=1e-4)
    np.testing.assert_allclose(LayerNorm(6)(x).mean(-1), 0, atol=1e-5)


def test_convolution_layers_have_the_stated_shapes(rng):
    x = np.ones((2, 8, 8, 3), np.float32)
    assert Conv2d(rng, 3, 5, 4, stride=2, padding=1)(x).shape == (2, 4, 4, 5)
    assert ConvTranspose2d(rng, 3, 5, 4, stride=2, padding=1)(x).shape == (2, 16, 16, 5)
    assert CausalConv1d(rng, 3, 5, 2, dilation=4)(x[0]).shape == (8, 8, 5)


def test_masked_convolution_does_not_see_what_is_masked(rng):
    mask = np.zeros((3, 3))
    mask[0, :], mask[1, 0] = 1, 1  # above, and left of, the center: PixelCNN's mask A
    layer = MaskedConv2d(rng, mask, 1, 1, padding=1)
    J = jacobian(lambda x: layer(x)[0, 2, 2, 0])(rng.standard_normal((1, 5, 5, 1)).astype(np.float32))[0, :, :, 0]
    seen = {(int(i), int(j)) for i, j in np.argwhere(J != 0)}
    assert seen == {(1, 1), (1, 2), (1, 3), (2, 1)}


def test_embedding_and_time_embedding(rng):
    table = Embedding(rng, 5, 3)
    np.testing.assert_array_equal(table(np.array([4, 0])), table.table[[4, 0]])
    features = sinusoidal(np.array([0, 3]), 4, max_period=100.0)
    np.testing.assert_allclose(features[0], [0, 0, 1, 1])
    np.testing.assert_allclose(features[1], [np.sin(3), np.sin(0.3), np.cos(3), np.cos(0.3)], rtol=1e-6)
    assert TimeEmbedding(rng, 8, 16)(np.array([1, 2, 3])).shape == (3, 16)
    with pytest.raises(ValueError, match="dim"):
        TimeEmbedding(rng, 7, 16)


def test_one_time_step_for_all_is_computed_once(monkeypatch):
    """As a sampler calls its network: the sines of 500 equal time steps are those of one."""
    embedding = nn.TimeEmbedding(np.random.default_rng(0), 8, 3)
    expected = embedding.body(sinusoidal(np.array([7, 30]), 8))
    computed, sin = [], np.sin
    monkeypatch.setattr(np, "sin", lambda angle: computed.append(angle.shape) or sin(angle))
    np.testing.assert_allclose(embedding(np.full(500, 7)), np.repeat(expected[:1], 500, axis=0), rtol=1e-5)
    np.testing.assert_allclose(embedding(np.array([7, 7, 30])), expected[[0, 0, 1]], rtol=1e-5)
    assert nn.time_features(np.full(2, 7), 8).flags.writeable
    assert computed == [(1, 4), (3, 4), (1, 4)]


UNIT_TIMES = np.array([0.1, 0.7, 0.4])


@pytest.mark.parametrize(
    "call",
    [
        lambda t: TimeEmbedding(np.random.default_rng(0), 8, 16)(t),
        lambda t: nn.time_features(t, 8),
        lambda t: EpsMLP(np.random.default_rng(0), width=4)(np.zeros((len(t), 2), np.float32), t),
    ],
)
def test_times_in_the_unit_interval_are_warned_of(call):
    for t in (UNIT_TIMES, np.array([0.0, 0.5, 1.0], np.float32)):
        with pytest.warns(UserWarning, match=r"time steps lie in \[0, 1\], .*: multiply the times by 1000, or wrap"):
            call(t)


def test_it_is_said_once():
    embedding = TimeEmbedding(np.random.default_rng(0), 8, 16)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            embedding(UNIT_TIMES)
    assert len(caught) == 1


@pytest.mark.filterwarnings("error")
def test_other_times_are_not_warned_of():
    """Integers, times beyond 1, a sampler's step, where all are equal, one example, and the package's own wrappers."""
    rng, x = np.random.default_rng(0), np.zeros((3, 2), np.float32)
    embedding, net = TimeEmbedding(rng, 8, 16), EpsMLP(rng, width=4)
    usual = [
        np.array(t)
        for t in ([0, 1, 1], [0.0, 1.0, 0.0], [1, 2, 3], [0.5, 0.2, 1.5], [-0.5, 0.1, 0.2], [0.3] * 3, [0.3])
    ]
    for t in usual:
        embedding(t)
    for t in UNIT_TIMES, np.zeros(3), np.full(3, 1e-4):
        TimeScaled(net)(x, t)
    sigmas = karras_levels(18, 0.002, 80.0)[:3]
    ConsistencyModel(net, sigma_min=0.002, sigma_data=0.5)(x, sigmas)


def test_lstm_step_by_hand():
    """Two units, gates of input, forget, output, content, worked by hand."""
    gates = np.array([[0.5, -1.0, 1.5, 0.2, -0.3, 2.0, 0.7, -0.4]])
    h, c = lstm_step(gates, np.array([[0.3, -2.0]]))
    # σ(0.5) = 0.622459, σ(1.5) = 0.817574, tanh(0.7) = 0.604368, σ(−0.3) = 0.425557; the second unit likewise
    np.testing.assert_allclose(c, [[0.621467, -1.201852]], atol=1e-6)
    np.testing.assert_allclose(h, [[0.234971, -0.734777]], atol=1e-6)


def test_lstm_step_at_its_ends(rng):
    """Closed and open gates of ±1000: the cell state is kept, written over, and shown, exactly."""
    shut, open_ = np.full((1, 1), -1000.0), np.full((1, 1), 1000.0)
    c = np.array([[0.7]])
    h, kept = lstm_step(np.concatenate([shut, open_, open_, open_], axis=1), c)
    assert kept[0, 0] == 0.7 and h[0, 0] == np.tanh(0.7)
    h, written = lstm_step(np.concatenate([open_, shut, shut, open_], axis=1), c)
    assert written[0, 0] == 1 and h[0, 0] == 0
    both = lstm_step(np.float32(50) * rng.standard_normal((3, 8), dtype=np.float32), np.ones((3, 2), np.float32))
    assert all(a.dtype == np.float32 and np.all(np.isfinite(a)) for a in both)


@pytest.mark.parametrize(
    "gates, c, message",
    [
        (np.ones((2, 8)), np.ones((2, 3)), r"gates must have shape \(2, 12\), got \(2, 8\)"),
        (np.ones((3, 8)), np.ones((2, 2)), r"gates must have shape \(2, 8\), got \(3, 8\)"),
        (np.ones((2, 8)), np.ones(2), r"c must have shape \(N, width\), got \(2,\)"),
        ("gates", np.ones((2, 2)), "gates must be an array of real numbers"),
    ],
)
def test_lstm_step_errors(gates, c, message):
    with pytest.raises(ValueError, match=message):
        lstm_step(gates, c)


def test_lstm_cell_is_its_equations(rng):
    """Eq. flow.19 without its convolutions, with a tanh for the candidate."""
    cell = LSTMCell(rng, 2, 3)
    x, h, c = (rng.standard_normal((4, n)).astype(np.float32) for n in (2, 3, 3))
    z = np.concatenate([x, h], 1) @ cell.w + cell.b
    i, f, o = (1 / (1 + np.exp(-z[:, k * 3 : k * 3 + 3])) for k in range(3))
    c_new = f * c + i * np.tanh(z[:, 9:])
    got_h, got_c = cell(x, (h, c))
    np.testing.assert_allclose(got_c, c_new, rtol=1e-5)
    np.testing.assert_allclose(got_h, o * np.tanh(c_new), rtol=1e-5)
    assert np.all(cell.b[3:6] == 1) and not np.any(cell.start(4)[0])


def test_gru_cell_is_its_equations_and_can_hold_its_state(rng):
    cell = GRUCell(rng, 2, 3)
    x, h = rng.standard_normal((4, 2)).astype(np.float32), rng.standard_normal((4, 3)).astype(np.float32)
    gx, gh = x @ cell.w + cell.b, h @ cell.u
    r, u = (1 / (1 + np.exp(-(gx + gh)[:, k * 3 : k * 3 + 3])) for k in range(2))
    n = np.tanh(gx[:, 6:] + r * gh[:, 6:])
    np.testing.assert_allclose(cell(x, h), (1 - u) * n + u * h, rtol=1e-5)
    cell.b[3:6] = 50  # update gate at one: nothing changes
    np.testing.assert_allclose(cell(x, h), h, rtol=1e-6)


def test_gru_gates_differentiate_twice(rng):
    """Through two steps of the cell: first derivatives by finite differences, second ones by those of the first."""
    cell = tree_map(lambda a: a.astype(np.float64) * 2 + 0.1, GRUCell(rng, 2, 3))
    x, h, weight = rng.standard_normal((4, 2)), rng.standard_normal((4, 3)), rng.standard_normal((4, 3))

    def loss(everything):
        cell, x, h = everything
        return (weight * cell(x, cell(x, h))).sum()

    def slope(everything):
        return sum((g**2).sum() for g in leaves(grad(loss)(everything)))

    everything, step = (cell, x, h), 1e-6
    for function in (loss, slope):
        for a, g in zip(leaves(everything), leaves(grad(function)(everything)), strict=True):
            for index in rng.choice(a.size, 4, replace=False):
                kept = a.flat[index]
                a.flat[index] = kept + step
                above = function(everything)
                a.flat[index] = kept - step
                below = function(everything)
                a.flat[index] = kept
                np.testing.assert_allclose(g.flat[index], (above - below) / (2 * step), rtol=1e-6, atol=1e-7)


def test_multi_head_attention_equals_a_loop_over_heads(rng):
    """Eq. diffusion.30"""
    layer = MultiHeadAttention(rng, 6, 2, dim_context=5)
    x, context = rng.standard_normal((2, 4, 6)).astype(np.float32), rng.standard_normal((2, 3, 5)).astype(np.float32)
    q = x @ layer.query.w + layer.query.b
    kv = context @ layer.key_value.w + layer.key_value.b
    heads = []
    for head in range(2):
        part = slice(3 * head, 3 * head + 3)
        scores = q[..., part] @ kv[..., :6][..., part].swapaxes(1, 2) / 3**0.5
        weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
        heads.append(weights @ kv[..., 6:][..., part])
    expected = np.concatenate(heads, -1) @ layer.out.w + layer.out.b
    np.testing.assert_allclose(layer(x, context), expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="heads"):
        MultiHeadAttention(rng, 6, 4)


def test_causal_attention_has_a_triangular_jacobian(rng):
    layer = MultiHeadAttention(rng, 4, 2)
    x = rng.standard_normal((1, 5, 4)).astype(np.float32)
    J = jacobian(lambda x: layer(x, causal=True))(x)[0, :, :, 0]  # (L, dim, L, dim)
    reach = np.abs(J).sum(axis=(1, 3)) > 0
    np.testing.assert_array_equal(reach, np.tril(np.ones((5, 5), bool)))


RNG = np.random.default_rng(0)
CONSTRUCTORS = {
    "Linear": lambda rng: nn.Linear(rng, 2, 3),
    "MLP": lambda rng: nn.MLP(rng, [2, 3, 1]),
    "MaskedLinear": lambda rng: nn.MaskedLinear(rng, np.ones((2, 3))),
    "Conv2d": lambda rng: nn.Conv2d(rng, 1, 2, 3),
    "MaskedConv2d": lambda rng: nn.MaskedConv2d(rng, np.ones((3, 3)), 1, 2),
    "ConvTranspose2d": lambda rng: nn.ConvTranspose2d(rng, 1, 2, 4, 2),
    "Conv1d": lambda rng: nn.Conv1d(rng, 1, 2, 2),
    "CausalConv1d": lambda rng: nn.CausalConv1d(rng, 1, 2, 2),
    "Embedding": lambda rng: nn.Embedding(rng, 3, 2),
    "TimeEmbedding": lambda rng: nn.TimeEmbedding(rng, 4, 8),
    "MultiHeadAttention": lambda rng: nn.MultiHeadAttention(rng, 4, 2),
    "TransformerBlock": lambda rng: nn.TransformerBlock(rng, 4, 2),
    "ResidualBlock": lambda rng: nn.ResidualBlock(rng, 2, 3),
    "SpectralNorm": lambda rng: nn.SpectralNorm(rng, nn.Linear(RNG, 2, 3)),
    "LSTMCell": lambda rng: nn.LSTMCell(rng, 2, 3),
    "GRUCell": lambda rng: nn.GRUCell(rng, 2, 3),
}


@pytest.mark.parametrize("name", CONSTRUCTORS)
@pytest.mark.parametrize("wrong", [0, None, np.random.Generator, np.random.RandomState(0), np.random])
def test_every_constructor_wants_a_generator(name, wrong):
    with pytest.raises(ValueError, match="rng must be a numpy.random.Generator"):
        CONSTRUCTORS[name](wrong)
    assert CONSTRUCTORS[name](RNG) is not None


def test_every_layer_with_weights_is_in_that_list():
    takes_rng = {
        name
        for name in nn.__all__
        if isinstance(getattr(nn, name), type) and "rng" in inspect.signature(getattr(nn, name).__init__).parameters
    }
    assert takes_rng == set(CONSTRUCTORS)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: nn.Linear(RNG, 2, 2, "swoosh"), "activation must be one of .* got 'swoosh'"),
        (lambda: nn.MLP(RNG, [2, 3, 1], np.tanh), "activation must be one of"),
        (
            lambda: nn.Conv1d(RNG, 2, 2, 3, padding="full"),
            "padding must be a whole number, 'same' or 'causal', got 'full'",
        ),
        (lambda: nn.Conv1d(RNG, 2, 2, 3, padding=-1), "padding must be a whole number of at least 0, got -1"),
        (lambda: nn.MLP(RNG, [2, 3, 1], gain="glorot"), "gain must be one of .* got 'glorot'"),
        (lambda: nn.MLP(RNG, [2, 3, 1], gain=-1), "gain must be a number .* got -1"),
        (lambda: nn.GroupNorm(3, 4), "groups must divide the number of channels 4, got 3"),
        (lambda: nn.TimeEmbedding(RNG, 7, 2), "dim must be even, got 7"),
        (lambda: sinusoidal(3, 4), r"t must have shape \(N,\), one time step for each example, got \(\)"),
        (lambda: sinusoidal(np.ones((3, 1)), 4), r"t must have shape \(N,\), .* got \(3, 1\)"),
    ],
)
def test_sizes_and_settings_are_checked_when_a_layer_is_made(make, message):
    with pytest.raises(ValueError, match=message):
        make()
