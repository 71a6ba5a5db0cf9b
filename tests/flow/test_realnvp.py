"""Whole flows on random non-zero weights: Jacobians, total mass, both directions, moments, files."""

import numpy as np
import pytest

from minigen.data import toy
from minigen.flow.bijection import jacobian_log_det
from minigen.flow.nice import NICE
from minigen.flow.realnvp import ConvNet, ImageRealNVP, RealNVP
from minigen.metrics import nll_gap
from minigen.optim import Adam, cosine
from minigen.tensor import jacobian, parallel_value_and_grad, value_and_grad


def images(rng, shaken, shape=(4, 4, 1), size=0.1):
    return shaken(ImageRealNVP(rng, shape, width=4, scales=2, checkerboards=2, channelwise=2), size)


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


@pytest.mark.parametrize("shape", [(4, 4, 1), (6, 2, 1), (4, 2, 3)])
def test_image_flow(rng, shaken, check_bijection, shape):
    flow = images(rng, shaken, shape)
    z = rng.standard_normal((2, *shape))
    x, log_det = check_bijection(flow.bijection, z, atol=1e-8)
    assert np.abs(x - z).max() > 0.1 and (np.abs(log_det) > 0.01).all()
    np.testing.assert_allclose(flow.log_prob(x), flow.base.log_prob(z) - log_det, atol=1e-8)


def test_every_pixel_and_every_number_of_noise_matters(rng, shaken):
    flow = images(rng, shaken, size=0.3)
    J = jacobian(lambda z: flow.bijection.forward(z)[0])(rng.standard_normal((1, 4, 4, 1))).reshape(16, 16)
    assert (np.abs(J).max(axis=0) > 1e-3).all() and (np.abs(J).max(axis=1) > 1e-3).all()


def test_three_scales_leave_half_at_each():
    """28×28, then 14×14 with 2 channels, then 7×7 with 4: the sizes of the couplings that keep a checkerboard."""
    flow, found = ImageRealNVP(np.random.default_rng(0), width=4, checkerboards=1, channelwise=1), []
    for _, module in flow.modules():
        mask = getattr(module, "mask", None)
        if mask is not None:
            found.append(mask.shape)
    assert sorted(found, key=str) == sorted([(28, 28, 1), (14, 14, 1), (7, 7, 1), (4,), (8,)], key=str)


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


def test_training_steps_stay_in_float32(rng):
    for flow, x in [
        (RealNVP(rng, 2, couplings=2, width=8), rng.standard_normal((8, 2), dtype=np.float32)),
        (ImageRealNVP(rng, (4, 4, 1), width=4, scales=2), rng.standard_normal((4, 4, 4, 1), dtype=np.float32)),
    ]:
        optimizer = Adam(flow.standardize(x), 1e-3)
        value, grads = value_and_grad(lambda f, x: f.loss(x))(flow, x)
        optimizer.step(grads)
        assert value.dtype == np.float32
        assert {a.dtype for a in grads.parameters().values()} | {a.dtype for a in flow.parameters().values()} == {
            np.dtype(np.float32)
        }
        assert flow.sample(rng, 3).dtype == flow.log_prob(x).dtype == np.float32


def test_two_threads_give_the_same_gradient(rng, shaken):
    flow, x = images(rng, shaken), rng.standard_normal((6, 4, 4, 1))

    def loss(f, x):
        return f.loss(x)

    (one, g1), (two, g2) = value_and_grad(loss)(flow, x), parallel_value_and_grad(loss)(flow, x)
    np.testing.assert_allclose(one, two, rtol=1e-6)
    for name, g in g1.parameters().items():
        np.testing.assert_allclose(g, g2.parameters()[name], rtol=1e-5, atol=1e-7)


# ------------------------------------------------------------------------------------------- the rest


