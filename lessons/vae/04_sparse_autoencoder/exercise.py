"""Exercises on sparse codes: the KL divergence of two Bernoulli distributions, the sparsity
penalty, and the k largest entries of a row."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad

coins = Exercise(
    "vae/04/kl_bernoulli",
    target="minigen.vae.autoencoder:kl_bernoulli",
    minutes=5,
    prompt=r"""
    Return the KL divergence $\mathrm{KL}(\rho \| \hat\rho)$ between two Bernoulli distributions, in
    nats. `rho` and `rho_hat` are their probabilities of 1.

    Both lie strictly between 0 and 1, but may be very close to the ends, because a unit that is
    hardly ever active may have $\hat\rho = 10^{-30}$. They are numbers or arrays whose shapes
    broadcast. The result has one divergence for each pair, which is 0 where the two are equal and
    positive elsewhere. It must be differentiable with respect to `rho_hat`: use autograd's `np`.
    """,
    hints="""
    A KL divergence is the mean of log p - log q under p. There are two outcomes, 1 and 0.

    rho log(rho / rho_hat) for outcome 1, plus the term of outcome 0, with 1 - rho and 1 - rho_hat.

        return rho * np.log(rho / rho_hat) + (1 - rho) * np.log((1 - rho) / (1 - rho_hat))
    """,
)


@coins.case(
    points=3,
    kind="equation",
    expect={
        "kl": [
            0.0,
            0.5 * np.log(2.0) + 0.5 * np.log(2.0 / 3.0),
            0.25 * np.log(0.5) + 0.75 * np.log(1.5),
        ]
    },
)
def by_hand(impl, rng):
    """Equal probabilities; 1/2 against 1/4; 1/4 against 1/2."""
    return {"kl": impl(np.array([0.05, 0.5, 0.25]), np.array([0.05, 0.25, 0.5]))}


@coins.case(points=1, kind="shapes")
def a_table(impl, rng):
    return {"kl": impl(0.05 + 0.9 * rng.random((4, 1)), 0.05 + 0.9 * rng.random(5))}


@coins.case(points=1, kind="shapes")
def a_number_and_an_array(impl, rng):
    """A number and an array, and two numbers."""
    q = rng.uniform(0.01, 0.99, 6)
    return {"kl": impl(0.05, q), "kl of two numbers": impl(0.25, float(q[0]))}


@coins.case(points=2, kind="equation", fixed=True, property=True, expect={"gap": 0.0})
def other_side(impl, rng):
    """The divergence is unchanged if both outcomes are swapped in both distributions."""
    p, q = rng.uniform(0.05, 0.95, (2, 6))
    return {"gap": impl(p, q) - impl(1 - p, 1 - q)}


@coins.case(points=1, kind="gradient", property=True, expect={"gap": 0.0})
def slope(impl, rng):
    """Its derivative with respect to rho_hat is (rho_hat - rho) / (rho_hat (1 - rho_hat))."""
    q = rng.uniform(0.1, 0.9, 6)
    return {"gap": grad(lambda q: np.sum(impl(0.3, q)))(q) - (q - 0.3) / (q * (1 - q))}


@coins.case(
    points=2,
    kind="extremes",
    fixed=True,
    property=True,
    expect={"slope times rho_hat (1 - rho_hat)": [-0.5, 0.5 - 2.0**-20, 0.0]},
)
def dead_and_saturated(impl, rng):
    """rho = 1/2 against rho_hat = 1e-30, 1 minus a millionth, and 1/2: the derivative is (rho_hat -
    1/2) / (rho_hat (1 - rho_hat)) there too."""
    q = np.array([1e-30, 1 - 2.0**-20, 0.5])
    slope = grad(lambda q: np.sum(impl(0.5, q)))(q)
    return {
        "kl": impl(0.5, q),
        "kl of two rare heads": impl(np.array([1e-20, 2.0**-20]), np.array([2e-20, 2.0**-19])),
        "slope times rho_hat (1 - rho_hat)": slope * q * (1 - q),
    }


largest = Exercise(
    "vae/04/k_sparse",
    target="minigen.vae.autoencoder:k_sparse",
    minutes=15,
    imports=["from autograd.tracer import getval"],
    prompt="""
    Return `z` $(N, D)$ with the `k` largest entries of each row where they were, and 0 in place of
    the others.

    The largest are so by value, not by magnitude. Where entries tie for the last place, keep the
    first ones of the row, so that exactly `k` remain. The gradient passes through the kept entries
    unchanged, even through a kept 0, and is 0 at the others. Rows may be wide, and not every
    sorting method keeps equal entries in order.
    """,
    hints="""
    The order of the entries decides which are kept, and that decision need not be differentiable.

    Make a constant mask (N, D) of zeros and ones, with k ones in each row. The result is the mask
    times z.

        order = np.argsort(-getval(z), axis=1, kind="stable")
        rank = np.argsort(order, axis=1)
        return np.where(rank < k, z, 0.0)
    """,
)


@largest.case(points=2, kind="equation", fixed=True, expect={"kept": [[3.0, 0.0, 0.0, 2.0]]})
def one_row(impl, rng):
    """The -5 has the largest magnitude, not the largest value."""
    return {"kept": impl(np.array([[3.0, -5.0, 1.0, 2.0]]), 2)}


@largest.case(points=2, kind="equation", expect={"kept": [[-1.0, -2.0, 0.0], [0.0, 6.0, 7.0]]})
def row_by_row(impl, rng):
    """All negative, and all positive: two of each row."""
    return {"kept": impl(np.array([[-1.0, -2.0, -3.0], [5.0, 6.0, 7.0]]), 2)}


@largest.case(
    points=1,
    kind="extremes",
    expect={"kept": [[0.0, 2.0, 2.0, 2.0, 0.0], [5.0, 1.0, 4.0, 0.0, 0.0]]},
)
def ties(impl, rng):
    return {"kept": impl(np.array([[1.0, 2.0, 2.0, 2.0, 2.0], [5.0, 1.0, 4.0, 1.0, 1.0]]), 3)}


@largest.case(points=1, kind="extremes")
def wide_rows_with_ties(impl, rng):
    """Rows of 300 entries with only five different values; and rows in which half of the entries
    are 0."""
    z = rng.integers(-2, 3, (3, 300)) / 2
    halves = np.maximum(rng.standard_normal((2, 60)), 0.0)
    return {"five values": impl(z, 100), "many zeros": impl(halves, 50) + impl(-halves, 7)}


@largest.case(
    points=1, kind="gradient", expect={"kept": [[0.0, -1.0, 0.0]], "grad": [[2.0, 3.0, 0.0]]}
)
def a_kept_zero(impl, rng):
    """A kept 0 receives its gradient: the derivative of 2 a + 3 b + 4 c with respect to a is
    2."""
    z, weight = np.array([[0.0, -1.0, -2.0]]), np.array([[2.0, 3.0, 4.0]])
    return {"kept": impl(z, 2), "grad": grad(lambda z: np.sum(weight * impl(z, 2)))(z)}


@largest.case(points=2, kind="equation")
def random_rows(impl, rng):
    z = rng.standard_normal((6, 9))
    return {
        "three": impl(z, 3),
        "one": impl(z, 1),
        "all": impl(z, 9),
        "tiny": 1e12 * impl(1e-12 * z, 3),
    }


@largest.case(points=2, kind="gradient", property=True, expect={"gap": 0.0, "count": 12})
def gradient(impl, rng):
    """Weighted gradients reach the kept entries only, unchanged."""
    z, weight = rng.standard_normal((4, 8)), 1.0 + rng.random((4, 8))
    g = grad(lambda z: np.sum(weight * impl(z, 3)))(z)
    return {"gap": g - weight * (impl(z, 3) != 0), "count": np.count_nonzero(g)}


penalty = Exercise(
    "vae/04/sparsity_penalty",
    target="minigen.vae.autoencoder:sparsity_penalty",
    minutes=10,
    imports=["from minigen.vae.autoencoder import kl_bernoulli as packages_kl_bernoulli"],
    prompt=r"""
    Return the penalty of a sparse autoencoder without its weight $\beta$, which is the sum over the
    units of $\mathrm{KL}(\rho \| \hat\rho_j)$, in nats. It is a single number.

    `activations` is an array $(N, \mathrm{units})$ with values in $[0, 1]$, or a list of such
    arrays, one for each layer. The sum runs over the units of all layers. $\hat\rho_j$ is the
    mean of unit $j$ over the $N$ examples. It is never exactly 0 or 1, but may be $10^{-30}$. Raise
    `ValueError` if a mean lies outside $[0, 1]$, as for ReLU units. Do not change the list. The
    result must be differentiable with respect to the activations. For the divergence use your own
    `kl_bernoulli`, or the package's, `packages_kl_bernoulli(rho, rho_hat)`.
    """,
    hints="""
    The mean activation of a unit is taken over all examples. Only then is it compared with rho.

    rho_hat_j is 1/N times the sum over the examples; then sum KL(rho || rho_hat_j) over j.

        layers = activations if isinstance(activations, (list, tuple)) else [activations]
        averages = [np.mean(a, axis=0) for a in layers]
        if any(np.any(r < 0) or np.any(r > 1) for r in averages):
            raise ValueError("activations must lie in [0, 1]")
        return sum(np.sum(packages_kl_bernoulli(rho, r)) for r in averages)
    """,
)


@penalty.case(
    points=2,
    kind="equation",
    expect={"as the target": 0.0, "half": 0.25 * np.log(0.5) + 0.75 * np.log(1.5)},
)
def one_unit(impl, rng):
    """Active on one of four examples, which is the target; on two of four."""
    quarter, half = np.array([[0.0], [0.0], [0.0], [1.0]]), np.array([[1.0], [0.0], [1.0], [0.0]])
    return {"as the target": impl(quarter, 0.25), "half": impl(half, 0.25)}


@penalty.case(points=2, kind="equation")
def random_layer(impl, rng):
    return {"penalty": impl(0.05 + 0.9 * rng.random((6, 4)), 0.05)}


@penalty.case(points=2, kind="equation")
def two_layers(impl, rng):
    return {
        "penalty": impl([0.05 + 0.9 * rng.random((5, 3)), 0.05 + 0.9 * rng.random((5, 4))], 0.1)
    }


@penalty.case(points=1, kind="equation", fixed=True, property=True, expect={"gap": 0.0})
def shuffled(impl, rng):
    """The penalty does not depend on the order of the examples."""
    a = 0.05 + 0.9 * rng.random((7, 3))
    return {"gap": impl(rng.permuted(a, axis=0), 0.1) - impl(a, 0.1)}


@penalty.case(points=2, kind="gradient")
def slope_of_the_penalty(impl, rng):
    return {"grad": grad(lambda a: impl(a, 0.05))(0.05 + 0.9 * rng.random((4, 3)))}


@penalty.case(points=2, kind="extremes")
def dead_units(impl, rng):
    """A unit that is hardly ever active, one that is nearly always active, and one in between: the
    penalty, and its gradient with respect to the first example."""
    a = np.array([[1e-30, 1 - 2.0**-20, 0.25], [1e-30, 1 - 2.0**-20, 0.5]])
    slope = grad(lambda a: impl(a, 0.05))(a)
    return {"penalty": impl(a, 0.05), "slope times rho_hat": (slope * np.mean(a, axis=0))[0]}


@penalty.case(
    points=1, kind="shapes", fixed=True, property=True, expect={"gap": 0.0, "changed": 0.0}
)
def list_of_equal_layers(impl, rng):
    """The penalty of two layers is the sum of both; the list and its arrays are unchanged."""
    one, two = 0.05 + 0.9 * rng.random((2, 5, 3))
    layers = [one.copy(), two.copy()]
    gap = impl(layers, 0.1) - impl(one, 0.1) - impl(two, 0.1)
    same = len(layers) == 2 and all(np.array_equal(a, b) for a, b in zip(layers, (one, two)))
    return {"gap": gap, "changed": 0.0 if same else 1.0}


@penalty.case(
    points=1,
    kind="extremes",
    fixed=True,
    property=True,
    expect={
        "mean 1.6": True,
        "mean -0.25": True,
        "beside another unit": True,
        "in the first layer": True,
        "in the second layer": True,
    },
)
def not_a_probability(impl, rng):
    """A mean of 1.6 or -0.25 is refused with ValueError, whether it belongs to one unit, to one of
    two units, or to a unit in one of two layers."""
    fine, above = np.array([[0.25, 0.5], [0.5, 0.75]]), np.array([[0.25, 3.0], [0.25, 0.2]])
    return {
        "mean 1.6": impl.refuses(above[:, 1:], 0.05),
        "mean -0.25": impl.refuses(np.array([[-1.0], [0.5]]), 0.05),
        "beside another unit": impl.refuses(above, 0.05),
        "in the first layer": impl.refuses([above, fine], 0.05),
        "in the second layer": impl.refuses([fine, above], 0.05),
    }


@penalty.case(points=1, kind="gradient")
def slope_of_two_layers(impl, rng):
    one, two = 0.05 + 0.9 * rng.random((4, 3)), 0.05 + 0.9 * rng.random((4, 2))
    return {"grad of the first": grad(lambda a: impl([a, two], 0.05))(one)}
