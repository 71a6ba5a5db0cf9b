"""Private variants of exercises for graded assignments: minigen.course.exercise.private."""

from minigen.course.exercise.private import Private

PRIVATE = {
    "sinusoidal": Private(
        values=(2, 3, 5),
        says="the times are multiplied by {k} first: the angles are {k} t omega_k.",
        body="return ordinary({k} * np.asarray(t, dtype=float), dim, max_period)",
        answer="""
        half = dim // 2
        omega = max_period ** (-np.arange(half) / half)
        angle = {k} * np.asarray(t, dtype=float)[:, None] * omega
        return np.concatenate([np.sin(angle), np.cos(angle)], axis=1).astype(np.float32)
        """,
        # angles of 240, 120 and 60 degrees, and of -360, -180 and -90
        expect={
            "six_features": {
                "features": [
                    [-(0.75**0.5), 0.75**0.5, 0.75**0.5, -0.5, -0.5, 0.5],
                    [0, 0, -1, 1, -1, 0],
                ]
            }
        },
    ),
}
