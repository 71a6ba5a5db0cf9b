"""Mistakes in the exercises of after/05, and other right answers."""

import autograd.numpy as np


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
}

VARIANTS = {
    "guided_gaussian_variance": """
    # by logarithms
    return np.exp((1 + w) * np.log(v1) - w * np.log(v0))
    """,
}
