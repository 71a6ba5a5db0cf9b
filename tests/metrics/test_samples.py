"""Sample metrics against closed forms and second computations, each with the wrong formulas it must not be."""

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
from scipy.spatial.distance import cdist

from minigen.metrics.samples import (
    classifier_two_sample_test,
    frechet_distance,
    inception_score,
    mean_and_covariance,
    mmd,
    mode_coverage,
    precision_recall,
    sampling_floor,
)
from minigen.metrics.transport import sliced_wasserstein


def normal(rng, n):
    return rng.standard_normal((n, 2))


# -- modes ---------------------------------------------------------------------------------------------------------


def test_mode_coverage_by_hand():
    modes = [[0, 0], [10, 0], [0, 10]]
    samples = [[0, 0], [0.2, 0.2], [10, 0.31], [10, 0.29], [5, 5]]
    # 3 std = 0.3: two good at the first mode, one at the second (0.31 is out), none at the third
    covered, high_quality = mode_coverage(samples, modes, std=0.1)
    assert covered == 2 and type(covered) is int
    assert high_quality == pytest.approx(3 / 5) and type(high_quality) is float
    assert mode_coverage(samples, modes, std=0.1, k=4) == (2, pytest.approx(4 / 5))
    assert mode_coverage(samples, modes, std=0.1, k=1) == (1, pytest.approx(1 / 5))
    assert mode_coverage(samples, modes, std=0.1, min_count=2) == (1, pytest.approx(3 / 5))


def test_mode_coverage_is_euclidean_and_counts_only_the_nearest_mode():
    # each coordinate within 3 std, the distance not
    assert mode_coverage([[0.25, 0.25]], [[0, 0]], std=0.1) == (0, 0.0)
    # within reach of two modes, but of one the nearest
    assert mode_coverage([[0.1, 0], [0.1, 0]], [[0, 0], [0.3, 0]], std=0.1) == (1, 1.0)


def test_mode_coverage_of_the_truth():
    rng = np.random.default_rng(0)
    angle = np.arange(8) * np.pi / 4
    modes = 2 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    x = modes[rng.integers(8, size=20_000)] + 0.1 * rng.standard_normal((20_000, 2))
    share = 1 - np.exp(-4.5)  # a chi-square of two degrees of freedom
    covered, high_quality = mode_coverage(x.astype(np.float32), modes, 0.1)
    assert covered == 8
    assert high_quality == pytest.approx(share, abs=5 * np.sqrt(share * (1 - share) / len(x)))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (([[0, 0]], [[0, 0], [1, 1]], 0.1), "samples must be at least as many as modes, got 1 samples for 2 modes"),
        ((np.zeros((5, 2)), np.zeros((5, 3)), 0.1), r"modes must have shape \(K, 2\), got \(5, 3\)"),
        (([0, 0], [[0, 0]], 0.1), r"samples must have shape \(N, D\), got \(2,\)"),
        (([[0, np.nan]], [[0, 0]], 0.1), "samples must be finite, got 1 non-finite values"),
        (([[0, 0]], [[0, 0]], 0), "std must be a positive number, got 0"),
        (([[0, 0]], [[0, 0]], 0.1, -1), "k must be a positive number, got -1"),
        (([[0, 0]], [[0, 0]], 0.1, 3, 0), "min_count must be a whole number of at least 1, got 0"),
    ],
)
def test_mode_coverage_bad_input(args, message):
    with pytest.raises(ValueError, match=message):
        mode_coverage(*args)


# -- MMD -----------------------------------------------------------------------------------------------------------


def test_mmd_by_hand():
    # x: 0 twice, y: 1 twice; k = 1 within, exp(-1/2) across
    x, y = [[0.0], [0.0]], [[1.0], [1.0]]
    expected = 2 - 2 * np.exp(-0.5)
    assert mmd(x, y, bandwidth=1) == pytest.approx(expected, abs=1e-15)
    assert mmd(x, y, bandwidth=1, unbiased=True) == pytest.approx(expected, abs=1e-15)
    assert mmd(x, y, bandwidth=2) == pytest.approx(2 - 2 * np.exp(-1 / 8), abs=1e-15)


@pytest.mark.parametrize("unbiased", [False, True])
def test_mmd_equals_the_double_sum(unbiased):
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((30, 3)), rng.standard_normal((20, 3)) + 0.3

    def k(a, b):
        return np.exp(-((a - b) ** 2).sum() / (2 * 0.8**2))

    def mean(a, b):
        def itself(i, j):
            return unbiased and a is b and i == j

        return np.mean([k(u, v) for i, u in enumerate(a) for j, v in enumerate(b) if not itself(i, j)])

    expected = mean(x, x) + mean(y, y) - 2 * mean(x, y)
    assert mmd(x, y, 0.8, unbiased) == pytest.approx(expected, rel=1e-10)
    assert mmd(y, x, 0.8, unbiased) == pytest.approx(expected, rel=1e-10)


