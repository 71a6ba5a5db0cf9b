"""The oscillator against its differential equation and a Gaussian conditioned by hand; the digit against np.roll."""

import numpy as np
import pytest
from scipy.linalg import expm

from minigen.data.mnist import load
from minigen.data.sequences import Oscillator, moving_digits


@pytest.fixture
def rng():
    return np.random.default_rng(0)


SPRING = Oscillator(omega=1.3, dt=0.4, noise=0.2, kicks=0.35)
BLIND = Oscillator(omega=1.3, dt=0.4, noise=0.2, kicks=0.35, sees_velocity=False)


def joint(spring, length):
    """Mean zero; the covariance (T·D, T·D) of the observations in order of time, from the covariances of the states."""
    states = np.zeros((length, length, 2, 2))
    cov = np.diag([1.0, spring.omega**2])
    turn, spread = spring.transition()
    for t in range(length):
        cov = cov if t == 0 else turn @ cov @ turn.T + spread
        for later in range(t, length):
            states[later, t] = np.linalg.matrix_power(turn, later - t) @ cov
            states[t, later] = states[later, t].T
    d = 2 if spring.sees_velocity else 1
    seen = states[..., :d, :d].transpose(0, 2, 1, 3).reshape(length * d, length * d)
    return seen + spring.noise**2 * np.eye(length * d)


# --------------------------------------------------------------------- the oscillator


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_transition_solves_the_differential_equation(steps):
    """F is the matrix exponential, Q its integral with the kicks (Van Loan 1978), at any length of the step."""
    a = np.array([[0, 1], [-(SPRING.omega**2), 0]])
    kicks = np.diag([0, SPRING.kicks**2])
    block = expm(np.block([[-a, kicks], [np.zeros((2, 2)), a.T]]) * SPRING.dt * steps)
    turn, spread = SPRING.transition(steps)
    np.testing.assert_allclose(turn, block[2:, 2:].T, atol=1e-12)
    np.testing.assert_allclose(spread, block[2:, 2:].T @ block[:2, 2:], atol=1e-12)


def test_transitions_compose():
    (f1, q1), (f2, q2), (f3, q3) = (SPRING.transition(k) for k in (1, 2, 3))
    np.testing.assert_allclose(f2 @ f1, f3, atol=1e-12)
    np.testing.assert_allclose(f2 @ q1 @ f2.T + q2, q3, atol=1e-12)


def test_without_kicks_the_energy_stays(rng):
    q, v = np.moveaxis(Oscillator(kicks=0).sample(rng, 50, 40).states.astype(float), -1, 0)
    energy = q**2 + v**2
    np.testing.assert_allclose(energy, np.repeat(energy[:, :1], 40, axis=1), rtol=1e-5)
    assert energy.std() > 0.5


@pytest.mark.parametrize("spring", [SPRING, BLIND])
def test_covariance_of_samples(rng, spring):
    """All pairs of times, within 5 standard errors."""
    n, length = 40_000, 5
    x = spring.sample(rng, n, length).x.reshape(n, -1).astype(float)
    exact = joint(spring, length)
    error = np.sqrt((exact**2 + np.outer(np.diag(exact), np.diag(exact))) / n)
    assert np.all(np.abs(x.T @ x / n - exact) < 5 * error)
    assert np.all(np.abs(x.mean(axis=0)) < 5 * np.sqrt(np.diag(exact) / n))


