"""Private variants of exercises for graded assignments: minigen.classroom.private.declaration."""

from minigen.classroom.private.declaration import Private

PRIVATE = {
    "generator_gradient_norm": Private(
        values=(5, 0.3, 20),
        says="the gradient is that of `{k} * loss(D(G(z)))`, a loss with the weight {k}.",
        body="return {k} * ordinary(generator, discriminator, z, loss)",
        answer="""
        grads = grad(lambda g: {k} * loss(discriminator(g(z))))(generator)
        return float(np.sqrt(sum(np.sum(g.astype(float) ** 2) for g in leaves(grads))))
        """,
        expect={"two_parameters": {"length": 6.5}},
    ),
    "signal_and_noise": Private(
        values=(5, 0.3, 20),
        says="`gradients` are those of a loss; return both numbers for {k} times this loss.",
        body="""
        signal, noise = ordinary(gradients)
        return {k} * signal, {k} * noise
        """,
        answer="""
        gradients = {k} * gradients.astype(float)
        mean = np.mean(gradients, axis=0)
        variance = np.sum((gradients - mean) ** 2) / (len(gradients) - 1)
        return float(np.linalg.norm(mean)), float(np.sqrt(variance))
        """,
        expect={"they_cancel": {"signal": 0.0, "noise": 10.0}},
    ),
}
