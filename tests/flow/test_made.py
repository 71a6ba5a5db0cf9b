"""Masks by hand, dependencies by exact zero patterns of Jacobians, probabilities by summing them all up."""

import itertools

import numpy as np
import pytest
from scipy import stats

from minigen.flow.made import MADE, ancestral_sample, dependencies, made_masks
from minigen.nn.layers import masked_linear
from minigen.optim import EMA
from minigen.tensor import jacobian, sigmoid, value_and_grad


def depends(f, x):
    """(outputs, inputs): which entry of f(x) has a non-zero derivative after which coordinate of the one example x."""
    J = jacobian(f)(x)
    return np.abs(J.reshape(-1, x.size)) > 0


def earlier(order):
    """(D, D): True where coordinate d stands at an earlier place than coordinate i."""
    order = np.asarray(order)
    return order[None] < order[:, None]


# ------------------------------------------------------------------------------------------- masks


def test_masks_by_hand():
    """D = 3, four hidden units of degrees 1, 2, 1, 2: unit k sees inputs up to its degree; output 3 sees all. Eq.
    flow.18"""
    first, last = made_masks(3, [4])
    np.testing.assert_array_equal(first, [[1, 1, 1, 1], [0, 1, 0, 1], [0, 0, 0, 0]])
    np.testing.assert_array_equal(last, [[0, 1, 1], [0, 0, 1], [0, 1, 1], [0, 0, 1]])
    assert first.dtype == last.dtype == np.float32
    first, middle, last = made_masks(3, [2, 3], outputs=2, order=[2, 0, 1])
    np.testing.assert_array_equal(first, [[0, 0], [1, 1], [0, 1]])  # degrees of the inputs 3, 1, 2; of the units 1, 2
    np.testing.assert_array_equal(middle, [[1, 1, 1], [0, 1, 0]])  # then 1, 2, 1
    np.testing.assert_array_equal(last, [[1, 0, 1, 1, 0, 1], [1, 0, 0, 1, 0, 0], [1, 0, 1, 1, 0, 1]])


def test_one_coordinate_has_nothing_to_depend_on(rng):
    first, middle, last = made_masks(1, [3, 2])
    np.testing.assert_array_equal(first, np.zeros((1, 3)))
    np.testing.assert_array_equal(middle, np.ones((3, 2)))
    np.testing.assert_array_equal(last, np.ones((2, 1)))
    np.testing.assert_array_equal(made_masks(1, [3], rng=rng)[0], np.zeros((1, 3)))
    made = MADE(rng, 1, [5, 5]).map(lambda a: a + rng.standard_normal(a.shape))
    out = made(np.array([[0.0], [1.0], [-30.0]]))
    assert out[0, 0] == out[1, 0] == out[2, 0] != 0


def test_drawn_degrees_are_uniform_from_the_least_before():
    """The degree of a hidden unit is the number of inputs it sees. 3,000 units, five degrees, chi-squared at 1e-6."""
    masks = made_masks(6, [3000, 3000], rng=np.random.default_rng(0))
    first = masks[0].sum(axis=0).astype(int)
    assert stats.chisquare(np.bincount(first, minlength=6)[1:]).pvalue > 1e-6 and first.max() == 5
    second = first[np.argsort(first)[(masks[1].sum(axis=0) - 1).astype(int)]]  # the highest degree that it sees
    assert stats.chisquare(np.bincount(second, minlength=6)[1:]).pvalue > 1e-6
    for seed in range(200):  # a layer of one unit of degree m: the next must have degrees of at least m, so see it
        one, two, _ = made_masks(6, [1, 4], rng=np.random.default_rng(seed))
        assert one.sum() >= 1 and np.all(two == 1)


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("seed", [None, 0, 1])
def test_paths_of_the_masks_are_the_order(outputs, seed):
    """The product of the masks counts the paths from input to output: no path leads to one from a later coordinate, in
    any order; with degrees that go round, there is one from every earlier one."""
    order = np.random.default_rng(3).permutation(5)
    rng = None if seed is None else np.random.default_rng(seed)
    paths = np.linalg.multi_dot(made_masks(5, [8, 9], outputs, order, rng))  # (5, outputs·5)
    for j in range(outputs):
        seen = paths[:, j * 5 : (j + 1) * 5].T > 0
        assert not np.any(seen & ~earlier(order))
        if rng is None:
            np.testing.assert_array_equal(seen, earlier(order))


