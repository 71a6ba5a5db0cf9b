"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "too weak a shear": Change(
        old="-z[:, 0] / 2",
        new="-z[:, 0] / 3",
        shows={"each draw's difference": None},
        fails=["each draw's difference"],
    ),
}
