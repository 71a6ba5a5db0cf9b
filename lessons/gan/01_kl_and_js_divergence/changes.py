"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "a rare head": Change(
        old="q = np.array([1 / 4, 3 / 4])",
        new="q = np.array([1 / 1000, 999 / 1000])",
        shows={"KL(p || q), nats": 2.761, "KL(q || p), nats": 0.6852},
    ),
}
