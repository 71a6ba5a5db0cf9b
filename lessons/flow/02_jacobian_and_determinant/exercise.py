"""Exercises on matrices: the Jacobian by automatic differentiation, the determinant by
permutations."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad

jacobian = Exercise(
    "flow/02/jacobian_matrix",
    target="minigen.flow.change_of_variables:jacobian_matrix",
    minutes=10,
    blocked=["minigen.tensor.core:jacobian"],
    imports=["from minigen.tensor import grad"],
    prompt="""
    Return the matrix of partial derivatives of `f` at the point `x`, with row $i$ for output $i$
    and column $j$ for input $j$.

    `x` is a vector $(n,)$, `f(x)` a vector $(m,)$, and $m$ may differ from $n$. The matrix has
    shape $(m, n)$ and the dtype of `x`. It must be exact, so use automatic differentiation. The
    check detects the error of small steps. `grad(g)(x)`, from `minigen.tensor`, is the gradient
    $(n,)$ of a function `g` that returns one number, and the Jacobian of autograd is allowed as
    well. An output may not depend on `x` at all. Its derivatives are then 0.
    """,
    hints="""
    Row i is the gradient of output i, a function that returns one number.

    J[i, j] = d f_i / d x_j: stack the m gradients as rows.

        rows = []
        for i in range(len(f(x))):
            rows.append(grad(lambda v: f(v)[i])(x))
        return np.stack(rows)
    """,
    rtol=1e-8,
)


@jacobian.case(points=1, kind="equation", expect={"J": [[3.1, 2.3, 0.0], [0.0, 1.0, -10.4]]})
def two_functions_of_three_numbers(impl, rng):
    """f(a, b, c) = (a b, b + c^2) at (2.3, 3.1, -5.2): rows (b, a, 0) and (0, 1, 2 c)."""

    def f(v):
        return np.stack([v[0] * v[1], v[1] + v[2] ** 2])

    return {"J": impl(f, np.array([2.3, 3.1, -5.2]))}


@jacobian.case(points=2, kind="equation")
def four_functions_of_two(impl, rng):
    A, x = rng.standard_normal((4, 2)), rng.standard_normal(2)
    return {"J": impl(lambda v: np.sin(A @ v) * v[0], x)}


@jacobian.case(points=2, kind="equation", property=True, expect={"gap": 0.0}, atol=1e-8)
def chain_rule(impl, rng):
    """The Jacobian of g(f(x)) is that of g at f(x) times that of f at x."""
    A, B, x = rng.standard_normal((4, 3)), rng.standard_normal((2, 4)), rng.standard_normal(3)

    def f(v):
        return np.tanh(A @ v)

    def g(u):
        return (B @ u) ** 2 + u[0]

    return {"gap": impl(lambda v: g(f(v)), x) - impl(g, f(x)) @ impl(f, x)}


@jacobian.case(points=1, kind="equation")
def an_output_that_is_constant(impl, rng):
    x = rng.standard_normal(3)
    return {"J": impl(lambda v: np.stack([v[2] ** 3, np.array(7.0), v[0] * v[1]]), x)}


@jacobian.case(points=1, kind="extremes")
def steep_and_far_out(impl, rng):
    """Numbers around 1000, and slopes that change within a thousandth."""
    x = 1000 + rng.standard_normal(2)
    return {"J": impl(lambda v: np.stack([np.sin(1000 * v[0]) + v[1], v[0] * v[1] ** 2]), x)}


@jacobian.case(points=1, kind="shapes", rtol=1e-5, exact_dtype=True)
def one_output_in_float32(impl, rng):
    x = rng.standard_normal(5).astype(np.float32)
    J = impl(lambda v: np.reshape(np.sum(v**2) + v[0], (1,)), x)
    return {"J": J}


determinant = Exercise(
    "flow/02/leibniz_determinant",
    target="minigen.flow.change_of_variables:leibniz_determinant",
    minutes=15,
    imports=["import itertools"],
    prompt=r"""
    Return the determinant of a square matrix `M` as a sum over permutations.

    For each permutation $j$ of $0 \dots n - 1$ multiply `M[0, j[0]]`, `M[1, j[1]]`, ... and give
    the product the sign $(-1)^\tau$. Here $\tau$ counts the inversions of $j$, the pairs of
    positions $a < b$ with `j[a] > j[b]`. `itertools.permutations(range(n))` gives all the
    permutations.

    `M` has shape $(n, n)$, with $n$ from 1 to 5, and the result is one number. Entries may be 0,
    and one matrix may have some as large as $10^{100}$ and others as small as $10^{-100}$. The
    result must be differentiable with respect to `M`, even where the determinant is 0. A sum of
    products has a gradient there, and `numpy.linalg.det` has none.
    """,
    hints="""
    Each term takes one entry from every row and every column. Its sign depends on the number of
    pairs in which the larger number comes first.

    det M = sum over permutations j of (-1)^tau(j) M[0, j_0] M[1, j_1] ... M[n-1, j_(n-1)].

        total = 0.0
        for order in itertools.permutations(range(len(M))):
            tau = sum(a > b for a, b in itertools.combinations(order, 2))
            term = (-1) ** tau
            for row, column in enumerate(order):
                term = term * M[row, column]
            total = total + term
        return total
    """,
)


@determinant.case(points=1, kind="equation", expect={"det": 7.09})
def two_by_two(impl, rng):
    """2.3 * 4.7 - 3.1 * 1.2 = 10.81 - 3.72."""
    return {"det": impl(np.array([[2.3, 3.1], [1.2, 4.7]]))}


@determinant.case(points=1, kind="equation", expect={"det": -2.8})
def three_by_three(impl, rng):
    """1.1*5*10 + 2*6*7 + 3*4*8 - 3*5*7 - 2*4*10 - 1.1*6*8 = 235 - 237.8."""
    return {"det": impl(np.array([[1.1, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 10.0]]))}


@determinant.case(points=2, kind="equation")
def one_to_five(impl, rng):
    return {f"n = {n}": impl(rng.standard_normal((n, n))) for n in (1, 4, 5)}


@determinant.case(points=2, kind="equation", property=True, expect={"gap": 0.0}, atol=1e-8)
def two_rows_exchanged(impl, rng):
    """Exchanging two rows changes the sign and nothing else."""
    M = rng.standard_normal((4, 4))
    return {"gap": impl(M[[2, 1, 0, 3]]) + impl(M), "size": np.abs(impl(M))}


@determinant.case(points=1, kind="equation", property=True, expect={"gap": 0.0}, atol=1e-8)
def of_a_product(impl, rng):
    """det(A B) = det A det B."""
    A, B = rng.standard_normal((2, 4, 4))
    return {"gap": impl(A @ B) - impl(A) * impl(B)}


@determinant.case(
    points=2,
    kind="gradient",
    expect={"grad": [[4.0, -3.0], [-8.0, 6.0]], "with a 0": [[4.0, -3.0], [0.0, 2.0]]},
)
def gradient_where_it_is_zero(impl, rng):
    """The determinant of ((6, 8), (3, 4)) is 0. An entry that is 0 has a gradient as well."""
    with_a_zero = grad(impl)(np.array([[2.0, 0.0], [3.0, 4.0]]))
    try:
        slope = grad(impl)(np.array([[6.0, 8.0], [3.0, 4.0]]))
    except np.linalg.LinAlgError:  # an inverse was needed, and there is none
        slope = np.full((2, 2), np.nan)
    return {"grad": slope, "with a 0": with_a_zero}


@determinant.case(points=1, kind="extremes", expect={"det": [6.0, 0.0]})
def far_apart(impl, rng):
    """A diagonal of 2e100, 3 and 1e-100, and a row of zeros."""
    wide = np.array([[2e100, 7.0, 5.0], [0.0, 3.0, 4.0], [0.0, 0.0, 1e-100]])
    return {"det": np.array([impl(wide), impl(np.array([[0.0, 0.0], [3.0, 1.0]]))])}
