"""Private variants of exercises for graded assignments: minigen.course.exercise.private."""

from minigen.course.exercise.private import Private

PRIVATE = {
    "simultaneous_step": Private(
        values=(3, 0.4, 1.5),
        says="the players share the number f = {k} x y.",
        body="return ordinary(x, y, {k} * eta)",
        answer="return x - {k} * eta * y, y + {k} * eta * x",
        expect={"from_one_and_two": {"x": 0.4, "y": 2.3}},
    ),
    "alternating_step": Private(
        values=(3, 0.4, 1.5),
        says="the players share the number f = {k} x y.",
        body="return ordinary(x, y, {k} * eta)",
        answer="""
        x = x - {k} * eta * y
        return x, y + {k} * eta * x
        """,
        expect={"turns_from_one_and_two": {"x": 0.4, "y": 2.12}},
    ),
    "extragradient_step": Private(
        values=(3, 0.4, 1.5),
        says="the players share the number f = {k} x y.",
        body="return ordinary(x, y, {k} * eta)",
        answer="""
        eta = {k} * eta
        slope_x, slope_y = y + eta * x, x - eta * y
        return x - eta * slope_x, y + eta * slope_y
        """,
        expect={"look_from_one_and_two": {"x": 0.31, "y": 2.12}},
    ),
    "optimistic_step": Private(
        values=(3, 0.4, 1.5),
        says="the players share the number f = {k} x y.",
        body="return ordinary(x, y, x_before, y_before, {k} * eta)",
        answer="""
        eta = {k} * eta
        return x - eta * (2 * y - y_before), y + eta * (2 * x - x_before)
        """,
        expect={"with_a_memory": {"x": 1.3, "y": 1.7}},
    ),
}
