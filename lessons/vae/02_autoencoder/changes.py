"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "another point off the line": Change(
        old="off_line = np.array([[1.0, -2.0]])",
        new="off_line = np.array([[3.0, -1.0]])",
        shows={"reconstruction of (1, -2)": [[2.0, 1.0]], "its loss": 5.0},
        fails=["reconstruction of (1, -2)"],
    ),
    "a fourth point": Change(
        old="[4.0, 2.0]]",
        new="[4.0, 2.0], [1.0, -2.0]]",
        shows={"PCA of the three points: its direction": [0.8369, 0.5473]},
    ),
    "search by eight numbers": Change(
        old="neighbors = {name: same_class(z) for name, z in codes.items()}\n",
        new="neighbors = {name: same_class(z) for name, z in codes.items()}\n"
        'neighbors["PCA"] = same_class(best.first(8).encode(test[some]))\n',
        shows={("PCA, 2", "nearest neighbor is of the same class"): {"at_least": 0.7}},
    ),
}
