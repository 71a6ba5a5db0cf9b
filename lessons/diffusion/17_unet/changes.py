"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "nothing to lose": Change(
        old="pixels = np.array([3.0, 1.0, 4.0, 2.0])",
        new="pixels = np.array([2.0, 2.0, 3.0, 3.0])",
        shows={"lost on the way": {"equals": [0, 0, 0, 0]}},
        fails=["down", "and up again", "lost on the way"],
    ),
    "one frequency": Change(
        old="sinusoidal(np.arange(201), 32)",
        new="sinusoidal(np.arange(201), 32, max_period=1.0)",
        prints=[r"-15\.840 at every t"],
        fails=["1 over the last frequency", "the sum, by the formula below"],
    ),
}