@pytest.mark.parametrize("spring", [SPRING, BLIND])
@pytest.mark.parametrize("t1, t2", [(1, 2), (1, 6), (4, 5), (3, 6), (5, 5)])
def test_prediction_is_the_conditional_gaussian(rng, t1, t2, spring):
    """The filter against the formula for conditioning a Gaussian, on all observations at once."""
    x, d = spring.sample(rng, 7, 6).x, 2 if spring.sees_velocity else 1
    cov, past, then = joint(spring, 6), slice(0, t1 * d), slice((t2 - 1) * d, t2 * d)
    across = cov[then, past].copy()
    if t1 == t2:  # a second look: the same covariance with the past, but for the noise of the first
        across[:, -d:] -= spring.noise**2 * np.eye(d)
    weights = np.linalg.solve(cov[past, past], across.T)  # (t1·D, D)
    mean, std = spring.predict(x, t1, t2)
    np.testing.assert_allclose(mean, x[:, :t1].reshape(7, -1) @ weights, atol=1e-5)
    np.testing.assert_allclose(std**2, np.diag(cov[then, then] - across @ weights), rtol=1e-9)
    later = x.copy()
    later[:, t1:] += 100
    np.testing.assert_array_equal(spring.predict(later, t1, t2)[0], mean)


def test_oscillator_is_float32_and_repeats(rng):
    x, states = SPRING.sample(np.random.default_rng(3), 5, 4)
    assert x.shape == states.shape == (5, 4, 2) and x.dtype == states.dtype == np.float32
    assert BLIND.sample(rng, 5, 4).x.shape == (5, 4, 1)
    np.testing.assert_array_equal(SPRING.sample(np.random.default_rng(3), 5, 4).x, x)
    assert SPRING.predict(x, 2, 3)[0].dtype == np.float32


def test_bad_oscillators(rng):
    x = SPRING.sample(rng, 2, 4).x
    with pytest.raises(ValueError, match=r"x must have shape \(N, T, 2\), got \(2, 4, 1\)"):
        SPRING.predict(x[..., :1], 1, 2)
    with pytest.raises(ValueError, match="t1 must be at most t2 = 2 and T = 4, got 3"):
        SPRING.predict(x, 3, 2)
    with pytest.raises(ValueError, match="t1 must be at most t2 = 9 and T = 4, got 5"):
        SPRING.predict(x, 5, 9)


# --------------------------------------------------------------------- the moving digit


@pytest.mark.parametrize("binary", [True, False])
def test_digits_move_by_rolling(rng, binary):
    images = load().train_images[:30]
    x, start, direction = moving_digits(rng, images, 9, step=3, binary=binary)
    assert x.shape == (30, 9, 14, 28, 1) and x.dtype == np.float32
    for n in range(30):
        small = images[n].reshape(14, 2, 14, 2).astype(float).mean(axis=(1, 3)) / 255
        strip = np.pad(small > 0.5 if binary else small, ((0, 0), (0, 14)))
        for t in range(9):
            np.testing.assert_allclose(
                x[n, t, :, :, 0], np.roll(strip, start[n] + 3 * direction[n] * t, axis=1), atol=1e-6
            )


def test_starts_and_directions_are_uniform(rng):
    n = 28_000
    _, start, direction = moving_digits(rng, np.zeros((n, 28, 28), np.uint8), 1, step=1)
    counts = np.bincount(start, minlength=28)
    assert np.all(np.abs(counts - 1000) < 5 * np.sqrt(1000))
    assert set(direction) == {-1, 1} and abs(direction.sum()) < 5 * np.sqrt(n)
    assert abs(np.corrcoef(start, direction)[0, 1]) < 5 / np.sqrt(n)


def test_once_around(rng):
    x, start, _ = moving_digits(rng, load().train_images[:4], 8)
    assert np.all(start % 4 == 0)
    np.testing.assert_array_equal(x[:, 7], x[:, 0])
    assert np.all((x[:, 0] != x[:, 1]).sum(axis=(1, 2, 3)) > 5)
    assert set(np.unique(x)) == {0, 1}


def test_bad_digits(rng):
    images = np.zeros((2, 28, 28), np.uint8)
    with pytest.raises(ValueError, match=r"images must be uint8 of shape \(N, 28, 28\), got float64"):
        moving_digits(rng, images.astype(float), 3)
    with pytest.raises(ValueError, match="size must be a divisor of 28, got 15"):
        moving_digits(rng, images, 3, size=15)
