"""Transport: the same number by several methods that share nothing, and the proof that goes with each plan.

Eq. gan.10, Eq. gan.11, Eq. gan.12, Eq. gan.13, Eq. gan.17
"""

import itertools

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.spatial.distance import cdist

from minigen.metrics import network_simplex
from minigen.metrics.transport import (
    earth_mover_1d,
    marginals,
    plan_cost,
    plan_gradient,
    sliced_wasserstein,
    transport_plan,
    wasserstein,
    wasserstein_1d,
)
from tests.costs import units_of


def linear_programme(p, q, cost):
    """The transport programme as written, by a general solver."""
    n, m = cost.shape
    rows = np.kron(np.eye(n), np.ones(m))
    columns = np.kron(np.ones(n), np.eye(m))
    result = linprog(cost.ravel(), A_eq=np.concatenate([rows, columns]), b_eq=np.concatenate([p, q]), method="highs")
    assert result.status == 0
    return result.fun


def check_certificate(p, q, cost, result, tol=1e-12):
    """A plan and potentials that prove each other optimal, whatever made them."""
    scale = max(cost.max(), 1e-300)
    f, g = result.potentials
    taken, brought = marginals(result.plan)
    assert result.plan.shape == cost.shape and f.shape == p.shape and g.shape == q.shape
    assert result.plan.min() >= 0
    assert np.allclose(taken, p / p.sum(), rtol=0, atol=1e-14)  # Eq. gan.12: the plan is a coupling of p and q
    assert np.allclose(brought, q / q.sum(), rtol=0, atol=1e-14)
    assert result.cost == pytest.approx((result.plan * cost).sum(), rel=1e-14, abs=1e-300)
    assert np.all(f[:, None] + g <= cost + tol * scale)  # dual feasible
    assert p @ f + q @ g == pytest.approx(result.cost, abs=tol * scale)  # no gap
    assert np.count_nonzero(result.plan) <= sum(cost.shape) - 1  # a vertex: a tree
    assert f[0] == 0
    assert type(result.cost) is float


# -- piles of dirt -------------------------------------------------------------------------------------------------


def test_the_piles_of_the_post():
    cost, deltas = earth_mover_1d((3, 2, 1, 4), (1, 2, 4, 3))  # Eq. gan.10
    assert cost == 5.0 and type(cost) is float
    assert deltas.tolist() == [0, 2, 2, -1, 0]  # Eq. gan.11


def test_piles_are_a_linear_programme_and_a_1d_wasserstein_distance():
    p, q = np.array([3, 2, 1, 4]), np.array([1, 2, 4, 3])
    steps = np.abs(np.subtract.outer(np.arange(4), np.arange(4))).astype(float)
    assert transport_plan(p / 10, q / 10, steps).cost * 10 == pytest.approx(5, abs=1e-12)
    assert wasserstein_1d(np.repeat(np.arange(4), p), np.repeat(np.arange(4), q)) * 10 == pytest.approx(5, abs=1e-12)


def test_piles_scale_reverse_and_may_hold_fractions():
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet(np.ones(7), size=2)
    cost, deltas = earth_mover_1d(p, q)
    assert cost == pytest.approx(scipy.stats.wasserstein_distance(range(7), range(7), p, q), rel=1e-12)
    assert earth_mover_1d(q, p).cost == pytest.approx(cost)
    assert np.allclose(earth_mover_1d(q, p).deltas, -deltas)
    assert earth_mover_1d(6 * p, 6 * q).cost == pytest.approx(6 * cost)
    assert earth_mover_1d([2.0], [2.0]) == (0.0, pytest.approx([0, 0]))
    assert earth_mover_1d([1, 0, 0], [0, 0, 1]).cost == 2  # over an empty pile


@pytest.mark.parametrize(
    ("p", "q", "message"),
    [
        ([1, 2], [1, 1], r"p and q must have the same total, got 3 and 2"),
        ([1, 2], [1, 1, 1], r"q must have shape \(2,\), got \(3,\)"),
        ([2, -1], [1, 0], r"p must be nonnegative, got values from -1"),
        ([[1]], [1], r"p must have shape \(n,\), got \(1, 1\)"),
        ([1, np.inf], [1, 1], r"p must be finite"),
        ([1], [], r"q must have shape \(1,\), none of them 0"),
    ],
)
def test_bad_piles(p, q, message):
    with pytest.raises(ValueError, match=message):
        earth_mover_1d(p, q)


# -- samples of numbers --------------------------------------------------------------------------------------------


