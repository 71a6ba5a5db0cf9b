"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "a step to the data": Change(
        old="full = ddim_variance(0.64, 0.36, eta=1.0)",
        new="full = ddim_variance(1.0, 0.36, eta=1.0)",
        shows={"pair's beta 0.4375, times 0.36/0.64": {"equals": 0.0}},
        fails=["pair's beta 0.4375, times 0.36/0.64"],
    ),
}
