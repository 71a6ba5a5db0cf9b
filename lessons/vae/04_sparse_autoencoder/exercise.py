"""Exercises on sparse codes: the divergence of two coins, the price built on it, and the k largest
of a row."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad

# ------------------------------------------------------------------------------------------- two
# coins

coins = Exercise(
    "vae/04/kl_bernoulli",
    target="minigen.vae.autoencoder:kl_bernoulli",
    minutes=5,
    prompt="""
    The KL divergence KL(rho || rho_hat) between two coins, in nats: one falls heads with
    probability rho, the other with rho_hat.

    Both are strictly between 0 and 1, numbers or arrays whose shapes broadcast; the result has one
    divergence for each pair. It is 0 where they agree and positive elsewhere.
    """,
    hints=[
        "A divergence is the mean, under the first coin, of log p - log q; a coin has two sides.",
        "rho log(rho / rho_hat) for heads, plus the same for tails, with 1 - rho and 1 - rho_hat.",
        (
            "Two terms: each probability of the first coin times np.log of its quotient with the"
            " second's."
        ),
    ],
)


@coins.case(
    points=1,
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


@coins.case(points=2)
def a_table(impl, rng):
    return {"kl": impl(0.05 + 0.9 * rng.random((4, 1)), 0.05 + 0.9 * rng.random(5))}


@coins.case(points=1)
def a_number_and_an_array(impl, rng):
    return {"kl": impl(0.05, rng.uniform(0.01, 0.99, 6))}


@coins.case(points=2, property="heads and tails may be swapped on both coins", expect={"gap": 0.0})
def other_side(impl, rng):
    p, q = rng.uniform(0.05, 0.95, (2, 6))
    return {"gap": impl(p, q) - impl(1 - p, 1 - q)}


@coins.case(
    points=2,
    property="its slope in rho_hat is (rho_hat - rho) / (rho_hat (1 - rho_hat))",
    expect={"gap": 0.0},
)
def slope(impl, rng):
    q = rng.uniform(0.1, 0.9, 6)
    return {"gap": grad(lambda q: np.sum(impl(0.3, q)))(q) - (q - 0.3) / (q * (1 - q))}


@coins.mistake(hint="The other way round: this is KL(rho_hat || rho), weighted by the wrong coin.")
def reversed_coins(rho, rho_hat):
    return rho_hat * np.log(rho_hat / rho) + (1 - rho_hat) * np.log((1 - rho_hat) / (1 - rho))


@coins.mistake(hint="A coin has two sides: the term of the tails, with 1 - rho, is missing.")
def heads_only(rho, rho_hat):
    return rho * np.log(rho / rho_hat)


@coins.mistake(hint="The sign is turned: a divergence is never negative.")
def sign(rho, rho_hat):
    return rho * np.log(rho_hat / rho) + (1 - rho) * np.log((1 - rho_hat) / (1 - rho))


@coins.mistake(
    hint="Both terms are added: minus before the second comes from leaving out the bracket."
)
def minus_the_tails(rho, rho_hat):
    return rho * np.log(rho / rho_hat) - (1 - rho) * np.log((1 - rho) / (1 - rho_hat))


@coins.mistake(
    hint=(
        "This is the cross-entropy: it lacks the entropy of rho and is not 0 where the coins agree."
    )
)
def cross_entropy(rho, rho_hat):
    return -rho * np.log(rho_hat) - (1 - rho) * np.log(1 - rho_hat)


@coins.mistake(hint="In nats: the natural logarithm.")
def in_bits(rho, rho_hat):
    return rho * np.log2(rho / rho_hat) + (1 - rho) * np.log2((1 - rho) / (1 - rho_hat))


@coins.mistake(hint="One divergence for each pair: do not sum them, the penalty does that.")
def summed(rho, rho_hat):
    return np.sum(rho * np.log(rho / rho_hat) + (1 - rho) * np.log((1 - rho) / (1 - rho_hat)))


@coins.mistake(hint="The tails have the weight 1 - rho, not rho again.")
def same_weight(rho, rho_hat):
    return rho * np.log(rho / rho_hat) + rho * np.log((1 - rho) / (1 - rho_hat))


@coins.mistake(
    hint="A squared difference has its minimum at the same place, but is another function."
)
def squared_difference(rho, rho_hat):
    return (rho - rho_hat) ** 2


@coins.variant
def differences_of_logarithms(rho, rho_hat):
    return rho * (np.log(rho) - np.log(rho_hat)) + (1 - rho) * (
        np.log(1 - rho) - np.log(1 - rho_hat)
    )


@coins.variant
def cross_entropy_minus_entropy(rho, rho_hat):
    tails, other_tails = 1 - rho, 1 - rho_hat
    entropy = -rho * np.log(rho) - tails * np.log(tails)
    return -rho * np.log(rho_hat) - tails * np.log(other_tails) - entropy


# ------------------------------------------------------------------------------------------- the k
# largest

largest = Exercise(
    "vae/04/k_sparse",
    target="minigen.vae.autoencoder:k_sparse",
    minutes=15,
    prompt="""
    Of each row of z (N, D) keep the k largest numbers, in their places, and set the others to 0:
    (N, D).

    Largest by value, not by magnitude: -5 is smaller than 1. Where numbers tie for the last place,
    the first ones of the row are kept, so that exactly k stay. A gradient passes through the kept
    numbers unchanged and stops at the others.
    """,
    hints=[
        "Which numbers stay is a question about their order; what stays is the number itself.",
        (
            "Make a mask (N, D) of zeros and ones with k ones in each row, as a constant; the"
            " answer is mask times z."
        ),
        (
            "getval(z) is z as a plain array. A stable argsort of its negative along axis 1 lists"
            " the places, largest first."
        ),
    ],
    imports=["import autograd.numpy as np", "from autograd.tracer import getval"],
)


@largest.case(points=1, expect={"kept": [[3.0, 0.0, 0.0, 2.0]]})
def one_row(impl, rng):
    """The -5 is largest in size only."""
    return {"kept": impl(np.array([[3.0, -5.0, 1.0, 2.0]]), 2)}


@largest.case(points=2, expect={"kept": [[-1.0, -2.0, 0.0], [0.0, 6.0, 7.0]]})
def row_by_row(impl, rng):
    """All negative, and all positive: two of each row."""
    return {"kept": impl(np.array([[-1.0, -2.0, -3.0], [5.0, 6.0, 7.0]]), 2)}


@largest.case(points=1, expect={"kept": [[0.0, 2.0, 2.0, 2.0, 0.0], [5.0, 1.0, 4.0, 0.0, 0.0]]})
def ties(impl, rng):
    return {"kept": impl(np.array([[1.0, 2.0, 2.0, 2.0, 2.0], [5.0, 1.0, 4.0, 1.0, 1.0]]), 3)}


@largest.case(points=2)
def random_rows(impl, rng):
    z = rng.standard_normal((6, 9))
    return {"three": impl(z, 3), "one": impl(z, 1), "all": impl(z, 9)}


@largest.case(
    points=2,
    property="weighted gradients arrive at kept numbers only, unchanged",
    expect={"gap": 0.0, "count": 12},
)
def gradient(impl, rng):
    z, weight = rng.standard_normal((4, 8)), 1.0 + rng.random((4, 8))
    g = grad(lambda z: np.sum(weight * impl(z, 3)))(z)
    return {"gap": g - weight * (impl(z, 3) != 0), "count": np.count_nonzero(g)}


def ranks(z):
    """The rank of each number in its row, 0 for the largest; the first of equal ones ranks before
    the others."""
    return np.argsort(np.argsort(-z, axis=1, kind="stable"), axis=1, kind="stable")


def plain(z):
    from autograd.tracer import getval

    return getval(z)


@largest.mistake(hint="By value, not by magnitude: a large negative number is small.")
def by_magnitude(z, k):
    return z * (ranks(np.abs(plain(z))) < k)


@largest.mistake(hint="Row by row: here the largest of the whole batch are kept.")
def over_the_batch(z, k):
    values = plain(z)
    order = np.argsort(np.argsort(-values.ravel(), kind="stable"), kind="stable").reshape(
        values.shape
    )
    return z * (order < k * len(values))


@largest.mistake(hint="Along the row, axis 1: here the k largest of each column are kept.")
def by_column(z, k):
    return z * (ranks(plain(z).T).T < k)


@largest.mistake(hint="The k largest, not the k smallest.")
def smallest(z, k):
    return z * (ranks(-plain(z)) < k)


@largest.mistake(hint="Keep the numbers themselves: this is the mask.")
def the_mask(z, k):
    return 1.0 * (ranks(plain(z)) < k) + 0 * z


@largest.mistake(hint="Each number stays in its place: do not sort them.")
def sorted_rows(z, k):
    return np.concatenate([-np.sort(-z, axis=1)[:, :k], 0 * z[:, k:]], axis=1)


@largest.mistake(hint="One too few: the k-th largest is kept as well.")
def one_too_few(z, k):
    return z * (ranks(plain(z)) < k - 1)


@largest.mistake(
    hint="Of numbers that tie, only as many stay as there are places: exactly k in each row."
)
def all_that_tie(z, k):
    values = plain(z)
    return z * (values >= -np.sort(-values, axis=1)[:, k - 1 : k])


@largest.mistake(hint="The others become 0; they do not keep a part of their value.")
def others_shrunk(z, k):
    return np.where(ranks(plain(z)) < k, z, 0.1 * z)


@largest.mistake(
    hint="The gradient has to stop at the numbers that are not kept: here it passes them."
)
def gradient_to_all(z, k):
    return z - plain(z) * (ranks(plain(z)) >= k)


@largest.mistake(
    hint="No gradient reaches the kept numbers: only the choice is a constant, not the numbers."
)
def no_gradient(z, k):
    return plain(z) * (ranks(plain(z)) < k) + 0 * z


@largest.mistake(
    hint="There is no max(0, .) here: a negative number that is among the k largest stays."
)
def rectified(z, k):
    return np.maximum(z, 0) * (ranks(plain(z)) < k)


@largest.variant
def row_after_row(z, k):
    values = plain(z)
    mask = np.zeros(values.shape)
    for row, places in enumerate(np.argsort(-values, axis=1, kind="stable")):
        mask[row, places[:k]] = 1
    return mask * z


@largest.variant
def by_rank(z, k):
    values = plain(z)
    order = np.argsort(-values, axis=1, kind="stable")
    rank = np.argsort(order, axis=1)
    return np.where(rank < k, z, 0.0)


largest.equivalent("-1 → 1", reason="the last of two axes is axis 1")
largest.equivalent("width - k → -k", reason="counted from the end of a row it is the same place")
largest.equivalent(
    "width - k → -k (2)", reason="counted from the end of a row it is the same place"
)

# ------------------------------------------------------------------------------------------- the
# price

price = Exercise(
    "vae/04/sparsity_penalty",
    target="minigen.vae.autoencoder:sparsity_penalty",
    minutes=10,
    prompt="""
    The price of a sparse autoencoder, without its weight beta: the sum over the units of KL(rho ||
    rho_hat_j), in nats. A number.

    activations (N, units) are numbers in [0, 1], or a list of such arrays, one for each layer: then
    the sum goes over the units of all layers. rho_hat_j is the average of unit j over the N
    examples. kl_bernoulli(rho, rho_hat) is given.
    """,
    hints=[
        (
            "How often does a unit speak? That is a question about all examples together. Only then"
            " compare it with rho."
        ),
        (
            "rho_hat = 1/N times the sum over the examples; then the sum over j of KL(rho ||"
            " rho_hat_j)."
        ),
        (
            "For each layer: average over axis 0, call kl_bernoulli, and sum. An array alone is a"
            " list of one layer."
        ),
    ],
    imports=["import autograd.numpy as np", "from minigen.vae.autoencoder import kl_bernoulli"],
)


@price.case(points=2, expect={"asked_for": 0.0, "half": 0.25 * np.log(0.5) + 0.75 * np.log(1.5)})
def one_unit(impl, rng):
    """Active on one of four examples, as asked for; on two of four."""
    quarter, half = np.array([[0.0], [0.0], [0.0], [1.0]]), np.array([[1.0], [0.0], [1.0], [0.0]])
    return {"asked_for": impl(quarter, 0.25), "half": impl(half, 0.25)}


@price.case(points=2)
def random_layer(impl, rng):
    return {"price": impl(0.05 + 0.9 * rng.random((6, 4)), 0.05)}


@price.case(points=2)
def two_layers(impl, rng):
    return {"price": impl([0.05 + 0.9 * rng.random((5, 3)), 0.05 + 0.9 * rng.random((5, 4))], 0.1)}


@price.case(points=1, property="examples may change places, unit by unit", expect={"gap": 0.0})
def shuffled(impl, rng):
    a = 0.05 + 0.9 * rng.random((7, 3))
    return {"gap": impl(rng.permuted(a, axis=0), 0.1) - impl(a, 0.1)}


@price.case(points=2)
def slope_of_the_price(impl, rng):
    return {"grad": grad(lambda a: impl(a, 0.05))(0.05 + 0.9 * rng.random((4, 3)))}


def layers_of(activations):
    return activations if isinstance(activations, (list, tuple)) else [activations]


def kl(rho, q):
    return rho * np.log(rho / q) + (1 - rho) * np.log((1 - rho) / (1 - q))


@price.mistake(
    hint="Average first, then take the divergence: a unit that always says rho is not sparse."
)
def divergence_first(activations, rho):
    return sum(
        np.sum(np.mean(kl(rho, np.clip(a, 1e-3, 1 - 1e-3)), axis=0)) for a in layers_of(activations)
    )


@price.mistake(hint="Average over the examples, axis 0: this averages over the units.")
def wrong_axis(activations, rho):
    return sum(
        np.sum(kl(rho, np.clip(np.mean(a, axis=1), 1e-3, 1 - 1e-3))) for a in layers_of(activations)
    )


@price.mistake(hint="Sum over the units, do not average: the equation has no 1/s.")
def mean_over_units(activations, rho):
    units = sum(np.shape(a)[1] for a in layers_of(activations))
    return sum(np.sum(kl(rho, np.mean(a, axis=0))) for a in layers_of(activations)) / units


@price.mistake(hint="One number: the sum over all units, not the divergence of each.")
def one_for_each(activations, rho):
    return np.concatenate([kl(rho, np.mean(a, axis=0)) for a in layers_of(activations)])


@price.mistake(
    hint="Each unit has its own average: here one average is taken over the whole layer."
)
def one_average(activations, rho):
    return sum(np.shape(a)[1] * kl(rho, np.mean(a)) for a in layers_of(activations))


@price.mistake(hint="KL(rho || rho_hat), in this order: the target comes first.")
def reversed_order(activations, rho):
    return sum(np.sum(kl(np.mean(a, axis=0), rho)) for a in layers_of(activations))


@price.mistake(hint="All layers count, not only the first.")
def first_layer(activations, rho):
    return np.sum(kl(rho, np.mean(layers_of(activations)[0], axis=0)))


@price.mistake(hint="Average over the N examples: this sum is divided by one too few.")
def divided_by_one_less(activations, rho):
    return sum(
        np.sum(kl(rho, np.clip(np.sum(a, axis=0) / (len(a) - 1), 1e-3, 1 - 1e-3)))
        for a in layers_of(activations)
    )


@price.variant
def all_units_at_once(activations, rho):
    q = np.concatenate([np.mean(a, axis=0) for a in layers_of(activations)])
    return np.sum(kl(rho, q))


@price.variant
def unit_by_unit(activations, rho):
    total = 0.0
    for a in layers_of(activations):
        for j in range(np.shape(a)[1]):
            total = total + kl(rho, np.mean(a[:, j]))
    return total
