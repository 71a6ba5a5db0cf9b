"""Mistakes in the exercises of vae/11, and other right answers."""


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
    -np.mean(bound) -> np.mean(bound)  # J is to be made large; what is minimized is its negative.
    np.mean -> np.sum  # This is the sum over the sequences: take their mean.
    # The density that z_t2 was drawn from is added: log p_B(z_t2 | b_t2) is subtracted, as log q is
    # in every such bound.
    belief2.log_prob(z2) -> (-belief2.log_prob(z2))
    # The density that z_t1 was drawn from is added: log p_S is subtracted, as log q is in every
    # such bound.
    smoothing.log_prob(z1) -> (-smoothing.log_prob(z1))
    # The belief at t1 is where the model would start: its term is added.
    belief1.log_prob(z1) -> (-belief1.log_prob(z1))
    # The transition is part of the model's story: its term is added.
    model.p_T(z1, gap).log_prob(z2) -> (-model.p_T(z1, gap).log_prob(z2))
    # The belief at t1 is missing: without it nothing teaches the past to foresee the future.
    belief1.log_prob(z1) -> 0
    # The transition is missing: how z_t2 follows from z_t1 is what the model is to learn.
    model.p_T(z1, gap).log_prob(z2) -> 0
    # What is seen at t2 is missing: log p_D(x_t2 | z_t2) is the reconstruction.
    model.p_D(z2).log_prob(x2) -> 0
    # log p_B(z_t2 | b_t2) is missing: the density that z_t2 was drawn from is subtracted.
    belief2.log_prob(z2) -> 0
    # log p_S(z_t1 | z_t2, b_t1, b_t2) is missing: z_t1 was drawn from it, so it is subtracted.
    smoothing.log_prob(z1) -> 0
    # The two densities that the states were drawn from are missing: the log q of the bound.
    bound - belief2.log_prob(z2) - smoothing.log_prob(z1) -> bound
    # The states are inferred backwards in time: z_t2 from p_B(b2) first, then z_t1 from p_S. You
    # drew z_t1 from p_B(b1) and z_t2 from p_T, as a prediction does.
    (x2, b1, b2), gap = model.at(x, t1, t2)
    z1 = model.p_B(b1).sample(eps1)
    z2 = model.p_T(z1, gap).sample(eps2)
    d, b1, t, b2, s = _terms(model, x2, b1, b2, gap, z1, z2, model.p_S(z2, b1, b2, gap))
    return -np.mean(d + b1 + t - b2 - s)
    # z_t1 has to be a state from which z_t2 could have come: draw it from p_S, not from the belief
    # at t1.
    smoothing.sample -> belief1.sample
    # p_S needs the z_t2 that was drawn, not the mean of the belief it was drawn from.
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
    # The transition leads forward in time: p_T takes z_t1 and scores z_t2.
    model.p_T(z1, gap).log_prob(z2) -> model.p_T(z2, gap).log_prob(z1)
    # What is seen at t2 comes from the state at t2: decode z_t2.
    model.p_D(z2).log_prob(x2) -> model.p_D(z1).log_prob(x2)
    # Each state is scored by the belief of its own time: z_t1 by p_B(b1), z_t2 by p_B(b2).
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
