"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "a kernel of 5": Change(
        old='"kernel": 4',
        new='"kernel": 5',
        shows={
            ("two transposed convolutions", (64, 15), "width"): 15,
            ("two transposed convolutions", (64, 31), "width"): 31,
        },
    ),
    "beyond the end": Change(
        old="middle = np.array([0.5])",
        new="middle = np.array([1.5])",
        shows={
            "midway from (1, 0) to (0, 1): straight, on the circle": [
                [-0.5, 1.5],
                [-0.7071, 0.7071],
            ],
        },
    ),
}
