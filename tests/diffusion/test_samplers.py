"""Samplers fed with the exact model of the noise: what they then produce is known."""

import numpy as np
import pytest

from minigen import checks
from minigen.data.mixture import GaussianMixture
from minigen.diffusion import samplers as S
from minigen.diffusion.ddpm import ancestral, ancestral_step, eps_from_x0, mean_from_eps, q_posterior
from minigen.diffusion.exact import exact_eps_model
from minigen.diffusion.schedule import Schedule, per_example, spaced_timesteps

PAIR = GaussianMixture([[-0.9, 0.3], [1.2, -0.4]], std=[0.45, 0.35], weights=[0.25, 0.75])


def noise(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape)


def check_mixture(x, density, bias=0.0):
    """Share and, of each component, mean and spread, at 5 standard errors (plus a known bias of the sampler)."""
    truth, _ = density.sample_with_labels(np.random.default_rng(99), 400_000)
    mine, theirs = density.responsibilities(x.astype(np.float64)), density.responsibilities(truth.astype(np.float64))
    n = len(x)
    for k in range(len(density.weights)):
        a, b = mine[:, k], theirs[:, k]
        assert abs(a.mean() - b.mean()) < 5 * b.std() / np.sqrt(n) + bias
        for power in (1, 2):
            f, g = a[:, None] * x**power, b[:, None] * truth**power
            assert np.all(np.abs(f.mean(axis=0) - g.mean(axis=0)) < 5 * g.std(axis=0) / np.sqrt(n) + bias)


# ------------------------------------------------------------------------------------------- one step


def test_ddim_variance():
    """The β̃ of DDPM for a step of one, by its own formula; one time goes with several of the other. Eq. diffusion.25"""
    s = Schedule.linear(10, 0.02, 0.3)
    t = np.arange(2, 11)
    np.testing.assert_allclose(S.ddim_variance(s.alpha_bar[t - 1], s.alpha_bar[t], 1.0), s.posterior_variance[t])
    np.testing.assert_allclose(S.ddim_variance(0.8, 0.5, 0.5), 0.25 * 0.4 * 0.375)
    several = S.ddim_variance(s.alpha_bar[1], s.alpha_bar[t], 0.7)
    np.testing.assert_allclose(several, [S.ddim_variance(s.alpha_bar[1], s.alpha_bar[k], 0.7) for k in t])
    for before, now in [(0.5, 0.8), (1.1, 0.5), (0.5, 0.0), (np.array([0.9, 0.8]), np.array([0.5, 0.85]))]:
        with pytest.raises(ValueError, match="now must lie between 0 and before"):
            S.ddim_variance(before, now, 1.0)
    with pytest.raises(ValueError, match="before and now must have one shape"):
        S.ddim_variance(np.full(3, 0.9), np.full(2, 0.5), 1.0)


def test_ddim_takes_one_time_for_several_of_the_other():
    s, rng = Schedule.linear(10, 0.02, 0.3), np.random.default_rng(0)
    x, eps, z = rng.standard_normal((3, 4, 2))
    times = np.array([5, 6, 9, 10])
    for t, to in [(times, 2), (10, times - 4)]:
        each_t, each_s = np.broadcast_to(t, 4), np.broadcast_to(to, 4)
        for eta in (0.0, 0.6):
            want = S.ddim_step(x, each_t, each_s, eps, z, s, eta)
            np.testing.assert_allclose(S.ddim_step(x, t, to, eps, z, s, eta), want)


def test_ancestral_step_by_hand():
    """alpha_2 = 0.4, alpha_bar_2 = 0.36: (2 - 0.6/0.8 · 1)/sqrt(0.4) + sqrt(0.6) · (-2). Eq. diffusion.13"""
    s, one = Schedule([0.1, 0.6]), np.ones((1, 1))
    mean = (2 - 0.75) / np.sqrt(0.4)

    def step(t, variance="beta"):
        return ancestral_step(2 * one, t, one, -2 * one, s, variance).item()

    assert step(2) == pytest.approx(mean - 2 * np.sqrt(0.6))
    assert step(2, "posterior") == pytest.approx(mean - 2 * np.sqrt(0.1 / 0.64 * 0.6))
    assert step(2, np.array([[0.09]])) == pytest.approx(mean - 2 * 0.3)
    assert step(1) == pytest.approx((2 - 0.1 / np.sqrt(0.1)) / np.sqrt(0.9))  # no noise at the last step


