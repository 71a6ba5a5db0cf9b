"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "one percent too large": Change(
        old="polar(at) + J @ h",
        new="polar(at) + 1.01 * J @ h",
        shows={"power of the step in the error of f(x) + J h": {"between": (0.95, 1.6)}},
    ),
}
