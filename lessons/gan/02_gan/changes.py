"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "a step of size 8": Change(
        old="y += (1 - sigmoid(a * y)) * a",
        new="y += 8 * (1 - sigmoid(a * y)) * a",
        shows={"after one round: a, y": {"equals": (0.5, 2.0)}},
        prints=[r"The fake gets as far as 2242\d{25}"],
        figures=["two_numbers"],
    ),
}
