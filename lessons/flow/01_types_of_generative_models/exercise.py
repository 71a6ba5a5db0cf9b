"""An exercise on the smallest flow: the exact log-density of a linear map of Gaussian noise."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad

linear = Exercise(
    "flow/01/linear_flow_log_prob",
    target="minigen.flow.change_of_variables:linear_flow_log_prob",
    minutes=15,
    prompt=r"""
    Return the log-density, in nats, of $x = \mathrm{shift} + L z$, where the $D$ coordinates of
    $z$ are independent and standard normal. The map changes volumes by the factor $|\det L|$, and
    the determinant of a triangular matrix is the product of its diagonal.

    `x` has shape $(N, D)$, and the result has shape $(N,)$. `shift` is a vector $(D,)$, and `L` a
    matrix $(D, D)$ that is lower triangular, so that all numbers above its diagonal are 0. The
    numbers on the diagonal are not 0 and may be negative. $D$ may be 60, with $10^{-6}$ or $10^6$
    on the whole diagonal. The determinant itself is then 0 or infinite in floating point, and its
    logarithm is not. The result must be differentiable with respect to `x` and `shift`, and keep
    `float32`: `np.log(2 * np.pi)` is a `float64` number, so make a Python `float` of it.
    `np.linalg.solve(A, B)` returns the solution $Y$ of $A Y = B$, for all columns of $B$ at once.
    """,
    hints="""
    First find the z of each x: only one z is mapped to it. Where the map stretches volumes, the
    density of x is lower than that of z, by the factor of the volumes.

    log p(x) = sum over the D coordinates of log N(z_i; 0, 1), minus the sum of the logarithms of
    the absolute values on the diagonal, where L z = x - shift.

        z = np.linalg.solve(L, (x - shift).T).T
        log_pz = np.sum(-0.5 * z**2 - 0.5 * float(np.log(2 * np.pi)), axis=1)
        return log_pz - np.sum(np.log(np.abs(np.diag(L))))
    """,
)

HALF_LOG_2PI = 0.9189385332046727


def triangle(rng, d):
    """A lower triangular matrix with some negative numbers on its diagonal."""
    L = np.tril(rng.standard_normal((d, d)), -1)
    signs = np.where(np.arange(d) % 2 == 0, -1.0, 1.0)
    return L + np.diag(signs * rng.uniform(0.5, 3.0, d))


@linear.case(
    points=1,
    kind="equation",
    expect={
        "log_p": [
            -0.5 - HALF_LOG_2PI - 1.0986122886681098,
            -1.28 - HALF_LOG_2PI - 1.0986122886681098,
        ]
    },
)
def one_dimension(impl, rng):
    """x = 1 + 3 z. 4 comes from z = 1 and -3.8 from z = -1.6: log N(z; 0, 1) - log 3."""
    return {"log_p": impl(np.array([[4.0], [-3.8]]), np.array([1.0]), np.array([[3.0]]))}


@linear.case(
    points=2,
    kind="equation",
    expect={"log_p": [-1.625 - 2 * HALF_LOG_2PI - 2.302585092994046]},
)
def two_dimensions(impl, rng):
    """L = ((2, 0), (3, -5)), shift = (1, 0): the point (3, -4.5) comes from z = (1, 1.5), and
    |det L| = 10."""
    L = np.array([[2.0, 0.0], [3.0, -5.0]])
    return {"log_p": impl(np.array([[3.0, -4.5]]), np.array([1.0, 0.0]), L)}


@linear.case(points=2, kind="equation")
def five_examples_in_three_dimensions(impl, rng):
    return {"log_p": impl(rng.standard_normal((5, 3)), rng.standard_normal(3), triangle(rng, 3))}


@linear.case(
    points=1, kind="equation", fixed=True, property=True, expect={"mass": 1.0}, rtol=0, atol=1e-3
)
def total_mass(impl, rng):
    """The density integrates to 1 over the plane."""
    side = np.linspace(-12, 12, 161)
    plane = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    L = np.array([[-1.2, 0.0], [0.7, 0.9]])
    p = np.exp(impl(plane, np.array([0.5, -1.0]), L))
    return {"mass": np.sum(p) * (side[1] - side[0]) ** 2, "density": p[13000:13010]}


@linear.case(points=1, kind="gradient")
def gradients(impl, rng):
    x, shift, L = rng.standard_normal((4, 3)), rng.standard_normal(3), triangle(rng, 3)
    return {
        "in x": grad(lambda x: np.sum(impl(x, shift, L)))(x),
        "in shift": grad(lambda shift: np.sum(impl(x, shift, L)))(shift),
    }


@linear.case(
    points=2,
    kind="extremes",
    fixed=True,
    expect={
        "shrunk": [-60 * HALF_LOG_2PI + 828.9306334778565],
        "stretched": [-60 * HALF_LOG_2PI - 828.9306334778565],
    },
)
def too_small_for_a_determinant(impl, rng):
    """Sixty dimensions, all shrunk or all stretched by a million: 60 log 1e6 = 828.93."""
    shift = rng.standard_normal(60)
    return {
        "shrunk": impl(shift[None], shift, 1e-6 * np.eye(60)),
        "stretched": impl(shift[None], shift, 1e6 * np.eye(60)),
    }


@linear.case(points=1, kind="shapes", rtol=1e-4, exact_dtype=True)
def in_float32(impl, rng):
    x = rng.standard_normal((6, 2)).astype(np.float32)
    L = triangle(rng, 2).astype(np.float32)
    return {"log_p": impl(x, np.zeros(2, np.float32), L)}
