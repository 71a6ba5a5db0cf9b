def generator_gradient_norm(generator, discriminator, z, loss):
    grads = grad(lambda g: loss(discriminator(g(z))))(generator)
    return float(np.sqrt(sum(np.sum(g**2) for g in leaves(grads))))


def signal_and_noise(gradients):
    mean = np.mean(gradients, axis=0)
    variance = np.sum((gradients - mean) ** 2) / (len(gradients) - 1)
    return float(np.linalg.norm(mean)), float(np.sqrt(variance))
