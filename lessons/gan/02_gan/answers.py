"""Mistakes in the exercises of gan/02, and other right answers."""

import autograd.numpy as np


def log_sigmoid(x):
    """log σ(x), exact for large |x|."""
    return -np.logaddexp(0.0, -x)


def sigma(x):
    return 1 / (1 + np.exp(-x))


def patched(x):
    """softplus with correct values, whose gradient is NaN for large x."""
    return np.where(x > 30, x, np.log(1 + np.exp(x)))


def discriminator(real, fake, smooth, log):
    """The loss, from a function for log sigmoid of a logit."""
    real = (1 - smooth) * log(real) + smooth * log(-real)
    return -np.mean(real) - np.mean(log(-fake))


MISTAKES = {
    "discriminator_loss": """
    # The labels are swapped: the target is 1 on the real examples and 0 on the fake ones.
    real = (1 - smooth) * log_sigmoid(-real_logits) + smooth * log_sigmoid(real_logits)
    return -np.mean(real) - np.mean(log_sigmoid(fake_logits))
    np.mean -> np.sum (everywhere)  # Take the mean over each group, not the sum.
    # Each group has its own mean: the result must not depend on the ratio of N to M.
    real = (1 - smooth) * log_sigmoid(real_logits) + smooth * log_sigmoid(-real_logits)
    return -2 * np.mean(np.concatenate([real, log_sigmoid(-fake_logits)]))
    # Add the two means, do not average them: with D = 1/2 everywhere the loss is 2 log 2.
    real + fake -> (real + fake) / 2
    # This is what the discriminator maximizes. The loss that it minimizes is the negative.
    real + fake -> -(real + fake)
    # sigmoid(1000) rounds to 1, and log(1 - 1) is minus infinity: use softplus on the logits.
    real + fake -> np.log(np.exp(real + fake))
    # Smoothing is one-sided: the target of the fake examples stays 0.
    real = (1 - smooth) * log_sigmoid(real_logits) + smooth * log_sigmoid(-real_logits)
    fake = (1 - smooth) * log_sigmoid(-fake_logits) + smooth * log_sigmoid(fake_logits)
    return -np.mean(real) - np.mean(fake)
    # A term of the smoothed cross-entropy is missing: with the target 1 - smooth, the term of the
    # target 0 has the weight smooth.
    np.mean(real_logits) -> (-np.mean(real))
    # These are the logits. The loss has their log sigmoid.
    return np.mean(fake_logits) - np.mean(real_logits)
    real + fake -> (real + fake) / np.log(2)  # Logarithms are natural: nats, not bits.
    # smooth is not used: with it the target of the real examples is 1 - smooth.
    if smooth -> if False
    # Smoothing changes the target of the real examples, not that of the fakes.
    fake = (1 - smooth) * log_sigmoid(-fake_logits) + smooth * log_sigmoid(fake_logits)
    return -np.mean(log_sigmoid(real_logits)) - np.mean(fake)
    # The smoothed target is inverted: for a real example it is 1 - smooth, not smooth.
    return discriminator(real_logits, fake_logits, 1 - smooth, log_sigmoid)
    # The loss is correct, but its gradient is not: np.where computes both sides, and the overflow
    # of exp on the unused side makes it NaN. Use softplus, or np.logaddexp(0, l).
    return discriminator(real_logits, fake_logits, smooth, lambda l: -patched(-l))
    # A small number inside the logarithm bounds the loss where D is near 0 or 1: use softplus on
    # the logits.
    return discriminator(real_logits, fake_logits, smooth, lambda l: np.log(sigma(l) + 1e-8))
    # A small number inside the logarithm bounds the loss where D is near 0 or 1: use softplus on
    # the logits.
    return discriminator(real_logits, fake_logits, smooth, lambda l: np.log(sigma(l) + 1e-12))
    # A small number inside the logarithm bounds the loss where D is near 0 or 1: use softplus on
    # the logits.
    return discriminator(real_logits, fake_logits, smooth, lambda l: np.log(sigma(l) + 1e-10))
    # Clipping bounds the loss, and makes its gradient 0, where D is near 0 or 1: softplus accepts
    # any logit.
    return discriminator(
        real_logits, fake_logits, smooth, lambda l: np.log(np.clip(sigma(l), 1e-7, 1 - 1e-7))
    )
    # Clipping bounds the loss, and makes its gradient 0, where D is near 0 or 1: softplus accepts
    # any logit.
    return discriminator(
        real_logits, fake_logits, smooth, lambda l: log_sigmoid(np.clip(l, -30, 30))
    )
    # Clipping bounds the loss, and makes its gradient 0, where D is near 0 or 1: softplus accepts
    # any logit.
    return discriminator(
        real_logits, fake_logits, smooth, lambda l: log_sigmoid(np.clip(l, -100, 100))
    )
    # This takes the logarithm of a sigmoid, which rounds to 0 at a logit of -1000: use softplus on
    # the logits.
    with np.errstate(all="ignore"):
        return discriminator(real_logits, fake_logits, smooth, lambda l: np.log(sigma(l)))
    # The logits are taken for probabilities: D is the sigmoid of a logit.
    with np.errstate(all="ignore"):
        return -np.mean(np.log(real_logits)) - np.mean(np.log(1 - fake_logits))
    # This takes the logarithm of a sigmoid and does not use smooth: use softplus on the logits, and
    # 1 - smooth as the target of the real examples.
    with np.errstate(all="ignore"):
        return discriminator(real_logits, fake_logits, 0.0, lambda l: np.log(sigma(l)))
    # The squares of the errors are added: the loss is a cross-entropy, with logarithms.
    real, fake = sigma(np.clip(real_logits, -50, 50)), sigma(np.clip(fake_logits, -50, 50))
    return np.mean((real - 1 + smooth) ** 2) + np.mean(fake**2)
    # This is the hinge loss, which stops at a margin of 1: the cross-entropy has no margin.
    return np.mean(np.maximum(0, 1 - real_logits)) + np.mean(np.maximum(0, 1 + fake_logits))
    # A probability is passed where a logit is meant: softplus takes the logits themselves.
    return discriminator(sigma(real_logits), sigma(fake_logits), smooth, log_sigmoid)
    # Both groups are multiplied by 1 - smooth: smoothing mixes two targets for the real examples
    # only.
    real = (1 - smooth) * log_sigmoid(real_logits) + smooth * log_sigmoid(-real_logits)
    return -np.mean(real) - (1 - smooth) * np.mean(log_sigmoid(-fake_logits))
    """,
    "generator_loss_minimax": """
    # The generator minimizes log(1 - D), which is negative: change the sign.
    softplus(fake_logits) -> -softplus(fake_logits)
    # This is -log D, the non-saturating loss; the minimax game has log(1 - D).
    return np.mean(np.logaddexp(0.0, -fake_logits))
    # This is log D, the term of real examples. Fakes enter as log(1 - D).
    softplus(fake_logits) -> softplus(-fake_logits)
    np.mean -> np.sum  # Take the mean over the fakes, not the sum.
    # sigmoid(1000) rounds to 1, and log(1 - 1) is minus infinity: use softplus on the logits.
    return np.mean(np.log(1 - 1 / (1 + np.exp(-fake_logits))))
    # The logarithm is missing: this is the mean of 1 - D.
    return np.mean(1 / (1 + np.exp(fake_logits)))
    # Logarithms are natural: nats, not bits.
    np.mean(softplus(fake_logits)) -> np.mean(softplus(fake_logits)) / np.log(2)
    # The logarithm comes before the mean: the mean of log(1 - D), not the log of the mean.
    return np.log(np.mean(sigma(-fake_logits)))
    # The loss is correct, but its gradient is not: np.where computes both sides, and the overflow
    # of exp on the unused side makes it NaN. Use softplus, or np.logaddexp(0, l).
    return -np.mean(patched(fake_logits))
    # A small number inside the logarithm bounds the loss where D is near 0 or 1: use softplus on
    # the logits.
    return np.mean(np.log(sigma(-fake_logits) + 1e-8))
    # A small number inside the logarithm bounds the loss where D is near 0 or 1: use softplus on
    # the logits.
    return np.mean(np.log(sigma(-fake_logits) + 1e-12))
    # Clipping bounds the loss, and makes its gradient 0, where D is near 0 or 1: softplus accepts
    # any logit.
    return np.mean(np.log(np.clip(sigma(-fake_logits), 1e-7, 1 - 1e-7)))
    # Clipping bounds the loss, and makes its gradient 0, where D is near 0 or 1: softplus accepts
    # any logit.
    return -np.mean(np.logaddexp(0.0, np.clip(fake_logits, -100, 100)))
    # The logits are taken for probabilities: D is the sigmoid of a logit.
    with np.errstate(all="ignore"):
        return np.mean(np.log(1 - fake_logits))
    # A probability is passed where a logit is meant: softplus takes the logits themselves.
    return -np.mean(softplus(sigma(fake_logits)))
    """,
    "generator_loss_nonsaturating": """
    # The generator maximizes log D. The loss that it minimizes is the negative.
    softplus(-fake_logits) -> -softplus(-fake_logits)
    # This is log(1 - D), the minimax loss; its gradient vanishes where D is near 0. Here the
    # loss is -log D.
    return -np.mean(np.logaddexp(0.0, fake_logits))
    # This is -log(1 - D), the discriminator's loss on fakes. The generator uses the label of the
    # real examples.
    -fake_logits -> fake_logits
    np.mean -> np.sum  # Take the mean over the fakes, not the sum.
    # sigmoid(-1000) rounds to 0, and its logarithm is minus infinity: use softplus on the logits.
    return -np.mean(np.log(1 / (1 + np.exp(-fake_logits))))
    # The logarithm comes before the mean: the mean of log D, not the log of the mean.
    return -np.log(np.mean(np.exp(log_sigmoid(fake_logits))))
    # Logarithms are natural: nats, not bits.
    np.mean(softplus(-fake_logits)) -> np.mean(softplus(-fake_logits)) / np.log(2)
    # The loss is correct, but its gradient is not: np.where computes both sides, and the overflow
    # of exp on the unused side makes it NaN. Use softplus, or np.logaddexp(0, l).
    return np.mean(patched(-fake_logits))
    # A small number inside the logarithm bounds the loss where D is near 0 or 1: use softplus on
    # the logits.
    return -np.mean(np.log(sigma(fake_logits) + 1e-8))
    # A small number inside the logarithm bounds the loss where D is near 0 or 1: use softplus on
    # the logits.
    return -np.mean(np.log(sigma(fake_logits) + 1e-12))
    # Clipping bounds the loss, and makes its gradient 0, where D is near 0 or 1: softplus accepts
    # any logit.
    return -np.mean(np.log(np.clip(sigma(fake_logits), 1e-7, 1 - 1e-7)))
    # Clipping bounds the loss, and makes its gradient 0, where D is near 0 or 1: softplus accepts
    # any logit.
    return np.mean(np.logaddexp(0.0, -np.clip(fake_logits, -100, 100)))
    # The logits are taken for probabilities: D is the sigmoid of a logit.
    with np.errstate(all="ignore"):
        return -np.mean(np.log(fake_logits))
    # A probability is passed where a logit is meant: softplus takes the logits themselves.
    return np.mean(softplus(-sigma(fake_logits)))
    """,
}

