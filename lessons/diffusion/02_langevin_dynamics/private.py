"""Private variants of exercises for graded assignments: minigen.classroom.private.declaration."""

from minigen.classroom.private.declaration import Private

PRIVATE = {
    "langevin_step": Private(
        values=(3, 0.2, 4),
        says="the chain samples a density proportional to $p^{{k}}$; `score` is the slope of "
        r"$\log p$.",
        body="return ordinary(x, {k} * score, step, z)",
        answer="""
        shape = np.shape(step) + (1,) * (np.ndim(x) - 1) * np.ndim(step)
        delta = np.reshape(step, shape).astype(x.dtype)
        return x + {k} * delta / 2 * score + np.sqrt(delta) * z
        """,
        expect={"by_hand": {"x": [[5.72, 4.48]]}},
    ),
}
