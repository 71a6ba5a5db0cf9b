"""Exercises on masked diffusion: masks, the weight of a set, exact models, the cost of a step."""

import itertools

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.diffusion.masked import Table

masking = Exercise(
    "after/06/mask",
    target="minigen.diffusion.masked:mask",
    minutes=6,
    prompt=r"""
    Erase symbols. `x` is an array of whole numbers $0, \dots, K - 1$ of any shape, and `keep` an
    array of booleans of the same shape. Return `x` where `keep` is `True`, and the mask token $K$
    elsewhere. `x` must not be changed.

    `K` is the number of symbols. If it is `None`, take the largest symbol of `x` plus 1.
    """,
    hints="""
    One array where it is kept, one number elsewhere. The mask token is a symbol that x cannot hold.

    np.where chooses between two arrays, position by position; the token is K itself.

        K = int(np.max(x)) + 1 if K is None else K
        return np.where(keep, x, K)
    """,
)


@masking.case(points=1, kind="equation", fixed=True, expect={"x": [[0, 3, 2], [3, 1, 3]]})
def by_hand(impl, rng):
    """Three symbols, 0, 1 and 2; the token is 3."""
    keep = np.array([[True, False, True], [False, True, False]])
    return {"x": impl(np.array([[0, 1, 2], [2, 1, 0]]), keep, 3)}


@masking.case(points=2, kind="equation")
def random_symbols(impl, rng):
    x = rng.integers(0, 5, (4, 6))
    return {f"kept: {share}": impl(x, rng.random(x.shape) < share, 5) for share in (0.0, 0.4, 1.0)}


@masking.case(points=1, kind="extremes", fixed=True, expect={"x": [7, 1, 0]})
def symbols_that_do_not_occur(impl, rng):
    """Seven symbols, of which the batch has only 0 and 1: the token is still 7."""
    return {"x": impl(np.array([1, 1, 0]), np.array([False, True, True]), 7)}


@masking.case(points=1, kind="extremes", fixed=True, expect={"x": [[5, 1], [4, 5]]})
def without_K(impl, rng):
    """Symbols 0, 1, 2 and 4: the largest is 4, so the token is 5."""
    return {"x": impl(np.array([[0, 1], [4, 2]]), np.array([[False, True], [True, False]]))}


@masking.case(points=1, kind="equation", property=True, expect={"kept": True, "tokens": True})
def what_is_kept(impl, rng):
    """Kept symbols are those of x, and the others are all the same number."""
    x, keep = rng.integers(0, 4, (5, 3)), rng.random((5, 3)) < 0.5
    y = np.asarray(impl(x, keep, 4))
    return {
        "kept": bool(np.all(y[keep] == x[keep])),
        "tokens": bool(np.all(y[~keep] == 4)),
    }


@masking.case(points=1, kind="shapes")
def images_of_pixels(impl, rng):
    x = rng.integers(0, 2, (2, 3, 4))
    return {"x": impl(x, rng.random(x.shape) < 0.5, 2)}


weight = Exercise(
    "after/06/order_weight",
    target="minigen.diffusion.masked:order_weight",
    minutes=10,
    rtol=1e-9,
    prompt=r"""
    The weight of one set of erased positions in the bound. Each of $D = \mathrm{dim}$ positions is
    erased with probability $t$, independently of the others. So a given set of $m$ positions is
    erased, while all others are kept, with probability $t^m (1 - t)^{D - m}$. Its weight is the
    integral of this probability times $1/t$ over $t$ from 0 to 1.

    `masked` holds the numbers $m$, from 1 to $D$, one number or an array; the result has its shape,
    and is a `float` array. `scipy.special` is allowed. $D$ may be 200.
    """,
    hints="""
    The integral is a beta function: it has a closed form with factorials.

    (m - 1)! (D - m)! / D! = 1/(m (D over m)).

        from scipy.special import comb

        return 1 / (np.asarray(masked) * comb(dim, masked))
    """,
)


@weight.case(points=1, kind="equation", fixed=True, expect={"w": [1 / 3, 1 / 6, 1 / 3]})
def three_positions(impl, rng):
    """D = 3: 1/(1 * 3), 1/(2 * 3) and 1/(3 * 1)."""
    return {"w": impl(np.array([1, 2, 3]), 3)}


@weight.case(points=2, kind="equation")
def by_number(impl, rng):
    """Some numbers of erased positions, of a few and of more positions."""
    few, more = int(rng.integers(3, 7)), int(rng.integers(7, 15))
    return {
        "few": impl(rng.integers(1, few + 1, 4), few),
        "more": impl(rng.integers(1, more + 1, 6), more),
        "all": impl(np.arange(1, more + 1), more),
    }


