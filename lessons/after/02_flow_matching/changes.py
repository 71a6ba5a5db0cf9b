"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "farther data": Change(
        old="data, drawn = np.array([[-1.0], [1.0]]), np.array([[0.9], [-0.2]])",
        new="data, drawn = np.array([[-1.0], [0.9]]), np.array([[0.9], [-1.0]])",
        shows={"cost of the best pairs; as drawn it is 5.05": {"equals": 0.0}},
        fails=["cost of the best pairs; as drawn it is 5.05"],
    ),
}
