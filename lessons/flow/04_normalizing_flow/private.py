"""Private variants of exercises for graded assignments: minigen.course.exercise.private."""

import autograd.numpy as np

from minigen.course.exercise.private import Private

PRIVATE = {
    "planar_forward": Private(
        values=(2, 0.5, 3),
        says="the layer is x = z + u tanh({k} (w^T z + b)).",
        body="return ordinary(z, u, {k} * w, {k} * b)",
        answer="""
        h = np.tanh({k} * (np.sum(z * w, axis=1) + b))
        slope = {k} * (1 - h**2) * np.sum(u * w, axis=-1)
        return z + h[:, None] * u, np.log(np.abs(1 + slope))
        """,
        expect={
            "one_point": {
                "x": [[1 + 2 * np.tanh(1.0), 2 - 0.5 * np.tanh(1.0)]],
                "log_det": [np.log(1 + 3 * (1 - np.tanh(1.0) ** 2))],
            }
        },
    ),
}
