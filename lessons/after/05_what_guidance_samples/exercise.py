"""Exercises on what guidance samples."""

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
