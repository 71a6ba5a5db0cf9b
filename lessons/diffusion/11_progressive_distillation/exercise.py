"""Exercises on progressive distillation: what the student is to predict, the weights of its error,
and its loss."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.diffusion.samplers import ddim_step
from minigen.diffusion.schedule import Schedule
from minigen.tensor import grad

target = Exercise(
    "diffusion/11/distillation_target",
    target="minigen.diffusion.distillation:distillation_target",
    minutes=20,
    imports=[
        "from minigen.diffusion.samplers import ddim_step",
        "from minigen.tensor import stop_gradient",
    ],
    prompt=r"""
    The clean data that a student is to predict, so that its one DDIM step from `t` to $t - 2$ ends
    where the teacher's two steps $t \to t - 1 \to t - 2$ end.

    `x_t` is $(N, D)$ or $(N, H, W, C)$, `t` one time step, a whole number, or an array $(N,)$ of
    them, each at least 2. The result has the shape of `x_t`. `eps_model(x, times)` is the teacher's
    prediction of the noise; it takes its times as an array $(N,)$, and not `t` itself but
    `schedule.times` at `t`.

    `ddim_step(x, t, s, eps, None, schedule)` makes a step from `t` to `s`, and takes numbers or
    arrays $(N,)$. A step of DDIM from $t$ to $s$ with the clean data $x_0$ leads to
    $\sqrt{\bar\alpha_s} x_0 + r (x_t - \sqrt{\bar\alpha_t} x_0)$, where $r$ is the square root of
    $(1 - \bar\alpha_s)/(1 - \bar\alpha_t)$. The arrays `schedule.alpha_bar` and `schedule.times`
    are indexed by `t`, and `alpha_bar[0]` is 1.

    A target is a constant: no gradient may flow through it, neither from the teacher nor from
    `x_t`. `stop_gradient(a)` of `minigen.tensor` is `a` without its gradient.
    """,
    hints="""
    Make the teacher's two steps. You then have their start and their end; for which x0 does one
    step lead from this start to this end?

    x0 = (x_{t-2} - r x_t) / (sqrt(alpha_bar_{t-2}) - r sqrt(alpha_bar_t)).

        t = np.broadcast_to(t, (len(x_t),))
        x = x_t = stop_gradient(x_t)
        for now in (t, t - 1):
            eps = stop_gradient(eps_model(x, schedule.times[now]))
            x = ddim_step(x, now, now - 1, eps, None, schedule)
        shape = (-1,) + (1,) * (np.ndim(x) - 1)  # (N, 1) for (N, D), (N, 1, 1, 1) for images
        now = np.reshape(schedule.alpha_bar[t], shape)
        end = np.reshape(schedule.alpha_bar[t - 2], shape)
        r = np.sqrt((1 - end) / (1 - now))
        return ((x - r * x_t) / (np.sqrt(end) - r * np.sqrt(now))).astype(x_t.dtype)
    """,
)

# The roots of alpha_bar are 0.8, 0.6, 0.28, and those of 1 - alpha_bar 0.6, 0.8, 0.96.
BY_HAND = Schedule.from_alpha_bar([0.64, 0.36, 0.0784])


def by_step(x, t):
    """A teacher that predicts the noise 0.5 at time 3 and -0.25 at time 2, for every x."""
    return 0 * x + np.reshape(np.where(t == 3, 0.5, -0.25), (-1, 1))


def wavy(x, t):
    """A teacher whose prediction depends on the place and on the time."""
    times = t.reshape((len(x),) + (1,) * (np.ndim(x) - 1))  # t is an array (N,)
    return np.tanh(x + 0.3 * times) - 0.1 * times


@target.case(points=2, kind="equation", expect={"target": [[1.56, -1.44]]}, atol=1e-8)
def from_three_to_one(impl, rng):
    """x_3 = 0.76 and noise 0.5 is x0 = 1, so x_2 = 1; with -0.25 that is x0 = 2, so x_1 = 1.45. And
    r = 0.625: (1.45 - 0.475) / (0.8 - 0.175)."""
    return {"target": impl(by_step, np.array([[0.76, -0.08]]), 3, BY_HAND)}


def schedule():
    return Schedule.cosine(8)


@target.case(points=1, kind="shapes", atol=1e-7)
def a_time_for_each(impl, rng):
    x, t = rng.standard_normal((5, 3)), np.array([2, 3, 5, 7, 8])
    return {"target": impl(wavy, x, t, schedule())}


@target.case(points=1, kind="equation", property=True, expect={"difference": 0.0}, atol=1e-7)
def last_two_steps(impl, rng):
    """At t = 2 the target is where the teacher ends, the clean data itself."""
    x, s = rng.standard_normal((4, 3)), schedule()
    two, one = np.full(4, 2), np.full(4, 1)
    middle = ddim_step(x, two, one, wavy(x, two), None, s)
    end = ddim_step(middle, one, one - 1, wavy(middle, one), None, s)
    return {"difference": impl(wavy, x, 2, s) - end}


@target.case(points=1, kind="shapes", atol=1e-7)
def images_on_a_shorter_schedule(impl, rng):
    """A teacher of four steps, whose times are 3, 5, 6 and 8."""
    x, shorter = rng.standard_normal((2, 4, 3, 2)), schedule().subset([3, 5, 6, 8])
    one, each = (impl(wavy, x, t, shorter) for t in (4, np.array([3, 2])))
    return {"one time": one, "a time for each": each}


@target.case(
    points=2, kind="equation", fixed=True, property=True, expect={"difference": 0.0}, atol=1e-6
)
def all_data_is_one_point(impl, rng):
    """For data of one point, an exact teacher predicts this point in both steps. So it is the
    target, at any time."""
    point, s = np.array([0.7, -1.2, 0.4]), schedule()
    x = rng.standard_normal((4, 3))

    def exact(x, times):
        a = s.alpha_bar[times].reshape(len(x), 1)
        return (x - np.sqrt(a) * point) / np.sqrt(1 - a)

    targets = np.stack([impl(exact, x, t, s) for t in (2, 3, 6, 8)])
    return {"difference": targets - point}


@target.case(points=1, kind="gradient", atol=1e-7)
def no_gradient_flows(impl, rng):
    """The slope with respect to w of w times the target, where the teacher is w x; and that
    with respect to x_t of its sum."""
    x = rng.standard_normal((3, 2))

    def of_teacher(w):
        return w * np.sum(impl(lambda x, t: w * x, x, 4, schedule()))

    def of_noisy(x):
        return np.sum(x) + np.sum(impl(wavy, x, 4, schedule()))

    return {
        "slope with respect to w": grad(of_teacher)(np.array(0.5)),
        "slope with respect to x_t": grad(of_noisy)(x),
    }


@target.case(points=1, kind="extremes", rtol=1e-4, atol=1e-3)
def far_away(impl, rng):
    """Points at 1000 and -1000, in float32."""
    x = np.array([[1000.0, -3.0, 0.5], [2.0, -1000.0, 0.0]], np.float32)
    return {"target": impl(lambda x, t: np.tanh(x), x, np.array([6, 3]), schedule())}


@target.case(
    points=1, kind="extremes", fixed=True, property=True, expect={"difference": 0.0}, atol=1e-8
)
def steps_that_hardly_differ(impl, rng):
    """A schedule so fine that the denominator is a few millionths: for data of one point, the
    target of an exact teacher is still this point."""
    point, s = np.array([0.7, -1.2, 0.4]), Schedule.from_alpha_bar([0.64, 0.639999, 0.639995])
    x, t = rng.standard_normal((4, 3)), np.full(4, 3)

    def exact(x, times):
        a = s.alpha_bar[times].reshape(len(x), 1)
        return (x - np.sqrt(a) * point) / np.sqrt(1 - a)

    return {"difference": impl(exact, x, t, s) - point}


weight = Exercise(
    "diffusion/11/truncated_snr_weight",
    target="minigen.diffusion.distillation:truncated_snr_weight",
    minutes=5,
    prompt=r"""
    The weight of the squared error of the student's clean data at time `t`: the signal-to-noise
    ratio, but never below 1.

    `t` is one time step, a whole number, or an array $(N,)$ of them; the result has its shape. The
    signal-to-noise ratio of $x_t$ is $\bar\alpha_t/(1 - \bar\alpha_t)$. `schedule.alpha_bar` is an
    array indexed by `t`. The result need not be differentiable.
    """,
    hints="""
    Two numbers for each t, and the larger one counts.

    max(alpha_bar_t / (1 - alpha_bar_t), 1).

        alpha_bar = schedule.alpha_bar[t]
        return np.maximum(alpha_bar / (1 - alpha_bar), 1)
    """,
)


@weight.case(points=1, kind="equation", fixed=True, expect={"weight": [4.0, 1.0, 1.0]}, rtol=1e-9)
def three_steps(impl, rng):
    """alpha_bar is 0.8, 0.4, 0.2: the ratios are 4, 2/3 and 1/4."""
    return {"weight": impl(np.array([1, 2, 3]), Schedule([0.2, 0.5, 0.5]))}


@weight.case(points=2, kind="equation", fixed=True)
def one_time(impl, rng):
    return {f"weight at t = {t}": impl(t, schedule()) for t in (1, 3, 8)}


@weight.case(points=1, kind="equation", property=True, expect={"difference": 0.0})
def as_a_weight_of_v(impl, rng):
    """Times 1 - alpha_bar it is the larger one of signal and noise, alpha_bar and 1 - alpha_bar."""
    t, s = rng.permutation(40) + 1, Schedule.linear(40, 0.001, 0.3)
    a = s.alpha_bar[t]
    return {"difference": impl(t, s) * (1 - a) - np.maximum(a, 1 - a)}


@weight.case(points=1, kind="extremes", fixed=True)
def ends_of_a_long_schedule(impl, rng):
    """Hardly any noise at t = 1, hardly any signal at t = 1000; times in any order, some twice."""
    return {"weight": impl(np.array([1000, 1, 600, 1, 250]), Schedule.cosine(1000))}


of_v = Exercise(
    "diffusion/11/weight_of_v",
    target="minigen.diffusion.distillation:weight_of_v",
    minutes=10,
    prompt=r"""
    The weight of the squared error of $v$ with which the student's loss is the same.

    The loss weighs the squared error of the clean data at time `t` by the larger of 1 and the
    signal-to-noise ratio, $\bar\alpha_t/(1 - \bar\alpha_t)$. The student predicts $v$, from which
    its clean data is $\sqrt{\bar\alpha_t} x_t - \sqrt{1 - \bar\alpha_t} v$. Replace both squared
    errors, of the clean data and of $v$: by what factor must that of $v$ be multiplied, so that the
    loss stays the same for every $v$?

    `t` is one time step, a whole number, or an array $(N,)$ of them; the result has its shape.
    `schedule.alpha_bar` is an array indexed by `t`. The result need not be differentiable.
    """,
    hints="""
    Two predictions of v that differ by d lead to two predictions of the clean data. By how much do
    these differ, and what is the square of that?

    (1 - alpha_bar_t) max(alpha_bar_t / (1 - alpha_bar_t), 1), the larger of alpha_bar_t and
    1 - alpha_bar_t.

        alpha_bar = schedule.alpha_bar[t]
        return np.maximum(alpha_bar, 1 - alpha_bar)
    """,
)


@of_v.case(points=1, kind="equation", fixed=True, expect={"weight": 0.64})
def much_noise(impl, rng):
    """alpha_bar is 0.36 and the weight of the clean data 1. If v changes by d, the clean data
    changes by 0.8 d: the square is multiplied by 0.64."""
    return {"weight": impl(2, BY_HAND)}


@of_v.case(points=1, kind="equation", fixed=True, expect={"weight": 0.64})
def little_noise(impl, rng):
    """alpha_bar is 0.64 and the weight of the clean data 16/9. If v changes by d, the clean data
    changes by 0.6 d: the square is multiplied by 16/9 times 0.36."""
    return {"weight": impl(1, BY_HAND)}


@of_v.case(points=2, kind="equation", property=True, expect={"difference": 0.0})
def the_loss_is_the_same(impl, rng):
    """The weighted squared error of v is that of the clean data that v implies, at any time."""
    s = Schedule.linear(40, 0.001, 0.3)
    x, v, right = rng.standard_normal((3, 5))
    found = []
    for t in (1, 9, 15, 40):
        a = s.alpha_bar[t]
        x0, wanted = (np.sqrt(a) * x - np.sqrt(1 - a) * output for output in (v, right))
        of_x0 = np.maximum(a / (1 - a), 1) * (x0 - wanted) ** 2
        found.append(impl(t, s) * (v - right) ** 2 - of_x0)
    return {"difference": np.stack(found)}


@of_v.case(points=1, kind="shapes")
def a_weight_for_each(impl, rng):
    """Times in any order, some of them twice."""
    return {"weight": impl(rng.permutation([7, 1, 4, 8, 1, 2, 3])[:5], schedule())}


@of_v.case(points=1, kind="extremes", fixed=True)
def first_and_last_of_a_thousand(impl, rng):
    """Hardly any noise at t = 1, hardly any signal at t = 1000."""
    return {f"t = {t}": impl(t, Schedule.cosine(1000)) for t in (1, 500, 1000)}


loss = Exercise(
    "diffusion/11/student_loss",
    target="minigen.diffusion.distillation:student_loss",
    minutes=10,
    prompt=r"""
    The loss of a student that predicts `v`: the mean, over all examples and dimensions, of the
    squared error of its clean data, each example weighted by the larger of 1 and its
    signal-to-noise ratio, $\bar\alpha_t/(1 - \bar\alpha_t)$.

    `v` is the student's prediction, `target` the clean data that it should lead to, `x_t` the
    noised data, all $(N, D)$ or $(N, H, W, C)$. `t` is one time step, a whole number, or an array
    $(N,)$. The student's clean data is $\sqrt{\bar\alpha_t} x_t - \sqrt{1 - \bar\alpha_t} v$.
    `schedule.alpha_bar` is an array indexed by `t`. Divide by the number of entries, not by the sum
    of the weights. The result must be differentiable with respect to `v`: use autograd's `np`.
    """,
    hints="""
    First turn v into clean data. Then square, weigh and average; the weight belongs to the square.

    mean of max(SNR_t, 1) (target - sqrt(alpha_bar_t) x_t + sqrt(1 - alpha_bar_t) v)^2.

        a = np.reshape(schedule.alpha_bar[t], (-1,) + (1,) * (np.ndim(v) - 1))
        a = a.astype(v.dtype)
        x0 = np.sqrt(a) * x_t - np.sqrt(1 - a) * v
        return np.mean(np.maximum(a / (1 - a), 1) * (target - x0) ** 2)
    """,
)


@loss.case(points=1, kind="equation", expect={"loss": 0.145})
def at_time_two(impl, rng):
    """alpha_bar is 0.36, the weight 1. x0 = 0.6 - 0.8 = -0.2 and -0.6 - 1.6 = -2.2: errors of 0.5
    and 0.2."""
    x, v, wanted = np.array([[1.0, -1.0]]), np.array([[1.0, 2.0]]), np.array([[0.3, -2.0]])
    return {"loss": impl(v, wanted, x, 2, BY_HAND)}


# The roots of alpha_bar are 0.96, 0.8, and those of 1 - alpha_bar 0.28, 0.6.
CLEAR = Schedule.from_alpha_bar([0.9216, 0.64])


@loss.case(points=2, kind="equation", expect={"loss": 0.2 * 16 / 9})
def more_signal_than_noise(impl, rng):
    """alpha_bar is 0.64, the weight 16/9. x0 = 0.8 - 0.6 = 0.2 and -0.8 - 1.2 = -2: errors of 0.2
    and 0.6."""
    x, v, wanted = np.array([[1.0, -1.0]]), np.array([[1.0, 2.0]]), np.array([[0.0, -1.4]])
    return {"loss": impl(v, wanted, x, 2, CLEAR)}


@loss.case(points=1, kind="gradient")
def times_of_each_and_gradient(impl, rng):
    v, wanted, x = rng.standard_normal((3, 5, 3))
    t = np.array([1, 2, 4, 6, 8])
    slope = grad(lambda v: impl(v, wanted, x, t, schedule()))(v)
    return {"loss": impl(v, wanted, x, t, schedule()), "gradient with respect to v": slope}


@loss.case(points=1, kind="shapes")
def images(impl, rng):
    v, wanted, x = rng.standard_normal((3, 2, 4, 3, 2))
    one, each = (impl(v, wanted, x, t, schedule()) for t in (3, np.array([2, 7])))
    return {"one time": one, "a time for each": each}


@loss.case(points=1, kind="equation", fixed=True, property=True, expect={"loss": 0.0})
def exact_predictions(impl, rng):
    """A student whose v leads to the target has no loss, at any time."""
    (v, x), s = rng.standard_normal((2, 4, 3)), schedule()
    losses = []
    for t in (1, 4, 8):
        a = s.alpha_bar[t]
        losses.append(impl(v, np.sqrt(a) * x - np.sqrt(1 - a) * v, x, t, s))
    return {"loss": np.stack(losses)}


@loss.case(points=1, kind="extremes", rtol=1e-4)
def far_from_right(impl, rng):
    """Targets at 1000 and -1000, in float32, at both ends of the schedule."""
    v, x = rng.standard_normal((2, 2, 3)).astype(np.float32)
    wanted = np.array([[1000.0, -1000.0, 1.0], [-1000.0, 0.0, 5.0]], np.float32)
    return {"loss": impl(v, wanted, x, np.array([1, 8]), schedule())}
