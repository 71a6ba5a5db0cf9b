"""The edits that the lesson invites to, and what the edited lesson shows."""

from minigen.course.lesson.changes import Change

CHANGES = {
    "twice the contrast": Change(
        old="prior_term(digit, s)",
        new="prior_term(2 * digit, s)",
        shows={("100 steps, β to 0.02", "KL for the digit, nats"): 556.4},
    ),
}
