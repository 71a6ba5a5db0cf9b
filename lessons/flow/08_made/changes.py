"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "another table": Change(
        old="p = np.array([[0.4, 0.1], [0.2, 0.3]])",
        new="p = np.array([[0.1, 0.1], [0.2, 0.6]])",
        shows={"p(x2 = 1): 0.1 + 0.3": 0.7, "p(x1 = 1 | x2 = 1): 0.3 / 0.4": 0.857143},
        prints=[r"0\.7 · 0\.857143 = 0\.6"],
        fails=["p(x2 = 1): 0.1 + 0.3", "p(x1 = 1 | x2 = 1): 0.3 / 0.4"],
    ),
    "in reading order": Change(
        old="order = np.array([2, 4, 0, 3, 1])",
        new="order = np.array([0, 1, 2, 3, 4])",
        shows={"derivative is zero exactly where it must be": None},
        figures=["pattern"],
    ),
}
