"""Walks between latents: by hand, their lengths, and the great circle as the limit of many short straight steps."""

import numpy as np
import pytest

from minigen.gan.interpolation import interpolate_linear, interpolate_spherical

BOTH = pytest.mark.parametrize("walk", [interpolate_linear, interpolate_spherical])
T = np.linspace(0, 1, 9)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_a_quarter_turn_by_hand():
    a, b, middle = np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.array([0.5])
    np.testing.assert_allclose(interpolate_linear(a, b, middle), [[0.5, 0.5]])
    np.testing.assert_allclose(interpolate_spherical(a, b, middle), [[0.5**0.5, 0.5**0.5]])
    third = interpolate_spherical(a, b, np.array([1 / 3]))
    np.testing.assert_allclose(third, [[np.cos(np.pi / 6), np.sin(np.pi / 6)]], rtol=1e-12)


@BOTH
def test_begins_and_ends_where_it_should(rng, walk):
    a, b = rng.standard_normal((2, 40))
    path = walk(a, b, np.array([0.0, 1.0]))
    np.testing.assert_allclose(path, [a, b], atol=1e-12)
    np.testing.assert_allclose(walk(a, b, T), walk(b, a, 1 - T), atol=1e-12)


def test_great_circle_from_projected_straight_steps(rng):
    """Halve the straight way again and again, each time pushing the middle out to the sphere: the same points."""
    a, b = rng.standard_normal((2, 7))
    b *= np.linalg.norm(a) / np.linalg.norm(b)
    path = [a, b]
    for _ in range(3):
        middles = [interpolate_linear(p, q, np.array([0.5]))[0] for p, q in zip(path, path[1:])]
        middles = [m * np.linalg.norm(a) / np.linalg.norm(m) for m in middles]
        path = [point for pair in zip(path, [*middles, None]) for point in pair][:-1]
    np.testing.assert_allclose(interpolate_spherical(a, b, T), path, rtol=1e-10)


def test_the_same_direction_is_a_straight_way(rng):
    a = rng.standard_normal(5)
    for b in (a, 3 * a, a * (1 + 1e-13)):
        np.testing.assert_allclose(interpolate_spherical(a, b, T), interpolate_linear(a, b, T), rtol=1e-12)
    near = a + 1e-4 * rng.standard_normal(5)
    np.testing.assert_allclose(interpolate_spherical(a, near, T), interpolate_linear(a, near, T), atol=1e-7)


@BOTH
def test_float32_stays(rng, walk):
    a, b = rng.standard_normal((2, 5), dtype=np.float32)
    assert walk(a, b, T).dtype == np.float32 and walk(a, b, T.astype(np.float32)).dtype == np.float32
    np.testing.assert_allclose(walk(a, b, T), walk(a.astype(float), b.astype(float), T), rtol=1e-5, atol=1e-6)
    assert walk(a, b.astype(float), T).dtype == walk(a.astype(float), b, T).dtype == np.float64


def test_times_are_as_exact_as_the_finer_end():
    a, b, third = np.ones(1, np.float32), np.zeros(1), np.array([1 / 3])
    for path in (interpolate_linear(a, b, third), 1 - interpolate_linear(b, a, third)):
        np.testing.assert_allclose(path, [[2 / 3]], rtol=1e-15)


@BOTH
def test_bad_arguments(rng, walk):
    a, t = rng.standard_normal(4), np.array([0.5])
    with pytest.raises(ValueError, match=r"b must have the shape of a, \(4,\), got \(3,\)"):
        walk(a, a[:3], t)


def test_no_direction():
    a, t = np.array([1.0, 2.0]), np.array([0.5])
    with pytest.raises(ValueError, match="a and b must not be 0"):
        interpolate_spherical(0 * a, a, t)
    with pytest.raises(ValueError, match="must not point in opposite directions"):
        interpolate_spherical(a, -2 * a, t)
