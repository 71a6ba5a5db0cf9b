"""Pooling and upsampling against loops, finite differences, and their receptive fields."""

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad

from minigen.tensor.pooling import avg_pool2d, max_pool2d, upsample_nearest

LAYERS = [avg_pool2d, max_pool2d, upsample_nearest]


def pair(v):
    return v if isinstance(v, tuple) else (v, v)


def numerical_gradient(f, x, eps=1e-6):
    """Central differences of a scalar function, entry by entry."""
    g = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i] += eps
        down[i] -= eps
        g[i] = (f(up) - f(down)) / (2 * eps)
    return g


def pool_loops(x, size, reduce):
    (sh, sw), (N, H, W, C) = pair(size), x.shape
    y = np.zeros((N, H // sh, W // sw, C))
    for n, i, j, c in np.ndindex(y.shape):
        y[n, i, j, c] = reduce(x[n, i * sh : i * sh + sh, j * sw : j * sw + sw, c])
    return y


@pytest.mark.parametrize("shape, size", [((4, 6), 2), ((5, 7), 2), ((6, 3), (3, 1)), ((4, 4), 1), ((4, 5), (4, 5))])
def test_pooling_equals_the_definition(shape, size):
    x = np.random.default_rng(0).standard_normal((2, *shape, 3))
    np.testing.assert_allclose(avg_pool2d(x, size), pool_loops(x, size, np.mean), atol=1e-12)
    np.testing.assert_array_equal(max_pool2d(x, size), pool_loops(x, size, np.max))
    repeated = np.repeat(np.repeat(x, pair(size)[0], axis=1), pair(size)[1], axis=2)
    np.testing.assert_array_equal(upsample_nearest(x, size), repeated)


@pytest.mark.parametrize("layer", [avg_pool2d, max_pool2d, upsample_nearest])
def test_pooling_gradients_and_second_derivatives(layer):
    x = np.random.default_rng(0).standard_normal((2, 5, 4, 3))  # five rows: one is left out by the pools

    def loss(x):
        return anp.sum(anp.sin(layer(x, 2)) ** 2)

    np.testing.assert_allclose(grad(loss)(x), numerical_gradient(loss, x), rtol=1e-5, atol=1e-8)

    def penalty(x):
        return anp.sum(grad(loss)(x) ** 2)

    np.testing.assert_allclose(grad(penalty)(x), numerical_gradient(penalty, x), rtol=1e-5, atol=1e-7)


def test_equal_maxima_send_the_gradient_to_the_first():
    x = np.array([[1.0, 3, 0, 0], [3, 3, 0, 0], [2, 2, -1, -2], [1, 1, -3, -1]]).reshape(1, 4, 4, 1)
    g = grad(lambda x: anp.sum(max_pool2d(x, 2) * np.array([[1.0, 2], [3, 4]]).reshape(1, 2, 2, 1)))(x)
    np.testing.assert_array_equal(g[0, :, :, 0], [[0, 1, 2, 0], [0, 0, 0, 0], [3, 0, 4, 0], [0, 0, 0, 0]])


def test_max_pool_does_not_hide_nan():
    x = np.zeros((1, 2, 2, 1))
    x[0, 1, 0, 0] = np.nan
    assert np.isnan(max_pool2d(x, 2)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layer", LAYERS)
def test_dtype_is_kept_in_values_gradients_and_second_gradients(layer, dtype):
    x = np.ones((1, 4, 4, 2), dtype)
    first = grad(lambda x: anp.sum(layer(x, 2) ** 2))
    second = grad(lambda x: anp.sum(first(x) ** 2))
    assert layer(x, 2).dtype == first(x).dtype == second(x).dtype == dtype
    wide = np.ones(layer(x, 2).shape)  # float64: as a mean's gradient may be
    assert grad(lambda x: anp.sum(layer(x, 2) * wide))(x).dtype == dtype


X = np.zeros((2, 5, 5, 3))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: avg_pool2d(X, 6), r"size must be at most the image \(5, 5\), got \(6, 6\)"),
        (lambda: max_pool2d(X[0], 2), r"x must have shape \(N, H, W, C\)"),
        (lambda: upsample_nearest(X, 0), "factor must be a whole number of at least 1, got 0"),
        (lambda: max_pool2d(X, (2, 2, 2)), r"size must be a whole number or a pair, got \(2, 2, 2\)"),
    ],
)
def test_errors_name_the_argument_what_was_expected_and_what_came(call, message):
    with pytest.raises(ValueError, match=message):
        call()
