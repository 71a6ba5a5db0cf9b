"""Exercise of Langevin dynamics: one step."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise

step = Exercise(
    "diffusion/02/langevin_step",
    target="minigen.diffusion.langevin:langevin_step",
    minutes=10,
    prompt=r"""
    One step of Langevin dynamics: half the step size times the score, plus noise whose variance is
    the step size.

    `x`, `score` (the gradient of $\log p$ at `x`) and `z` (noise of mean 0 and variance 1) have the
    same shape, $(N, D)$ or $(N, H, W, C)$. The result has their shape and dtype. `step`, the
    $\delta$ of the equation, is a positive number or an array of shape $()$, or an array $(N,)$ of
    them, one for each example; it may be as small as $10^{-6}$ and as large as 4. `z` is given:
    draw nothing. Do not change `x`. The result need not be differentiable.
    """,
    hints="""
    Two things are added to x. One of them scales with the step, the other with its root.

    x + step/2 score + sqrt(step) z.

        shape = np.shape(step) + (1,) * (np.ndim(x) - 1) * np.ndim(step)
        delta = np.reshape(step, shape).astype(x.dtype)
        return x + delta / 2 * score + np.sqrt(delta) * z
    """,
)


def three(rng, *shape):
    """x, score and noise."""
    return (
        2 + rng.standard_normal(shape),
        3 * rng.standard_normal(shape),
        rng.standard_normal(shape),
    )


@step.case(
    points=1, kind="equation", expect={"x": [[5 - 0.18 * 2 + 0.6 * 3, 1 + 0.18 * 7 - 0.6 * 0.5]]}
)
def by_hand(impl, rng):
    """step = 0.36: half of it is 0.18, its root 0.6."""
    x, score, z = np.array([[[5.0, 1.0]], [[-2.0, 7.0]], [[3.0, -0.5]]])
    return {"x": impl(x, score, 0.36, z)}


@step.case(points=2, kind="equation")
def vectors(impl, rng):
    x, score, z = three(rng, 4, 3)
    return {"step 0.05": impl(x, score, 0.05, z), "step 4": impl(x, score, 4.0, z)}


@step.case(points=2, kind="equation", property=True, expect={"gap": 0.0})
def scales(impl, rng):
    """The part of the move with the score grows with the step, the part with the noise with its
    root."""
    x, score, z = three(rng, 4, 3)
    drift = impl(x, score, 0.9, 0 * z) - x - 9 * (impl(x, score, 0.1, 0 * z) - x)
    noise = impl(x, 0 * score, 0.9, z) - x - 3 * (impl(x, 0 * score, 0.1, z) - x)
    return {"gap": np.stack([drift, noise]), "moved": impl(x, score, 0.1, z) - x}


@step.case(points=2, kind="shapes")
def a_step_for_each(impl, rng):
    """An array of steps, one for each example; and an array without axes."""
    x, score, z = three(rng, 4, 3)
    return {
        "each": impl(x, score, np.array([0.01, 0.5, 1.0, 2.0]), z),
        "one": impl(x, score, np.array(0.3), z),
    }


@step.case(points=1, kind="shapes")
def images(impl, rng):
    x, score, z = three(rng, 3, 4, 5, 2)
    return {
        "one": impl(x, score, 0.02, z),
        "each": impl(x, score, np.array([0.01, 0.5, 1.0]), z),
    }


@step.case(points=1, kind="extremes", rtol=1e-5, exact_dtype=True)
def steep_and_small(impl, rng):
    """A score of about 1000 and a step of 1e-6, in float32."""
    x, score, z = (a.astype(np.float32) for a in three(rng, 5, 2))
    x_new = impl(0 * x, 1000 * score, 1e-6, z)
    return {"moved": 1000 * x_new}
