"""Exercises on DDIM: a step between any two times, the variance of its fresh noise, and the times
that a sampler of few steps visits."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.diffusion.schedule import Schedule

step = Exercise(
    "diffusion/10/ddim_step",
    target="minigen.diffusion.samplers:ddim_step",
    minutes=15,
    prompt=r"""
    One step of DDIM from time `t` to time `s`: $x_t \to x_s$.

    `x` is $x_t$, $(N, D)$ or $(N, H, W, C)$; `eps`, of the same shape, is the noise that the model
    predicts in it; the result has their shape. Predict the data from `x` and `eps`, then compute
    $x_s$ from it: with the noise `eps` again, and with fresh noise `z` of standard deviation
    $\sigma = \eta \cdot \sqrt{\mathrm{variance}}$. The variance at $\eta = 1$ is that of DDPM's
    posterior, $(1 - a_s)/(1 - a_t) \cdot (1 - a_t/a_s)$, with $a_t$ for $\bar\alpha_t$. `eps` is
    reduced so that the noise of $x_s$ has variance $1 - a_s$ in all.

    `t` and `s` are whole numbers in $0 \dots T$, each a single number or an array $(N,)$. With
    $\eta = 0$ no noise is used, `z` may be `None`, and `s` may be earlier or later than `t`.
    `schedule.alpha_bar` is an array indexed by the time, and `alpha_bar[0]` is 1.
    """,
    hints="""
    x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) eps: solve it for x_0. Then write the same for s, with two
    kinds of noise whose variances add up to 1 - a_s.

    x_s = sqrt(a_s) x_0 + sqrt(1 - a_s - sigma^2) eps + sigma z.

        shape = np.shape(t) + (1,) * (np.ndim(x) - np.ndim(t))  # t (N,) -> (N, 1, ...)
        now = np.reshape(schedule.alpha_bar[t], shape)
        before = np.reshape(schedule.alpha_bar[s], np.shape(s) + (1,) * (np.ndim(x) - np.ndim(s)))
        x0 = (x - np.sqrt(1 - now) * eps) / np.sqrt(now)
        if eta == 0:
            return np.sqrt(before) * x0 + np.sqrt(1 - before) * eps
        variance = eta**2 * (1 - before) / (1 - now) * (1 - now / before)
        return np.sqrt(before) * x0 + np.sqrt(1 - before - variance) * eps + np.sqrt(variance) * z
    """,
)

BY_HAND = Schedule.from_alpha_bar([0.64, 0.36])  # at t = 2 data times 0.6, noise times 0.8


def schedule():
    return Schedule.linear(12, 0.02, 0.3)


@step.case(points=1, kind="equation", expect={"x_s": [[1.5, -0.9]]})
def no_fresh_noise(impl, rng):
    """From t = 2 to s = 1: x_0 is (1.3 - 0.8 * 0.5)/0.6 = 1.5 and (-1.7 + 0.8 * 1)/0.6 = -1.5; then
    0.8 * 1.5 + 0.6 * 0.5 and -0.8 * 1.5 + 0.6 * 0.5."""
    x, eps = np.array([[1.3, -0.5]]), np.array([[0.5, 0.5]])
    return {"x_s": impl(x, 2, 1, eps, None, BY_HAND, 0.0)}


@step.case(points=2, kind="equation")
def with_fresh_noise(impl, rng):
    x, eps, z = rng.standard_normal((3, 4, 3))
    return {f"eta = {eta}": impl(x, 9, 5, eps, z, schedule(), eta) for eta in (0.3, 1.0)}


@step.case(points=1, kind="equation")
def the_default_is_none(impl, rng):
    x, eps = rng.standard_normal((2, 4, 3))
    return {"x_s": impl(x, 9, 4, eps, None, schedule())}


@step.case(points=1, kind="equation")
def to_the_data(impl, rng):
    """s = 0, where alpha_bar is 1: the predicted data, whatever eta is."""
    x, eps, z = rng.standard_normal((3, 4, 3))
    return {f"eta = {eta}": impl(x, 7, 0, eps, z, schedule(), eta) for eta in (0.0, 1.0)}


@step.case(points=1, kind="equation")
def forwards(impl, rng):
    """Without fresh noise s may be later than t, and t may be 0."""
    x, eps = rng.standard_normal((2, 4, 3))
    return {f"{t} -> {s}": impl(x, t, s, eps, None, schedule(), 0.0) for t, s in [(3, 8), (0, 1)]}


@step.case(points=2, kind="shapes")
def times_of_their_own(impl, rng):
    """Arrays of times, for points and for images."""
    t, s = np.array([12, 7, 3, 2]), np.array([9, 1, 0, 1])
    x, eps, z = rng.standard_normal((3, 4, 2))
    images, of_images, fresh = rng.standard_normal((3, 4, 3, 5, 1))
    return {
        "points": impl(x, t, s, eps, z, schedule(), 0.7),
        "images": impl(images, t, s, of_images, fresh, schedule(), 0.7),
        "one time": impl(images, 8, 2, of_images, fresh, schedule(), 0.7),
        "one s": impl(x, t, 1, eps, z, schedule(), 0.7),
        "one t": impl(x, 12, s, eps, z, schedule(), 0.7),
    }


@step.case(points=1, kind="extremes", rtol=1e-5)
def large_values(impl, rng):
    """Numbers of 1000 and -1000, in float32."""
    x = np.array([[1000.0, -3.0], [0.5, -1000.0]], np.float32)
    eps = np.array([[-1000.0, 2.0], [1000.0, 0.1]], np.float32)
    z = rng.standard_normal((2, 2)).astype(np.float32)
    return {"x_s": impl(x, 10, 4, eps, z, schedule(), 0.5)}


@step.case(points=1, kind="extremes")
def both_ends(impl, rng):
    """Where alpha_bar, or 1 - alpha_bar, is a millionth or less: a small added number matters."""
    x, eps = rng.standard_normal((2, 3, 2))
    ends = Schedule.from_alpha_bar([1 - 1e-10, 0.5, 1e-6])
    return {"from noise": impl(x, 3, 2, eps, None, ends), "to data": impl(x, 1, 0, eps, None, ends)}


@step.case(points=1, kind="equation", fixed=True, property=True, expect={"variance": 0.0})
def the_marginal_is_kept(impl, rng):
    """For x_0 = 0, the parts from the true noise and from fresh noise have variance 1 - a_s."""
    s, one, zero = schedule(), np.ones((1, 1)), np.zeros((1, 1))
    gaps, fresh = [], []
    for eta in (0.0, 0.4, 1.0):
        of_eps = impl(np.sqrt(1 - s.alpha_bar[11]) * one, 11, 6, one, zero, s, eta)
        of_z = impl(zero, 11, 6, zero, one, s, eta)
        gaps.append(of_eps**2 + of_z**2 - (1 - s.alpha_bar[6]))
        fresh.append(of_z)
    return {"variance": np.stack(gaps), "fresh noise": np.stack(fresh)}


size = Exercise(
    "diffusion/10/ddim_variance",
    target="minigen.diffusion.samplers:ddim_variance",
    minutes=5,
    prompt=r"""
    The variance $\sigma^2$ of the fresh noise in a step of DDIM, from a time $t$ to an earlier time
    $s$.

    `before` is $\bar\alpha_s$, `now` is $\bar\alpha_t$, so
    $0 < \mathrm{now} < \mathrm{before} \le 1$: two numbers, or two arrays of one shape, which is
    that of the result. `eta` is a number in $[0, 1]$. $\sigma$ is `eta` times the square root of
    the posterior variance of DDPM, $(1 - \mathrm{before})/(1 - \mathrm{now}) \cdot \beta$, in which
    $\beta$ is that of the whole step from $s$ to $t$.
    """,
    hints="""
    alpha_bar is a product: alpha_bar_t = alpha_bar_s times the alpha of the step between them. So
    what is the beta of that step?

    beta = 1 - now/before; sigma^2 = eta^2 * (1 - before)/(1 - now) * beta.

        return eta**2 * (1 - before) / (1 - now) * (1 - now / before)
    """,
)


@size.case(points=1, kind="equation", expect={"variance": 0.0525})
def by_hand(impl, rng):
    """before 0.8, now 0.5, eta 0.5916...: the pair's beta is 3/8, times 0.2/0.5, times 0.35."""
    return {"variance": impl(0.8, 0.5, 0.35**0.5)}


