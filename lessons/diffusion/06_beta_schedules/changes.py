"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "another offset": Change(
        old="cosine = Schedule.cosine(T)",
        new="cosine = Schedule.cosine(T, s=0.5)",
        prints=["^cosine: 8% of the steps"],
        figures=["f05_schedules"],
    ),
}
