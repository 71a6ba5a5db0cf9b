"""Exercises on guidance without a classifier: the guided noise, the labels left out in training,
and how alike an image and a text are."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise

guided = Exercise(
    "diffusion/09/classifier_free_eps",
    target="minigen.diffusion.guidance:classifier_free_eps",
    minutes=5,
    prompt="""
    The guided prediction of the noise with weight `w`, from a model's two predictions.

    `eps_cond` is its prediction given the label, `eps_uncond` that without a label; both have one
    shape, $(N, D)$ or $(N, H, W, C)$, which is the shape of the result. `w` is a number: 0 gives
    the conditional prediction, $-1$ the unconditional one, and above 0 the result lies beyond the
    conditional prediction, away from the unconditional one. The result need not be differentiable.
    """,
    hints="""
    The result lies on the straight line through both predictions. Where on it is w = 0, and where
    w = -1?

    (1 + w) eps_cond - w eps_uncond: the two weights add up to 1.

        return (1 + w) * eps_cond - w * eps_uncond
    """,
)


@guided.case(points=1, kind="equation", expect={"eps": [[2.75, -3.0]]})
def by_hand(impl, rng):
    """w = 1.5: 2.5 * 1.4 - 1.5 * 0.5, and 2.5 * -0.9 - 1.5 * 0.5."""
    return {"eps": impl(np.array([[1.4, -0.9]]), np.array([[0.5, 0.5]]), 1.5)}


@guided.case(points=2, kind="equation")
def points_of_the_plane(impl, rng):
    cond, uncond = rng.standard_normal((2, 5, 3))
    return {f"w = {w}": impl(cond, uncond, w) for w in (0.3, 4.0, -2.0)}


@guided.case(
    points=1, kind="equation", property=True, expect={"w = 0": 0.0, "w = -1": 0.0, "agreed": 0.0}
)
def the_two_ends(impl, rng):
    """w = 0 and w = -1 give the two predictions back; equal predictions stay as they are."""
    cond, uncond = rng.standard_normal((2, 4, 3))
    return {
        "w = 0": impl(cond, uncond, 0) - cond,
        "w = -1": impl(cond, uncond, -1) - uncond,
        "agreed": impl(cond, cond, 3.0) - cond,
        "far": impl(cond, uncond, 7.5),
    }


@guided.case(points=1, kind="extremes", rtol=1e-5)
def pictures(impl, rng):
    """In float32, with predictions of 1000 and -1000 among them."""
    cond, uncond = rng.standard_normal((2, 2, 4, 5, 1)).astype(np.float32)
    cond[0, 0, :2, 0] = [1000.0, -1000.0]
    return {"eps": impl(cond, uncond, 2.0)}


dropped = Exercise(
    "diffusion/09/drop_labels",
    target="minigen.diffusion.guidance:drop_labels",
    minutes=5,
    prompt="""
    The labels of a batch with some of them dropped, for the training of one network as a
    conditional and an unconditional model.

    `y` holds whole numbers $(N,)$, `u` one random number in $[0, 1)$ for each $(N,)$, `p` is the
    fraction of labels to be dropped. The result is an array in the shape of `y`: $-1$, which stands
    for no label, where `u` is below `p`, the label everywhere else. `y` itself must stay as it was.
    """,
    hints="""
    u is below p with probability p. One comparison decides for each label.

    -1 where u < p, else y.

        return np.where(u < p, -1, y)
    """,
)


@dropped.case(points=1, kind="equation", fixed=True, expect={"labels": [7, -1, 0, -1, 4]})
def five_labels(impl, rng):
    """p = 0.3: the second and the fourth are left out; a label that is 0 stays one."""
    return {"labels": impl(np.array([7, 2, 0, 9, 4]), np.array([0.9, 0.1, 0.5, 0.29, 0.31]), 0.3)}


@dropped.case(points=2, kind="equation")
def a_batch(impl, rng):
    y, u = rng.integers(0, 10, 200), rng.random(200)
    return {f"p = {p}": impl(y, u, p) for p in (0.1, 0.5, 0.85)}


@dropped.case(
    points=1, kind="equation", property=True, expect={"all left out": -1, "none left out": 0}
)
def all_and_none(impl, rng):
    """p = 1 leaves every label out; p = 0 leaves none, even where u is exactly 0."""
    y, u = rng.integers(0, 10, 50), rng.random(50)
    u[7] = 0.0
    some = impl(y, np.linspace(0, 0.98, 50), 0.5)
    return {
        "all left out": impl(y, u, 1.0),
        "none left out": impl(y, u, 0.0) - y,
        "first of the rest": some[25:],
    }


@dropped.case(points=1, kind="equation", property=True, expect={"share": 0.0})
def the_share(impl, rng):
    """Of 100,000 labels, p = 0.2 are left out: 0.2 to five standard errors, so to 0.0063."""
    y, u = np.full(100_000, 3), rng.random(100_000)
    labels = impl(y, u, 0.2)
    off = abs(np.mean(np.asarray(labels) == -1) - 0.2)
    return {"share": max(off - 0.0063, 0.0), "labels": labels[:20]}


alike = Exercise(
    "diffusion/09/clip_similarity",
    target="minigen.diffusion.guidance:clip_similarity",
    minutes=10,
    prompt="""
    How well images fit their texts: the cosine of the angle between their embeddings.

    `image` has shape $(N, E)$, a row for each image; `text` has shape $(N, E)$, row $n$ belonging
    to image $n$, or $(1, E)$, one text for all. The result has shape $(N,)$: the scalar product of
    the two rows, each brought to length 1. No row is zero, but some are very long or very short.
    The result must be differentiable with respect to `image`.
    """,
    hints="""
    The cosine is the scalar product of two vectors of length 1. Row by row: nothing is multiplied
    with another image's text.

    Sum over E of image * text, over the two lengths; a length is the square root of the sum of
    squares. Bring the rows to length 1 first: the squares of very long rows do not fit into
    float32, so divide by the largest entry before.

        def unit(rows):
            rows = rows / np.max(np.abs(rows), axis=1, keepdims=True)
            return rows / np.sqrt(np.sum(rows**2, axis=1, keepdims=True))

        return np.sum(unit(image) * unit(text), axis=1)
    """,
)


@alike.case(points=1, kind="equation", fixed=True, expect={"cosines": [0.936, -0.6]})
def two_images(impl, rng):
    """(7, 24) and (6, 8) have the lengths 25 and 10 and the product 234; (-3, 4) and (2.5, 0) the
    lengths 5 and 2.5 and the product -7.5."""
    image, text = np.array([[7.0, 24.0], [-3.0, 4.0]]), np.array([[6.0, 8.0], [2.5, 0.0]])
    return {"cosines": impl(image, text)}


@alike.case(points=1, kind="equation")
def many_images(impl, rng):
    return {"cosines": impl(rng.standard_normal((6, 4)), rng.standard_normal((6, 4)))}


@alike.case(points=1, kind="equation")
def one_text_for_all(impl, rng):
    return {"cosines": impl(rng.standard_normal((5, 3)), rng.standard_normal((1, 3)))}


@alike.case(points=1, kind="equation", property=True, expect={"itself": 1.0, "longer": 0.0})
def lengths_do_not_count(impl, rng):
    """An embedding is wholly like itself; making it longer changes nothing."""
    image, text = rng.standard_normal((2, 5, 3))
    return {
        "itself": impl(image, image),
        "longer": impl(image * np.array([[3.0], [0.2], [50.0], [1e-3], [7.0]]), text)
        - impl(image, text),
        "other": impl(image, text),
    }


@alike.case(points=1, kind="extremes", rtol=1e-4)
def both_long(impl, rng):
    """In float32: both squares can still be written down, their product cannot."""
    image, text = rng.standard_normal((2, 4, 3)).astype(np.float32)
    return {"cosines": impl(np.float32(1e15) * image, np.float32(1e10) * text)}


@alike.case(points=1, kind="extremes", rtol=1e-4)
def very_long_and_very_short(impl, rng):
    """In float32, whose squares end at 3e38 and begin at 1e-45. A coordinate may be 0."""
    image, text = rng.standard_normal((2, 4, 3)).astype(np.float32)
    image[0, 1] = text[1, 2] = 0
    lengths = np.array([[1e25], [1e-25], [1000.0], [1.0]], np.float32)
    return {"long images": impl(image * lengths, text), "long texts": impl(image, text * lengths)}


@alike.case(points=2, kind="gradient")
def gradient_in_the_image(impl, rng):
    """The gradient of the sum of all cosines."""
    from minigen.tensor import value_and_grad

    image, text = rng.standard_normal((2, 4, 5))
    value, gradient = value_and_grad(lambda image: np.sum(impl(image, text)))(image)
    return {"sum": value, "gradient": gradient}
