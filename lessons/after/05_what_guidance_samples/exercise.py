"""Exercises on what guidance samples: a variance, and weights that reach the tilted density."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise

guided = Exercise(
    "after/05/guided_gaussian_variance",
    target="minigen.diffusion.guidance:guided_gaussian_variance",
    minutes=12,
    prompt=r"""
    The variance of the samples of a guided Gaussian.

    The denoisers of $N(0, v_1)$ and $N(0, v_0)$ are $D_1 = v_1 y/(v_1 + \sigma^2)$ and
    $D_0 = v_0 y/(v_0 + \sigma^2)$. The sampler follows
    $\mathrm{d}y/\mathrm{d}\sigma = (y - D)/\sigma$ with $D = D_1 + w (D_1 - D_0)$, from a $\sigma$
    far above both, where $y$ is $N(0, \sigma^2)$, to 0. `v1`, `v0` and `w` are numbers or arrays
    that go together; return the variance of $y$ at the end.
    """,
    hints="""
    Of one Gaussian the path is y proportional to sqrt(v + sigma^2). The equation is linear in D, so
    the path of the mix is a product of powers of two such roots.

    y ~ (v1 + sigma^2)^((1 + w)/2) (v0 + sigma^2)^(-w/2), so the variance is v1^(1 + w) / v0^w.

        return v1 ** (1 + w) / v0**w
    """,
)


@guided.case(points=3, kind="equation", expect={"variance": [2.0, 0.8, 0.32]})
def two_and_five(impl, rng):
    """v1 = 2 and v0 = 5: each 1 of w multiplies the variance by 2/5."""
    return {"variance": impl(2.0, 5.0, np.array([0.0, 1.0, 2.0]))}


@guided.case(points=2, kind="equation")
def random_variances(impl, rng):
    v1, v0 = np.exp(rng.standard_normal((2, 5)))
    return {"variance": impl(v1, v0, rng.uniform(-1, 3, 5))}


@guided.case(points=2, kind="equation", property=True, expect={"difference": 0.0})
def minus_one(impl, rng):
    """With w = -1 the sampler follows D_0 alone."""
    v1, v0 = np.exp(rng.standard_normal((2, 4)))
    return {"difference": impl(v1, v0, -1.0) - v0}


increment = Exercise(
    "after/05/log_weight_increment",
    target="minigen.diffusion.feynman_kac:log_weight_increment",
    minutes=15,
    prompt=r"""
    Return what the logarithm of each point's weight gains in one step of guidance, $(N,)$.

    `s1` and `s0` are the scores of two models at $N$ points, and the step moves the points by the
    guided score $s = (1 + w) s_1 - w s_0$. Noise would change the logarithm of the density
    $p_1^{1 + w}/p_0^w$ at the rate $\frac{1}{2}\|s\|^2$ (plus a term with second derivatives),
    if it were the density of noisy data. Its true rate has
    $(1 + w) \|s_1\|^2 - w \|s_0\|^2$ in place of $\|s\|^2$. The gain is the first rate minus the
    second, multiplied by `du`.

    `s1` and `s0` are $(N, D)$ or $(N, H, W, C)$, and the squared norm of a point is the sum over
    all of its numbers. `w` is any number, and may be negative. `du`, the length of the step in
    $u = \sigma^2$, is 0 or more, one number or $(N,)$.
    """,
    hints="""
    Multiply out the squared norm of s, and collect the terms: what is left is a multiple of the
    squared norm of s1 - s0.

    w (1 + w) / 2 |s1 - s0|^2 du.

        squares = np.sum((s1 - s0) ** 2, axis=tuple(range(1, np.ndim(s1))))
        return w * (1 + w) / 2 * squares * du
    """,
)


@increment.case(points=2, kind="equation", expect={"gain": [3.0, 5.4]})
def two_points(impl, rng):
    """w = 3 and du = 0.1: the scores differ by (1, -2) and by (0, 3), so their squares are 5 and 9,
    and the factor is 3 * 4 / 2 * 0.1 = 0.6."""
    s1, s0 = np.array([[2.0, -1.0], [4.0, 3.0]]), np.array([[1.0, 1.0], [4.0, 0.0]])
    return {"gain": impl(s1, s0, 3.0, 0.1)}


@increment.case(points=3, kind="equation")
def random_scores(impl, rng):
    """With one du, and with a du for each point."""
    s1, s0 = rng.standard_normal((2, 5, 3))
    return {
        "one du": impl(s1, s0, rng.uniform(0.5, 3), 0.3),
        "each its own": impl(s1, s0, 1.7, rng.uniform(0, 2, 5)),
    }


@increment.case(points=2, kind="equation", property=True, expect={"difference": 0.0}, atol=1e-8)
def both_rates(impl, rng):
    """Twice the gain for du = 1, plus the true rate, is the squared norm of the guided score."""
    (s1, s0), w = rng.standard_normal((2, 6, 2)), rng.uniform(-2, 3)
    rate = (1 + w) * np.sum(s1**2, axis=1) - w * np.sum(s0**2, axis=1)
    guided = (1 + w) * s1 - w * s0
    return {"difference": 2 * impl(s1, s0, w, 1.0) + rate - np.sum(guided**2, axis=1)}


@increment.case(points=2, kind="shapes")
def images(impl, rng):
    """Scores of images, with one du and with a du for each; and points with one coordinate."""
    s1, s0 = rng.standard_normal((2, 3, 2, 4, 2))
    return {
        "one du": impl(s1, s0, 1.5, 0.2),
        "each its own": impl(s1, s0, 1.5, np.array([0.5, 0.0, 2.0])),
        "one coordinate": impl(s1[:, 0, 0, :1], s0[:, 0, 0, :1], 0.5, 0.7),
    }


@increment.case(points=1, kind="extremes")
def special_weights(impl, rng):
    """w = 0 and w = -1 are no guidance: nothing is gained. Between them the gain is negative. Equal
    scores gain nothing, and large ones very much."""
    s1, s0 = rng.standard_normal((2, 4, 2))
    return {
        "w = 0": impl(s1, s0, 0.0, 1.0),
        "w = -1": impl(s1, s0, -1.0, 1.0),
        "w = -1/2": impl(s1, s0, -0.5, 1.0),
        "equal": impl(s1, s1, 2.0, 1.0),
        "large": impl(1000 * s1, -1000 * s0, 2.0, 0.5),
    }
