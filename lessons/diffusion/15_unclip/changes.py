"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "perfect partners": Change(
        old="np.array([[0.8, 0.6], [0.0, 1.0]])",
        new="np.array([[1.0, 0.0], [0.0, 1.0]])",
        shows={"scale 1, by hand": 0.3133, ("image 1", "text 2"): {"equals": 0}},
        fails=["scale 1, by hand"],
    ),
}
