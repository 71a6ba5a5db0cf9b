"""Masked diffusion in worlds that can be summed: the bound over all orders, Bayes' rule, the cost of a large step."""

import itertools
import math

import autograd.numpy as np
import numpy
import pytest

from minigen.diffusion.masked import (
    Table,
    draw,
    exact_denoiser,
    mask,
    masked_elbo,
    masked_nll,
    order_weight,
    total_correlation,
    unmask_step,
)
from minigen.tensor import grad


def world(D, K, seed=0, zeros=0):
    """A table of all K^D configurations, some of them impossible."""
    rng = numpy.random.default_rng(seed)
    configurations = numpy.array(list(itertools.product(range(K), repeat=D)))
    p = rng.exponential(size=len(configurations)) ** 2
    p[rng.permutation(len(p))[:zeros]] = 0
    return Table(configurations, p / p.sum(), K)


CODES = world(3, 4)  # 64 codes of three symbols, and of six bits
BITS = world(6, 2, seed=1)
SPARSE = world(3, 3, seed=2, zeros=15)


@pytest.fixture
def rng():
    return numpy.random.default_rng(23)


def conditional(table, visible, i):
    """p(x_i = a | visible), a = 0..K − 1, by Bayes' rule in plain Python: visible maps positions to symbols."""
    sums = [0.0] * table.K
    for configuration, p in zip(table.configurations.tolist(), table.probabilities.tolist()):
        if all(configuration[j] == symbol for j, symbol in visible.items()):
            sums[configuration[i]] += p
    return [each / sum(sums) for each in sums]


def all_masked(table):
    """All sequences of symbols and mask tokens whose visible part is possible."""
    D, K = table.configurations.shape[1], table.K
    for x in itertools.product(range(K + 1), repeat=D):
        visible = {j: symbol for j, symbol in enumerate(x) if symbol < K}
        if any(
            p > 0 and all(c[j] == symbol for j, symbol in visible.items())
            for c, p in zip(table.configurations.tolist(), table.probabilities)
        ):
            yield list(x), visible


def logits_of(table):
    """The exact model, with logits of −inf at symbols that are impossible."""

    def logits_fn(x_masked):
        with numpy.errstate(divide="ignore"):
            return numpy.log(exact_denoiser(table, x_masked))

    return logits_fn


def wrong_logits(K):
    """Logits that depend on every position, and are no conditionals of one distribution."""

    def logits_fn(x_masked):
        seen = x_masked @ numpy.arange(1.0, x_masked.shape[1] + 1)
        i, a = numpy.arange(x_masked.shape[1])[:, None], numpy.arange(K)
        return 2 * numpy.sin(3 * seen[:, None, None] + i + i * a + 0.5 * a**2)

    return logits_fn


def over_orders(logits_fn, x, K):
    """The mean over all orders of Σ −log p(x_i | those before it), in plain Python: x (N, D) -> (N,)."""
    D, total, seen = x.shape[1], numpy.zeros(len(x)), {}
    orders = list(itertools.permutations(range(D)))
    for order in orders:
        for m, i in enumerate(order):
            before = frozenset(order[:m])
            if before not in seen:
                logits = logits_fn(numpy.where([j in before for j in range(D)], x, K))
                seen[before] = logits - numpy.log(numpy.exp(logits).sum(axis=-1, keepdims=True))
            total -= seen[before][numpy.arange(len(x)), i, x[:, i]]
    return total / len(orders)


def summed_bound(logits_fn, x, K):
    """The bound without drawing: all masks with their weights."""
    total = 0
    for keep in itertools.product([False, True], repeat=x.shape[1]):
        m = x.shape[1] - sum(keep)
        if m:
            kept = numpy.broadcast_to(keep, x.shape)
            total = total + order_weight(m, x.shape[1]) * masked_nll(logits_fn, x, kept, K)
    return total


# -- masking -----------------------------------------------------------------------------------------------------------


