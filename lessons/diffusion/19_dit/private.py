"""Private variants of exercises for graded assignments: minigen.classroom.private.declaration."""

from minigen.classroom.private.declaration import Private

PRIVATE = {
    "modulate": Private(
        values=(0.1, 5, 3),
        says="the tokens are multiplied by {k} before they are scaled and shifted.",
        body="return ordinary({k} * x, shift, scale)",
        answer="return {k} * x * (1 + scale[:, None]) + shift[:, None]",
        expect={"two_tokens": {"x": [[[0.4, -0.3], [0.175, 0.1]]]}},
    ),
}
