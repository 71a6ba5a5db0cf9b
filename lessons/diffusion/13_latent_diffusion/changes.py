"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "a query twice as long": Change(
        old="query = np.array([[np.log(3), 0.0, 0.0, 0.0]])",
        new="query = np.array([[2 * np.log(3), 0.0, 0.0, 0.0]])",
        shows={"the output": 4.4},
        fails=["the output"],
    ),
}
