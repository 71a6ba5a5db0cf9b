"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "a wider density": Change(
        old="run_chain(lambda x: -x, np.ones((1000, 1)), 4.5",
        new="run_chain(lambda x: -x / 9, np.ones((1000, 1)), 4.5",
        shows={"δ = 4.5 diverges: standard deviation": {"between": (2.9, 3.6)}},
        fails=["δ = 4.5 diverges: standard deviation"],
    ),
}
