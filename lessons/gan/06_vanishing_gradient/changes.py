"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "closer fakes": Change(
        old="theta = -0.15",
        new="theta = -0.015",
        shows={
            (100, "gradient of log(1 - D)"): 18.24,
            (1000, "gradient of log(1 - D)"): 0.0003059,
        },
    ),
    "a logit of -20": Change(
        old="far = np.array([-120.0], np.float32)",
        new="far = np.array([-20.0], np.float32)",
        shows={"gradient from the logit": {"equals": -1.0, "atol": 1e-6}},
        fails=["gradient through the probability is not a number"],
    ),
}
