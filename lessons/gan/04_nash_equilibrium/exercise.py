"""Exercises of the game x·y: one step of four ways to play it."""

from minigen.course.exercise.format import Exercise

GAME = r"""
    Two players share the number $f = x \cdot y$. The first controls `x` and minimizes $f$. The
    second controls `y` and maximizes $f$, that is, minimizes $-f$. Each follows the gradient of its
    own loss in its own coordinate. $\eta > 0$ is the step size.
"""


def players(rng, shape=()):
    """A point away from both axes, and a step size."""
    x, y = rng.uniform(0.5, 2.0, size=(2, *shape)) * rng.choice([-1.0, 1.0], size=(2, *shape))
    return x, y, rng.uniform(0.1, 0.4)


simultaneous = Exercise(
    "gan/04/simultaneous_step",
    target="minigen.gan.toy_problems:simultaneous_step",
    minutes=5,
    prompt=GAME
    + """
    Both players take one step of gradient descent at the same time, with the gradients at the
    current point $(x, y)$. Return a tuple, the new `x` and the new `y`: two numbers, or two arrays
    if `x` and `y` are arrays (many games at once). The arrays passed in must not change.
    """,
    hints="""
    Differentiate f with respect to x for the first player, and -f with respect to y for the second.
    Each player subtracts eta times its derivative.

    The derivative of f with respect to x is y, and the derivative of -f with respect to y is -x.
    Therefore x' = x - eta y and y' = y + eta x, both with the old x and y.

        return x - eta * y, y + eta * x
    """,
)


@simultaneous.case(points=1, kind="equation", expect={"x": -6.1, "y": 5.8})
def from_minus_four_and_seven(impl, rng):
    """eta = 0.3: -4 - 0.3 * 7 and 7 - 0.3 * 4."""
    x, y = impl(-4.0, 7.0, 0.3)
    return {"x": x, "y": y}


@simultaneous.case(points=2, kind="equation")
def many_games(impl, rng):
    x, y, eta = players(rng, (5,))
    new_x, new_y = impl(x, y, eta)
    return {"x": new_x, "y": new_y}


@simultaneous.case(points=2, kind="equation", property=True, expect={"gap": 0.0})
def growth(impl, rng):
    """The squared distance from (0, 0) grows by 1 + eta²."""
    x, y, eta = players(rng)
    new_x, new_y = impl(x, y, eta)
    return {"gap": new_x**2 + new_y**2 - (1 + eta**2) * (x**2 + y**2)}


alternating = Exercise(
    "gan/04/alternating_step",
    target="minigen.gan.toy_problems:alternating_step",
    minutes=5,
    prompt=GAME
    + """
    The players alternate: `x` takes its step first, and then `y` takes a step with its gradient at
    the updated `x`. Return a tuple, the new `x` and the new `y`: two numbers, or two arrays (many
    games at once). The arrays passed in must not change. A GAN is trained in this way, one network
    after the other.
    """,
    hints="""
    Write two lines, one for each player, in the order in which they move.

    x' = x - eta * y, and then y' = y + eta * x' with the new x'.

        x = x - eta * y
        return x, y + eta * x
    """,
)


@alternating.case(points=1, kind="equation", expect={"x": 0.8, "y": 2.08})
def turns_from_one_and_two(impl, rng):
    x, y = impl(1.0, 2.0, 0.1)
    return {"x": x, "y": y}


@alternating.case(points=2, kind="equation")
def many_games_in_turns(impl, rng):
    x, y, eta = players(rng, (5,))
    new_x, new_y = impl(x, y, eta)
    return {"x": new_x, "y": new_y}


@alternating.case(points=2, kind="equation", property=True, expect={"gap": 0.0})
def closed_curve(impl, rng):
    """A step leaves x² + y² - eta x y unchanged."""
    x, y, eta = players(rng)
    new_x, new_y = impl(x, y, eta)
    return {"gap": new_x**2 + new_y**2 - eta * new_x * new_y - (x**2 + y**2 - eta * x * y)}


extragradient = Exercise(
    "gan/04/extragradient_step",
    target="minigen.gan.toy_problems:extragradient_step",
    minutes=10,
    prompt=GAME
    + """
    Take a simultaneous trial step of size `eta`, evaluate both gradients at the point that it
    reaches, go back to $(x, y)$, and take one step of size `eta` from there with those gradients.
    Return a tuple, the new `x` and the new `y`.
    """,
    hints="""
    The trial step only serves to find the gradients. The real step starts at the old (x, y).

    The trial point is x_ahead = x - eta * y and y_ahead = y + eta * x. The derivatives of f there
    are y_ahead (in x) and x_ahead (in y).

        slope_x, slope_y = y + eta * x, x - eta * y
        return x - eta * slope_x, y + eta * slope_y
    """,
)


@extragradient.case(points=1, kind="equation", expect={"x": 0.79, "y": 2.08})
def look_from_one_and_two(impl, rng):
    """The trial step leads to (0.8, 2.1)."""
    x, y = impl(1.0, 2.0, 0.1)
    return {"x": x, "y": y}


@extragradient.case(points=2, kind="equation")
def many_games_with_a_look(impl, rng):
    x, y, eta = players(rng, (5,))
    new_x, new_y = impl(x, y, eta)
    return {"x": new_x, "y": new_y}


@extragradient.case(points=2, kind="equation", property=True, expect={"gap": 0.0})
def shrinking(impl, rng):
    """The squared distance from (0, 0) shrinks by (1 - eta²)² + eta²."""
    x, y, eta = players(rng)
    new_x, new_y = impl(x, y, eta)
    return {"gap": new_x**2 + new_y**2 - ((1 - eta**2) ** 2 + eta**2) * (x**2 + y**2)}


optimistic = Exercise(
    "gan/04/optimistic_step",
    target="minigen.gan.toy_problems:optimistic_step",
    minutes=10,
    prompt=GAME
    + r"""
    There is no trial step. Extrapolate each next gradient from the last two: if it was
    $g_\mathrm{before}$ one step ago and is $g$ now, step with $2 g - g_\mathrm{before}$.
    `(x_before, y_before)` is the point one step ago. Both players move at the same time, from
    $(x, y)$. Return a tuple, the new `x` and the new `y`.
    """,
    hints="""
    Each player continues the change of its gradient in a straight line: from g_before to g, and on
    to 2 g - g_before.

    x' = x - eta * (2 y - y_before). For y the sign is plus, with x and x_before.

        return x - eta * (2 * y - y_before), y + eta * (2 * x - x_before)
    """,
)


@optimistic.case(points=1, kind="equation", expect={"x": 1.1, "y": 1.9})
def with_a_memory(impl, rng):
    """The extrapolated slopes are 2·2 − 5 = −1 in x and 2·1 − 3 = −1 in y."""
    x, y = impl(1.0, 2.0, 3.0, 5.0, 0.1)
    return {"x": x, "y": y}


@optimistic.case(points=2, kind="equation")
def many_games_with_a_memory(impl, rng):
    x, y, eta = players(rng, (5,))
    x_before, y_before, _ = players(rng, (5,))
    new_x, new_y = impl(x, y, x_before, y_before, eta)
    return {"x": new_x, "y": new_y}


@optimistic.case(points=2, kind="equation", property=True, expect={"gap_x": 0.0, "gap_y": 0.0})
def nothing_to_remember(impl, rng):
    """If the last two points are equal, it is a simultaneous step."""
    x, y, eta = players(rng)
    new_x, new_y = impl(x, y, x, y, eta)
    return {"gap_x": new_x - (x - eta * y), "gap_y": new_y - (y + eta * x)}
