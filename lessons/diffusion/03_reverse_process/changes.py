"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "half of the noise": Change(
        old="lambda x, t: 0 * x",
        new="lambda x, t: exact_eps(mixture, fewer)(x, t) / 2",
        shows={
            "noise 0: bound worse by": {"between": (1.0, 3.5)},
            ("noise 0, drawn", "nats"): None,
        },
    ),
}
