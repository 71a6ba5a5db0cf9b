"""Scalings by hand, ODE steps against exact paths of a Gaussian, losses at the exact consistency function."""

import math

import numpy as np
import pytest

from minigen.diffusion.consistency import (
    boundary_scalings,
    consistency_distillation_loss,
    consistency_training_loss,
    multistep,
    ode_step,
)
from minigen.tensor import grad, value_and_grad

S = 0.6  # the data's standard deviation: N(0, S²) in each dimension


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def column(sigma, x):
    return np.reshape(sigma, (-1,) + (1,) * (x.ndim - 1))


def exact_eps(x, sigma):
    """Of data N(0, S²): E[z | x] = σ x/(S² + σ²)."""
    sigma = column(sigma, x)
    return sigma * x / (S**2 + sigma**2)


def exact_f(x, sigma):
    """The beginning, at σ = 0, of the path through x: paths are x proportional to √(S² + σ²)."""
    return S * x / np.sqrt(S**2 + column(sigma, x) ** 2)


# ------------------------------------------------------------------------------------------- scalings


def test_scalings_by_hand():
    """σ = 3, σ_min = 1, σ_d = 4: 16/(4 + 16) and 2 · 4/5. Eq. diffusion.27"""
    assert boundary_scalings(3.0, 1.0, 4.0) == (pytest.approx(0.8), pytest.approx(1.6))
    skip, out = boundary_scalings(np.array([1.0, 3.0]), 1.0, 4.0)
    np.testing.assert_allclose(skip, [1, 0.8])
    np.testing.assert_allclose(out, [0, 1.6])


def test_scalings_by_default():
    """At 0.002 f is its input, exactly; at 80 the network's output alone, times σ_d."""
    skip, out = boundary_scalings(np.array([0.002, 80.0]))
    assert skip[0] == 1 and out[0] == 0
    np.testing.assert_allclose([skip[1], out[1]], [0, 0.5], atol=1e-4)
    assert out[1] == pytest.approx(79.998 * 0.5 / math.hypot(80, 0.5))


def test_scalings_keep_shape_and_dtype():
    skip, out = boundary_scalings(np.ones((3, 2), np.float32))
    assert skip.shape == out.shape == (3, 2) and skip.dtype == out.dtype == np.float32
    slope = grad(lambda s: boundary_scalings(s, 1.0, 4.0)[0].sum())(np.array([3.0]))
    np.testing.assert_allclose(slope, [-16 * 2 * 2 / 20**2])


# ------------------------------------------------------------------------------------------- a step of the ODE


def test_euler_and_heun_by_hand():
    """eps = x/σ from level 4 to level 3, x = 8: slopes 2 and 6/3; and eps = x + σ: 12 and (8 − 12) + 3."""
    x = np.full((1, 1), 8.0)
    assert ode_step(lambda x, s: x / column(s, x), x, 4, 3).item() == pytest.approx(6)
    assert ode_step(lambda x, s: x / column(s, x), x, 4, 3, "heun").item() == pytest.approx(6)
    assert ode_step(lambda x, s: x + column(s, x), x, 4, 3).item() == pytest.approx(-4)
    assert ode_step(lambda x, s: x + column(s, x), x, 4, 3, "heun").item() == pytest.approx(8 - (12 - 1) / 2)


@pytest.mark.parametrize("solver, order", [("euler", 2), ("heun", 3)])
def test_error_of_one_step(rng, solver, order):
    """Half the step: the error is 2^order times smaller. Upwards as well as downwards."""
    x = rng.standard_normal((4, 3))
    for sign in (-1, 1):
        errors = []
        for step in (0.05, 0.025):
            exact = x * math.sqrt((S**2 + (1 + sign * step) ** 2) / (S**2 + 1))
            errors.append(np.abs(ode_step(exact_eps, x, 1.0, 1 + sign * step, solver) - exact).max())
        assert errors[0] / errors[1] == pytest.approx(2**order, rel=0.1)


def test_levels_of_each_example(rng):
    x = rng.standard_normal((3, 2, 2, 1))
    high, low = np.array([1.0, 2.0, 0.5]), np.array([0.5, 2.5, 0.0])
    together = ode_step(exact_eps, x, high, low, "heun")
    for k in range(3):
        alone = ode_step(exact_eps, x[k : k + 1], high[k], low[k], "heun")
        np.testing.assert_allclose(together[k : k + 1], alone)