def test_ddim_step_by_hand():
    """alpha_bar = 0.9, 0.36; x = 2, eps = 1: x0 = (2 - 0.8)/0.6 = 2, then noised again. Eq. diffusion.24"""
    s, one = Schedule([0.1, 0.6]), np.ones((1, 1))
    assert S.ddim_step(2 * one, 2, 0, one, None, s).item() == pytest.approx(2)
    assert S.ddim_step(2 * one, 2, 1, one, None, s).item() == pytest.approx(2 * np.sqrt(0.9) + np.sqrt(0.1))
    sigma2 = 0.25 * 0.1 / 0.64 * 0.6
    want = 2 * np.sqrt(0.9) + np.sqrt(0.1 - sigma2) - 2 * np.sqrt(sigma2)
    assert S.ddim_step(2 * one, 2, 1, one, -2 * one, s, eta=0.5).item() == pytest.approx(want)


@pytest.mark.parametrize("t, s", [(50, 49), (50, 20), (7, 1)])
def test_ddim_with_eta_one_is_the_posterior(t, s):
    """For a known x0, mean and variance of the jump t -> s are Bayes' for that pair. Eq. diffusion.25, Eq.
    diffusion.26"""
    full = Schedule.linear(50, 1e-3, 0.3)
    pair = full.subset([s, t])
    x0, x_t = noise(0, 4, 2), noise(1, 4, 2)
    eps = eps_from_x0(x_t, t, x0, full)
    mean, variance = q_posterior(x0, x_t, 2, pair)
    np.testing.assert_allclose(S.ddim_step(x_t, t, s, eps, np.zeros((4, 2)), full, 1.0), mean, atol=1e-10)
    z = np.ones((4, 2))
    np.testing.assert_allclose(S.ddim_step(x_t, t, s, eps, z, full, 1.0) - mean, np.sqrt(variance), atol=1e-10)


# ------------------------------------------------------------------------------------------- samplers on a mixture


@pytest.mark.slow
@pytest.mark.parametrize(
    "sampler, bias",
    [
        (lambda f, x, s, rng: ancestral(f, x, s, rng), 0.01),
        (lambda f, x, s, rng: ancestral(f, x, s, rng, "posterior"), 0.02),
        (lambda f, x, s, rng: S.strided(f, x, s, 200, rng), 0.02),
        (lambda f, x, s, rng: S.ddim(f, x, s, steps=200), 0.01),
        (lambda f, x, s, rng: S.ddim(f, x, s, steps=200, eta=0.5, rng=rng), 0.02),
        (lambda f, x, s, rng: S.heun(f, x, s, steps=40), 0.01),
    ],
    ids=["ancestral", "ancestral-posterior", "strided", "ddim", "ddim-eta", "heun"],
)
def test_exact_eps_gives_the_mixture_back(sampler, bias):
    """Eq. diffusion.04, Eq. diffusion.13, Eq. diffusion.24. `bias` is for the finite number of steps."""
    schedule = Schedule.linear(500, 2e-4, 0.04)
    x_T = noise(5, 3000, 2).astype(np.float32)
    kept = x_T.copy()
    x = sampler(exact_eps_model(PAIR, schedule), x_T, schedule, np.random.default_rng(6))
    assert x.dtype == np.float32 and x.shape == x_T.shape
    np.testing.assert_array_equal(x_T, kept)  # the start is left as it was
    check_mixture(x, PAIR, bias)


# ------------------------------------------------------------------------------------------- samplers on a line


