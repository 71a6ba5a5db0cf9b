"""Private variants of exercises for graded assignments: minigen.classroom.private.declaration."""

import autograd.numpy as np

from minigen.classroom.private.declaration import Private

PRIVATE = {
    "planar_forward": Private(
        values=(2, 10, 3),
        says=r"$\log |\det \mathrm{d}x/\mathrm{d}z|$ has the base {k}, in place of $e$.",
        body="""
        x, log_det = ordinary(z, u, w, b)
        return x, log_det / np.log({k})
        """,
        answer="""
        h = np.tanh(np.sum(z * w, axis=1) + b)
        determinant = 1 + (1 - h**2) * np.sum(u * w, axis=-1)
        return z + h[:, None] * u, np.log(np.abs(determinant)) / np.log({k})
        """,
        expect={
            "one_point": {
                "x": [[1 + 2 * np.tanh(0.5), 2 - 0.5 * np.tanh(0.5)]],
                "log_det": [np.log2(1 + 1.5 * (1 - np.tanh(0.5) ** 2))],
            }
        },
    ),
}
