"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "a pixel in the middle": Change(
        old="{ink(0.6, sigma):.0%}",
        new="{ink(0.0, sigma):.0%}",
        prints=[r"In 50% of the cases the sample is ink"],
    ),
}
