"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "half the weights": Change(
        old="unit.w[:] = [[3], [4]]",
        new="unit.w[:] = [[1.5], [2]]",
        shows={"penalty at the origin: 9/16 + 1": 0.3906},
        fails=["penalty at the origin: 9/16 + 1"],
    ),
    "two equal units": Change(
        old="opposite = np.array([[1.0, -1.0], [0.0, 0.0]])",
        new="opposite = np.array([[1.0, 1.0], [0.0, 0.0]])",
        shows={
            "penalty of the two units at the origin: 2/16": 0.125,
            "penalty from the derivative of the sum": 0.25,
        },
        fails=["penalty from the derivative of the sum"],
    ),
}
