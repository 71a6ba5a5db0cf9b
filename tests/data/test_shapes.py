"""The shapes against what their factors say: area, center of mass, direction, and a picture drawn in another way."""

import numpy as np
import pytest

from minigen.data import shapes


@pytest.fixture(scope="module")
def everything():
    return shapes.grid()


def moments(images):
    """Mass (N,), center (N, 2) in parts of the side (right, down), and covariance (N, 2, 2)."""
    side = images.shape[1]
    at = (np.arange(side) + 0.5) / side
    right, down = np.meshgrid(at, at)
    points = np.stack([right.ravel(), down.ravel()], axis=1)  # (side², 2)
    w = images.reshape(len(images), -1).astype(np.float64)
    mass = w.sum(axis=1)
    center = w @ points / mass[:, None]
    gap = points[None] - center[:, None]
    return mass, center, np.einsum("np,npi,npj->nij", w, gap, gap) / mass[:, None, None]


def test_the_grid_holds_every_combination_once(everything):
    images, factors = everything
    assert images.shape == (6144, 16, 16, 1) and images.dtype == np.float32
    assert images.min() == 0 and images.max() == 1
    assert factors.shape == (6144, 5) and factors.dtype == np.int64
    assert len(np.unique(factors, axis=0)) == np.prod(shapes.SIZES) == 6144
    np.testing.assert_array_equal(factors[[0, 1, -1]], [[0, 0, 0, 0, 0], [0, 0, 0, 0, 1], [2, 3, 7, 7, 7]])
    assert len(shapes.FACTORS) == len(shapes.SIZES) == 5 and len(shapes.NAMES) == shapes.SIZES[0]


def test_no_two_pictures_are_alike(everything):
    flat = everything.images.reshape(6144, -1)
    assert len(np.unique(np.round(flat, 3), axis=0)) == 6144


def test_area_and_place(everything):
    """Ellipse πab, rectangle 4ab, triangle gh/2; the center of mass moves along x and y in equal steps."""
    images, factors = everything
    mass, center, _ = moments(images)
    h = shapes.RADII[factors[:, 1]] * 16
    area = np.array([np.pi / 2, 2.0, 0.65 * 1.65])[factors[:, 0]] * h**2
    assert np.all(np.abs(mass / area - 1) < 0.06)
    expected = 0.5 + shapes.TRACK * (factors[:, 3:] / 7 - 0.5)
    assert np.abs(center - expected).max() < 0.02


def test_the_shape_is_turned_counterclockwise():
    """The long axis, from the covariance of the ink, and the tip of the triangle, from its third moment."""
    for kind in range(3):
        factors = np.array([[kind, 3, r, 3, 4] for r in range(8)])
        images = shapes.draw(factors, 64)
        _, center, covariance = moments(images)
        angle = np.pi / 2 * np.arange(8) / 8
        axis = np.stack([-np.sin(angle), -np.cos(angle)], axis=1)  # from straight up to the left; down is positive
        longest = np.linalg.eigh(covariance)[1][:, :, -1]
        assert np.all(np.abs(np.sum(longest * axis, axis=1)) > 0.999)
        at = (np.arange(64) + 0.5) / 64
        points = np.stack(np.meshgrid(at, at), axis=-1).reshape(-1, 2)
        along = np.einsum("npi,ni->np", points[None] - center[:, None], axis)
        third = np.mean(images.reshape(8, -1) * along**3, axis=1)
        assert np.all(third > 1e-5) if kind == 2 else np.all(np.abs(third) < 1e-6), third


def test_scale_and_resolution_change_nothing_else():
    coarse, fine = shapes.draw([[2, 2, 3, 5, 1]]), shapes.draw([[2, 2, 3, 5, 1]], 128)
    averaged = fine.reshape(1, 16, 8, 16, 8, 1).mean(axis=(2, 4))
    assert np.abs(coarse - averaged).max() < 0.25 and np.abs(coarse - averaged).mean() < 0.01
    for kind in range(3):
        masses = moments(shapes.draw([[kind, s, 2, 4, 4] for s in range(4)], 64))[0]
        np.testing.assert_allclose(masses / masses[0], (shapes.RADII / shapes.RADII[0]) ** 2, rtol=0.03)


def test_a_pixel_is_the_part_that_is_covered(everything):
    """Against 16 x 16 points within each pixel, for a shape of each kind."""
    images, factors = everything
    for k in (3700, 1900, 6100):
        fine = shapes.draw(factors[k : k + 1], 256)[0, ..., 0] > 0.5
        covered = fine.reshape(16, 16, 16, 16).mean(axis=(1, 3))
        assert np.abs(images[k, ..., 0] - covered).max() < 0.2
        assert np.abs(images[k, ..., 0] - covered).mean() < 0.01


def test_random_draws():
    images, factors = shapes.sample(np.random.default_rng(0), 4000)
    np.testing.assert_array_equal(images, shapes.draw(factors))
    assert images.dtype == np.float32 and factors.dtype == np.int64
    for size, column in zip(shapes.SIZES, factors.T):  # uniform, within 5 standard errors
        share = np.bincount(column, minlength=size) / 4000
        assert len(share) == size and np.all(np.abs(share - 1 / size) < 5 * np.sqrt(1 / size / 4000))
    assert np.abs(np.corrcoef(factors.T) - np.eye(5)).max() < 5 / np.sqrt(4000)
    again = shapes.sample(np.random.default_rng(0), 4000)
    np.testing.assert_array_equal(again.images, images)


@pytest.mark.parametrize(
    "factors, message",
    [
        (np.zeros((2, 4), int), r"factors must be whole numbers of shape \(N, 5\).*got int64 of shape \(2, 4\)"),
        (np.zeros((2, 5)), "got float64 of shape"),
        ([0, 0, 0, 0, 0], r"shape \(5,\)"),
        ([[3, 0, 0, 0, 0]], "factors: shape must be 0 to 2, got 3 to 3"),
        ([[0, 0, 0, 0, -1]], "factors: y must be 0 to 7, got -1 to -1"),
    ],
)
def test_bad_factors(factors, message):
    with pytest.raises(ValueError, match=message):
        shapes.draw(factors)


def test_no_factors_draw_no_images():
    assert shapes.draw(np.zeros((0, 5), int)).shape == (0, 16, 16, 1)