def test_models_are_told_a_level_for_each_example():
    told = []

    def model(x, sigma):
        told.append((sigma.shape, sigma.dtype, sigma.tolist()))
        return x

    x = np.ones((2, 3), np.float32)
    assert ode_step(model, x, 4, 3, "heun").dtype == np.float32
    consistency_training_loss(model, model, x, x, 2.0, np.array([1.0, 0.5]))
    assert all(shape == (2,) and dtype == np.float32 for shape, dtype, _ in told)
    assert [levels for *_, levels in told] == [[4, 4], [3, 3], [1, 0.5], [2, 2]]
    told.clear()
    multistep(model, x, [2.0, 1.0], np.random.default_rng(0))
    assert [levels for *_, levels in told] == [[2, 2], [1, 1]]


# ------------------------------------------------------------------------------------------- losses


def test_training_loss_by_hand():
    """z = 2, levels 3 and 1: for x = 1 f = 2 · 7, f_target = 10 + 3; for x = −1 2 · 5 and 10 + 1. Eq. diffusion.29"""
    x, z = np.array([[1.0, -1.0]]), np.array([[2.0, 2.0]])
    loss = consistency_training_loss(lambda x, s: 2 * x, lambda x, s: 10 + x, x, z, 3, 1)
    assert loss == pytest.approx(((14 - 13) ** 2 + (10 - 11) ** 2) / 2)


def test_distillation_loss_by_hand():
    """x + 3 z = 7, carried from 3 to 1 with slope x/7 · 2 = 2: to 3; f = 2 · 7, f_target = 3 + 10. Eq. diffusion.28"""
    x, z = np.array([[1.0]]), np.array([[2.0]])

    def slope(x, s):
        return 2 * x / 7

    args = (lambda x, s: 2 * x, lambda x, s: 10 + x, slope, x, z, 3, 1)
    assert consistency_distillation_loss(*args, solver="euler") == pytest.approx((14 - 13) ** 2)
    heun = 7 - 2 * (2 + 2 * 3 / 7) / 2
    assert consistency_distillation_loss(*args) == pytest.approx((14 - 10 - heun) ** 2)  # Heun unless told otherwise


def test_the_exact_function_has_no_distillation_loss(rng):
    """f and f_target exact, the teacher exact: only the solver's error is left, small and falling with the step."""
    x, z = S * rng.standard_normal((50, 2)), rng.standard_normal((50, 2))
    args = (exact_f, exact_f, exact_eps, x, z)
    losses = [consistency_distillation_loss(*args, 1.0, low) for low in (0.9, 0.95)]
    assert losses[0] < 1e-8 and losses[0] / losses[1] == pytest.approx(64, rel=0.3)
    wrong = consistency_distillation_loss(lambda x, s: x, lambda x, s: x, exact_eps, x, z, 1.0, 0.9)
    assert wrong > 1e-4


def test_training_and_distillation_agree_in_the_mean():
    """For f linear in x both losses have the same mean gradient with Euler's step: at 5 standard errors of 40 batches.

    Consistency training needs no teacher, since E[z | x + σ z] is the teacher. Song et al. 2023, theorem 2.
    """
    rng, a, high, low = np.random.default_rng(2), np.array([0.7, 0.2]), 1.0, 0.3

    def model(a):
        return lambda x, sigma: a[0] * exact_f(x, sigma) + a[1] * x

    rows = []
    for _ in range(40):
        x, z = S * rng.standard_normal((5_000, 1)), rng.standard_normal((5_000, 1))
        both = (x, z, high, low)
        training = grad(lambda a: consistency_training_loss(model(a), model(a), *both))(a)
        distillation = grad(
            lambda a: consistency_distillation_loss(model(a), model(a), exact_eps, *both, solver="euler")
        )(a)
        rows.append([training, distillation])
    training, distillation = np.moveaxis(np.array(rows), 1, 0)  # (40, 2) each
    error = 5 * (training - distillation).std(axis=0) / math.sqrt(40)
    np.testing.assert_array_less(np.abs((training - distillation).mean(axis=0)), error)
    np.testing.assert_array_less(10 * error, np.abs(distillation.mean(axis=0)))


