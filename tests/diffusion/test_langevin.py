"""Langevin dynamics fed with exact scores: its stationary law, its ladder of noise levels, the modes it finds."""

import numpy as np
import pytest

from minigen.data.mixture import GaussianMixture
from minigen.diffusion import langevin as L
from minigen.diffusion.exact import exact_eps_model
from minigen.diffusion.schedule import Schedule


def noise(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape)


def test_langevin_step_by_hand():
    """1 + 0.02/2 · (-3) + sqrt(0.02) · 2. Eq. diffusion.03"""
    one = np.ones((1, 1))
    assert L.langevin_step(one, -3 * one, 0.02, 2 * one).item() == pytest.approx(1 - 0.03 + 2 * np.sqrt(0.02))


def test_each_example_has_its_own_step():
    """As its own call does, in pictures too; float32 stays float32. Eq. diffusion.03"""
    steps = np.array([0.01, 0.5, 2.0])
    x, score, z = np.random.default_rng(0).standard_normal((3, 3, 4, 5, 2), dtype=np.float32)
    got = L.langevin_step(x, score, steps, z)
    assert got.dtype == np.float32
    for i in range(3):
        one = L.langevin_step(x[i : i + 1], score[i : i + 1], steps[i], z[i : i + 1])
        np.testing.assert_allclose(got[i : i + 1], one, rtol=1e-6)


def test_the_model_is_told_the_time_it_was_trained_with_and_the_steps_are_counted_down():
    """On a schedule of every tenth time, step 3 is the time 30; `on_step` gets the steps that are left."""
    schedule, told, left = Schedule.linear(100).subset(np.arange(10, 101, 10)), [], []

    def model(x, t):
        told.extend(t.tolist())
        return 0 * x

    L.langevin(model, X, 3, schedule, 4, 0.1, RNG, on_step=lambda k, x: left.append(k))
    assert told == [30] * 3 * 4 and left == [4, 3, 2, 1, 0]


def test_the_default_step_is_that_of_the_docstring():
    """A tenth of sigma^2: with it, one step without a score moves y by the noise times sqrt(0.1) sigma."""
    schedule, x = Schedule.linear(10, 0.02, 0.3), np.zeros((2000, 1))
    y = L.annealed_langevin(zero, x, schedule, np.random.default_rng(0), levels=1, steps=1)
    z = np.random.default_rng(0).standard_normal(x.shape)
    np.testing.assert_allclose(y, np.sqrt(0.1) * schedule.sigma[1] * z, rtol=1e-12)


def test_annealed_langevin_step_by_step():
    """Two steps of 0.2 σ² along −eps/σ at each of three levels, in y = x/√ᾱ, with the same noise. Eq. diffusion.17"""
    schedule, x, draws = Schedule.linear(10, 0.02, 0.3), noise(1, 5, 2), np.random.default_rng(3)
    y = x / np.sqrt(schedule.alpha_bar[10])
    for t in L.geometric_timesteps(schedule, 3)[::-1]:
        root, sigma = np.sqrt(schedule.alpha_bar[t]), schedule.sigma[t]
        for _ in range(2):
            score = -np.tanh(root * y + t) / sigma
            y = y + 0.1 * sigma**2 * score + np.sqrt(0.2) * sigma * draws.standard_normal(y.shape)

    def model(x, t):
        return np.tanh(x + t[:, None])

    got = L.annealed_langevin(model, x, schedule, np.random.default_rng(3), levels=3, steps=2, step=0.2)
    np.testing.assert_allclose(got, y)


def test_langevin_reaches_its_own_stationary_law():
    """On N(0, s²) a step multiplies by r = 1 - step/2s² and adds noise of variance `step`: the stationary variance is
    step/(1 - r²), a little above s². Eq. diffusion.03, Eq. diffusion.17"""
    schedule, t, step = Schedule.linear(50, 1e-3, 0.3), 10, 0.1
    s2 = schedule.alpha_bar[t] * 0.49 + 1 - schedule.alpha_bar[t]  # the variance of q(x_t)

    def f(x, t):
        return np.sqrt(1 - schedule.alpha_bar[t[0]]) / s2 * x

    want = step / (1 - (1 - step / (2 * s2)) ** 2)
    x = L.langevin(f, np.full((40_000, 1), 2.0), t, schedule, 150, step, np.random.default_rng(0))
    assert abs(x.mean()) < 5 * np.sqrt(want / 40_000)
    assert abs(x.var() - want) < 5 * want * np.sqrt(2 / 40_000)


