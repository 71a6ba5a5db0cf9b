"""Flow matching: formulas by hand, the exact velocity of a mixture, Euler against DDIM, pairs against brute force."""

import itertools
import math

import numpy
import pytest

from minigen.data import toy
from minigen.diffusion.flow_matching import (
    TimeScaled,
    eps_from_velocity,
    flow_alpha_bar,
    flow_matching_loss,
    integrate,
    interpolate,
    ot_pairs,
    reflow_pairs,
    straightness,
    velocity_from_eps,
    velocity_target,
)
from minigen.diffusion.samplers import ddim
from minigen.diffusion.schedule import Schedule

RING = toy.get("ring").standardized()


@pytest.fixture
def rng():
    return numpy.random.default_rng(11)


def exact(x, t, y=None):
    """E[eps − x0 | x_t = x] of the ring; t (N,) holds one time."""
    t = float(t[0])
    eps = (x - (1 - t) * RING.posterior(x, 1 - t, t)[0]) / t if t > 0 else 0 * x
    return eps - RING.posterior(x, 1 - t, t)[0]


def test_a_line_by_hand():
    """Eq. after.09"""
    x0, eps = numpy.array([[2.0, 0.0]]), numpy.array([[-1.0, 4.0]])
    assert interpolate(x0, eps, 0.25).tolist() == [[1.25, 1.0]]
    assert velocity_target(x0, eps).tolist() == [[-3.0, 4.0]]
    images = numpy.ones((2, 3, 3, 1))
    assert interpolate(images, 3 * images, numpy.array([0.0, 0.5]))[:, 0, 0, 0].tolist() == [1.0, 2.0]
    assert interpolate(images.astype(numpy.float32), images.astype(numpy.float32), 0.3).dtype == numpy.float32


def test_loss_by_hand():
    """A model that outputs its time: at t = 0.5 and 1 against the targets −3, 4 and 1, 1. Eq. after.10"""
    seen = []

    def model(x, t, y=None):
        seen.append((x.tolist(), t.tolist(), y))
        return numpy.broadcast_to(t[:, None], x.shape)

    x0, eps = numpy.array([[2.0, 0.0], [0.0, 0.0]]), numpy.array([[-1.0, 4.0], [1.0, 1.0]])
    loss = flow_matching_loss(model, x0, eps, numpy.array([0.5, 1.0]), "label")
    assert loss == pytest.approx((3.5**2 + 3.5**2 + 0 + 0) / 4)
    assert seen == [([[0.5, 2.0], [1.0, 1.0]], [0.5, 1.0], "label")]


def test_the_floor_of_the_loss_is_the_variance_of_the_data(rng):
    """E‖v − (eps − x0)‖² = E tr Cov[x0 | x_t]/t², in the mean over the coordinates. Eq. after.11"""
    n = 20_000
    x0, eps = RING.sample(rng, n).astype(float), rng.standard_normal((n, 2))
    for t in (0.2, 0.5, 0.9):
        x_t = interpolate(x0, eps, t)
        floor = numpy.mean(numpy.trace(RING.posterior(x_t, 1 - t, t)[1], axis1=1, axis2=2)) / t**2 / 2
        assert flow_matching_loss(exact, x0, eps, t) == pytest.approx(floor, rel=0.03)


def test_velocity_and_noise(rng):
    """Eq. after.12"""
    x, eps, t = rng.standard_normal((6, 2)), rng.standard_normal((6, 2)), numpy.linspace(0, 0.9, 6)
    v = velocity_from_eps(x, eps, t)
    x0 = (x - t[:, None] * eps) / (1 - t[:, None])
    assert numpy.allclose(v, eps - x0)
    assert numpy.allclose(eps_from_velocity(x, v, t), eps)
    assert velocity_from_eps(numpy.array([[1.0]]), numpy.array([[0.9]]), 0.8) == pytest.approx(-0.5)


@pytest.mark.parametrize("steps", [4, 10, 50])
def test_euler_is_ddim(steps, rng):
    times = numpy.linspace(1 - 1e-6, 0, steps + 1)
    start = rng.standard_normal((40, 2))
    schedule = Schedule.from_alpha_bar(flow_alpha_bar(times[:-1][::-1]))
    lengths = numpy.sqrt((1 - times) ** 2 + times**2)  # x of the diffusion is x_t over this

    def eps_model(x, t, y=None):
        i = steps - int(t[0])
        at = float(times[i])
        x_t = x * lengths[i]
        return eps_from_velocity(x_t, exact(x_t, numpy.full(len(x), at)), at)

    by_ddim = ddim(eps_model, start / lengths[0], schedule)
    assert numpy.allclose(integrate(exact, start, times), by_ddim, atol=1e-7)


def test_alpha_bar():
    """Eq. after.13"""
    assert flow_alpha_bar(numpy.array([0.0, 0.5, 0.8, 1.0])) == pytest.approx([1, 0.5, 0.04 / 0.68, 0])


def test_integrate_by_hand_and_its_order():
    def decay(x, t, y=None):
        return -x * t[:, None]

    x = numpy.array([[1.0]])
    assert integrate(decay, x, [0.0, 0.5, 1.0]) == pytest.approx(1 * (1 - 0.25))
    assert integrate(decay, x, [0.0, 1.0], "heun") == pytest.approx(1 + (0 - 1) / 2)
    assert integrate(decay, x, [1.0, 0.0]) == pytest.approx(2.0)
    for solver, order in (("euler", 1), ("heun", 2)):
        errors = [
            abs(integrate(decay, x, numpy.linspace(0, 1, n + 1), solver)[0, 0] - math.exp(-0.5)) for n in (50, 100)
        ]
        assert errors[0] / errors[1] == pytest.approx(2**order, rel=0.1)