def test_mask_by_hand():
    """Eq. after.30"""
    x = numpy.array([[0, 1, 2], [2, 0, 1]])
    keep = numpy.array([[True, False, True], [False, False, True]])
    assert mask(x, keep).tolist() == [[0, 3, 2], [3, 3, 1]]
    assert mask(x, keep, 5).tolist() == [[0, 5, 2], [5, 5, 1]]
    assert x.tolist() == [[0, 1, 2], [2, 0, 1]] and mask(x, keep).dtype == x.dtype
    assert mask(x, numpy.ones_like(keep)).tolist() == x.tolist() and (mask(x, numpy.zeros_like(keep)) == 3).all()
    small = mask(numpy.full((1, 2), 127, numpy.int8), numpy.array([[True, False]]))
    assert small.tolist() == [[127, 128]]
    assert mask([1, 0], [True, False]).tolist() == [1, 2] and mask(x[:0], keep[:0], 3).shape == (0, 3)


# -- the bound ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", [CODES, BITS], ids=["codes", "bits"])
def test_the_bound_is_the_mean_over_all_orders(table):
    """Also of a model that is wrong. Eq. after.31, Eq. after.32"""
    x = table.configurations
    found = summed_bound(wrong_logits(table.K), x, table.K)
    assert numpy.allclose(found, over_orders(wrong_logits(table.K), x, table.K), rtol=0, atol=1e-12)


@pytest.mark.parametrize("table", [CODES, BITS, SPARSE], ids=["codes", "bits", "sparse"])
def test_the_bound_of_the_exact_model_is_the_likelihood(table):
    """−log p(x) of every x, and its mean the entropy."""
    possible = table.probabilities > 0
    x, p = table.configurations[possible], table.probabilities[possible]
    found = summed_bound(logits_of(table), x, table.K)
    assert numpy.allclose(found, -numpy.log(p), rtol=0, atol=1e-12)
    assert p @ found == pytest.approx(-(p @ numpy.log(p)), abs=1e-12)


def test_an_impossible_symbol_costs_infinity():
    x = numpy.array([[0, 1]])

    def certain(x_masked):
        return numpy.array([[[-numpy.inf, 0.0], [-numpy.inf, 0.0]]])

    assert masked_nll(certain, x, [[True, False]]).tolist() == [0]
    assert masked_nll(certain, x, [[False, True]]).tolist() == [numpy.inf]


def test_weights_of_sets():
    """∫ t^(m − 1) (1 − t)^(D − m) dt by Simpson's rule, and 1/m over the sets of each size. Eq. after.32"""
    t = numpy.linspace(0, 1, 2001)
    simpson = numpy.r_[1, numpy.tile([4, 2], 999), 4, 1] / 6000
    for D in (1, 2, 5, 6):
        for m in range(1, D + 1):
            integral = simpson @ (t ** (m - 1) * (1 - t) ** (D - m))
            assert order_weight(m, D) == pytest.approx(integral, abs=1e-10)
            assert order_weight(m, D) * math.comb(D, m) == pytest.approx(1 / m, rel=1e-14)
    assert order_weight(numpy.array([[1, 2]]), 2).tolist() == [[0.5, 0.5]]


def test_one_draw_is_unbiased(rng):
    """At a fixed t the mean over all masks, by enumeration; over t the bound: within five standard errors."""
    logits_fn, n = wrong_logits(4), 10_000
    for x in ([[0, 3, 1]], [[2, 2, 0]]):
        x = numpy.array(x)
        for t in (0.2, 0.7):
            expected = 0
            for keep in itertools.product([False, True], repeat=3):
                chance = math.prod(1 - t if kept else t for kept in keep)
                expected += chance * masked_nll(logits_fn, x, [keep], 4)[0] / t
            found = masked_elbo(logits_fn, numpy.repeat(x, n, axis=0), t, rng)
            assert found.shape == (n,) and numpy.mean(found) == pytest.approx(expected, abs=5 * found.std() / n**0.5)
        t = 1 - rng.random(n)
        found = masked_elbo(logits_fn, numpy.repeat(x, n, axis=0), t, rng, K=4)
        bound = summed_bound(logits_fn, x, 4)[0]
        assert numpy.mean(found) == pytest.approx(bound, abs=5 * found.std() / n**0.5)


def test_at_the_end_everything_is_masked(rng):
    x = CODES.configurations
    found = masked_elbo(logits_of(CODES), x, 1.0, rng)
    alone = [conditional(CODES, {}, i) for i in range(3)]
    assert numpy.allclose(found, [-sum(math.log(alone[i][a]) for i, a in enumerate(row)) for row in x.tolist()])
    assert masked_elbo(logits_of(CODES), x, 1, rng).shape == (64,)


