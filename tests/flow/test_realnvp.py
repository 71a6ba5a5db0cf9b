"""Flows on vectors, with random non-zero weights: Jacobians, total mass, both directions, moments, files."""

import numpy as np
import pytest

from minigen.data import toy
from minigen.flow.autoregressive import MixtureMADE
from minigen.flow.bijection import jacobian_log_det
from minigen.flow.made import MADE
from minigen.flow.nice import NICE
from minigen.flow.realnvp import RealNVP
from minigen.metrics import nll_gap
from minigen.optim import Adam, cosine
from minigen.tensor import value_and_grad

# ------------------------------------------------------------------------------------------- densities


@pytest.mark.parametrize(
    "make",
    [
        lambda rng: RealNVP(rng, 2, couplings=3, width=8),
        lambda rng: RealNVP(rng, 5, couplings=2, width=8, activation="relu"),
        lambda rng: NICE(rng, 3, couplings=3, width=8),
        lambda rng: NICE(rng, 3, couplings=2, width=8, scaled=False),
    ],
)
def test_vector_flows(rng, shaken, check_bijection, make):
    """log p(x) = log π(z) + log |det dz/dx|. Eq. flow.04, Eq. flow.08, Eq. flow.14"""
    flow = shaken(make(rng))
    z = rng.standard_normal((4, *flow.base.shape))
    x, log_det = check_bijection(flow.bijection, z)
    assert np.abs(x - z).max() > 0.1
    np.testing.assert_allclose(flow.log_prob(x), flow.base.log_prob(z) - log_det, atol=1e-9)


@pytest.mark.parametrize("kind", [RealNVP, NICE])
def test_mass_is_one(rng, shaken, kind):
    """The density of a random flow, summed over a fine grid that holds nearly all of it."""
    flow = shaken(kind(rng, 2, couplings=3, width=8), size=0.2)
    x = flow.sample(rng, 20_000)
    low, high = x.min(0) - 3, x.max(0) + 3
    sides = [np.linspace(a, b, 700) for a, b in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, 2)
    cell = np.prod([side[1] - side[0] for side in sides])
    assert abs(np.exp(flow.log_prob(grid)).sum() * cell - 1) < 1e-3


def test_samples_follow_the_density(rng, shaken):
    """Moments of samples against the same moments integrated over the density, within 5 standard errors."""
    flow = shaken(RealNVP(rng, 2, couplings=3, width=8), size=0.2)
    x = flow.sample(rng, 50_000).astype(float)
    low, high = x.min(0) - 3, x.max(0) + 3
    sides = [np.linspace(a, b, 700) for a, b in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, 2)
    weights = np.exp(flow.log_prob(grid)) * np.prod([side[1] - side[0] for side in sides])
    for moment in (lambda a: a[:, 0], lambda a: a[:, 1], lambda a: a[:, 0] * a[:, 1], lambda a: np.sin(2 * a[:, 0])):
        error = moment(x).std() / np.sqrt(len(x))
        assert abs(moment(x).mean() - weights @ moment(grid)) < 5 * error + 1e-3


# ------------------------------------------------------------------------------------------- float32, both ways


