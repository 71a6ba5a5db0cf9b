"""Targets against two steps of DDIM and, for Gaussian data, against their closed form."""

import numpy as np
import pytest

from minigen.data.mixture import GaussianMixture
from minigen.diffusion.ddpm import eps_from_x0, eps_model_from_v, q_sample, v_from_x0_eps
from minigen.diffusion.distillation import (
    distillation_loss,
    distillation_target,
    halved,
    student_loss,
    truncated_snr_weight,
    weight_of_v,
)
from minigen.diffusion.exact import exact_eps_model
from minigen.diffusion.samplers import ddim, ddim_step
from minigen.diffusion.schedule import Schedule
from minigen.tensor import grad

SCHEDULE = Schedule.cosine(8)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def wavy(x, t):
    """A model that depends on the place and on the time."""
    return np.tanh(x + t[:, None]) + 0.1 * t[:, None]


@pytest.mark.parametrize("t", [2, 3, 5, 8])
def test_one_step_ends_where_two_steps_end(rng, t):
    x = rng.standard_normal((5, 2))
    target = distillation_target(wavy, x, t, SCHEDULE)
    times = np.full(5, t)
    middle = ddim_step(x, t, t - 1, wavy(x, times), None, SCHEDULE)
    end = ddim_step(middle, t - 1, t - 2, wavy(middle, times - 1), None, SCHEDULE)
    one = ddim_step(x, t, t - 2, eps_from_x0(x, t, target, SCHEDULE), None, SCHEDULE)
    np.testing.assert_allclose(one, end, atol=1e-9)
    if t == 2:
        np.testing.assert_allclose(target, end, atol=1e-12)  # x_0 itself


def test_a_gaussian_in_closed_form(rng):
    """With data N(0, s²) the exact process scales x by √(ᾱ s² + 1 − ᾱ); by DDIM each step has a factor of its own."""
    s, t = 0.6, 5
    data = GaussianMixture([[0.0, 0.0]], std=s)
    x = rng.standard_normal((3, 2))
    alpha_bar = SCHEDULE.alpha_bar

    def factor(t):
        """x_{t-1}/x_t of a DDIM step: x̂_0 = √ᾱ s²/v x and eps = √(1 − ᾱ)/v x, v the variance of x_t."""
        v = alpha_bar[t] * s**2 + 1 - alpha_bar[t]
        x0, eps = np.sqrt(alpha_bar[t]) * s**2 / v, np.sqrt(1 - alpha_bar[t]) / v
        return np.sqrt(alpha_bar[t - 1]) * x0 + np.sqrt(1 - alpha_bar[t - 1]) * eps

    r = np.sqrt((1 - alpha_bar[t - 2]) / (1 - alpha_bar[t]))
    want = (factor(t) * factor(t - 1) - r) / (np.sqrt(alpha_bar[t - 2]) - r * np.sqrt(alpha_bar[t])) * x
    np.testing.assert_allclose(distillation_target(exact_eps_model(data, SCHEDULE), x, t, SCHEDULE), want, atol=1e-6)


def test_times_of_each_example(rng):
    """t (N,) treats each example by itself, and the model is told the schedule's own times."""
    shorter = Schedule.linear(40, last=0.4).subset([10, 20, 30, 40])
    x, told = rng.standard_normal((3, 2)), []

    def model(x, t):
        told.append(t.tolist())
        return wavy(x, t / 40)

    t = np.array([2, 4, 3])
    together = distillation_target(model, x, t, shorter)
    assert told == [[20, 40, 30], [10, 30, 20]]
    for k in range(3):
        alone = distillation_target(model, x[k : k + 1], int(t[k]), shorter)
        np.testing.assert_allclose(together[k : k + 1], alone, atol=1e-12)