def test_each_example_has_its_time(rng):
    seen = []

    def logits_fn(x_masked):
        seen.append((x_masked == 2).mean(axis=1))
        return numpy.zeros((*x_masked.shape, 2), numpy.float32)

    x, t = rng.integers(0, 2, (3, 5000)), numpy.array([0.1, 0.5, 1.0])
    nats = masked_elbo(logits_fn, x, t, rng)
    assert nats.dtype == numpy.float32 and seen[-1] == pytest.approx(t, abs=5 * 0.5 / 5000**0.5) and seen[-1][2] == 1
    assert nats == pytest.approx(seen[-1] / t * 5000 * math.log(2), rel=1e-5)


def test_the_mask_token_is_the_models(rng):
    """A batch without the last symbols is masked with K, not with a symbol."""
    seen = []

    def logits_fn(x_masked):
        seen.append(x_masked)
        return numpy.zeros((*x_masked.shape, 5))

    masked_elbo(logits_fn, numpy.zeros((2, 3), int), 1.0, rng)
    assert (seen[-1] == 5).all()
    calls = len(seen)
    masked_elbo(logits_fn, numpy.zeros((2, 3), int), 1.0, rng, K=5)
    assert len(seen) == calls + 1


def test_visible_positions_do_not_count():
    """Whatever their logits, and their gradient is 0."""
    x, keep = numpy.array([[0, 1, 1]]), numpy.array([[True, False, True]])
    logits = numpy.array([[[5.0, -9.0], [1.0, 2.0], [0.0, 0.0]]])
    other = numpy.array([[[-numpy.inf, -numpy.inf], [1.0, 2.0], [numpy.nan, 7.0]]])
    expected = math.log(1 + math.exp(-1))
    for each in (logits, other):
        assert masked_nll(lambda x, each=each: each, x, keep) == pytest.approx([expected])
        slope = grad(lambda a: np.sum(masked_nll(lambda x: a, x, keep)))(each)
        p = 1 / (1 + math.exp(-1))
        assert numpy.allclose(slope[0, 1], [1 - p, p - 1]) and not slope[0, [0, 2]].any()


def test_the_gradient_of_the_bound(rng):
    logits, x = rng.standard_normal((5, 4, 3)), rng.integers(0, 3, (5, 4))
    t = rng.uniform(0.2, 1, 5)

    def loss(a):
        return np.mean(masked_elbo(lambda x_masked: a, x, t, numpy.random.default_rng(0), K=3))

    way, h = rng.standard_normal(logits.shape), 1e-6
    numeric = (loss(logits + h * way) - loss(logits - h * way)) / (2 * h)
    assert numpy.sum(grad(loss)(logits) * way) == pytest.approx(numeric, rel=1e-6)


# -- exact worlds ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", [CODES, SPARSE, world(4, 2, seed=5)], ids=["codes", "sparse", "bits"])
def test_the_denoiser_against_bayes_rule(table):
    """Of every sequence of symbols and masks, all masked and none masked among them. Eq. after.33"""
    cases = list(all_masked(table))
    found = exact_denoiser(table, numpy.array([x for x, _ in cases]))
    expected = [[conditional(table, visible, i) for i in range(len(x))] for x, visible in cases]
    assert numpy.allclose(found, expected, rtol=0, atol=1e-14)
    for (x, _), p in zip(cases, found):
        for i, symbol in enumerate(x):
            if symbol < table.K:
                assert p[i].tolist() == numpy.eye(table.K)[symbol].tolist()  # certain, without rounding


def test_tables():
    """Probabilities of the same configuration add, others are 0; a pair is a table; K may be larger than seen."""
    configurations = numpy.array([[0, 1], [1, 0], [0, 1]], numpy.int8)
    p = exact_denoiser((configurations, [0.25, 0.25, 0.5]), [[2, 2], [1, 2]])
    assert p.tolist() == [[[0.75, 0.25], [0.25, 0.75]], [[0.0, 1.0], [1.0, 0.0]]]
    larger = exact_denoiser(Table(configurations, numpy.array([0.25, 0.25, 0.5], numpy.float32), 3), [[3, 3]])
    assert larger.tolist() == [[[0.75, 0.25, 0.0], [0.25, 0.75, 0.0]]] and larger.dtype == numpy.float32


