"""Score matching against exact scores, expectations in closed form and finite differences."""

import autograd.numpy as anp
import numpy as np
import pytest

from minigen.data.mixture import GaussianMixture
from minigen.diffusion.score import (
    denoising_score_matching_loss,
    ncsn_sample,
    noise_scales,
    sliced_score_matching_loss,
)
from minigen.nn import MLP
from minigen.tensor import grad, value_and_grad


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_scales_fall_in_equal_ratios():
    np.testing.assert_allclose(noise_scales(8, 1, 4), [8, 4, 2, 1])
    np.testing.assert_array_equal(noise_scales(3.0, 0.5, 1), [3.0])
    scales = noise_scales(1.0, 0.01, 10)
    assert scales.shape == (10,) and scales[0] == 1.0 and scales[-1] == 0.01
    np.testing.assert_allclose(scales[1:] / scales[:-1], 0.01 ** (1 / 9))


@pytest.mark.parametrize(
    "arguments", [(0, 1, 3), (1, 0, 3), (1, 2, 3), (1, 0.1, 0), (1, 0.1, 2.5), (float("nan"), 1, 2), ("1", 0.1, 2)]
)
def test_scales_refuse(arguments):
    with pytest.raises(ValueError, match="largest|smallest|levels"):
        noise_scales(*arguments)


# ------------------------------------------------------------------------------------------- denoising


def test_denoising_loss_by_hand():
    """x + σ ε = (4, −1) with σ = 2, ε = (1.5, 0.5): σ · (−0.5, 1) + ε = (0.5, 2.5), half of 6.5. The other: σ = 0.5."""
    x, eps = np.array([[1.0, -2.0], [3.0, 4.0]]), np.array([[1.5, 0.5], [-1.0, 2.0]])
    said = []

    def score_model(x, sigma):
        said.append((x, sigma))
        return np.array([[-0.5, 1.0], [2.0, 0.0]])

    loss = denoising_score_matching_loss(score_model, x, np.array([2.0, 0.5]), eps)
    assert loss == pytest.approx((6.5 / 2 + (0.0 + 4.0) / 2) / 2)
    np.testing.assert_array_equal(said[0][0], [[4.0, -1.0], [2.5, 5.0]])
    np.testing.assert_array_equal(said[0][1], [2.0, 0.5])


def test_the_level_is_told_to_each_example(rng):
    x, eps = rng.standard_normal((2, 4, 2, 2, 1), dtype=np.float32)

    def score_model(x, sigma):
        assert sigma.shape == (4,) and sigma.dtype == np.float32 and x.dtype == np.float32
        return -x

    one = denoising_score_matching_loss(score_model, x, 0.5, eps)
    many = denoising_score_matching_loss(score_model, x, np.full(4, 0.5), eps)
    assert one == many and one.dtype == np.float32


def test_the_exact_score_has_the_least_expected_loss(rng):
    """N(0, 1) with noise σ has the score −x/(1 + σ²); the expected loss is ½/(1 + σ²), and c is best at that slope."""
    sigma, n = 0.7, 400_000
    x, eps = rng.standard_normal((2, n, 1))
    best = 1 / (1 + sigma**2)

    def loss(c):
        return denoising_score_matching_loss(lambda x, s: -c * x, x, sigma, eps)

    assert abs(loss(best) - best / 2) < 5 * best / 2 * np.sqrt(2 / n)
    assert loss(best) < min(loss(best + 0.1), loss(best - 0.1))
    noise = sigma * np.abs(x * eps).std() / np.sqrt(n)
    assert abs(grad(loss)(np.array(best))) < 10 * noise


def check_gradient(loss, net):
    _, grads = value_and_grad(loss)(net)
    for name, w in net.parameters().items():
        index = tuple(0 for _ in w.shape)
        kept, h = w[index], 1e-6
        w[index] = kept + h
        above = loss(net)
        w[index] = kept - h
        below = loss(net)
        w[index] = kept
        assert grads.parameters()[name][index] == pytest.approx((above - below) / (2 * h), rel=1e-5, abs=1e-8), name


# ------------------------------------------------------------------------------------------- sliced


def test_sliced_loss_by_hand():
    """s(x) = A x with A = [[1, 2], [3, 4]]: vᵀAv = 1 − 4 − 6 + 16 = 7 at v = (1, −2), and A (1, 1) = (3, 7)."""
    A = np.array([[1.0, 2.0], [3.0, 4.0]])
    x, v = np.array([[1.0, 1.0]]), np.array([[1.0, -2.0]])

    def score(x):
        return anp.matmul(x, A.T)

    assert sliced_score_matching_loss(score, x, v) == pytest.approx(7 + (9 + 49) / 2)
    assert sliced_score_matching_loss(score, x, v, variance_reduced=False) == pytest.approx(7 + (3 - 14) ** 2 / 2)


def test_sliced_loss_is_half_the_squared_error_but_for_a_constant(rng):
    """Of two scores s and the true one: E loss = ½ E‖s − ∇log p‖² − ½ E‖∇log p‖², here on a mixture of Gaussians."""
    p = GaussianMixture([[-1.0, 0.0], [1.0, 0.5]], std=0.8)
    n = 100_000
    x = p.sample(rng, n).astype(float)
    v = rng.standard_normal((n, 2))
    true = p.score(x).astype(float)
    for variance_reduced in (True, False):
        for c in (0.5, 1.0):
            error = np.sum((-c * x - true) ** 2, axis=1) / 2 - np.sum(true**2, axis=1) / 2
            loss = sliced_score_matching_loss(lambda x, c=c: -c * x, x, v, variance_reduced)
            size = np.sum((c * x) ** 2, axis=1) if variance_reduced else np.sum(v * c * x, axis=1) ** 2
            spread = (-c * np.sum(v**2, axis=1) + size / 2 - error).std() / np.sqrt(n)
            assert abs(loss - error.mean()) < 5 * spread


