"""Exercises on sparse codes: the divergence of two coins, the price built on it, and the k
largest of a row."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad

coins = Exercise(
    "vae/04/kl_bernoulli",
    target="minigen.vae.autoencoder:kl_bernoulli",
    minutes=5,
    prompt="""
    The KL divergence KL(rho || rho_hat) between two coins, in nats: one falls heads with
    probability rho, the other with rho_hat.

    Both are strictly between 0 and 1, however close: a unit that is silent on nearly all examples
    has rho_hat = 1e-30. They are numbers or arrays whose shapes broadcast; the result has one
    divergence for each pair. It is 0 where they agree and positive elsewhere. Its gradient in
    rho_hat is taken: use autograd's np.
    """,
    hints="""
    A divergence is the mean, under the first coin, of log p - log q; a coin has two sides.

    rho log(rho / rho_hat) for heads, plus the same for tails, with 1 - rho and 1 - rho_hat.

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
    """Equal coins; a fair one against 1/4; 1/4 against a fair one."""
    return {"kl": impl(np.array([0.05, 0.5, 0.25]), np.array([0.05, 0.25, 0.5]))}


@coins.case(points=1, kind="shapes")
def a_table(impl, rng):
    return {"kl": impl(0.05 + 0.9 * rng.random((4, 1)), 0.05 + 0.9 * rng.random(5))}


@coins.case(points=1, kind="shapes")
def a_number_and_an_array(impl, rng):
    return {"kl": impl(0.05, rng.uniform(0.01, 0.99, 6))}


@coins.case(points=2, kind="equation", property=True, expect={"gap": 0.0})
def other_side(impl, rng):
    """Heads and tails may be swapped on both coins."""
    p, q = rng.uniform(0.05, 0.95, (2, 6))
    return {"gap": impl(p, q) - impl(1 - p, 1 - q)}


@coins.case(points=1, kind="gradient", property=True, expect={"gap": 0.0})
def slope(impl, rng):
    """Its slope in rho_hat is (rho_hat - rho) / (rho_hat (1 - rho_hat))."""
    q = rng.uniform(0.1, 0.9, 6)
    return {"gap": grad(lambda q: np.sum(impl(0.3, q)))(q) - (q - 0.3) / (q * (1 - q))}