def test_batch_shapes(rng):
    x = rng.integers(0, 5, (2, 7, 3))
    whole, nats = exact_denoiser(CODES, x), total_correlation(CODES, x, [0, 2])
    assert whole.shape == (2, 7, 3, 4) and nats.shape == (2, 7)
    assert numpy.allclose(exact_denoiser(CODES, x[1, 4]), whole[1, 4])
    assert total_correlation(CODES, x[1, 4], [0, 2]) == pytest.approx(nats[1, 4], abs=1e-15)
    assert exact_denoiser(CODES, x[0, :0]).shape == (0, 3, 4)


@pytest.mark.parametrize("table", [CODES, SPARSE], ids=["codes", "sparse"])
def test_total_correlation_against_enumeration(table):
    """The KL divergence of the joint conditional from the product of its marginals, in plain Python. Eq. after.34"""
    K, worst = table.K, 0.0
    for x, visible in all_masked(table):
        hidden = [i for i in range(3) if x[i] == K]
        for k in range(len(hidden) + 1):
            for S in itertools.combinations(hidden, k):
                expected = 0.0
                for symbols in itertools.product(range(K), repeat=k):
                    joint, given = 1.0, dict(visible)
                    for i, a in zip(S, symbols):  # the chain rule
                        joint *= conditional(table, given, i)[a] if joint else 0
                        given[i] = a
                    if joint:
                        product = math.prod(conditional(table, visible, i)[a] for i, a in zip(S, symbols))
                        expected += joint * math.log(joint / product)
                found = total_correlation(table, numpy.array([x]), numpy.array(S, int))
                assert found.shape == (1,) and found[0] == pytest.approx(expected, abs=1e-12) and found[0] >= 0
                worst = max(worst, expected)
    assert worst > 0.3


def test_total_correlation_by_hand():
    """Two equal bits cost log 2, and n equal bits (n − 1) log 2; independent bits nothing, and known ones nothing."""
    equal = Table(numpy.array([[0] * 4, [1] * 4]), numpy.array([0.5, 0.5]), 2)
    hidden = numpy.full((1, 4), 2)
    for k in range(1, 5):
        assert total_correlation(equal, hidden, range(k))[0] == pytest.approx((k - 1) * math.log(2), abs=1e-15)
    assert total_correlation(equal, [[2, 2, 2, 0]], [0, 1, 2]).tolist() == [0]
    assert total_correlation(equal, hidden, [3, 0]) == total_correlation(equal, hidden, [0, 3])
    single = Table(equal.configurations, numpy.array([0.5, 0.5], numpy.float32), 2)
    assert total_correlation(single, hidden, [0, 1]).dtype == numpy.float32
    p, q = numpy.array([0.3, 0.7]), numpy.array([0.9, 0.1])
    independent = Table(numpy.array([[0, 0], [0, 1], [1, 0], [1, 1]]), numpy.outer(p, q).ravel(), 2)
    assert total_correlation(independent, [[2, 2]], [0, 1])[0] == pytest.approx(0, abs=1e-15)
    many = Table(numpy.arange(200)[:, None].repeat(30, axis=1), numpy.full(200, 1 / 200, numpy.float32), 200)
    assert total_correlation(many, numpy.full((1, 30), 200), range(30))[0] == pytest.approx(
        29 * math.log(200), rel=1e-5
    )


@pytest.mark.parametrize("partition", [[[0, 1, 2, 3]], [[2, 0], [1, 3]], [[1], [3, 0, 2]], [[0], [1], [2], [3]]])
def test_what_a_partition_costs_is_the_divergence_of_its_sampler(partition):
    """KL(data || sampler) is the sum over the steps of E[total correlation], by enumeration. Eq. after.34"""
    table = world(4, 3, seed=7)
    x, p = table.configurations, table.probabilities
    log_sampler, cost = numpy.zeros(len(x)), 0.0
    visible = numpy.zeros(4, bool)
    for S in partition:
        x_masked = mask(x, numpy.broadcast_to(visible, x.shape), 3)
        rows = exact_denoiser(table, x_masked)
        log_sampler += sum(numpy.log(rows[numpy.arange(len(x)), i, x[:, i]]) for i in S)
        cost += p @ total_correlation(table, x_masked, S)
        visible[S] = True
    assert numpy.exp(log_sampler).sum() == pytest.approx(1, abs=1e-12)
    assert cost == pytest.approx(p @ (numpy.log(p) - log_sampler), abs=1e-12)
    assert (cost < 1e-12) == (len(partition) == 4)


