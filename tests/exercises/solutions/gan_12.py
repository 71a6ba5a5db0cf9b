def critic_loss(real_scores, fake_scores):
    return np.mean(fake_scores) - np.mean(real_scores)


def clip_weights(critic, c):
    for w in leaves(critic):
        w[...] = np.clip(w, -c, c)


def gradient_penalty(critic, real, fake, epsilon, target=1.0):
    epsilon = np.reshape(epsilon, (len(real),) + (1,) * (np.ndim(real) - 1))
    x_hat = epsilon * real + (1 - epsilon) * fake
    slopes = np.reshape(grad(lambda x: np.sum(critic(x)))(x_hat), (len(real), -1))
    return np.mean((np.sqrt(np.sum(slopes**2, axis=1)) - target) ** 2)


def penalized_critic_loss(critic, real, fake, epsilon, penalty=10.0):
    plain = critic_loss(critic(real), critic(fake))
    return plain + penalty * gradient_penalty(critic, real, fake, epsilon), plain
