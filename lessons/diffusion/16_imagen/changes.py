"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "the largest size": Change(
        old="p = 2 / 3",
        new="p = 1",
        shows={"dynamic": [[-0.5, -0.25, 0.125, 1]]},
        fails=["dynamic"],
    ),
}
