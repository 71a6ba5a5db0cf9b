"""Exercises of the reverse process: the mean and the variance of a step back, given the data."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.diffusion.schedule import Schedule

BY_HAND = [0.19, 0.36]  # alpha = 0.81, 0.64; alpha_bar = 0.81, 0.5184, with the roots 0.9 and 0.72


def schedule():
    return Schedule(np.linspace(0.01, 0.3, 10))


mean = Exercise(
    "diffusion/03/posterior_mean",
    target="minigen.diffusion.ddpm:posterior_mean",
    minutes=15,
    blocked=["minigen.diffusion.ddpm:q_posterior"],
    prompt=r"""
    Return the mean of $x_{t-1}$ given both `x_t` and $x_0$. It is a multiple of `x_t` plus a
    multiple of $x_0$.

    `x0` and `x_t` have the same shape, $(N, D)$ or $(N, H, W, C)$. The mean has their shape and
    dtype; `t` is one time step, a whole number $1 \dots T$, or an array $(N,)$ of them, one for
    each example. At $t = 1$ the mean is `x0` itself. There $1 - \bar\alpha_{t-1}$ is 0, so simplify
    the two factors before you compute them, until nothing is divided by this 0 (0/0 is NaN). The
    result need not be differentiable.

    `schedule.beta`, `schedule.alpha` $(1 - \beta)$ and `schedule.alpha_bar`
    $(\alpha_1 \alpha_2 \dots \alpha_t)$ are float64 arrays indexed by the time step, $0 \dots T$;
    `beta[0]` is 0 and `alpha_bar[0]` is 1. Compute the two factors in float64 and round them to the
    dtype of `x_t` at the end, because $1 - \bar\alpha_t$ is inaccurate in float32.
    """,
    hints="""
    Two Gaussians contain x_(t-1): one step leads from it to x_t, and t - 1 steps lead from x_0 to
    it. Their product is a Gaussian; each mean is weighted by its precision, one over its variance.
    Multiply above and below by both variances, so that nothing is divided by 0 at t = 1.

    mean = sqrt(alpha_t) (1 - alpha_bar_(t-1))/(1 - alpha_bar_t) x_t + sqrt(alpha_bar_(t-1))
    beta_t/(1 - alpha_bar_t) x_0.

        shape = (-1,) + (1,) * (np.ndim(x0) - 1)
        before = np.reshape(schedule.alpha_bar[t - 1], shape)
        now = np.reshape(schedule.alpha_bar[t], shape)
        beta = np.reshape(schedule.beta[t], shape)
        of_x_t = np.sqrt(1 - beta) * (1 - before) / (1 - now)
        of_x0 = np.sqrt(before) * beta / (1 - now)
        return of_x_t.astype(x0.dtype) * x_t + of_x0.astype(x0.dtype) * x0
    """,
)


def pair(rng, *shape):
    """x0 and x_t."""
    return 2 + rng.standard_normal(shape), 1 - 2 * rng.standard_normal(shape)


@mean.case(
    points=1,
    kind="equation",
    expect={
        "mean": [[(0.8 * 0.19 * 1.5 + 0.9 * 0.36 * 5) / 0.4816, (0.152 * -4 + 0.324) / 0.4816]]
    },
)
def second_of_two_steps(impl, rng):
    """alpha_2 = 0.8^2, alpha_bar_1 = 0.9^2, beta_2 = 0.36, 1 - alpha_bar_2 = 0.4816; so it is (0.8
    * 0.19 x_2 + 0.9 * 0.36 x_0) / 0.4816."""
    x0, x2 = np.array([[5.0, 1.0]]), np.array([[1.5, -4.0]])
    return {"mean": impl(x0, x2, 2, Schedule(BY_HAND))}


@mean.case(points=2, kind="shapes")
def a_time_for_each_vector(impl, rng):
    """An array of times, one for each example."""
    x0, x_t = pair(rng, 4, 3)
    return {"mean": impl(x0, x_t, np.array([1, 4, 9, 10]), schedule())}


@mean.case(points=1, kind="equation", property=True, expect={"gap": 0.0})
def first_step(impl, rng):
    """x_(t-1) is x_0 at t = 1, so x_0 is the mean, whatever x_1."""
    x0, x_t = pair(rng, 3, 2)
    return {"gap": impl(x0, x_t, 1, schedule()) - x0}


@mean.case(points=3, kind="equation", property=True, expect={"gap": 0.0}, rtol=0, atol=1e-8)
def bayes(impl, rng):
    """The mean is where q(x_t | x_(t-1)) q(x_(t-1) | x_0) is largest: the derivative of its
    logarithm with respect to x_(t-1) is 0."""
    (x0, x_t), s = pair(rng, 8, 3), schedule()
    gaps, means = [], []
    for t in range(2, 10):
        alpha, beta, before = s.alpha[t], s.beta[t], s.alpha_bar[t - 1]
        best = impl(x0, x_t, t, s)
        slope = np.sqrt(alpha) * (x_t - np.sqrt(alpha) * best) / beta
        slope = slope - (best - np.sqrt(before) * x0) / (1 - before)
        gaps.append(beta * slope)
        means.append(best)
    return {"gap": np.stack(gaps), "mean": np.stack(means)}


@mean.case(points=1, kind="shapes")
def pictures(impl, rng):
    x0, x_t = pair(rng, 3, 4, 5, 2)
    one, each = impl(x0, x_t, 7, schedule()), impl(x0, x_t, np.array([1, 4, 9]), schedule())
    return {"t = 7": one, "t = 1, 4, 9": each}


@mean.case(points=1, kind="extremes", rtol=1e-5, atol=1e-2, exact_dtype=True)
def thousand_slow_steps(impl, rng):
    """Numbers of about 1000, in float32, at both ends of a thousand steps."""
    x0, x_t = (1000 * a.astype(np.float32) for a in pair(rng, 5, 3))
    m = impl(x0, x_t, np.array([1, 2, 10, 500, 1000]), Schedule.linear(1000))
    return {"mean": m}


variance = Exercise(
    "diffusion/03/posterior_variances",
    target="minigen.diffusion.schedule:posterior_variances",
    minutes=10,
    prompt=r"""
    Return the variances of $x_{t-1}$ given both $x_t$ and $x_0$, for all times $t = 1 \dots T$ at
    once.

    `beta` has shape $(T,)$ and contains $\beta_1 \dots \beta_T$, the variances of the forward
    steps, each between 0 and 1; so `beta[0]` is $\beta_1$ here. The result has shape $(T,)$ too,
    and begins with the variance of the step back from $t = 1$. This one is 0, because $x_{t-1}$ is
    then $x_0$, which is given. $T$ may be 1, and 1,000; `beta` may be as small as $10^{-4}$. The
    result need not be differentiable.
    """,
    hints="""
    Precisions add up: alpha_t/beta_t from the step to x_t, and one over the variance that t - 1
    steps have given x_(t-1).

    beta~_t = (1 - alpha_bar_(t-1))/(1 - alpha_bar_t) beta_t, where alpha_bar is the running product
    of 1 - beta, and alpha_bar_0 = 1.

        alpha_bar = np.cumprod(1 - beta)
        before = np.concatenate([[1.0], alpha_bar[:-1]])
        return (1 - before) / (1 - alpha_bar) * beta
    """,
)


@variance.case(points=1, kind="equation", expect={"variance": [0.0, 0.19 * 0.36 / 0.4816]})
def two_steps(impl, rng):
    """1 - alpha_bar is 0.19 after the first step and 0.4816 after the second."""
    return {"variance": impl(np.array(BY_HAND))}


@variance.case(points=2, kind="equation")
def ten_steps(impl, rng):
    return {"variance": impl(rng.uniform(0.01, 0.5, 10))}


@variance.case(points=2, kind="equation", property=True, expect={"gap": 0.0}, rtol=0, atol=1e-8)
def precisions_add_up(impl, rng):
    """One over it is alpha_t/beta_t plus one over 1 - alpha_bar_(t-1), from t = 2 on."""
    beta = rng.uniform(0.05, 0.5, 8)
    found = impl(beta)
    noise = 0.0  # the variance of x_(t-1), given x_0
    precision = []
    for b in beta:
        precision.append((1 - b) / b + (1 / noise if noise > 0 else 0.0))
        noise = (1 - b) * noise + b
    return {"gap": found[1:] * np.array(precision)[1:] - 1, "first": found[0]}


@variance.case(points=1, kind="equation", fixed=True, expect={"variance": [0.0]})
def one_step(impl, rng):
    return {"variance": impl(np.array([0.3]))}


@variance.case(points=1, kind="extremes")
def thousand_steps(impl, rng):
    """From 0.0001 to 0.02, and from 0.02 to 0.0001."""
    rising = np.linspace(1e-4, 0.02, 1000)
    some = [0, 1, 2, 9, 99, 999]
    return {"rising": 1000 * impl(rising)[some], "falling": 1000 * impl(rising[::-1])[some]}
