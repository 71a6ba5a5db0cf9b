"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "the sixth power": Change(
        old="return np.mean((mu + eps) ** 2)",
        new="return np.mean((mu + eps) ** 6)",
        shows={"the average of z² at mu = 2": 493.0, "its derivative, z = mu + eps": 852.0},
        fails=["the average of z² at mu = 2", "its derivative, z = mu + eps"],
    ),
    "unit variance": Change(
        old="np.log(4.0)",
        new="np.log(1.0)",
        shows={
            ("mu + logvar * eps", "standard deviation of z"): 0.0,
            ("mu + exp(logvar) * eps", "standard deviation of z"): 1.0,
            ("mu + eps", "standard deviation of z"): 1.0,
        },
        fails=["standard deviation of mu + sigma * eps"],
    ),
    "a constant of 100": Change(
        old="return np.sum(z**2, axis=1)",
        new="return np.sum(z**2, axis=1) + 100",
        shows={
            "mean of the estimates, each way": [4.0, 4.0],
            "variance, score function / reparameterized: 87/4 on paper": {"between": (2000, 4000)},
        },
        fails=["variance, score function / reparameterized: 87/4 on paper"],
    ),
    "a free code": Change(
        old="mu=np.ones((1, 1))",
        new="mu=np.zeros((1, 1))",
        shows={"bound, reconstruction, KL by hand": [-1.3863, -1.3863, 0.0]},
        fails=["bound, reconstruction, KL by hand"],
    ),
}
