"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "a narrow generator": Change(
        old="generated = 2.0 * rng",
        new="generated = 1.0 * rng",
        shows={
            ("at 3, 9", "9", "logit of D"): {"between": (21, 26)},
            ("at 3, 9", "3", "logit of D"): {"between": (0.75, 0.87)},
        },
        fails=["logits at 3 and at 9, in standard errors"],
    ),
}
