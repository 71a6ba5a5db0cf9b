"""Private variants of exercises for graded assignments: minigen.classroom.private.declaration."""

import autograd.numpy as np

from minigen.classroom.private.declaration import Private

PRIVATE = {
    "kl_normal": Private(
        values=(2, 10, 3),
        says=r"the divergence has logarithms to base {k}, that is, it is divided by $\log {k}$.",
        body="return ordinary(mu_p, sigma_p, mu_q, sigma_q) / np.log({k})",
        answer="""
        distance = (sigma_p**2 + (mu_p - mu_q) ** 2) / (2 * sigma_q**2)
        return (np.log(sigma_q / sigma_p) + distance - 0.5) / np.log({k})
        """,
        expect={"three_apart": {"kl": 4.5 / np.log(2.0)}},
        without=["Logarithms are natural"],
    ),
}
