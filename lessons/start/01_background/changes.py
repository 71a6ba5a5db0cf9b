"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "equal shapes": Change(
        old="answers = np.array([[1.0], [2.0], [3.0], [4.0]])",
        new="answers = np.array([1.0, 2.0, 3.0, 4.0])",
        shows={("(4,)", "mean square"): 0},
        fails=["four answers minus four targets"],
    ),
    "the last path wins": Change(
        old="self.slope += slope",
        new="self.slope = slope",
        shows={"slopes of u v + u at u = 3, v = 4": [1, 3]},
        fails=["slopes of u v + u at u = 3, v = 4"],
    ),
    "one hidden unit": Change(
        old='model = Classifier(lesson.rng("weights"), 16)',
        new='model = Classifier(lesson.rng("weights"), 1)',
        shows={
            "number of parameters": 5,
            ("one half for all", "mean loss on new points, nats"): {"equals": 0.6931, "atol": 1e-4},
            ("the best logit", "mean loss on new points, nats"): None,
        },
        fails=["number of parameters"],
    ),
}
