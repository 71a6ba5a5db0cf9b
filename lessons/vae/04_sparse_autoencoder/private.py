"""Private variants of exercises for graded assignments: minigen.classroom.private.declaration."""

import autograd.numpy as np

from minigen.classroom.private.declaration import Private

PRIVATE = {
    "sparsity_penalty": Private(
        values=(2, 10, 3),
        says="the logarithms have base {k}, in place of $e$.",
        body="return ordinary(activations, rho) / np.log({k})",
        answer="""
        layers = activations if isinstance(activations, (list, tuple)) else [activations]
        averages = [np.mean(a, axis=0) for a in layers]
        if any(np.any(r < 0) or np.any(r > 1) for r in averages):
            raise ValueError("activations must lie in [0, 1]")
        return sum(np.sum(packages_kl_bernoulli(rho, r)) for r in averages) / np.log({k})
        """,
        expect={"one_unit": {"as the target": 0.0, "half": -0.25 + 0.75 * np.log2(1.5)}},
    ),
}
