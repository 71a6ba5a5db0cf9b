"""Private variants of exercises for graded assignments: minigen.course.exercise.private."""

from minigen.course.exercise.private import Private

PRIVATE = {
    "modulate": Private(
        says="scales are counted from 0: with scale = 1 and shift = 0 the tokens do not change.",
        body="return ordinary(x, shift, scale - 1)",
        answer="return x * scale[:, None] + shift[:, None]",
        expect={"two_tokens": {"x": [[[1.1, -0.2], [0.35, -0.2]]]}},
        without=["return x + x * (1 + scale[:, None]) + shift[:, None]"],
    ),
}
