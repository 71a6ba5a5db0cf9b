"""Exercises of the VQ-VAE: the nearest code, a gradient around it, the two losses, and the
moving averages."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad

near = Exercise(
    "vae/10/nearest",
    target="minigen.vae.quantizer:nearest",
    minutes=10,
    prompt=r"""
    Which code is nearest to each vector? `z` holds vectors of length $D$ in its last axis and may
    have any number of axes before it: shape $(\dots, D)$. `codebook` has shape $(K, D)$. Return the
    index of the row of the codebook at the smallest Euclidean distance, an array of integers of
    shape $(\dots)$. Of rows equally near, return the first: a codebook may hold the same row many
    times. The result need not be differentiable.
    """,
    hints="""
    Compute the distance of every vector to every code, then ask where it is smallest. The square of
    the distance has its minimum at the same place.

    |z - e|^2 = |z|^2 - 2 z·e + |e|^2, and the first part is the same for all e.

        flat = z.reshape(-1, z.shape[-1])
        distance = np.sum(codebook**2, axis=1) - 2 * flat @ codebook.T
        return np.argmin(distance, axis=1).reshape(z.shape[:-1])
    """,
)


@near.case(points=1, kind="equation", fixed=True, expect={"index": [0, 1, 2, 0]})
def three_codes(impl, rng):
    """Codes at (0, 0), (3, 0) and (0, 2). The last vector lies midway between two of them."""
    z = np.array([[1.0, 0.0], [2.0, 0.0], [-1.0, 5.0], [1.5, 0.0]])
    return {"index": impl(z, np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 2.0]]))}


@near.case(points=1, kind="equation", fixed=True, expect={"index": [0]})
def as_the_crow_flies(impl, rng):
    """From (0, 0) it is 2.83 to (2, 2) and 3 to (3, 0)."""
    return {"index": impl(np.zeros((1, 2)), np.array([[2.0, 2.0], [3.0, 0.0]]))}


@near.case(points=1, kind="equation", fixed=True, expect={"index": [0, 2, 1]})
def codes_of_different_lengths(impl, rng):
    """Codes of length 1, 3 and 9 on one ray: the distance decides, not the direction."""
    codebook = np.array([[0.6, 0.8], [1.8, 2.4], [5.4, 7.2]])
    return {"index": impl(np.array([[0.6, 0.9], [4.8, 6.4], [1.5, 2.1]]), codebook)}


@near.case(points=2, kind="shapes")
def a_grid_of_vectors(impl, rng):
    """Vectors on a grid, and 400 codes."""
    return {"index": impl(rng.standard_normal((2, 3, 4, 5)), rng.standard_normal((400, 5)))}


@near.case(points=1, kind="extremes", expect={"one vector": 1})
def repeated_codes(impl, rng):
    """A thousand rows, of which only three are different: the first of the nearest ones counts. And
    one vector alone, shape (D,)."""
    codebook = np.eye(3)[np.concatenate([[2, 1, 0], rng.integers(0, 3, 997)])]
    z = np.eye(3)[rng.integers(0, 3, (4, 5))] + 0.25
    return {"index": impl(z, codebook), "one vector": impl(np.array([0.0, 2.0, 0.0]), codebook)}


@near.case(
    points=1,
    kind="equation",
    fixed=True,
    property=True,
    expect={"index": np.arange(9), "index, close together": np.arange(9)},
)
def codes_themselves(impl, rng):
    """A code is nearest to itself, even where all are close together."""
    codebook = rng.standard_normal((9, 2)) * np.exp(rng.standard_normal((9, 1)))
    close = 1e-3 * codebook
    return {"index": impl(codebook, codebook), "index, close together": impl(close, close)}


@near.case(points=1, kind="equation", fixed=True, property=True, expect={"change": np.zeros(30)})
def shifted(impl, rng):
    """A shift of all vectors and codes does not change the result."""
    z, codebook, shift = (
        rng.standard_normal((30, 4)),
        rng.standard_normal((8, 4)),
        5 + rng.standard_normal(4),
    )
    return {"change": impl(z + shift, codebook + shift) - impl(z, codebook)}


through = Exercise(
    "vae/10/straight_through",
    target="minigen.vae.quantizer:straight_through",
    minutes=10,
    imports=["from minigen.tensor import stop_gradient"],
    prompt=r"""
    The value of the code vectors with the gradient of `z`. `z` holds the encoder's vectors,
    `quantized` the code vectors chosen for them, both of shape $(\dots, D)$. Return an array with
    the value of `quantized`. In the backward pass its gradient goes to `z` unchanged, and none goes
    to `quantized`.

    `stop_gradient(a)` has the value of `a` and no gradient.
    """,
    hints="""
    Start from z, which has the right gradient, and add what is missing to its value, as a plain
    number.

    z + sg[quantized - z].

        return z + stop_gradient(quantized - z)
    """,
)


@through.case(points=1, kind="equation", expect={"value": [[3.0, 5.0]]})
def value(impl, rng):
    return {"value": impl(np.array([[1.0, 2.0]]), np.array([[3.0, 5.0]]))}


@through.case(points=2, kind="equation", expect={"grad_z": [[6.0, 10.0]]})
def slope_of_a_square(impl, rng):
    """The sum of squares of the output (3, 5) has the gradient (6, 10) there, which is copied to
    z."""
    quantized = np.array([[3.0, 5.0]])
    return {"grad_z": grad(lambda z: np.sum(impl(z, quantized) ** 2))(np.array([[1.0, 2.0]]))}


@through.case(points=2, kind="gradient", property=True, expect={"z": 0.0, "codes": 0.0})
def who_gets_it(impl, rng):
    """The gradient of the output goes to z, even where z equals its code; the codes have none."""
    z, quantized, weight = rng.standard_normal((3, 4, 2, 3))
    quantized[0] = z[0]
    return {
        "z": grad(lambda z: np.sum(weight * impl(z, quantized)))(z) - weight,
        "codes": grad(lambda e: np.sum(weight * impl(z, e)))(quantized),
    }


@through.case(points=1, kind="equation")
def a_batch(impl, rng):
    return {"value": impl(*rng.standard_normal((2, 5, 3)))}


losses = Exercise(
    "vae/10/quantization_losses",
    target="minigen.vae.quantizer:quantization_losses",
    minutes=15,
    imports=[
        "from minigen.tensor import stop_gradient",
        "from minigen.vae.quantizer import Losses",
    ],
    prompt=r"""
    The two terms that bring codes and encoder outputs together, each of shape $(N,)$: a `Losses` of
    the codebook term and the commitment term, in this order.

    `z` holds the encoder's vectors and `quantized` the code vectors $e$ chosen for them, both of
    shape $(N, \dots, D)$. Each term is a squared Euclidean distance, summed over all axes but the
    first. The codebook term (the VQ loss) moves $e$ toward `z`, with no gradient with respect to
    `z`. The commitment term moves `z` toward $e$, with no gradient with respect to $e$, and is
    weighted by `beta`. Where a vector equals its code all gradients are 0.

    `stop_gradient(a)` has the value of `a` and no gradient.
    """,
    hints="""
    Both terms have the same squared distance. Which vector may move in each? Hold the other.

    codebook = |sg[z] - e|^2, commitment = beta |z - sg[e]|^2.

        axes = tuple(range(1, np.ndim(z)))
        codebook = np.sum((stop_gradient(z) - quantized) ** 2, axis=axes)
        commitment = beta * np.sum((z - stop_gradient(quantized)) ** 2, axis=axes)
        return Losses(codebook, commitment)
    """,
)


@losses.case(points=2, kind="equation", expect={"codebook": [25.0], "commitment": [12.5]})
def three_four_five(impl, rng):
    codebook, commitment = impl(np.array([[1.0, 2.0]]), np.array([[4.0, 6.0]]), 0.5)
    return {"codebook": codebook, "commitment": commitment}


@losses.case(points=2, kind="equation", expect={"z": [[-3.0, -4.0]], "e": [[6.0, 8.0]]})
def who_moves(impl, rng):
    """The gradients of the sum: in z with weight beta = 1/2, in e with weight 1."""

    def total(z, e):
        return sum(np.sum(term) for term in impl(z, e, 0.5))

    z, e = np.array([[1.0, 2.0]]), np.array([[4.0, 6.0]])
    return {"z": grad(total)(z, e), "e": grad(lambda e: total(z, e))(e)}


@losses.case(points=1, kind="shapes")
def a_grid(impl, rng):
    codebook, commitment = impl(*rng.standard_normal((2, 3, 2, 2, 4)), 0.3)
    return {"codebook": codebook, "commitment": commitment}


@losses.case(
    points=2,
    kind="gradient",
    fixed=True,
    property=True,
    expect={"z by codebook": 0.0, "e by commitment": 0.0},
)
def held(impl, rng):
    """Each term moves one side only."""
    z, e = rng.standard_normal((2, 4, 3))
    return {
        "z by codebook": grad(lambda z: np.sum(impl(z, e)[0]))(z),
        "e by commitment": grad(lambda e: np.sum(impl(z, e)[1]))(e),
    }


@losses.case(
    points=1,
    kind="gradient",
    fixed=True,
    property=True,
    expect={"codebook": [0.0, 0.0], "grad of z": 0.0, "grad of e": 0.0, "without commitment": 0.0},
)
def on_its_code(impl, rng):
    """Vectors equal to their codes have loss 0 and gradient 0; with beta = 0 the commitment term is
    0."""
    z, e = rng.standard_normal((2, 2, 3))

    def total(z, e):
        return sum(np.sum(term) for term in impl(z, e, 0.5))

    return {
        "codebook": impl(z, z.copy(), 0.5)[0],
        "grad of z": grad(lambda v: total(v, z.copy()))(z),
        "grad of e": grad(lambda v: total(z.copy(), v))(z),
        "without commitment": impl(z, e, 0.0)[1],
    }


@losses.case(points=1, kind="equation", fixed=True, property=True, expect={"gap": 0.0})
def default_weight(impl, rng):
    """The default weight of the commitment term is a quarter."""
    codebook, commitment = impl(*rng.standard_normal((2, 4, 3)))
    return {"gap": codebook - 4 * commitment}


@losses.case(points=1, kind="gradient")
def each_gradient(impl, rng):
    z, e = rng.standard_normal((2, 4, 3))
    return {
        "e by codebook": grad(lambda e: np.sum(impl(z, e, 2.0)[0]))(e),
        "z by commitment": grad(lambda z: np.sum(impl(z, e, 2.0)[1]))(z),
    }


average = Exercise(
    "vae/10/ema_update",
    target="minigen.vae.quantizer:ema_update",
    minutes=20,
    prompt=r"""
    The codebook as a moving average: the new `(counts, sums, codebook)` after a batch, a tuple.
    Change no argument in place. The result need not be differentiable: plain NumPy (`import numpy`)
    will do.

    `counts` $(K,)$: moving average of the number of vectors that a batch assigns to a code. `sums`
    $(K, D)$: moving average of the sum of these vectors. `codebook` $(K, D)$: the code vectors. `z`
    $(M, D)$: the vectors of this batch. `indices` $(M,)$: the code of each. `gamma`: the weight of
    the past; the batch has weight $1 - \gamma$.

    Each new code vector is new sum / new count, however small the count; it may be $10^{-7}$. Only
    a code whose new count is exactly 0 keeps the vector that it has.
    """,
    hints="""
    Count the vectors of each code in this batch, and sum them. Update both averages. Then divide.

    N <- gamma N + (1 - gamma) n, m <- gamma m + (1 - gamma) (sum of the code's vectors), e <- m /
    N, where N > 0.

        assigned = np.eye(len(counts), dtype=z.dtype)[indices]
        counts = gamma * counts + (1 - gamma) * np.sum(assigned, axis=0)
        sums = gamma * sums + (1 - gamma) * assigned.T @ z
        used = counts > 0
        return (
            counts,
            sums,
            np.where(used[:, None], sums / np.where(used, counts, 1)[:, None], codebook),
        )
    """,
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
    points=2,
    kind="equation",
    expect={"counts": [1.25, 1.5], "sums": [[5.25], [7.5]], "codebook": [[4.2], [5.0]]},
)
def two_codes(impl, rng):
    """Code 0 gets 4 and 8: its count is 3/4 + 2/4, its sum 3 · 3/4 + 12/4. Code 1 gets none."""
    start = np.array([1.0, 2.0]), np.array([[3.0], [10.0]]), np.array([[3.0], [5.0]])
    return as_dict(impl(*start, np.array([[4.0], [8.0]]), np.array([0, 0]), 0.75))


@average.case(points=2, kind="equation")
def random_batch(impl, rng):
    state = batch_of(rng)
    slow = as_dict(impl(*state))  # gamma = 0.99
    return as_dict(impl(*state, 0.9)) | {f"{name}, slowly": value for name, value in slow.items()}


@average.case(points=2, kind="extremes", expect={"counts": [0.0, 1.0], "codebook": [[7.0], [2.0]]})
def a_code_that_has_nothing(impl, rng):
    """Code 0 has never had a vector: it stays at 7."""
    start = np.array([0.0, 1.0]), np.array([[0.0], [2.0]]), np.array([[7.0], [2.0]])
    result = as_dict(impl(*start, np.array([[2.0]]), np.array([1]), 0.5))
    return {"counts": result["counts"], "codebook": result["codebook"]}


@average.case(points=1, kind="extremes")
def fading_codes(impl, rng):
    """Counts below 1, as of codes with few vectors: the sums are divided by them too."""
    counts, sums, codebook, z, indices = batch_of(rng)
    return as_dict(impl(0.01 * counts, 0.02 * sums, codebook, z, indices, 0.9))


@average.case(
    points=1,
    kind="extremes",
    expect={"counts": [0.5, 5e-8, 0.5], "codebook": [[4.0], [3.0], [6.0]]},
)
def nearly_forgotten(impl, rng):
    """Code 1 has had no vector for long: its sum 3e-7 over its count 1e-7 is still 3. Code 2 gets
    its first vector, 6."""
    start = np.array([0.0, 1e-7, 0.0]), np.array([[0.0], [3e-7], [0.0]]), np.full((3, 1), 9.0)
    result = as_dict(impl(*start, np.array([[4.0], [6.0]]), np.array([0, 2]), 0.5))
    return {"counts": result["counts"], "codebook": result["codebook"]}


@average.case(points=1, kind="equation", property=True, expect={"moved": 0.0})
def at_rest(impl, rng):
    """Vectors equal to their codes do not change the codebook."""
    counts, sums, codebook, _, indices = batch_of(rng)
    return {"moved": impl(counts, sums, codebook, codebook[indices], indices, 0.8)[2] - codebook}


@average.case(points=1, kind="equation", property=True, expect={"gap": 0.0})
def without_memory(impl, rng):
    """With gamma = 0 a code is the mean of its vectors."""
    counts, sums, codebook, z, indices = batch_of(rng)
    means = np.stack([z[indices == k].mean(axis=0) for k in range(3)])
    return {"gap": impl(counts, sums, codebook, z, indices, 0.0)[2][:3] - means}
