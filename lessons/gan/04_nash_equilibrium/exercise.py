"""Exercises of the game x·y: one step of four ways to play it."""

from minigen.course.exercise.format import Exercise

GAME = """
    Two players share the number f = x * y. The first chooses x and wants f small; the second
    chooses y and wants f large. The slope of f in x is y, and in y it is x. eta > 0 is the step
    size.
"""


def players(rng, shape=()):
    """A point away from both axes, and a step size."""
    x, y = rng.uniform(0.5, 2.0, size=(2, *shape)) * rng.choice([-1.0, 1.0], size=(2, *shape))
    return x, y, rng.uniform(0.1, 0.4)


simultaneous = Exercise(
    "gan/04/simultaneous_step",
    target="minigen.gan.toy_problems:simultaneous_step",
    minutes=5,
    prompt=f"""
    {GAME} Both players step at the same time, each along the slope at the point where they stand.
    Return a tuple, the new x and the new y: two numbers, or two arrays if x and y are arrays (many
    games at once), which stay as they are.
    """,
    hints="""
    One player goes down the slope of f in his own coordinate, the other goes up hers.

    x' = x - eta * (slope in x), y' = y + eta * (slope in y), both slopes taken at the old (x, y).

        return x - eta * y, y + eta * x
    """,
)


@simultaneous.case(points=1, kind="equation", expect={"x": 0.8, "y": 2.1})
def from_one_and_two(impl, rng):
    x, y = impl(1.0, 2.0, 0.1)
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
    prompt=f"""
    {GAME} The players take turns: first x moves, then y moves and sees where x has gone. Return a
    tuple, the new x and the new y: two numbers, or two arrays (many games at once); the old ones
    stay as they are. This is how a GAN is trained, one network after the other.
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
    """X² + y² - eta x y stays the same."""
    x, y, eta = players(rng)
    new_x, new_y = impl(x, y, eta)
    return {"gap": new_x**2 + new_y**2 - eta * new_x * new_y - (x**2 + y**2 - eta * x * y)}


extragradient = Exercise(
    "gan/04/extragradient_step",
    target="minigen.gan.toy_problems:extragradient_step",
    minutes=10,
    prompt=f"""
    {GAME} Look before you leap. Take a simultaneous step of size eta on trial, read the two slopes
    at the place reached, return to where you stood, and make one step of size eta from there with
    those slopes. Return a tuple, the new x and the new y.
    """,
    hints="""
    The trial step is only for looking: the real step starts at the old (x, y).

    x_ahead = x - eta * y and y_ahead = y + eta * x; the slopes found there are y_ahead (in x) and
    x_ahead (in y).

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
    prompt=f"""
    {GAME} No trial step: guess the slopes that come from the last two seen. If a slope was g_before
    one step ago and is g now, expect 2 g - g_before, and step with that. (x_before, y_before) is
    where the players stood one step ago. Both move at the same time, from (x, y). Return a
    tuple, the new x and the new y.
    """,
    hints="""
    Each player continues in a straight line how the slope has changed: from g_before to g, so on to
    2 g - g_before.

    x' = x - eta * (2 y - y_before), and likewise for y with plus eta and the x's.

        return x - eta * (2 * y - y_before), y + eta * (2 * x - x_before)
    """,
)


@optimistic.case(points=1, kind="equation", expect={"x": 1.1, "y": 1.9})
def with_a_memory(impl, rng):
    """The slopes expected are 2·2 − 5 = −1 in x and 2·1 − 3 = −1 in y."""
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
    """Standing still so far, it is a simultaneous step."""
    x, y, eta = players(rng)
    new_x, new_y = impl(x, y, x, y, eta)
    return {"gap_x": new_x - (x - eta * y), "gap_y": new_y - (y + eta * x)}
