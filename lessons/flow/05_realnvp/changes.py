"""The edit that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "a negative number that stays": Change(
        old="z = np.array([[2.0, 3.0]])",
        new="z = np.array([[-2.0, 3.0]])",
        shows={"exp of the two log-dets": [2, 0.5]},
        fails=["image of (2, 3), and its inverse", "Jacobian by small steps, row by row"],
    ),
}