def test_wasserstein_1d_by_hand():
    assert wasserstein_1d([0, 10], [11, 1]) == 1  # sorted first
    assert wasserstein_1d([0], [0, 3]) == 1.5  # half the mass stays
    # thirds at 0, 1, 2 against halves at 0, 6: 1/6 moves by 1, 1/6 by 5, 1/3 by 4
    assert wasserstein_1d([0, 1, 2], [0, 6]) == pytest.approx(1 / 6 + 5 / 6 + 4 / 3)
    assert type(wasserstein_1d([0], [1])) is float


numbers = st.lists(st.floats(-100, 100), min_size=1, max_size=12)


@settings(max_examples=100, deadline=None)
@given(numbers, numbers)
def test_wasserstein_1d_of_any_sizes_equals_scipy(x, y):
    assert wasserstein_1d(x, y) == pytest.approx(scipy.stats.wasserstein_distance(x, y), rel=1e-9, abs=1e-9)


def test_wasserstein_1d_of_normals():
    # equal widths: |difference of means|; equal means: |difference of widths| E|z|
    z = scipy.stats.norm.ppf((np.arange(100_000) + 0.5) / 100_000)
    assert wasserstein_1d(z, 3 + z) == pytest.approx(3, rel=1e-12)
    assert wasserstein_1d(z, 3 * z[::2]) == pytest.approx(2 * np.sqrt(2 / np.pi), rel=1e-3)


# -- clouds of equal size ------------------------------------------------------------------------------------------


def test_wasserstein_is_the_best_of_all_permutations():
    # Eq. gan.12
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((6, 3)), rng.standard_normal((6, 3)) + 0.5

    def mean_distance(s):
        return np.mean([np.linalg.norm(x[i] - y[j]) for i, j in enumerate(s)])

    assert wasserstein(x, y) == pytest.approx(min(map(mean_distance, itertools.permutations(range(6)))), rel=1e-12)


def test_wasserstein_of_a_moved_cloud_is_the_length_of_the_move():
    x = np.random.default_rng(2).standard_normal((300, 2))
    assert wasserstein(x, x[::-1] + [3, 4]) == pytest.approx(5, rel=1e-12)
    assert wasserstein(x, x[::-1]) == 0
    assert wasserstein(x, 3 * x) == pytest.approx(2 * np.linalg.norm(x, axis=1).mean(), rel=1e-12)  # along the rays
    assert wasserstein(2 * x, 2 * x**2) == pytest.approx(2 * wasserstein(x, x**2), rel=1e-12)
    assert type(wasserstein(x, x)) is float


def test_wasserstein_in_one_dimension_equals_sorted_differences_and_the_plan():
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((80, 1)), rng.exponential(size=(80, 1))
    sorted_differences = np.abs(np.sort(x[:, 0]) - np.sort(y[:, 0])).mean()
    uniform = np.full(80, 1 / 80)
    assert wasserstein(x, y) == pytest.approx(sorted_differences, rel=1e-12)
    assert wasserstein_1d(x[:, 0], y[:, 0]) == pytest.approx(sorted_differences, rel=1e-12)
    assert transport_plan(uniform, uniform, cdist(x, y)).cost == pytest.approx(sorted_differences, rel=1e-12)


def test_wasserstein_float32_and_triangle_inequality():
    rng = np.random.default_rng(4)
    x, y, z = rng.standard_normal((3, 50, 2)).astype(np.float32)
    assert wasserstein(x, y) == wasserstein(x.astype(np.float64), y.astype(np.float64))
    assert wasserstein(x, y) == pytest.approx(wasserstein(y, x), rel=1e-12)
    assert wasserstein(x, z) <= wasserstein(x, y) + wasserstein(y, z) + 1e-12


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((3, 2)), np.zeros((4, 2)), r"y must have the shape of x, \(3, 2\), got \(4, 2\)"),
        (np.zeros((3, 2)), np.zeros((3, 1)), r"y must have the shape of x, \(3, 2\), got \(3, 1\)"),
        (np.zeros(3), np.zeros(3), r"x must have shape \(N, D\), got \(3,\)"),
        (np.zeros((3, 2)), np.full((3, 2), np.inf), r"y must be finite, got 6 non-finite values"),
    ],
)
def test_wasserstein_bad_input(x, y, message):
    with pytest.raises(ValueError, match=message):
        wasserstein(x, y)


# -- the linear programme ------------------------------------------------------------------------------------------


def test_a_plan_by_hand():
    # the second sink takes the rest of the first source
    p, q, cost = np.array([0.75, 0.25]), np.array([0.5, 0.5]), np.array([[0.0, 1.0], [1.0, 0.0]])
    result = transport_plan(p, q, cost)
    assert np.allclose(result.plan, [[0.5, 0.25], [0.0, 0.25]], atol=1e-15)
    assert result.cost == pytest.approx(0.25, abs=1e-15)
    check_certificate(p, q, cost, result)


