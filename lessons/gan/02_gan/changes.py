"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "a real example, recognized": Change(
        old="logit(0.8)",
        new="logit(0.999)",
        shows={
            "D's loss at 0.8 on real, 0.4 on fake": 0.5118,
            "G's part of it": {"equals": -0.5108, "atol": 5e-5},
        },
    ),
    "a step of size 8": Change(
        old="y += (1 - sigmoid(a * y)) * a",
        new="y += 8 * (1 - sigmoid(a * y)) * a",
        shows={"after one round: a, y": {"equals": (0.5, 2.0)}},
        prints=[r"It went to 2242\d{25}"],
        figures=["two_numbers"],
    ),
}
