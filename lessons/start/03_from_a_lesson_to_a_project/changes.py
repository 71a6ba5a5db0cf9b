"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "the schedule starts again": Change(
        old='next_step = first["steps"]["flow"] + 1',
        new="next_step = 0",
        shows={"largest change of a weight in ten more steps": {"at_least": 1e-6}},
        fails=["largest change of a weight in ten more steps"],
    ),
    "a weight that dominates": Change(
        old="np.array([3.0, 1.0])",
        new="np.array([999.0, 1.0])",
        shows={"weights 3 and 1": 1.002},
        fails=["weights 3 and 1"],
    ),
    "the worse proposal": Change(
        old='resampled(flows["control"][seed]',
        new='resampled(flows["reverse"][seed]',
        prints=["three seeds", "fraction off the data"],
    ),
}
