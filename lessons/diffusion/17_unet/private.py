"""Private variants of exercises for graded assignments: minigen.classroom.private.declaration."""

import autograd.numpy as np

from minigen.classroom.private.declaration import Private

ANGLES = np.pi * np.array([[2 / 3, 1 / 9, 1 / 54], [-1.0, -1 / 6, -1 / 36]])

PRIVATE = {
    "sinusoidal": Private(
        values=(27, 10, 3),
        says="the frequencies are those of {k} times `max_period`, in place of `max_period`.",
        body="return ordinary(t, dim, {k} * max_period)",
        answer="""
        half = dim // 2
        omega = ({k} * max_period) ** (-np.arange(half) / half)
        angle = np.asarray(t, dtype=float)[:, None] * omega
        return np.concatenate([np.sin(angle), np.cos(angle)], axis=1).astype(np.float32)
        """,
        # with 27 * 8 the frequencies are 1, 1/6, 1/36
        expect={
            "six_features": {"features": np.concatenate([np.sin(ANGLES), np.cos(ANGLES)], axis=1)}
        },
    ),
}
