"""What a map does to volumes and to densities: Jacobian, determinant, and the change of variables.

    J = jacobian_matrix(f, x)                                 # (m, n), by automatic differentiation
    leibniz_determinant(J)                                    # the signed volume of the image of the unit cube
    p = pushforward_density(x, base_density, inverse)         # of x = f(z) on the line, where z has base_density
    log_p = pushforward_log_prob(x, base_log_prob, inverse)   # of x = f(z) in D dimensions
    log_p = linear_flow_log_prob(x, shift, L)                 # of x = shift + L z, z standard normal, L triangular

Apart from the last, these are the definitions, for small matrices and any map. A flow is built so that it never needs
them (`bijection`).
"""

import itertools
import math
from collections.abc import Callable, Sequence

import autograd.numpy as np
import numpy
from autograd.tracer import getval, isbox

from minigen import checks
from minigen.checks import Integers, checked, function
from minigen.tensor import grad, jacobian
from minigen.types import Array

MOST_ROWS = 8  # of a matrix whose n! permutations are summed over

# ------------------------------------------------------------------------------------------- matrices


@checked(f=function, x="n")
def jacobian_matrix(f: Callable, x: Array) -> Array:
    """The matrix of partial derivatives of f at one point, J[i, j] = ∂f_i/∂x_j: x (n,), f(x) (m,) -> (m, n).

    One backward pass for each row. ValueError: f(x) is not a vector. Eq. flow.01
    """

    def checked(v: Array) -> Array:
        return checks.array("f(x)", f(v), "m", finite=False)

    return jacobian(checked)(x)


@checked(order=Integers("n"))
def count_inversions(order: Sequence[int]) -> int:
    """The number τ of inversions, pairs i < j with order[i] > order[j]. Eq. flow.02

    ValueError: `order` is not a permutation of 0, ..., n − 1.
    """
    places = [int(place) for place in order]
    if sorted(places) != list(range(len(places))):
        raise ValueError(f"order must be a permutation of 0, ..., n − 1, got {places}")
    return _inversions(places)


def leibniz_determinant(M: Array) -> Array:
    """det M as the sum over all permutations j of (−1)^τ(j) M[0, j_0] M[1, j_1] ...: M (n, n) -> a scalar.

    τ counts the inversions of j. There are n! terms, so n is at most 8. The sum is a polynomial, so it has a gradient
    everywhere, even where M is singular. ValueError: M is not square, is larger, or is not finite. Eq. flow.02
    """
    M = _small_square("M", M)
    total = 0.0
    for order in itertools.permutations(range(len(M))):
        term = (-1) ** _inversions(order)
        for row, column in enumerate(order):
            term = term * M[row, column]
        total = total + term
    return total


def _inversions(order: Sequence[int]) -> int:
    return sum(a > b for a, b in itertools.combinations(order, 2))


def _small_square(name: str, M: Array) -> Array:
    n = len(checks.array(name, M, "n", "n"))
    if n > MOST_ROWS:
        raise ValueError(f"{name} must have at most {MOST_ROWS} rows, got {n}")
    return checks.array(name, M, n, n)


# ------------------------------------------------------------------------------------------- densities


@checked(x="N")
def inverse_slope(f: Callable, x: Array) -> Array:
    """The slope of f⁻¹ at y = f(x), computed without f⁻¹: 1/f'(x), x (N,) -> (N,). f is applied elementwise.

    ValueError: the slope of f is 0 at some x. Eq. flow.07
    """
    slope = _slope("f", f, x)
    if np.any(slope == 0):
        raise ValueError("f must have a slope that is not 0 at every x, got 0")
    return 1 / slope


@checked(base_density=function, x="N")
def pushforward_density(x: Array, base_density: Callable, inverse: Callable) -> Array:
    """The density of x = f(z) on the line, where z has `base_density`: π(f⁻¹(x)) |(f⁻¹)'(x)|, x (N,) -> (N,).

    base_density maps (N,) to (N,). inverse is f⁻¹, applied elementwise; its slope is computed by automatic
    differentiation. f may rise or fall. ValueError: base_density or inverse returns another shape. Eq. flow.03
    """
    slope = _slope("inverse", inverse, x)
    z = inverse(x)
    density = base_density(z)
    checks.same_shape(**{"x": x, "inverse(x)": z, "base_density(z)": density})
    return density * np.abs(slope)


@checked(base_log_prob=function, inverse=function, x="N, D")
def pushforward_log_prob(x: Array, base_log_prob: Callable, inverse: Callable) -> Array:
    """log p(x) of x = f(z), nats, where z has base_log_prob: log π(f⁻¹(x)) + log |det df⁻¹/dx|, x (N, D) -> (N,).

    base_log_prob maps (N, D) to (N,), inverse (N, D) to (N, D), each example independently. The determinant is that of
    the full Jacobian, by automatic differentiation. It costs D backward passes and about D³ operations for each
    example, and works for any map. ValueError: base_log_prob or inverse returns another shape. Eq. flow.04
    """
    z = inverse(x)
    checks.same_shape(**{"x": x, "inverse(x)": z})
    log_prob = base_log_prob(z)
    checks.same_shape(**{"base_log_prob(z)": log_prob, "x[:, 0]": x[:, 0]})
    return log_prob + np.linalg.slogdet(_jacobians(inverse, x))[1]


@checked(x="N, D")
def linear_flow_log_prob(x: Array, shift: Array, L: Array) -> Array:
    """log p(x), nats, of x = shift + L z with z ~ N(0, I) and a lower triangular L: x (N, D) -> (N,).

    shift (D,), L (D, D). The determinant of L is the product of its diagonal, which may have any signs but no 0.
    ValueError: shift or L has another shape or is not finite; a number above the diagonal of L, or a 0 on it.
    Eq. flow.04
    """
    dims = np.shape(x)[1]
    shift = checks.array("shift", shift, dims)
    L = checks.array("L", L, dims, dims)
    _check_triangular("L", L)
    z = np.linalg.solve(L, (x - shift).T).T  # (N, D)
    log_pz = -0.5 * np.sum(z**2, axis=1) - 0.5 * dims * math.log(2 * math.pi)
    return log_pz - np.sum(np.log(np.abs(np.diag(L))))


def _check_triangular(name: str, L: Array) -> None:
    while isbox(L):
        L = getval(L)
    if numpy.any(numpy.triu(L, 1) != 0):
        raise ValueError(f"{name} must be lower triangular, got a number that is not 0 above the diagonal")
    if numpy.any(numpy.diag(L) == 0):
        raise ValueError(f"{name} must have no 0 on its diagonal, got {numpy.diag(L).tolist()}")


def _jacobians(f: Callable, x: Array) -> Array:
    """The Jacobian matrix of f at each example, (N, D) -> (N, D, D), in D backward passes for all examples at once.

    An example's output depends on that example alone, so the gradient of the sum over examples of output i holds row i
    of every matrix.
    """
    rows = []
    for i in range(np.shape(x)[1]):
        rows.append(grad(lambda v, i=i: np.sum(f(v)[:, i]))(x))  # (N, D)
    return np.stack(rows, axis=1)


def _slope(name: str, f: Callable, x: Array) -> Array:
    """f'(x) of a function that is applied elementwise, (N,) -> (N,)."""
    checks.function(name, f)

    def total(v: Array) -> Array:
        y = f(v)
        checks.same_shape(**{"x": v, f"{name}(x)": y})
        return np.sum(y)

    return grad(total)(x)