# ------------------------------------------------------------------------------------------- the network


@pytest.mark.parametrize("hidden", [[], [7], [5, 4], [3, 6, 5]])
def test_dependencies_are_where_the_jacobian_of_masked_layers_is_not_zero(rng, hidden):
    """Random masks, not those of a MADE; tanh and random weights. Eq. flow.18"""
    widths = [4, *hidden, 6]
    masks = [(rng.random(shape) < 0.4).astype(float) for shape in itertools.pairwise(widths)]
    weights = [rng.standard_normal(mask.shape) for mask in masks]

    def network(x):
        for w, mask in zip(weights[:-1], masks[:-1]):
            x = masked_linear(x, w, None, mask, "tanh")
        return masked_linear(x, weights[-1], None, masks[-1])

    found = dependencies(masks)
    assert found.dtype == bool
    np.testing.assert_array_equal(found.T, depends(network, rng.standard_normal((1, 4))))


def test_dependencies_of_a_deep_network_do_not_overflow():
    """50^31 paths, more than float32 holds; of the last layer's 100 connections a single one is left."""
    last = np.zeros((50, 2), np.float32)
    last[7, 0] = 1
    np.testing.assert_array_equal(dependencies([np.ones((50, 50), np.float32)] * 31 + [last]), [[True, False]] * 50)


def test_dependencies_name_what_is_wrong():
    with pytest.raises(ValueError, match="masks"):
        dependencies([])
    with pytest.raises(ValueError, match=r"masks\[1\]"):
        dependencies([np.ones((2, 3)), np.ones((2, 3))])
    with pytest.raises(ValueError, match=r"masks\[0\]"):
        dependencies([np.ones(3)])


@pytest.mark.parametrize("outputs", [1, 2, 3])
@pytest.mark.parametrize("order", [None, [4, 0, 2, 1, 3]])
def test_jacobian_has_exactly_the_pattern_of_the_order(rng, shaken, outputs, order):
    """Eq. flow.17, Eq. flow.18"""
    made = shaken(MADE(rng, 5, [12, 9], outputs, order, activation="tanh"))
    x = rng.standard_normal((1, 5))
    pattern = earlier(range(5) if order is None else order)
    assert made(x).shape == ((1, 5) if outputs == 1 else (1, outputs, 5))
    np.testing.assert_array_equal(depends(made, x), np.tile(pattern, (outputs, 1)))
    two = np.concatenate([x, x + 1])
    np.testing.assert_allclose(made(two)[0], made(x)[0], atol=1e-12)  # examples do not see each other


def test_without_masks_it_is_an_autoencoder_by_hand():
    """x = (1, 1), W rows (1, −1) and (2, 0.5), b = (0.5, −1): h = (3.5, max(−1.5, 0)), so the logits are
    (3.5 · 2 + 0.25, −3.5 − 0.5) = (7.25, −4). A second layer that doubles h and takes 1 makes 6 of the 3.5, and
    logits of (12.25, −6.5). Eq. flow.17"""
    for deeper, logits in ((False, [7.25, -4.0]), (True, [12.25, -6.5])):
        made = MADE(np.random.default_rng(0), 2, [2, 2] if deeper else [2]).map(lambda a: a.astype(float))
        for layer in made.layers:
            layer.mask[...] = 1
        made.layers[0].w, made.layers[0].b = np.array([[1.0, -1.0], [2.0, 0.5]]), np.array([0.5, -1.0])
        made.layers[-1].w, made.layers[-1].b = np.array([[2.0, -1.0], [3.0, 4.0]]), np.array([0.25, -0.5])
        if deeper:
            made.layers[1].w, made.layers[1].b = 2 * np.eye(2), np.array([-1.0, -1.0])
        np.testing.assert_allclose(made(np.ones((1, 2))), [logits])
        one = 1 / (1 + np.exp(-np.array(logits)))  # x̂
        np.testing.assert_allclose(made.log_prob(np.ones((1, 2))), [np.log(one).sum()])


