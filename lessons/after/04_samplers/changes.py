"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "unequal angles": Change(
        old="middle = 1.0",
        new="middle = 3.0",
        shows={"two steps: standard deviation": 0.3},
        fails=["two steps: standard deviation"],
    ),
}
