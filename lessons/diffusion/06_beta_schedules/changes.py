"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "another offset": Change(
        old="cosine = Schedule.cosine(T)",
        new="cosine = Schedule.cosine(T, s=0.5)",
        shows={("cosine", "below 1 % of the signal, in %"): 8.3},
        figures=["f05_schedules"],
        fails=["product of 1 - β minus the curve, t < T", "cosine: steepest tenth over flattest"],
    ),
}
