"""Exercises of the game x·y: one step of four ways to play it."""

import numpy as np

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


# -------------------------------------------------------------------------------------------
# simultaneous

simultaneous = Exercise(
    "gan/04/simultaneous_step",
    target="minigen.gan.toy_problems:simultaneous_step",
    minutes=5,
    prompt=f"""
    {GAME}
    Both players step at the same time, each along the slope at the point where they stand. Return the new x and the new y,
    two numbers (or two arrays, if x and y are arrays: many games at once).
    """,
    hints=[
        "One player goes down the slope of f in his own coordinate, the other goes up hers.",
        (
            "x' = x - eta * (slope in x), y' = y + eta * (slope in y), both slopes taken at the old"
            " (x, y)."
        ),
        (
            "The slope in x is y and the slope in y is x. Return a pair, and use no new value on"
            " the right-hand sides."
        ),
    ],
    imports=["import numpy as np"],
)


@simultaneous.case(points=1, expect={"x": 0.8, "y": 2.1})
def from_one_and_two(impl, rng):
    x, y = impl(1.0, 2.0, 0.1)
    return {"x": x, "y": y}


@simultaneous.case(points=2)
def many_games(impl, rng):
    x, y, eta = players(rng, (5,))
    new_x, new_y = impl(x, y, eta)
    return {"x": new_x, "y": new_y}


@simultaneous.case(
    points=2, property="the squared distance from (0, 0) grows by 1 + eta²", expect={"gap": 0.0}
)
def growth(impl, rng):
    x, y, eta = players(rng)
    new_x, new_y = impl(x, y, eta)
    return {"gap": new_x**2 + new_y**2 - (1 + eta**2) * (x**2 + y**2)}


@simultaneous.mistake(hint="Both players go down here; the second one wants f large.")
def both_go_down(x, y, eta):
    return x - eta * y, y - eta * x


@simultaneous.mistake(hint="Both players go up here; the first one wants f small.")
def both_go_up(x, y, eta):
    return x + eta * y, y + eta * x


@simultaneous.mistake(
    hint="The players' wishes are exchanged: the first wants f small, the second wants it large."
)
def wishes_exchanged(x, y, eta):
    return x + eta * y, y - eta * x


@simultaneous.mistake(
    hint="The second player used the new x. Here both move at the same time, from the old point."
)
def second_saw_the_first(x, y, eta):
    x = x - eta * y
    return x, y + eta * x


@simultaneous.mistake(
    hint="The slope of x * y in x is y, not x: each player's slope is the other's coordinate."
)
def own_coordinate(x, y, eta):
    return x - eta * x, y + eta * y


@simultaneous.mistake(hint="The step size is missing.")
def full_steps(x, y, eta):
    return x - y, y + x


@simultaneous.mistake(hint="These are the moves; the new places are asked for.")
def moves_only(x, y, eta):
    return -eta * y, eta * x


@simultaneous.variant
def as_a_matrix(x, y, eta):
    step = np.array([[1.0, -eta], [eta, 1.0]])
    new = np.einsum("ij,j...->i...", step, np.array([x, y]))
    return new[0], new[1]


@simultaneous.variant
def as_a_complex_number(x, y, eta):
    z = (1 + 1j * eta) * (x + 1j * y)
    return z.real, z.imag


# -------------------------------------------------------------------------------------------
# alternating

alternating = Exercise(
    "gan/04/alternating_step",
    target="minigen.gan.toy_problems:alternating_step",
    minutes=5,
    prompt=f"""
    {GAME}
    The players take turns: first x moves, then y moves and sees where x has gone. Return the new x and the new y, two
    numbers (or two arrays: many games at once). This is how a GAN is trained, one network after the other.
    """,
    hints=[
        "Write two lines, one for each player, in the order in which they move.",
        "x' = x - eta * y, and then y' = y + eta * x' with the new x'.",
        "Overwrite x by its new value first; the line for y then sees it without further care.",
    ],
    imports=["import numpy as np"],
)


@alternating.case(points=1, expect={"x": 0.8, "y": 2.08})
def turns_from_one_and_two(impl, rng):
    x, y = impl(1.0, 2.0, 0.1)
    return {"x": x, "y": y}


@alternating.case(points=2)
def many_games_in_turns(impl, rng):
    x, y, eta = players(rng, (5,))
    new_x, new_y = impl(x, y, eta)
    return {"x": new_x, "y": new_y}


@alternating.case(points=2, property="x² + y² - eta x y stays the same", expect={"gap": 0.0})
def closed_curve(impl, rng):
    x, y, eta = players(rng)
    new_x, new_y = impl(x, y, eta)
    return {"gap": new_x**2 + new_y**2 - eta * new_x * new_y - (x**2 + y**2 - eta * x * y)}