def test_both_directions_in_float32(rng):
    flow = RealNVP(rng, 2, couplings=8, width=64)
    for a in flow.parameters().values():
        a += rng.standard_normal(a.shape, dtype=np.float32) * np.float32(0.05)
    z = rng.standard_normal((1000, 2), dtype=np.float32)
    x, forward = flow.bijection.forward(z)
    back, inverse = flow.bijection.inverse(x)
    assert {a.dtype for a in (x, back, forward, inverse)} == {np.dtype(np.float32)}
    np.testing.assert_allclose(back, z, atol=1e-5)
    np.testing.assert_allclose(forward, -inverse, atol=1e-5)
    np.testing.assert_allclose(flow.bijection.forward(back)[0], x, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("parameters", [np.float32, np.float64])
def test_the_dtype_of_the_input_is_that_of_the_output(rng, dtype, parameters):
    z = rng.standard_normal((4, 2)).astype(dtype)
    for make in (RealNVP, NICE):
        flow = make(rng, 2, couplings=2, width=8).map(lambda a: a.astype(parameters))
        arrays = (*flow.bijection.forward(z), *flow.bijection.inverse(z), flow.log_prob(z), flow.loss(z))
        assert {a.dtype for a in arrays} == {np.dtype(dtype)}


def test_whole_numbers_and_lists_are_taken_in_float32(rng):
    rows = [[1, 0], [3, -2]]
    mixture, made = MixtureMADE(rng, 2, 3, hidden=(8,)), MADE(rng, 2, [8], outputs=2)
    for model in (RealNVP(rng, 2, couplings=2, width=8), mixture, made):
        expected = model.log_prob(np.float32(rows))
        for x in (rows, np.array(rows), np.array(rows, np.int8)):
            assert model.log_prob(x).dtype == np.float32
            np.testing.assert_array_equal(model.log_prob(x), expected)


def test_training_steps_stay_in_float32(rng):
    flow, x = RealNVP(rng, 2, couplings=2, width=8), rng.standard_normal((8, 2), dtype=np.float32)
    optimizer = Adam(flow.standardize(x), 1e-3)
    value, grads = value_and_grad(lambda f, x: f.loss(x))(flow, x)
    optimizer.step(grads)
    arrays = [value, *grads.parameters().values(), *flow.parameters().values(), flow.sample(rng, 3), flow.log_prob(x)]
    assert {a.dtype for a in arrays} == {np.dtype(np.float32)}


# ------------------------------------------------------------------------------------------- the rest


def test_standardize(rng):
    x = rng.standard_normal((4000, 2), dtype=np.float32) * np.float32([3, 0.2]) + np.float32([5, -1])
    flow = RealNVP(rng, 2).standardize(x)  # its couplings are still the identity: a Gaussian of these moments
    gap = -flow.log_prob(x).mean() - (1 + np.log(2 * np.pi) + np.log(x.std(0)).sum())
    assert abs(gap) < 1e-4


def test_steps_are_the_way_from_noise_to_data(rng, shaken):
    flow, z = shaken(RealNVP(rng, 2, couplings=3, width=8)), rng.standard_normal((5, 2))
    way = flow.steps(z)
    assert len(way) == 5  # z, three couplings, the scale
    np.testing.assert_array_equal(way[0], z)
    np.testing.assert_array_equal(way[-1], flow.bijection.forward(z)[0])
    np.testing.assert_array_equal(way[1][:, 0], z[:, 0])  # the first coupling keeps the first coordinate,
    np.testing.assert_array_equal(way[2][:, 1], way[1][:, 1])  # the second the second


def test_save_and_load(rng, tmp_path):
    flow, x = RealNVP(rng, 2, couplings=2, width=8), rng.standard_normal((4, 2), dtype=np.float32)
    for a in flow.parameters().values():
        a += rng.standard_normal(a.shape, dtype=np.float32)
    other = RealNVP(np.random.default_rng(9), 2, couplings=2, width=8)
    assert np.abs(other.log_prob(x) - flow.log_prob(x)).max() > 0.01
    np.testing.assert_array_equal(other.load(flow.save(tmp_path / "flow.npz")).log_prob(x), flow.log_prob(x))
    with pytest.raises(ValueError, match="cannot load"):
        RealNVP(rng, 2, couplings=3, width=8).load(tmp_path / "flow.npz")


@pytest.mark.slow
def test_learns_two_moons(rng):
    """A short training takes half of what the Gaussian lacks, and its gap to the entropy is a KL, so not negative. Eq.
    flow.09"""
    density, steps = toy.two_moons(0.1), 300
    flow = RealNVP(rng, 2, couplings=4, width=32).standardize(density.sample(rng, 2000))
    x = density.sample(rng, 10_000)
    start, _ = nll_gap(density, flow.log_prob, x)
    optimizer, lr = Adam(flow, 4e-3), cosine(4e-3, steps, warmup=30)
    for i in range(steps):
        optimizer.lr = lr(i)
        optimizer.step(value_and_grad(lambda f, x: f.loss(x))(flow, density.sample(rng, 256))[1])
    gap, error = nll_gap(density, flow.log_prob, x)
    assert start > 0.9 and -5 * error < gap < 0.6, (start, gap)


def test_errors_name_the_argument(rng):
    for call, says in [
        (lambda: RealNVP(rng, dim=1), "dim must be a whole number of at least 2, got 1"),
        (lambda: RealNVP(rng, couplings=0), "couplings must be a whole number of at least 1, got 0"),
        (lambda: NICE(rng, couplings=-1), "couplings must be a whole number"),
        (lambda: RealNVP(rng).log_prob(np.zeros((3, 3))), r"x must have shape \(N, 2\), got \(3, 3\)"),
        (lambda: RealNVP(rng).standardize(np.zeros((3, 2))), "x must vary in every coordinate"),
        (lambda: RealNVP(rng).steps(np.zeros(2)), r"z must have shape \(N, 2\), got \(2,\)"),
    ]:
        with pytest.raises(ValueError, match=says):
            call()


# ------------------------------------------------------------------------------------------- a condition


def linear_in_context(p=0.7, s=0.4, q=-1.5, r=-0.6, s_last=-0.3, u=2.0):
    """A RealNVP with x_1 = e^s z_1 + p z_0 + q c and x_0 = e^s_last z_0 + r x_1 + u c: normal given c.

    Each shift is linear, made of two ReLU units for each input; raw scales are undone by the coupling's tanh.
    """
    flow = RealNVP(np.random.default_rng(0), 2, couplings=2, width=4, depth=1, activation="relu", context=1)
    both = np.array([[1, -1, 0, 0], [0, 0, 1, -1]], np.float32)  # relu(a) − relu(−a) = a
    for coupling, kept, scale, shift in zip(flow.bijection.bijections, (0, 1), (s, s_last), ((p, q), (r, u))):
        hidden, out = coupling.net.net.layers
        hidden.w[...], hidden.b[...], out.w[...] = 0, 0, 0
        hidden.w[[kept, 2]] = both
        out.w[:, 2:] = (np.array(shift) @ both)[:, None]
        out.b[...] = [coupling.limit * np.arctanh(scale / coupling.limit)] * 2 + [0, 0]
    matrix = np.array([[np.exp(s_last) + r * p, r * np.exp(s)], [p, np.exp(s)]])
    return flow, matrix, lambda c: c * np.array([r * q + u, q])


def test_a_conditional_flow_with_linear_networks_is_a_conditional_gaussian(rng):
    """log p(x | c) = log N(x; m(c), M Mᵀ), and the moments of samples, each row with a condition of its own."""
    from scipy.stats import multivariate_normal

    flow, matrix, mean = linear_in_context()
    covariance = matrix @ matrix.T
    x, c = rng.standard_normal((50, 2)), rng.standard_normal((50, 1))
    expected = [multivariate_normal.logpdf(x[i], mean(c[i]), covariance) for i in range(50)]
    np.testing.assert_allclose(flow.log_prob(x, c), expected, atol=1e-5)
    assert flow.loss(x, c) == pytest.approx(-np.mean(expected), abs=1e-5)
    n = 40_000
    c = np.repeat(np.array([[-2.0], [1.5]], np.float32), n // 2, axis=0)
    drawn = flow.sample(rng, n, context=c)
    assert drawn.shape == (n, 2) and drawn.dtype == np.float32
    for half, value in ((drawn[: n // 2], -2.0), (drawn[n // 2 :], 1.5)):
        assert np.all(np.abs(half.mean(0) - mean(value)) < 5 * np.sqrt(np.diag(covariance) / len(half)))
        np.testing.assert_allclose(np.cov(half.T), covariance, atol=5 * 2 * covariance.max() / np.sqrt(len(half)))


def test_standardize_covers_the_condition(rng, shaken, tmp_path):
    """The density of x given features in any units is that of x given standardized features, in a file as well."""
    x = rng.standard_normal((300, 2), dtype=np.float32)
    c = (rng.standard_normal((300, 2)) * [3e5, 2.0] + [1.7e9, 4.0]).astype(np.float32)
    wide = c.astype(np.float64)
    units = ((wide - wide.mean(axis=0)) / wide.std(axis=0)).astype(np.float32)
    flow = shaken(RealNVP(rng, 2, couplings=2, width=8, context=2)).standardize(x)
    expected, drawn = flow.log_prob(x, units), flow.sample(np.random.default_rng(1), 300, context=units)
    same = flow.copy().standardize(x, context=c)
    np.testing.assert_allclose(same.log_prob(x, c), expected, atol=1e-2)  # float32 has every 128th second only
    np.testing.assert_allclose(same.sample(np.random.default_rng(1), 300, context=c), drawn, atol=1e-2)
    assert np.abs(flow.log_prob(x, units[::-1]) - expected).max() > 0.1
    assert not {"context_shift", "context_scale"} & set(same.parameters())
    again = RealNVP.from_file(same.map(lambda a: a.astype(np.float32)).save(tmp_path / "flow.npz"))
    np.testing.assert_array_equal(again.context_shift, same.context_shift)
    with pytest.raises(ValueError, match="context must be None for a RealNVP that was made without one"):
        RealNVP(rng, 2).standardize(x, c)
    with pytest.raises(ValueError, match=r"context must vary in every column .* in context\[..., 1\]"):
        flow.standardize(x, c * np.float32([1, 0]))
    with pytest.raises(ValueError, match=r"context must have shape \(300, 2\)"):
        flow.standardize(x, c[:, :1])


def test_a_conditional_flow_is_a_bijection_for_each_condition(rng, shaken):
    flow = shaken(RealNVP(rng, 3, couplings=3, width=8, context=4))
    z, c = rng.standard_normal((5, 3)), rng.standard_normal((5, 4))
    x, log_det = flow.bijection.forward(z, c)
    back, inverse = flow.bijection.inverse(x, c)
    np.testing.assert_allclose(back, z, atol=1e-9)
    np.testing.assert_allclose(log_det, -inverse, atol=1e-9)
    for i in range(5):
        one = c[i : i + 1]
        np.testing.assert_allclose(
            log_det[i], jacobian_log_det(lambda a, c=one: flow.bijection.forward(a, c), z[i : i + 1])[0], atol=1e-9
        )
    np.testing.assert_allclose(flow.log_prob(x, c), flow.base.log_prob(z) - log_det, atol=1e-9)
    steps = flow.steps(z, c)
    np.testing.assert_allclose(steps[-1], x, atol=1e-12)
    assert len(steps) == 5


def test_every_coupling_and_every_feature_of_the_condition_counts(rng, shaken):
    flow = shaken(RealNVP(rng, 2, couplings=4, width=8, context=3))
    x, c = rng.standard_normal((6, 2)), rng.standard_normal((6, 3))
    for feature in range(3):
        other = c.copy()
        other[0, feature] += 1
        changed = flow.log_prob(x, other) != flow.log_prob(x, c)
        assert changed.tolist() == [True] + [False] * 5
    for coupling in flow.bijection.bijections[:-1]:
        assert np.any(coupling.scale_and_shift(x, c)[0] != coupling.scale_and_shift(x, c[::-1])[0])


def test_a_condition_of_many_features_leaves_the_coordinates_their_weights():
    """The weights of the coordinates start with the variance that they have without a condition."""
    plain, given = (RealNVP(np.random.default_rng(0), 2, 8, width=500, context=c) for c in (None, 200))
    plain_nets = [f.net for f in plain.bijection.bijections[:-1]]
    given_nets = [f.net.net for f in given.bijection.bijections[:-1]]
    deviations = [np.std([net.layers[0].w[:2] for net in nets]) for nets in (plain_nets, given_nets)]
    assert deviations[1] == pytest.approx(deviations[0], rel=0.05)


def test_without_a_condition_nothing_is_changed():
    """The sums of the first weights as they were before there were conditions, and the names of the arrays."""
    small = {"dim": 5, "couplings": 3, "width": 8, "activation": "relu", "sharpness": 2.0}
    for arguments, total in (({}, 135.60316078370442), (small, 58.64255866302119)):
        state = RealNVP(np.random.default_rng(0), **arguments).state()
        assert sum(a.sum(dtype=float) for a in state.values()) == pytest.approx(total, abs=1e-9)
        assert "bijection.bijections.0.net.layers.0.w" in state


def test_a_condition_is_required_where_there_is_one_and_refused_where_there_is_none(rng):
    given, plain = (RealNVP(rng, 2, 2, width=8, context=c) for c in (3, None))
    x, c = np.zeros((4, 2), np.float32), np.zeros((4, 3), np.float32)
    for call in (given.log_prob, given.loss, given.steps, given.bijection.inverse):
        with pytest.raises(ValueError, match=r"context must be given, of shape \((N|4), 3\)"):
            call(x)
        for wrong in (c[:3], c[:, :2], c[0]):
            with pytest.raises(ValueError, match="context must have shape"):
                call(x, wrong)
    for call in (given.log_prob, given.loss, given.steps):
        with pytest.raises(ValueError, match="context must .*finite"):
            call(x, c + np.nan)
    with pytest.raises(ValueError, match=r"context must be given, of shape \(7, 3\)"):
        given.sample(rng, 7)
    with pytest.raises(ValueError, match=r"context must have shape \(7, 3\), got \(4, 3\)"):
        given.sample(rng, 7, context=c)
    for call in (plain.log_prob, plain.loss, plain.steps, lambda x, c: plain.sample(rng, 4, context=c)):
        with pytest.raises(ValueError, match="context must be None for a RealNVP that was made without one"):
            call(x, c)
    for wrong in (0, -1, 1.5, "a"):
        with pytest.raises(ValueError, match="context must be a whole number"):
            RealNVP(rng, 2, context=wrong)
