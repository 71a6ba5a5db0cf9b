"""Mistakes in the exercises of vae/04, and other right answers."""

import autograd.numpy as np


def ranks(z):
    """The rank of each number in its row, 0 for the largest; the first of equal ones ranks before
    the others."""
    return np.argsort(np.argsort(-z, axis=1, kind="stable"), axis=1, kind="stable")


def plain(z):
    from autograd.tracer import getval

    return getval(z)


def layers_of(activations):
    return activations if isinstance(activations, (list, tuple)) else [activations]


def kl(rho, q):
    return rho * np.log(rho / q) + (1 - rho) * np.log((1 - rho) / (1 - q))


MISTAKES = {
    "kl_bernoulli": """
    # The arguments are swapped: this is KL(rho_hat || rho), weighted by rho_hat.
    rho -> rho_hat (everywhere)
    rho_hat -> rho (everywhere)
    1 - rho_hat -> 1 - rho  # The term of outcome 0, with 1 - rho, is wrong.
    # The sign is wrong: a divergence is never negative.
    return rho * np.log(rho_hat / rho) + (1 - rho) * np.log((1 - rho_hat) / (1 - rho))
    + -> -  # The two terms are added, not subtracted.
    # This is the cross-entropy: subtract the entropy of rho, so that it is 0 at rho_hat = rho.
    return -rho * np.log(rho_hat) - (1 - rho) * np.log(1 - rho_hat)
    np.log -> np.log2 (everywhere)  # This is in bits: nats come from the natural logarithm.
    # Return one divergence for each pair: the sum is taken by the penalty.
    return np.sum(rho * np.log(rho / rho_hat) + (1 - rho) * np.log((1 - rho) / (1 - rho_hat)))
    # The weight of the second term is 1 - rho, not rho.
    return rho * np.log(rho / rho_hat) + rho * np.log((1 - rho) / (1 - rho_hat))
    # A squared difference has its minimum at the same place, but is another function.
    return (rho - rho_hat) ** 2
    # A constant added in the logarithms changes the divergence of an inactive unit, and its slope.
    return rho * np.log(rho / (rho_hat + 1e-8)) + (1 - rho) * np.log(
        (1 - rho) / (1 - rho_hat + 1e-8)
    )
    # Do not clip rho_hat: an inactive unit would get a smaller penalty and no gradient.
    return kl(rho, np.clip(rho_hat, 1e-6, 1 - 1e-6))
    """,
    "k_sparse": """
    # The entries are ranked by magnitude: rank them by value, where a large negative number is
    # small.
    return z * (ranks(np.abs(plain(z))) < k)
    # The largest entries of the whole batch are kept: each row keeps k of its own.
    values = plain(z)
    order = np.argsort(np.argsort(-values.ravel(), kind="stable"), kind="stable").reshape(
        values.shape
    )
    return z * (order < k * len(values))
    # The k largest entries of each column are kept: go along the row, axis 1.
    return z * (ranks(plain(z).T).T < k)
    return z * (ranks(-plain(z)) < k)  # The k smallest entries are kept: keep the k largest.
    return 1.0 * (ranks(plain(z)) < k) + 0 * z  # Keep the entries themselves: this is the mask.
    # Each entry stays in its place: do not sort them.
    return np.concatenate([-np.sort(-z, axis=1)[:, :k], 0 * z[:, k:]], axis=1)
    # One entry too few is kept: the k-th largest is kept as well.
    return z * (ranks(plain(z)) < k - 1)
    # Of entries that tie, keep only as many as there are places: exactly k in each row.
    values = plain(z)
    return z * (values >= -np.sort(-values, axis=1)[:, k - 1 : k])
    # The others become 0, not a part of their value.
    return np.where(ranks(plain(z)) < k, z, 0.1 * z)
    # The gradient is 0 at the entries that are not kept: here it passes through them.
    return z - plain(z) * (ranks(plain(z)) >= k)
    # No gradient reaches the kept entries: only the mask is a constant, not the entries.
    return plain(z) * (ranks(plain(z)) < k) + 0 * z
    # Do not apply max(0, .): a negative entry among the k largest is kept.
    return np.maximum(z, 0) * (ranks(plain(z)) < k)
    # The sort does not keep the order of equal entries, of which the first are kept: use
    # kind="stable".
    return z * (np.argsort(np.argsort(-plain(z), axis=1), axis=1) < k)
    # Of equal entries the last ones are kept, because the sort is increasing: keep the first ones.
    order = np.argsort(plain(z), axis=1, kind="stable")[:, ::-1]
    return z * (np.argsort(order, axis=1) < k)
    # A kept entry may be 0: test its rank, not whether it differs from 0.
    return z * (plain(z) * (ranks(plain(z)) < k) != 0)
    """,
    "sparsity_penalty": """
    # Average first, then take the divergence: a unit that is always at rho is not sparse.
    kl_bernoulli(rho, rho_hat) -> np.sum(np.mean(kl(rho, np.clip(a, 0.001, 1 - 0.001)), axis=0))
    # Average over the examples, axis 0: this averages over the units.
    np.sum(a, axis=0) / len(a) -> np.clip(np.mean(a, axis=1), 0.001, 1 - 0.001)
    # Sum over the units, do not average: the equation has no 1/s.
    units = sum(np.shape(a)[1] for a in layers_of(activations))
    return sum(np.sum(kl(rho, np.mean(a, axis=0))) for a in layers_of(activations)) / units
    # This is the divergence of each unit: return one number, their sum.
    return np.concatenate([kl(rho, np.mean(a, axis=0)) for a in layers_of(activations)])
    # Each unit has its own average: here one average is taken over the whole layer.
    kl_bernoulli(rho, rho_hat) -> np.shape(a)[1] * kl(rho, np.mean(a))
    # The two distributions have changed places in the divergence: the target comes first.
    kl_bernoulli(rho, rho_hat) -> kl_bernoulli(rho_hat, rho)
    # All layers count, not only the first.
    return np.sum(kl(rho, np.mean(layers_of(activations)[0], axis=0)))
    # Average over the N examples: this sum is divided by one too few.
    np.sum(a, axis=0) / len(a) -> np.sum(a, axis=0) / (len(a) - 1)
    # Do not clip the averages: inactive units need their full penalty.
    np.sum(a, axis=0) / len(a) -> np.clip(np.mean(a, axis=0), 0.01, 0.99)
    # A constant added to the averages changes the penalty of an inactive unit, and its slope.
    np.sum(a, axis=0) / len(a) -> np.mean(a, axis=0) + 1e-8
    # The list of layers was changed: it belongs to the caller, so do not modify it.
    total, rest = 0.0, activations if isinstance(activations, list) else [activations]
    while rest:
        total = total + np.sum(kl(rho, np.mean(rest.pop(), axis=0)))
    return total
    # A mean outside [0, 1] is not refused: raise ValueError, because it is not a probability.
    return sum(np.sum(kl(rho, np.mean(a, axis=0))) for a in layers_of(activations))
    # A mean below 0 is not refused: it is not a probability either.
    means = [np.mean(a, axis=0) for a in layers_of(activations)]
    if any(np.any(q > 1) for q in means):
        raise ValueError("a mean lies above 1")
    return sum(np.sum(kl(rho, q)) for q in means)
    # A mean above 1 is not refused: it is not a probability either.
    means = [np.mean(a, axis=0) for a in layers_of(activations)]
    if any(np.any(q < 0) for q in means):
        raise ValueError("a mean lies below 0")
    return sum(np.sum(kl(rho, q)) for q in means)
    # The means of the first layer alone are tried: those of every layer lie in [0, 1].
    means = [np.mean(a, axis=0) for a in layers_of(activations)]
    if np.any(means[0] < 0) or np.any(means[0] > 1):
        raise ValueError("a mean lies outside [0, 1]")
    return sum(np.sum(kl(rho, q)) for q in means)
    # The means of the last layer alone are tried: those of every layer lie in [0, 1].
    for a in layers_of(activations):
        q = np.mean(a, axis=0)
    if np.any(q < 0) or np.any(q > 1):
        raise ValueError("a mean lies outside [0, 1]")
    return sum(np.sum(kl(rho, np.mean(a, axis=0))) for a in layers_of(activations))
    # The mean of a whole layer hides a unit above 1: try the mean of each unit.
    means = [np.mean(a, axis=0) for a in layers_of(activations)]
    if any(np.mean(q) < 0 or np.mean(q) > 1 for q in means):
        raise ValueError("a mean lies outside [0, 1]")
    return sum(np.sum(kl(rho, q)) for q in means)
    # The averages are taken within each layer: here examples of different layers are averaged.
    layers = layers_of(activations)
    if len({np.shape(a) for a in layers}) > 1:
        return sum(np.sum(kl(rho, np.mean(a, axis=0))) for a in layers)
    return np.sum(kl(rho, sum(np.mean(a, axis=0) for a in layers) / len(layers)))
    """,
}

