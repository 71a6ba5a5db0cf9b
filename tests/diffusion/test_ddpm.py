"""The formulas of one step and of the losses, each against a second computation: quadrature, composition, closed
form."""

import re

import numpy as np
import pytest
from scipy import integrate, stats

from minigen.data.mixture import GaussianMixture
from minigen.diffusion import ddpm as G
from minigen.diffusion.schedule import Schedule

RNG = np.random.default_rng(7)
SCHEDULE = Schedule.linear(50, 1e-3, 0.3)


def normal(*shape):
    return RNG.standard_normal(shape)


# ------------------------------------------------------------------------------------------- forward


def test_one_shot_equals_small_steps():
    """q_step is linear in x and eps. Sending 1 through x, then through each eps alone, gives every coefficient of x_t:
    that of x0 must be sqrt(alpha_bar), and the squares of the others must add up to 1 - alpha_bar. Eq. diffusion.01,
    Eq. diffusion.02"""
    T = SCHEDULE.T
    paths = np.eye(T + 1)  # path 0 starts at x0 = 1; path i gets the noise 1 at step i and nothing else
    x = paths[:, :1].copy()
    for t in range(1, T + 1):
        x = G.q_step(x, t, paths[:, t : t + 1], SCHEDULE)
        of_x0, of_noise = x[0, 0], np.sum(x[1:, 0] ** 2)
        assert of_x0 == pytest.approx(G.q_sample(np.ones((1, 1)), t, np.zeros((1, 1)), SCHEDULE).item(), rel=1e-12)
        assert of_noise == pytest.approx(
            G.q_sample(np.zeros((1, 1)), t, np.ones((1, 1)), SCHEDULE).item() ** 2, rel=1e-12
        )


def test_q_sample_by_hand():
    """alpha_bar_2 = 0.9 · 0.4 = 0.36: 0.6 · 5 + 0.8 · (-1) = 2.2. Eq. diffusion.02"""
    s = Schedule([0.1, 0.6])
    assert G.q_sample(np.array([[5.0]]), 2, np.array([[-1.0]]), s).item() == pytest.approx(2.2)
    x0 = normal(3, 2)
    np.testing.assert_array_equal(G.q_sample(x0, 0, normal(3, 2), s), x0)
    each = G.q_sample(np.full((2, 1), 5.0), np.array([0, 2]), np.full((2, 1), -1.0), s)
    np.testing.assert_allclose(each[:, 0], [5.0, 2.2])  # every example its own time


@pytest.mark.parametrize("t", [2, 7, 50])
def test_posterior_is_bayes_by_quadrature(t):
    """q(x_t | y) q(y | x0) normalized over y, with its mean and variance by numerical integration. Eq. diffusion.05,
    Eq. diffusion.06, Eq. diffusion.07"""
    s, x0, x_t = SCHEDULE, 0.7, -0.4
    before = s.alpha_bar[t - 1]

    def joint(y):
        step = stats.norm.pdf(x_t, np.sqrt(1 - s.beta[t]) * y, np.sqrt(s.beta[t]))
        return step * stats.norm.pdf(y, np.sqrt(before) * x0, np.sqrt(1 - before))

    y = np.linspace(-12, 12, 400_001)
    mass = joint(y)
    total = integrate.simpson(mass, x=y)
    mean = integrate.simpson(mass * y, x=y) / total
    variance = integrate.simpson(mass * (y - mean) ** 2, x=y) / total
    got_mean, got_variance = G.q_posterior(np.array([[x0]]), np.array([[x_t]]), t, s)
    assert got_mean.item() == pytest.approx(mean, abs=1e-8)
    assert got_variance == pytest.approx(variance, abs=1e-8)


def test_posterior_at_the_first_step_is_the_data():
    x0, x1 = normal(4, 3), normal(4, 3)
    mean, variance = G.q_posterior(x0, x1, 1, SCHEDULE)
    np.testing.assert_allclose(mean, x0, atol=1e-12)
    assert variance == 0


# ------------------------------------------------------------------------------------------- eps, x0, v, score


def test_round_trips():
    """Eq. diffusion.02, Eq. diffusion.17"""
    x0, eps, t = normal(5, 4), normal(5, 4), np.array([1, 3, 10, 30, 50])
    x_t, v = G.q_sample(x0, t, eps, SCHEDULE), G.v_from_x0_eps(x0, t, eps, SCHEDULE)
    for got, want in [
        (G.predict_x0_from_eps(x_t, t, eps, SCHEDULE), x0),
        (G.eps_from_x0(x_t, t, x0, SCHEDULE), eps),
        (G.predict_x0_from_v(x_t, t, v, SCHEDULE), x0),
        (G.eps_from_v(x_t, t, v, SCHEDULE), eps),
        (G.eps_from_score(G.score_from_eps(eps, t, SCHEDULE), t, SCHEDULE), eps),
        (x_t**2 + v**2, x0**2 + eps**2),  # a rotation
    ]:
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9)


