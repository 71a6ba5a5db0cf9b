"""Mistakes in the exercises of gan/12, and other right answers."""

import autograd.numpy as np

from minigen.tensor import grad, leaves


def norm(critic, c):
    for w in leaves(critic):
        w *= min(1.0, c / max(np.sqrt(np.sum(w**2)), 1e-12))


def between(real, fake, epsilon):
    e = np.reshape(epsilon, (-1,) + (1,) * (np.ndim(real) - 1))
    return e * real + (1 - e) * fake


def slopes_at(critic, x):
    return np.reshape(grad(lambda x: np.sum(critic(x)))(x), (len(x), -1))


def norms_at(critic, x):
    return np.sqrt(np.sum(slopes_at(critic, x) ** 2, axis=1) + 1e-12)


def plain_loss(critic, real, fake):
    return np.mean(critic(fake)) - np.mean(critic(real))


def penalty_of(critic, real, fake, epsilon):
    return np.mean((norms_at(critic, between(real, fake, epsilon)) - 1) ** 2)


MISTAKES = {
    "critic_loss": """
    # This is the gap that the critic maximizes; the loss that it minimizes is minus the gap.
    return np.mean(real_scores) - np.mean(fake_scores)
    # This is the hinge loss, whose gradient is 0 beyond a margin of 1. The Wasserstein loss has no
    # margin.
    return np.mean(np.maximum(0, 1 - real_scores)) + np.mean(np.maximum(0, 1 + fake_scores))
    # These are the cross-entropies of a discriminator. A critic gives scores, not logits: no
    # logarithm.
    return np.mean(np.logaddexp(0.0, -real_scores)) + np.mean(np.logaddexp(0.0, fake_scores))
    np.mean -> np.sum (everywhere)  # Take the mean over each group, not the sum.
    # Real and fake enter with opposite signs: only the gap between them counts.
    np.mean(fake_scores) -> np.mean(-fake_scores)
    # The real scores are missing: this is the part that depends on the fakes.
    np.mean(real_scores) -> 0
    # There is no absolute value: a critic that scores the fakes higher has a positive loss.
    return -np.abs(np.mean(fake_scores) - np.mean(real_scores))
    # Each group counts by its own mean: divide the fakes' sum by M.
    np.mean(fake_scores) -> np.sum(fake_scores) / len(real_scores)
    # There is no factor 1/2: the gap itself.
    return (np.mean(fake_scores) - np.mean(real_scores)) / 2
    # Each group has its own mean; here both are averaged over all the scores.
    return np.mean(np.concatenate([fake_scores, -real_scores]))
    # All scores count: N and M may differ, and nothing pairs a real with a fake one.
    n = min(len(real_scores), len(fake_scores))
    return np.mean(fake_scores[:n] - real_scores[:n])
    # Scores are used as they are: there is no sigmoid.
    return np.mean(1 / (1 + np.exp(-fake_scores))) - np.mean(1 / (1 + np.exp(-real_scores)))
    # Scores have no bound: do not clip them.
    return np.mean(np.clip(fake_scores, -100, 100)) - np.mean(np.clip(real_scores, -100, 100))
    """,
    "clip_weights": """
    # `w = np.clip(w, ...)` names a new array and leaves the critic's own as it was: write into
    # w[...].
    w -> c (everywhere)
    -c -> 0  # Negative weights may be as low as -c; this cuts them off at 0.
    # This rescales whole arrays. Clipping moves only the entries that lie outside.
    for w in leaves(critic):
        w *= min(1.0, c / max(np.abs(w).max(), 1e-12))
    # This bounds the norm of each array; clipping bounds each entry by itself.
    for w in leaves(critic):
        w *= min(1.0, c / max(np.sqrt(np.sum(w**2)), 1e-12))
    # The biases are parameters too: clip every array that the model has.
    for w in leaves(critic):
        if w.ndim > 1:
            w[...] = np.clip(w, -c, c)
    # Each weight was sent to one of the ends; those already inside stay as they are.
    for w in leaves(critic):
        w[...] = c * np.sign(w)
    -c -> 1 / (-c)  # Large negative weights were left alone: the interval has two ends.
    # The weights are right, but the function changes its model in place and returns nothing.
    for w in leaves(critic):
        w[...] = np.clip(w, -c, c)
    return critic
    # Large positive weights were left alone: the interval has two ends.
    numpy.clip(w, -c, c) -> np.maximum(w, -c)
    # An entry outside moves to the nearest end, not to 0.
    for w in leaves(critic):
        w[np.abs(w) > c] = 0.0
    # c is an argument; here it is always 0.01.
    numpy.clip(w, -c, c) -> np.clip(w, -0.01, 0.01)
    # Entries inside [-c, c] stay as they are; tanh moves them all.
    numpy.clip(w, -c, c) -> c * np.tanh(w / c)
    # All arrays are clipped, not only the first.
    w = leaves(critic)[0]
    w[...] = np.clip(w, -c, c)
    """,
    "gradient_penalty": """
    # Every pair has its own epsilon; here the first one was used for the whole batch.
    np.reshape(epsilon, (-1,) + (1,) * (np.ndim(real) - 1)) -> epsilon[0]
    # The slope is taken at the real points; it must be taken between the real and the fake ones.
    epsilon * real + (1 - epsilon) * fake -> real
    # The slope is taken at the fake points; it must be taken between the real and the fake ones.
    epsilon * real + (1 - epsilon) * fake -> fake
    # The two weights have changed places: epsilon goes with the real example, 1 - epsilon with the
    # fake one.
    epsilon * real + (1 - epsilon) * fake -> epsilon * fake + (1 - epsilon) * real
    # epsilon is given, one number for each pair; this is the middle of every segment.
    epsilon * real + (1 - epsilon) * fake -> (real + fake) / 2
    # The norm is over all components of one example: for images over all axes but the first.
    x_hat = between(real, fake, epsilon)
    slopes = grad(lambda x: np.sum(critic(x)))(x_hat)
    return np.mean((np.sqrt(np.sum(slopes**2, axis=1) + 1e-12) - target) ** 2)
    # For images epsilon needs as many axes as they have: (N, 1, 1, 1), not (N, 1).
    np.reshape(epsilon, (-1,) + (1,) * (np.ndim(real) - 1)) -> epsilon[:, None]
    # The penalty is right, but the root has no derivative at 0: where the critic is flat the
    # gradient is NaN. Add 1e-12 under the root.
    slopes = slopes_at(critic, between(real, fake, epsilon))
    return np.mean((np.sqrt(np.sum(slopes**2, axis=1)) - target) ** 2)
    # The norm has no lower limit: where the critic is flat it is 0.
    gradient_norm(critic, x_hat) -> np.maximum(gradient_norm(critic, x_hat), 0.1)
    # The norm has no lower limit: where the critic is flat it is 0.
    gradient_norm(critic, x_hat) -> np.maximum(gradient_norm(critic, x_hat), 1e-2)
    # The factor lambda is applied in the loss.
    gradient_norm(critic, x_hat) - target -> 10**0.5 * (gradient_norm(critic, x_hat) - target)
    # Compare the norm with the target, not their squares.
    gradient_norm(critic, x_hat) - target -> gradient_norm(critic, x_hat) ** 2 - target**2
    # Compare the norm of the gradient with the target, not its square: the root is missing.
    gradient_norm(critic, x_hat) -> gradient_norm(critic, x_hat)**2
    # This penalizes only slopes above the target; a critic that is too flat is penalized as well.
    gradient_norm(critic, x_hat) - target -> np.maximum(gradient_norm(critic, x_hat) - target, 0)
    # Square each example's deviation first, then take the mean: deviations of opposite sign must
    # not cancel.
    gradient_norm(critic, x_hat) -> np.mean(gradient_norm(critic, x_hat))
    # The gradient of the mean of the scores is N times too small: take that of their sum.
    gradient_norm(critic, x_hat) -> gradient_norm(critic, x_hat) / len(real)
    # This is one norm for the whole batch; every example has its own.
    gradient_norm(critic, x_hat) -> np.linalg.norm(gradient_norm(critic, x_hat))
    # The deviation from the target must be squared.
    return np.mean(np.abs(norms_at(critic, between(real, fake, epsilon)) - target))
    # `target` is an argument; here it is always 1.
    gradient_norm(critic, x_hat) - target -> gradient_norm(critic, x_hat) - 1
    np.mean -> np.sum  # Take the mean over the batch, not the sum.
    # The norm is the root of the sum of squares; this adds the absolute values.
    x_hat = between(real, fake, epsilon)
    slopes = np.reshape(grad(lambda x: np.sum(critic(x)))(x_hat), (len(real), -1))
    return np.mean((np.sum(np.abs(slopes), axis=1) - target) ** 2)
    # The derivative is cut off: np.array(...) or float(...) lets no gradient through to the critic.
    from minigen.tensor import stop_gradient
    return stop_gradient(np.mean((norms_at(critic, between(real, fake, epsilon)) - target) ** 2))
    # The norm is taken over the last axis only: it is over all components of an example.
    epsilon = np.reshape(epsilon, (len(real),) + (1,) * (np.ndim(real) - 1))
    slopes = grad(lambda x: np.sum(critic(x)))(epsilon * real + (1 - epsilon) * fake)
    return np.mean((np.sqrt(np.sum(slopes**2, axis=-1) + 1e-12) - target) ** 2)
    """,
    "penalized_critic_loss": """
    # The weight lambda is missing: it multiplies the penalty.
    penalty * gradient_penalty_at(critic, real, fake, epsilon) ->
        gradient_penalty_at(critic, real, fake, epsilon)
    # lambda is an argument; here it is always 10.
    penalty * gradient_penalty_at(critic, real, fake, epsilon) ->
        (10 * penalty_of(critic, real, fake, epsilon))
    + -> -  # The penalty is added. With a minus, a slope other than 1 lowers the loss.
    # The critic minimizes: the gap mean f(real) - mean f(fake) enters with a minus.
    critic_loss(critic(real), critic(fake)) -> -plain_loss(critic, real, fake)
    # lambda multiplies the penalty only, not the critic's loss.
    plain + penalty * gradient_penalty_at(critic, real, fake, epsilon) ->
        penalty * (plain + penalty_of(critic, real, fake, epsilon))
    # The first number is the whole loss, the second the part without the penalty.
    plain + penalty * gradient_penalty_at(critic, real, fake, epsilon), plain ->
        (plain, plain + penalty * penalty_of(critic, real, fake, epsilon))
    # The second number is critic_loss alone: with the penalty in it, it would not estimate a
    # distance.
    whole = plain_loss(critic, real, fake) + penalty * penalty_of(critic, real, fake, epsilon)
    return whole, whole
    # The second number is the critic's loss, not the penalty.
    cost = penalty * penalty_of(critic, real, fake, epsilon)
    return plain_loss(critic, real, fake) + cost, cost
    # The second number is the critic's loss, not the penalty.
    cost = penalty_of(critic, real, fake, epsilon)
    return plain_loss(critic, real, fake) + penalty * cost, cost
    # The second number is critic_loss, with its sign, not the gap.
    plain = plain_loss(critic, real, fake)
    return plain + penalty * penalty_of(critic, real, fake, epsilon), -plain
    # critic_loss and the penalty are added, not averaged.
    plain = plain_loss(critic, real, fake)
    return (plain + penalty * penalty_of(critic, real, fake, epsilon)) / 2, plain
    # lambda multiplies the penalty; the target slope is 1 for every lambda.
    plain = plain_loss(critic, real, fake)
    norms = norms_at(critic, between(real, fake, epsilon))
    return plain + np.mean((norms - penalty) ** 2), plain
    # In the penalty real and fake have changed places: epsilon goes with the real example.
    plain = plain_loss(critic, real, fake)
    return plain + penalty * penalty_of(critic, fake, real, epsilon), plain
    # The penalty's gradient is cut off: it must reach the critic's weights.
    from minigen.tensor import stop_gradient
    plain = plain_loss(critic, real, fake)
    return plain + penalty * stop_gradient(penalty_of(critic, real, fake, epsilon)), plain
    """,
    "penalized_slope": """
    # The derivative of the square has a factor 2: divide by 2 lambda.
    2 * penalty -> penalty
    # The penalty is 0 at slope 1, not at slope 0: it is on s - 1.
    return distance / (2 * penalty)
    # The sign of the gap is wrong: the gap lowers the loss, so the best slope is above 1.
    1 + distance -> 1 - distance
    # Numerator and denominator are exchanged: a larger penalty keeps the slope closer to 1.
    return 1 + 2 * penalty / np.maximum(distance, 1e-9)
    # The distance is divided by lambda: a larger penalty keeps the slope closer to 1.
    return 1 + distance * penalty / 2
    # penalty is an argument; here it is always 10.
    return 1 + distance / 20
    # This is the smallest loss, not the slope where it is reached.
    return -distance - distance**2 / (4 * penalty)
    # This treats 1 as a hard limit. With a penalty the slope exceeds 1, in proportion to the
    # distance.
    return 1 + 0 * distance
    # Return one slope for each distance, without a mean.
    return 1 + np.mean(distance) / (2 * penalty)
    """,
}