def test_remask_keeps_weights_and_changes_the_order_in_place(rng, shaken):
    made, x = shaken(MADE(rng, 6, [40, 40], outputs=2, activation="tanh")), rng.standard_normal((1, 6))
    weights = made.state()
    held = [made.order, *(layer.mask for layer in made.layers)]
    seen = set()
    for _ in range(5):
        assert made.remask(rng) is made
        seen.add(tuple(made.order))
        np.testing.assert_array_equal(depends(made, x), np.tile(earlier(made.order), (2, 1)))
    assert len(seen) > 1
    now = [made.order, *(layer.mask for layer in made.layers)]
    assert all(mine is before for mine, before in zip(now, held, strict=True))
    for name, a in made.parameters().items():
        np.testing.assert_array_equal(a, weights[name])
    assert any(np.any(layer.mask != weights[f"layers.{k}.mask"]) for k, layer in enumerate(made.layers))


def test_context_conditions_every_coordinate_and_leaves_the_order(rng, shaken):
    made = shaken(MADE(rng, 4, [12], outputs=2, order=[2, 0, 3, 1], activation="tanh", context=3))
    x, h = rng.standard_normal((1, 4)), rng.standard_normal((1, 3))
    np.testing.assert_array_equal(depends(lambda v: made(v, h), x), np.tile(earlier([2, 0, 3, 1]), (2, 1)))
    assert depends(lambda c: made(x, c), h).all()
    made.remask(rng)
    np.testing.assert_array_equal(depends(lambda v: made(v, h), x), np.tile(earlier(made.order), (2, 1)))
    assert made.log_prob(x, h).shape == (1,) and made.sample(rng, 1, h).shape == (1, 4)


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("hidden", [[9], []])
def test_direct_connections_keep_the_pattern_and_reach_past_the_hidden_units(rng, shaken, outputs, hidden):
    made = shaken(MADE(rng, 5, hidden, outputs, [4, 0, 2, 1, 3], "tanh", direct=True))
    x = rng.standard_normal((1, 5))
    np.testing.assert_array_equal(depends(made, x), np.tile(earlier(made.order), (outputs, 1)))
    plain = MADE(rng, 5, hidden, outputs, [4, 0, 2, 1, 3], "tanh")
    plain.load_state({name: a for name, a in made.state().items() if not name.startswith("skip")})
    straight = x @ (made.skip.w * np.tile(earlier(made.order), (outputs, 1)).T)  # (1, outputs·5)
    np.testing.assert_allclose(made(x), plain(x) + straight.reshape(plain(x).shape), atol=1e-6)
    assert np.abs(straight).max() > 0.1
    made.remask(rng)
    np.testing.assert_array_equal(depends(made, x), np.tile(earlier(made.order), (outputs, 1)))


def test_a_moving_average_follows_the_order(rng):
    made = MADE(rng, 6, [9], direct=True)
    average = EMA(made, 0.9)
    average.update(made.remask(rng))
    np.testing.assert_array_equal(average.model.order, made.order)
    x = rng.standard_normal((1, 6))
    assert not np.any(depends(average.model, x) & ~earlier(made.order))


def test_masked_linear_by_hand():
    """Two inputs, two units; unit 0 does not see input 1, whose weight is 1000. Eq. flow.18"""
    x, w, b = np.array([[2.0, 3.0]]), np.array([[0.5, -1.0], [1000.0, 2.0]]), np.array([0.25, -7.0])
    mask = np.array([[1.0, 1.0], [0.0, 1.0]])
    np.testing.assert_allclose(masked_linear(x, w, b, mask), [[1.25, -3.0]])
    np.testing.assert_allclose(masked_linear(x, w, None, mask, "relu"), [[1.0, 4.0]])
    slope = jacobian(lambda w: masked_linear(x, w, b, mask))(w)[0]  # (units, 2, 2)
    np.testing.assert_allclose(slope, [[[2, 0], [0, 0]], [[0, 2], [0, 3]]])
    with pytest.raises(ValueError, match=r"mask must have the shape of w, \(2, 2\), got \(2, 1\)"):
        masked_linear(x, w, b, mask[:, :1])


# ------------------------------------------------------------------------------------------- probabilities


def test_bernoulli_probabilities_sum_to_one(rng, shaken):
    made = shaken(MADE(rng, 6, [10], order=[5, 1, 3, 0, 2, 4]), 1.0)
    everything = np.array(list(itertools.product([0.0, 1.0], repeat=6)))
    p = np.exp(made.log_prob(everything))
    assert abs(p.sum() - 1) < 1e-12
    assert p.max() > 3 / 64 and p.min() < 0.3 / 64, "far from uniform"
    x = everything[[37]]
    chance = 1 / (1 + np.exp(-made(x)))
    np.testing.assert_allclose(made.log_prob(x), np.log(np.where(x == 1, chance, 1 - chance)).sum())


