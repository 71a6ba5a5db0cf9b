"""Private variants of exercises for graded assignments: minigen.course.exercise.private."""

from minigen.course.exercise.private import Private

PRIVATE = {
    "generator_gradient_norm": Private(
        says="return the square of the norm, in place of the norm.",
        body="return ordinary(generator, discriminator, z, loss) ** 2",
        answer="""
        grads = grad(lambda g: loss(discriminator(g(z))))(generator)
        return float(sum(np.sum(g.astype(float) ** 2) for g in leaves(grads)))
        """,
        expect={"two_parameters": {"length": 1.69}},
    ),
    "signal_and_noise": Private(
        says="the tuple has the root of the total variance first, then the norm of the mean.",
        body="""
        signal, noise = ordinary(gradients)
        return noise, signal
        """,
        answer="""
        gradients = gradients.astype(float)
        mean = np.mean(gradients, axis=0)
        variance = np.sum((gradients - mean) ** 2) / (len(gradients) - 1)
        return float(np.sqrt(variance)), float(np.linalg.norm(mean))
        """,
        expect={"they_cancel": {"signal": 2.0, "noise": 0.0}},
    ),
}
