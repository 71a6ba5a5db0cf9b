"""Exercises on the variance of the reverse step: that of Gaussian data, the learned one, the loss
that trains it, and how often to draw each time step."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.diffusion.schedule import Schedule
from minigen.tensor import grad

BY_HAND = [0.19, 0.36]  # alpha_bar is 1, 0.81, 0.5184
SIXTEENTH = [1 / 20, 15 / 19]  # alpha_bar is 1, 0.95, 0.2; beta~_2 is beta_2/16
ARRAYS = r"""
    `schedule.beta`, `schedule.alpha` $(1 - \beta)$ and `schedule.alpha_bar`
    $(\alpha_1 \alpha_2 \dots \alpha_t)$ are arrays indexed by the time step, $0 \dots T$; `beta[0]`
    is 0 and `alpha_bar[0]` is 1.
"""


def schedule():
    return Schedule(np.linspace(0.01, 0.3, 10))


def slow_schedule():
    return Schedule(np.linspace(1e-4, 0.02, 1000))


# ----------------------------------------------------------------------------------- Gaussian data

gaussian = Exercise(
    "diffusion/07/gaussian_reverse_variance",
    target="minigen.diffusion.ddpm:gaussian_reverse_variance",
    minutes=15,
    prompt=r"""
    The variance of $x_{t-1}$, given $x_t$, if the data $x_0$ are numbers drawn from a Gaussian
    whose variance is `data_variance`. Nothing else is known about $x_0$.

    `data_variance` is a number, 0 or larger; `t` is one time step, a whole number $1 \dots T$, or
    an array $(N,)$ of them, and the result has its shape. The result need not be differentiable.
    """
    + ARRAYS,
    hints="""
    Before x_t is known, x_(t-1) has variance V_(t-1) = alpha_bar_(t-1) data_variance + 1 -
    alpha_bar_(t-1). One more step makes x_t of it, sqrt(alpha_t) x_(t-1) plus noise of variance
    beta_t. Precisions add up: 1/V_(t-1) from before, alpha_t/beta_t from x_t.

    1/(1/V_(t-1) + alpha_t/beta_t) = beta_t V_(t-1)/V_t, where V_t = alpha_t V_(t-1) + beta_t.

        before = schedule.alpha_bar[t - 1] * data_variance + 1 - schedule.alpha_bar[t - 1]
        now = schedule.alpha_bar[t] * data_variance + 1 - schedule.alpha_bar[t]
        return schedule.beta[t] * before / now
    """,
)


@gaussian.case(points=1, kind="equation", expect={"variance": 0.36 * 0.3925 / 0.6112})
def narrow_data(impl, rng):
    """alpha_bar_1 = 0.81, alpha_bar_2 = 0.5184, beta_2 = 0.36. Data of variance 1/4: V_1 = 0.2025 +
    0.19, V_2 = 0.1296 + 0.4816."""
    return {"variance": impl(0.25, 2, Schedule(BY_HAND))}


@gaussian.case(
    points=1,
    kind="equation",
    fixed=True,
    expect={"variance": [0.19 * 3 / 2.62, 0.36 * 2.62 / 2.0368]},
)
def wide_data(impl, rng):
    """Data of variance 3, at t = 1 and t = 2: V_0 = 3, V_1 = 2.43 + 0.19, V_2 = 1.5552 + 0.4816."""
    return {"variance": impl(3, np.array([1, 2]), Schedule(BY_HAND))}


@gaussian.case(points=2, kind="shapes")
def a_time_for_each(impl, rng):
    return {"variance": impl(float(rng.uniform(0.2, 0.8)), np.array([1, 4, 9, 10]), schedule())}


@gaussian.case(points=2, kind="equation", fixed=True, property=True, expect={"gap": 0.0})
def a_single_point(impl, rng):
    """Data that are one point have the variance beta~, 0 at t = 1."""
    s, t = schedule(), np.arange(1, 11)
    known = s.beta[t] * (1 - s.alpha_bar[t - 1]) / (1 - s.alpha_bar[t])
    return {"gap": impl(0.0, t, s) - known}


@gaussian.case(points=2, kind="equation", fixed=True, property=True, expect={"gap": 0.0})
def as_wide_as_the_noise(impl, rng):
    """Data of variance 1 have beta."""
    s, t = schedule(), np.arange(1, 11)
    return {"gap": impl(1.0, t, s) - s.beta[t]}


@gaussian.case(points=2, kind="equation", property=True, expect={"gap": 0.0}, atol=1e-8)
def two_correlated_numbers(impl, rng):
    """It is the variance of x_(t-1) minus their covariance squared over the variance of x_t."""
    s, t, wide = schedule(), np.arange(1, 11), float(rng.uniform(0.1, 5))
    before = s.alpha_bar[t - 1] * wide + 1 - s.alpha_bar[t - 1]
    now = s.alpha[t] * before + s.beta[t]
    return {"gap": impl(wide, t, s) - (before - s.alpha[t] * before**2 / now)}


@gaussian.case(points=1, kind="extremes")
def very_wide_data(impl, rng):
    """Gray values from 0 to 255 instead of -1 to 1, and a thousand steps."""
    return {"variance": impl(6000.0, np.array([1, 2, 500, 1000]), slow_schedule())}


# ------------------------------------------------------------------------------- learned variances

variance = Exercise(
    "diffusion/07/learned_variance",
    target="minigen.diffusion.ddpm:learned_variance",
    minutes=12,
    prompt=r"""
    The learned variances of the reverse step. The network outputs `v`, one value for each
    dimension: 1 means $\beta_t$, 0 means $\tilde\beta_t$, and in between the *logarithm* of the
    variance is linear in `v`. `v` may be below 0 or above 1; the line continues there.

    `v` has shape $(N, D)$ or $(N, H, W, C)$. The result has its shape and dtype. `t` is one time
    step, a whole number $1 \dots T$, or an array $(N,)$ of them, one for each example; $T$ is 2 or
    more. At $t = 1$, $\tilde\beta$ is 0 and has no logarithm: there, and only there, take
    $\tilde\beta_2$ instead (and leave $\beta_1$ unchanged). The result must be differentiable with
    respect to `v`.

    `schedule.beta` and `schedule.posterior_variance` $(\tilde\beta)$ are arrays indexed by the time
    step, $0 \dots T$.
    """,
    hints="""
    A straight line between two logarithms, then the exponential. One number for each example has to
    be reshaped to go with v.

    exp(v log beta_t + (1 - v) log beta~_max(t, 2)).

        shape = (-1,) + (1,) * (np.ndim(v) - 1)  # (N, 1) for (N, D), (N, 1, 1, 1) for images
        log_beta = np.reshape(np.log(schedule.beta[t]), shape).astype(v.dtype)
        log_posterior = np.log(schedule.posterior_variance[np.maximum(t, 2)])
        log_posterior = np.reshape(log_posterior, shape).astype(v.dtype)
        return np.exp(v * log_beta + (1 - v) * log_posterior)
    """,
)


@variance.case(points=2, kind="equation", fixed=True, expect={"variance": [[15 / 152, 15 / 38]]})
def a_quarter_of_the_way(impl, rng):
    """beta_2 is 15/19 and beta~_2 a sixteenth of it. A quarter of the way, v = 1/4, is a factor of
    2 above beta~; v = 3/4 a factor of 2 below beta."""
    return {"variance": impl(np.array([[0.25, 0.75]]), 2, Schedule(SIXTEENTH))}


@variance.case(points=1, kind="equation", fixed=True, expect={"variance": [[15 / 1216, 60 / 19]]})
def beyond_both_ends(impl, rng):
    """v = -1/2 is a factor of 4 below beta~, v = 3/2 a factor of 4 above beta."""
    return {"variance": impl(np.array([[-0.5, 1.5]]), 2, Schedule(SIXTEENTH))}


@variance.case(
    points=1,
    kind="extremes",
    expect={"variance": [[15 / 304, (15 / 304) ** 0.8 * 0.05**0.2, 0.05]]},
)
def first_step(impl, rng):
    """At t = 1: beta_1 = 1/20, and beta~_2 = 15/304 in place of beta~_1."""
    return {"variance": impl(np.array([[0.0, 0.2, 1.0]]), 1, Schedule(SIXTEENTH))}


@variance.case(points=1, kind="shapes")
def a_time_for_each_row(impl, rng):
    """Where beta falls, too, so that beta~ at t = 3 and 4 is below beta~_2."""
    v, falling = rng.uniform(-0.2, 1.2, (5, 3)), Schedule(np.array([0.5, 0.4, 0.1, 0.01]))
    return {
        "variance": impl(v, np.array([1, 2, 3, 9, 10]), schedule()),
        "beta falls": impl(v[1:], np.array([1, 2, 3, 4]), falling),
    }


@variance.case(points=1, kind="shapes")
def images(impl, rng):
    v = rng.uniform(0, 1, (3, 4, 5, 2))
    one, many = impl(v, 7, schedule()), impl(v, np.array([1, 4, 9]), schedule())
    return {"t = 7": one, "t = 1, 4, 9": many}


@variance.case(points=3, kind="equation", fixed=True, property=True, expect={"gap": 0.0})
def ends_of_the_line(impl, rng):
    """v = 1 is beta, v = 0 beta~, and two v that add up to 1 multiply to beta beta~."""
    s, v, one, gaps = schedule(), rng.uniform(0, 1, (3, 2)), np.ones((3, 2)), []
    for t in range(2, 11):
        beta, posterior = s.beta[t], s.posterior_variance[t]
        gaps += [impl(one, t, s) - beta, impl(0 * one, t, s) - posterior]
        gaps.append(impl(v, t, s) * impl(1 - v, t, s) - beta * posterior)
    return {"gap": np.stack(gaps)}


@variance.case(points=1, kind="gradient")
def gradient(impl, rng):
    """With respect to v, of the sum of the logarithms and of the sum of the variances."""
    v, t = rng.uniform(-0.5, 1.5, (4, 2)), np.array([1, 2, 5, 10])
    s = schedule()
    logs = grad(lambda v: np.sum(np.log(impl(v, t, s))))(v)
    return {"of the logarithms": logs, "of the variances": grad(lambda v: np.sum(impl(v, t, s)))(v)}


@variance.case(points=1, kind="extremes", rtol=1e-4, exact_dtype=True)
def slow_steps(impl, rng):
    """A thousand steps, the variances about 0.0001 at first, in float32; v as far out as -3 and
    4."""
    v = rng.uniform(-3, 4, (5, 3)).astype(np.float32)
    found = impl(v, np.array([1, 2, 10, 500, 1000]), slow_schedule())
    return {"variance": found}


# ------------------------------------------------------------------------------------- hybrid loss

hybrid = Exercise(
    "diffusion/07/hybrid_loss",
    target="minigen.diffusion.likelihood:hybrid_loss",
    minutes=25,
    imports=[
        "from minigen.diffusion.ddpm import q_sample",
        "from minigen.diffusion.likelihood import vlb_term",
        "from minigen.tensor import stop_gradient",
    ],
    prompt=r"""
    The loss of a model that predicts the noise and the variance of the reverse step:
    `model(x_t, t)` returns a pair $(\hat\varepsilon, v)$, both in the shape of $x_t$. One number,
    $L_\mathrm{simple} + \mathrm{weight}\, L_\mathrm{vlb}$.

    `x0` and `eps` have the same shape, $(N, D)$ or $(N, H, W, C)$; `t` has shape $(N,)$. Make $x_t$
    of `x0` and `eps` with `q_sample(x0, t, eps, schedule)`. $L_\mathrm{simple}$ is the mean of
    $(\varepsilon - \hat\varepsilon)^2$ over examples and dimensions. $L_\mathrm{vlb}$ is the bound
    *per dimension*, a sum over all $T$ time steps, of which each example gives one: take the mean
    of the terms over examples, times $T$, divided by the number of dimensions of an example.

    `vlb_term(model, x0, t, eps, schedule, "learned", levels)` returns the terms, $(N,)$, in nats,
    each a sum over dimensions. It calls a `model(x_t, t)` for such a pair; that model need not be
    the network. The bound must train $v$ alone: no gradient of it may reach $\hat\varepsilon$.
    `stop_gradient(a)` is `a`, taken as a constant. The result must be differentiable with respect
    to the weights of the model, which may be shared by both outputs.

    `schedule.T` is the number of time steps.
    """,
    hints="""
    Call the network once. Pass its two outputs to vlb_term by a small function of x_t and t that
    returns both, the noise with its gradient stopped.

    mean of (eps - eps_hat)^2 + weight T/dims mean of the terms, these made of
    (stop_gradient(eps_hat), v).

        eps_hat, v = model(q_sample(x0, t, eps, schedule), t)

        def fixed_mean(x_t, t):
            return stop_gradient(eps_hat), v

        terms = vlb_term(fixed_mean, x0, t, eps, schedule, "learned", levels)  # (N,)
        dims = x0.size // len(x0)
        return np.mean((eps - eps_hat) ** 2) + weight * schedule.T / dims * np.mean(terms)
    """,
)


def each(values, axes=2):
    """(N,) -> (N, 1, ..., 1): one number for each example, to go with data of so many axes."""
    return np.reshape(values, (-1,) + (1,) * (axes - 1))


def two_weights(w):
    """A model that is easy to follow: noise and v both depend on x_t, on t and on both weights."""

    def model(x, t):
        common = np.tanh(w[0] * x + each(0.1 * t, np.ndim(x)).astype(x.dtype))
        return w[1] * common + 0.2 * x, w[0] * w[1] * common + 0.4

    return model


EXCESS = 0.5 * np.log(2) - 0.25  # KL of a Gaussian from one of the same mean and twice the variance


@hybrid.case(
    points=1, kind="equation", expect={"loss": 0.75 + 0.01 * 2 / 3 * (3 * EXCESS + 18.75 * 2.25)}
)
def an_example_by_hand(impl, rng):
    """At t = 2 of two steps beta is 15/19 and beta~ a sixteenth of it, so v = 1/4 gives twice beta~
    and a noise that is off by d costs (log 2)/2 - 1/4 + 18.75 d^2 nats. Off by 1/2, 1 and -1:
    L_simple is 3/4, T/D is 2/3; weight 0.01."""
    x0, eps = np.array([[0.5, -1.0, 2.0]]), np.array([[1.0, 0.0, -0.5]])
    off = np.array([[0.5, 1.0, -1.0]])

    def model(x, t):
        return eps + off, 0.25 + 0 * x

    return {"loss": impl(model, x0, np.array([2]), eps, Schedule(SIXTEENTH), 0.01)}


@hybrid.case(points=2, kind="equation")
def two_outputs(impl, rng):
    x0, eps = rng.standard_normal((2, 5, 3))
    model = two_weights(np.array([0.4, -0.7]))
    return {"loss": impl(model, x0, np.array([1, 2, 5, 9, 10]), eps, schedule(), 0.3)}


@hybrid.case(points=1, kind="equation", fixed=True)
def the_usual_weight(impl, rng):
    """Without a weight it is 0.001; a noise that is off by 30 makes the bound count even so."""
    x0, eps = rng.standard_normal((2, 4, 3))

    def model(x, t):
        return eps + 30, 0.5 + 0 * x

    return {"loss": impl(model, x0, np.array([1, 2, 5, 10]), eps, schedule())}


@hybrid.case(points=2, kind="extremes", rtol=1e-5)
def gray_values(impl, rng):
    """Images of 256 gray values in float32: the last step is asked for their probability."""
    x0 = (rng.integers(0, 256, (4, 2, 3, 1)) / 127.5 - 1).astype(np.float32)
    eps = rng.standard_normal(x0.shape).astype(np.float32)
    model = two_weights(np.array([0.9, 0.8], np.float32))
    t = np.array([1, 1, 2, 9])
    return {"loss": impl(model, x0, t, eps, schedule(), 0.05, 256)}


@hybrid.case(points=2, kind="gradient")
def gradient_in_shared_weights(impl, rng):
    """With respect to two weights, each of which is used by both outputs."""
    x0, eps = rng.standard_normal((2, 6, 2))
    t = np.array([1, 2, 3, 5, 8, 10])

    def total(w):
        return impl(two_weights(w), x0, t, eps, schedule(), 0.2)

    return {"gradient": grad(total)(np.array([0.4, -0.7]))}


@hybrid.case(points=2, kind="equation", property=True, expect={"gap": 0.0}, atol=1e-8)
def noise_learns_from_the_simple_loss(impl, rng):
    """What the predicted noise alone depends on has the gradient of L_simple, whatever the weight
    of the bound; but v has a gradient, too."""
    x0, eps = rng.standard_normal((2, 5, 3))
    t, s = np.array([1, 2, 5, 9, 10]), schedule()

    def total(w, weight):
        def model(x, t):
            return w[0] * x, w[1] + 0 * x

        return impl(model, x0, t, eps, s, weight)

    x_t = each(np.sqrt(s.alpha_bar[t])) * x0 + each(np.sqrt(1 - s.alpha_bar[t])) * eps
    w = np.array([0.3, 0.6])
    simple = np.mean(2 * (w[0] * x_t - eps) * x_t)
    gradient = grad(lambda w: total(w, 7.0))(w)
    return {"gap": gradient[0] - simple, "gradient with respect to v": gradient[1]}


# ------------------------------------------------------------------------ how often each time step

aware = Exercise(
    "diffusion/07/loss_aware_probabilities",
    target="minigen.diffusion.importance:loss_aware_probabilities",
    minutes=12,
    blocked=["minigen.diffusion.importance:LossAwareTimes.probabilities"],
    prompt="""
    How often to draw each time step, so that the estimate of a sum of losses, of which one is drawn
    at a time, has a small variance.

    `losses` has shape $(T, H)$: the last $H$ losses of each time step, row 0 those of $t = 1$. The
    result has shape $(T,)$ and sums to 1. A fraction `uniform` of it is spread evenly over all
    steps; the rest is in proportion to the root of the mean of the squares of a row. If all losses
    are 0, each step gets $1/T$. Losses may be negative. The result need not be differentiable.
    """,
    hints="""
    One size for each time step, then sizes divided by their sum. No step may have probability 0, so
    a small part is the same for all.

    size_t = sqrt(mean over h of loss_th^2), p_t = (1 - uniform) size_t/(sum of sizes) + uniform/T.

        size = np.sqrt(np.mean(losses**2, axis=1))
        if np.sum(size) == 0:
            return np.ones(len(size)) / len(size)
        return (1 - uniform) * size / np.sum(size) + uniform / len(size)
    """,
)


@aware.case(points=1, kind="equation", expect={"p": [0.5 + 0.2 / 3, 0.3 + 0.2 / 3, 0.2 / 3]})
def three_steps(impl, rng):
    """1 and 7 have the mean square 25, and the size 5; 3 and 3 the size 3; 0 and 0 none. A fifth is
    spread evenly."""
    return {"p": impl(np.array([[1.0, 7.0], [3.0, 3.0], [0.0, 0.0]]), 0.2)}


@aware.case(points=1, kind="equation")
def usual_share(impl, rng):
    """Without it, `uniform` is 0.001."""
    return {"p": impl(rng.uniform(0, 3, (4, 7)))}


@aware.case(points=1, kind="extremes")
def negative_losses(impl, rng):
    """A negative loss counts by its size; in float32."""
    return {"p": impl(rng.standard_normal((5, 3)).astype(np.float32), 0.01)}


@aware.case(points=1, kind="equation", fixed=True, expect={"all 0": [0.25] * 4, "one row": [1.0]})
def nothing_to_go_by(impl, rng):
    """All losses are 0; and only one time step."""
    return {"all 0": impl(np.zeros((4, 3)), 0.3), "one row": impl(np.array([[2.0, 5.0]]))}


@aware.case(points=2, kind="equation", property=True, expect={"gap": 0.0, "sum": 1.0}, atol=1e-8)
def least_second_moment(impl, rng):
    """With uniform = 0 the mean square of loss/p is as small as it can be, the squared sum of the
    roots of the mean squares."""
    losses = rng.standard_normal((6, 9)) * np.array([0.1, 1, 3, 10, 2, 0.5])[:, None] + 0.3
    square = np.mean(losses**2, axis=1)
    p = impl(losses, 0.0)
    return {"gap": np.sum(square / p) / np.sum(np.sqrt(square)) ** 2 - 1, "sum": np.sum(p)}


@aware.case(points=1, kind="extremes", fixed=True)
def far_apart(impl, rng):
    """Losses of 0.0001 and of 1000 together, as in the bound; and all of them nearly 0."""
    losses = np.array([[1000.0, 900.0], [1e-4, 2e-4], [-1.0, 3.0]])
    return {"p": impl(losses), "p of tiny ones": impl(1e-12 * losses, 0.0)}
