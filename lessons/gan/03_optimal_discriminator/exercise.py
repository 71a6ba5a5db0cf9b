"""Exercises of the optimal discriminator: what it is, and what the game is worth against it."""

import numpy as np

from minigen.course.exercise.format import Exercise

LN2 = 0.6931471805599453


def densities(rng, shape=(7,), dx=1.0):
    """Two positive functions on a grid that sum to one over its cells."""
    p, q = rng.gamma(1.0, size=(2, *shape)) + 0.05
    return p / (p.sum() * dx), q / (q.sum() * dx)


def x_log(p, q):
    """p log q, which is 0 where p is."""
    return np.where(p > 0, p * np.log(np.where(p > 0, q, 1.0)), 0.0)


# ------------------------------------------------------------------------------------------- the
# discriminator

best = Exercise(
    "gan/03/optimal_discriminator",
    target="minigen.gan.losses:optimal_discriminator",
    minutes=10,
    prompt="""
    The best discriminator D*(x): the probability that an example found at x is real, when reals and
    fakes come equally often.

    p_r and p_g are the densities of the real and of the generated examples at the same points,
    arrays of one shape with entries that are zero or positive; the result has their shape and lies
    in [0, 1]. The densities may be as small as 1e-200. Where both are zero there is nothing to tell
    apart: return 1/2 there, without dividing zero by zero.
    """,
    hints=[
        (
            "Count what lands at x: in proportion to p_r reals and to p_g fakes. Which share of it"
            " is real?"
        ),
        (
            "D* = p_r / (p_r + p_g): there the derivative p_r / D - p_g / (1 - D) of the integrand"
            " is zero."
        ),
        (
            "Divide by the sum where it is positive (elsewhere divide by 1), and use np.where to"
            " set 1/2 where it is zero."
        ),
    ],
    imports=["import numpy as np"],
)


@best.case(points=1, expect={"D": [0.75, 0.5, 0.25, 0.9]})
def by_hand(impl, rng):
    return {"D": impl(np.array([3.0, 2.0, 0.1, 0.9]), np.array([1.0, 2.0, 0.3, 0.1]))}


@best.case(points=1, expect={"D": [1.0, 0.0, 0.5]})
def where_a_density_is_zero(impl, rng):
    return {"D": impl(np.array([0.4, 0.0, 0.0]), np.array([0.0, 0.2, 0.0]))}


@best.case(points=1, expect={"D": [0.75, 0.2]})
def far_in_the_tails(impl, rng):
    return {"D": impl(np.array([3e-200, 1e-150]), np.array([1e-200, 4e-150]))}


@best.case(points=1)
def on_a_plane(impl, rng):
    return {"D": impl(*densities(rng, (4, 3)))}


@best.case(points=1, property="with the roles exchanged, it is 1 - D*", expect={"sum": 1.0})
def exchanged_roles(impl, rng):
    p_r, p_g = densities(rng)
    return {"sum": impl(p_r, p_g) + impl(p_g, p_r)}


@best.mistake(hint="This is the probability of being fake; D is that of being real.")
def of_being_fake(p_r, p_g):
    total = p_r + p_g
    return np.where(total > 0, p_g / np.where(total > 0, total, 1.0), 0.5)


@best.mistake(
    hint="This ratio goes from 0 to infinity. A probability is a share: divide by p_r + p_g."
)
def ratio_of_the_two(p_r, p_g):
    return np.where(p_r + p_g > 0, p_r / np.where(p_g > 0, p_g, 1.0), 0.5)


@best.mistake(hint="Where both densities are zero, 0/0 came out. Return 1/2 there.")
def zero_over_zero(p_r, p_g):
    return p_r / (p_r + p_g)


@best.mistake(
    hint=(
        "A small number in the denominator outweighs densities far in the tails; use np.where for"
        " zeros instead."
    )
)
def small_number_below(p_r, p_g):
    return (p_r + 0.5e-8) / (p_r + p_g + 1e-8)


@best.mistake(hint="This decides for the likelier side; D* says how likely it is.")
def hard_decision(p_r, p_g):
    return np.where(p_r > p_g, 1.0, np.where(p_r < p_g, 0.0, 0.5))


@best.mistake(hint="Dividing by the average of the two densities gives twice the share.")
def over_the_mixture(p_r, p_g):
    total = p_r + p_g
    return np.where(total > 0, 2 * p_r / np.where(total > 0, total, 1.0), 0.5)


