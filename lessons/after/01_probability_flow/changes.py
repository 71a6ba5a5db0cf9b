"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "another velocity": Change(
        old="point, noise = np.array([[0.5]]), np.array([[0.2]])",
        new="point, noise = np.array([[0.5]]), np.array([[0.5 * np.sin(0.3)]])",
        shows={"velocity against a finite difference": {"equals": 0.0}},
    ),
}
