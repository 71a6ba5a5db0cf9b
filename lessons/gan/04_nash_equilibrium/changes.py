"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "negative momentum": Change(
        old="betas = (0.5, 0.9)",
        new="betas = (-0.5, 0.9)",
        shows={
            ("eta = 0.1", "distance at the end / at the start"): 2.705,
            ("eta = 0.1, momentum -0.5", "distance at the end / at the start"): 1.404,
        },
    ),
    "a step of size 1": Change(
        old="eta = 0.1\nx, y = simultaneous_step",
        new="eta = 1.0\nx, y = simultaneous_step",
        shows={
            "alternating: smallest distance, over the first": 0.7071,
            "alternating: largest distance, over the first": 1,
        },
    ),
}
