"""Exercises on latent diffusion: the scale of the latents, and cross-attention."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad

scaling = Exercise(
    "diffusion/13/unit_scale",
    target="minigen.diffusion.latent:unit_scale",
    minutes=5,
    prompt=r"""
    The factor by which latents are multiplied before they are noised, so that their standard
    deviation is 1.

    `latents` is an array $(N, \dots)$ of any number of axes, such as $(N, 7, 7, 4)$; it may be
    `float32`, and its mean may be far from zero: the mean stays, only the deviation is measured.
    Return one float, the same for all entries: over examples, positions and channels together. The
    variance is the mean squared distance from the mean (divide by the number of entries). Leave
    `latents` as they are. The result need not be differentiable.
    """,
    hints="""
    If all entries are divided by their standard deviation, the new one is 1.

    1/sqrt(mean of (z - mean z)^2), over all entries at once.

        return float(1 / np.std(latents.astype(np.float64)))
    """,
)


@scaling.case(points=1, kind="equation", expect={"factor": 0.4})
def by_hand(impl, rng):
    """1.5, 6.5, 6.5, 1.5: the mean is 4, the variance 6.25, the deviation 2.5."""
    return {"factor": impl(np.array([[1.5, 6.5], [6.5, 1.5]]))}


@scaling.case(points=1, kind="equation")
def latents_of_images(impl, rng):
    """Grids with a channel of larger deviation than the other, and a mean of 3."""
    z = 3 + rng.standard_normal((5, 3, 4, 2)) * np.array([0.1, 2.0])
    return {"factor": impl(z)}


@scaling.case(points=1, kind="shapes")
def vectors_and_numbers(impl, rng):
    z = 0.001 * rng.standard_normal((7, 3))
    return {"vectors": impl(z), "numbers": impl(z[:, 0])}


@scaling.case(points=1, kind="equation", property=True, expect={"deviation": 1.0, "gap": 0.0})
def scaled_latents(impl, rng):
    """Times the factor, latents have the deviation 1; and latents times 2 get half the
    factor."""
    z = 2 + 5 * rng.standard_normal((6, 2, 2, 3))
    return {"deviation": np.std(impl(z) * z), "gap": 2 * impl(2 * z) - impl(z)}


@scaling.case(points=1, kind="extremes", rtol=1e-5)
def far_from_zero(impl, rng):
    """Latents of 1000, give or take 0.5, in float32."""
    z = np.tile(np.array([999.5, 1000.5], np.float32), (5000, 1))
    return {"factor": impl(z)}


attend = Exercise(
    "diffusion/13/cross_attention",
    target="minigen.diffusion.latent:cross_attention",
    minutes=15,
    blocked=["minigen.tensor.attention:attention"],
    imports=["from minigen.tensor import softmax"],
    prompt=r"""
    Cross-attention from the positions of a grid, which give the queries, to the words of a caption,
    which give keys and values.

    `q` holds queries, $(\dots, L, d)$: one row for each of $L$ positions. `k` holds keys,
    $(\dots, M, d)$, and `v` values, $(\dots, M, e)$: one row for each of $M$ words. The axes before
    the last two are the same in all three (examples, heads); there may be none, one or several of
    them. A query's weights, one for each word, are the softmax over the words of its products with
    their keys, each product divided by the root of $d$. The result, $(\dots, L, e)$, is for each
    query the mean of the values with these weights.

    `softmax(a)` of `minigen.tensor` is taken over the last axis. Products may be as large as
    $10^6$, in `float32`. The result must be differentiable, there too: use autograd's `np`. Leave
    the arguments as they are.
    """,
    hints="""
    All products at once are one matrix product, of the queries with the transposed keys:
    (..., L, d) times (..., d, M).

    softmax(q k^T/sqrt(d)) v, the softmax over the last axis, which counts the words.

        scores = np.matmul(q, np.swapaxes(k, -1, -2)) / np.shape(q)[-1] ** 0.5  # (..., L, M)
        return np.matmul(softmax(scores), v)  # (..., L, e)
    """,
)


def three(rng, *before, L=5, M=3, d=6, e=2):
    """Queries, keys and values."""
    return (
        rng.standard_normal((*before, L, d)),
        rng.standard_normal((*before, M, d)),
        rng.standard_normal((*before, M, e)),
    )


@attend.case(points=2, kind="equation", expect={"out": [[5.0, 0.5, 1.0], [6.4, 1.2, 1.0]]})
def two_queries_two_words(impl, rng):
    """d = 4, so the products are halved: of the first query log 3 and 0, which gives the weights
    3/4 and 1/4; of the second 0 and log 1.5, which gives 0.4 and 0.6."""
    q = np.array([[np.log(3), 0.0, 0.0, 0.0], [0.0, 2 * np.log(1.5), 0.0, 0.0]])
    k = np.array([[2.0, 0.0, 5.0, 0.0], [0.0, 1.0, 0.0, 7.0]])
    v = np.array([[4.0, 0.0, 1.0], [8.0, 2.0, 1.0]])
    return {"out": impl(q, k, v)}


@attend.case(points=1, kind="equation")
def one_example(impl, rng):
    """Five positions and three words, and no axis for examples."""
    return {"out": impl(*three(rng))}


@attend.case(points=1, kind="shapes")
def a_batch(impl, rng):
    q, k, v = three(rng, 2)
    return {"out": impl(q, k, v)}


@attend.case(points=1, kind="shapes")
def examples_and_heads(impl, rng):
    """Axes for examples and for heads."""
    return {"out": impl(*three(rng, 2, 3))}


@attend.case(points=1, kind="gradient")
def its_gradients(impl, rng):
    """The gradients with respect to queries, keys and values."""
    q, k, v = three(rng, 2, L=3)
    weights = rng.standard_normal((2, 3, 2))

    def total(q, k, v):
        return np.sum(weights * impl(q, k, v))

    return {
        "queries": grad(lambda q: total(q, k, v))(q),
        "keys": grad(lambda k: total(q, k, v))(k),
        "values": grad(lambda v: total(q, k, v))(v),
    }


@attend.case(
    points=1, kind="equation", property=True, expect={"one word": 0.0, "order": 0.0, "shift": 0.0}
)
def what_changes_nothing(impl, rng):
    """With a single word every output is its value; the order of the words, and a vector that is
    added to all keys, change nothing."""
    q, k, v = three(rng)
    out = impl(q, k, v)
    return {
        "one word": impl(q, k[:1], v[:1]) - np.repeat(v[:1], 5, axis=0),
        "order": impl(q, k[::-1], v[::-1]) - out,
        "shift": impl(q, k + rng.standard_normal(6), v) - out,
    }


@attend.case(points=1, kind="extremes", rtol=1e-5)
def large_products(impl, rng):
    """Products of 1e6 and more, in float32: the word with the largest product has all the weight.
    The gradient with respect to its value is 1 for each query for which it is the largest."""
    q, k, v = (a.astype(np.float32) for a in three(rng, 2))
    slope = grad(lambda v: np.sum(impl(1000 * q, 1000 * k, v)))(v)
    return {"out": impl(1000 * q, 1000 * k, v), "gradient with respect to v": slope}
