"""Exercises of the forward process: one small step, and all steps at once."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.diffusion.schedule import Schedule

SCHEDULE = r"""
    `schedule.beta`, `schedule.alpha` $(1 - \beta)$ and `schedule.alpha_bar`
    $(\alpha_1 \alpha_2 \dots \alpha_t)$ are float64 arrays indexed by the time step, $0 \dots T$;
    `beta[0]` is 0 and `alpha_bar[0]` is 1.
"""

BY_HAND = [0.19, 0.36]  # alpha = 0.81, 0.64, with the roots 0.9 and 0.8; alpha_bar_2 = 0.72^2


def schedule():
    return Schedule(np.linspace(0.01, 0.3, 10))


def slow_schedule():
    return Schedule.linear(1000)


def pair(rng, *shape):
    """Data and noise of one shape."""
    return rng.standard_normal(shape) + 2.0, rng.standard_normal(shape)


step = Exercise(
    "diffusion/01/q_step",
    target="minigen.diffusion.ddpm:q_step",
    minutes=10,
    prompt=r"""
    One step of the forward process, from $x_{t-1}$ to $x_t$: the data is multiplied by a positive
    factor, and noise of variance $\beta_t$ is added. The factor keeps data of variance 1 at
    variance 1.

    `x_before` and `eps` (the noise, of mean 0 and variance 1) have the same shape, $(N, D)$ or
    $(N, H, W, C)$. The result has their shape and dtype; `t` is one time step, a whole number
    $1 \dots T$, or an array $(N,)$ of them, one for each example. `eps` is given: draw nothing. The
    result need not be differentiable.
    """
    + SCHEDULE,
    hints="""
    Multiply the data by one number and the noise by another. The variances of independent numbers
    add up, and a factor enters squared; so the squares of the two numbers add up to 1.

    x_t = sqrt(1 - beta_t) x_(t-1) + sqrt(beta_t) eps.

        shape = (-1,) + (1,) * (np.ndim(x_before) - 1)
        beta = np.reshape(schedule.beta[t], shape).astype(x_before.dtype)
        return np.sqrt(1 - beta) * x_before + np.sqrt(beta) * eps
    """,
)


@step.case(points=2, kind="equation", expect={"x": [[0.8 * 5.0 + 0.6 * 2.5, -0.8 + 0.6 * 3.0]]})
def two_numbers(impl, rng):
    """beta_2 = 0.36: 0.8 times the data and 0.6 times the noise."""
    x, eps = np.array([[5.0, -1.0]]), np.array([[2.5, 3.0]])
    return {"x": impl(x, 2, eps, Schedule(BY_HAND))}


@step.case(points=2, kind="shapes")
def a_time_for_each_vector(impl, rng):
    """An array of times, one for each example."""
    x, eps = pair(rng, 4, 3)
    return {"x": impl(x, np.array([1, 4, 9, 10]), eps, schedule())}


@step.case(points=2, kind="equation", fixed=True, property=True, expect={"gap": 0.0})
def variance_kept(impl, rng):
    """The squares of what multiplies data and noise add up to 1, at every time."""
    one, zero, times = np.ones((1, 1)), np.zeros((1, 1)), range(1, 11)
    data = np.concatenate([impl(one, t, zero, schedule()) for t in times])
    noise = np.concatenate([impl(zero, t, one, schedule()) for t in times])
    return {"gap": data**2 + noise**2 - 1, "data": data, "noise": noise}


@step.case(points=1, kind="shapes")
def pictures(impl, rng):
    x, eps = pair(rng, 3, 4, 5, 2)
    one, each = impl(x, 7, eps, schedule()), impl(x, np.array([1, 4, 9]), eps, schedule())
    return {"t = 7": one, "t = 1, 4, 9": each}


@step.case(points=1, kind="extremes", rtol=1e-5, atol=1e-2, exact_dtype=True)
def thousand_slow_steps(impl, rng):
    """beta_1 is 1/10,000 here; numbers of about 1000, in float32."""
    x, eps = (1000 * a.astype(np.float32) for a in pair(rng, 5, 3))
    x_t = impl(x, np.array([1, 2, 10, 500, 1000]), eps, slow_schedule())
    return {"x": x_t}


shot = Exercise(
    "diffusion/01/q_sample",
    target="minigen.diffusion.ddpm:q_sample",
    minutes=10,
    prompt=r"""
    The first `t` steps of the forward process at once: from $x_0$ to $x_t$.

    `x0` and `eps` (the noise of all `t` steps together, of mean 0 and variance 1) have the same
    shape, $(N, D)$ or $(N, H, W, C)$. The result has their shape and dtype; `t` is one time step,
    a whole number $0 \dots T$, or an array $(N,)$ of them, one for each example. $t = 0$ gives `x0`
    itself. `eps` is given: draw nothing. The result need not be differentiable.
    """
    + SCHEDULE,
    hints="""
    Shrinking t times is shrinking once, by the product of the factors. The noises add up to one
    normal noise, and its variance is the one that makes the sum 1.

    x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps.

        shape = (-1,) + (1,) * (np.ndim(x0) - 1)
        a = np.reshape(schedule.alpha_bar[t], shape)
        return np.sqrt(a).astype(x0.dtype) * x0 + np.sqrt(1 - a).astype(x0.dtype) * eps
    """,
)


@shot.case(
    points=2,
    kind="equation",
    expect={"x": [[0.72 * 5.0 + 2.5 * np.sqrt(0.4816), -0.72 + 3.0 * np.sqrt(0.4816)]]},
)
def two_steps_at_once(impl, rng):
    """alpha_bar_2 = 0.81 * 0.64 = 0.5184 = 0.72^2, and 1 - 0.5184 = 0.4816."""
    x, eps = np.array([[5.0, -1.0]]), np.array([[2.5, 3.0]])
    return {"x": impl(x, 2, eps, Schedule(BY_HAND))}


@shot.case(points=2, kind="shapes")
def vectors_with_their_times(impl, rng):
    """An array of times, one for each example."""
    x, eps = pair(rng, 4, 3)
    return {"x": impl(x, np.array([1, 4, 9, 10]), eps, schedule())}


@shot.case(points=1, kind="equation", property=True, expect={"gap": 0.0})
def nothing_has_happened_yet(impl, rng):
    """At t = 0 the result is x0, whatever the noise."""
    x, eps = pair(rng, 3, 2)
    return {"gap": impl(x, 0, eps, schedule()) - x}


@shot.case(points=2, kind="equation", fixed=True, property=True, expect={"data": 0.0, "noise": 0.0})
def as_step_by_step(impl, rng):
    """The factor of x_0 is the product of the factors of all steps. The factor of eps, squared, is
    the sum of the variances that the steps add, each shrunk by the steps after it."""
    one, zero, s, times = np.ones((1, 1)), np.zeros((1, 1)), schedule(), range(1, 11)
    factors, variances = [1.0], [0.0]
    for beta in s.beta[1:]:
        factors.append(factors[-1] * np.sqrt(1 - beta))
        variances.append(variances[-1] * (1 - beta) + beta)
    data = np.concatenate([impl(one, t, zero, s) for t in times])[:, 0]
    noise = np.concatenate([impl(zero, t, one, s) for t in times])[:, 0]
    return {"data": data - factors[1:], "noise": noise**2 - variances[1:]}


@shot.case(points=1, kind="shapes")
def images(impl, rng):
    x, eps = pair(rng, 3, 4, 5, 2)
    one, each = impl(x, 7, eps, schedule()), impl(x, np.array([1, 4, 9]), eps, schedule())
    return {"t = 7": one, "t = 1, 4, 9": each}


@shot.case(points=1, kind="extremes", rtol=1e-5, atol=1e-2, exact_dtype=True)
def slow_and_long(impl, rng):
    """A thousand steps: 1 - alpha_bar starts at 1/10,000, and alpha_bar ends below it; data and
    noise of about 1000, in float32."""
    x, eps = (1000 * a.astype(np.float32) for a in pair(rng, 5, 3))
    x_t = impl(x, np.array([1, 2, 10, 500, 1000]), eps, slow_schedule())
    return {"x": x_t}
