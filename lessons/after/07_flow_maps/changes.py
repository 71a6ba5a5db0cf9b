"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "a teacher": Change(
        old="z - x0, 0.8, 0.1",
        new="u_exact(x_t, 0.8, 0.8), 0.8, 0.1",
        shows={("target, by regression", "spread around the line"): 0.0},
    ),
}