def test_no_gradient_and_dtypes(rng):
    x = rng.standard_normal((3, 4, 4, 1)).astype(np.float32)

    def loss(w):
        return (distillation_target(lambda x, t: w * x, x, 4, SCHEDULE) * w).sum()

    target = distillation_target(lambda x, t: 0.5 * x, x, 4, SCHEDULE)
    assert target.dtype == np.float32 and target.shape == x.shape
    np.testing.assert_allclose(grad(loss)(np.array(0.5, np.float32)), target.sum(), rtol=1e-5)
    np.testing.assert_array_equal(grad(lambda x: distillation_target(wavy, x, 4, SCHEDULE).sum())(x[..., 0, 0]), 0)


def test_the_weight_of_v_by_hand_and_in_the_loss(rng):
    """With ᾱ = 0.9 and 0.36 it is 0.9 and 0.64; `student_loss` is the mean of it times the squared error of v."""
    by_hand = Schedule.from_alpha_bar([0.9, 0.36])
    np.testing.assert_allclose(weight_of_v(np.array([2, 1, 2]), by_hand), [0.64, 0.9, 0.64])
    assert np.shape(weight_of_v(1, by_hand)) == ()
    v, right, x, t = *rng.standard_normal((3, 8, 2)), np.arange(1, 9)
    a = SCHEDULE.alpha_bar[t][:, None]
    target = np.sqrt(a) * x - np.sqrt(1 - a) * right
    weighted = np.mean(weight_of_v(t, SCHEDULE)[:, None] * (v - right) ** 2)
    np.testing.assert_allclose(student_loss(v, target, x, t, SCHEDULE), weighted, rtol=1e-10)
    with pytest.raises(ValueError, match=r"t must be in 1..8"):
        weight_of_v(0, SCHEDULE)


def test_truncated_snr_weight_by_hand():
    """alpha_bar = 0.9, 0.36: 0.9/0.1 = 9, and 0.36/0.64 is below 1."""
    schedule = Schedule([0.1, 0.6])
    np.testing.assert_allclose(truncated_snr_weight(np.array([1, 2, 1]), schedule), [9, 1, 9])
    assert truncated_snr_weight(1, schedule) == pytest.approx(9) and np.shape(truncated_snr_weight(1, schedule)) == ()


def test_student_loss_by_hand():
    """alpha_bar = 0.9, 0.36, x_t = (1, -1), v = (1, 2). At t = 2, weight 1: x̂_0 = 0.6 − 0.8 and −0.6 − 1.6, so with the
    targets 0.3 and −2 errors of 0.5 and 0.2. At t = 1, weight 9: x̂_0 = √0.9 − √0.1 and −√0.9 − 2 √0.1."""
    schedule = Schedule([0.1, 0.6])
    x, v = np.array([[1.0, -1.0]]), np.array([[1.0, 2.0]])
    assert student_loss(v, np.array([[0.3, -2.0]]), x, 2, schedule) == pytest.approx((0.25 + 0.04) / 2)
    target = np.array([[np.sqrt(0.9) - np.sqrt(0.1) + 0.5, -np.sqrt(0.9) - 2 * np.sqrt(0.1)]])
    assert student_loss(v, target, x, 1, schedule) == pytest.approx(9 * 0.25 / 2)


@pytest.mark.parametrize("labels", [None, np.array([1, 0, 2, 1])])
def test_distillation_loss_is_made_of_its_parts(rng, labels):
    x0, eps = rng.standard_normal((2, 4, 3))
    t, shorter = np.array([2, 4, 4, 2]), SCHEDULE.subset([1, 3, 6, 8])
    told = []

    def student(x, t, *y):
        told.append((t.tolist(), *y))
        return np.sin(x) + sum(y)[:, None] if y else np.sin(x)

    def teacher(x, t, *y):
        return wavy(x, t) + (sum(y)[:, None] if y else 0)

    loss = distillation_loss(student, teacher, x0, t, eps, shorter, labels)
    x_t = q_sample(x0, t, eps, shorter)
    shift = 0 if labels is None else labels[:, None]
    target = distillation_target(lambda x, t: wavy(x, t) + shift, x_t, t, shorter)
    assert loss == pytest.approx(student_loss(np.sin(x_t) + shift, target, x_t, t, shorter))
    assert len(told) == 1 and told[0][0] == [3, 8, 8, 3] and (labels is None or told[0][1] is labels)
    constant = distillation_loss(student, teacher, x0[:1], 2, eps[:1], shorter)  # one time for all
    assert constant == pytest.approx(distillation_loss(student, teacher, x0[:1], np.array([2]), eps[:1], shorter))


