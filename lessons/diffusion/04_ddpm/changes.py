"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "the true noise": Change(
        old="guess = np.array([[0.25, 0.5]])",
        new="guess = np.array([[0.5, 0.0]])",
        shows={
            "loss of the prediction of section 1": {"equals": 0.0, "atol": 1e-12},
            "the implied data": [1.0, -1.0],
            "the mean of x_1": [[0.9882, -0.9487]],
        },
        fails=["the implied data", "loss of the prediction of section 1"],
    ),
    "half of the noise": Change(
        old="return mean_from_eps(x, t, eps, schedule)",
        new="return mean_from_eps(x, t, eps, schedule)"
        " + np.float32(schedule.beta[t] ** 0.5 / 2) * z",
        shows={
            (("with no noise, exact predictions", 200), "std"): None,
            (("with no noise, exact predictions", 20), "std"): None,
        },
    ),
}
