"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "more noise": Change(
        old="widths = (0.3, 0.1, 0.03)",
        new="widths = (1.0, 0.1, 0.03)",
        shows={("σ = 1.0", "slope"): 0.1852},
    ),
}