def test_bernoulli_samples_follow_their_probabilities(rng, shaken):
    """The 8 frequencies of 20,000 samples, within 5 standard errors; the order is not that of the coordinates."""
    made = shaken(MADE(rng, 3, [8], order=[1, 2, 0]), 1.5)
    everything = np.array(list(itertools.product([0.0, 1.0], repeat=3)))
    p = np.exp(made.log_prob(everything))
    x = made.sample(rng, 20_000)
    assert x.dtype == np.float32 and x.shape == (20_000, 3) and set(np.unique(x)) == {0, 1}
    counts = np.bincount((x @ [4, 2, 1]).astype(int), minlength=8)
    np.testing.assert_array_less(np.abs(counts / 20_000 - p), 5 * np.sqrt(p * (1 - p) / 20_000) + 1e-9)
    one = p @ everything  # the probability of a 1, coordinate by coordinate
    independent = np.prod(np.where(everything == 1, one, 1 - one), axis=1)
    assert np.abs(independent - p).max() > 0.02, "a sampler that ignores the dependencies would be seen"


def plain_sample(made, rng, n, context=None, given=None, known=None):
    """The same noise as `made.sample`, by D whole passes."""
    draw = rng.random if made.outputs == 1 else rng.standard_normal
    x = np.zeros((n, made.dim), np.float32)
    for i in np.argsort(made.order):
        noise = draw(n, dtype=np.float32)
        out = made(x, context)
        drawn = noise < sigmoid(out[:, i]) if made.outputs == 1 else out[:, 0, i] + np.exp(out[:, 1, i]) * noise
        x[:, i] = drawn if known is None else np.where(known[:, i], given[:, i], drawn)
    return x


@pytest.mark.parametrize("hidden", [[], [11], [7, 12, 9]])
@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("extra", [{}, {"direct": True}, {"context": 2}, {"context": 2, "direct": True}])
@pytest.mark.parametrize("drawn_masks", [False, True])
def test_samples_are_those_of_whole_passes(rng, shaken, hidden, outputs, extra, drawn_masks):
    """Each hidden unit is computed once, after the coordinates that it sees: nothing may be missed."""
    made = shaken(MADE(rng, 6, hidden, outputs, [3, 1, 5, 0, 4, 2], "tanh", **extra), 0.7)
    if outputs == 2:
        made = made.map(lambda a: 0.2 * a)  # or exp(log σ) would run away
    if drawn_masks:
        made.remask(rng)
    n, context = 40, rng.standard_normal((40, 2)) if made.context else None
    before = made.state()
    x = made.sample(np.random.default_rng(3), n, context)
    np.testing.assert_allclose(x, plain_sample(made, np.random.default_rng(3), n, context), 1e-4, 1e-4)
    given, known = made.sample(rng, n, context), rng.random((n, 6)) < 0.5
    kept = given.copy()
    x = made.sample(np.random.default_rng(4), n, context, given=given, known=known)
    np.testing.assert_allclose(x, plain_sample(made, np.random.default_rng(4), n, context, given, known), 1e-4, 1e-4)
    assert x.dtype == np.float32
    np.testing.assert_array_equal(given, kept)
    np.testing.assert_array_equal(x[known], given[known])
    assert all(np.array_equal(a, before[name]) for name, a in made.state().items())


def test_completions_follow_the_conditional_distribution(rng, shaken):
    """Four bits, the first two given as (1, 0): frequencies of the other two, within 5 standard errors."""
    made = shaken(MADE(rng, 4, [9], direct=True), 1.2)
    rest = np.array(list(itertools.product([0.0, 1.0], repeat=2)))
    both = np.concatenate([np.tile([1.0, 0.0], (4, 1)), rest], axis=1)
    p = np.exp(made.log_prob(both))
    p /= p.sum()
    given = np.tile(np.float32([1, 0, 5, 5]), (20_000, 1))  # what is not known may be anything
    x = made.sample(rng, 20_000, given=given, known=np.array([True, True, False, False]))
    np.testing.assert_array_equal(x[:, :2], given[:, :2])
    share = np.bincount((x[:, 2:] @ [2, 1]).astype(int), minlength=4) / 20_000
    np.testing.assert_array_less(np.abs(share - p), 5 * np.sqrt(p * (1 - p) / 20_000) + 1e-9)
    assert np.abs(p - 0.25).max() > 0.1


