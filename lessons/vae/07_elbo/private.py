"""Private variants of exercises for graded assignments: minigen.classroom.private.declaration."""

import autograd.numpy as np

from minigen.classroom.private.declaration import Private

PRIVATE = {
    "kl_gaussians": Private(
        values=(2, 10, 3),
        says="the divergence has logarithms to base {k}; `logvar`, `logvar_p` are natural as "
        "before.",
        body="return ordinary(mu, logvar, mu_p, logvar_p) / np.log({k})",
        answer="""
        distance = (mu - mu_p) ** 2
        terms = (np.exp(logvar) + distance) * np.exp(-logvar_p) - 1 + logvar_p - logvar
        return 0.5 * np.sum(terms, axis=1) / np.log({k})
        """,
        expect={"by_hand": {"kl": [1 - 0.25 / np.log(2.0), 2 / np.log(2.0) - 1]}},
    ),
    "expected_log_likelihood": Private(
        values=(2, 10, 3),
        says="the logarithm of the density has base {k}; `logvar` is natural, as before.",
        body="return ordinary(x, mu, logvar, w, b, std) / np.log({k})",
        answer="""
        residual = np.sum((x - (mu @ w + b)) ** 2, axis=1)
        variance = np.sum(np.exp(logvar) * np.sum(w**2, axis=1), axis=1)
        constant = x.shape[1] * np.log(2 * np.pi * std**2)
        return -0.5 * (constant + (residual + variance) / std**2) / np.log({k})
        """,
        # the residual and the variance are 9 and 8 over 4, and the density has variance 4
        expect={"one_code_by_hand": {"value": [-0.5 * (np.log(8 * np.pi) + 17 / 4) / np.log(2.0)]}},
    ),
}
