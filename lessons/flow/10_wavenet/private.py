"""Private variants of exercises for graded assignments: minigen.classroom.private.declaration."""

from minigen.classroom.private.declaration import Private

PRIVATE = {
    "gated_unit": Private(
        values=(2, 3, 5),
        says="`gate` is multiplied by {k} before the sigmoid.",
        body="return ordinary(filter, {k} * gate)",
        answer="return tanh(filter) * sigmoid({k} * gate)",
        # sigmoid(log 9) and sigmoid(-log 16)
        expect={"logs": {"z": [0.6 * 0.9, -0.8 / 17]}},
    ),
}