@alternating.mistake(
    hint="The second player used a stale x: she moves after x has moved, and sees it."
)
def stale_x(x, y, eta):
    return x - eta * y, y + eta * x


@alternating.mistake(hint="The first to move is x; here y moved first.")
def y_moves_first(x, y, eta):
    y = y + eta * x
    return x - eta * y, y


@alternating.mistake(hint="Both players go down here; the second one wants f large.")
def both_down_in_turns(x, y, eta):
    x = x - eta * y
    return x, y - eta * x


@alternating.mistake(
    hint="The players' wishes are exchanged: the first wants f small, the second wants it large."
)
def wishes_exchanged_in_turns(x, y, eta):
    x = x + eta * y
    return x, y - eta * x


@alternating.mistake(
    hint="The slope of x * y in x is y, not x: each player's slope is the other's coordinate."
)
def own_coordinate_in_turns(x, y, eta):
    return x - eta * x, y + eta * y


@alternating.mistake(hint="The step size is missing.")
def full_steps_in_turns(x, y, eta):
    x = x - y
    return x, y + x


@alternating.variant
def multiplied_out(x, y, eta):
    """y + η(x − ηy), from the old values."""
    return x - eta * y, (1 - eta**2) * y + eta * x


# -------------------------------------------------------------------------------------------
# extragradient

extragradient = Exercise(
    "gan/04/extragradient_step",
    target="minigen.gan.toy_problems:extragradient_step",
    minutes=10,
    prompt=f"""
    {GAME}
    Look before you leap. Take a simultaneous step of size eta on trial, read the two slopes at the place reached, return
    to where you stood, and make one step of size eta from there with those slopes. Return the new x and the new y.
    """,
    hints=[
        "The trial step is only for looking: the real step starts at the old (x, y).",
        (
            "x_ahead = x - eta * y and y_ahead = y + eta * x; the slopes found there are y_ahead"
            " (in x) and x_ahead (in y)."
        ),
        (
            "The new x is the old x less eta times y_ahead, and the new y is the old y plus eta"
            " times x_ahead."
        ),
    ],
    imports=["import numpy as np"],
)


@extragradient.case(points=1, expect={"x": 0.79, "y": 2.08})
def look_from_one_and_two(impl, rng):
    """The trial step leads to (0.8, 2.1)."""
    x, y = impl(1.0, 2.0, 0.1)
    return {"x": x, "y": y}


@extragradient.case(points=2)
def many_games_with_a_look(impl, rng):
    x, y, eta = players(rng, (5,))
    new_x, new_y = impl(x, y, eta)
    return {"x": new_x, "y": new_y}


@extragradient.case(
    points=2,
    property="the squared distance from (0, 0) shrinks by (1 - eta²)² + eta²",
    expect={"gap": 0.0},
)
def shrinking(impl, rng):
    x, y, eta = players(rng)
    new_x, new_y = impl(x, y, eta)
    return {"gap": new_x**2 + new_y**2 - ((1 - eta**2) ** 2 + eta**2) * (x**2 + y**2)}


@extragradient.mistake(
    hint="That is the trial step itself, a simultaneous step: now use the slopes found there."
)
def trial_step_only(x, y, eta):
    return x - eta * y, y + eta * x


@extragradient.mistake(
    hint="You stepped on from the place looked at. Go back: the real step starts at the old (x, y)."
)
def never_went_back(x, y, eta):
    x_ahead, y_ahead = x - eta * y, y + eta * x
    return x_ahead - eta * y_ahead, y_ahead + eta * x_ahead


@extragradient.mistake(
    hint="On trial, too, both players move at the same time: y_ahead comes from the old x."
)
def trial_in_turns(x, y, eta):
    x_ahead = x - eta * y
    y_ahead = y + eta * x_ahead
    return x - eta * y_ahead, y + eta * x_ahead


@extragradient.mistake(
    hint="Use the slopes found ahead alone, not their average with those found here."
)
def average_of_slopes(x, y, eta):
    x_ahead, y_ahead = x - eta * y, y + eta * x
    return x - eta * (y + y_ahead) / 2, y + eta * (x + x_ahead) / 2


@extragradient.mistake(hint="In the real step both players go down; the second one wants f large.")
def both_down_after_the_look(x, y, eta):
    x_ahead, y_ahead = x - eta * y, y + eta * x
    return x - eta * y_ahead, y - eta * x_ahead


@extragradient.mistake(
    hint="In the trial step the wishes are exchanged: there, too, x goes down and y goes up."
)
def looked_behind(x, y, eta):
    x_ahead, y_ahead = x + eta * y, y - eta * x
    return x - eta * y_ahead, y + eta * x_ahead


