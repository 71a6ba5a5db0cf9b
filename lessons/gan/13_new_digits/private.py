"""Private variants of exercises for graded assignments: minigen.classroom.private.declaration."""

import autograd.numpy as np

from minigen.classroom.private.declaration import Private

PRIVATE = {
    "block_shape": Private(
        says="the input's shape is $(N, H, W, C)$ as before, and the output's shape is returned "
        r"with the channels second, $(N, \mathrm{channels}, H', W')$.",
        body="""
        n, height, width, kept = ordinary(shape, channels, kernel, stride, padding, transposed)
        return n, kept, height, width
        """,
        answer="""
        def side(size):
            if transposed:
                return (size - 1) * stride + kernel - 2 * padding
            return (size + 2 * padding - kernel) // stride + 1
        return shape[0], channels, side(shape[1]), side(shape[2])
        """,
        expect={"half_the_side": {"shape": [8, 32, 14, 14]}},
    ),
    "interpolate_spherical": Private(
        values=(10, 2, 4),
        says="the path is at `b` for $t = {k}$, in place of $t = 1$.",
        body="return ordinary(a, b, t / {k})",
        answer="""
        t = t[:, None] / {k}
        omega = np.arccos(np.clip(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)), -1, 1))
        if np.sin(omega) < 1e-5:
            return (1 - t) * a + t * b
        return (np.sin((1 - t) * omega) * a + np.sin(t * omega) * b) / np.sin(omega)
        """,
        # a twentieth and a tenth of a quarter turn
        expect={
            "a_quarter_turn": {
                "path": [[1.0, 0.0], *([np.cos(a), np.sin(a)] for a in (np.pi / 40, np.pi / 20))]
            }
        },
    ),
}