def line_eps(schedule, mean, spread):
    """Exact eps for data N(mean, spread²): every sampler's map is then a straight line."""
    a = schedule.alpha_bar
    slope = np.sqrt(1 - a) / (a * spread**2 + 1 - a)
    return lambda x, t: per_example(slope[t], x - per_example(np.sqrt(a[t]), np.full_like(x, mean)))


def test_ancestral_moments_are_those_of_the_recursion():
    """Mean and variance of the chain, followed by hand through all steps. Eq. diffusion.04"""
    schedule, mean, spread = Schedule.linear(60, 1e-3, 0.25), 0.8, 0.5
    f = line_eps(schedule, mean, spread)
    m, variance = 0.0, 1.0
    for t in range(60, 0, -1):

        def at(v):
            return mean_from_eps(np.array([[v]]), t, f(np.array([[v]]), np.array([t])), schedule).item()

        slope = at(1.0) - at(0.0)
        m, variance = at(m), slope**2 * variance + (schedule.beta[t] if t > 1 else 0)
    x = ancestral(f, noise(0, 40_000, 1), schedule, np.random.default_rng(1))
    assert abs(x.mean() - m) < 5 * np.sqrt(variance / 40_000)
    assert abs(x.var() - variance) < 5 * variance * np.sqrt(2 / 40_000)


def test_order_of_the_deterministic_samplers():
    """The exact flow maps x_T to a line with a known slope. Doubling the steps halves DDIM's error and quarters
    Heun's."""
    schedule, spread = Schedule.karras(1281, 0.01, 40.0, 7.0), 0.5
    f = line_eps(schedule, 0.0, spread)
    one = np.ones((1, 1))
    exact = (
        spread / np.sqrt(spread**2 + 40.0**2) / np.sqrt(schedule.alpha_bar[-1])
    )  # of the spread q(x_T) to the data's

    def errors(sampler):
        return np.array(
            [abs(sampler(f, one, schedule.subset(np.arange(1, 1282, k))).item() - exact) for k in (64, 32, 16)]
        )

    euler, heun = errors(S.ddim), errors(S.heun)
    np.testing.assert_allclose(euler[:-1] / euler[1:], 2, atol=0.35)
    np.testing.assert_allclose(heun[:-1] / heun[1:], 4, atol=1.2)
    assert np.all(heun[:-1] < euler[1:] / 2)  # at equal cost: Heun's method asks the model twice a step


def test_ddim_runs_backwards_too():
    """With eta = 0 a step from t to s undoes a step from s to t when eps is the same: the map is invertible. Eq.
    diffusion.24"""
    schedule = Schedule.linear(50, 1e-3, 0.3)
    x, eps = noise(0, 5, 3), noise(1, 5, 3)
    there = S.ddim_step(x, 20, 31, eps, None, schedule)
    np.testing.assert_allclose(S.ddim_step(there, 31, 20, eps, None, schedule), x, atol=1e-10)


# ------------------------------------------------------------------------------------------- one sampler as another


def test_strided_with_all_steps_is_ancestral():
    schedule = Schedule.linear(30, 1e-3, 0.4)
    f, x = exact_eps_model(PAIR, schedule), noise(0, 50, 2)
    a = ancestral(f, x, schedule, np.random.default_rng(3))
    np.testing.assert_allclose(S.strided(f, x, schedule, 30, np.random.default_rng(3)), a, atol=1e-9)


@pytest.mark.parametrize("steps", [30, 7])
def test_ddim_with_eta_one_is_strided_ddpm(steps):
    """The same noise gives the same samples. Eq. diffusion.25, Eq. diffusion.26"""
    schedule = Schedule.linear(30, 1e-3, 0.4)
    f, x = exact_eps_model(PAIR, schedule), noise(0, 50, 2)
    a = S.strided(f, x, schedule, steps, np.random.default_rng(3), "posterior")
    b = S.ddim(f, x, schedule, steps, eta=1.0, rng=np.random.default_rng(3))
    np.testing.assert_allclose(a, b, atol=1e-9)