@coins.case(
    points=2,
    kind="extremes",
    property=True,
    expect={"slope times rho_hat (1 - rho_hat)": [-0.5, 0.5 - 2.0**-20, 0.0]},
)
def dead_and_saturated(impl, rng):
    """A coin that falls heads once in 10^30, one that falls tails once in a million, and a fair
    one, against a fair one: the slope is (rho_hat - 1/2) / (rho_hat (1 - rho_hat)) there too."""
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
    Of each row of z (N, D) keep the k largest numbers, in their places, and set the others to 0:
    (N, D).

    Largest by value, not by magnitude. Where numbers tie for the last place,
    the first ones of the row are kept, so that exactly k stay. A gradient passes through the kept
    numbers unchanged, also through a kept 0, and stops at the others. Rows may be wide: not every
    sort keeps equal numbers in order.
    """,
    hints="""
    Which numbers stay is a question about their order; what stays is the number itself.

    Make a mask (N, D) of zeros and ones with k ones in each row, as a constant; the answer is mask
    times z.

        order = np.argsort(-getval(z), axis=1, kind="stable")
        rank = np.argsort(order, axis=1)
        return np.where(rank < k, z, 0.0)
    """,
)


@largest.case(points=2, kind="equation", expect={"kept": [[3.0, 0.0, 0.0, 2.0]]})
def one_row(impl, rng):
    """The -5 is largest in size only."""
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
    """300 numbers a row, and only five different ones among them; half of another row is 0."""
    z = rng.integers(-2, 3, (3, 300)) / 2
    halves = np.maximum(rng.standard_normal((2, 60)), 0.0)
    return {"five values": impl(z, 100), "many zeros": impl(halves, 50) + impl(-halves, 7)}


@largest.case(
    points=1, kind="gradient", expect={"kept": [[0.0, -1.0, 0.0]], "grad": [[2.0, 3.0, 0.0]]}
)
def a_kept_zero(impl, rng):
    """A 0 that is among the largest gets its gradient: of 2 a + 3 b + 4 c it is 2."""
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
    """Weighted gradients arrive at kept numbers only, unchanged."""
    z, weight = rng.standard_normal((4, 8)), 1.0 + rng.random((4, 8))
    g = grad(lambda z: np.sum(weight * impl(z, 3)))(z)
    return {"gap": g - weight * (impl(z, 3) != 0), "count": np.count_nonzero(g)}


price = Exercise(
    "vae/04/sparsity_penalty",
    target="minigen.vae.autoencoder:sparsity_penalty",
    minutes=10,
    imports=["from minigen.vae.autoencoder import kl_bernoulli"],
    prompt="""
    The price of a sparse autoencoder, without its weight beta: the sum over the units of KL(rho ||
    rho_hat_j), in nats. A number.

    activations (N, units) are numbers in [0, 1], or a list of such arrays, one for each layer: then
    the sum goes over the units of all layers. rho_hat_j is the average of unit j over the N
    examples; it is never exactly 0 or 1, but may be 1e-30. It has no value where an average leaves
    [0, 1], as those of ReLU units do: raise ValueError there. Leave the list as it is. The gradient
    in the activations is taken. kl_bernoulli(rho, rho_hat) is given.
    """,
    hints="""
    How often does a unit speak? That is a question about all examples together. Only then compare
    it with rho.

    rho_hat = 1/N times the sum over the examples; then the sum over j of KL(rho || rho_hat_j).

        layers = activations if isinstance(activations, (list, tuple)) else [activations]
        averages = [np.mean(a, axis=0) for a in layers]
        if any(np.any(r < 0) or np.any(r > 1) for r in averages):
            raise ValueError("activations must lie in [0, 1]")
        return sum(np.sum(kl_bernoulli(rho, r)) for r in averages)
    """,
)


@price.case(
    points=2,
    kind="equation",
    expect={"asked_for": 0.0, "half": 0.25 * np.log(0.5) + 0.75 * np.log(1.5)},
)
def one_unit(impl, rng):
    """Active on one of four examples, as asked for; on two of four."""
    quarter, half = np.array([[0.0], [0.0], [0.0], [1.0]]), np.array([[1.0], [0.0], [1.0], [0.0]])
    return {"asked_for": impl(quarter, 0.25), "half": impl(half, 0.25)}


@price.case(points=2, kind="equation")
def random_layer(impl, rng):
    return {"price": impl(0.05 + 0.9 * rng.random((6, 4)), 0.05)}


@price.case(points=2, kind="equation")
def two_layers(impl, rng):
    return {"price": impl([0.05 + 0.9 * rng.random((5, 3)), 0.05 + 0.9 * rng.random((5, 4))], 0.1)}


@price.case(points=1, kind="equation", property=True, expect={"gap": 0.0})
def shuffled(impl, rng):
    """Examples may change places, unit by unit."""
    a = 0.05 + 0.9 * rng.random((7, 3))
    return {"gap": impl(rng.permuted(a, axis=0), 0.1) - impl(a, 0.1)}


@price.case(points=2, kind="gradient")
def slope_of_the_price(impl, rng):
    return {"grad": grad(lambda a: impl(a, 0.05))(0.05 + 0.9 * rng.random((4, 3)))}


@price.case(points=2, kind="extremes")
def dead_units(impl, rng):
    """One unit that hardly ever speaks, one that is nearly always on, one that is neither: the
    price, and its slope in the first example."""
    a = np.array([[1e-30, 1 - 2.0**-20, 0.25], [1e-30, 1 - 2.0**-20, 0.5]])
    slope = grad(lambda a: impl(a, 0.05))(a)
    return {"price": impl(a, 0.05), "slope times rho_hat": (slope * np.mean(a, axis=0))[0]}


@price.case(points=1, kind="shapes", property=True, expect={"gap": 0.0, "changed": 0.0})
def list_of_equal_layers(impl, rng):
    """Two layers of one shape cost what both cost; the list and its arrays stay as they were."""
    one, two = 0.05 + 0.9 * rng.random((2, 5, 3))
    layers = [one.copy(), two.copy()]
    gap = impl(layers, 0.1) - impl(one, 0.1) - impl(two, 0.1)
    same = len(layers) == 2 and all(np.array_equal(a, b) for a, b in zip(layers, (one, two)))
    return {"gap": gap, "changed": 0.0 if same else 1.0}


@price.case(points=1, kind="gradient")
def slope_of_two_layers(impl, rng):
    one, two = 0.05 + 0.9 * rng.random((4, 3)), 0.05 + 0.9 * rng.random((4, 2))
    return {"grad of the first": grad(lambda a: impl([a, two], 0.05))(one)}
