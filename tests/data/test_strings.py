"""The string against a plain loop, its probabilities against quadrature and frequencies, its entropy by hand."""

import itertools
import math

import numpy as np
import pytest
from scipy.integrate import quad

from minigen.data.strings import KarplusStrong


@pytest.fixture
def rng():
    return np.random.default_rng(0)


SMALL = KarplusStrong(period=2, damping=0.9, noise=0.3, levels=4)


def amplitude(code, levels):
    """The inverse of mu-law: y = 2 code/mu − 1, x = sign(y) ((1 + mu)^|y| − 1)/mu, with mu = levels − 1."""
    mu = levels - 1
    y = 2 * code / mu - 1
    return math.copysign(((1 + mu) ** abs(y) - 1) / mu, y)


def density(x, mean, noise):
    return math.exp(-(((x - mean) / noise) ** 2) / 2) / (noise * math.sqrt(2 * math.pi))


def test_values_and_edges_by_hand():
    """Four levels, mu = 3: y = −1, −1/3, 1/3, 1; the edges are at y = −2/3, 0, 2/3, where 4^(2/3) − 1 = 1.5198."""
    third = (4 ** (1 / 3) - 1) / 3
    np.testing.assert_allclose(SMALL.values, [-1, -third, third, 1])
    np.testing.assert_allclose(SMALL.edges, [-np.inf, -0.5066140, 0, 0.5066140, np.inf], rtol=1e-6)
    assert SMALL.order == 3


@pytest.mark.parametrize("string", [SMALL, KarplusStrong()])
def test_edges_lie_between_values(string):
    assert len(string.values) == string.levels and len(string.edges) == string.levels + 1
    assert np.all(string.edges[:-1] < string.values) and np.all(string.values < string.edges[1:])
    np.testing.assert_allclose(string.values, [amplitude(k, string.levels) for k in range(string.levels)])
    np.testing.assert_allclose(string.values, -string.values[::-1], atol=1e-15)


def test_probabilities_against_quadrature():
    """Of the fourth code after 0, 1, 3: μ = 0.45 (v_2 + v_1), the values of the second and the first code."""
    p = SMALL.probabilities(np.array([[0, 1, 3, 2]]))
    mean = 0.45 * (amplitude(1, 4) + amplitude(0, 4))
    assert p.shape == (1, 1, 4)
    np.testing.assert_allclose(SMALL.mean(np.array([[0, 1, 3, 2]])), [[mean]])
    for k in range(4):
        low, high = np.clip(SMALL.edges[k : k + 2], -4, 4)
        np.testing.assert_allclose(p[0, 0, k], quad(density, low, high, args=(mean, 0.3))[0], atol=1e-9)
    np.testing.assert_allclose(SMALL.log_prob(np.array([[0, 1, 3, 2]])), [[np.log(p[0, 0, 2])]])


def test_probabilities_far_from_the_mean_keep_their_digits():
    """Symmetric: code k after codes c is as probable as the opposite code after the opposite ones, in the tails too."""
    string = KarplusStrong(period=2, damping=0.9, noise=0.05, levels=16)
    codes = np.array([[0, 0, 0, 5], [3, 8, 15, 2]])
    p, opposite = string.probabilities(codes), string.probabilities(15 - codes)
    np.testing.assert_allclose(p, opposite[..., ::-1], rtol=1e-9)
    assert 0 < p.min() < 1e-200
    np.testing.assert_allclose(p.sum(axis=-1), 1, atol=1e-12)


def test_samples_follow_their_probabilities(rng):
    """After each pair of codes that counts, the 4 frequencies of the next one, at 5 standard errors."""
    codes = SMALL.sample(rng, 50, 4000)
    p = SMALL.probabilities(codes)
    after, before, nxt = codes[:, 1:-2], codes[:, :-3], codes[:, 3:]
    for a, b in itertools.product(range(4), repeat=2):
        here = (after == a) & (before == b)
        n, want = here.sum(), p[here][0]
        np.testing.assert_array_equal(p[here] == want, True)  # the same two codes, the same probabilities
        counts = np.bincount(nxt[here], minlength=4)
        assert n > 200
        np.testing.assert_array_less(np.abs(counts / n - want), 5 * np.sqrt(want * (1 - want) / n) + 1e-9)


