"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "more noise than data": Change(
        old="preconditioning(3.0, 4.0)[:3]",
        new="preconditioning(4.0, 3.0)[:3]",
        shows={"factors at σ = 3, σ_d = 4": [0.36, 2.4, 0.2]},
        fails=["factors at σ = 3, σ_d = 4"],
    ),
}