def test_standardize(rng):
    x = rng.standard_normal((4000, 2), dtype=np.float32) * np.float32([3, 0.2]) + np.float32([5, -1])
    flow = RealNVP(rng, 2).standardize(x)  # its couplings are still the identity: a Gaussian of these moments
    gap = -flow.log_prob(x).mean() - (1 + np.log(2 * np.pi) + np.log(x.std(0)).sum())
    assert abs(gap) < 1e-4
    y = rng.standard_normal((50, 4, 4, 2)) * [3.0, 0.2] + [5.0, -1.0]
    z, _ = ImageRealNVP(rng, (4, 4, 2), width=4, scales=2).standardize(y).bijection.bijections[-1].inverse(y)
    np.testing.assert_allclose(z.mean((0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(z.std((0, 1, 2)), 1, atol=1e-5)


def test_steps_are_the_way_from_noise_to_data(rng, shaken):
    flow, z = shaken(RealNVP(rng, 2, couplings=3, width=8)), rng.standard_normal((5, 2))
    way = flow.steps(z)
    assert len(way) == 5  # z, three couplings, the scale
    np.testing.assert_array_equal(way[0], z)
    np.testing.assert_array_equal(way[-1], flow.bijection.forward(z)[0])
    np.testing.assert_array_equal(way[1][:, 0], z[:, 0])  # the first coupling keeps the first coordinate,
    np.testing.assert_array_equal(way[2][:, 1], way[1][:, 1])  # the second the second


@pytest.mark.parametrize("fold", [False, True])
def test_conv_net_starts_at_zero_and_keeps_the_places(rng, fold):
    net, x = ConvNet(rng, 2, width=4, fold=fold), rng.standard_normal((2, 8, 8, 2), dtype=np.float32)
    assert not net(x).any() and net(x).shape == (2, 8, 8, 4)
    net.leave.w[...] = rng.standard_normal(net.leave.w.shape)
    moved = x.copy()
    moved[0, 0, 0] += 1  # seen most where it happened, and in its own image only
    change = np.abs(net(moved) - net(x)).max(axis=-1)
    assert change[0, :2, :2].min() > 3 * np.median(change[0, 4:, 4:]) and not change[1].any()


def test_save_and_load(rng, tmp_path):
    flow, x = RealNVP(rng, 2, couplings=2, width=8), rng.standard_normal((4, 2), dtype=np.float32)
    for a in flow.parameters().values():
        a += rng.standard_normal(a.shape, dtype=np.float32)
    other = RealNVP(np.random.default_rng(9), 2, couplings=2, width=8)
    assert np.abs(other.log_prob(x) - flow.log_prob(x)).max() > 0.01
    np.testing.assert_array_equal(other.load(flow.save(tmp_path / "flow.npz")).log_prob(x), flow.log_prob(x))
    with pytest.raises(ValueError, match="cannot load"):
        RealNVP(rng, 2, couplings=3, width=8).load(tmp_path / "flow.npz")


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


def test_models_are_found_beside_their_layers():
    from minigen.flow import coupling

    assert coupling.RealNVP is RealNVP and coupling.NICE is NICE
    with pytest.raises(AttributeError, match="no attribute 'Glow'"):
        coupling.Glow  # noqa: B018


def test_errors_name_the_argument(rng):
    for call, says in [
        (lambda: RealNVP(rng, dim=1), "dim must be a whole number, at least 2, got 1"),
        (lambda: RealNVP(rng, couplings=0), "couplings must be a whole number, at least 1, got 0"),
        (lambda: NICE(rng, couplings=-1), "couplings must be a whole number"),
        (lambda: RealNVP(rng).log_prob(np.zeros((3, 3))), r"x must have shape \(N, 2\), got \(3, 3\)"),
        (lambda: RealNVP(rng).standardize(np.zeros((3, 2))), "x must vary in every coordinate"),
        (lambda: RealNVP(rng).steps(np.zeros(2)), r"z must have shape \(N, 2\), got \(2,\)"),
        (lambda: ImageRealNVP(rng, (6, 6, 1)), r"shape must be divisible by 2\^\(scales - 1\) = 4, got \(6, 6, 1\)"),
        (lambda: ImageRealNVP(rng, (4, 4, 1)), r"shape must leave more than one pixel at the coarsest of 3 scales"),
        (lambda: ImageRealNVP(rng, (4, 4, 1), width=6, scales=2), "width must be divisible by 4"),
        (lambda: ImageRealNVP(rng, (28, 28)), r"shape must be \(H, W, C\), got \(28, 28\)"),
        (lambda: images(rng, lambda f, _: f).log_prob(np.zeros((1, 4, 4))), r"x must have shape \(N, 4, 4, 1\)"),
    ]:
        with pytest.raises(ValueError, match=says):
            call()
