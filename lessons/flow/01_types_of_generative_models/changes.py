"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "a narrow generator": Change(
        old="log_p_generated = norm.logpdf(x, 1.0, 2.0)",
        new="log_p_generated = norm.logpdf(x, 1.0, 1.0)",
        shows={"logits of the best D at 3 and at 9": [0.81, 23.31]},
        fails=["logits of the best D at 3 and at 9"],
    ),
}