# -- sampling ----------------------------------------------------------------------------------------------------------


def frequencies(x, K):
    """How often each configuration occurs, in the order of `world`."""
    codes = x @ (K ** numpy.arange(x.shape[1])[::-1])
    return numpy.bincount(codes, minlength=K ** x.shape[1]) / len(x)


def close(found, p, n):
    """Whether frequencies are those of n draws: within five standard errors, and 0 where p is 0."""
    return (numpy.abs(found - p) <= 5 * numpy.sqrt(p * (1 - p) / n) + 1 / n).all() and not found[p == 0].any()


def test_one_at_a_time_samples_the_table(rng):
    n, table = 40_000, SPARSE
    x = numpy.full((n, 3), 3)
    for step in range(3):
        x = unmask_step(exact_denoiser(table, x), x, 1, rng)
        assert ((x == 3).sum(axis=1) == 2 - step).all()
    assert close(frequencies(x, 3), table.probabilities, n)


def test_all_at_once_samples_the_product_of_the_marginals(rng):
    n = 40_000
    x = unmask_step(exact_denoiser(CODES, numpy.full((n, 3), 4)), numpy.full((n, 3), 4), 3, rng)
    a, b, c = (numpy.array(conditional(CODES, {}, i)) for i in range(3))
    assert close(frequencies(x, 4), numpy.einsum("i,j,k->ijk", a, b, c).ravel(), n)


def test_positions_are_chosen_uniformly(rng):
    n = 30_000
    x = numpy.tile([0, 3, 3, 1, 3], (n, 1))
    out = unmask_step(numpy.full((n, 5, 3), 1 / 3), x, 2, rng)
    assert (out[:, [0, 3]] == [0, 1]).all() and ((out == 3).sum(axis=1) == 1).all()
    left = [(out[:, i] == 3).mean() for i in (1, 2, 4)]
    assert close(numpy.array(left), numpy.full(3, 1 / 3), n)


def test_edges_of_a_step(rng):
    x = numpy.array([[2, 0, 2], [1, 1, 2], [0, 1, 0]], numpy.int16)
    rows = numpy.full((3, 3, 2), 0.5, numpy.float32)
    same = unmask_step(rows, x, 0, rng)
    assert numpy.array_equal(same, x) and same is not x and same.dtype == numpy.int16
    many = unmask_step(rows, x, 9, rng)
    assert (many < 2).all() and (many[x < 2] == x[x < 2]).all() and (x == 2).sum() == 3
    one = unmask_step(rows, x, 1, rng)
    assert (one == 2).sum(axis=1).tolist() == [1, 0, 0]
    rows[x < 2] = 0  # of visible positions nothing is drawn
    assert (unmask_step(rows, x, 3, rng) < 2).all()
    again = [unmask_step(rows, x, 3, numpy.random.default_rng(4)).tolist() for _ in range(2)]
    assert again[0] == again[1]


class Fixed:
    """Draws this number."""

    def __init__(self, u):
        self.u = u

    def random(self, shape):
        return numpy.full(shape, self.u)


def test_no_impossible_symbol_is_drawn():
    """At both ends of [0, 1), and where the probabilities round to a sum that is not 1."""
    rows = numpy.array([[0, 0.3, 0, 0.7, 0], [0, 0, 1, 0, 0], [0.1] * 5, [1, 0, 0, 0, 0]])
    assert draw(rows, Fixed(0.0)).tolist() == [1, 2, 0, 0]
    assert draw(rows, Fixed(1 - 2**-53)).tolist() == [3, 2, 4, 0]
    assert draw(rows * (1 - 1e-6), Fixed(1 - 2**-53)).tolist() == [3, 2, 4, 0]
    assert draw(rows, Fixed(0.31)).tolist() == [3, 2, 1, 0]
    sums = numpy.random.default_rng(0).uniform(0.5, 2, (10_000, 3)) * [1, 1, 0]
    assert (draw(sums, Fixed(1 - 2**-53)) == 1).all()


# -- errors ------------------------------------------------------------------------------------------------------------

