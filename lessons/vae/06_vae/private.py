"""Private variants of exercises for graded assignments: minigen.classroom.private.declaration."""

import autograd.numpy as np

from minigen.classroom.private.declaration import Private

PRIVATE = {
    "monte_carlo_log_likelihood": Private(
        values=(2, 10, 3),
        says="the estimate is a logarithm to base {k}; the log-densities are natural, as before.",
        body="return ordinary(log_px_z) / np.log({k})",
        answer="return (logsumexp(log_px_z, axis=0) - np.log(len(log_px_z))) / np.log({k})",
        expect={"two_codes": {"log_p": [np.log2(0.2505), -2.0]}},
        without=["This is in bits"],
    ),
    "importance_sampling_log_likelihood": Private(
        values=(2, 10, 3),
        says="the estimate is a logarithm to base {k}; the log-densities are natural, as before.",
        body="return ordinary(log_px_z, log_pz, log_qz) / np.log({k})",
        answer="""
        log_w = log_px_z + log_pz - log_qz
        top = np.max(log_w, axis=0)
        return (top + np.log(np.mean(np.exp(log_w - top), axis=0))) / np.log({k})
        """,
        expect={"two_codes_of_a_proposal": {"log_p": [np.log2(0.5625)]}},
    ),
}
