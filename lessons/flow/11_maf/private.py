"""Private variants of exercises for graded assignments: minigen.classroom.private.declaration."""

import autograd.numpy as np

from minigen.classroom.private.declaration import Private

PRIVATE = {
    "mixture_log_prob": Private(
        values=(2, 10, 3),
        says="the result is a logarithm to base {k}; `logits` and `log_scale` are natural, as "
        "before.",
        body="return ordinary(x, logits, mu, log_scale) / np.log({k})",
        answer="""
        z = (x[:, None] - mu) * np.exp(-log_scale)
        joint = logits - 0.5 * z**2 - log_scale
        log_p = logsumexp(joint, axis=1) - logsumexp(logits, axis=1) - 0.5 * np.log(2 * np.pi)
        return np.sum(log_p, axis=1) / np.log({k})
        """,
        expect={"two_components": {"log_prob": [-3.163027529547716 / np.log(2.0)]}},
    ),
}
