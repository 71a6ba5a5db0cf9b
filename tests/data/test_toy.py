"""Every toy density against quadrature, histograms, finite differences and brute force."""

import copy
import pickle

import autograd
import numpy as np
import pytest
from scipy.stats import norm

from minigen.data import toy

NAMES = toy.names()
WITH_SCORE = [name for name in NAMES if name != "checkerboard"]
N = 100_000


@pytest.fixture(scope="module", params=NAMES)
def density(request):
    return toy.get(request.param)


@pytest.fixture(scope="module")
def samples(density):
    return density.sample(np.random.default_rng(1), N)


def grid_of(bounds, n):
    """Centers of n x n cells, laid out here and not by the density, and the area of one."""
    xmin, xmax, ymin, ymax = bounds
    xs = xmin + (xmax - xmin) * (np.arange(n) + 0.5) / n
    ys = ymin + (ymax - ymin) * (np.arange(n) + 0.5) / n
    points = np.array([xs.repeat(n), np.tile(ys, n)]).T
    return points, (xs[1] - xs[0]) * (ys[1] - ys[0])


def central_differences(log_prob, x, step=1e-6):
    columns = [(log_prob(x + step * e) - log_prob(x - step * e)) / (2 * step) for e in np.eye(2)]
    return np.stack(columns, axis=1)


@pytest.mark.slow
def test_integrates_to_one(density):
    for each in (density, density.standardized()):
        points, area = grid_of(each.bounds, 400)
        assert np.sum(np.exp(each.log_prob(points))) * area == pytest.approx(1, abs=1e-4)
        assert each.cells(400)[1] == pytest.approx(area)
        np.testing.assert_allclose(each.cells(400)[0], points, atol=1e-12)


@pytest.mark.slow
def test_samples_fit_the_density(density, samples):
    """Pearson's chi-square of 24 x 24 cells; each cell's probability is a sum over 16 x 16 parts of it."""
    cells, parts = 24, 16
    points, area = grid_of(density.bounds, cells * parts)
    mass = (density.prob(points) * area).reshape(cells, parts, cells, parts).sum(axis=(1, 3))
    xmin, xmax, ymin, ymax = density.bounds
    counts, _, _ = np.histogram2d(samples[:, 0], samples[:, 1], bins=cells, range=[(xmin, xmax), (ymin, ymax)])
    expected = N * mass
    rare = expected < 10  # pooled into one cell with what fell outside
    observed = np.append(counts[~rare], N - counts[~rare].sum())
    expected = np.append(expected[~rare], max(N - expected[~rare].sum(), 1))
    chi_square = np.sum((observed - expected) ** 2 / expected)
    freedom = len(observed) - 1
    assert (chi_square - freedom) / np.sqrt(2 * freedom) < 5


def test_samples_are_float32_and_reproducible(density):
    first = density.sample(np.random.default_rng(3), 50)
    assert first.shape == (50, 2) and first.dtype == np.float32
    assert np.array_equal(first, density.sample(np.random.default_rng(3), 50))
    assert not np.array_equal(first, density.sample(np.random.default_rng(4), 50))
    assert density.sample(np.random.default_rng(3), 0).shape == (0, 2)
    assert density.sample(np.random.default_rng(3), 1).shape == (1, 2)


def test_samples_lie_within_the_bounds(density, samples):
    xmin, xmax, ymin, ymax = density.bounds
    inside = (samples >= [xmin, ymin]) & (samples <= [xmax, ymax])
    assert inside.all(axis=1).mean() > 1 - 1e-4
    assert np.isfinite(density.log_prob(samples)).all()


@pytest.mark.slow
def test_entropy_is_the_mean_of_minus_log_p(density, samples):
    surprise = -density.log_prob(samples.astype(np.float64))
    error = 5 * surprise.std() / np.sqrt(N)
    assert density.entropy() == pytest.approx(surprise.mean(), abs=error + 1e-9)
    points, area = grid_of(density.bounds, 400)
    log_p = density.log_prob(points)
    kept = np.isfinite(log_p)
    assert density.entropy() == pytest.approx(-np.sum(np.exp(log_p[kept]) * log_p[kept]) * area, abs=2e-5)


