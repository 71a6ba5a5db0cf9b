"""WaveNet: companding by hand, receptive fields by what changes, probabilities summed up, both ways to generate."""

import itertools
import math

import numpy as np
import pytest

from minigen.flow import wavenet
from minigen.flow.wavenet import (
    ResidualLayer,
    WaveNet,
    causal_step,
    gated_unit,
    mu_law,
    mu_law_decode,
    mu_law_encode,
    receptive_field,
)
from minigen.tensor import conv1d, grad, value_and_grad

# ------------------------------------------------------------------------------------------- formulas


def test_gated_unit_by_hand():
    """tanh(log 2) = 3/5 and σ(log 3) = 3/4. Eq. flow.20"""
    out = gated_unit(np.array([math.log(2), 0.0, -1000.0]), np.array([math.log(3), 5.0, 1000.0]))
    np.testing.assert_allclose(out, [0.45, 0, -1])
    slope = grad(lambda g: np.sum(gated_unit(np.array([math.log(2)]), g)))(np.array([math.log(3)]))
    np.testing.assert_allclose(slope, [0.6 * 0.75 * 0.25])


def test_mu_law_by_hand():
    """With mu = 3: |x| = 1/3 has 1 + mu |x| = 2, half of log 4 on the way; ±1 stay where they are."""
    np.testing.assert_allclose(mu_law(np.array([0, 1 / 3, -1 / 3, 1, -1]), 3), [0, 0.5, -0.5, 1, -1])
    x = np.linspace(-1, 1, 101)
    want = np.sign(x) * np.log(1 + 255 * np.abs(x)) / np.log(256)
    np.testing.assert_allclose(mu_law(x), want, atol=1e-15)


def test_derivative_of_mu_law():
    """mu/(1 + mu |x|)/log(1 + mu), at 0 too."""
    x = np.array([-0.7, -1e-9, 0.0, 0.3, 1.0])
    want = 255 / (1 + 255 * np.abs(x)) / np.log(256)
    np.testing.assert_allclose(grad(lambda x: np.sum(mu_law(x)))(x), want)


def test_codes_by_hand():
    """Four levels, mu = 3: 1/3 compands to 1/2, (1.5/2) · 3 + ½ = 2.75 gives code 2, which decodes to y = 1/3."""
    np.testing.assert_array_equal(mu_law_encode(np.array([-1.0, -1 / 3, 0.0, 1 / 3, 1.0]), 4), [0, 1, 2, 2, 3])
    np.testing.assert_allclose(mu_law_decode(np.array([0, 2, 3]), 4), [-1, (4 ** (1 / 3) - 1) / 3, 1])
    assert mu_law_encode(np.zeros((2, 3), np.float32)).dtype.kind == "i"
    assert mu_law_encode(np.zeros((2, 3))).shape == (2, 3)


@pytest.mark.parametrize("levels", [2, 3, 16, 256])
def test_codes_and_back(levels):
    codes = np.arange(levels)
    x = mu_law_decode(codes, levels)
    np.testing.assert_array_equal(mu_law_encode(x, levels), codes)
    assert np.all(np.diff(x) > 0) and x[0] == pytest.approx(-1) and x[-1] == pytest.approx(1)
    np.testing.assert_allclose(mu_law(x, levels - 1), 2 * codes / (levels - 1) - 1, atol=1e-12)
    wave = np.linspace(-1, 1, 2001)
    companded = mu_law(mu_law_decode(mu_law_encode(wave, levels), levels), levels - 1)
    assert np.abs(companded - mu_law(wave, levels - 1)).max() <= 1 / (levels - 1) + 1e-12  # half a step of the scale


def test_receptive_field_by_hand():
    assert receptive_field(2, (1, 2, 4, 8)) == 16
    assert receptive_field(3, (1, 2)) == 7
    assert receptive_field(1, (5, 9)) == receptive_field(4, ()) == 1


def test_causal_step_by_hand():
    """w = (1/2, 3) with dilation 2: the present 3.5 three times, half of the input two steps before, and b."""
    past = [np.array([[v]]) for v in (1.0, 2.0, 3.5)]
    y = causal_step(past, np.array([0.5, 3.0]).reshape(2, 1, 1), np.array([0.25]), 2)
    np.testing.assert_allclose(y, [[11.25]])


@pytest.mark.parametrize("kernel, dilation", [(1, 1), (2, 1), (2, 4), (3, 2)])
def test_causal_steps_are_the_convolution(rng, kernel, dilation):
    """At every step, with zeros before the first."""
    x, w, b = rng.standard_normal((2, 9, 3)), rng.standard_normal((kernel, 3, 5)), rng.standard_normal(5)
    before = [np.zeros((2, 3))] * ((kernel - 1) * dilation)
    inputs = before + [x[:, t] for t in range(9)]
    steps = [causal_step(inputs[t : t + len(before) + 1], w, b, dilation) for t in range(9)]
    np.testing.assert_allclose(np.stack(steps, axis=1), conv1d(x, w, b, dilation))


# ------------------------------------------------------------------------------------------- the network


