"""Jacobians, determinants and densities of images: against hand-worked numbers, LAPACK, SciPy and quadrature."""

import itertools
import math

import autograd.numpy as anp
import numpy as np
import pytest
from scipy.stats import lognorm, multivariate_normal, norm

from minigen.flow.bijection import StandardNormal
from minigen.flow.change_of_variables import (
    count_inversions,
    inverse_slope,
    jacobian_matrix,
    leibniz_determinant,
    linear_flow_log_prob,
    pushforward_density,
    pushforward_log_prob,
)
from minigen.tensor import grad

# ------------------------------------------------------------------------------------------- Jacobian


def test_jacobian_matrix_by_hand():
    """Eq. flow.01: f(a, b, c) = (ab, b + c²), so the rows are (b, a, 0) and (0, 1, 2c)."""

    def f(v):
        return anp.stack([v[0] * v[1], v[1] + v[2] ** 2])

    J = jacobian_matrix(f, np.array([2.0, 3.0, 5.0]))
    np.testing.assert_allclose(J, [[3, 2, 0], [0, 1, 10]])


def test_jacobian_matrix_against_finite_differences(rng):
    A, x, h = rng.standard_normal((4, 3)), rng.standard_normal(3), 1e-6
    J = jacobian_matrix(lambda v: anp.tanh(A @ v), x)
    columns = [(np.tanh(A @ (x + e)) - np.tanh(A @ (x - e))) / (2 * h) for e in h * np.eye(3)]
    np.testing.assert_allclose(J, np.stack(columns, axis=1), atol=1e-8)


def test_jacobian_matrix_of_a_part_that_does_not_depend_on_x():
    J = jacobian_matrix(lambda v: anp.stack([v[0], anp.array(7.0)]), np.array([1.0, 2.0]))
    np.testing.assert_array_equal(J, [[1, 0], [0, 0]])


@pytest.mark.parametrize("x", [np.ones((2, 2)), np.array([1.0, np.nan]), np.array(1.0), "x"])
def test_jacobian_matrix_wants_one_finite_vector(x):
    with pytest.raises(ValueError, match="x must"):
        jacobian_matrix(lambda v: v, x)


def test_jacobian_matrix_wants_a_function_to_vectors():
    with pytest.raises(ValueError, match=r"f\(x\) must have shape"):
        jacobian_matrix(lambda v: anp.reshape(v, (1, -1)), np.ones(2))
    with pytest.raises(ValueError, match="f must be a function"):
        jacobian_matrix(3, np.ones(2))


# ------------------------------------------------------------------------------------------- determinant


@pytest.mark.parametrize(("order", "inversions"), [([0, 1, 2], 0), ([1, 2, 0], 2), ([2, 1, 0], 3), ([0], 0)])
def test_count_inversions_by_hand(order, inversions):
    assert count_inversions(order) == inversions


def test_count_inversions_gives_the_sign_of_the_permutation_matrix():
    for order in itertools.permutations(range(5)):
        assert (-1) ** count_inversions(order) == round(np.linalg.det(np.eye(5)[list(order)]))


def test_leibniz_determinant_by_hand():
    """Eq. flow.02: 2·4 − 3·1; a triangle's diagonal; and two rows exchanged."""
    assert leibniz_determinant(np.array([[2.0, 3.0], [1.0, 4.0]])) == 5
    assert leibniz_determinant(np.array([[1.0, 9.0, 9.0], [0.0, 2.0, 9.0], [0.0, 0.0, 3.0]])) == 6
    assert leibniz_determinant(np.array([[0.0, 2.0], [3.0, 0.0]])) == -6


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6])
def test_leibniz_determinant_against_lapack(rng, n):
    M = rng.standard_normal((n, n))
    np.testing.assert_allclose(leibniz_determinant(M), np.linalg.det(M), atol=1e-12)


