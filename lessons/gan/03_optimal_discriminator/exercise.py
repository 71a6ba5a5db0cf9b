"""Exercises on the optimal discriminator: its formula, and the value of the game at it."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise

LN2 = 0.6931471805599453


def densities(rng, shape=(7,), dx=1.0):
    """Two positive functions on a grid that sum to one over its cells."""
    p, q = rng.gamma(1.0, size=(2, *shape)) + 0.05
    return p / (p.sum() * dx), q / (q.sum() * dx)


best = Exercise(
    "gan/03/optimal_discriminator",
    target="minigen.gan.losses:optimal_discriminator",
    minutes=10,
    prompt="""
    Return the optimal discriminator $D^*(x)$: the probability that an example at $x$ is real, when
    half of all examples are real.

    `p_r` and `p_g` are the densities of the real and of the generated examples at the same points,
    arrays of one shape with entries that are zero or positive. The result has their shape and lies
    in $[0, 1]$. The densities may be as small as $10^{-200}$. Where both are zero every output is
    optimal: return $1/2$ there, without dividing zero by zero. The result need not be
    differentiable, so you may use plain NumPy.
    """,
    hints="""
    The examples at x are real and fake in the ratio p_r : p_g. What fraction of them is real?

    D* = p_r / (p_r + p_g): there the derivative p_r / D - p_g / (1 - D) of the integrand is zero.

        total = p_r + p_g
        some = total > 0
        return np.where(some, p_r / np.where(some, total, 1.0), 0.5)
    """,
)


@best.case(points=1, kind="equation", expect={"D": [0.75, 0.5, 0.25, 0.9]})
def by_hand(impl, rng):
    return {"D": impl(np.array([3.0, 2.0, 0.1, 0.9]), np.array([1.0, 2.0, 0.3, 0.1]))}


@best.case(points=1, kind="extremes", fixed=True, expect={"D": [1.0, 0.0, 0.5]})
def where_a_density_is_zero(impl, rng):
    return {"D": impl(np.array([0.4, 0.0, 0.0]), np.array([0.0, 0.2, 0.0]))}


@best.case(points=1, kind="extremes", expect={"D": [0.75, 0.2]})
def far_in_the_tails(impl, rng):
    return {"D": impl(np.array([3e-200, 1e-150]), np.array([1e-200, 4e-150]))}


@best.case(points=1, kind="equation")
def on_a_plane(impl, rng):
    return {"D": impl(*densities(rng, (4, 3)))}


@best.case(points=1, kind="equation", fixed=True, property=True, expect={"sum": 1.0})
def exchanged_roles(impl, rng):
    """With exchanged roles the result is 1 - D*."""
    p_r, p_g = densities(rng)
    return {"sum": impl(p_r, p_g) + impl(p_g, p_r)}


value = Exercise(
    "gan/03/value_at_optimum",
    target="minigen.gan.losses:value_at_optimum",
    minutes=15,
    prompt=r"""
    Return the value of the game at the optimal discriminator: $L(G, D^*)$, the integral of
    $p_r \log D^* + p_g \log(1 - D^*)$, one number, in nats, where $D^*$ is that of
    `optimal_discriminator`.

    `p_r` and `p_g` are densities at the centers of the cells of a grid, arrays of one shape with
    any number of axes. `dx` is the size of a cell (its length, or in the plane its area). The
    integral is the sum over all cells times `dx`.

    A density may be zero in some cells: $0 \log 0$ counts as 0. One density may be far smaller than
    the other, $10^{-30}$ and 1, and the result must still be finite. It lies between $-2 \log 2$
    (equal densities) and 0 (disjoint supports). The result need not be differentiable, so you may
    use plain NumPy and SciPy.
    """,
    hints="""
    Each cell has two terms. Each term is a density times the logarithm of a fraction, and a density
    of zero contributes 0.

    1 - D* is p_g / (p_r + p_g). Written as a subtraction it rounds to 0 where p_g is tiny, and its
    logarithm to minus infinity.

        value = 0.0
        for p in (p_r, p_g):
            some = p > 0
            value += np.sum(p[some] * np.log(p[some] / (p_r + p_g)[some])) * dx
        return value
    """,
)


@value.case(points=1, kind="equation", expect={"value": -2 * LN2})
def equal_densities(impl, rng):
    return {"value": impl(np.ones(4), np.ones(4), 0.25)}


@value.case(points=1, kind="equation", expect={"value": 1.5 * np.log(3.0) - 4 * np.log(2.0)})
def two_cells(impl, rng):
    """D* is 3/4 in one cell and 1/4 in the other."""
    return {"value": impl(np.array([1.5, 0.5]), np.array([0.5, 1.5]), 0.5)}


@value.case(points=1, kind="extremes", fixed=True, expect={"value": 0.0})
def never_meeting(impl, rng):
    return {"value": impl(np.array([1.0, 3.0, 0.0, 0.0]), np.array([0.0, 0.0, 2.5, 1.5]), 0.25)}


@value.case(points=2, kind="extremes", fixed=True, expect={"value": 0.0})
def hardly_meeting(impl, rng):
    return {"value": impl(np.array([2.0, 1e-30]), np.array([1e-30, 2.0]), 0.5)}


@value.case(points=1, kind="shapes")
def in_the_plane(impl, rng):
    """The grid holds nine tenths of the one density and four fifths of the other."""
    p_r, p_g = densities(rng, (3, 5), 0.2)
    return {"value": impl(0.9 * p_r, 0.8 * p_g, 0.2)}


@value.case(points=2, kind="equation", property=True, expect={"gap": 0.0})
def against_js(impl, rng):
    """The value is twice the JS divergence minus 2 log 2."""
    p_r, p_g = densities(rng, (9,), 0.3)
    middle = (p_r + p_g) / 2
    js = 0.3 * np.sum(p_r * np.log(p_r / middle) + p_g * np.log(p_g / middle)) / 2
    return {"gap": impl(p_r, p_g, 0.3) - (2 * js - 2 * np.log(2))}
