"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "too weak a shear": Change(
        old="Shear(-1 / 2)",
        new="Shear(-1 / 3)",
        shows={"the difference of each draw: log p(x)": None},
        fails=["the difference of each draw: log p(x)"],
    ),
}
