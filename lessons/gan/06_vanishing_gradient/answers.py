"""Mistakes in the exercises of gan/06, and other right answers."""

from minigen.tensor import grad, leaves

MISTAKES = {
    "generator_gradient_norm": """
    # This is the gradient with respect to the discriminator's parameters. The gradient with respect
    # to the generator's parameters is asked for.
    leaves(grads) -> leaves(grad(lambda d: loss(d(generator(z))))(discriminator))
    # This stops at the images: it is the gradient with respect to x = G(z). Continue to the
    # generator's parameters.
    leaves(grads) -> grad(lambda x: loss(discriminator(x)))(generator(z))
    # This is the gradient with respect to the latents z. The gradient with respect to the
    # generator's parameters is asked for.
    leaves(grads) -> grad(lambda z: loss(discriminator(generator(z))))(z)
    # The root comes last: add the squares of all arrays first, and take one root of the sum.
    float(np.sqrt(sum(squares))) -> sum((np.sqrt(np.sum(g ** 2)) for g in leaves(grads)))
    np.sqrt(sum(squares)) -> sum(squares)  # This is the squared length: the root is missing.
    # Add the squares, do not average them: a length is not divided by the number of parameters.
    grads = leaves(grad(lambda g: loss(discriminator(g(z))))(generator))
    return float(np.sqrt(sum(np.sum(g**2) for g in grads) / sum(g.size for g in grads)))
    # The Euclidean length takes squares; this adds the absolute values.
    return float(
        sum(np.sum(np.abs(g)) for g in leaves(grad(lambda g: loss(discriminator(g(z))))(generator)))
    )
    # The biases are parameters too: take every array that `leaves` gives.
    float(np.sqrt(sum(squares))) ->
        np.sqrt(sum((np.sum(g ** 2) for g in leaves(grads) if g.ndim == 2)))
    # Take the mean over the examples first, then the norm: the examples' gradients may cancel.
    lengths = []
    for one in z:
        grads = grad(lambda g: loss(discriminator(g(one[None]))))(generator)
        lengths.append(np.sqrt(sum(np.sum(g**2) for g in leaves(grads))))
    return float(np.mean(lengths))
    # The slope of the loss is left out: this is the gradient of the mean logit.
    leaves(grads) -> leaves(grad(lambda g: np.mean(discriminator(g(z))))(generator))
    g.astype(float) ** 2 -> g**2  # Take the squares in float64: in float32 those of 1e-26 are 0.
    # All slopes count, not only the largest.
    float(np.sqrt(sum(squares))) -> float(max((np.max(np.abs(g)) for g in leaves(grads))))
    # The gradient is that of all layers, not only of the last.
    leaves(grads) -> leaves(grads)[-2:]
    # All slopes are divided by the largest one, which may be 0: then the length is 0.
    grads = grad(lambda g: loss(discriminator(g(z))))(generator)
    slopes = np.concatenate([g.ravel().astype(float) for g in leaves(grads)])
    largest = np.max(np.abs(slopes))
    with np.errstate(invalid="ignore"):
        return float(largest * np.sqrt(np.sum((slopes / largest) ** 2)))
    # The root needs no small number: the length may be as small as 1e-30.
    sum(squares) -> sum(squares) + 1e-12
    """,
    "signal_and_noise": """
    k - 1 -> k  # The mean was taken from the same rows: divide by K - 1, not by K.
    # The signal is the length of the mean, not the mean of the lengths: gradients may cancel.
    mean**2 -> np.mean(np.linalg.norm(gradients, axis=1))**2
    k - 1 -> (k - 1) * len(mean)  # Add the variances of the P coordinates, do not average them.
    np.sqrt(variance) -> variance  # This is the variance; the root of it is asked for.
    # The mean is over the minibatches, axis 0: it is a vector of P numbers.
    gradients - mean -> gradients - np.mean(mean)
    gradients - mean -> gradients  # Distances are from the mean, not from 0.
    # Square the distances, average, then take the root: this averages the distances themselves.
    mean = gradients.mean(axis=0)
    distances = np.linalg.norm(gradients - mean, axis=1)
    return float(np.linalg.norm(mean)), float(np.sum(distances) / (len(gradients) - 1))
    # The length takes the root of the sum of squares; this is the squared length of the mean.
    np.sum(mean**2) -> np.sum(mean**2)**2
    # Take the squares in float64: in float32 that of 1e-26 is 0.
    .astype(float) -> .astype(float).astype("f4")
    # This is the noise of the mean of K gradients, smaller by the root of K; that of one is asked
    # for.
    np.sqrt(variance) -> np.sqrt(variance / k)
    # Add the variances of the P coordinates and take one root, not the roots one by one.
    np.sqrt(variance) -> np.sum(np.std(gradients, axis=0, ddof=1))
    # The signal comes first, then the noise.
    mean = gradients.mean(axis=0)
    noise = np.sqrt(np.sum((gradients - mean) ** 2) / (len(gradients) - 1))
    return float(noise), float(np.linalg.norm(mean))
    # Divide by K - 1, the number of rows less one, not of columns.
    k - 1 -> len(mean) - 1
    """,
}

VARIANTS = {
    "generator_gradient_norm": """
    # as one vector
    grads = grad(lambda g: loss(discriminator(g(z))))(generator)
    return float(np.linalg.norm(np.concatenate([g.ravel() for g in leaves(grads)]).astype(float)))
    # by dot products
    slope = grad(lambda g: loss(discriminator(g(z))))(generator)
    rows = [g.ravel().astype(float) for g in slope.parameters().values()]
    return sum(float(row @ row) for row in rows) ** 0.5
    """,
    "signal_and_noise": """
    # with numpys variance
    gradients = gradients.astype(float)
    return float(np.linalg.norm(np.mean(gradients, axis=0))), float(
        np.sqrt(np.var(gradients, axis=0, ddof=1).sum())
    )
    # half the mean squared distance of two different rows is the variance
    k = len(gradients)
    gradients = gradients.astype(float)
    gaps = gradients[:, None] - gradients[None]
    return float(np.linalg.norm(gradients.mean(axis=0))), float(
        (np.sum(gaps**2) / (2 * k * (k - 1))) ** 0.5
    )
    """,
}