def network(rng, shaken, levels=4, width=6, kernel=2, dilations=(1, 2, 4), size=0.5):
    return shaken(WaveNet(rng, levels, width, kernel, dilations), size)


def influence(model, length):
    """(length, length): whether the logits at t change with code s, over all its values, in any of ten sequences."""
    codes = np.random.default_rng(5).integers(0, model.levels, (10, length))
    seen, before = np.zeros((length, length), bool), model(codes)
    for s in range(length):
        for value in range(model.levels):
            other = codes.copy()
            other[:, s] = value
            seen[:, s] |= np.abs(model(other) - before).max(axis=(0, 2)) > 0
    return seen


@pytest.mark.parametrize("kernel, dilations", [(2, (1, 2, 4)), (3, (1, 3)), (2, (1, 1, 1)), (1, (1,)), (3, (2, 1))])
def test_logits_depend_on_exactly_the_receptive_field(rng, shaken, kernel, dilations):
    """Those at t on codes t − R ... t − 1, and on every one of them (unless the dilations leave gaps)."""
    R = receptive_field(kernel, dilations)
    t, s = np.indices((R + 6, R + 6))
    within = (s < t) & (s >= t - R)
    seen = influence(network(rng, shaken, kernel=kernel, dilations=dilations), R + 6)
    np.testing.assert_array_equal(seen, within)


def test_layer_against_plain_numpy(rng, shaken):
    """Filter and gate from the convolution, then a residual and a skip connection. Van den Oord et al. 2016, Fig. 4"""
    layer, x = shaken(ResidualLayer(rng, 3, 2, 2)), rng.standard_normal((1, 6, 3))
    out, skip = layer(x)
    for t in range(6):
        past = x[0, t - 2] if t >= 2 else np.zeros(3)
        h = past @ layer.conv.w[0] + x[0, t] @ layer.conv.w[1] + layer.conv.b
        h = np.tanh(h[:3]) / (1 + np.exp(-h[3:]))
        np.testing.assert_allclose(out[0, t], x[0, t] + h @ layer.residual.w + layer.residual.b)
        np.testing.assert_allclose(skip[0, t], h @ layer.skip.w + layer.skip.b)


def test_logits_against_plain_numpy(rng, shaken):
    """From the sum of all skips: ReLU, 1×1, ReLU, 1×1. Van den Oord et al. 2016, Fig. 4"""
    model, codes = network(rng, shaken), np.array([[2, 0, 3, 1]])
    x = np.concatenate([np.zeros((1, 1, 6)), model.embed.table[codes[:, :-1]]], axis=1)
    total = 0
    for layer in model.layers:
        x, skip = layer(x)
        total = total + skip
    hidden = np.maximum(total, 0) @ model.hidden.w + model.hidden.b
    np.testing.assert_allclose(model(codes), np.maximum(hidden, 0) @ model.out.w + model.out.b)
    assert total.min() < -0.1 and hidden.min() < -0.1, "a missing ReLU would be seen"


def test_probabilities_sum_to_one(rng, shaken):
    """All 3⁴ sequences of four codes."""
    model = network(rng, shaken, levels=3)
    everything = np.array(list(itertools.product(range(3), repeat=4)))
    p = np.exp(model.log_prob(everything))
    assert abs(p.sum() - 1) < 1e-12 and p.max() > 2 / 81
    codes = everything[[17]]
    logits = model(codes)[0]
    want = sum(row[c] - np.log(np.exp(row).sum()) for row, c in zip(logits, codes[0]))
    np.testing.assert_allclose(model.log_prob(codes), [want])


@pytest.mark.parametrize("cached", [True, False])
def test_generated_sequences_follow_their_probabilities(rng, shaken, cached):
    """The 27 frequencies of 20,000 sequences, at 5 standard errors."""
    model = network(rng, shaken, levels=3, dilations=(1, 2))
    everything = np.array(list(itertools.product(range(3), repeat=3)))
    p = np.exp(model.log_prob(everything))
    codes = model.generate(np.random.default_rng(0), 20_000, 3, cached)
    counts = np.bincount(codes @ [9, 3, 1], minlength=27)
    np.testing.assert_array_less(np.abs(counts / 20_000 - p), 5 * np.sqrt(p * (1 - p) / 20_000) + 1e-9)


@pytest.mark.parametrize("gated", [True, False])
@pytest.mark.parametrize("kernel, dilations", [(2, (1, 2, 4, 8)), (3, (1, 3)), (1, (1,)), (2, (4, 1))])
def test_both_ways_generate_the_same_codes(kernel, dilations, gated):
    """Bit for bit, in float32 networks too, beyond the receptive field and back to the zeros before the start."""
    for seed in range(3):
        model = WaveNet(np.random.default_rng(seed), 64, 16, kernel, dilations, gated)
        for a in model.parameters().values():
            a += (0.3 if gated else 0.1) * np.random.default_rng(seed).standard_normal(a.shape).astype(np.float32)
        fast = model.generate(np.random.default_rng(7), 5, 40, cached=True)
        slow = model.generate(np.random.default_rng(7), 5, 40, cached=False)
        assert fast.shape == (5, 40) and fast.dtype == np.int64 and 0 <= fast.min() < fast.max() < 64
        np.testing.assert_array_equal(fast, slow)
        assert np.any(fast[0] != fast[1])


