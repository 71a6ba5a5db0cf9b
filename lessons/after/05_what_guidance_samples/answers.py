"""Mistakes in the exercises of after/05, and other right answers."""

import autograd.numpy as np


def norms(a):
    """The squared norm of each example, (N,)."""
    return np.sum(a**2, axis=tuple(range(1, np.ndim(a))))


MISTAKES = {
    "guided_gaussian_variance": """
    # This is the variance of the tilted density, which guidance does not reach.
    return 1 / ((1 + w) / v1 - w / v0)
    # The power is too large by 1: without guidance the variance is v1.
    return v1 * (v1 / v0) ** (w + 1)
    # The ratio is upside down: guidance leads away from the second Gaussian.
    return v1 * (v0 / v1) ** w
    # This is the standard deviation's share: the powers of the path belong to its square.
    return v1 * (v1 / v0) ** (w / 2)
    # The two variances are mixed as the denoisers are: the path is a product, not a sum.
    return v1 + w * (v1 - v0)
    # The power has the wrong sign: v0 divides.
    return v1 ** (1 + w) * v0**w
    # This is the sum of the precisions, not turned over, and guidance does not reach that density.
    return (1 + w) / v1 - w / v0
    # This is a standard deviation: the variance is its square.
    return np.sqrt(v1 ** (1 + w) / v0**w)
    # This is the square of the variance: the powers of the path are halves.
    return (v1 ** (1 + w) / v0**w) ** 2
    # This is the logarithm of the variance: take its exponential.
    return (1 + w) * np.log(v1) - w * np.log(v0)
    # The guidance is left out: this is the variance of the first Gaussian.
    return v1 + 0 * w + 0 * v0
    # The variance is divided by 1 + w: the ratio of the two variances sets the power.
    with np.errstate(divide="ignore"):
        return v1 / (1 + w) + 0 * v0
    # The weight begins at the second Gaussian: w = 0 is the first one.
    return v0 * (v1 / v0) ** w
    # The two Gaussians are exchanged: D_1 has the factor 1 + w.
    return v0 ** (1 + w) / v1**w
    # The powers are subtracted: the path is a product of powers.
    return v1 ** (1 + w) - v0**w
    # The product of the densities has the weights 1 and w: here the second one has -w.
    return v1 * v0 / (v0 + w * v1)
    # The ratio is multiplied by w: it is raised to the power w.
    return v1 * (1 + w * (v1 / v0 - 1))
    # The standard deviations are mixed as the denoisers are: the path is a product, not a sum.
    return ((1 + w) * np.sqrt(v1) - w * np.sqrt(v0)) ** 2
    # The power of v1 is 1: it is 1 + w, because D_1 has the factor 1 + w.
    return v1 / v0**w
    # The precisions are added with the weights 1 + w and w: the path is a product of powers.
    with np.errstate(divide="ignore"):
        return 1 / ((1 + w) / v1 + w / v0)
    """,
    "log_weight_increment": """
    # The factor 1/2 is missing: noise changes a log-density at half the squared score.
    return w * (1 + w) * norms(s1 - s0) * du
    # The weight w enters squared: multiplied out, the factor is w (1 + w).
    return w**2 / 2 * norms(s1 - s0) * du
    # The factor 1 + w is missing: multiply out the squared norm of the guided score.
    return w / 2 * norms(s1 - s0) * du
    # The factor w is missing: without guidance nothing is gained.
    return (1 + w) / 2 * norms(s1 - s0) * du
    # The factor 1 + w enters squared: multiplied out, the factor is w (1 + w).
    return (1 + w) ** 2 / 2 * norms(s1 - s0) * du
    # One of the two factors has the wrong sign: it is 1 + w.
    return w * (1 - w) / 2 * norms(s1 - s0) * du
    # The sign is reversed: the gain is the rate of noise minus the true rate.
    return -w * (1 + w) / 2 * norms(s1 - s0) * du
    # The norm is not squared: a rate has the square of a score.
    return w * (1 + w) / 2 * np.sqrt(norms(s1 - s0)) * du
    # The squares are averaged over the numbers of a point: add them.
    return w * (1 + w) / 2 * norms(s1 - s0) * du / (np.size(s1) // len(s1))
    # All points share one gain: each has its own.
    return w * (1 + w) / 2 * np.sum(norms(s1 - s0)) * du + 0 * norms(s1)
    # All points share the mean gain: each has its own.
    return w * (1 + w) / 2 * np.mean(norms(s1 - s0)) * du + 0 * norms(s1)
    # Only the last axis is summed: an image has more.
    squares = np.sum((s1 - s0) ** 2, axis=-1)
    while np.ndim(squares) > 1:
        squares = squares[..., 0]
    return w * (1 + w) / 2 * squares * du
    # The scores are added: subtract them.
    return w * (1 + w) / 2 * norms(s1 + s0) * du
    # The squared norms are subtracted: subtract the scores first.
    return w * (1 + w) / 2 * (norms(s1) - norms(s0)) * du
    # The difference of the scores is summed before it is squared: each coordinate has a square.
    axes = tuple(range(1, np.ndim(s1)))
    return w * (1 + w) / 2 * np.sum(s1 - s0, axis=axes) ** 2 * du
    # This is the squared norm of the guided score: subtract the true rate from it.
    return norms((1 + w) * s1 - w * s0) / 2 * du
    # This is the true rate: subtract it from that of noise.
    return ((1 + w) * norms(s1) - w * norms(s0)) / 2 * du
    # The rates are added: the gain is their difference.
    return (norms((1 + w) * s1 - w * s0) + (1 + w) * norms(s1) - w * norms(s0)) / 2 * du
    # The norm of the unguided score is subtracted: the true rate has both models.
    return (norms((1 + w) * s1 - w * s0) - norms(s1)) / 2 * du
    # The two models are exchanged: the first one has the factor 1 + w.
    return (norms((1 + w) * s0 - w * s1) - (1 + w) * norms(s1) + w * norms(s0)) / 2 * du
    # The length of the step is missing: a gain is a rate multiplied by a length.
    return w * (1 + w) / 2 * norms(s1 - s0) + 0 * du
    # The length of the step enters by its root: only the noise of a step does.
    return w * (1 + w) / 2 * norms(s1 - s0) * np.sqrt(du)
    # The length of the step is squared: it is u, and not the noise level.
    return w * (1 + w) / 2 * norms(s1 - s0) * du**2
    # One length is taken for all points: each may have its own.
    return w * (1 + w) / 2 * norms(s1 - s0) * np.mean(du)
    # This is the factor of the weight: return its logarithm.
    with np.errstate(over="ignore"):
        return np.exp(w * (1 + w) / 2 * norms(s1 - s0) * du)
    # A negative gain is cut off: weights may fall as well.
    return np.maximum(w * (1 + w) / 2 * norms(s1 - s0) * du, 0)
    # This is the inner product of the scores: take the square of their difference.
    return w * (1 + w) / 2 * np.sum(s1 * s0, axis=tuple(range(1, np.ndim(s1)))) * du
    # The absolute differences are added: square them first.
    return w * (1 + w) / 2 * np.sum(np.abs(s1 - s0), axis=tuple(range(1, np.ndim(s1)))) * du
    """,
}

VARIANTS = {
    "log_weight_increment": """
    # both rates, one minus the other
    rate = (1 + w) * norms(s1) - w * norms(s0)
    return (norms((1 + w) * s1 - w * s0) - rate) / 2 * du
    # by flat examples and an inner product
    gap = np.reshape(s1 - s0, (len(s1), -1))
    return 0.5 * (w + w**2) * du * np.einsum("nd,nd->n", gap, gap)
    """,
    "guided_gaussian_variance": """
    # by logarithms
    return np.exp((1 + w) * np.log(v1) - w * np.log(v0))
    """,
}

EQUIVALENT = {
    "log_weight_increment": """
    (s1, s0, w, du) → (s0, s1, w, du)  # the gain does not change if the two models are exchanged
    """,
}
