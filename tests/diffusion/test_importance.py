"""Probabilities by hand, and weights that keep the mean of the loss."""

import numpy as np
import pytest

from minigen.diffusion.importance import LossAwareTimes, loss_aware_probabilities
from minigen.tensor import value_and_grad


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def filled(losses, history=1, **options):
    """Time steps 1 ... T, each with the same losses `history` times."""
    times = LossAwareTimes(len(losses), history, **options)
    for _ in range(history):
        times.update(np.arange(1, len(losses) + 1), np.array(losses, float))
    return times


def test_probabilities_by_hand():
    """Of losses 1, 3 and 4, a fifth uniform: 0.8 · loss/8 + 0.2/3."""
    times = filled([1, 3, 4], uniform=0.2)
    np.testing.assert_allclose(times.probabilities(), [0, 0.1 + 0.2 / 3, 0.3 + 0.2 / 3, 0.4 + 0.2 / 3])


def test_the_root_of_the_mean_square():
    """Losses 1 and 7 have the mean square 25, so 5; twice 5 have it too. A negative loss counts by its size."""
    times = LossAwareTimes(2, history=2, uniform=0)
    times.update(np.array([1, 2, 2, 1]), np.array([1.0, 5.0, 5.0, -7.0]))
    np.testing.assert_allclose(times.probabilities(), [0, 0.5, 0.5])


def test_least_variance_of_the_weighted_loss(rng):
    """With uniform = 0 no other probabilities give L_t/p_t a smaller second moment, Σ E[L_t²]/p_t."""
    losses = rng.standard_normal((5, 40)) * np.array([[0.1], [1], [3], [10], [0]]) + 0.2
    square = np.mean(losses**2, axis=1)
    p = loss_aware_probabilities(losses, uniform=0)
    assert p.sum() == pytest.approx(1) and np.sum(square / p) == pytest.approx(np.sum(np.sqrt(square)) ** 2)
    for _ in range(20):
        other = p * np.exp(0.3 * rng.standard_normal(5))
        assert np.sum(square / other * other.sum()) > np.sum(square / p)


def test_uniform_until_all_have_their_history():
    times = LossAwareTimes(3, history=2)
    even = [0, 1 / 3, 1 / 3, 1 / 3]
    np.testing.assert_allclose(times.probabilities(), even)
    times.update(np.array([1, 2, 3, 1, 2]), np.array([1.0, 2.0, 3.0, 1.0, 2.0]))
    np.testing.assert_allclose(times.probabilities(), even)
    times.update(np.array([2, 2]), np.array([9.0, 9.0]))
    np.testing.assert_allclose(times.probabilities(), even)  # step 3 still has one loss
    times.update(np.array([3]), np.array([3.0]))
    assert np.ptp(times.probabilities()[1:]) > 0.1


def test_the_oldest_loss_is_dropped():
    """Entered in order, also within one batch: of 1, 2, 3 the last two are kept."""
    times = LossAwareTimes(2, history=2, uniform=0)
    times.update(np.array([1, 1, 1, 2, 2]), np.array([1.0, 2.0, 3.0, 1.0, 1.0]))
    size = np.sqrt((4 + 9) / 2)
    np.testing.assert_allclose(times.probabilities()[1:], [size / (size + 1), 1 / (size + 1)])
    times.update(np.array([1]), np.array([0.0]))
    size = np.sqrt(9 / 2)
    np.testing.assert_allclose(times.probabilities()[1:], [size / (size + 1), 1 / (size + 1)])


def test_no_step_is_given_up():
    np.testing.assert_allclose(filled([0, 2], 3).probabilities(), [0, 0.0005, 0.9995])
    np.testing.assert_allclose(filled([0, 0, 0]).probabilities(), [0, 1 / 3, 1 / 3, 1 / 3])


def test_samples_and_weights(rng):
    """Frequencies at 5 standard errors; weight · loss has the mean of uniform steps; p ∝ loss has no variance."""
    losses, n = np.array([0.0, 1, 3, 4]), 40_000
    times = filled(losses[1:], uniform=0.1)
    p = times.probabilities()
    t, weight = times.sample(rng, n)
    assert t.shape == weight.shape == (n,) and t.dtype == np.int64 and weight.dtype == np.float32
    frequency = np.bincount(t, minlength=4) / n
    np.testing.assert_array_less(np.abs(frequency - p), 5 * np.sqrt(p * (1 - p) / n) + 1e-12)
    np.testing.assert_allclose(weight, 1 / (3 * p[t]), rtol=1e-6)
    estimate = weight * losses[t]
    assert abs(estimate.mean() - 8 / 3) < 5 * estimate.std() / np.sqrt(n)
    t, weight = filled(losses[1:], uniform=0).sample(rng, 100)
    np.testing.assert_allclose(weight * losses[t], 8 / 3, rtol=1e-6)


def test_same_generator_same_steps():
    times = filled([1, 3, 4])
    one, two = (times.sample(np.random.default_rng(3), 9) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_losses_of_a_training_step():
    """Losses that are being differentiated are entered as numbers; no derivative is lost."""
    times = LossAwareTimes(3, history=1)

    def loss(w):
        losses = w * np.array([1.0, 2.0, 3.0])
        times.update(np.array([1, 2, 3]), losses)
        return (losses**2).sum()

    value, slope = value_and_grad(loss)(np.array(2.0))
    assert value == 56 and slope == 56
    np.testing.assert_array_equal(times.losses[1:, 0], [2, 4, 6])


def test_state_and_back(rng):
    times, other = filled([1, 3, 4], 2), LossAwareTimes(3, 2)
    state = times.state()
    assert other.load_state(state) is other
    for each in (times, other):
        each.update(np.array([2]), np.array([10.0]))
    np.testing.assert_array_equal(times.probabilities(), other.probabilities())
    assert np.any(state["losses"] != times.losses)  # a copy
    with pytest.raises(ValueError, match="losses must have shape"):
        other.load_state(LossAwareTimes(4, 2).state())


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda times, rng: times.update(np.array([0]), np.ones(1)), r"t must be in 1..3, got values from 0 to 0"),
        (lambda times, rng: times.update(np.array([4]), np.ones(1)), r"t must be in 1..3"),
        (lambda times, rng: times.update(np.array([1.0]), np.ones(1)), "t must be whole numbers"),
        (lambda times, rng: times.update(1, 1.0), r"t must have shape \(N,\), got \(\)"),
        (lambda times, rng: times.update(np.array([1, 2]), np.ones(3)), r"losses must have shape \(2,\), got \(3,\)"),
        (lambda times, rng: times.update(np.array([1]), np.array([np.nan])), "losses must be finite"),
        (lambda times, rng: loss_aware_probabilities(np.ones(3)), r"losses must have shape \(T, history\)"),
        (lambda times, rng: loss_aware_probabilities(np.ones((3, 2)), 2), r"uniform must be a number in \[0, 1\]"),
        (lambda times, rng: times.sample(0, 5), "rng must be a numpy.random.Generator"),
        (lambda times, rng: times.sample(rng, 0), "n must be a whole number of at least 1"),
    ],
)
def test_errors(rng, call, message):
    times = LossAwareTimes(3, 1)
    with pytest.raises(ValueError, match=message):
        call(times, rng)
    assert times.count.sum() == 0  # nothing was entered
