"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "noise of one half": Change(
        old="np.array([[-1.0], [1.0], [-1.0], [1.0]])",
        new="np.array([[-0.5], [0.5], [-0.5], [0.5]])",
        shows={"their loss": 0.0},
        fails=["best outputs for -2, 0, 2", "their loss", "the loss of copying the input"],
    ),
    "nine pixels in ten": Change(
        old='levels={"masking": 0.5',
        new='levels={"masking": 0.9',
        shows={("masking", "squared error, per image"): {"at_least": 60}},
        figures=["corruptions"],
    ),
    "noise as wide as the data": Change(
        old="sigma = 1.0",
        new="sigma = 2.0",
        shows={"residual at -3, 0.5, 2": [1.5, -0.25, -1.0]},
        fails=["residual at -3, 0.5, 2"],
    ),
}
