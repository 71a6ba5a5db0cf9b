"""Exercises on the parallel lines: KL, JS and W at theta, and the gradient of a plan's cost."""

import autograd.numpy as np

from minigen.course.exercise.format import Exercise

LN2 = 0.6931471805599453


lines = Exercise(
    "gan/11/line_divergences",
    target="minigen.gan.toy_problems:line_divergences",
    minutes=10,
    prompt=r"""
    Compute three distances between two parallel lines. $P$ is uniform on the segment from $(0, 0)$
    to $(0, 1)$, $Q$ on the segment from $(\theta, 0)$ to $(\theta, 1)$. Return a tuple of three
    arrays, $(\mathrm{KL}, \mathrm{JS}, W)$, each with the shape of `theta`: $\mathrm{KL}(P \| Q)$,
    which equals $\mathrm{KL}(Q \| P)$ here, and the Jensen-Shannon divergence, both in nats, and
    the Wasserstein-1 distance.

    `theta` is an array of any shape, with negative, zero or positive entries. The values change
    where `theta` is exactly 0, however small it is elsewhere. Where a value is infinite, return
    `np.inf`. The result need not be differentiable.
    """,
    hints="""
    If theta is not 0, P and Q have no point in common, so each has probability 0 wherever the other
    has mass. If theta is 0, they are equal. For W: how far must each point travel at least?

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


@lines.case(points=2, kind="equation", fixed=True, expect={"kl": [0.0], "js": [0.0], "w": [0.0]})
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
    """However close the lines are, they have no point in common."""
    kl, js, w = impl(np.array([1e-9, 1e-200]))
    return {"kl": kl, "js": js, "w": w}


@lines.case(points=2, kind="shapes")
def a_table(impl, rng):
    theta = rng.standard_normal((3, 4))
    theta[1, 2] = theta[2, 0] = 0.0
    kl, js, w = impl(theta)
    return {"kl": kl, "js": js, "w": w}


@lines.case(points=1, kind="equation", fixed=True, property=True, expect={"sum": 0.0, "js": 0.0})
def two_shifts(impl, rng):
    """W adds up over two consecutive shifts; JS does not change."""
    near, far = 0.1 + rng.random(5), 1.5 + rng.random(5)
    values = [impl(theta) for theta in (near, far, far - near)]
    return {"sum": values[0][2] + values[2][2] - values[1][2], "js": values[0][1] - values[1][1]}


of_plan = Exercise(
    "gan/11/plan_gradient",
    target="minigen.metrics.transport:plan_gradient",
    minutes=15,
    prompt="""
    Return the gradient of the mean distance under a transport plan, the sum over $i$ and $j$ of
    `plan[i, j]` times $|y_j - x_i|$, with respect to the targets `y`: an array $(M, D)$.

    `plan` $(N, M)$, with nonnegative entries of any sum, is held fixed. `x` $(N, D)$ are the
    sources, `y` $(M, D)$ the targets, and the length is the Euclidean one. Where a source and a
    target coincide, the distance has a kink: use 0 for this term, never `NaN`. The other terms of
    this target count as usual, and so does a distance as small as $10^{-9}$. Write the derivative
    out; do not use automatic differentiation. Plain NumPy is enough.
    """,
    hints="""
    How does the distance from x_i to y_j change as y_j moves? By one unit for each unit that y_j
    moves straight away from x_i, and to first order not at all when it moves sideways.

    The gradient of |y_j - x_i| with respect to y_j is the unit vector (y_j - x_i) / |y_j - x_i|.
    Row j is the sum over i of plan_ij times these.

        steps = y[None] - x[:, None]
        length = np.sqrt(np.sum(steps**2, axis=2, keepdims=True))
        return np.sum(plan[:, :, None] * steps / np.where(length > 0, length, 1.0), axis=0)
    """,
)


@of_plan.case(points=1, kind="equation", fixed=True, expect={"gradient": [[0.6, 0.8]]})
def one_pair(impl, rng):
    """The unit vector from (0, 0) to (3, 4)."""
    return {"gradient": impl(np.array([[1.0]]), np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]]))}


@of_plan.case(points=1, kind="equation", expect={"gradient": [[0.5], [-0.25]]})
def on_a_line(impl, rng):
    """The first target, 2, receives 1/2 from 0. The second, 3, receives 1/8 from 0 and 3/8 from
    5."""
    plan = np.array([[0.5, 0.125], [0.0, 0.375]])
    return {"gradient": impl(plan, np.array([[0.0], [5.0]]), np.array([[2.0], [3.0]]))}


@of_plan.case(points=2, kind="equation")
def random_points(impl, rng):
    """A plan of shovelfuls, 20 in all."""
    plan = 20 * rng.dirichlet(np.ones(20)).reshape(4, 5)
    return {"gradient": impl(plan, rng.standard_normal((4, 3)), rng.standard_normal((5, 3)))}


@of_plan.case(points=2, kind="extremes", fixed=True, expect={"gradient": [[0.0, 0.0], [0.5, 0.0]]})
def at_its_source(impl, rng):
    """The first target coincides with its source."""
    points = np.array([[1.0, 2.0], [0.0, 0.0]])
    return {"gradient": impl(np.eye(2) / 2, points, np.array([[1.0, 2.0], [0.25, 0.0]]))}


@of_plan.case(points=1, kind="extremes", fixed=True, expect={"gradient": [[0.3, 0.4], [0.15, 0.2]]})
def one_pair_coincides(impl, rng):
    """The first target coincides with the first source, and receives 1/2 from the second, from
    (0, 0) to (3, 4). The second target is 5e-9 away from the second source and receives 1/4."""
    plan = np.array([[0.25, 0.0], [0.5, 0.25]])
    x = np.array([[3.0, 4.0], [0.0, 0.0]])
    return {"gradient": impl(plan, x, np.array([[3.0, 4.0], [3e-9, 4e-9]]))}


@of_plan.case(points=2, kind="equation", property=True, expect={"gap": 0.0}, rtol=0, atol=1e-6)
def slope_of_the_cost(impl, rng):
    """It agrees with differences of the cost in a random direction."""
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
