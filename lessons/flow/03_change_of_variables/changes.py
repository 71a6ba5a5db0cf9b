"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "a map that does not stretch": Change(
        old="a = -3",
        new="a = -1",
        shows={"masses of (a), (b), (c)": [-1.0, 1.0, 1.0]},
        fails=["masses of (a), (b), (c)"],
    ),
}