def test_mmd_of_normals_in_closed_form():
    # E k(x, y) = (h^2 / (h^2 + s^2))^(D/2) exp(-|m|^2 / (2 (h^2 + s^2))), s^2 the variance of x - y, m its mean
    def kernel_mean(h, s2, m2, dim=2):
        return (h**2 / (h**2 + s2)) ** (dim / 2) * np.exp(-m2 / (2 * (h**2 + s2)))

    h, sigma, shift = 0.7, 1.5, np.array([0.5, -0.3])
    expected = kernel_mean(h, 2, 0) + kernel_mean(h, 2 * sigma**2, 0) - 2 * kernel_mean(h, 1 + sigma**2, shift @ shift)
    rng = np.random.default_rng(2)
    n = 100
    pairs = [(normal(rng, n), shift + sigma * normal(rng, n)) for _ in range(400)]
    unbiased = np.array([mmd(x, y, h, unbiased=True) for x, y in pairs])
    biased = np.array([mmd(x, y, h) for x, y in pairs])
    error = 5 * unbiased.std(ddof=1) / np.sqrt(400)
    assert unbiased.mean() == pytest.approx(expected, abs=error)
    excess = (2 - kernel_mean(h, 2, 0) - kernel_mean(h, 2 * sigma**2, 0)) / n  # the pairs of a point with itself
    assert biased.mean() == pytest.approx(expected + excess, abs=error)
    assert excess > error  # so the two are told apart


def test_mmd_default_bandwidth_is_the_median_distance_of_the_pooled_points():
    rng = np.random.default_rng(3)
    x, y = normal(rng, 50), normal(rng, 40) + 1
    pooled = np.concatenate([x, y])
    median = np.median(cdist(pooled, pooled)[np.triu_indices(90, 1)])
    assert mmd(x, y) == pytest.approx(mmd(x, y, bandwidth=median), rel=1e-12)
    assert mmd(100 * x, 100 * y) == pytest.approx(mmd(x, y), rel=1e-9)  # so the scale does not matter
    assert mmd(x, x) == pytest.approx(0, abs=1e-15) and mmd(x, x) >= 0
    assert mmd(x, y) > mmd(x, y - 0.5) > 0
    assert mmd([[1.0, 1.0]] * 3, [[1.0, 1.0]] * 3) == 0  # all points are one
    assert mmd([[0.0]] * 9, [[0.0]] * 8 + [[1.0]]) > 0  # a median of zero


def test_mmd_in_blocks():
    rng = np.random.default_rng(4)
    x, y = normal(rng, 1203), normal(rng, 1001) + 0.2

    def k(a, b):
        return np.exp(-0.5 * cdist(a, b) ** 2).mean()

    assert mmd(x, y, 1.0) == pytest.approx(k(x, x) + k(y, y) - 2 * k(x, y), rel=1e-9)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((np.zeros((5, 2)), np.zeros((5, 3))), r"y must have shape \(M, 2\), got \(5, 3\)"),
        ((np.zeros(5), np.zeros((5, 3))), r"x must have shape \(N, D\), got \(5,\)"),
        ((np.zeros((5, 2)), np.zeros((5, 2)), 0.0), "bandwidth must be a positive number, got 0"),
        ((np.zeros((5, 2)), np.zeros((1, 2)), 1.0, True), "x and y must have at least 2 points each .* got 5 and 1"),
        ((np.zeros((5, 2)), np.full((5, 2), np.nan)), "y must be finite"),
    ],
)
def test_mmd_bad_input(args, message):
    with pytest.raises(ValueError, match=message):
        mmd(*args)


# -- Fréchet -------------------------------------------------------------------------------------------------------


def random_covariance(rng, dim):
    a = rng.standard_normal((dim, dim))
    return a @ a.T


def test_frechet_distance_by_hand():
    # in one dimension: (difference of means)^2 + (difference of standard deviations)^2
    assert frechet_distance([1.0], [[4.0]], [4.0], [[25.0]]) == pytest.approx(9 + 9, rel=1e-14)
    # commuting covariances: the same along each axis
    assert frechet_distance([0, 0], np.diag([1.0, 4.0]), [0, 1], np.diag([9.0, 16.0])) == pytest.approx(1 + 4 + 4)
    assert type(frechet_distance([0.0], [[1.0]], [0.0], [[1.0]])) is float


