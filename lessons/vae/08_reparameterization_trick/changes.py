"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "noise as a plain number": Change(
        old="z = stop_gradient(mu + eps)",
        new="z = mu + stop_gradient(eps)",
        shows={"its derivative, z passed as plain numbers": 4.0},
        fails=["its derivative, z passed as plain numbers"],
    ),
    "a constant of 100": Change(
        old="z**2 * e",
        new="(z**2 + 100) * e",
        shows={
            "variance, score function / reparameterized: 87/4 on paper": {"between": (2000, 4000)}
        },
        fails=["variance, score function / reparameterized: 87/4 on paper"],
    ),
}
