"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "a third that is near": Change(
        old="np.log(2), 50.0]",
        new="np.log(2), 1.0]",
        shows={"closeness of two near, one far": [1.868, 2.236, 2.104]},
    ),
}
