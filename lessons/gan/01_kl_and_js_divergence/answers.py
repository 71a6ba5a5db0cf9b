"""Mistakes in the exercises of gan/01, and other right answers."""

import autograd.numpy as np

from scipy.special import rel_entr, xlogy


def log2(p, q):
    return np.where(p > 0, p * (np.log2(p) - np.log2(q)), 0.0).sum(axis=-1)


def of_those_that_happen(p, q):
    """Row by row, over the outcomes with p > 0."""
    if p.ndim > 1:
        return np.array([of_those_that_happen(a, b) for a, b in zip(p, q)])
    return sum(a * (np.log(a) - np.log(b)) for a, b in zip(p, q) if a > 0)


def kl_of(p, q):
    with np.errstate(all="ignore"):
        return np.where(p > 0, p * (np.log(p) - np.log(q)), 0.0).sum(axis=-1)


MISTAKES = {
    "kl_divergence": """
    # The arguments are reversed: p gives the weights and the numerator.
    p -> q (everywhere)
    q -> p (everywhere)
    np.log -> np.log2 (everywhere)  # Logarithms are natural: nats, not bits.
    p > 0 -> 1  # 0 log 0 counts as 0: leave out the outcomes with p = 0, where NumPy gives NaN.
    # An outcome with p > 0 and q = 0 makes the divergence infinite; here it is left out.
    return np.where((p > 0) & (q > 0), p * (np.log(p) - np.log(q)), 0.0).sum(axis=-1)
    # A small number added inside the logarithm hides the infinity. Use np.where, for the zeros of p
    # only.
    return np.sum(p * np.log((p + 1e-5) / (q + 1e-5)), axis=-1)
    # The sign is wrong: the divergence is never negative.
    np.maximum(terms.sum(axis=-1), 0.0) -> -np.maximum(terms.sum(axis=-1), 0.0)
    .sum -> .mean  # Sum over the outcomes: with the weights p the sum is a mean already.
    # The log-ratios must be weighted by p. Here each has the weight one.
    return np.where(p > 0, np.log(p) - np.log(q), 0.0).sum(axis=-1)
    # The sum goes over all axes: each distribution has one number, the sum over its last axis.
    terms.sum -> np.sum(terms).sum
    np.log(p) -> 0  # This is the cross-entropy: subtract the entropy of p.
    # An outcome with q = 0 and p > 0 makes the divergence infinite. A small number in place of the
    # zero of q, or added to it, hides this.
    return kl_of(p, np.maximum(q, 1e-12))
    # An outcome with q = 0 and p > 0 makes the divergence infinite. A small number in place of the
    # zero of q, or added to it, hides this.
    return kl_of(p, np.maximum(q, 1e-10))
    # An outcome with q = 0 and p > 0 makes the divergence infinite. A small number in place of the
    # zero of q, or added to it, hides this.
    return kl_of(p, np.maximum(q, 1e-8))
    # The sum goes over the second axis, if there is one: it goes over the last, whatever the number
    # of axes.
    return np.sum(np.where(p > 0, p * (np.log(p) - np.log(q)), 0.0), axis=min(1, p.ndim - 1))
    # The sum goes over the first axis: each row of numbers is a distribution, so sum over the last.
    terms.sum(axis=-1) -> terms.sum(axis=0)
    # nan_to_num makes the infinity finite as well: only 0 log 0 counts as 0.
    return np.sum(np.nan_to_num(p * np.log(p / q)), axis=-1)
    # The terms keep their signs: only their sum is never negative.
    terms.sum -> np.abs(terms).sum
    """,
    "js_divergence": """
    # The two divergences are added in full: JS is their mean, not their sum.
    m = (p + q) / 2
    return kl_of(p, m) + kl_of(q, m)
    # The mixture is half p and half q; p + q sums to two.
    return (kl_of(p, p + q) + kl_of(q, p + q)) / 2
    # This is the square root, the Jensen-Shannon distance. Return the divergence.
    m = (p + q) / 2
    return np.sqrt(np.maximum((kl_of(p, m) + kl_of(q, m)) / 2, 0.0))
    # Both divergences are from the mixture. This is the mean of KL(p || q) and KL(q || p), which
    # may be infinite.
    return (kl_of(p, q) + kl_of(q, p)) / 2
    # The arguments of both KL divergences are reversed: p and q come first, the mixture second.
    m = (p + q) / 2
    return (kl_of(m, p) + kl_of(m, q)) / 2
    return kl_of(p, (p + q) / 2)  # Only p is compared with the mixture: compare q as well.
    # Logarithms are natural: the largest value is log 2, not 1.
    m = (p + q) / 2
    return (kl_of(p, m) + kl_of(q, m)) / (2 * np.log(2.0))
    # The mixture is not the geometric mean: it is (p + q) / 2.
    m = np.sqrt(p * q) / np.sum(np.sqrt(p * q), axis=-1, keepdims=True)
    return (kl_of(p, m) + kl_of(q, m)) / 2
    # 0 log 0 counts as 0: leave out the outcomes where p (or q) is 0, where NumPy gives NaN.
    m = (p + q) / 2
    return 0.5 * np.sum(p * np.log(p / m), axis=-1) + 0.5 * np.sum(q * np.log(q / m), axis=-1)
    # The sum goes over all axes: each pair of distributions has one number, from the last axis.
    m = (p + q) / 2
    return np.sum(kl_of(p, m) + kl_of(q, m)) / 2
    # Small probabilities are raised: a probability of 0 stays 0.
    p, q = np.maximum(p, 1e-4), np.maximum(q, 1e-4)
    m = (p + q) / 2
    return (kl_of(p, m) + kl_of(q, m)) / 2
    # A small number is added to the mixture: a probability of 0 stays 0.
    m = (p + q) / 2 + 1e-3
    return (kl_of(p, m) + kl_of(q, m)) / 2
    # SciPy's jensenshannon sums over the first axis unless axis=-1 is passed. Return its square.
    from scipy.spatial.distance import jensenshannon
    return jensenshannon(p, q) ** 2
    """,
    "kl_normal": """
    # The sigmas are not squared in the fractions: they are standard deviations.
    0.5 * (spread + shift) -> (0.5 * (sigma_p + (mu_p - mu_q) ** 2) / sigma_q)
    # The arguments are swapped: this is KL(q || p).
    sigma_p -> sigma_q (everywhere)
    sigma_q -> sigma_p (everywhere)
    # The sign of the logarithm is wrong: it is log(sigma_q / sigma_p), large if q is wide.
    sigma_q / sigma_p -> 1 / (sigma_q / sigma_p)
    # The sign of the result is wrong: KL is never negative.
    return 0.5 - np.log(sigma_q / sigma_p) - 0.5 * (sigma_p**2 + (mu_p - mu_q) ** 2) / sigma_q**2
    # A constant is missing: the divergence of a Gaussian from itself is 0.
    spread + shift -> spread + shift + 1
    # The logarithm of the variances needs the factor 1/2: log sigma is half of log sigma^2.
    sigma_q / sigma_p -> (sigma_q / sigma_p)**2
    # Square the distance of the means.
    0.5 * (spread + shift) -> (0.5 * (sigma_p ** 2 + np.abs(mu_p - mu_q)) / sigma_q ** 2)
    # Divide the squared distance of the means by the variance of q as well.
    mu_p - mu_q -> (mu_p - mu_q) * sigma
    mu_q -> mu_p (everywhere)  # The means are missing.
    # The result is elementwise: do not sum the entries.
    np.log(sigma_q / sigma_p) + 0.5 * (spread + shift) - 0.5 ->
        np.sum(np.log(sigma_q / sigma_p) + 0.5 * (spread + shift) - 0.5)
    # The sigmas are not squared in the fractions, and the logarithm is halved: they are standard
    # deviations.
    return (np.log(sigma_q / sigma_p) + (sigma_p + (mu_p - mu_q) ** 2) / sigma_q - 1) / 2
    # Divide the distance of the means by sigma_q, the standard deviation of q.
    (mu_p - mu_q) / sigma_q -> (mu_p - mu_q) / sigma_p
    # The denominator has a factor 2: (sigma_p² + (mu_p - mu_q)²) / (2 sigma_q²).
    0.5 * (spread + shift) -> (spread + shift)
    # Logarithms are natural: nats, not bits.
    return (
        np.log(sigma_q / sigma_p) + (sigma_p**2 + (mu_p - mu_q) ** 2) / (2 * sigma_q**2) - 0.5
    ) / np.log(2.0)
    # Small sigmas are replaced by a larger number: a sigma is never 0, but it may be small.
    p, q = np.maximum(sigma_p, 0.1), np.maximum(sigma_q, 0.1)
    return np.log(q / p) + (p**2 + (mu_p - mu_q) ** 2) / (2 * q**2) - 0.5
    # A small number is added to the sigmas: a sigma is never 0, but it may be small.
    p, q = sigma_p + 1e-3, sigma_q + 1e-3
    return np.log(q / p) + (p**2 + (mu_p - mu_q) ** 2) / (2 * q**2) - 0.5
    # Square the difference of the means, not each mean.
    mu_p = np.asarray(mu_p)
    shift = (mu_p**2 - mu_q**2) / (2 * sigma_q**2)
    return np.log(sigma_q / sigma_p) + sigma_p**2 / (2 * sigma_q**2) + shift - 0.5
    """,
}

