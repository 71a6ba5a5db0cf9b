"""Exercises on Imagen: dynamic thresholding, and the mean over the words of a text."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise

threshold = Exercise(
    "diffusion/16/dynamic_threshold",
    target="minigen.diffusion.imagen:dynamic_threshold",
    minutes=15,
    prompt=r"""
    Images whose pixels have left $[-1, 1]$, brought back by dynamic thresholding.

    `x0` holds examples $(N, \dots)$, images $(N, H, W, C)$ or vectors $(N, D)$; the result has its
    shape. $s$ is the quantile `p` of the absolute values $|x_0|$ of one example, but at least 1;
    each example has its own $s$. Clip the example to $[-s, s]$, and divide it by $s$. The quantile
    is interpolated linearly, as by `np.quantile`. `p` is a number in $[0, 1]$, 0.995 unless given.
    The result need not be differentiable.
    """,
    hints="""
    One quantile for each example, over all of its pixels and channels. What if it is below 1?

    s = max(1, quantile); clip(x0, -s, s)/s.

        flat = np.reshape(x0, (len(x0), -1))
        s = np.maximum(np.quantile(np.abs(flat), p, axis=1, keepdims=True), 1)
        cut = np.minimum(np.maximum(flat, -s), s)
        return np.reshape(cut / s, np.shape(x0)).astype(x0.dtype)
    """,
)


@threshold.case(
    points=2, kind="equation", expect={"x0": [[-1.0, 0.4, 1.0, -0.2], [-0.5, 0.5, 0.25, 0.9]]}
)
def two_examples(impl, rng):
    """The sizes of the first are 0.5, 1, 2.5 and 4; with p = 2/3 its s is 2.5. In the second the
    quantile is 0.5, so s is 1."""
    x0 = np.array([[-2.5, 1.0, 4.0, -0.5], [-0.5, 0.5, 0.25, 0.9]])
    return {"x0": impl(x0, 2 / 3)}


@threshold.case(points=1, kind="shapes")
def images(impl, rng):
    """Each with its own standard deviation, from 0.3 to 3."""
    spread = np.array([0.3, 1.0, 1.5, 3.0]).reshape(4, 1, 1, 1)
    x0 = spread * rng.standard_normal((4, 5, 6, 2))
    return {f"p = {p}": impl(x0, p) for p in (0.7, 0.9)}


@threshold.case(points=1, kind="equation")
def the_usual_quantile(impl, rng):
    """Without p it is 0.995, of 28 x 28 pixels."""
    return {"x0": impl(2 * rng.standard_normal((2, 28, 28, 1)))}


@threshold.case(points=1, kind="equation", property=True, expect={"outside": 0.0, "kept": 0.0})
def never_outside(impl, rng):
    """Nothing is left outside [-1, 1]; an example that stays inside is left as it is."""
    x0 = 5 * rng.standard_normal((3, 40))
    inside = rng.uniform(-1, 1, (3, 40))
    small = impl(inside, 0.5)
    return {
        "outside": np.maximum(np.abs(impl(x0, 0.8)) - 1, 0),
        "kept": small - inside,
        "one row alone": impl(x0[1:2], 0.8),
    }


@threshold.case(points=1, kind="extremes")
def the_ends_of_p(impl, rng):
    """p = 1 is the largest size, so that nothing is cut; p = 0 the smallest, which may be above 1
    as well."""
    x0 = 3 * rng.standard_normal((3, 7))
    far = x0 + 2 * np.sign(x0)
    return {"p = 1": impl(x0, 1.0), "p = 0": impl(x0, 0.0), "all far": impl(far, 0.5)}


@threshold.case(points=1, kind="extremes", rtol=1e-5)
def very_large(impl, rng):
    """Values of 1000 and -1000, in float32."""
    x0 = rng.standard_normal((2, 9)).astype(np.float32)
    x0[0, :3] = [1000.0, -1000.0, 500.0]
    return {"x0": impl(x0, 0.9)}


mean = Exercise(
    "diffusion/16/mean_of_words",
    target="minigen.diffusion.text:mean_of_words",
    minutes=10,
    prompt=r"""
    The mean over the words of each text.

    `h` $(N, L, \mathrm{width})$ is the output of a text encoder at each of the $L$ places of each
    text; `tokens` $(N, L)$ are the numbers of the words there, 0 where the text has ended. The
    result $(N, \mathrm{width})$ is the mean of `h` over the places that hold a word: not over the
    padding. Each text has at least one word. The result must be differentiable with respect to `h`.
    """,
    hints="""
    A place counts 1 if its token is above 0, and 0 otherwise.

    The sum over L of h times that, divided by the number of words.

        words = (tokens > 0).astype(h.dtype)[:, :, None]
        return np.sum(h * words, axis=1) / np.sum(words, axis=1)
    """,
)


@mean.case(points=1, kind="equation", expect={"mean": [[2.0, 5.0], [7.0, -4.0]]})
def two_texts(impl, rng):
    """Two words, and one: what comes after them does not count."""
    h = np.array(
        [
            [[1.5, 4.0], [2.5, 6.0], [90.0, 90.0], [70.0, -5.0]],
            [[7.0, -4.0], [8.0, 8.0], [-9.0, 1.0], [30.0, 3.0]],
        ]
    )
    return {"mean": impl(h, np.array([[3, 12, 0, 0], [5, 0, 0, 0]]))}


@mean.case(points=1, kind="equation")
def a_batch(impl, rng):
    tokens = rng.integers(1, 20, (5, 6)) * (np.arange(6) < np.array([[6], [1], [3], [5], [2]]))
    return {"mean": impl(rng.standard_normal((5, 6, 4)), tokens)}


@mean.case(points=1, kind="equation", property=True, expect={"padding": 0.0})
def padding_does_not_matter(impl, rng):
    """The same text with more padding after it, and other numbers there, has the same mean."""
    h, tokens = rng.standard_normal((3, 4, 5)), np.array([[2, 7, 1, 0], [4, 0, 0, 0], [1, 1, 1, 1]])
    longer = np.concatenate([h, 100 * rng.standard_normal((3, 2, 5))], axis=1)
    padded = np.concatenate([tokens, np.zeros((3, 2), int)], axis=1)
    return {"padding": impl(longer, padded) - impl(h, tokens), "mean": impl(h, tokens)}


@mean.case(points=1, kind="equation", property=True, expect={"gap": 0.0}, atol=1e-12)
def words_all_alike(impl, rng):
    """If all words of a text have the same output, it is the mean."""
    word, tokens = rng.standard_normal((3, 1, 2)), np.array([[2, 0, 0], [4, 9, 0], [1, 1, 1]])
    mean = impl(np.repeat(word, 3, axis=1), tokens)
    return {"gap": mean - word[:, 0], "mean": mean}


@mean.case(points=1, kind="gradient")
def gradient_in_h(impl, rng):
    from minigen.tensor import value_and_grad

    h, tokens = rng.standard_normal((2, 4, 3)), np.array([[2, 7, 0, 0], [4, 1, 9, 5]])
    weights = rng.standard_normal((2, 3))
    value, gradient = value_and_grad(lambda h: np.sum(weights * impl(h, tokens)))(h)
    return {"value": value, "gradient": gradient}


@mean.case(points=1, kind="extremes", rtol=1e-5)
def in_single_precision(impl, rng):
    """With values of 1000 at the padding, in float32."""
    h, tokens = rng.standard_normal((2, 3, 4)).astype(np.float32), np.array([[2, 0, 0], [4, 1, 0]])
    h[:, 2] = 1000.0
    return {"mean": impl(h, tokens)}
