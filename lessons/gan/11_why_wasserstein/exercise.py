"""Exercises on the parallel lines: KL, JS and W at theta, and the pull of a transport plan."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise

LN2 = 0.6931471805599453


lines = Exercise(
    "gan/11/line_divergences",
    target="minigen.gan.toy_problems:line_divergences",
    minutes=10,
    prompt="""
    How far apart are two parallel lines? P is uniform on the segment from (0, 0) to (0, 1), Q on
    the segment from (theta, 0) to (theta, 1). Return a tuple of three arrays, (KL, JS, W), each
    with the shape of theta: KL(P || Q), which is KL(Q || P) as well, and the Jensen-Shannon
    divergence, both in nats, and the Wasserstein-1 distance.

    theta is an array of any shape, negative, zero or positive: the formulas change where it is 0,
    and only there, however small it is elsewhere. Where a value is infinite, return np.inf. No
    gradient is taken.
    """,
    hints="""
    If theta is not 0, P and Q have no point in common: each calls impossible what the other does.
    If it is 0, they are the same. For W: how far must each point travel, and which way is shortest?

    Apart: KL = inf, JS = log 2, W = |theta|. Together: all three are 0.

        apart = theta != 0
        return np.where(apart, np.inf, 0.0), np.where(apart, np.log(2.0), 0.0), np.abs(theta)
    """,
)


@lines.case(
    points=2, kind="equation", expect={"kl": [np.inf, np.inf], "js": [LN2, LN2], "w": [0.5, 0.01]}
)
def apart(impl, rng):
    kl, js, w = impl(np.array([0.5, 0.01]))
    return {"kl": kl, "js": js, "w": w}


@lines.case(points=2, kind="equation", expect={"kl": [0.0], "js": [0.0], "w": [0.0]})
def together(impl, rng):
    kl, js, w = impl(np.array([0.0]))
    return {"kl": kl, "js": js, "w": w}


@lines.case(points=1, kind="equation", expect={"kl": [np.inf], "js": [LN2], "w": [0.75]})
def on_the_other_side(impl, rng):
    kl, js, w = impl(np.array([-0.75]))
    return {"kl": kl, "js": js, "w": w}


@lines.case(
    points=1,
    kind="extremes",
    atol=0,
    expect={"kl": 2 * [np.inf], "js": 2 * [LN2], "w": [1e-9, 1e-200]},
)
def hardly_apart(impl, rng):
    """However near the lines are, they have no point in common."""
    kl, js, w = impl(np.array([1e-9, 1e-200]))
    return {"kl": kl, "js": js, "w": w}


@lines.case(points=2, kind="shapes")
def a_table(impl, rng):
    theta = rng.standard_normal((3, 4))
    theta[1, 2] = theta[2, 0] = 0.0
    kl, js, w = impl(theta)
    return {"kl": kl, "js": js, "w": w}


@lines.case(points=1, kind="equation", property=True, expect={"way": 0.0, "js": 0.0})
def on_the_way(impl, rng):
    """W is the sum of its parts on the way; JS does not change."""
    near, far = 0.1 + rng.random(5), 1.5 + rng.random(5)
    values = [impl(theta) for theta in (near, far, far - near)]
    return {"way": values[0][2] + values[2][2] - values[1][2], "js": values[0][1] - values[1][1]}


pull = Exercise(
    "gan/11/plan_gradient",
    target="minigen.metrics.transport:plan_gradient",
    minutes=15,
    prompt="""
    How the mean distance under a transport plan changes as the targets move: the gradient of sum_ij
    plan[i, j] * |y_j - x_i| with respect to y, an array (M, D).

    plan (N, M), with nonnegative entries, stays as it is. x (N, D) are the sources, y (M, D) the
    targets, |.| is the Euclidean length. Where a source and a target coincide the distance has a
    kink: take 0 for this term, never NaN; the other terms of this target count as ever, and so does
    a distance as small as 1e-9. Write it out; do not ask for an automatic derivative. Plain NumPy
    will do.
    """,
    hints="""
    How does the distance from x_i to y_j change as y_j moves? By one unit for each unit that it
    moves straight away from x_i, and not at all when it moves across.

    The gradient of |y_j - x_i| in y_j is the unit vector (y_j - x_i) / |y_j - x_i|. Row j is the
    sum over i of plan_ij times these.

        steps = y[None] - x[:, None]
        length = np.sqrt(np.sum(steps**2, axis=2, keepdims=True))
        return np.sum(plan[:, :, None] * steps / np.where(length > 0, length, 1.0), axis=0)
    """,
)


@pull.case(points=1, kind="equation", expect={"pull": [[0.6, 0.8]]})
def one_pair(impl, rng):
    """The unit vector from (0, 0) to (3, 4)."""
    return {"pull": impl(np.array([[1.0]]), np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]]))}


@pull.case(points=1, kind="equation", expect={"pull": [[0.5], [-0.25]]})
def on_a_line(impl, rng):
    """Half of the mass goes up from 0 to 2, a quarter comes down from 5, a quarter is pulled
    both ways."""
    plan = np.array([[0.5, 0.125], [0.0, 0.375]])
    return {"pull": impl(plan, np.array([[0.0], [5.0]]), np.array([[2.0], [3.0]]))}


@pull.case(points=2, kind="equation")
def random_points(impl, rng):
    plan = rng.dirichlet(np.ones(20)).reshape(4, 5)
    return {"pull": impl(plan, rng.standard_normal((4, 3)), rng.standard_normal((5, 3)))}


@pull.case(points=2, kind="extremes", expect={"pull": [[0.0, 0.0], [0.5, 0.0]]})
def nothing_travels(impl, rng):
    """The first target lies on its source."""
    points = np.array([[1.0, 2.0], [0.0, 0.0]])
    return {"pull": impl(np.eye(2) / 2, points, np.array([[1.0, 2.0], [0.25, 0.0]]))}


@pull.case(points=1, kind="extremes", expect={"pull": [[0.3, 0.4], [0.15, 0.2]]})
def one_stays_one_pulls(impl, rng):
    """The first target lies on the first source and is pulled by the second, from (0, 0) to (3, 4),
    with weight 1/2; the second target is as near to the second source as 5e-9, with weight 1/4."""
    plan = np.array([[0.25, 0.0], [0.5, 0.25]])
    x = np.array([[3.0, 4.0], [0.0, 0.0]])
    return {"pull": impl(plan, x, np.array([[3.0, 4.0], [3e-9, 4e-9]]))}


@pull.case(points=2, kind="equation", property=True, expect={"gap": 0.0}, rtol=0, atol=1e-6)
def slope_of_the_cost(impl, rng):
    """It is the slope of the cost, by differences."""
    plan, x, y = (
        rng.dirichlet(np.ones(12)).reshape(3, 4),
        rng.standard_normal((3, 2)),
        rng.standard_normal((4, 2)),
    )
    way, h = rng.standard_normal((4, 2)), 1e-5

    def cost(y):
        return np.sum(plan * np.linalg.norm(x[:, None] - y[None], axis=2))

    return {
        "gap": np.sum(impl(plan, x, y) * way) - (cost(y + h * way) - cost(y - h * way)) / (2 * h)
    }
