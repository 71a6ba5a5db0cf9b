"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "a wide kernel": Change(
        old="h = 0.5",
        new="h = 5.0",
        shows={"MMD² of two points 0.5 apart": 0.009975},
    ),
}