@extragradient.mistake(
    hint=(
        "The slope in x is y_ahead, and in y it is x_ahead: each player's slope is the other's"
        " coordinate."
    )
)
def own_coordinate_ahead(x, y, eta):
    x_ahead, y_ahead = x - eta * y, y + eta * x
    return x - eta * x_ahead, y + eta * y_ahead


@extragradient.mistake(hint="The real step is as long as the trial step: eta, not eta².")
def short_leap(x, y, eta):
    x_ahead, y_ahead = x - eta * y, y + eta * x
    return x - eta**2 * y_ahead, y + eta**2 * x_ahead


@extragradient.variant
def worked_out(x, y, eta):
    shrink = 1 - eta * eta
    return shrink * x - eta * y, shrink * y + eta * x


# -------------------------------------------------------------------------------------------
# optimistic

optimistic = Exercise(
    "gan/04/optimistic_step",
    target="minigen.gan.toy_problems:optimistic_step",
    minutes=10,
    prompt=f"""
    {GAME}
    No trial step: guess the slopes that come from the last two seen. If a slope was g_before one step ago and is g now,
    expect 2 g - g_before, and step with that. (x_before, y_before) is where the players stood one step ago. Both move at
    the same time, from (x, y). Return the new x and the new y.
    """,
    hints=[
        (
            "Each player continues in a straight line how the slope has changed: from g_before to"
            " g, so on to 2 g - g_before."
        ),
        "x' = x - eta * (2 y - y_before), and likewise for y with plus eta and the x's.",
        (
            "The slope for x comes from y and y_before. With the brackets opened: minus 2 eta times"
            " now, plus eta times before."
        ),
    ],
    imports=["import numpy as np"],
)


@optimistic.case(points=1, expect={"x": 1.1, "y": 1.9})
def with_a_memory(impl, rng):
    """The slopes expected are 2·2 − 5 = −1 in x and 2·1 − 3 = −1 in y."""
    x, y = impl(1.0, 2.0, 3.0, 5.0, 0.1)
    return {"x": x, "y": y}


@optimistic.case(points=2)
def many_games_with_a_memory(impl, rng):
    x, y, eta = players(rng, (5,))
    x_before, y_before, _ = players(rng, (5,))
    new_x, new_y = impl(x, y, x_before, y_before, eta)
    return {"x": new_x, "y": new_y}


@optimistic.case(
    points=2,
    property="standing still so far, it is a simultaneous step",
    expect={"gap_x": 0.0, "gap_y": 0.0},
)
def nothing_to_remember(impl, rng):
    x, y, eta = players(rng)
    new_x, new_y = impl(x, y, x, y, eta)
    return {"gap_x": new_x - (x - eta * y), "gap_y": new_y - (y + eta * x)}


@optimistic.mistake(
    hint="The slope now counts twice: 2 g - g_before, so that a slope that stays the same is kept."
)
def now_counts_once(x, y, x_before, y_before, eta):
    return x - eta * (y - y_before), y + eta * (x - x_before)


@optimistic.mistake(hint="The memory is forgotten: this is the simultaneous step.")
def no_memory(x, y, x_before, y_before, eta):
    return x - eta * y, y + eta * x


@optimistic.mistake(hint="The memory has the wrong sign: 2 g - g_before.")
def memory_added(x, y, x_before, y_before, eta):
    return x - eta * (2 * y + y_before), y + eta * (2 * x + x_before)


@optimistic.mistake(
    hint="Now and before are exchanged: 2 g - g_before continues from before to now."
)
def back_in_time(x, y, x_before, y_before, eta):
    return x - eta * (2 * y_before - y), y + eta * (2 * x_before - x)


@optimistic.mistake(hint="Both players go down here; the second one wants f large.")
def both_down_with_memory(x, y, x_before, y_before, eta):
    return x - eta * (2 * y - y_before), y - eta * (2 * x - x_before)


@optimistic.mistake(
    hint="The slope of x * y in x is y: the memory of x's slope is y_before, not x_before."
)
def own_memory(x, y, x_before, y_before, eta):
    return x - eta * (2 * y - x_before), y + eta * (2 * x - y_before)


@optimistic.mistake(hint="The second player used the new x; both move at the same time.")
def optimistic_in_turns(x, y, x_before, y_before, eta):
    new_x = x - eta * (2 * y - y_before)
    return new_x, y + eta * (2 * new_x - x_before)


@optimistic.mistake(
    hint="That is momentum: it repeats the last move. Here it is the slope that is continued."
)
def momentum(x, y, x_before, y_before, eta):
    return x - eta * y + eta * (x - x_before), y + eta * x + eta * (y - y_before)


@optimistic.variant
def with_expected_slopes(x, y, x_before, y_before, eta):
    slope_x = y + (y - y_before)
    slope_y = x + (x - x_before)
    return x - eta * slope_x, y + eta * slope_y
