"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "closer modes": Change(
        old="log_normal(grid, 2.5, 0.7)",
        new="log_normal(grid, 1.0, 0.7)",
        shows={
            ("reverse, from the left", "mean"): -2.449,
            ("reverse, from the right", "mean"): -1.029,
        },
        quick=False,
    ),
    "more noise": Change(
        old="rng.standard_normal(10), 0.5)",
        new="rng.standard_normal(10), 2.0)",
        prints=[r"nats is left \(0\.0\d+ by the formula\)"],
    ),
}