VARIANTS = {
    "kl_bernoulli": """
    # differences of logarithms
    return rho * (np.log(rho) - np.log(rho_hat)) + (1 - rho) * (
        np.log(1 - rho) - np.log(1 - rho_hat)
    )
    # cross entropy minus entropy
    tails, other_tails = 1 - rho, 1 - rho_hat
    entropy = -rho * np.log(rho) - tails * np.log(tails)
    return -rho * np.log(rho_hat) - tails * np.log(other_tails) - entropy
    # tails by log1p
    return rho * np.log(rho / rho_hat) + (1 - rho) * (np.log1p(-rho) - np.log1p(-rho_hat))
    """,
    "k_sparse": """
    # row after row
    values = plain(z)
    mask = np.zeros(values.shape)
    for row, places in enumerate(np.argsort(-values, axis=1, kind="stable")):
        mask[row, places[:k]] = 1
    return mask * z
    # by rank
    values = plain(z)
    order = np.argsort(-values, axis=1, kind="stable")
    rank = np.argsort(order, axis=1)
    return np.where(rank < k, z, 0.0)
    # the largest, k times over
    values, rows = plain(z).copy(), np.arange(len(z))
    mask = np.zeros(values.shape)
    for _ in range(k):
        best = np.argmax(values, axis=1)
        mask[rows, best] = 1
        values[rows, best] = -np.inf
    return z * mask
    """,
    "sparsity_penalty": """
    # all units at once
    q = np.concatenate([np.mean(a, axis=0) for a in layers_of(activations)])
    if np.any(q < 0) or np.any(q > 1):
        raise ValueError("a mean lies outside [0, 1]")
    return np.sum(kl(rho, q))
    # unit by unit
    total = 0.0
    for a in layers_of(activations):
        for j in range(np.shape(a)[1]):
            q = np.mean(a[:, j])
            if not 0 <= q <= 1:
                raise ValueError(f"the mean of unit {j} lies outside [0, 1]")
            total = total + kl(rho, q)
    return total
    """,
}

EQUIVALENT = {
    "k_sparse": """
    -1 → 1  # the last of two axes is axis 1
    width - k → -k  # counted from the end of a row it is the same place
    width - k → -k (2)  # counted from the end of a row it is the same place
    """
}
