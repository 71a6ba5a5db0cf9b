"""Mistakes in the exercises of flow/12, and other right answers."""

import autograd.numpy as np

from minigen.tensor import sigmoid, stop_gradient

MISTAKES = {
    "iaf_forward": """
    # This is the inference, from data to noise. Here z is given: multiply by sigma, then add mu.
    return (z - mu) * np.exp(-log_scale), -np.sum(log_scale, axis=1)
    # The log-determinant of the direction called, z to x, has a plus.
    np.sum(log_scale, axis=1) -> -np.sum(log_scale, axis=1)
    # Multiply by the scale: exp(log_scale).
    np.exp(log_scale) -> np.exp(-log_scale)
    + mu -> -mu  # The shift is added: x = z sigma + mu.
    + mu -> + 0 * mu  # The shift is missing: x = z sigma + mu.
    # Scale first, then shift: z exp(log_scale) + mu, not (z + mu) exp(log_scale).
    z * np.exp(log_scale) + mu -> (z + mu) * np.exp(log_scale)
    # log_scale is the logarithm of the scale: multiply by exp(log_scale).
    np.exp(log_scale) -> log_scale
    # log_scale is the logarithm of sigma, not of its square: there is no factor 1/2.
    return z * np.exp(0.5 * log_scale) + mu, 0.5 * np.sum(log_scale, axis=1)
    # log_scale is the logarithm of sigma itself, not of its square: there is no factor 1/2.
    return z * np.exp(0.5 * log_scale) + mu, np.sum(log_scale, axis=1)
    # The log-determinant is averaged over the coordinates: sum them for each example.
    np.sum(log_scale, axis=1) -> np.mean(log_scale, axis=1)
    # The log-determinants of the batch are added up: each example has one.
    np.sum(log_scale, axis=1) -> np.sum(log_scale)
    # Sum over the coordinates, axis 1: there is one number for each example.
    np.sum(log_scale, axis=1) -> np.sum(log_scale, axis=0)
    # The log-determinant is a sum over all coordinates of the example: sum over axis 1.
    np.sum(log_scale, axis=1) -> log_scale
    # This is the determinant; its logarithm is asked for.
    np.sum(log_scale, axis=1) -> np.exp(np.sum(log_scale, axis=1))
    # exp(-1000) is 0, and its logarithm infinite: sum log_scale itself.
    return z * np.exp(log_scale) + mu, np.log(np.prod(np.exp(log_scale), axis=1))
    # This blends z and mu, as the gated form does; here the scale multiplies z, and mu is added.
    scale = np.exp(log_scale)
    return scale * z + (1 - scale) * mu, np.sum(log_scale, axis=1)
    # The scale is bounded at 10: do not clip log_scale.
    log_scale = np.clip(log_scale, -10, 10)
    return z * np.exp(log_scale) + mu, np.sum(log_scale, axis=1)
    # A scale is positive as it is, so |log_scale| has no place: below 1 it shrinks.
    return z * np.exp(np.abs(log_scale)) + mu, np.sum(np.abs(log_scale), axis=1)
    # The log-determinant is that of the map alone: the Gaussian of the noise comes later.
    x = z * np.exp(log_scale) + mu
    return x, np.sum(log_scale + 0.5 * z**2 + 0.5 * np.log(2 * np.pi), axis=1)
    # The numbers are right, but the gradient is cut off.
    return stop_gradient(z) * np.exp(log_scale) + mu, np.sum(log_scale, axis=1)
    # Here z is given: multiply by sigma, then add mu. The log-determinant is right already.
    z * np.exp(log_scale) + mu -> (z - mu) * np.exp(-log_scale)
    # A softplus is not an exponential: the scale is exp(log_scale).
    scale = np.logaddexp(0, log_scale)
    return z * scale + mu, np.sum(np.log(scale), axis=1)
    # A small number under the logarithm is a floor under the scale: sum log_scale itself.
    np.sum(log_scale, axis=1) -> np.sum(np.log(np.exp(log_scale) + 1e-10), axis=1)
    # The network receives z, so all coordinates are known at once: no x_i enters the next.
    columns = []
    for i in range(z.shape[1]):
        before = columns[-1] if columns else 0
        columns.append(z[:, i] * np.exp(log_scale[:, i]) + mu[:, i] + before)
    return np.stack(columns, axis=1), np.sum(log_scale, axis=1)
    # The first coordinate has a scale too: sum over all of them.
    np.sum(log_scale, axis=1) -> np.sum(log_scale[:, 1:], axis=1)
    # Entry i of mu and log_scale already belongs to entry i of z: do not shift them by one place.
    moved = np.concatenate([np.zeros((len(z), 1)), log_scale[:, :-1]], axis=1)
    return z * np.exp(moved) + mu, np.sum(moved, axis=1)
    # The scale is bounded at 50: do not clip log_scale, however far from 0 the bound is.
    log_scale = np.clip(log_scale, -50, 50)
    return z * np.exp(log_scale) + mu, np.sum(log_scale, axis=1)
    # That is the log-density of the sample; the log-determinant of the map alone is asked for.
    np.sum(log_scale, axis=1) -> -np.sum(0.5 * z**2 + 0.5 * np.log(2 * np.pi) + log_scale, axis=1)
    # The determinant is a product of scales: its logarithm is the sum of log_scale, without exp.
    np.sum(log_scale, axis=1) -> np.sum(np.exp(log_scale), axis=1)
    # A log-determinant may have either sign: no absolute value.
    np.sum(log_scale, axis=1) -> np.abs(np.sum(log_scale, axis=1))
    # A small number in the logarithm is a floor under it: sum log_scale itself.
    return z * np.exp(log_scale) + mu, np.sum(np.log(np.exp(log_scale) + 1e-8), axis=1)
    # A negative log_scale shrinks: no absolute value.
    return z * np.exp(log_scale) + mu, np.sum(np.abs(log_scale), axis=1)
    # The scale multiplies z as it is: z itself is not added once more.
    return z + z * np.exp(log_scale) + mu, np.sum(log_scale, axis=1)
    """,
    "iaf_from_maf": """
    # mu is divided by sigma as well: (x - mu)/sigma = x/sigma - mu/sigma.
    -mu * np.exp(-log_scale) -> -mu
    # exp(1000) overflows, and the gradient of a quotient by it is NaN: multiply by exp(-log_scale).
    return -mu / np.exp(log_scale), -log_scale
    # The sign of the shift is wrong: (x - mu)/sigma has -mu/sigma in it.
    -mu -> mu
    # Divide by sigma: exp(-log_scale).
    np.exp(-log_scale) -> np.exp(log_scale)
    # This is the scale of the MAF itself: sigma~ is 1/sigma, with the logarithm -log_scale.
    like(-log_scale, mu) -> like(log_scale, mu)
    # The second result is the logarithm of sigma~, not sigma~ itself.
    like(-log_scale, mu) -> np.exp(-log_scale)
    # The reciprocal is that of sigma, not of its logarithm: -log_scale.
    like(-log_scale, mu) -> 1 / log_scale
    # log_scale is the logarithm: divide by exp(log_scale).
    np.exp(-log_scale) -> 1 / log_scale
    # The two results have changed places: -mu/sigma comes first, then the logarithm of 1/sigma.
    return -log_scale, -mu * np.exp(-log_scale)
    # These are the parameters of the MAF: those of its inverse are different.
    return mu, log_scale
    # This undoes the order of operations but divides twice by sigma.
    np.exp(-log_scale) -> np.exp(-2 * log_scale)
    # The exponent of sigma is halved, as if log_scale were that of a variance: log_scale is the
    # logarithm of sigma.
    np.exp(-log_scale) -> np.exp(-0.5 * log_scale)
    # The renaming divides mu by sigma; nothing is added to it.
    -mu * np.exp(-log_scale) -> -mu - log_scale
    # exp(1000) overflows, and the logarithm of its reciprocal is infinite: change the sign.
    return -mu / np.exp(log_scale), np.log(1 / np.exp(log_scale))
    # The scale has no bound here: do not clip log_scale.
    log_scale = np.clip(log_scale, -10, 10)
    return -mu * np.exp(-log_scale), -log_scale
    # The numbers are right, but the gradient is cut off.
    return -mu * np.exp(-stop_gradient(log_scale)), -log_scale
    # log_scale is a logarithm already: divide mu by exp(log_scale), and change the sign of it.
    return -mu / log_scale, -np.log(log_scale)
    # A small number under the logarithm is a floor under the scale: change the sign of log_scale.
    like(-log_scale, mu) -> np.log(1 / (np.exp(log_scale) + 1e-8))
    # A small number in the divisor is a floor under the scale: multiply by exp(-log_scale).
    np.exp(-log_scale) -> 1 / (np.exp(log_scale) + 1e-6)
    # These are parameters of the map, not its log-determinant: nothing is summed.
    like(-log_scale, mu) -> -np.sum(log_scale, axis=1)
    # Both results have a factor 1/2, as if log_scale were that of a variance: log_scale is the
    # logarithm of sigma.
    return -mu * np.exp(-0.5 * log_scale), -0.5 * log_scale
    # The mean is that of x = 1: mu~ is what z is for x = 0.
    return (1 - mu) * np.exp(-log_scale), -log_scale
    # A 1 is subtracted from mu, which has the wrong sign: mu~ is what z is for x = 0, -mu/sigma.
    return (mu - 1) * np.exp(-log_scale), -log_scale
    # The 1 has no place in the shift: mu~ is what is left for x = 0, -mu/sigma.
    return 1 - mu * np.exp(-log_scale), -log_scale
    # A scale may be below 1, its logarithm negative: no absolute value.
    return -mu * np.exp(-np.abs(log_scale)), -np.abs(log_scale)
    """,
    "iaf_gated": """
    # The gate multiplies z, and what is left of 1 multiplies m: here they are swapped.
    gate * z + (1 - gate) * m -> gate * m + (1 - gate) * z
    # m is blended in: it is multiplied by 1 - sigmoid(s).
    (1 - gate) * m -> m
    + (1 - gate) -> -(1 - gate)  # m is subtracted: it is added, with the weight 1 - sigmoid(s).
    # The gate is an exponential here, which may pass 1: sigmoid(s), not exp(s).
    gate = np.exp(s)
    return gate * z + (1 - gate) * m, np.sum(s, axis=1)
    # The log-determinant is that of the sigmoid, not of exp(s): the sum of log sigmoid(s).
    -np.sum(softplus(-s), axis=1) -> np.sum(s, axis=1)
    # The log-determinant is negative: the gate is below 1.
    -np.sum(softplus(-s), axis=1) -> np.sum(softplus(-s), axis=1)
    # The sign inside of the softplus is wrong: log sigmoid(s) is -softplus(-s).
    -np.sum(softplus(-s), axis=1) -> -np.sum(softplus(s), axis=1)
    # Both signs of the log-determinant are wrong: log sigmoid(s) is -softplus(-s).
    -np.sum(softplus(-s), axis=1) -> np.sum(softplus(s), axis=1)
    # At s = -1000 the sigmoid is 0, and its logarithm infinite: use -softplus(-s).
    -np.sum(softplus(-s), axis=1) -> np.sum(np.log(gate), axis=1)
    # A small number, added or as a bound below, is a floor under the logarithm: at s = -1000 it
    # must be -1000.
    -np.sum(softplus(-s), axis=1) -> np.sum(np.log(gate + 1e-12), axis=1)
    # The exponential overflows at 1000: softplus does not.
    -np.sum(softplus(-s), axis=1) -> -np.sum(np.log(1 + np.exp(-s)), axis=1)
    # The log-determinant is averaged over the coordinates: sum them for each example.
    np.sum -> np.mean
    # The log-determinants of the batch are added up: each example has one.
    np.sum(softplus(-s), axis=1) -> np.sum(softplus(-s))
    # Sum over the coordinates, axis 1: there is one number for each example.
    np.sum(softplus(-s), axis=1) -> np.sum(softplus(-s), axis=0)
    # This is the determinant; its logarithm is asked for.
    -np.sum(softplus(-s), axis=1) -> np.prod(gate, axis=1)
    # s is the argument of the sigmoid: nothing is added to it.
    gate = sigmoid(s + 1.5)
    return gate * z + (1 - gate) * m, -np.sum(softplus(-s - 1.5), axis=1)
    # The slope of the sigmoid has no place: dx/dz is the sigmoid itself.
    -np.sum(softplus(-s), axis=1) -> -np.sum(softplus(-s) + softplus(s), axis=1)
    # s has no bound here: do not clip it.
    s = np.clip(s, -30, 30)
    gate = sigmoid(s)
    return gate * z + (1 - gate) * m, -np.sum(softplus(-s), axis=1)
    # The numbers are right, but the gradient is cut off.
    gate = stop_gradient(sigmoid(s))
    return gate * z + (1 - gate) * m, -np.sum(softplus(-s), axis=1)
    # m and z have changed places, in the log-determinant as well: z is multiplied by sigmoid(s).
    return (1 - gate) * z + gate * m, -np.sum(softplus(s), axis=1)
    # A small number under the logarithm is a floor under it: it must go down to -1000.
    -np.sum(softplus(-s), axis=1) -> np.sum(np.log(gate + 1e-8), axis=1)
    # The logarithm of the gate is asked for: the sum of log sigmoid(s), not of the gates.
    -np.sum(softplus(-s), axis=1) -> np.sum(gate, axis=1)
    # np.where computes both sides: where the gate is 0 the derivative of its logarithm is NaN,
    # though not chosen. Use -softplus(-s).
    -np.sum(softplus(-s), axis=1) -> np.sum(np.where(s > -30, np.log(gate), s), axis=1)
    # The smaller of s and 0 is right only far out: in between log sigmoid(s) is -softplus(-s).
    -np.sum(softplus(-s), axis=1) -> np.sum(np.minimum(s, 0), axis=1)
    # z - m has no place in the log-determinant: s is made of earlier z, so dx/dz has sigmoid(s)
    # alone on its diagonal.
    -np.sum(softplus(-s), axis=1) -> np.sum(np.log(np.abs(z - m)) - softplus(-s), axis=1)
    # This is the form with exp; here a gate, sigmoid(s), blends z and m.
    return np.exp(s) * z + m, np.sum(s, axis=1)
    # A gate opens from 0 to 1: sigmoid(s), not tanh(s).
    gate = np.tanh(s)
    return gate * z + (1 - gate) * m, np.sum(np.log(np.abs(gate)), axis=1)
    # s is not the gate yet: its sigmoid is.
    return s * z + (1 - s) * m, np.sum(np.log(np.abs(s)), axis=1)
    # Nothing is added to s here: the gate is sigmoid(s).
    gate = sigmoid(s + 1)
    return gate * z + (1 - gate) * m, -np.sum(softplus(-s - 1), axis=1)
    # exp(1000) is infinite, and the derivative infinity / infinity: use `sigmoid`.
    sigmoid(s) -> 1 / (1 + np.exp(-s))
    # The value is right, but np.where passes 0 times infinity, a NaN, back through the branch that
    # it does not take: use softplus.
    gate = sigmoid(s)
    up, down = -np.log(1 + np.exp(-s)), s - np.log(1 + np.exp(s))
    return gate * z + (1 - gate) * m, np.sum(np.where(s > 0, up, down), axis=1)
    # A floor under the gate is a floor under its logarithm: it must go down to -1000.
    gate = sigmoid(s)
    return gate * z + (1 - gate) * m, np.sum(np.log(np.maximum(gate, 1e-30)), axis=1)
    # The brackets are missing: what is left of 1 multiplies m, (1 - g) m.
    gate = sigmoid(s)
    return gate * z + 1 - gate * m, -np.sum(softplus(-s), axis=1)
    """,
}

