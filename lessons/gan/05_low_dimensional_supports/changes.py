"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "a helix of many turns": Change(
        old="turned = 9 * t",
        new="turned = 9000 * t",
        shows={("a helix (1)", "TwoNN"): {"between": (1.7, 2.3)}},
    ),
}
