"""Exercises on flow maps: the map and the mean velocity of Gaussian data, and the targets of
shortcut models and of MeanFlow."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.diffusion.flow_map import gaussian_mean_velocity
from minigen.tensor import grad

flow_map = Exercise(
    "after/07/gaussian_flow_map",
    target="minigen.diffusion.flow_map:gaussian_flow_map",
    minutes=15,
    blocked=["minigen.diffusion.flow_map:gaussian_mean_velocity"],
    prompt=r"""
    Return the point at time `r` of the path through `x` at time `t`, for Gaussian data.

    The data $x_0$ has mean $m$ = `mean` and variance $s^2$ = `variance` in each coordinate, and
    $x_t = (1 - t) x_0 + t z$ with standard normal noise $z$. The map from `t` to `r` moves the mean
    of $x_t$ to that of $x_r$, and it stretches the distance from the mean by the ratio of their
    standard deviations.

    `x` is $(N, D)$ or $(N, H, W, C)$, which is the shape of the result. `t` and `r` are one time
    each in $[0, 1]$, or arrays $(N,)$; `r` may be before `t`, after `t`, or equal to `t`. `mean`
    and `variance` are numbers or arrays that broadcast to `x`; `variance` may be 0, but not where
    `t` is 0.
    """,
    hints="""
    What are the mean and the variance of x_t? Subtract the mean at time t, stretch, and add the
    mean at time r.

    (1 - r) m + sqrt(V_r / V_t) (x - (1 - t) m), where V_t = (1 - t)^2 s^2 + t^2.

        def per_example(time):  # (N,) becomes (N, 1, ...)
            return np.reshape(time, np.shape(time) + (1,) * (np.ndim(x) - np.ndim(time)))

        t, r = per_example(t), per_example(r)
        now = (1 - t) ** 2 * variance + t**2
        then = (1 - r) ** 2 * variance + r**2
        return (1 - r) * mean + np.sqrt(then / now) * (x - (1 - t) * mean)
    """,
)


@flow_map.case(points=2, kind="equation", expect={"x_r": [[8.0], [-1.0]]})
def to_the_data(impl, rng):
    """Mean 5, variance 4: at t = 0.6 the mean is 2 and the variance 0.64 + 0.36 = 1. So the map to
    r = 0 doubles the distances: 5 + 2 * 1.5, and 5 - 2 * 3."""
    return {"x_r": impl(np.array([[3.5], [-1.0]]), 0.6, 0.0, 5.0, 4.0)}


@flow_map.case(points=3, kind="equation")
def random_times(impl, rng):
    """From noise to data, from data to noise, and between."""
    x, (t, r) = 2 * rng.standard_normal((4, 3)), rng.uniform(0.2, 0.8, 2)
    return {
        "from 1 to 0": impl(x, 1.0, 0.0, 0.7, 0.3),
        "from 0 to 1": impl(x, 0.0, 1.0, -1.2, 0.5),
        "between": impl(x, t, r, 2.0, 2.5),
        "and back": impl(x, r, t, 2.0, 2.5),
    }


@flow_map.case(
    points=2, kind="equation", property=True, expect={"mean": 0.0, "variance": 0.0}, atol=1e-8
)
def mean_and_variance_at_the_end(impl, rng):
    """Noise of mean 0 and variance 1 becomes points with the mean and the variance of x_r."""
    z, (mean, variance) = rng.standard_normal((50, 2)), rng.uniform(0.5, 3, 2)
    z = (z - np.mean(z, axis=0)) / np.std(z, axis=0)
    ends = {r: impl(z, 1.0, r, mean, variance) for r in (0.0, 0.4)}
    spread = {0.0: variance, 0.4: 0.36 * variance + 0.16}
    return {
        "mean": np.stack([np.mean(x, axis=0) - (1 - r) * mean for r, x in ends.items()]),
        "variance": np.stack([np.var(x, axis=0) - spread[r] for r, x in ends.items()]),
    }


@flow_map.case(points=2, kind="shapes")
def times_of_their_own(impl, rng):
    """Times (N,) for points and for images; a mean and a variance for each coordinate."""
    t, r = np.array([0.9, 0.3, 1.0]), np.array([0.2, 0.6, 0.0])
    points, images = rng.standard_normal((3, 2)), rng.standard_normal((3, 2, 4, 1))
    each = np.array([1.0, -2.0]), np.array([0.3, 2.0])
    return {
        "points": impl(points, t, r, *each),
        "points, one r": impl(points, t, 0.0, *each),
        "images": impl(images, t, r, 0.5, 0.2),
    }


@flow_map.case(points=1, kind="extremes")
def data_at_one_point(impl, rng):
    """With variance 0 all paths lead to the mean. And at r = t a point stays where it is."""
    x = rng.standard_normal((4, 3))
    return {
        "to the point": impl(x, 0.5, 0.0, 1.5, 0.0),
        "half way": impl(x, 0.8, 0.4, 1.5, 0.0),
        "r = t": impl(x, 0.3, 0.3, 1.5, 2.0),
    }


mean_velocity = Exercise(
    "after/07/gaussian_mean_velocity",
    target="minigen.diffusion.flow_map:gaussian_mean_velocity",
    minutes=20,
    blocked=["minigen.diffusion.flow_map:gaussian_flow_map"],
    prompt=r"""
    Return the mean velocity of the path through `x` between the times `t` and `r`, for Gaussian
    data: $u = (x - X)/(t - r)$, where $X$ is the point of the path at time `r`. At `r` equal to `t`
    return the limit of the quotient, the velocity at `x`.

    The data has mean $m$ = `mean` and variance $s^2$ = `variance`, and $x_t$ has mean $(1 - t) m$
    and variance $V_t = (1 - t)^2 s^2 + t^2$. The path ends at
    $X = (1 - r) m + \sqrt{V_r/V_t} (x - (1 - t) m)$. Shapes and limits are those of
    `gaussian_flow_map`: `t` and `r` are one time each or arrays $(N,)$, in which some may be equal.

    Where the times differ, the result must be differentiable with respect to `x`, `t` and `r`.
    """,
    hints="""
    Either treat r = t apart, or cancel t - r: multiply the difference of two square roots by their
    sum.

    u = -m + (t + r - (2 - t - r) s^2) / (V_t + sqrt(V_t V_r)) (x - (1 - t) m).

        def per_example(time):  # (N,) becomes (N, 1, ...)
            return np.reshape(time, np.shape(time) + (1,) * (np.ndim(x) - np.ndim(time)))

        t, r = per_example(t), per_example(r)
        now = (1 - t) ** 2 * variance + t**2
        then = (1 - r) ** 2 * variance + r**2
        slope = (t + r - (2 - t - r) * variance) / (now + np.sqrt(now * then))
        return slope * (x - (1 - t) * mean) - mean
    """,
)


@mean_velocity.case(points=2, kind="equation", expect={"u": [[-7.5], [-10.0]]})
def a_whole_step(impl, rng):
    """Mean 5, variance 4, from t = 0.6 to 0: 3.5 moves to 8 and 5 moves to 11, in the time 0.6."""
    return {"u": impl(np.array([[3.5], [5.0]]), 0.6, 0.0, 5.0, 4.0)}


@mean_velocity.case(points=2, kind="equation", fixed=True, expect={"u": [[-6.5], [-8.0]]})
def no_time_at_all(impl, rng):
    """The same points with r = t: half the derivative of V_t, which is 1, is -1. So the velocity is
    -(x - 2) - 5."""
    return {"u": impl(np.array([[3.5], [5.0]]), 0.6, 0.6, 5.0, 4.0)}


@mean_velocity.case(points=3, kind="equation")
def some_times(impl, rng):
    """From noise to data, from data to noise, between, and over a short time."""
    x, (t, r) = 2 * rng.standard_normal((4, 3)), rng.uniform(0.2, 0.8, 2)
    return {
        "from 1 to 0": impl(x, 1.0, 0.0, 0.7, 0.3),
        "from 0 to 1": impl(x, 0.0, 1.0, -1.2, 0.5),
        "between": impl(x, t, r, 2.0, 2.5),
        "a short time": impl(x, t, t - 0.001, 2.0, 2.5),
    }


@mean_velocity.case(points=2, kind="equation", property=True, expect={"difference": 0.0}, atol=1e-8)
def one_point_of_data(impl, rng):
    """If all the data is one point, the paths are straight lines to it: u = (x - point)/t for every
    r."""
    x, point, t = rng.standard_normal((4, 3)), rng.standard_normal(3), rng.uniform(0.3, 0.9)
    found = [impl(x, t, r, point, 0.0) for r in (0.0, t / 2, t, 1.0)]
    return {"difference": np.stack(found) - (x - point) / t}


@mean_velocity.case(points=2, kind="shapes")
def some_equal_times(impl, rng):
    """Times (N,), one pair of them equal, for points and for images; a mean for each coordinate."""
    t, r = np.array([0.9, 0.3, 1.0, 0.7]), np.array([0.2, 0.6, 0.0, 0.7])
    points, images = rng.standard_normal((4, 2)), rng.standard_normal((4, 2, 3, 1))
    each = np.array([1.0, -2.0]), np.array([0.3, 2.0])
    return {
        "points": impl(points, t, r, *each),
        "points, one r": impl(points, t, 0.3, *each),
        "images": impl(images, t, r, 0.5, 0.2),
    }


@mean_velocity.case(points=1, kind="gradient")
def slopes(impl, rng):
    """With respect to x, t and r."""
    x = rng.standard_normal((3, 2))
    times = np.array([0.9, 0.4, 0.6]), np.array([0.3, 0.7, 0.1])

    def total(x, t, r):
        return np.sum(np.sin(impl(x, t, r, 1.5, 0.6)))

    return {
        "with respect to x": grad(total)(x, *times),
        "with respect to t": grad(lambda t: total(x, t, times[1]))(times[0]),
        "with respect to r": grad(lambda r: total(x, times[0], r))(times[1]),
    }


shortcut = Exercise(
    "after/07/shortcut_target",
    target="minigen.diffusion.flow_map:shortcut_target",
    minutes=15,
    imports=("from minigen.tensor import stop_gradient",),
    prompt=r"""
    Return what a shortcut model should predict for the step from time `t` to time `r`: the mean
    velocity over two steps of half the length, which the same model makes.

    `u(x, t, r)` is the mean velocity from `t` to `r`: a step leads to $x - (t - r) u(x, t, r)$. It
    returns the shape of its `x`, and takes its two times as arrays $(N,)$. Make both halves with
    `u`, the second one from where the first one ends, and return the mean of their velocities.

    `x` is $(N, D)$ or $(N, H, W, C)$, `t` and `r` are one time each or arrays $(N,)$, with `r` on
    either side of `t`. A target is a constant: no gradient may flow through it, neither from `u`
    nor from `x`. `stop_gradient(a)` is `a` without its gradient.
    """,
    hints="""
    The time in the middle is half way between t and r. The first half leads to a point, and the
    second half begins there.

    (u(x, t, s) + u(y, s, r)) / 2, where s = (t + r) / 2 and y = x - (t - s) u(x, t, s).

        t, r = np.broadcast_to(t, (len(x),)), np.broadcast_to(r, (len(x),))
        middle = (t + r) / 2
        first = u(x, t, middle)
        half = np.reshape(t - middle, (-1,) + (1,) * (np.ndim(x) - 1))  # (N, 1, ...)
        second = u(x - half * first, middle, r)
        return stop_gradient((first + second) / 2)
    """,
)


def columns(t, x):
    """Times (N,) in the shape (N, 1, ...), to go with x."""
    return np.reshape(t, (len(x),) + (1,) * (np.ndim(x) - 1))


def wavy(x, t, r):
    """A model that depends on everything it is given, and mixes the coordinates of points."""
    t, r = columns(t, x), columns(r, x)
    return np.sin(x + t) * (1 + r) + 0.6 * t**2 * np.roll(x, 1, axis=-1) - 0.4 * r


def gaussian(x, t, r):
    """The exact mean velocity of N(1.5, 0.4)."""
    return gaussian_mean_velocity(x, t, r, 1.5, 0.4)


@shortcut.case(points=2, kind="equation", expect={"target": [[18.0]]})
def two_halves(impl, rng):
    """u = x + 8 t + 100 r at x = 2, from 1 to 0: the first half has 2 + 8 + 50 = 60 and leads to
    2 - 0.5 * 60 = -28, the second half has -28 + 4 = -24, and their mean is 18."""
    x = np.array([[2.0]])
    return {"target": impl(lambda x, t, r: x + columns(8 * t + 100 * r, x), x, 1.0, 0.0)}


@shortcut.case(points=3, kind="equation")
def a_model_of_all_three(impl, rng):
    """With r before t, after t, and at t."""
    x, t = rng.standard_normal((5, 3)), rng.uniform(0.3, 0.7, 5)
    return {
        "before": impl(wavy, x, t, 0.4 * t),
        "after": impl(wavy, x, t, t + 0.25),
        "r = t": impl(wavy, x, t, t),
    }


@shortcut.case(points=2, kind="equation", property=True, expect={"difference": 0.0}, atol=1e-8)
def its_own_target(impl, rng):
    """The exact mean velocity of Gaussian data is its own target."""
    x, t, r = rng.standard_normal((6, 2)), rng.uniform(0.5, 1, 6), rng.uniform(0, 0.4, 6)
    return {"difference": impl(gaussian, x, t, r) - gaussian(x, t, r)}


@shortcut.case(points=1, kind="shapes")
def one_time_for_all(impl, rng):
    """Numbers as times, for points and for images; and one number with an array."""
    points, images = rng.standard_normal((4, 3)), rng.standard_normal((4, 2, 3, 2))
    return {
        "points": impl(wavy, points, 1.0, 0.0),
        "images": impl(wavy, images, 0.8, 0.3),
        "images, times of their own": impl(wavy, images, np.array([1.0, 0.9, 0.4, 0.2]), 0.1),
    }


@shortcut.case(points=2, kind="gradient")
def a_constant(impl, rng):
    """The slope with respect to w of w times the target, where the model is w u; and that with
    respect to x of its sum and of x."""
    x = rng.standard_normal((4, 2))

    def of_model(w):
        return w * np.sum(impl(lambda x, t, r: w * wavy(x, t, r), x, 0.9, 0.2))

    def of_point(x):
        return np.sum(x) + np.sum(impl(wavy, x, 0.9, 0.2))

    return {
        "slope with respect to w": grad(of_model)(np.array(0.7)),
        "slope with respect to x": grad(of_point)(x),
    }


mean_flow = Exercise(
    "after/07/mean_flow_target",
    target="minigen.diffusion.flow_map:mean_flow_target",
    minutes=25,
    blocked=(
        "minigen.diffusion.flow_map:total_derivative",
        "minigen.diffusion.flow_map:derivative",
    ),
    imports=("from minigen.tensor import grad", "from minigen.tensor import stop_gradient"),
    prompt=r"""
    Return the target of MeanFlow: what `u` should return at `x` for the step from `t` to `r`, if
    the velocity there is `v`.

    It is $v - (t - r)\, \mathrm{d}u/\mathrm{d}t$. The total derivative $\mathrm{d}u/\mathrm{d}t$
    belongs to a point that moves with velocity `v` while `t` increases and `r` stays fixed. In
    other words, it is the derivative of `u(x + s * v, t + s, r)` with respect to the number $s$, at
    $s = 0$.

    `x`, `v` and the output of `u` are $(N, D)$ or $(N, H, W, C)$; `t` and `r` are one time each or
    arrays $(N,)$. `u` takes its times as arrays $(N,)$, and can be differentiated twice. The target
    is a constant: no gradient may flow through it, neither from `u` nor from `x` or `v`.
    `grad(f)(a)` is the gradient of a number f(a) with respect to `a`; finite differences are not
    exact enough.
    """,
    hints="""
    The derivative with respect to s has the shape of u, and grad differentiates numbers only. Take
    the sum of w u for weights w of the shape of x: its derivative with respect to s is linear in w.

    du/dt is the gradient, with respect to w, of the derivative of sum(w u(x + s v, t + s, r)) with
    respect to s at 0; the target is v - (t - r) du/dt.

        t, r = np.broadcast_to(t, (len(x),)), np.broadcast_to(r, (len(x),))

        def product(w):
            return grad(lambda s: np.sum(w * u(x + s * v, t + s, r)))(np.zeros((), x.dtype))

        slope = grad(product)(np.zeros_like(x))
        gap = np.reshape(t - r, (-1,) + (1,) * (np.ndim(x) - 1))  # (N, 1, ...)
        return stop_gradient(v - gap * slope)
    """,
)


@mean_flow.case(points=2, kind="equation", expect={"target": [[0.4]]})
def by_hand(impl, rng):
    """u = x t + 4 r at x = 3 with v = 2, from t = 0.5 to r = 0.1: the total derivative is
    v t + x = 4, and the target 2 - 0.4 * 4."""
    x, v = np.array([[3.0]]), np.array([[2.0]])
    return {"target": impl(lambda x, t, r: x * columns(t, x) + columns(4 * r, x), x, v, 0.5, 0.1)}


@mean_flow.case(points=3, kind="equation")
def before_and_after(impl, rng):
    """With r before t, after t, and at t, where the target is v."""
    (x, v), t = rng.standard_normal((2, 5, 3)), rng.uniform(0.3, 0.7, 5)
    return {
        "before": impl(wavy, x, v, t, 0.4 * t),
        "after": impl(wavy, x, v, t, t + 0.25),
        "r = t": impl(wavy, x, v, t, t),
    }


@mean_flow.case(points=2, kind="equation", property=True, expect={"difference": 0.0}, atol=1e-8)
def exact_velocity(impl, rng):
    """The exact mean velocity of Gaussian data is its own target where v is the velocity."""
    x, t, r = rng.standard_normal((6, 2)), rng.uniform(0.5, 1, 6), rng.uniform(0, 0.4, 6)
    return {"difference": impl(gaussian, x, gaussian(x, t, t), t, r) - gaussian(x, t, r)}


@mean_flow.case(points=1, kind="shapes")
def numbers_as_times(impl, rng):
    """Numbers as times, for points and for images; and one number with an array."""
    points, images = rng.standard_normal((2, 4, 3)), rng.standard_normal((2, 4, 2, 3, 2))
    return {
        "points": impl(wavy, *points, 1.0, 0.0),
        "images": impl(wavy, *images, 0.8, 0.3),
        "images, times of their own": impl(wavy, *images, np.array([1.0, 0.9, 0.4, 0.2]), 0.1),
    }


@mean_flow.case(points=2, kind="gradient")
def no_gradient(impl, rng):
    """The slope with respect to w of w times the target, where the model is w u; and those with
    respect to x and v of its sum and of theirs."""
    x, v = rng.standard_normal((2, 4, 2))

    def of_model(w):
        return w * np.sum(impl(lambda x, t, r: w * wavy(x, t, r), x, v, 0.9, 0.2))

    def of_point(x):
        return np.sum(x) + np.sum(impl(wavy, x, v, 0.9, 0.2))

    def of_velocity(v):
        return np.sum(v) + np.sum(impl(wavy, x, v, 0.9, 0.2))

    return {
        "slope with respect to w": grad(of_model)(np.array(0.7)),
        "slope with respect to x": grad(of_point)(x),
        "slope with respect to v": grad(of_velocity)(v),
    }