def test_no_gradient_through_the_target(rng):
    """With f = w x for both: the derivative of (w high − w' low)² in w alone."""
    x, z = np.array([[1.0]]), np.array([[2.0]])

    def loss(w):
        return consistency_training_loss(lambda x, s: w * x, lambda x, s: w * x, x, z, 3, 1)

    value, slope = value_and_grad(loss)(np.array(0.5))
    assert value == pytest.approx((3.5 - 1.5) ** 2) and slope == pytest.approx(2 * (3.5 - 1.5) * 7)

    def distilled(w):
        return consistency_distillation_loss(
            lambda x, s: w * x, lambda x, s: w * x, lambda x, s: w * x, x, z, 3, 1, "euler"
        )

    value, slope = value_and_grad(distilled)(np.array(0.5))
    assert value == pytest.approx((3.5 - 0.5 * (7 - 2 * 3.5)) ** 2) and slope == pytest.approx(2 * 3.5 * 7)


# ------------------------------------------------------------------------------------------- sampling


def test_multistep_by_hand():
    """f = x/2, levels 3, 1 and the lowest: the noise of level 0.6 is √(1 − 0.36) = 0.8; at 0.6 there is none."""
    x, rng = np.array([[8.0]]), np.random.default_rng(1)
    z = np.random.default_rng(1).standard_normal((2, 1, 1))
    found = multistep(lambda x, s: x / 2, x, [3.0, 1.0, 0.6], rng, sigma_min=0.6)
    assert found.item() == pytest.approx((4 + 0.8 * z[0].item()) / 4)
    assert multistep(lambda x, s: x / 2, x, [3.0], rng).item() == 4
    assert x.item() == 8


def test_multistep_keeps_the_law_of_a_gaussian():
    """With the exact f the samples have the data's variance, after one step and after three, at 5 standard errors."""
    n, rng = 40_000, np.random.default_rng(3)
    x = math.sqrt(S**2 + 9) * rng.standard_normal((n, 1))
    for sigmas in ([3.0], [3.0, 1.0, 0.3]):
        found = multistep(exact_f, x, sigmas, np.random.default_rng(4), sigma_min=0.0)
        assert abs(found.var() - S**2) < 5 * S**2 * math.sqrt(2 / n)


def test_same_generator_same_samples():
    x = np.ones((2, 3), np.float32)
    one, two = (multistep(lambda x, s: x, x, [2.0, 1.0], np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert one.dtype == np.float32


X = np.ones((2, 3))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda rng: boundary_scalings(-1.0), "sigma must be nonnegative"),
        (lambda rng: boundary_scalings(np.array([np.nan])), "sigma must be finite"),
        (lambda rng: boundary_scalings(1.0, -0.1), "sigma_min must be a number"),
        (lambda rng: boundary_scalings(1.0, 0.002, 0), "sigma_data must be a positive number"),
        (lambda rng: ode_step(exact_eps, X, -1, 0), "high must be nonnegative"),
        (lambda rng: ode_step(exact_eps, X, 1, np.ones(3)), r"low must be one level or have shape \(2,\)"),
        (lambda rng: ode_step(exact_eps, X, 1, 0.5, "rk4"), "solver must be one of 'euler', 'heun'"),
        (lambda rng: ode_step(exact_eps, X.astype(int), 1, 0.5), "x must be an array of floats"),
        (lambda rng: ode_step(lambda x, s: x[:, :1], X, 1, 0.5), "eps_model must return the shape of x"),
        (lambda rng: ode_step(None, X, 1, 0.5), "eps_model must be a function"),
        (lambda rng: consistency_training_loss(exact_f, exact_f, X, X[:1], 1, 0.5), "z must have the shape of x"),
        (lambda rng: consistency_training_loss(exact_f, 3, X, X, 1, 0.5), "f_target must be a function"),
        (lambda rng: consistency_training_loss(lambda x, s: x[:1], exact_f, X, X, 1, 0.5), "f must return the shape"),
        (
            lambda rng: consistency_distillation_loss(exact_f, exact_f, exact_eps, X, X, 1, -0.5),
            "low must be nonnegative",
        ),
        (
            lambda rng: consistency_distillation_loss(exact_f, exact_f, exact_eps, X, X * np.inf, 1, 0.5),
            "z must be finite",
        ),
        (lambda rng: multistep(exact_f, X, [1.0, 2.0], rng), "sigmas must fall"),
        (lambda rng: multistep(exact_f, X, [1.0, 1.0], rng), "sigmas must fall"),
        (lambda rng: multistep(exact_f, X, [1.0, 0.001], rng), "sigmas must be at least 0.002"),
        (lambda rng: multistep(exact_f, X, [], rng), r"sigmas must have shape \(K,\), none of them 0"),
        (lambda rng: multistep(exact_f, X, [1.0], 0), "rng must be a numpy.random.Generator"),
    ],
)
def test_errors(rng, call, message):
    with pytest.raises(ValueError, match=message):
        call(rng)
