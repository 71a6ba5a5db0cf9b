"""Private variants of exercises for graded assignments: minigen.classroom.private.declaration."""

import autograd.numpy as np

from minigen.classroom.private.declaration import Private

PRIVATE = {
    "pushforward_log_prob": Private(
        values=(2, 10, 3),
        says="the result is a logarithm to base {k}; `base_log_prob` returns natural logarithms, "
        "as before.",
        body="return ordinary(x, base_log_prob, inverse) / np.log({k})",
        answer="""
        log_det = []
        for point in x:
            J = jacobian(lambda v: inverse(v[None])[0])(point)
            log_det.append(np.linalg.slogdet(J)[1])
        return (base_log_prob(inverse(x)) + np.array(log_det)) / np.log({k})
        """,
        expect={
            "a_matrix_of_two_rows": {
                "log_p": [(np.log(3.5) - 5.5625) / np.log(2.0), (np.log(3.5) - 8) / np.log(2.0)]
            }
        },
    ),
}