def test_both_ways_compute_the_same_logits(rng, monkeypatch):
    """To the rounding of float64, so that a random number between the two is out of the question."""
    model, drawn, draw = WaveNet(rng, 64, 16), [], wavenet.draw_codes
    monkeypatch.setattr(wavenet, "draw_codes", lambda logits, rng: drawn.append(logits) or draw(logits, rng))
    for cached in (True, False):
        model.generate(np.random.default_rng(7), 3, 25, cached)
    assert len(drawn) == 50 and drawn[0].shape == (3, 64)
    np.testing.assert_allclose(drawn[:25], drawn[25:], atol=1e-13)


def test_a_cached_step_costs_the_same_however_far_it_sees(rng, monkeypatch):
    """It multiplies by each tap of each layer once a step: counted, not timed."""
    counts = []
    for dilations in ((1, 1, 1, 1), (1, 16, 64, 512)):
        model, calls = WaveNet(rng, 8, 4, 2, dilations), []
        step = ResidualLayer.step
        monkeypatch.setattr(ResidualLayer, "step", lambda self, x, past: calls.append(x.shape) or step(self, x, past))
        monkeypatch.setattr(WaveNet, "__call__", None)
        model.generate(rng, 2, 20)
        monkeypatch.undo()
        counts.append(calls)
    assert counts[0] == counts[1] == [(2, 4)] * 80


# ------------------------------------------------------------------------------------------- types and errors


def test_dtypes(rng):
    x = np.linspace(-1, 1, 5, dtype=np.float32)
    assert mu_law(x).dtype == gated_unit(x, x).dtype == gated_unit(x, x.astype(float)).dtype == np.float32
    assert mu_law(x.astype(float)).dtype == mu_law_decode(np.arange(3)).dtype == np.float64
    model, codes = WaveNet(rng, 4, 4, 2, (1,)), np.zeros((1, 3), int)
    assert model(codes).dtype == model.log_prob(codes).dtype == np.float32
    assert model.map(lambda a: a.astype(float))(codes).dtype == np.float64
    value, grads = value_and_grad(lambda f: -f.log_prob(codes).mean())(model)
    assert value.dtype == np.float32 and all(g.dtype == np.float32 for g in grads.parameters().values())


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda rng: gated_unit(np.ones(2), np.ones(3)), r"gate must have the shape of filter, \(2,\), got \(3,\)"),
        (lambda rng: mu_law(np.array([1.5])), r"x must be in \[-1, 1\], got values from 1.5 to 1.5"),
        (lambda rng: mu_law(np.array([np.nan])), "x must be finite"),
        (lambda rng: mu_law(np.zeros(1), 0), "mu must be a positive number"),
        (lambda rng: mu_law_encode(np.array([-1.01])), r"x must be in \[-1, 1\]"),
        (lambda rng: mu_law_encode(np.zeros(1), 1), "levels must be a whole number of at least 2"),
        (lambda rng: mu_law_decode(np.array([256])), "codes must be in 0..255, got values from 256 to 256"),
        (lambda rng: mu_law_decode(np.array([0.5])), "codes must be whole numbers"),
        (lambda rng: causal_step([np.ones((1, 1))], np.ones((2, 1, 1)), np.ones(1), 3), "past must have 4 inputs"),
        (lambda rng: receptive_field(0, (1,)), "kernel must be a whole number"),
        (lambda rng: receptive_field(2, (1, 0)), "dilations must be a whole number of at least 1, got 0"),
        (lambda rng: receptive_field(2, 4), "dilations must be a list"),
        (lambda rng: WaveNet(rng, 1), "levels must be a whole number of at least 2"),
        (lambda rng: WaveNet(rng, dilations=()), "dilations must name at least one layer"),
        (lambda rng: WaveNet(rng, gated="relu"), "gated must be"),
        (lambda rng: WaveNet(rng, 4)(np.zeros(3, int)), r"codes must have shape \(N, T\), got \(3,\)"),
        (
            lambda rng: WaveNet(rng, 4)(np.zeros((1, 0), int)),
            r"codes must have at least one time step, got shape \(1, 0",
        ),
        (lambda rng: WaveNet(rng, 4).log_prob(np.zeros((1, 0), int)), "codes must have at least one time step"),
        (lambda rng: WaveNet(rng, 4)(np.zeros((1, 3))), "codes must be whole numbers"),
        (lambda rng: WaveNet(rng, 4)(np.full((1, 3), 4)), "codes must be in 0..3"),
        (lambda rng: WaveNet(rng, 4).generate(rng, 0, 3), "n must be a whole number"),
        (lambda rng: WaveNet(rng, 4).generate(rng, 2, 0), "length must be a whole number"),
        (lambda rng: WaveNet(rng, 4).generate(0, 2, 3), "rng must be a numpy.random.Generator"),
    ],
)
def test_errors(rng, call, message):
    with pytest.raises(ValueError, match=message):
        call(rng)
