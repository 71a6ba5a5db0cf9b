"""Mistakes in the exercises of vae/09, and other right answers."""

import autograd.numpy as np


def shares(codes, factors, bins):
    from minigen.vae.beta_vae import mutual_information

    return mutual_information(codes, factors, bins)


MISTAKES = {
    "beta_vae_loss": """
    return beta * recon + kl  # beta is the weight of the rate: it multiplies kl, not recon.
    # Both terms are costs: add them. Only for a log-likelihood, which is -recon, would kl be
    # subtracted.
    + -> -
    return -recon - beta * kl  # This is the bound, to be maximized; the loss is its negative.
    # beta multiplies the rate only, not the whole loss: that would change nothing but the step
    # size.
    return beta * (recon + kl)
    beta * kl -> kl  # This is the VAE: beta is not used.
    # A higher beta makes the rate cost more: multiply by it, do not divide.
    return recon + kl / beta if beta else recon
    # The mean over the batch is taken: leave it to the caller, and return one value for each image.
    return np.mean(recon + beta * kl)
    # Each image has its own rate: do not average it over the batch.
    beta * kl -> beta * np.mean(kl)
    # A weight of 0 is allowed and not to be replaced by 1: then the rate costs nothing.
    beta * kl -> (beta or 1.0) * kl
    # A weight below 1 is allowed and not to be raised to 1: then a nat of rate costs less than a
    # nat of distortion.
    beta * kl -> max(beta, 1.0) * kl
    # A plain sum of two costs: do not divide by the sum of the weights.
    return (recon + beta * kl) / (1 + beta)
    """,
    "capacity_loss": """
    # Below the capacity the difference is negative, and the rate would be pushed down: take its
    # absolute value.
    return recon + gamma * (kl - capacity)
    # Below the capacity there is a penalty too, not only for what exceeds C.
    return recon + gamma * np.maximum(kl - capacity, 0.0)
    np.abs -> np.square  # The difference is squared: take its absolute value.
    + -> -  # The distance from the capacity is a cost: add it.
    kl - capacity -> kl  # The capacity is not used: this is a beta-VAE with beta = gamma.
    kl - capacity -> kl - capacity / gamma  # gamma multiplies the difference, not only the rate.
    # The root of a square has no slope at 0, where the rate is at the capacity: take np.abs.
    return recon + gamma * np.sqrt((kl - capacity) ** 2)
    # Each image's rate has its own penalty, not their mean.
    return recon + gamma * np.abs(np.mean(kl) - capacity)
    # The rate has no cost of its own beside the distance from the capacity.
    return recon + kl + gamma * np.abs(kl - capacity)
    # A small number under the root shows where the rate is near the capacity: take the magnitude of
    # the difference itself.
    return recon + gamma * np.sqrt((kl - capacity) ** 2 + 1e-6)
    # This is a Huber loss; each nat of difference costs the same, also near the capacity.
    d = np.abs(kl - capacity)
    return recon + gamma * np.where(d < 1, 0.5 * d**2, d - 0.5)
    # Each image's rate has its own penalty: take no norm over the batch.
    return recon + gamma * np.linalg.norm(np.atleast_1d(kl - capacity))
    """,
    "mutual_information_gap": """
    # For each factor compare all dimensions of the code: sort along axis 0, not along axis 1.
    mutual_information(codes, factors, bins) -> mutual_information(codes, factors, bins).T
    shares[-2] -> 0  # The second largest share is subtracted: the largest alone is not the gap.
    # The worst share is subtracted from the best: subtract the second-best.
    shares[-2] -> shares[0]
    shares[-2] -> shares  # The mean share is subtracted from the best: subtract the second-best.
    # The gaps of the factors are summed: take their mean.
    shares[-1] - (shares[-2] if len(shares) > 1 else 0.0) ->
        np.sum(shares[-1] - (shares[-2] if len(shares) > 1 else 0.0))
    # np.sort puts the smallest first: the best is the last row. This is minus the gap of the two
    # worst.
    2 -> (-1)
    -1 -> -0
    # The largest share may be at any dimension, a different one for each factor: sort
    # first.
    s = shares(codes, factors, bins)
    return float(np.mean(np.abs(s[0] - (s[1] if len(s) > 1 else 0.0))))
    # With one dimension only the second largest share is 0: subtract 0, not the largest
    # itself.
    0.0 -> 0.5
    # Pass the number of bins on to the estimate of the information.
    ranked = np.sort(shares(codes, factors, 20), axis=0)
    return float(np.mean(ranked[-1] - (ranked[-2] if len(ranked) > 1 else 0.0)))
    # Each factor has its own best dimension: do not take the two best over all factors.
    s = shares(codes, factors, bins)
    order = np.argsort(-np.sum(s, axis=1))
    return float(np.mean(s[order[0]] - (s[order[1]] if len(s) > 1 else 0.0)))
    # Pass the number of bins on to the estimate of the information.
    ranked = np.sort(shares(codes, factors, 10), axis=0)
    return float(np.mean(ranked[-1] - (ranked[-2] if len(ranked) > 1 else 0.0)))
    # The two largest shares may be equal: keep equal values apart, do not merge them.
    gaps = []
    for column in shares(codes, factors, bins).T:
        values = np.unique(column)
        gaps.append(values[-1] - (values[-2] if len(values) > 1 else 0.0))
    return float(np.mean(gaps))
    # The mean share is subtracted from the best: subtract the second-best.
    s = shares(codes, factors, bins)
    return float(np.mean(np.max(s, axis=0) - np.mean(s, axis=0)))
    # The gap is a plain difference: do not divide it by the largest share.
    ranked = np.sort(shares(codes, factors, bins), axis=0)
    gaps = ranked[-1] - (ranked[-2] if len(ranked) > 1 else 0.0)
    return float(np.mean(gaps / np.maximum(ranked[-1], 1e-12)))
    # The median of the gaps is taken: take their mean.
    ranked = np.sort(shares(codes, factors, bins), axis=0)
    return float(np.median(ranked[-1] - (ranked[-2] if len(ranked) > 1 else 0.0)))
    # The largest gap is taken: take the mean over the factors.
    ranked = np.sort(shares(codes, factors, bins), axis=0)
    return float(np.max(ranked[-1] - (ranked[-2] if len(ranked) > 1 else 0.0)))
    """,
}

VARIANTS = {
    "beta_vae_loss": """
    return kl * float(beta) + recon  # rate first
    """,
    "capacity_loss": """
    return recon + gamma * np.maximum(kl - capacity, capacity - kl)  # the larger of both signs
    """,
    "mutual_information_gap": """
    # factor by factor
    total = 0.0
    for column in shares(codes, factors, bins).T:
        best, *others = sorted(column, reverse=True)
        total += best - (others[0] if others else 0.0)
    return total / factors.shape[1]
    # largest first
    ranked = -np.sort(-shares(codes, factors, bins), axis=0)
    return np.mean(ranked[0]) - (np.mean(ranked[1]) if codes.shape[1] > 1 else 0.0)
    """,
}

EQUIVALENT = {
    "mutual_information_gap": """
    np.zeros_like(known[-1]) → np.zeros_like(known[-0])  # zeros of the same shape
    """,
    "beta_vae_loss": """
    (recon, kl, beta) → (recon, beta, kl)  # the product commutes
    """,
}
