"""Exercises on samplers: noise levels, and churn."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise

levels = Exercise(
    "after/04/karras_levels",
    target="minigen.diffusion.edm:karras_levels",
    minutes=10,
    blocked=["minigen.diffusion.schedule:Schedule.karras"],
    prompt=r"""
    The noise levels of a sampler with `steps` steps: an array $(\mathrm{steps} + 1,)$ that falls to
    0.

    The first `steps` levels fall from `high` to `low` so that their roots $\sigma^{1/\rho}$ have
    equal distances. The last entry is 0. With one step the only level is `high`.
    """,
    hints="""
    Space the roots evenly, raise them to the power rho, and append the 0.

    (high^(1/rho) + i/(n - 1) (low^(1/rho) - high^(1/rho)))^rho for i = 0 ... n - 1, then 0.

        roots = np.linspace(high ** (1 / rho), low ** (1 / rho), steps)
        return np.append(roots**rho, 0.0)
    """,
)


@levels.case(points=3, kind="equation", expect={"levels": [9.0, 4.0, 1.0, 0.0]})
def squares(impl, rng):
    """From 9 to 1 with rho = 2: the roots are 3, 2, 1."""
    return {"levels": impl(3, 1.0, 9.0, 2.0)}


@levels.case(points=2, kind="equation")
def other_powers(impl, rng):
    low, high = np.exp(rng.uniform(-5, -1)), np.exp(rng.uniform(1, 4))
    return {f"rho = {rho}": impl(7, low, high, rho) for rho in (1.0, 3.0, 7.0)}


@levels.case(points=1, kind="equation", fixed=True, property=True, expect={"differences": 0.0})
def even_in_the_root(impl, rng):
    """The roots of the levels above 0 have equal distances."""
    roots = impl(6, 0.1, 5.0, 4.0)[:-1] ** 0.25
    return {"differences": np.diff(roots, 2)}


@levels.case(points=1, kind="extremes")
def few_steps_and_defaults(impl, rng):
    return {"one": impl(1, 0.01, 20.0), "two": impl(2, 0.01, 20.0), "defaults": impl(18)}


fresh = Exercise(
    "after/04/churn",
    target="minigen.diffusion.edm:churn",
    minutes=10,
    prompt=r"""
    Raise the noise level of points `y` by fresh noise: return $(y', \sigma')$.

    `y` $(N, D)$ or $(N, H, W, C)$ has the level `sigma`, a number or $(N,)$. The new level is
    $\sigma' = (1 + \gamma) \sigma$. Variances of independent noises add up. `z` is standard normal
    noise in the shape of `y`, and `noise` is a factor on the noise that is added, but not on
    $\sigma'$.
    """,
    hints="""
    The noise that is added has the variance sigma'^2 - sigma^2.

    y + sqrt(sigma'^2 - sigma^2) noise z, and sigma'.

        raised = (1 + gamma) * sigma
        added = noise * np.sqrt(raised**2 - sigma**2)
        added = np.reshape(added, np.shape(added) + (1,) * (np.ndim(y) - np.ndim(added)))
        return y + added * z, raised
    """,
)


@fresh.case(points=3, kind="equation", expect={"y": [[4.1]], "sigma": 5.0})
def three_to_five(impl, rng):
    """From 3 to 5: the noise that is added has standard deviation 4, and 1.3 + 4 * 0.7."""
    y, sigma = impl(np.array([[1.3]]), 3.0, 2 / 3, np.array([[0.7]]))
    return {"y": y, "sigma": sigma}


@fresh.case(points=2, kind="equation")
def with_a_factor(impl, rng):
    y, z = rng.standard_normal((2, 4, 3))
    out, sigma = impl(y, 0.8, 0.3, z, 1.1)
    return {"y": out, "sigma": sigma}


@fresh.case(points=1, kind="equation", property=True, expect={"difference": 0.0})
def squares_add_up(impl, rng):
    """The square of what is added, over z^2, and the square of the old level give the new one."""
    y, z = rng.standard_normal((2, 5, 2))
    out, sigma = impl(y, 0.7, 0.4, z)
    return {"difference": ((out - y) / z) ** 2 + 0.49 - sigma**2}


@fresh.case(points=2, kind="shapes")
def levels_of_their_own(impl, rng):
    sigma = np.array([0.0, 0.5, 20.0])
    points, images = rng.standard_normal((2, 3, 2)), rng.standard_normal((2, 3, 2, 4, 1))
    of_points, raised = impl(points[0], sigma, 0.2, points[1])
    of_images, _ = impl(images[0], sigma, 0.2, images[1], 0.9)
    return {"points": of_points, "sigma": raised, "images": of_images}