@size.case(points=2, kind="shapes")
def arrays(impl, rng):
    now = rng.uniform(0.05, 0.5, (4, 3))
    before = now + rng.uniform(0.1, 0.4, (4, 3))
    return {f"eta = {eta}": impl(before, now, eta) for eta in (0.25, 1.0)}


@size.case(points=1, kind="equation", property=True, expect={"none": 0.0, "at the data": 0.0})
def none_is_none(impl, rng):
    """eta = 0 adds no noise; nor does a step that ends at the data, where before is 1."""
    return {
        "none": impl(0.7, 0.3, 0.0),
        "at the data": impl(1.0, 0.4, 1.0),
        "half": impl(0.7, 0.3, 0.5) / impl(0.7, 0.3, 1.0),
    }


@size.case(points=1, kind="extremes", fixed=True, rtol=1e-5)
def ends_of_a_schedule(impl, rng):
    """Nearly clean, nearly all noise, and a step so short that its beta is 1e-6."""
    before = np.array([0.9999, 0.01, 0.5])
    return {"variance": impl(before, np.array([0.9990, 1e-8, 0.5 * (1 - 1e-6)]), 0.9)}


@size.case(points=1, kind="equation", fixed=True, atol=0)
def first_steps_of_a_fine_schedule(impl, rng):
    """Where 1 - alpha_bar itself is 1e-6, so that a small number added to it matters."""
    before = np.array([1 - 1e-6, 1 - 3e-6])
    return {"variance": impl(before, np.array([1 - 3e-6, 1 - 8e-6]), 1.0)}