COSTS = {
    "random": lambda rng, n, m: rng.random((n, m)),
    "ties": lambda rng, n, m: rng.integers(0, 3, (n, m)).astype(float),
    "line": lambda rng, n, m: np.abs(np.subtract.outer(rng.integers(0, 5, n), rng.integers(0, 5, m))).astype(float),
    "plane": lambda rng, n, m: cdist(rng.standard_normal((n, 2)), rng.standard_normal((m, 2)) + 1),
    "zero": lambda rng, n, m: np.zeros((n, m)),
    "large": lambda rng, n, m: 1e6 * rng.random((n, m)) ** 8,
}
WEIGHTS = {
    "dirichlet": lambda rng, n: rng.dirichlet(np.ones(n)),
    "uniform": lambda rng, n: np.full(n, 1 / n),
    "twelfths": lambda rng, n: rng.multinomial(12, np.full(n, 1 / n)) / 12,  # many zeros, many ties
}


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("costs", COSTS)
def test_plans_equal_a_general_solver_and_prove_themselves(costs, weights):
    rng = np.random.default_rng(5)
    for n, m in [(1, 1), (1, 6), (6, 1), (4, 6), (9, 9), (20, 13), (30, 60)]:
        p, q, cost = WEIGHTS[weights](rng, n), WEIGHTS[weights](rng, m), COSTS[costs](rng, n, m)
        result = transport_plan(p, q, cost)
        check_certificate(p, q, cost, result)
        assert result.cost == pytest.approx(linear_programme(p, q, cost), abs=1e-8 * max(cost.max(), 1))


def test_plan_of_weights_that_span_many_orders():
    rng = np.random.default_rng(6)
    for _ in range(20):
        p, q, cost = rng.dirichlet(np.full(30, 0.05)), rng.dirichlet(np.full(25, 0.05)), rng.random((30, 25))
        check_certificate(p, q, cost, transport_plan(p, q, cost))


def test_equal_weights_give_a_permutation_of_the_assignment():
    rng = np.random.default_rng(7)
    x, y = rng.standard_normal((150, 2)), rng.standard_normal((150, 2)) @ [[1.0, 0.3], [0.0, 2.0]]
    uniform = np.full(150, 1 / 150)
    result = transport_plan(uniform, uniform, cdist(x, y))
    assert result.cost == pytest.approx(wasserstein(x, y), rel=1e-12)
    assert np.array_equal(np.sort(result.plan, axis=1)[:, -2:], np.tile([0, 1 / 150], (150, 1)))  # no dust


def test_the_dual_is_a_lipschitz_critic():
    # Eq. gan.17: on the union of the points f is 1-Lipschitz and the difference of its means is W1
    rng = np.random.default_rng(8)
    x, y = rng.standard_normal((60, 2)), rng.standard_normal((40, 2)) + 1
    cost = cdist(x, y)
    result = transport_plan(np.full(60, 1 / 60), np.full(40, 1 / 40), cost)
    points = np.concatenate([x, y])
    critic = (cdist(points, y) - result.potentials[1]).min(axis=1)  # (100,)
    slopes = np.abs(np.subtract.outer(critic, critic)) - cdist(points, points)
    assert slopes.max() <= 1e-12
    assert critic[:60].mean() - critic[60:].mean() == pytest.approx(result.cost, rel=1e-12)


def test_float32_probabilities():
    rng = np.random.default_rng(9)
    p, q = (rng.dirichlet(np.ones(40)).astype(np.float32) for _ in range(2))
    cost = rng.random((40, 40)).astype(np.float32)
    exact = transport_plan(p / p.sum(dtype=float), q / q.sum(dtype=float), cost.astype(float))
    assert transport_plan(p, q, cost).cost == pytest.approx(exact.cost, rel=1e-12)


def test_the_initial_tree_is_strongly_feasible():
    rng = np.random.default_rng(10)
    for n, m in [(1, 5), (5, 1), (12, 12), (12, 30)]:
        p, q, _ = network_simplex.integer_amounts(np.full(n, 1 / n), np.full(m, 1 / m))
        amount, parent = network_simplex.initial_tree(p, q, rng.random((n, m)), nearest=3)
        assert len(amount) == n + m - 1 and parent.count(-1) == 1 and parent.index(-1) >= n
        for (i, j), x in amount.items():
            assert x > 0 or parent[i] == j
        sums = np.zeros(n + m, int)
        for arc, x in amount.items():
            sums[list(arc)] += x
        assert np.array_equal(sums, np.concatenate([p, q]))