@weight.case(points=2, kind="equation", property=True, fixed=True, expect={"sum": 1.0})
def the_sets_without_a_position(impl, rng):
    """For every m, the weights of all sets times m add up to 1: one position is drawn at each m."""
    D, m = 6, 4
    sets = len(list(itertools.combinations(range(D), m)))
    return {"sum": impl(np.array([m]), D)[0] * sets * m}


@weight.case(points=1, kind="extremes", fixed=True)
def many_positions(impl, rng):
    """With D = 200 the factorials are above the largest number."""
    return {"w": impl(np.array([1, 2, 100, 199, 200]), 200)}


@weight.case(points=1, kind="shapes", fixed=True)
def one_number_and_a_table(impl, rng):
    return {"one": impl(2, 4), "table": impl(np.array([[1, 2], [3, 4]]), 4)}


denoiser = Exercise(
    "after/06/exact_denoiser",
    target="minigen.diffusion.masked:exact_denoiser",
    minutes=20,
    prompt=r"""
    The exact model of a small world. `table` has `table.configurations`, $(M, D)$ whole numbers
    $0, \dots, K - 1$, all that can occur; `table.probabilities`, $(M,)$, which sum to 1; and
    `table.K`, the number of symbols. `x_masked`, $(N, D)$, holds symbols, and $K$ where a position
    is erased.

    Return the probability of $x_i = a$, given what is visible, for each example, position $i$ and
    symbol $a$, an array $(N, D, K)$. Each configuration that agrees with every visible position
    counts with its probability. A visible position has probability 1 at its own symbol.
    """,
    hints="""
    Which configurations agree with an example? One that does counts with its probability, and the
    sum over those that have symbol a at position i is the answer, up to normalization.

    p(x_i = a | visible) = sum of p(c) over agreeing c with c_i = a, over the sum over agreeing c.

        c, K = table.configurations, table.K
        x = x_masked[:, None]  # (N, 1, D)
        agrees = np.all((x == K) | (x == c), axis=2)  # (N, M)
        weights = agrees * table.probabilities
        weights = weights / weights.sum(axis=1, keepdims=True)
        symbols = c[:, :, None] == np.arange(K)  # (M, D, K)
        return np.einsum("nm,mdk->ndk", weights, symbols)
    """,
)

TWO = Table(np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0.4, 0.1, 0.2, 0.3]), 2)


def random_world(rng, D, K, missing=0):
    """All K^D configurations in a random order, without some, with random probabilities."""
    c = np.array(list(itertools.product(range(K), repeat=D)))
    c = c[rng.permutation(len(c))[: len(c) - missing]]
    p = rng.exponential(size=len(c)) ** 2
    return Table(c, p / p.sum(), K)


def erased(rng, table, n):
    """Examples of the world with random positions erased: (n, D)."""
    x = table.configurations[rng.integers(0, len(table.configurations), n)]
    return np.where(rng.random(x.shape) < 0.5, x, table.K)


BY_HAND = [[[0.25, 0.75], [0.0, 1.0]], [[0.5, 0.5], [0.6, 0.4]]]


@denoiser.case(points=2, kind="equation", fixed=True, expect={"p": BY_HAND})
def two_pixels(impl, rng):
    """Second pixel 1: the first is 1 with 0.3 / 0.4. Nothing visible: the marginals."""
    return {"p": impl(TWO, np.array([[2, 1], [2, 2]]))}


@denoiser.case(points=3, kind="equation")
def random_worlds(impl, rng):
    bits, codes = random_world(rng, 4, 2), random_world(rng, 3, 4)
    return {"bits": impl(bits, erased(rng, bits, 6)), "codes": impl(codes, erased(rng, codes, 6))}


@denoiser.case(points=2, kind="extremes")
def impossible_configurations(impl, rng):
    """Some configurations are not in the table."""
    world = random_world(rng, 3, 3, missing=15)
    return {"p": impl(world, erased(rng, world, 8))}


@denoiser.case(points=1, kind="extremes")
def everything_visible(impl, rng):
    world = random_world(rng, 3, 3)
    return {"p": impl(world, world.configurations[:5])}