@pytest.mark.parametrize("solver", ["euler", "heun"])
def test_integrate_passes_the_condition_and_a_time_for_each_example(solver):
    def model(x, t, y=None):
        assert t.shape == (len(x),) and t.dtype == x.dtype
        return numpy.full_like(x, 0 if y is None else y)

    x = integrate(model, numpy.zeros((3, 2), numpy.float32), [1.0, 0.5, 0.0], solver, y=2.0)
    assert x.tolist() == [[-2.0, -2.0]] * 3 and x.dtype == numpy.float32


def test_ot_pairs_are_the_best_of_all(rng):
    """Eq. after.14"""
    for _ in range(5):
        x0, eps = rng.standard_normal((5, 3)), rng.standard_normal((5, 3))
        a, b = ot_pairs(x0, eps)
        costs = [numpy.sum((x0 - eps[list(order)]) ** 2) for order in itertools.permutations(range(5))]
        assert numpy.sum((a - b) ** 2) == pytest.approx(min(costs))
        assert numpy.array_equal(a, x0) and sorted(map(tuple, b)) == sorted(map(tuple, eps))
    x0, eps = numpy.array([[-1.0], [1.0]]), numpy.array([[0.9], [-0.2]])
    assert ot_pairs(x0, eps)[1].tolist() == [[-0.2], [0.9]]


def test_squares_and_not_lengths_count():
    """0 and 3 with 7 and 4: both pairings have lengths of 8 in all, and the squares differ."""
    x0, eps = numpy.array([[0.0], [3.0]]), numpy.array([[7.0], [4.0]])
    assert ot_pairs(x0, eps)[1].tolist() == [[4.0], [7.0]]  # squares: 50 and 32


def test_images_are_paired_by_all_their_pixels(rng):
    x0 = rng.standard_normal((4, 3, 3, 1))
    order = numpy.array([2, 0, 3, 1])
    a, b = ot_pairs(x0, x0[order] + 0.01)
    assert numpy.allclose(a, b, atol=0.011)


def slowing(x, t, y=None):
    """The velocity (t, 0) at every point."""
    return 0 * x + t[:, None] * numpy.array([1.0, 0.0])


def test_straightness():
    """Eq. after.15"""
    x = numpy.array([[1.0, 0.0], [0.0, 2.0]])
    times = [1.0, 0.5, 0.0]
    assert straightness(lambda x, t, y=None: numpy.ones_like(x), x, times) == 0
    # velocity (t, 0): Euler's slopes 1 and 0.5, chord 0.75: the squared deviation is 1/16
    assert straightness(slowing, x, times) == pytest.approx(1 / 16)
    # uneven steps count by their length: slopes 1 and 0.25, chord 0.75 · 1 + 0.25 · 0.25
    chord = 0.75 + 0.0625
    expected = 0.75 * (1 - chord) ** 2 + 0.25 * (0.25 - chord) ** 2
    assert straightness(slowing, x, [1.0, 0.25, 0.0]) == pytest.approx(expected)
    # half of the way: slopes 1 and 0.75, chord 0.875
    assert straightness(slowing, x, [1.0, 0.75, 0.5]) == pytest.approx(1 / 64)


def test_reflow_pairs(rng):
    """Eq. after.16"""
    eps = rng.standard_normal((50, 2))
    x0, start = reflow_pairs(exact, eps, numpy.linspace(1, 0, 9))
    assert start is eps and numpy.allclose(x0, integrate(exact, eps, numpy.linspace(1, 0, 9)))
    x0, _ = reflow_pairs(lambda x, t, y=None: numpy.full_like(x, 0 if y is None else y), eps, [1.0, 0.0], y=2.0)
    assert numpy.allclose(x0, eps - 2)


def test_time_scaled():
    net = TimeScaled(lambda x, t, y=None: t if y is None else (t, y), scale=200.0)
    x = numpy.zeros((2, 1), numpy.float32)
    assert net(x, numpy.array([0.0, 0.5])).tolist() == [0.0, 100.0]
    assert net(x, numpy.array([0.25, 1.0]), "y")[1] == "y" and net(x, numpy.array([0.0, 1.0])).dtype == numpy.float32


ONE = numpy.ones((2, 2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: interpolate(ONE, ONE, 1.5), "t"),
        (lambda: interpolate(ONE, ONE, numpy.zeros(3)), r"t must be one time or have shape \(2,\)"),
        (lambda: interpolate(ONE, ONE[:1], 0.5), "eps"),
        (lambda: velocity_from_eps(ONE, ONE, numpy.array([0.5, 1.0])), "t must be below 1"),
        (lambda: velocity_from_eps(ONE, ONE[:, :1], 0.5), r"eps must have the shape of x, \(2, 2\), got \(2, 1\)"),
        (lambda: eps_from_velocity(ONE, ONE[:, :1], 0.5), r"v must have the shape of x, \(2, 2\), got \(2, 1\)"),
        (lambda: integrate(exact, ONE.astype(int), [1.0, 0.0]), "x must be an array of floats"),
        (lambda: flow_alpha_bar(-0.1), "t"),
        (lambda: integrate(exact, ONE, [1.0, 1.0]), "times must be at least two that rise, or that fall"),
        (lambda: integrate(exact, ONE, [1.5, 0.0]), "times"),
        (lambda: integrate(lambda x, t: x[:1], ONE, [1.0, 0.0]), "model must return the shape of x"),
        (lambda: integrate(exact, ONE, [1.0, 0.0], "rk4"), "solver"),
        (lambda: ot_pairs(ONE, ONE[:, :1]), "eps"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