def test_frechet_distance_against_the_matrix_root():
    rng = np.random.default_rng(5)
    for dim in (2, 5, 12):
        mu1, mu2 = rng.standard_normal((2, dim))
        cov1, cov2 = random_covariance(rng, dim), random_covariance(rng, dim)
        root = scipy.linalg.sqrtm(cov1 @ cov2)
        expected = ((mu1 - mu2) ** 2).sum() + np.trace(cov1 + cov2 - 2 * root.real)
        assert frechet_distance(mu1, cov1, mu2, cov2) == pytest.approx(expected, rel=1e-9)
        assert frechet_distance(mu2, cov2, mu1, cov1) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_is_the_cost_of_the_optimal_linear_map():
    # y = T x with T symmetric and positive is the gradient of a convex function: the optimal map from N(0, C)
    rng = np.random.default_rng(6)
    cov, t = random_covariance(rng, 4), random_covariance(rng, 4)
    move = t - np.eye(4)
    expected = np.trace(move @ cov @ move.T)  # E |T x - x|^2
    assert frechet_distance(np.zeros(4), cov, np.zeros(4), t @ cov @ t) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_of_singular_covariances():
    rng = np.random.default_rng(7)
    low = rng.standard_normal((50, 3))
    cov = low @ low.T  # rank 3 of 50
    mu = np.zeros(50)
    assert 0 <= frechet_distance(mu, cov, mu, cov) < 1e-12 * np.trace(cov)
    assert frechet_distance(mu, cov, mu, np.zeros((50, 50))) == pytest.approx(np.trace(cov))
    assert frechet_distance(mu, cov, mu + 1, 4 * cov) == pytest.approx(50 + np.trace(cov))  # (2 - 1)^2


def test_mean_and_covariance_of_many_points_far_from_zero():
    """More than are added up at a time, in single precision: NumPy's own in double."""
    x = np.random.default_rng(0).standard_normal((9001, 3)).astype(np.float32) + 100
    mean, covariance = mean_and_covariance(x)
    np.testing.assert_allclose(mean, x.mean(axis=0, dtype=np.float64), rtol=1e-12)
    np.testing.assert_allclose(covariance, np.cov(x.T.astype(np.float64)), atol=1e-12)


def test_mean_and_covariance():
    x = np.random.default_rng(8).standard_normal((40, 3)).astype(np.float32)
    mean, cov = mean_and_covariance(x)
    assert np.allclose(mean, x.mean(axis=0, dtype=float)) and np.allclose(cov, np.cov(x.T, dtype=float), rtol=1e-12)
    with pytest.raises(ValueError, match="x must have at least 2 points, got 1"):
        mean_and_covariance([[1.0, 2.0]])


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (([0], np.eye(1), [0, 0], np.eye(2)), r"mu2 must have shape \(1,\), got \(2,\)"),
        (([0, 0], np.eye(3), [0, 0], np.eye(2)), r"cov1 must have shape \(2, 2\), got \(3, 3\)"),
        (([0, 0], np.eye(2), [0, 0], [1, 1]), r"cov2 must have shape \(2, 2\), got \(2,\)"),
        (([0, 0], [[1, 0.5], [0, 1]], [0, 0], np.eye(2)), "cov1 must be symmetric, got entries that differ by 0.5"),
        (([0, 0], np.eye(2), [0, 0], [[1, 2], [2, 1]]), "cov2 must have no negative eigenvalue .* got -1"),
        (([0, np.nan], np.eye(2), [0, 0], np.eye(2)), "mu1 must be finite"),
    ],
)
def test_frechet_bad_input(args, message):
    with pytest.raises(ValueError, match=message):
        frechet_distance(*args)


# -- inception score -----------------------------------------------------------------------------------------------


def test_inception_score_of_known_cases():
    assert inception_score(np.eye(10)[np.arange(100) % 10]) == pytest.approx(10)  # sure, and evenly spread
    assert inception_score(np.full((50, 10), 0.1)) == pytest.approx(1)  # unsure
    assert inception_score(np.eye(10)[np.zeros(100, int)]) == pytest.approx(1)  # one class only
    # two rows (3/4, 1/4), (1/4, 3/4) about (1/2, 1/2): KL = 3/4 log 3 - log 2, and the other way round log 2 - log 3 /
    # 2
    score = inception_score([[0.75, 0.25], [0.25, 0.75]])
    assert score == pytest.approx(3**0.75 / 2) and type(score) is float


