"""Exercises on transport: piles of dirt in a row, two samples of numbers, the marginals of a
plan."""

import numpy as np

from minigen.course.exercise.format import Exercise


def two_sets_of_piles(rng, n=7):
    """Piles with one total, as floats."""
    return rng.multinomial(30, np.full(n, 1 / n)).astype(float), rng.multinomial(
        30, np.full(n, 1 / n)
    ).astype(float)


# ------------------------------------------------------------------------------------------- piles

piles = Exercise(
    "gan/10/earth_mover_1d",
    target="minigen.metrics.transport:earth_mover_1d",
    minutes=15,
    prompt="""
    The least work that turns the piles p into the piles q, and how much has to cross each gap:
    EarthMover(cost, deltas).

    p and q (n,) hold shovelfuls of dirt, in piles one step apart, with the same total (any total:
    do not normalize). deltas (n + 1,) is the running surplus: it starts with 0, and behind each
    pile it has grown by what that pile has too much, or shrunk by what it lacks. cost is one
    number, in shovelfuls times steps.

    For p = (3, 2, 1, 4) and q = (1, 2, 4, 3) the deltas are 0, 2, 2, -1, 0 and the cost is 5.
    """,
    hints=[
        (
            "Walk from left to right. What the first piles have too much must cross the gap behind"
            " them, whatever comes later; what they lack must come back over it."
        ),
        "delta_0 = 0, delta_i = delta_(i-1) + p_i - q_i, and cost = sum of |delta_i|.",
        (
            "np.cumsum gives the running sums of p - q; put a 0 in front (np.concatenate), then sum"
            " the absolute values."
        ),
    ],
    imports=["import autograd.numpy as np", "from minigen.metrics.transport import EarthMover"],
)


@piles.case(points=2, expect={"cost": 5.0, "deltas": [0.0, 2.0, 2.0, -1.0, 0.0]})
def of_the_post(impl, rng):
    cost, deltas = impl(np.array([3.0, 2.0, 1.0, 4.0]), np.array([1.0, 2.0, 4.0, 3.0]))
    return {"cost": cost, "deltas": deltas}


@piles.case(points=1, expect={"cost": 3.0})
def back_to_the_first(impl, rng):
    """One shovelful, three steps back."""
    cost, deltas = impl(np.array([0.0, 0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0, 0.0]))
    return {"cost": cost, "deltas": deltas}


@piles.case(points=2)
def random_piles(impl, rng):
    cost, deltas = impl(*two_sets_of_piles(rng))
    return {"cost": cost, "deltas": deltas}


@piles.case(
    points=1,
    property="there and back cost the same, and cross the same gaps",
    expect={"cost": 0.0, "deltas": 0.0},
)
def there_and_back(impl, rng):
    p, q = two_sets_of_piles(rng)
    there, back = impl(p, q), impl(q, p)
    return {"cost": there[0] - back[0], "deltas": there[1] + back[1]}


def earth_mover(cost, deltas):
    from minigen.metrics.transport import EarthMover

    return EarthMover(cost, deltas)


@piles.mistake(hint="Shovelfuls stay shovelfuls: do not divide by the total.")
def normalized(p, q):
    deltas = np.concatenate([[0.0], np.cumsum(p - q)]) / np.sum(p)
    return earth_mover(np.sum(np.abs(deltas)), deltas)


@piles.mistake(hint="This counts misplaced dirt, not how far it travels: sum |delta|, not |p - q|.")
def misplaced_dirt(p, q):
    return earth_mover(np.sum(np.abs(p - q)), np.concatenate([[0.0], np.cumsum(p - q)]))


@piles.mistake(hint="The surplus of one pile must be carried on to the next: a running sum.")
def surplus_not_carried_on(p, q):
    deltas = np.concatenate([[0.0], p - q])
    return earth_mover(np.sum(np.abs(deltas)), deltas)


@piles.mistake(
    hint="Carrying dirt back costs as much as carrying it forward: take absolute values."
)
def no_absolute_values(p, q):
    deltas = np.concatenate([[0.0], np.cumsum(p - q)])
    return earth_mover(np.sum(deltas), deltas)


