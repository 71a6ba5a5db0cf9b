"""Exercises on flow matching: the line, the loss, the velocity of a prediction of the noise, the
schedule of the flow, pairs by optimal transport, and how straight paths are."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise
from minigen.tensor import grad

line = Exercise(
    "after/02/interpolate",
    target="minigen.diffusion.flow_matching:interpolate",
    minutes=5,
    prompt="""
    The point at time `t` of the straight line from data to noise.

    `x0` (the data, at $t = 0$) and `eps` (the noise, at $t = 1$) have one shape, $(N, D)$ or
    $(N, H, W, C)$, which is that of the result. `t` is one number in $[0, 1]$, or an array $(N,)$,
    one for each example.
    """,
    hints="""
    At t = 0 the point is x0, at t = 1 it is eps, and it moves at constant speed.

    (1 - t) x0 + t eps.

        t = np.reshape(t, np.shape(t) + (1,) * (np.ndim(x0) - np.ndim(t)))
        return (1 - t) * x0 + t * eps
    """,
)


@line.case(points=2, kind="equation", expect={"x_t": [[1.25, 1.0]]})
def a_quarter(impl, rng):
    """A quarter of the way from (2, 0) to (-1, 4)."""
    return {"x_t": impl(np.array([[2.0, 0.0]]), np.array([[-1.0, 4.0]]), 0.25)}


@line.case(points=2, kind="equation")
def random_points(impl, rng):
    x0, eps = rng.standard_normal((2, 4, 3))
    return {f"t = {t}": impl(x0, eps, t) for t in (0.0, 0.6, 1.0)}


@line.case(points=2, kind="equation", property=True, expect={"difference": 0.0})
def constant_velocity(impl, rng):
    """The velocity, by a difference of two times, is eps - x0 everywhere on the line."""
    x0, eps = rng.standard_normal((2, 4, 2))
    return {"difference": (impl(x0, eps, 0.9) - impl(x0, eps, 0.4)) / 0.5 - (eps - x0)}


@line.case(points=2, kind="shapes")
def a_time_for_each(impl, rng):
    """t of shape (N,), for points and for images."""
    t = np.array([0.0, 0.3, 1.0])
    points, images = rng.standard_normal((2, 3, 2)), rng.standard_normal((2, 3, 2, 4, 1))
    return {"points": impl(*points, t), "images": impl(*images, t)}


loss = Exercise(
    "after/02/flow_matching_loss",
    target="minigen.diffusion.flow_matching:flow_matching_loss",
    minutes=10,
    prompt=r"""
    The loss of flow matching, a scalar: the mean squared error of a predicted velocity.

    `x0` and `eps` are $(N, \dots)$, `t` is $(N,)$ with values in $[0, 1]$. Make
    $x_t = (1 - t) x_0 + t \varepsilon$, call `model(x_t, t)` (or `model(x_t, t, y)` where a
    condition `y` is given) for the velocity, and compare it with the velocity of the line from `x0`
    to `eps`, $\mathrm{d}x_t/\mathrm{d}t$. Take the mean over examples and coordinates. The loss
    must be differentiable.
    """,
    hints="""
    The derivative of x_t in t does not depend on t. The model is called at x_t, not at x0.

    mean of (model(x_t, t) - (eps - x0))^2.

        s = np.reshape(t, np.shape(t) + (1,) * (np.ndim(x0) - np.ndim(t)))
        x_t = (1 - s) * x0 + s * eps
        v = model(x_t, t) if y is None else model(x_t, t, y)
        return np.mean((v - (eps - x0)) ** 2)
    """,
)


def times_x(x, t, y=None):
    """A model whose output depends on the point, on the time and on the condition."""
    scale = np.reshape(t, np.shape(t) + (1,) * (np.ndim(x) - 1))
    return scale * x + (0.0 if y is None else y + 0.5)


@loss.case(points=2, kind="equation", expect={"loss": 12.5})
def a_model_that_outputs_zero(impl, rng):
    """From (2, 0) to (-1, 4): the velocity is (-3, 4), and the mean square of it is 12.5."""
    x0, eps = np.array([[2.0, 0.0]]), np.array([[-1.0, 4.0]])
    return {"loss": impl(lambda x, t: 0 * x, x0, eps, np.array([0.5]))}


@loss.case(points=3, kind="equation")
def a_model_of_point_and_time(impl, rng):
    x0, eps = rng.standard_normal((2, 6, 3))
    return {"loss": impl(times_x, x0, eps, rng.uniform(0, 1, 6))}


@loss.case(points=1, kind="equation")
def with_a_condition(impl, rng):
    """One condition for each example, one for all, and a condition of zeros, such as class 0."""
    (x0, eps), y = rng.standard_normal((2, 4, 2)), rng.standard_normal((4, 1))
    t = rng.uniform(0, 1, 4)
    return {
        "loss": impl(times_x, x0, eps, t, y),
        "loss, y = 3": impl(times_x, x0, eps, t, 3.0),
        "loss, y = 0": impl(times_x, x0, eps, t, np.zeros((4, 1))),
    }


@loss.case(points=1, kind="equation", fixed=True, property=True, expect={"loss": 0.0})
def one_point_of_data(impl, rng):
    """If all the data is the point 0, the velocity at x_t is x_t / t: this model has no loss."""
    eps = rng.standard_normal((5, 2))
    return {"loss": impl(lambda x, t: x / t[:, None], 0 * eps, eps, rng.uniform(0.2, 1, 5))}


@loss.case(points=1, kind="shapes")
def images(impl, rng):
    x0, eps = rng.standard_normal((2, 3, 2, 4, 1))
    return {"loss": impl(times_x, x0, eps, np.array([0.0, 0.4, 1.0]))}


@loss.case(points=2, kind="gradient")
def gradient(impl, rng):
    """With respect to the weights of the model, which reach its output at x_t."""
    (x0, eps), t = rng.standard_normal((2, 5, 2)), rng.uniform(0, 1, 5)

    def total(w):
        return impl(lambda x, t: w * x + t[:, None], x0, eps, t)

    return {"grad": grad(total)(np.array([0.4, -0.7]))}


velocity = Exercise(
    "after/02/velocity_from_eps",
    target="minigen.diffusion.flow_matching:velocity_from_eps",
    minutes=8,
    prompt=r"""
    The velocity $\varepsilon - x_0$ of the line through `x`, from a prediction `eps` of the noise.

    $x = (1 - t) x_0 + t \varepsilon$; $x_0$ is not given and follows from `x`, `eps` and `t`. `x`
    and `eps` are $(N, D)$ or $(N, H, W, C)$, `t` is one number in $[0, 1)$ or $(N,)$. The result
    has the shape of `x`.
    """,
    hints="""
    Solve the line for x_0 and subtract it from eps.

    v = eps - (x - t eps) / (1 - t) = (eps - x) / (1 - t).

        t = np.reshape(t, np.shape(t) + (1,) * (np.ndim(x) - np.ndim(t)))
        return (eps - x) / (1 - t)
    """,
)


@velocity.case(points=2, kind="equation", expect={"v": [[-0.5, 2.0]]})
def four_fifths(impl, rng):
    """At t = 0.8: (0.9 - 1)/0.2 and (0.4 - 0)/0.2."""
    return {"v": impl(np.array([[1.0, 0.0]]), np.array([[0.9, 0.4]]), 0.8)}


@velocity.case(points=2, kind="equation")
def random_values(impl, rng):
    x, eps = rng.standard_normal((2, 4, 3))
    return {f"t = {t}": impl(x, eps, t) for t in (0.0, 0.5, 0.9, 0.999)}


@velocity.case(points=2, kind="equation", property=True, expect={"difference": 0.0})
def to_the_noise(impl, rng):
    """From x the line reaches eps at t = 1: x + (1 - t) v = eps."""
    x, eps = rng.standard_normal((2, 4, 2))
    return {"difference": x + 0.3 * impl(x, eps, 0.7) - eps}


@velocity.case(points=2, kind="shapes")
def times_of_their_own(impl, rng):
    t = np.array([0.1, 0.5, 0.95])
    points, images = rng.standard_normal((2, 3, 2)), rng.standard_normal((2, 3, 2, 4, 1))
    return {"points": impl(*points, t), "images": impl(*images, t)}


schedule = Exercise(
    "after/02/flow_alpha_bar",
    target="minigen.diffusion.flow_matching:flow_alpha_bar",
    minutes=8,
    prompt=r"""
    The $\bar\alpha$ of the diffusion process that passes through the same points as the flow.

    The flow has $x_t = (1 - t) x_0 + t \varepsilon$. Divide $x_t$ by a number so that the squares
    of the two factors add up to 1; the square of the factor of $x_0$ is then $\bar\alpha$. `t` is a
    number in $[0, 1]$ or an array of any shape, which is that of the result.
    """,
    hints="""
    What number makes the squares of (1 - t) and t add up to 1?

    (1 - t)^2 / ((1 - t)^2 + t^2).

        return (1 - t) ** 2 / ((1 - t) ** 2 + t**2)
    """,
)


@schedule.case(points=2, kind="equation", expect={"alpha_bar": [0.5, 0.1]})
def two_times(impl, rng):
    """At t = 1/2 data and noise have equal factors; at t = 3/4 their squares are as 1 to 9."""
    return {"alpha_bar": impl(np.array([0.5, 0.75]))}


@schedule.case(points=2, kind="equation")
def random_times(impl, rng):
    return {"alpha_bar": impl(rng.uniform(0, 1, (3, 2))), "one": impl(0.2)}


@schedule.case(points=2, kind="equation", fixed=True, property=True, expect={"sum": 0.0})
def exchanged(impl, rng):
    """Exchange data and noise, t and 1 - t: the two alpha_bars add up to 1."""
    t = rng.uniform(0, 1, 5)
    return {"sum": impl(t) + impl(1 - t) - 1}


@schedule.case(
    points=1, kind="extremes", fixed=True, expect={"ends": [1.0, 0.0], "t = 0": 1.0, "t = 1": 0.0}
)
def both_ends(impl, rng):
    """At t = 0 all is data, at t = 1 all is noise, for arrays and for numbers."""
    return {"ends": impl(np.array([0.0, 1.0])), "t = 0": impl(0.0), "t = 1": impl(1.0)}


pairs = Exercise(
    "after/02/ot_pairs",
    target="minigen.diffusion.flow_matching:ot_pairs",
    minutes=15,
    imports=(
        "from scipy.optimize import linear_sum_assignment",
        "from scipy.spatial.distance import cdist",
    ),
    prompt=r"""
    Rearrange a batch of noise so that the pairs of data and noise are as near as possible.

    `x0` and `eps` are $(N, D)$ or $(N, H, W, C)$. Return $(x_0, \varepsilon')$, where `x0` is
    unchanged and $\varepsilon'$ holds the same noises in the order for which the sum over the pairs
    of the squared distances $|x_{0,i} - \varepsilon'_i|^2$, over all coordinates, is least. SciPy's
    `linear_sum_assignment` takes a matrix of costs $(N, N)$ and returns rows and columns: the pairs
    with the least sum, rows in rising order.
    """,
    hints="""
    The cost of a pair is its squared distance; build the matrix of all of them from the flattened
    examples.

    cost_ij = |x0_i - eps_j|^2, and eps' = eps[columns].

        a, b = np.reshape(x0, (len(x0), -1)), np.reshape(eps, (len(eps), -1))
        cost = cdist(a, b, "sqeuclidean")  # (N, N)
        return x0, eps[linear_sum_assignment(cost)[1]]
    """,
)


@pairs.case(points=2, kind="equation", expect={"eps": [[1.1], [-0.3], [0.6]]})
def three_pairs(impl, rng):
    """Data 2, -1 and 0.5, noise 0.6, 1.1 and -0.3: the least cost is 0.81 + 0.49 + 0.01."""
    x0, eps = impl(np.array([[2.0], [-1.0], [0.5]]), np.array([[0.6], [1.1], [-0.3]]))
    return {"x0": x0, "eps": eps}


@pairs.case(points=2, kind="equation")
def a_random_batch(impl, rng):
    x0, eps = impl(*rng.standard_normal((2, 12, 3)))
    return {"x0": x0, "eps": eps}


@pairs.case(
    points=1,
    kind="equation",
    fixed=True,
    expect={"eps": [[4.0], [7.0]], "eps in the plane": [[2.0, 2.2], [2.2, 1.0]]},
)
def squares_and_not_lengths(impl, rng):
    """Data 0 and 3, noise 7 and 4: the lengths add up to 8 either way, the squares to 50 or 32. In
    the plane 8.84 + 1.04 is less than 5.84 + 4.84, although one of its squares is the largest."""
    plane = np.array([[0.0, 0.0], [2.0, 0.0]]), np.array([[2.2, 1.0], [2.0, 2.2]])
    return {
        "eps": impl(np.array([[0.0], [3.0]]), np.array([[7.0], [4.0]]))[1],
        "eps in the plane": impl(*plane)[1],
    }


@pairs.case(points=2, kind="equation", fixed=True, property=True, expect={"difference": 0.0})
def in_one_dimension(impl, rng):
    """On a line the least squares pair the smallest with the smallest, and so on."""
    x0, eps = rng.standard_normal((2, 9, 1))
    x0, eps = impl(x0, eps)
    return {"difference": eps[np.argsort(x0[:, 0])] - np.sort(eps, axis=0)}


@pairs.case(points=1, kind="shapes")
def pairs_of_images(impl, rng):
    """Of one channel, whose pairs are plain, and of two."""
    x0 = rng.standard_normal((4, 2, 3, 1))
    x0_of_two, eps_of_two = rng.standard_normal((2, 9, 2, 3, 2))
    return {
        "eps": impl(x0, x0[np.array([2, 0, 3, 1])] + 0.01)[1],
        "eps of two channels": impl(x0_of_two, eps_of_two)[1],
    }


bend = Exercise(
    "after/02/straightness",
    target="minigen.diffusion.flow_matching:straightness",
    minutes=15,
    prompt="""
    How much the paths of a velocity bend: the mean squared deviation from their chords, a number.

    `x` $(N, D)$ holds the starts at `times[0]`, and `times` $(K + 1,)$ falls (or rises) to the end.
    Follow Euler's steps, `x + (after - time) * velocity(x, t)`, with `t` an array $(N,)$ filled
    with the time. The chord of a path is its end minus its start, divided by
    `times[-1] - times[0]`. Return the mean over paths of the squared distance between velocity and
    chord, summed over the coordinates, weighted over the steps by their fraction of the whole time.
    """,
    hints="""
    Keep the velocity of every step. The chord is known only at the end.

    sum_k share_k mean_n |v_k(x_n) - chord_n|^2, share_k = (t_{k+1} - t_k)/(t_K - t_0).

        times = np.asarray(times)
        start, slopes = x, []
        for time, after in zip(times[:-1], times[1:]):
            slopes.append(velocity(x, np.full(len(x), time, x.dtype)))
            x = x + (after - time) * slopes[-1]
        chord = (x - start) / (times[-1] - times[0])
        shares = np.diff(times) / (times[-1] - times[0])
        squares = [np.mean(np.sum((slope - chord) ** 2, axis=1)) for slope in slopes]
        return float(np.sum(shares * np.array(squares)))
    """,
)


def slowing(x, t):
    """The velocity (t, 0, 0)."""
    return 0 * x + t[:, None] * np.array([1.0, 0.0, 0.0])


def turning(x, t):
    """A rotation, faster at late times."""
    return (1 + t)[:, None] * np.stack([-x[:, 1], x[:, 0]], axis=1)


@bend.case(points=2, kind="equation", expect={"bend": 0.0864})
def two_steps(impl, rng):
    """Three paths with the slopes 1 and 0.4, chord 0.76: 0.6 * 0.24^2 + 0.4 * 0.36^2."""
    x = np.array([[1.0, 0.0, 0.5], [0.0, 2.0, 1.0], [0.3, -1.0, 0.0]])
    return {"bend": impl(slowing, x, [1.0, 0.4, 0.0])}


@bend.case(points=2, kind="equation")
def uneven_steps(impl, rng):
    x = rng.standard_normal((5, 2))
    return {"bend": impl(turning, x, np.array([1.0, 0.7, 0.6, 0.1, 0.0]))}


@bend.case(points=1, kind="equation", fixed=True, property=True, expect={"bend": 0.0})
def straight_lines(impl, rng):
    """A constant velocity has straight paths."""
    direction = rng.standard_normal(2)
    bend = impl(lambda x, t: 0 * x + direction, rng.standard_normal((4, 2)), [1.0, 0.4, 0.0])
    return {"bend": bend}


@bend.case(points=1, kind="shapes")
def to_later_times(impl, rng):
    """Times may rise, begin after 0 and end before 1; points may have three coordinates."""
    x = rng.standard_normal((4, 3))
    return {"bend": impl(lambda x, t: x * t[:, None], x, np.array([0.1, 0.5, 0.8]))}
