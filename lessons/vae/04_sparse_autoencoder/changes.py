"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "active on three of four": Change(
        old="quarter = np.array([[0.0], [0.0], [0.0], [1.0]])",
        new="quarter = np.array([[0.0], [1.0], [1.0], [1.0]])",
        shows={"penalty of 0, 0, 0, 1": 0.5493},
        fails=["penalty of 0, 0, 0, 1"],
    ),
    "only negative numbers": Change(
        old="z = np.array([[3.0, -5.0, 1.0, 2.0]])",
        new="z = np.array([[-3.0, -5.0, -1.0, -2.0]])",
        shows={
            "k_sparse of (3, -5, 1, 2), k = 2": [[0.0, 0.0, -1.0, -2.0]],
            "gradient of the sum of what remains": [[0.0, 0.0, 1.0, 1.0]],
        },
    ),
}
