"""Scalings by hand, ODE steps against exact paths of a Gaussian, losses by hand and in the mean."""

import math

import numpy as np
import pytest

from minigen.diffusion.consistency import (
    ConsistencyModel,
    boundary_scalings,
    c_noise,
    consistency_distillation_loss,
    consistency_training_loss,
    discretization,
    eps_model_from_denoiser,
    lognormal_intervals,
    multistep,
    ode_step,
    pseudo_huber,
)
from minigen.diffusion.ddpm import predict_x0_from_v
from minigen.diffusion.networks.mlp import EpsMLP
from minigen.diffusion.schedule import Schedule
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


# ------------------------------------------------------------------------------------------- the model


def test_the_model_by_hand():
    """σ = 3, σ_min = 1, σ_d = 4: c_skip 0.8, c_out 1.6, c_in 1/5. F is 2 x and its time, 250 log 3."""
    f = ConsistencyModel(lambda x, t: 2 * x + t[:, None], sigma_min=1.0, sigma_data=4.0)
    found = f(np.array([[5.0], [-10.0]]), 3.0)
    np.testing.assert_allclose(found, [[4 + 1.6 * (2 + 250 * math.log(3))], [-8 + 1.6 * (-4 + 250 * math.log(3))]])


def test_the_boundary_holds_to_the_bit(rng):
    """At sigma_min the model returns its input whatever the network says, also in float32."""
    net = EpsMLP(rng, dim=3, width=8, layers=1)
    for array in net.parameters().values():
        array[...] = rng.standard_normal(array.shape)
    x = rng.standard_normal((5, 3)).astype(np.float32)
    f = ConsistencyModel(net, sigma_min=0.002, sigma_data=1.0)
    np.testing.assert_array_equal(f(x, 0.002), x)
    np.testing.assert_array_equal(f(x, np.full(5, 0.002, np.float32)), x)
    assert f(x, 0.002).dtype == np.float32 and np.abs(f(x, 3.0) - x).max() > 0.1


def test_the_model_tells_labels():
    told = []

    def net(x, t, y=None):
        told.append(y)
        return x

    f = ConsistencyModel(net)
    f(np.ones((2, 1)), 1.0)
    f(np.ones((2, 1)), 1.0, np.array([3, 4]))
    assert told[0] is None and told[1].tolist() == [3, 4]


def test_a_model_of_v_is_a_denoiser(rng):
    """On a schedule whose ᾱ is 1/(1 + σ²), the clean data of v is the model with F = −v, σ_d = 1 and σ_min = 0."""
    schedule = Schedule.cosine(6)

    def v_model(x, t):
        return np.tanh(x) + np.reshape(t, (-1, 1))

    t = np.array([1, 3, 4, 6])
    x, sigma = rng.standard_normal((4, 2)), schedule.sigma[t]  # x = x0 + σ z, as here
    f = ConsistencyModel(lambda x, told: -v_model(x, t), sigma_min=0.0, sigma_data=1.0)
    x_t = np.sqrt(schedule.alpha_bar[t])[:, None] * x
    np.testing.assert_allclose(f(x, sigma), predict_x0_from_v(x_t, t, v_model(x_t, t), schedule), rtol=1e-6)
    np.testing.assert_allclose(c_noise(sigma) / 250, np.log(sigma))
    assert np.isfinite(c_noise(0.0))


def test_noise_of_a_denoiser(rng):
    """E[x0 | x] of a Gaussian gives its exact noise, −σ times its score."""
    x, sigma = rng.standard_normal((4, 2)), np.array([0.1, 1.0, 3.0, 50.0])

    def denoiser(x, sigma):
        return S**2 / (S**2 + column(sigma, x) ** 2) * x

    np.testing.assert_allclose(eps_model_from_denoiser(denoiser)(x, sigma), exact_eps(x, sigma), atol=1e-12)
    told = []
    eps_model_from_denoiser(lambda x, s, y: told.append(y) or x)(x, sigma, np.arange(4))
    assert told[0].tolist() == [0, 1, 2, 3]


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


