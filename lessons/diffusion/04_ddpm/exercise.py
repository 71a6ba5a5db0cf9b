"""Exercises of the denoising diffusion model: its loss, the mean of a reverse step, and the
step itself."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.diffusion.schedule import Schedule
from minigen.tensor import grad

BY_HAND = [1 / 4, 5 / 9, 1 / 4]
SCHEDULE = r"""
    `schedule.alpha`, `schedule.alpha_bar` and `schedule.beta` are arrays indexed by the time step,
    $1 \dots T$ (`alpha_bar[0]` is 1).
"""


def schedule():
    return Schedule(np.linspace(0.01, 0.3, 10))


def slow_schedule():
    return Schedule(np.linspace(1e-4, 0.02, 1000))


def each(values, axes=2):
    """(N,) -> (N, 1, ..., 1): one number for each example, to go with data of so many axes."""
    return np.reshape(values, (-1,) + (1,) * (axes - 1))


loss = Exercise(
    "diffusion/04/simple_loss",
    target="minigen.diffusion.ddpm:simple_loss",
    minutes=15,
    prompt="""
    The loss of a model of the noise: the mean over examples and dimensions of the squared
    difference between `eps` and the model's prediction of it. One number.

    `x0` and `eps` have the same shape, $(N, D)$ or $(N, H, W, C)$; `t` has shape $(N,)$: a time
    step for each example. Compute $x_t$, the data after `t` steps of noise, from `x0` and `eps`;
    `eps_model(x_t, t)` returns the prediction, in the shape of $x_t$. Call it once, with the whole
    batch and `t` as it is, $(N,)$. The result must be differentiable with respect to the weights of
    the model; the gradient is 0 where every prediction is exact.
    """
    + SCHEDULE,
    hints="""
    Add the noise of all t steps at once, pass the result and t to the model, and compare its
    prediction with eps.

    x_t = sqrt(alpha_bar_t) x0 + sqrt(1 - alpha_bar_t) eps; the loss is the mean of (eps -
    eps_model(x_t, t))^2.

        shape = (-1,) + (1,) * (np.ndim(x0) - 1)  # (N, 1) for (N, D), (N, 1, 1, 1) for images
        alpha_bar = np.reshape(schedule.alpha_bar[t], shape).astype(x0.dtype)
        x_t = np.sqrt(alpha_bar) * x0 + np.sqrt(1 - alpha_bar) * eps
        return np.mean((eps - eps_model(x_t, t)) ** 2)
    """,
)


def linear_model(x, t):
    """A model that is easy to follow: it depends on both arguments, and on the axes of t."""
    return 0.3 * x + each(0.1 * t, np.ndim(x)) + (np.ndim(t) - 1)


@loss.case(points=1, kind="equation", expect={"loss": 2.5})
def predicts_zero(impl, rng):
    """The loss of the prediction 0 is the mean square of the noise: (1 + 9 + 0 + 0)/4."""
    eps = np.array([[1.0, 3.0], [0.0, 0.0]])
    return {
        "loss": impl(lambda x, t: 0 * x, np.ones((2, 2)), np.array([2, 3]), eps, Schedule(BY_HAND))
    }


@loss.case(points=2, kind="equation", expect={"loss": 1.0})
def receives_the_noisy_data(impl, rng):
    """At t = 3, x0 = 4 and eps = 0 give x_t = 2; at t = 1, x0 = 0 and eps = 2 give x_t = 1: (0 -
    1)^2 and (2 - 1)^2."""
    x0, eps = np.array([[4.0], [0.0]]), np.array([[0.0], [2.0]])
    return {
        "loss": impl(
            lambda x, t: x / each(np.where(t == 3, 2, 1)),
            x0,
            np.array([3, 1]),
            eps,
            Schedule(BY_HAND),
        )
    }


@loss.case(points=2, kind="equation")
def linear(impl, rng):
    x0, eps, t = rng.standard_normal((6, 3)), rng.standard_normal((6, 3)), rng.integers(1, 11, 6)
    return {"loss": impl(linear_model, x0, t, eps, schedule())}


@loss.case(points=1, kind="shapes")
def images(impl, rng):
    """Images, for which the model is called once."""
    calls = []

    def model(x, t):
        calls.append(np.shape(t))
        return linear_model(x, t)

    x0, eps = rng.standard_normal((2, 3, 4, 5, 2))
    loss = impl(model, x0, np.array([1, 4, 9]), eps, schedule())
    return {"loss": loss, "calls": len(calls)}


@loss.case(points=2, kind="equation", fixed=True, property=True, expect={"loss": 0.0})
def solves_for_the_noise(impl, rng):
    """The model that solves x_t for the noise has loss 0. It uses x0, as a model of data at a
    single point could."""
    s, t = schedule(), rng.integers(1, 11, 5)
    x0, eps = rng.standard_normal((2, 5, 2))

    def a(t):
        return each(s.alpha_bar[t])

    return {"loss": impl(lambda x, t: (x - np.sqrt(a(t)) * x0) / np.sqrt(1 - a(t)), x0, t, eps, s)}


@loss.case(points=2, kind="gradient")
def gradient(impl, rng):
    """With respect to a parameter of the model."""
    x0, eps, t = rng.standard_normal((4, 2)), rng.standard_normal((4, 2)), rng.integers(1, 11, 4)

    def total(w):
        return impl(lambda x, t: w * x, x0, t, eps, schedule())

    return {"grad": grad(total)(np.array([0.4, -0.7]))}


@loss.case(points=1, kind="gradient", fixed=True, property=True, expect={"loss": 0.0, "grad": 0.0})
def gradient_at_the_truth(impl, rng):
    """For x0 = 0 and alpha_bar = 3/4 the model that doubles x_t is exact: the gradient is 0."""
    x0, eps, t = np.zeros((4, 2)), rng.standard_normal((4, 2)), np.array([1, 1, 1, 1])

    def total(w):
        return impl(lambda x, t: w * x, x0, t, eps, Schedule([1 / 4]))

    return {"loss": total(2.0), "grad": grad(total)(2.0)}


@loss.case(points=1, kind="extremes")
def the_schedule_of_the_lesson(impl, rng):
    """A thousand steps, whose first adds a variance of 1/10,000 only."""
    x0, eps = rng.standard_normal((2, 6, 3))
    t = np.array([1, 2, 10, 100, 999, 1000])
    return {"loss": impl(lambda x, t: 100 * (x - x0), x0, t, eps, slow_schedule())}


mean = Exercise(
    "diffusion/04/mean_from_eps",
    target="minigen.diffusion.ddpm:mean_from_eps",
    minutes=10,
    prompt=r"""
    The mean of the reverse step, `x_t` to $x_{t-1}$, if `eps` is the predicted noise in `x_t`: the
    mean of $q(x_{t-1} \mid x_t, x_0)$ for the $x_0$ that `eps` implies. For $\varepsilon = 0$ it is
    the point from which one forward step without noise leads to `x_t`.

    `x_t`, `eps` and the mean have the same shape, $(N, D)$ or $(N, H, W, C)$; `t` is one
    time step, a whole number or an array of shape $()$, or an array $(N,)$ of them. Nothing is
    clipped. The result need not be differentiable.
    """
    + SCHEDULE,
    hints="""
    The posterior mean is a part of x_t plus a part of x_0, and x_0 is (x_t - sqrt(1 - alpha_bar_t)
    eps)/sqrt(alpha_bar_t). Collect the factors of x_t and those of eps.

    The mean is (x_t - c eps)/sqrt(alpha_t) with c = (1 - alpha_t)/sqrt(1 - alpha_bar_t).

        shape = (-1,) + (1,) * (np.ndim(x_t) - 1)  # (N, 1) for (N, D), (N, 1, 1, 1) for images
        a = np.reshape(schedule.alpha[t], shape).astype(x_t.dtype)
        ab = np.reshape(schedule.alpha_bar[t], shape).astype(x_t.dtype)
        return (x_t - (1 - a) / np.sqrt(1 - ab) * eps) / np.sqrt(a)
    """,
)


@mean.case(points=1, kind="equation", expect={"mean": [[3.0, 0.0]]})
def without_noise(impl, rng):
    """Predicted noise 0: only the shrinking by sqrt(4/9) is undone."""
    return {"mean": impl(np.array([[2.0, 0.0]]), 2, np.zeros((1, 2)), Schedule(BY_HAND))}


@mean.case(
    points=2, kind="equation", fixed=True, expect={"mean": [[np.sqrt(4 / 3) - np.sqrt(1 / 3)]]}
)
def first_step(impl, rng):
    """At t = 1, alpha = alpha_bar = 3/4: (1 - 1/4 / sqrt(1/4))/sqrt(3/4) = (1 - 1/2) sqrt(4/3)."""
    return {"mean": impl(np.array([[1.0]]), 1, np.array([[1.0]]), Schedule(BY_HAND))}


@mean.case(points=2, kind="equation")
def one_time(impl, rng):
    x, eps = rng.standard_normal((2, 4, 3))
    return {"mean": impl(x, 7, eps, schedule())}


@mean.case(points=2, kind="shapes")
def a_time_for_each(impl, rng):
    x, eps = rng.standard_normal((2, 4, 3))
    return {"mean": impl(x, np.array([1, 4, 9, 10]), eps, schedule())}


@mean.case(points=1, kind="shapes")
def images_with_their_times(impl, rng):
    x, eps = rng.standard_normal((2, 3, 4, 5, 2))
    one, each_its_own = impl(x, 7, eps, schedule()), impl(x, np.array([1, 4, 9]), eps, schedule())
    return {"t = 7": one, "t = 1, 4, 9": each_its_own}


@mean.case(points=2, kind="equation", property=True, expect={"gap": 0.0})
def bayes(impl, rng):
    """If eps is the noise of x_t, it is the mean of q(x_(t-1) | x_t, x0). The posterior mean by
    the product of two Gaussians in x_(t-1): one step to x_t, t - 1 steps from x0."""
    s, t, x0, eps = schedule(), 5, rng.standard_normal((4, 3)), rng.standard_normal((4, 3))
    x = np.sqrt(s.alpha_bar[t]) * x0 + np.sqrt(1 - s.alpha_bar[t]) * eps
    precision_next, precision_before = s.alpha[t] / s.beta[t], 1 / (1 - s.alpha_bar[t - 1])
    weighted = (
        precision_next * x / np.sqrt(s.alpha[t])
        + precision_before * np.sqrt(s.alpha_bar[t - 1]) * x0
    )
    return {"gap": impl(x, t, eps, s) - weighted / (precision_next + precision_before)}


@mean.case(points=1, kind="extremes")
def slow_steps(impl, rng):
    """A thousand steps, whose first adds a variance of 1/10,000 only; values far from 0, and x_t =
    0."""
    x, eps = 10 * rng.standard_normal((2, 5, 3))
    t = np.array([1, 2, 10, 500, 1000])
    return {
        "a time for each": impl(x, t, eps, slow_schedule()),
        "x_t = 0": impl(0 * x, t, eps, slow_schedule()),
        "t of shape ()": impl(x, np.array(2), eps, slow_schedule()),
    }


weight = Exercise(
    "diffusion/04/bound_weight",
    target="minigen.diffusion.likelihood:bound_weight",
    minutes=15,
    prompt=r"""
    What an error of the predicted noise costs in the variational bound: the factor before the
    squared length of $\varepsilon - \hat\varepsilon$ in the KL divergence of the step from $x_t$,
    in nats.

    The means of the two Gaussians enter that KL divergence only as their squared distance over
    twice `variance`, the variance of the model's step. They are the means of the reverse step from
    the same $x_t$: one for the noise $\varepsilon$, the other for the prediction $\hat\varepsilon$.

    `t` is one time step, a whole number $1 \dots T$, or an array $(N,)$ of them; `variance` is a
    positive number, or an array in the shape of `t`. The result has the shape of `t`. The result
    need not be differentiable.
    """
    + SCHEDULE,
    hints="""
    In the difference of the two means x_t cancels: what is left is a multiple of eps - eps_hat.

    The means differ by beta_t/sqrt(alpha_t (1 - alpha_bar_t)) times eps - eps_hat; square that, and
    divide by 2 variance.

        beta, alpha, alpha_bar = schedule.beta[t], schedule.alpha[t], schedule.alpha_bar[t]
        return beta**2 / (2 * variance * alpha * (1 - alpha_bar))
    """,
)


@weight.case(points=2, kind="equation", expect={"weight": 25 / 6})
def second_weight(impl, rng):
    """At t = 2, beta is 5/9, alpha 4/9 and alpha_bar 3/4 * 4/9 = 1/3; with the variance 1/8: 25/81
    over 2/8 * 4/9 * 2/3."""
    return {"weight": impl(2, Schedule(BY_HAND), 1 / 8)}


@weight.case(points=2, kind="equation")
def later_steps(impl, rng):
    variance = float(rng.uniform(0.1, 2.0))
    return {f"t = {t}": impl(t, schedule(), variance) for t in (2, 7, 10)}


@weight.case(points=3, kind="equation", fixed=True, property=True, expect={"gap": 0.0}, atol=1e-8)
def distance_of_two_means(impl, rng):
    """The weight times the squared length of eps - eps_hat is the squared distance of the two means
    over twice the variance; each mean is that of q(x_(t-1) | x_t, x_0) for the x_0 that the noise
    implies."""
    (x, eps, guess), s, variance = rng.standard_normal((3, 4)), schedule(), 0.3
    gaps = []
    for t in (2, 5, 10):
        before, now = s.alpha_bar[t - 1], s.alpha_bar[t]
        means = []
        for noise in (eps, guess):
            x0 = (x - np.sqrt(1 - now) * noise) / np.sqrt(now)
            of_x = np.sqrt(s.alpha[t]) * (1 - before) * x
            means.append((of_x + np.sqrt(before) * s.beta[t] * x0) / (1 - now))
        cost = np.sum((means[0] - means[1]) ** 2) / (2 * variance)
        gaps.append(impl(t, s, variance) * np.sum((eps - guess) ** 2) / cost - 1)
    return {"gap": np.stack(gaps)}


@weight.case(points=2, kind="shapes")
def a_weight_for_each_time(impl, rng):
    """An array of times, with one variance for all, and with one for each."""
    t = np.array([1, 4, 9, 10])
    return {
        "one variance": impl(t, schedule(), 0.5),
        "one for each": impl(t, schedule(), rng.uniform(0.1, 2.0, 4)),
    }


@weight.case(points=1, kind="extremes")
def weights_of_slow_steps(impl, rng):
    """A thousand steps, the first of variance 1/10,000, with the variance beta_t."""
    s, t = slow_schedule(), np.array([1, 2, 10, 500, 1000])
    return {"weight": impl(t, s, s.beta[t])}


step = Exercise(
    "diffusion/04/ancestral_step",
    target="minigen.diffusion.ddpm:ancestral_step",
    minutes=10,
    imports=["from minigen.diffusion.ddpm import mean_from_eps as packages_mean"],
    prompt=r"""
    Return $x_{t-1}$, one step of sampling from `x`, which is $x_t$: the mean of the reverse step
    plus fresh noise. The last step, $t = 1$, adds no fresh noise, because its result is data.

    `x`, `eps` (the predicted noise in `x`), `z` (random numbers of mean 0 and variance 1, from
    which you make the fresh noise) and the result have the same shape, $(N, D)$ or
    $(N, H, W, C)$. `t` is one time step, a whole number $1 \dots T$.

    `variance` is the variance of the fresh noise. The string `"beta"` means $\beta_t$. Otherwise
    `variance` is an array in the shape of `x`, with a variance for each of its numbers, some of
    them tiny or 0. Use `isinstance(variance, str)` to distinguish the two. (Later lessons learn
    such variances. The package also accepts `"posterior"`; your function need not.)

    `packages_mean` is the package's `mean_from_eps`. Given `x`, `t`, `eps` and `schedule`, in this
    order, it returns the mean of the reverse step. You may call your own function instead. Draw
    nothing and clip nothing. The result need not be differentiable.
    """
    + SCHEDULE,
    hints="""
    What are the mean and the standard deviation of x_(t-1)? Which step adds no fresh noise?

    x_(t-1) = mean + sigma_t z, where sigma_t^2 is the variance; at t = 1 just the mean.

        mean = packages_mean(x, t, eps, schedule)
        if t == 1:
            return mean
        if isinstance(variance, str):
            variance = schedule.beta[t]
        return mean + np.sqrt(variance).astype(x.dtype) * z
    """,
)


@step.case(points=1, kind="equation", expect={"x": [[3.0 + np.sqrt(5 / 9), 0.0]]})
def nothing_predicted(impl, rng):
    """Predicted noise 0, so the mean is x/sqrt(4/9); the fresh noise has the standard deviation
    sqrt(5/9)."""
    return {
        "x": impl(
            np.array([[2.0, 0.0]]), 2, np.zeros((1, 2)), np.array([[1.0, 0.0]]), Schedule(BY_HAND)
        )
    }


@step.case(points=3, kind="equation", fixed=True, property=True, expect={"gap": 0.0})
def last_step(impl, rng):
    """At the last step the fresh noise has no effect, whatever its variance."""
    x, eps, z = rng.standard_normal((3, 4, 2))
    variance = rng.uniform(0.1, 2.0, (4, 2))

    def last(noise):
        return np.stack(
            [
                impl(x, 1, eps, noise, schedule()),
                impl(x, 1, eps, noise, schedule(), variance),
            ]
        )

    return {"gap": last(z) - last(0 * z)}


@step.case(points=2, kind="equation")
def all_steps(impl, rng):
    x, eps, z = rng.standard_normal((3, 4, 2))
    return {f"t = {t}": impl(x, t, eps, z, schedule()) for t in (10, 3, 2, 1)}


@step.case(points=2, kind="equation")
def given_variances(impl, rng):
    x, eps, z = rng.standard_normal((3, 4, 2))
    variance = rng.uniform(0.1, 2.0, (4, 2))
    variance[0] = [1e-8, 0.0]
    return {
        "t = 6": impl(x, 6, eps, z, schedule(), variance),
        "t = 1": impl(x, 1, eps, z, schedule(), variance),
    }


@step.case(points=1, kind="extremes", fixed=True, property=True, expect={"over its deviation": 1.0})
def a_tiny_variance(impl, rng):
    """From x = 0, with predicted noise 0, fresh noise 1 and variance 1e-24 lead to 1e-12."""
    zero, one = np.zeros((2, 3)), np.ones((2, 3))
    tiny = impl(zero, 5, zero, one, schedule(), 1e-24 * one)
    return {"over its deviation": np.asarray(tiny, float) * 1e12}


@step.case(points=1, kind="shapes")
def images_of_two_channels(impl, rng):
    x, eps, z, variance = 1.0 + rng.random((4, 3, 4, 5, 2))
    return {
        "beta": impl(x, 6, eps, z, schedule()),
        "given": impl(x, 6, eps, z, schedule(), variance),
    }


@step.case(points=1, kind="equation")
def named_variance(impl, rng):
    x, eps, z = rng.standard_normal((3, 4, 2))
    return {"x": impl(x, 8, eps, z, schedule(), "beta")}
