"""Private variants of exercises for graded assignments: minigen.classroom.private.declaration."""

from minigen.classroom.private.declaration import Private

PRIVATE = {
    "simultaneous_step": Private(
        values=(3, 0.4, 1.5),
        says=r"the players share the number $f = {k} x \cdot y$.",
        text={
            r"f = x \cdot y": r"f = {k} x \cdot y",
            "The slope of x * y in x is y, not x": "The slope of f in x is {k} y, not {k} x",
        },
        body="return ordinary(x, y, {k} * eta)",
        answer="return x - {k} * eta * y, y + {k} * eta * x",
        expect={"from_minus_four_and_seven": {"x": -10.3, "y": 3.4}},
    ),
    "alternating_step": Private(
        values=(3, 0.4, 1.5),
        says=r"the players share the number $f = {k} x \cdot y$.",
        text={
            r"f = x \cdot y": r"f = {k} x \cdot y",
            "The slope of x * y in x is y, not x": "The slope of f in x is {k} y, not {k} x",
        },
        body="return ordinary(x, y, {k} * eta)",
        answer="""
        x = x - {k} * eta * y
        return x, y + {k} * eta * x
        """,
        expect={"turns_from_one_and_two": {"x": 0.4, "y": 2.12}},
    ),
    "extragradient_step": Private(
        values=(3, 0.4, 1.5),
        says=r"the players share the number $f = {k} x \cdot y$.",
        text={
            r"f = x \cdot y": r"f = {k} x \cdot y",
            "The slope with respect to x is y_ahead, and with respect to y it is x_ahead": (
                "The slope with respect to x is {k} y_ahead, and with respect to y it is"
                " {k} x_ahead"
            ),
        },
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
        says=r"the players share the number $f = {k} x \cdot y$.",
        text={
            r"f = x \cdot y": r"f = {k} x \cdot y",
            "The slope of x * y in x is y, so": "The slope of f in x is {k} y, so",
            "ago is y_before, not x_before": "ago is {k} y_before, not {k} x_before",
        },
        body="return ordinary(x, y, x_before, y_before, {k} * eta)",
        answer="""
        eta = {k} * eta
        return x - eta * (2 * y - y_before), y + eta * (2 * x - x_before)
        """,
        expect={"with_a_memory": {"x": 1.3, "y": 1.7}},
    ),
}
