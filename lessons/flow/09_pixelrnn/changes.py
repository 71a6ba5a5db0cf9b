"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "the weight to the left": Change(
        old="kernel[1, 1] = 20.0",
        new="kernel[1, 0] = 20.0",
        shows={"mask A: probabilities of all 16": {"equals": 1.0, "atol": 1e-9}},
        prints=[r"A\s+1\b.*\n.*B\s+1\b"],
    ),
    "only the state to the left": Change(
        old="state = column + state + above",
        new="state = column + state",
        shows={"the middle one: 1 + 2 + 2": 2, "the last one: 1 + 9 + 9": 3},
        fails=["the middle one: 1 + 2 + 2", "the last one: 1 + 9 + 9"],
    ),
}
