"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "a shift by the number that is shifted": Change(
        old="[u, u**2]",
        new="[u, u * a[:, 1:]]",
        shows={"lengths of the borders, 4 before": [4.0, 4.0, 4.0]},
        fails=["(2, 3) goes to (2, 7) and comes back", "lengths of the borders, 4 before"],
    ),
    "even noise": Change(
        old="noise = np.array([0.4, 0.3, 0.2, 0.1])",
        new="noise = np.array([0.25, 0.25, 0.25, 0.25])",
        shows={"its score: 0.6·0.916 + 0.25·1.204 + ...": 1.386},
        fails=["its score: 0.6·0.916 + 0.25·1.204 + ..."],
    ),
}