def test_learned_variance_at_its_ends():
    """v = 1 is "beta", v = 0 is "posterior". Eq. diffusion.19"""
    schedule = Schedule.linear(30, 1e-3, 0.4)
    f, x = exact_eps_model(PAIR, schedule), noise(0, 20, 2)
    for v, name in ((1.0, "beta"), (0.0, "posterior")):

        def pair(x, t):
            return (f(x, t), np.full_like(x, v))

        learned = ancestral(pair, x, schedule, np.random.default_rng(3), "learned")
        np.testing.assert_allclose(learned, ancestral(f, x, schedule, np.random.default_rng(3), name), atol=1e-9)


# ------------------------------------------------------------------------------------------- around them


def test_the_model_is_told_the_times_it_was_trained_with():
    seen = []

    def eps_model(x, t):
        seen.append(t)
        return 0 * x

    schedule = Schedule.linear(100)
    S.strided(eps_model, noise(0, 3, 2), schedule, 4, np.random.default_rng(0))
    assert all(t.shape == (3,) and t.dtype.kind == "i" and np.all(t == t[0]) for t in seen)
    assert [int(t[0]) for t in seen] == [100, 75, 50, 25]
    np.testing.assert_array_equal(spaced_timesteps(100, 4), [25, 50, 75, 100])
    seen.clear()
    S.heun(eps_model, noise(0, 3, 2), schedule, 4)
    assert [int(t[0]) for t in seen] == [100, 75, 75, 50, 50, 25, 25]


def test_trajectory():
    schedule = Schedule.linear(10, 0.01, 0.5)
    x = noise(0, 3, 2)
    path = S.Trajectory(every=5)
    end = ancestral(lambda x, t: 0 * x, x, schedule, np.random.default_rng(0), on_step=path)
    assert path.times == [10, 5, 0] and path.states.shape == (3, 3, 2)
    np.testing.assert_array_equal(path.states[0], x)
    np.testing.assert_array_equal(path.states[-1], end)
    some = S.Trajectory(times=[0, 9])
    S.ddim(lambda x, t: 0 * x, x, schedule, on_step=some)
    assert some.times == [9, 0]
    S.heun(lambda x, t: 0 * x, x, schedule, on_step=(every := S.Trajectory()))
    assert every.times == list(range(10, -1, -1))


def test_clipped_keeps_the_guess_within_bounds():
    schedule = Schedule.linear(10, 0.01, 0.5)
    x, t = 5 * noise(0, 6, 2), np.full(6, 7)
    eps = S.clipped(lambda x, t: 0 * x, schedule)(x, t)
    a = schedule.alpha_bar[7]
    x0 = (x - np.sqrt(1 - a) * eps) / np.sqrt(a)
    np.testing.assert_allclose(x0, np.clip(x / np.sqrt(a), -1, 1), atol=1e-12)
    eps, v = S.clipped(lambda x, t: (0 * x, x), schedule)(x, t)
    np.testing.assert_array_equal(v, x)
    inside = S.clipped(lambda x, t: 0 * x, schedule, -1e6, 1e6)(x, t)
    np.testing.assert_allclose(inside, 0, atol=1e-12)


def test_progress_is_silent_without_a_terminal(capsys):
    S.ddim(lambda x, t: 0 * x, noise(0, 3, 2), Schedule.linear(10), progress="sampling")
    assert capsys.readouterr().err == ""


def test_a_given_variance_goes_with_x():
    """One for each number, column or row, or one for all; float32 x stays float32. Eq. diffusion.04"""
    s, rng = Schedule.linear(10, 0.02, 0.3), np.random.default_rng(0)
    x, eps, z = rng.standard_normal((3, 4, 2), dtype=np.float32)
    mean, variance = mean_from_eps(x, 6, eps, s), rng.uniform(0.1, 2.0, (4, 2))
    for given in (variance, variance[:1], variance[:, :1], 0.25):
        got = ancestral_step(x, 6, eps, z, s, given)
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, mean + np.sqrt(given) * z, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(ancestral_step(x, 6, eps, z, s, 0 * variance), mean)