def test_posterior_mean_weighs_by_precision():
    """β = (0.19, 0.36), x0 = 1, x2 = 1.5: precisions 0.64/0.36 and 1/0.19. Eq. diffusion.06, Eq. diffusion.07"""
    precision = np.array([0.64 / 0.36, 1 / 0.19])
    want = precision @ [1.5 / 0.8, 0.9] / precision.sum()
    got = G.posterior_mean(np.array([[1.0]]), np.array([[1.5]]), 2, Schedule([0.19, 0.36]))
    np.testing.assert_allclose(got, [[want]])


def test_mean_from_eps_is_the_posterior_mean():
    """Eq. diffusion.08, Eq. diffusion.13"""
    x_t, eps, t = normal(6, 2), normal(6, 2), np.array([1, 2, 5, 20, 49, 50])
    x0 = G.predict_x0_from_eps(x_t, t, eps, SCHEDULE)
    np.testing.assert_allclose(
        G.mean_from_eps(x_t, t, eps, SCHEDULE), G.q_posterior(x0, x_t, t, SCHEDULE)[0], atol=1e-10
    )


def test_the_best_eps_is_the_score():
    """E[eps | x_t] by quadrature over x0, against -sqrt(1 - alpha_bar) times the exact score of q(x_t). Eq.
    diffusion.17"""
    density = GaussianMixture([[-1.0], [1.5]], std=[0.3, 0.6], weights=[0.3, 0.7])
    t, x_t = 20, 0.37
    alpha_bar = SCHEDULE.alpha_bar[t]
    x0 = np.linspace(-8, 8, 200_001)
    eps = (x_t - np.sqrt(alpha_bar) * x0) / np.sqrt(1 - alpha_bar)
    weight = density.prob(x0[:, None]) * np.exp(-0.5 * eps**2)
    mean_eps = integrate.simpson(weight * eps, x=x0) / integrate.simpson(weight, x=x0)
    score = density.noised(np.sqrt(alpha_bar), np.sqrt(1 - alpha_bar)).score(np.array([[x_t]]))
    assert G.score_from_eps(np.array([[mean_eps]]), t, SCHEDULE).item() == pytest.approx(score.item(), abs=1e-8)


def test_a_model_of_v_is_a_model_of_the_noise():
    """One that knows v of every x_t says the noise exactly, and its loss is 0; one that says 0 has the mean of v²."""
    x0, eps, t, y = normal(6, 3), normal(6, 3), np.arange(1, 7), np.arange(6)
    x_t, v = G.q_sample(x0, t, eps, SCHEDULE), G.v_from_x0_eps(x0, t, eps, SCHEDULE)

    def v_model(x, t, y=None):
        np.testing.assert_array_equal(x, x_t)
        np.testing.assert_array_equal(t, np.arange(1, 7))
        return v if y is None else v + y[:, None]

    np.testing.assert_allclose(G.eps_model_from_v(v_model, SCHEDULE)(x_t, t), eps)
    shifted = eps + np.sqrt(SCHEDULE.alpha_bar[t])[:, None] * y[:, None]
    np.testing.assert_allclose(G.eps_model_from_v(v_model, SCHEDULE)(x_t, t, y), shifted)
    assert G.v_loss(v_model, x0, t, eps, SCHEDULE) == pytest.approx(0, abs=1e-25)
    assert G.v_loss(v_model, x0, t, eps, SCHEDULE, y) == pytest.approx(55 / 6)
    assert G.v_loss(lambda x, t: 0 * x, x0, t, eps, SCHEDULE) == pytest.approx(np.mean(v**2))
    with pytest.raises(ValueError, match="v_model"):
        G.eps_model_from_v(None, SCHEDULE)


@pytest.mark.parametrize("wrong", [(6, 1), (1, 3), (3,), (6, 3, 1)])
def test_a_model_of_v_must_return_the_shape_of_x(wrong):
    """Those that would broadcast to the right shape, or to another, included."""
    model = G.eps_model_from_v(lambda x, t: np.ones(wrong), SCHEDULE)
    with pytest.raises(ValueError, match=rf"v must have the shape of x, \(6, 3\), got {re.escape(str(wrong))}"):
        model(normal(6, 3), np.arange(1, 7))


# ------------------------------------------------------------------------------------------- variances


def test_learned_variance_lies_between_its_bounds():
    """Eq. diffusion.19"""
    t = np.array([1, 2, 10, 50])
    beta, posterior = SCHEDULE.beta[t], SCHEDULE.posterior_variance[t]
    posterior[0] = SCHEDULE.posterior_variance[2]  # the logarithm of 0 is replaced
    ones = np.ones((4, 3))
    np.testing.assert_allclose(G.learned_variance(ones, t, SCHEDULE)[:, 0], beta, rtol=1e-9)
    np.testing.assert_allclose(G.learned_variance(0 * ones, t, SCHEDULE)[:, 0], posterior, rtol=1e-9)
    np.testing.assert_allclose(G.learned_variance(0.5 * ones, t, SCHEDULE)[:, 0], np.sqrt(beta * posterior), rtol=1e-9)
    between = G.learned_variance(RNG.random((4, 1000)), t, SCHEDULE)
    low, high = np.minimum(beta, posterior)[:, None], np.maximum(beta, posterior)[:, None]
    assert np.all(between >= low * (1 - 1e-12)) and np.all(between <= high * (1 + 1e-12))