def test_every_pivot_keeps_the_tree_strongly_feasible(monkeypatch):
    # empty arcs point from a source up to its parent, so that degenerate pivots cannot cycle
    pivots = []
    pivot = network_simplex.Tree.pivot

    def checked(tree, source, sink, gain):
        pivot(tree, source, sink, gain)
        pivots.append(tree.amount[source, sink])
        assert all(x > 0 or tree.parent[i] == j for (i, j), x in tree.amount.items())
        assert len(tree.amount) == len(tree.parent) - 1 == len(tree.subtree(tree.root)) - 1  # a tree

    monkeypatch.setattr(network_simplex.Tree, "pivot", checked)
    rng = np.random.default_rng(16)
    for n, m in [(15, 15), (12, 18), (40, 20)]:
        for cost in (rng.random((n, m)), rng.integers(0, 6, (n, m)).astype(float)):
            p, q = np.full(n, 1 / n), np.full(m, 1 / m)
            assert transport_plan(p, q, cost).cost == pytest.approx(linear_programme(p, q, cost), abs=1e-9)
    assert pivots.count(0) > 20 and len(pivots) > pivots.count(0) + 20


@pytest.mark.slow
def test_a_thousand_points_a_side_take_seconds():
    rng = np.random.default_rng(11)
    p, q = rng.dirichlet(np.ones(1000), size=2)
    cost = cdist(rng.standard_normal((1000, 2)), rng.standard_normal((1000, 2)) + 1)
    results = []
    assert units_of(lambda: results.append(transport_plan(p, q, cost))) < 20  # about 1.4
    check_certificate(p, q, cost, results[0])


@pytest.mark.parametrize(
    ("p", "q", "cost", "message"),
    [
        ([0.5, 0.4], [0.5, 0.5], np.ones((2, 2)), r"p must sum to one over its last axis, got a sum of 0.9"),
        ([0.5, 0.5], [3, 2], np.ones((2, 2)), r"q must sum to one over its last axis, got a sum of 5"),
        ([1.5, -0.5], [0.5, 0.5], np.ones((2, 2)), r"p must be nonnegative, got values from -0.5"),
        ([0.5, 0.5], [0.5, 0.5], [[0, -1], [1, 0]], r"cost must be nonnegative, got values from -1"),
        ([0.5, 0.5], [0.5, 0.5], [[0, np.inf], [1, 0]], r"cost must be finite, got 1 non-finite values"),
        ([0.5, 0.5], [1.0], np.ones((1, 2)), r"cost must have shape \(2, 1\), got \(1, 2\)"),
        ([0.5, 0.5], [1.0], np.ones(2), r"cost must have shape \(2, 1\), got \(2,\)"),
        ([[0.5, 0.5]], [1.0], np.ones((2, 1)), r"p must have shape \(n,\), got \(1, 2\)"),
    ],
)
def test_transport_plan_bad_input(p, q, cost, message):
    with pytest.raises(ValueError, match=message):
        transport_plan(p, q, cost)


def test_marginals_and_cost_of_a_plan():
    plan = np.array([[0.1, 0.2, 0.0], [0.0, 0.3, 0.4]])
    p, q = marginals(plan)
    assert np.allclose(p, [0.3, 0.7]) and np.allclose(q, [0.1, 0.5, 0.4])
    assert plan_cost(plan, [[1, 2, 9], [9, 3, 4]]) == pytest.approx(0.1 + 0.4 + 0.9 + 1.6)  # Eq. gan.13
    with pytest.raises(ValueError, match=r"cost must have shape \(2, 3\), got \(3, 2\)"):
        plan_cost(plan, np.ones((3, 2)))
    with pytest.raises(ValueError, match="plan must be nonnegative, got values from -1"):
        marginals([[-1.0]])
    with pytest.raises(ValueError, match="cost must be nonnegative"):
        plan_cost(plan, -np.ones((2, 3)))


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_the_gradient_of_the_best_plan_is_that_of_the_distance(dim):
    rng = np.random.default_rng(17)
    x, y = rng.standard_normal((25, dim)), rng.standard_normal((25, dim)) + 0.5
    uniform = np.full(25, 1 / 25)
    gradient = plan_gradient(transport_plan(uniform, uniform, cdist(x, y)).plan, x, y)
    step = 1e-6
    for j, d in [(0, 0), (7, dim - 1), (24, 0)]:
        move = np.zeros((25, dim))
        move[j, d] = step
        slope = (wasserstein(x, y + move) - wasserstein(x, y - move)) / (2 * step)
        assert gradient[j, d] == pytest.approx(slope, abs=1e-8)


