"""Private variants of exercises for graded assignments: minigen.course.exercise.private."""

from minigen.course.exercise.private import Private

PRIVATE = {
    "langevin_step": Private(
        values=(4, 0.25, 9),
        says="the variance of the noise is {k} times the step.",
        body="return ordinary(x, score, step, {k} ** 0.5 * z)",
        answer="""
        shape = np.shape(step) + (1,) * (np.ndim(x) - 1) * np.ndim(step)
        delta = np.reshape(step, shape).astype(x.dtype)
        return x + delta / 2 * score + np.sqrt({k} * delta) * z
        """,
        expect={"by_hand": {"x": [[8.24, 1.66]]}},
    ),
}
