"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "the same cost": Change(
        old="(1.0, 4.0, 16.0)}",
        new="(1.0, 20 / 9, 4.0, 16.0)}",
        shows={("beta = 2.22222", "rate 14"): 51.11, ("beta = 2.22222", "rate 5"): 51.11},
    ),
    "a small angle": Change(
        old="np.array([[1, 1], [1, -1]]) / 2**0.5",
        new="np.array([[0.985, 0.174], [0.174, -0.985]])",
        shows={
            ("rotated by 45°", "Higgins' score"): {"at_least": 0.99},
            ("rotated by 45°", "information gap"): {"between": (0.3, 0.4)},
        },
    ),
}