def test_moments(density, samples):
    mean, scale = density.moments()
    z = (samples.astype(np.float64) - mean) / scale
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=5 / np.sqrt(N))
    np.testing.assert_allclose((z**2).mean(axis=0), 1, atol=5 * (z**2).std() / np.sqrt(N))


@pytest.mark.parametrize("name", WITH_SCORE)
def test_score_is_the_gradient_of_log_prob(name):
    for density in (toy.get(name), toy.get(name).standardized()):
        rng = np.random.default_rng(5)
        xmin, xmax, ymin, ymax = density.bounds
        x = np.concatenate([density.sample(rng, 200), rng.uniform([xmin, ymin], [xmax, ymax], (200, 2))]).astype(float)
        expected = central_differences(density.log_prob, x)
        np.testing.assert_allclose(density.score(x), expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())
        assert density.has_score


def test_checkerboard_has_no_score():
    board = toy.checkerboard()
    for each in (board, board.standardized()):
        assert not each.has_score
        with pytest.raises(NotImplementedError, match="checkerboard has no score"):
            each.score(np.zeros((1, 2)))


def test_standardized_is_a_change_of_variables(density, samples):
    standard = density.standardized()
    mean, scale = density.moments()
    z = ((samples[:2000] - mean) / scale).astype(np.float64)
    # A hair inside the square of the checkerboard that the point came from, the same for the others.
    z = z * (1 - 1e-9)
    x = mean + scale * z
    np.testing.assert_allclose(standard.log_prob(z), density.log_prob(x) + np.log(scale).sum(), atol=1e-9, rtol=1e-9)
    if density.has_score:
        np.testing.assert_allclose(standard.score(z), density.score(x) * scale, rtol=1e-7, atol=1e-7)
    assert standard.entropy() == pytest.approx(density.entropy() - np.log(scale).sum(), abs=1e-6)
    ends = np.reshape(density.bounds, (2, 2))
    np.testing.assert_allclose(np.reshape(standard.bounds, (2, 2)), (ends - mean[:, None]) / scale[:, None], atol=1e-9)
    if density.modes is None:
        assert standard.modes is None
    else:
        np.testing.assert_allclose(standard.modes, (density.modes - mean) / scale, atol=1e-5)

    y = standard.sample(np.random.default_rng(6), N).astype(np.float64)
    assert np.isfinite(standard.log_prob(y.astype(np.float32))).all()
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=5 / np.sqrt(N))
    np.testing.assert_allclose((y**2).mean(axis=0), 1, atol=5 * (y**2).std() / np.sqrt(N))
    # Standardizing once more changes nothing.
    twice = standard.standardized()
    np.testing.assert_allclose(twice.log_prob(z), standard.log_prob(z), atol=1e-6)


