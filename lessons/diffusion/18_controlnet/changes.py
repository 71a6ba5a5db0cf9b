"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "two zeros in a row": Change(
        old="h, w = np.array([[[[0.5]]]]), np.zeros((1, 1))",
        new="h, w = np.array([[[[0.0]]]]), np.zeros((1, 1))",
        prints=[r"^ *-?0 +-2 +0 *$"],
        fails=["gradients with respect to w, b and h"],
    ),
}
