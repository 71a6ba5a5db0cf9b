"""Mistakes in the exercises of flow/11, and other right answers."""

import autograd.numpy as np

from minigen.tensor import log_softmax


def rounds(z, net, count):
    """x after some rounds, and the net's outputs in the last."""
    x, out = z, None
    for _ in range(count):
        x = np.where(np.isfinite(x), x, 0)
        out = net(x)
        x = z * np.exp(out[:, 1]) + out[:, 0]
    return x, out


def log_normal(x, mu, log_scale):
    z = (x[:, None] - mu) * np.exp(-log_scale)
    return -0.5 * z**2 - log_scale - 0.5 * np.log(2 * np.pi)


def log_sum(a):
    top = np.max(a, axis=1, keepdims=True)
    return np.log(np.sum(np.exp(a - top), axis=1)) + top[:, 0]


MISTAKES = {
    "maf_inverse": """
    # This is the other direction, from noise to data: solve x = z sigma + mu for z.
    return x * np.exp(log_scale) + mu, np.sum(log_scale, axis=1)
    # The log-determinant of the direction called, x to z, has a minus.
    -np.sum(log_scale, axis=1) -> np.sum(log_scale, axis=1)
    # Divide by the scale: exp(-log_scale), not exp(log_scale).
    (x - mu) * np.exp(-log_scale) -> (x - mu) * np.exp(log_scale)
    x - mu -> x + mu  # Take the shift away: x - mu.
    x - mu -> mu - x  # The noise is (x - mu)/sigma, with this sign.
    # Take the shift away first, then divide: (x - mu) exp(-log_scale).
    (x - mu) * np.exp(-log_scale) -> x * np.exp(-log_scale) - mu
    # log_scale is the logarithm of the scale: divide by exp(log_scale), and sum log_scale itself.
    return (x - mu) / log_scale, -np.sum(np.log(np.abs(log_scale)), axis=1)
    # The logarithm of sigma is halved, as if it were that of a variance: there is no factor 1/2.
    return (x - mu) * np.exp(-0.5 * log_scale), -0.5 * np.sum(log_scale, axis=1)
    # The log-determinant is averaged over the coordinates: sum them for each example.
    np.sum(log_scale, axis=1) -> np.mean(log_scale, axis=1)
    # The log-determinants of the batch are added up: each example has one.
    np.sum(log_scale, axis=1) -> np.sum(log_scale)
    # Sum over the coordinates, axis 1: there is one number for each example.
    np.sum(log_scale, axis=1) -> np.sum(log_scale, axis=0)
    # This is the determinant; its logarithm is asked for.
    np.sum(log_scale, axis=1) -> (-np.exp(-np.sum(log_scale, axis=1)))
    # exp(1000) is infinite, and the gradient of a division by it NaN: multiply by exp(-log_scale).
    (x - mu) * np.exp(-log_scale) -> (x - mu) / np.exp(log_scale)
    # exp(-1000) is 0, and its logarithm infinite: sum log_scale itself.
    return (x - mu) * np.exp(-log_scale), np.log(np.prod(np.exp(-log_scale), axis=1))
    # The log-determinant is a sum over all coordinates of the example: sum over axis 1.
    -np.sum(log_scale, axis=1) -> -log_scale
    # The log-determinant is that of the map alone: the Gaussian of the noise comes later.
    z = (x - mu) * np.exp(-log_scale)
    return z, -np.sum(0.5 * z**2 + log_scale + 0.5 * np.log(2 * np.pi), axis=1)
    # The scale is bounded at 10: do not clip log_scale.
    log_scale = np.clip(log_scale, -10, 10)
    return (x - mu) * np.exp(-log_scale), -np.sum(log_scale, axis=1)
    # The scales are not normalized by anything: leave the mean of log_scale where it is.
    log_scale = log_scale - np.mean(log_scale, axis=1, keepdims=True)
    return (x - mu) * np.exp(-log_scale), -np.sum(log_scale, axis=1)
    # The numbers are right, but the gradient is cut off: np.array(...) of values or stop_gradient
    # lets none through.
    from minigen.tensor import stop_gradient
    return (stop_gradient(x) - mu) * np.exp(-log_scale), -np.sum(log_scale, axis=1)
    # z is solved for: (x - mu)/sigma. The log-determinant is that of this direction already.
    (x - mu) * np.exp(-log_scale) -> x * np.exp(log_scale) + mu
    # log_scale is the logarithm of sigma: divide by exp(log_scale). A softplus is no exponential.
    scale = np.logaddexp(0, log_scale)
    return (x - mu) / scale, -np.sum(np.log(scale), axis=1)
    # The scale has a factor 1/2 in its exponent, as if log_scale were that of a variance: divide by
    # exp(log_scale).
    np.exp(-log_scale) -> np.exp(-0.5 * log_scale)
    # A small number under the logarithm is a floor under the scale: sum log_scale itself.
    -np.sum(log_scale, axis=1) -> -np.sum(np.log(np.exp(log_scale) + 1e-8), axis=1)
    # A log-determinant may have either sign: no absolute value.
    -np.sum(log_scale, axis=1) -> np.abs(np.sum(log_scale, axis=1))
    # Each coordinate has a scale of its own: sum log_scale over all of them.
    np.sum(log_scale, axis=1) -> x.shape[1] * log_scale[:, 0]
    # mu and log_scale have been made for all coordinates: nothing of z enters the next one.
    columns = []
    for i in range(x.shape[1]):
        before = columns[-1] if columns else 0
        columns.append((x[:, i] - before - mu[:, i]) * np.exp(-log_scale[:, i]))
    return np.stack(columns, axis=1), -np.sum(log_scale, axis=1)
    # The scale is bounded at 20: do not clip log_scale, however far from 0 the bound is.
    log_scale = np.clip(log_scale, -20, 20)
    return (x - mu) * np.exp(-log_scale), -np.sum(log_scale, axis=1)
    # The logarithm of a product is a sum of logarithms: sum log_scale itself, with a minus.
    return (x - mu) * np.exp(-log_scale), np.sum(np.exp(-log_scale), axis=1)
    """,
    "maf_forward": """
    # This calls the net once, at the noise: that is an IAF. mu and log_scale are functions of x:
    # call the net again at the new x.
    out = net(z)
    return z * np.exp(out[:, 1]) + out[:, 0], np.sum(out[:, 1], axis=1)
    # One round too few is made: the first round sets the first coordinate, so all take D.
    x, out = rounds(z, net, max(z.shape[1] - 1, 1))
    return x, np.sum(out[:, 1], axis=1)
    # All D rounds are needed: after one that changes x by little, the next may change it by much.
    x = z
    for _ in range(z.shape[1]):
        before, x = x, np.where(np.isfinite(x), x, 0)
        out = net(x)
        x = z * np.exp(out[:, 1]) + out[:, 0]
        if np.max(np.abs(x - before)) < 1e-2:
            break
    return x, np.sum(out[:, 1], axis=1)
    # This is the inference, from data to noise: solve for x, not for z.
    out = net(z)
    return (z - out[:, 0]) * np.exp(-out[:, 1]), -np.sum(out[:, 1], axis=1)
    # The log-determinant of the direction called, z to x, has a plus.
    np.sum(log_scale, axis=1) -> -np.sum(log_scale, axis=1)
    # The scale lacks its exponential: it is exp(log_scale).
    np.exp(log_scale) -> log_scale
    # The scale is inverted: multiply by exp(log_scale), to go from noise to data.
    np.exp(log_scale) -> np.exp(-log_scale)
    + mu -> -mu  # The shift is added: x = z sigma + mu.
    # Scale first, then shift: z exp(log_scale) + mu, not (z + mu) exp(log_scale).
    z * np.exp(log_scale) + mu -> (z + mu) * np.exp(log_scale)
    # Each round begins with the noise z again: x = z sigma + mu, not x sigma + mu.
    z * np.exp(log_scale) + mu -> x * np.exp(log_scale) + mu
    # The net returns mu first, [:, 0], then log_scale, [:, 1].
    x = z
    for _ in range(z.shape[1]):
        out = net(np.where(np.isfinite(x), x, 0))
        x = z * np.exp(out[:, 0]) + out[:, 1]
    return x, np.sum(out[:, 0], axis=1)
    # The log-determinant is averaged over the coordinates: sum them for each example.
    np.sum(log_scale, axis=1) -> np.mean(log_scale, axis=1)
    # The log-determinants of the batch are added up: each example has one.
    np.sum(log_scale, axis=1) -> np.sum(log_scale)
    # Sum over the coordinates, axis 1: there is one number for each example.
    np.sum(log_scale, axis=1) -> np.sum(log_scale, axis=0)
    # The log-determinants of the rounds do not add up: only the last round is the map.
    x, log_det = z, 0
    for _ in range(z.shape[1]):
        out = net(np.where(np.isfinite(x), x, 0))
        x, log_det = z * np.exp(out[:, 1]) + out[:, 0], log_det + np.sum(out[:, 1], axis=1)
    return x, log_det
    # x is right, but the log-determinant is that of the first round; take the last one's.
    x, _ = rounds(z, net, z.shape[1])
    return x, np.sum(net(z)[:, 1], axis=1)
    # This goes through the coordinates from the first to the last. The net's order may be another:
    # in each round keep the new values of all coordinates.
    columns = [0 * z[:, 0]] * z.shape[1]
    for i in range(z.shape[1]):
        out = net(np.stack(columns, axis=1))
        columns[i] = z[:, i] * np.exp(out[:, 1, i]) + out[:, 0, i]
    return np.stack(columns, axis=1), np.sum(net(np.stack(columns, axis=1))[:, 1], axis=1)
    # Infinity times a masked weight is NaN: replace values that are not finite with 0 before the
    # net is called.
    np.where(np.isfinite(x), x, 0) -> x
    # The number of rounds is D, the number of coordinates, not of examples.
    x, out = rounds(z, net, len(z))
    return x, np.sum(out[:, 1], axis=1)
    # The number of rounds is D, however many coordinates there are.
    x, out = rounds(z, net, 3)
    return x, np.sum(out[:, 1], axis=1)
    # The samples are right, but the gradient stops: rounds must be differentiated too.
    from minigen.tensor import stop_gradient
    x, out = rounds(z, net, z.shape[1])
    out = net(stop_gradient(x))
    return z * np.exp(out[:, 1]) + out[:, 0], np.sum(out[:, 1], axis=1)
    # This goes through the coordinates from the last to the first. The net's order may be another:
    # in each round keep the new values of all coordinates.
    columns = [0 * z[:, 0]] * z.shape[1]
    for i in reversed(range(z.shape[1])):
        out = net(np.stack(columns, axis=1))
        columns[i] = z[:, i] * np.exp(out[:, 1, i]) + out[:, 0, i]
    return np.stack(columns, axis=1), np.sum(net(np.stack(columns, axis=1))[:, 1], axis=1)
    # Each round scales z and adds mu; (z - mu)/sigma is the other direction, from data to noise.
    x = z
    for _ in range(z.shape[1]):
        out = net(np.where(np.isfinite(x), x, 0))
        x = (z - out[:, 0]) * np.exp(-out[:, 1])
    return x, -np.sum(out[:, 1], axis=1)
    # The scale is exp(log_scale), and the log-determinant the sum of log_scale.
    x = z
    for _ in range(z.shape[1]):
        out = net(np.where(np.isfinite(x), x, 0))
        x = z * out[:, 1] + out[:, 0]
    return x, np.sum(np.log(np.abs(out[:, 1])), axis=1)
    # The scale has no bound here: do not clip log_scale.
    np.exp(log_scale) -> np.exp(np.clip(log_scale, -5, 5))
    # A huge number in the place of infinity overflows in the net again, and infinity times 0 is NaN
    # for coordinates that were right: put 0.
    np.where(np.isfinite(x), x, 0) -> np.nan_to_num(x)
    # Coordinates have no bound: replace what is not finite, and keep large values.
    np.where(np.isfinite(x), x, 0) -> np.clip(np.where(np.isfinite(x), x, 0), -1e6, 1e6)
    # The second axis of what the net returns holds mu and log_scale: [:, 0] and [:, 1].
    x = z
    for _ in range(z.shape[1]):
        out = net(np.where(np.isfinite(x), x, 0))
        x = z * np.exp(out[..., 1]) + out[..., 0]
    return x, np.sum(out[..., 1], axis=1)
    """,
    "mixture_log_prob": """
    # This mixes the logarithms. The densities are mixed: logsumexp of log weight + log density.
    weights = np.exp(logits - log_sum(logits)[:, None])
    return np.sum(weights * log_normal(x, mu, log_scale), axis=(1, 2))
    # A weight of exp(-2000) is 0, and the gradient of its logarithm NaN: subtract logarithms.
    log_weights = np.log(np.exp(logits - log_sum(logits)[:, None]))
    return np.sum(log_sum(log_weights + log_normal(x, mu, log_scale)), axis=1)
    # The weights are a softmax: subtract logsumexp of the logits, so that they sum to 1.
    - logsumexp(logits, axis=1) -> + 0
    # The 1/sigma of each Gaussian's density is missing: subtract its log_scale.
    logits - 0.5 * z**2 - log_scale -> logits - 0.5 * z**2
    # The log_scale is added: each Gaussian's density has 1/sigma, so subtract it.
    logits - 0.5 * z**2 - log_scale -> logits - 0.5 * z**2 + log_scale
    # The 1/2 in the exponent of the Gaussian is missing: -z²/2.
    0.5 * z**2 -> z**2
    # A Gaussian's exponent is negative: -z²/2.
    0.5 * z**2 -> (-0.5 * z**2)
    # The constant of the Gaussian is missing: -log(2 pi)/2, once for each coordinate.
    - 0.5 * math.log(2 * math.pi) -> - 0
    # The 1/2 of the constant is missing: log(2 pi)/2.
    0.5 * math.log(2 * math.pi) -> math.log(2 * math.pi)
    # The constant is subtracted once for each coordinate, not once for each example.
    joint = logits + log_normal(x, mu, log_scale) + 0.5 * np.log(2 * np.pi)
    return np.sum(log_sum(joint) - log_sum(logits), axis=1) - 0.5 * np.log(2 * np.pi)
    # Log-densities of the coordinates add up: sum over D, do not average.
    np.sum(log_p, axis=1) -> np.mean(log_p, axis=1)
    # The log-densities of the batch are added up: each example has one.
    np.sum(log_p, axis=1) -> np.sum(log_p)
    # Divide by the scale: exp(-log_scale).
    np.exp(-log_scale) -> np.exp(log_scale)
    # log_scale is the logarithm of sigma, not of its square.
    return np.sum(log_sum(logits + log_normal(x, mu, 0.5 * log_scale)) - log_sum(logits), axis=1)
    # The mixture is over the K components, axis 1, not over the coordinates.
    joint = logits + log_normal(x, mu, log_scale)
    top = np.max(joint, axis=2, keepdims=True)
    log_p = np.log(np.sum(np.exp(joint - top), axis=2)) + top[:, :, 0]
    return np.sum(log_p, axis=1) - np.sum(log_sum(logits), axis=1)
    # All coordinates share one component of the mixture: take the logsumexp before the coordinates
    # are summed.
    weights = logits - log_sum(logits)[:, None]
    return log_sum(np.sum(weights + log_normal(x, mu, log_scale), axis=2))
    # The largest component is not the sum of all: logsumexp, not max.
    joint = logits + log_normal(x, mu, log_scale)
    return np.sum(np.max(joint, axis=1) - log_sum(logits), axis=1)
    # Every component counts by its weight: the logits are left out of the sum.
    k = logits.shape[1]
    return np.sum(log_sum(log_normal(x, mu, log_scale)) - np.log(k), axis=1)
    # Far from all components exp underflows, and log 0 is infinite: logsumexp, not log sum exp.
    weights = np.exp(log_softmax(logits, axis=1))
    return np.sum(np.log(np.sum(weights * np.exp(log_normal(x, mu, log_scale)), axis=1)), axis=1)
    # A number as small as 1e-12 is added in the logarithm: it is a floor under every density.
    weights = np.exp(log_softmax(logits, axis=1))
    p = np.sum(weights * np.exp(log_normal(x, mu, log_scale)), axis=1)
    return np.sum(np.log(p + 1e-12), axis=1)
    # A weight as small as exp(-2000) counts where its component is the only one near: with a small
    # number in its logarithm it is too large. Subtract logsumexp of the logits.
    weights = np.exp(log_softmax(logits, axis=1))
    return np.sum(log_sum(np.log(weights + 1e-300) + log_normal(x, mu, log_scale)), axis=1)
    # The logits have no bound here: do not clip them.
    logits = np.clip(logits, -100, 100)
    return np.sum(log_sum(logits + log_normal(x, mu, log_scale)) - log_sum(logits), axis=1)
    # The scale has no least value here: do not clip log_scale.
    log_scale = np.maximum(log_scale, -7)
    return np.sum(log_sum(logits + log_normal(x, mu, log_scale)) - log_sum(logits), axis=1)
    # The softmax of large logits overflows: subtract their logsumexp instead.
    weights = np.exp(logits) / np.sum(np.exp(logits), axis=1, keepdims=True)
    return np.sum(log_sum(np.log(weights) + log_normal(x, mu, log_scale)), axis=1)
    # logits are not weights yet: their softmax is.
    joint = np.log(np.abs(logits) + 1e-300) + log_normal(x, mu, log_scale)
    return np.sum(log_sum(joint), axis=1)
    # This is the negative: log p is asked for.
    return -np.sum(log_sum(logits + log_normal(x, mu, log_scale)) - log_sum(logits), axis=1)
    # The weights of a coordinate sum to 1 over the K components: the softmax goes over axis 1.
    weights = log_softmax(logits, axis=2)
    return np.sum(log_sum(weights + log_normal(x, mu, log_scale)), axis=1)
    # The weights of an example sum to 1 over its K components, and examples are independent. The
    # softmax goes over axis 1.
    weights = log_softmax(logits, axis=0)
    return np.sum(log_sum(weights + log_normal(x, mu, log_scale)), axis=1)
    # sigma is not squared in the exponent: it is -z²/2 with z = (x - mu)/sigma.
    z2 = (x[:, None] - mu) ** 2 * np.exp(-log_scale)
    joint = logits - 0.5 * z2 - log_scale - 0.5 * np.log(2 * np.pi)
    return np.sum(log_sum(joint) - log_sum(logits), axis=1)
    # The weights are a softmax over the components, not a sigmoid of each.
    weights = -np.logaddexp(0, -logits)
    return np.sum(log_sum(weights + log_normal(x, mu, log_scale)), axis=1)
    # A number as small as 1e-10 is added in the logarithm: it is a floor under every density.
    weights = np.exp(log_softmax(logits, axis=1))
    p = np.sum(weights * np.exp(log_normal(x, mu, log_scale)), axis=1)
    return np.sum(np.log(p + 1e-10), axis=1)
    # The 2 in the constant of the Gaussian is missing: -log(2 pi)/2.
    math.log(2 * math.pi) -> math.log(math.pi)
    # The log-densities of the coordinates add up: one number for each example.
    np.sum(log_p, axis=1) -> log_p
    # The weights are a softmax of the logits, so their logsumexp is subtracted, not log K.
    z = (x[:, None] - mu) * np.exp(-log_scale)
    log_p = logsumexp(logits - 0.5 * z**2 - log_scale, axis=1) - np.log(np.shape(logits)[1])
    return np.sum(log_p - 0.5 * np.log(2 * np.pi), axis=1)
    # This is the density; its logarithm is asked for.
    z = (x[:, None] - mu) * np.exp(-log_scale)
    log_p = logsumexp(logits - 0.5 * z**2 - log_scale, axis=1) - logsumexp(logits, axis=1)
    return np.exp(np.sum(log_p - 0.5 * np.log(2 * np.pi), axis=1))
    """,
}

