"""Private variants of exercises for graded assignments: minigen.classroom.private.declaration."""

from minigen.classroom.private.declaration import Private

PRIVATE = {
    "frechet_distance": Private(
        says="the distance is divided by the number of dimensions $D$, and the arguments are named "
        "`mean_a`, `cov_a`, `mean_b`, `cov_b`.",
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
        says="the score is divided by the number of classes $C$, so that it is at most 1.",
        body="return ordinary(probs) / probs.shape[1]",
        answer="""
        ratio = np.where(probs > 0, probs, 1.0) / np.where(probs > 0, np.mean(probs, axis=0), 1.0)
        return np.exp(np.mean(np.sum(probs * np.log(ratio), axis=1))) / probs.shape[1]
        """,
        expect={"certain_and_different": {"score": 1.0}, "undecided": {"score": 0.2}},
    ),
}
