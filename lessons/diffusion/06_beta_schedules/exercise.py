"""The exercise of beta schedules: the cosine schedule."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise

cosine = Exercise(
    "diffusion/06/cosine_beta",
    target="minigen.diffusion.schedule:cosine_beta",
    minutes=12,
    prompt=r"""
    The variances $\beta_1 \dots \beta_T$ of the cosine schedule, an array $(T,)$. The fraction of
    the signal that is left after $t$ steps must be $f(t)/f(0)$, where $f(t)$ is the square of the
    cosine of $(t/T + s)/(1 + s)$ times $\pi/2$. Each $\beta$ follows from two neighbors of that
    curve, and none may be above `largest`.

    `T` is a whole number; $s = 0.008$ and $\mathrm{largest} = 0.999$ are the defaults. The result
    need not be differentiable.
    """,
    hints="""
    alpha_bar_t is the product of the alphas up to t. So alpha_t = 1 - beta_t is a ratio of two
    alpha_bar, one step apart. In the ratio f(0) cancels.

    beta_t = min(1 - f(t)/f(t - 1), largest) for t = 1 ... T, f(t) = cos²((t/T + s)/(1 + s) pi/2).

        t = np.arange(T + 1)
        f = np.cos((t / T + s) / (1 + s) * np.pi / 2) ** 2
        return np.minimum(1 - f[1:] / f[:-1], largest)
    """,
)


@cosine.case(
    points=1,
    kind="equation",
    fixed=True,
    expect={"beta": [0.25, 2 / 3, 0.999]},
    rtol=1e-9,
    atol=1e-9,
)
def three_steps(impl, rng):
    """T = 3, s = 0: f = 1, 3/4, 1/4, 0, so that beta = 1/4, 2/3, and 1 cut off at 0.999."""
    return {"beta": impl(3, s=0.0)}


@cosine.case(points=2, kind="equation", fixed=True)
def the_usual(impl, rng):
    return {"beta": impl(50), "beta of a longer one": impl(1000)}


@cosine.case(points=2, kind="equation", expect={"beta": [0.5]}, rtol=1e-6)
def one_step(impl, rng):
    """T = 1 and s = 1: f falls from cos²(pi/4) = 1/2 to 0, cut off at 0.5."""
    return {"beta": impl(1, s=1.0, largest=0.5)}


@cosine.case(points=2, kind="equation")
def other_offsets(impl, rng):
    s = float(rng.uniform(0.05, 0.5))
    return {"beta": impl(17, s), "beta without an offset": impl(17, 0.0)}


@cosine.case(points=2, kind="equation")
def other_limits(impl, rng):
    return {"beta, at most 0.3": impl(20, 0.008, 0.3), "beta, at most 1": impl(20, 0.02, 1.0)}


@cosine.case(points=2, kind="equation", fixed=True, property=True, expect={"gap": 0.0}, atol=1e-8)
def product_of_alphas(impl, rng):
    """The product of 1 - beta up to each t is f(t)/f(0), wherever nothing was cut off."""
    T, s = 40, 0.1
    angle = (np.arange(1, T) / T + s) / (1 + s) * np.pi / 2
    want = np.cos(angle) ** 2 / np.cos(s / (1 + s) * np.pi / 2) ** 2
    return {"gap": np.cumprod(1 - impl(T, s))[:-1] - want}
