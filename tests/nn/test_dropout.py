"""Dropout: its mean and its zeros, its draw, its gradients, and how a generator reaches it."""

import autograd.numpy as anp
import numpy as np
import pytest

from minigen.nn import Dropout, Linear, Sequential, dropout
from minigen.tensor import grad, value_and_grad


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.75])
def test_each_number_is_zero_or_scaled_at_its_rate(rate):
    """Five standard errors: the count of zeros is binomial."""
    n = 40_000
    y = dropout(np.full((n // 4, 4), 3, np.float32), rate, np.random.default_rng(0))
    zeros = np.sum(y == 0)
    assert abs(zeros - n * rate) <= 5 * np.sqrt(n * rate * (1 - rate))
    np.testing.assert_allclose(y[y != 0], 3 / (1 - rate), rtol=1e-6)
    assert y.dtype == np.float32
    if 0 < rate:  # each number is drawn for itself: rows, and columns, are zero together as often as chance has it
        together = np.mean((y[:, 0] == 0) & (y[:, 1] == 0))
        assert together == pytest.approx(rate**2, abs=5 * np.sqrt(rate**2 * (1 - rate**2) / len(y)))


def test_the_generator_decides_the_draw():
    x = np.ones((50, 20), np.float32)
    layer = Dropout(0.5)
    first, same = layer(x, np.random.default_rng(3)), layer(x, np.random.default_rng(3))
    np.testing.assert_array_equal(first, same)
    rng = np.random.default_rng(3)
    assert np.array_equal(layer(x, rng), first) and not np.array_equal(layer(x, rng), first)


def test_evaluation_mode_is_the_identity_and_needs_no_generator():
    x = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    layer, rng = Dropout(0.9), np.random.default_rng(0)
    with pytest.raises(ValueError, match="rng must be a numpy.random.Generator in training mode, got None"):
        layer(x)
    layer.eval()
    before = rng.bit_generator.state
    np.testing.assert_array_equal(layer(x), x)
    np.testing.assert_array_equal(layer(x, rng), x)
    assert rng.bit_generator.state == before
    with pytest.raises(ValueError, match="training mode"):
        layer.train()(x)


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, None, "half"])
def test_rates_that_are_none(rate):
    for make in (lambda: Dropout(rate), lambda: dropout(np.ones(3), rate, np.random.default_rng(0))):
        with pytest.raises(ValueError, match=r"rate must be a number in \[0, 1\)"):
            make()


@pytest.mark.parametrize("rng", [0, None, np.random, np.random.Generator])
def test_a_seed_is_no_generator(rng):
    with pytest.raises(ValueError, match="rng must be a numpy.random.Generator"):
        dropout(np.ones(3), 0.5, rng)


def test_the_gradient_is_that_of_the_units_that_were_kept():
    """dropout(x) = x ∘ m with m fixed by the draw: the gradient of Σ v y² is 2 v m² x, and that of its sum 2 v m²."""
    rng = np.random.default_rng(0)
    x, v = rng.standard_normal((4, 3)), rng.standard_normal((4, 3))
    mask = dropout(np.ones((4, 3)), 0.4, np.random.default_rng(7))
    assert 0 < np.sum(mask == 0) < 12

    def loss(x):
        return anp.sum(v * dropout(x, 0.4, np.random.default_rng(7)) ** 2)

    np.testing.assert_allclose(grad(loss)(x), 2 * v * mask**2 * x, rtol=1e-12)
    np.testing.assert_allclose(grad(lambda x: anp.sum(grad(loss)(x)))(x), 2 * v * mask**2, rtol=1e-12)


def test_a_sequential_hands_the_generator_on_to_what_draws():
    rng = np.random.default_rng(0)
    a, b = Linear(rng, 3, 40, "relu"), Linear(rng, 40, 2)
    x = rng.standard_normal((6, 3)).astype(np.float32)
    net = Sequential([Sequential(a, Dropout(0.5)), np.sign, b])
    expected = b(np.sign(dropout(a(x), 0.5, np.random.default_rng(1))))
    np.testing.assert_array_equal(net(x, np.random.default_rng(1)), expected)
    with pytest.raises(ValueError, match="rng must be"):
        net(x)
    np.testing.assert_array_equal(net.eval()(x), b(np.sign(a(x))))
    net.train()
    value, grads = value_and_grad(lambda m: anp.mean(m(x, np.random.default_rng(1)) ** 2))(net)
    assert value == pytest.approx(np.mean(expected**2)) and list(grads.parameters()) == list(net.parameters())