@piles.mistake(hint="A surplus is what the pile has, p, less what it needs, q.")
def turned_sign(p, q):
    deltas = np.concatenate([[0.0], np.cumsum(q - p)])
    return earth_mover(np.sum(np.abs(deltas)), deltas)


@piles.mistake(hint="Deltas start with 0, before the first pile: n + 1 of them.")
def first_zero_missing(p, q):
    deltas = np.cumsum(p - q)
    return earth_mover(np.sum(np.abs(deltas)), deltas)


@piles.mistake(hint="delta_i takes in pile i itself; here each delta is one pile late.")
def one_pile_late(p, q):
    deltas = np.concatenate([[0.0, 0.0], np.cumsum(p - q)[:-1]])
    return earth_mover(np.sum(np.abs(deltas)), deltas)


@piles.mistake(hint="Work is the sum over the gaps, not the mean.")
def mean_over_gaps(p, q):
    deltas = np.concatenate([[0.0], np.cumsum(p - q)])
    return earth_mover(np.mean(np.abs(deltas)), deltas)


@piles.mistake(hint="Carrying twice as much costs twice as much: absolute values, not squares.")
def squares(p, q):
    deltas = np.concatenate([[0.0], np.cumsum(p - q)])
    return earth_mover(np.sum(deltas**2), deltas)


@piles.variant
def step_by_step(p, q):
    deltas = [0.0]
    for have, need in zip(p, q):
        deltas.append(deltas[-1] + have - need)
    return earth_mover(sum(abs(delta) for delta in deltas), np.array(deltas))


@piles.variant
def difference_of_running_sums(p, q):
    deltas = np.append([0.0], np.cumsum(p) - np.cumsum(q))
    return earth_mover(np.linalg.norm(deltas, 1), deltas)


# -------------------------------------------------------------------------------------------
# samples on a line

line = Exercise(
    "gan/10/wasserstein_1d",
    target="minigen.metrics.transport:wasserstein_1d",
    minutes=20,
    prompt="""
    The exact Wasserstein-1 distance between two samples of numbers, one number, in the units of the
    samples.

    x (N,) and y (M,) are in any order; every point of x has the weight 1/N and every point of y the
    weight 1/M. Start with N = M: there the best plan pairs the smallest with the smallest, and so
    on. The last cases have N and M different. Then points must be split, and it is easier to walk
    along the line and carry the surplus, as with the piles.
    """,
    hints=[
        (
            "On a line the best plan keeps the order. For any sizes: put all points on one line;"
            " between two neighbors, the share of x passed so far less the share of y has to cross."
        ),
        (
            "W1 = integral of |F - G|. F and G, the shares of x and y passed, are steps: the"
            " integral is a sum over the gaps between neighboring points, |F - G| times the length"
            " of the gap."
        ),
        (
            "Sort np.concatenate([x, y]); the gaps are np.diff of it. np.searchsorted(np.sort(x),"
            " left_end, side='right') counts the points of x up to the left end of each gap; divide"
            " by len(x). The same for y."
        ),
    ],
    blocked=[
        "minigen.metrics.transport:wasserstein",
        "minigen.metrics.transport:sliced_wasserstein",
        "minigen.metrics.transport:transport_plan",
        "minigen.metrics.transport:_wasserstein_columns",
    ],
)


@line.case(points=1, expect={"distance": 1.0})
def two_points_each(impl, rng):
    """0 goes to 1, and 10 to 11."""
    return {"distance": impl(np.array([0.0, 10.0]), np.array([11.0, 1.0]))}


@line.case(points=2)
def equal_sizes(impl, rng):
    return {"distance": impl(rng.standard_normal(12), 1 + 2 * rng.standard_normal(12))}


@line.case(
    points=1,
    property="moved by 3, a sample is 3 away; shuffled, it is not",
    expect={"gap": 0.0, "none": 0.0},
)
def moved(impl, rng):
    x = rng.standard_normal(9)
    return {"gap": impl(x, rng.permutation(x) - 3) - 3, "none": impl(x, rng.permutation(x))}