VARIANTS = {
    "maf_inverse": """
    # as an IAF with the parameters renamed
    scale = np.exp(-log_scale)
    return x * scale + (-mu * scale), np.sum(-log_scale, axis=1)
    # one coordinate after the other
    columns = [(x[:, i] - mu[:, i]) * np.exp(-log_scale[:, i]) for i in range(x.shape[1])]
    return np.stack(columns, axis=1), -sum(log_scale[:, i] for i in range(x.shape[1]))
    """,
    "maf_forward": """
    # zeros to begin with, and the net asked once more at the end
    x = np.zeros(z.shape)
    for _ in range(z.shape[1]):
        out = net(x)
        x = z * np.exp(out[:, 1]) + out[:, 0]
        x = np.where(np.isfinite(x), x, 0.0)
    return x, net(x)[:, 1].sum(axis=-1)
    # more rounds than are needed
    x, out = rounds(z, net, 2 * z.shape[1])
    return x, np.sum(out[:, 1], axis=1)
    """,
    "mixture_log_prob": """
    # logarithms of the weights first
    return np.sum(log_sum(log_softmax(logits, axis=1) + log_normal(x, mu, log_scale)), axis=1)
    # one coordinate after the other
    total = 0.0
    for i in range(x.shape[1]):
        joint = logits[:, :, i] + log_normal(x, mu, log_scale)[:, :, i]
        total = total + log_sum(joint) - log_sum(logits[:, :, i])
    return total
    # sums of two logarithms at a time
    joint = logits + log_normal(x, mu, log_scale)
    log_p, norm = joint[:, 0], logits[:, 0]
    for k in range(1, logits.shape[1]):
        log_p, norm = np.logaddexp(log_p, joint[:, k]), np.logaddexp(norm, logits[:, k])
    return np.sum(log_p - norm, axis=1)
    """,
}

EQUIVALENT = {
    "maf_forward": """
    # any finite number will do there
    np.where(np.isfinite(x), x, 0) → np.where(np.isfinite(x), x, 1)
    # any finite number will do there
    np.where(np.isfinite(x), x, 0.0) → np.where(np.isfinite(x), x, 1.0)
    # the rounds may begin anywhere
    np.zeros(z.shape) → np.ones(z.shape)
    # D rounds are enough, and more do no harm
    2 * z.shape[1] → z.shape[1]
    # D rounds are enough, and more do no harm
    2 * z.shape[1] → 3 * z.shape[1]
    # D rounds are enough, and more do no harm
    2 * z.shape[1] → 4 * z.shape[1]
    """,
}
