"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "noise as a plain number": Change(
        old="z = stop_gradient(mu + eps)",
        new="z = mu + stop_gradient(eps)",
        shows={"its derivative, z passed as plain numbers": 4.0},
        fails=["its derivative, z passed as plain numbers"],
    ),
    "a constant of 100": Change(
        old="return np.sum(z**2, axis=1)",
        new="return np.sum(z**2, axis=1) + 100",
        shows={
            "both estimates for eps = -1 and 1": [2.0, 6.0, -101.0, 109.0],
            "variance, score function / reparameterized: 87/4 on paper": {"between": (2000, 4000)},
        },
        fails=[
            "both estimates for eps = -1 and 1",
            "variance, score function / reparameterized: 87/4 on paper",
        ],
    ),
    "a free code": Change(
        old="mu=np.ones((1, 1))",
        new="mu=np.zeros((1, 1))",
        shows={"bound, reconstruction, KL by hand": [-1.3863, -1.3863, 0.0]},
        fails=["bound, reconstruction, KL by hand"],
    ),
}