@denoiser.case(points=2, kind="equation", property=True, expect={"p(x)": 0.0})
def the_chain_rule(impl, rng):
    """The factors of any order multiply to the probability of the configuration."""
    world = random_world(rng, 3, 2)
    order, x = rng.permutation(3), world.configurations
    log_p, hidden = np.zeros(len(x)), np.full_like(x, world.K)
    for i in order:
        log_p = log_p + np.log(impl(world, hidden)[np.arange(len(x)), i, x[:, i]])
        hidden = hidden.copy()
        hidden[:, i] = x[:, i]
    return {"p(x)": np.round(np.exp(log_p) - world.probabilities, 9)}


correlation = Exercise(
    "after/06/total_correlation",
    target="minigen.diffusion.masked:total_correlation",
    minutes=25,
    imports=("from minigen.diffusion.masked import exact_denoiser",),
    prompt=r"""
    What it costs to draw several positions at once. `table` and `x_masked` $(N, D)$ are those of
    `exact_denoiser`, and `positions` is a list of different positions $S$. Return, for each
    example, the KL divergence in nats of the joint distribution of the symbols at $S$, given what
    is visible, from the product of their marginals, given what is visible: an array $(N,)$.
    `exact_denoiser(table, x_masked)` is given and returns the marginals $(N, D, K)$. Combinations
    of symbols at $S$ that cannot occur add nothing. With one position the cost is 0. Several
    configurations of the table may have the same symbols at $S$.
    """,
    hints="""
    Loop over all combinations of symbols at S. The joint probability of one is a sum over the
    configurations that agree with what is visible and have these symbols.

    The sum over combinations of p(combination) log(p(combination) / product of the single ones).

        c, K, S = table.configurations, table.K, list(positions)
        x = x_masked[:, None]
        weights = np.all((x == K) | (x == c), axis=2) * table.probabilities  # (N, M)
        weights = weights / weights.sum(axis=1, keepdims=True)
        single = exact_denoiser(table, x_masked)[:, S]  # (N, k, K)
        total = np.zeros(len(x_masked))
        for symbols in np.unique(c[:, S], axis=0):
            joint = weights[:, np.all(c[:, S] == symbols, axis=1)].sum(axis=1)
            product = np.prod(single[:, np.arange(len(S)), symbols], axis=1)
            possible = joint > 0
            total[possible] += joint[possible] * np.log(joint[possible] / product[possible])
        return total
    """,
)


@correlation.case(
    points=2, kind="equation", fixed=True, expect={"copies": [0.6931471805599453], "coins": [0.0]}
)
def copies_and_coins(impl, rng):
    """Two bits that are always equal cost log 2, and two coins nothing."""
    copies = Table(np.array([[0, 0], [1, 1]]), np.array([0.5, 0.5]), 2)
    coins = Table(TWO.configurations, np.full(4, 0.25), 2)
    nothing = np.array([[2, 2]])
    return {
        "copies": np.round(impl(copies, nothing, [0, 1]), 9),
        "coins": np.round(impl(coins, nothing, [0, 1]), 9),
    }


@correlation.case(points=3, kind="equation")
def combinations(impl, rng):
    bits, codes = random_world(rng, 4, 2), random_world(rng, 3, 4)
    nothing = np.full((1, 4), 2)
    return {
        "all of four bits": impl(bits, nothing, [0, 1, 2, 3]),
        "two bits, what is visible": impl(bits, erased(rng, bits, 6), [1, 3]),
        "two codes, what is visible": impl(codes, erased(rng, codes, 6), [2, 0]),
    }


@correlation.case(points=2, kind="extremes")
def impossible_combinations(impl, rng):
    world = random_world(rng, 3, 3, missing=18)
    return {"cost": impl(world, np.full((1, 3), 3), [0, 2])}


@correlation.case(points=1, kind="extremes", expect={"one": [0.0, 0.0], "visible": [0.0]})
def nothing_to_pay(impl, rng):
    """One position, and positions that are visible."""
    world = random_world(rng, 3, 2)
    one = impl(world, np.array([[2, 2, 2], [0, 2, 2]]), [1])
    return {
        "one": np.round(one, 9) + 0.0,
        "visible": np.round(impl(world, np.array([[0, 1, 2]]), [0, 1]), 9) + 0.0,
    }


@correlation.case(points=2, kind="equation", property=True, expect={"difference": 0.0})
def entropies(impl, rng):
    """It is the sum of the single entropies minus the entropy of all, in nats."""
    world = random_world(rng, 3, 3)
    c, p = world.configurations, world.probabilities
    single = [np.bincount(c[:, i], p, 3) for i in range(3)]
    expected = sum(-np.sum(each * np.log(each)) for each in single) + np.sum(p * np.log(p))
    found = impl(world, np.full((1, 3), 3), [0, 1, 2])
    return {"difference": np.round(found[0] - expected, 9) + 0.0}