def test_leibniz_determinant_has_a_gradient_at_a_singular_matrix():
    """The gradient is the matrix of cofactors: of ((1, 2), (2, 4)) it is ((4, −2), (−2, 1))."""
    M = np.array([[1.0, 2.0], [2.0, 4.0]])
    np.testing.assert_allclose(grad(leibniz_determinant)(M), [[4, -2], [-2, 1]])


@pytest.mark.parametrize("M", [np.ones((2, 3)), np.ones(3), np.full((2, 2), np.inf), np.eye(9)])
def test_leibniz_determinant_wants_a_small_square_matrix(M):
    with pytest.raises(ValueError, match="M must"):
        leibniz_determinant(M)


@pytest.mark.parametrize("order", [[0, 2], [1, 1], [0.0, 1.0], [[0, 1]], "01"])
def test_count_inversions_wants_a_permutation(order):
    with pytest.raises(ValueError, match="order must"):
        count_inversions(order)


# ------------------------------------------------------------------------------------------- densities


def test_inverse_slope_of_a_power_and_of_a_falling_map():
    """Eq. flow.07: the inverse of z³ is x^(1/3), whose slope at 8 is 1/12; that of −2z is −1/2."""
    np.testing.assert_allclose(inverse_slope(lambda z: z**3, np.array([2.0])), [1 / 12])
    np.testing.assert_allclose(inverse_slope(lambda z: -2 * z, np.array([1.0, 5.0])), [-0.5, -0.5])
    with pytest.raises(ValueError, match="slope that is not 0"):
        inverse_slope(lambda z: z**3, np.array([1.0, 0.0]))


def test_pushforward_density_of_a_falling_line():
    """Eq. flow.03: x = 1 − 3z has the density N(1, 9)."""
    x = np.linspace(-9, 9, 50)
    p = pushforward_density(x, norm.pdf, lambda x: (1 - x) / 3)
    np.testing.assert_allclose(p, norm.pdf(x, 1, 3), rtol=1e-12)


def test_pushforward_density_of_the_exponential():
    x = np.linspace(0.05, 9, 50)
    np.testing.assert_allclose(pushforward_density(x, norm.pdf, anp.log), lognorm.pdf(x, 1), rtol=1e-12)


def test_pushforward_log_prob_of_a_linear_map(rng):
    """Eq. flow.04: x = A z + b has the density N(b, A Aᵀ), also where det A < 0."""
    A, b, x = rng.standard_normal((3, 3)), rng.standard_normal(3), rng.standard_normal((20, 3))
    for M in (A, A[::-1]):
        back = np.linalg.inv(M).T
        log_p = pushforward_log_prob(x, StandardNormal(3).log_prob, lambda x, back=back: (x - b) @ back)
        np.testing.assert_allclose(log_p, multivariate_normal(b, M @ M.T).logpdf(x), atol=1e-9)


def test_pushforward_log_prob_has_mass_one_in_the_plane():
    """x = (z0, z1 + z0²/2) after a shear and a stretch by 2: summed over a grid."""

    def inverse(x):
        return anp.stack([x[:, 0] / 2, x[:, 1] - x[:, 0] ** 2 / 8], axis=1)

    side = np.linspace(-12, 12, 81)
    grid = np.stack(np.meshgrid(side, side + 6), axis=-1).reshape(-1, 2)
    p = np.exp(pushforward_log_prob(grid, StandardNormal(2).log_prob, inverse))
    assert abs(p.sum() * (side[1] - side[0]) ** 2 - 1) < 1e-4


def test_pushforward_log_prob_where_the_determinant_underflows(rng):
    x = rng.standard_normal((2, 400)).astype(np.float32)
    log_p = pushforward_log_prob(x, StandardNormal(400).log_prob, lambda x: 0.1 * x)
    expected = norm.logpdf(x.astype(float), 0, 10).sum(axis=1)
    np.testing.assert_allclose(log_p, expected, rtol=1e-5)
    assert log_p.dtype == np.float32 and 0.1**400 == 0


