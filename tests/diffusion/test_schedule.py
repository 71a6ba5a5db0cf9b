"""The schedule against products and conditional variances worked out another way."""

import math

import numpy as np
import pytest

from minigen.diffusion.schedule import Schedule, cosine_beta, per_example, posterior_variances, spaced_timesteps


def test_arrays_are_indexed_by_the_time_step():
    """Eq. diffusion.01, Eq. diffusion.02"""
    s = Schedule([0.1, 0.2, 0.5])
    assert s.T == 3
    np.testing.assert_allclose(s.beta, [0, 0.1, 0.2, 0.5])
    np.testing.assert_allclose(s.alpha, [1, 0.9, 0.8, 0.5])
    np.testing.assert_allclose(s.alpha_bar, [1, 0.9, 0.72, 0.36])  # by hand
    np.testing.assert_allclose(s.snr[1:], [9, 0.72 / 0.28, 0.5625])
    assert s.snr[0] == np.inf and s.sigma[0] == 0
    np.testing.assert_array_equal(s.times, [0, 1, 2, 3])
    assert all(a.dtype == np.float64 for a in (s.beta, s.alpha, s.alpha_bar, s.posterior_variance, s.snr, s.sigma))


@pytest.mark.parametrize("s", [Schedule.linear(200), Schedule.cosine(30), Schedule.karras(18)], ids=repr)
def test_posterior_variance_is_a_conditional_variance(s):
    """Given x0, (x_{t-1}, x_t) is jointly Gaussian: Var(a | b) = Var(a) - Cov(a, b)²/Var(b). Eq. diffusion.07, Eq.
    diffusion.25"""
    t = np.arange(1, s.T + 1)
    before, now = 1 - s.alpha_bar[t - 1], 1 - s.alpha_bar[t]
    covariance = np.sqrt(s.alpha[t]) * before
    np.testing.assert_allclose(s.posterior_variance[t], before - covariance**2 / now, rtol=1e-6, atol=1e-15)
    assert s.posterior_variance[0] == s.posterior_variance[1] == 0
    np.testing.assert_array_equal(s.posterior_variance_clipped[2:], s.posterior_variance[2:])
    assert s.posterior_variance_clipped[0] == s.posterior_variance_clipped[1] == s.posterior_variance[2] > 0
    assert np.all(s.posterior_variance[t] < s.beta[t])


def test_posterior_variances_by_hand():
    """β = (0.19, 0.36): 1 − ᾱ = 0.19 and 0.4816, so β̃_2 = 0.19/0.4816 · 0.36. Eq. diffusion.07"""
    np.testing.assert_allclose(posterior_variances([0.19, 0.36]), [0, 0.19 / 0.4816 * 0.36])
    np.testing.assert_array_equal(posterior_variances([0.5]), [0])
    np.testing.assert_array_equal(posterior_variances([1e-20, 1e-20]), [0, 0])


@pytest.mark.parametrize("beta", [[], [[0.1]], [-0.1], [1.1], [np.nan], "0.1", 0.1])
def test_posterior_variances_wants_a_vector_of_variances(beta):
    with pytest.raises(ValueError, match="beta must"):
        posterior_variances(beta)


def test_linear_is_that_of_the_paper():
    s = Schedule.linear(1000)
    assert s.beta[1] == pytest.approx(1e-4) and s.beta[1000] == pytest.approx(0.02)
    np.testing.assert_allclose(np.diff(s.beta[1:]), (0.02 - 1e-4) / 999, rtol=1e-9)
    log_product = math.fsum(math.log(1 - (1e-4 + (0.02 - 1e-4) * i / 999)) for i in range(1000))
    assert s.alpha_bar[1000] == pytest.approx(math.exp(log_product), rel=1e-10)
    assert s.alpha_bar[1000] == pytest.approx(4.036e-5, rel=1e-3)


@pytest.mark.parametrize("T", [10, 1000])
def test_cosine_follows_the_curve_up_to_the_cut(T):
    """Eq. diffusion.18"""
    s = Schedule.cosine(T)
    f = [math.cos((t / T + 0.008) / 1.008 * math.pi / 2) ** 2 for t in range(T + 1)]
    np.testing.assert_allclose(s.alpha_bar[:T], np.array(f[:T]) / f[0], rtol=1e-9)
    assert s.beta[T] == 0.999 and np.all(s.beta[1:T] < 0.999)
    assert s.alpha_bar[T] == pytest.approx(0.001 * s.alpha_bar[T - 1])


def test_karras_levels():
    s = Schedule.karras(18, 0.002, 80.0, 7.0)
    assert s.sigma[1] == pytest.approx(0.002, rel=1e-6) and s.sigma[18] == pytest.approx(80.0)
    np.testing.assert_allclose(np.diff(s.sigma[1:] ** (1 / 7)), np.diff(s.sigma[1:] ** (1 / 7))[0], rtol=1e-6)
    np.testing.assert_allclose(s.sigma[1:] ** -2, s.snr[1:], rtol=1e-9)


def test_subset_keeps_the_noise_levels():
    """The pair's beta is 1 - alpha_bar_t/alpha_bar_s."""
    full = Schedule.linear(100)
    some = full.subset([3, 40, 100])
    np.testing.assert_allclose(some.alpha_bar, full.alpha_bar[[0, 3, 40, 100]])
    np.testing.assert_array_equal(some.times, [0, 3, 40, 100])
    product = np.prod(1 - full.beta[4:41])
    assert some.beta[2] == pytest.approx(1 - product)
    np.testing.assert_allclose(full.subset(np.arange(1, 101)).beta, full.beta, rtol=1e-9)
    np.testing.assert_array_equal(
        some.subset([2, 3]).times, [0, 40, 100]
    )  # a subset of a subset: still the model's times


