"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "a step that is too long": Change(
        old="0.5 * 2**2",
        new="4.5 * 2**2",
        shows={"4 → 3 → 2.25": [-5.0, -3.75]},
        fails=["4 → 3 → 2.25"],
    ),
}