def test_dtypes_and_shapes(density, samples):
    x = samples[:7]
    assert density.log_prob(x).shape == (7,) and density.log_prob(x).dtype == np.float32
    assert density.log_prob(x.astype(np.float64)).dtype == np.float64
    assert density.log_prob(x.tolist()).dtype == np.float64
    np.testing.assert_allclose(density.log_prob(x), density.log_prob(x.astype(np.float64)), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(density.prob(x), np.exp(density.log_prob(x)), rtol=1e-6)
    assert density.log_prob(np.zeros((0, 2))).shape == (0,)
    if density.has_score:
        assert density.score(x).shape == (7, 2) and density.score(x).dtype == np.float32
        assert density.score(x.astype(np.float64)).dtype == np.float64
        assert density.score(np.zeros((0, 2))).shape == (0, 2)


def test_many_points_at_once_are_points_one_by_one(density, samples):
    x = samples[:3000].astype(np.float64)
    few = np.concatenate([density.log_prob(x[i : i + 1]) for i in range(0, 3000, 97)])
    np.testing.assert_allclose(density.log_prob(x)[::97], few, rtol=1e-9, atol=1e-9)


# The densities one by one, against closed forms and brute force.
def test_ring_geometry():
    ring = toy.ring(modes=6, radius=3.0, std=0.2)
    np.testing.assert_allclose(np.hypot(*ring.modes.T), 3.0, rtol=1e-6)
    np.testing.assert_allclose(ring.modes[0], [3, 0], atol=1e-6)
    gaps = np.hypot(*(ring.modes - np.roll(ring.modes, 1, axis=0)).T)
    np.testing.assert_allclose(gaps, 3.0, rtol=1e-5)  # the side of a hexagon is its radius
    assert ring.std == 0.2
    # Eight modes 15 standard deviations apart: the entropy is that of the choice plus that of one Gaussian.
    assert toy.ring().entropy() == pytest.approx(np.log(8) + np.log(2 * np.pi * np.e * 0.01), abs=1e-6)
    assert toy.ring().standardized().std == pytest.approx(0.1 / np.sqrt(2.01))


def test_grid_geometry():
    grid = toy.grid()
    assert grid.modes.shape == (25, 2) and grid.std == 0.05
    assert sorted(set(grid.modes.ravel().tolist())) == [-4, -2, 0, 2, 4]
    assert len({tuple(mode) for mode in grid.modes.tolist()}) == 25
    assert grid.entropy() == pytest.approx(np.log(25) + np.log(2 * np.pi * np.e * 0.0025), abs=1e-6)


def test_std_differs_by_coordinate_once_the_scales_do():
    moons = toy.two_moons(0.1).standardized()
    _, scale = toy.two_moons(0.1).moments()
    np.testing.assert_allclose(moons.std, 0.1 / scale)
    np.testing.assert_allclose(toy.ring(modes=2).standardized().std, 0.1 / np.sqrt([4.01, 0.01]))


def brute_force(places, noise, x):
    """log of the mean of Gaussians about every one of many places on the curve."""
    squares = ((x[:, None, :] - places) ** 2).sum(axis=-1)
    smallest = squares.min(axis=1)
    total = np.exp(-(squares - smallest[:, None]) / (2 * noise**2)).mean(axis=1)
    return np.log(total) - smallest / (2 * noise**2) - np.log(2 * np.pi * noise**2)


MIDPOINTS = (np.arange(4000) + 0.5) / 4000


def moons_places():
    a = np.pi * MIDPOINTS
    return np.concatenate([np.c_[np.cos(a), np.sin(a)], np.c_[1 - np.cos(a), 0.5 - np.sin(a)]])


def roll_places():
    a = 1.5 * np.pi + 3 * np.pi * MIDPOINTS
    return np.c_[a * np.cos(a), a * np.sin(a)] / 5


def spiral_places():
    r = np.sqrt(MIDPOINTS)  # area grows with the square of the distance; the length of these arms too, nearly
    arm = np.pi * r[:, None] * np.c_[np.cos(3 * np.pi * r), np.sin(3 * np.pi * r)]
    return np.concatenate([arm, -arm])


@pytest.mark.parametrize("noise", [0.1, 0.3])
@pytest.mark.parametrize(
    ("make", "places"),
    [(toy.two_moons, moons_places), (toy.swiss_roll, roll_places), (toy.spirals, spiral_places)],
)
def test_curves_against_a_dense_mixture(make, places, noise):
    density = make(noise)
    rng = np.random.default_rng(7)
    xmin, xmax, ymin, ymax = density.bounds
    x = np.concatenate([density.sample(rng, 100), rng.uniform([xmin, ymin], [xmax, ymax], (60, 2))]).astype(float)
    np.testing.assert_allclose(density.log_prob(x), brute_force(places(), noise, x), rtol=1e-3, atol=1e-4)


def test_two_moons_has_the_geometry_of_make_moons():
    x = toy.two_moons(noise=1e-3).sample(np.random.default_rng(8), 4000).astype(np.float64)
    upper = np.abs(np.hypot(x[:, 0], x[:, 1]) - 1) + 10 * np.maximum(-x[:, 1] - 0.01, 0)
    lower = np.abs(np.hypot(x[:, 0] - 1, x[:, 1] - 0.5) - 1) + 10 * np.maximum(x[:, 1] - 0.51, 0)
    assert np.minimum(upper, lower).max() < 0.006
    assert abs((upper < lower).mean() - 0.5) < 5 * 0.5 / np.sqrt(4000)


def test_circles_against_a_dense_mixture():
    density = toy.circles(noise=0.1, factor=0.4)
    a = 2 * np.pi * MIDPOINTS
    places = np.concatenate([np.c_[np.cos(a), np.sin(a)], 0.4 * np.c_[np.cos(a), np.sin(a)]])
    x = np.concatenate([np.zeros((1, 2)), np.random.default_rng(9).uniform(-1.8, 1.8, (100, 2))])
    np.testing.assert_allclose(density.log_prob(x), brute_force(places, 0.1, x), rtol=1e-9)
    np.testing.assert_array_equal(density.score(np.zeros((1, 2))), 0)  # by symmetry, and no 0/0
    assert np.isfinite(density.log_prob(np.array([[300.0, 400.0]]))).all()


def test_pinwheel_turns_without_changing_areas():
    """The map from a Gaussian to one arm, written again here: determinant 1, and its push-forward is the density."""

    def arm(f):
        r = np.hypot(f[:, 0], f[:, 1])
        return 2 * r[:, None] * np.c_[np.cos(a := np.arctan2(f[:, 1], f[:, 0]) + 0.25 * np.exp(r)), np.sin(a)]

    f = np.random.default_rng(10).normal([1, 0], [0.3, 0.1], (200, 2))
    dx, dy = [(arm(f + 1e-6 * e) - arm(f - 1e-6 * e)) / 2e-6 for e in np.eye(2)]
    np.testing.assert_allclose(dx[:, 0] * dy[:, 1] - dx[:, 1] * dy[:, 0], 4, rtol=1e-5)  # the scale 2, squared
    pushed = norm.pdf(f[:, 0], 1, 0.3) * norm.pdf(f[:, 1], 0, 0.1) / 4
    np.testing.assert_allclose(np.exp(toy.pinwheel(arms=1).log_prob(arm(f))), pushed, rtol=1e-9)
    five = toy.pinwheel()
    assert np.all(five.prob(arm(f)) >= pushed / 5 * (1 - 1e-9))
    turned = arm(f) @ np.array(
        [[np.cos(0.4 * np.pi), np.sin(0.4 * np.pi)], [-np.sin(0.4 * np.pi), np.cos(0.4 * np.pi)]]
    )
    np.testing.assert_allclose(five.log_prob(turned), five.log_prob(arm(f)), rtol=1e-9)


def test_checkerboard_by_hand():
    board = toy.checkerboard()
    assert board.entropy() == pytest.approx(np.log(32))  # eight squares of area 4
    x = np.array([[-3, -3], [-1, -3], [-1, -1], [3, 3], [3, 1], [5, 5], [-4, -4], [-2, -3]])
    expected = np.array([1, 0, 1, 1, 0, 0, 1, 0]) / 32
    np.testing.assert_allclose(board.prob(x), expected)
    np.testing.assert_allclose(board.standardized().bounds, np.sqrt(3) * np.array([-1, 1, -1, 1]))  # as for a uniform
    # With an odd number of squares a corner more is filled than left empty: the variance is no longer the uniform's.
    odd = toy.checkerboard(squares=3, side=1.0)
    assert odd.entropy() == pytest.approx(np.log(5))
    np.testing.assert_allclose(odd.moments()[1] ** 2, (4 * 1) / 5 + 1 / 12)


def test_rezende_potentials_are_those_of_the_paper():
    """Table 1 typed again, without the stable logarithms, at points inside the walls."""
    z = np.random.default_rng(11).uniform(-3.5, 3.5, (300, 2))
    z1, z2 = z.T

    def g(t, s):
        return np.exp(-0.5 * (t / s) ** 2)

    w1, w2, w3 = np.sin(2 * np.pi * z1 / 4), 3 * g(z1 - 1, 0.6), 3 / (1 + np.exp(-(z1 - 1) / 0.3))
    expected = [
        0.5 * ((np.linalg.norm(z, axis=1) - 2) / 0.4) ** 2 - np.log(g(z1 - 2, 0.6) + g(z1 + 2, 0.6)),
        0.5 * ((z2 - w1) / 0.4) ** 2,
        -np.log(g(z2 - w1, 0.35) + g(z2 - w1 + w2, 0.35)),
        -np.log(g(z2 - w1, 0.4) + g(z2 - w1 + w3, 0.35)),
    ]
    for make, energy in zip(toy.rezende_potentials, expected):
        density = make()
        np.testing.assert_allclose(density.energy(z), energy, rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(density.log_prob(z), -energy - density.log_z, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("make", toy.rezende_potentials)
def test_energy_is_differentiable_and_keeps_float32(make):
    density = make()
    x = density.sample(np.random.default_rng(12), 50)
    gradient = autograd.grad(lambda x: autograd.numpy.sum(density.energy(x)))(x)
    assert density.energy(x).dtype == gradient.dtype == np.float32
    np.testing.assert_allclose(gradient, -density.score(x), rtol=1e-4, atol=1e-4)


def test_rezende2_entropy_by_hand():
    """x₂ is Gaussian about the wave; x₁ is flat over 8 with a half Gaussian of std 0.25 at each end."""
    width = 8 + 0.25 * np.sqrt(2 * np.pi)
    along = np.log(width) + 0.5 * (width - 8) / width
    assert toy.rezende2().entropy() == pytest.approx(along + 0.5 * np.log(2 * np.pi * np.e * 0.16), abs=1e-6)
    assert toy.rezende2().log_z == pytest.approx(np.log(width * 0.4 * np.sqrt(2 * np.pi)))


# Names and errors.
def test_get_and_names():
    assert {"ring", "grid", "two_moons", "swiss_roll", "checkerboard", "pinwheel", "circles", "spirals"} <= set(NAMES)
    assert {"rezende1", "rezende2", "rezende3", "rezende4"} <= set(NAMES)
    assert toy.get("ring", modes=5).modes.shape == (5, 2)
    assert toy.get("two_moons", noise=0.2).std == 0.2
    with pytest.raises(ValueError, match="did you mean two_moons"):
        toy.get("two_moon")
    with pytest.raises(ValueError, match="arguments of ring are modes, radius, std, got sigma"):
        toy.get("ring", sigma=1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: toy.circles(factor=1.5), r"factor must be a number in \(0, 1\), got 1.5"),
        (lambda: toy.ring().score(np.zeros((4, 3))), r"x must have shape \(N, 2\), got \(4, 3\)"),
        (lambda: toy.ring().sample_with_labels(np.random, 10), r"rng must be a numpy.random.Generator"),
        (lambda: toy.rezende1().energy(np.zeros(2)), r"x must have shape \(N, 2\), got \(2,\)"),
    ],
)
def test_errors_name_the_argument(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("name", toy.names())
def test_a_density_can_be_pickled(name):
    """Another process, or a copy, has the same density."""
    density = toy.get(name).standardized()
    for other in (pickle.loads(pickle.dumps(density)), copy.deepcopy(density)):
        np.testing.assert_array_equal(
            other.sample(np.random.default_rng(0), 5), density.sample(np.random.default_rng(0), 5)
        )
        np.testing.assert_array_equal(other.log_prob(np.zeros((1, 2))), density.log_prob(np.zeros((1, 2))))
