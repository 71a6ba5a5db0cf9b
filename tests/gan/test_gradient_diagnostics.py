"""The generator's gradient through a frozen discriminator: against the chain rule, finite differences and a formula."""

import autograd.numpy as anp
import numpy as np
import pytest

from minigen.gan.gradient_diagnostics import generator_gradient, generator_gradient_norm, signal_and_noise
from minigen.gan.losses import generator_loss_minimax, generator_loss_nonsaturating
from minigen.gan.networks import Discriminator, Generator
from minigen.nn import Linear
from minigen.tensor import leaves, tree_map


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def game(rng):
    """A generator and a discriminator in float64, and latents."""
    G, D = Generator(rng, 3, 2, width=5, depth=1), Discriminator(rng, 2, width=6, depth=1, activation="tanh")
    return *(tree_map(lambda p: p.astype(float), m) for m in (G, D)), rng.standard_normal((7, 3))


def linear_pair(w, b, slope):
    """G(z) = w z + b and D's logit = slope · x, in one dimension."""
    G, D = Linear(np.random.default_rng(0), 1, 1), Linear(np.random.default_rng(0), 1, 1)
    G.w[...], G.b[...], D.w[...] = w, b, slope
    return G, lambda x: D(x)[:, 0]


def test_by_hand():
    """The logit is 4 (w z + b): its derivatives at z = 3/4 are 3 in w and 4 in b."""
    G, D = linear_pair(2.0, 0.5, 4.0)
    z = np.array([[0.75]], np.float32)
    np.testing.assert_array_equal(generator_gradient(G, D, z, anp.mean), [3, 4])
    assert generator_gradient_norm(G, D, z, anp.mean) == 5


@pytest.mark.parametrize("loss", [generator_loss_minimax, generator_loss_nonsaturating])
def test_against_finite_differences(game, loss):
    G, D, z = game
    expected, h = [], 1e-6
    for p in leaves(G):
        for index in np.ndindex(p.shape):
            kept, values = p[index], []
            for step in (h, -h):
                p[index] = kept + step
                values.append(loss(D(G(z))))
            p[index] = kept
            expected.append((values[0] - values[1]) / (2 * h))
    gradient = generator_gradient(G, D, z, loss)
    np.testing.assert_allclose(gradient, expected, atol=1e-9)
    np.testing.assert_allclose(generator_gradient_norm(G, D, z, loss), np.linalg.norm(expected), rtol=1e-7)


def test_it_dies_with_a_sure_discriminator_and_the_other_does_not(game):
    """With logits moved down by 40, −σ(l) is e^-40 times smaller, while σ(−l) is 1: the gradient is that of the
    logits."""
    G, D, z = game

    def sure(x):
        return D(x) - 40

    faint = generator_gradient(G, sure, z, generator_loss_minimax)
    weights = np.exp(D(G(z)) - 40)
    expected = (
        sum(w * generator_gradient(G, D, z[i : i + 1], lambda l: -anp.mean(l)) for i, w in enumerate(weights)) / 7
    )
    np.testing.assert_allclose(faint, expected, rtol=1e-9)
    assert 0 < np.linalg.norm(faint) < 1e-15
    plain = generator_gradient(G, D, z, lambda l: -anp.mean(l))
    np.testing.assert_allclose(generator_gradient(G, sure, z, generator_loss_nonsaturating), plain, rtol=1e-9)


def test_nothing_is_changed_and_float32_stays(rng):
    G, D = Generator(rng, 2, 2, width=8), Discriminator(rng, 2, width=8)
    before = [p.copy() for p in [*leaves(G), *leaves(D)]]
    z = G.latent(rng, 5)
    gradient = generator_gradient(G, D, z, generator_loss_minimax)
    assert gradient.dtype == np.float32 and gradient.shape == (G.num_parameters(),)
    for old, new in zip(before, [*leaves(G), *leaves(D)]):
        np.testing.assert_array_equal(old, new)
    tiny = generator_gradient_norm(G, lambda x: np.float32(1e-25) * D(x), z, anp.mean)  # squares of 1e-50
    assert tiny == pytest.approx(1e-25 * generator_gradient_norm(G, D, z, anp.mean), rel=1e-5)


def test_signal_and_noise_by_hand_and_in_the_mean(rng):
    assert signal_and_noise(np.array([[3.0, 1.0], [3.0, 7.0]])) == (5.0, np.sqrt(18.0))  # mean (3, 4), gaps of 3
    truth, n = np.array([1.0, -2.0, 2.0]), 20_000
    signal, noise = signal_and_noise(truth + 0.5 * rng.standard_normal((n, 3)))
    assert abs(signal - 3) < 5 * 0.5 / np.sqrt(n)
    assert abs(noise**2 - 0.75) < 5 * 0.25 * np.sqrt(3 * 2 / n)


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda G, D: signal_and_noise(np.ones((1, 4))),
            r"gradients must have shape \(K, P\) with K ≥ 2, got \(1, 4\)",
        ),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call(*linear_pair(1.0, 0.0, 1.0))