@best.mistake(hint="The logit of D* is log p_r - log p_g, not p_r - p_g.")
def sigmoid_of_the_difference(p_r, p_g):
    return 1 / (1 + np.exp(p_g - p_r))


best.equivalent(
    "numpy.where(some, total, 1) → numpy.where(some, total, 2)",
    reason="where the sum is zero 0.5 is taken, whatever was divided by",
)
best.equivalent(
    "numpy.where(some, total, 1) → numpy.where(some, total, 0)",
    reason="where the sum is zero 0.5 is taken, whatever was divided by",
)


@best.variant
def in_place_of_ones(p_r, p_g):
    D = np.full(np.shape(p_r), 0.5)
    known = (p_r > 0) | (p_g > 0)
    D[known] = 1 - p_g[known] / (p_r[known] + p_g[known])
    return D


@best.variant
def through_the_logit(p_r, p_g):
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        D = 1 / (1 + np.exp(np.log(p_g) - np.log(p_r)))
    return np.where(np.isnan(D), 0.5, D)


# ------------------------------------------------------------------------------------------- the
# value

value = Exercise(
    "gan/03/value_at_optimum",
    target="minigen.gan.losses:value_at_optimum",
    minutes=15,
    prompt="""
    What the game is worth against the best discriminator: L(G, D*), the integral of p_r log D* +
    p_g log(1 - D*) with D* = p_r / (p_r + p_g), one number, in nats.

    p_r and p_g are densities at the centers of the cells of a grid, arrays of one shape with any
    number of axes; dx is the size of a cell (its length, or in the plane its area). The integral is
    the sum over all cells times dx.

    A density may be zero in some cells: 0 log 0 counts as 0. One may be far smaller than the other,
    1e-30 against 1, and the result must still be finite. It lies between -2 log 2 (equal densities)
    and 0 (densities that never meet).
    """,
    hints=[
        (
            "Two terms in each cell. Each is a density times the logarithm of a share, and a"
            " density of zero adds nothing."
        ),
        (
            "1 - D* is p_g / (p_r + p_g). Written as a subtraction it rounds to 0 where p_g is"
            " tiny, and its logarithm to minus infinity."
        ),
        (
            "With total = p_r + p_g, sum p * np.log(p / total) for p = p_r and p = p_g over the"
            " cells where p > 0; times dx."
        ),
    ],
    imports=["import numpy as np"],
)


@value.case(points=1, expect={"value": -2 * LN2})
def equal_densities(impl, rng):
    return {"value": impl(np.ones(4), np.ones(4), 0.25)}


@value.case(points=1, expect={"value": 1.5 * np.log(3.0) - 4 * np.log(2.0)})
def two_cells(impl, rng):
    """D* is 3/4 in one cell and 1/4 in the other."""
    return {"value": impl(np.array([1.5, 0.5]), np.array([0.5, 1.5]), 0.5)}


@value.case(points=1, expect={"value": 0.0})
def never_meeting(impl, rng):
    return {"value": impl(np.array([1.0, 3.0, 0.0, 0.0]), np.array([0.0, 0.0, 2.5, 1.5]), 0.25)}


@value.case(points=2, expect={"value": 0.0})
def hardly_meeting(impl, rng):
    return {"value": impl(np.array([2.0, 1e-30]), np.array([1e-30, 2.0]), 0.5)}


@value.case(points=1)
def in_the_plane(impl, rng):
    return {"value": impl(*densities(rng, (3, 5), 0.2), 0.2)}


@value.case(points=2, property="it is twice the JS divergence, less 2 log 2", expect={"gap": 0.0})
def against_js(impl, rng):
    p_r, p_g = densities(rng, (9,), 0.3)
    middle = (p_r + p_g) / 2
    js = 0.3 * np.sum(p_r * np.log(p_r / middle) + p_g * np.log(p_g / middle)) / 2
    return {"gap": impl(p_r, p_g, 0.3) - (2 * js - 2 * np.log(2))}


def exact_value(p_r, p_g, dx):
    total = np.where(p_r + p_g > 0, p_r + p_g, 1.0)
    return np.sum(x_log(p_r, p_r / total) + x_log(p_g, p_g / total)) * dx


