"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "no boundary": Change(
        old="f = ConsistencyModel(wild, low_end, width)",
        new="f = ConsistencyModel(wild, 0.0, width)",
        shows={"random weights: f(x, σ_min) - x": {"at_least": 1e-3}},
        fails=["random weights: f(x, σ_min) - x"],
    ),
}