def test_ancestral_sample_by_hand(rng):
    """The second coordinate is drawn first, with probability 1/2; the first follows it with probability 0.9.
    Eq. flow.16"""

    def logits(x):
        return np.stack([np.log(9.0) * (2 * x[:, 1] - 1), np.zeros(len(x))], axis=1)

    u = np.array([[0.89, 0.49], [0.91, 0.49], [0.09, 0.51], [0.11, 0.51]])
    before = u.copy()
    np.testing.assert_array_equal(ancestral_sample(logits, [1, 0], u), [[1, 1], [0, 1], [1, 0], [0, 0]])
    np.testing.assert_array_equal(u, before)
    assert ancestral_sample(logits, [1, 0], u.astype(np.float32)).dtype == np.float32


def test_ancestral_sample_is_what_a_made_samples(rng, shaken):
    made = shaken(MADE(rng, 7, [12], order=rng.permutation(7)), 1.0)
    u = np.random.default_rng(5).random((7, 50), dtype=np.float32)[made.order].T
    np.testing.assert_array_equal(ancestral_sample(made, made.order, u), made.sample(np.random.default_rng(5), 50))


def test_gaussian_density_has_mass_one_and_is_a_product_of_conditionals(rng, shaken):
    made = shaken(MADE(rng, 2, [8], outputs=2, order=[1, 0], activation="tanh"))
    side = np.linspace(-12, 12, 601)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    assert abs(np.exp(made.log_prob(grid)).sum() * (side[1] - side[0]) ** 2 - 1) < 1e-3
    x = rng.standard_normal((5, 2))
    mu, sigma = made(x)[:, 0], np.exp(made(x)[:, 1])
    np.testing.assert_allclose(made.log_prob(x), stats.norm.logpdf(x, mu, sigma).sum(axis=1))


def test_gaussian_samples_are_standard_normal_when_standardized(rng, shaken):
    made = shaken(MADE(rng, 3, [8], outputs=2, order=[2, 0, 1], activation="tanh"), 0.5)
    x = made.sample(rng, 4000).astype(float)
    mu, log_sigma = made(x).transpose(1, 0, 2)
    z = (x - mu) * np.exp(-log_sigma)
    assert all(stats.kstest(z[:, i], stats.norm.cdf).pvalue > 1e-6 for i in range(3))
    correlation = np.corrcoef(z.T) - np.eye(3)
    assert np.abs(correlation).max() < 5 / np.sqrt(4000)


# ------------------------------------------------------------------------------------------- types and errors


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("parameters", [np.float32, np.float64])
def test_the_dtype_of_the_input_is_that_of_the_output(rng, dtype, parameters):
    for outputs in (1, 2):
        made = MADE(rng, 3, [4], outputs).map(lambda a: a.astype(parameters))
        x = np.array([[0, 1, 1], [1, 0, 1]], dtype)
        assert made(x).dtype == made.log_prob(x).dtype == dtype
        _, grads = value_and_grad(lambda f: -f.log_prob(x).mean())(made)
        assert {g.dtype for g in grads.parameters().values()} == {np.dtype(parameters)}


def test_save_and_load_restore_the_order(rng, tmp_path):
    made = MADE(rng, 5, [9]).remask(rng)
    other = MADE(np.random.default_rng(9), 5, [9]).load(made.save(tmp_path / "made.npz"))
    x = (rng.random((4, 5)) < 0.5).astype(np.float32)
    np.testing.assert_array_equal(other(x), made(x))
    np.testing.assert_array_equal(other.order, made.order)


