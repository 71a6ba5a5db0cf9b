"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "the same noise twice": Change(
        old="np.where(t == 3, 0.5, -0.25)",
        new="np.where(t == 3, 0.5, 0.5)",
        shows={"the target": {"equals": [[1.0]], "atol": 1e-9}},
        fails=["end of the student's step", "the target"],
    ),
}