VARIANTS = {
    "kl_divergence": """
    return np.sum(xlogy(p, p), axis=-1) - np.sum(xlogy(p, q), axis=-1)  # cross-entropy - entropy
    # row by row, over the outcomes with p > 0
    if p.ndim > 1:
        return np.array([of_those_that_happen(a, b) for a, b in zip(p, q)])
    return sum(a * (np.log(a) - np.log(b)) for a, b in zip(p, q) if a > 0)
    """,
    "js_divergence": """
    # entropy of the mixture
    m = (p + q) / 2
    return np.sum(xlogy(p, p) + xlogy(q, q), axis=-1) / 2 - np.sum(xlogy(m, m), axis=-1)
    # log 2 + half the sum of p log p/(p + q) and q log q/(p + q)
    return np.log(2.0) + np.sum(rel_entr(p, p + q) + rel_entr(q, p + q), axis=-1) / 2
    """,
    "kl_normal": """
    # with variances
    ratio = (sigma_p / sigma_q) ** 2
    return (ratio - 1 - np.log(ratio) + (mu_q - mu_p) ** 2 / sigma_q**2) / 2
    # entropies of normals
    cross = 0.5 * np.log(2 * np.pi * sigma_q**2) + (sigma_p**2 + (mu_p - mu_q) ** 2) / (
        2 * sigma_q**2
    )
    return cross - 0.5 * np.log(2 * np.pi * np.e * sigma_p**2)
    """,
}

EQUIVALENT = {
    "kl_divergence": """
    # apart from rounding, which the tolerance allows, the sum is never negative
    np.maximum(terms.sum(axis=-1), 0.0) → terms.sum(axis=-1)
    """,
    "js_divergence": """
    (p, q) → (q, p)  # JS is the same in both directions
    # JS is the same in both directions
    _probability_pair(p, q, floor=TINY) → _probability_pair(q, p, floor=TINY)
    """,
}
