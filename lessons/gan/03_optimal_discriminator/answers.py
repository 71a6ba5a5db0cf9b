"""Mistakes in the exercises of gan/03, and other right answers."""

import autograd.numpy as np


def x_log(p, q):
    """p log q, which is 0 where p is."""
    return np.where(p > 0, p * np.log(np.where(p > 0, q, 1.0)), 0.0)


def exact_value(p_r, p_g, dx):
    total = np.where(p_r + p_g > 0, p_r + p_g, 1.0)
    return np.sum(x_log(p_r, p_r / total) + x_log(p_g, p_g / total)) * dx


MISTAKES = {
    "optimal_discriminator": """
    # This is the probability of being fake; D is that of being real.
    p_r -> p_g (everywhere)
    p_g -> p_r (everywhere)
    # This ratio goes from 0 to infinity. A probability is a fraction: divide by p_r + p_g.
    return np.where(p_r + p_g > 0, p_r / np.where(p_g > 0, p_g, 1.0), 0.5)
    total > 0 -> 1  # Where both densities are zero this is 0/0. Return 1/2 there.
    # A small number in the denominator outweighs densities far in the tails; use np.where for zeros
    # instead.
    return (p_r + 0.5e-8) / (p_r + p_g + 1e-8)
    # This is the more probable label. D* is its probability.
    return np.where(p_r > p_g, 1.0, np.where(p_r < p_g, 0.0, 0.5))
    # Dividing by the average of the two densities gives twice the fraction.
    p_r + p_g -> (p_r + p_g) / 2
    # Where both densities are zero return 1/2: a small number in the denominator makes it 0 there.
    return p_r / (p_r + p_g + 1e-12)
    # Where both densities are zero return 1/2, not 0.
    0.5 -> 0.0
    # Small densities can be compared: return 1/2 only where both are zero.
    total > 0 -> total > 1e-12
    # Where only one density is zero D is 0 or 1: return 1/2 only where both are zero.
    total > 0 -> p_r * p_g > 0
    # These are densities already: do not normalize them over the points.
    p_r, p_g = p_r / np.sum(p_r), p_g / np.sum(p_g)
    return np.where(p_r + p_g > 0, p_r / np.where(p_r + p_g > 0, p_r + p_g, 1.0), 0.5)
    # This is a fraction of the squares: divide p_r by p_r + p_g.
    square = p_r**2 + p_g**2
    return np.where(square > 0, p_r**2 / np.where(square > 0, square, 1.0), 0.5)
    # This is the sigmoid of the difference of the densities: the logit of D* is log p_r - log p_g.
    return 1 / (1 + np.exp(p_g - p_r))
    """,
    "value_at_optimum": """
    # The value is twice the JS divergence minus 2 log 2: do not halve the two terms.
    real + fake -> (real + fake) / 2
    # This is the loss of D. The value of the game, which D maximizes, has the opposite sign.
    real + fake -> -(real + fake)
    # The logarithm has base 10: with the natural one equal densities have value -1.386.
    return exact_value(p_r, p_g, dx) / np.log(10.0)
    # The logarithm has base 2: with the natural one equal densities have value -1.386.
    p_r.astype(float), p_g.astype(float) -> p_r / np.log(2), p_g / np.log(2)
    # This is 2 JS + 2 log 2: subtract 2 log 2, because the denominator is twice the mixture.
    return exact_value(p_r, p_g, dx) + 4 * np.log(2.0)
    # This is twice the JS divergence itself: 2 log 2 is missing. Divide by p_r + p_g, not by their
    # average.
    return exact_value(p_r, p_g, dx) + 2 * np.log(2.0)
    return 0.5 * exact_value(p_r, p_g, dx) - np.log(2.0)  # JS enters twice: 2 JS - 2 log 2.
    # Multiply the sum over cells by the size of a cell to get the integral.
    real + fake -> (real + fake) / dx
    # Sum over the cells, do not average: the densities are the weights.
    real + fake -> np.mean(real + fake)
    real + fake -> real  # The fakes' term is missing: p_g log(1 - D*).
    # D* is exchanged with 1 - D*: log D* goes with p_r.
    total = p_r + p_g
    with np.errstate(divide="ignore"):
        return np.sum(x_log(p_r, p_g / total) + x_log(p_g, p_r / total)) * dx
    # 0 log 0 is NaN here: it counts as 0.
    real + fake -> p_r * np.log(p_r / (p_r + p_g)) + fake
    # 1 - D* rounds to 0 where p_g is tiny, and its logarithm to minus infinity: write p_g / (p_r +
    # p_g).
    total = np.where(p_r + p_g > 0, p_r + p_g, 1.0)
    with np.errstate(divide="ignore"):
        return np.sum(x_log(p_r, p_r / total) + x_log(p_g, 1 - p_r / total)) * dx
    # Clipping a small fraction moves the value away from 0: write p_g / (p_r + p_g).
    D = np.clip(p_r / np.where(p_r + p_g > 0, p_r + p_g, 1.0), 1e-4, 1 - 1e-4)
    return np.sum(p_r * np.log(D) + p_g * np.log(1 - D)) * dx
    # Each density is scaled to the sum 1: sum the densities as they are, times dx.
    return exact_value(p_r / np.sum(p_r), p_g / np.sum(p_g), 1.0)
    # dx is the size of a cell, in the plane its area: do not raise it to a power.
    real + fake -> (real + fake) * dx ** (p_r.ndim - 1)
    # This is the JS divergence. The value is twice JS minus 2 log 2.
    return 0.5 * exact_value(p_r, p_g, dx) + np.log(2.0)
    # The integral is the sum over all cells times dx: the cells at the ends count in full.
    return exact_value(p_r, p_g, dx) - exact_value(p_r.ravel()[:1], p_g.ravel()[:1], dx / 2)
    """,
}

VARIANTS = {
    "optimal_discriminator": """
    # in place of ones
    D = np.full(np.shape(p_r), 0.5)
    known = (p_r > 0) | (p_g > 0)
    D[known] = 1 - p_g[known] / (p_r[known] + p_g[known])
    return D
    # through the logit
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        D = 1 / (1 + np.exp(np.log(p_g) - np.log(p_r)))
    return np.where(np.isnan(D), 0.5, D)
    """,
    "value_at_optimum": """
    # p log p + q log q - (p + q) log(p + q)
    both = p_r + p_g
    return dx * (np.sum(x_log(p_r, p_r) + x_log(p_g, p_g)) - np.sum(x_log(both, both)))
    # cell by cell
    total = 0.0
    for cell in np.ndindex(p_r.shape):
        pair = np.array([p_r[cell], p_g[cell]])
        some = pair[pair > 0]
        total += np.sum(some * (np.log(some) - np.log(np.sum(pair))))
    return total * dx
    """,
}

EQUIVALENT = {
    "optimal_discriminator": """
    np.where(some, total, 1.0) → np.where(some, total, 2.0)  # this value is not used
    np.where(some, total, 1.0) → np.where(some, total, 0)  # this value is not used
    # where the sum is zero 0.5 is taken, whatever was divided by
    numpy.where(some, total, 1) → numpy.where(some, total, 2)
    # where the sum is zero 0.5 is taken, whatever was divided by
    numpy.where(some, total, 1) → numpy.where(some, total, 0)
    """,
    "value_at_optimum": """
    (p_r, p_g, dx) → (p_g, p_r, dx)  # the value is symmetric: D* becomes 1 - D*
    """,
}
