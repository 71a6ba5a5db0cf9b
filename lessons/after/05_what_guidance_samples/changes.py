"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "a narrower guide": Change(
        old="v1, v0 = 2.0, 4.0",
        new="v1, v0 = 4.0, 3.2",
        shows={"variance of the guided samples, w = 1": 5.0},
        fails=["variance of the guided samples, w = 1"],
    ),
}
