"""Exercises on the parallel lines: KL, JS and W at theta, and the pull of a transport plan."""

import numpy as np

from minigen.course.exercise.format import Exercise

LN2 = 0.6931471805599453

# ------------------------------------------------------------------------------------------- the
# three values

lines = Exercise(
    "gan/11/line_divergences",
    target="minigen.gan.toy_problems:line_divergences",
    minutes=10,
    prompt="""
    How far apart are two parallel lines? P is uniform on the segment from (0, 0) to (0, 1), Q on
    the segment from (theta, 0) to (theta, 1). Return three arrays (KL, JS, W), each with the shape
    of theta: KL(P || Q), which is KL(Q
    || P) as well, and the Jensen-Shannon divergence, both in nats, and the Wasserstein-1 distance.

    theta is an array of any shape, negative, zero or positive: the formulas change where it is 0.
    Where a value is infinite, return np.inf.
    """,
    hints=[
        (
            "If theta is not 0, P and Q have no point in common: each calls impossible what the"
            " other does. If it is 0, they are the same. For W: how far must each point travel, and"
            " which way is shortest?"
        ),
        "Apart: KL = inf, JS = log 2, W = |theta|. Together: all three are 0.",
        "np.where(theta != 0, value_apart, 0.0) for KL and JS; W is the absolute value of theta.",
    ],
)


@lines.case(points=2, expect={"kl": [np.inf, np.inf], "js": [LN2, LN2], "w": [0.5, 0.01]})
def apart(impl, rng):
    kl, js, w = impl(np.array([0.5, 0.01]))
    return {"kl": kl, "js": js, "w": w}


@lines.case(points=2, expect={"kl": [0.0], "js": [0.0], "w": [0.0]})
def together(impl, rng):
    kl, js, w = impl(np.array([0.0]))
    return {"kl": kl, "js": js, "w": w}


@lines.case(points=1, expect={"kl": [np.inf], "js": [LN2], "w": [0.75]})
def on_the_other_side(impl, rng):
    kl, js, w = impl(np.array([-0.75]))
    return {"kl": kl, "js": js, "w": w}


@lines.case(points=2)
def a_table(impl, rng):
    theta = rng.standard_normal((3, 4))
    theta[1, 2] = theta[2, 0] = 0.0
    kl, js, w = impl(theta)
    return {"kl": kl, "js": js, "w": w}


@lines.case(
    points=1,
    property="W is the sum of its parts on the way; JS does not change",
    expect={"way": 0.0, "js": 0.0},
)
def on_the_way(impl, rng):
    near, far = 0.1 + rng.random(5), 1.5 + rng.random(5)
    values = [impl(theta) for theta in (near, far, far - near)]
    return {"way": values[0][2] + values[2][2] - values[1][2], "js": values[0][1] - values[1][1]}


@lines.mistake(hint="JS is in nats: log 2, not one bit.")
def js_in_bits(theta):
    return np.where(theta != 0, np.inf, 0.0), np.where(theta != 0, 1.0, 0.0), np.abs(theta)


@lines.mistake(hint="JS is the mean of the two divergences to the mixture: log 2, not 2 log 2.")
def js_not_halved(theta):
    return (
        np.where(theta != 0, np.inf, 0.0),
        np.where(theta != 0, 2 * np.log(2.0), 0.0),
        np.abs(theta),
    )


@lines.mistake(
    hint="Both lines count: a second sum over x = 0, where Q has nothing, loses half of the log 2."
)
def js_one_side(theta):
    return (
        np.where(theta != 0, np.inf, 0.0),
        np.where(theta != 0, np.log(2.0) / 2, 0.0),
        np.abs(theta),
    )


@lines.mistake(
    hint="JS does not see how far apart the lines are: it is log 2 wherever they differ."
)
def js_grows(theta):
    return (
        np.where(theta != 0, np.inf, 0.0),
        np.log(2.0) * np.minimum(np.abs(theta), 1.0),
        np.abs(theta),
    )


