"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "little noise": Change(
        old="sigma = 0.5",
        new="sigma = 0.1",
        prints=[r"Ink, in 100% of the cases"],
        fails=["P(ink) where the noisy pixel is 0.6"],
    ),
}
