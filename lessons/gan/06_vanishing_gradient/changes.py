"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "closer fakes": Change(
        old="theta = -0.15",
        new="theta = -0.015",
        shows={
            (100, "gradient of log(1 - D)"): 18.24,
            (1000, "gradient of log(1 - D)"): 0.0003059,
        },
    ),
}
