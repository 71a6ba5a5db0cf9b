"""Mistakes in the exercises of vae/11, and other correct answers."""


def _terms(model, x2, b1, b2, gap, z1, z2, smoothing):
    return (
        model.p_D(z2).log_prob(x2),
        model.p_B(b1).log_prob(z1),
        model.p_T(z1, gap).log_prob(z2),
        model.p_B(b2).log_prob(z2),
        smoothing.log_prob(z1),
    )


MISTAKES = {
    "td_vae_loss": """
    -np.mean(bound) -> np.mean(bound)  # J is maximized: the loss is its negative.
    np.mean -> np.sum  # This is the sum over the sequences: take their mean.
    # Here log p_B(z_t2 | b_t2) is added. z_t2 was sampled from it, so it is a part of log q and is
    # subtracted.
    belief2.log_prob(z2) -> (-belief2.log_prob(z2))
    # Here log p_S is added. z_t1 was sampled from it, so it is a part of log q and is subtracted.
    smoothing.log_prob(z1) -> (-smoothing.log_prob(z1))
    # The belief at t1 is a part of the model p: its term is added.
    belief1.log_prob(z1) -> (-belief1.log_prob(z1))
    # The transition is a part of the model p: its term is added.
    model.p_T(z1, gap).log_prob(z2) -> (-model.p_T(z1, gap).log_prob(z2))
    # The belief at t1 is missing: its term trains the belief to predict.
    belief1.log_prob(z1) -> 0
    # The transition is missing: add log p_T(z_t2 | z_t1).
    model.p_T(z1, gap).log_prob(z2) -> 0
    # The observation at t2 is missing: add log p_D(x_t2 | z_t2).
    model.p_D(z2).log_prob(x2) -> 0
    # log p_B(z_t2 | b_t2) is missing: z_t2 was sampled from it, so it is subtracted.
    belief2.log_prob(z2) -> 0
    # log p_S(z_t1 | z_t2, b_t1, b_t2) is missing: z_t1 was sampled from it, so it is subtracted.
    smoothing.log_prob(z1) -> 0
    # The two terms of log q are missing: subtract the densities that the states were sampled from.
    bound - belief2.log_prob(z2) - smoothing.log_prob(z1) -> bound
    # Sample the states backward in time: first z_t2 from p_B(b2), then z_t1 from p_S. Here z_t1 is
    # sampled from p_B(b1) and z_t2 from p_T, as in a prediction.
    (x2, b1, b2), gap = model.at(x, t1, t2)
    z1 = model.p_B(b1).sample(eps1)
    z2 = model.p_T(z1, gap).sample(eps2)
    d, b1, t, b2, s = _terms(model, x2, b1, b2, gap, z1, z2, model.p_S(z2, b1, b2, gap))
    return -np.mean(d + b1 + t - b2 - s)
    # Sample z_t1 from p_S, which depends on z_t2, not from the belief at t1.
    smoothing.sample -> belief1.sample
    # p_S takes the sample z_t2, not the mean of the belief at t2.
    (x2, b1, b2), gap = model.at(x, t1, t2)
    z2, mean = model.p_B(b2).sample(eps2), model.p_B(b2).sample(0 * eps2)
    smoothing = model.p_S(mean, b1, b2, gap)
    d, b1, t, b2, s = _terms(model, x2, b1, b2, gap, smoothing.sample(eps1), z2, smoothing)
    return -np.mean(d + b1 + t - b2 - s)
    # The beliefs in p_S are swapped: b1 comes first.
    model.p_S(z2, b1, b2, gap) -> model.p_S(z2, b2, b1, gap)
    # eps2 is the noise of z_t2 and eps1 that of z_t1: here they are swapped.
    eps1 -> eps2
    eps2 -> eps1
    # The transition goes forward in time: its input is z_t1, and it gives the density of z_t2.
    model.p_T(z1, gap).log_prob(z2) -> model.p_T(z2, gap).log_prob(z1)
    # The observation at t2 depends on the state at t2: decode z_t2.
    model.p_D(z2).log_prob(x2) -> model.p_D(z1).log_prob(x2)
    # Each state has the density of the belief at its own time: z_t1 p_B(b1), z_t2 p_B(b2).
    (x2, b1, b2), gap = model.at(x, t1, t2)
    z2 = model.p_B(b2).sample(eps2)
    smoothing = model.p_S(z2, b1, b2, gap)
    z1 = smoothing.sample(eps1)
    d, b1, t, b2, s = _terms(model, x2, b2, b1, gap, z1, z2, smoothing)
    return -np.mean(d + b1 + t - b2 - s)
    """
}

VARIANTS = {
    "td_vae_loss": """
    # grouped as a reconstruction and two log ratios, one for each state
    (seen, before, after), gap = model.at(x, t1, t2)
    now = model.p_B(after)
    late = now.sample(eps2)
    then = model.p_S(late, before, after, gap)
    early = then.sample(eps1)
    ratio_of_early = then.log_prob(early) - model.p_B(before).log_prob(early)
    ratio_of_late = now.log_prob(late) - model.p_T(early, gap).log_prob(late)
    return np.mean(ratio_of_early + ratio_of_late - model.p_D(late).log_prob(seen))
    """
}
