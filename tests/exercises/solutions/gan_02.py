def discriminator_loss(real_logits, fake_logits, smooth=0.0):
    real = (1 - smooth) * softplus(-real_logits) + smooth * softplus(real_logits)
    return np.mean(real) + np.mean(softplus(fake_logits))


def generator_loss_minimax(fake_logits):
    return -np.mean(softplus(fake_logits))


def generator_loss_nonsaturating(fake_logits):
    return np.mean(softplus(-fake_logits))