ALL = [
    Schedule.linear(7),
    Schedule.cosine(30),
    Schedule.karras(18),
    Schedule([0.3]),
    Schedule.cosine(90).subset([2, 9]),
]


@pytest.mark.parametrize("s", ALL, ids=repr)
def test_a_schedule_is_rebuilt_from_two_arrays(s):
    """Every attribute, bit for bit, those of a subset included: so that a file holds a schedule as two arrays."""
    again = Schedule(s.beta[1:], s.times[1:])
    assert vars(again).keys() == vars(s).keys() and again.T == s.T
    for name, value in vars(s).items():
        np.testing.assert_array_equal(getattr(again, name), value, err_msg=name)
        assert np.asarray(getattr(again, name)).dtype == np.asarray(value).dtype


def test_spaced_timesteps():
    np.testing.assert_array_equal(spaced_timesteps(10, 5), [2, 4, 6, 8, 10])
    np.testing.assert_array_equal(spaced_timesteps(10, 10), np.arange(1, 11))
    np.testing.assert_array_equal(spaced_timesteps(1000, 1), [1000])
    for steps in range(1, 51):
        times = spaced_timesteps(50, steps)
        assert len(times) == steps and times[-1] == 50 and times[0] >= 1 and np.all(np.diff(times) > 0)


def test_scale_keeps_the_dtype():
    x = np.ones((2, 3, 1), np.float32)
    assert per_example(np.float64(0.5), x).dtype == np.float32
    y = per_example(np.array([2.0, 3.0]), x)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y[:, 0, 0], [2, 3])
    assert per_example(np.array([2.0, 3.0]), x.astype(np.float64)).dtype == np.float64


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Schedule([]), r"beta must have shape \(T,\)"),
        (lambda: Schedule([[0.1]]), r"beta must have shape \(T,\)"),
        (lambda: Schedule([0.1, 0.0]), "beta must lie strictly between 0 and 1"),
        (lambda: Schedule([0.1, 1.0]), "beta must lie strictly between 0 and 1"),
        (lambda: Schedule([0.1, np.nan]), "beta must lie strictly between 0 and 1"),
        (lambda: Schedule.karras(10, sigma_min=0), "sigma_min must be a positive number"),
        (lambda: Schedule.karras(10, sigma_min=2, sigma_max=1), "sigma_max must be a number in"),
        (lambda: Schedule.from_alpha_bar([0.5, 0.6]), "alpha_bar must fall"),
        (lambda: Schedule.linear(10).subset([5, 3]), "times must be rising"),
        (lambda: Schedule.linear(10).subset([0, 3]), "times must be in 1..10"),
        (lambda: Schedule.linear(10).subset([2, 11]), "times must be in 1..10"),
        (lambda: Schedule([0.1, 0.2], [1, 2, 3]), r"times must have shape \(2,\), one for each step, got \(3,\)"),
        (lambda: Schedule([0.1, 0.2], [2, 1]), "times must be rising whole numbers"),
        (lambda: Schedule([0.1, 0.2], [1.0, 2.0]), "times must be rising whole numbers"),
        (lambda: Schedule([0.1, 0.2], [0, 1]), "times must be at least 1"),
        (lambda: spaced_timesteps(10, 11), "steps must be a whole number in 1..10, got 11"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_defaults_are_those_of_the_papers():
    """rho 7, sigma from 0.002 to 80 (Karras et al. 2022, table 1); s 0.008, β at most 0.999 (Nichol and Dhariwal 2021,
    section 3.2); β from 0.0001 to 0.02 (Ho et al. 2020, section 4). Eq. diffusion.18"""
    np.testing.assert_array_equal(Schedule.karras(5).beta, Schedule.karras(5, 0.002, 80.0, 7.0).beta)
    np.testing.assert_array_equal(cosine_beta(5), cosine_beta(5, 0.008, 0.999))
    np.testing.assert_array_equal(Schedule.cosine(5).beta, Schedule.cosine(5, 0.008, 0.999).beta)
    np.testing.assert_array_equal(Schedule.linear(5).beta, Schedule.linear(5, 1e-4, 0.02).beta)


def test_cosine_beta_by_hand():
    """T = 3, s = 0: the curve is 1, 3/4, 1/4, 0, so β = 1/4, 2/3 and 1, cut off at 0.999. Eq. diffusion.18"""
    np.testing.assert_allclose(cosine_beta(3, s=0.0), [1 / 4, 2 / 3, 0.999])
    np.testing.assert_allclose(cosine_beta(3, 0.0, 0.3), [1 / 4, 0.3, 0.3])
    np.testing.assert_array_equal(Schedule.cosine(40, 0.1, 0.5).beta[1:], cosine_beta(40, 0.1, 0.5))


@pytest.mark.parametrize(
    "arguments, message",
    [((0,), "T must be"), ((2.0,), "T must be"), ((4, -0.1), "s must be"), ((4, 0.1, 0.0), "largest must be")],
)
def test_cosine_beta_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        cosine_beta(*arguments)
