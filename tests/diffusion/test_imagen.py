"""Thresholds by hand and against NumPy's quantile, and their derivative by finite differences."""

import numpy as np
import pytest

from minigen.diffusion.imagen import dynamic_threshold, static_threshold, thresholded
from minigen.diffusion.schedule import Schedule
from minigen.tensor import grad

SCHEDULE = Schedule.cosine(6)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_static_by_hand():
    x = np.array([[-3.0, -0.5, 1.0, 1.5]])
    np.testing.assert_array_equal(static_threshold(x), [[-1, -0.5, 1, 1]])


def test_dynamic_by_hand():
    """|x| = 1, 2, 3, 4, 5: the quantile 0.75 is 4. In the second example it is 0.4, so nothing changes."""
    x = np.array([[1.0, -2.0, 3.0, -4.0, 5.0], [0.1, 0.2, 0.3, 0.4, 0.9]])
    np.testing.assert_allclose(dynamic_threshold(x, 0.75), [[0.25, -0.5, 0.75, -1, 1], x[1]])


def test_dynamic_between_two_values():
    """Half of the way from 2 to 4: s = 3."""
    np.testing.assert_allclose(dynamic_threshold(np.array([[2.0, -4.0]]), 0.5), [[2 / 3, -1]])


def test_default_is_the_quantile_of_the_paper(rng):
    x = 2 * rng.standard_normal((4, 14, 14, 1))
    s = np.quantile(np.abs(x).reshape(4, -1), 0.995, axis=1)[:, None, None, None]
    assert s.min() > 1
    np.testing.assert_allclose(dynamic_threshold(x), np.clip(x, -s, s) / s)


@pytest.mark.parametrize("p", [0.0, 0.3, 0.9, 0.995, 1.0])
def test_each_example_by_itself(rng, p):
    x = rng.standard_normal((5, 7, 3)) * np.array([0.1, 1, 2, 5, 1000]).reshape(5, 1, 1)
    whole = dynamic_threshold(x, p)
    for k in range(5):
        s = max(1, np.quantile(np.abs(x[k]), p))
        np.testing.assert_allclose(whole[k], np.clip(x[k], -s, s) / s)
    assert np.abs(whole).max() <= 1


def test_one_value_and_dtypes():
    np.testing.assert_array_equal(dynamic_threshold(np.array([[4.0], [-0.5]])), [[1], [-0.5]])
    x = np.linspace(-3, 3, 12, dtype=np.float32).reshape(2, 6)
    assert dynamic_threshold(x).dtype == static_threshold(x).dtype == np.float32
    assert np.array_equal(x, np.linspace(-3, 3, 12, dtype=np.float32).reshape(2, 6))


@pytest.mark.parametrize("p", [0.35, 0.8])
def test_derivative_by_finite_differences(rng, p):
    """In s too: the two values that the quantile lies between move it."""
    x, w = 2 * rng.standard_normal((3, 8)), rng.standard_normal((3, 8))

    def total(x):
        return (w * dynamic_threshold(x, p)).sum()

    slope = grad(total)(x)
    for index in np.ndindex(*x.shape):
        step = np.zeros_like(x)
        step[index] = 1e-6
        assert slope[index] == pytest.approx((total(x + step) - total(x - step)) / 2e-6, abs=1e-7)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: dynamic_threshold(np.ones((2, 3)), 1.2), r"p must be a number in \[0, 1\]"),
        (lambda: dynamic_threshold(np.array(2.0)), "x0 must have shape"),
        (lambda: thresholded(3, SCHEDULE), "eps_model must be a function"),
        (lambda: thresholded(lambda x, t: x, 3), "schedule must be an instance of Schedule"),
        (lambda: thresholded(lambda x, t: x, SCHEDULE, -0.1), r"p must be a number in \[0, 1\]"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
