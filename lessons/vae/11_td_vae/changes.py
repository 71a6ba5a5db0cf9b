"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "better readings": Change(
        old="noise=0.4",
        new="noise=0.1",
        shows={
            ("the spring", "best from the last observation", "1 ahead"): {"between": (0.09, 0.13)},
            ("the spring", "best from all observations", "1 ahead"): {"between": (0.06, 0.1)},
        },
    ),
    "another reading": Change(
        old="x2 = 3.0",
        new="x2 = 5.0",
        shows={"J for each noise, against log p(x_2 | x_1)": [-4.577, -4.577, -4.577]},
    ),
    "only the variance wrong": Change(
        old="return N(1.0, 0.5)",
        new="return N(1 + (z2 - 1) / 3, 0.5)",
        shows={"mean J if p_S ignores z_2": {"between": (-2.25, -2.2)}},
        prints=[r"0\.0\d+ nats below"],
    ),
}