@value.mistake(hint="It is twice the JS divergence less 2 log 2: do not halve the two terms.")
def halved(p_r, p_g, dx):
    return 0.5 * exact_value(p_r, p_g, dx)


@value.mistake(
    hint=(
        "This is what D wants large. Its negative is D's loss, but the value keeps the sign of the"
        " logarithms."
    )
)
def negative(p_r, p_g, dx):
    return -exact_value(p_r, p_g, dx)


@value.mistake(
    hint="Logarithms are natural here: with base 10 equal densities would be worth -0.602."
)
def base_ten(p_r, p_g, dx):
    return exact_value(p_r, p_g, dx) / np.log(10.0)


@value.mistake(hint="Logarithms are natural here: with base 2 equal densities would be worth -2.")
def base_two(p_r, p_g, dx):
    return exact_value(p_r, p_g, dx) / np.log(2.0)


@value.mistake(
    hint="This is 2 JS + 2 log 2: the 2 log 2 is taken away, for each half of the mixture is p / 2."
)
def plus_two_log_two(p_r, p_g, dx):
    return exact_value(p_r, p_g, dx) + 4 * np.log(2.0)


@value.mistake(
    hint=(
        "This is twice the JS divergence itself: 2 log 2 is missing. Divide by p_r + p_g, not by"
        " their average."
    )
)
def twice_js(p_r, p_g, dx):
    return exact_value(p_r, p_g, dx) + 2 * np.log(2.0)


@value.mistake(hint="JS enters twice: 2 JS - 2 log 2.")
def one_js(p_r, p_g, dx):
    return 0.5 * exact_value(p_r, p_g, dx) - np.log(2.0)


@value.mistake(hint="A sum over cells is no integral yet: multiply by the size of a cell.")
def without_dx(p_r, p_g, dx):
    return exact_value(p_r, p_g, 1.0)


@value.mistake(hint="Sum over the cells, do not average: the densities bring their own weights.")
def mean_for_sum(p_r, p_g, dx):
    return exact_value(p_r, p_g, dx) / np.size(p_r)


@value.mistake(hint="The fakes' term is missing: p_g log(1 - D*).")
def reals_only(p_r, p_g, dx):
    return np.sum(x_log(p_r, p_r / np.where(p_r > 0, p_r + p_g, 1.0))) * dx


@value.mistake(hint="D* is exchanged with 1 - D*: log D* goes with p_r.")
def wrong_side(p_r, p_g, dx):
    total = p_r + p_g
    with np.errstate(divide="ignore"):
        return np.sum(x_log(p_r, p_g / total) + x_log(p_g, p_r / total)) * dx


@value.mistake(hint="0 log 0 came out as NaN: it counts as 0.")
def zero_log_zero(p_r, p_g, dx):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sum(p_r * np.log(p_r / (p_r + p_g)) + p_g * np.log(p_g / (p_r + p_g))) * dx


@value.mistake(
    hint=(
        "1 - D* rounds to 0 where p_g is tiny, and its logarithm to minus infinity: write p_g /"
        " (p_r + p_g)."
    )
)
def one_minus_d(p_r, p_g, dx):
    total = np.where(p_r + p_g > 0, p_r + p_g, 1.0)
    with np.errstate(divide="ignore"):
        return np.sum(x_log(p_r, p_r / total) + x_log(p_g, 1 - p_r / total)) * dx


value.equivalent(
    "(p_r, p_g, dx) → (p_g, p_r, dx)", reason="the value is symmetric: D* becomes 1 - D*"
)
value.equivalent(
    "_densities(p_r, p_g) → _densities(p_g, p_r)",
    reason="the value is symmetric: D* becomes 1 - D*",
)


@value.variant
def by_entropies(p_r, p_g, dx):
    """p log p + q log q - (p + q) log(p + q)."""
    both = p_r + p_g
    return dx * (np.sum(x_log(p_r, p_r) + x_log(p_g, p_g)) - np.sum(x_log(both, both)))


@value.variant
def cell_by_cell(p_r, p_g, dx):
    total = 0.0
    for cell in np.ndindex(p_r.shape):
        pair = np.array([p_r[cell], p_g[cell]])
        some = pair[pair > 0]
        total += np.sum(some * (np.log(some) - np.log(np.sum(pair))))
    return total * dx