@pytest.mark.slow
def test_annealed_langevin_finds_the_weights_that_langevin_misses():
    """Two modes 16 standard deviations apart, one with a fifth of the mass. Started between them, plain Langevin at low
    noise fills them alike; annealed, it comes near their weights. Song and Ermon 2019, section 3.2.2; Eq.
    diffusion.17"""
    far = GaussianMixture([[-2.0, 0.0], [2.0, 0.0]], std=0.25, weights=[0.2, 0.8])
    schedule, rng = Schedule.karras(200, 0.02, 10.0, 7.0), np.random.default_rng(0)
    f, x = exact_eps_model(far, schedule), noise(1, 2000, 2)
    plain = L.langevin(f, x, 1, schedule, 100, 0.01, rng)
    annealed = L.annealed_langevin(f, x, schedule, rng, levels=20, steps=50, step=0.2)
    error = 5 * np.sqrt(0.2 * 0.8 / 2000)
    assert abs((plain[:, 0] < 0).mean() - 0.5) < 5 * np.sqrt(0.25 / 2000)
    assert abs((annealed[:, 0] < 0).mean() - 0.2) < error + 0.02
    right = annealed[annealed[:, 0] > 0]
    np.testing.assert_allclose(right.std(axis=0), 0.25, atol=0.03)


# ------------------------------------------------------------------------------------------- the noise levels


@pytest.mark.parametrize(
    "schedule",
    [Schedule.linear(1000), Schedule.cosine(1000), Schedule.karras(200, 0.02, 10.0), Schedule.linear(50, 1e-3, 0.3)],
    ids=repr,
)
@pytest.mark.parametrize("levels", [2, 10, 20, 50])
def test_levels_fall_in_equal_ratios(schedule, levels):
    """Both ends are met, no step is taken twice, and each σ is the geometric one up to the grid of time steps."""
    chosen = L.geometric_timesteps(schedule, levels)
    assert chosen.shape == (levels,) and chosen[0] == 1 and chosen[-1] == schedule.T
    assert np.all(np.diff(chosen) >= 1)
    log_sigma = np.log(schedule.sigma[1:])
    wanted = np.linspace(log_sigma[0], log_sigma[-1], levels)
    if np.all(np.diff(chosen) > 1):  # then no level had to give way to another
        nearest = np.abs(log_sigma - wanted[:, None]).min(axis=1)
        np.testing.assert_allclose(np.abs(log_sigma[chosen - 1] - wanted), nearest, atol=1e-12)


def test_levels_of_a_geometric_schedule_by_hand():
    """σ = 1/8, 1/4, ..., 8: three levels are its ends and its middle; seven are all of it; one is the lowest."""
    schedule = Schedule.from_alpha_bar(1 / (1 + np.array([0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0]) ** 2))
    np.testing.assert_array_equal(L.geometric_timesteps(schedule, 3), [1, 4, 7])
    np.testing.assert_array_equal(L.geometric_timesteps(schedule, 4), [1, 3, 5, 7])
    np.testing.assert_array_equal(L.geometric_timesteps(schedule, 7), [1, 2, 3, 4, 5, 6, 7])
    np.testing.assert_array_equal(L.geometric_timesteps(schedule, 1), [1])


@pytest.mark.slow
def test_annealed_langevin_narrows_modes_to_their_width():
    """Two modes of standard deviation 0.30, started from noise: both come out within 15 % of it, with half of the
    samples each. Levels evenly spaced in t jump from σ = 0.38 to 0.01, where nothing narrows any more, and leave 0.48.
    Song and Ermon 2019, algorithm 1; Eq. diffusion.03, Eq. diffusion.17"""
    std, n = 0.3, 4000
    modes = GaussianMixture([[-1.5, 0.0], [1.5, 0.0]], std=std)
    schedule = Schedule.linear(1000)
    rng = np.random.default_rng(0)
    x = L.annealed_langevin(exact_eps_model(modes, schedule), noise(1, n, 2), schedule, rng)
    right = x[:, 0] > 0
    assert abs(right.mean() - 0.5) < 5 * 0.5 / np.sqrt(n) + 0.02
    for side in (x[right], x[~right]):
        np.testing.assert_allclose(side.std(axis=0), std, atol=0.15 * std)
        np.testing.assert_allclose(np.abs(side.mean(axis=0)), [1.5, 0], atol=0.05)


X, S10, RNG = np.zeros((3, 2)), Schedule.linear(10), np.random.default_rng(0)


def zero(x, t):
    return 0 * x


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: L.langevin(zero, X, 0, S10, 5, 0.1, RNG), "t must be in 1..10"),
        (lambda: L.annealed_langevin(zero, X, S10, RNG, levels=11), "levels must be a whole number in 1..10"),
        (lambda: L.langevin_step(X, X[:2], 0.1, X), "score must have the shape of x"),
        (lambda: L.langevin_step(X, X, 0.0, X), "step must be positive, got 0"),
        (lambda: L.langevin_step(X, X, np.array([0.1, -0.2, 0.1]), X), "step must be positive, got -0.2"),
        (lambda: L.langevin_step(X, X, np.full(2, 0.1), X), r"step must be one number or have shape \(3,\)"),
        (lambda: L.langevin_step(X, X, np.full((3, 1), 0.1), X), r"step must be one number or have shape \(3,\)"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