def test_a_trajectory_keeps_copies():
    """A sampler, or whoever is told after it, may go on to write into x."""
    path, x = S.Trajectory(), np.ones((2, 3))
    path(1, x)
    x[:] = 5
    path(0, x)
    np.testing.assert_array_equal(path.states, [np.ones((2, 3)), np.full((2, 3), 5)])


def test_a_model_in_float64_leaves_float32_as_it_is():
    """What it returns is taken in the dtype of x, its variance too. Eq. diffusion.19"""
    s, x, rng = Schedule.linear(10, 0.02, 0.3), noise(0, 3, 2).astype(np.float32), np.random.default_rng(0)

    def wide(x, t):
        return 0.5 * x.astype(np.float64)

    def pair(x, t):
        return wide(x, t), wide(x, t)

    seen = []
    for sample in (
        lambda told: ancestral(wide, x, s, rng, on_step=told),
        lambda told: ancestral(pair, x, s, rng, "learned", told),
        lambda told: S.strided(wide, x, s, 4, rng, "posterior", told),
        lambda told: S.ddim(wide, x, s, eta=0.5, rng=rng, on_step=told),
        lambda told: S.heun(wide, x, s, on_step=told),
        lambda told: S.ddim(S.clipped(wide, s), x, s, on_step=told),
    ):
        assert sample(lambda t, x: seen.append(x.dtype)).dtype == np.float32
    assert set(seen) == {np.dtype(np.float32)}
    assert S.clipped(wide, s)(x, np.full(3, 7)).dtype == np.float32


@pytest.mark.parametrize(
    "sample",
    [
        lambda f, **wrong: ancestral(f, X, **{"schedule": S10, "rng": RNG, **wrong}),
        lambda f, **wrong: S.strided(f, X, **{"schedule": S10, "steps": 4, "rng": RNG, **wrong}),
        lambda f, **wrong: S.ddim(f, X, **{"schedule": S10, **wrong}),
        lambda f, **wrong: S.heun(f, X, **{"schedule": S10, **wrong}),
    ],
)
def test_wrong_settings_are_refused_before_the_model_is_asked(sample):
    def never(x, t):
        raise AssertionError("the model was asked")

    for name, value in [("schedule", None), ("schedule", 10), ("schedule", Schedule), ("on_step", 3)]:
        with pytest.raises(ValueError, match=f"{name} must be"):
            sample(never, **{name: value})
    with pytest.raises(ValueError, match="variance must be one of"):
        ancestral(never, X, S10, RNG, "bad")
    with pytest.raises(ValueError, match="variance must be one of"):
        S.strided(never, X, S10, 4, RNG, "bad")


SAMPLERS = {
    "ancestral": lambda f, x: ancestral(f, x, S10, RNG),
    "learned": lambda f, x: ancestral(lambda x, t: (f(x, t), f(x, t)), x, S10, RNG, "learned"),
    "strided": lambda f, x: S.strided(f, x, S10, 5, RNG, "posterior"),
    "ddim": lambda f, x: S.ddim(f, x, S10),
    "ddim with noise": lambda f, x: S.ddim(f, x, S10, eta=1.0, rng=RNG),
    "heun": lambda f, x: S.heun(f, x, S10, 5),
}


@pytest.mark.parametrize("name", SAMPLERS)
def test_what_a_model_returns_is_checked_at_each_step(name):
    """NaN and another shape are reported in the step in which they come, here the fifth last."""

    def spoiled(wrong):
        return lambda x, t: wrong(x) if t[0] <= 5 else 0.1 * x

    with pytest.raises(ValueError, match="must be finite, got 6 non-finite values"):
        SAMPLERS[name](spoiled(lambda x: x * np.nan), X)
    with pytest.raises(ValueError, match=r"eps_model must return eps in the shape of x_t, \(3, 2\), got \(3,\)"):
        SAMPLERS[name](spoiled(lambda x: x[:, 0]), X)