VARIANTS = {
    "iaf_forward": """
    # the other way of writing a product
    return mu + np.exp(log_scale) * z, log_scale.sum(axis=-1)
    # one coordinate after the other
    columns = [mu[:, i] + z[:, i] * np.exp(log_scale[:, i]) for i in range(z.shape[1])]
    return np.stack(columns, axis=1), sum(log_scale[:, i] for i in range(z.shape[1]))
    # by division
    return z / np.exp(-log_scale) + mu, -np.sum(-log_scale, axis=1)
    """,
    "iaf_from_maf": """
    # by the negative of both
    return np.negative(mu * np.exp(-log_scale)), np.negative(log_scale)
    # through the scale
    scale = np.exp(-log_scale)
    return -(scale * mu), -1.0 * log_scale
    """,
    "iaf_gated": """
    # m and the difference from m to z
    return m + sigmoid(s) * (z - m), np.sum(-np.logaddexp(0.0, -s), axis=1)
    # the other gate is sigmoid(-s)
    return sigmoid(s) * z + sigmoid(-s) * m, -softplus(-s).sum(axis=-1)
    # log sigmoid(s) = s - softplus(s)
    return z * sigmoid(s) + m * (1 - sigmoid(s)), np.sum(s - softplus(s), axis=1)
    """,
}
