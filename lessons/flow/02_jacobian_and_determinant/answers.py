"""Mistakes in the exercises of flow/02, and other right answers."""

import itertools

import autograd.numpy as np
from autograd import jacobian as of_autograd

from minigen.tensor import grad


def by_rows(f, x):
    return np.stack([grad(lambda v: f(v)[i])(x) for i in range(len(f(x)))])  # noqa: B023


def by_steps(f, x, h):
    columns = [(f(x + h * e) - f(x)) / h for e in np.eye(len(x))]
    return np.stack(columns, axis=1).astype(x.dtype)


def products(M, sign):
    total = 0.0
    for order in itertools.permutations(range(len(M))):
        term = sign(order)
        for row, column in enumerate(order):
            term = term * M[row, column]
        total = total + term
    return total


def inversions(order):
    return sum(a > b for a, b in itertools.combinations(order, 2))


MISTAKES = {
    "jacobian_matrix": """
    # This is the transposed matrix: a row belongs to an output, a column to an input.
    return by_rows(f, x).T
    # This is the gradient of the sum of all outputs; every output has a row of its own.
    return grad(lambda v: np.sum(f(v)))(x)
    # This is the gradient of the sum of all outputs; every output has a row of its own.
    return np.tile(grad(lambda v: np.sum(f(v)))(x), (len(f(x)), 1))
    # A small step is not exact: its error shows where f is curved. Differentiate instead.
    return by_steps(f, x, 1e-3)
    # A small step is not exact: its error shows where f is curved. Differentiate instead.
    return by_steps(f, x, 1e-6)
    # A small step is not exact, even to both sides. Differentiate instead.
    return (by_steps(f, x, 1e-5) + by_steps(f, x, -1e-5)) / 2
    # Only the derivatives of output i with respect to input i are here; the others are not 0.
    J = by_rows(f, x)
    return J * np.eye(*J.shape)
    # The derivatives are taken at x, not at 0.
    return by_rows(f, 0 * x)
    # Slopes have a sign: take no absolute value.
    return np.abs(by_rows(f, x))
    # The derivative of each output is asked for, not of its square.
    return np.stack([grad(lambda v: f(v)[i] ** 2)(x) for i in range(len(f(x)))])
    # The derivatives are divided by the number of outputs: return them undivided.
    return by_rows(f, x) / len(f(x))
    # Every output has a row: m of them, the length of f(x).
    return by_rows(f, x)[: len(x)]
    # This is the matrix times the vector x; the matrix itself is asked for.
    return by_rows(f, x) @ x
    # The outputs are in their order: row 0 is output 0.
    return by_rows(f, x)[::-1]
    # A small step is not exact: its error shows where f is curved. Differentiate instead.
    return by_steps(f, x, 1e-2)
    # A small step is not exact: its error shows where f is curved. Differentiate instead.
    return by_steps(f, x, 1e-4)
    # A small step is not exact: its error shows where f is curved. Differentiate instead.
    return by_steps(f, x, 1e-5)
    # A small step is not exact: its error shows where f is curved. Differentiate instead.
    return by_steps(f, x, 1e-7)
    # A small step is not exact: its error shows where f is curved. Differentiate instead.
    return by_steps(f, x, 1e-8)
    # A small step is not exact, even to both sides. Differentiate instead.
    return (by_steps(f, x, 1e-3) + by_steps(f, x, -1e-3)) / 2
    # A small step is not exact, even to both sides. Differentiate instead.
    return (by_steps(f, x, 1e-4) + by_steps(f, x, -1e-4)) / 2
    """,
    "leibniz_determinant": """
    # Without the signs this is the permanent, not the determinant.
    (-1) ** _inversions(order) -> 1
    # The value is right, but numpy.linalg.det has no gradient where the determinant is 0: write the
    # sum.
    return np.linalg.det(M)
    # The sign is wrong everywhere: an order without inversions counts plus.
    (-1) ** _inversions(order) -> (-1) ** (_inversions(order) + 1)
    # All pairs count, not only neighbors.
    (-1) ** _inversions(order) -> (-1) ** sum(a > b for a, b in zip(order, order[1:]))
    # Count the pairs in the wrong order, not the numbers that are not in their places.
    (-1) ** _inversions(order) -> (-1) ** sum(a != b for a, b in enumerate(order))
    # An inversion is a pair with the larger number first; here the pairs in the right order count.
    (-1) ** _inversions(order) ->
        (-1) ** sum(a < b for a, b in itertools.combinations(order, 2))
    # This is the count of inversions, not the sign that they give: (-1)^tau.
    (-1) ** _inversions(order) -> _inversions(order)
    # The sign changes with every inversion: it is (-1)^tau, not 1 - tau.
    (-1) ** _inversions(order) -> 1 - _inversions(order)
    # Every pair of places counts once, the first place before the second; here it counts twice,
    # and the sign is the same for all orders.
    (-1) ** _inversions(order) ->
        (-1) ** sum(a > b for a in order for b in order)
    # The sign is that of the order itself, not of its place in the list of all orders.
    signs = {order: (-1) ** k for k, order in enumerate(itertools.permutations(range(len(M))))}
    return products(M, signs.get)
    # Count pairs of places, not the numbers that are too far to the left.
    (-1) ** _inversions(order) -> (-1) ** sum(a > i for i, a in enumerate(order))
    # This is the rule for two rows; n may be anything from 1 to 5.
    return M[0, 0] * M[1, 1] - M[0, 1] * M[1, 0]
    # Only the identity is here, the product of the diagonal: right for triangles alone.
    return np.prod(np.diag(M))
    # A determinant has a sign: take no absolute value.
    return np.abs(products(M, lambda order: (-1) ** inversions(order)))
    # This is the logarithm of its absolute value; the determinant itself is asked for.
    return np.log(np.abs(products(M, lambda order: (-1) ** inversions(order))) + 1e-300)
    # The entries of a term are multiplied, not added.
    total = 0.0
    for order in itertools.permutations(range(len(M))):
        total = total + (-1) ** inversions(order) * sum(M[i, j] for i, j in enumerate(order))
    return total
    # Only shifted orders are here (Sarrus); from n = 4 on there are many others.
    n = len(M)
    if n < 3:
        return products(M, lambda order: (-1) ** inversions(order))
    falling = sum(np.prod([M[i, (i + k) % n] for i in range(n)]) for k in range(n))
    return falling - sum(np.prod([M[i, (k - i) % n] for i in range(n)]) for k in range(n))
    # There is no division by the number of permutations.
    return products(M, lambda order: (-1) ** inversions(order)) / len(M)
    # Entries are not rounded or cut off: they may be as small as 1e-100.
    total = 0.0
    for order in itertools.permutations(range(len(M))):
        entries = [M[i, j] for i, j in enumerate(order)]
        total = total + (-1) ** inversions(order) * np.prod(np.stack(entries) + 1e-12)
    return total
    # The sign of a product of large numbers overflows if it is computed from their logarithms: just
    # multiply.
    total = 0.0
    for order in itertools.permutations(range(len(M))):
        logs = sum(np.log(np.abs(M[i, j]) + 1e-12) for i, j in enumerate(order))
        signs = np.prod(np.sign(np.stack([M[i, j] for i, j in enumerate(order)])))
        total = total + (-1) ** inversions(order) * signs * np.exp(logs)
    return total
    """,
}