visited = Exercise(
    "diffusion/10/spaced_timesteps",
    target="minigen.diffusion.schedule:spaced_timesteps",
    minutes=5,
    prompt=r"""
    The times that a sampler of few steps visits: `steps` of the time steps $1 \dots T$, evenly
    spaced, the last of them `T`.

    The $k$-th of them, $k = 1 \dots\, \mathrm{steps}$, is $k T$ divided by `steps`, rounded to the
    nearest whole number (a half to the even one, as `np.round` does). Multiply before you divide:
    the quotient $T/\mathrm{steps}$ is rounded itself, and $k$ times it may miss a half. The result
    is an array $(\mathrm{steps},)$ of whole numbers in increasing order. 0, the data, is not among
    them: every sampler ends there.
    """,
    hints="""
    The spacing is T/steps, which need not be a whole number: round the result, not the spacing.

    round((1 T)/steps), round((2 T)/steps), ..., T.

        return np.round(np.arange(1, steps + 1) * T / steps).astype(int)
    """,
)


@visited.case(points=1, kind="equation", fixed=True, expect={"times": [3, 7, 10]})
def three_of_ten(impl, rng):
    """10/3, 20/3 and 10, rounded."""
    return {"times": impl(10, 3)}


@visited.case(
    points=1,
    kind="equation",
    fixed=True,
    expect={"times": [2, 5, 8, 10], "of 3": [2, 3], "of 7": [4, 7], "15 of 24": 62},
)
def halves(impl, rng):
    """2.5 and 7.5 are rounded to the even 2 and 8; 1.5 to 2, 3.5 to 4, and 15 * 100/24 to 62."""
    return {
        "times": impl(10, 4),
        "of 3": impl(3, 2),
        "of 7": impl(7, 2),
        "15 of 24": impl(100, 24)[14],
    }


@visited.case(points=2, kind="equation")
def other_lengths(impl, rng):
    """Random lengths, and nearly all of the times; no quotient ends in a half."""
    T = 2 * int(rng.integers(50, 500))
    S = 2 * int(rng.integers(1, 30)) + 1
    return {"by chance": impl(T, S), "nearly all": impl(T, T - 1), "two": impl(T, 2)}


@visited.case(points=2, kind="equation", fixed=True, property=True, expect={"all": 0, "one": [40]})
def all_and_one(impl, rng):
    """All steps are 1 ... T; one step is T."""
    return {"all": impl(40, 40) - np.arange(1, 41), "one": impl(40, 1), "some": impl(40, 9)}