@lines.mistake(hint="At theta = 0 the lines coincide: KL and JS are 0 there.")
def never_together(theta):
    return np.full(theta.shape, np.inf), np.full(theta.shape, np.log(2.0)), np.abs(theta)


@lines.mistake(
    hint="KL is infinite wherever P has mass and Q has none, however near the lines are."
)
def kl_finite(theta):
    return (
        np.where(theta != 0, np.log(2.0), 0.0),
        np.where(theta != 0, np.log(2.0), 0.0),
        np.abs(theta),
    )


@lines.mistake(hint="A distance is not negative: |theta|.")
def signed_distance(theta):
    return np.where(theta != 0, np.inf, 0.0), np.where(theta != 0, np.log(2.0), 0.0), 1.0 * theta


@lines.mistake(hint="W1 is the mean distance, not its square.")
def squared_distance(theta):
    return np.where(theta != 0, np.inf, 0.0), np.where(theta != 0, np.log(2.0), 0.0), theta**2


@lines.mistake(
    hint="The heights need not move: each point goes straight across, so they add nothing to W."
)
def heights_at_random(theta):
    """Each point goes to a random height: the mean of sqrt(theta^2 + (y - y')^2), by a sum over a
    grid."""
    y = (np.arange(60) + 0.5) / 60
    gap = (y[:, None] - y).ravel()
    w = np.mean(np.sqrt(theta[..., None] ** 2 + gap**2), axis=-1)
    return np.where(theta != 0, np.inf, 0.0), np.where(theta != 0, np.log(2.0), 0.0), w


@lines.variant
def from_the_sign(theta):
    different = np.abs(np.sign(theta))
    return -np.log(1 - different), np.log(1 + different), np.sign(theta) * theta


@lines.variant
def entry_by_entry(theta):
    rows = [(np.inf, np.log(2.0), abs(t)) if t else (0.0, 0.0, 0.0) for t in theta.ravel()]
    kl, js, w = np.array(rows).T
    return kl.reshape(theta.shape), js.reshape(theta.shape), w.reshape(theta.shape)


# ------------------------------------------------------------------------------------------- the
# pull of a plan

pull = Exercise(
    "gan/11/plan_gradient",
    target="minigen.metrics.transport:plan_gradient",
    minutes=15,
    prompt="""
    How the mean distance under a transport plan changes as the targets move: the gradient of
    sum_ij plan[i, j] * |y_j - x_i| with respect to y, an array (M, D).

    plan (N, M), with nonnegative entries, stays as it is. x (N, D) are the sources, y (M, D) the
    targets, |.| is the Euclidean length. Where a source and a target coincide the distance has a
    kink: take 0 for the gradient of this term, never NaN. Write it out; do not ask for an automatic
    derivative.
    """,
    hints=[
        (
            "How does the distance from x_i to y_j change as y_j moves? By one unit for each unit"
            " that it moves straight away from x_i, and not at all when it moves across."
        ),
        (
            "The gradient of |y_j - x_i| in y_j is the unit vector (y_j - x_i) / |y_j - x_i|. Row j"
            " is the sum over i of plan_ij times these."
        ),
        (
            "steps = y[None] - x[:, None] has shape (N, M, D). Divide it by its length over the"
            " last axis (by 1, say, where that is 0), multiply by plan[:, :, None], and sum over"
            " axis 0."
        ),
    ],
)


@pull.case(points=1, expect={"pull": [[0.6, 0.8]]})
def one_pair(impl, rng):
    """The unit vector from (0, 0) to (3, 4)."""
    return {"pull": impl(np.array([[1.0]]), np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]]))}


@pull.case(points=1, expect={"pull": [[0.5], [-0.25]]})
def on_a_line(impl, rng):
    """Half of the mass goes up from 0 to 2, a quarter comes down from 5, a quarter is pulled both
    ways."""
    plan = np.array([[0.5, 0.125], [0.0, 0.375]])
    return {"pull": impl(plan, np.array([[0.0], [5.0]]), np.array([[2.0], [3.0]]))}


