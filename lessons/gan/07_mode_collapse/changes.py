"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "nine tenths at A": Change(
        old="p_r = np.array([0.5, 0.5])",
        new="p_r = np.array([0.9, 0.1])",
        shows={
            "D at A and at B": [0.4737, 1.0],
            "all samples move at once": {"equals": [1.0, 0.0, 1.0, 0.0, 1.0]},
        },
    ),
}
