"""Private variants of exercises for graded assignments: minigen.course.exercise.private."""

import autograd.numpy as np

from minigen.course.exercise.private import Private

PRIVATE = {
    "frechet_distance": Private(
        says="the distance is divided by the number of dimensions D, and the arguments are named "
        "mean_a, cov_a, mean_b, cov_b.",
        arguments="mean_a, cov_a, mean_b, cov_b",
        body="return ordinary(mean_a, cov_a, mean_b, cov_b) / len(mean_a)",
        answer="""
        eigenvalues = np.linalg.eigvals(cov_a @ cov_b).real
        overlap = np.sum(np.sqrt(np.maximum(eigenvalues, 0)))
        traces = np.trace(cov_a) + np.trace(cov_b) - 2 * overlap
        return (np.sum((mean_a - mean_b) ** 2) + traces) / len(mean_a)
        """,
        expect={"along_the_axes": {"distance": 2.5}},
        equivalent="cov_a @ cov_b → cov_b @ cov_a  # both products have the same eigenvalues",
    ),
    "inception_score": Private(
        says="return the logarithm of the score, in nats.",
        body="return np.log(ordinary(probs))",
        answer="""
        ratio = np.where(probs > 0, probs, 1.0) / np.where(probs > 0, np.mean(probs, axis=0), 1.0)
        return np.mean(np.sum(probs * np.log(ratio), axis=1))
        """,
        expect={"certain_and_different": {"score": np.log(4.0)}},
    ),
}
