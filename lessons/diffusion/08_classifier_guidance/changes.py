"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "a negative weight": Change(
        old="classifier_guided(exact, log_A, schedule, w=1.0)",
        new="classifier_guided(exact, log_A, schedule, w=-1.0)",
        shows={
            ("guided, w = 1", "called A"): {"between": (0.1, 0.45)},
            ("guided, w = 1", "distance to class A / floor"): None,
        },
        fails=["guided noise and noise of class A: difference"],
    ),
}
