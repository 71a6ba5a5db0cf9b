"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "two similar likelihoods": Change(
        old="two = np.log([[0.5], [0.001]])",
        new="two = np.log([[0.5], [0.4]])",
        shows={"log of the mean": -0.7985, "mean of the logs": -0.8047},
        fails=["log of the mean", "mean of the logs"],
    ),
    "the wrong way round": Change(
        old="q = np.array([0.9, 0.1])",
        new="q = np.array([0.1, 0.9])",
        shows={"expectation of the weights over q": 0.2505},
    ),
}