VARIANTS = {
    "discriminator_loss": """
    # one formula for any target y: max(l, 0) - l y + log(1 + exp(-|l|))
    def cross_entropy(l, y):
        return np.maximum(l, 0) - l * y + np.log1p(np.exp(-np.abs(l)))
    return cross_entropy(real_logits, 1 - smooth).mean() + cross_entropy(fake_logits, 0.0).mean()
    # with sums
    real = np.sum(np.logaddexp(0.0, -real_logits) + smooth * real_logits) / len(real_logits)
    return real + np.sum(np.logaddexp(0.0, fake_logits)) / len(fake_logits)
    """,
    "generator_loss_minimax": """
    return np.mean(log_sigmoid(-fake_logits))  # log of the other sigmoid
    return np.mean(log_sigmoid(fake_logits) - fake_logits)  # log(1 - D) = log D - l
    """,
    "generator_loss_nonsaturating": """
    return -np.mean(log_sigmoid(fake_logits))  # minus log sigmoid
    # np.where without an overflow: on the side not taken the argument is 0
    sure = fake_logits < -30
    safe = np.where(sure, 0.0, fake_logits)
    return np.mean(np.where(sure, -fake_logits, np.log1p(np.exp(-safe))))
    # softplus(-l) = softplus(l) - l
    return np.mean(np.logaddexp(0.0, fake_logits)) - np.mean(fake_logits)
    """,
}

EQUIVALENT = {
    "discriminator_loss": """
    if smooth → if True  # with smooth = 0 the term that is added is 0
    """,
    "generator_loss_nonsaturating": """
    # log(1 + e^-l) and -l agree to rounding from 30 on, and 0 is not the only harmless argument
    fake_logits < -30 → fake_logits <= -30
    fake_logits < -30 → fake_logits < -31  # both sides agree there
    fake_logits < -30 → fake_logits < -60  # both sides agree there
    # this value is not used
    np.where(sure, 0.0, fake_logits) → np.where(sure, 1.0, fake_logits)
    """,
}