def test_a_step_of_ddim_looks_at_each_array_once(monkeypatch):
    looked, finite = [], checks.finite

    def counted(name, x):
        looked.append(name)
        return finite(name, x)

    monkeypatch.setattr(checks, "finite", counted)
    S.ddim_step(X, 5, 4, X, None, S10)
    assert sorted(looked) == ["eps", "x"]
    looked.clear()
    S.ddim_step(X, 5, 4, X, X, S10, eta=0.5)
    assert sorted(looked) == ["eps", "x", "z"]


S10, X, RNG = Schedule.linear(10), np.zeros((3, 2)), np.random.default_rng(0)


def ZERO(x, t):
    return 0 * x


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: ancestral(ZERO, X, S10, RNG, "learned"), r"must return a pair \(eps, v\)"),
        (
            lambda: ancestral(lambda x, t: x[:, :1], X, S10, RNG),
            r"eps_model must return eps in the shape of x_t, \(3, 2\)",
        ),
        (lambda: S.strided(ZERO, X, S10, 11, RNG), "steps must be a whole number in 1..10, got 11"),
        (lambda: S.ddim(ZERO, X, S10, steps=0), "steps must be a whole number"),
        (lambda: S.heun(ZERO, X.astype(int), S10), "x must be an array of floats"),
        (lambda: S.Trajectory().states, "states must hold at least one of the times, got none"),
        (lambda: S.Trajectory(times=[]).states, r"states must hold at least one of the times \[\], got none"),
        (lambda: S.clipped(ZERO, S10, 1.0, -1.0), r"high must be a number in \(1, inf\), got -1.0"),
        (lambda: S.clipped(ZERO, S10, 1.0, 1.0), r"high must be a number in \(1, inf\), got 1.0"),
        (lambda: ancestral_step(X, 2, X, X[:1], S10), r"z must have the shape of x, \(3, 2\), got \(1, 2\)"),
        (lambda: ancestral_step(X, 2, X, X, S10, np.ones(2)), r"variance must have the shape of x, \(3, 2\)"),
        (lambda: ancestral_step(X, 2, X, X, S10, np.ones((2, 2))), r"variance must have the shape of x, \(3, 2\)"),
        (lambda: ancestral_step(X, 2, X, X, S10, np.ones((1, 3, 2))), r"variance must have the shape of x"),
        (lambda: ancestral_step(X, np.array([2, 2, 2]), X, X, S10), r"t must be one time step, got shape \(3,\)"),
        (lambda: ancestral_step(X, 0, X, X, S10), "t must be in 1..10, got values from 0 to 0"),
        (lambda: S.ddim_step(X, 3, -1, X, None, S10), "s must be in 0..10, got values from -1 to -1"),
        (lambda: S.ddim_step(X, 3, 11, X, None, S10), "s must be in 0..10, got values from 11 to 11"),
        (lambda: S.ddim_step(X, -3, 1, X, None, S10), "t must be in 0..10, got values from -3 to -3"),
        (lambda: S.ddim_step(X, 3, 1.0, X, None, S10), "s must be whole numbers"),
        (lambda: S.ddim_step(X, 3, 5, X, X, S10, 0.5), "s must be earlier than t where noise is added"),
        (lambda: S.ddim_step(X, 3, np.array([1, 2, 3]), X, X, S10, 0.5), "s must be earlier than t where noise"),
        (lambda: S.ddim_step(X, 3, 1, X, X[:1], S10, 0.5), r"z must have the shape of x, \(3, 2\), got \(1, 2\)"),
        (lambda: S.ddim_step(X, 3, 1, X, None, S10, 0.5), "z must be noise in the shape of x"),
        (lambda: S.ddim_step(X, 3, 1, X, X, S10, -0.5), r"eta must be a number in \[0, 1\]"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
