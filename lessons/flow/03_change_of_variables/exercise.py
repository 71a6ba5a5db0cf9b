"""Exercises on the change of variables: a density on the line, and a log-density in D
dimensions."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise

line = Exercise(
    "flow/03/pushforward_density",
    target="minigen.flow.change_of_variables:pushforward_density",
    minutes=10,
    imports=["from minigen.tensor import grad"],
    prompt="""
    Return the density of $x = f(z)$ on the line, where $z$ has a known density and $f$ has an
    inverse.

    `x` and the result have shape $(N,)$ and the same dtype. `inverse` is the function $f^{-1}$,
    written with `np`, and `base_density` is the density of $z$, which may be any density. Both are
    applied elementwise to arrays $(N,)$ and keep `float32`. The map $f$ may rise or fall, and be
    steep at one point and flat at another. Compute the slope of $f^{-1}$ by automatic
    differentiation and not by small steps, because it must be exact. `grad(g)(x)`, from
    `minigen.tensor`, is the gradient of a function `g` that returns one number. Each entry of
    $f^{-1}(x)$ depends on its own entry of `x` only, so the gradient of their sum contains all the
    slopes at once. The result need not be differentiable.
    """,
    hints="""
    A small interval around x is the image of a small interval around z = f^-1(x). Both have the
    same probability and different widths, and a width is not negative.

    p(x) = base_density(f^-1(x)) |d f^-1(x) / dx|. Each z depends on its own x only, so the
    gradient of the sum of all z contains all the slopes.

        slope = grad(lambda v: np.sum(inverse(v)))(x)
        return base_density(inverse(x)) * np.abs(slope)
    """,
    rtol=1e-8,
)


def bell(z):
    return np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)


@line.case(points=1, kind="equation", expect={"density": [0.75**2 / 4, 1.5**2 / 4]})
def a_falling_line(impl, rng):
    """f(z) = 7 - 4 z, so z = (7 - x)/4, which falls by 1/4. x = 4 and 1 come from z = 0.75 and 1.5;
    the density of z is z^2 there."""
    return {"density": impl(np.array([4.0, 1.0]), lambda z: z**2, lambda x: (7 - x) / 4)}


@line.case(points=2, kind="equation")
def exponentials(impl, rng):
    """x = e^z of a normal z, and x = e^-z of one that has the density e^-z."""
    x = rng.uniform(0.1, 0.9, 6)
    return {
        "normal z": impl(x, bell, np.log),
        "exponential z": impl(x, lambda z: np.exp(-z), lambda x: -np.log(x)),
    }


@line.case(
    points=2, kind="equation", fixed=True, property=True, expect={"mass": 1.0}, rtol=0, atol=1e-3
)
def total_mass(impl, rng):
    """x = -tanh(z + 1/2) lies in (-1, 1); its density integrates to 1."""
    x = (np.arange(1500) + 0.5) / 750 - 1
    p = impl(x, bell, lambda x: 0.5 * np.log((1 - x) / (1 + x)) - 0.5)
    return {"mass": np.sum(p) / 750, "density": p[::150]}


@line.case(points=1, kind="equation", property=True, expect={"gap": 0.0})
def other_units(impl, rng):
    """In units a hundred times as small a density is a hundred times as low."""
    x = rng.standard_normal(5)

    def back(x):
        return np.sinh(x - 0.3)

    return {"gap": 100 * impl(100 * x, bell, lambda x: back(x / 100)) - impl(x, bell, back)}


@line.case(points=1, kind="extremes", expect={"density": [0.0, 0.0, 12.5, 0.0]})
def far_out_and_flat(impl, rng):
    """z = x^3 - 1 for x = -1000, 0, 5, 1000, where the density of z is 1/6 between 0 and 200: the
    slope is 0 at x = 0, and z is far outside at both ends. And an inverse whose slope changes
    within a millionth."""
    x = np.array([-1000.0, 0.0, 5.0, 1000.0])

    def rippled(x):
        return x + 5e-8 * np.sin(1e7 * x)

    return {
        "density": impl(x, lambda z: ((z > 0) & (z < 200)) / 6, lambda x: x**3 - 1),
        "density of a map with ripples": impl(rng.uniform(-1, 1, 5), bell, rippled),
    }


@line.case(points=1, kind="shapes", rtol=1e-5, exact_dtype=True)
def in_float32(impl, rng):
    x = rng.standard_normal(7).astype(np.float32)
    p = impl(x, lambda z: 1 / (1 + z**2) / np.float32(np.pi), lambda x: 2 * x - np.tanh(3 * x))
    return {"density": p}


space = Exercise(
    "flow/03/pushforward_log_prob",
    target="minigen.flow.change_of_variables:pushforward_log_prob",
    minutes=15,
    imports=["from minigen.tensor import grad", "from minigen.tensor import jacobian"],
    blocked=["minigen.flow.bijection:jacobian_log_det"],
    prompt=r"""
    Return the log-density, in nats, of $x = f(z)$ in $D$ dimensions, where $z$ has a known
    log-density and $f$ has an inverse.

    `x` has shape $(N, D)$, and the result has shape $(N,)$. `inverse` is the function $f^{-1}$,
    from $(N, D)$ to $(N, D)$ for any $N$, applied to each example independently. `base_log_prob`
    maps $(N, D)$ to $(N,)$ and is any log-density. `jacobian(g)(v)`, from `minigen.tensor`, is the
    matrix $(D, D)$ of the derivatives of a function `g` from $(D,)$ to $(D,)$ at one point `v`
    $(D,)$. Every example has its own matrix. For one point, pass `inverse` a batch of one,
    `v[None]`. Or use `grad` of `minigen.tensor` and differentiate for all examples at once: the
    gradient $(N, D)$ of the sum of column $i$ of $f^{-1}(x)$ contains row $i$ of every matrix.

    $D$ may be 1 or 60, and a map may shrink or stretch every coordinate by a factor of a million,
    so compute $\log |\det|$ without the determinant. The result need not be differentiable.
    """,
    hints="""
    Where the inverse, from x to z, stretches volumes, the density of x is higher than that of z, by
    the same factor.

    log p(x) = log pi(f^-1(x)) + log |det d f^-1(x) / dx|. np.linalg.slogdet(J) returns the sign and
    log |det J|.

        log_det = []
        for point in x:
            J = jacobian(lambda v: inverse(v[None])[0])(point)
            log_det.append(np.linalg.slogdet(J)[1])
        return base_log_prob(inverse(x)) + np.array(log_det)
    """,
)


def mixing(x):
    """A map whose Jacobian has no zeros and another determinant at each point, negative at some."""
    u = x @ np.array([[1.0, 0.4, -0.3], [0.2, -0.8, 0.5], [-0.6, 0.3, 1.5]]).T
    return u + 0.5 * np.sin(u[:, ::-1] + 2 * u)


def logistic(z):
    return np.sum(-z - 2 * np.logaddexp(0.0, -z), axis=1)


@space.case(
    points=1, kind="equation", expect={"log_p": [-5.5625 + np.log(3.5), -8.0 + np.log(3.5)]}
)
def a_matrix_of_two_rows(impl, rng):
    """z = (2 a + b, a/2 - 3 b/2) has determinant -3.5. The points (1, 0.5), (1, -1) go to (2.5,
    -0.25), (1, 2); there log pi = -z_0 - z_1^2 - 3 is -5.5625 and -8."""
    x = np.array([[1.0, 0.5], [1.0, -1.0]])

    def inverse(x):
        return np.stack([2 * x[:, 0] + x[:, 1], 0.5 * x[:, 0] - 1.5 * x[:, 1]], axis=1)

    return {"log_p": impl(x, lambda z: -z[:, 0] - z[:, 1] ** 2 - 3, inverse)}


@space.case(points=2, kind="equation")
def another_determinant_at_each_point(impl, rng):
    return {"log_p": impl(rng.standard_normal((5, 3)), logistic, mixing)}


@space.case(points=2, kind="equation", property=True, expect={"gap": 0.0}, rtol=0, atol=1e-8)
def two_steps(impl, rng):
    """In two steps or in one: the log-density after the first map is the base of the second."""
    x = rng.standard_normal((4, 3))

    def second(x):
        return np.sinh(x) @ np.array([[1.0, 0.5, 0.0], [-0.5, 1.0, 2.0], [0.0, 0.3, 1.0]])

    one, u = impl(x, logistic, lambda x: mixing(second(x))), second(x)
    first = impl(u, logistic, mixing)

    def base(rows):  # looked up, so that an answer may ask for one row at a time
        return np.array([first[np.argmin(np.sum((u - row) ** 2, axis=1))] for row in rows])

    return {"gap": one - impl(x, base, second), "size": one}


@space.case(
    points=2,
    kind="extremes",
    expect={"shrunk": [60 * np.log(1e-6), 60 * np.log(1e-6)], "stretched": 1.0},
)
def too_small_for_a_determinant(impl, rng):
    """Sixty coordinates, all shrunk by a million: the determinant is 1e-360, which is 0 in floating
    point; and all stretched by a million, which is infinite."""
    x = rng.standard_normal((2, 60))

    def flat(z):
        return 0 * z[:, 0]

    stretched = impl(x, flat, lambda x: -1e6 * x)
    return {
        "shrunk": impl(x, flat, lambda x: 1e-6 * x),
        "stretched": stretched[0] / (60 * np.log(1e6)),
    }


@space.case(points=1, kind="shapes")
def one_example_of_one_number(impl, rng):
    x = rng.standard_normal((1, 1))
    return {"log_p": impl(x, logistic, lambda x: -3 * x - x**3)}


@space.case(points=1, kind="shapes", rtol=1e-4, atol=1e-5)
def many_examples_in_float32(impl, rng):
    x = rng.standard_normal((9, 2)).astype(np.float32)
    return {"log_p": impl(x, logistic, lambda x: 3 * x + np.tanh(x[:, ::-1]))}