@line.case(points=2, expect={"distance": 1.5})
def one_and_two(impl, rng):
    """Half of the mass stays at 0, half goes to 3."""
    return {"distance": impl(np.array([0.0]), np.array([0.0, 3.0]))}


@line.case(points=2)
def unequal_sizes(impl, rng):
    return {
        "longer_first": impl(rng.standard_normal(11), 0.5 + rng.standard_normal(7)),
        "shorter_first": impl(rng.standard_normal(6), 0.5 + 2 * rng.standard_normal(9)),
    }


@line.case(points=1)
def with_ties(impl, rng):
    return {
        "distance": impl(rng.integers(0, 4, 10).astype(float), rng.integers(0, 4, 8).astype(float))
    }


def by_quantiles(x, y, power=1.0, sort=True):
    """The integral of |F^-1 - G^-1|^power over the shares."""
    x, y = (np.sort(x), np.sort(y)) if sort else (x, y)
    n, m = len(x), len(y)
    ends = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)
    gaps = np.abs(x[(ends - 1) // m] - y[(ends - 1) // n])
    return np.sum(np.diff(ends, prepend=0) / (n * m) * gaps**power)


@line.mistake(hint="Sort both samples first: the best plan pairs the smallest with the smallest.")
def not_sorted(x, y):
    return by_quantiles(x, y, sort=False)


@line.mistake(hint="Distances, not their squares: this is the square of another distance, W2.")
def squared(x, y):
    return by_quantiles(x, y, power=2)


@line.mistake(hint="This is W2, the root of the mean square; W1 is the mean distance.")
def root_mean_square(x, y):
    return np.sqrt(by_quantiles(x, y, power=2))


@line.mistake(hint="Every point has the weight 1/N: take the mean of the distances, not their sum.")
def sum_of_distances(x, y):
    return by_quantiles(x, y) * max(len(x), len(y))


@line.mistake(
    hint="Take absolute values before averaging; this is the difference of the two means."
)
def difference_of_means(x, y):
    return np.abs(np.mean(x) - np.mean(y))


@line.mistake(
    hint="Each y can be used only for its own weight: sending each x to the nearest y is no plan."
)
def to_the_nearest(x, y):
    return np.mean(np.min(np.abs(x[:, None] - y), axis=1))


@line.mistake(
    hint=(
        "This is the mean over all pairs, the cost of the careless plan that spreads each x over"
        " all y."
    )
)
def all_pairs(x, y):
    return np.mean(np.abs(x[:, None] - y))


@line.mistake(
    hint="With N and M different, no point may be left out: split the weights of the points."
)
def leftover_points_ignored(x, y):
    n = min(len(x), len(y))
    return np.mean(np.abs(np.sort(x)[:n] - np.sort(y)[:n]))


@line.mistake(hint="The shares passed are counts divided by N and by M, each by its own size.")
def one_size_for_both(x, y):
    points = np.sort(np.concatenate([x, y]))
    passed_x, passed_y = (np.searchsorted(np.sort(a), points[:-1], side="right") for a in (x, y))
    return np.sum(np.abs(passed_x - passed_y) / len(x) * np.diff(points))


@line.mistake(
    hint=(
        "This is the largest gap of F and G (Kolmogorov and Smirnov's); W1 is the area between"
        " them."
    )
)
def largest_gap(x, y):
    points = np.concatenate([x, y])
    return np.max(
        np.abs(np.mean(x <= points[:, None], axis=1) - np.mean(y <= points[:, None], axis=1))
    )


line.equivalent("(x, y) → (y, x)", reason="the distance is the same in both directions")


@line.variant
def quantiles(x, y):
    """Every point split so that both samples have N M pieces, then sorted differences."""
    return np.mean(np.abs(np.repeat(np.sort(x), len(y)) - np.repeat(np.sort(y), len(x))))


@line.variant
def piles_of_dirt(x, y):
    """Signed weights in the order of their places, and a running surplus."""
    points = np.concatenate([x, y])
    weights = np.concatenate([np.full(len(x), 1 / len(x)), np.full(len(y), -1 / len(y))])
    order = np.argsort(points)
    surplus = np.cumsum(weights[order])[:-1]
    return np.sum(np.abs(surplus) * np.diff(points[order]))


# -------------------------------------------------------------------------------------------
# marginals

sums = Exercise(
    "gan/10/marginals",
    target="minigen.metrics.transport:marginals",
    minutes=5,
    prompt="""
    The two distributions that a transport plan connects: what it takes from each source, and what
    it brings to each target.

    plan (n, m): plan[i, j] is the mass that goes from source i to target j. Return p (n,) and q
    (m,), in this order.
    """,
    hints=[
        (
            "What leaves source i goes to some target: add it up over the targets. Likewise for"
            " what arrives."
        ),
        "p_i = sum over j of plan_ij, q_j = sum over i of plan_ij.",
        "Sum over axis 1 for p and over axis 0 for q.",
    ],
)


@sums.case(points=1, expect={"p": [0.3, 0.7], "q": [0.1, 0.5, 0.4]})
def two_sources_three_targets(impl, rng):
    p, q = impl(np.array([[0.1, 0.2, 0.0], [0.0, 0.3, 0.4]]))
    return {"p": p, "q": q}


@sums.case(points=2)
def a_plan(impl, rng):
    p, q = impl(rng.dirichlet(np.ones(20)).reshape(4, 5))
    return {"p": p, "q": q}


@sums.case(points=1)
def as_many_sources_as_targets(impl, rng):
    p, q = impl(rng.dirichlet(np.ones(16)).reshape(4, 4))
    return {"p": p, "q": q}


@sums.case(
    points=1,
    property="prices at both ends: p.f + q.g is the plan's mean of f_i + g_j",
    expect={"gap": 0.0},
)
def prices(impl, rng):
    plan, f, g = (
        rng.dirichlet(np.ones(12)).reshape(3, 4),
        rng.standard_normal(3),
        rng.standard_normal(4),
    )
    p, q = impl(plan)
    return {"gap": p @ f + q @ g - np.sum(plan * (f[:, None] + g))}


@sums.case(points=1, expect={"p": [2.0, 3.0], "q": [4.0, 1.0]})
def shovelfuls(impl, rng):
    """Not normalized."""
    p, q = impl(np.array([[1.0, 1.0], [3.0, 0.0]]))
    return {"p": p, "q": q}


@sums.mistake(hint="The two are swapped: p belongs to the rows, and sums over the columns, axis 1.")
def wrong_axes(plan):
    return plan.sum(axis=0), plan.sum(axis=1)


@sums.mistake(hint="Add up the mass, do not average it.")
def means(plan):
    return plan.mean(axis=1), plan.mean(axis=0)


@sums.mistake(hint="Do not normalize: a plan of shovelfuls has marginals in shovelfuls.")
def normalized_sums(plan):
    return plan.sum(axis=1) / plan.sum(), plan.sum(axis=0) / plan.sum()


@sums.mistake(
    hint="A source may send to several targets: add up all that it sends, not the largest part."
)
def largest_part(plan):
    return plan.max(axis=1), plan.max(axis=0)


@sums.mistake(
    hint="This is the total; one sum for each source and one for each target are asked for."
)
def total(plan):
    return plan.sum(), plan.sum()


@sums.mistake(hint="The shapes must be (n,) and (m,): sum without keepdims.")
def kept_axes(plan):
    return plan.sum(axis=1, keepdims=True), plan.sum(axis=0, keepdims=True)


@sums.variant
def products_with_ones(plan):
    return plan @ np.ones(plan.shape[1]), np.ones(plan.shape[0]) @ plan


@sums.variant
def row_by_row_and_transposed(plan):
    return np.array([sum(row) for row in plan]), np.array([sum(column) for column in plan.T])
