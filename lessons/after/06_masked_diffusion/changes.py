"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "columns": Change(
        old="diagonals = [[0, 4, 8], [1, 5, 6], [2, 3, 7]]",
        new="diagonals = [[0, 3, 6], [1, 4, 7], [2, 5, 8]]",
        shows={("three steps, a diagonal each", "KL(world || sampler), nats"): 1.092},
    ),
    "more flips": Change(
        old="0.05**flips * 0.95 ** (9 - flips)",
        new="0.2**flips * 0.8 ** (9 - flips)",
        shows={("one step", "KL(world || sampler), nats"): 0.3117},
    ),
}