def test_inception_score_is_the_exponential_of_the_mutual_information():
    probs = np.random.default_rng(9).dirichlet(np.ones(5), size=200)
    mean = probs.mean(axis=0)
    information = scipy.stats.entropy(mean) - scipy.stats.entropy(probs, axis=1).mean()
    assert inception_score(probs) == pytest.approx(np.exp(information), rel=1e-12)
    assert inception_score(probs.astype(np.float32)) == pytest.approx(np.exp(information), rel=1e-5)


@pytest.mark.parametrize(
    ("probs", "message"),
    [
        ([[0.5, 0.4]], "probs must sum to one over its last axis, got a sum of 0.9"),
        ([[2.0, -1.0]], "probs must be nonnegative, got values from -1"),
        ([0.5, 0.5], r"probs must have shape \(N, C\), got \(2,\)"),
    ],
)
def test_inception_bad_input(probs, message):
    with pytest.raises(ValueError, match=message):
        inception_score(probs)


# -- precision and recall ------------------------------------------------------------------------------------------


def test_precision_recall_by_hand():
    # real 0 1 2 3 with k = 1: balls of radius 1, so (-1, 4) is inside; fake 0.5, 0.6, 9, 9.2: radii 0.1, 0.1, 0.2, 0.2
    real, fake = [[0.0], [1.0], [2.0], [3.0]], [[0.5], [0.6], [9.0], [9.2]]
    assert precision_recall(real, fake, 1) == (pytest.approx(2 / 4), 0.0)
    # k = 2 widens the balls of the fakes 0.5 and 0.6 to 8.5 and 8.4
    assert precision_recall(real, fake, 2) == (pytest.approx(2 / 4), 1.0)
    result = precision_recall(real, fake, 1)
    assert type(result.precision) is float and result == precision_recall(real, fake, k=1)


def test_precision_recall_tells_a_collapse_from_a_blur():
    rng = np.random.default_rng(10)
    real = np.concatenate([normal(rng, 300), normal(rng, 300) + [20, 0]])
    collapsed = normal(rng, 600)  # one of two modes
    precision, recall = precision_recall(real, collapsed, 3)
    assert precision > 0.9 and 0.4 < recall < 0.52
    recall_first, precision_second = precision_recall(collapsed, real, 3)  # the roles change places
    assert (recall_first, precision_second) == (recall, precision)
    blurred = np.concatenate([normal(rng, 300), normal(rng, 300) + [10, 0]])
    assert precision_recall(real, blurred, 3).precision < 0.55
    assert precision_recall(real, real, 3) == (1.0, 1.0)
    assert precision_recall(real, real + 1000, 3) == (0.0, 0.0)


def test_precision_recall_does_not_count_a_point_as_its_own_neighbour():
    real = np.array([[0.0], [1.0], [5.0]])
    fake = np.array([[0.9], [0.8], [1.9]])
    # radii with k = 1: 1, 1, 4. If a point were its own neighbour, all radii would be 0 and the precision too
    assert precision_recall(real, fake, 1).precision == 1.0


def test_precision_recall_in_blocks():
    rng = np.random.default_rng(11)
    real, fake = normal(rng, 1300), 1.3 * normal(rng, 1100)
    d_real, d_fake, d = cdist(real, real), cdist(fake, fake), cdist(fake, real)
    radius_real, radius_fake = np.sort(d_real, axis=1)[:, 4], np.sort(d_fake, axis=1)[:, 4]
    expected = (d <= radius_real).any(axis=1).mean(), (d.T <= radius_fake).any(axis=1).mean()
    assert precision_recall(real, fake, 4) == expected


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((np.zeros((5, 2)), np.zeros((5, 3)), 3), r"fake must have shape \(M, 2\), got \(5, 3\)"),
        (
            (np.zeros((5, 2)), np.zeros((3, 2)), 3),
            "k must be below the number of points, got k = 3 for 5 real and 3 fake",
        ),
        ((np.zeros((5, 2)), np.zeros((5, 2)), 0), "k must be a whole number of at least 1, got 0"),
        ((np.zeros((5, 2)), np.full((5, 2), np.inf), 3), "fake must be finite"),
    ],
)
def test_precision_recall_bad_input(args, message):
    with pytest.raises(ValueError, match=message):
        precision_recall(*args)


# -- two-sample test -----------------------------------------------------------------------------------------------