VARIANTS = {
    "jacobian_matrix": """
    return of_autograd(f)(x)  # by autograd
    # column by column: the gradient of w f(x) at all unit vectors w
    weights = np.eye(len(f(x)), dtype=x.dtype)
    return np.array([grad(lambda v: np.sum(w * f(v)))(x) for w in weights])
    """,
    "leibniz_determinant": """
    # the sign as the determinant of a permutation matrix; the orders as rows
    total = 0.0
    for order in itertools.permutations(range(len(M))):
        places = list(order)
        term = np.prod(M[places, np.arange(len(M))])
        total = total + term * np.sign(np.linalg.det(np.eye(len(M))[places]))
    return total
    # along the first row, with minors
    n = len(M)
    def minors(A):
        if len(A) == 1:
            return A[0, 0]
        total = 0.0
        for j in range(len(A)):
            keep = [k for k in range(len(A)) if k != j]
            total = total + (-1) ** j * A[0, j] * minors(A[1:][:, keep])
        return total
    return minors(M)
    """,
}

EQUIVALENT = {
    "leibniz_determinant": """
    a > b → a >= b  # no number appears twice in a permutation
    # the sign of a permutation matrix is 1 or -1
    term * np.sign(np.linalg.det(np.eye(len(M))[places])) →
    term / np.sign(np.linalg.det(np.eye(len(M))[places]))
    """,
}