def test_errors_name_the_argument(rng):
    made = MADE(rng, 3, [4])
    for call, says in [
        (lambda: made_masks(0, [4]), "dim must be a whole number of at least 1, got 0"),
        (lambda: made_masks(3, [4, 0]), "hidden must be a whole number of at least 1, got 0"),
        (lambda: made_masks(3, 4), "hidden must be a list of widths, got 4"),
        (lambda: made_masks(3, [4], outputs=0), "outputs must be a whole number"),
        (lambda: made_masks(3, [4], order=[0, 1]), r"order must have shape \(3,\), got \(2,\)"),
        (lambda: made_masks(3, [4], order=[0, 1, 1]), r"order must be a permutation of 0, ..., 2, got \[0, 1, 1\]"),
        (lambda: made_masks(3, [4], order=[1, 2, 3]), "order must be in 0..2"),
        (lambda: made_masks(3, [4], order=[0.0, 1.0, 2.0]), "order must be whole numbers"),
        (lambda: made_masks(3, [4], rng=0), "rng must be a numpy.random.Generator"),
        (lambda: made(np.zeros((2, 4))), r"x must have shape \(N, 3\), got \(2, 4\)"),
        (lambda: made(np.full((2, 3), np.nan)), "x must be finite"),
        (lambda: made.log_prob(np.full((2, 3), 2)), "x must hold zeros and ones, got 2"),
        (lambda: made.log_prob(np.full((2, 3), -1)), "x must hold zeros and ones, got -1"),
        (lambda: made.log_prob(np.zeros((2, 3, 1))), r"x must have shape \(N, 3\)"),
        (lambda: made_masks(3, [4], order=np.array([[0, 1, 2]])), r"order must have shape \(3,\)"),
        (lambda: made_masks(3, [4], order=[True, False, True]), "order must be whole numbers"),
        (lambda: made_masks(3, [4], order=[-1, 0, 1]), "order must be in 0..2"),
        (lambda: made_masks(3, "44"), "hidden must be a list of widths"),
        (lambda: made_masks(1.0, [4]), "dim must be a whole number"),
        (lambda: made_masks(3, [4], rng=np.random), "rng must be a numpy.random.Generator"),
        (lambda: made.log_prob(np.full((2, 3), 0.5)), "x must hold zeros and ones, got 0.5"),
        (lambda: MADE(rng, 3, [4], 3).log_prob(np.zeros((2, 3))), "outputs must be 1 .* or 2 .*, got 3"),
        (lambda: MADE(rng, 3, [4], 3).sample(rng, 2), "outputs must be 1 .* or 2 .*, got 3"),
        (lambda: made.sample(rng, 0), "n must be a whole number"),
        (lambda: MADE(rng, 3, [4], direct=1), "direct must be one of False, True, got 1"),
        (lambda: made.sample(rng, 2, given=np.zeros((2, 3))), "given and known must be given together"),
        (lambda: made.sample(rng, 2, known=np.ones(3, bool)), "given and known must be given together"),
        (
            lambda: made.sample(rng, 2, given=np.zeros((2, 4)), known=np.ones(3, bool)),
            r"given must have shape \(2, 3\)",
        ),
        (lambda: made.sample(rng, 2, given=np.zeros((2, 3)), known=np.ones(3)), "known must be an array of bool"),
        (lambda: made.sample(rng, 2, given=np.zeros((2, 3)), known=np.ones(4, bool)), "known must have a shape"),
        (lambda: made.sample(rng, 2, given=np.full((2, 3), 0.5), known=np.ones(3, bool)), "given must hold zeros and"),
        (lambda: made.sample(rng, 2.0), "n must be a whole number"),
        (lambda: ancestral_sample(MADE, [0, 1, 2], np.zeros((2, 3))), "logits must be a function or a model"),
        (lambda: ancestral_sample(made, [0, 1, 1], np.zeros((2, 3))), "order must be a permutation of 0, ..., 2"),
        (lambda: ancestral_sample(made, [0, 1], np.zeros((2, 3))), r"order must have shape \(3,\)"),
        (lambda: ancestral_sample(made, [0, 1, 2], np.full((2, 3), 1.5)), r"u must be in \[0, 1\]"),
        (lambda: ancestral_sample(made, [0, 1, 2], np.zeros(3)), r"u must have shape \(n, D\)"),
        (lambda: made.sample(0, 3), "rng must be a numpy.random.Generator"),
        (lambda: made.remask(None), "rng must be a numpy.random.Generator"),
        (lambda: made(np.zeros((2, 3)), np.zeros((2, 1))), "context must be None"),
        (lambda: MADE(rng, 3, [4], context=2)(np.zeros((2, 3)), np.zeros((2, 1))), r"context must have shape \(2, 2\)"),
        (lambda: MADE(rng, 3, [4], context=2)(np.zeros((2, 3))), "context must"),
    ]:
        with pytest.raises(ValueError, match=says):
            call()
