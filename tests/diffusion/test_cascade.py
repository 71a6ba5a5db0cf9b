"""The blur by hand, against SciPy, and by what a blur keeps."""

import math

import numpy as np
import pytest
from scipy.ndimage import correlate1d

from minigen.diffusion.cascade import gaussian_blur
from minigen.tensor import grad


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def by_scipy(x, sigma, kernel):
    """SciPy calls the border that does not repeat the edge pixel "mirror"."""
    d = np.arange(kernel) - kernel // 2
    weights = np.exp(-(d**2) / (2 * sigma**2))
    weights /= weights.sum()
    return correlate1d(correlate1d(x, weights, axis=1, mode="mirror"), weights, axis=2, mode="mirror")


def test_by_hand():
    """With σ² = 1/(2 log 2) the weights are 1/2, 1, 1/2 over 2. A dot in the middle of 3 × 3 becomes their product."""
    x = np.zeros((1, 3, 3, 1))
    x[0, 1, 1, 0] = 16
    sigma = math.sqrt(1 / (2 * math.log(2)))
    want = [[4, 4, 4], [4, 4, 4], [4, 4, 4]]  # at the border two of the reflected weights meet: 1/2 there too
    np.testing.assert_allclose(gaussian_blur(x, sigma)[0, :, :, 0], want)
    row = np.zeros((1, 1, 5, 1))
    row[0, 0, :, 0] = [8, 0, 0, 4, 0]
    np.testing.assert_allclose(gaussian_blur(row, 0.5, 1), row)


@pytest.mark.parametrize("kernel, sigma", [(1, 0.5), (3, 0.5), (5, 1.3), (7, 0.9), (9, 30.0)])
def test_against_scipy(rng, kernel, sigma):
    x = rng.standard_normal((2, 5, 8, 3))
    np.testing.assert_allclose(gaussian_blur(x, sigma, kernel), by_scipy(x, sigma, kernel), atol=1e-12)


def test_default_kernel_is_three(rng):
    x = rng.standard_normal((2, 6, 6, 1))
    np.testing.assert_array_equal(gaussian_blur(x, 0.7), gaussian_blur(x, 0.7, 3))


def test_a_sigma_for_each_picture(rng):
    x, sigma = rng.standard_normal((3, 6, 5, 2)), np.array([0.3, 1.0, 5.0])
    together = gaussian_blur(x, sigma, 5)
    for k in range(3):
        np.testing.assert_allclose(together[k : k + 1], by_scipy(x[k : k + 1], sigma[k], 5), atol=1e-12)


def test_extremes(rng):
    """A tiny σ changes nothing, a huge one is the plain mean of the window; a constant picture stays constant."""
    x = rng.standard_normal((1, 7, 7, 1))
    np.testing.assert_allclose(gaussian_blur(x, 1e-6, 5), x)
    np.testing.assert_allclose(gaussian_blur(x, 1e9)[0, 3, 3, 0], x[0, 2:5, 2:5, 0].mean())
    np.testing.assert_allclose(gaussian_blur(np.full((1, 4, 6, 2), 0.7), 0.8, 7), 0.7)


def test_channels_stay_apart_and_dtype(rng):
    x = rng.standard_normal((2, 5, 5, 3)).astype(np.float32)
    blurred = gaussian_blur(x, np.array([0.5, 0.6]))
    assert blurred.dtype == np.float32 and blurred.shape == x.shape
    np.testing.assert_allclose(gaussian_blur(x[..., 1:2], np.array([0.5, 0.6])), blurred[..., 1:2], atol=1e-6)


def test_derivative(rng):
    """Linear: the gradient of <w, blur x> is the transposed blur of w, <w, blur x> = <blurᵀ w, x>."""
    x, w = rng.standard_normal((2, 2, 4, 5, 2))
    slope = grad(lambda x: (w * gaussian_blur(x, 0.8)).sum())(x)
    assert (slope * x).sum() == pytest.approx((w * gaussian_blur(x, 0.8)).sum())
    other = rng.standard_normal(x.shape)
    assert (slope * other).sum() == pytest.approx((w * gaussian_blur(other, 0.8)).sum())


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda x: gaussian_blur(x, 0.5, 4), "kernel must be odd"),
        (lambda x: gaussian_blur(x, 0.5, 0), "kernel must be a whole number of at least 1"),
        (lambda x: gaussian_blur(x, 0.5, 9), "kernel must be odd and at most 7 for pictures of 4x5, got 9"),
        (lambda x: gaussian_blur(x, 0.0), "sigma must be positive, got 0"),
        (lambda x: gaussian_blur(x, np.array([0.5, -1.0])), "sigma must be positive"),
        (lambda x: gaussian_blur(x, np.nan), "sigma must be finite"),
        (lambda x: gaussian_blur(x, np.ones(3)), r"sigma must be one number or have shape \(2,\)"),
        (lambda x: gaussian_blur(x[..., 0], 0.5), r"x must have shape \(N, H, W, C\)"),
        (lambda x: gaussian_blur(x * np.nan, 0.5), "x must be finite"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.ones((2, 4, 5, 1)))
