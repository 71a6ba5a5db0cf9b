"""Private variants of exercises for graded assignments: minigen.classroom.private.declaration."""

import autograd.numpy as np

from minigen.classroom.private.declaration import Private

PRIVATE = {
    "line_divergences": Private(
        says=r"the tuple is $(W, \mathrm{KL}, \mathrm{JS})$, in this order.",
        body="""
        kl, js, w = ordinary(theta)
        return w, kl, js
        """,
        answer="""
        apart = theta != 0
        kl, js = np.where(apart, np.inf, 0.0), np.where(apart, np.log(2.0), 0.0)
        return np.abs(theta), kl, js
        """,
        expect={
            "apart": {"kl": [0.5, 0.01], "js": [np.inf, np.inf], "w": [np.log(2.0), np.log(2.0)]}
        },
    ),
}
