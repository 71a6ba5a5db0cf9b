"""Flows on vectors, with random non-zero weights: Jacobians, total mass, both directions, moments, files."""

import numpy as np
import pytest

from minigen.data import toy
from minigen.flow.bijection import jacobian_log_det
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


def test_nice_without_scale_keeps_volume(rng, shaken):
    flow = shaken(NICE(rng, 4, couplings=3, width=8, scaled=False))
    x = rng.standard_normal((3, 4))
    np.testing.assert_allclose(jacobian_log_det(flow.bijection.forward, x), 0, atol=1e-9)
    np.testing.assert_allclose(flow.log_prob(x), flow.base.log_prob(flow.bijection.inverse(x)[0]))


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
