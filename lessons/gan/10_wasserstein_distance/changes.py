"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "a shovelful too many": Change(
        old="Q = np.array([1.0, 2.0, 4.0, 3.0])",
        new="Q = np.array([1.0, 2.0, 4.0, 4.0])",
        shows={(4, "delta"): -1},
        raises="must have the same total",
    ),
}
