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
    # The arguments are reversed: the weights and the numerator are p, the truth.
    p -> q (everywhere)
    q -> p (everywhere)
    np.log -> np.log2 (everywhere)  # Logarithms are natural: nats, not bits.
    p > 0 -> 1  # 0 log 0 counts as 0: leave out the outcomes with p = 0, where NumPy gives NaN.
    # An outcome with p > 0 and q = 0 makes the divergence infinite; here it is left out.
    return np.where((p > 0) & (q > 0), p * (np.log(p) - np.log(q)), 0.0).sum(axis=-1)
    # A small number added inside the logarithm hides the infinity; use np.where for the zeros of p
    # alone.
    return np.sum(p * np.log((p + 1e-5) / (q + 1e-5)), axis=-1)
    # The sign is turned: the divergence is never negative.
    np.maximum(terms.sum(axis=-1), 0.0) -> -np.maximum(terms.sum(axis=-1), 0.0)
    .sum -> .mean  # Sum over the outcomes; the weights p make it a mean already.
    # The log-ratios must be weighted by p; this adds them all with weight one.
    return np.where(p > 0, np.log(p) - np.log(q), 0.0).sum(axis=-1)
    terms.sum -> np.sum(terms).sum  # One number for each distribution: sum over the last axis only.
    np.log(p) -> 0  # This is the cross-entropy; the entropy of p must be taken away from it.
    # An outcome that q calls impossible makes the divergence infinite: a small number in the place
    # of q's zero, or added to it, hides that.
    return kl_of(p, np.maximum(q, 1e-12))
    # An outcome that q calls impossible makes the divergence infinite: a small number in the place
    # of q's zero, or added to it, hides that.
    return kl_of(p, np.maximum(q, 1e-10))
    # An outcome that q calls impossible makes the divergence infinite: a small number in the place
    # of q's zero, or added to it, hides that.
    return kl_of(p, np.maximum(q, 1e-8))
    # Each row of numbers is a distribution: sum over the last axis, -1, however many there are.
    return np.sum(np.where(p > 0, p * (np.log(p) - np.log(q)), 0.0), axis=min(1, p.ndim - 1))
    # Each row of numbers is a distribution: sum over the last axis, not over the first.
    terms.sum(axis=-1) -> terms.sum(axis=0)
    # nan_to_num makes the infinity a finite number too: only 0 log 0 counts as 0.
    return np.sum(np.nan_to_num(p * np.log(p / q)), axis=-1)
    # The terms keep their signs: only their sum is never negative.
    terms.sum -> np.abs(terms).sum
    """,
    "js_divergence": """
    # Half of each divergence: JS is their mean, not their sum.
    m = (p + q) / 2
    return kl_of(p, m) + kl_of(q, m)
    # The mixture is half p and half q; p + q sums to two.
    return (kl_of(p, p + q) + kl_of(q, p + q)) / 2
    # This is the square root, the Jensen-Shannon distance; the divergence itself is asked for.
    m = (p + q) / 2
    return np.sqrt(np.maximum((kl_of(p, m) + kl_of(q, m)) / 2, 0.0))
    # Both divergences are to the mixture; this is the mean of KL(p || q) and KL(q || p), which may
    # be infinite.
    return (kl_of(p, q) + kl_of(q, p)) / 2
    # The arguments of both KLs are reversed: p and q are the truths, the mixture is what is
    # believed.
    m = (p + q) / 2
    return (kl_of(m, p) + kl_of(m, q)) / 2
    return kl_of(p, (p + q) / 2)  # Only p is compared to the mixture; q must be as well.
    # Logarithms are natural: the largest value is log 2, not 1.
    m = (p + q) / 2
    return (kl_of(p, m) + kl_of(q, m)) / (2 * np.log(2.0))
    # The mixture is not the geometric mean: it is (p + q) / 2.
    m = np.sqrt(p * q) / np.sum(np.sqrt(p * q), axis=-1, keepdims=True)
    return (kl_of(p, m) + kl_of(q, m)) / 2
    # 0 log 0 counts as 0: leave out the outcomes where p (or q) is 0, where NumPy gives NaN.
    m = (p + q) / 2
    return 0.5 * np.sum(p * np.log(p / m), axis=-1) + 0.5 * np.sum(q * np.log(q / m), axis=-1)
    # One number for each pair of distributions: sum over the last axis only.
    m = (p + q) / 2
    return np.sum(kl_of(p, m) + kl_of(q, m)) / 2
    # A probability of 0 stays 0: do not cut it off at a small number.
    p, q = np.maximum(p, 1e-4), np.maximum(q, 1e-4)
    m = (p + q) / 2
    return (kl_of(p, m) + kl_of(q, m)) / 2
    # A probability of 0 stays 0: nothing is added inside the logarithm.
    m = (p + q) / 2 + 1e-3
    return (kl_of(p, m) + kl_of(q, m)) / 2
    # SciPy's jensenshannon sums over the first axis unless it is told axis=-1, and its square is
    # wanted.
    from scipy.spatial.distance import jensenshannon
    return jensenshannon(p, q) ** 2
    """,
    "kl_normal": """
    # The sigmas are standard deviations: square them in the quotients.
    0.5 * (spread + shift) -> (0.5 * (sigma_p + (mu_p - mu_q) ** 2) / sigma_q)
    # The arguments are swapped: this is KL(q || p).
    sigma_p -> sigma_q (everywhere)
    sigma_q -> sigma_p (everywhere)
    # The sign of the logarithm is turned: it is log(sigma_q / sigma_p), large if q is wide.
    sigma_q / sigma_p -> 1 / (sigma_q / sigma_p)
    # The whole result has its sign turned: KL is never negative.
    return 0.5 - np.log(sigma_q / sigma_p) - 0.5 * (sigma_p**2 + (mu_p - mu_q) ** 2) / sigma_q**2
    # A constant is missing: a normal must be at distance 0 from itself.
    spread + shift -> spread + shift + 1
    # The logarithm of the variances needs the factor 1/2: log sigma is half of log sigma^2.
    sigma_q / sigma_p -> (sigma_q / sigma_p)**2
    # The distance of the means enters squared.
    0.5 * (spread + shift) -> (0.5 * (sigma_p ** 2 + np.abs(mu_p - mu_q)) / sigma_q ** 2)
    # The distance of the means is divided by the variance of q as well.
    mu_p - mu_q -> (mu_p - mu_q) * sigma
    mu_q -> mu_p (everywhere)  # The means are forgotten.
    # The entries are summed: the result is elementwise.
    np.log(sigma_q / sigma_p) + 0.5 * (spread + shift) - 0.5 ->
        np.sum(np.log(sigma_q / sigma_p) + 0.5 * (spread + shift) - 0.5)
    # The sigmas are standard deviations: square them in the quotients, and halve no logarithm.
    return (np.log(sigma_q / sigma_p) + (sigma_p + (mu_p - mu_q) ** 2) / sigma_q - 1) / 2
    # The distance of the means is measured in units of sigma_q, the width of q.
    (mu_p - mu_q) / sigma_q -> (mu_p - mu_q) / sigma_p
    # The quotient has a 2 below: (sigma_p² + (mu_p - mu_q)²) / (2 sigma_q²).
    0.5 * (spread + shift) -> (spread + shift)
    # Logarithms are natural: nats, not bits.
    return (
        np.log(sigma_q / sigma_p) + (sigma_p**2 + (mu_p - mu_q) ** 2) / (2 * sigma_q**2) - 0.5
    ) / np.log(2.0)
    # A sigma is never 0, and may be small: do not cut it off.
    p, q = np.maximum(sigma_p, 0.1), np.maximum(sigma_q, 0.1)
    return np.log(q / p) + (p**2 + (mu_p - mu_q) ** 2) / (2 * q**2) - 0.5
    # A sigma is never 0, and may be small: nothing is added to it.
    p, q = sigma_p + 1e-3, sigma_q + 1e-3
    return np.log(q / p) + (p**2 + (mu_p - mu_q) ** 2) / (2 * q**2) - 0.5
    # Square the difference of the means, not each by itself.
    mu_p = np.asarray(mu_p)
    shift = (mu_p**2 - mu_q**2) / (2 * sigma_q**2)
    return np.log(sigma_q / sigma_p) + sigma_p**2 / (2 * sigma_q**2) + shift - 0.5
    """,
}

VARIANTS = {
    "kl_divergence": """
    return np.sum(xlogy(p, p), axis=-1) - np.sum(xlogy(p, q), axis=-1)  # cross entropy less entropy
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
    # the sum is never negative but for rounding, which the tolerance allows
    np.maximum(terms.sum(axis=-1), 0.0) → terms.sum(axis=-1)
    """,
    "js_divergence": """
    (p, q) → (q, p)  # JS is the same in both directions
    # JS is the same in both directions
    _probability_pair(p, q, floor=TINY) → _probability_pair(q, p, floor=TINY)
    """,
}