def test_the_perfect_student_needs_half_of_the_steps(rng):
    """A student that predicts the target's v has no loss, and its DDIM on the halved schedule ends with the teacher."""
    half = halved(SCHEDULE)
    np.testing.assert_allclose(half.alpha_bar, SCHEDULE.alpha_bar[::2])
    assert half.times.tolist() == [0, 2, 4, 6, 8] and halved(half).times.tolist() == [0, 4, 8]

    def perfect(x, t):
        target = distillation_target(wavy, x, t, SCHEDULE)
        return v_from_x0_eps(target, t, eps_from_x0(x, t, target, SCHEDULE), SCHEDULE)

    x, x0, eps = rng.standard_normal((3, 5, 2))
    np.testing.assert_allclose(ddim(eps_model_from_v(perfect, SCHEDULE), x, half), ddim(wavy, x, SCHEDULE), atol=1e-8)
    t = np.array([2, 4, 6, 8, 2])
    assert distillation_loss(perfect, wavy, x0, t, eps, SCHEDULE) == pytest.approx(0, abs=1e-12)
    assert distillation_loss(lambda x, t: x, wavy, x0, t, eps, SCHEDULE) > 0.01


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda x: halved(Schedule.cosine(5)), "schedule must have an even number of steps, got 5"),
        (lambda x: halved(8), "schedule must be an instance of Schedule"),
        (lambda x: student_loss(x, x[:2], x, 2, SCHEDULE), "target must have the shape of v"),
        (lambda x: student_loss(x, x, x, 0, SCHEDULE), "t must be in 1..8"),
        (lambda x: distillation_loss(wavy, wavy, x, 1, x, SCHEDULE), "t must be in 2..8"),
        (lambda x: distillation_loss(3, wavy, x, 2, x, SCHEDULE), "v_model must be a function"),
        (lambda x: distillation_loss(wavy, 3, x, 2, x, SCHEDULE), "eps_model must be a function"),
        (lambda x: distillation_loss(lambda x, t: x[:1], wavy, x, 2, x, SCHEDULE), "target must have the shape of v"),
        (lambda x: distillation_target(wavy, x, 1, SCHEDULE), r"t must be in 2..8|at least 2"),
        (lambda x: distillation_target(wavy, x, 9, SCHEDULE), r"t must be in 2..8"),
        (lambda x: distillation_target(wavy, x, np.array([2, 3]), SCHEDULE), r"t must be one time step or have shape"),
        (lambda x: distillation_target(wavy, x, 2.0, SCHEDULE), "t must be a whole number"),
        (lambda x: distillation_target(wavy, x * np.nan, 2, SCHEDULE), "x_t must be finite"),
        (lambda x: distillation_target(wavy, x[:, 0].astype(int), 2, SCHEDULE), "x_t must be an array of floats"),
        (
            lambda x: distillation_target(lambda x, t: x[:, :1], x, 2, SCHEDULE),
            "eps_model must return eps in the shape",
        ),
        (lambda x: distillation_target(3, x, 2, SCHEDULE), "eps_model must be a function"),
        (lambda x: truncated_snr_weight(0, SCHEDULE), r"t must be in 1..8"),
        (lambda x: truncated_snr_weight(9, SCHEDULE), r"t must be in 1..8"),
        (lambda x: truncated_snr_weight(1.5, SCHEDULE), "t must be whole numbers"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.ones((3, 2)))