@pytest.mark.parametrize("data_variance", [0.0, 0.3, 1.0, 4.0])
def test_reverse_variance_of_gaussian_data(data_variance):
    """Against the joint Gaussian of x_{t-1} and x_t: variance minus covariance² over the other's variance."""
    t = np.array([1, 2, 10, 50])
    before = SCHEDULE.alpha_bar[t - 1] * data_variance + 1 - SCHEDULE.alpha_bar[t - 1]
    covariance = np.sqrt(1 - SCHEDULE.beta[t]) * before
    other = (1 - SCHEDULE.beta[t]) * before + SCHEDULE.beta[t]
    found = G.gaussian_reverse_variance(data_variance, t, SCHEDULE)
    np.testing.assert_allclose(found, before - covariance**2 / other, rtol=1e-9, atol=1e-15)
    assert G.gaussian_reverse_variance(data_variance, 10, SCHEDULE) == found[2]


# ------------------------------------------------------------------------------------------- simple loss


def test_simple_loss_by_hand():
    """x_2 = 0.6 · 5 + 0.8 · (-1) = 2.2; the model says x/2 = 1.1; (-1 - 1.1)² = 4.41.

    Eq. diffusion.15, Eq. diffusion.16
    """
    s = Schedule([0.1, 0.6])
    loss = G.simple_loss(lambda x, t: x / 2, np.array([[5.0]]), np.array([2]), np.array([[-1.0]]), s)
    assert loss == pytest.approx(4.41)


def test_the_model_is_told_a_time_for_each_example():
    told = []

    def model(x, t):
        told.append(t)
        return 0 * x

    for t in (7, np.array(7), np.array([7, 7, 7])):
        G.simple_loss(model, normal(3, 2), t, normal(3, 2), SCHEDULE)
    for t in told:
        np.testing.assert_array_equal(t, [7, 7, 7])


# ------------------------------------------------------------------------------------------- types and errors


def test_float32_stays_float32():
    x, t = RNG.standard_normal((4, 2), dtype=np.float32), np.array([1, 2, 3, 50])
    for result in [
        G.q_step(x, t, x, SCHEDULE),
        G.q_sample(x, t, x, SCHEDULE),
        G.q_posterior(x, x, t, SCHEDULE)[0],
        G.predict_x0_from_eps(x, t, x, SCHEDULE),
        G.eps_from_x0(x, t, x, SCHEDULE),
        G.v_from_x0_eps(x, t, x, SCHEDULE),
        G.predict_x0_from_v(x, t, x, SCHEDULE),
        G.eps_from_v(x, t, x, SCHEDULE),
        G.score_from_eps(x, t, SCHEDULE),
        G.eps_from_score(x, t, SCHEDULE),
        G.mean_from_eps(x, t, x, SCHEDULE),
        G.learned_variance(x, t, SCHEDULE),
        G.simple_loss(lambda x, t: x, x, t, x, SCHEDULE),
    ]:
        assert result.dtype == np.float32


X, T = np.zeros((3, 2)), np.array([1, 2, 3])


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda: G.q_sample(X, T, np.zeros((3, 1)), SCHEDULE),
            r"eps must have the shape of x0, \(3, 2\), got \(3, 1\)",
        ),
        (lambda: G.q_sample(X, 51, X, SCHEDULE), r"t must be in 0..50, got values from 51 to 51"),
        (lambda: G.q_posterior(X, X, 0, SCHEDULE), r"t must be in 1..50, got values from 0 to 0"),
        (lambda: G.posterior_mean(X, X, 0, SCHEDULE), r"t must be in 1..50, got values from 0 to 0"),
        (lambda: G.posterior_mean(X, X[:2], 1, SCHEDULE), r"x_t must have the shape of x0, \(3, 2\), got \(2, 2\)"),
        (lambda: G.q_sample(X, np.array([1, 2]), X, SCHEDULE), r"t must be one time step or have shape \(3,\)"),
        (lambda: G.q_sample(X.astype(int), 1, X, SCHEDULE), "x0 must be an array of floats"),
        (lambda: G.simple_loss(lambda x, t: x[:, :1], X, T, X, SCHEDULE), "shape"),
        (lambda: G.simple_loss(lambda x, t: x, X, T - 1, X, SCHEDULE), "t must be in 1..50, got values from 0 to 2"),
        (lambda: G.simple_loss(lambda x, t: x, X.tolist(), T, X, SCHEDULE), "x0 must be an array of floats, got list"),
        (lambda: G.mean_from_eps(X, np.array([[1]]), X, SCHEDULE), "t must be one time step or have shape"),
        (lambda: G.gaussian_reverse_variance(-1, T, SCHEDULE), r"data_variance must be a number in \[0, inf\)"),
        (lambda: G.gaussian_reverse_variance(1, T - 1, SCHEDULE), "t must be in 1..50, got values from 0 to 2"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