def test_two_samples_of_one_distribution_cannot_be_told_apart():
    rng = np.random.default_rng(12)
    results = [classifier_two_sample_test(normal(rng, 200), normal(rng, 200), rng) for _ in range(100)]
    accuracy = np.array([r.accuracy for r in results])
    error = results[0].standard_error
    assert error == pytest.approx(0.5 / np.sqrt(200))
    assert accuracy.mean() == pytest.approx(0.5, abs=5 * error / 10)  # a test on training points would exceed this
    assert accuracy.std() == pytest.approx(error, rel=0.4)
    assert scipy.stats.kstest([r.p_value for r in results], "uniform").pvalue > 1e-6


def test_samples_apart_are_told_apart():
    rng = np.random.default_rng(13)
    x, y = normal(rng, 300), normal(rng, 500) + [2, 0]
    accuracy, error, p_value = classifier_two_sample_test(x, y, rng)
    best = scipy.stats.norm.cdf(1)  # of the best classifier
    assert accuracy == pytest.approx(best, abs=5 * np.sqrt(best * (1 - best) / 300) + 0.02)
    assert p_value == pytest.approx(scipy.stats.norm.sf((accuracy - 0.5) / error))
    assert error == pytest.approx(0.5 / np.sqrt(300))
    assert classifier_two_sample_test(x, y + 50, rng).accuracy == 1.0
    assert classifier_two_sample_test(x, y, rng, neighbors=1).accuracy > 0.65
    a, b = (classifier_two_sample_test(x, y, np.random.default_rng(5)) for _ in range(2))
    assert a == b and [type(v) for v in a] == [float] * 3


@pytest.mark.parametrize("turned", [False, True])
def test_a_random_part_of_the_larger_sample_is_compared(turned):
    """One distribution, the larger sample in order: its first rows alone would be told apart without an error."""
    rng = np.random.default_rng(16)
    x, y = normal(rng, 100), normal(rng, 1_000)
    y = y[np.argsort(y[:, 0])]
    accuracy, error, _ = classifier_two_sample_test(*((y, x) if turned else (x, y)), rng)
    assert accuracy == pytest.approx(0.5, abs=5 * error)


def test_two_sample_test_bad_input():
    rng = np.random.default_rng(14)
    x = normal(rng, 5)
    with pytest.raises(ValueError, match="x and y must have at least 4 points each, got 5 and 3"):
        classifier_two_sample_test(x, x[:3], rng)
    with pytest.raises(ValueError, match=r"y must have shape \(M, 2\), got \(5, 3\)"):
        classifier_two_sample_test(x, np.zeros((5, 3)), rng)
    with pytest.raises(ValueError, match="neighbors must be at most the 5 training points, got 6"):
        classifier_two_sample_test(x, x, rng, neighbors=6)


# -- the floor -----------------------------------------------------------------------------------------------------


def test_sampling_floor_is_the_mean_and_its_standard_error():
    calls = []

    def metric(x, y):
        assert x.shape == y.shape == (30, 2) and not np.array_equal(x, y)
        calls.append(float(abs(x - y).mean()))
        return calls[-1]

    mean, error = sampling_floor(metric, normal, 30, np.random.default_rng(15), repeats=7)
    assert len(calls) == 7 and len(set(calls)) == 7
    assert mean == pytest.approx(np.mean(calls), rel=1e-12)
    assert error == pytest.approx(scipy.stats.sem(calls), rel=1e-12)
    assert type(mean) is float and type(error) is float


def test_the_floor_of_the_squared_difference_of_means():
    # two means of n points in 2-D: expected squared difference 2 * 2 / n
    def metric(x, y):
        return ((x.mean(axis=0) - y.mean(axis=0)) ** 2).sum()

    mean, error = sampling_floor(metric, normal, 50, np.random.default_rng(16), repeats=400)
    assert mean == pytest.approx(4 / 50, abs=5 * error)


def test_the_floor_of_sliced_wasserstein_falls_with_the_sample():
    rng = np.random.default_rng(17)

    def metric(x, y):
        return sliced_wasserstein(x, y, 50, rng)

    small, large = (sampling_floor(metric, normal, n, rng) for n in (100, 1600))
    assert small.mean / large.mean == pytest.approx(4, rel=0.4)  # 1 / sqrt(n)


def test_sampling_floor_bad_input():
    rng = np.random.default_rng(18)
    with pytest.raises(ValueError, match=r"metric\(x, y\) must have shape \(\), got \(2,\)"):
        sampling_floor(lambda x, y: (1.0, 2.0), normal, 5, rng)
    with pytest.raises(ValueError, match=r"metric\(x, y\) must be finite"):
        sampling_floor(lambda x, y: np.nan, normal, 5, rng)
