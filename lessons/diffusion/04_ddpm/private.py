"""Private variants of exercises for graded assignments: minigen.classroom.private.declaration."""

import autograd.numpy as np

from minigen.classroom.private.declaration import Private

PRIVATE = {
    "bound_weight": Private(
        values=(2, 10, 3),
        says="the KL divergence has logarithms to base {k}, in place of $e$.",
        body="return ordinary(t, schedule, variance) / np.log({k})",
        answer="""
        beta, alpha, alpha_bar = schedule.beta[t], schedule.alpha[t], schedule.alpha_bar[t]
        return beta**2 / (2 * np.log({k}) * variance * alpha * (1 - alpha_bar))
        """,
        expect={"second_weight": {"weight": 25 / (6 * np.log(2.0))}},
    ),
}
