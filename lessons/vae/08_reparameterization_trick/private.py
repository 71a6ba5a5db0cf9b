"""Private variants of exercises for graded assignments: minigen.classroom.private.declaration."""

import autograd.numpy as np

from minigen.classroom.private.declaration import Private

PRIVATE = {
    "kl_standard_normal": Private(
        values=(2, 0.5, 3),
        says="the second Gaussian is $N(0, s^2 I)$ with the standard deviation $s = {k}$, in "
        "place of $N(0, I)$.",
        body="return ordinary(mu / {k}, logvar - 2 * np.log({k}))",
        answer="""
        square = {k} ** 2
        terms = (mu**2 + np.exp(logvar)) / square - 1 - logvar + np.log(square)
        return 0.5 * np.sum(terms, axis=1)
        """,
        text={
            r"\| N(0, I))": r"\| N(0, {k}^2 I))",
            "KL(N(0, I) ||": "KL(N(0, {k}^2 I) ||",
            r"and $\mathrm{logvar} = 0$": r"and $\exp(\mathrm{logvar}) = {k}^2$",
            "at mu = 0, sigma = 1 the": "at mu = 0, sigma = {k} the",
        },
        expect={"one_example": {"kl": [(0.25 + np.log(4.0)) / 2]}},
    ),
    "score_function_gradient": Private(
        says="the estimate for `logvar` comes first, then the estimate for `mu`.",
        body="""
        in_mu, in_logvar = ordinary(f, mu, logvar, eps, baseline)
        return in_logvar, in_mu
        """,
        answer="""
        sigma = np.exp(0.5 * logvar)
        weight = (f(mu + sigma * eps) - baseline)[:, None]
        return weight * (eps**2 - 1) / 2, weight * eps / sigma
        """,
        expect={"another_variance": {"in mu": [[-1.0, 3.0]], "in logvar": [[0.0, -1.0]]}},
    ),
    "bernoulli_log_likelihood": Private(
        values=(0.5, 2, 4),
        says=r"pixel $i$ is 1 with probability $\mathrm{sigmoid}(\mathrm{logits}_i/{k})$.",
        body="return ordinary(x, logits / {k})",
        answer="""
        logits = logits / {k}
        return -np.sum(x * softplus(-logits) + (1 - x) * softplus(logits), axis=1)
        """,
        # probabilities 9/10
        expect={"loaded_coins": {"log_p": [np.log(0.9) + np.log(0.1), 2 * np.log(0.9)]}},
    ),
}