@pull.case(points=2)
def random_points(impl, rng):
    plan = rng.dirichlet(np.ones(20)).reshape(4, 5)
    return {"pull": impl(plan, rng.standard_normal((4, 3)), rng.standard_normal((5, 3)))}


@pull.case(points=2, expect={"pull": [[0.0, 0.0], [0.5, 0.0]]})
def nothing_travels(impl, rng):
    """The first target lies on its source."""
    points = np.array([[1.0, 2.0], [0.0, 0.0]])
    return {"pull": impl(np.eye(2) / 2, points, np.array([[1.0, 2.0], [0.25, 0.0]]))}


@pull.case(
    points=2,
    property="it is the slope of the cost, by differences",
    expect={"gap": 0.0},
    rtol=0,
    atol=1e-6,
)
def slope_of_the_cost(impl, rng):
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


def units(x, y):
    """Unit vectors from x_i to y_j, (N, M, D), zero where they coincide."""
    steps = y[None] - x[:, None]
    length = np.sqrt(np.sum(steps**2, axis=2, keepdims=True))
    return steps / np.where(length > 0, length, 1.0)


@pull.mistake(hint="The sign is turned: the distance grows as y moves away from x, along y - x.")
def toward_the_source(plan, x, y):
    return -np.sum(plan[:, :, None] * units(x, y), axis=0)


@pull.mistake(hint="Divide by the length: the distance, not its square, is what travels.")
def not_unit_vectors(plan, x, y):
    return np.sum(plan[:, :, None] * (y[None] - x[:, None]), axis=0)


@pull.mistake(hint="Divide by the length itself, not by its square.")
def divided_by_the_square(plan, x, y):
    steps = y[None] - x[:, None]
    square = np.sum(steps**2, axis=2, keepdims=True)
    return np.sum(plan[:, :, None] * steps / np.where(square > 0, square, 1.0), axis=0)


@pull.mistake(
    hint="Where a target lies on its source, 0/0 is NaN: make the length 1 there before dividing."
)
def kink_not_a_number(plan, x, y):
    steps = y[None] - x[:, None]
    return np.sum(
        plan[:, :, None] * steps / np.sqrt(np.sum(steps**2, axis=2, keepdims=True)), axis=0
    )


@pull.mistake(hint="This is the gradient in the sources x: sum over the sources instead, axis 0.")
def in_the_sources(plan, x, y):
    return -np.sum(plan[:, :, None] * units(x, y), axis=1)


@pull.mistake(hint="The weights of the plan are left out: each unit vector counts plan_ij.")
def without_the_plan(plan, x, y):
    return np.mean(units(x, y), axis=0)


@pull.mistake(hint="Sum over the sources, do not average: the plan holds the weights already.")
def mean_over_sources(plan, x, y):
    return np.mean(plan[:, :, None] * units(x, y), axis=0)


@pull.mistake(
    hint=(
        "A unit vector divides by the Euclidean length, over all coordinates; this takes signs one"
        " by one."
    )
)
def signs_of_coordinates(plan, x, y):
    return np.sum(plan[:, :, None] * np.sign(y[None] - x[:, None]), axis=0)


@pull.mistake(hint="One vector for each target: do not sum over the targets.")
def summed_over_targets(plan, x, y):
    return np.sum(plan[:, :, None] * units(x, y), axis=(0, 1))


@pull.variant
def target_by_target(plan, x, y):
    rows = []
    for weights, point in zip(plan.T, y):
        length = np.linalg.norm(point - x, axis=1)
        apart = length > 0
        rows.append((weights[apart] / length[apart]) @ (point - x[apart]))
    return np.array(rows)


@pull.variant
def by_einstein_sum(plan, x, y):
    steps = y - x[:, None]
    return np.einsum(
        "ij,ijd->jd", plan, np.nan_to_num(steps / np.hypot.reduce(steps, axis=-1, keepdims=True))
    )