def test_the_gradient_of_a_plan_by_hand():
    plan = np.array([[0.25, 0.25], [0.0, 0.5]])
    x, y = np.array([[0.0, 0.0], [3.0, 5.0]]), np.array([[0.0, 0.0], [3.0, 4.0]])
    # to y_0 nothing travels; to y_1 a quarter along (3, 4)/5 and a half along (0, -1)
    assert np.allclose(plan_gradient(plan, x, y), [[0, 0], [0.15, 0.2 - 0.5]], rtol=0, atol=1e-15)
    assert np.array_equal(plan_gradient([[1.0]], [[0.0]], [[1e-200]]), [[0.0]])  # too near for a direction
    with pytest.raises(ValueError, match=r"plan must have shape \(2, 1\), got \(2, 2\)"):
        plan_gradient(plan, x, y[:1])
    with pytest.raises(ValueError, match=r"y must have shape \(M, 2\), got \(2, 1\)"):
        plan_gradient(plan, x, y[:, :1])
    with pytest.raises(ValueError, match="plan must be nonnegative"):
        plan_gradient(-plan, x, y)


# -- slices --------------------------------------------------------------------------------------------------------


def test_sliced_wasserstein_of_a_moved_cloud():
    # W1 of a projection is |u.t|; its mean over the circle is 2/pi |t|, with variance (1/2 - 4/pi^2) |t|^2
    rng = np.random.default_rng(12)
    x = rng.standard_normal((50, 2))
    error = 5 * np.sqrt((0.5 - 4 / np.pi**2) / 4000)
    assert sliced_wasserstein(x, x[::-1] + [0.6, 0.8], 4000, rng) == pytest.approx(2 / np.pi, abs=error)
    # on the sphere of three dimensions the mean is 1/2, with variance 1/3 - 1/4
    x = rng.standard_normal((50, 3))
    error = 5 * np.sqrt((1 / 3 - 1 / 4) / 4000)
    assert sliced_wasserstein(x, x + [0, 0, 1], 4000, rng) == pytest.approx(0.5, abs=error)


def test_sliced_wasserstein_is_the_mean_over_its_directions():
    x, y = np.random.default_rng(13).standard_normal((2, 40, 3)) * [[[1]], [[2]]]
    y = y[:25]  # unequal sizes
    directions = np.random.default_rng(14).standard_normal((3, 130))
    directions /= np.sqrt((directions**2).sum(axis=0))
    each = [scipy.stats.wasserstein_distance(x @ u, y @ u) for u in directions.T]
    assert sliced_wasserstein(x, y, 130, np.random.default_rng(14)) == pytest.approx(np.mean(each), rel=1e-10)
    assert type(sliced_wasserstein(x, y, 1, np.random.default_rng(0))) is float


def test_sliced_wasserstein_in_one_dimension_and_below_the_exact_distance():
    rng = np.random.default_rng(15)
    x, y = rng.standard_normal((60, 1)), rng.exponential(size=(45, 1))
    assert sliced_wasserstein(x, y, 3, rng) == pytest.approx(wasserstein_1d(x[:, 0], y[:, 0]), rel=1e-12)
    x, y = rng.standard_normal((100, 2)), rng.standard_normal((100, 2)) + 1
    assert 0 < sliced_wasserstein(x, y, 500, rng) < wasserstein(x, y)
    assert sliced_wasserstein(x, x[::-1], 50, rng) == pytest.approx(0, abs=1e-15)
    # the same generator state gives the same number
    a, b = (sliced_wasserstein(x, y, 20, np.random.default_rng(3)) for _ in range(2))
    assert a == b


@pytest.mark.parametrize(
    ("x", "y", "projections", "message"),
    [
        (
            np.zeros((3, 2)),
            np.zeros((3, 3)),
            5,
            r"y must have shape \(M, 2\), got \(3, 3\)",
        ),
        (np.zeros(3), np.zeros(3), 5, r"x must have shape \(N, D\), got \(3,\)"),
        (np.zeros((3, 2)), np.zeros((3, 2)), 0, r"projections must be a whole number of at least 1, got 0"),
        (np.zeros((3, 2)), np.zeros((3, 2)), 2.5, r"projections must be a whole number of at least 1, got 2.5"),
        (np.zeros((3, 2)), np.full((3, 2), np.nan), 5, r"y must be finite"),
    ],
)
def test_sliced_wasserstein_bad_input(x, y, projections, message):
    with pytest.raises(ValueError, match=message):
        sliced_wasserstein(x, y, projections, np.random.default_rng(0))