@pytest.mark.parametrize(
    ("x", "base", "inverse", "message"),
    [
        (np.ones((2, 2)), norm.pdf, lambda x: x, "x must have shape"),
        (np.array([math.inf]), norm.pdf, lambda x: x, "x must be finite"),
        (np.ones(3), norm.pdf, lambda x: x[:2], r"inverse\(x\) must have the shape of x"),
        (np.ones(3), lambda z: anp.sum(z), lambda x: x, r"base_density\(z\) must have the shape of x"),
        (np.ones(3), 0.5, lambda x: x, "base_density must be a function"),
        (np.ones(3), norm.pdf, StandardNormal, "inverse must be a function"),
    ],
)
def test_pushforward_density_checks_its_arguments(x, base, inverse, message):
    with pytest.raises(ValueError, match=message):
        pushforward_density(x, base, inverse)


@pytest.mark.parametrize(
    ("x", "base", "inverse", "message"),
    [
        (np.ones(3), StandardNormal(3).log_prob, lambda x: x, "x must have shape"),
        (np.ones((3, 2)), StandardNormal(2).log_prob, lambda x: x[:, :1], r"inverse\(x\) must have the shape of x"),
        (np.ones((3, 2)), lambda z: z, lambda x: x, r"x\[:, 0\] must have the shape of base_log_prob\(z\)"),
        (np.ones((3, 2)), None, lambda x: x, "base_log_prob must be a function"),
        (np.full((3, 2), np.nan), StandardNormal(2).log_prob, lambda x: x, "x must be finite"),
    ],
)
def test_pushforward_log_prob_checks_its_arguments(x, base, inverse, message):
    with pytest.raises(ValueError, match=message):
        pushforward_log_prob(x, base, inverse)


# ------------------------------------------------------------------------------------------- a linear flow


def test_linear_flow_log_prob_by_hand():
    """x = 1 + 2 z at 3: log N(1; 0, 1) − log 2. In the plane, det L = 2 · (−4), and (3, −3) comes from (1, 1.5)."""
    log_p = linear_flow_log_prob(np.array([[3.0]]), np.array([1.0]), np.array([[2.0]]))
    np.testing.assert_allclose(log_p, norm.logpdf(1.0) - math.log(2))
    L = np.array([[2.0, 0.0], [3.0, -4.0]])
    log_p = linear_flow_log_prob(np.array([[3.0, -3.0]]), np.array([1.0, 0.0]), L)
    np.testing.assert_allclose(log_p, norm.logpdf([1.0, 1.5]).sum() - math.log(8))


def test_linear_flow_log_prob_is_scipys_gaussian_and_the_general_formula(rng):
    L, shift, x = np.tril(rng.standard_normal((3, 3))), rng.standard_normal(3), rng.standard_normal((5, 3))
    log_p = linear_flow_log_prob(x, shift, L)
    np.testing.assert_allclose(log_p, multivariate_normal.logpdf(x, shift, L @ L.T))
    back = np.linalg.inv(L)
    general = pushforward_log_prob(x, StandardNormal(3).log_prob, lambda x: (x - shift) @ back.T)
    np.testing.assert_allclose(log_p, general)


def test_linear_flow_log_prob_far_from_one_and_in_float32():
    """det = 1e-360 is 0 in floating point; its logarithm is not."""
    log_p = linear_flow_log_prob(np.zeros((1, 60)), np.zeros(60), 1e-6 * np.eye(60))
    np.testing.assert_allclose(log_p, 60 * (norm.logpdf(0.0) - math.log(1e-6)))
    one = np.eye(2, dtype=np.float32)
    assert linear_flow_log_prob(one, one[0], one).dtype == np.float32


@pytest.mark.parametrize(
    ("L", "message"),
    [
        (np.array([[1.0, 2.0], [0.0, 1.0]]), "L must be lower triangular"),
        (np.array([[1.0, 0.0], [2.0, 0.0]]), "L must have no 0 on its diagonal"),
        (np.eye(3), "L must have shape"),
    ],
)
def test_linear_flow_log_prob_wants_an_invertible_triangle(L, message):
    with pytest.raises(ValueError, match=message):
        linear_flow_log_prob(np.ones((1, 2)), np.zeros(2), L)
