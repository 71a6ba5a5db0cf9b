"""Exercises of the VQ-VAE: the nearest code, a gradient around it, the two losses, and the moving
averages."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad, stop_gradient

# ------------------------------------------------------------------------------------------- the
# nearest code

near = Exercise(
    "vae/10/nearest",
    target="minigen.vae.quantizer:nearest",
    minutes=10,
    prompt="""
    Which code is nearest to each vector? z holds vectors of D numbers in its last axis, whatever
    stands before: shape (..., D). codebook has shape (K, D). Return the index of the row of the
    codebook at the smallest Euclidean distance, an array of integers of shape (...). Of rows
    equally near, return the first.
    """,
    hints=[
        (
            "Compute the distance of every vector to every code, then ask where it is smallest. The"
            " square of the distance has its minimum at the same place."
        ),
        "|z - e|^2 = |z|^2 - 2 z·e + |e|^2, and the first part is the same for all e.",
        (
            "flat = z.reshape(-1, D); np.argmin of np.sum(codebook**2, axis=1) - 2 * flat @"
            " codebook.T over axis 1; then reshape to z.shape[:-1]."
        ),
    ],
)


@near.case(points=1, expect={"index": [0, 1, 2, 0]})
def three_codes(impl, rng):
    """Codes at (0, 0), (3, 0) and (0, 2). The last vector lies half-way between two of them."""
    z = np.array([[1.0, 0.0], [2.0, 0.0], [-1.0, 5.0], [1.5, 0.0]])
    return {"index": impl(z, np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 2.0]]))}


@near.case(points=1, expect={"index": [0]})
def as_the_crow_flies(impl, rng):
    """From (0, 0) it is 2.83 to (2, 2) and 3 to (3, 0)."""
    return {"index": impl(np.zeros((1, 2)), np.array([[2.0, 2.0], [3.0, 0.0]]))}


@near.case(points=1, expect={"index": [0, 2, 1]})
def codes_of_different_lengths(impl, rng):
    """Codes at 1, 3 and 9 on one ray: what counts is where a vector ends, not its direction."""
    codebook = np.array([[0.6, 0.8], [1.8, 2.4], [5.4, 7.2]])
    return {"index": impl(np.array([[0.6, 0.9], [4.8, 6.4], [1.5, 2.1]]), codebook)}


@near.case(points=2)
def a_grid_of_vectors(impl, rng):
    return {"index": impl(rng.standard_normal((2, 3, 4, 5)), rng.standard_normal((7, 5)))}


@near.case(points=1, property="a code is nearest to itself", expect={"index": np.arange(9)})
def codes_themselves(impl, rng):
    codebook = rng.standard_normal((9, 2)) * np.exp(rng.standard_normal((9, 1)))
    return {"index": impl(codebook, codebook)}


@near.case(
    points=1, property="a shift of everything changes nothing", expect={"change": np.zeros(30)}
)
def shifted(impl, rng):
    z, codebook, shift = (
        rng.standard_normal((30, 4)),
        rng.standard_normal((8, 4)),
        5 + rng.standard_normal(4),
    )
    return {"change": impl(z + shift, codebook + shift) - impl(z, codebook)}


def gaps(z, codebook):
    """z - e for every pair: (..., K, D)."""
    return z[..., None, :] - codebook


@near.mistake(hint="argmax finds the farthest code: look for the smallest distance.")
def farthest(z, codebook):
    return np.argmax(np.sum(gaps(z, codebook) ** 2, axis=-1), axis=-1)


@near.mistake(
    hint=(
        "The largest product z·e is not the smallest distance: a long code wins it from far away."
        " Add |e|^2."
    )
)
def largest_product(z, codebook):
    return np.argmax(z @ codebook.T, axis=-1)


@near.mistake(
    hint=(
        "This compares directions (the angle); the distance also depends on how long the vectors"
        " are."
    )
)
def smallest_angle(z, codebook):
    return np.argmax(
        z @ (codebook / (1e-12 + np.sqrt(np.sum(codebook**2, axis=1, keepdims=True)))).T, axis=-1
    )


@near.mistake(hint="The product counts twice: |z - e|^2 = |z|^2 - 2 z·e + |e|^2.")
def product_once(z, codebook):
    return np.argmin(np.sum(codebook**2, axis=1) - z @ codebook.T, axis=-1)


@near.mistake(
    hint="Square the differences before you sum them: here those of opposite sign cancel."
)
def differences_cancel(z, codebook):
    return np.argmin(np.sum(gaps(z, codebook), axis=-1) ** 2, axis=-1)


@near.mistake(
    hint="This is the distance along the axes (sum of magnitudes); take the Euclidean one."
)
def along_the_axes(z, codebook):
    return np.argmin(np.sum(np.abs(gaps(z, codebook)), axis=-1), axis=-1)


@near.mistake(hint="Return the index of the code, not its distance.")
def distance_itself(z, codebook):
    return np.min(np.sum(gaps(z, codebook) ** 2, axis=-1), axis=-1)


@near.mistake(hint="Return the index of the code, not the code vector.")
def vector_itself(z, codebook):
    return codebook[np.argmin(np.sum(gaps(z, codebook) ** 2, axis=-1), axis=-1)]


@near.mistake(hint="One index for each vector of z; this finds, for each code, the nearest vector.")
def the_other_way_round(z, codebook):
    return np.argmin(np.sum(gaps(z.reshape(-1, z.shape[-1]), codebook) ** 2, axis=-1), axis=0)


@near.mistake(
    hint="Keep the arrangement of the vectors: the result has the shape of z without its last axis."
)
def flattened(z, codebook):
    return np.argmin(np.sum(gaps(z, codebook) ** 2, axis=-1), axis=-1).reshape(-1)


@near.variant
def by_all_differences(z, codebook):
    return np.argmin(np.sqrt(np.sum((z[..., None, :] - codebook) ** 2, axis=-1)), axis=-1)


@near.variant
def code_by_code(z, codebook):
    return np.argmin(np.stack([np.sum((z - e) ** 2, axis=-1) for e in codebook]), axis=0)


SAME_ORDER = "both grow together, so the smallest is at the same place"
near.equivalent(
    "np.sqrt(np.sum((z[..., None, :] - codebook) ** 2, axis=-1)) → np.sum((z[..., None, :] -"
    " codebook) ** 2, axis=-1)",
    reason=SAME_ORDER,
)
near.equivalent(
    "np.sum((z[..., None, :] - codebook) ** 2, axis=-1) → np.mean((z[..., None, :] - codebook) **"
    " 2, axis=-1)",
    reason=SAME_ORDER,
)
near.equivalent("np.sum((z - e) ** 2, axis=-1) → np.mean((z - e) ** 2, axis=-1)", reason=SAME_ORDER)


# -------------------------------------------------------------------------------------------
# straight through

through = Exercise(
    "vae/10/straight_through",
    target="minigen.vae.quantizer:straight_through",
    minutes=10,
    prompt="""
    Let the value be rounded and the gradient pass. z holds the encoder's vectors, `quantized` the
    code vectors chosen for them, both of shape (..., D). Return an array whose value is that of
    `quantized`, and whose gradient goes to z as if it were z itself, unchanged. No gradient goes to
    `quantized`.

    stop_gradient(a) has the value of a and no gradient.
    """,
    hints=[
        (
            "Start from z, which has the right gradient, and add what is missing to its value, as a"
            " plain number."
        ),
        "z + sg[quantized - z].",
        "return z + stop_gradient(quantized - z)",
    ],
    imports=["import autograd.numpy as np", "from minigen.tensor import stop_gradient"],
)


@through.case(points=1, expect={"value": [[3.0, 5.0]]})
def value(impl, rng):
    return {"value": impl(np.array([[1.0, 2.0]]), np.array([[3.0, 5.0]]))}


@through.case(points=2, expect={"grad_z": [[6.0, 10.0]]})
def slope_of_a_square(impl, rng):
    """The sum of squares of what comes out, (3, 5), has the gradient (6, 10) there, and z gets
    it."""
    quantized = np.array([[3.0, 5.0]])
    return {"grad_z": grad(lambda z: np.sum(impl(z, quantized) ** 2))(np.array([[1.0, 2.0]]))}


@through.case(
    points=2,
    property="z gets the gradient that comes in, the codes get none",
    expect={"z": 0.0, "codes": 0.0},
)
def who_gets_it(impl, rng):
    z, quantized, weight = rng.standard_normal((3, 4, 2, 3))
    return {
        "z": grad(lambda z: np.sum(weight * impl(z, quantized)))(z) - weight,
        "codes": grad(lambda e: np.sum(weight * impl(z, e)))(quantized),
    }


@through.case(points=1)
def a_batch(impl, rng):
    return {"value": impl(*rng.standard_normal((2, 5, 3)))}


@through.mistake(
    hint=(
        "The value is right, but z has no part in it, or cancels: the codes get the gradient, z"
        " gets none."
    )
)
def nothing_stopped(z, quantized):
    return z + (quantized - z)


@through.mistake(hint="Nothing comes back to z: start from z itself and add a constant.")
def constant(z, quantized):
    return stop_gradient(quantized)


@through.mistake(hint="This is not quantized at all: the value must be that of `quantized`.")
def z_only(z, quantized):
    return 1.0 * z


@through.mistake(
    hint="The roles are swapped: this has the value of z and the gradient of `quantized`."
)
def roles_swapped(z, quantized):
    return quantized + stop_gradient(z - quantized)


@through.mistake(hint="The sign of what you add is turned: z + sg[quantized - z].")
def wrong_sign(z, quantized):
    return z - stop_gradient(quantized - z)


@through.mistake(hint="The codes must get no gradient here: stop it at `quantized` as well.")
def both_get_it(z, quantized):
    return quantized + z - stop_gradient(z)


@through.variant
def value_minus_itself(z, quantized):
    return stop_gradient(quantized) + (z - stop_gradient(z))


# ------------------------------------------------------------------------------------------- the
# two losses

losses = Exercise(
    "vae/10/quantization_losses",
    target="minigen.vae.quantizer:quantization_losses",
    minutes=15,
    prompt="""
    The two terms that draw codes and encoder together, each of shape (N,): a Losses of the codebook
    term and the commitment term, in this order.

    z holds the encoder's vectors and `quantized` the code vectors e chosen for them, both of shape
    (N, ..., D). Each term is a squared Euclidean distance, summed over all axes but the first. The
    codebook term moves e toward z, and sends no gradient to z. The commitment term moves z toward
    e, sends no gradient to e, and is weighted by beta.

    stop_gradient(a) has the value of a and no gradient.
    """,
    hints=[
        "Both terms have the same squared distance as value. Who may move in each? Hold the other.",
        "codebook = |sg[z] - e|^2, commitment = beta |z - sg[e]|^2.",
        (
            "axes = tuple(range(1, z.ndim)); np.sum((stop_gradient(z) - quantized) ** 2,"
            " axis=axes), and beta times the sum of (z - stop_gradient(quantized)) ** 2."
        ),
    ],
    imports=[
        "import autograd.numpy as np",
        "from minigen.tensor import stop_gradient",
        "from minigen.vae.quantizer import Losses",
    ],
)


@losses.case(points=1, expect={"codebook": [25.0], "commitment": [12.5]})
def three_four_five(impl, rng):
    codebook, commitment = impl(np.array([[1.0, 2.0]]), np.array([[4.0, 6.0]]), 0.5)
    return {"codebook": codebook, "commitment": commitment}


@losses.case(points=2, expect={"z": [[-3.0, -4.0]], "e": [[6.0, 8.0]]})
def who_moves(impl, rng):
    """The sum of both: z is pulled with weight beta = 1/2, e with weight 1."""

    def total(z, e):
        return sum(np.sum(term) for term in impl(z, e, 0.5))

    z, e = np.array([[1.0, 2.0]]), np.array([[4.0, 6.0]])
    return {"z": grad(total)(z, e), "e": grad(lambda e: total(z, e))(e)}


@losses.case(points=2)
def a_grid(impl, rng):
    codebook, commitment = impl(*rng.standard_normal((2, 3, 2, 2, 4)), 0.3)
    return {"codebook": codebook, "commitment": commitment}


@losses.case(
    points=2,
    property="each term moves one side only",
    expect={"z by codebook": 0.0, "e by commitment": 0.0},
)
def held(impl, rng):
    z, e = rng.standard_normal((2, 4, 3))
    return {
        "z by codebook": grad(lambda z: np.sum(impl(z, e)[0]))(z),
        "e by commitment": grad(lambda e: np.sum(impl(z, e)[1]))(e),
    }


@losses.case(points=1, property="by default the commitment weighs a quarter", expect={"gap": 0.0})
def default_weight(impl, rng):
    codebook, commitment = impl(*rng.standard_normal((2, 4, 3)))
    return {"gap": codebook - 4 * commitment}


@losses.case(points=1)
def each_gradient(impl, rng):
    z, e = rng.standard_normal((2, 4, 3))
    return {
        "e by codebook": grad(lambda e: np.sum(impl(z, e, 2.0)[0]))(e),
        "z by commitment": grad(lambda z: np.sum(impl(z, e, 2.0)[1]))(z),
    }


def _losses(codebook, commitment):
    from minigen.vae.quantizer import Losses

    return Losses(codebook, commitment)


def _rest(a):
    return tuple(range(1, np.ndim(a)))


def _square(a):
    return np.sum(a**2, axis=_rest(a))


@losses.mistake(
    hint=(
        "stop_gradient holds the wrong side in both terms: the codebook term holds z, the"
        " commitment term e."
    )
)
def held_the_wrong_side(z, quantized, beta=0.25):
    return _losses(
        _square(z - stop_gradient(quantized)), beta * _square(stop_gradient(z) - quantized)
    )


@losses.mistake(hint="beta belongs to the commitment term.")
def beta_on_the_codebook(z, quantized, beta=0.25):
    return _losses(
        beta * _square(stop_gradient(z) - quantized), _square(z - stop_gradient(quantized))
    )


@losses.mistake(hint="Without stop_gradient both terms move both sides.")
def nothing_held(z, quantized, beta=0.25):
    return _losses(_square(z - quantized), beta * _square(z - quantized))


@losses.mistake(hint="The codebook term must not move the encoder: hold z there.")
def codebook_moves_both(z, quantized, beta=0.25):
    return _losses(_square(z - quantized), beta * _square(z - stop_gradient(quantized)))


@losses.mistake(hint="The commitment term must not move the codes: hold e there.")
def commitment_moves_both(z, quantized, beta=0.25):
    return _losses(_square(stop_gradient(z) - quantized), beta * _square(z - quantized))


@losses.mistake(hint="With the whole difference held nothing can move: hold one side only.")
def everything_held(z, quantized, beta=0.25):
    d = stop_gradient(z - quantized)
    return _losses(_square(d), beta * _square(d))


@losses.mistake(hint="beta is missing: it weighs the commitment term.")
def no_beta(z, quantized, beta=0.25):
    return _losses(_square(stop_gradient(z) - quantized), _square(z - stop_gradient(quantized)))


@losses.mistake(hint="Sum over the numbers of a code; their mean would be D times smaller.")
def mean_over_numbers(z, quantized, beta=0.25):
    def d(a):
        return np.mean(a**2, axis=_rest(a))

    return _losses(d(stop_gradient(z) - quantized), beta * d(z - stop_gradient(quantized)))


@losses.mistake(hint="The distance enters squared.")
def not_squared(z, quantized, beta=0.25):
    return _losses(
        np.sqrt(_square(stop_gradient(z) - quantized)),
        beta * np.sqrt(_square(z - stop_gradient(quantized))),
    )


@losses.mistake(hint="One number for each example: sum over all axes but the first.")
def one_number(z, quantized, beta=0.25):
    return _losses(
        np.sum((stop_gradient(z) - quantized) ** 2),
        beta * np.sum((z - stop_gradient(quantized)) ** 2),
    )


@losses.mistake(
    hint="Sum over the places as well, not only over the last axis: one number for each example."
)
def last_axis_only(z, quantized, beta=0.25):
    def d(a):
        return np.sum(a**2, axis=-1)

    return _losses(d(stop_gradient(z) - quantized), beta * d(z - stop_gradient(quantized)))


@losses.mistake(hint="The order is turned: the codebook term comes first.")
def order_turned(z, quantized, beta=0.25):
    return _losses(
        beta * _square(z - stop_gradient(quantized)), _square(stop_gradient(z) - quantized)
    )


@losses.variant
def flattened_first(z, quantized, beta=0.25):
    z, e = np.reshape(z, (len(z), -1)), np.reshape(quantized, (len(z), -1))
    held_z, held_e = stop_gradient(z), stop_gradient(e)
    return _losses(np.sum((e - held_z) ** 2, axis=1), np.sum((z - held_e) ** 2, axis=1) * beta)


# ------------------------------------------------------------------------------------------- moving
# averages

average = Exercise(
    "vae/10/ema_update",
    target="minigen.vae.quantizer:ema_update",
    minutes=20,
    prompt="""
    A codebook that follows its vectors: new (counts, sums, codebook) after a batch. Change no
    argument in place.

    counts (K,): moving average of how many vectors of a batch a code gets. sums (K, D): moving
    average of the sum of these vectors. codebook (K, D): the code vectors. z (M, D): the vectors of
    this batch. indices (M,): the code of each.
    gamma: the weight of the past; the batch has weight 1 - gamma.

    Each new code vector is new sum / new count. A code whose new count is 0 keeps the vector that
    it has.
    """,
    hints=[
        (
            "Count the vectors of each code in this batch, and add them up. Mix both into the"
            " averages. Then divide."
        ),
        (
            "N <- gamma N + (1 - gamma) n,  m <- gamma m + (1 - gamma) (sum of the code's vectors),"
            "  e <- m / N, where N > 0."
        ),
        (
            "assigned = np.eye(K)[indices] is (M, K): n is its sum over axis 0, and assigned.T @ z"
            " the sums of vectors. Divide by np.where(N > 0, N, 1), and take the old codebook where"
            " N is 0."
        ),
    ],
)


def batch_of(rng, k=4, d=3, m=12):
    """counts, sums, codebook, z, indices; the last code gets no vector."""
    counts, codebook = 1 + 4 * rng.random(k), rng.standard_normal((k, d))
    sums = counts[:, None] * codebook
    indices = np.concatenate([np.arange(k - 1), [0, 0], rng.integers(0, k - 1, m - k - 1)])
    return counts, sums, codebook, 3 + rng.standard_normal((m, d)), indices


def as_dict(result):
    counts, sums, codebook = result
    return {"counts": counts, "sums": sums, "codebook": codebook}


@average.case(
    points=2, expect={"counts": [1.25, 1.5], "sums": [[5.25], [7.5]], "codebook": [[4.2], [5.0]]}
)
def two_codes(impl, rng):
    """Code 0 gets 4 and 8: its count is 3/4 + 2/4, its sum 3 · 3/4 + 12/4. Code 1 gets nothing."""
    start = np.array([1.0, 2.0]), np.array([[3.0], [10.0]]), np.array([[3.0], [5.0]])
    return as_dict(impl(*start, np.array([[4.0], [8.0]]), np.array([0, 0]), 0.75))


@average.case(points=2)
def random_batch(impl, rng):
    state = batch_of(rng)
    slow = as_dict(impl(*state))  # gamma = 0.99
    return as_dict(impl(*state, 0.9)) | {f"{name}, slowly": value for name, value in slow.items()}


@average.case(points=2, expect={"counts": [0.0, 1.0], "codebook": [[7.0], [2.0]]})
def a_code_that_has_nothing(impl, rng):
    """Code 0 has never had a vector: it stays at 7."""
    start = np.array([0.0, 1.0]), np.array([[0.0], [2.0]]), np.array([[7.0], [2.0]])
    result = as_dict(impl(*start, np.array([[2.0]]), np.array([1]), 0.5))
    return {"counts": result["counts"], "codebook": result["codebook"]}


@average.case(
    points=1, property="vectors that sit on their codes move nothing", expect={"moved": 0.0}
)
def at_rest(impl, rng):
    counts, sums, codebook, _, indices = batch_of(rng)
    return {"moved": impl(counts, sums, codebook, codebook[indices], indices, 0.8)[2] - codebook}


@average.case(
    points=1, property="without memory a code is the mean of its vectors", expect={"gap": 0.0}
)
def without_memory(impl, rng):
    counts, sums, codebook, z, indices = batch_of(rng)
    means = np.stack([z[indices == k].mean(axis=0) for k in range(3)])
    return {"gap": impl(counts, sums, codebook, z, indices, 0.0)[2][:3] - means}


def _batch(codes, z, indices):
    assigned = np.eye(codes)[indices]
    return np.sum(assigned, axis=0), assigned.T @ z


def _divide(sums, counts, codebook):
    return np.where(counts[:, None] > 0, sums / np.where(counts > 0, counts, 1)[:, None], codebook)


@average.mistake(
    hint="gamma is the weight of the past, 1 - gamma that of the batch: they are swapped."
)
def weights_swapped(counts, sums, codebook, z, indices, gamma=0.99):
    n, total = _batch(len(counts), z, indices)
    counts, sums = (1 - gamma) * counts + gamma * n, (1 - gamma) * sums + gamma * total
    return counts, sums, _divide(sums, counts, codebook)


@average.mistake(
    hint="The order: mix the batch in first, then divide the new sum by the new count."
)
def divided_before(counts, sums, codebook, z, indices, gamma=0.99):
    n, total = _batch(len(counts), z, indices)
    old = _divide(sums, counts, codebook)
    return gamma * counts + (1 - gamma) * n, gamma * sums + (1 - gamma) * total, old


@average.mistake(hint="The new sum belongs over the new count; this divides by the old one.")
def over_the_old_count(counts, sums, codebook, z, indices, gamma=0.99):
    n, total = _batch(len(counts), z, indices)
    new = gamma * sums + (1 - gamma) * total
    return gamma * counts + (1 - gamma) * n, new, _divide(new, counts, codebook)


@average.mistake(hint="m takes the sum of a code's vectors, not their mean.")
def mean_for_sum(counts, sums, codebook, z, indices, gamma=0.99):
    n, total = _batch(len(counts), z, indices)
    counts, sums = (
        gamma * counts + (1 - gamma) * n,
        gamma * sums + (1 - gamma) * total / np.maximum(n, 1)[:, None],
    )
    return counts, sums, _divide(sums, counts, codebook)


@average.mistake(hint="0 / 0 is NaN: a code whose count is 0 keeps its vector.")
def zero_over_zero(counts, sums, codebook, z, indices, gamma=0.99):
    n, total = _batch(len(counts), z, indices)
    counts, sums = gamma * counts + (1 - gamma) * n, gamma * sums + (1 - gamma) * total
    return counts, sums, sums / counts[:, None]


@average.mistake(
    hint="This sends a code without vectors to the origin; it keeps the vector that it has."
)
def to_the_origin(counts, sums, codebook, z, indices, gamma=0.99):
    n, total = _batch(len(counts), z, indices)
    counts, sums = gamma * counts + (1 - gamma) * n, gamma * sums + (1 - gamma) * total
    return counts, sums, sums / np.where(counts > 0, counts, 1)[:, None]


@average.mistake(hint="The batch has weight 1 - gamma, not 1.")
def batch_in_full(counts, sums, codebook, z, indices, gamma=0.99):
    n, total = _batch(len(counts), z, indices)
    counts, sums = gamma * counts + n, gamma * sums + total
    return counts, sums, _divide(sums, counts, codebook)


@average.mistake(hint="Divide the sum by the count.")
def not_divided(counts, sums, codebook, z, indices, gamma=0.99):
    n, total = _batch(len(counts), z, indices)
    counts, sums = gamma * counts + (1 - gamma) * n, gamma * sums + (1 - gamma) * total
    return counts, sums, np.where(counts[:, None] > 0, sums, codebook)


@average.mistake(
    hint=(
        "This averages code vectors with means of the batch, whatever their counts; divide m by N"
        " instead."
    )
)
def average_of_means(counts, sums, codebook, z, indices, gamma=0.99):
    n, total = _batch(len(counts), z, indices)
    means = np.where(n[:, None] > 0, total / np.maximum(n, 1)[:, None], codebook)
    new = gamma * codebook + (1 - gamma) * means
    return gamma * counts + (1 - gamma) * n, gamma * sums + (1 - gamma) * total, new


@average.mistake(
    hint=(
        "A code without vectors in this batch fades too: its count and its sum are multiplied by"
        " gamma."
    )
)
def absent_codes_do_not_fade(counts, sums, codebook, z, indices, gamma=0.99):
    n, total = _batch(len(counts), z, indices)
    here = n > 0
    new = np.where(here, gamma * counts + (1 - gamma) * n, counts)
    new_sums = np.where(here[:, None], gamma * sums + (1 - gamma) * total, sums)
    return new, new_sums, np.where(here[:, None], _divide(new_sums, new, codebook), codebook)


@average.mistake(hint="Divide by the average count N, not by the count n of this batch.")
def over_the_batchs_count(counts, sums, codebook, z, indices, gamma=0.99):
    n, total = _batch(len(counts), z, indices)
    new = gamma * sums + (1 - gamma) * total
    return gamma * counts + (1 - gamma) * n, new, _divide(new, n, codebook)


@average.variant
def code_by_code_average(counts, sums, codebook, z, indices, gamma=0.99):
    rows = []
    for k in range(len(counts)):
        mine = z[indices == k]
        n = gamma * counts[k] + (1 - gamma) * len(mine)
        m = gamma * sums[k] + (1 - gamma) * np.sum(mine, axis=0)
        rows.append((n, m, m / n if n > 0 else codebook[k]))
    return tuple(np.stack(column) for column in zip(*rows))


@average.variant
def in_steps_toward_the_batch(counts, sums, codebook, z, indices, gamma=0.99):
    n = np.bincount(indices, minlength=len(counts))
    total = np.zeros(sums.shape)
    for k, vector in zip(indices, z):
        total[k] += vector
    counts, sums = counts + (1 - gamma) * (n - counts), sums + (1 - gamma) * (total - sums)
    codebook = codebook.copy()
    some = counts != 0
    codebook[some] = sums[some] / counts[some, None]
    return counts, sums, codebook


average.equivalent(
    "counts > UNUSED → counts >= UNUSED", reason="no count is exactly the tiny bound"
)
average.equivalent(
    "numpy.where(used, counts, 1) → numpy.where(used, counts, 2)",
    reason="what stands there is not used",
)
average.equivalent(
    "numpy.where(used, counts, 1) → numpy.where(used, counts, 0)",
    reason="what stands there is not used",
)