def test_pseudo_huber_by_hand():
    """Differences (3, 4) and 0 with c = 12: 13 − 12 and 0. Weights 6 and 1: their mean is 3."""
    a, b = np.array([[3.0, 5.0], [1.0, 1.0]]), np.array([[0.0, 1.0], [1.0, 1.0]])
    assert pseudo_huber(a, b, 12.0) == pytest.approx(0.5)
    assert pseudo_huber(a, b, 12.0, np.array([6.0, 1.0])) == pytest.approx(3.0)
    assert pseudo_huber(a, b, 12.0, 4.0) == pytest.approx(2.0)
    slope = grad(lambda a: pseudo_huber(a, b, 12.0))(a)
    np.testing.assert_allclose(slope, [[3 / 13 / 2, 4 / 13 / 2], [0, 0]])
    images = np.zeros((2, 2, 2, 1), np.float32)
    assert pseudo_huber(images, images + 100, 1e-6) == pytest.approx(200, rel=1e-5)  # a length: √(4 · 100²)
    assert pseudo_huber(images + 0.01, images, 10.0) == pytest.approx(4e-4 / 20, rel=1e-2)  # half the square over c
    assert pseudo_huber(images, images + 1).dtype == np.float32


def test_losses_by_another_distance(rng):
    """The distance gets f's output and the target, in this order, and says what the loss is."""
    x, z = np.array([[1.0, -1.0]]), np.array([[2.0, 2.0]])
    seen = []

    def distance(a, b):
        seen.append((a.tolist(), b.tolist()))
        return np.sum(np.abs(a - b))

    models = (lambda x, s: 2 * x, lambda x, s: 10 + x)
    assert consistency_training_loss(*models, x, z, 3, 1, distance) == pytest.approx(2)
    loss = consistency_distillation_loss(*models, lambda x, s: 0 * x + 1, x, z, 3, 1, "euler", distance)
    assert loss == pytest.approx(abs(14 - 15) + abs(10 - 13))
    assert seen == [([[14, 10]], [[13, 11]]), ([[14, 10]], [[15, 13]])]


# ------------------------------------------------------------------------------------------- levels


def test_discretization_by_hand():
    """From 10 to 80 are three doublings: four times 25 of 100 steps; what is left over stays at the last."""
    assert [discretization(k, 100, 10, 80) for k in (0, 24, 25, 49, 50, 75, 99)] == [10, 10, 20, 20, 40, 80, 80]
    assert [discretization(k, 102, 10, 80) for k in (24, 25, 100, 101)] == [10, 20, 80, 80]
    assert [discretization(k, 30, 10, 50) for k in (0, 10, 20, 29)] == [10, 20, 40, 40]  # 40 is below 50 < 80
    assert discretization(99, 100, 5, 5) == 5 and discretization(1, 2, 10, 1280) == 20


def test_shares_of_the_intervals():
    """Quartiles of the log-normal as levels: all shares equal, at 5 standard errors; also at their own extremes."""
    mean, std, n = 0.3, 0.7, 40_000
    quantiles = np.array([-8, -0.6744898, 0, 0.6744898, 8])  # of the standard normal
    found = lognormal_intervals(np.exp(mean + std * quantiles), np.random.default_rng(0), n, mean, std)
    shares = np.bincount(found, minlength=4) / n
    np.testing.assert_allclose(shares, 0.25, atol=5 * math.sqrt(0.25 * 0.75 / n))
    two = lognormal_intervals(np.exp([-1.1, 0.9, 2.9]), np.random.default_rng(1), n)  # mean −1.1, std 2: one σ each
    assert abs(two.mean() - 0.1359 / (0.3413 + 0.1359)) < 5 * math.sqrt(0.25 / n)
    again = lognormal_intervals(np.exp([-1.1, 0.9, 2.9]), np.random.default_rng(1), n)
    np.testing.assert_array_equal(two, again)


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
        (lambda rng: ConsistencyModel(3), "net must be a function"),
        (lambda rng: ConsistencyModel(exact_f, sigma_data=0), "sigma_data must be a positive number"),
        (lambda rng: ConsistencyModel(exact_f)(X, np.ones(3)), r"sigma must be one level or have shape \(2,\)"),
        (lambda rng: pseudo_huber(X, X[:1]), "b must have the shape of a"),
        (lambda rng: pseudo_huber(X, X, 0), "c must be a positive number"),
        (lambda rng: discretization(0, 10, 20, 10), "first must be"),
        (lambda rng: lognormal_intervals(np.array([1.0]), rng, 3), "sigmas must be at least two positive levels"),
        (lambda rng: lognormal_intervals(np.array([2.0, 1.0]), rng, 3), "sigmas must be at least two positive levels"),
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