def test_samples_against_a_plain_loop():
    """Step by step, with the same noise."""
    n, length, settle = 3, 17, 6
    codes = SMALL.sample(np.random.default_rng(4), n, length, settle)
    rng, v, played = np.random.default_rng(4), [np.zeros(n)] * 3, []
    noise = np.concatenate([rng.standard_normal((min(2, 23 - t), n)) for t in range(0, 23, 2)])
    for eps in noise:
        heard = 0.9 * (v[-2] + v[-3]) / 2 + 0.3 * eps
        code = np.array([sum(x >= edge for edge in SMALL.edges[1:-1]) for x in heard])
        played.append(code)
        v.append(np.array([amplitude(k, 4) for k in code]))
    assert codes.shape == (3, 17) and codes.dtype == np.int64
    np.testing.assert_array_equal(codes, np.stack(played[settle:], axis=1))


def test_entropy_by_hand():
    """A half, a quarter and a quarter: 1.5 bits. A certain code holds no news."""
    p = np.array([[0.5, 0.25, 0.25, 0.0], [0.0, 0.0, 1.0, 0.0]])
    np.testing.assert_allclose(SMALL.entropy(p), [1.5 * math.log(2), 0])


def test_entropy_rate_of_the_default_string(rng):
    """−E log p is the mean entropy of the conditionals, and the law does not change with time: 5 standard errors."""
    string = KarplusStrong()
    codes = string.sample(rng, 32, 300)
    news = string.entropy(string.probabilities(codes))
    gap = (-string.log_prob(codes) - news).mean(axis=1)
    assert abs(gap.mean()) < 5 * gap.std() / 32**0.5
    later = string.entropy(string.probabilities(string.sample(rng, 32, 300, settle=12_000)))
    assert abs(news.mean() - later.mean()) < 5 * np.hypot(news.mean(axis=1).std(), later.mean(axis=1).std()) / 32**0.5
    assert 2.65 < news.mean() < 2.9


def test_damping_zero_leaves_noise(rng):
    """Then each code is drawn by itself, with Φ of the edges over the noise."""
    string = KarplusStrong(period=3, damping=0, noise=0.5, levels=4)
    codes = string.sample(rng, 100, 200)
    p = string.probabilities(codes).reshape(-1, 4)
    assert np.ptp(p, axis=0).max() == 0
    frequency = np.bincount(codes.ravel(), minlength=4) / codes.size
    np.testing.assert_array_less(np.abs(frequency - p[0]), 5 * np.sqrt(p[0] * (1 - p[0]) / codes.size))


def test_same_generator_same_string():
    one, two, other = (SMALL.sample(np.random.default_rng(seed), 2, 30) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert np.any(one != other)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda rng: KarplusStrong(period=0), "period must be a whole number of at least 1, got 0"),
        (lambda rng: KarplusStrong(period=2.5), "period must be a whole number"),
        (lambda rng: KarplusStrong(damping=1.1), r"damping must be a number in \[0, 1\], got 1.1"),
        (lambda rng: KarplusStrong(noise=0), "noise must be a positive number, got 0"),
        (lambda rng: KarplusStrong(levels=1), "levels must be a whole number of at least 2, got 1"),
        (lambda rng: SMALL.sample(0, 2, 3), "rng must be a numpy.random.Generator"),
        (lambda rng: SMALL.sample(rng, 0, 3), "n must be a whole number of at least 1"),
        (lambda rng: SMALL.sample(rng, 2, 0), "length must be a whole number of at least 1"),
        (lambda rng: SMALL.sample(rng, 2, 3, -1), "settle must be a whole number of at least 0"),
        (lambda rng: SMALL.mean(np.zeros((2, 3), int)), r"codes must have more than 3 steps, got shape \(2, 3\)"),
        (lambda rng: SMALL.mean(np.zeros(9, int)), r"codes must have shape \(N, T\), got \(9,\)"),
        (lambda rng: SMALL.probabilities(np.full((1, 9), 4)), "codes must be in 0..3, got values from 4 to 4"),
        (lambda rng: SMALL.log_prob(np.zeros((1, 9))), "codes must be whole numbers, got dtype float64"),
        (lambda rng: SMALL.entropy(np.full(4, 0.5)), "p must sum to one"),
        (lambda rng: SMALL.entropy(np.full(3, 1 / 3)), r"p must have shape \(..., 4\), got \(3,\)"),
    ],
)
def test_errors(rng, call, message):
    with pytest.raises(ValueError, match=message):
        call(rng)
