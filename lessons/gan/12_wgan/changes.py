"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "a critic twice as steep": Change(
        old="(cdist(points, y) - v)",
        new="2 * (cdist(points, y) - v)",
        fails=[
            "gap minus the cost of the plan",
            "no two scores differ by more than the distance",
        ],
    ),
    "another point on the segment": Change(
        old="np.array([0.75, 0.5])",
        new="np.array([0.25, 0.5])",
        shows={"penalty of the bowl, slopes 3 and 2": 0.5},
    ),
}