X, ROWS = numpy.array([[0, 1, 2]]), numpy.full((1, 3, 4), 0.25)
RNG = numpy.random.default_rng(0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mask(X, [[1, 0, 1]]), "keep must be an array of booleans"),
        (lambda: mask(X, [[True, False]]), "keep must have the shape of x"),
        (lambda: mask(X, [[True] * 3], 2), r"x must be in 0..1"),
        (lambda: mask(X * 1.0, [[True] * 3]), "x must be whole numbers"),
        (lambda: mask(-X, [[True] * 3]), "x must be at least 0"),
        (lambda: mask(X, [[True] * 3], 0), "K must be"),
        (lambda: masked_elbo(wrong_logits(3), X, 0.0, RNG), "t must be above 0"),
        (lambda: masked_elbo(wrong_logits(3), X, 1.1, RNG), "t must be in"),
        (lambda: masked_elbo(wrong_logits(3), X, [0.5, 0.5], RNG), r"t must be one time or have shape \(1,\)"),
        (lambda: masked_elbo(wrong_logits(3), X, 0.5, 0), "rng must be"),
        (lambda: masked_elbo(wrong_logits(3), X[0], 0.5, RNG), r"x must have shape \(N, D\)"),
        (lambda: masked_elbo(wrong_logits(3), X[:0], 0.5, RNG), "x must not be empty"),
        (lambda: masked_elbo(wrong_logits(2), X, 0.5, RNG), r"x must be in 0..1"),
        (lambda: masked_elbo(wrong_logits(3), X, 0.5, RNG, K=4), r"logits_fn must return logits of shape \(1, 3, 4\)"),
        (lambda: masked_elbo(lambda x: ROWS[0], X, 0.5, RNG), "logits_fn must return logits of shape"),
        (lambda: masked_elbo(lambda x: ROWS[:, :2], X, 0.5, RNG), "logits_fn must return logits of shape"),
        (lambda: masked_elbo(lambda x: ROWS * numpy.nan, X, 1.0, RNG), "logits_fn must return numbers"),
        (lambda: masked_elbo(lambda x: ROWS - numpy.inf, X, 1.0, RNG), "logits_fn must return numbers"),
        (lambda: masked_elbo(None, X, 1.0, RNG), "logits_fn must be a function"),
        (lambda: order_weight(0, 3), "masked must be in 1..3"),
        (lambda: order_weight(4, 3), "masked must be in 1..3"),
        (lambda: exact_denoiser(CODES, [[0, 5, 1]]), "x_masked must be in 0..4"),
        (lambda: exact_denoiser(CODES, [[0, 1]]), "x_masked must have shape"),
        (lambda: exact_denoiser(CODES, [[0.5, 1, 1]]), "x_masked must be whole numbers"),
        (lambda: exact_denoiser((X, [1.0], 3), [[1, 3, 3]]), r"x_masked must be possible, but \[1 3 3\]"),
        (lambda: exact_denoiser(None, X), "table must be a Table"),
        (lambda: exact_denoiser((X, [0.9], 3), X), "probabilities of table must sum to one"),
        (lambda: exact_denoiser((X, [0.5, 0.5], 3), X), "probabilities of table must have shape"),
        (lambda: exact_denoiser((X, [1.0], 2), X), "configurations of table must be in 0..1"),
        (lambda: exact_denoiser((X[0], [1.0]), X), "configurations of table must have shape"),
        (lambda: total_correlation(CODES, X, [0, 0]), "positions must differ"),
        (lambda: total_correlation(CODES, X, [3]), "positions must be in 0..2"),
        (lambda: total_correlation(CODES, X, [-1]), "positions must be in 0..2"),
        (lambda: total_correlation(CODES, X, 1), "positions must have shape"),
        (lambda: unmask_step(ROWS, X, -1, RNG), "k must be"),
        (lambda: unmask_step(ROWS, X, 1.5, RNG), "k must be"),
        (lambda: unmask_step(ROWS, X + 3, 1, RNG), "x_masked must be in 0..4"),
        (lambda: unmask_step(ROWS, X[:, :2], 1, RNG), r"x_masked must have shape \(1, 3\)"),
        (lambda: unmask_step(ROWS * 0.5, X + 2, 1, RNG), "probabilities must sum to one"),
        (lambda: unmask_step(-ROWS, X, 1, RNG), "probabilities must be nonnegative"),
        (lambda: unmask_step(ROWS[0], X, 1, RNG), r"probabilities must have shape \(N, D, K\)"),
        (lambda: unmask_step(ROWS, X, 1, 3), "rng must be"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
