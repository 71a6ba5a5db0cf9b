"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "closer modes": Change(
        old="log_normal(grid, 2.5, 0.7)",
        new="log_normal(grid, 1.0, 0.7)",
        shows={"reverse: mean and sigma of one mode": [[-2.449, 0.76], [-1.029, 1.65]]},
        quick=False,
    ),
    "more noise": Change(
        old="rng.standard_normal(10), 0.5)",
        new="rng.standard_normal(10), 2.0)",
        prints=[r"two levels are 0\.0\d+ nats apart"],
    ),
}
