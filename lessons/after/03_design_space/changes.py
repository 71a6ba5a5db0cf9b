"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "a wider model": Change(
        old="v1, v0 = 2.0, 4.0",
        new="v1, v0 = 4.0, 2.0",
        shows={"variance of the guided samples, w = 1": {"between": (7.8, 8.2)}},
    ),
}