@pytest.mark.parametrize("variance_reduced", [True, False])
def test_sliced_loss_has_a_gradient_in_the_score(rng, variance_reduced):
    net = MLP(rng, [2, 8, 8, 2], activation="silu").map(lambda a: a.astype(float))
    x, v = rng.standard_normal((2, 6, 2))
    check_gradient(lambda net: sliced_score_matching_loss(net, x, v, variance_reduced), net)


def test_losses_stay_in_float32(rng):
    net = MLP(rng, [2, 8, 2], activation="tanh")
    x, v = rng.standard_normal((2, 5, 2), dtype=np.float32)
    loss, grads = value_and_grad(lambda net: sliced_score_matching_loss(net, x, v))(net)
    assert loss.dtype == np.float32 and all(g.dtype == np.float32 for g in grads.parameters().values())


# ------------------------------------------------------------------------------------------- sampling


def test_sampling_follows_the_recursion_of_its_variance(rng):
    """N(0, 1) data: x ← (1 − α/2/(1 + σ²)) x + √α z has a variance that can be followed exactly, level by level."""
    sigmas, n = noise_scales(3.0, 0.1, 5), 200_000
    x = 3.0 * rng.standard_normal((n, 1))
    var = 9.0
    for sigma in sigmas:
        alpha = 0.3 * sigma**2
        for _ in range(4):
            var = (1 - alpha / 2 / (1 + sigma**2)) ** 2 * var + alpha
    drawn = ncsn_sample(lambda x, s: -x / (1 + s[:, None] ** 2), x, sigmas, rng, steps=4, step=0.3)
    assert abs(drawn.var() - var) < 5 * var * np.sqrt(2 / n)


@pytest.mark.slow
def test_the_exact_score_finds_both_modes(rng):
    p = GaussianMixture([[-4.0, 0.0], [4.0, 0.0]], std=0.5, weights=[0.8, 0.2])
    sigmas, n = noise_scales(8.0, 0.05, 12), 2000

    def score_model(x, sigma):
        return p.noised(1.0, float(sigma[0])).score(x).astype(x.dtype)

    x = ncsn_sample(score_model, 8 * rng.standard_normal((n, 2), dtype=np.float32), sigmas, rng, steps=60, step=0.2)
    right = x[:, 0] > 0
    assert x.dtype == np.float32 and abs(right.mean() - 0.2) < 0.05
    assert abs(x[right][:, 1].std() - 0.5) < 0.075 and abs(x[~right][:, 1].std() - 0.5) < 0.075


def test_levels_in_turn_and_the_same_for_the_same_generator():
    told, left = [], []

    def score_model(x, sigma):
        told.append(float(sigma[0]))
        return -x

    arguments = np.ones((2, 3)), [2.0, 0.5]
    one = ncsn_sample(score_model, *arguments, np.random.default_rng(1), 2, 0.1, lambda k, x: left.append(k))
    two = ncsn_sample(score_model, *arguments, np.random.default_rng(1), 2, 0.1)
    np.testing.assert_array_equal(one, two)
    assert told[:4] == [2.0, 2.0, 0.5, 0.5] and left == [2, 1, 0]
    np.testing.assert_array_equal(arguments[0], 1)


# ------------------------------------------------------------------------------------------- bad input

X = np.ones((3, 2))


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: denoising_score_matching_loss(lambda x, s: x, X, 0.0, X), "sigma"),
        (lambda: denoising_score_matching_loss(lambda x, s: x, X, np.ones(2), X), "sigma"),
        (lambda: denoising_score_matching_loss(lambda x, s: x, X, 1.0, X[:2]), "eps"),
        (lambda: denoising_score_matching_loss(lambda x, s: x, X * np.nan, 1.0, X), "x"),
        (lambda: denoising_score_matching_loss(lambda x, s: x[:, 0], X, 1.0, X), "score_model"),
        (lambda: denoising_score_matching_loss(3, X, 1.0, X), "score_model"),
        (lambda: sliced_score_matching_loss(3, X, X), "score"),
        (lambda: sliced_score_matching_loss(lambda x: x[:, 0], X, X), "score"),
        (lambda: sliced_score_matching_loss(lambda x: x, X, X[:, :1]), "v"),
        (lambda: sliced_score_matching_loss(lambda x: x, X[None], X[None]), "x"),
        (lambda: sliced_score_matching_loss(lambda x: x, X, X, "no"), "variance_reduced"),
        (lambda: ncsn_sample(lambda x, s: x, X, [1.0, 2.0], np.random.default_rng(0)), "sigmas"),
        (lambda: ncsn_sample(lambda x, s: x, X, [1.0, 0.0], np.random.default_rng(0)), "sigmas"),
        (lambda: ncsn_sample(lambda x, s: x, X, [], np.random.default_rng(0)), "sigmas"),
        (lambda: ncsn_sample(lambda x, s: x, X, [1.0], 0), "rng"),
        (lambda: ncsn_sample(3, X, [1.0], np.random.default_rng(0)), "score_model"),
        (lambda: ncsn_sample(lambda x, s: 1 / 0, X, [1.0], np.random.default_rng(0), on_step=3), "on_step"),
        (lambda: ncsn_sample(lambda x, s: x, X, [1.0], np.random.default_rng(0), steps=0), "steps"),
        (lambda: ncsn_sample(lambda x, s: x, X, [1.0], np.random.default_rng(0), step=-1), "step"),
    ],
)
def test_bad_input_is_named(call, name):
    with pytest.raises((ValueError, TypeError), match=rf"\b{name}\b"):
        call()