VARIANTS = {
    "penalized_slope": """
    return (2 * penalty + distance) / (2 * penalty)  # over one denominator
    # from the parabola's coefficients, a s^2 + b s
    a, b = penalty, -(2 * penalty + distance)
    return -b / (2 * a)
    """,
    "critic_loss": """
    # the mean over all pairs of a fake and a real example of the difference of their scores
    return np.mean(fake_scores[:, None] - real_scores[None, :])
    return fake_scores.sum() / len(fake_scores) - real_scores.sum() / len(real_scores)  # with sums
    """,
    "clip_weights": """
    # of w, -c and c, the one in the middle
    for w in critic.parameters().values():
        w[...] = np.median([w, np.full_like(w, -c), np.full_like(w, c)], axis=0)
    # with out
    for w in leaves(critic):
        low = np.maximum(w, -c)
        np.minimum(low, c, out=w)
    """,
    "gradient_penalty": """
    # each example separately, from the fake to the real example
    total = 0.0
    for n in range(len(real)):
        x_hat = fake[n] + epsilon[n] * (real[n] - fake[n])
        slope = grad(lambda x: critic(x[None])[0])(x_hat)
        total = total + ((np.sum(slope * slope) + 1e-12) ** 0.5 - target) ** 2
    return total / len(real)
    # the root is taken only where it has a derivative
    square = np.sum(slopes_at(critic, between(real, fake, epsilon)) ** 2, axis=1)
    steep = square > 0
    length = np.where(steep, np.sqrt(np.where(steep, square, 1.0)), 0.0)
    return np.mean((length - target) ** 2)
    # E n^2 - 2 t E n + t^2
    e = epsilon.reshape((len(real),) + (1,) * (real.ndim - 1))
    slopes = grad(lambda x: np.sum(critic(x)))(fake + e * (real - fake))
    square = np.sum(slopes**2, axis=tuple(range(1, real.ndim))) + 1e-14
    return np.mean(square) - 2 * target * np.mean(np.sqrt(square)) + target**2
    """,
    "penalized_critic_loss": """
    # one call of the critic for both groups of examples
    scores = critic(np.concatenate([real, fake]))
    plain = -(np.mean(scores[: len(real)]) - np.mean(scores[len(real) :]))
    slopes = norms_at(
        critic, fake + (real - fake) * np.reshape(epsilon, (-1,) + (1,) * (real.ndim - 1))
    )
    return plain + penalty * np.mean(slopes**2 - 2 * slopes + 1), plain
    """,
}

EQUIVALENT = {
    "clip_weights": """
    np.clip(w, -c, c) → np.clip(-c, w, c)  # min(max(-c, w), c): the maximum commutes
    numpy.clip(w, -c, c) → numpy.clip(-c, w, c)  # min(max(-c, w), c): the maximum commutes
    """,
    "gradient_penalty": """
    # the value is not used
    np.where(steep, square, 1.0) → np.where(steep, square, 2.0)
    # the value is not used
    np.where(steep, square, 1.0) → np.where(steep, square, 0)
    # as small a term under the root
    np.sum(slopes ** 2, axis=1) + 1e-12 → np.sum(slopes ** 2, axis=1) + 2e-12
    # as small a term under the root
    np.sum(slope * slope) + 1e-12 → np.sum(slope * slope) + 2e-12
    # as small a term under the root
    np.sum(slopes ** 2, axis=tuple(range(1, real.ndim))) + 1e-14 →
    np.sum(slopes ** 2, axis=tuple(range(1, real.ndim))) + 2e-14
    """,
}
